"""Whole files by their sha256, so that what one lock has fetched another one need not fetch again."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from .tidy import WHEELS

_SHA256 = re.compile(r"[0-9a-f]{64}")


class WheelStore:
    """The files below ``wheels`` in a cache folder. Whoever takes one compares its hash: nothing here is believed."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / WHEELS

    def place(self, sha256: str) -> Path:
        """Where the file with this hash (lower-case hex) is, or will be. Raises ValueError for what is no hash."""
        if not _SHA256.fullmatch(sha256):  # it may come from a lock that somebody else wrote
            raise ValueError(f"{sha256!r} is no sha256")
        return self._folder / sha256[:2] / sha256

    def find(self, sha256: str) -> Path | None:
        """The file with this hash, marked as used today; None when it is not there."""
        path = self.place(sha256)
        with suppress(OSError):
            if path.is_file():
                os.utime(path)
                return path
        return None

    def accepts(self, sha256: str) -> bool:
        """Whether the file with this hash could be kept here."""
        folder = self.place(sha256).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return os.access(folder, os.W_OK)
        except OSError:
            return False
