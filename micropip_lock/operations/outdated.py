"""`outdated`: what of a lock could be newer, and what its authors have withdrawn since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from .._util.progress import Progress
from .._util.url import shown, without_credentials
from ..environment import Surroundings
from ..errors import FetchError, Problem
from ..formats.lockfile import LockedPackage, Lockfile
from ..formats.target import Target
from ..index.client import Indexes, Listing
from ..index.unanswered import unanswered
from ..network import Fetcher
from ..storage import Facts
from .context import ContextOptions
from .lock_source import LockInput
from .resolve.project import Choice, Project
from .retarget.roots import is_pyodides, is_wheel
from .session import Session, SessionOptions, open_lock, open_session

#: PEP 792, the gravest first.
_STATUSES = ("quarantined", "archived", "deprecated")

_UNANSWERED = {
    "unreachable": "Try again later.",
    "not-allowed": "Check the credentials for that index.",
}


@dataclass(frozen=True, slots=True)
class News:
    """What an index says of one package of a lock."""

    package: str
    version: str
    #: The newest version with a wheel for the lock's Pyodide, if that is a newer one.
    newer: str | None = None
    #: The newest of all, if that is a newer one, and why it has no such wheel.
    newest: str | None = None
    reason: str = ""
    #: PEP 592: None when the locked version was not yanked, else the reason, which may be empty.
    yanked: str | None = None
    #: PEP 792: ``active``, ``archived``, ``deprecated`` or ``quarantined``, and why.
    status: str = "active"
    status_reason: str = ""
    #: Pyodide's own distribution has it: another Pyodide has another version.
    base: bool = False
    index: str | None = None

    @property
    def withdrawn(self) -> bool:
        """Whether its authors or the index warn of it."""
        return self.yanked is not None or self.status != "active"

    def to_json(self) -> dict[str, str | bool | None]:
        """The news as a JSON object."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Outdated:
    """``news``: packages that are withdrawn or have a newer version, the withdrawn ones first.

    ``problems``: packages for which no index answered. ``unlisted`` are packages that no index
    knows, ``unasked`` parts of Pyodide that no index can have; ``packages`` is the number of
    examined packages.
    """

    news: tuple[News, ...]
    packages: int
    unlisted: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    requests: int = 0
    bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        """The whole as a JSON object."""
        return {
            "packages": [item.to_json() for item in self.news],
            "unlisted": list(self.unlisted),
            "unasked": list(self.unasked),
            "problems": [problem.to_json() for problem in self.problems],
            "totals": {"packages": self.packages, "requests": self.requests, "bytes": self.bytes},
        }


async def outdated(
    lockfile: LockInput,
    *,
    index_urls: str | Sequence[str] | None = None,
    pre: bool = False,
    offline: bool = False,
    refresh: bool = False,
    fetcher: Fetcher | None = None,
    facts: Facts | None = None,
    progress: Progress | None = None,
    surroundings: Surroundings | None = None,
) -> Outdated:
    """Packages of a lock with newer versions, and those yanked, archived or quarantined since.

    A newer version counts when it has a wheel for the Pyodide of the lock. Pre-releases count with
    ``pre``, and for packages that are locked at one. One page of the first index that knows a
    project is read, nothing else.

    * ``lockfile``: a `Lockfile`, a parsed object, the text of one, a file, a folder or a URL.
    * ``index_urls``: simple repository API roots. None: as pip and uv, or inside Pyodide micropip,
      are configured.
    * ``offline``: send no request; ``refresh``: request even what is cached.
    * ``fetcher``, ``facts``, ``progress``, ``surroundings``: as in `resolve`.

    Raises `InputError` for what is missing, unreadable or no lock of a Pyodide.
    """
    options = SessionOptions(
        offline=offline, refresh=refresh, fetcher=fetcher, facts=facts, progress=progress
    )
    source = await open_lock(lockfile, options)
    lock = source.strict()
    Target.from_info(lock.info)  # a lock of what is no Pyodide has no wheels to compare
    # The lock replaces a base, which `outdated` does not need.
    context = ContextOptions(
        with_folders=False, base=lock, index_urls=index_urls, surroundings=surroundings
    )
    async with open_session(options, context) as session:
        indexes = session.context.indexes()
        await indexes.open(session.fetcher)
        query = _Query(session, lock, indexes, pre=pre)
        return session.costed(await query.run())


