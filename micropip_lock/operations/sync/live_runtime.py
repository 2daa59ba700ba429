"""The planned changes of the running Pyodide: made by its own loader, package by package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..._util.url import without_credentials
from ...environment import Runtime
from ...formats.lockfile import Lockfile
from ...installed.site_packages import scan
from .comparison import Equality
from .ownership import FileOwnership
from .plan import Step
from .staging import StagedWheel
from .target_environment import TargetEnvironment
from .transaction import Transaction


@dataclass(frozen=True, slots=True)
class RuntimeInstaller:
    """Has ``runtime`` unpack the staged ``wheels`` and load packages of its own lock."""

    runtime: Runtime
    lock: Lockfile
    environment: TargetEnvironment
    transaction: Transaction
    equality: Equality
    wheels: Mapping[str, StagedWheel]

    async def apply(
        self, changes: Sequence[Step], files: Mapping[str, Sequence[str]], *, prune: bool
    ) -> None:
        """Make the changes; ``files`` are those of the installed packages.

        The runtime's own packages come last, for they need others. Raises `InputError` that says
        what was done and what was not.
        """
        steps = sorted(changes, key=self._order)
        own = [step.package for step in steps if self._is_own(step)]
        steps = [step for step in steps if not self._is_own(step)]
        ownership = FileOwnership(files)
        loaded_before = set(self.runtime.loaded)
        for number, step in enumerate(steps):
            remaining = [*(other.package for other in steps[number + 1 :]), *own]
            with ownership.changing([step.package], remaining, self.transaction) as removable:
                await self._change(step, removable, ownership)
        if own:
            await self._load(own, ownership)
        if prune:
            self._remove_added(loaded_before, ownership)

    def _order(self, step: Step) -> tuple[bool, bool, str, str]:
        return (
            step.action != "remove",
            step.package not in self.wheels,
            step.action,
            step.package,
        )

    def _is_own(self, step: Step) -> bool:
        """Whether the runtime installs it from its own lock, and replaces nothing."""
        return step.action == "install" and step.package not in self.wheels

    async def _change(self, step: Step, removable: Sequence[str], ownership: FileOwnership) -> None:
        key, wheel = step.package, self.wheels.get(step.package)
        incoming = {key: [] if wheel is None else wheel.files}
        with (
            self.transaction.exchanging(incoming, removable) as new,
            self.runtime.forgetting(key),
        ):
            if wheel is not None:
                await self._install(key, wheel)
            elif step.action != "remove":
                await self.runtime.load([key])
                self._check_loaded([key])
            ownership.installed.update(new)

    async def _install(self, key: str, wheel: StagedWheel) -> None:
        entry, dist_info = self.lock.packages[key], wheel.contents.dist_info
        url = without_credentials(entry.file_name)
        await self.runtime.install(key, wheel.path, url, dist_info, wheel.metadata)
        record = (self.environment.site / dist_info / "RECORD").read_bytes()
        self.equality.remember(record, entry.sha256)

    async def _load(self, packages: Sequence[str], ownership: FileOwnership) -> None:
        """Load packages of the runtime's own lock, all at once: it downloads several at a time."""
        await self.runtime.load(packages)
        missing = [key for key in packages if not self.runtime.is_default(key)]
        ownership.done.extend(key for key in packages if key not in missing)
        with ownership.changing(missing, [], self.transaction):
            self._check_loaded(missing)

    def _check_loaded(self, packages: Sequence[str]) -> None:
        """Raise OSError for what the runtime could not load; by itself it only prints that."""
        for name in packages:
            if not self.runtime.is_default(name):
                raise OSError(None, "the runtime could not load it; see its console", name)

    def _remove_added(self, loaded_before: set[str], ownership: FileOwnership) -> None:
        """Remove what the runtime loaded as a dependency by its own lock, and this lock has not."""
        added = set(self.runtime.loaded) - loaded_before - self.lock.packages.keys()
        added -= self.environment.tools
        if not added:
            return
        found, _ = scan([self.environment.site])
        for item in found:
            if item.key not in added:
                continue
            files = self.environment.files(item)
            removable = [name for name in files if name not in ownership.installed]
            with self.runtime.forgetting(item.key):
                self.transaction.apply([item.key], removable)
