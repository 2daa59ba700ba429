"""Which hosts are asked on, and how what they left unsaid is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from micropip_lock.errors import FetchError
from micropip_lock.network import NoNetwork, Response, Stream, drive
from micropip_lock.operations.verify.unreachable import PATIENCE, CircuitBreaker, UnreachableHosts

ONE, OTHER = "https://one.example/a", "https://other.example/a"


class Script(NoNetwork):
    """Answers what stands in ``answers``, by host: True, an answer; False, none; an error."""

    def __init__(self, *, browser: bool = False) -> None:
        super().__init__(FetchError("no script", url=""))
        self.suffix_ranges = not browser
        self.answer: bool | FetchError = True
        self.asked: list[str] = []

    def say(self, url: str) -> Response:
        self.asked.append(url)
        if self.answer is False:
            raise FetchError("no answer", url=url, reason="no-connection")
        if isinstance(self.answer, FetchError):
            raise self.answer
        return Response(url, 200, {}, b"")

    async def get(self, url: str, **options: object) -> Response:
        return self.say(url)

    async def head(self, url: str) -> Response:
        return self.say(url)

    @asynccontextmanager
    async def stream(self, url: str, *, start: int = 0) -> AsyncIterator[Stream]:
        self.say(url)

        async def nothing() -> AsyncIterator[bytes]:
            for piece in ():
                yield piece

        yield Stream(nothing())


def ask(patience: CircuitBreaker, url: str, times: int = 1) -> None:
    """Ask, in each way in turn, and expect no answer."""

    async def stream() -> None:
        async with patience.stream(url):
            pass

    ways = [lambda: patience.get(url, max_bytes=1), lambda: patience.head(url), stream]
    for turn in range(times):
        with pytest.raises(FetchError):
            drive(ways[turn % 3]())


@pytest.mark.parametrize(("browser", "tries"), [(False, 1), (True, PATIENCE)])
def test_a_host_that_never_answers(browser: bool, tries: int) -> None:
    script = Script(browser=browser)
    patience = CircuitBreaker(script)
    script.answer = False
    ask(patience, ONE, 7)
    assert script.asked == [ONE] * tries
    ask(patience, OTHER)
    assert script.asked == [ONE] * tries + [OTHER]


def test_an_answer_renews_patience() -> None:
    script = Script()
    patience = CircuitBreaker(script)
    drive(patience.head(ONE))
    for answer in (FetchError("503", url=ONE), True):
        script.answer = False
        ask(patience, ONE, PATIENCE - 1)
        script.answer = answer
        if answer is True:
            drive(patience.get(ONE, max_bytes=1))
        else:
            ask(patience, ONE)
    before = len(script.asked)
    script.answer = False
    ask(patience, ONE, 9)
    assert len(script.asked) == before + PATIENCE


def test_silence_is_told_by_host_and_code() -> None:
    silence = UnreachableHosts()
    silence.add(FetchError("b failed", url="https://one.example/b"), "b")
    silence.add(FetchError("a failed.", url="https://one.example/a"), "a")
    silence.add(FetchError("a failed again", url="https://one.example/c"), "a")
    silence.add(FetchError("forbidden", url="https://one.example/d", reason="not-allowed"), "d")
    silence.add(FetchError("failed", url="no URL"), "e")
    told = [
        (problem.package, problem.code, problem.message, problem.url)
        for problem in silence.problems()
    ]
    assert told == [
        ("d", "not-allowed", "forbidden.", "https://one.example/d"),
        (
            "pyodide",
            "unreachable",
            "https://one.example gave no answer for 2 packages (a, b): a failed.",
            "https://one.example",
        ),
        ("e", "unreachable", "failed.", "no URL"),
    ]
