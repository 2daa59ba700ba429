"""RECORD: the files that an installer says it installed, or that a wheel says it holds.

Specification: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from operator import methodcaller
from typing import NamedTuple, overload

#: «sha256 or stronger»: what the specification of wheels asks for, in hashlib's names.
STRONG = frozenset({"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b"})

#: Files of .dist-info that installers write; a wheel's own copy of them proves nothing.
WRITTEN_BY_INSTALLERS = re.compile(
    r"RECORD[^/]*|INSTALLER|REQUESTED|direct_url\.json|provenance_url\.json|uv_[^/]*\.json|INDEX|PYODIDE_[^/]*"
)
#: Paths that are not in normal form: few are, and normalising costs.
_ODD_PATH = re.compile(r"\\|(^|/)\.{0,2}(/|$)")

#: uv_build before 0.8.13 wrote a sha256 so. In base64 it has 43 or 44 characters, so that it cannot
#: be misread.
_HEX_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")


class RecordRow(NamedTuple):
    """One row: a path relative to site-packages, normalised, with ``/``.

    A named tuple, since an environment has thousands of them.
    """

    path: str
    algorithm: str | None = None
    #: urlsafe base64 without padding, as RECORD has it
    digest: str | None = None
    size: int | None = None
    #: Whether the file lies outside of site-packages.
    leaves_folder: bool = False

    @property
    def strong(self) -> bool:
        """Whether the row has a hash that is worth comparing."""
        return self.algorithm in STRONG and bool(self.digest)


def digest(data: bytes, algorithm: str) -> str:
    """The hash of ``data`` as RECORD writes it."""
    return encode_digest(hashlib.new(algorithm, data).digest())


def encode_digest(raw: bytes) -> str:
    """A raw hash as RECORD writes it (PEP 427: urlsafe base64 without padding)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Record(Sequence[RecordRow]):
    """The rows of a RECORD. Each becomes a value only when the caller needs single rows.

    An environment has thousands of rows, and most questions are about all of them at once: `sizes`
    and `entries` answer those. Where a path is listed several times, the last row with a strong
    hash counts, or else the last one.
    """

    def __init__(
        self,
        paths: Sequence[str],
        hashes: Sequence[str],
        sizes: Sequence[int | None],
        outside: Collection[str] = (),
    ) -> None:
        self._columns = (paths, hashes, sizes)
        #: Paths that lie outside of site-packages.
        self._outside = frozenset(outside)
        #: Whether every path is listed once.
        self.is_unique = len(set(paths)) == len(paths)

    @classmethod
    def of(cls, rows: Sequence[RecordRow]) -> Record:
        """``rows`` as a Record; a Record is returned as it is."""
        if isinstance(rows, Record):
            return rows
        hashes = [f"{row.algorithm or ''}={row.digest or ''}" for row in rows]
        outside = {row.path for row in rows if row.leaves_folder}
        record = cls([row.path for row in rows], hashes, [row.size for row in rows], outside)
        record._rows = tuple(rows)
        return record

    @cached_property
    def _rows(self) -> tuple[RecordRow, ...]:
        return tuple(
            RecordRow(path, *_hash(hash_), size, path in self._outside)
            for path, hash_, size in zip(*self._columns, strict=True)
        )

    @cached_property
    def sizes(self) -> Mapping[str, int | None]:
        """The paths that lie in site-packages, with the size in bytes where the row has it."""
        if self.is_unique:
            found = dict(zip(self._columns[0], self._columns[2], strict=True))
        else:
            found = {path: size for path, (_, size) in self.entries.items()}
        for path in self._outside:
            found.pop(path, None)
        return found

    @cached_property
    def entries(self) -> Mapping[str, tuple[str, int | None]]:
        """Every path, with its hash as RECORD has it and its size."""
        paths, hashes, sizes = self._columns
        found = dict(zip(paths, zip(hashes, sizes, strict=True), strict=True))
        if not self.is_unique:
            found.update(
                (row.path, (hash_, row.size))
                for row, hash_ in zip(self, hashes, strict=True)
                if row.strong
            )
        return found

    @property
    def size(self) -> int:
        """The bytes of all rows together, as far as they say."""
        return sum(filter(None, self._columns[2]))

    def row(self, path: str) -> RecordRow:
        """The row of a path in `entries`."""
        hash_, size = self.entries[path]
        return RecordRow(path, *_hash(hash_), size, path in self._outside)

    def __len__(self) -> int:
        return len(self._columns[0])

    @overload
    def __getitem__(self, index: int) -> RecordRow: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[RecordRow, ...]: ...
    def __getitem__(self, index: int | slice) -> RecordRow | tuple[RecordRow, ...]:
        return self._rows[index]

    def __iter__(self) -> Iterator[RecordRow]:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._rows == tuple(other)

    def __hash__(self) -> int:
        return hash(self._rows)


