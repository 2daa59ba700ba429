"""Wheels that lie about themselves, and servers that lie about wheels: a reason, in few bytes, and
never a lock.

`test_zip_tail` and `test_remote_wheel` have what ordinary damage does. Here every archive is made
to fool a reader: it is offered in the place of an honest wheel that is installed, and the honest
wheel would be proved.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import UnlockableError
from micropip_lock.errors import IntegrityError
from micropip_lock.formats.wheel import WheelDescription
from micropip_lock.formats.zip_directory import LONGEST_END
from micropip_lock.index.downloaded_wheel import download_wheel
from micropip_lock.index.remote_wheel import (
    NoRangesError,
    read_wheel,
)
from micropip_lock.network import ByteRange, Response, drive

from ...support.memory_index import MemoryIndex
from ...support.raw_zip import DIST_INFO, Entry, raw_zip, record_of, wheel_entries

WHEEL = "demo-1.0-py3-none-any.whl"
RANDOM = b"".join(
    hashlib.sha256(bytes([number % 256, number // 256])).digest() for number in range(4000)
)
END = raw_zip([])
#: What a reader may ask for at most: the tail, the longest end, the directory of a small wheel, and
#: its RECORD.
MOST_BYTES = 4096 + 2 * LONGEST_END


def install(folder: Path, wheel: bytes) -> Path:
    """Unpack an honest wheel, as Pyodide installs."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        archive.extractall(folder)
    return folder


def read(index: MemoryIndex, *, tail: int = 2000, size: int | None = None) -> WheelDescription:
    return drive(read_wheel(index, index.file_url(WHEEL), "demo", size=size, tail=tail))


def record_in_front(*more: Entry) -> list[Entry]:
    *rest, record = wheel_entries(*more)
    return [record, *rest]


BIG = Entry("big.dat", RANDOM, method=0)


# -- archives that are unusual, and honest


@pytest.mark.parametrize(
    "make",
    [
        lambda: raw_zip(wheel_entries(), zip64=True),
        lambda: raw_zip([replace(entry, zip64=True) for entry in wheel_entries(BIG)], zip64=True),
        lambda: raw_zip(wheel_entries(BIG), comment=b"a comment"),
        lambda: raw_zip(wheel_entries(BIG), comment=b"c" * 0xFFFF),
        lambda: raw_zip(wheel_entries(BIG), comment=b"c" * 0xFFFF, zip64=True),
        lambda: raw_zip([replace(entry, method=0) for entry in wheel_entries(BIG)]),
        lambda: raw_zip([replace(entry, descriptor=True) for entry in wheel_entries(BIG)]),
        lambda: raw_zip(
            [
                replace(entry, extra=b"\xfe\xca\x00\x04" + b"p" * 0x400)
                for entry in wheel_entries(BIG)
            ]
        ),
        lambda: raw_zip(record_in_front(BIG)),
        lambda: raw_zip(record_in_front(BIG), comment=b"c" * 0xFFFF),
        lambda: raw_zip(wheel_entries(Entry("pkg/", method=0), Entry("pkg/x.py", b"2"), BIG)),
        lambda: raw_zip(
            wheel_entries(Entry("ünï😀.py", b"3"), Entry("a b,'c\".txt".replace('"', ""), b"4"))
        ),
        lambda: raw_zip(
            wheel_entries(BIG, *(Entry(f"p/{n:04}.py", b"%d" % n) for n in range(800)))
        ),
        lambda: raw_zip(wheel_entries(Entry("demo/other-2.0.dist-info/RECORD", b"vendored"))),
    ],
    ids=[
        "zip64",
        "zip64 fields",
        "comment",
        "longest comment",
        "longest comment, zip64",
        "stored",
        "data descriptors",
        "local extra fields",
        "RECORD in front",
        "RECORD in front, longest comment",
        "folder entry",
        "odd names",
        "directory larger than the tail",
        "vendored RECORD",
    ],
)
@pytest.mark.parametrize("tail", [22, 500, 20_000])
def test_unusual_wheels_are_proved(make: Callable[[], bytes], tail: int, tmp_path: Path) -> None:
    wheel = make()
    index = MemoryIndex({WHEEL: wheel})
    folder = install(tmp_path, wheel)
    contents = read(index, tail=tail)
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        assert [member.name for member in contents.members] == archive.namelist()
        assert len(contents.record) == sum(not item.is_dir() for item in archive.infolist())
    assert index.bytes < tail + MOST_BYTES + 100 * len(contents.members)
    for options in ({}, {"check_files": "hash"}):
        (evidence,) = index.freeze(folder, **options).evidence
        assert (evidence.proof, evidence.sha256) == ("content", hashlib.sha256(wheel).hexdigest())
    assert not drive(download_wheel(index, index.file_url(WHEEL), "demo")).wrong_rows


