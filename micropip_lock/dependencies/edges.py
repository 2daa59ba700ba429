"""The edges of the lock: which distribution needs which, and which requirements are not met."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.requirements import Requirement

from ..errors import Problem
from ..formats.core_metadata import canonical
from ..formats.target import Target
from . import problems
from .extras import DeclaredRequirements, ExtraSelection, fits
from .graph import without_cycles
from .inferred_extras import ExtraGuesser, extras_micropip_used
from .markers import MarkerEvaluator
from .package import Package
from .wording import Wording


@dataclass(slots=True)
class Edges:
    """The dependencies by canonical name, and the problems found on the way."""

    depends: dict[str, set[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


class Dependencies:
    """Finds the edges of a set of packages.

    ``packages`` are those whose own metadata count, ``others`` the versions of all other
    packages of the lock (the base's entries). ``requested`` are the requirements the user made, for
    extras and as roots. What is in ``exclude`` is left out of the lock on purpose. ``wording`` is
    that of the problems (None: that of an environment).
    """

    def __init__(
        self,
        packages: Mapping[str, Package],
        others: Mapping[str, str],
        target: Target,
        *,
        requested: Sequence[Requirement] = (),
        exclude: Collection[str] = (),
        wording: Wording | None = None,
    ) -> None:
        self._packages = packages
        self._versions = {**others, **{key: item.version for key, item in packages.items()}}
        self._exclude = exclude
        self._requested = requested
        self._wording = wording or Wording()
        self._markers = MarkerEvaluator.of(target)
        self._declared = {
            key: DeclaredRequirements.lenient(item.metadata, self._markers)
            for key, item in packages.items()
        }
        self._selection = ExtraSelection(self._declared)

    def edges(
        self, *, allow_broken: bool = False, other_edges: Mapping[str, Iterable[str]] | None = None
    ) -> Edges:
        """Decide which extras are active, and follow every requirement that is.

        ``other_edges`` are the dependencies of ``others``; what they need is explained by them.
        With ``allow_broken`` an unmet requirement is a warning, and a missing edge is dropped.
        """
        result = Edges()
        broken = result.warnings if allow_broken else result.problems
        self._select_extras()
        result.warnings.extend(self._guess_extras(other_edges or {}))
        for key in self._packages:
            self._add_edges(key, result, broken)
        for requirement in self._requested:
            if canonical(requirement.name) not in self._exclude and self._applies(requirement):
                broken.extend(self._unmet(canonical(requirement.name), None, requirement))
        result.problems.extend(self._senseless_markers())
        return result

    def _applies(self, requirement: Requirement) -> bool:
        return bool(self._markers.evaluate(requirement.marker))

    def _is_met(self, requirement: Requirement) -> bool:
        version = self._versions.get(canonical(requirement.name))
        return version is not None and fits(requirement, version)

    # -- extras

    def _select_extras(self) -> None:
        """Select the extras that are known to be wanted."""
        for requirement in self._requested:
            self._select(canonical(requirement.name), requirement.extras)
        for key, package in self._packages.items():
            used = extras_micropip_used(package, self._declared[key], self._is_met)
            self._select(key, used)
            self._select(key, package.synced_extras or ())

    def _select(self, key: str, extras: Iterable[str]) -> None:
        if key in self._packages:
            for extra in extras:
                self._selection.select(key, canonical(extra))

    def _guess_extras(self, other_edges: Mapping[str, Iterable[str]]) -> Iterator[Problem]:
        guesser = ExtraGuesser(self._packages, self._declared, self._selection, self._is_met)
        roots = {canonical(requirement.name) for requirement in self._requested}
        needed = {name for names in other_edges.values() for name in names}
        for guess in guesser.guess(roots, needed):
            for name in guess.packages:
                yield problems.guessed_extra(guess, self._versions[guess.package], name)

    # -- edges

    def _add_edges(self, key: str, result: Edges, broken: list[Problem]) -> None:
        """Add what ``key`` depends on, and to ``broken`` its requirements that are not met."""
        depends: set[str] = set()
        version = self._versions[key]
        for requirement in self._selection.active(key):
            name = canonical(requirement.name)
            if name == key:
                continue
            if name in self._exclude:
                result.warnings.append(problems.excluded(key, version, requirement, name))
                continue
            broken.extend(self._unmet(key, version, requirement))
            if name in self._versions:
                depends.add(name)
        result.depends[key] = depends

    def _unmet(self, key: str, version: str | None, requirement: Requirement) -> Iterator[Problem]:
        """The problem of a requirement, if it is not met; without ``version`` it is the user's."""
        installed = self._versions.get(canonical(requirement.name))
        beside = self._packages.get(key) or next(iter(self._packages.values()), None)
        unmet = problems.Unmet(key, version, requirement, beside, self._wording)
        if installed is None:
            yield problems.missing(unmet)
        elif not fits(requirement, installed):
            yield problems.conflicting(unmet, installed)

    def _senseless_markers(self) -> Iterator[Problem]:
        for key, package in self._packages.items():
            for requirement in package.metadata.requires:
                if self._markers.evaluate(requirement.marker) is None:
                    yield problems.senseless_marker(key, package.version, requirement)


def break_cycles(
    depends: Mapping[str, Collection[str]],
) -> tuple[dict[str, set[str]], list[Problem]]:
    """The edges without cycles, on which the runtime deadlocks, and a warning of each.

    A package that needs one member of a cycle still gets them all.
    """
    graph, broken = without_cycles(depends)
    return graph, list(map(problems.broken_cycle, broken))
