"""The resolution: resolvelib decides from the state, and missing data is fetched in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resolvelib import ResolutionImpossible, ResolutionTooDeep

from ...errors import ResolutionError
from .fetching import Explorer
from .provider import Provider, Reporter
from .pruning import hopeless
from .requirement import Candidate, Requirement
from .resolvelib_override import CompleteResolution
from .state import DataNeeded, ResolutionState

#: More than any real set has taken; what needs more would go on for minutes.
_MOST_ROUNDS = 20_000
#: After so many steps more than there are projects it pays to rule versions out all at once.
_PATIENCE = 1_000


@dataclass(frozen=True, slots=True)
class Solution:
    """What was chosen, by identifier (``name`` or ``name[extra]``)."""

    picks: dict[str, Candidate]


@dataclass(frozen=True, slots=True)
class Conflict:
    """No solution: the last requirements that could not all be met, and the candidates with them.

    ``asked`` are all requirements that came up on the way.
    """

    causes: tuple[tuple[Candidate | None, Requirement], ...]
    #: The same of the first conflict that was met, with the newest versions.
    first: tuple[tuple[Candidate | None, Requirement], ...]
    asked: tuple[tuple[Candidate | None, Requirement], ...]


async def solve(
    state: ResolutionState, explorer: Explorer, roots: tuple[Requirement, ...]
) -> Solution | Conflict:
    """Choose versions for ``roots`` and all that they need. Raises what made something unavailable
    that is needed.

    resolvelib starts anew after each fetch. That costs milliseconds, and the answer does not depend
    on the order in which responses arrive.
    """
    await explorer.explore(roots)
    is_last, spent = False, 0
    first: Reporter | None = None
    state.ruled_out = set()
    while True:
        reporter = Reporter()
        # Each package takes a step of its own, without any trouble.
        most = _MOST_ROUNDS if is_last else _PATIENCE + len(state.projects)
        try:
            provider = Provider(state, roots)
            # Not `Resolver`: what that makes of the result never ends for some cycles (as of
            # resolvelib 1.2.1).
            result = CompleteResolution(provider, reporter).resolve(roots, max_rounds=most)
        except DataNeeded as needed:
            await explorer.fetch(needed)
            spent += reporter.detours
            if spent > _PATIENCE:
                first = first or reporter
                state.ruled_out, spent = hopeless(state, roots), 0
        except ResolutionImpossible as error:
            if not await explorer.project_pages.complete():
                causes = tuple((cause.parent, cause.requirement) for cause in error.causes)
                # Where versions were ruled out, the end is short; the beginning explains more.
                told = first or reporter
                return Conflict(causes, told.first or causes, tuple(told.asked))
        except ResolutionTooDeep as error:
            first = first or reporter
            fallen = hopeless(state, roots)
            if fallen == state.ruled_out and is_last:
                said = (
                    f"No solution was found in {_MOST_ROUNDS} steps. Pin the packages that you "
                    "know the versions of."
                )
                raise ResolutionError([said]) from error
            is_last, state.ruled_out = fallen == state.ruled_out, fallen
        else:
            return Solution(_reached(provider, result.mapping, roots))


def _reached(
    provider: Provider, mapping: Mapping[str, Candidate], roots: Sequence[Requirement]
) -> dict[str, Candidate]:
    """The candidates that ``roots`` lead to, without leftovers of decisions that were undone."""
    found: set[str] = set()
    waiting = [provider.identify(item) for item in roots]
    while waiting:
        identifier = waiting.pop()
        if identifier not in found:
            found.add(identifier)
            waiting += map(provider.identify, provider.get_dependencies(mapping[identifier]))
    return {identifier: pick for identifier, pick in mapping.items() if identifier in found}
