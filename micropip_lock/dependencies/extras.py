"""Which requirements of packages are active: those of the packages, and those of their extras."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from packaging.requirements import Requirement

from ..formats.core_metadata import CoreMetadata, canonical
from .graph import walk
from .markers import MarkerEvaluator

#: A package and one of its extras; ("") the package itself.
Part = tuple[str, str]


def fits(requirement: Requirement, version: str) -> bool:
    """Whether the requirement allows a version; an invalid version is never allowed."""
    try:
        return requirement.url is not None or requirement.specifier.contains(
            version, prereleases=True
        )
    except ValueError:  # no version, or more digits than Python converts
        return False


def names_of(requirements: Iterable[Requirement]) -> set[str]:
    """The canonical names of the required packages."""
    return {canonical(requirement.name) for requirement in requirements}


class DeclaredRequirements:
    """The requirements of one package, and which of them its extras add.

    All methods raise ValueError when a marker cannot be evaluated.
    """

    def __init__(self, requires: Iterable[Requirement], markers: MarkerEvaluator) -> None:
        self._requires = tuple(requires)
        self._markers = markers

    @classmethod
    def lenient(cls, metadata: CoreMetadata, markers: MarkerEvaluator) -> DeclaredRequirements:
        """Those of ``metadata``, without any whose marker cannot be evaluated."""
        valid = [item for item in metadata.requires if markers.evaluate(item.marker) is not None]
        return cls(valid, markers)

    @cached_property
    def _plain(self) -> frozenset[int]:
        """The places of the requirements that need no extra."""
        places = enumerate(self._requires)
        return frozenset(place for place, item in places if self._markers.holds(item))

    @cached_property
    def _naming(self) -> Mapping[str | None, list[int]]:
        """By extra the places of the requirements whose markers name it; None: any extra."""
        found: dict[str | None, list[int]] = defaultdict(list)
        for place, item in enumerate(self._requires):
            named = self._markers.extras_in(item.marker)
            for extra in (None,) if named is None else named:
                found[extra].append(place)
        return dict(found)

    def _places_added_by(self, extra: str) -> set[int]:
        """The places of the requirements that hold with ``extra`` and not without it."""
        plain = self._plain
        naming = {*self._naming.get(extra, ()), *self._naming.get(None, ())} - plain
        return {place for place in naming if self._markers.holds(self._requires[place], extra)}

    def added_by(self, extra: str) -> list[Requirement]:
        """The requirements that ``extra`` adds; those of the package itself for ""."""
        return self._at(self._places_added_by(extra) if extra else self._plain)

    def active(self, extras: Iterable[str] = ()) -> list[Requirement]:
        """The requirements of the package with ``extras``, in the order of METADATA."""
        return self._at(self._plain.union(*map(self._places_added_by, extras)))

    def _at(self, places: Iterable[int]) -> list[Requirement]:
        return [self._requires[place] for place in sorted(places)]


@dataclass(frozen=True, slots=True)
class ActiveRequirement:
    """A requirement that holds: of ``package`` itself, or of its ``extra``."""

    requirement: Requirement
    package: str
    extra: str = ""

    @property
    def name(self) -> str:
        """The canonical name of the required package."""
        return canonical(self.requirement.name)


def requirements_from(
    package: str, declared: Mapping[str, DeclaredRequirements]
) -> Iterator[ActiveRequirement]:
    """The requirements of a package, and those of all extras that they request, of other packages
    or of itself.

    Raises ValueError when a marker cannot be evaluated.
    """
    for name, extra in walk([(package, "")], lambda part: required_parts(part, declared)):
        for requirement in declared[name].added_by(extra):
            yield ActiveRequirement(requirement, name, extra)


def requirements_of_others(
    packages: Mapping[str, CoreMetadata], markers: MarkerEvaluator
) -> tuple[dict[str, list[ActiveRequirement]], dict[str, ValueError]]:
    """By package its requirements for other packages, with those of the extras that it requests;
    and by package the error of a marker that cannot be evaluated, where there is one.
    """
    declared = {
        name: DeclaredRequirements(item.requires, markers) for name, item in packages.items()
    }
    found: dict[str, list[ActiveRequirement]] = {}
    errors: dict[str, ValueError] = {}
    for package in packages:
        try:
            requirements = list(requirements_from(package, declared))
        except ValueError as error:
            errors[package] = error
        else:
            found[package] = [item for item in requirements if item.name != package]
    return found, errors


def required_parts(part: Part, declared: Mapping[str, DeclaredRequirements]) -> Iterator[Part]:
    """The extras of packages of ``declared`` that a package, or one of its extras, requests.

    Raises ValueError when a marker cannot be evaluated.
    """
    package, extra = part
    for requirement in declared[package].added_by(extra):
        name = canonical(requirement.name)
        if name in declared:
            yield from sorted((name, canonical(item)) for item in requirement.extras)


class ExtraSelection:
    """The requested extras of packages, and all extras that these and the packages request.

    It only grows: an extra that was selected stays, and adds requirements.
    """

    def __init__(self, declared: Mapping[str, DeclaredRequirements]) -> None:
        self._declared = declared
        #: By package its selected extras, and "" for the package itself.
        self._selected: dict[str, set[str]] = {name: set() for name in declared}
        self._active: dict[str, list[Requirement]] = {}
        for name in declared:
            self.select(name, "")

    def select(self, package: str, extra: str) -> set[str]:
        """Select an extra of a package, and those that it requests.

        Returns the packages that have new extras now.
        """
        changed: set[str] = set()
        for name, new in walk(self._not_selected([(package, extra)]), self._requested_by):
            self._selected[name].add(new)
            self._active.pop(name, None)
            changed.add(name)
        return changed

    def _requested_by(self, part: Part) -> Iterable[Part]:
        return self._not_selected(required_parts(part, self._declared))

    def _not_selected(self, parts: Iterable[Part]) -> Iterator[Part]:
        return (part for part in parts if part[1] not in self._selected[part[0]])

    def extras(self, package: str) -> AbstractSet[str]:
        """The selected extras of a package."""
        return self._selected[package] - {""}

    def active(self, package: str) -> list[Requirement]:
        """The requirements of a package with its selected extras, in the order of METADATA."""
        if package not in self._active:
            declared = self._declared[package]
            self._active[package] = declared.active(self._selected[package] - {""})
        return self._active[package]
