"""A wheel as a zip archive: its one .dist-info folder, RECORD and METADATA in it (PEP 427)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import IO

from packaging.utils import canonicalize_name

from ..errors import IntegrityError
from .record import Record, RecordRow, encode_digest, parse_record
from .wheel import WheelDescription
from .wheel_excerpt import Excerpt
from .zip_directory import DirectoryPlace, Member, parse_directory
from .zip_member import WholeArchive

#: The longest METADATA to read; descriptions are part of it.
LARGEST_METADATA = 16 * 2**20

#: The path of RECORD in a wheel.
RECORD = re.compile(r"[^/]+\.dist-info/RECORD")
#: The address space of wasm32; what unpacks to more is no wheel for Pyodide.
_MOST_UNPACKED = 4 * 2**30
#: What RECORD may have beyond what the number of files explains: bytes, and lines.
_SPARE_RECORD = 2**20
_SPARE_LINES = 20_000


def inspect_wheel(file: IO[bytes], size: int, sha256: str, name: str) -> WheelDescription:
    """Compare every member of a whole wheel of ``name`` (canonical) with its RECORD.

    Raises `IntegrityError` when it is no wheel of that project, or cannot be unpacked.
    """
    archive = WholeArchive(file, size)
    members = archive.members
    record = find_record(members, name)
    check_record_size(record, archive.place)
    if sum(member.size for member in members) > _MOST_UNPACKED:
        raise IntegrityError("it would unpack to more than WebAssembly can hold")
    try:
        rows = _parse_record(archive.read(record), len(members))
        metadata = find_metadata(members, record)
        is_readable = metadata is not None and metadata.size <= LARGEST_METADATA
        metadata_file = archive.read(metadata) if metadata is not None and is_readable else None
        true_rows = _true_rows(archive, record, rows)
    except (IntegrityError, ValueError, OSError) as error:
        raise IntegrityError(f"the wheel cannot be unpacked ({error})") from error
    return WheelDescription(
        members,
        rows,
        _folder(record),
        size,
        sha256,
        true_rows=true_rows,
        metadata_file=metadata_file,
    )


def describe_excerpt(excerpt: Excerpt, name: str) -> WheelDescription:
    """The wheel of ``name`` (canonical) that these parts are from.

    Raises `IntegrityError` when they are not those of such a wheel.
    """
    members = parse_directory(excerpt.directory, excerpt.place)
    return describe(members, find_record(members, name), excerpt)


def describe(members: tuple[Member, ...], record: Member, excerpt: Excerpt) -> WheelDescription:
    """The wheel with these members, of which ``record`` is RECORD.

    Raises `IntegrityError` when RECORD cannot be parsed.
    """
    try:
        rows = _parse_record(excerpt.record, len(members))
    except ValueError as error:
        raise IntegrityError(f"its RECORD is broken: {error}") from error
    return WheelDescription(
        members,
        rows,
        _folder(record),
        excerpt.size,
        metadata_file=excerpt.metadata,
        excerpt=excerpt,
    )


def find_record(members: Sequence[Member], name: str) -> Member:
    """The RECORD of the one .dist-info folder, which has to be that of ``name`` (PEP 427).

    Raises `IntegrityError`.
    """
    records = [member for member in members if RECORD.fullmatch(member.name)]
    if not records:
        raise IntegrityError("it has no RECORD")
    if len(records) > 1:
        raise IntegrityError(f"it has {len(records)} RECORDs")
    own = _folder(records[0])
    folders = {member.name.partition("/")[0] for member in members}
    # As pip: with two of them, each installer would take its own choice.
    others = {folder for folder in folders if folder.endswith(".dist-info")} - {own}
    if others:
        raise IntegrityError(f"it has several .dist-info folders ({own}, {min(others)})")
    stem = own.removesuffix(".dist-info")
    # pip spreads every such folder, uv its own one only.
    strange = {folder for folder in folders if folder.endswith(".data")} - {f"{stem}.data"}
    if strange:
        raise IntegrityError(f"it has the data folder of another distribution ({min(strange)})")
    project = stem.rpartition("-")[0]
    if canonicalize_name(project) != name:
        raise IntegrityError(f"it is a wheel of {project}")
    return records[0]


def find_metadata(members: Sequence[Member], record: Member) -> Member | None:
    """The METADATA beside ``record``."""
    path = f"{_folder(record)}/METADATA"
    return next((member for member in members if member.name == path), None)


def check_record_size(record: Member, place: DirectoryPlace) -> None:
    """Check the size of RECORD before it is read. Raises `IntegrityError`.

    It has a row for each file, so it cannot be much larger than the directory.
    """
    most = _SPARE_RECORD + 16 * place.size
    if max(record.size, record.compressed_size) > most:
        raise IntegrityError(
            f"a RECORD of {record.size} bytes for {place.count} files cannot be true"
        )


def _folder(record: Member) -> str:
    return record.name.rpartition("/")[0]


def _parse_record(data: bytes, count: int) -> Record:
    # Millions of short rows would take a hundred times their size in memory.
    lines = data.count(b"\n") + data.count(b"\r")
    if lines > 4 * count + _SPARE_LINES:
        raise ValueError(f"it has {lines} lines for {count} files")
    return parse_record(data)


def _true_rows(archive: WholeArchive, record: Member, rows: Iterable[RecordRow]) -> Record:
    """A row for each file as its bytes are, hashed as its row in RECORD is where that is strong."""
    listed = {row.path: row for row in rows}
    found = []
    for member in archive.members:
        row = listed.get(member.name)
        algorithm = row.algorithm if row is not None and row.strong else None
        digest = _hash(archive.pieces(member), algorithm or "sha256")
        if not member.is_folder and member is not record:
            found.append(RecordRow(member.name, algorithm or "sha256", digest, member.size))
    return Record.of(found)


def _hash(pieces: Iterable[bytes], algorithm: str) -> str:
    found = hashlib.new(algorithm)
    for piece in pieces:
        found.update(piece)
    return encode_digest(found.digest())