def parse_record(data: bytes) -> Record:
    """Parse RECORD. Raises ValueError when it is not UTF-8, not CSV, or a size is no number."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"it cannot be read ({error})") from error
    record = _read_columns(text)
    return read_rows(text) if record is None else record


def read_rows(text: str) -> Record:
    """Read RECORD row by row: what `parse_record` does, without its fast path."""
    return Record.of([_row(fields) for fields in _csv_rows(text) if fields])


# -- the fast path: the columns of a RECORD as nearly all are written
#
# An environment has tens of thousands of rows, and all are read before anything is proved.
# `_read_columns` takes a quarter of the time of `read_rows`: for 10 000 rows 18 ms instead of 75 ms
# (timeit of both on CPython 3.11), and it needs no csv, which takes a while to import in Pyodide.
# tests/unit/formats/test_record.py compares what they read.

_COUNT_COMMAS = methodcaller("count", ",")
#: Without any of these, the fields of a line are what is between its commas.
_QUOTING = ('"', "\0", "\r")
#: Without any of these, every path (each between two line ends) is in normal form, and inside of
#: site-packages.
_ODD_MARKS = ("\\", ":", "./", ".\n", "//", "/\n", "\n/", "\n\n")
#: The start of a path outside of site-packages in normal form, as of scripts and manual pages.
_OUTSIDE = re.compile(r"\n(?:\.\./)+(?=[^./])")


def _read_columns(text: str) -> Record | None:
    """Read a RECORD of three columns without quotes and odd paths; None for any other."""
    text = text.replace("\r\n", "\n")
    if any(mark in text for mark in _QUOTING):
        return None
    lines = [line for line in text.split("\n") if line]
    if set(map(_COUNT_COMMAS, lines)) != {2}:
        return None
    fields = ",".join(lines).split(",")
    paths = fields[::3]
    hashes = fields[1::3]
    sizes = fields[2::3]
    digits = "".join(sizes)
    if digits and not digits.isdecimal():
        return None
    listed = "\n".join(["", *paths, ""])
    has_outside = "\n../" in listed
    inside = _OUTSIDE.sub("\n", listed) if has_outside else listed
    if any(mark in inside for mark in _ODD_MARKS):
        return None
    outside = [path for path in paths if path.startswith("../")] if has_outside else []
    return Record(paths, hashes, [int(size) if size else None for size in sizes], outside)


# -- row by row


def _csv_rows(text: str) -> list[list[str]]:
    import csv  # takes a while to import in Pyodide, and is seldom needed
    import io

    try:
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise ValueError(f"it cannot be read ({error})") from error


def _row(fields: Sequence[str]) -> RecordRow:
    path, hash_, size = (*fields, "", "")[:3]
    if not path or "\0" in path:
        raise ValueError(f"a row without a path: {','.join(fields)[:80]!r}")
    if size and not size.isdecimal():
        raise ValueError(f"the size of {path!r} is {size[:20]!r}")
    if _ODD_PATH.search(path):
        path = posixpath.normpath(path.replace("\\", "/"))
    return RecordRow(
        path,
        *_hash(hash_),
        size=int(size) if size else None,
        leaves_folder=path.startswith(("../", "/")) or path == ".." or path[1:2] == ":",
    )


def _hash(text: str) -> tuple[str | None, str | None]:
    """The algorithm in hashlib's name, and the digest without padding."""
    algorithm, _, value = text.partition("=")
    algorithm = algorithm.lower()
    if algorithm == "sha256" and _HEX_SHA256.fullmatch(value):
        value = encode_digest(bytes.fromhex(value))
    return algorithm or None, value.rstrip("=") or None


def bytecode_source(path: str) -> str | None:
    """The .py file that the bytecode at ``path`` comes from; None when it is no bytecode."""
    if not path.endswith((".pyc", ".pyo")):
        return None
    folder, _, name = path.rpartition("/")
    parent, slash, last = folder.rpartition("/")
    if last != "__pycache__" or name.count(".") < 2:
        return path[:-1]  # PEP 3147: bytecode instead of its source
    # «name.cpython-314.pyc» or «name.cpython-314.opt-1.pyc» (PEP 488)
    stem = name[:-4]
    tagged, _, last_part = stem.rpartition(".")
    if "." in tagged and last_part.startswith("opt-"):
        stem = tagged
    module = stem.rpartition(".")[0]
    return f"{parent}{slash}{module}.py"
