"""RECORD: what an installer says it installed, compared with what a wheel says it holds.

Specification: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice, takewhile
from operator import methodcaller
from typing import TYPE_CHECKING, NamedTuple, overload

if TYPE_CHECKING:
    from .zip_tail import Member

#: «sha256 or stronger»: what the specification of wheels asks for, in hashlib's names.
STRONG = frozenset({"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b"})

#: Files of .dist-info that installers write; a wheel's own copy of them proves nothing.
WRITTEN_BY_INSTALLERS = re.compile(
    r"RECORD[^/]*|INSTALLER|REQUESTED|direct_url\.json|provenance_url\.json|uv_[^/]*\.json|INDEX|PYODIDE_[^/]*"
)
_CACHED = re.compile(r"(^|/)__pycache__/[^/]+\.pyc$")
#: Paths that are not in normal form: few are, and normalising costs.
_ODD_PATH = re.compile(r"\\|(^|/)\.{0,2}(/|$)")
#: What installers on Windows add to the name of a script, and pip to that of its own («pip3.14»).
_SCRIPT_SUFFIX = re.compile(r"(-script\.pyw?|\.exe(\.manifest)?|\.pyw?|-?\d{1,3}\.\d{1,3}(\.exe)?)$")


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
    """The rows of a RECORD. Each becomes a value only when somebody looks at single ones.

    An environment has thousands of rows, and most questions are about all of them at once: `sizes` and `entries` answer
    those. Where a path is listed several times, its last row counts.
    """

    def __init__(
        self, paths: Sequence[str], hashes: Sequence[str], sizes: Sequence[int | None], outside: Collection[str] = ()
    ) -> None:
        self._columns = (paths, hashes, sizes)
        #: Paths that lie outside of site-packages.
        self._outside = frozenset(outside)
        #: Whether every path is listed once.
        self.is_unique = len(set(paths)) == len(paths)

    @classmethod
    def of(cls, rows: Sequence[RecordRow]) -> Record:
        """The same rows; nothing to do when they are a Record."""
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
        found = dict(zip(self._columns[0], self._columns[2], strict=True))
        for path in self._outside:
            found.pop(path, None)
        return found

    @cached_property
    def entries(self) -> Mapping[str, tuple[str, int | None]]:
        """Every path, with its hash as it stands there and its size."""
        paths, hashes, sizes = self._columns
        return dict(zip(paths, zip(hashes, sizes, strict=True), strict=True))

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
    def __getitem__(self, place: int) -> RecordRow: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[RecordRow, ...]: ...
    def __getitem__(self, place: int | slice) -> RecordRow | tuple[RecordRow, ...]:
        return self._rows[place]

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
    plain = _plain(text)
    return Record.of([_row(row) for row in _csv_rows(text) if row]) if plain is None else plain


_COMMAS = methodcaller("count", ",")
#: Without a quote in it, a line is just cut at its commas.
_QUOTING = ('"', "\0", "\r")
#: Without any of these, every path (each between two line ends) is in normal form, and inside of site-packages.
_ODD_MARKS = ("\\", ":", "./", ".\n", "//", "/\n", "\n/", "\n\n")
#: Where a script or a page of a manual lies, which most installers put outside: in normal form as well.
_OUTSIDE = re.compile(r"\n(?:\.\./)+(?=[^./])")


def _plain(text: str) -> Record | None:
    """A RECORD as nearly all are; None for one that has to be read row by row."""
    text = text.replace("\r\n", "\n")
    if any(mark in text for mark in _QUOTING):
        return None
    lines = [line for line in text.split("\n") if line]
    if set(map(_COMMAS, lines)) != {2}:
        return None
    fields = ",".join(lines).split(",")
    paths, hashes, sizes = fields[::3], fields[1::3], fields[2::3]
    listed, digits = "\n".join(["", *paths, ""]), "".join(sizes)
    below = _OUTSIDE.sub("\n", listed) if "\n../" in listed else listed
    if any(mark in below for mark in _ODD_MARKS) or not (digits.isdecimal() or not digits):
        return None
    outside = [path for path in paths if path.startswith("../")] if below is not listed else ()
    return Record(paths, hashes, [int(size) if size else None for size in sizes], outside)


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
    return algorithm.lower() or None, value.rstrip("=") or None


def bytecode_source(path: str) -> str | None:
    """The .py file that the bytecode at ``path`` comes from; None when it is no bytecode."""
    if not path.endswith((".pyc", ".pyo")):
        return None
    folder, _, name = path.rpartition("/")
    parent, slash, last = folder.rpartition("/")
    if last != "__pycache__" or name.count(".") < 2:
        return path[:-1]  # PEP 3147: bytecode without its source, in the place of it
    # «name.cpython-314.pyc» or «name.cpython-314.opt-1.pyc» (PEP 488)
    stem = name[:-4]
    if "." in (before := stem.rpartition("."))[0] and before[2].startswith("opt-"):
        stem = before[0]
    return f"{parent}{slash}{stem.rpartition('.')[0]}.py"


@dataclass(slots=True)
class Comparison:
    """How an installed RECORD and a wheel differ; all empty: they are equal."""

    #: Members that are not installed as the wheel has them: this is another wheel.
    differing: list[str] = field(default_factory=list)
    #: Members whose row, here or there, has no hash of sha256 or stronger.
    weak: list[str] = field(default_factory=list)
    #: Rows that no member, entry point or installer accounts for.
    extra: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.differing or self.weak or self.extra)


@dataclass(frozen=True, slots=True)
class Installation:
    """The installed side of a comparison."""

    rows: Sequence[RecordRow]
    #: Names of console_scripts and gui_scripts.
    entry_points: frozenset[str] = frozenset()
    #: path, algorithm -> hash of the file on disk as RECORD writes it; None when it cannot be read
    hash_file: Callable[[str, str], str | None] = lambda path, algorithm: None
    #: Whether to hash the files on disk whose rows have no hash.
    hash_weak: bool = False
    #: row -> CRC-32 of the file on disk, None when it is not even what its own row says (which is another
    #: problem, and told as such); without it CRCs are not compared
    crc_file: Callable[[RecordRow], int | None] | None = None


def compare(
    installed: Installation, members: Iterable[Member], shipped: Sequence[RecordRow], dist_info: str
) -> Comparison:
    """Compare an installation with a wheel's central directory and RECORD.

    ``dist_info`` is the wheel's .dist-info folder. A member and its row must be equal in hash and
    size; the rules are those of the contract («Equal»).
    """
    result = Comparison()
    ours, theirs = Record.of(installed.rows), Record.of(shipped)
    places = _Places(ours)
    scripts: set[str] = set(installed.entry_points)
    data_folder = dist_info.removesuffix(".dist-info") + ".data"
    special = (f"{dist_info}/", f"{data_folder}/")
    plain = installed.crc_file is None
    for member in members:
        if member.is_folder:
            continue
        name = member.name
        if plain and not name.startswith(special) and _plainly_same(member.size, ours, theirs, name):
            places.use([name])
            continue
        scheme, below = _scheme(name, data_folder)
        # Installers rewrite the first line of a script, and write these files themselves.
        if scheme == "scripts":
            scripts.add(below)
        elif not (name.startswith(dist_info + "/") and WRITTEN_BY_INSTALLERS.fullmatch(below)):
            candidates = places.find(name, scheme, below)
            row = theirs.row(name) if name in theirs.entries else None
            same = _compare_member(member, row, candidates, installed, result)
            # A file that is only named like one of the wheel's data files is not accounted for by it.
            places.use(place.path for place in same or candidates)
            continue
        places.use([name])
    result.extra.extend(_extra(places.unused(), ours.entries, scripts, dist_info))
    return result


def _plainly_same(size: int, ours: Record, theirs: Record, name: str) -> bool:
    """Whether both rows have one sha256, as nearly all have; any other case is for `_compare_member`."""
    place, row = ours.entries.get(name), theirs.entries.get(name)
    return (
        place is not None
        and row is not None
        and place[0] == row[0]
        and place[0].startswith("sha256=")
        and len(place[0]) > len("sha256=")
        and place[1] in (None, size)
        and row[1] in (None, size)
    )


def _scheme(name: str, data_folder: str) -> tuple[str, str]:
    """The scheme a member goes to and its path below it; «files» for what lies at the root."""
    first, _, rest = name.partition("/")
    if first == data_folder:
        scheme, _, below = rest.partition("/")
        return scheme, below
    return "files", rest if first.endswith(".dist-info") else name


def _compare_member(
    member: Member, row: RecordRow | None, places: list[RecordRow], installed: Installation, result: Comparison
) -> list[RecordRow]:
    """Compare a member with the rows that may be it, and return those that are."""
    if not places:
        # Bytecode is never required: «python -m installer» leaves out what a wheel has in __pycache__.
        if not _CACHED.search(member.name):
            result.differing.append(member.name)
    elif row is None or not row.strong:
        result.weak.append(member.name)
    elif row.size not in (None, member.size):
        result.differing.append(member.name)
    else:
        verdicts = [_same(place, row, member, installed) for place in places]
        if not any(verdicts):
            (result.weak if None in verdicts else result.differing).append(member.name)
        return [place for place, verdict in zip(places, verdicts, strict=True) if verdict]
    return []


def _same(place: RecordRow, row: RecordRow, member: Member, installed: Installation) -> bool | None:
    """Whether the installed file is the member; None when its row does not tell."""
    assert row.algorithm is not None
    if place.size not in (None, member.size):
        return False
    if place.algorithm == row.algorithm:
        found = place.digest
    elif _openable(place) and (place.strong or installed.hash_weak):
        # «python -m installer» hashes anew, with its own algorithm
        found = installed.hash_file(place.path, row.algorithm)
    else:
        return None
    if found != row.digest:
        return False
    if installed.crc_file is not None and _openable(place):
        return installed.crc_file(place) in (None, member.crc)
    return True


def _openable(place: RecordRow) -> bool:
    """Whether what lies there now tells anything: Python writes its bytecode anew."""
    return not (place.leaves_folder or _CACHED.search(place.path))


class _Places:
    """Where the members of a wheel may have been installed."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._used: set[str] = set()
        #: The paths read from their ends, sorted, as soon as somebody needs them.
        self._backwards: list[str] | None = None

    def find(self, name: str, scheme: str, below: str) -> list[RecordRow]:
        """The rows that may be the member ``name``."""
        paths = [name]
        if scheme in ("purelib", "platlib"):
            paths = [below]
        elif scheme in ("data", "headers"):
            # Where a scheme lies differs from installer to installer: only the path below it is known.
            paths = [below, *self._ending(f"/{below}")]
        return [self._record.row(path) for path in paths if path in self._record.entries]

    def _ending(self, end: str) -> Iterator[str]:
        if self._backwards is None:
            self._backwards = sorted(path[::-1] for path in self._record.entries)
        start = bisect_left(self._backwards, end[::-1])
        same = takewhile(lambda path: path.startswith(end[::-1]), islice(self._backwards, start, None))
        return (path[::-1] for path in same)

    def use(self, paths: Iterable[str]) -> None:
        """Count the rows of ``paths`` as accounted for."""
        self._used.update(paths)

    def unused(self) -> list[str]:
        return [path for path in self._record.entries if path not in self._used]


def _extra(paths: Iterable[str], listed: Collection[str], scripts: set[str], dist_info: str) -> Iterable[str]:
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder == dist_info and WRITTEN_BY_INSTALLERS.fullmatch(name):
            continue
        if bytecode_source(path) in listed:
            continue
        # Scripts go to ../../../bin, to ../../bin (pip --target) or to bin (uv --target), never into a package.
        outside = folder.startswith(("../", "/")) or "/" not in folder
        is_bin = outside and posixpath.basename(folder).lower() in ("bin", "scripts")
        if is_bin and {name, _SCRIPT_SUFFIX.sub("", name)} & scripts:
            continue
        yield path
