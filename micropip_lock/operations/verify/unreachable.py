"""Hosts that give no answer: after few requests they get no more, and are reported only once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from ..._util.text import sentence
from ..._util.url import origin
from ...errors import FetchError, Problem
from ...index.unanswered import unanswered
from ...network import ByteRange, Fetcher, Response, Stream
from ...network.meter import Meter
from .entry import about, listed

#: After so many requests in a row without an answer a host is given up.
PATIENCE = 3


class CircuitBreaker(Meter):
    """A `Fetcher` that counts, and that sends no more requests to a host which does not answer."""

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__(fetcher)
        self._failures: Counter[str] = Counter()
        self._last: dict[str, FetchError] = {}
        self._answered: set[str] = set()

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
        with self._requesting(url):
            return await super().get(
                url, accept=accept, byte_range=byte_range, max_bytes=max_bytes, refresh=refresh
            )

    async def head(self, url: str) -> Response:
        """See `Fetcher.head`."""
        with self._requesting(url):
            return await super().head(url)

    @asynccontextmanager
    async def stream(self, url: str, *, start: int = 0) -> AsyncIterator[Stream]:
        """See `Fetcher.stream`."""
        with self._requesting(url):
            async with super().stream(url, start=start) as pieces:
                yield pieces

    @contextmanager
    def _requesting(self, url: str) -> Iterator[None]:
        host = origin(url) or ""
        if self._failures[host] >= self._limit(host):
            # The same exception again and again: each time from where it is raised now.
            raise self._last[host].with_traceback(None)
        try:
            yield
        except FetchError as error:
            if error.reason == "no-connection":
                self._failures[host] += 1
                self._last[host] = error
            else:
                self._note_answer(host)
            raise
        self._note_answer(host)

    def _limit(self, host: str) -> int:
        """One failure is enough for a host that never answered; it was tried several times by then.

        Not in a browser, which requests no suffix ranges: there a missing file on a server that
        sends no CORS headers with its errors is no different.
        """
        return PATIENCE if host in self._answered or not self.suffix_ranges else 1

    def _note_answer(self, host: str) -> None:
        self._failures[host] = 0
        self._answered.add(host)


class UnreachableHosts:
    """What could not be found out, and for which packages."""

    def __init__(self) -> None:
        self._missed: dict[tuple[str, str], dict[str, FetchError]] = defaultdict(dict)

    def add(self, error: FetchError, key: str) -> None:
        """Record a failed request for the package ``key``."""
        self._missed[origin(error.url) or error.url, error.code].setdefault(key, error)

    def problems(self) -> Iterator[Problem]:
        """One problem for each host and kind of refusal."""
        for (host, _), missed in sorted(self._missed.items()):
            error = missed[min(missed)]
            if len(missed) == 1:
                yield unanswered(error, about(missed), None)
                continue
            count = f"{len(missed)} packages ({listed(missed)})"
            message = f"{host} gave no answer for {count}: {sentence(error)}"
            yield unanswered(error, about(missed), None, message=message, url=host)
