"""`check`: does what is installed, or what a lock names, go together?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..._util.progress import Progress
from ..._util.text import sentence
from ...environment import Surroundings
from ...errors import UNANSWERED, FetchError, GoneError, InputError, IntegrityError, Problem
from ...formats.core_metadata import CoreMetadata
from ...formats.lockfile import LockedPackage, Lockfile
from ...formats.project_page import IndexFile, single_file_page
from ...formats.target import Target
from ...formats.wheel_archive import inspect_wheel
from ...index.client import Indexes
from ...index.remote_wheel import NoRangesError
from ...index.wheel_metadata import BrokenMetadataError, Publications
from ...installed.distribution import InstalledDistribution
from ...installed.origin import origin
from ...installed.problems import unreadable
from ...network import Fetcher
from ...storage import Facts, NoFacts
from ..base import is_release
from ..bundle.wheel_supply import Supplier
from ..context import Context, ContextOptions, scan_environment
from ..lock_source import LockInput
from ..session import Session, SessionOptions, open_lock, open_session
from ..verify.entry import Entry
from ..verify.lock_reader import Lock, read_lock
from ..verify.online import EntryReport, Places
from ..verify.static import check_static
from ..verify.unreachable import CircuitBreaker, UnreachableHosts
from .conflicts import Conflict, Packages

#: Problems that verify finds in a lock without requests and that check reports, too.
_STATIC = frozenset({"schema", "duplicate", "missing-dependency", "cycle"})
_BROKEN = (
    "The file or its index is broken, or it was tampered with. Tell its owner, or use another "
    "version."
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` found, and what it cost.

    ``packages`` is the number of examined packages; the requirements of ``unread`` are unknown.
    """

    conflicts: tuple[Conflict, ...]
    packages: int
    unread: int = 0
    requests: int = 0
    bytes: int = 0

    @property
    def unanswered(self) -> bool:
        """Whether nothing definite was found, but an answer was not to be had."""
        return bool(self.conflicts) and all(
            item.problem.code in UNANSWERED for item in self.conflicts
        )


async def check(
    lockfile: LockInput | None = None,
    *,
    path: str | Path | Sequence[str | Path] | None = None,
    base: Lockfile | str | Path | None = None,
    offline: bool = False,
    refresh: bool = False,
    fetcher: Fetcher | None = None,
    facts: Facts | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
    surroundings: Surroundings | None = None,
) -> Checked:
    """Every unmet requirement of a lock or an environment: as ``pip check``, with reasons.

    Of a lock's wheels only METADATA is read, from the cache, from files at hand, or by range
    requests. Pyodide's own packages are left out: what they need is Pyodide's decision.

    * ``lockfile``: a `Lockfile`, a parsed object, the text of one or a file. None: an environment.
    * ``path``: site-packages folders. None: the surroundings'. ``base``: the Pyodide they are for,
      as in `freeze`.
    * ``offline``: make no request; ``refresh``, ``fetcher``, ``facts``, ``progress``: as in
      `verify`; ``cache_dir``: the folder of the cache (None with a fetcher: none).

    Raises `InputError` for what is missing or unreadable, and `FetchError` when the base cannot be
    had.
    """
    options = SessionOptions(
        offline=offline,
        refresh=refresh,
        fetcher=fetcher,
        facts=facts,
        cache_dir=cache_dir,
        progress=progress,
    )
    if lockfile is None:
        context = ContextOptions(with_folders=True, path=path, base=base, surroundings=surroundings)
        async with open_session(options, context) as session:
            return session.costed(_check_environment(session.context))
    source = await open_lock(lockfile, options)
    lock = read_lock(source)
    folders = () if source.folder is None else (source.folder,)
    async with open_session(options) as session:
        reader = _Reader(session, Supplier(session.fetcher, folders, session.wheels))
        metadata = await reader.read(lock.entries.values())
        return session.costed(_check_lock(lock, metadata, reader))


# -- environments


def _check_environment(context: Context) -> Checked:
    found, faults = scan_environment(context.paths, context.site)
    target = Target.from_info(context.base.lockfile.info)
    installed = {item.key: item for item in found}
    based = {
        key
        for key, item in installed.items()
        if origin(item, loaded=context.loaded_in(item.folder)).is_base
    }
    # Shared libraries that the runtime loaded have no .dist-info.
    based |= {
        name for name, channel in (context.loaded or {}).items() if channel == "default channel"
    }
    own = context.base.closure(based, stop={key: None for key in installed if key not in based})
    entries = {key: entry for key in own if (entry := context.base.entry(key)) is not None}
    versions: dict[str, str | None] = {key: entry.version for key, entry in entries.items()}
    versions |= context.in_memory or {}
    # A package that was installed without a wheel is there, in an unknown version.
    versions |= {problem.package: None for problem in faults if problem.package not in installed}
    versions |= {key: item.version for key, item in installed.items()}
    metadata = {
        key: item.metadata
        for key, item in installed.items()
        if key not in entries and not item.faults
    }
    depends = {key: entry.depends for key, entry in entries.items()}
    packages = Packages(versions, metadata, depends, target, "installed", distributions=installed)
    problems = [*faults, *_misfits(installed.values(), entries, target)]
    conflicts = [*map(Conflict, problems), *packages.conflicts()]
    return Checked(_sorted(conflicts), len(versions))


def _misfits(
    installed: Iterable[InstalledDistribution], entries: Mapping[str, LockedPackage], target: Target
) -> Iterator[Problem]:
    for item in installed:
        if item.faults:
            yield unreadable(item)
        elif item.key not in entries and target.rank(item.wheel.tags) is None:
            tags = ", ".join(sorted(map(str, item.wheel.tags))[:3])
            message = f"its wheel is for {tags}, which does not run on {target}."
            hint = "Install the wheel for Pyodide, with pip of the Pyodide venv."
            yield Problem("wrong-platform", item.key, item.version, message, hint)


