"""Answers for ``file:`` URLs: bytes, ranges, and folders as index pages (pip's find-links)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from .._util.url import before_query, shown
from ..errors import FetchError, GoneError
from .fetcher import ByteRange, Response, Stream

_CHUNK = 1 << 16


def is_file(url: str) -> bool:
    """Whether this is a file: URL."""
    return url[:5].lower() == "file:"


def read(
    url: str,
    *,
    byte_range: ByteRange | None = None,
    max_bytes: int | None = None,
    head: bool = False,
) -> Response:
    """Answer GET or HEAD for a file: URL; nothing of it comes over a wire, so ``received`` is 0.

    A folder is its index.html, or else a PEP 503 page that lists its files. Raises `FetchError`.
    """
    bare = before_query(url)
    path = _path(bare)
    try:
        if path.is_dir():
            bare = bare.rstrip("/") + "/"
            folder = path
            path = folder / "index.html"
            if not path.is_file():
                return _whole(bare, "text/html", _listing(folder), max_bytes, head=head)
        if not path.is_file():
            return Response(bare, 404, {}, b"", requests=0)
        kind = "text/html" if path.suffix == ".html" else "application/octet-stream"
        if byte_range is not None:
            return _part(bare, kind, path, byte_range, max_bytes)
        # One byte more than the caller wants shows whether there are more.
        most = -1 if max_bytes is None else max_bytes + 1
        with path.open("rb") as file:
            body = b"" if head else file.read(most)
        return _whole(bare, kind, body, max_bytes, head=head, size=path.stat().st_size)
    except OSError as error:
        raise _unreadable(bare, error) from error


def pieces(url: str, *, start: int = 0) -> Iterator[bytes]:
    """The bytes of a file from ``start`` on, piece by piece. Raises `FetchError`."""
    bare = before_query(url)
    try:
        with _path(bare).open("rb") as file:
            file.seek(start)
            while piece := file.read(_CHUNK):
                yield piece
    except OSError as error:
        raise _unreadable(bare, error) from error


def stream(url: str, *, start: int = 0) -> Stream:
    """Answer GET for a file: URL piece by piece. Raises `FetchError`, at once or with a piece."""
    return Stream(_awaited(pieces(url, start=start)), size(url) - start)


async def _awaited(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def size(url: str) -> int:
    """The size of a file. Raises `FetchError`."""
    bare = before_query(url)
    try:
        return _path(bare).stat().st_size
    except OSError as error:
        raise _unreadable(bare, error) from error


def _path(url: str) -> Path:
    from urllib.request import (
        url2pathname,
    )  # imports http.client and email, which no other code here needs

    try:
        parts = urlsplit(url)
        if parts.netloc in ("", "localhost"):
            path = Path(url2pathname(parts.path))
            if path.is_absolute() and "\0" not in str(path):
                return path
    except ValueError:
        pass
    raise FetchError(f"{shown(url)}: a file URL must look like file:///folder/file", url=shown(url))


def _unreadable(url: str, error: OSError) -> FetchError:
    if isinstance(error, PermissionError):
        return FetchError(f"{shown(url)}: may not be read", url=shown(url), reason="not-allowed")
    message = f"{shown(url)}: cannot be read ({error.strerror})"
    if isinstance(error, FileNotFoundError):
        return GoneError(message, url=shown(url))
    return FetchError(message, url=shown(url))


def _listing(folder: Path) -> bytes:
    import html  # in Pyodide only this function needs it

    # PEP 503: «each file [...] with the text of the anchor element being the filename».
    links = [
        f'<a href="{html.escape(entry.absolute().as_uri())}">{html.escape(entry.name)}</a><br>'
        for entry in sorted(folder.iterdir())
        if entry.is_file()
    ]
    return "\n".join(["<!DOCTYPE html>", "<html><body>", *links, "</body></html>", ""]).encode()


def _whole(
    url: str,
    kind: str,
    body: bytes,
    max_bytes: int | None,
    *,
    head: bool,
    size: int | None = None,
) -> Response:
    """The answer with a body of ``size`` bytes, cut after ``max_bytes``; none with ``head``."""
    headers = {"content-type": kind, "content-length": str(len(body) if size is None else size)}
    if head:
        return Response(url, 200, headers, b"", requests=0)
    if max_bytes is not None and len(body) > max_bytes:
        return Response(url, 200, headers, body[:max_bytes], complete=False, requests=0)
    return Response(url, 200, headers, body, requests=0)


def _part(
    url: str, kind: str, path: Path, byte_range: ByteRange, max_bytes: int | None
) -> Response:
    size = path.stat().st_size
    first, last = byte_range
    if first is None:
        first = max(0, size - (last or 0))
        last = None
    last = size - 1 if last is None else min(last, size - 1)
    if first >= size or last < first:
        return Response(url, 416, {"content-range": f"bytes */{size}"}, b"", requests=0)
    count = last - first + 1
    with path.open("rb") as file:
        file.seek(first)
        body = file.read(count if max_bytes is None else min(count, max_bytes))
    headers = {
        "content-type": kind,
        "content-range": f"bytes {first}-{last}/{size}",
        "content-length": str(count),
    }
    return Response(url, 206, headers, body, complete=len(body) == count, requests=0)
