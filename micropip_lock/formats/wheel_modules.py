"""The modules of a wheel: the files in it that Python can import, where an installer puts them.

Only files that an installer puts into site-packages count: members at the root of the wheel, and
below ``.data/purelib`` and ``.data/platlib``; never scripts, data and headers, and never what
RECORD alone lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .zip_directory import Member

#: No module lies deeper; each folder on the way to one is a name of its own.
_DEEPEST = 64
#: A dotted name, split.
Name = tuple[str, ...]

#: The name of a file that Python can import.
MODULE = re.compile(r"(?P<name>[^./]+)(\.py|\.pyc|(\.[A-Za-z0-9_-]+)?\.so)")

#: The folders of ``.data`` whose files go into site-packages (PEP 427).
_SPREAD = frozenset({"purelib", "platlib"})


@dataclass(frozen=True, slots=True)
class WheelModules:
    """The modules of a wheel.

    * ``files``: where an installer puts each of them, below site-packages -> CRC-32, None where it
      cannot be read. Paths that are no modules do not matter.
    * ``unspread``: files lie below ``.data/purelib`` or ``.data/platlib``, where Pyodide leaves
      them.
    """

    files: Mapping[str, int | None]
    unspread: bool = False

    def to_json(self) -> list[Any]:
        """The modules for a cache."""
        return [dict(self.files), self.unspread]

    @classmethod
    def from_json(cls, value: Any) -> WheelModules:
        """The modules that `to_json` gave. Raises TypeError or ValueError for anything else."""
        files, unspread = value
        return cls(dict(files), bool(unspread))


def wheel_modules(members: Iterable[Member], dist_info: str) -> WheelModules:
    """The modules among the members of a wheel whose .dist-info folder is ``dist_info``."""
    placed = list(in_site_packages(members, dist_info))
    files = {path: member.crc for path, member in placed if is_module(path)}
    return WheelModules(files, any(path != member.name for path, member in placed))


def in_site_packages(members: Iterable[Member], dist_info: str) -> Iterator[tuple[str, Member]]:
    """The files that an installer puts into site-packages, each with its path there."""
    data_folder = dist_info.removesuffix(".dist-info") + ".data/"
    for member in members:
        path = member.name
        if member.is_folder:
            continue
        if path.startswith(data_folder):
            scheme, _, path = path.removeprefix(data_folder).partition("/")
            if scheme not in _SPREAD:
                continue
        yield path, member


def is_module(path: str) -> bool:
    """Whether Python can import the file at ``path`` below site-packages."""
    folder, _, filename = path.rpartition("/")
    match = MODULE.fullmatch(filename)
    if match is None or not match["name"].isidentifier():
        return False
    return folder_name(folder) is not None


@lru_cache(maxsize=4096)
def folder_name(folder: str) -> Name | None:
    """The dotted name of a folder; None where nothing can be imported from."""
    parts = tuple(folder.split("/")) if folder else ()
    if len(parts) > _DEEPEST or "__pycache__" in parts:
        return None
    # «foo-1.0.dist-info», «foo.libs» and «node-modules» are no identifiers.
    return parts if all(map(str.isidentifier, parts)) else None
