from __future__ import annotations

import asyncio
import gzip
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from micropip_lock.errors import FetchError
from micropip_lock.network import Response
from micropip_lock.network import cache as _cache
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from .serving import Answer, Asked, Server, ranged

T = TypeVar("T")

FRESH = {"Cache-Control": "max-age=600"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "cache"


def fetching(use: Callable[[HttpxFetcher], Awaitable[T]], folder: Path, **options: Any) -> T:
    async def main() -> T:
        fetcher = HttpxFetcher(cache_dir=folder, delays=(0, 0), **options)
        try:
            return await use(fetcher)
        finally:
            await fetcher.aclose()

    return asyncio.run(main())


def get(url: str, folder: Path, max_bytes: int = 1 << 20, **options: Any) -> Response:
    return fetching(lambda fetcher: fetcher.get(url, max_bytes=max_bytes), folder, **options)


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def versions(*bodies: bytes, headers: dict[str, str] = FRESH) -> list[Answer]:
    return [Answer(200, body, headers) for body in bodies]


def tagged(body: bytes, headers: dict[str, str]) -> Callable[[Asked], Answer]:
    """A page with an ETag."""

    def answer(asked: Asked) -> Answer:
        same = asked.headers.get("if-none-match") == '"1"'
        return Answer(304 if same else 200, b"" if same else body, {"ETag": '"1"', **headers})

    return answer


def test_a_fresh_page_is_not_asked_for_again(server: Server, folder: Path) -> None:
    server.answers["/a"] = Answer(200, b"page" * 100_000, FRESH)
    first, second = (get(f"{server.origin}/a", folder) for _ in range(2))
    assert first.body == second.body == b"page" * 100_000
    assert (first.received, second.received) == (400_000, 0)
    assert (first.requests, second.requests) == (1, 0)
    assert (second.status, second.url, second.complete) == (200, f"{server.origin}/a", True)
    assert len(server.log) == 1


def test_gzip_from_the_cache(server: Server, folder: Path) -> None:
    server.answers["/a"] = Answer(
        200, gzip.compress(b"page" * 100), {"Content-Encoding": "gzip", **FRESH}
    )
    for _ in range(2):
        response = get(f"{server.origin}/a", folder)
        assert response.body == b"page" * 100
        assert "content-encoding" not in response.headers
    assert len(server.log) == 1


@pytest.mark.parametrize(
    "headers", [{}, {"Cache-Control": "no-cache"}, {"Cache-Control": "max-age=0"}]
)
def test_an_etag_saves_the_body(server: Server, folder: Path, headers: dict[str, str]) -> None:
    server.answers["/a"] = tagged(b"page" * 100, headers)
    first, second, third = (get(f"{server.origin}/a", folder) for _ in range(3))
    assert first.body == second.body == third.body == b"page" * 100
    assert (first.received, second.received, third.received) == (400, 0, 0)
    assert (first.requests, second.requests, third.requests) == (1, 1, 1)
    assert [asked.headers.get("if-none-match") for asked in server.log] == [None, '"1"', '"1"']


def test_an_old_page_without_freshness_is_asked_for_again(server: Server, folder: Path) -> None:
    old = {"Last-Modified": "Mon, 01 Jan 2001 00:00:00 GMT"}
    server.answers["/a"] = versions(b"one", b"two", headers=old)
    assert [get(f"{server.origin}/a", folder).body for _ in range(2)] == [b"one", b"two"]


def test_refresh(server: Server, folder: Path) -> None:
    server.answers["/a"] = versions(b"one", b"two", b"three", b"four")
    url = f"{server.origin}/a"
    assert get(url, folder).body == b"one"
    assert get(url, folder).body == b"one"
    assert get(url, folder, refresh=True).body == b"two"
    # All of them came in one second: the newest must win nevertheless.
    assert get(url, folder).body == b"two"
    assert (
        fetching(lambda fetcher: fetcher.get(url, max_bytes=100, refresh=True), folder).body
        == b"three"
    )
    assert get(url, folder).body == b"three"
    assert get(url, folder, offline=True).body == b"three"


def test_variants_of_a_page_are_kept_apart(server: Server, folder: Path) -> None:
    server.answers["/a"] = lambda asked: Answer(
        200, asked.headers["accept"].encode(), FRESH | {"Vary": "Accept"}
    )

    async def use(fetcher: HttpxFetcher) -> list[bytes]:
        kinds = ["text/html", "text/plain"] * 2
        return [
            (await fetcher.get(f"{server.origin}/a", accept=kind, max_bytes=100)).body
            for kind in kinds
        ]

    assert fetching(use, folder) == [b"text/html", b"text/plain"] * 2
    assert len(server.log) == 2


def test_what_is_not_there_is_remembered(server: Server, folder: Path) -> None:
    server.answers["/a"] = Answer(404, b"", FRESH)
    assert [get(f"{server.origin}/a", folder).status for _ in range(2)] == [404, 404]
    assert len(server.log) == 1


@pytest.mark.parametrize(
    "answer", [Answer(200, b"page", {"Cache-Control": "no-store"}), Answer(500, b"", FRESH)]
)
def test_what_must_not_be_stored(server: Server, folder: Path, answer: Answer) -> None:
    server.answers["/a"] = [answer, Answer(200, b"new", FRESH)]
    get(f"{server.origin}/a", folder)
    assert get(f"{server.origin}/a", folder).body == b"new"


def test_a_cut_page_is_not_stored(server: Server, folder: Path) -> None:
    server.answers["/a"] = Answer(200, b"page" * 100_000, FRESH)
    assert not get(f"{server.origin}/a", folder, max_bytes=10).complete
    assert len(get(f"{server.origin}/a", folder).body) == 400_000
    assert get(f"{server.origin}/a", folder, max_bytes=10).body == b"pagepagepa"
    assert len(server.log) == 2


def test_a_broken_page_is_not_stored(server: Server, folder: Path) -> None:
    server.answers["/a"] = [Answer(200, b"pa", FRESH, length=4), Answer(200, b"page", FRESH)]
    assert get(f"{server.origin}/a", folder).body == b"page"
    assert get(f"{server.origin}/a", folder, offline=True).body == b"page"


def test_ranges_heads_and_streams_pass_by(server: Server, folder: Path) -> None:
    server.answers["/a"] = ranged(b"0123456789")

    async def use(fetcher: HttpxFetcher) -> None:
        for _ in range(2):
            await fetcher.get(f"{server.origin}/a", byte_range=(0, 1), max_bytes=100)
            await fetcher.head(f"{server.origin}/a")
            async with fetcher.stream(f"{server.origin}/a") as pieces:
                assert b"".join([piece async for piece in pieces]) == b"0123456789"

    fetching(use, folder)
    assert len(server.log) == 6
    assert not folder.exists()


def test_many_at_a_time(server: Server, folder: Path) -> None:
    urls = [f"{server.origin}/{number}" for number in range(30)]
    for number in range(30):
        server.answers[f"/{number}"] = Answer(200, b"%d" % number * 50_000, FRESH)

    async def use(fetcher: HttpxFetcher) -> list[Response]:
        return await fetcher.gather(fetcher.get(url, max_bytes=1 << 20) for url in urls)

    for _ in range(2):
        bodies = [response.body for response in fetching(use, folder)]
        assert bodies == [b"%d" % number * 50_000 for number in range(30)]
    assert len(server.log) == 30


# Offline


def test_offline(server: Server, folder: Path) -> None:
    stale = {"Cache-Control": "max-age=0, must-revalidate, no-cache"}
    server.answers["/a"] = Answer(200, b"page", stale)
    server.answers["/b"] = Answer(301, b"", {"Location": "/a"})
    get(f"{server.origin}/b", folder)
    asked = len(server.log)
    for options in ({}, {"refresh": True}):
        response = get(f"{server.origin}/b", folder, offline=True, **options)
        assert (response.body, response.url, response.received) == (
            b"page",
            f"{server.origin}/a",
            0,
        )
    with pytest.raises(FetchError, match="offline and not in the cache") as caught:
        get(f"{server.origin}/c", folder, offline=True)
    assert caught.value.code == "unreachable"
    assert len(server.log) == asked


@pytest.mark.parametrize("kind", ["range", "head", "stream", "no cache", "query"])
def test_offline_asks_nobody(server: Server, folder: Path, kind: str) -> None:
    server.answers["/a"] = Answer(200, b"page", FRESH)
    url = f"{server.origin}/a"
    get(url, folder)

    async def use(fetcher: HttpxFetcher) -> None:
        if kind == "head":
            await fetcher.head(url)
        elif kind == "stream":
            async with fetcher.stream(url):
                pass
        else:
            byte_range = (0, 1) if kind == "range" else None
            await fetcher.get(
                url + ("?a=b" if kind == "query" else ""), byte_range=byte_range, max_bytes=100
            )

    options = {"cache_dir": None} if kind == "no cache" else {"cache_dir": folder}

    async def main() -> None:
        fetcher = HttpxFetcher(offline=True, **options)
        try:
            await use(fetcher)
        finally:
            await fetcher.aclose()

    with pytest.raises(FetchError, match="offline and not in the cache"):
        asyncio.run(main())
    assert len(server.log) == 1


# Secrets


def test_no_secret_on_disk(
    server: Server, other: Server, folder: Path, clean_environment: Path
) -> None:
    (clean_environment / ".netrc").write_text("machine localhost login user password seCret1\n")
    pages = {"Set-Cookie": "id=seCret2", "X-Token": "seCret3", **FRESH}
    server.answers["/page"] = Answer(200, b"public page", pages)
    server.answers["/private"] = Answer(
        200, b"private page", {"Cache-Control": "public, max-age=600"}
    )
    server.answers["/signed"] = Answer(
        301, b"", {"Location": f"{other.origin}/file?signature=seCret4", **FRESH}
    )
    other.answers["/file"] = Answer(200, b"signed file", FRESH)

    async def use(fetcher: HttpxFetcher) -> None:
        fetcher.configure([f"http://localhost:{server.port}/simple"])
        for _ in range(2):
            await fetcher.get(f"{server.origin}/page", max_bytes=100)
            await fetcher.get(f"{server.origin}/page?token=seCret5#seCret6", max_bytes=100)
            await fetcher.get(f"http://localhost:{server.port}/private", max_bytes=100)
            await fetcher.get(f"{server.origin}/signed", max_bytes=100)
        private = f"{server.origin}/private".replace("://", "://user:seCret7@")
        await fetcher.get(private, max_bytes=100)
        await fetcher.get(f"{server.origin}/private", max_bytes=100)

    fetching(use, folder)
    stored = on_disk(folder)
    assert b"public page" in stored
    for secret in (b"seCret", b"uthorization", b"private page", b"signed file", b"dXNlcjpzZUNyZXQ"):
        assert secret not in stored


# Troubles of its own


def test_a_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    server.answers["/a"] = Answer(200, b"page", FRESH)
    assert get(f"{server.origin}/a", tmp_path / "file" / "cache").body == b"page"
    with pytest.raises(FetchError, match="offline"):
        get(f"{server.origin}/a", tmp_path / "file" / "cache", offline=True)


def test_a_broken_database(server: Server, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.mkdir(parents=True)
    (folder / _cache.FILE_NAME).write_bytes(b"no database at all" * 1000)
    server.answers["/a"] = Answer(200, b"page", FRESH)
    assert get(f"{server.origin}/a", folder).body == b"page"
    assert any(
        isinstance(handler, logging.NullHandler) for handler in logging.getLogger("hishel").handlers
    )


def test_a_database_of_somebody_else(server: Server, folder: Path) -> None:
    folder.mkdir(parents=True)
    with sqlite3.connect(folder / _cache.FILE_NAME) as database:
        database.execute("CREATE TABLE entries (id, other)")
    database.close()
    server.answers["/a"] = Answer(200, b"page", FRESH)
    assert get(f"{server.origin}/a", folder).body == b"page"


def test_a_locked_database(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cache, "BUSY_MILLISECONDS", 1)
    server.answers["/a"] = Answer(200, b"page", FRESH)
    server.answers["/b"] = Answer(200, b"other", FRESH)
    get(f"{server.origin}/a", folder)
    lock = sqlite3.connect(folder / _cache.FILE_NAME, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
        assert get(f"{server.origin}/a", folder).body == b"page"
        assert get(f"{server.origin}/b", folder).body == b"other"
        assert get(f"{server.origin}/a", folder, refresh=True).body == b"page"
    finally:
        lock.close()


def test_a_page_that_is_lost_while_it_is_read(server: Server, folder: Path) -> None:
    server.answers["/a"] = Answer(200, b"page" * 100_000, FRESH)
    get(f"{server.origin}/a", folder)
    with sqlite3.connect(folder / _cache.FILE_NAME) as database:
        database.execute("DELETE FROM streams WHERE chunk_number > 0")
    database.close()
    assert get(f"{server.origin}/a", folder).body == b"page" * 100_000
    with pytest.raises(FetchError, match="offline"):
        get(f"{server.origin}/a", folder, offline=True)
