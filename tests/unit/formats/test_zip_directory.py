from __future__ import annotations

import io
import struct
import unicodedata
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropip_lock.errors import IntegrityError
from micropip_lock.formats.zip_directory import (
    LONGEST_END,
    DirectoryPlace,
    Member,
    find_directory,
    last_member,
    parse_directory,
)
from micropip_lock.formats.zip_member import extract, most_bytes

from ...support.ids import short
from ...support.raw_zip import Entry, raw_zip
from ...support.wheels import build_wheel

FILES = {"a.py": b"a = 1\n" * 100, "b/": b"", "b/é.py": b"", "b/data": bytes(range(256))}


class Unseekable(io.RawIOBase):
    """What zipfile writes data descriptors to."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(bytes(data))


def zipped(
    files: Mapping[str, bytes] = FILES,
    *,
    method: int = zipfile.ZIP_DEFLATED,
    comment: bytes = b"",
    force_zip64: bool = False,
    prefix: bytes = b"",
) -> bytes:
    buffer = io.BytesIO(prefix)
    buffer.seek(len(prefix))
    with zipfile.ZipFile(buffer, "a" if prefix else "w", method) as archive:
        for name, content in files.items():
            if name.endswith("/"):
                archive.writestr(name, content)
                continue
            with archive.open(name, "w", force_zip64=force_zip64) as file:
                file.write(content)
        archive.comment = comment
    return buffer.getvalue()


def streamed() -> bytes:
    stream = Unseekable()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for name, content in FILES.items():
            archive.writestr(name, content)
    return bytes(stream.data)


def as_zip64(data: bytes, *, pad: int = 0, gap: bytes = b"") -> bytes:
    """The same archive with zip64 end records, as writers make them of more than 65534 files or 4
    GiB.
    """
    at = data.rindex(b"PK\5\6")
    count, size, offset = struct.unpack_from("<H2L", data, at + 10)
    end64 = (
        struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44 + pad, 45, 45, 0, 0, count, count, size, offset)
        + b"\0" * pad
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:at] + end64 + gap + locator + end


def members(data: bytes) -> tuple[Member, ...]:
    place = find_directory(data, len(data))
    assert place is not None
    return parse_directory(data[place.offset : place.end], place)


@pytest.mark.parametrize(
    "data",
    [
        zipped(),
        zipped(method=zipfile.ZIP_STORED),
        zipped(comment=b"a comment"),
        zipped(comment=b"x" * 0xFFFF),
        zipped(force_zip64=True),
        zipped({}),
        as_zip64(zipped()),
        as_zip64(zipped(force_zip64=True, comment=b"lost")),
        streamed(),
    ],
    ids=[
        "deflated",
        "stored",
        "comment",
        "long comment",
        "zip64",
        "empty",
        "zip64 end",
        "both",
        "streamed",
    ],
)
def test_it_sees_what_zipfile_sees(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        expected = [
            (item.filename, item.file_size, item.CRC, item.is_dir()) for item in archive.infolist()
        ]
        found = members(data)
        assert [(item.name, item.size, item.crc, item.is_folder) for item in found] == expected
        for member in found:
            piece = data[member.offset : member.offset + most_bytes(member)]
            assert extract(member, piece) == archive.read(member.name)


def test_a_real_wheel(tmp_path: Path) -> None:
    data = build_wheel(tmp_path, "demo", "1.0").read_bytes()
    names = [member.name for member in members(data)]
    assert names == [
        "demo.py",
        *(f"demo-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD")),
    ]


@pytest.mark.parametrize("comment", [b"", b"c" * 100])
@pytest.mark.parametrize("zip64", [False, True])
def test_every_tail_either_finds_the_same_directory_or_asks_for_more(
    comment: bytes, zip64: bool
) -> None:
    data = as_zip64(zipped()) if zip64 else zipped(comment=comment)
    whole = find_directory(data, len(data))
    assert whole is not None
    enough = [find_directory(data[-length:], len(data)) for length in range(1, len(data) + 1)]
    first = enough.index(whole)
    assert enough[:first] == [None] * first
    assert enough[first:] == [whole] * (len(data) - first)
    assert first + 1 == (22 + 20 + 56 if zip64 else 22 + len(comment))
    assert whole.end == data.rindex(b"PK\6\6" if zip64 else b"PK\5\6")
    assert whole.count == len(FILES)


def test_the_longest_end_suffices() -> None:
    data = zipped({"a": b"x" * 100_000}, method=zipfile.ZIP_STORED, comment=b"c" * 0xFFFF)
    assert find_directory(data[-LONGEST_END + 1 :], len(data)) is None
    assert find_directory(data[-LONGEST_END:], len(data)) == find_directory(data, len(data))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no zip"),
        (b"PK\5\6", "no zip"),
        (b"<html>not found</html>", "no zip"),
        (b"\0" * (LONGEST_END + 5), "no zip"),
        (b"PK\5\6" * 20_000, "no zip"),
        (zipped()[:-1], "no zip"),
        (zipped()[:-30], "no zip"),
        (zipped() + b"\n", "no zip"),
        (b"#!" + zipped(), "not where the end record says"),
        (b"#!" + as_zip64(zipped()), "zip64 end record is not where"),
        (zipped()[2:], "not where the end record says"),
        (zipped(prefix=b"#!prefix\n"), "before the first file"),
        (as_zip64(zipped(), pad=8), "zip64 end record is not where"),
        (as_zip64(zipped(), gap=zipped()), "zip64 end record is not where"),
        (zipped(comment=b"PK\5\6 and more"), "another end record"),
        (zipped(comment=zipped()[-22:]), "not where the end record says"),
    ],
    ids=short,
)
def test_what_is_no_whole_archive_is_an_integrity_error(data: bytes, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        members(data)


def end_record(count: int, size: int, offset: int) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, offset, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 50 + end_record(1, 10, 40),
        b"\0" * 50 + end_record(0xFFFF, 50, 0),
        b"\0" * 50 + end_record(1, 0xFFFFFFFF, 0),
        b"\0" * 50 + end_record(1, 46, 0xFFFFFFFF),
        b"\0" * 50 + end_record(1, 50, 0),
        b"\0" * 50 + end_record(0, 50, 0),
        end_record(0, 0, 5),
    ],
    ids=short,
)
def test_impossible_end_records_are_integrity_errors(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        members(data)


def test_a_directory_that_would_fill_the_memory_is_refused() -> None:
    total, size = 2**31, 2**30
    tail = b"\0" * 100 + end_record(1, size, total - 22 - size)
    with pytest.raises(IntegrityError, match="cannot be true"):
        find_directory(tail, total)


def twice() -> bytes:
    data = zipped({"a.py": b"1", "b.py": b"2"}, method=zipfile.ZIP_STORED)
    return data.replace(b"b.py", b"a.py")


def patched(position: int, value: bytes) -> bytes:
    """zipped() with other bytes in the first entry of its central directory."""
    data = bytearray(zipped())
    at = data.index(b"PK\1\2") + position
    data[at : at + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (twice(), "one name"),
        (patched(0, b"XX"), "broken"),
        (patched(28, b"\xff\xff"), "broken|more than|NUL|control character|two readers"),
        (patched(30, b"\1\0"), "broken|more than"),
        (patched(20, b"\xff\xff\xff\x7f"), "overlaps"),
        (patched(42, b"\xff\xff\xff\x7f"), "overlaps"),
        (patched(24, b"\xff\xff\xff\xff"), "zip64 field is missing"),
        (patched(46, b"a\0py"), "NUL"),
    ],
    ids=short,
)
def test_directories_that_lie(data: bytes, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        members(data)


def test_names_that_are_not_utf_8_though_they_say_so() -> None:
    at = (data := bytearray(zipped({"é": b""}))).rindex("é".encode())
    data[at : at + 2] = b"\xff\xff"
    with pytest.raises(IntegrityError, match="not UTF-8"):
        members(bytes(data))


@pytest.mark.parametrize(("raw", "names"), [(b"\x82", ["é", "\ufffd"]), (b"\xc3\xa9", ["├⌐", "é"])])
def test_names_that_are_not_ascii_and_not_said_to_be_utf_8(raw: bytes, names: list[str]) -> None:
    """`zipfile` takes them for code page 437, unzip for UTF-8, and uv refuses them."""
    data = zipped({"x" * len(raw): b"1"}).replace(b"x" * len(raw), raw)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == names[:1]
    with pytest.raises(IntegrityError, match=f"two names, '{names[0]}' and '{names[1]}'"):
        members(data)


def test_extra_fields_are_read_once() -> None:
    extra = b"\0\0\0\0" * (0xFFFF // 4)
    central = struct.pack("<4s6H3L5H2L", b"PK\1\2", *[0] * 8, 0xFFFFFFFF, 1, len(extra), *[0] * 5)
    data = (central + b"x" + extra) * 100
    with pytest.raises(IntegrityError, match="zip64 field is missing"):
        parse_directory(data, DirectoryPlace(0, len(data), 100))


@pytest.mark.parametrize("force_zip64", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_too_little_data_asks_for_more(force_zip64: bool, method: int) -> None:
    data = zipped(force_zip64=force_zip64, method=method)
    member = members(data)[0]
    end = data.index(b"PK\3\4", 4)
    for length in range(end):
        assert extract(member, data[:length]) is None
    assert extract(member, data[:end]) == FILES["a.py"]


def changed(field: str, value: object) -> tuple[Member, bytes]:
    data = zipped()
    member = members(data)[0]
    values = {name: getattr(member, name) for name in Member.__slots__}
    return Member(**{**values, field: value}), data


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("crc", 0, "is not what"),
        ("size", 599, "is not what"),
        ("size", 601, "is not what"),
        ("size", 0, "is not what"),
        ("size", 2**40, "would unpack to"),
        ("compressed_size", 5, "is not what|cannot be unpacked"),
        ("method", 12, "is not what"),
        ("method", 0, "is not what"),
        ("name", "b.py", "another name"),
    ],
)
def test_members_that_lie(field: str, value: object, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        extract(*changed(field, value))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\0" * 1000, "not where"),
        (zipped().replace(b"a.py", b"c.py", 1), "another name"),
        (zipped()[:34] + b"\xff" * 500, "cannot be unpacked"),
    ],
    ids=short,
)
def test_broken_local_files(data: bytes, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        extract(members(zipped())[0], data)


def test_a_bomb_is_not_unpacked_further_than_it_says() -> None:
    data = zipped({"a": b"\0" * 50_000_000})
    data = data.replace(struct.pack("<L", 50_000_000), struct.pack("<L", 10))
    (lying,) = members(data)
    assert lying.size == 10
    with pytest.raises(IntegrityError, match="is not what"):
        extract(lying, data)


names = st.text(
    st.characters(exclude_characters="/\\:", exclude_categories=["Cc", "Cs"]),
    min_size=1,
    max_size=6,
)
names = names.filter(lambda name: ".." not in name and name[-1] not in " .")


@given(
    st.dictionaries(names, st.binary(max_size=30), max_size=4).filter(
        lambda files: (
            len({unicodedata.normalize("NFC", name.casefold()) for name in files}) == len(files)
        )
    ),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    st.binary(max_size=20).filter(lambda comment: b"PK\5\6" not in comment),
)
def test_whatever_zipfile_writes_is_read_back(
    files: dict[str, bytes], method: int, comment: bytes
) -> None:
    data = zipped(files, method=method, comment=comment)
    assert {
        member.name: extract(member, data[member.offset :]) for member in members(data)
    } == files


BASES = [zipped(), as_zip64(zipped()), streamed()]


@given(st.sampled_from(BASES), st.data())
def test_damaged_archives_are_read_or_integrity_errors(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    start = data.index(b"PK\1\2") if draw.draw(st.booleans()) else 0
    for _ in range(draw.draw(st.integers(1, 3))):
        damaged[draw.draw(st.integers(start, len(data) - 1))] = draw.draw(
            st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])
        )
    try:
        for member in members(bytes(damaged)):
            extract(member, bytes(damaged[member.offset :]))
    except IntegrityError:
        pass


@given(
    st.binary(max_size=80).map(lambda data: data + end_record(1, 46, max(0, len(data) - 46)))
    | st.binary()
)
def test_foreign_bytes_are_integrity_errors(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        for member in members(data):
            extract(member, data)
        raise IntegrityError("an archive without any file")


def test_the_last_entry_is_found_from_the_end_of_the_directory(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {f"demo/module_{number}.py": "x = 1\n" for number in range(400)}
    data = build_wheel(tmp_path, "demo", "1.0", files=files).read_bytes()
    place = find_directory(data, len(data))
    assert place is not None
    directory = data[place.offset : place.end]
    last = parse_directory(directory, place)[-1]
    assert last.name == "demo-1.0.dist-info/RECORD"
    for length in (len(directory), 4096, 200, 46 + len(last.name)):
        assert last_member(directory[-length:]) == last
    for cut in (directory[-45:], directory[:-1], b""):
        assert last_member(cut) is None


def test_a_name_that_looks_like_an_entry_makes_it_unclear() -> None:
    inner = raw_zip([Entry(b"x", b"")])
    place = find_directory(inner, len(inner))
    assert place is not None
    entry = inner[place.offset : place.end]
    outer = raw_zip([Entry(entry, b"")])
    place = find_directory(outer, len(outer))
    assert place is not None
    assert last_member(outer[place.offset : place.end]) is None
