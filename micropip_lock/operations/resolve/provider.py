"""resolvelib's provider: it answers from the resolution's state, without requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from resolvelib import AbstractProvider, BaseReporter

from .matching import matches
from .requirement import Candidate, Requirement, RequirementSource
from .state import ResolutionState

#: The name of a package, or ``name[extra]``.
Identifier = str


class Provider(AbstractProvider[Requirement, Candidate, Identifier]):
    """The candidates, the order to decide about them, and the dependencies of each.

    Raises `DataNeeded` from anywhere.
    """

    def __init__(self, state: ResolutionState, roots: Sequence[Requirement]) -> None:
        self._state = state
        #: The position of each of the user's projects among them.
        self._order: dict[str, int] = {}
        for position, requirement in enumerate(roots):
            self._order.setdefault(requirement.name, position)

    def identify(self, requirement_or_candidate: Requirement | Candidate) -> Identifier:
        """The unit of a decision; see `identify` of this module."""
        return identify(requirement_or_candidate)

    def narrow_requirement_selection(
        self,
        identifiers: Iterable[Identifier],
        resolutions: Mapping[Identifier, Candidate],
        candidates: Mapping[Identifier, Iterator[Candidate]],
        information: Mapping[Identifier, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> Iterable[Identifier]:
        """Requirements of the last conflict come first, so that a wrong decision is found soon."""
        all_identifiers = list(identifiers)
        names = {cause.requirement.name for cause in backtrack_causes}
        names |= {cause.parent.name for cause in backtrack_causes if cause.parent is not None}
        in_conflict = [item for item in all_identifiers if _name(item) in names]
        return in_conflict or all_identifiers

    def get_preference(
        self,
        identifier: Identifier,
        resolutions: Mapping[Identifier, Candidate],
        candidates: Mapping[Identifier, Iterator[Candidate]],
        information: Mapping[Identifier, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> Any:
        """Extras of chosen packages come first, which cost nothing, then the fewest alternatives.

        Where these are equal the user's order counts.
        """
        name = _name(identifier)
        requirements = [item.requirement for item in information[identifier]]
        extra = is_extra(identifier)
        operators: list[str] = []
        for requirement in requirements:
            operators += [item.operator for item in requirement.specifier]
        return (
            not (extra and name in resolutions),
            extra,
            not any(item.url is not None or item.same is not None for item in requirements),
            not any(item.pins for item in requirements),
            not any(operator in ("<", "<=", "~=", "==") for operator in operators),
            self._order.get(name, len(self._order)),
            not operators,
            identifier,
        )

    def find_matches(
        self,
        identifier: Identifier,
        requirements: Mapping[Identifier, Iterator[Requirement]],
        incompatibilities: Mapping[Identifier, Iterator[Candidate]],
    ) -> Callable[[], Iterator[Candidate]]:
        """The candidates that all requirements allow, best first."""
        name = _name(identifier)
        extra = identifier[len(name) + 1 : -1]
        all_of_name = list(requirements[name])
        if extra:
            all_of_name += requirements[identifier]
        incompatible = {item.choice.key for item in incompatibilities[identifier]}
        excluded = incompatible | self._state.ruled_out

        def found() -> Iterator[Candidate]:
            self._state.last_requirements[name] = all_of_name
            for choice in matches(self._state, name, all_of_name):
                if choice.key not in excluded:
                    yield Candidate(choice, extra)

        return found

    def is_satisfied_by(self, requirement: Requirement, candidate: Candidate) -> bool:
        """Whether a requirement allows a candidate."""
        return requirement.allows(candidate.choice)

    def get_dependencies(self, candidate: Candidate) -> Iterator[Requirement]:
        """The requirements of a candidate. Raises `DataNeeded`."""
        return self._state.dependencies(candidate)


def identify(item: Requirement | Candidate) -> Identifier:
    """The unit of a decision: a package, or one extra of it."""
    return f"{item.name}[{item.extra}]" if item.extra else item.name


def is_extra(identifier: Identifier) -> bool:
    """Whether it is an extra of a package."""
    return identifier.endswith("]")


def _name(identifier: Identifier) -> str:
    return identifier.partition("[")[0]


class Reporter(BaseReporter[Requirement, Candidate, Identifier]):
    """Remembers all requirements and the candidates that have them, for explanations."""

    def __init__(self) -> None:
        #: All requirements that came up, each once.
        self.requirements: list[RequirementSource] = []
        #: The requirements of the first conflict.
        self.first: tuple[RequirementSource, ...] = ()
        #: Steps that pinned nothing new. However many packages there are, without conflicts there
        #: are none.
        self.detours = 0
        self._pinned: set[Identifier] = set()
        self._seen: set[tuple[object, ...]] = set()

    def pinning(self, candidate: Candidate) -> None:
        """Count candidates that are chosen again."""
        identifier = identify(candidate)
        self.detours += identifier in self._pinned
        self._pinned.add(identifier)

    def resolving_conflicts(self, causes: Any) -> None:
        """Keep the requirements of the first conflict."""
        self.detours += 1
        if not self.first:
            self.first = tuple((cause.parent, cause.requirement) for cause in causes)

    def adding_requirement(self, requirement: Requirement, parent: Candidate | None) -> None:
        """Keep a requirement, and the candidate that has it."""
        key = (
            parent and parent.choice.key,
            parent and parent.extra,
            requirement.name,
            requirement.text,
        )
        if key not in self._seen:
            self._seen.add(key)
            self.requirements.append((parent, requirement))
