"""A package index in memory, and the Fetcher that reads it: no server, no event loop, thousands of
freezes a minute.

Its pages and ranges are as good as those of `IndexServer`; what a test wants otherwise it changes
in ``files``, or in a subclass that answers `ranged` in its own way.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from packaging.utils import canonicalize_name

from micropip_lock import FreezeResult, freeze
from micropip_lock.network import ByteRange, Response, Stream, drive

from .freezing import base_lock
from .replies import JSON_TYPE

T = TypeVar("T")

ROOT = "https://index.example"


class MemoryIndex:
    """File name -> bytes, as an index that knows ranges, sizes, hashes and core metadata.

    ``requests`` and ``bytes`` count what was asked for and sent of the files, ``largest`` the
    largest ``max_bytes``.
    """

    suffix_ranges = True
    url = f"{ROOT}/simple"

    def __init__(
        self, files: Mapping[str, bytes] | None = None, *, wheels: Iterable[Path] = ()
    ) -> None:
        self.files: dict[str, bytes] = dict(files or {})
        self.add(*wheels)
        self.reset()

    def add(self, *wheels: Path) -> None:
        """List wheels that lie on the disk; their bytes are read now."""
        self.files.update((wheel.name, wheel.read_bytes()) for wheel in wheels)

    def reset(self) -> None:
        """Forget what was counted."""
        self.requests = self.bytes = self.largest = 0

    def file_url(self, filename: str) -> str:
        """The absolute URL of a file."""
        return f"{ROOT}/files/{filename}"

    async def get(
        self,
        url: str,
        *,
        accept: str | None = None,
        byte_range: ByteRange | None = None,
        max_bytes: int,
        refresh: bool = False,
    ) -> Response:
        """A project page, or the bytes of a file."""
        path = url.removeprefix(ROOT)
        if match := re.fullmatch(r"/simple/([^/]+)/", path):
            page = self._page(match[1])
            return Response(url, 200 if page else 404, {"content-type": JSON_TYPE}, page)
        filename = path.removeprefix("/files/")
        if filename not in self.files:
            return Response(url, 404, {}, b"")
        response = self.ranged(url, self.files[filename], byte_range)
        self.requests += 1
        self.bytes += min(len(response.body), max_bytes)
        self.largest = max(self.largest, max_bytes)
        body = response.body[:max_bytes]
        return Response(
            url, response.status, response.headers, body, len(body) == len(response.body), len(body)
        )

    def ranged(self, url: str, content: bytes, byte_range: ByteRange | None) -> Response:
        """The answer to a range request (RFC 9110, 14); None: to one for everything."""
        if byte_range is None:
            return Response(url, 200, {}, content)
        first, last = byte_range
        size = len(content)
        if first is None:
            first, last = max(0, size - (last or 0)), size - 1
        last = size - 1 if last is None else min(last, size - 1)
        if first > last:
            return Response(url, 416, {"content-range": f"bytes */{size}"}, b"")
        return Response(
            url, 206, {"content-range": f"bytes {first}-{last}/{size}"}, content[first : last + 1]
        )

    async def head(self, url: str) -> Response:
        """The size of a file."""
        content = self.files[url.rpartition("/")[2]]
        return Response(url, 200, {"content-length": str(len(content))}, b"")

    @asynccontextmanager
    async def stream(self, url: str, *, start: int = 0) -> AsyncIterator[Stream]:
        """The whole file, in pieces."""
        content = self.files[url.rpartition("/")[2]][start:]
        self.requests += 1
        self.bytes += len(content)

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(content), 1 << 16):
                yield content[at : at + (1 << 16)]

        yield Stream(pieces(), len(content))

    async def gather(self, tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """One after the other."""
        return [await task for task in tasks]

    async def aclose(self) -> None:
        """Nothing to close."""

    def freeze(self, folder: Path, **options: Any) -> FreezeResult:
        """Freeze a folder against this index alone, without an event loop."""
        return drive(
            freeze(path=folder, base=base_lock(), index_urls=self.url, fetcher=self, **options)
        )

    def _page(self, project: str) -> bytes:
        names = [
            name for name in self.files if canonicalize_name(name.partition("-")[0]) == project
        ]
        files = [self._entry(name, self.files[name]) for name in names]
        return (
            json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": files}).encode()
            if files
            else b""
        )

    def _entry(self, filename: str, content: bytes) -> dict[str, Any]:
        entry = {
            "filename": filename,
            "url": self.file_url(filename),
            "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
            "size": len(content),
        }
        if metadata := _metadata(content):
            entry["core-metadata"] = {"sha256": hashlib.sha256(metadata).hexdigest()}
        return entry


def _metadata(wheel: bytes) -> bytes | None:
    """METADATA of a wheel; None where zipfile cannot read it."""
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            found = [
                name
                for name in archive.namelist()
                if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)
            ]
            return archive.read(found[0]) if found else None
    except (zipfile.BadZipFile, ValueError, RuntimeError, EOFError):
        return None
