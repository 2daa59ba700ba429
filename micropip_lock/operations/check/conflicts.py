"""Requirements of packages that are not met, with the chain of requirements that leads to each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

from ...dependencies.extras import ActiveRequirement, fits, requirements_of_others
from ...dependencies.graph import cycles, dependants, shortest_paths
from ...dependencies.markers import MarkerEvaluator
from ...errors import Problem
from ...formats.core_metadata import CoreMetadata
from ...formats.target import Target
from ...installed.distribution import InstalledDistribution
from ...installed.hints import add
from ..verify.depends import needs, text_of

#: How many packages that need a package are named.
_MOST = 3


@dataclass(frozen=True, slots=True)
class Step:
    """A package and its requirement: ``rich 15.0.0`` needs ``pygments>=2``."""

    package: str
    version: str | None
    requirement: str

    def to_json(self) -> dict[str, str | None]:
        """The step as a JSON object."""
        return {"package": self.package, "version": self.version, "requirement": self.requirement}


@dataclass(frozen=True, slots=True)
class Conflict:
    """A problem, and how it came about.

    ``asked``: why the package with the requirement is there, from a package that no other needs
    down to the requirement that is not met. ``present`` is the version that is there instead,
    ``brought`` the same chain for each package that accepts it.
    """

    problem: Problem
    asked: tuple[Step, ...] = ()
    present: str | None = None
    brought: tuple[tuple[Step, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The conflict as a JSON object: the problem, and its chains."""
        return {
            **self.problem.to_json(),
            "asked": [step.to_json() for step in self.asked],
            "present": self.present,
            "brought": [[step.to_json() for step in chain] for chain in self.brought],
        }


@dataclass(frozen=True)
class Packages:
    """The packages of one lock or environment."""

    #: Of all; None where it is not known.
    versions: Mapping[str, str | None]
    #: The METADATA of those whose METADATA is known.
    metadata: Mapping[str, CoreMetadata]
    #: Their ``depends`` by the lock: for those without METADATA.
    depends: Mapping[str, Collection[str]]
    target: Target
    #: Where they are, as a sentence has it: «installed», «in the lock».
    place: str
    #: Of these only versions count: Pyodide may have decided to leave their requirements unmet.
    lenient: Collection[str] = field(default_factory=frozenset)
    #: Those with a .dist-info, when they are installed: a hint names the folder that they lie in.
    distributions: Mapping[str, InstalledDistribution] = field(default_factory=dict)
    #: The first few packages that need a package and accept it; the same for all conflicts with it.
    _contents: dict[str, list[str]] = field(default_factory=dict, init=False)

    @cached_property
    def _found(self) -> tuple[dict[str, list[ActiveRequirement]], list[Conflict]]:
        """The requirements of each package for others, and what is wrong with its METADATA."""
        found, errors = requirements_of_others(self.metadata, MarkerEvaluator.of(self.target))
        return found, [self._broken(key, error) for key, error in errors.items()]

    def _broken(self, key: str, error: ValueError) -> Conflict:
        hint = "Use a version with correct metadata, or tell its authors."
        message = f"METADATA: {error}."
        return Conflict(Problem("broken-metadata", key, self.versions[key], message, hint))

    @cached_property
    def _needs(self) -> dict[str, dict[str, str]]:
        """Package -> what it needs -> the requirement, as text."""
        found: dict[str, dict[str, str]] = {
            key: {name: name for name in names} for key, names in self.depends.items()
        }
        for key, requirements in self._found[0].items():
            own = found.setdefault(key, {})
            for item in requirements:
                own[item.name] = text_of(item.requirement)
        return found

    @cached_property
    def _dependants(self) -> dict[str, list[str]]:
        return dependants(self._needs)

    @cached_property
    def _above(self) -> dict[str, str]:
        """For each package the one that it is there for, on the shortest way from what nothing else
        needs.
        """
        starts = [key for key in sorted(self.versions) if not self._dependants.get(key)]
        unneeded = [min(cycle) for cycle in cycles(self._needs) if not self._are_needed(cycle)]
        return shortest_paths([*starts, *sorted(unneeded)], self._needs)

    def _are_needed(self, members: Collection[str]) -> bool:
        return any(name not in members for key in members for name in self._dependants.get(key, ()))

    def _chain(self, key: str, requirement: str) -> tuple[Step, ...]:
        """Why ``key`` is there, with its own requirement as the last step."""
        steps = [Step(key, self.versions.get(key), requirement)]
        while key in self._above:
            key, child = self._above[key], key
            steps.append(Step(key, self.versions.get(key), self._needs[key][child]))
        return tuple(reversed(steps))

    def conflicts(self, reported: Collection[tuple[str, str]] = ()) -> Iterator[Conflict]:
        """Every requirement that is not met, except those of ``reported``: (requiring, missing)."""
        found, broken = self._found
        yield from broken
        for key, requirements in found.items():
            missing: set[str] = set()
            for item in requirements:
                if item.name not in self.versions:
                    is_known = item.name in missing or (key, item.name) in reported
                    if key not in self.lenient and not is_known:
                        missing.add(item.name)
                        chain = self._chain(key, text_of(item.requirement))
                        yield Conflict(self._missing(key, item), chain)
                    continue
                version = self.versions[item.name]
                if version is not None and not fits(item.requirement, version):
                    yield Conflict(
                        self._conflicting(key, item, version),
                        self._chain(key, text_of(item.requirement)),
                        f"{item.name} {version}",
                        tuple(self._content(item.name)),
                    )

    def _content(self, name: str) -> Iterator[tuple[Step, ...]]:
        """Why ``name`` is there at all: those that need it, and are content with it."""
        if name not in self._contents:
            content = (
                other for other in self._dependants.get(name, ()) if self._is_content(other, name)
            )
            self._contents[name] = list(islice(content, _MOST))
        for other in self._contents[name]:
            yield self._chain(other, self._needs[other][name])

    def _is_content(self, key: str, name: str) -> bool:
        version, requirements = self.versions[name], self._found[0].get(key)
        if requirements is None or version is None:
            return True
        own = [item for item in requirements if item.name == name]
        return own != [] and all(fits(item.requirement, version) for item in own)

    def _missing(self, key: str, item: ActiveRequirement) -> Problem:
        beside = self.distributions.get(key)
        hint = "Install it and freeze again."
        if beside is not None:
            wanted = text_of(item.requirement)
            hint = f"Install it: {add(wanted, item.name, beside.site, beside.folder)}"
        message = f"{needs(item)}, which is not {self.place}."
        return Problem("missing-dependency", key, self.versions[key], message, hint)

    def _conflicting(self, key: str, item: ActiveRequirement, version: str) -> Problem:
        message = f"{needs(item)}, but {item.name} {version} is {self.place}."
        hint = f"Find versions that go together: micropip-lock resolve {key} {item.name}"
        return Problem("conflicting-dependency", key, self.versions[key], message, hint)
