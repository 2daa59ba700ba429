"""Sums of what is on its way."""

from __future__ import annotations

import pytest

from micropip_lock._util.progress import Tally, cost, count, left, size


class Clock:
    """Time that passes when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_sums(clock: Clock) -> None:
    drawn: list[tuple[int, int, int]] = []
    tally = Tally(lambda it: drawn.append((it.received, it.total, len(it.running))), clock)
    first, second = tally.begin("first"), tally.begin("second")
    first.expect(100)
    assert tally.seconds_left is None  # nothing came yet, and of the second nothing is known
    clock.now += 2
    first.advance(50)
    assert tally.rate == 25
    assert tally.seconds_left is None
    second.expect(300)
    assert (tally.total, tally.seconds_left) == (400, 14)
    first.advance(50)
    first.end(True)
    assert (tally.done, tally.failed, tally.received, tally.total) == (1, 0, 100, 400)
    assert drawn[-1] == (100, 400, 1)
    assert len(drawn) == 7


def test_a_file_that_begins_anew(clock: Clock) -> None:
    tally = Tally(lambda it: None, clock)
    item = tally.begin("file")
    item.expect(10)
    item.advance(7)
    item.advance(-7)
    item.expect(12)
    item.advance(12)
    item.end(True)
    assert (tally.received, tally.total) == (12, 12)


def test_a_file_of_unknown_size(clock: Clock) -> None:
    tally = Tally(lambda it: None, clock)
    item = tally.begin("file")
    item.advance(12)
    item.end(True)
    assert (tally.received, tally.total) == (12, 12)


def test_a_file_that_is_given_up(clock: Clock) -> None:
    tally = Tally(lambda it: None, clock)
    item = tally.begin("file")
    item.expect(10)
    item.advance(3)
    item.end(False)
    assert (tally.done, tally.failed, tally.received, tally.total) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (61.0, "1:01 left"), (754, "12:34 left")]
)
def test_time_left(seconds: float | None, text: str) -> None:
    assert left(seconds) == text


def test_words() -> None:
    assert (count(1, "file"), count(2, "file"), size(1500)) == ("1 file", "2 files", "1.5 kB")
    assert (cost(0, 0), cost(1, 2000)) == ("no request", "1 request, 2.0 kB read")
