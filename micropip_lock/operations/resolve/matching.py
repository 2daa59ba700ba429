"""The choices that requirements allow, best first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from packaging.version import Version

from .project import Choice, Project
from .requirement import Requirement, all_allow, common_hashes
from .state import DataNeeded, Preferred, ResolutionState


def matches(
    state: ResolutionState, name: str, requirements: Sequence[Requirement]
) -> Iterator[Choice]:
    """The choices of the project ``name`` that ``requirements`` and the constraints allow.

    The preferred version comes first, then Pyodide's own, then the versions of the index, newest
    first. Raises `DataNeeded` where pages are missing, or the error that fetching them raised.
    """
    requirements = [*requirements, *state.constraints.get(name, ())]
    urls = {item.url for item in requirements if item.url is not None}
    same = next((item.same for item in requirements if item.same is not None), None)
    if urls:
        yield from _at_url(state, name, urls, requirements)
    elif same is not None:
        if all_allow(requirements, same):
            yield same
    else:
        yield from _by_version(state, name, requirements)


def _at_url(
    state: ResolutionState, name: str, urls: set[str], requirements: Sequence[Requirement]
) -> Iterator[Choice]:
    if len(urls) > 1 or common_hashes(requirements) is None:
        return
    choice = state.direct(name, next(iter(urls)))
    if choice is not None and all_allow(requirements, choice):
        yield choice


def _by_version(
    state: ResolutionState, name: str, requirements: Sequence[Requirement]
) -> Iterator[Choice]:
    allowed_hashes = common_hashes(requirements)
    preferred = state.preferred.get(name)
    yielded = set()
    if preferred is not None and allowed_hashes is not None:
        for choice in _of_preferred(state, preferred, name, requirements, allowed_hashes):
            yielded.add(choice.key)
            yield choice
    project = state.project(name)
    if not _base_suffices(state, project, requirements):
        state.require_pages(project, requirements)
    if allowed_hashes is None:
        return
    for choice in _of_project(state, project, requirements, allowed_hashes):
        if choice.key not in yielded:
            yield choice


def _base_suffices(
    state: ResolutionState, project: Project, requirements: Sequence[Requirement]
) -> bool:
    """Whether the base's own version is the best choice, whichever versions the index has."""
    base = project.base
    if base is None or state.upgrade:
        return False
    return all_allow(requirements, base)


def _of_preferred(
    state: ResolutionState,
    preferred: Preferred,
    name: str,
    requirements: Sequence[Requirement],
    allowed_hashes: frozenset[str],
) -> Iterator[Choice]:
    """The very file of the other lock, then Pyodide's own, then the same version of the index."""
    project = state.project(name)
    held = preferred.held
    base = project.base
    version = preferred.version
    if held is not None and not state.is_lost(held) and all_allow(requirements, held):
        yield held
    is_base_next = preferred.base_first or (base is not None and base.version == version)
    if base is not None and is_base_next and all_allow(requirements, base):
        yield base
    if project.is_base_only:
        return
    if not all(item.specifier.contains(version, prereleases=True) for item in requirements):
        return
    state.require_pages(project, requirements)
    # A lock with a version that was yanked since counts as a pin of exactly that version.
    judged = project.judge(version, pinned=True, hashes=allowed_hashes)
    if isinstance(judged, Choice):
        yield judged


def _of_project(
    state: ResolutionState,
    project: Project,
    requirements: Sequence[Requirement],
    allowed_hashes: frozenset[str],
) -> Iterator[Choice]:
    allows_prereleases = state.allows_prereleases(requirements)
    is_cut = _is_cut(project, requirements)
    specifiers = {item.limits: item.specifier for item in requirements if item.limits}
    found = False
    prereleases: list[Version] = []
    for version, base in project.candidates(specifiers, upgrade=state.upgrade):
        if base is not None:
            if _allows_base(state, base, requirements):
                found = True
                yield base
                # It was rejected: now the index's versions are needed.
                state.require_pages(project, requirements)
        elif is_cut:
            break
        elif version.is_prerelease and not allows_prereleases:
            prereleases.append(version)
        else:
            for choice in _judged(project, [version], requirements, allowed_hashes):
                found = True
                yield choice
    if is_cut:
        raise DataNeeded(project.name, requirements)
    # PEP 440: pre-releases are accepted «if no other version satisfies the specifier».
    if not found:
        yield from _judged(project, prereleases, requirements, allowed_hashes)


def _is_cut(project: Project, requirements: Sequence[Requirement]) -> bool:
    """Whether only the version that another requirement pinned is known of the project."""
    known = project.pinned_version
    return known is not None and all(item.pin != known for item in requirements)


def _judged(
    project: Project,
    versions: Iterable[Version],
    requirements: Sequence[Requirement],
    allowed_hashes: frozenset[str],
) -> Iterator[Choice]:
    """Those of ``versions`` that can be chosen. Raises `DataNeeded` for one that is unknown."""
    pinned = any(item.pins for item in requirements)
    for version in versions:
        if project.lacks(version):
            raise DataNeeded(project.name, requirements)
        judged = project.judge(version, pinned=pinned, hashes=allowed_hashes)
        if isinstance(judged, Choice):
            yield judged


def _allows_base(state: ResolutionState, base: Choice, requirements: Sequence[Requirement]) -> bool:
    """Whether the base's own version may be chosen.

    Pyodide chose it: a pre-release is as good as any other version, unless the user upgrades.
    """
    if not all_allow(requirements, base):
        return False
    if not state.upgrade or not base.version.is_prerelease:
        return True
    return state.allows_prereleases(requirements)
