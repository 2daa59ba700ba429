"""Whether a row of the installed RECORD is a member of a wheel: by hashes, sizes and CRC-32s."""

from __future__ import annotations

import re
from enum import IntEnum

from ..formats.record import RecordRow
from ..formats.wheel import WheelDescription
from ..formats.zip_directory import Member
from ..installed.installation import Installation, InstalledFiles

#: Bytecode that Python writes.
CACHED = re.compile(r"(^|/)__pycache__/[^/]+\.pyc$")


class RowVerdict(IntEnum):
    """Whether an installed row is a member of the wheel, best first."""

    SAME = 0
    WRONG = 1  # the file is, but the wheel's own RECORD is wrong about it
    WEAK = 2  # the hashes do not decide
    OTHER = 3


def holds(files: InstalledFiles, path: str, row: RecordRow) -> bool:
    """Whether the file at ``path`` has the hash of ``row``."""
    return row.algorithm is not None and files.digest(path, row.algorithm) == row.digest


class RowJudge:
    """Decides for single rows of ``installed`` whether they are members of ``wheel``.

    ``settled`` receives the installed paths whose bytes are those of the wheel, even if the
    installed RECORD says otherwise.
    """

    def __init__(self, installed: Installation, wheel: WheelDescription, settled: set[str]) -> None:
        self._files = installed.files
        self._check_crc = installed.check_crc
        self._is_downloaded = wheel.true_rows is not None
        self._settled = settled

    def verdict(
        self, row: RecordRow, held: RecordRow, member: Member, *, is_other_wheel: bool
    ) -> RowVerdict:
        """Whether the installed ``row`` is ``member``, whose hash is that of ``held``.

        ``is_other_wheel``: a difference is known already, so that no file is opened to tell why.
        """
        if held.size not in (None, member.size):
            return self._against_wrong_size(row, held, member)
        has_size = row.size in (None, member.size)
        if row.algorithm == held.algorithm:
            if row.digest == held.digest and has_size:
                return self._by_crc(row, member)
            return self._by_bytes(row, held, member, is_other_wheel)
        if not has_size:
            return self._by_bytes(row, held, member, is_other_wheel)
        # «python -m installer» hashes anew, with its own algorithm.
        is_decided_by_file = row.strong or self._is_downloaded
        if not (is_decided_by_file and _is_openable(row)):
            return RowVerdict.WEAK
        if holds(self._files, row.path, held):
            self._settled.add(row.path)
            return RowVerdict.SAME
        return self._by_bytes(row, held, member, is_other_wheel)

    def _against_wrong_size(self, row: RecordRow, held: RecordRow, member: Member) -> RowVerdict:
        """The verdict where the wheel's RECORD gives a member another size than its directory."""
        if _is_openable(row):
            return self._wrong_or_other(row, member)
        return RowVerdict.WRONG if _says(row) == _says(held) else RowVerdict.OTHER

    def _by_crc(self, row: RecordRow, member: Member) -> RowVerdict:
        """The verdict where both rows agree."""
        if not (self._check_crc and _is_openable(row)):
            return RowVerdict.SAME
        # A file that is not as its own row says is a problem of another kind.
        if row.strong and not holds(self._files, row.path, row):
            return RowVerdict.SAME
        found = self._files.size_and_crc(row.path)
        is_member = found in (None, (member.size, member.crc))
        return RowVerdict.SAME if is_member else RowVerdict.OTHER

    def _by_bytes(
        self, row: RecordRow, held: RecordRow, member: Member, is_other_wheel: bool
    ) -> RowVerdict:
        """The verdict where installed row and wheel differ: another file, or a wrong RECORD."""
        if not _is_openable(row):
            return RowVerdict.OTHER
        is_held = holds(self._files, row.path, held)
        if self._is_downloaded:
            if is_held:
                self._settled.add(row.path)
            return RowVerdict.SAME if is_held else RowVerdict.OTHER
        if is_held or is_other_wheel:
            return RowVerdict.OTHER
        return self._wrong_or_other(row, member)

    def _wrong_or_other(self, row: RecordRow, member: Member) -> RowVerdict:
        """The verdict where size and CRC-32 of the file decide, and not the wheel's RECORD."""
        found = self._files.size_and_crc(row.path)
        is_member = found == (member.size, member.crc)
        return RowVerdict.WRONG if is_member else RowVerdict.OTHER


def _says(row: RecordRow) -> tuple[str | None, str | None, int | None]:
    return row.algorithm, row.digest, row.size


def _is_openable(row: RecordRow) -> bool:
    """Whether the file of a row proves anything: Python rewrites its bytecode."""
    return not (row.leaves_folder or CACHED.search(row.path))
