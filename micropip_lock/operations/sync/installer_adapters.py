"""What `installer` reads wheels from and writes them to, at a fraction of its work for each file.

Its own source opens every member anew, and its own destination asks the file system about every
folder of a path. All rules stay those of `installer`.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from installer.destinations import SchemeDictionaryDestination
from installer.records import Hash, RecordEntry, parse_record_file
from installer.sources import WheelContentElement, WheelFile
from installer.utils import Scheme

from ...formats.record import WRITTEN_BY_INSTALLERS, encode_digest
from ...formats.zip_member import WholeArchive
from ...installed.distribution import one_blank
from .environment_files import is_environment

_PIECE = 2**20


class Source(WheelFile):
    """A wheel without the files that installers write.

    A wheel's own copies of these claim an origin that no installer has confirmed.
    """

    def __init__(self, whole: WholeArchive, archive: zipfile.ZipFile) -> None:
        """``archive`` is the same file: what `installer` itself reads of it."""
        super().__init__(archive)
        self._whole = whole

    def read_dist_info(self, filename: str) -> str:
        """The text of a file in .dist-info; with one name for each command in entry_points.txt."""
        text: str = super().read_dist_info(filename)
        return one_blank(text) if filename == "entry_points.txt" else text

    def get_contents(self) -> Iterator[WheelContentElement]:
        """Every file: its row of RECORD, its content, and whether it is to be run."""
        rows = {
            row[0]: row for row in parse_record_file(self.read_dist_info("RECORD").splitlines())
        }
        prefix = f"{self.dist_info_dir}/"
        for member in self._whole.members:
            name = member.name
            if member.is_folder:
                continue
            below = name.removeprefix(prefix)
            if below != "RECORD" and name != below and WRITTEN_BY_INSTALLERS.fullmatch(below):
                continue
            with self._whole.open(member) as stream:
                is_executable = stat.S_ISREG(member.mode) and bool(member.mode & 0o111)
                yield rows.get(name, (name, "", "")), cast(BinaryIO, stream), is_executable


class Destination(SchemeDictionaryDestination):
    """The folders of a scheme, all below ``target``, where nothing may be the environment's own."""

    def __init__(self, scheme: Mapping[str, str], interpreter: str, target: Path) -> None:
        super().__init__(dict(scheme), interpreter=interpreter, script_kind="posix")
        self._target = target.as_posix()
        self._folders: set[str] = set()
        #: The first file that would replace one of the environment's own, relative to ``target``.
        self.refused: str | None = None

    def write_to_fs(
        self, scheme: Scheme, path: str, stream: BinaryIO, is_executable: bool
    ) -> RecordEntry:
        """Write a file that must not be there yet, and hash what is written."""
        if not _is_below(path):
            raise ValueError(f"{path} is no name of a file below the folder that it is for")
        target = f"{self.scheme_dict[scheme]}/{path}"
        below = target.removeprefix(f"{self._target}/")
        if self.refused is None and is_environment(below):
            self.refused = below
        folder = target.rpartition("/")[0]
        if folder not in self._folders:
            os.makedirs(folder, exist_ok=True)
            self._folders.add(folder)
        found, size = hashlib.sha256(), 0
        mode = 0o777 if is_executable else 0o666
        descriptor = os.open(
            target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode
        )
        try:
            while piece := stream.read(_PIECE):
                found.update(piece)
                size += len(piece)
                while piece:
                    piece = piece[os.write(descriptor, piece) :]
        finally:
            os.close(descriptor)
        if is_executable:
            os.chmod(target, os.stat(target).st_mode | 0o111)
        return RecordEntry(path, Hash("sha256", encode_digest(found.digest())), size)


def _is_below(path: str) -> bool:
    """Whether a path leads to below the folder that it counts from, and does so plainly."""
    return "\\" not in path and {"", ".", ".."}.isdisjoint(path.split("/"))
