"""A member of a zip archive: its own header and its content, from the bytes that begin at its offset.

Format: APPNOTE.TXT, 4.3.7 (local header).
"""

from __future__ import annotations

import zlib

from .errors import IntegrityError
from .zip_tail import LOCAL, Member

_MOST_MEMBER = 64 * 2**20


def most_bytes(member: Member) -> int:
    """An upper bound for the length of a member with its local header (whose extra field is not known)."""
    return LOCAL.size + len(member.name.encode()) + 1024 + member.compressed_size


def extract(member: Member, data: bytes) -> bytes | None:
    """The contents of ``member`` from the bytes that begin at its offset.

    None: ``data`` is too short. Raises `IntegrityError` when header, size or CRC-32 are not as the
    central directory says, or the compression is neither deflate nor none.
    """
    if len(data) < LOCAL.size:
        return None
    fields = LOCAL.unpack_from(data)
    start = LOCAL.size + fields[9] + fields[10]
    if fields[0] != b"PK\3\4":
        raise IntegrityError(f"{member.name} is not where the central directory says")
    name = data[LOCAL.size : LOCAL.size + fields[9]].decode("utf-8" if fields[2] & 0x800 else "cp437", "replace")
    if len(data) >= start and name != member.name:
        raise IntegrityError(f"{member.name} has another name in its own header")
    if len(data) < start + member.compressed_size:
        return None
    if member.size > _MOST_MEMBER:
        raise IntegrityError(f"{member.name} would unpack to {member.size} bytes")
    body = data[start : start + member.compressed_size]
    if member.method == 8:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            body = inflate.decompress(body, member.size + 1)
        except zlib.error as error:
            raise IntegrityError(f"{member.name} cannot be unpacked ({error})") from error
    elif member.method != 0:
        raise IntegrityError(f"{member.name} has compression method {member.method}, which no wheel may have")
    if len(body) != member.size or zlib.crc32(body) != member.crc:
        raise IntegrityError(f"{member.name} is not what the central directory says")
    return body
