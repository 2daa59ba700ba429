"""Whole files by their sha256, so that what one lock has fetched another one need not fetch
again.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from .._util.files import is_plain_file, is_plain_folder
from .._util.private_files import check_private, make_private
from .maintenance import PARTS, WHEELS

_SHA256 = re.compile(r"[0-9a-f]{64}")


class WheelStore:
    """The files below ``wheels`` in a cache folder. Their hash is compared whenever one is taken.

    Raises `InputError` for a folder that others can write to.
    """

    def __init__(self, directory: Path) -> None:
        check_private(directory)
        self._directory = directory
        self._folder = directory / WHEELS
        #: Where broken downloads wait for the next run.
        self.parts = self._folder / PARTS

    def place(self, sha256: str) -> Path:
        """The path of the file with this hash (lower-case hex), existing or not.

        Raises ValueError for an invalid hash.
        """
        if not _SHA256.fullmatch(sha256):  # it may come from a lock that another tool wrote
            raise ValueError(f"{sha256!r} is no sha256")
        return self._folder / sha256[:2] / sha256

    def find(self, sha256: str) -> Path | None:
        """The file with this hash, marked as used today; None when it is not there."""
        path = self.place(sha256)
        with suppress(OSError):
            if self._is_ours(path):
                os.utime(path)
                return path
        return None

    def accepts(self, sha256: str) -> bool:
        """Whether the file with this hash could be kept: no folder of it is a link elsewhere."""
        try:
            make_private(self._directory)
            for folder in (self._folder, self.parts, self.place(sha256).parent):
                folder.mkdir(mode=0o700, exist_ok=True)
                if not is_plain_folder(folder) or not os.access(folder, os.W_OK):
                    return False
        except OSError:
            return False
        return True

    def _is_ours(self, path: Path) -> bool:
        return (
            is_plain_folder(self._folder) and is_plain_folder(path.parent) and is_plain_file(path)
        )
