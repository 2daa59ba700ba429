"""The seam to the network: what protocol logic awaits, and nothing else.

Protocol logic never imports an event loop. It awaits a `Fetcher`, so the same coroutine runs on
an event loop (host, page, notebook), or to its end without one when the fetcher never suspends
(synchronous XMLHttpRequest in a web worker, no network at all): see `drive`.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from .._util.private_files import check_private
from .._util.url import shown
from ..errors import FetchError, MicropipLockError, SuspensionError
from .fetcher import ByteRange, Fetcher, Response, Stream

__all__ = [
    "ByteRange",
    "Fetcher",
    "NoNetwork",
    "Response",
    "Stream",
    "default_fetcher",
    "drive",
    "run_sync",
]

T = TypeVar("T")


class NoNetwork:
    """A `Fetcher` that raises ``error`` for every request, and never suspends.

    ``error`` is raised as it is, or made from the requested URL.
    """

    suffix_ranges: bool = True

    def __init__(self, error: MicropipLockError | Callable[[str], MicropipLockError]) -> None:
        self._error = error

    async def get(
        self,
        url: str,
        *,
        accept: str | None = None,
        byte_range: ByteRange | None = None,
        max_bytes: int,
        refresh: bool = False,
    ) -> Response:
        """Raise."""
        self._refuse(url)

    async def head(self, url: str) -> Response:
        """Raise."""
        self._refuse(url)

    @asynccontextmanager
    async def stream(self, url: str, *, start: int = 0) -> AsyncIterator[Stream]:
        """Raise."""
        self._refuse(url)
        yield  # only what yields is a context manager

    async def gather(self, tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Run ``tasks`` one after the other; see `Fetcher.gather`."""
        from .tasks import in_turn

        return await in_turn(tasks)

    async def aclose(self) -> None:
        """Nothing to release."""

    def _refuse(self, url: str) -> NoReturn:
        if isinstance(self._error, MicropipLockError):
            # The same exception again and again: each time from where it is raised now.
            raise self._error.with_traceback(None)
        raise self._error(url)


def offline_error(url: str) -> FetchError:
    """The error of every request where the network may not be used and there is no cache."""
    return FetchError(
        f"{shown(url)}: offline, and there is no cache here; run without offline",
        url=shown(url),
        reason="offline",
    )


def default_fetcher(
    *,
    offline: bool = False,
    refresh: bool = False,
    cache_dir: Path | None = None,
    jobs: int | None = None,
) -> Fetcher:
    """The fetcher for where the code runs: fetch() in Pyodide, httpx on the host.

    ``offline`` reads only the cache (Pyodide keeps none), ``refresh`` makes caches ask the server,
    ``cache_dir`` is the folder of the host's HTTP cache (None: no cache), ``jobs`` the number of
    requests at a time. Where httpx is missing on the host, the first request raises `InputError`,
    and this call does for a cache folder that others can write to.
    """
    if sys.platform == "emscripten":
        if offline:
            return NoNetwork(offline_error)
        from .pyfetch_fetcher import PyfetchFetcher

        return PyfetchFetcher(refresh=refresh, jobs=jobs)
    if cache_dir is not None:
        check_private(cache_dir)
    from .httpx_fetcher import HttpxFetcher

    return HttpxFetcher(offline=offline, refresh=refresh, cache_dir=cache_dir, jobs=jobs)


def default_cache_dir() -> Path | None:
    """The folder of the cache for this user, as the platform has it; None in Pyodide."""
    if sys.platform == "emscripten":
        return None
    try:
        from platformdirs import user_cache_path
    except ModuleNotFoundError:
        return None
    return user_cache_path("micropip-lock", appauthor=False)


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run ``coroutine`` to its end without an event loop.

    Raises `SuspensionError` if it has to wait.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise SuspensionError(
        "this has to wait, which a synchronous call cannot do here; await the asynchronous call"
    )


def run_sync(
    make: Callable[[Fetcher], Coroutine[Any, Any, T]],
    *,
    offline: bool = False,
    refresh: bool = False,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    instead: str = "await micropip_lock.freeze()",
) -> T:
    """Run ``make(fetcher)`` to its end with the surroundings' network access.

    `default_fetcher` describes the options.

    On the host without a running event loop: on a loop of its own. In a web worker: over
    synchronous requests. Where Pyodide can switch stacks (JSPI): over fetch(). Else without a
    network, and the first request raises `SuspensionError`, which says what to do ``instead``.
    """
    if sys.platform == "emscripten":
        return _run_sync_in_pyodide(make, offline, refresh, instead)
    import asyncio

    async def main() -> T:
        fetcher = default_fetcher(offline=offline, refresh=refresh, cache_dir=cache_dir, jobs=jobs)
        try:
            return await make(fetcher)
        finally:
            await fetcher.aclose()

    if _loop_is_running():
        return drive(make(NoNetwork(_suspension(instead))))
    return asyncio.run(main())


def _loop_is_running() -> bool:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run_sync_in_pyodide(
    make: Callable[[Fetcher], Coroutine[Any, Any, T]], offline: bool, refresh: bool, instead: str
) -> T:
    from .js import stack_switching, synchronous_requests

    if offline:
        return drive(make(NoNetwork(offline_error)))
    if synchronous_requests():
        from .xhr_fetcher import XhrFetcher

        return drive(make(XhrFetcher(refresh=refresh)))
    if (switch := stack_switching()) is not None:
        from .pyfetch_fetcher import PyfetchFetcher

        result: T = switch(make(PyfetchFetcher(refresh=refresh)))
        return result
    return drive(make(NoNetwork(_suspension(instead))))


def _suspension(instead: str) -> SuspensionError:
    return SuspensionError(f"this needs the network; use `{instead}`")
