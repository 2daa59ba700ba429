"""The planned changes of an environment on the host: staged files are moved into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from filecmp import cmp

from ...errors import Problem, UnlockableError
from ...formats.lockfile import Lockfile
from ..freeze.inventory import TOOLS
from .comparison import Equality
from .ownership import FileOwnership, in_groups
from .plan import OUTCOME, Step
from .transaction import Transaction


@dataclass(frozen=True, slots=True)
class HostInstaller:
    """Moves staged packages into the environment of ``transaction``, and old ones out.

    ``files`` are those of the installed packages, ``records`` the RECORDs of the staged ones.
    """

    lock: Lockfile
    transaction: Transaction
    equality: Equality
    files: Mapping[str, Sequence[str]]
    records: Mapping[str, bytes]

    def check_tools(self, steps: Sequence[Step]) -> None:
        """Refuse wheels that would change the files of a tool that the lock does not have.

        Raises `UnlockableError`.
        """
        tools = [step.package for step in steps if step.new is None and step.package in TOOLS]
        owners = {name: tool for tool in tools for name in self.files.get(tool, ())}
        if not owners:
            return
        new = [step.package for step in steps if step.action in ("install", "replace")]
        found = [self._tool_problem(package, owners) for package in new]
        problems = [problem for problem in found if problem is not None]
        if problems:
            raise UnlockableError(problems, OUTCOME)

    def _tool_problem(self, package: str, owners: Mapping[str, str]) -> Problem | None:
        for name in self.transaction.incoming(package):
            if name not in owners or not self._differs(package, name):
                continue
            tool, version = owners[name], self.lock.packages[package].version
            message = f"it would replace {name}, which belongs to {tool}."
            hint = (
                f"Lock {tool}, too, or remove it from the environment, or lock without {package}."
            )
            return Problem("content-mismatch", package, version, message, hint)
        return None

    def _differs(self, package: str, name: str) -> bool:
        """Whether a staged file would replace an installed one of another content."""
        installed = self.transaction.prefix / name
        staged = self.transaction.staged(package) / name
        return installed.is_file() and not cmp(staged, installed, shallow=False)

    def apply(self, changes: Sequence[Step]) -> None:
        """Make the changes, each group of packages in one step.

        Raises `InputError` that says what was done and what was not.
        """
        removed = [step.package for step in changes if step.action == "remove"]
        installed = [step.package for step in changes if step.action != "remove"]
        groups = in_groups(self.transaction, removed, installed, self.files)
        ownership = FileOwnership(self.files)
        remaining = [package for group in groups for package in group]
        for group in groups:
            del remaining[: len(group)]
            with ownership.changing(group, remaining, self.transaction) as removable:
                ownership.installed.update(self.transaction.apply(group, removable))
            for package in self.records.keys() & group:
                self.equality.remember(self.records[package], self.lock.packages[package].sha256)
