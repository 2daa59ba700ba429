"""verify: is a lock true, and is it still?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ... import environment
from ..._util.progress import Progress
from ...environment import Surroundings
from ...errors import InputError, Problem
from ...index.client import Indexes
from ...network import Fetcher
from ...storage import Facts
from ..context import site_of
from ..lock_source import LockInput
from ..session import Session, SessionOptions, open_lock, open_session
from .depends import check_depends
from .drift import Drift
from .lock_reader import Lock, read_lock
from .online import EntryReport, Places
from .static import check_static
from .unreachable import CircuitBreaker, UnreachableHosts
from .wheels import Wheels, check_imports

#: Problems of these codes are advice: they do not make a lock wrong.
ADVICE = frozenset(
    {
        "archived",
        "deprecated",
        "import-collision",
        "imports-empty",
        "incomplete",
        "no-ranges",
        "not-portable",
        "unlisted",
        "weak-record",
        "wheel-record-wrong",
        "yanked",
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verify found, and what it cost. ``packages`` counts the entries of the lock."""

    problems: tuple[Problem, ...]
    packages: int
    requests: int = 0
    bytes: int = 0


async def verify(
    lockfile: LockInput,
    *,
    deep: bool = False,
    path: str | Path | Sequence[str | Path] | None = None,
    online: bool = True,
    index_urls: str | Sequence[str] | None = None,
    offline: bool = False,
    refresh: bool = False,
    fetcher: Fetcher | None = None,
    facts: Facts | None = None,
    progress: Progress | None = None,
    surroundings: Surroundings | None = None,
) -> tuple[Problem, ...]:
    """All problems of a lock; none: it is true, and loads what it says.

    The same call inside Pyodide and on the host. What the lock says of itself is always checked.
    Online, every file is looked up on the indexes, its hash compared, and ``depends`` with the
    METADATA there; no wheel is downloaded. Problems whose code is in ``ADVICE`` do not make a lock
    wrong. docs/reference/problem-codes.md has the codes.

    * ``lockfile``: a `Lockfile`, a parsed object, the text of one (what micropip.freeze() returns)
      or a file.
    * ``deep``: download every wheel to compare its hash, its members and its METADATA; nothing is
      kept.
    * ``path``: site-packages folders; what is installed there is compared with the lock, too.
    * ``online=False``, ``offline``: make no request.
    * ``index_urls``: simple repository API roots. None: as pip and uv, or inside Pyodide micropip,
      are configured.
    * ``refresh``: request even what is cached; ``fetcher``: makes the requests (stays open);
      ``facts``: remembers what cannot change; ``progress``: is called as (done, total, package).
    * ``surroundings``: an environment to compare with, and whose indexes to search.

    Raises `InputError` for a lock that is missing, unreadable or no JSON object, and for folders
    and settings that cannot be used; never for a lock that is merely wrong.
    """
    options = SessionOptions(
        offline=offline or not online,
        refresh=refresh,
        fetcher=fetcher,
        facts=facts,
        progress=progress,
    )
    verdict = await examine(
        lockfile,
        options,
        deep=deep,
        path=path,
        index_urls=index_urls,
        surroundings=surroundings,
    )
    return verdict.problems