def test_more_than_65535_files() -> None:
    files = [Entry(f"p/{number}", method=0) for number in range(66_000)]
    *_, record = wheel_entries()
    wheel = raw_zip([*files, record], zip64=True)
    index = MemoryIndex({WHEEL: wheel})
    contents = read(index, tail=100_000)
    assert [member.name for member in contents.members] == [
        *(entry.name for entry in files),
        record.name,
    ]
    assert index.requests == 2  # tail, directory with RECORD
    assert index.bytes < len(wheel)


# -- archives that lie

HONEST = raw_zip(wheel_entries(BIG))


def with_module(**changes: Any) -> bytes:
    """The honest wheel, with a lie about one member."""
    return raw_zip(wheel_entries(BIG, **changes))


def with_member(name: str | bytes, content: bytes = b"more", **changes: Any) -> bytes:
    """The honest wheel, and one member more."""
    return raw_zip(wheel_entries(BIG, Entry(name, content, **changes)))


def with_record(content: bytes, **changes: Any) -> bytes:
    """The honest wheel with this RECORD, or with lies about it."""
    *rest, record = wheel_entries(BIG)
    return raw_zip([*rest, replace(record, content=content, **changes)])


def overlapping() -> bytes:
    """Two members in one place: how a small archive unpacks to a huge one."""
    first, *rest = wheel_entries(BIG)
    return raw_zip([first, replace(first, name="again.py", shared=True), *rest])


def nested() -> bytes:
    """A member that lies inside of another one: what is seen depends on how the archive is read."""
    first, *rest = wheel_entries(BIG)
    inner = raw_zip([Entry("inner.py", b"evil", method=0)])
    outer = Entry("outer.bin", inner, method=0)
    before = len(raw_zip([first])) - len(END) - 46 - len("demo.py")
    return raw_zip(
        [first, outer, Entry("inner.py", b"evil", method=0, offset=before + 39, shared=True), *rest]
    )


def fake_end() -> bytes:
    """A comment that holds an end record, which zipfile takes for the true one."""
    return raw_zip(wheel_entries(BIG), comment=b"words" + END + b"more words")


def two_archives() -> bytes:
    """A comment that ends in another archive's directory and end record."""
    first = raw_zip(wheel_entries(BIG))
    return raw_zip(wheel_entries(BIG), comment=first[first.index(b"PK\1\2") :])


def bomb(size: int) -> bytes:
    """Zeros, packed a thousandfold."""
    return b"\0" * size


FEW = b"demo.py,,\n"
PRESERVED = HONEST.index(b"PK\1\2")

