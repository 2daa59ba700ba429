from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from micropip_lock.errors import FetchError
from micropip_lock.network import ByteRange, Response
from micropip_lock.network.httpx_fetcher import HttpxFetcher


def get(url: str, byte_range: ByteRange | None = None, max_bytes: int = 1000) -> Response:
    # Offline: a file needs no network.
    return asyncio.run(
        HttpxFetcher(offline=True).get(url, byte_range=byte_range, max_bytes=max_bytes)
    )


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "a b#c-1.0-py3-none-any.whl"
    path.write_bytes(b"0123456789")
    return path


def test_a_file(wheel: Path) -> None:
    response = get(wheel.as_uri())
    assert (response.status, response.body, response.complete) == (200, b"0123456789", True)
    assert (response.received, response.requests) == (0, 0)
    assert response.headers["content-length"] == "10"
    assert response.url == wheel.as_uri()


def test_a_file_is_cut(wheel: Path) -> None:
    assert get(wheel.as_uri(), max_bytes=10).complete
    response = get(wheel.as_uri(), max_bytes=4)
    assert (response.body, response.complete, response.headers["content-length"]) == (
        b"0123",
        False,
        "10",
    )


@pytest.mark.parametrize(
    ("byte_range", "body", "content_range"),
    [
        ((2, 4), b"234", "bytes 2-4/10"),
        ((8, None), b"89", "bytes 8-9/10"),
        ((8, 99), b"89", "bytes 8-9/10"),
        ((None, 3), b"789", "bytes 7-9/10"),
        ((None, 99), b"0123456789", "bytes 0-9/10"),
    ],
)
def test_ranges(wheel: Path, byte_range: ByteRange, body: bytes, content_range: str) -> None:
    response = get(wheel.as_uri(), byte_range)
    assert (response.status, response.body, response.headers["content-range"]) == (
        206,
        body,
        content_range,
    )


def test_a_range_beyond_the_end(wheel: Path) -> None:
    response = get(wheel.as_uri(), (10, 12))
    assert (response.status, response.headers["content-range"]) == (416, "bytes */10")


def test_head_and_stream(wheel: Path) -> None:
    async def main() -> None:
        fetcher = HttpxFetcher()
        head = await fetcher.head(wheel.as_uri())
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "10")
        async with fetcher.stream(wheel.as_uri(), start=7) as pieces:
            assert b"".join([piece async for piece in pieces]) == b"789"

    asyncio.run(main())


def test_a_folder_is_a_page_of_its_files(wheel: Path) -> None:
    (wheel.parent / "folder").mkdir()
    (wheel.parent / "<&>.whl").write_bytes(b"")
    response = get(wheel.parent.as_uri())
    assert response.url == wheel.parent.as_uri() + "/"
    assert response.headers["content-type"] == "text/html"
    page = response.body.decode()
    assert f'<a href="{wheel.as_uri()}">{wheel.name}</a>' in page
    assert "&lt;&amp;&gt;.whl</a>" in page
    assert page.count("<a ") == 2


def test_a_folder_with_an_index(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"<html></html>")
    response = get(tmp_path.as_uri())
    assert (response.body, response.url) == (b"<html></html>", tmp_path.as_uri() + "/")


def test_missing(tmp_path: Path) -> None:
    response = get((tmp_path / "nothing").as_uri())
    assert (response.status, response.found) == (404, False)


@pytest.mark.parametrize(
    "url", ["file://elsewhere.example/a", "file:a", "file:///a%00b", "file://[a"]
)
def test_what_is_no_file_url(url: str) -> None:
    with pytest.raises(FetchError, match="must look like"):
        get(url)


def test_a_file_that_cannot_be_read(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FetchError) as caught:
        get(wheel.as_uri())
    assert caught.value.code == "not-allowed"
