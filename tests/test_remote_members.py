"""The central directory of a wheel that stays where it is, read with nothing else."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from micropip_lock.errors import IntegrityError
from micropip_lock.fetch import drive
from micropip_lock.remote_wheel import Listed, NoRangesError, least_tail, read_members
from micropip_lock.zip_tail import find_directory, last_member, parse_directory

from .support.memory_index import MemoryIndex
from .support.raw_zip import Entry, raw_zip
from .support.wheels import build_wheel

#: Enough for a directory that is larger than what is read first.
MANY: dict[str, bytes | str] = {f"demo/some/module_with_a_long_name_{number}.py": "x = 1\n" for number in range(400)}


class Whole(MemoryIndex):
    """It knows no ranges."""

    def ranged(self, url: str, content: bytes, byte_range: Any) -> Any:
        return super().ranged(url, content, None)


def read(index: MemoryIndex, wheel: Path, name: str = "demo", *, size: bool = True) -> Listed:
    url = f"https://index.example/files/{wheel.name}"
    return drive(read_members(index, url, name, size=wheel.stat().st_size if size else None))


@pytest.mark.parametrize("files", [{"demo.py": ""}, {**MANY, "big.dat": b"\0\1" * 50_000}], ids=["few", "many"])
@pytest.mark.parametrize("size", [True, False])
def test_it_lists_the_members_of_the_wheel(files: dict[str, Any], size: bool, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", files=files)
    found = read(MemoryIndex(wheels=[wheel]), wheel, size=size)
    with zipfile.ZipFile(wheel) as archive:
        expected = [(item.filename, item.file_size, item.CRC) for item in archive.infolist()]
    assert [(member.name, member.size, member.crc) for member in found.members] == expected
    assert found.dist_info == "demo-1.0.dist-info"


def test_of_many_files_the_directory_is_read_and_nothing_before_it(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", files=MANY)
    data = wheel.read_bytes()
    place = find_directory(data, len(data))
    assert place is not None and len(data) - place.offset > least_tail(len(data))
    index = MemoryIndex(wheels=[wheel])
    read(index, wheel)
    assert (index.requests, index.bytes) == (2, len(data) - place.offset)


def test_a_small_wheel_takes_one_request(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", files={"demo.py": "", "demo.dat": random.Random(1).randbytes(60_000)})
    index = MemoryIndex(wheels=[wheel])
    read(index, wheel)
    assert (index.requests, index.bytes) == (1, least_tail(wheel.stat().st_size))


def test_what_is_not_that_of_the_project_is_refused(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", files=MANY)
    with pytest.raises(IntegrityError, match="it is a wheel of demo"):
        read(MemoryIndex(wheels=[wheel]), wheel, "other")
    several = build_wheel(tmp_path, "demo", "2.0", files={**MANY, "other-1.0.dist-info/METADATA": "Name: other\n"})
    with pytest.raises(IntegrityError, match=r"several \.dist-info folders"):
        read(MemoryIndex(wheels=[several]), several)


def test_without_ranges_it_takes_a_download(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", files=MANY)
    with pytest.raises(NoRangesError):
        read(Whole(wheels=[wheel]), wheel)


def test_the_last_entry_is_found_from_the_end_of_the_directory(tmp_path: Path) -> None:
    data = build_wheel(tmp_path, "demo", "1.0", files=MANY).read_bytes()
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
