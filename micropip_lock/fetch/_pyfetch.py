"""The fetcher of Pyodide that awaits: fetch(), in browsers and in Node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from importlib import import_module
from typing import Any, TypeVar

from ..errors import FetchError
from ..url import shown, without_credentials
from . import ByteRange, Response
from ._gather import concurrently
from ._js import Exchange, skipped
from ._rules import IDLE_SECONDS, JOBS, RETRY_DELAYS, TOTAL_SECONDS, Transient

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
        bare = self._shared.bare(url)
        headers = self._shared.headers(bare, accept, byte_range)

        async def attempt() -> Response:
            answer = await self._fetch("GET", bare, headers, refresh)
            body = bytearray()
            async with aclosing(self._pieces(bare, answer)) as pieces:
                async for piece in pieces:
                    body += piece
                    if len(body) > max_bytes:
                        break
            complete = len(body) <= max_bytes
            final, status, answered = _head(answer)
            return self._shared.response(final, status, answered, byte_range, bytes(body[:max_bytes]), complete)

        return await self._attempts(bare, attempt)

    async def head(self, url: str) -> Response:
        """See `Fetcher.head`."""
        bare = self._shared.bare(url)
        headers = self._shared.headers(bare, None, None)
        if self._shared.node:
            # A browser sets this one itself.
            headers["Accept-Encoding"] = "identity"

        async def attempt() -> Response:
            final, status, answered = _head(await self._fetch("HEAD", bare, headers, False))
            return Response(final, status, answered, b"")

        return await self._attempts(bare, attempt)

    @asynccontextmanager
    async def stream(self, url: str, *, start: int = 0) -> AsyncIterator[AsyncIterator[bytes]]:
        """See `Fetcher.stream`. Only opening it is tried again."""
        bare = self._shared.bare(url)
        asked: ByteRange | None = (start, None) if start else None
        headers = self._shared.headers(bare, None, asked)
        answer = await self._attempts(bare, lambda: self._fetch("GET", bare, headers, False))
        final, status, answered = _head(answer)
        skip = skipped(final, status, answered, start, lenient=not self._shared.node)
        async with aclosing(self._from(bare, answer, skip)) as pieces:
            yield pieces

    async def gather(self, tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """See `Fetcher.gather`."""
        return await concurrently(tasks, self.jobs)

    async def aclose(self) -> None:
        """Nothing to release: the browser owns the connections."""

    async def _attempts(self, url: str, attempt: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._total):
                return await self._shared.attempts(url, attempt)
        except TimeoutError as error:
            message = f"{shown(url)}: no whole answer within {self._total:g} seconds"
            raise FetchError(message, url=shown(url)) from error

    async def _fetch(self, method: str, url: str, headers: dict[str, str], refresh: bool) -> Any:
        options = {"cache": "no-cache"} if refresh or self._shared.refresh else {}
        pyfetch = import_module("pyodide.http").pyfetch
        answer = await self._awaited(url, pyfetch(url, method=method, headers=headers, **options))
        try:
            self._shared.answered(url, answer.status, answer.headers)
        except (FetchError, Transient):
            await _cancel(answer.js_response.body)
            raise
        return answer

    async def _pieces(self, url: str, answer: Any) -> AsyncGenerator[bytes, None]:
        stream = answer.js_response.body
        if not stream:
            return
        reader = stream.getReader()
        done = False
        try:
            while True:
                step = await self._awaited(url, reader.read())
                done = bool(step.done)
                if done:
                    return
                yield step.value.to_bytes()
        finally:
            if not done:
                await _cancel(reader)

    async def _from(self, url: str, answer: Any, skip: int) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(self._pieces(url, answer)) as pieces:
                async for piece in pieces:
                    if piece[skip:]:
                        yield piece[skip:]
                    skip = max(0, skip - len(piece))
        except Transient as error:
            raise FetchError(str(error), url=shown(url)) from error

    async def _awaited(self, url: str, awaitable: Awaitable[Any]) -> Any:
        js_exception: type[Exception] = import_module("pyodide.ffi").JsException
        try:
            async with asyncio.timeout(self._idle):
                return await awaitable
        except TimeoutError as error:
            raise Transient(f"{shown(url)}: no byte for {self._idle:g} seconds; check the network") from error
        except (OSError, js_exception) as error:
            raise self._shared.failed(url) from error


async def _cancel(stream: Any) -> None:
    js_exception: type[Exception] = import_module("pyodide.ffi").JsException
    try:
        if stream:
            await stream.cancel()
    except (OSError, js_exception):
        # It is given up either way.
        return


def _head(answer: Any) -> tuple[str, int, dict[str, str]]:
    return without_credentials(answer.url), answer.status, dict(answer.headers)
