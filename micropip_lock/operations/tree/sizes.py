"""How large the files of a lock are: by the files themselves, or by what their servers say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..._util.url import is_http, shown
from ...errors import FetchError, IntegrityError, Problem
from ...formats.lockfile import LockedPackage, Lockfile
from ...network import Fetcher
from ...storage.wheels import WheelStore
from ..bundle.wheel_supply import filename_of
from ..session import Session
from ..verify.unreachable import CircuitBreaker, UnreachableHosts


def sizes_at_hand(
    lock: Lockfile, folders: Iterable[Path], cache_dir: Path | None
) -> dict[str, int]:
    """The sizes, in bytes, of files in some folders, by name, and in the cache, by sha256.

    Nothing is read.
    """
    store = WheelStore(cache_dir) if cache_dir is not None else None
    names = {folder: _names(folder) for folder in folders}
    found = {key: _at_hand(entry, names, store) for key, entry in lock.packages.items()}
    return {key: size for key, size in found.items() if size is not None}


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(item.name for item in folder.iterdir())
    except OSError:
        return frozenset()


def _at_hand(
    entry: LockedPackage, folders: Mapping[Path, frozenset[str]], store: WheelStore | None
) -> int | None:
    try:
        name = filename_of(entry)
    except IntegrityError:  # no name that a file can have
        return None
    places = [folder / name for folder, names in folders.items() if name in names]
    if store is not None and re.fullmatch("[0-9a-f]{64}", entry.sha256):
        places.append(store.place(entry.sha256))
    for place in places:
        try:
            if place.is_file():
                return place.stat().st_size
        except OSError:
            continue
    return None


async def request_sizes(
    session: Session, wanted: Mapping[str, str]
) -> tuple[dict[str, int], tuple[Problem, ...]]:
    """The sizes of files (name -> URL) by their servers, and the servers that gave none."""
    unreachable = UnreachableHosts()
    fetcher = CircuitBreaker(session.fetcher)
    found: dict[str, int] = {}
    urls = {key: url for key, url in wanted.items() if is_http(url)}
    done = 0

    async def request(key: str, url: str) -> None:
        nonlocal done
        try:
            size = await _size(fetcher, url)
            if size is not None:
                found[key] = size
        except FetchError as error:
            unreachable.add(error, key)
        done += 1
        session.step(done, len(urls), key)

    await fetcher.gather([request(key, url) for key, url in urls.items()])
    return found, tuple(unreachable.problems())


async def _size(fetcher: Fetcher, url: str) -> int | None:
    """The size of a file, by HEAD, else by a request for its first byte.

    None where the file is missing or the server gives no size.
    """
    try:
        response = await fetcher.head(url)
    except FetchError as error:
        if error.reason in ("not-allowed", "no-connection"):
            raise
        # Some servers know no HEAD.
    else:
        if not response.found:
            return None
        if response.headers.get("content-type", "").startswith("text/html"):
            raise FetchError(
                f"{shown(url)} answers with a web page in place of the file.", url=shown(url)
            )
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) > 0:
            return int(length)
    response = await fetcher.get(url, byte_range=(0, 0), max_bytes=1)
    match = re.fullmatch(
        r"bytes \d+-\d+/(\d{1,18})", response.headers.get("content-range", "").strip()
    )
    return int(match[1]) if match else None
