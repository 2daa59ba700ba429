"""The fetcher and the facts of one call: those of the caller, or the defaults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .. import environment as surroundings
from ..network import Fetcher, NoNetwork, default_cache_dir, default_fetcher, offline_error
from ..network.meter import Meter
from ..storage import Facts, NoFacts, facts_in


@asynccontextmanager
async def connected(
    fetcher: Fetcher | None,
    facts: Facts | None,
    *,
    offline: bool,
    refresh: bool,
    jobs: int | None = None,
) -> AsyncIterator[tuple[Meter, Facts]]:
    """A counting fetcher and the store of facts; closed afterwards unless the caller passed them.

    Without a store from the caller, facts are remembered only if the caller passed no fetcher
    either: in the cache folder of the default fetcher. Passwords of netrc and keyrings are for the
    indexes that pip and uv are configured with, and for the URLs that the caller configures
    besides.
    """
    if fetcher is not None:
        yield (
            _configured(Meter(NoNetwork(offline_error) if offline else fetcher)),
            facts or NoFacts(),
        )
        return
    cache_dir = default_cache_dir()
    known = facts or facts_in(cache_dir)
    own = default_fetcher(offline=offline, refresh=refresh, cache_dir=cache_dir, jobs=jobs)
    try:
        yield _configured(Meter(own)), known
    finally:
        if facts is None:
            known.close()
        await own.aclose()


def _configured(meter: Meter) -> Meter:
    meter.configure(lambda: [url for urls in surroundings.configured_indexes() for url in urls])
    return meter
