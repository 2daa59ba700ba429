"""Where installers put the members of a wheel, and how the installed RECORD names them there.

Specification: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice, takewhile

from ..formats.record import Record, RecordRow

#: The folders that hold site-packages, in .data/data, and how RECORD names them from there.
_ABOVE_SITE_PACKAGES = (
    (re.compile(r"lib(64)?/"), "../../"),  # lib/python3.14/site-packages
    (re.compile(r"lib(64)?/(python|pypy)3\.\d{1,3}t?/"), "../"),
    (re.compile(r"[Ll]ib/"), "../"),  # lib/python (pip --target), and Lib/site-packages on Windows
)


def data_folder_of(dist_info: str) -> str:
    """The name of the ``.data`` folder beside a .dist-info folder."""
    return dist_info.removesuffix(".dist-info") + ".data"


def scheme_of(name: str, data_folder: str) -> tuple[str, str]:
    """The scheme a member goes to and its path below it; «files» for what lies at the root."""
    first, _, rest = name.partition("/")
    if first == data_folder:
        scheme, _, below = rest.partition("/")
        return scheme, below
    return "files", name


def path_in_site_packages(name: str, data_folder: str) -> str:
    """The path in site-packages that a member at the root or below purelib and platlib is installed
    to.
    """
    scheme, below = scheme_of(name, data_folder)
    return below if scheme in ("purelib", "platlib") else name


def _beside_site_packages(below: str) -> list[str]:
    """The paths in RECORD of a data file that lies in a folder above site-packages, by layout of
    the environment.

    They are relative to site-packages, so that they do not name that folder: ``../../x`` is
    ``lib/x``.
    """
    found = [(pattern.match(below), steps) for pattern, steps in _ABOVE_SITE_PACKAGES]
    return [steps + below[match.end() :] for match, steps in found if match is not None]


class RowFinder:
    """The rows of the installed RECORD ``record`` that may be members of a wheel."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._used: set[str] = set()
        #: The paths read from their ends, sorted, as soon as they are needed.
        self._backwards: list[str] | None = None

    def find(self, name: str, scheme: str, below: str) -> list[RecordRow]:
        """The rows that may be the member ``name``."""
        paths = [name]
        if scheme in ("purelib", "platlib"):
            paths = [below]
        elif scheme in ("data", "headers"):
            # Where a scheme lies differs from installer to installer: only the path below it is
            # known.
            paths = [below, *self._ending(f"/{below}")]
            if scheme == "data":
                paths += _beside_site_packages(below)
        return [self._record.row(path) for path in paths if path in self._record.entries]

    def _ending(self, end: str) -> Iterator[str]:
        if self._backwards is None:
            self._backwards = sorted(path[::-1] for path in self._record.entries)
        start = bisect_left(self._backwards, end[::-1])
        same = takewhile(
            lambda path: path.startswith(end[::-1]), islice(self._backwards, start, None)
        )
        return (path[::-1] for path in same)

    def use(self, paths: Iterable[str]) -> None:
        """Count the rows of ``paths`` as accounted for."""
        self._used.update(paths)

    def unused(self) -> list[str]:
        """The paths of the rows that are not accounted for."""
        return [path for path in self._record.entries if path not in self._used]
