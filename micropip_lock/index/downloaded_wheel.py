"""A wheel downloaded whole, for its hash and for what only its bytes show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from .._util.url import shown
from ..errors import FetchError
from ..formats.wheel import WheelDescription
from ..formats.wheel_archive import inspect_wheel
from ..network import Fetcher

_LARGEST_WHEEL = 4 * 2**30
#: A connection may break this often in the middle of a wheel.
_MOST_BREAKS = 20
_IN_MEMORY = 16 * 2**20


async def download_wheel(fetcher: Fetcher, url: str, name: str) -> WheelDescription:
    """Download a wheel whole, to hash it and to compare every member with its RECORD.

    The file lives in memory up to 16 MiB, then in a temporary file; it is not kept. Raises
    `FetchError`, and `IntegrityError` when it is no wheel of ``name``.
    """
    # Slow to import, and wheels are hardly ever downloaded here.
    from tempfile import SpooledTemporaryFile

    sha256 = hashlib.sha256()
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:

        def keep(piece: bytes) -> None:
            sha256.update(piece)
            file.write(piece)

        size = await _stream(fetcher, url, keep)
        return inspect_wheel(file, size, sha256.hexdigest(), name)


async def _stream(fetcher: Fetcher, url: str, keep: Callable[[bytes], None]) -> int:
    """Hand each piece of a wheel to ``keep``; return the size.

    The download is resumed where it broke, as long as that brings more bytes.
    """
    size = 0
    for left in reversed(range(_MOST_BREAKS)):
        before = size
        try:
            async with fetcher.stream(url, start=size) as pieces:
                async for piece in pieces:
                    size += len(piece)
                    if size > _LARGEST_WHEEL:
                        raise FetchError(f"{shown(url)} is larger than any wheel.", url=shown(url))
                    keep(piece)
            break
        except FetchError:
            if size in (before, 0) or size > _LARGEST_WHEEL or not left:
                raise
    return size
