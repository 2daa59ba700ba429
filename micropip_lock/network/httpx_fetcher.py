"""The host's fetcher: httpx with retries, credentials, ``file:`` URLs and optional HTTP cache."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .._util.url import shown
from ..errors import FetchError, InputError
from . import file_urls
from .body import Body
from .fetcher import ByteRange, Response, Stream
from .rules import (
    IDLE_SECONDS,
    JOBS,
    RETRY_DELAYS,
    TOTAL_SECONDS,
    announced,
    check_length,
    check_partial,
    nothing_to_download,
    range_header,
    with_retries,
)
from .tasks import concurrently

if TYPE_CHECKING:
    import httpx

    from .auth import Configured
    from .exchange import Exchanger

T = TypeVar("T")


class HttpxFetcher:
    """A `Fetcher` on an asyncio event loop; use it on one loop only, and `aclose` it there.

    ``offline`` reads only the cache and ``file:`` URLs; ``refresh`` makes the cache ask the
    server each time; ``cache_dir`` is the folder of the HTTP cache, None for none; ``jobs`` is
    the number of requests at a time. ``delays`` are the seconds before the second and further
    tries, ``sleep`` waits for them; ``idle`` and ``total`` are the seconds without a byte and
    for a whole request. The body of a `stream` has no total, because a large wheel on a slow
    line may take its time.
    """

    suffix_ranges: bool = True

    def __init__(
        self,
        *,
        offline: bool = False,
        refresh: bool = False,
        cache_dir: Path | None = None,
        jobs: int | None = None,
        delays: Sequence[float] = RETRY_DELAYS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        idle: float = IDLE_SECONDS,
        total: float = TOTAL_SECONDS,
    ) -> None:
        self.refresh = refresh
        self.jobs = max(1, JOBS if jobs is None else jobs)
        self._delays = tuple(delays)
        self._sleep = sleep
        self._total = total
        self._slots = asyncio.Semaphore(self.jobs)
        self._offline = offline
        self._cache_dir = cache_dir
        self._idle = idle
        self._made: Exchanger | None = None
        self._configured: list[Configured] = []

    def configure(self, urls: Configured) -> None:
        """Say which URLs the user configured: netrc and keyrings have passwords for their origins.

        ``urls`` may be what finds them out, which is called when a server wants a password.
        """
        self._configured.append(urls)

    async def get(
        self,
        url: str,
        *,
        accept: str | None = None,
        byte_range: ByteRange | None = None,
        max_bytes: int,
        refresh: bool = False,
    ) -> Response:
        """See `Fetcher.get`. What comes from the cache or a file counts no bytes as received."""
        if file_urls.is_file(url):
            return file_urls.read(url, byte_range=byte_range, max_bytes=max_bytes)
        exchanger = self._exchanger()
        headers = {"accept": accept or "*/*", "accept-encoding": "gzip"}
        if byte_range is not None:
            headers |= {"range": range_header(byte_range), "accept-encoding": "identity"}
        if refresh or self.refresh:
            headers["cache-control"] = "no-cache"
        bare = exchanger.credentials.take(url)

        async def attempt() -> Response:
            return await self._read(
                "GET", bare, headers, byte_range, max_bytes, cached=byte_range is None
            )

        sent = exchanger.counted()
        return replace(await self._attempts(bare, attempt), requests=sent[0])

    async def head(self, url: str) -> Response:
        """See `Fetcher.head`."""
        if file_urls.is_file(url):
            return file_urls.read(url, head=True)
        bare = self._exchanger().credentials.take(url)
        # The Content-Length of a compressed body would not be the size of the file.
        headers = {"accept": "*/*", "accept-encoding": "identity"}
        return await self._attempts(
            bare, lambda: self._read("HEAD", bare, headers, None, 0, cached=False)
        )

    @asynccontextmanager
    async def stream(self, url: str, *, start: int = 0) -> AsyncIterator[Stream]:
        """See `Fetcher.stream`.

        Only opening it is tried again; later errors are the caller's to resume from.
        """
        if file_urls.is_file(url):
            yield file_urls.stream(url, start=start)
            return
        bare = self._exchanger().credentials.take(url)
        headers = {"accept": "*/*", "accept-encoding": "identity"}
        if start:
            headers["range"] = range_header((start, None))
        async with AsyncExitStack() as stack:

            async def attempt() -> tuple[httpx.Response, str]:
                return await stack.enter_async_context(
                    self._exchanger().exchange("GET", bare, headers, cached=False)
                )

            response, final = await self._attempts(bare, attempt)
            expected = None
            skip = start
            if response.status_code == 206:
                byte_range = (start, None) if start else None
                expected = check_partial(final, byte_range, response.headers)
                skip = 0
            elif response.status_code != 200:
                raise nothing_to_download(final, response.status_code)
            size = announced(response.headers, skip) if expected is None else expected
            from .exchange import decoded

            async with aclosing(decoded(response, final, skip, expected)) as pieces:
                yield Stream(pieces, size)

    async def gather(self, tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """See `Fetcher.gather`."""
        return await concurrently(tasks, self.jobs)

    async def aclose(self) -> None:
        """See `Fetcher.aclose`."""
        if self._made is not None:
            await self._made.aclose()

    def _exchanger(self) -> Exchanger:
        """Made at the first request: where everything is known, httpx need not even be there."""
        if self._made is None:
            try:
                from .exchange import Exchanger
            except ModuleNotFoundError as error:
                message = (
                    f"the network needs {error.name}, which is not installed: pip install "
                    '"micropip-lock[host]"'
                )
                raise InputError(message) from error
            self._made = Exchanger(
                offline=self._offline,
                cache_dir=self._cache_dir,
                idle=self._idle,
                configured=self._configured,
            )
        return self._made

    async def _attempts(self, url: str, attempt: Callable[[], Awaitable[T]]) -> T:
        async with self._slots:
            try:
                async with asyncio.timeout(self._total):
                    return await with_retries(
                        attempt, url=url, delays=self._delays, sleep=self._sleep
                    )
            except TimeoutError as error:
                message = f"{shown(url)}: no whole answer within {self._total:g} seconds"
                raise FetchError(message, url=shown(url), reason="no-connection") from error

    async def _read(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        byte_range: ByteRange | None,
        max_bytes: int,
        *,
        cached: bool,
    ) -> Response:
        from .exchange import wire

        async with self._exchanger().exchange(method, url, headers, cached=cached) as (
            response,
            final,
        ):
            status, answered = response.status_code, dict(response.headers)
            if method == "HEAD":
                return Response(final, status, answered, b"")
            expected = check_partial(final, byte_range, answered) if status == 206 else None
            body = Body(final, answered.get("content-encoding", ""), max_bytes)
            async with aclosing(wire(response)) as pieces:
                async for piece in pieces:
                    body.feed(piece)
                    if body.overflows:
                        break
                else:
                    body.end()
            content, complete = body.result()
            check_length(final, expected, len(content), complete)
            if answered.pop("content-encoding", None):
                answered.pop("content-length", None)
            received = 0 if "from_cache" in response.extensions else body.received
            # Of what was redirected the redirect may change as well.
            fresh = response.extensions.get("fresh_until") if final == url else None
            return Response(final, status, answered, content, complete, received, fresh_until=fresh)
