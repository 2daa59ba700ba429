"""The parts of a wheel that range requests read, as the bytes they are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .zip_directory import DirectoryPlace


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The parts of a wheel that were read; `wheel_archive.describe_excerpt` makes sense of them.

    They belong to one sha256, so they may be kept for ever.
    """

    #: Bytes of the whole wheel.
    size: int
    directory: bytes
    place: DirectoryPlace
    record: bytes
    metadata: bytes | None = None

    def to_bytes(self) -> bytes:
        """One run of bytes, for a cache."""
        place = self.place
        metadata_size = None if self.metadata is None else len(self.metadata)
        head = [
            self.size,
            place.offset,
            place.size,
            place.count,
            len(self.directory),
            len(self.record),
            metadata_size,
        ]
        body = self.directory + self.record + (self.metadata or b"")
        return b"\n".join([json.dumps(head).encode(), body])

    @classmethod
    def from_bytes(cls, data: bytes) -> Excerpt:
        """What `to_bytes` made. Raises ValueError for anything else."""
        head, _, body = data.partition(b"\n")
        size, offset, length, count, directory_size, record_size, metadata_size = _numbers(head)
        record_end = directory_size + record_size
        if len(body) != record_end + (metadata_size or 0):
            raise ValueError("an excerpt that is cut short")
        return cls(
            size,
            body[:directory_size],
            DirectoryPlace(offset, length, count),
            body[directory_size:record_end],
            None if metadata_size is None else body[record_end:],
        )


def _numbers(head: bytes) -> list[Any]:
    """The seven numbers of the first line; the last one may be None."""
    try:
        numbers = json.loads(head)
    except RecursionError as error:
        raise ValueError("not an excerpt of a wheel") from error
    if not isinstance(numbers, list) or len(numbers) != 7:
        raise ValueError("not an excerpt of a wheel")
    counts = numbers[:6] if numbers[6] is None else numbers
    if not all(type(number) is int and number >= 0 for number in counts):
        raise ValueError("not an excerpt of a wheel")
    return numbers
