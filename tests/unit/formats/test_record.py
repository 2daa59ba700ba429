from __future__ import annotations

import csv
import io
from importlib.util import cache_from_source
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropip_lock.formats import record
from micropip_lock.formats.record import (
    Record,
    RecordRow,
    bytecode_source,
    parse_record,
    read_rows,
)

from ...support.ids import short

# -- parsing


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("a.py,sha256=AbC_-,12", RecordRow("a.py", "sha256", "AbC_-", 12)),
        ("a.py,SHA256=AbC==,12", RecordRow("a.py", "sha256", "AbC", 12)),
        ("a.py,,", RecordRow("a.py")),
        ("a.py", RecordRow("a.py")),
        (f"a.py,sha256={'00' * 32},", RecordRow("a.py", "sha256", "A" * 43)),
        (f"a.py,sha256={'fF' * 32},", RecordRow("a.py", "sha256", "_" * 42 + "8")),
        (f"a.py,sha384={'00' * 32},", RecordRow("a.py", "sha384", "00" * 32)),
        ("a.py,sha256=,", RecordRow("a.py", "sha256")),
        ("a.py,md5=00,1,more,and more", RecordRow("a.py", "md5", "00", 1)),
        ('"a,""b"".py",,', RecordRow('a,"b".py')),
        ("a b/é.py,,", RecordRow("a b/é.py")),
        ("a\\b.py,,", RecordRow("a/b.py")),
        ("./a//b/../c.py,,", RecordRow("a/c.py")),
        ("a/,,", RecordRow("a")),
        ("../../bin/x,,", RecordRow("../../bin/x", leaves_folder=True)),
        ("a/../../b,,", RecordRow("../b", leaves_folder=True)),
        ("..,,", RecordRow("..", leaves_folder=True)),
        ("..a/b,,", RecordRow("..a/b")),
        ("/etc/x,,", RecordRow("/etc/x", leaves_folder=True)),
        ("//server/x,,", RecordRow("//server/x", leaves_folder=True)),
        ("\\\\server\\x,,", RecordRow("//server/x", leaves_folder=True)),
        ("C:\\x\\y.py,,", RecordRow("C:/x/y.py", leaves_folder=True)),
        ("..\\..\\Scripts\\x.exe,,", RecordRow("../../Scripts/x.exe", leaves_folder=True)),
    ],
)
def test_one_row(line: str, row: RecordRow) -> None:
    assert parse_record(line.encode()) == (row,)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_blank_lines_and_duplicates(end: str) -> None:
    data = end.join(["b.py,,", "", "a.py,sha256=x,1", "a.py,sha256=x,1", ""]).encode()
    assert [row.path for row in parse_record(data)] == ["b.py", "a.py", "a.py"]


@pytest.mark.parametrize(
    ("lines", "counts"),
    [
        (["a.py,sha256=x,1", "./a.py,,"], RecordRow("a.py", "sha256", "x", 1)),
        (["./a.py,,", "a.py,sha256=x,1"], RecordRow("a.py", "sha256", "x", 1)),
        (["a.py,sha256=x,1", "a.py,md5=y,2"], RecordRow("a.py", "sha256", "x", 1)),
        (["a.py,sha256=x,1", "a.py,sha256=y,2"], RecordRow("a.py", "sha256", "y", 2)),
        (["a.py,md5=x,1", "a.py,,2"], RecordRow("a.py", None, None, 2)),
    ],
    ids=["strong-first", "strong-last", "weak-last", "both-strong", "both-weak"],
)
def test_the_last_strong_row_of_a_path_counts(lines: list[str], counts: RecordRow) -> None:
    record = parse_record("\n".join(lines).encode())
    assert record.row("a.py") == counts
    assert record.sizes == {"a.py": counts.size}


@pytest.mark.parametrize(
    "data",
    [
        b"\xe9.py,,",
        b",sha256=x,1",
        b"a\0.py,,",
        b"a.py,,x",
        b"a.py,,-1",
        b"a.py,,1.0",
        b"a.py,, 1",
        b"a.py,," + b"9" * 5000,
        b'"a.py,,',
        b'"' + b"a,\n" * 500_000,
        b'"a"b,,',
        b"x" * 1_000_000,
    ],
    ids=short,
)
def test_what_cannot_be_read_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_record(data)


def test_only_sha256_and_better_are_strong() -> None:
    strong = {
        algorithm: RecordRow("a", algorithm, "x").strong
        for algorithm in ("md5", "sha1", "sha224", "sha256")
    }
    assert strong == {"md5": False, "sha1": False, "sha224": False, "sha256": True}
    assert (
        RecordRow("a", "sha512", "x").strong
        and not RecordRow("a", "sha256").strong
        and not RecordRow("a").strong
    )


cells = st.text(
    st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1, max_size=8
)


