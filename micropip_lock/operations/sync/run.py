"""`sync`: an environment made exactly what a lock says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..._util.progress import Transfers
from ...environment import Surroundings
from ...formats.lockfile import Lockfile
from ...installed.distribution import InstalledDistribution
from ...network import Fetcher
from ...storage import Facts
from ..bundle.wheel_supply import Supplier
from ..live_progress import transfers_shown
from ..lock_source import LockInput
from ..session import SessionOptions, open_lock, open_session
from .comparison import Equality, Notes
from .host import HostInstaller
from .live_runtime import RuntimeInstaller
from .plan import Plan, Step, make_plan
from .staging import Staging
from .target_environment import Bytecode, TargetEnvironment
from .transaction import Transaction


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
class _Sync:
    """One run of `sync`: its plan, the staging of new wheels, and the changes."""

    lock: Lockfile
    environment: TargetEnvironment
    supplier: Supplier
    fetcher: Fetcher
    equality: Equality
    notes: Notes
    prune: bool

    async def run(self, dry_run: bool) -> Plan:
        """Make the environment what the lock says, or only plan that."""
        transaction = Transaction(self.environment.prefix, self.environment.site)
        if dry_run:
            interrupted = transaction.interrupted()
            steps, _ = await self._plan(interrupted)
            return Plan(steps, interrupted)
        if transaction.is_clean:
            steps, _ = await self._plan()
            if all(step.action == "keep" for step in steps):
                return Plan(steps)
        with transaction.opened() as undone:
            steps, installed = await self._plan()
            files = self._files(installed)
            imported = self._imported(steps, files)
            await self._change(transaction, steps, files)
            return Plan(steps, undone, imported)

    async def _plan(
        self, interrupted: Sequence[str] = ()
    ) -> tuple[tuple[Step, ...], dict[str, list[InstalledDistribution]]]:
        return await make_plan(
            self.lock,
            self.environment,
            self.equality,
            self.fetcher,
            prune=self.prune,
            interrupted=interrupted,
        )

    def _files(
        self, installed: Mapping[str, Sequence[InstalledDistribution]]
    ) -> dict[str, list[str]]:
        """The files of each package, relative to the prefix, each once."""
        bytecode: Bytecode = {}
        files: dict[str, list[str]] = {}
        for key, distributions in installed.items():
            names: dict[str, None] = {}
            for item in distributions:
                names.update(dict.fromkeys(self.environment.files(item, bytecode)))
            files[key] = list(names)
        return files

    def _imported(
        self, steps: Sequence[Step], files: Mapping[str, Sequence[str]]
    ) -> tuple[str, ...]:
        """The packages that change and that the running Pyodide has imported."""
        runtime = self.environment.runtime
        if runtime is None:
            return ()
        changing = [step.package for step in steps if step.action != "keep"]
        return tuple(key for key in changing if runtime.imported(files.get(key, ())))

    async def _change(
        self, transaction: Transaction, steps: Sequence[Step], files: Mapping[str, Sequence[str]]
    ) -> None:
        changes = [step for step in steps if step.action != "keep"]
        staging = Staging(self.lock, self.environment, self.supplier, self.fetcher, self.notes)
        new = [step.package for step in changes if step.action != "remove"]
        await staging.stage(new, transaction)
        if self.environment.runtime is None:
            host = HostInstaller(self.lock, transaction, self.equality, files, staging.records)
            host.check_tools(steps)
            host.apply(changes)
            return
        live = RuntimeInstaller(
            self.environment.runtime,
            self.lock,
            self.environment,
            transaction,
            self.equality,
            staging.wheels,
        )
        await live.apply(changes, files, prune=self.prune)
