"""An installed distribution compared with a wheel: the rules of «Equal» (docs/evidence.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..formats.record import Record, RecordRow
from ..installed.installation import Installation
from .extra_rows import ExtraRows, is_written_by_installers
from .row_verdict import CACHED, RowJudge, RowVerdict, holds
from .schemes import RowFinder, data_folder_of, path_in_site_packages, scheme_of

if TYPE_CHECKING:
    from ..formats.wheel import WheelDescription
    from ..formats.zip_directory import Member

#: Files that Python may import by their names.
_IMPORTABLE = (".py", ".pyc", ".so", ".pyd")


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
    files = installed.files
    data_folder = data_folder_of(wheel.dist_info)
    members = {
        path_in_site_packages(member.name, data_folder): member
        for member in wheel.members
        if not member.is_folder
    }
    listed = Record.of(wheel.record)
    edited: list[str] = []
    wrong: list[str] = []
    for path in paths:
        if path in comparison.settled:
            continue
        member = members.get(path)
        if member is None:
            if path not in listed.entries or files.is_file(path):
                edited.append(path)
        elif files.size_and_crc(path) != (member.size, member.crc):
            edited.append(path)
        elif wheel.true_rows is None:
            wrong.append(path)
        elif not holds(files, path, Record.of(wheel.true_rows).row(member.name)):
            edited.append(path)
    return edited, wrong


class _Comparer:
    """One comparison in progress."""

    def __init__(self, installed: Installation, wheel: WheelDescription) -> None:
        self._installed = installed
        self._wheel = wheel
        self._result = Comparison()
        self._judge = RowJudge(installed, wheel, self._result.settled)
        self._ours = Record.of(installed.rows)
        #: The rows of the wheel's own RECORD.
        self._listed = Record.of(wheel.record)
        #: The hashes to compare with.
        self._held = self._listed
        if wheel.true_rows is not None:
            self._held = Record.of(wheel.true_rows)
        self._rows = RowFinder(self._ours)
        self._scripts = set(installed.entry_points)
        self._data_folder = data_folder_of(wheel.dist_info)

    def run(self) -> Comparison:
        special = (f"{self._wheel.dist_info}/", f"{self._data_folder}/")
        check_crc = self._installed.check_crc
        for member in self._wheel.members:
            name = member.name
            if member.is_folder:
                continue
            is_plain = not (check_crc or name.startswith(special))
            if is_plain and _plainly_same(member.size, self._ours, self._held, name):
                self._rows.use([name])
            else:
                self._compare(member)
        self._result.extra.extend(self._changed_rows())
        return self._result

    def _changed_rows(self) -> list[str]:
        """The installed rows that nothing accounts for."""
        rows = ExtraRows(
            self._ours,
            self._listed,
            self._installed.files,
            self._wheel.dist_info,
            self._scripts,
        )
        return rows.changes(self._rows.unused())

    @cached_property
    def _packages(self) -> set[str]:
        """The folders that the wheel has at its root."""
        members = self._wheel.members
        paths = [path_in_site_packages(member.name, self._data_folder) for member in members]
        return {path.partition("/")[0] for path in paths if "/" in path} - {self._data_folder}

    def _compare(self, member: Member) -> None:
        name = member.name
        scheme, below = scheme_of(name, self._data_folder)
        target = path_in_site_packages(name, self._data_folder)
        if scheme == "scripts":  # installers rewrite the first line
            self._scripts.add(below)
            self._rows.use([name])
            return
        if is_written_by_installers(target, self._wheel.dist_info):
            self._rows.use([target])
            return
        rows = self._rows_of(name, scheme, below)
        if rows:
            self._compare_listed(member, scheme, rows)
        elif not (self._installed.skips_bytecode and CACHED.search(name)):
            self._compare_unlisted(member, target)

    def _rows_of(self, name: str, scheme: str, below: str) -> list[RecordRow]:
        """The installed rows that may be the member ``name``."""
        rows = self._rows.find(name, scheme, below)
        if scheme not in ("data", "headers"):
            return rows
        if self._installed.keeps_data_outside:
            return [row for row in rows if row.leaves_folder]
        # Pyodide puts no data among packages: but where the installer does, a file of a package is
        # none of them.
        puts_among_packages = scheme == "data" and self._installed.puts_data_among_packages
        among_packages = below if puts_among_packages else None
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

    def _compare_listed(self, member: Member, scheme: str, rows: Sequence[RecordRow]) -> None:
        """Compare a member with the installed rows that may be it."""
        same = self._same_rows(member, rows)
        if scheme == "data" and any(self._is_module(row) for row in same):
            self._result.misplaced.append(member.name)
        # A file that is only named like one of the wheel's data files is not accounted for by it.
        self._rows.use(row.path for row in same or rows)

    def _same_rows(self, member: Member, rows: Sequence[RecordRow]) -> list[RecordRow]:
        """The installed rows that are a member; if none is, that is a result."""
        name = member.name
        held = self._held.row(name) if name in self._held.entries else None
        if held is None or not held.strong:
            self._result.weak.append(name)
            return []
        is_other_wheel = bool(self._result.differing)
        verdicts = [
            self._judge.verdict(row, held, member, is_other_wheel=is_other_wheel) for row in rows
        ]
        best = min(verdicts)
        if best is RowVerdict.OTHER:
            self._result.differing.append(name)
        elif best is RowVerdict.WEAK:
            self._result.weak.append(name)
        elif best is RowVerdict.WRONG:
            self._result.wrong.append(name)
        judged = zip(rows, verdicts, strict=True)
        return [row for row, verdict in judged if verdict is RowVerdict.SAME]

    def _compare_unlisted(self, member: Member, target: str) -> None:
        """Compare a member that has no installed row, as where the wheel's own RECORD lacks it."""
        name = member.name
        files = self._installed.files
        if name in self._listed.entries or not files.is_file(target):
            self._result.differing.append(name)
        elif self._wheel.true_rows is None:
            self._result.weak.append(name)
        elif holds(files, target, self._held.row(name)):
            self._result.settled.add(target)
        else:
            self._result.differing.append(name)


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
