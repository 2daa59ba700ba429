"""The private methods of resolvelib 1.2 that `resolve` overrides: this module has all of them.

As of 1.2.1 its `Resolution` gives up on some sets of requirements that have a solution, and each
round does work anew whose result is known. Since nothing promises these methods, pyproject.toml
excludes resolvelib 1.3, and tests/unit/operations/resolve/test_resolvelib_override.py fails when
one of them changes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any

from resolvelib.resolvers import Resolution

from .provider import Provider, Reporter, is_extra
from .requirement import Candidate, Requirement


class CompleteResolution(Resolution[Requirement, Candidate, str]):
    """A `Resolution` that finds a solution whenever there is one, in less time and memory."""

    def __init__(self, provider: Provider, reporter: Reporter) -> None:
        super().__init__(provider, reporter)
        #: By identifier: the criterion and the candidate that satisfied it last.
        self._satisfied: dict[str, tuple[Any, Candidate]] = {}
        #: By identifier: the criterion and the preference that was computed from it.
        self._preferences: dict[str, tuple[Any, Any]] = {}

    # -- complete

    def _backjump(self, causes: Sequence[Any]) -> bool:
        """Undo decisions one by one once the optimistic backjumping has failed.

        resolvelib then still skips the decision on a package that is in conflict if none of its
        dependencies is. That decision may be the one to change. Without causes it skips none.
        """
        is_optimistic = bool(self._optimistic_backjumping_ratio)
        return super()._backjump(list(causes) if is_optimistic else [])

    def _remove_information_from_criteria(
        self, criteria: dict[str, Any], parents: Collection[str]
    ) -> None:
        """Undo the pins of ``parents`` as well.

        resolvelib only forgets the requirements of these pins. If the same candidate satisfies its
        criterion later, it would count as pinned without its requirements.
        """
        super()._remove_information_from_criteria(criteria, parents)
        newest = next(reversed(self.state.mapping))
        for name in parents:
            if name != newest:
                self.state.mapping.pop(name, None)

    # -- less time and memory
    #
    # Measured on 300 requirements, each of which depends on three of the others: without the first
    # of these methods a search takes 1.2 times as long and 1.3 times the memory, without the second
    # 1.9 times as long, without the third 2.4 times.

    def _push_new_state(self) -> None:
        """Keep the pins in a plain dict: it takes a third of the memory of an `OrderedDict`.

        There is one state for each pin, and each state has all pins so far.
        """
        super()._push_new_state()
        if isinstance(self.state.mapping, OrderedDict):
            mapping: Any = dict(self.state.mapping)
            self._states[-1] = self.state._replace(mapping=mapping)

    def _is_current_pin_satisfying(self, name: str, criterion: Any) -> bool:
        """Compare a pin with a criterion once.

        Each round compares all of them, though few have changed, and a changed criterion is a new
        object.
        """
        if not criterion.information:  # the decisions that required it were undone
            return True
        pin = self.state.mapping.get(name)
        if pin is None:
            return False
        known_criterion, known_pin = self._satisfied.get(name, (None, None))
        if known_criterion is criterion and known_pin is pin:
            return True
        is_satisfied = super()._is_current_pin_satisfying(name, criterion)
        if is_satisfied:
            self._satisfied[name] = (criterion, pin)
        return is_satisfied

    def _get_preference(self, name: str) -> Any:
        """Compute the preference of a criterion once; that of an extra depends on other pins."""
        if is_extra(name):
            return super()._get_preference(name)
        criterion = self.state.criteria[name]
        known_criterion, preference = self._preferences.get(name, (None, None))
        if known_criterion is not criterion:
            preference = super()._get_preference(name)
            self._preferences[name] = (criterion, preference)
        return preference
