"""Clients: as many as there are requests at a time, and each is used again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest

from micropip_lock.network.client import Clients

from .serving import Answer, Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        running.answers = {"/": Answer(body=b"content"), "/cut": Answer(body=b"content", length=20)}
        yield running


def using(use: Callable[[Clients], Awaitable[None]]) -> None:
    async def main() -> None:
        clients = Clients(idle=5.0)
        try:
            await use(clients)
        finally:
            await clients.aclose()

    asyncio.run(main())


async def read(clients: Clients, url: str) -> bytes:
    response = await clients.send(httpx.Request("GET", url))
    try:
        return b"".join([piece async for piece in response.aiter_raw()])
    finally:
        await response.aclose()


def test_one_after_the_other_needs_one_connection(server: Server) -> None:
    async def use(clients: Clients) -> None:
        assert [await read(clients, server.origin + "/") for _ in range(5)] == [b"content"] * 5

    using(use)
    assert (len(server.log), server.connections) == (5, 1)


def test_a_client_is_lent_until_its_response_is_closed(server: Server) -> None:
    async def use(clients: Clients) -> None:
        first = await clients.send(httpx.Request("GET", server.origin + "/"))
        assert await read(clients, server.origin + "/") == b"content"
        assert len(clients._all) == 2
        await first.aread()
        await first.aclose()
        await first.aclose()  # once more gives nothing back
        assert sorted(map(id, clients._free)) == sorted(map(id, clients._all))

    using(use)


def test_failures_give_the_client_back(server: Server) -> None:
    async def use(clients: Clients) -> None:
        for _ in range(3):
            with pytest.raises(httpx.RemoteProtocolError):
                await read(clients, server.origin + "/cut")
            with pytest.raises(httpx.ConnectError):
                await read(clients, "http://127.0.0.1:1/")
        assert len(clients._all) == len(clients._free) == 1

    using(use)


def test_many_at_a_time_have_a_client_each(server: Server) -> None:
    async def use(clients: Clients) -> None:
        for _ in range(3):
            found = await asyncio.gather(*(read(clients, server.origin + "/") for _ in range(8)))
            assert found == [b"content"] * 8
        assert len(clients._all) <= 8

    using(use)
    assert server.connections <= 8
