"""The fetcher of Pyodide that awaits: fetch(), in browsers and in Node."""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from importlib import import_module
from math import inf
from typing import Any, TypeVar

from .._util.url import shown, without_credentials
from ..errors import FetchError
from . import file_urls
from .fetcher import ByteRange, Response, Stream
from .js import Exchange, js, js_errors, skipped
from .rules import IDLE_SECONDS, JOBS, RETRY_DELAYS, TOTAL_SECONDS, Transient, announced
from .tasks import concurrently

T = TypeVar("T")


class PyfetchFetcher:
    """A `Fetcher` over ``pyodide.http.pyfetch``, in browsers and in Node.

    Sends only what needs no preflight, except Authorization. See `HttpxFetcher` for the arguments.
    """

    def __init__(
        self,
        *,
        refresh: bool = False,
        jobs: int | None = None,
        delays: Sequence[float] = RETRY_DELAYS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        idle: float = IDLE_SECONDS,
        total: float = TOTAL_SECONDS,
    ) -> None:
        self.jobs = max(1, JOBS if jobs is None else jobs)
        self._shared = Exchange(refresh, delays, sleep)
        self._idle = idle
        self._total = total

    @property
    def suffix_ranges(self) -> bool:
        """See `Fetcher.suffix_ranges`: in Node only."""
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
        if file_urls.is_file(url):
            return file_urls.read(url, byte_range=byte_range, max_bytes=max_bytes)
        bare = self._shared.bare(url)
        headers = self._shared.headers(bare, accept, byte_range)

        async def attempt(watch: _Watch) -> Response:
            answer = await self._fetch("GET", bare, headers, watch, refresh=refresh)
            body = bytearray()
            async with aclosing(_pieces(answer, watch)) as pieces:
                async for piece in pieces:
                    body += piece
                    if len(body) > max_bytes:
                        break
            complete = len(body) <= max_bytes
            final, status, answered = _head(answer)
            return self._shared.response(
                final,
                status,
                answered,
                bytes(body[:max_bytes]),
                byte_range=byte_range,
                complete=complete,
            )

        return await self._attempts(bare, attempt)

    async def head(self, url: str) -> Response:
        """See `Fetcher.head`."""
        if file_urls.is_file(url):
            return file_urls.read(url, head=True)
        bare = self._shared.bare(url)
        headers = self._shared.headers(bare, None, None)
        if self._shared.node:
            # A browser sets this one itself.
            headers["Accept-Encoding"] = "identity"

        async def attempt(watch: _Watch) -> Response:
            final, status, answered = _head(await self._fetch("HEAD", bare, headers, watch))
            return Response(final, status, answered, b"")

        return await self._attempts(bare, attempt)

    @asynccontextmanager
    async def stream(self, url: str, *, start: int = 0) -> AsyncIterator[Stream]:
        """See `Fetcher.stream`. Only opening it is tried again."""
        if file_urls.is_file(url):
            yield file_urls.stream(url, start=start)
            return
        bare = self._shared.bare(url)
        headers = self._shared.headers(bare, None, (start, None) if start else None)

        async def attempt(watch: _Watch) -> tuple[Any, _Watch]:
            return await self._fetch("GET", bare, headers, watch), watch

        answer, watch = await self._attempts(bare, attempt)
        # A large wheel on a slow line may take its time.
        watch.end = inf
        final, status, answered = _head(answer)
        skip = skipped(final, status, answered, start, lenient=not self._shared.node)
        async with aclosing(_from(answer, watch, skip)) as pieces:
            yield Stream(pieces, announced(answered, skip))

    async def gather(self, tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """See `Fetcher.gather`."""
        return await concurrently(tasks, self.jobs)

    async def aclose(self) -> None:
        """Nothing to release: the browser owns the connections."""

    async def _attempts(self, url: str, attempt: Callable[[_Watch], Awaitable[T]]) -> T:
        end = time.monotonic() + self._total
        return await self._shared.attempts(
            url, lambda: attempt(_Watch(self._shared, url, self._idle, end))
        )

    async def _fetch(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        watch: _Watch,
        *,
        refresh: bool = False,
    ) -> Any:
        options = {"cache": "no-cache"} if refresh or self._shared.refresh else {}
        pyfetch = import_module("pyodide.http").pyfetch
        asked = pyfetch(
            url, method=method, headers=headers, signal=watch.controller.signal, **options
        )
        answer = await watch.wait(asked)
        try:
            self._shared.answered(url, answer.status, answer.headers)
        except (FetchError, Transient):
            await _cancel(answer.js_response.body)
            raise
        return answer


class _Watch:
    """Waits for one try, no longer than ``idle`` seconds at a time and than ``end`` (as
    time.monotonic()).

    Not by asyncio.timeout: its timers live on in JavaScript when they are cancelled, and Node
    does not exit before the last one.
    """

    def __init__(self, shared: Exchange, url: str, idle: float, end: float) -> None:
        self.controller = js().AbortController.new()
        self.end = end
        self.url = url
        self._shared = shared
        self._idle = idle

    async def wait(self, awaitable: Awaitable[Any]) -> Any:
        """Await one answer of JavaScript. Raises `Transient` and `FetchError`."""
        seconds = max(0.0, min(self._idle, self.end - time.monotonic()))
        timer = js().setTimeout(self.controller.abort.bind(self.controller), int(seconds * 1000))
        try:
            return await awaitable
        except js_errors() as error:
            raise self._reason() from error
        finally:
            js().clearTimeout(timer)

    def _reason(self) -> Exception:
        if not self.controller.signal.aborted:
            return self._shared.failed(self.url)
        where = shown(self.url)
        if time.monotonic() >= self.end:
            message = f"{where}: no whole answer in time; check the network"
            return FetchError(message, url=where, reason="no-connection")
        message = f"{where}: no byte for {self._idle:g} seconds; check the network"
        return Transient(message, reason="no-connection")


async def _pieces(answer: Any, watch: _Watch) -> AsyncGenerator[bytes, None]:
    stream = answer.js_response.body
    if not stream:
        return
    reader = stream.getReader()
    done = False
    try:
        while True:
            step = await watch.wait(reader.read())
            done = bool(step.done)
            if done:
                return
            yield step.value.to_bytes()
    finally:
        if not done:
            await _cancel(reader)


async def _from(answer: Any, watch: _Watch, skip: int) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(_pieces(answer, watch)) as pieces:
            async for piece in pieces:
                if piece[skip:]:
                    yield piece[skip:]
                skip = max(0, skip - len(piece))
    except Transient as error:
        raise FetchError(str(error), url=shown(watch.url), reason=error.reason) from error


async def _cancel(stream: Any) -> None:
    try:
        if stream:
            await stream.cancel()
    except js_errors():
        # It is given up either way.
        return


def _head(answer: Any) -> tuple[str, int, dict[str, str]]:
    return without_credentials(answer.url), answer.status, dict(answer.headers)
