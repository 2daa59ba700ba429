from __future__ import annotations

import asyncio
import gzip
import time
from pathlib import Path

import pytest

from micropip_lock.errors import FetchError
from micropip_lock.network import Response
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from .caching import FRESH, fetching, get, on_disk, tagged, versions
from .serving import Answer, Server, ranged


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


# Revalidation (RFC 9111, 4.3)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    moment = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: moment)


def conditions(server: Server) -> list[tuple[str | None, str | None]]:
    """Of each request: If-None-Match and If-Modified-Since."""
    names = ("if-none-match", "if-modified-since")
    return [(asked.headers.get(names[0]), asked.headers.get(names[1])) for asked in server.log]


def test_a_page_ages(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers["/a"] = versions(b"one", b"two")
    assert get(f"{server.origin}/a", folder).body == b"one"
    later(monkeypatch, 590)
    assert get(f"{server.origin}/a", folder).body == b"one"
    later(monkeypatch, 20)
    assert get(f"{server.origin}/a", folder).body == b"two"


def test_a_clock_that_was_set_back(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/a"] = versions(b"one", b"two")
    assert get(f"{server.origin}/a", folder).body == b"one"
    later(monkeypatch, -10)
    assert get(f"{server.origin}/a", folder).body == b"two"


@pytest.mark.parametrize(
    "headers",
    [
        {"Last-Modified": "Mon, 01 Jan 2001 00:00:00 GMT"},
        {"ETag": 'W/"1"', "Last-Modified": "Mon, 01 Jan 2001 00:00:00 GMT"},
    ],
)
def test_what_the_server_is_asked(server: Server, folder: Path, headers: dict[str, str]) -> None:
    server.answers["/a"] = [Answer(200, b"page", headers), Answer(304, b"", headers)]
    for _ in range(3):
        assert get(f"{server.origin}/a", folder).body == b"page"
    expected = (headers.get("ETag"), headers["Last-Modified"])
    assert conditions(server) == [(None, None), expected, expected]


def test_a_304_renews_the_headers(server: Server, folder: Path) -> None:
    old = {"ETag": '"1"', "Age": "700", "Content-Type": "text/plain", **FRESH}
    new = {"ETag": '"1"', "Cache-Control": "max-age=300", "Content-Type": "text/html"}
    server.answers["/a"] = [Answer(200, b"page", old), Answer(304, b"", new)]
    first, second, third = (get(f"{server.origin}/a", folder) for _ in range(3))
    assert first.fresh_until is not None and first.fresh_until < time.time()
    assert second.fresh_until is not None and second.fresh_until == third.fresh_until
    assert 200 < second.fresh_until - time.time() < 301
    assert second.headers == third.headers
    assert third.headers["cache-control"] == "max-age=300"
    assert third.headers["content-type"] == "text/plain"
    assert third.headers["content-length"] == "4"
    assert "age" not in third.headers
    assert len(server.log) == 2


@pytest.mark.parametrize("etag", ['W/"1"', None])
def test_a_304_about_the_same_page(server: Server, folder: Path, etag: str | None) -> None:
    answered = {} if etag is None else {"ETag": etag}
    server.answers["/a"] = [Answer(200, b"page", {"ETag": '"1"'}), Answer(304, b"", answered)]
    assert [get(f"{server.origin}/a", folder).body for _ in range(2)] == [b"page"] * 2
    assert len(server.log) == 2


def test_a_304_about_another_page(server: Server, folder: Path) -> None:
    server.answers["/a"] = [
        Answer(200, b"one", {"ETag": '"1"'}),
        Answer(304, b"", {"ETag": '"2"', **FRESH}),
        Answer(200, b"two", {"ETag": '"2"', **FRESH}),
    ]
    assert [get(f"{server.origin}/a", folder).body for _ in range(3)] == [b"one", b"two", b"two"]
    assert conditions(server) == [(None, None), ('"1"', None), (None, None)]


def test_a_304_keeps_its_connection(server: Server, folder: Path) -> None:
    server.answers["/a"] = tagged(b"page", {})

    async def use(fetcher: HttpxFetcher) -> None:
        for _ in range(3):
            await fetcher.get(f"{server.origin}/a", max_bytes=100)

    fetching(use, folder)
    assert (len(server.log), server.connections) == (3, 1)


@pytest.mark.parametrize("status", [200, 304])
def test_a_page_that_must_no_longer_be_stored(server: Server, folder: Path, status: int) -> None:
    now = {"ETag": '"1"', "Cache-Control": "no-store"}
    server.answers["/a"] = [Answer(200, b"page", {"ETag": '"1"'}), Answer(status, b"page", now)]
    assert [get(f"{server.origin}/a", folder).body for _ in range(2)] == [b"page"] * 2
    with pytest.raises(FetchError, match="offline and not in the cache"):
        get(f"{server.origin}/a", folder, offline=True)


@pytest.mark.parametrize("directives", ["max-age=0", "max-age=0, stale-if-error=999"])
def test_a_stale_page_hides_no_error(server: Server, folder: Path, directives: str) -> None:
    page = Answer(200, b"page", {"Cache-Control": directives})
    server.answers["/a"] = [page, Answer(500)]
    get(f"{server.origin}/a", folder)
    with pytest.raises(FetchError, match="500"):
        get(f"{server.origin}/a", folder)
    assert get(f"{server.origin}/a", folder, offline=True).body == b"page"


@pytest.mark.parametrize("directives", ["private, max-age=600", "max-age=600, s-maxage=0"])
def test_a_cache_of_one_user(server: Server, folder: Path, directives: str) -> None:
    server.answers["/a"] = versions(b"one", b"two", headers={"Cache-Control": directives})
    assert [get(f"{server.origin}/a", folder).body for _ in range(2)] == [b"one", b"one"]


def test_a_page_that_varies_with_everything(server: Server, folder: Path) -> None:
    server.answers["/a"] = versions(b"one", b"two", headers={"Vary": "*", **FRESH})
    assert [get(f"{server.origin}/a", folder).body for _ in range(2)] == [b"one", b"two"]


@pytest.mark.parametrize("coding", ["utf-8", "latin-1"])
def test_headers_that_are_not_ascii(server: Server, folder: Path, coding: str) -> None:
    """Their bytes are allowed (RFC 9110, 5.5: obs-text), and servers send them."""
    name = "fran\u00e7ais".encode(coding).decode("latin-1")  # which the server encodes
    server.answers["/a"] = Answer(302, b"", {"Location": f"/{name}", **FRESH})
    server.answers["/fran%C3%A7ais"] = [
        Answer(200, b"page", {"ETag": f'"{name}"'}),
        Answer(304),
        Answer(304),
    ]
    found = [get(f"{server.origin}/a", folder) for _ in range(3)]
    assert [response.body for response in found] == [b"page"] * 3
    assert get(f"{server.origin}/a", folder, offline=True).body == b"page"
    assert [asked.path for asked in server.log] == ["/a"] + ["/fran%C3%A7ais"] * 3


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


@pytest.mark.parametrize(
    ("status", "headers"), [(301, {}), (308, {}), (302, FRESH), (307, {}), (302, {}), (303, {})]
)
def test_redirects_offline(
    server: Server, folder: Path, status: int, headers: dict[str, str]
) -> None:
    """Only those that may be stored: where a temporary one leads may be a secret."""
    server.answers["/a"] = Answer(status, b"", {"Location": "/b/token-in-the-path", **headers})
    server.answers["/b/token-in-the-path"] = Answer(200, b"page", FRESH)
    assert get(f"{server.origin}/a", folder).body == b"page"
    if headers or status in (301, 308):
        assert get(f"{server.origin}/a", folder, offline=True).body == b"page"
        return
    with pytest.raises(FetchError, match="offline and not in the cache"):
        get(f"{server.origin}/a", folder, offline=True)


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
    assert server.origin.encode() not in stored  # a path may be a token as well