@given(st.lists(st.tuples(cells, cells, st.none() | st.integers(0, 2**70)), max_size=5))
def test_rows_that_csv_writes_come_back(rows: list[tuple[str, str, int | None]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        (path, f"sha256={value}", "" if size is None else size) for path, value, size in rows
    )
    found = parse_record(text.getvalue().encode())
    assert [row.size for row in found] == [size for _, _, size in rows]
    assert all(row.path and "\\" not in row.path for row in found)
    assert [row.digest for row in found] == [value.rstrip("=") or None for _, value, _ in rows]


# -- the fast path beside reading row by row

#: Parts of rows, and what makes a row one that is read by itself.
PARTS = (
    "a.py,sha256=AA-_,12\n",
    "b/c.py,,\n",
    "../../bin/d,sha256=BB,3\n",
    "d",
    "/",
    "//",
    "./",
    "..",
    ".",
    "\\",
    ",",
    '"',
    "\n",
    "\r\n",
    "\r",
    "=",
    "7",
    "²",
    "C:",
    "\0",
)


@given(st.lists(st.sampled_from(PARTS), max_size=10).map("".join))
def test_both_ways_to_read_a_record_give_the_same(text: str) -> None:
    try:
        expected = read_rows(text)
    except ValueError:
        with pytest.raises(ValueError):
            parse_record(text.encode())
        return
    found = parse_record(text.encode())
    assert found == expected
    assert found.is_unique == expected.is_unique
    assert found.sizes == expected.sizes
    assert found.size == expected.size
    assert {path: found.row(path) for path in found.entries} == {
        path: expected.row(path) for path in expected.entries
    }


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"\A(\.\./){0,2}[a-z]{1,3}(/[a-z.]{1,3}){0,2}\Z"),
            st.sampled_from(["", "sha256=AA", "md5=BB", f"sha256={'0f' * 32}"]),
            st.sampled_from(["", "0", "12"]),
        ),
        min_size=1,
    )
)
def test_rows_as_installers_write_them_are_read_alike(rows: list[tuple[str, str, str]]) -> None:
    text = "".join(f"{','.join(row)}\n" for row in rows)
    assert list(parse_record(text.encode())) == list(read_rows(text))


def test_a_record_as_installers_write_it_takes_the_fast_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(record, "read_rows")
    data = b"a.py,sha256=AA,1\r\n../../bin/x,sha256=BB,2\r\na-1.0.dist-info/RECORD,,\r\n"
    assert len(parse_record(data)) == 3


@pytest.mark.parametrize("lazily", [True, False])
def test_the_columns_of_a_record(lazily: bool) -> None:
    record = parse_record(
        b"a.py,sha256=AA,1\n../b,,5\nc.py,,\nb.py,md5=BB,2\n"
        if not lazily
        else b"a.py,sha256=AA,1\nc.py,,\nb.py,md5=BB,2\n"
    )
    assert Record.of(record) is record
    assert record.sizes == {"a.py": 1, "c.py": None, "b.py": 2} and record.is_unique
    assert (
        record.row("b.py") == RecordRow("b.py", "md5", "BB", 2) and record.row("a.py") == record[0]
    )
    assert record.size == (3 if lazily else 8)
    rows = [
        RecordRow("a.py", "sha256", "AA", 1),
        RecordRow("../x", "sha256", "AA", 1, leaves_folder=True),
        RecordRow("a.py", "sha256", "BB", 2),
    ]
    made = Record.of(rows)
    assert [list(made), made[1:], len(made)] == [rows, tuple(rows[1:]), 3]
    assert made.sizes == {"a.py": 2} and made.row("a.py") == rows[2] and not made.is_unique


@given(st.binary(max_size=60) | st.text(alphabet=',"\\/.\n\r\0a1=:', max_size=40).map(str.encode))
def test_foreign_bytes_are_rows_or_a_value_error(data: bytes) -> None:
    try:
        rows = parse_record(data)
    except ValueError:
        return
    for row in rows:
        bytecode_source(row.path)
        inside = not row.path.startswith(("/", "../")) and ".." not in row.path.split("/")
        assert row.leaves_folder or inside


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.py", None),
        ("a.pyc", "a.py"),
        ("p/a.pyo", "p/a.py"),
        ("__pycache__/a.pyc", "__pycache__/a.py"),
        ("__pycache__/a.cpython-314.pyc", "a.py"),
        ("p/__pycache__/a.cpython-314.opt-2.pyc", "p/a.py"),
        ("p/__pycache__/a.b.cpython-314.pyc", "p/a.b.py"),
        ("/__pycache__/a.cpython-314.pyc", "/a.py"),
        ("p/__pycache__/a.cpython-314.pyc.py", None),
        ("__pycache__/" + "." * 200_000 + "x", None),
        ("__pycache__/" * 100_000 + "a.b", None),
    ],
    ids=short,
)
def test_the_source_of_bytecode(path: str, source: str | None) -> None:
    assert bytecode_source(path) == source


@given(st.from_regex(r"\A[a-z.]{1,8}\.py\Z"), st.sampled_from(["", 1, 2]))
def test_the_source_of_bytecode_is_python_s_own(name: str, optimization: Any) -> None:
    assert bytecode_source(cache_from_source(f"p/{name}", optimization=optimization)) == f"p/{name}"
