"""The fetcher of Pyodide that blocks: synchronous XMLHttpRequest, in web workers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from .._util.url import origin, without_credentials
from .fetcher import ByteRange, Response, Stream
from .js import Exchange, js, js_errors, skipped
from .rules import RETRY_DELAYS, TOTAL_SECONDS
from .tasks import in_turn

T = TypeVar("T")


class XhrFetcher:
    """A `Fetcher` over synchronous XMLHttpRequest: for web workers, and never suspending.

    Such a request cannot be stopped half-way, so a server that answers a range with everything
    sends everything once; after that the sizes of its files are requested first. ``refresh`` passes
    the browser's cache on the own origin only.
    """

    def __init__(
        self,
        *,
        refresh: bool = False,
        delays: Sequence[float] = RETRY_DELAYS,
        total: float = TOTAL_SECONDS,
    ) -> None:
        self._shared = Exchange(refresh, delays, _block)
        self._total = total
        self._without_ranges: set[str | None] = set()

    @property
    def suffix_ranges(self) -> bool:
        """See `Fetcher.suffix_ranges`."""
        return self._shared.suffix_ranges

    async def get(
        self,
        url: str,
        *,
        accept: str | None = None,
        byte_range: ByteRange | None = None,
        max_bytes: int,
        refresh: bool = False,
    ) -> Response:
        """See `Fetcher.get`."""
        bare = self._shared.bare(url)
        if byte_range is not None and origin(bare) in self._without_ranges:
            whole = await self.head(url)
            if int(whole.headers.get("content-length", "0")) > max_bytes:
                return Response(whole.url, whole.status, whole.headers, b"", complete=False)
        headers = self._shared.headers(bare, accept, byte_range)

        async def attempt() -> Response:
            final, status, answered, body = self._send("GET", bare, headers, refresh)
            if byte_range is not None and status == 200:
                self._without_ranges.add(origin(bare))
            complete = len(body) <= max_bytes
            return self._shared.response(
                final,
                status,
                answered,
                body[:max_bytes],
                byte_range=byte_range,
                complete=complete,
            )

        return await self._shared.attempts(bare, attempt)

    async def head(self, url: str) -> Response:
        """See `Fetcher.head`."""
        bare = self._shared.bare(url)
        headers = self._shared.headers(bare, None, None)

        async def attempt() -> Response:
            final, status, answered, _ = self._send("HEAD", bare, headers, False)
            return Response(final, status, answered, b"")

        return await self._shared.attempts(bare, attempt)

    @asynccontextmanager
    async def stream(self, url: str, *, start: int = 0) -> AsyncIterator[Stream]:
        """See `Fetcher.stream`; this one has read everything when it begins."""
        bare = self._shared.bare(url)
        headers = self._shared.headers(bare, None, (start, None) if start else None)

        async def attempt() -> tuple[str, int, dict[str, str], bytes]:
            return self._send("GET", bare, headers, False)

        final, status, answered, body = await self._shared.attempts(bare, attempt)
        rest = body[skipped(final, status, answered, start, lenient=True) :]
        yield Stream(_once(rest), len(rest))

    async def gather(self, tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Run ``tasks`` one after the other; see `Fetcher.gather`."""
        return await in_turn(tasks)

    async def aclose(self) -> None:
        """Nothing to release."""

    def _send(
        self, method: str, url: str, headers: dict[str, str], refresh: bool
    ) -> tuple[str, int, dict[str, str], bytes]:
        request = js().XMLHttpRequest.new()
        request.open(method, url, False)
        request.responseType = "arraybuffer"
        request.timeout = int(self._total * 1000)
        for name, value in headers.items():
            request.setRequestHeader(name, value)
        if (refresh or self._shared.refresh) and origin(url) == origin(js().origin):
            # The only way past the browser's cache; on another origin it takes a permission that
            # indexes do not give.
            request.setRequestHeader("Cache-Control", "no-cache")
        try:
            request.send()
        except js_errors() as error:
            raise self._shared.failed(url) from error
        lines = (request.getAllResponseHeaders() or "").splitlines()
        pairs = (line.partition(":") for line in lines)
        answered = {name.strip().lower(): value.strip() for name, _, value in pairs}
        final = without_credentials(request.responseURL or url)
        self._shared.answered(url, request.status, answered)
        content = request.response
        return final, request.status, answered, content.to_bytes() if content else b""


async def _block(seconds: float) -> None:
    time.sleep(seconds)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
