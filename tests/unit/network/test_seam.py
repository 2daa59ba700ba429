"""What needs no network: drive, run_sync, NoNetwork, gather, and what an import costs."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import network as fetch
from micropip_lock.errors import FetchError, SuspensionError
from micropip_lock.network import Fetcher, NoNetwork, drive, run_sync
from micropip_lock.network.tasks import concurrently, in_turn

URL = "https://user:secret@index.example/simple/?token=secret"


async def value(result: int) -> int:
    return result


def state(coroutine: Coroutine[Any, Any, int]) -> str:
    return inspect.getcoroutinestate(coroutine)


async def failing(error: Exception) -> int:
    raise error


def test_drive_returns_and_raises() -> None:
    assert drive(value(3)) == 3
    with pytest.raises(ZeroDivisionError):
        drive(failing(ZeroDivisionError()))


def test_drive_closes_what_suspends() -> None:
    closed = []

    async def waits() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(SuspensionError, match="await"):
        drive(waits())
    assert closed == [True]


def test_no_network_raises_the_error_it_was_made_with() -> None:
    error = SuspensionError("use await")
    fetcher: Fetcher = NoNetwork(error)

    async def streamed() -> None:
        async with fetcher.stream(URL):
            pass

    for request in (fetcher.get(URL, max_bytes=1), fetcher.head(URL), streamed()):
        with pytest.raises(SuspensionError) as caught:
            drive(request)
        assert caught.value is error


def test_no_network_makes_an_error_for_each_url() -> None:
    with pytest.raises(FetchError) as caught:
        drive(NoNetwork(fetch.offline_error).get(URL, max_bytes=1))
    assert caught.value.url == "https://index.example/simple/"
    assert caught.value.reason == "offline"
    assert "secret" not in str(caught.value)


def test_no_network_gathers() -> None:
    fetcher = NoNetwork(SuspensionError("no"))
    assert drive(fetcher.gather(value(number) for number in range(5))) == [0, 1, 2, 3, 4]
    assert drive(fetcher.gather(list[Coroutine[Any, Any, int]]())) == []


def test_in_turn_closes_the_rest() -> None:
    rest = value(1)
    with pytest.raises(ZeroDivisionError):
        drive(in_turn([failing(ZeroDivisionError()), rest]))
    assert state(rest) == "CORO_CLOSED"


def test_concurrently_keeps_order_and_bounds() -> None:
    running, most = 0, 0

    async def task(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(10 - number):
            await asyncio.sleep(0)
        running -= 1
        return number

    assert asyncio.run(concurrently((task(number) for number in range(10)), 3)) == list(range(10))
    assert most == 3
    assert asyncio.run(concurrently(list[Coroutine[Any, Any, int]](), 3)) == []


def test_concurrently_may_nest() -> None:
    async def outer(number: int) -> list[int]:
        return await concurrently([value(number), value(number + 1)], 1)

    assert asyncio.run(concurrently([outer(0), outer(2)], 1)) == [[0, 1], [2, 3]]


class Tasks:
    """Tasks that say how they ended."""

    def __init__(self) -> None:
        self.cancelled: list[int] = []

    async def waits(self, number: int) -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            self.cancelled.append(number)
            raise
        return number

    async def fails(self) -> int:
        await asyncio.sleep(0)
        raise ZeroDivisionError


def test_an_error_cancels_the_running_and_closes_the_waiting() -> None:
    tasks = Tasks()
    last = value(9)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(concurrently([tasks.waits(0), tasks.fails(), tasks.waits(2), last], 3))
    assert sorted(tasks.cancelled) == [0, 2]
    assert state(last) == "CORO_CLOSED"


def test_cancellation_reaches_every_task() -> None:
    tasks = Tasks()
    last = value(9)

    async def main() -> None:
        gathering = asyncio.ensure_future(concurrently([tasks.waits(0), tasks.waits(1), last], 2))
        for _ in range(3):
            await asyncio.sleep(0)
        gathering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gathering
        assert sorted(tasks.cancelled) == [0, 1]

    asyncio.run(main())
    assert state(last) == "CORO_CLOSED"


async def reads(fetcher: Fetcher, url: str) -> bytes:
    return (await fetcher.get(url, max_bytes=100)).body


def test_run_sync_on_the_host(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    assert run_sync(lambda fetcher: reads(fetcher, (tmp_path / "a").as_uri())) == b"content"


def test_run_sync_under_a_running_loop() -> None:
    async def main() -> None:
        assert run_sync(lambda fetcher: fetcher.gather([value(1)])) == [1]
        with pytest.raises(SuspensionError, match=r"use `await micropip_lock\.freeze\(\)`"):
            run_sync(lambda fetcher: reads(fetcher, URL))
        with pytest.raises(SuspensionError, match="use `await this`"):
            run_sync(lambda fetcher: reads(fetcher, URL), instead="await this")

    asyncio.run(main())


def test_without_httpx_the_error_says_what_to_install() -> None:
    code = (
        "import asyncio, sys; sys.modules['httpx'] = None; from micropip_lock.network import "
        "default_fetcher; "
        f"asyncio.run(default_fetcher().get({URL!r}, max_bytes=1))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "InputError" in result.stderr and 'pip install "micropip-lock[host]"' in result.stderr


def test_importing_the_seam_imports_nothing_heavy() -> None:
    heavy = "{'asyncio', 'httpx', 'ssl', 'sqlite3', 'email', 'http'}"
    code = (
        f"import sys; before = set(sys.modules); import {fetch.__name__}; print(({heavy} & "
        "set(sys.modules)) - before)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
