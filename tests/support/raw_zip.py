"""Zip archives written byte by byte, so that every number in them can be a lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .wheels import record_row

DIST_INFO = "demo-1.0.dist-info"
_TOO_LARGE = (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


@dataclass(frozen=True)
class Entry:
    """A member. What is None is written as it is true."""

    name: str | bytes
    content: bytes = b""
    method: int = 8
    flags: int = 0x800
    offset: int | None = None
    size: int | None = None
    compressed_size: int | None = None
    crc: int | None = None
    extra: bytes = b""  # of the local header
    local_name: str | bytes | None = None
    zip64: bool = False  # sizes and offset in an extra field of the directory
    descriptor: bool = False  # sizes behind the content
    disk: int = 0
    #: Share the place of the entry before: nothing is written but the line in the directory.
    shared: bool = False
    #: The content as it is packed.
    packed: bytes | None = None
    #: Between the content and the next member.
    behind: bytes = b""
    central_extra: bytes = b""
    local_flags: int | None = None
    local_method: int | None = None
    #: CRC-32, size as packed and size, as the local header has them.
    local_numbers: tuple[int, int, int] | None = None
    #: Unix's file mode.
    mode: int = 0
    #: The version of the format that a reader needs, times ten.
    version: int = 20

    @property
    def body(self) -> bytes:
        """The content as it is packed."""
        if self.packed is not None:
            return self.packed
        if self.method == 8:
            deflate = zlib.compressobj(9, wbits=-15)
            return deflate.compress(self.content) + deflate.flush()
        return self.content


def raw_zip(
    entries: Sequence[Entry],
    *,
    comment: bytes = b"",
    prefix: bytes = b"",
    shift: int = 0,
    gap: bytes = b"",
    zip64: bool = False,
    **end: int,
) -> bytes:
    """The archive. ``prefix`` is before it, and ``shift`` what the offsets count of that; ``gap``
    is before the end.

    ``zip64`` adds the large end record. ``end`` are lies of the end record: count, size, offset,
    disk.
    """
    data = bytearray(prefix)
    directory = bytearray()
    place = 0
    for entry in entries:
        if not entry.shared:
            place = len(data) - len(prefix) + shift
            data += _local(entry)
        directory += _central(entry, place)
    true = {
        "count": len(entries),
        "size": len(directory),
        "offset": len(data) - len(prefix) + shift,
        "disk": 0,
    }
    said = {**true, **end}
    data += directory + gap
    counts = [said["count"], said["size"], said["offset"]]
    if zip64:
        at = len(data) - len(prefix) + shift
        data += struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, counts[0], *counts)
        data += struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
        counts = list(_TOO_LARGE)
    data += struct.pack(
        "<4s4H2LH", b"PK\5\6", said["disk"], said["disk"], counts[0], *counts, len(comment)
    )
    return bytes(data + comment)


def _name(name: str | bytes) -> bytes:
    return name.encode() if isinstance(name, str) else name


def _local(entry: Entry) -> bytes:
    name = _name(entry.name if entry.local_name is None else entry.local_name)
    crc, packed, size = zlib.crc32(entry.content), len(entry.body), len(entry.content)
    flags, in_header = entry.flags | 8 * entry.descriptor, (crc, packed, size)
    behind = entry.behind
    if entry.descriptor:
        behind = struct.pack("<4s3L", b"PK\7\x08", *in_header) + behind
        in_header = (0, 0, 0)
    flags = flags if entry.local_flags is None else entry.local_flags
    method = entry.method if entry.local_method is None else entry.local_method
    in_header = in_header if entry.local_numbers is None else entry.local_numbers
    fields = (entry.version, flags, method, 0, 0, *in_header, len(name), len(entry.extra))
    return struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + name + entry.extra + entry.body + behind


def _central(entry: Entry, place: int) -> bytes:
    name = _name(entry.name)
    crc = zlib.crc32(entry.content) if entry.crc is None else entry.crc
    numbers = {
        "size": len(entry.content) if entry.size is None else entry.size,
        "compressed": len(entry.body) if entry.compressed_size is None else entry.compressed_size,
        "offset": place if entry.offset is None else entry.offset,
    }
    extra = entry.central_extra
    if entry.zip64 or max(numbers.values()) >= 0xFFFFFFFF:
        extra += struct.pack("<HH3Q", 1, 24, *numbers.values())
        numbers = dict.fromkeys(numbers, 0xFFFFFFFF)
    fields = (20, entry.version, entry.flags | 8 * entry.descriptor, entry.method, 0, 0, crc)
    sizes = (numbers["compressed"], numbers["size"], len(name), len(extra), 0, entry.disk, 0)
    rest = (entry.mode << 16, numbers["offset"])
    return struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields, *sizes, *rest) + name + extra


def unicode_path(name: str, raw: bytes, *, version: int = 1) -> bytes:
    """Info-ZIP's extra field with the name of a file in Unicode, made for these bytes of a name."""
    body = struct.pack("<BL", version, zlib.crc32(raw)) + name.encode()
    return struct.pack("<HH", 0x7075, len(body)) + body


def local_member(name: str, content: bytes) -> bytes:
    """A member that no directory names, as it lies in an archive."""
    return _local(Entry(name, content, method=0))


def wheel_entries(*more: Entry, module: bytes = b"x = 1\n", **changes: Any) -> list[Entry]:
    """The members of the wheel demo 1.0, RECORD last;

    ``changes`` are made to the module's entry.
    """
    entries = [
        replace(Entry("demo.py", module), **changes),
        *more,
        Entry(f"{DIST_INFO}/METADATA", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n\n"),
        Entry(
            f"{DIST_INFO}/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    ]
    return [*entries, Entry(f"{DIST_INFO}/RECORD", record_of(entries))]


def record_of(entries: Sequence[Entry]) -> bytes:
    """RECORD with a true row for each."""
    names = [(_name(entry.name).decode(errors="replace"), entry) for entry in entries]
    rows = [record_row(name, entry.content) for name, entry in names if not name.endswith("/")]
    lines = [",".join((f'"{path}"', digest, size)) for path, digest, size in rows]
    return "\n".join([*lines, f"{DIST_INFO}/RECORD,,\n"]).encode()
