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
from itertools import chain

from .project import Choice, Project
from .requirement import Candidate, Requirement, all_allow
from .state import ResolutionState

#: Represents the base's own version among the indices of the index's versions.
_BASE = -1

Key = tuple[str, str, str]


def hopeless(state: ResolutionState, roots: Iterable[Requirement]) -> set[Key]:
    """The choices, by `Choice.key`, that cannot go with ``roots`` and the constraints, as far as
    METADATA is known.
    """
    required = [*roots, *chain.from_iterable(state.constraints.values())]
    projects = _comparable(state, required)
    alive = {
        name: _allowed(project, [item for item in required if item.name == name])
        for name, project in projects.items()
    }
    read: dict[str, set[str]] = defaultdict(set)
    for name, version, _ in state.metadata:
        read[name].add(version)
    known = {
        name: list(_known(state, project, alive[name], read[name]))
        for name, project in projects.items()
    }
    rejected: set[Key] = set()
    is_changed = True
    while is_changed:
        is_changed = False
        for name, choices in known.items():
            for index, choice, requirements in choices:
                if index not in alive[name]:
                    continue
                if all(_can_be_met(item, projects, alive) for item in requirements):
                    continue
                alive[name].discard(index)
                rejected.add(choice.key)
                is_changed = True
    return rejected


def _comparable(state: ResolutionState, required: Iterable[Requirement]) -> dict[str, Project]:
    """The projects all of whose choices are versions that are known."""
    by_url = {item.name for item in required if item.url is not None}
    found = {}
    for name, project in state.projects.items():
        if not project.known or name in by_url:
            continue
        preferred = state.preferred.get(name)
        if preferred is not None and preferred.held is not None:
            continue  # a file that another lock has may be on no index
        if project.pinned_version not in (None, state.pin_of(name)):
            continue  # a package, not the user, pins it: its other versions are unknown
        found[name] = project
    return found


def _allowed(project: Project, requirements: list[Requirement]) -> set[int]:
    """The indices of the versions that all ``requirements`` allow."""
    indices = set(range(len(project.versions)))
    for requirement in requirements:
        indices &= project.indices(requirement.limits, requirement.specifier)
    if project.base is not None and all_allow(requirements, project.base):
        indices.add(_BASE)
    return indices


def _known(
    state: ResolutionState, project: Project, indices: set[int], read: set[str]
) -> Iterator[tuple[int, Choice, list[Requirement]]]:
    """The choices with known requirements, and these; ``read`` are the versions with METADATA."""
    for index in indices:
        choice = _choice(project, index, read)
        if choice is not None and (choice.entry is not None or choice.key in state.metadata):
            yield index, choice, list(state.dependencies(Candidate(choice)))


def _choice(project: Project, index: int, read: set[str]) -> Choice | None:
    if index == _BASE:
        return project.base
    version = project.versions[index]
    # Most versions were never examined, and to judge one takes a while.
    if str(version) not in read or project.lacks(version):
        return None
    judged = project.judge(version, pinned=True)
    return judged if isinstance(judged, Choice) else None


def _can_be_met(
    requirement: Requirement, projects: dict[str, Project], alive: dict[str, set[int]]
) -> bool:
    if requirement.name not in alive or requirement.url is not None:
        return True
    project = projects[requirement.name]
    indices = alive[requirement.name]
    if _BASE in indices and project.base is not None and requirement.allows(project.base):
        return True
    return not indices.isdisjoint(project.indices(requirement.limits, requirement.specifier))
