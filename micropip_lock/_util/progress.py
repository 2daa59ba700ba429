"""The progress protocols, and the rates and sums that every progress display shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """Is called after each package that was examined."""

    def __call__(self, done: int, total: int, package: str) -> None: ...


class Transfer(Protocol):
    """Receives the progress of one file transfer."""

    def expect(self, size: int) -> None:
        """The file will have ``size`` bytes, as far as the server says."""

    def advance(self, count: int) -> None:
        """``count`` more bytes came; negative when the transfer begins anew."""

    def end(self, done: bool) -> None:
        """The file is complete, or the transfer has failed for good."""


class Transfers(Protocol):
    """Receives the start of each file transfer."""

    def begin(self, name: str) -> Transfer:
        """A file begins."""


class Running:
    """A file on its way."""

    def __init__(self, name: str, tally: Tally) -> None:
        self.name = name
        self.received = 0
        self.size: int | None = None
        self._tally = tally

    def expect(self, size: int) -> None:
        """It will have so many bytes."""
        self._tally.total += size - (self.size or 0)
        self.size = size
        self._tally.changed()

    def advance(self, count: int) -> None:
        """So many bytes more."""
        self.received += count
        self._tally.received += count
        self._tally.changed()

    def end(self, done: bool) -> None:
        """The file is complete, or the transfer has failed for good."""
        self._tally.ended(self, done)


class Tally:
    """Transfers with their sums: bytes received and in total (as far as known), rate, time left."""

    def __init__(
        self, draw: Callable[[Tally], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.running: list[Running] = []
        self.done = self.failed = self.received = self.total = 0
        self._draw = draw
        self._clock = clock
        self._begun: float | None = None

    def begin(self, name: str) -> Running:
        """A file begins."""
        if self._begun is None:
            self._begun = self._clock()
        self.running.append(item := Running(name, self))
        self.changed()
        return item

    def changed(self) -> None:
        """Have it drawn."""
        self._draw(self)

    def ended(self, item: Running, done: bool) -> None:
        """A file is there, or given up."""
        self.running.remove(item)
        if done:
            self.done += 1
            self.total += item.received - (item.size or 0)
        else:
            self.failed += 1
            self.received -= item.received
            self.total -= item.size or 0
        self.changed()

    @property
    def rate(self) -> float:
        """Bytes a second since the first file began."""
        seconds = self._clock() - self._begun if self._begun is not None else 0.0
        return self.received / seconds if seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the files that have begun are complete; None while that is unknown."""
        if not self.rate or any(item.size is None for item in self.running):
            return None
        return max(0, self.total - self.received) / self.rate


def size(number: int | None) -> str:
    """A number of bytes for people: ``1.5 MB``; powers of 1000, as package indexes show them."""
    if number is None:
        return ""
    value = float(number)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def count(number: int, noun: str) -> str:
    """A number of things: ``1 file``, ``2 files``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def left(seconds: float | None) -> str:
    """The remaining time: ``0:42 left``; empty while it is unknown."""
    if seconds is None:
        return ""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02} left"


def cost(requests: int, received: int) -> str:
    """Requests and bytes received, in few words."""
    return f"{count(requests, 'request')}, {size(received)} read" if requests else "no request"
