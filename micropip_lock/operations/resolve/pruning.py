"""Versions that no solution can have, found without trying them one after the other.

A search that goes back step by step tries every version of one package with every version of
another before it knows that none of them goes with the user's requirements. Here each version is
compared with all versions of its dependencies at once, until no more are rejected (arc
consistency).

A resolution of boto3 with urllib3<1.25 takes 3 times the CPU time without it (``python -m
benchmarks.gains``), and the conflict of boto3, s3transfer<0.7 and urllib3>=2.1 more than 10 times.
It runs only where a search goes back a thousand steps, so others are as fast with it as without.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from .project import Choice, Project
from .requirement import Candidate, Requirement
from .state import ResolutionState

#: Represents the base's own version among the indices of the index's versions.
_BASE = -1

Key = tuple[str, str, str]


def hopeless(state: ResolutionState, roots: Iterable[Requirement]) -> set[Key]:
    """The choices, by `Choice.key`, that cannot go with ``roots`` and the constraints, as far as
    METADATA is known.
    """
    said = [
        *roots,
        *(
            requirement
            for requirements in state.constraints.values()
            for requirement in requirements
        ),
    ]
    by_url = {item.name for item in said if item.url is not None}
    # A file that another lock has may be on no index.
    by_url |= {name for name, item in state.preferred.items() if item.held is not None}
    # If a package, not the user, pins a project, its other versions are unknown.
    by_url |= {
        name
        for name, item in state.projects.items()
        if item.pinned_version not in (None, state.pin_of(name))
    }
    projects = {
        name: project
        for name, project in state.projects.items()
        if project.known and name not in by_url
    }
    alive = {
        name: _allowed(project, [item for item in said if item.name == name])
        for name, project in projects.items()
    }
    read: dict[str, set[str]] = defaultdict(set)
    for name, version, _ in state.metadata:
        read[name].add(version)
    known = {
        name: list(_known(state, project, alive[name], read[name]))
        for name, project in projects.items()
    }
    dead: set[Key] = set()
    falling = True
    while falling:
        falling = False
        for name, choices in known.items():
            for place, choice, requirements in choices:
                if place in alive[name] and not all(
                    _can_be_met(item, projects, alive) for item in requirements
                ):
                    alive[name].discard(place)
                    dead.add(choice.key)
                    falling = True
    return dead


def _allowed(project: Project, requirements: list[Requirement]) -> set[int]:
    places = set(range(len(project.versions)))
    for requirement in requirements:
        places &= project.indices(requirement.limits, requirement.specifier)
    if project.base is not None and all(item.allows(project.base) for item in requirements):
        places.add(_BASE)
    return places


def _known(
    state: ResolutionState, project: Project, places: set[int], read: set[str]
) -> Iterator[tuple[int, Choice, list[Requirement]]]:
    """The choices with known requirements, and these; ``read`` are the versions with METADATA."""
    for place in places:
        # Most versions were never examined, and to judge one takes a while.
        if place != _BASE and (
            str(project.versions[place]) not in read or project.lacks(project.versions[place])
        ):
            continue
        choice = (
            project.base if place == _BASE else project.judge(project.versions[place], pinned=True)
        )
        if isinstance(choice, Choice) and (
            choice.entry is not None or choice.key in state.metadata
        ):
            yield place, choice, list(state.dependencies(Candidate(choice)))


def _can_be_met(
    requirement: Requirement, projects: dict[str, Project], alive: dict[str, set[int]]
) -> bool:
    if requirement.name not in alive or requirement.url is not None:
        return True
    project, places = projects[requirement.name], alive[requirement.name]
    if _BASE in places and project.base is not None and requirement.allows(project.base):
        return True
    return not places.isdisjoint(project.indices(requirement.limits, requirement.specifier))
