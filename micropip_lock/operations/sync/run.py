"""`sync`: an environment made exactly what a lock says."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from filecmp import cmp
from pathlib import Path, PurePosixPath

from ..._util.progress import Transfers
from ..._util.text import sentence
from ..._util.url import is_http, without_credentials
from ...environment import Runtime, Surroundings
from ...errors import IntegrityError, Problem, UnlockableError
from ...formats.core_metadata import CoreMetadata
from ...formats.direct_url import provenance_url
from ...formats.lockfile import LockedPackage, Lockfile
from ...formats.wheel import WheelDescription
from ...installed.distribution import InstalledDistribution
from ...installed.site_packages import every, scan
from ...network import Fetcher
from ...storage import Facts
from ..bundle.wheel_supply import Supplier, filename_of, same_version
from ..freeze.inventory import TOOLS, layout
from ..live_progress import transfers_shown
from ..lock_source import LockInput, open_lock
from ..session import SessionOptions, open_session
from .comparison import Equality, Notes
from .ownership import FileOwnership, in_groups
from .plan import Action, Plan, Step
from .target_environment import Bytecode, TargetEnvironment
from .transaction import Transaction
from .unpack import unpack

_OUTCOME = "cannot be synchronised; nothing was changed"
#: What a running Pyodide installs with, and what this call runs on.
_RUNTIME_TOOLS = frozenset({"micropip", "packaging", "resolvelib"})


async def sync(
    lockfile: LockInput,
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
    """Make an environment exactly what a lock says: install, replace and remove packages.

    Equal packages are left alone. A package is equal when the cache remembers its RECORD, in this
    folder, as the lock's wheel's; when the running Pyodide itself installed that wheel; or when its
    RECORD has the hashes of the wheel's own, and that wheel has the lock's sha256: by Pyodide's own
    lock, by a note that the wheel does not ship, or by a download. What else its .dist-info says
    may be a wheel's own word. All wheels to install are fetched and checked before the first
    change; then each package changes in one step, which is undone when it fails, or by the next
    sync when it is killed. pip, setuptools, wheel and micropip-lock are left alone unless the lock
    has them; so is what is no wheel (shared libraries).

    In a running Pyodide without ``path`` it is that Pyodide that changes, by its own loader. What
    was imported before stays in memory until it is started anew.

    * ``path``: the site-packages folder (None: the venv's, or the running Pyodide's); ``prune``:
      remove what is not in the lock; ``dry_run``: only plan. ``base_dir``: a folder that holds
      wheels of the base.
    * ``fetcher``: makes the requests (stays open); ``facts``: remembers what cannot change;
      ``cache_dir``: the folder of the cache with wheels; ``progress``: receives the downloads'
      progress; ``surroundings``: the venv to change.

    Raises `InputError` for a lock of another Python or ABI than the environment's and for what
    cannot be read or written, `UnlockableError` with every wheel that cannot be had.
    """
    options = SessionOptions(
        offline=offline, refresh=refresh, fetcher=fetcher, facts=facts, cache_dir=cache_dir
    )
    source = await open_lock(lockfile, options)
    lock, beside = source.strict(), source.folder
    place = TargetEnvironment.of(path, surroundings)
    place.check(lock)
    folders = tuple(Path(item) for item in (base_dir, beside, place.base_dir) if item is not None)
    async with open_session(options) as session:
        session.fetcher.configure(() if surroundings is None else surroundings.index_urls)
        supplier = Supplier(session.fetcher, folders, session.wheels)
        notes = Notes(lock)
        equality = Equality(place, supplier, session.fetcher, session.facts, notes)
        task = _Sync(lock, place, supplier, session.fetcher, equality, notes, prune)
        with transfers_shown(progress) as supplier.transfers:
            return session.costed(await task.run(dry_run))


@dataclass(frozen=True, slots=True)
class _Ready:
    """A wheel that waits in the work folder, with what belongs into its .dist-info."""

    wheel: Path
    contents: WheelDescription
    metadata: Mapping[str, bytes]

    @property
    def coming(self) -> list[str]:
        """The files that it will have in site-packages as it stands."""
        added = [f"{self.contents.dist_info}/{name}" for name in (*self.metadata, "PYODIDE_SOURCE")]
        return sorted({*(member.name for member in self.contents.members), *added})


@dataclass(slots=True)
class _Sync:
    lock: Lockfile
    place: TargetEnvironment
    supplier: Supplier
    fetcher: Fetcher
    equality: Equality
    notes: Notes
    prune: bool
    #: The RECORDs of the new packages, as they will be installed.
    records: dict[str, bytes] = field(default_factory=dict)

    async def run(self, dry_run: bool) -> Plan:
        transaction = Transaction(self.place.prefix, self.place.site)
        if dry_run:
            undone = transaction.recover()
            steps, _ = await self._plan(frozenset(undone.split(", ")) if undone else frozenset())
            return Plan(steps, undone)
        if transaction.is_clean:
            steps, _ = await self._plan()
            if all(step.action == "keep" for step in steps):
                return Plan(steps)
        with transaction.opened() as undone:
            steps, installed = await self._plan()
            changes = [step for step in steps if step.action != "keep"]
            bytecode: Bytecode = {}
            files = {
                key: list(
                    dict.fromkeys(
                        name for item in items for name in self.place.files(item, bytecode)
                    )
                )
                for key, items in installed.items()
            }
            runtime = self.place.runtime
            imported = [
                step.package
                for step in changes
                if runtime and runtime.imported(files.get(step.package, ()))
            ]
            ready = await self._stage(
                transaction, [step.package for step in changes if step.action != "remove"]
            )
            if runtime is None:
                self._spare_tools(transaction, steps, files)
                self._apply(transaction, changes, files)
            else:
                await self._load(runtime, transaction, changes, files, ready)
            return Plan(steps, undone, tuple(imported))

    async def _plan(
        self, half_done: frozenset[str] = frozenset()
    ) -> tuple[tuple[Step, ...], dict[str, list[InstalledDistribution]]]:
        """What is to be done. Of what is ``half_done`` the files lie elsewhere until that is
        undone.
        """
        found, problems = scan([self.place.site])
        several = {problem.package for problem in problems if problem.code == "duplicate"}
        if len(several) < len(problems):
            raise UnlockableError([item for item in problems if item.code != "duplicate"], _OUTCOME)
        all_of: dict[str, list[InstalledDistribution]] = defaultdict(list)
        for item in every(self.place.site) if several else found:
            all_of[item.key].append(item)
        installed = {item.key: item for item in found}
        self.equality.see(found)
        wanted = {
            key: entry
            for key, entry in self.lock.packages.items()
            if entry.file_name.endswith(".whl")
        }
        # If a name is there twice, the owner of each file is unknown: both are replaced.
        single = installed.keys() - several
        both = [(key, installed[key], entry) for key, entry in wanted.items() if key in single]
        equal = await self.fetcher.gather(
            [self.equality.holds(item, entry) for _, item, entry in both]
        )
        same = {key for (key, _, _), is_equal in zip(both, equal, strict=True) if is_equal}
        tools = TOOLS if self.place.runtime is None else TOOLS | _RUNTIME_TOOLS
        steps, problems = [], []
        for key in sorted({*installed, *wanted}):
            old, new = installed.get(key), wanted.get(key)
            if new is not None:
                action: Action = "keep" if key in same else "install" if old is None else "replace"
            else:
                action = "remove" if self.prune and key not in tools else "keep"
            versions = (None if item is None else item.version for item in (old, new))
            steps.append(Step(action, key, *versions))
            if action in ("remove", "replace") and key not in half_done:
                problems += [_nameless(item) for item in all_of[key] if _is_nameless(item, new)]
        if problems:
            raise UnlockableError(problems, _OUTCOME)
        return tuple(steps), all_of

    async def _stage(self, transaction: Transaction, names: Sequence[str]) -> dict[str, _Ready]:
        """Fetch, check and (on the host) unpack every new wheel.

        Raises `UnlockableError` with all that is wrong.
        """
        ready: dict[str, _Ready] = {}

        async def stage(key: str) -> Problem | None:
            entry = self.lock.packages[key]
            try:
                wheel = transaction.downloads(key) / filename_of(entry)
                found = await self.supplier.bring(key, entry, wheel)
                if isinstance(found, Problem):
                    return found
                contents = found.contents
                assert contents is not None  # since it is a wheel by its name
                metadata = self._written(key, entry, contents.metadata)
                if self.place.runtime is not None:
                    ready[key] = _Ready(wheel, contents, metadata)
                    return _unspread(key, entry, contents)
                site = PurePosixPath(self.place.site.relative_to(self.place.prefix).as_posix())
                unpack(wheel, transaction.staged(key), site, self.place.interpreter, metadata)
                self.records[key] = (
                    transaction.staged(key) / site / contents.dist_info / "RECORD"
                ).read_bytes()
                wheel.unlink()
            except IntegrityError as error:
                hint = "Freeze again from an install that you trust, or lock another version."
                return Problem("content-mismatch", key, entry.version, sentence(error), hint)
            return None

        wanted = [key for key in names if not self._is_loaded(key)]
        problems = [
            problem
            for problem in await self.fetcher.gather([stage(key) for key in wanted])
            if problem
        ]
        if problems:
            raise UnlockableError(problems, _OUTCOME)
        return ready

    def _is_loaded(self, key: str) -> bool:
        """Whether the running Pyodide has a package in its own lock, and so knows where its wheel
        is.
        """
        return self.place.runtime is not None and self.place.is_base(key, self.lock.packages[key])

    def _written(self, key: str, entry: LockedPackage, metadata: CoreMetadata) -> dict[str, bytes]:
        """What an installer writes into .dist-info, so that a later freeze need not search."""
        written = {"INSTALLER": b"micropip-lock\n"}
        note = self.notes.of(key, entry, metadata)
        if note.requested:
            written["REQUESTED"] = b""
        url = without_credentials(entry.file_name) if is_http(entry.file_name) else None
        if url is not None and "?" not in url:
            written["provenance_url.json"] = provenance_url(url, entry.sha256, note)
        return written

    def _spare_tools(
        self, transaction: Transaction, steps: Sequence[Step], files: Mapping[str, Sequence[str]]
    ) -> None:
        """Refuse wheels that would change the files of a tool. Raises `UnlockableError`."""
        tools = [step.package for step in steps if step.new is None and step.package in TOOLS]
        owner = {name: tool for tool in tools for name in files.get(tool, ())}
        problems = []
        for key in (
            step.package for step in steps if owner and step.action in ("install", "replace")
        ):
            for name in transaction.incoming(key):
                place = self.place.prefix / name
                if (
                    name in owner
                    and place.is_file()
                    and not cmp(transaction.staged(key) / name, place, shallow=False)
                ):
                    message = f"it would replace {name}, which belongs to {owner[name]}."
                    hint = (
                        f"Lock {owner[name]}, too, or remove it from the environment, or lock "
                        f"without {key}."
                    )
                    problems.append(
                        Problem(
                            "content-mismatch", key, self.lock.packages[key].version, message, hint
                        )
                    )
                    break
        if problems:
            raise UnlockableError(problems, _OUTCOME)

    def _apply(
        self, transaction: Transaction, steps: Sequence[Step], files: Mapping[str, Sequence[str]]
    ) -> None:
        removed = [step.package for step in steps if step.action == "remove"]
        groups = in_groups(
            transaction, removed, [step.package for step in steps if step.action != "remove"], files
        )
        left = FileOwnership(files)
        rest = [package for group in groups for package in group]
        for group in groups:
            del rest[: len(group)]
            with left.changing(group, rest, transaction) as gone:
                left.brought.update(transaction.apply(group, gone))
            for package in self.records.keys() & group:
                self.equality.remember(self.records[package], self.lock.packages[package].sha256)

    async def _load(
        self,
        runtime: Runtime,
        transaction: Transaction,
        steps: Sequence[Step],
        files: Mapping[str, Sequence[str]],
        ready: Mapping[str, _Ready],
    ) -> None:
        """Change the running Pyodide, package by package.

        Its own packages come last, for they need others.
        """
        steps = sorted(
            steps,
            key=lambda it: (it.action != "remove", it.package not in ready, it.action, it.package),
        )
        is_own = {
            step.package: step.action == "install" and step.package not in ready for step in steps
        }
        own = [step.package for step in steps if is_own[step.package]]
        steps = [step for step in steps if not is_own[step.package]]
        left = FileOwnership(files)
        before = set(runtime.loaded)
        for number, step in enumerate(steps):
            key = step.package
            rest = [*(other.package for other in steps[number + 1 :]), *own]
            with left.changing([key], rest, transaction) as gone:
                coming = ready[key].coming if key in ready else []
                with transaction.exchanging({key: coming}, gone) as new, runtime.forgetting(key):
                    if key in ready:
                        wheel, contents = ready[key].wheel, ready[key].contents
                        url = without_credentials(self.lock.packages[key].file_name)
                        await runtime.install(
                            key, wheel, url, contents.dist_info, ready[key].metadata
                        )
                        record = (self.place.site / contents.dist_info / "RECORD").read_bytes()
                        self.equality.remember(record, self.lock.packages[key].sha256)
                    elif step.action != "remove":
                        await runtime.load([key])
                        _check_loaded(runtime, [key])
                    left.brought.update(new)
        if own:
            await runtime.load(own)  # all at once: it downloads several at a time
            missing = [key for key in own if not runtime.is_default(key)]
            left.done.extend(key for key in own if key not in missing)
            with left.changing(missing, [], transaction):
                _check_loaded(runtime, missing)
        extra = set(runtime.loaded) - before - self.lock.packages.keys() - TOOLS - _RUNTIME_TOOLS
        if extra and self.prune:
            # The runtime's own lock has them as dependencies, this one has not.
            found, _ = scan([self.place.site])
            for item in found:
                if item.key in extra:
                    with runtime.forgetting(item.key):
                        transaction.apply(
                            [item.key],
                            [name for name in self.place.files(item) if name not in left.brought],
                        )


def _check_loaded(runtime: Runtime, names: Sequence[str]) -> None:
    """Raise OSError for what the runtime could not load; by itself it only prints that."""
    for name in names:
        if not runtime.is_default(name):
            raise OSError(None, "the runtime could not load it; see its console", name)


def _is_one(item: InstalledDistribution, entry: LockedPackage | None) -> bool:
    """Whether an entry has the version of the installed distribution, and so its files."""
    with suppress(ValueError):
        return entry is not None and same_version(item.version, entry.version)
    return False


def _is_nameless(item: InstalledDistribution, entry: LockedPackage | None) -> bool:
    """Whether no record says which files are those of a distribution.

    An empty .dist-info has none.
    """
    return (
        not item.rows and not _is_one(item, entry) and not _is_empty(item.folder / item.dist_info)
    )


def _is_empty(folder: Path) -> bool:
    try:
        return not os.listdir(folder)
    except OSError:
        return False


def _nameless(item: InstalledDistribution) -> Problem:
    """The problem that the files of a distribution are unknown, so that it cannot be removed."""
    name = item.metadata.name
    return Problem(
        "broken-metadata",
        item.key,
        item.version,
        f"{item.folder / item.dist_info} has no RECORD that can be read, so it is unknown which "
        "files are its own.",
        "Install it again over itself (pip install --ignore-installed --no-deps "
        f"{name}=={item.version}), or remove its files and that folder by hand. Then run sync "
        "again.",
    )


def _unspread(key: str, entry: LockedPackage, contents: WheelDescription) -> Problem | None:
    """The problem that Pyodide's loader would leave modules where Python does not import them."""
    is_unspread = contents.modules.unspread
    return layout(key, entry.version) if is_unspread else None