LIES: dict[str, tuple[Callable[[], bytes], str]] = {
    # two places, or none
    "overlapping files": (overlapping, "two files overlap"),
    "a file in a file": (nested, "two files overlap"),
    "a file over the directory": (
        lambda: with_module(compressed_size=len(HONEST)),
        "overlaps the central directory",
    ),
    "a file behind the end": (
        lambda: with_module(offset=2**33),
        "overlaps the central directory|before the first",
    ),
    "RECORD somewhere else": (
        lambda: with_record(FEW, offset=30),
        "two files overlap|is not where",
    ),
    "a directory behind the end": (
        lambda: raw_zip(wheel_entries(BIG), offset=2**31),
        "not where the end record",
    ),
    "a directory that overlaps files": (
        lambda: raw_zip(wheel_entries(BIG), size=5000),
        "not where the end record",
    ),
    "bytes before the directory's end": (
        lambda: raw_zip(wheel_entries(BIG), gap=b"gap"),
        "not where the end record",
    ),
    "bytes in front": (
        lambda: raw_zip(wheel_entries(BIG), prefix=b"#!/bin/sh\n"),
        "not where the end record",
    ),
    "bytes in front, counted": (
        lambda: raw_zip(wheel_entries(BIG), prefix=b"#!/bin/sh\n", shift=10),
        "bytes before the first file",
    ),
    "cut short": (lambda: HONEST[:-1], "no zip archive"),
    "cut in the directory": (lambda: HONEST[: PRESERVED + 50], "no zip archive"),
    "cut in front": (lambda: HONEST[100:], "not where the end record"),
    "something behind": (lambda: HONEST + b"\n", "no zip archive"),
    "a fake end in the comment": (fake_end, "no zip archive|another end record"),
    "another archive in the comment": (two_archives, "not where the end record"),
    "a comment longer than the file": (lambda: HONEST[:-2] + b"\xff\xff", "no zip archive"),
    "several disks": (lambda: raw_zip(wheel_entries(BIG), disk=1), "split over several files"),
    "a file on another disk": (lambda: with_module(disk=3), "split over several files"),
    # numbers
    "fewer files than there are": (
        lambda: raw_zip(wheel_entries(BIG), count=2),
        "more than its files",
    ),
    "more files than there are": (lambda: raw_zip(wheel_entries(BIG), count=6), "broken"),
    "65535 files": (lambda: raw_zip(wheel_entries(BIG), count=0xFFFE), "cannot be true"),
    "2**60 files": (lambda: raw_zip(wheel_entries(BIG), zip64=True, count=2**60), "cannot be true"),
    "a directory of 2**60 bytes": (
        lambda: raw_zip(wheel_entries(BIG), zip64=True, size=2**60),
        "cannot be true",
    ),
    "a directory at 2**63": (
        lambda: raw_zip(wheel_entries(BIG), zip64=True, offset=2**63),
        "not where the end",
    ),
    "no zip64 record": (
        lambda: raw_zip(wheel_entries(BIG), size=0xFFFFFFFF),
        "zip64 end record is missing",
    ),
    "2**40 bytes": (
        lambda: with_module(size=2**40),
        "has other contents|unpack to more|another size",
    ),
    "2**40 packed bytes": (
        lambda: with_module(compressed_size=2**40),
        "overlaps the central directory",
    ),
    "two sizes of a stored file": (lambda: with_module(method=0, size=5), "of two sizes"),
    "RECORD of 2**40 bytes": (lambda: with_record(FEW, size=2**40), "cannot be true|another size"),
    "RECORD of 1 GiB": (lambda: with_record(FEW, size=2**30), "cannot be true|another size"),
    "RECORD of 10 bytes more": (
        lambda: with_record(FEW, size=20),
        "is not what the central directory says",
    ),
    "RECORD with another CRC-32": (
        lambda: with_record(FEW, crc=1),
        "is not what the central directory says",
    ),
    # bombs
    "RECORD of zeros": (lambda: with_record(bomb(2**24)), "cannot be true"),
    "RECORD of zeros that lies": (lambda: with_record(bomb(2**24), size=10, crc=0), "is not what"),
    "RECORD of a million rows": (lambda: with_record(b"a\n" * 2**19), "lines for 5 files"),
    "RECORD of one endless row": (lambda: with_record(b"a" * 2**20), "RECORD is broken"),
    "RECORD of commas": (lambda: with_record(b"," * 2**20), "RECORD is broken"),
    # names
    "..": (lambda: with_member("../evil.py"), "no name of a file below"),
    ".. inside": (lambda: with_member("demo/../../evil.py"), "no name of a file below"),
    ". inside": (lambda: with_member("./evil.py"), "no name of a file below"),
    "absolute": (lambda: with_member("/etc/evil.py"), "no name of a file below"),
    "drive": (lambda: with_member("C:/evil.py"), "no name of a file below"),
    "backslash": (lambda: with_member("..\\evil.py"), "no name of a file below"),
    "two slashes": (lambda: with_member("demo//evil.py"), "no name of a file below"),
    "no name": (lambda: with_member(""), "no name of a file below"),
    "NUL": (lambda: with_member("demo.py\0.txt"), "holds a NUL"),
    "no UTF-8": (lambda: with_member(b"\xff\xfe.py"), "not UTF-8"),
    "one name twice": (lambda: with_member("demo.py"), "two files have one name"),
    "another name in its place": (
        lambda: with_record(record_of(wheel_entries(BIG)[:-1]), local_name=f"{DIST_INFO}/record"),
        "another name in its own header|cannot be unpacked",
    ),
    # what no wheel has
    "encrypted": (lambda: with_module(flags=0x801), "is encrypted"),
    "encrypted RECORD": (lambda: with_record(FEW, flags=0x801), "is encrypted"),
    "RECORD in lzma": (
        lambda: with_record(FEW, method=14),
        "compression method 14|cannot be unpacked",
    ),
    "broken deflate": (
        lambda: HONEST.replace(
            Entry("", record_of(wheel_entries(BIG)[:-1])).body, b"\xff" * 400, 1
        ),
        "cannot be unpacked|is not where|overlap|not where",
    ),
    "two RECORDs": (lambda: with_member("demo-1.0.post1.dist-info/RECORD"), "2 RECORDs"),
    "two .dist-info folders": (
        lambda: with_member("evil-1.0.dist-info/METADATA"),
        "several .dist-info folders",
    ),
    "another data folder": (
        lambda: with_member("evil-1.0.data/purelib/evil.py"),
        "the data folder of another",
    ),
    "no RECORD": (lambda: raw_zip(wheel_entries(BIG)[:-1]), "no RECORD"),
    "no files": (lambda: raw_zip([]), "no RECORD"),
    "RECORD that is a folder": (
        lambda: raw_zip([*wheel_entries(BIG)[:-1], Entry(f"{DIST_INFO}/RECORD/")]),
        "no RECORD",
    ),
    "a wheel of another project": (
        lambda: raw_zip(
            [
                replace(entry, name=str(entry.name).replace("demo-", "evil-"))
                for entry in wheel_entries(BIG)
            ]
        ),
        "a wheel of evil",
    ),
    "RECORD of binary": (lambda: with_record(RANDOM[:500]), "RECORD is broken"),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_told_and_never_locked(lie: str, tmp_path: Path) -> None:
    make, reason = LIES[lie]
    wheel = make()
    folder = install(tmp_path, HONEST)
    index = MemoryIndex({WHEEL: HONEST})
    assert index.freeze(folder).evidence[0].proof == "content"
    index.files[WHEEL] = wheel
    for tail in (22, 3000, len(wheel)):
        index.reset()
        try:
            read(index, tail=tail)
        except IntegrityError as error:
            assert re.search(reason, str(error))
        assert index.bytes <= tail + MOST_BYTES
        assert index.largest <= tail + MOST_BYTES
        assert index.requests <= 4
    for options in (
        {},
        {"check_files": "hash"},
        {"download": True},
        {"accept_unproved": ["demo"], "check_files": "off"},
    ):
        with pytest.raises(UnlockableError) as caught:
            index.freeze(folder, **options)
        (problem,) = caught.value.problems
        assert problem.code == "content-mismatch"
        assert re.search(reason, problem.message), problem.message


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_told_by_a_download_too(lie: str) -> None:
    make, reason = LIES[lie]
    index = MemoryIndex({WHEEL: make()})
    with pytest.raises(IntegrityError, match=f"{reason}|cannot be unpacked"):
        drive(download_wheel(index, index.file_url(WHEEL), "demo"))


def test_a_member_that_cannot_be_unpacked_is_no_traceback() -> None:
    """zlib's, lzma's and zipfile's own exceptions."""
    packed = Entry("demo.py", RANDOM[:300]).body
    for damaged in (b"\xff" * len(packed), packed[:-20] + b"\0" * 20):
        index = MemoryIndex(
            {WHEEL: raw_zip(wheel_entries(BIG, module=RANDOM[:300])).replace(packed, damaged)}
        )
        with pytest.raises(IntegrityError, match="cannot be unpacked"):
            drive(download_wheel(index, index.file_url(WHEEL), "demo"))
    for method in (12, 14, 93, 99):
        index = MemoryIndex({WHEEL: with_module(method=method)})
        with pytest.raises(IntegrityError, match=f"compression method {method}"):
            drive(download_wheel(index, index.file_url(WHEEL), "demo"))


def test_a_download_unpacks_no_more_than_memory_holds() -> None:
    zeros = zlib.compressobj(9, wbits=-15)
    body = zeros.compress(b"\0" * 2**20) + zeros.flush()
    entries = [Entry(f"{n}.bin", body, method=0) for n in range(3)]
    claims = [replace(entry, size=2**31) for entry in entries]
    wheel = raw_zip(
        [
            *(replace(entry, method=8, content=entry.content) for entry in claims),
            *wheel_entries(BIG),
        ]
    )
    index = MemoryIndex({WHEEL: wheel})
    with pytest.raises(IntegrityError, match="unpack to more than"):
        drive(download_wheel(index, index.file_url(WHEEL), "demo"))


# -- servers that lie


class Liar(MemoryIndex):
    """Answers the ``number``-th range request in another way."""

    def __init__(
        self, number: int, lie: Callable[[Response], Response], files: dict[str, bytes]
    ) -> None:
        super().__init__(files)
        self._number = number
        self._lie = lie

    def ranged(self, url: str, content: bytes, byte_range: ByteRange | None) -> Response:
        response = super().ranged(url, content, byte_range)
        return self._lie(response) if self.requests + 1 >= self._number else response


def headers(response: Response, **changed: str) -> Response:
    return replace(response, headers={**response.headers, **changed})


def total(change: int) -> Callable[[Response], Response]:
    """Content-Range with another total."""

    def lie(response: Response) -> Response:
        bounds, _, size = response.headers["content-range"].partition("/")
        return headers(response, **{"content-range": f"{bounds}/{int(size) + change}"})

    return lie


SERVERS: dict[str, tuple[int, Callable[[Response], Response], str]] = {
    "a larger total": (1, total(1), "content-mismatch"),
    "a smaller total": (1, total(-1), "content-mismatch"),
    "an endless total": (1, total(2**60), "content-mismatch"),
    "a total that changes": (2, total(1), "no-ranges"),
    "an ETag that changes": (2, lambda response: headers(response, etag='"new"'), "no-ranges"),
    "other bytes": (
        1,
        lambda response: replace(response, body=response.body[::-1]),
        "content-mismatch",
    ),
    "other bytes later": (
        2,
        lambda response: replace(response, body=response.body[::-1]),
        "content-mismatch",
    ),
    "fewer bytes": (1, lambda response: replace(response, body=response.body[:-1]), "no-ranges"),
    "fewer bytes later": (
        2,
        lambda response: replace(response, body=response.body[:-1]),
        "no-ranges",
    ),
    "no bytes": (1, lambda response: replace(response, body=b""), "no-ranges"),
    "everything, later": (2, lambda response: Response(response.url, 200, {}, HONEST), "no-ranges"),
    "nothing to range over, later": (
        2,
        lambda response: Response(response.url, 416, {}, b""),
        "no-ranges",
    ),
    "gone, later": (2, lambda response: Response(response.url, 404, {}, b""), "gone"),
}


@pytest.mark.parametrize("lie", SERVERS)
def test_servers_that_lie(lie: str, tmp_path: Path) -> None:
    number, change, code = SERVERS[lie]
    # RECORD is in front, so a second range is needed.
    wheel = raw_zip(record_in_front(BIG))
    folder = install(tmp_path, wheel)
    assert MemoryIndex({WHEEL: wheel}).freeze(folder).evidence[0].requests == 3
    index = Liar(number, change, {WHEEL: wheel})
    if lie == "an ETag that changes":
        index = Liar(
            1, lambda response: headers(response, etag=f'"{index.requests}"'), {WHEEL: wheel}
        )
    with pytest.raises(UnlockableError) as caught:
        index.freeze(folder)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert index.bytes <= MOST_BYTES + len(HONEST)
    assert index.largest <= MOST_BYTES
    assert index.requests <= 3


@pytest.mark.parametrize("etags", [['"a"', '"a"'], ['W/"a"', 'W/"b"'], ['"a"', ""], ["", '"b"']])
def test_servers_that_tell_nothing_of_a_change(etags: list[str], tmp_path: Path) -> None:
    wheel = raw_zip(record_in_front(BIG))
    index = Liar(1, lambda response: headers(response, **etag(index.requests)), {WHEEL: wheel})

    def etag(requests: int) -> dict[str, str]:
        return {"etag": etags[requests]} if etags[requests] else {}

    assert index.freeze(install(tmp_path, wheel)).evidence[0].proof == "content"


def test_a_wheel_that_is_replaced_between_two_requests(tmp_path: Path) -> None:
    """Of equal size, without an ETag: RECORD is not the one that the directory speaks of."""
    old, new = (
        raw_zip(
            [replace(entry, method=0) for entry in record_in_front(replace(BIG, content=content))]
        )
        for content in (RANDOM, RANDOM[::-1])
    )
    assert len(old) == len(new)
    index = MemoryIndex({WHEEL: old})
    folder = install(tmp_path, old)
    ranged = index.ranged

    def replaced(url: str, content: bytes, byte_range: ByteRange | None) -> Response:
        return ranged(url, new if index.requests else old, byte_range)

    index.ranged = replaced  # type: ignore[method-assign]
    with pytest.raises(UnlockableError, match="is not what the central directory says"):
        index.freeze(folder)


def test_no_ranges_is_not_a_verdict() -> None:
    index = Liar(2, total(1), {WHEEL: raw_zip(record_in_front(BIG))})
    with pytest.raises(NoRangesError):
        read(index)
