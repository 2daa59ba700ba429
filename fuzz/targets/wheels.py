"""Wheels: their end, read over ranges from a server that lies;

the whole of them; and what caches keep of both.
"""

from __future__ import annotations

import hashlib
import io
import sqlite3
import warnings
import zipfile
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from packaging.version import Version

from micropip_lock.errors import FetchError, InputError, IntegrityError
from micropip_lock.formats.project_page import IndexFile
from micropip_lock.formats.record import digest
from micropip_lock.formats.wheel import WheelDescription
from micropip_lock.formats.wheel_archive import describe_excerpt, inspect_wheel
from micropip_lock.formats.wheel_excerpt import Excerpt
from micropip_lock.formats.zip_directory import LONGEST_END, find_directory, parse_directory
from micropip_lock.formats.zip_member import extract
from micropip_lock.index.downloaded_wheel import download_wheel
from micropip_lock.index.remote_wheel import (
    NoRangesError,
    read_wheel,
)
from micropip_lock.index.wheel_metadata import BrokenMetadataError, Publications
from micropip_lock.installed.installation import Installation
from micropip_lock.installed.site_files import SiteFiles
from micropip_lock.network import ByteRange, Response, Stream, drive
from micropip_lock.network.body import Body
from micropip_lock.network.rules import Transient, check_length, check_partial, check_status
from micropip_lock.operations.sync.unpack import unpack
from micropip_lock.proof.comparison import compare
from micropip_lock.storage.database import FILE_NAME
from micropip_lock.storage.facts import FactStore
from tests.support.odd_zips import CORPUS
from tests.support.raw_zip import DIST_INFO, Entry, raw_zip, wheel_entries

from ..target import Target, folder, only, promise

T = TypeVar("T")

NAME = "demo-1.0-py3-none-any.whl"
URL = f"https://files.example/{NAME}"
WHEEL = raw_zip(wheel_entries())
WHEELS = [
    WHEEL,
    raw_zip(wheel_entries(), zip64=True, comment=b"a comment"),
    raw_zip([replace(entry, zip64=True, method=0) for entry in wheel_entries()], zip64=True),
    raw_zip(
        [
            replace(entry, descriptor=True)
            for entry in wheel_entries(Entry("pkg/", method=0), Entry("pkg/x.py", b"2"))
        ]
    ),
    raw_zip(
        wheel_entries(
            Entry("demo-1.0.data/scripts/run", b"#!python\nx"),
            Entry("demo-1.0.data/purelib/more.py", b"y"),
            Entry("demo-1.0.data/headers/x.h", b"z"),
            Entry(f"{DIST_INFO}/entry_points.txt", b"[console_scripts]\nrun2 = demo:main\n"),
            Entry(f"{DIST_INFO}/direct_url.json", b"{}"),
            Entry("ünï😀.py", b"3"),
        )
    ),
    raw_zip([]),
]
ODD = [make() for _, make in CORPUS]
_WORDS = [
    *(
        "PK\x03\x04",
        "PK\x01\x02",
        "PK\x05\x06",
        "PK\x06\x06",
        "PK\x06\x07",
        "PK\x07\x08",
        f"{DIST_INFO}/RECORD",
        "../x",
        "/etc/x",
    ),
    *(
        f"{DIST_INFO}/METADATA",
        "demo.py",
        "demo-1.0.data/scripts/",
        "\\",
        "a:b",
        "\xff\xff",
        "x/../y",
        "other-1.dist-info/RECORD",
    ),
]


def _tail(data: bytes) -> None:
    """The end of an archive, from one byte up to all of it; zipfile sees what is seen here."""
    with only(IntegrityError):
        for known in (len(data), min(len(data), 30), min(len(data), LONGEST_END)):
            find_directory(data[len(data) - known :], len(data))
    with only(IntegrityError):
        place = find_directory(data, len(data))
        promise(place is not None, "all of a file is not enough")
        assert place is not None
        members = parse_directory(data[place.offset : place.end], place)
        for member in members:
            with only(IntegrityError):
                found = extract(member, data[member.offset : place.offset])
                promise(found is None or len(found) == member.size, "a member of another size")
        _as_zipfile(data, members)


