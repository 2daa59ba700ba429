"""Wheels that are unusual as zip archives: what two readers read in two ways is refused, and all
else is taken.

`tests/end_to_end/test_odd_zips.py` has the same for pip and uv, `tests/runtimes/node/test_odd_zips.py`
for Pyodide's unpacker, and so for `zipfile` of Python 3.12 to 3.14, which not every machine has.
"""

from __future__ import annotations

import struct
from contextlib import nullcontext
from pathlib import Path

import pytest

from micropip_lock.errors import IntegrityError
from micropip_lock.formats.wheel import WheelDescription
from micropip_lock.index.downloaded_wheel import download_wheel
from micropip_lock.index.remote_wheel import NoRangesError
from micropip_lock.network import drive

from ...support.ids import short
from ...support.memory_index import MemoryIndex
from ...support.odd_zips import (
    ACCEPTED,
    CONTENT,
    ODD,
    ORDINARY,
    WHEEL,
    by_range,
    check_reader,
    number_of,
    write_corpus,
)
from ...support.raw_zip import Entry, raw_zip, wheel_entries
from ...support.zip_readers import pythons, with_zipfile

WHEELS = ORDINARY | ACCEPTED
PYTHONS = pythons()


def by_download(wheel: bytes) -> WheelDescription:
    index = MemoryIndex({WHEEL: wheel})
    return drive(download_wheel(index, index.file_url(WHEEL), "demo"))


@pytest.mark.parametrize("kind", WHEELS, ids=short)
def test_unusual_archives_are_taken(kind: str) -> None:
    wheel = WHEELS[kind]()
    whole = by_download(wheel)
    assert not whole.wrong_rows
    for tail in (22, 300, len(wheel)):
        assert by_range(wheel, tail).members == whole.members


@pytest.mark.parametrize("kind", ODD, ids=short)
def test_odd_archives_are_refused(kind: str) -> None:
    odd = ODD[kind]
    wheel = odd.make()
    with pytest.raises(IntegrityError, match=odd.message):
        by_download(wheel)
    # The longest tail is the whole wheel.
    for tail in (22, 300, len(wheel)):
        is_seen = tail == len(wheel) or not odd.hidden
        with pytest.raises(IntegrityError, match=odd.message) if is_seen else nullcontext():
            by_range(wheel, tail)


def test_padding_is_told_from_hidden_files_by_few_requests() -> None:
    """Room for a file that the directory does not name:

    the headers before it are read, or all by a download.
    """
    padded = [
        Entry(f"p/{n}.py", CONTENT, extra=struct.pack("<HH", 0xD935, 96) + bytes(96))
        for n in range(9)
    ]
    for count in (8, 9):
        wheel = raw_zip(wheel_entries(*padded[:count], Entry("large.bin", bytes(30_000), method=0)))
        assert not by_download(wheel).wrong_rows
        assert by_range(wheel, len(wheel)).members == by_download(wheel).members
        with pytest.raises(NoRangesError) if count > 8 else nullcontext():
            by_range(wheel, 500)


@pytest.mark.parametrize("version", PYTHONS)
def test_zipfile_reads_what_is_taken_in_one_way(version: str, tmp_path: Path) -> None:
    trees = with_zipfile(PYTHONS[version], write_corpus(tmp_path))
    check_reader(trees)
    # Why this is refused.
    odd = trees[number_of("a Unicode Path field")]
    assert odd is not None
    assert ("more.py" if version == "3.11" else "evil.py") in odd
