"""What protocol logic awaits: a `Fetcher`, its requests and its answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

#: First and last byte position, both inclusive; ``(None, n)`` asks for the last n bytes (RFC 9110,
#: 14.1.2).
ByteRange = tuple[int | None, int | None]

#: The statuses that say that there is no such resource.
MISSING = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that protocol logic can use.

    ``status`` is 200, 206, 404, 410 or 416; any other one became a `FetchError`. ``url`` is the
    final URL, ``headers`` has lower-case names, ``body`` is decoded (no content coding left).
    ``complete`` is false when the body was cut at ``max_bytes``. ``received`` counts body bytes as
    they came over the wire, ``requests`` what was sent for it: none when a cache or a file knew,
    several with redirects and retries. ``fresh_until`` is when HTTP wants it to be asked for again,
    in seconds since the epoch; None where no cache keeps it.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True
    received: int = 0
    requests: int = 1
    fresh_until: float | None = None

    @property
    def found(self) -> bool:
        """Whether there is such a resource: false for 404 and 410."""
        return self.status not in MISSING


@dataclass(frozen=True, slots=True)
class Stream:
    """A body on its way: ``async for piece in stream``, once.

    ``size`` is the number of bytes that will come, where the server says it.
    """

    pieces: AsyncIterator[bytes]
    size: int | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.pieces


class Fetcher(Protocol):
    """Makes requests. Every method maps foreign exceptions to `FetchError` at its boundary."""

    @property
    def suffix_ranges(self) -> bool:
        """Whether «the last n bytes» may be requested (in a browser that costs a preflight)."""

    async def get(
        self,
        url: str,
        *,
        accept: str | None = None,
        byte_range: ByteRange | None = None,
        max_bytes: int,
        refresh: bool = False,
    ) -> Response:
        """GET ``url``. No more than ``max_bytes`` of body are read; the rest is cut off.

        ``accept`` is the Accept header; ``refresh`` requests from the server even what is cached.
        Raises `FetchError`.
        """

    async def head(self, url: str) -> Response:
        """HEAD ``url``, for its headers. Raises `FetchError`."""

    def stream(self, url: str, *, start: int = 0) -> AbstractAsyncContextManager[Stream]:
        """GET ``url`` from byte ``start`` on, in pieces of any size. Raises `FetchError`."""

    async def gather(self, tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Run ``tasks`` with bounded concurrency; results in the order of the tasks.

        On an error or cancellation every other task is cancelled and awaited, or closed.
        """

    async def aclose(self) -> None:
        """Release connections; the fetcher is not used afterwards."""