def _as_zipfile(data: bytes, members: Iterable[Any]) -> None:
    with warnings.catch_warnings(), suppress(zipfile.BadZipFile, NotImplementedError):
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            theirs = [(item.orig_filename, item.file_size, item.CRC) for item in archive.infolist()]
        promise(
            theirs == [(item.name, item.size, item.crc) for item in members],
            "zipfile sees other members",
        )


def _whole(data: bytes) -> None:
    """A whole wheel: inspected, compared with itself, and unpacked."""
    contents: WheelDescription | None = None
    with only(IntegrityError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        contents = inspect_wheel(
            io.BytesIO(data), len(data), hashlib.sha256(data).hexdigest(), "demo"
        )
        _as_extracted(data, contents)
        result = compare(
            Installation(contents.true_rows or (), SiteFiles(Path("no-such-folder"))), contents
        )
        promise(
            (not result.differing and not result.weak) or "/" in contents.dist_info,
            "a wheel differs from itself",
        ) if (".data/" not in " ".join(contents.names)) else None
    with folder() as place:
        wheel, target = place / NAME, place / "target"
        wheel.write_bytes(data)
        with only(IntegrityError, InputError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            unpack(
                wheel,
                target,
                PurePosixPath("lib/python3.14/site-packages"),
                "/usr/bin/python",
                {"INSTALLER": b"x"},
            )
        promise(
            {item.name for item in place.iterdir()} <= {NAME, "target"},
            "a file outside of the target",
        )


def _as_extracted(data: bytes, contents: WheelDescription) -> None:
    """The files of a wheel that is taken are those that zipfile reads."""
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {
            item.filename: archive.read(item) for item in archive.infolist() if not item.is_dir()
        }
        promise(
            files.keys() == {item.name for item in contents.members if not item.is_folder},
            "other files",
        )
        for row in contents.true_rows or ():
            promise(
                digest(files[row.path], row.algorithm or "sha256") == row.digest,
                "zipfile reads other bytes",
            )


class Hostile:
    """A server that answers each request in another way;

    its answers go through the rules that all fetchers share.
    """

    def __init__(self, plan: bytes, content: bytes) -> None:
        self._plan = plan
        self._content = content
        self.suffix_ranges = bool(plan) and plan[0] < 128
        self.requests = self.wanted = 0

    def _next(self) -> int:
        self.requests += 1
        promise(self.requests <= 20, "more than 20 requests for one wheel")
        return self._plan[self.requests] if self.requests < len(self._plan) else 0

    async def get(
        self,
        url: str,
        *,
        accept: str | None = None,
        byte_range: ByteRange | None = None,
        max_bytes: int,
        refresh: bool = False,
    ) -> Response:
        """An answer, or what the rules say of it."""
        way = self._next()
        self.wanted += max_bytes
        promise(self.wanted < 400 << 20, "more than 400 MiB wanted of one wheel")
        promise(
            byte_range is None
            or (byte_range[0] or 0) <= (byte_range[1] or 0)
            or byte_range[0] is None,
            "an empty range",
        )
        status, headers, body = self._answer(way, byte_range)
        try:
            check_status(url, status, headers)
            expected = check_partial(url, byte_range, headers) if status == 206 else None
            pieces = Body(url, headers.get("content-encoding", ""), max_bytes)
            pieces.feed(body)
            if not pieces.overflows:
                pieces.end()
            content, complete = pieces.result()
            check_length(url, expected, len(content), complete)
        except Transient as error:
            raise FetchError(str(error), url=url) from error
        return Response(url, status, headers, content, complete, len(body))

    def _answer(self, way: int, byte_range: ByteRange | None) -> tuple[int, dict[str, str], bytes]:
        size = len(self._content)
        first, last = byte_range or (0, size - 1)
        if first is None:
            first, last = max(0, size - (last or 0)), size - 1
        last = size - 1 if last is None else min(last, size - 1)
        part = self._content[first : last + 1]
        if way < 100:
            if first > last:
                return 416, {}, b""
            return 206, {"content-range": f"bytes {first}-{last}/{size}"}, part
        if way < 120:
            return 200, {}, self._content
        # From here on the plan itself is what the server says.
        said = self._plan.decode("latin-1")
        return (
            (206, {"content-range": f"bytes {first}-{last}/{size * 1000}"}, part),
            (206, {"content-range": f"bytes {first}-{last}/*", "etag": said}, part),
            (206, {"content-range": said}, part),
            (206, {"content-range": f"bytes {first}-{last}/{size}"}, part[: len(part) // 2]),
            (206, {"content-range": f"bytes {first}-{last}/{size}"}, bytes(len(part))),
            (206, {"content-range": f"bytes {first}-{last}/{size}", "etag": f'"{way}"'}, part),
            (200, {"content-encoding": "gzip"}, self._content),
            (200, {"content-length": said}, b""),
            (404, {}, b""),
            (501, {}, b""),
            (503, {"retry-after": said}, b""),
            (403, {}, b""),
            (416, {"content-range": "bytes */1"}, b""),
            (206, {"content-range": f"bytes {first}-{last}/9{'0' * (way % 20)}"}, part),
            (206, {"content-range": f"bytes {first}-{last}/{'9' * 5000}"}, part),
        )[way % 15]

    async def head(self, url: str) -> Response:
        """A length, or what passes for one."""
        way = self._next()
        said = self._plan.decode("latin-1")
        sizes = (str(len(self._content)), "", "0", "1" * 30, "9" * 5000, said, "²", "-1", "1e3")
        return Response(
            url, 404 if way == 255 else 200, {"content-length": sizes[way % len(sizes)]}, b""
        )

    @asynccontextmanager
    async def stream(self, url: str, *, start: int = 0) -> AsyncIterator[Stream]:
        """The whole file."""

        async def pieces() -> AsyncIterator[bytes]:
            yield self._content[start:]

        yield Stream(pieces(), len(self._content) - start)

    async def gather(self, tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """One after the other."""
        return [await task for task in tasks]

    async def aclose(self) -> None:
        """Nothing to close."""


_PLAN = 16


def _remote(data: bytes) -> None:
    """16 bytes say how the server answers; the rest is the wheel."""
    plan, wheel = data[:_PLAN], data[_PLAN:]
    for size in (None, max(1, len(wheel)), len(wheel) + 1):
        for metadata in (False, True):
            with only(IntegrityError, FetchError), suppress(NoRangesError), _assembled():
                found = drive(
                    read_wheel(
                        Hostile(plan, wheel),
                        URL,
                        "demo",
                        size=size,
                        tail=2000 if metadata else 60,
                        metadata=metadata,
                    )
                )
                promise(
                    found.excerpt is not None and (found.metadata_file is None) != metadata,
                    "less than was asked for",
                )
                assert found.excerpt is not None
                again = Excerpt.from_bytes(found.excerpt.to_bytes())
                promise(
                    again == found.excerpt and describe_excerpt(again, "demo") == found,
                    "an excerpt that was lost",
                )
    with only(IntegrityError, FetchError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drive(download_wheel(Hostile(plan, wheel), URL, "demo"))


def _assembled() -> Any:
    return suppress(())


class _Known:
    """Facts, all of them the same bytes."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def get(self, kind: str, key: str) -> bytes | None:
        return self._value

    def put(self, kind: str, key: str, value: bytes) -> None:
        pass

    def close(self) -> None:
        pass


def _facts(data: bytes) -> None:
    """A fact that a cache has kept of a wheel: its excerpt, or its METADATA."""
    with only(ValueError):
        excerpt = Excerpt.from_bytes(data)
        promise(excerpt.to_bytes() is not None, "an excerpt that cannot be kept")
        with only(IntegrityError):
            describe_excerpt(excerpt, "demo")
    for announced in (None, hashlib.sha256(data).hexdigest()):
        file = IndexFile(
            NAME,
            URL,
            Version("1.0"),
            "wheel",
            sha256="0" * 64,
            metadata_sha256=announced,
            size=len(WHEEL),
        )
        for known in (_Known(data), _Known(b"")):
            publications = Publications(Hostile(b"", WHEEL), known)
            with only(IntegrityError, FetchError, BrokenMetadataError):
                drive(publications.metadata(file, "demo"))
            with only(IntegrityError, FetchError):
                drive(publications.description(file, "demo"))


_EXCERPT = drive(
    read_wheel(Hostile(b"", WHEEL), URL, "demo", size=len(WHEEL), tail=2000, metadata=True)
).excerpt
assert _EXCERPT is not None
_EXCERPTS = [
    _EXCERPT.to_bytes(),
    replace(_EXCERPT, metadata=None).to_bytes(),
    _EXCERPT.metadata or b"",
]


def _database(data: bytes) -> None:
    """The file of facts itself;

    nothing is raised for any content, and only what was put comes out.
    """
    with folder() as place:
        (place / FILE_NAME).write_bytes(data)
        store = FactStore(place)
        found = store.get("metadata", "key")
        promise(found in (None, b"value"), "a fact that nobody put there")
        store.put("metadata", "key", b"value")
        promise(store.get("metadata", "key") in (None, b"value"), "another fact than was put")
        store.close()


def _fresh_database() -> bytes:
    with folder() as place:
        store = FactStore(place)
        store.put("metadata", "key", b"value")
        store.close()
        with sqlite3.connect(place / FILE_NAME) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
        connection.close()
        return (place / FILE_NAME).read_bytes()


def _big_zip(size: int) -> dict[str, bytes]:
    many = [Entry(f"p/{number}.py", b"", method=0) for number in range(size // 120)]
    zeros = Entry("zeros.py", bytes(size * 8))
    record = Entry(f"{DIST_INFO}/RECORD", b"a,,\n" * (size * 2))
    *head, _ = wheel_entries()
    return {
        "many files": raw_zip(wheel_entries(*many)),
        "zeros": raw_zip(wheel_entries(zeros)),
        "long record": raw_zip([*head, record]),
        "record of quotes": raw_zip([*head, Entry(f"{DIST_INFO}/RECORD", b'"' * (size * 8))]),
        "shared": raw_zip(
            [zeros, *(replace(zeros, name=f"z{n}", shared=True) for n in range(1000))]
        ),
        "ends": b"PK\5\6" * (size // 4),
        "directories": b"PK\1\2" * (size // 4) + WHEEL,
        "comment": raw_zip(wheel_entries(), comment=b"PK\5\6" * 16000),
        "deep names": raw_zip(
            wheel_entries(
                *(Entry("a/" * 15000 + f"{n}", b"") for n in range(max(1, size // 60000)))
            )
        ),
        "one name": raw_zip([Entry("same", b"", method=0)] * (size // 90)),
    }


TARGETS = (
    Target(
        "zip-tail",
        "the end of a zip archive",
        _tail,
        ("zip_tail", "zip_member", "zip_names"),
        "zip",
        WHEELS + ODD,
        _WORDS,
        _big_zip,
        16384,
    ),
    Target(
        "remote-wheel",
        "a wheel by ranges, from a server that lies",
        _remote,
        ("remote_wheel", "zip_tail", "zip_member"),
        "zip",
        [bytes(_PLAN) + wheel for wheel in WHEELS]
        + [bytes([200, *range(120 + n, 135 + n)]) + WHEEL for n in range(0, 120, 15)],
        _WORDS,
        lambda size: {name: bytes(_PLAN) + wheel for name, wheel in _big_zip(size).items()},
        16384,
    ),
    Target(
        "whole-wheel",
        "a whole wheel: inspected, unpacked",
        _whole,
        ("remote_wheel", "zip_tail", "zip_member", "zip_names", "operations/_unpack"),
        "zip",
        WHEELS + ODD,
        _WORDS,
        _big_zip,
        16384,
    ),
    Target(
        "facts",
        "what the cache keeps of a wheel",
        _facts,
        ("published", "remote_wheel"),
        "text",
        _EXCERPTS,
        ["[1, 2, 3, 4, 5, 6, null]\n", "null", "1.5", "-1", "true", '"a"', "[]", *_WORDS],
        lambda size: {
            "deep": b"[" * size,
            "digits": b"[" + b"9" * size + b"]",
            "zeros": b"[0,0,0,0,0,0,0]\n" + bytes(size),
        },
        16384,
    ),
    Target(
        "facts-file",
        "the SQLite file of the cache",
        _database,
        ("store/facts", "store/_file"),
        "bytes",
        [_fresh_database(), b"", b"SQLite format 3\0"],
        ["CREATE TABLE", "facts", "used", "SQLite format 3"],
        lambda size: {},
        32768,
    ),
)