def _order(news: News) -> tuple[bool, bool, int, bool, str]:
    grave = _STATUSES.index(news.status) if news.status in _STATUSES else len(_STATUSES)
    return not news.withdrawn, news.yanked is None, grave, news.base, news.package


class _Query:
    """Requests the pages of every package of a lock that an index can have."""

    def __init__(self, session: Session, lock: Lockfile, indexes: Indexes, *, pre: bool) -> None:
        self._session = session
        self._lock = lock
        self._target = session.target
        self._indexes = indexes
        self._pre = pre
        self._done = 0
        self._versions = {name: _version(entry) for name, entry in lock.packages.items()}
        self._names = sorted(
            name for name, version in self._versions.items() if version is not None
        )

    async def run(self) -> Outdated:
        """What the indexes say of all packages."""
        found = await self._session.fetcher.gather([self._one(name) for name in self._names])
        news = [item for item in found if isinstance(item, News)]
        return Outdated(
            news=tuple(sorted(news, key=_order)),
            packages=len(self._lock.packages),
            unlisted=tuple(item for item in found if isinstance(item, str)),
            unasked=tuple(sorted(self._lock.packages.keys() - self._names)),
            problems=tuple(item for item in found if isinstance(item, Problem)),
        )

    async def _one(self, name: str) -> News | Problem | str | None:
        """The news of a package; its name alone where no index knows it."""
        entry = self._lock.packages[name]
        version = self._versions[name]
        assert version is not None
        try:
            listing = await self._indexes.preferred(name, self._session.fetcher)
        except FetchError as error:
            return unanswered(error, name, entry.version, _UNANSWERED)
        finally:
            self._done += 1
            self._session.step(self._done, len(self._names), name)
        if not listing.known and not any(page.versions(name) for _, page in listing.pages):
            return name
        news = self._news(name, entry, version, listing)
        return news if news.newest or news.withdrawn else None

    def _news(self, name: str, entry: LockedPackage, version: Version, listing: Listing) -> News:
        project = Project(name, self._target, None, listing)
        counted = [
            item
            for item in project.versions
            if item > version and (self._pre or version.is_prerelease or not item.is_prerelease)
        ]
        newer = next((item for item in counted if isinstance(project.judge(item), Choice)), None)
        newest = next((item for item in counted if not _is_yanked(listing, name, item)), None)
        judged = None if newest is None or newest == newer else project.judge(newest)
        status = next((page for _, page in listing.pages if page.status != "active"), None)
        return News(
            name,
            entry.version,
            newer=None if newer is None else str(newer),
            newest=None if newest is None else str(newest),
            reason="" if judged is None or isinstance(judged, Choice) else judged.reason,
            yanked=_yanked(listing, name, entry, version),
            status="active" if status is None else status.status,
            status_reason="" if status is None else status.status_reason,
            base=is_pyodides(entry),
            index=next((index for index, _ in listing.pages), None),
        )


def _version(entry: LockedPackage) -> Version | None:
    """Its version, if an index can have it: no shared library, no part of the standard library."""
    if not is_wheel(entry):
        return None
    try:
        return Version(entry.version)
    except ValueError:
        return None


def _is_yanked(listing: Listing, name: str, version: Version) -> bool:
    return all(offer.file.yanked is not None for offer in listing.offers(name, {version}))


def _yanked(listing: Listing, name: str, entry: LockedPackage, version: Version) -> str | None:
    """Why the locked file was yanked; for a file that is not the index's, why its version was."""
    offers = listing.offers(name, {version})
    url = shown(without_credentials(entry.file_name))
    own = [offer for offer in offers if shown(offer.file.url) == url]
    reasons = [offer.file.yanked for offer in own or offers]
    # A version is as good as its best file.
    return None if not reasons or None in reasons else next(filter(None, reasons), "")
