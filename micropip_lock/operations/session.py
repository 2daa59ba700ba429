"""A session: what one call of an operation works with, opened once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .. import environment
from .._util.progress import Progress
from .._util.url import origin
from ..formats.target import Target
from ..network import Fetcher, NoNetwork, default_cache_dir, default_fetcher, offline_error
from ..network.meter import Meter
from ..storage import Facts, NoFacts, facts_in
from .context import Context, ContextOptions, find_context
from .live_progress import packages_shown
from .lock_source import LockInput, LockSource, fetch_lock, is_url, local_lock

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ..storage.wheels import WheelStore

Result = TypeVar("Result", bound="DataclassInstance")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """The arguments that every operation has in common, as its caller passed them.

    ``fetcher`` and ``facts`` stay open when the session ends. ``cache_dir`` is the folder of the
    cache; None: the user's, or with a ``fetcher`` none. ``jobs`` is the number of requests at a
    time.
    """

    offline: bool = False
    refresh: bool = False
    jobs: int | None = None
    fetcher: Fetcher | None = None
    facts: Facts | None = None
    cache_dir: Path | None = None
    progress: Progress | None = None

    @property
    def cache_folder(self) -> Path | None:
        """The folder of the cache, or None for no cache."""
        if self.cache_dir is not None or self.fetcher is not None:
            return self.cache_dir
        return default_cache_dir()


@dataclass(frozen=True, kw_only=True)
class Session:
    """A counting fetcher, the facts that are known, and the context of one call.

    ``wheels`` is the cache of whole wheels; ``progress`` is called as (done, total, package).
    """

    fetcher: Meter
    facts: Facts
    offline: bool = False
    refresh: bool = False
    wheels: WheelStore | None = None
    progress: Progress | None = None
    _context: Context | None = None

    @property
    def known_facts(self) -> Facts:
        """The facts, for what is to be requested anew with ``refresh``: none then."""
        return NoFacts() if self.refresh else self.facts

    @property
    def context(self) -> Context:
        """The folders, base and indexes of this call, of a session that was opened with them."""
        assert self._context is not None, "the session was opened without a context"
        return self._context

    @cached_property
    def target(self) -> Target:
        """The Pyodide that the base is for. Raises `InputError`."""
        return Target.from_info(self.context.base.lockfile.info)

    def step(self, done: int, total: int, package: str) -> None:
        """Tell the caller that one more package is done."""
        if self.progress is not None:
            self.progress(done, total, package)

    def costed(self, result: Result) -> Result:
        """``result``, a dataclass with ``requests`` and ``bytes``, with those of this session."""
        return replace(result, requests=self.fetcher.requests, bytes=self.fetcher.bytes)


@asynccontextmanager
async def open_session(
    options: SessionOptions, context: ContextOptions | None = None
) -> AsyncIterator[Session]:
    """Open what the caller did not pass, and close that afterwards.

    Facts are kept in the folder of the cache. Passwords of netrc and keyrings are for the indexes
    that pip and uv are configured with, and for the URLs that the caller configures besides. Raises
    `InputError` and `FetchError` for a context that cannot be used.
    """
    folder = options.cache_folder
    facts = options.facts or facts_in(folder)
    fetcher = _fetcher(options, folder)
    try:
        meter = Meter(fetcher)
        meter.configure(_configured_urls)
        with packages_shown(options.progress) as progress:
            yield Session(
                fetcher=meter,
                facts=facts,
                offline=options.offline,
                refresh=options.refresh,
                wheels=_wheels(folder),
                progress=progress,
                _context=None if context is None else await find_context(context, meter),
            )
    finally:
        if options.facts is None:
            facts.close()
        if options.fetcher is None:
            await fetcher.aclose()


async def open_lock(lock: LockInput, options: SessionOptions) -> LockSource:
    """Find a lock; one at a URL is fetched.

    Raises `InputError` for a file that is missing or unreadable, and `FetchError`.
    """
    if not is_url(lock):
        return local_lock(lock)
    async with open_session(options) as session:
        if (origin(lock) or "").startswith("https://"):
            # Unlike an index, it is on no server that the user has a password for: none is sent
            # there in clear text.
            session.fetcher.configure([lock])
        return await fetch_lock(lock, session.fetcher)


def _fetcher(options: SessionOptions, cache_folder: Path | None) -> Fetcher:
    if options.fetcher is None:
        return default_fetcher(
            offline=options.offline,
            refresh=options.refresh,
            cache_dir=cache_folder,
            jobs=options.jobs,
        )
    return NoNetwork(offline_error) if options.offline else options.fetcher


def _wheels(folder: Path | None) -> WheelStore | None:
    if folder is None:
        return None
    from ..storage.wheels import WheelStore  # of no use in Pyodide, which has no such folder

    return WheelStore(folder)


def _configured_urls() -> list[str]:
    indexes, find_links = environment.configured_indexes()
    return [*indexes, *find_links]
