"""The installed side of a comparison with a wheel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..formats.record import RecordRow


class InstalledFiles(Protocol):
    """The files of a site-packages folder, by path relative to it.

    Nothing is raised for one that cannot be read.
    """

    def is_file(self, path: str) -> bool:
        """Whether a file lies at ``path``."""

    def digest(self, path: str, algorithm: str) -> str | None:
        """The hash of a file as RECORD writes it; ``algorithm`` is hashlib's name.

        None: it cannot be read.
        """

    def size_and_crc(self, path: str) -> tuple[int, int] | None:
        """The size of a file in bytes, and its CRC-32. None: it cannot be read."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The installed side of a comparison.

    RECORD, the names of console and GUI scripts, and the files.
    """

    rows: Sequence[RecordRow]
    files: InstalledFiles
    entry_points: frozenset[str] = frozenset()
    #: Whether to compare the CRC-32 of each file on disk with that of its member.
    check_crc: bool = False
    #: Whether its installer leaves out what a wheel has in ``__pycache__``.
    skips_bytecode: bool = False
    #: Whether its installer may put data files among packages.
    puts_data_among_packages: bool = False
    #: Whether its installer never puts a wheel's data and headers into site-packages.
    keeps_data_outside: bool = False
