"""The HTTP cache of the host: a private cache by RFC 9111, in the store of facts, without secrets.

A stored page is one value: a line of JSON with its status, its headers and how long it is fresh,
then its body as it came. Freshness that an answer does not state is never guessed (4.2.2): that
would hide new releases for days. A stale page is served offline only, which the user asks for.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import formatdate
from urllib.parse import urlsplit

import httpx

from ..storage import Facts
from ..storage.database import PAGE
from .freshness import fresh_until, may_be_stored

Network = Callable[[httpx.Request], Awaitable[httpx.Response]]

_STORED_STATUSES = frozenset({200, 301, 302, 303, 307, 308, 404, 410})
#: What a cache and the reader of a page need. Others, such as cookies, may be secrets.
_STORED_HEADERS = (
    *("accept-ranges", "age", "cache-control", "content-encoding", "content-length"),
    *("content-type", "date", "etag", "expires", "last-modified", "location", "vary"),
)
#: What a 304 says of these belongs to its own, empty body.
_OF_THE_BODY = frozenset({"content-encoding", "content-length", "content-type"})


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


@dataclass(frozen=True, slots=True)
class Page:
    """A stored answer. It came at ``since`` and is fresh until ``until`` (None: it never is)."""

    status: int
    headers: Mapping[str, str]
    since: float
    until: float | None
    body: bytes

    @property
    def is_fresh(self) -> bool:
        """Whether it may be served without asking; not if the clock was set back meanwhile."""
        return self.until is not None and self.since <= time.time() < self.until

    def response(self) -> httpx.Response:
        """The answer, with its body as it came."""
        extensions = {"from_cache": True, "fresh_until": self.until}
        stream = httpx.ByteStream(self.body)
        return httpx.Response(
            self.status, headers=_encoded(self.headers), stream=stream, extensions=extensions
        )


class PageCache:
    """Answers storable requests from ``store``, or from ``network`` by the rules of HTTP."""

    def __init__(self, store: Facts, network: Network) -> None:
        self._store = store
        self._network = network

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The answer to a storable request, as far as HTTP allows without asking the server.

        A request with ``Cache-Control: no-cache`` always asks.
        """
        key = _key(request)
        page = self._find(key)
        if page is not None and page.is_fresh and "cache-control" not in request.headers:
            return page.response()
        asked = time.time()
        if page is not None:
            response = await self._network(_conditional(request, page))
            if response.status_code == 304:
                await _finish(response)
                if _is_of(response, page):
                    return self._refreshed(key, page, response, asked).response()
                # The server compares dates alone, and the page has changed within a second.
                response = await self._network(request)
        else:
            response = await self._network(request)
        return self._kept(key, response, asked)

    def stored(self, request: httpx.Request) -> httpx.Response | None:
        """The stored answer to a storable request, however old; None when there is none."""
        page = self._find(_key(request))
        return None if page is None else page.response()

    def close(self) -> None:
        """Write what waits to be written."""
        self._store.close()

    def _find(self, key: str) -> Page | None:
        value = self._store.get(PAGE, key)
        with suppress(ValueError, TypeError):  # another version may write something else
            head, _, body = (value or b"").partition(b"\n")
            status, headers, since, until = json.loads(head)
            return Page(status, headers, since, until, body)
        return None

    def _put(self, key: str, page: Page) -> None:
        head = json.dumps([page.status, page.headers, page.since, page.until])
        self._store.put(PAGE, key, b"".join([head.encode(), b"\n", page.body]))

    def _refreshed(self, key: str, page: Page, response: httpx.Response, asked: float) -> Page:
        """The page after a 304, which renews its headers (RFC 9111, 4.3.4)."""
        kept = {name: value for name, value in page.headers.items() if name != "age"}
        said = _stored_headers(response)
        headers = kept | {name: said[name] for name in said.keys() - _OF_THE_BODY}
        page = replace(page, headers=headers, since=asked, until=fresh_until(headers, asked))
        if may_be_stored(page.status, headers):
            self._put(key, page)
        else:
            self._forget(key)
        return page

    def _kept(self, key: str, response: httpx.Response, asked: float) -> httpx.Response:
        """The answer, which is stored when its body has been read to the end."""
        if response.status_code not in _STORED_STATUSES:
            return response
        headers = _stored_headers(response)
        is_storable = may_be_stored(response.status_code, headers)
        if not is_storable or _may_be_secret(headers.get("location", "")):
            self._forget(key)
            return response
        until = fresh_until(headers, asked)

        def store(body: bytes) -> None:
            self._put(key, Page(response.status_code, headers, asked, until, body))

        response.stream = _Copied(response.stream, store)
        response.extensions["fresh_until"] = until
        return response

    def _forget(self, key: str) -> None:
        if self._store.get(PAGE, key):
            self._store.put(PAGE, key, b"")


class _Copied(httpx.AsyncByteStream):
    """A body that is handed to ``done`` as well, when all of it has come."""

    def __init__(
        self, stream: httpx.AsyncByteStream | httpx.SyncByteStream, done: Callable[[bytes], None]
    ) -> None:
        assert isinstance(stream, httpx.AsyncByteStream)
        self._stream = stream
        self._done = done

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = []
        async for piece in self._stream:
            pieces.append(piece)
            yield piece
        self._done(b"".join(pieces))

    async def aclose(self) -> None:
        await self._stream.aclose()


def _key(request: httpx.Request) -> str:
    # Of what «Vary» may name, only this differs between our requests for one URL.
    return f"{request.headers.get('accept')} {request.url}"


def _stored_headers(response: httpx.Response) -> dict[str, str]:
    headers = {name: value for name, value in response.headers.items() if name in _STORED_HEADERS}
    headers.setdefault("date", formatdate(usegmt=True))  # RFC 9110, 6.6.1
    return headers


def _conditional(request: httpx.Request, page: Page) -> httpx.Request:
    conditions = {"if-none-match": "etag", "if-modified-since": "last-modified"}
    headers = dict(request.headers)
    for condition, validator in conditions.items():
        if validator in page.headers:
            headers[condition] = page.headers[validator]
    return httpx.Request(request.method, request.url, headers=_encoded(headers))


def _encoded(headers: Mapping[str, str]) -> httpx.Headers:
    """Headers with any characters; httpx by itself takes ASCII only."""
    return httpx.Headers(headers, encoding="utf-8")


def _is_of(response: httpx.Response, page: Page) -> bool:
    """Whether a 304 is about the stored page, by its ETag (RFC 9111, 4.3.4)."""
    etag: str | None = response.headers.get("etag")
    known = page.headers.get("etag")
    if etag is None or known is None:
        return True
    return etag.removeprefix("W/") == known.removeprefix("W/")


async def _finish(response: httpx.Response) -> None:
    """Read a 304 to its end, so that its connection can be used again."""
    assert isinstance(response.stream, AsyncIterable)
    try:
        async for _ in response.stream:
            pass
    finally:
        await response.aclose()


def _may_be_secret(location: str) -> bool:
    """Whether a redirect may lead to a secret: it cannot be stored."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return True
    return bool(parts.query) or "@" in parts.netloc
