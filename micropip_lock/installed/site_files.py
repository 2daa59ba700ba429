"""The files of a site-packages folder, read one by one."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from .._util.reading import open_regular
from ..formats.record import digest


class SiteFiles:
    """The files of a site-packages folder, by path relative to it.

    Nothing is raised for one that cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._prefix = f"{folder}/"

    def size(self, path: str) -> int | None:
        """The size of a file in bytes; None when it is not there."""
        try:
            # A Path for each of thousands of files would cost more than the question itself.
            return os.stat(self._prefix + path).st_size  # noqa: PTH116  # speed
        except (OSError, ValueError):
            return None

    def is_file(self, path: str) -> bool:
        """Whether a file lies at ``path``."""
        return os.path.isfile(self._prefix + path)  # noqa: PTH113  # speed

    def digest(self, path: str, algorithm: str) -> str | None:
        """The hash of a file as RECORD writes it; ``algorithm`` is hashlib's name.

        None: it cannot be read.
        """
        data = self._read(path)
        return None if data is None else digest(data, algorithm)

    def size_and_crc(self, path: str) -> tuple[int, int] | None:
        """The size of a file in bytes, and its CRC-32. None: it cannot be read."""
        data = self._read(path)
        return None if data is None else (len(data), zlib.crc32(data))

    def _read(self, path: str) -> bytes | None:
        try:
            return _whole(self._prefix + path)
        except (OSError, ValueError):
            return None


def _whole(path: str) -> bytes:
    """The contents of a module or data file, however large."""
    with open_regular(path) as file:
        return file.read()
