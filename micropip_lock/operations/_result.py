"""What freeze and resolve give back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import Problem
from ..evidence import Evidence
from ..lockfile import Lockfile


@dataclass(frozen=True, slots=True)
class ResolveResult:
    """A lock, and where each entry is from. ``requests`` and ``bytes`` count everything that was asked for."""

    lockfile: Lockfile
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[Problem, ...] = ()
    requests: int = 0
    bytes: int = 0

    @property
    def totals(self) -> dict[str, int]:
        """Packages, requests, bytes asked for, and the bytes of the wheels these stand for."""
        return {
            "packages": len(self.lockfile.packages),
            "requests": self.requests,
            "bytes": self.bytes,
            "wheel_bytes": sum(evidence.size or 0 for evidence in self.evidence),
        }

    def to_json(self, *, compact: bool = False) -> str:
        """The lock as canonical JSON."""
        return self.lockfile.to_json(compact=compact)

    def write(self, path: str | Path, *, compact: bool = False) -> None:
        """Write the lock to ``path``, whole or not at all. Raises `InputError` when that fails."""
        self.lockfile.write(path, compact=compact)


@dataclass(frozen=True, slots=True)
class FreezeResult(ResolveResult):
    """A lock, and why it is true. ``left_out`` holds (name, version, reason) of what is installed and not in it."""

    left_out: tuple[tuple[str, str | None, str], ...] = ()
