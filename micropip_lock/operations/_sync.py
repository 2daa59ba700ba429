"""`sync`: an environment made exactly what a lock says."""

from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from glob import escape
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from ..direct_url import parse_direct_url, parse_provenance_url
from ..errors import FetchError, InputError, IntegrityError, Problem, UnlockableError
from ..evidence import Rules
from ..examine import Candidate, Examiner, Is
from ..fetch import Fetcher, default_cache_dir
from ..installed import InstalledDistribution, every, scan
from ..lockfile import LockedPackage, Lockfile
from ..record import compare
from ..remote_wheel import inspect_wheel
from ..store import Facts
from ..store.wheels import WheelStore
from ..surroundings import Surroundings, look
from ..url import is_http, without_credentials
from ._bundle import read_lock
from ._connect import connected
from ._environment import TOOLS
from ._supply import Supplier, Transfers, filename_of, same_version
from ._swap import WORK, Swap, is_environment
from ._unpack import unpack

Action = Literal["install", "replace", "remove", "keep"]

_OUTCOME = "cannot be synchronised; nothing was changed"


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one package; ``old`` and ``new`` are versions."""

    action: Action
    package: str
    old: str | None
    new: str | None

    def to_json(self) -> dict[str, str | None]:
        """The step as a JSON object."""
        return {"action": self.action, "package": self.package, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class Plan:
    """What was done, or with ``dry_run`` would be, by package.

    ``undone`` names what a killed run had left half done. ``requests`` and ``bytes`` count what was asked for.
    """

    steps: tuple[Step, ...]
    undone: str | None = None
    requests: int = 0
    bytes: int = 0

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that change anything."""
        return tuple(step for step in self.steps if step.action != "keep")


async def sync(
    lockfile: Lockfile | Mapping[str, Any] | str | Path,
    *,
    path: str | Path | None = None,
    prune: bool = True,
    dry_run: bool = False,
    base_dir: str | Path | None = None,
    offline: bool = False,
    refresh: bool = False,
    fetcher: Fetcher | None = None,
    facts: Facts | None = None,
    cache_dir: Path | None = None,
    progress: Transfers | None = None,
    surroundings: Surroundings | None = None,
) -> Plan:
    """Make an environment exactly what a lock says: install, replace and remove, and leave alone what is equal.

    A package is equal when its provenance_url.json or direct_url.json has the lock's sha256, or else when its RECORD is
    that of the lock's wheel. All wheels are fetched, checked and unpacked before the first change; then each package
    changes in one step, which is undone when it fails, or by the next sync when it is killed. pip, setuptools, wheel
    and micropip-lock are left alone unless the lock has them; so is what is no wheel (shared libraries).

    * ``path``: the site-packages folder (None: the venv's); ``prune``: remove what is not in the lock;
      ``dry_run``: only plan. ``base_dir``: a folder that holds wheels of the base.
    * ``fetcher``: asks for bytes (stays open); ``facts``: remembers what cannot change; ``cache_dir``: the folder of
      the cache with wheels; ``progress``: is told about downloads; ``surroundings``: the venv to change.

    Raises `InputError` for a lock of another Python or ABI than the environment's and for what cannot be read or
    written, `UnlockableError` with every wheel that cannot be had.
    """
    lock, beside = read_lock(lockfile)
    place = _Place.of(path, surroundings)
    place.check(lock)
    if fetcher is None and cache_dir is None:
        cache_dir = default_cache_dir()
    folders = tuple(Path(item) for item in (base_dir, beside) if item is not None)
    async with connected(fetcher, facts, offline=offline, refresh=refresh) as (meter, known):
        store = WheelStore(cache_dir) if cache_dir is not None else None
        task = _Sync(lock, place, Supplier(meter, folders, store, progress), meter, known, prune)
        plan = await task.run(dry_run)
    return replace(plan, requests=meter.requests, bytes=meter.bytes)