async def examine(
    lockfile: LockInput,
    options: SessionOptions,
    *,
    deep: bool = False,
    path: str | Path | Sequence[str | Path] | None = None,
    index_urls: str | Sequence[str] | None = None,
    surroundings: Surroundings | None = None,
) -> Verdict:
    """`verify`, with what it cost."""
    if deep and options.offline:
        raise InputError(
            "A deep check downloads every wheel, which needs the network. Leave out deep, or "
            "offline."
        )
    source = await open_lock(lockfile, options)
    lock = read_lock(source)
    lock.problems.extend(
        check_static(lock, surroundings.page_origin if surroundings is not None else None)
    )
    paths = (
        _folders(path)
        if path is not None
        else surroundings.paths
        if surroundings is not None
        else ()
    )
    base = surroundings.base if surroundings is not None else None
    site = site_of(path, surroundings.loaded if surroundings is not None else None)
    drift = Drift(paths, lock.entries, base, site) if paths else None
    if options.offline:
        problems = [
            *lock.problems,
            *_empty_imports(lock, {}),
            *(drift.on_disk({}) if drift else ()),
        ]
        return Verdict(_sorted(problems), len(lock.entries))
    async with open_session(options) as session:
        task = _Examination(session, lock, drift, CircuitBreaker(session.fetcher), deep)
        problems = await task.run(_indexes(lock, surroundings, index_urls))
        return session.costed(Verdict(_sorted(problems), len(lock.entries)))


def _sorted(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(
        sorted(dict.fromkeys(problems), key=lambda item: (item.package, item.code, item.message))
    )


def _folders(path: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    folders = tuple(map(Path, [path] if isinstance(path, str | Path) else path))
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"The folder {folder} does not exist.")
    return folders


def _indexes(
    lock: Lock, detected: Surroundings | None, index_urls: str | Sequence[str] | None
) -> Indexes:
    """The indexes to search, as `freeze` finds them.

    Their configuration is read only when it is needed.
    """
    if index_urls is not None:
        return Indexes((index_urls,) if isinstance(index_urls, str) else tuple(index_urls))
    if not any(entry.url for entry in lock.entries.values()):
        return Indexes(())
    # In a live runtime nothing is known while micropip has not been imported.
    if detected is None or (detected.loaded is not None and not detected.index_urls):
        return Indexes(*environment.configured_indexes())
    return Indexes(detected.index_urls, detected.find_links)


def _empty_imports(lock: Lock, reports: Mapping[str, EntryReport]) -> Iterator[Problem]:
    """The entries that claim no import name, where no wheel was read to check that."""
    for key, entry in lock.entries.items():
        report = reports.get(key)
        is_settled = report is not None and (report.is_base or report.modules is not None)
        if entry.is_wheel and entry.imports == () and not is_settled:
            yield entry.problem(
                "imports-empty",
                "it claims no import names, so importing its modules, if it has any, does not "
                "load it.",
                "Let verify look into the wheel (online, or --deep), or freeze again.",
                entry.url,
            )


@dataclass(slots=True)
class _Examination:
    """One lock, online."""

    session: Session
    lock: Lock
    drift: Drift | None
    fetcher: CircuitBreaker
    deep: bool

    async def run(self, indexes: Indexes) -> list[Problem]:
        facts = self.session.known_facts
        unreachable = UnreachableHosts()
        reports = {
            key: EntryReport(entry)
            for key, entry in self.lock.entries.items()
            if entry.url is not None
        }
        await indexes.open(self.fetcher)
        places = Places(indexes, self.fetcher, unreachable)
        wheels = Wheels(self.fetcher, facts, unreachable)
        await places.open([report.entry for report in reports.values()])
        done = 0

        async def find(report: EntryReport) -> None:
            nonlocal done
            await places.find(report, knock=not self.deep)
            await wheels.read(report, deep=self.deep)
            if self.deep and report.entry.is_plain:
                await wheels.download(report)
            done += 1
            self.session.step(done, len(reports), report.entry.key)

        await self.fetcher.gather([find(report) for report in reports.values()])
        problems = list(self.lock.problems)
        if self.drift is not None:
            problems += await self.drift.contents(
                reports, self.fetcher, facts, unreachable, download=self.deep
            )
            problems += self.drift.on_disk(reports)
        if self.lock.target is not None:
            problems += check_depends(reports.values(), self.lock.entries, self.lock.target)
        problems += check_imports(reports.values(), self.lock.entries)
        problems += _empty_imports(self.lock, reports)
        for report in reports.values():
            problems += report.problems
        return [*problems, *unreachable.problems()]