# -- locks


def _check_lock(lock: Lock, metadata: Mapping[str, CoreMetadata], reader: _Reader) -> Checked:
    entries = lock.entries
    static = [
        problem for problem in (*lock.problems, *check_static(lock)) if problem.code in _STATIC
    ]
    conflicts = [
        *map(Conflict, static),
        *map(Conflict, reader.problems),
        *map(Conflict, reader.unreachable.problems()),
    ]
    if lock.target is not None:
        depends = {key: entry.depends for key, entry in entries.items()}
        versions = {key: entry.version for key, entry in entries.items()}
        packages = Packages(versions, metadata, depends, lock.target, "in the lock", reader.lenient)
        # An edge that leads nowhere was reported as such.
        nowhere = {
            (key, name) for key, names in depends.items() for name in names if name not in entries
        }
        conflicts += packages.conflicts(nowhere)
    own = sum(entry.is_wheel and not reader.is_own(entry) for entry in entries.values())
    return Checked(_sorted(conflicts), len(entries), own - len(metadata))


def _sorted(conflicts: Iterable[Conflict]) -> tuple[Conflict, ...]:
    def key(item: Conflict) -> tuple[str, str, str]:
        return item.problem.package, item.problem.code, item.problem.message

    return tuple(sorted(dict.fromkeys(conflicts), key=key))


class _Reader:
    """Reads what the wheels of a lock need, where that can be had."""

    def __init__(self, session: Session, supplier: Supplier) -> None:
        self._session = session
        self._fetcher = CircuitBreaker(session.fetcher)
        self._known = Publications(self._fetcher, session.known_facts)
        # A fact belongs to a sha256 that an index gives; here only the lock claims the sha256 of
        # what is read.
        self._publications = Publications(self._fetcher, NoFacts())
        self._supplier = supplier
        self._own: set[str] = set()
        self.unreachable = UnreachableHosts()
        self.problems: list[Problem] = []
        #: Packages that may be Pyodide's own: their file names do not show it.
        self.lenient: set[str] = set()

    def is_own(self, entry: Entry) -> bool:
        """Whether an entry is of a Pyodide distribution."""
        return entry.key in self._own

    async def read(self, entries: Iterable[Entry]) -> dict[str, CoreMetadata]:
        """Read the METADATA of each wheel that is not Pyodide's own."""
        wheels = [entry for entry in entries if entry.is_wheel and entry.version is not None]
        await self._find_own(wheels)
        found: dict[str, CoreMetadata] = {}
        wanted = [entry for entry in wheels if not self.is_own(entry)]
        done = 0

        async def read(entry: Entry) -> None:
            nonlocal done
            metadata = await self._guarded(entry)
            if metadata is not None:
                found[entry.key] = metadata
            done += 1
            self._session.step(done, len(wanted), entry.key)

        await self._fetcher.gather([read(entry) for entry in wanted])
        return dict(sorted(found.items()))

    async def _find_own(self, entries: Sequence[Entry]) -> None:
        """Sort out Pyodide's own packages: on its servers, or beside a lock that has them."""
        self._own = {
            entry.key for entry in entries if entry.url is not None and is_release(entry.url)
        }
        folders = Counter(
            entry.folder
            for entry in entries
            if entry.url is not None and entry.key not in self._own
        )
        several = [
            entry for entry in entries if folders[entry.folder] > 1 and not self.is_own(entry)
        ]
        if several and not self._session.offline:
            places = Places(Indexes(()), self._fetcher, self.unreachable)
            await places.open(several)
            reports = [EntryReport(entry) for entry in several]
            await self._fetcher.gather([places.find(report, knock=False) for report in reports])
            self._own |= {report.entry.key for report in reports if report.is_base}

    async def _guarded(self, entry: Entry) -> CoreMetadata | None:
        try:
            return await self._read(entry)
        except (GoneError, NoRangesError):
            return None  # verify says so
        except BrokenMetadataError as error:
            self.problems.append(
                entry.problem("broken-metadata", f"its METADATA cannot be read: {error}.", _BROKEN)
            )
        except IntegrityError as error:
            self.problems.append(entry.problem("content-mismatch", sentence(error), _BROKEN))
        except FetchError as error:
            self.unreachable.add(error, entry.key)
        return None

    async def _read(self, entry: Entry) -> CoreMetadata | None:
        file = _file(entry)
        if file is not None and (known := self._known.known_metadata(file, entry.key)) is not None:
            return known
        if (metadata := self._at_hand(entry)) is not None:
            if entry.url is None:
                self.lenient.add(entry.key)
            return metadata
        if file is None or self._session.offline:
            return None
        return await self._publications.metadata(file, entry.key)

    def _at_hand(self, entry: Entry) -> CoreMetadata | None:
        """From a file beside the lock or in the cache that has the lock's sha256."""
        if entry.sha256 is None or entry.file_name is None:
            return None
        try:
            path = self._supplier.at_hand(
                LockedPackage(entry.key, entry.version or "", entry.file_name, entry.sha256)
            )
            if path is None:
                return None
            with path.open("rb") as file:
                contents = inspect_wheel(file, path.stat().st_size, entry.sha256, entry.key)
            return contents.metadata
        except (InputError, IntegrityError, ValueError, OSError):
            return None


def _file(entry: Entry) -> IndexFile | None:
    """The wheel of an entry, as if an index listed it."""
    if entry.url is None or not entry.is_plain:
        return None
    found = single_file_page(entry.url).files(entry.key, entry.versions)
    return next((replace(file, sha256=entry.sha256) for file in found), None)