@dataclass(frozen=True, slots=True)
class _Place:
    """The environment: ``prefix`` holds everything of it, ``site`` is its site-packages below."""

    prefix: Path
    site: Path
    base: Lockfile | None

    @classmethod
    def of(cls, path: str | Path | None, surroundings: Surroundings | None) -> _Place:
        around = surroundings if path is not None or surroundings is not None else look()
        site = Path(path) if path is not None else around.paths[0] if around is not None else Path()
        if not site.is_dir():
            raise InputError(f"The folder {site} does not exist.")
        site = site.resolve()
        prefix = next((parent for parent in site.parents if (parent / "pyvenv.cfg").is_file()), site)
        if around is not None:
            return cls(prefix, site, around.base)
        # A folder alone says nothing of its Pyodide; the venv that it is in may.
        return cls(prefix, site, look(prefix).base if prefix != site else None)

    def check(self, lock: Lockfile) -> None:
        """Refuse a lock of another Pyodide than the one that the environment was made from."""
        if self.base is None:
            return
        own, other = self.base.info, lock.info
        same_python = own.python.rpartition(".")[0] == other.python.rpartition(".")[0]
        if own.abi_version != other.abi_version or not same_python:
            raise InputError(
                f"The lock is for Python {other.python}, ABI {other.abi_version}; {self.prefix} was made for Python "
                f"{own.python}, ABI {own.abi_version}. Make a new environment for that Pyodide, or a new lock for this "
                "one (resolve --base, freeze)."
            )

    @property
    def interpreter(self) -> str:
        """For the first line of scripts."""
        python = self.prefix / "bin" / "python"
        return str(python) if self.prefix != self.site else sys.executable  # as pip --target does

    def below(self, item: InstalledDistribution, paths: Iterable[str]) -> list[str]:
        """Paths of RECORD, relative to the prefix, without what lies outside of it or is the environment's own.

        Folders that are symbolic links count as where they lead.
        """
        real: dict[str, str] = {}
        found: dict[str, None] = {}
        for path in paths:
            folder, _, name = os.path.normpath(os.path.join(item.folder, path)).rpartition("/")  # noqa: PTH118
            place = real.setdefault(folder, "") or os.path.realpath(folder)
            real[folder] = place
            below = os.path.relpath(f"{place}/{name}", self.prefix)
            if not below.startswith("..") and below != "." and not is_environment(below):
                found[below] = None
        return list(found)


