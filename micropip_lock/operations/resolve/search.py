"""The resolution: resolvelib decides from the state, and missing data is fetched in between."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvelib import ResolutionImpossible, ResolutionTooDeep
from resolvelib.resolvers import Resolution

from ...dependencies.graph import walk
from ...errors import ResolutionError
from .fetching import Explorer
from .provider import Provider, Reporter, is_extra
from .pruning import hopeless
from .state import Candidate, DataNeeded, Requirement, ResolutionState

#: More than any real set has taken; what needs more would go on for minutes.
_MOST_ROUNDS = 20_000
#: After so many steps more than there are projects it pays to rule versions out all at once.
_PATIENCE = 1_000


class _Search(Resolution[Requirement, Candidate, str]):
    """resolvelib's search, made complete.

    As of 1.2.1 it gives up on some sets that have a solution.
    """

    def __init__(self, provider: Any, reporter: Any) -> None:
        super().__init__(provider, reporter)
        #: The criterion and the pin that last satisfied it, by name.
        self._content: dict[str, tuple[Any, Candidate]] = {}
        #: The preference of each name, with the requirements that it was computed from.
        self._preferences: dict[str, tuple[Any, Any]] = {}

    def _push_new_state(self) -> None:
        super()._push_new_state()
        if isinstance(self.state.mapping, OrderedDict):
            # There are as many states as pins, and in a plain dict each takes a third; its order is
            # the same.
            mapping: Any = dict(self.state.mapping)
            self._states[-1] = self.state._replace(mapping=mapping)

    def _backjump(self, causes: Any) -> bool:
        # Its short cut jumps over states that had a solution. Where that has failed, every one is
        # tried.
        return super()._backjump(
            causes if getattr(self, "_optimistic_backjumping_ratio", 0) else []
        )

    def _remove_information_from_criteria(self, criteria: Any, parents: Any) -> None:
        super()._remove_information_from_criteria(criteria, parents)
        # The requirements of an undone pin are forgotten, so its own pin has to be made anew.
        last = next(reversed(self.state.mapping))
        for name in parents:
            if name != last:
                self.state.mapping.pop(name, None)

    def _is_current_pin_satisfying(self, name: str, criterion: Any) -> bool:
        if not criterion.information:  # no requirement is left
            return True
        pin = self.state.mapping.get(name)
        if pin is None:
            return False
        # Each round checks every name, though few have changed; a changed criterion is a new
        # object.
        known = self._content.get(name)
        if known is not None and known[0] is criterion and known[1] is pin:
            return True
        satisfied = super()._is_current_pin_satisfying(name, criterion)
        if satisfied:
            self._content[name] = (criterion, pin)
        return satisfied

    def _get_preference(self, name: str) -> Any:
        if is_extra(name):  # its turn depends on what else is chosen
            return super()._get_preference(name)
        criterion = self.state.criteria[name]
        known = self._preferences.get(name)
        if known is None or known[0] is not criterion:
            known = self._preferences[name] = (criterion, super()._get_preference(name))
        return known[1]


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
    state.hopeless = set()
    while True:
        reporter = Reporter()
        # Each package takes a step of its own, without any trouble.
        most = _MOST_ROUNDS if is_last else _PATIENCE + len(state.projects)
        try:
            provider = Provider(state, roots)
            # Not `Resolver`: what that makes of the result never ends for some cycles (as of
            # resolvelib 1.2.1).
            result = _Search(provider, reporter).resolve(roots, max_rounds=most)
        except DataNeeded as needed:
            await explorer.fetch(needed)
            spent += reporter.detours
            if spent > _PATIENCE:
                first = first or reporter
                state.hopeless, spent = hopeless(state, roots), 0
        except ResolutionImpossible as error:
            if not await explorer.complete():
                causes = tuple((cause.parent, cause.requirement) for cause in error.causes)
                # Where versions were ruled out, the end is short; the beginning explains more.
                told = first or reporter
                return Conflict(causes, told.first or causes, tuple(told.asked))
        except ResolutionTooDeep as error:
            first = first or reporter
            fallen = hopeless(state, roots)
            if fallen == state.hopeless and is_last:
                said = (
                    f"No solution was found in {_MOST_ROUNDS} steps. Pin the packages that you "
                    "know the versions of."
                )
                raise ResolutionError([said]) from error
            is_last, state.hopeless = fallen == state.hopeless, fallen
        else:
            return Solution(_reached(provider, result.mapping, roots))


def _reached(
    provider: Provider, mapping: Mapping[str, Candidate], roots: Sequence[Requirement]
) -> dict[str, Candidate]:
    """The candidates that ``roots`` lead to, without leftovers of decisions that were undone."""

    def needed(identifier: str) -> Iterable[str]:
        return map(provider.identify, provider.get_dependencies(mapping[identifier]))

    found = set(walk(map(provider.identify, roots), needed))
    return {identifier: pick for identifier, pick in mapping.items() if identifier in found}
