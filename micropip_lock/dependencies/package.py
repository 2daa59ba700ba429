"""A package as its dependencies see it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..formats.core_metadata import CoreMetadata, canonical
from ..installed.distribution import InstalledDistribution
from ..installed.site import Site


@dataclass(frozen=True)
class Package:
    """A package whose METADATA says what it needs, and what its installer says of requirements."""

    metadata: CoreMetadata
    #: Whether the user requested it, as far as its installer says so.
    is_requested: bool = False
    #: The extras that `sync` installed it with; None: another installer did.
    synced_extras: frozenset[str] | None = None
    #: The packages that micropip installed with it, those of extras included.
    installed_with: frozenset[str] = frozenset()
    #: The folder that it lies in, and what that belongs to.
    folder: Path | None = None
    site: Site = "venv"

    @cached_property
    def version(self) -> str:
        """The version, as METADATA has it."""
        return self.metadata.version

    @classmethod
    def installed(cls, distribution: InstalledDistribution) -> Package:
        """A package that is installed."""
        note = distribution.note
        return cls(
            metadata=distribution.metadata,
            is_requested=is_requested(distribution),
            synced_extras=None if note is None else frozenset(map(canonical, note.extras)),
            installed_with=_pyodide_requires(distribution),
            folder=distribution.folder,
            site=distribution.site,
        )


def is_requested(distribution: InstalledDistribution) -> bool:
    """Whether REQUESTED says that the user requested it (uv writes it for every package)."""
    return "REQUESTED" in distribution.files and distribution.installer in ("pip", "micropip-lock")


def _pyodide_requires(distribution: InstalledDistribution) -> frozenset[str]:
    """The names in PYODIDE_REQUIRES, which micropip and Pyodide's loader write."""
    try:
        value = json.loads(distribution.text("PYODIDE_REQUIRES") or "[]")
    except (ValueError, RecursionError):
        return frozenset()
    if not isinstance(value, list):
        return frozenset()
    return frozenset(canonical(name) for name in value if isinstance(name, str))
