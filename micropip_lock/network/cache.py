"""The HTTP cache of the host: hishel under RFC 9111, in one SQLite file, without any secrets.

hishel 2.0 leaves these tasks to its caller:

* It stores all of a request and its answer, URL and headers included. So only plain requests come
  here (`storable`), and of the answers' headers only those that a cache needs.
* Without a freshness of its own an answer counts as fresh for 10 % of its age. A new release would
  stay unseen for up to a week, so such an answer is revalidated each time.
* A refreshed page does not replace the stored one, and of two with the same second in ``Date`` the
  older is served. So an old one is removed before a new one is stored.
* It never serves a stale page that says ``no-cache`` or ``must-revalidate``. Offline is a wish of
  the user, so pages are then taken from the storage directly.
* It goes to another thread for each statement, some eighty times for a page. SQLite on a local disk
  takes less time than that, so this cache runs each statement in the calling thread.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import hishel
import httpx
from hishel.httpx import AsyncCacheTransport

from .._util.private_files import check_private, keep_own, make_own, make_private
from ..errors import MicropipLockError
from .rules import CacheError

#: The database in the cache folder.
FILE_NAME = "http.sqlite3"

#: Bytes that the database may grow to; the pages used longest ago go first.
MAX_SIZE = 256 << 20

#: Bytes of a body that are handed on together.
PIECE = 128 << 10

#: How long a write waits for another process before the page is served without being stored.
BUSY_MILLISECONDS = 250

_STORED_STATUSES = frozenset({200, 301, 302, 303, 307, 308, 404, 410})
_STORED_HEADERS = frozenset(
    {
        "accept-ranges",
        "age",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
    }
    | {"etag", "expires", "last-modified", "location", "vary"}
)

# hishel logs a traceback for each failure that it survives; a user who did not configure logging
# should not see it.
logging.getLogger("hishel").addHandler(logging.NullHandler())


def storable(request: httpx.Request) -> bool:
    """Whether a request may go through the cache: nothing about it can be a secret (a query may be
    a token).

    Sidecars (PEP 658) belong to a sha256: the caller remembers their contents for good.
    """
    return (
        request.method == "GET"
        and not request.url.path.endswith(".whl.metadata")
        and not request.url.query
        and not request.url.userinfo
        and not {"authorization", "cookie", "range"} & set(request.headers)
    )


class PageCache:
    """Answers storable requests from ``directory``, or from ``network`` by the rules of HTTP.

    Raises `InputError` for a folder that others can write to. Its own troubles are `CacheError`;
    after one at opening, every further request gets one at once.
    """

    def __init__(
        self, directory: Path, network: Callable[[httpx.Request], Awaitable[httpx.Response]]
    ) -> None:
        check_private(directory)
        self._path = directory / FILE_NAME
        self._network = network
        self._lock = asyncio.Lock()
        self._storage: _Storage | None = None
        self._trouble: Exception | None = None

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The answer to a storable request, as far as HTTP allows without asking the server."""
        storage = await self._open()
        # Not shared: «private» answers are for one user, and so is this cache.
        transport = AsyncCacheTransport(
            _Upstream(self._network), storage, rfc=hishel.CacheOptions(shared=False)
        )
        request.extensions["caching"] = {"key": _key(request)}
        try:
            response = await transport.handle_async_request(request)
        except (httpx.HTTPError, MicropipLockError):
            raise
        except Exception as error:  # hishel, msgpack, anyio, sqlite3: none may stop a request
            raise CacheError(str(error)) from error
        return _guarded(response.status_code, response.headers.raw, response, response.extensions)

    async def stored(self, request: httpx.Request) -> httpx.Response | None:
        """The stored answer to a storable request, however old; None when there is none."""
        storage = await self._open()
        try:
            entries = [
                entry
                for entry in await storage.get_entries(_key(request))
                if entry.request.url == request.url
            ]
        except Exception as error:  # as above
            raise CacheError(str(error)) from error
        if not entries:
            return None
        answer = entries[-1].response
        headers = [
            (name.encode(), value.encode())
            for name in answer.headers
            for value in answer.headers.get_list(name) or ()
        ]
        assert isinstance(answer.stream, AsyncIterator)
        stream = httpx.Response(answer.status_code, stream=_Pieces(answer.stream))
        return _guarded(answer.status_code, headers, stream, {"caching": {"from_cache": True}})

    async def aclose(self) -> None:
        """Close the database."""
        if self._storage is not None:
            with suppress(Exception):  # a cache that cannot be closed is no reason to fail
                await self._storage.close()

    async def _open(self) -> _Storage:
        async with self._lock:
            if self._storage is not None:
                return self._storage
            if self._trouble is None:
                try:
                    self._storage = await _open_storage(self._path)
                    return self._storage
                except Exception as error:  # as above
                    self._trouble = error
            raise CacheError(str(self._trouble)) from self._trouble


