"""What a wheel is, from the sources that show a part of it."""

from __future__ import annotations

import pytest

from micropip_lock.formats.core_metadata import CoreMetadata
from micropip_lock.formats.record import RecordRow, digest
from micropip_lock.formats.wheel import WheelDescription
from micropip_lock.formats.wheel_excerpt import Excerpt
from micropip_lock.formats.wheel_modules import WheelModules
from micropip_lock.formats.zip_directory import DirectoryPlace, Member

INFO = "demo-1.0.dist-info"
METADATA = b"Metadata-Version: 2.1\nName: Demo\nVersion: 1.0\n"


def member(name: str, size: int = 1, crc: int = 7) -> Member:
    return Member(name, size, crc, size, 0, 0)


def test_metadata_is_parsed_where_it_was_read() -> None:
    assert WheelDescription(metadata_file=METADATA).metadata == CoreMetadata("Demo", "1.0")
    for unreadable in (None, b"", b"Name: demo\n"):
        with pytest.raises(ValueError, match="no Version"):
            _ = WheelDescription(metadata_file=unreadable).metadata


def test_metadata_of_another_source_counts_first() -> None:
    sidecar = CoreMetadata("demo", "2.0")
    wheel = WheelDescription((member("demo.py"),), dist_info=INFO, metadata_file=METADATA)
    described = wheel.with_metadata(sidecar)
    assert described.metadata is sidecar
    assert described.modules == wheel.modules == WheelModules({"demo.py": 7})


def test_what_a_lock_needs_is_metadata_and_modules() -> None:
    metadata, modules = CoreMetadata("demo", "1.0"), WheelModules({}, unspread=True)
    wheel = WheelDescription.of(metadata, modules)
    assert (wheel.metadata, wheel.modules, wheel.wrong_rows) == (metadata, modules, ())
    assert WheelDescription.of(metadata).modules == WheelModules({})


def test_modules_are_found_among_the_members() -> None:
    data = "demo-1.0.data"
    names = ("demo.py", f"{data}/purelib/pure.py", f"{data}/scripts/run.py", "x.txt", "folder/")
    modules = WheelDescription(tuple(map(member, names)), dist_info=INFO).modules
    assert modules == WheelModules({"demo.py": 7, "pure.py": 7}, unspread=True)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (RecordRow("demo.py", "sha256", "x", 1), ()),
        (RecordRow("demo.py", "sha256", "x", 2), ("demo.py",)),
        (RecordRow("demo.py", "sha256", "x"), ()),
        (RecordRow(f"{INFO}/RECORD", "sha256", "x", 2), ()),
        (RecordRow(f"{INFO}/METADATA", "sha256", "x"), (f"{INFO}/METADATA",)),
        (RecordRow(f"{INFO}/METADATA", "sha512", digest(METADATA, "sha512")), ()),
        (RecordRow(f"{INFO}/METADATA", "md5", "x"), ()),
        (RecordRow("gone.py", "sha256", "x", 5), ()),
    ],
)
def test_rows_are_wrong_as_far_as_is_known(row: RecordRow, expected: tuple[str, ...]) -> None:
    names = ("demo.py", f"{INFO}/METADATA", f"{INFO}/RECORD")
    members = tuple(map(member, names))
    assert WheelDescription(members, [row], INFO, metadata_file=METADATA).wrong_rows == expected


def test_a_downloaded_wheel_has_the_hash_of_each_file() -> None:
    wheel = WheelDescription(
        (member("a.py"), member("b.py")),
        [RecordRow("a.py", "sha256", "x"), RecordRow("b.py", "sha256", "y")],
        INFO,
        true_rows=[RecordRow("a.py", "sha256", "z"), RecordRow("b.py", "sha256", "y")],
    )
    assert wheel.wrong_rows == ("a.py",)


@pytest.mark.parametrize("metadata", [None, b"", METADATA])
def test_an_excerpt_survives_a_cache(metadata: bytes | None) -> None:
    excerpt = Excerpt(100, b"PK\1\2", DirectoryPlace(50, 4, 1), b"demo.py,,\n", metadata)
    data = excerpt.to_bytes()
    assert Excerpt.from_bytes(data) == excerpt
    for damaged in (data[:-1], data + b"x", b"", b"{}\n", b"[1, 2]\n", b"[" * 10_000):
        with pytest.raises(ValueError):
            Excerpt.from_bytes(damaged)


@pytest.mark.parametrize(
    "head",
    [
        b"[-1, 0, 0, 0, 0, 0, null]",
        b"[1, 0, 0, 0, 0, 0, true]",
        b'["1", 0, 0, 0, 0, 0, 0]',
        b"[null, 0, 0, 0, 0, 0, 0]",
        b"[1.0, 0, 0, 0, 0, 0, null]",
        b'"1234567"',
    ],
)
def test_numbers_of_an_excerpt_are_numbers(head: bytes) -> None:
    with pytest.raises(ValueError):
        Excerpt.from_bytes(head + b"\n")
