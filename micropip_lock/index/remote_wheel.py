"""The central directory and RECORD of a remote wheel, read by range requests."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO

from packaging.utils import canonicalize_name

from .._util.url import shown
from ..errors import FetchError, GoneError, IntegrityError
from ..formats.record import (
    STRONG,
    Record,
    RecordRow,
    bytecode_source,
    digest,
    encode_digest,
    parse_record,
)
from ..formats.zip_directory import (
    LOCAL,
    LONGEST_END,
    DirectoryPlace,
    Member,
    find_directory,
    gaps,
    last_member,
    parse_directory,
)
from ..formats.zip_member import WholeArchive, check_gap, extract, most_bytes
from ..network import ByteRange, Fetcher, Response

#: A wheel this small is taken whole from a server that ignores ranges.
SMALL_WHEEL = 16 * 1024
_LARGEST_WHEEL = 4 * 2**30

#: A connection may break this often in the middle of a wheel.
_MOST_BREAKS = 20
#: The address space of wasm32; what unpacks to more is no wheel for Pyodide.
_MOST_UNPACKED = 4 * 2**30
#: What RECORD may have beyond what the number of files explains: bytes, and lines.
_SPARE_RECORD = 2**20
_SPARE_LINES = 20_000
_IN_MEMORY = 16 * 2**20
_RECORD = re.compile(r"[^/]+\.dist-info/RECORD")
#: The longest METADATA to read; descriptions are part of it.
LARGEST_METADATA = 16 * 2**20
#: A number of bytes; Python does not convert one of thousands of digits.
_NUMBER = re.compile(r"[0-9]{1,20}")
#: So many headers of members are read one by one, where the directory leaves a gap between them.
_MOST_HEADERS = 8
#: Reading this many bytes more is cheaper than another request.
_NEAR = 64 * 2**10


@dataclass(frozen=True)
class WheelContents:
    """What a wheel holds, and what its own RECORD says of that.

    ``size`` is that of the wheel, in bytes.
    """

    members: tuple[Member, ...]
    #: The rows of the wheel's own RECORD.
    record: Sequence[RecordRow]
    dist_info: str
    size: int
    #: The hash of the wheel; known only of a downloaded one.
    sha256: str | None = None
    #: A row for each file as its bytes are; known only of a downloaded wheel.
    true_rows: Sequence[RecordRow] | None = None
    names: frozenset[str] = field(default=frozenset())
    #: METADATA, where the caller requested it.
    metadata: bytes | None = None
    #: What of it was read, unless it was downloaded.
    excerpt: Excerpt | None = None

    def ships(self, filename: str) -> bool:
        """Whether an installer would put a file of the wheel itself at ``filename`` in its
        .dist-info.

        RECORD need not list it. What lies below ``.data`` is installed elsewhere, and may end in
        that folder.
        """
        path = f"{self.dist_info}/{filename}"
        data_folder = self.dist_info.removesuffix(".dist-info") + ".data/"
        if path in self.names:
            return True
        return any(
            name.startswith(data_folder) and name.endswith(f"/{path}") for name in self.names
        )

    @cached_property
    def wrong_rows(self) -> tuple[str, ...]:
        """The files that the wheel's own RECORD gives another size or another hash than they have.

        Of a wheel that was not downloaded, sizes alone are known, and the hash of METADATA where
        that was read.
        """
        listed = Record.of(self.record)
        sizes = {item.name: item.size for item in self.members if item.name in listed.entries}
        wrong = {name for name, size in sizes.items() if listed.row(name).size not in (None, size)}
        hashes = {row.path: row for row in self.true_rows or ()}
        if self.metadata is not None and (path := f"{self.dist_info}/METADATA") in sizes:
            algorithm = listed.row(path).algorithm or "sha256"
            if algorithm in STRONG:
                hashes[path] = RecordRow(path, algorithm, digest(self.metadata, algorithm))
        for path, row in hashes.items():
            said = listed.row(path) if path in listed.entries else None
            if (
                said is not None
                and said.strong
                and said.algorithm == row.algorithm
                and said.digest != row.digest
            ):
                wrong.add(path)
        return tuple(sorted(wrong - {f"{self.dist_info}/RECORD"}))


class NoRangesError(Exception):
    """Only a download of the whole wheel has the data, as from a server without ranges."""


def expected_tail(rows: Sequence[RecordRow]) -> int:
    """How many bytes at the end of a wheel hold RECORD and the central directory of these files.

    A directory entry has 46 bytes and the name; a row packs to little more than its hash, which is
    43 letters of 6 bits. Asking once for enough is cheaper than asking twice: of 84 real wheels,
    none needed more than this, and together they needed 93 % of it.
    """
    listed = [path for path in Record.of(rows).sizes if not bytecode_source(path)]
    names = sum(len(path) + 1 for path in listed)
    return len(listed) * (46 + 40) + names + names // 6 + 1024


def likely_tail(size: int | None) -> int:
    """How many bytes, METADATA included, to request first if only the wheel's size is known."""
    return min(max(16 * 1024, (size or 0) // 24), 128 * 1024)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The parts of a wheel that were read, as bytes: what `contents` makes sense of.

    They belong to one sha256, so they may be kept for ever.
    """

    size: int
    directory: bytes
    place: DirectoryPlace
    record: bytes
    metadata: bytes | None = None

    def to_bytes(self) -> bytes:
        """One run of bytes, for a cache."""
        metadata = self.metadata
        lengths = [
            len(self.directory),
            len(self.record),
            None if metadata is None else len(metadata),
        ]
        head = json.dumps(
            [self.size, self.place.offset, self.place.size, self.place.count, *lengths]
        )
        return b"\n".join([head.encode(), self.directory + self.record + (metadata or b"")])

    @classmethod
    def from_bytes(cls, data: bytes) -> Excerpt:
        """What `to_bytes` made. Raises ValueError for anything else."""
        head, _, rest = data.partition(b"\n")
        try:
            size, offset, length, count, directory, record, metadata = numbers = json.loads(head)
        except (TypeError, RecursionError) as error:
            raise ValueError("not an excerpt of a wheel") from error
        if not all(type(number) is int and number >= 0 for number in [*numbers[:6], metadata or 0]):
            raise ValueError("not an excerpt of a wheel")
        end = directory + record
        if len(rest) != end + (metadata or 0):
            raise ValueError("an excerpt that is cut short")
        place = DirectoryPlace(offset, length, count)
        body = None if metadata is None else rest[end:]
        return cls(size, rest[:directory], place, rest[directory:end], body)

    def contents(self, name: str) -> WheelContents:
        """What these parts say.

        Raises `IntegrityError` when they are not those of a wheel of ``name`` (canonical).
        """
        members = parse_directory(self.directory, self.place)
        return _contents(members, find_record(members, name), self)


async def read_wheel(
    fetcher: Fetcher, url: str, name: str, *, size: int | None, tail: int, metadata: bool = False
) -> WheelContents:
    """Read central directory and RECORD (and METADATA) of the wheel of ``name`` (canonical) at
    ``url``.

    ``size`` is the wheel's size if an index said so, ``tail`` how many bytes to request first.
    Raises `NoRangesError`, `FetchError`, and `IntegrityError` when the file is no wheel of that
    project.
    """
    reader = _Reader(fetcher, url)
    place = await _open(reader, size, tail)
    return await _read_contents(reader, place, name, metadata=metadata)


async def _open(reader: _Reader, size: int | None, tail: int) -> DirectoryPlace:
    await reader.open(size, tail)
    place = find_directory(reader.data, reader.total)
    if place is None:
        await reader.reach(max(0, reader.total - LONGEST_END - 128))
        place = find_directory(reader.data, reader.total)
        if place is None:
            raise IntegrityError("the zip archive has no end record")
    return place


def _last_record(reader: _Reader, place: DirectoryPlace) -> Member | None:
    """RECORD, where it is the last file, as PEP 427 recommends."""
    last = last_member(reader.slice(max(place.offset, reader.start), place.end))
    return last if last is not None and _RECORD.fullmatch(last.name) else None


async def _members(reader: _Reader, place: DirectoryPlace) -> tuple[Member, ...]:
    """The files of a wheel whose directory was read; where the whole wheel was read, each is
    compared with it.

    Raises `IntegrityError`, and `NoRangesError` where only a download shows whether the directory
    names all files.
    """
    if reader.start == 0:
        archive = WholeArchive(io.BytesIO(reader.data), reader.total)
        archive.check()
        return archive.members
    members = parse_directory(reader.slice(place.offset, place.end), place)
    found = gaps(members, place)
    if len(found) > _MOST_HEADERS:
        raise NoRangesError
    for member, gap in found:
        end = member.offset + LOCAL.size
        is_read = member.offset >= reader.start
        check_gap(
            member,
            reader.slice(member.offset, end) if is_read else await reader.piece(member.offset, end),
            gap,
        )
    return members


async def _read_contents(
    reader: _Reader, place: DirectoryPlace, name: str, *, metadata: bool = False
) -> WheelContents:
    if place.offset < reader.start:
        record = _last_record(reader, place)
        # Else it lies just before the directory all the same, and packs to some 45 bytes a file and
        # its name.
        likely = place.offset - place.size // 2 - 2048 if record is None else record.offset
        await reader.reach(max(0, min(likely, place.offset)))
    members = await _members(reader, place)
    record = find_record(members, name)
    said = (
        next((item for item in members if item.name == f"{_folder(record)}/METADATA"), None)
        if metadata
        else None
    )
    if metadata and said is None:
        raise IntegrityError("it has no METADATA")
    wanted = [record, *([said] if said else [])]
    first = min(member.offset for member in wanted)
    if first < reader.start <= first + _NEAR:
        await reader.reach(first)
    data = await _read_member(reader, record, place)
    text = await _read_member(reader, said, place) if said else None
    directory = reader.slice(place.offset, place.end)
    return _contents(members, record, Excerpt(reader.total, directory, place, data, text))


async def download_wheel(fetcher: Fetcher, url: str, name: str) -> WheelContents:
    """Download a wheel whole, to hash it and to compare every member with its RECORD.

    The file lives in memory up to 16 MiB, then in a temporary file; it is not kept. Raises
    `FetchError`, and `IntegrityError` when it is no wheel of ``name``.
    """
    from tempfile import (
        SpooledTemporaryFile,
    )  # slow to import, and wheels are hardly ever downloaded here

    sha256 = hashlib.sha256()
    size = 0
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        for left in reversed(range(_MOST_BREAKS)):
            before = size
            try:
                async with fetcher.stream(url, start=size) as pieces:
                    async for piece in pieces:
                        size += len(piece)
                        if size > _LARGEST_WHEEL:
                            raise FetchError(
                                f"{shown(url)} is larger than any wheel.", url=shown(url)
                            )
                        sha256.update(piece)
                        file.write(piece)
                break
            except FetchError:
                # The download is resumed where it broke, as long as that brings more bytes.
                if size in (before, 0) or size > _LARGEST_WHEEL or not left:
                    raise
        return inspect_wheel(file, size, sha256.hexdigest(), name)


def inspect_wheel(file: IO[bytes], size: int, sha256: str, name: str) -> WheelContents:
    """Compare every member of a whole wheel of ``name`` (canonical) with its RECORD.

    Raises `IntegrityError` when it is no wheel of that project, or cannot be unpacked.
    """
    archive = WholeArchive(file, size)
    members = archive.members
    record = find_record(members, name)
    _check_claims(record, archive.place)
    if sum(member.size for member in members) > _MOST_UNPACKED:
        raise IntegrityError("it would unpack to more than WebAssembly can hold")
    try:
        record_rows = _parse_record(archive.read(record), len(members))
        said = next((item for item in members if item.name == f"{_folder(record)}/METADATA"), None)
        metadata = (
            archive.read(said) if said is not None and said.size <= LARGEST_METADATA else None
        )
        rows = {row.path: row for row in record_rows}
        true_rows = []
        for member in members:
            row = rows.get(member.name)
            algorithm = (
                row.algorithm if row is not None and row.algorithm and row.strong else "sha256"
            )
            digest_found = _hash(archive.pieces(member), algorithm)
            if not member.is_folder and member is not record:
                true_rows.append(RecordRow(member.name, algorithm, digest_found, member.size))
    except (IntegrityError, ValueError, OSError) as error:
        raise IntegrityError(f"the wheel cannot be unpacked ({error})") from error
    names = frozenset(member.name for member in members)
    return WheelContents(
        members, record_rows, _folder(record), size, sha256, Record.of(true_rows), names, metadata
    )


def _hash(pieces: Iterable[bytes], algorithm: str) -> str:
    found = hashlib.new(algorithm)
    for piece in pieces:
        found.update(piece)
    return encode_digest(found.digest())


def find_record(members: Sequence[Member], name: str) -> Member:
    """The RECORD of the one .dist-info folder, which has to be that of ``name`` (PEP 427)."""
    records = [member for member in members if _RECORD.fullmatch(member.name)]
    if len(records) != 1:
        raise IntegrityError(
            f"it has {len(records) or 'no'} RECORD{'s' if len(records) > 1 else ''}"
        )
    # As pip: with two of them, each installer would take its own choice.
    own = _folder(records[0])
    folders = {member.name.partition("/")[0] for member in members}
    others = sorted(folder for folder in folders if folder.endswith(".dist-info") and folder != own)
    if others:
        raise IntegrityError(f"it has several .dist-info folders ({own}, {others[0]})")
    stem = own.removesuffix(".dist-info")
    strange = sorted(
        folder for folder in folders if folder.endswith(".data") and folder != f"{stem}.data"
    )
    if strange:  # pip spreads every such folder, uv its own one only
        raise IntegrityError(f"it has the data folder of another distribution ({strange[0]})")
    project = stem.rpartition("-")[0]
    if canonicalize_name(project) != name:
        raise IntegrityError(f"it is a wheel of {project}")
    return records[0]


def _folder(record: Member) -> str:
    return record.name.rpartition("/")[0]


def _contents(members: tuple[Member, ...], record: Member, excerpt: Excerpt) -> WheelContents:
    rows = _rows_of(excerpt.record, len(members))
    names = frozenset(member.name for member in members)
    return WheelContents(
        members,
        rows,
        _folder(record),
        excerpt.size,
        names=names,
        metadata=excerpt.metadata,
        excerpt=excerpt,
    )


def _rows_of(data: bytes, count: int) -> Record:
    try:
        return _parse_record(data, count)
    except ValueError as error:
        raise IntegrityError(f"its RECORD is broken: {error}") from error


def _parse_record(data: bytes, count: int) -> Record:
    # Millions of short rows would take a hundred times their size in memory.
    lines = data.count(b"\n") + data.count(b"\r")
    if lines > 4 * count + _SPARE_LINES:
        raise ValueError(f"it has {lines} lines for {count} files")
    return parse_record(data)


def _check_claims(record: Member, place: DirectoryPlace) -> None:
    """Check the size of RECORD before it is requested.

    It has a row for each file, so it cannot be much larger than the directory.
    """
    most = _SPARE_RECORD + 16 * place.size
    if max(record.size, record.compressed_size) > most:
        raise IntegrityError(
            f"a RECORD of {record.size} bytes for {place.count} files cannot be true"
        )


async def _read_member(reader: _Reader, member: Member, place: DirectoryPlace) -> bytes:
    _check_claims(member, place)
    if member.offset >= reader.start:
        found = extract(member, reader.slice(member.offset, place.offset))
    else:
        end = member.offset + most_bytes(member)
        found = extract(member, await reader.piece(member.offset, min(end, place.offset)))
        if found is None and end < place.offset:  # its own header is a long one
            found = extract(
                member, await reader.piece(member.offset, min(end + 0xFFFF, place.offset))
            )
    if found is None:
        raise IntegrityError(f"{member.name} is cut short")
    return found


class _Reader:
    """The known end of a remote file: ``data`` are its bytes from ``start`` to ``total``."""

    def __init__(self, fetcher: Fetcher, url: str) -> None:
        self._fetcher = fetcher
        self._url = url
        self.data = b""
        self.start = 0
        self.total = 0
        self._etag: str | None = None

    async def open(self, size: int | None, tail: int) -> None:
        """Read the last ``tail`` bytes."""
        response = (
            await self._suffix(tail) if size is None and self._fetcher.suffix_ranges else None
        )
        if response is None:
            size = await self._size() if size is None else size
            response = await self._get((max(0, size - tail), size - 1), max(tail, SMALL_WHEEL))
        if response.status == 200:
            # A range may be answered with everything; then a small wheel has arrived whole.
            if not response.complete:
                raise NoRangesError
            self.data, self.total = response.body, len(response.body)
            return
        self.total = _total(response) or size or 0
        if not self.total or (size is not None and self.total != size):
            raise IntegrityError(f"it has {self.total} bytes, the index says {size}")
        self.data, self.start = response.body, self.total - len(response.body)
        self._etag = _etag(response)

    async def _suffix(self, tail: int) -> Response | None:
        """The last bytes by a suffix range; None: the server may know ranges, but not this kind."""
        try:
            return await self._get((None, tail), max(tail, SMALL_WHEEL))
        except GoneError:
            raise
        except NoRangesError:
            return None
        except FetchError as error:
            # Some servers answer 501. Where there is no answer at all, another request is no use.
            if error.reason in ("not-allowed", "no-connection"):
                raise
            return None

    async def _size(self) -> int:
        response = await self._fetcher.head(self._url)
        length = response.headers.get("content-length", "")
        if not response.found:
            raise _gone(self._url)
        if not _NUMBER.fullmatch(length) or not int(length):
            raise NoRangesError
        return int(length)

    async def reach(self, start: int) -> None:
        """Read on towards the beginning, down to ``start``."""
        if start < self.start:
            self.data = await self.piece(start, self.start) + self.data
            self.start = start

    async def piece(self, start: int, end: int) -> bytes:
        """The bytes from ``start`` up to but not including ``end``."""
        response = await self._get((start, end - 1), end - start)
        if response.status != 206 or len(response.body) != end - start:
            raise NoRangesError
        # RFC 9110, 15.3.7.3: parts may be put together only if they are parts of one and the same.
        if (
            _total(response) not in (None, self.total)
            or len({_etag(response), self._etag} - {None}) > 1
        ):
            raise NoRangesError
        return response.body

    def slice(self, start: int, end: int) -> bytes:
        return self.data[start - self.start : end - self.start]

    async def _get(self, byte_range: ByteRange, max_bytes: int) -> Response:
        response = await self._fetcher.get(self._url, byte_range=byte_range, max_bytes=max_bytes)
        if not response.found:
            raise _gone(self._url)
        if response.status == 416:
            raise NoRangesError
        return response


def _gone(url: str) -> GoneError:
    return GoneError(f"{shown(url)} is not there (404).", url=shown(url))


def _total(response: Response) -> int | None:
    match = re.fullmatch(
        r"bytes [0-9]+-[0-9]+/([0-9]{1,20})", response.headers.get("content-range", "").strip()
    )
    return int(match[1]) if match else None


def _etag(response: Response) -> str | None:
    """The strong ETag; a weak one may be equal for two representations (RFC 9110, 8.8.1)."""
    etag = response.headers.get("etag")
    return None if etag is None or etag.startswith("W/") else etag
