"""`resolve`: the lock of requirements that are not installed yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..._util.progress import Progress
from ...dependencies.markers import MarkerEvaluator
from ...environment import Surroundings
from ...errors import InputError
from ...formats.lockfile import Lockfile
from ...formats.requirement import Wanted, parse_wanted, writable
from ...network import Fetcher
from ...storage import Facts
from ..context import ContextOptions
from ..results import ResolveResult
from ..session import Session, SessionOptions, open_session
from .fetching import Explorer
from .solution_lock import SolutionLocker
from .state import Preferred, ResolutionState

if TYPE_CHECKING:
    from .search import Solution


async def resolve(
    requirements: str | Wanted | Sequence[str | Wanted],
    *,
    base: Lockfile | str | Path | None = None,
    base_url: str | None = None,
    base_dir: str | Path | None = None,
    constraints: str | Wanted | Sequence[str | Wanted] = (),
    index_urls: str | Sequence[str] | None = None,
    find_links: Sequence[str] | None = None,
    pre: bool = False,
    upgrade: bool = False,
    require_hashes: bool = False,
    offline: bool = False,
    refresh: bool = False,
    fetcher: Fetcher | None = None,
    facts: Facts | None = None,
    progress: Progress | None = None,
    surroundings: Surroundings | None = None,
) -> ResolveResult:
    """Choose and lock versions for all requirements and dependencies, without downloading wheels.

    The same call inside Pyodide and on the host. Packages of the base lock come first, as in
    micropip; what it lacks, or has at another version than is asked for, is taken from the first
    index that has the project.

    * ``requirements``: PEP 508 with extras, markers and ``name @ https://....whl``, each with
      ``--hash=sha256:...`` after it if only such files are allowed; ``constraints``: the same, for
      packages that another package requires.
    * ``base``: a `Lockfile`, a file, a URL or a release ("314.0.7"); ``base_url``: where relative
      file names of the base live; ``base_dir``: a local Pyodide distribution that holds wheels of
      the base.
    * ``index_urls``: simple repository API roots; ``find_links``: URLs of pages, folders or files
      with links to wheels, which replace the configured ones and are read beside the indexes.
    * ``pre``: allow pre-releases (PEP 440); ``upgrade``: prefer the newest version to that of the
      base.
    * ``require_hashes``: every package that is not the base's has to have a hash among the
      requirements, as in pip.
    * ``offline``: send no request; ``refresh``: request even what is cached, for yanks and
      removals.
    * ``fetcher``: makes the requests (stays open); ``facts``: remembers what cannot change;
      ``progress``: is called as (done, total, package) (None: in a notebook a bar shows it);
      ``surroundings``: an environment that gives base and indexes instead of the one that runs this
      code.

    Raises `ResolutionError` when there is no solution, and says why; `UnlockableError` for what was
    chosen and cannot be named truthfully; `InputError` for arguments; `FetchError` and
    `IntegrityError`.
    """
    wanted = _wanted(requirements)
    limits = _wanted(constraints)
    if not wanted:
        raise InputError(
            'There is nothing to resolve. Name requirements, such as "rich" or '
            '"httpx[http2]>=0.28".'
        )
    options = SessionOptions(
        offline=offline, refresh=refresh, fetcher=fetcher, facts=facts, progress=progress
    )
    context = ContextOptions(
        with_folders=False,
        base=base,
        base_url=base_url,
        base_dir=base_dir,
        index_urls=index_urls,
        find_links=find_links,
        surroundings=surroundings,
    )
    async with open_session(options, context) as session:
        task = Resolution(session, wanted, limits, require_hashes=require_hashes)
        return session.costed(await task.run(pre=pre, upgrade=upgrade))


def _wanted(items: str | Wanted | Sequence[str | Wanted]) -> list[Wanted]:
    several = [items] if isinstance(items, str | Wanted) else items
    return [item if isinstance(item, Wanted) else parse_wanted(item) for item in several]


#: With so many pins it pays to find out first whether the index has documents of releases.
_MANY_PINS = 4


@dataclass(slots=True)
class Resolution:
    """One resolution: its indexes, its requirements, and how the solution becomes a lock."""

    session: Session
    wanted: Sequence[Wanted]
    limits: Sequence[Wanted] = ()
    require_hashes: bool = False

    async def run(self, *, pre: bool, upgrade: bool) -> ResolveResult:
        """Choose and lock, or explain why that cannot be."""
        state, explorer = await self.begin(pre=pre, upgrade=upgrade, partial=True)
        from .search import Conflict, solve

        pins = [
            (item.name, pin) for item in state.roots if (pin := state.pin_of(item.name)) is not None
        ]
        if len(pins) >= _MANY_PINS:
            await explorer.project_pages.try_documents(pins)
        solution = await solve(state, explorer, state.roots)
        if isinstance(solution, Conflict):
            from .explain import explain

            explanation = await explain(state, explorer, solution)
            raise explanation.error()
        explorer.project_pages.remember()
        return await self.lock(solution, state, explorer)

    async def begin(
        self,
        *,
        pre: bool = False,
        upgrade: bool = False,
        partial: bool = False,
        preferred: Mapping[str, Preferred] = MappingProxyType({}),
    ) -> tuple[ResolutionState, Explorer]:
        """The state before the first request, and its `Explorer`. Raises `InputError`."""
        try:
            import_module("resolvelib")
        except ModuleNotFoundError as error:
            hint = f"resolve needs {error.name}, which is not installed: pip install {error.name}"
            raise InputError(
                f"{hint}, or in Pyodide: await micropip.install({error.name!r})."
            ) from error
        session = self.session
        target = session.target
        markers = MarkerEvaluator.of(target)
        limits = [item for item in self.limits if _applies(item, markers)]
        state = ResolutionState(
            session.context.base,
            target,
            self._roots(markers),
            limits,
            pre=pre,
            upgrade=upgrade,
            preferred=preferred,
        )
        indexes = session.context.indexes()
        await indexes.open(session.fetcher)
        explorer = Explorer(
            state,
            indexes,
            session.fetcher,
            session.facts,
            refresh=session.refresh,
            partial=partial,
            progress=session.progress,
        )
        return state, explorer

    def _roots(self, markers: MarkerEvaluator) -> list[Wanted]:
        return [item for item in self.wanted if _applies(item, markers)]

    async def lock(
        self,
        solution: Solution,
        state: ResolutionState,
        explorer: Explorer,
        *,
        distribution: bool = False,
    ) -> ResolveResult:
        """The lock of a solution, with the rest of the base if ``distribution``."""
        roots = [writable(item.requirement) for item in self._roots(state.markers)]
        locker = SolutionLocker(self.session, state, explorer, roots, self.require_hashes)
        return await locker.lock(solution, distribution=distribution)


def _applies(item: Wanted, markers: MarkerEvaluator) -> bool:
    try:
        return markers.holds(item.requirement)
    except ValueError as error:
        raise InputError(f"{item.origin or 'requirements'}: {error}.") from error
