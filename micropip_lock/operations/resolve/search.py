"""The resolution: resolvelib decides from the state, and missing data is fetched in between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvelib import ResolutionImpossible, ResolutionTooDeep

from ...dependencies.graph import walk
from ...errors import ResolutionError
from .fetching import Explorer
from .provider import Provider, Reporter
from .pruning import hopeless
from .requirement import Candidate, Requirement, RequirementSource
from .resolvelib_override import CompleteResolution
from .state import DataNeeded, ResolutionState

#: More than any real set has taken; what needs more would go on for minutes.
_MOST_ROUNDS = 20_000
#: After so many steps beside the one that each project takes, versions are ruled out all at once.
_MOST_DETOURS = 1_000


@dataclass(frozen=True, slots=True)
class Solution:
    """The chosen candidates, by identifier (``name`` or ``name[extra]``)."""

    candidates: dict[str, Candidate]


@dataclass(frozen=True, slots=True)
class Conflict:
    """No solution: the last requirements that could not all be met, and the candidates with them.

    ``requirements`` are all that came up on the way.
    """

    causes: tuple[RequirementSource, ...]
    #: The same of the first conflict that was met, with the newest versions.
    first: tuple[RequirementSource, ...]
    requirements: tuple[RequirementSource, ...]


async def solve(
    state: ResolutionState, explorer: Explorer, roots: tuple[Requirement, ...]
) -> Solution | Conflict:
    """Choose versions for ``roots`` and all that they need.

    resolvelib starts anew after each fetch. That costs milliseconds, and the answer does not depend
    on the order in which responses arrive.

    Raises the error that made needed data unavailable, and `ResolutionError` when the search takes
    too long.
    """
    await explorer.explore(roots)
    search = _Search(state, explorer, roots)
    found = None
    while found is None:
        found = await search.run()
    return found


class _Search:
    """A search for a solution, which starts anew with more data or fewer versions."""

    def __init__(
        self, state: ResolutionState, explorer: Explorer, roots: tuple[Requirement, ...]
    ) -> None:
        self._state = state
        self._explorer = explorer
        self._roots = roots
        #: Steps beside the one that each project takes, since versions were ruled out last.
        self._detours = 0
        #: What was reported before versions were ruled out: it explains more than what is left.
        self._first_reporter: Reporter | None = None
        #: Whether no more versions can be ruled out.
        self._is_last = False
        state.ruled_out = set()

    async def run(self) -> Solution | Conflict | None:
        """Search once; None: search again."""
        reporter = Reporter()
        provider = Provider(self._state, self._roots)
        # Not `Resolver`: what that makes of the result never ends for some cycles (as of
        # resolvelib 1.2.1).
        resolution = CompleteResolution(provider, reporter)
        most = _MOST_ROUNDS if self._is_last else _MOST_DETOURS + len(self._state.projects)
        try:
            result = resolution.resolve(self._roots, max_rounds=most)
        except DataNeeded as needed:
            await self._explorer.fetch(needed)
            self._detours += reporter.detours
            if self._detours > _MOST_DETOURS:
                self._rule_out(reporter)
                self._detours = 0
            return None
        except ResolutionImpossible as error:
            if await self._explorer.project_pages.complete():
                return None
            return self._conflict(error.causes, reporter)
        except ResolutionTooDeep as error:
            before = self._state.ruled_out
            was_last = self._is_last
            self._rule_out(reporter)
            self._is_last = self._state.ruled_out == before
            if self._is_last and was_last:
                raise _too_deep() from error
            return None
        return Solution(_reached(provider, result.mapping, self._roots))

    def _rule_out(self, reporter: Reporter) -> None:
        self._first_reporter = self._first_reporter or reporter
        self._state.ruled_out = hopeless(self._state, self._roots)

    def _conflict(self, causes: Iterable[Any], reporter: Reporter) -> Conflict:
        last = tuple((cause.parent, cause.requirement) for cause in causes)
        explaining = self._first_reporter or reporter
        return Conflict(last, explaining.first or last, tuple(explaining.requirements))


def _too_deep() -> ResolutionError:
    return ResolutionError(
        [
            f"No solution was found in {_MOST_ROUNDS} steps. Pin the packages that you "
            "know the versions of."
        ]
    )


def _reached(
    provider: Provider, mapping: Mapping[str, Candidate], roots: Sequence[Requirement]
) -> dict[str, Candidate]:
    """The candidates that ``roots`` lead to, without leftovers of decisions that were undone."""

    def needed(identifier: str) -> Iterable[str]:
        return map(provider.identify, provider.get_dependencies(mapping[identifier]))

    found = set(walk(map(provider.identify, roots), needed))
    return {identifier: item for identifier, item in mapping.items() if identifier in found}
