"""An installed distribution compared with a wheel: the rules of «Equal» (docs/evidence.md)."""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from .record import WRITTEN_BY_INSTALLERS, Record, RecordRow, bytecode_source

if TYPE_CHECKING:
    from .zip_tail import Member

_CACHED = re.compile(r"(^|/)__pycache__/[^/]+\.pyc$")
#: What installers on Windows add to the name of a script, and pip to that of its own («pip3.14»).
_SCRIPT_SUFFIX = re.compile(r"(-script\.pyw?|\.exe(\.manifest)?|\.pyw?|-?\d{1,3}\.\d{1,3}(\.exe)?)$")


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
