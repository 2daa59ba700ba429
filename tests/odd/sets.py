"""Sets of distributions that one folder can hold: no file twice, and every requirement met.

What the distributions need beside each other is an empty wheel of a version that suits them all.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from ..support.foreign_python import markers
from ..support.wheels import build_wheel, sha256
from .distribution import Distribution

_MARKERS = markers("3.14")
_USUAL_VERSIONS = ("1.0", "0.1", "0.0.1")


@dataclass
class Set:
    """``distributions`` of the list, and ``placeholders`` for what else they need."""

    distributions: list[Distribution] = field(default_factory=list)
    placeholders: list[Distribution] = field(default_factory=list)

    @property
    def all(self) -> list[Distribution]:
        """Everything that is installed together."""
        return self.distributions + self.placeholders


def sets(
    distributions: Sequence[Distribution], folder: Path, apart: Collection[str] = ()
) -> list[Set]:
    """Put each distribution into the first set that can take it; placeholders are written into
    ``folder``.

    Those whose names are in ``apart`` share no set with others.
    """
    found: list[Set] = []
    for item in distributions:
        alike = (
            one for one in found if (one.distributions[0].name in apart) == (item.name in apart)
        )
        home = next((one for one in alike if _can_take(one, item)), None)
        if home is None:
            home = Set()
            found.append(home)
        home.distributions.append(item)
    extras = _every_extra(distributions)
    for one in found:
        one.placeholders = list(_placeholders(one.distributions, extras, folder))
    return found


def depends(members: Sequence[Distribution]) -> dict[str, set[str]]:
    """Name -> what Requires-Dist says, under the markers of Pyodide and the extras that others ask
    for.
    """
    needed = _needed(members)
    extras = {name: _extras(requirements) for name, requirements in needed.items()}
    found: dict[str, set[str]] = {}
    for item in members:
        active = _active(item, extras.get(item.name, frozenset()))
        found[item.name] = {str(canonicalize_name(one.name)) for one in active} - {item.name}
    return found


def _can_take(one: Set, item: Distribution) -> bool:
    if any(item.name == other.name or item.files & other.files for other in one.distributions):
        return False
    together = [*one.distributions, item]
    versions = {member.name: member.version for member in together}
    return all(_version(name, asked, versions) for name, asked in _needed(together).items())


def _needed(members: Sequence[Distribution]) -> dict[str, list[Requirement]]:
    """Name -> the requirements that name it, with those of extras that are asked for."""
    found: dict[str, list[Requirement]] = {}
    while True:
        extras = {name: _extras(requirements) for name, requirements in found.items()}
        before = sum(map(len, found.values()))
        found = {}
        for item in members:
            for requirement in _active(item, extras.get(item.name, frozenset())):
                found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
        if sum(map(len, found.values())) == before:
            return found


@functools.cache
def _active(item: Distribution, extras: frozenset[str]) -> tuple[Requirement, ...]:
    """The requirements that count when these extras are asked for."""
    environments = [_MARKERS | {"extra": extra} for extra in ("", *sorted(extras))]
    return tuple(
        one
        for one in item.requirements
        if one.marker is None or any(map(one.marker.evaluate, environments))
    )


def _extras(requirements: Iterable[Requirement]) -> frozenset[str]:
    return frozenset(extra for requirement in requirements for extra in requirement.extras)


def _version(name: str, asked: Sequence[Requirement], versions: Mapping[str, str]) -> str | None:
    """A version that all requirements allow:

    that of the member of this name, else one of a placeholder.
    """
    specifiers = SpecifierSet(
        ",".join(str(requirement.specifier) for requirement in asked if requirement.specifier)
    )
    candidates = [versions[name]] if name in versions else _candidates(specifiers)
    return next(
        (version for version in candidates if specifiers.contains(version, prereleases=True)), None
    )


def _candidates(specifiers: SpecifierSet) -> list[str]:
    bounds = [specifier.version.removesuffix(".*") for specifier in specifiers]
    higher = [f"{Version(bound).base_version}.1" for bound in bounds]
    return [*_USUAL_VERSIONS, *bounds, *higher]


def _every_extra(members: Iterable[Distribution]) -> dict[str, set[str]]:
    """Name -> all extras that any requirement mentions; one placeholder serves several sets."""
    found: dict[str, set[str]] = {}
    for item in members:
        for requirement in item.requirements:
            found.setdefault(canonicalize_name(requirement.name), set()).update(requirement.extras)
    return found


def _placeholders(
    members: Sequence[Distribution], extras: Mapping[str, set[str]], folder: Path
) -> Iterator[Distribution]:
    versions = {item.name: item.version for item in members}
    for name, asked in sorted(_needed(members).items()):
        if name in versions:
            continue
        version = _version(name, asked, versions)
        assert version is not None, f"no version of {name} suits {[str(one) for one in asked]}"
        provided: dict[str, list[str]] = {extra: [] for extra in sorted(extras[name])}
        wheel = build_wheel(folder, name, version, extras=provided)
        yield Distribution(wheel, sha256(wheel))
