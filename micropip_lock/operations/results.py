"""What freeze and resolve give back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .._util.progress import cost, count, size
from .._util.text import showable
from ..errors import Problem
from ..formats.lockfile import LOCK_NAME, Lockfile
from ..proof.evidence import Evidence


def in_order(warnings: Iterable[Problem]) -> tuple[Problem, ...]:
    """Warnings by package, code and message."""
    return tuple(sorted(warnings, key=lambda item: (item.package, item.code, item.message)))


@dataclass(frozen=True, slots=True, repr=False)
class ResolveResult:
    """A lock, and where each entry is from.

    ``requests`` and ``bytes`` count all requests sent and all bytes received.
    """

    lockfile: Lockfile
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[Problem, ...] = ()
    requests: int = 0
    bytes: int = 0

    @property
    def totals(self) -> dict[str, int]:
        """Packages, requests, bytes received, and the bytes of the wheels that they replace."""
        return {
            "packages": len(self.lockfile.packages),
            "requests": self.requests,
            "bytes": self.bytes,
            "wheel_bytes": sum(evidence.size or 0 for evidence in self.evidence),
        }

    @property
    def summary(self) -> str:
        """What was locked and what it cost, in a sentence."""
        numbers = self.totals
        spared = numbers["wheel_bytes"]
        downloaded = any(evidence.proof == "download" for evidence in self.evidence)
        rest = f" instead of {size(spared)} of wheels" if spared and not downloaded else ""
        paid = cost(numbers["requests"], numbers["bytes"])
        return f"{count(numbers['packages'], 'package')} locked: {paid}{rest}."

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary}>"

    def __str__(self) -> str:
        widths = [
            max((len(cell) for cell in column), default=0)
            for column in zip(*self._cells(), strict=True)
        ]
        lines = ["  ".join(map(str.ljust, cells, widths)).rstrip() for cells in self._cells()]
        return "\n".join(
            [*lines, *map(showable, self.notes), *map(str, self.warnings), self.summary]
        )

    def _repr_html_(self) -> str:
        from .._util import html as display

        return display.page(
            display.packages(self.evidence),
            display.bars(self.evidence),
            "".join(map(display.paragraph, self.notes)),
            display.problems(self.warnings, count(len(self.warnings), "warning"), closed=True),
            display.paragraph(self.summary),
            display.download(LOCK_NAME, self.to_json().encode(), "application/json"),
        )

    def _cells(self) -> list[tuple[str, ...]]:
        from .._util import html as display

        cells = [
            (item.package, item.version, item.proof, display.whence(item)) for item in self.evidence
        ]
        return [tuple(map(showable, row)) for row in cells]

    @property
    def notes(self) -> list[str]:
        """What else there is to say, a sentence each."""
        return []

    def to_json(self, *, compact: bool = False) -> str:
        """The lock as canonical JSON."""
        return self.lockfile.to_json(compact=compact)

    def write(self, path: str | Path, *, compact: bool = False) -> None:
        """Write the lock to ``path``, whole or not at all. Raises `InputError` when that fails."""
        self.lockfile.write(path, compact=compact)


@dataclass(frozen=True, slots=True, repr=False)
class FreezeResult(ResolveResult):
    """A lock, and its evidence.

    ``left_out`` holds (name, version, reason) of installed distributions that are not in the lock.
    """

    left_out: tuple[tuple[str, str | None, str], ...] = ()

    @property
    def notes(self) -> list[str]:
        """Installed distributions that are not in the lock, and why."""
        left_out = [
            (" ".join(filter(None, (name, version))), reason)
            for name, version, reason in self.left_out
        ]
        return [f"left out: {what}: {reason}" for what, reason in left_out]