@dataclass(slots=True)
class _Sync:
    lock: Lockfile
    place: _Place
    supplier: Supplier
    fetcher: Fetcher
    facts: Facts
    prune: bool
    listed: Counter[str] = field(default_factory=Counter)
    examined: dict[tuple[str, bytes], bool] = field(default_factory=dict)

    async def run(self, dry_run: bool) -> Plan:
        swap = Swap(self.place.prefix, self.place.site)
        if dry_run:
            steps, _ = await self._plan()
            return Plan(steps, swap.recover())
        if not (self.place.site / WORK).exists():
            steps, _ = await self._plan()
            if all(step.action == "keep" for step in steps):
                return Plan(steps)
        with swap.opened() as undone:
            steps, installed = await self._plan()
            await self._stage(swap, [step.package for step in steps if step.action in ("install", "replace")])
            self._apply(swap, [step for step in steps if step.action != "keep"], installed)
            return Plan(steps, undone)

    async def _plan(self) -> tuple[tuple[Step, ...], dict[str, list[InstalledDistribution]]]:
        found, problems = scan([self.place.site])
        several = {problem.package for problem in problems if problem.code == "duplicate"}
        if len(several) < len(problems):
            raise UnlockableError([item for item in problems if item.code != "duplicate"], _OUTCOME)
        all_of: dict[str, list[InstalledDistribution]] = defaultdict(list)
        for item in every(self.place.site) if several else found:
            all_of[item.key].append(item)
        installed = {item.key: item for item in found}
        self.listed = Counter(path for item in found for path in {row.path for row in item.rows})
        wanted = {key: entry for key, entry in self.lock.packages.items() if entry.file_name.endswith(".whl")}
        # Of a name that is there twice nobody knows which files are whose: it is replaced.
        both = [(key, installed[key], entry) for key, entry in wanted.items() if key in installed.keys() - several]
        equal = await self.fetcher.gather([self._is_equal(item, entry) for _, item, entry in both])
        same = {key for (key, _, _), is_equal in zip(both, equal, strict=True) if is_equal}
        steps = []
        for key in sorted({*installed, *wanted}):
            old, new = installed.get(key), wanted.get(key)
            if new is not None:
                action: Action = "keep" if key in same else "install" if old is None else "replace"
            else:
                action = "remove" if self.prune and key not in TOOLS else "keep"
            versions = (None if item is None else item.version for item in (old, new))
            steps.append(Step(action, key, *versions))
        return tuple(steps), all_of

    async def _is_equal(self, item: InstalledDistribution, entry: LockedPackage) -> bool:
        """Whether what is installed is the lock's wheel, by what .dist-info says, else by the wheel's RECORD."""
        try:
            if item.faults or not same_version(item.version, entry.version):
                return False
        except ValueError:
            return False
        # A look at the sizes opens no file, and tells what was deleted or edited since.
        if not all(map(self._is_shared, item.changed_files("size"))) or not self._scripts_are_there(item):
            return False
        sha256 = provenance(item)
        if sha256 is not None:
            return sha256 == entry.sha256
        # The plan may be made twice; nobody is asked the same twice.
        question = (item.key, item.files.get("RECORD", b""))
        if question not in self.examined:
            self.examined[question] = await self._examine(item, entry)
        return self.examined[question]

    async def _examine(self, item: InstalledDistribution, entry: LockedPackage) -> bool:
        try:
            if (path := self.supplier.at_hand(entry)) is not None:
                with path.open("rb") as file:
                    contents = inspect_wheel(file, path.stat().st_size, entry.sha256, item.key)
                return compare(item.installation("size"), contents.members, contents.record, contents.dist_info).equal
            if not is_http(entry.file_name):
                return False
            candidate = Candidate(without_credentials(entry.file_name), "lock", entry.sha256)
            outcome = await Examiner(item, self.fetcher, Rules(), self.facts).examine(candidate)
        except (FetchError, IntegrityError, InputError, OSError):
            return False  # then it is replaced, which says what is wrong if that goes wrong, too
        return outcome.verdict is Is.EQUAL

    def _is_shared(self, path: str) -> bool:
        """Whether a file is there that several packages have: whoever came last has written it."""
        return self.listed[path] > 1 and (self.place.site / path).exists()

    def _scripts_are_there(self, item: InstalledDistribution) -> bool:
        """Rows that leave site-packages, as far as they stay in the environment: scripts, as a rule."""
        for row in item.rows:
            if row.leaves_folder:
                for name in self.place.below(item, [row.path]):
                    try:
                        found = (self.place.prefix / name).stat().st_size
                        if row.size not in (None, found) and not self._is_shared(row.path):
                            return False
                    except OSError:
                        return False
        return True

    async def _stage(self, swap: Swap, names: Sequence[str]) -> None:
        """Fetch, check and unpack every new wheel. Raises `UnlockableError` with all that is wrong."""
        site = PurePosixPath(self.place.site.relative_to(self.place.prefix).as_posix())

        async def stage(key: str) -> Problem | None:
            entry = self.lock.packages[key]
            try:
                wheel = swap.work / "wheels" / key / filename_of(entry)
                found = await self.supplier.bring(key, entry, wheel)
                if isinstance(found, Problem):
                    return found
                url = without_credentials(entry.file_name) if is_http(entry.file_name) else None
                told = (url, entry.sha256) if url is not None and "?" not in url else None
                unpack(wheel, swap.staged(key), site, self.place.interpreter, told)
                wheel.unlink()
            except IntegrityError as error:
                hint = "Freeze again from an install that you trust, or lock another version."
                return Problem("content-mismatch", key, entry.version, f"{error}".rstrip(".") + ".", hint)
            return None

        problems = [problem for problem in await self.fetcher.gather([stage(key) for key in names]) if problem]
        if problems:
            raise UnlockableError(problems, _OUTCOME)

    def _apply(self, swap: Swap, steps: Sequence[Step], installed: Mapping[str, list[InstalledDistribution]]) -> None:
        files = {
            key: list(dict.fromkeys(name for item in items for name in self._files(item)))
            for key, items in installed.items()
        }
        owners = Counter(name for names in files.values() for name in names)
        brought: set[str] = set()
        done: list[str] = []
        groups = self._groups(swap, steps, files)
        for number, group in enumerate(groups):
            old = Counter(name for package in group for name in files.get(package, ()))
            try:
                # What another package has, too, stays for that one; so does what has just come from another.
                gone = [name for name, count in old.items() if owners[name] == count and name not in brought]
                brought.update(swap.apply(group, gone))
            except OSError as error:
                state = "It is as it was before." if not swap.pending else "The next sync puts it back as it was."
                rest = [package for other in groups[number + 1 :] for package in other]
                raise InputError(
                    f"{', '.join(group)}: {error.strerror or error} ({error.filename}). {state} "
                    f"Done: {', '.join(done) or 'nothing'}. Not done: {', '.join(rest) or 'nothing'}. "
                    "Put that right and run sync again."
                ) from error
            owners.subtract(old)
            done.extend(group)

    def _groups(self, swap: Swap, steps: Sequence[Step], files: Mapping[str, Sequence[str]]) -> list[list[str]]:
        """What changes in one step: a package; or several, where one takes over the place of another's files."""
        # What is removed first makes room for what comes.
        groups = [[step.package] for step in steps if step.action == "remove"]
        changing = [step.package for step in steps if step.action != "remove"]
        owner: dict[str, set[str]] = defaultdict(set)  # of each old file, and of each folder with one
        leaf: dict[str, set[str]] = defaultdict(set)
        for package in changing:
            for name in files.get(package, ()):
                leaf[name].add(package)
                for parent in PurePosixPath(name).parents:
                    owner[str(parent)].add(package)
        group_of = {package: [package] for package in changing}
        for package in changing:
            for name in swap.incoming(package):
                parents = [str(parent) for parent in PurePosixPath(name).parents]
                displaced = {*owner.get(name, ()), *(other for parent in parents for other in leaf.get(parent, ()))}
                if package not in leaf.get(name, ()):
                    displaced.update(leaf.get(name, ()))
                for other in displaced:
                    if group_of[other] is not group_of[package]:
                        group_of[package].extend(group_of[other])
                        for member in group_of[other]:
                            group_of[member] = group_of[package]
        groups += [sorted(group) for package, group in group_of.items() if package == min(group)]
        return groups

    def _files(self, item: InstalledDistribution) -> list[str]:
        """Every file of an installed distribution that lies in the environment, bytecode included."""
        info = item.folder / item.dist_info
        names = [row.path for row in item.rows]
        names += [f"{item.dist_info}/{file.relative_to(info).as_posix()}" for file in info.rglob("*") if file.is_file()]
        if info.is_symlink():
            names.append(item.dist_info)
        found = dict.fromkeys(self.place.below(item, names))
        for name in list(found):
            if name.endswith(".py"):
                source = self.place.prefix / name
                cached = (source.parent / "__pycache__").glob(f"{escape(source.stem)}.*.pyc")
                found.update(dict.fromkeys(file.relative_to(self.place.prefix).as_posix() for file in cached))
        return list(found)


def provenance(item: InstalledDistribution) -> str | None:
    """The sha256 that provenance_url.json or direct_url.json gives for what is installed."""
    for name, parse in (("provenance_url.json", parse_provenance_url), ("direct_url.json", parse_direct_url)):
        if name in item.files:
            try:
                return parse(item.files[name]).sha256
            except ValueError:
                return None
    return None