async def _open_storage(path: Path) -> _Storage:
    make_private(path.parent)
    for name in ("-wal", "-shm", "-journal"):  # SQLite gives them the mode of the database
        keep_own(path.with_name(path.name + name))
    make_own(path)
    connection = _Connection(sqlite3.connect(path, isolation_level=None))
    try:
        storage = _Storage(
            connection=cast("Any", connection), database_path=path, max_size=MAX_SIZE
        )
        # The first use makes the tables. It only logs what goes wrong, so ask for a table
        # afterwards.
        await storage.get_entries("")
        await connection.execute("SELECT 1 FROM entries LIMIT 1")
        # hishel waits for 5 seconds at each write, in one queue for all requests.
        await connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    except BaseException:
        await connection.close()
        raise
    return storage


class _Connection:
    """As much of anysqlite's connection as hishel uses; a cursor is its own."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def cursor(self) -> _Cursor:
        return _Cursor(self._connection.cursor())

    async def execute(self, sql: str) -> None:
        self._connection.execute(sql)

    async def commit(self) -> None:
        self._connection.commit()

    async def close(self) -> None:
        self._connection.close()


class _Cursor:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> None:
        self._cursor.execute(sql, tuple(parameters))

    async def fetchone(self) -> Any:
        return self._cursor.fetchone()

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()


class _Storage(hishel.AsyncSqliteStorage):
    """One entry a key, the newest."""

    async def create_entry(
        self,
        request: hishel.Request,
        response: hishel.Response,
        key: str,
        *,
        ttl: float | None = None,
        tti: float | None = None,
    ) -> hishel.Entry:
        for old in await self.get_entries(key):
            await self.remove_entry(old.id)
        return await super().create_entry(request, response, key, ttl=ttl, tti=tti)


class _Upstream(httpx.AsyncBaseTransport):
    """What the cache sees of the network."""

    def __init__(self, network: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> None:
        self._network = network

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._network(request)
        headers = {
            name: value for name, value in response.headers.items() if name in _STORED_HEADERS
        }
        headers.setdefault("date", formatdate(usegmt=True))
        if response.status_code == 304:
            # It would replace the length of the stored body.
            headers.pop("content-length", None)
        elif response.status_code not in _STORED_STATUSES or _tells(headers.get("location", "")):
            headers["cache-control"] = "no-store"
        elif "cache-control" not in headers and "expires" not in headers:
            headers["cache-control"] = "no-cache"
        return httpx.Response(
            response.status_code,
            headers=headers,
            stream=_Gathered(response),
            extensions=response.extensions,
        )


class _Gathered(httpx.AsyncByteStream):
    """A body in large pieces: each passes many layers, and those of the network are small."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._response.stream, AsyncIterable)
        pieces: list[bytes] = []
        size = 0
        async for piece in self._response.stream:
            pieces.append(piece)
            size += len(piece)
            if size >= PIECE:
                yield b"".join(pieces)
                pieces, size = [], 0
        if pieces:
            yield b"".join(pieces)

    async def aclose(self) -> None:
        await self._response.aclose()


def _tells(location: str) -> bool:
    try:
        parts = urlsplit(location)
    except ValueError:
        return True
    return bool(parts.query) or "@" in parts.netloc


def _key(request: httpx.Request) -> str:
    return hashlib.sha256(f"{request.headers.get('accept')}\n{request.url}".encode()).hexdigest()


class _Pieces(httpx.AsyncByteStream):
    """An iterator of hishel's as a stream of httpx's."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        if (close := getattr(self._pieces, "aclose", None)) is not None:
            await close()


class _Guarded(httpx.AsyncByteStream):
    """A body from the cache: errors that are not the network's are `CacheError`."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._response.stream, AsyncIterable)
        try:
            async for piece in self._response.stream:
                yield piece
        except httpx.HTTPError:
            raise
        except Exception as error:  # as above
            raise CacheError(str(error)) from error

    async def aclose(self) -> None:
        with suppress(Exception):  # hishel removes half stored entries later
            await self._response.aclose()


def _guarded(
    status: int,
    headers: list[tuple[bytes, bytes]],
    response: httpx.Response,
    extensions: dict[str, object],
) -> httpx.Response:
    return httpx.Response(status, headers=headers, stream=_Guarded(response), extensions=extensions)
