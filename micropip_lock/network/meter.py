"""Counts what one package costs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .auth import Configured
    from .fetcher import ByteRange, Fetcher, Response, Stream

T = TypeVar("T")


class Meter:
    """A `Fetcher` that passes everything on and counts requests and bytes of body."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self.requests = 0
        self.bytes = 0

    @property
    def suffix_ranges(self) -> bool:
        """See `Fetcher.suffix_ranges`."""
        return self._fetcher.suffix_ranges

    def configure(self, urls: Configured) -> None:
        """Say which URLs the user configured, where that matters: see `HttpxFetcher.configure`."""
        if (configure := getattr(self._fetcher, "configure", None)) is not None:
            configure(urls)

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
        response = await self._fetcher.get(
            url, accept=accept, byte_range=byte_range, max_bytes=max_bytes, refresh=refresh
        )
        self.requests += response.requests
        self.bytes += response.received
        return response

    async def head(self, url: str) -> Response:
        """See `Fetcher.head`."""
        self.requests += 1
        return await self._fetcher.head(url)

    @asynccontextmanager
    async def stream(self, url: str, *, start: int = 0) -> AsyncIterator[Stream]:
        """See `Fetcher.stream`."""
        self.requests += not url.startswith("file:")
        async with self._fetcher.stream(url, start=start) as stream:
            yield replace(stream, pieces=self._counted(stream.pieces))

    async def _counted(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            self.bytes += len(piece)
            yield piece

    async def gather(self, tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """See `Fetcher.gather`."""
        return await self._fetcher.gather(tasks)

    async def aclose(self) -> None:
        """See `Fetcher.aclose`."""
        await self._fetcher.aclose()
