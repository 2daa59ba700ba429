from __future__ import annotations

import io
from typing import Any

import pytest

from micropip_lock.errors import IntegrityError
from micropip_lock.formats.zip_member import WholeArchive

from ...support.raw_zip import Entry, raw_zip

SIZES = {"empty": 0, "small": 100, "several pieces": 2**20 + 7, "not kept in memory": 17 * 2**20}


def opened(archive: bytes, position: int) -> bytes:
    whole = WholeArchive(io.BytesIO(archive), len(archive))
    with whole.open(whole.members[position]) as file:
        file.seek(0)
        return file.read()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(
    "changes", [{}, {"method": 0}, {"descriptor": True}], ids=["packed", "stored", "descriptor"]
)
def test_members_are_opened_in_any_order(size: int, changes: dict[str, Any]) -> None:
    contents = [b"first", bytes(range(256)) * (size // 256) + bytes(size % 256), b"last"]
    archive = raw_zip(
        [Entry(f"{number}", content, **changes) for number, content in enumerate(contents)]
    )
    for position in (2, 0, 1):
        assert opened(archive, position) == contents[position]


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(
    "lie",
    [{"crc": 1}, {"local_name": "other"}, {"local_method": 3}, {"behind": b"PK"}],
    ids=lambda lie: next(iter(lie)),
)
def test_lies_are_told_before_anything_is_read(size: int, lie: dict[str, Any]) -> None:
    archive = raw_zip([Entry("name", bytes(size), **lie)])
    with pytest.raises(IntegrityError):
        opened(archive, 0)


def test_what_unpacks_to_more_than_it_says() -> None:
    """No more of it is unpacked than a piece beyond that."""
    archive = raw_zip([Entry("bomb", bytes(2**24), size=10, crc=0)])
    with pytest.raises(IntegrityError, match="is not what the central directory says"):
        opened(archive, 0)
