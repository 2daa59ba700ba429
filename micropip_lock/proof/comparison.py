"""An installed distribution compared with a wheel: the rules of «Equal» (docs/evidence.md)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from ..formats.record import WRITTEN_BY_INSTALLERS, Record, RecordRow, bytecode_source
from ..installed.installation import Installation, InstalledFiles

if TYPE_CHECKING:
    from ..formats.wheel import WheelDescription
    from ..formats.zip_directory import Member

_CACHED = re.compile(r"(^|/)__pycache__/[^/]+\.pyc$")
#: Where installers put scripts: ../../../bin of a venv, ../../bin (pip --target), bin (uv
#: --target), an absolute path where the prefix lies on another drive; «Scripts» on Windows.
_SCRIPT_FOLDER = re.compile(r"((\.\./)*|(/|[A-Za-z]:/)(.*/)?)(bin|Scripts)")
#: What installers on Windows add to the name of a script.
_SCRIPT_SUFFIX = re.compile(r"(-script\.pyw?|\.exe(\.manifest)?)$")
#: Files that Python may import by their names.
_IMPORTABLE = (".py", ".pyc", ".so", ".pyd")
#: The folders that hold site-packages, in .data/data, and how RECORD names them from there.
_ABOVE_SITE_PACKAGES = (
    (re.compile(r"lib(64)?/"), "../../"),  # lib/python3.14/site-packages
    (re.compile(r"lib(64)?/(python|pypy)3\.\d{1,3}t?/"), "../"),
    (re.compile(r"[Ll]ib/"), "../"),  # lib/python (pip --target), and Lib/site-packages on Windows
)
#: pip installs these two under a versioned name as well («pip3.14»).
_VERSIONED_SCRIPT = re.compile(r"(pip|easy_install)-?\d{1,3}(\.\d{1,3})?")


@dataclass(slots=True)
class Comparison:
    """How an installation and a wheel differ; all lists empty: they are equal."""

    #: Members that are not installed as the wheel has them: this is another wheel.
    differing: list[str] = field(default_factory=list)
    #: Members whose row, in either RECORD, has no hash of sha256 or stronger.
    weak: list[str] = field(default_factory=list)
    #: Members that are installed as the wheel has them, though the wheel's own RECORD says
    #: something else.
    wrong: list[str] = field(default_factory=list)
    #: Rows that no member, entry point or installer accounts for.
    extra: list[str] = field(default_factory=list)
    #: Members that Python may import where they are installed, but not where Pyodide puts data
    #: files.
    misplaced: list[str] = field(default_factory=list)
    #: Installed paths whose bytes are those of the wheel, even if the installed RECORD says
    #: otherwise.
    settled: set[str] = field(default_factory=set, compare=False)

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.differing or self.weak or self.wrong or self.extra or self.misplaced)


def compare(installed: Installation, wheel: WheelDescription) -> Comparison:
    """Compare an installation with the members of a wheel and their hashes.

    The hashes are those of the wheel's own RECORD, or of its bytes where it was downloaded.
    """
    return _Comparer(installed, wheel).run()


def split_changes(
    paths: Iterable[str], installed: Installation, wheel: WheelDescription, comparison: Comparison
) -> tuple[list[str], list[str]]:
    """Why files on disk are not as the installed RECORD says, for a wheel that ``comparison`` found
    to be equal.

    The first list holds the ``paths`` that were edited or removed after the installation, the
    second those that are as the wheel has them: its own RECORD is wrong. Rows of RECORD without a
    member are in neither.
    """
    data_folder = _data_folder(wheel.dist_info)
    members = {
        _target(item.name, data_folder): item for item in wheel.members if not item.is_folder
    }
    listed = Record.of(wheel.record)
    edited, wrong = [], []
    for path in paths:
        member = members.get(path)
        if path in comparison.settled:
            continue
        if member is None:
            if path not in listed.entries or installed.files.is_file(path):
                edited.append(path)
        elif installed.files.size_and_crc(path) != (member.size, member.crc):
            edited.append(path)
        elif wheel.true_rows is None:
            wrong.append(path)
        elif not _holds(installed.files, path, Record.of(wheel.true_rows).row(member.name)):
            edited.append(path)
    return edited, wrong


def _holds(files: InstalledFiles, path: str, row: RecordRow) -> bool:
    """Whether the file at ``path`` has the hash of ``row``."""
    return row.algorithm is not None and files.digest(path, row.algorithm) == row.digest


class _Verdict(IntEnum):
    """Whether an installed row is a member of the wheel, best first."""

    SAME = 0
    WRONG = 1  # the file is, but the wheel's own RECORD is wrong about it
    WEAK = 2  # the hashes do not decide
    OTHER = 3


class _Comparer:
    """One comparison in progress."""

    def __init__(self, installed: Installation, wheel: WheelDescription) -> None:
        self._files = installed.files
        self._check_crc = installed.check_crc
        self._skips_bytecode = installed.skips_bytecode
        self._puts_data_among_packages = installed.puts_data_among_packages
        self._keeps_data_outside = installed.keeps_data_outside
        self._wheel = wheel
        self._ours = Record.of(installed.rows)
        #: The rows of the wheel's own RECORD.
        self._listed = Record.of(wheel.record)
        #: The hashes to compare with.
        self._held = self._listed
        if wheel.true_rows is not None:
            self._held = Record.of(wheel.true_rows)
        self._rows = _RowFinder(self._ours)
        self._scripts = set(installed.entry_points)
        self._data_folder = _data_folder(wheel.dist_info)
        self._result = Comparison()

    def run(self) -> Comparison:
        special = (f"{self._wheel.dist_info}/", f"{self._data_folder}/")
        for member in self._wheel.members:
            name = member.name
            if member.is_folder:
                continue
            is_plain = not (self._check_crc or name.startswith(special))
            if is_plain and _plainly_same(member.size, self._ours, self._held, name):
                self._rows.use([name])
            else:
                self._compare(member)
        self._result.extra.extend(self._unaccounted())
        return self._result

    @cached_property
    def _packages(self) -> set[str]:
        """The folders that the wheel has at its root."""
        paths = (_target(member.name, self._data_folder) for member in self._wheel.members)
        return {path.partition("/")[0] for path in paths if "/" in path} - {self._data_folder}

    def _compare(self, member: Member) -> None:
        name = member.name
        scheme, below = _scheme(name, self._data_folder)
        target = _target(name, self._data_folder)
        if scheme == "scripts":  # installers rewrite the first line
            self._scripts.add(below)
            self._rows.use([name])
        elif self._is_written_by_installers(target):
            self._rows.use([target])
        elif rows := self._rows_of(name, scheme, below):
            same = self._compare_rows(member, rows)
            if scheme == "data" and any(self._is_module(row) for row in same):
                self._result.misplaced.append(name)
            # A file that is only named like one of the wheel's data files is not accounted for by
            # it.
            self._rows.use(row.path for row in same or rows)
        elif not (self._skips_bytecode and _CACHED.search(name)):
            self._compare_unlisted(member, target)

    def _rows_of(self, name: str, scheme: str, below: str) -> list[RecordRow]:
        """The installed rows that may be the member ``name``."""
        rows = self._rows.find(name, scheme, below)
        if scheme not in ("data", "headers"):
            return rows
        if self._keeps_data_outside:
            return [row for row in rows if row.leaves_folder]
        # Pyodide puts no data among packages: but where the installer does, a file of a package is
        # none of them.
        among_packages = below if scheme == "data" and self._puts_data_among_packages else None
        return [row for row in rows if row.path == among_packages or not self._is_of_package(row)]

    def _is_module(self, row: RecordRow) -> bool:
        return row.path.endswith(_IMPORTABLE) and self._is_of_package(row)

    def _is_of_package(self, row: RecordRow) -> bool:
        if row.leaves_folder:
            return False
        first, slash, _ = row.path.partition("/")
        if not slash:
            return row.path.endswith(_IMPORTABLE)
        return first in self._packages or f"{first}/__init__.py" in self._ours.entries

    def _is_written_by_installers(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return folder == self._wheel.dist_info and WRITTEN_BY_INSTALLERS.fullmatch(name) is not None

    def _compare_unlisted(self, member: Member, target: str) -> None:
        """Compare a member that has no installed row, as where the wheel's own RECORD lacks it."""
        name = member.name
        if name in self._listed.entries or not self._files.is_file(target):
            self._result.differing.append(name)
        elif self._wheel.true_rows is None:
            self._result.weak.append(name)
        elif _holds(self._files, target, self._held.row(name)):
            self._result.settled.add(target)
        else:
            self._result.differing.append(name)

    def _compare_rows(self, member: Member, rows: Sequence[RecordRow]) -> list[RecordRow]:
        """Compare a member with the installed rows that may be it, and return those that are."""
        name = member.name
        held = self._held.row(name) if name in self._held.entries else None
        if held is None or not held.strong:
            self._result.weak.append(name)
            return []
        verdicts = [self._verdict(row, held, member) for row in rows]
        best = min(verdicts)
        if best is _Verdict.OTHER:
            self._result.differing.append(name)
        elif best is _Verdict.WEAK:
            self._result.weak.append(name)
        elif best is _Verdict.WRONG:
            self._result.wrong.append(name)
        return [
            row for row, verdict in zip(rows, verdicts, strict=True) if verdict is _Verdict.SAME
        ]

    def _verdict(self, row: RecordRow, held: RecordRow, member: Member) -> _Verdict:
        if held.size not in (None, member.size):
            return self._against_wrong_size(row, held, member)
        if row.algorithm == held.algorithm:
            if row.digest == held.digest and row.size in (None, member.size):
                return self._by_crc(row, member)
            return self._by_bytes(row, held, member)
        if row.size not in (None, member.size):
            return self._by_bytes(row, held, member)
        # «python -m installer» hashes anew, with its own algorithm.
        is_decided_by_file = row.strong or self._wheel.true_rows is not None
        if not (is_decided_by_file and _is_openable(row)):
            return _Verdict.WEAK
        if _holds(self._files, row.path, held):
            self._result.settled.add(row.path)
            return _Verdict.SAME
        return self._by_bytes(row, held, member)

    def _against_wrong_size(self, row: RecordRow, held: RecordRow, member: Member) -> _Verdict:
        """The verdict where the wheel's RECORD gives a member another size than its directory."""
        if _is_openable(row):
            is_member = self._files.size_and_crc(row.path) == (member.size, member.crc)
        else:
            is_member = (row.algorithm, row.digest, row.size) == (
                held.algorithm,
                held.digest,
                held.size,
            )
        return _Verdict.WRONG if is_member else _Verdict.OTHER

    def _by_crc(self, row: RecordRow, member: Member) -> _Verdict:
        """The verdict where both rows agree."""
        if not (self._check_crc and _is_openable(row)):
            return _Verdict.SAME
        if row.strong and not _holds(self._files, row.path, row):
            return (
                _Verdict.SAME
            )  # the file is not as its own row says, which is a problem of another kind
        found = self._files.size_and_crc(row.path)
        return _Verdict.SAME if found in (None, (member.size, member.crc)) else _Verdict.OTHER

    def _by_bytes(self, row: RecordRow, held: RecordRow, member: Member) -> _Verdict:
        """The verdict where installed row and wheel differ: another file, or a wrong RECORD."""
        if not _is_openable(row):
            return _Verdict.OTHER
        is_held = _holds(self._files, row.path, held)
        if self._wheel.true_rows is not None:
            if is_held:
                self._result.settled.add(row.path)
            return _Verdict.SAME if is_held else _Verdict.OTHER
        if is_held or self._result.differing:  # of another wheel, one difference is enough to know
            return _Verdict.OTHER
        is_member = self._files.size_and_crc(row.path) == (member.size, member.crc)
        return _Verdict.WRONG if is_member else _Verdict.OTHER

    def _unaccounted(self) -> list[str]:
        """The installed rows that nothing accounts for."""
        rest = [path for path in self._rows.unused() if not self._is_accounted(path)]
        scripts = [path for path in rest if self._is_script(path)]
        # An installer puts all scripts into one folder. Others inside of site-packages were added
        # by hand.
        folders = {path.rpartition("/")[0] for path in scripts}
        if len(folders) > 1:
            scripts = [
                path for path in scripts if path.startswith(("../", "/")) or path[1:2] == ":"
            ]
        accounted = set(scripts)
        return [path for path in rest if path not in accounted]

    def _is_accounted(self, path: str) -> bool:
        if self._is_written_by_installers(path):
            return True
        if bytecode_source(path) in self._ours.entries:
            return True
        return self._is_without_member(path)

    def _is_script(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if not _SCRIPT_FOLDER.fullmatch(folder):
            return False
        stem = _SCRIPT_SUFFIX.sub("", name)
        versioned = _VERSIONED_SCRIPT.fullmatch(stem)
        names = {name, stem, versioned[1] if versioned else stem}
        return not names.isdisjoint(self._scripts)

    def _is_without_member(self, path: str) -> bool:
        """Whether the row is one that the wheel's own RECORD has without a member, and pip kept.

        Published wheels have such: of folders (`wheel tags`), with a leading slash, of files that
        were left out.
        """
        listed = self._listed.entries.get(path)
        if listed is None or listed != self._ours.entries[path]:
            return False
        return self._ours.row(path).leaves_folder or not self._files.is_file(path)


def _plainly_same(size: int, ours: Record, theirs: Record, name: str) -> bool:
    """Whether both rows have one sha256, as nearly all have.

    Any other case is for `_Comparer._compare`.
    """
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


def _data_folder(dist_info: str) -> str:
    return dist_info.removesuffix(".dist-info") + ".data"


def _scheme(name: str, data_folder: str) -> tuple[str, str]:
    """The scheme a member goes to and its path below it; «files» for what lies at the root."""
    first, _, rest = name.partition("/")
    if first == data_folder:
        scheme, _, below = rest.partition("/")
        return scheme, below
    return "files", name


def _target(name: str, data_folder: str) -> str:
    """The path in site-packages that a member at the root or below purelib and platlib is installed
    to.
    """
    scheme, below = _scheme(name, data_folder)
    return below if scheme in ("purelib", "platlib") else name


def _beside_site_packages(below: str) -> list[str]:
    """The paths in RECORD of a data file that lies in a folder above site-packages, by layout of
    the environment.

    They are relative to site-packages, so that they do not name that folder: ``../../x`` is
    ``lib/x``.
    """
    found = [(pattern.match(below), steps) for pattern, steps in _ABOVE_SITE_PACKAGES]
    return [steps + below[match.end() :] for match, steps in found if match is not None]


def _is_openable(row: RecordRow) -> bool:
    """Whether the file of a row proves anything: Python rewrites its bytecode."""
    return not (row.leaves_folder or _CACHED.search(row.path))


class _RowFinder:
    """Where the members of a wheel may have been installed."""

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
        return [path for path in self._record.entries if path not in self._used]
