"""A fetcher with a cache folder, for tests of the HTTP cache."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from micropip_lock.network import Response
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from .serving import Answer, Asked

T = TypeVar("T")

FRESH = {"Cache-Control": "max-age=600"}


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
