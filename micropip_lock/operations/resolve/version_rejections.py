"""Why each version of a project was rejected, in the words of a conflict report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from packaging.version import Version

from ..._util.text import first_few
from .project import Choice, Kind, Project, Rejection
from .requirement import Requirement, RequirementSource, all_allow, common_hashes
from .state import ResolutionState

#: How many are shown: reasons, characters of a reason.
_MOST_REASONS = 6
_LONGEST_REASON = 200

NEEDS = "what it needs cannot be had"
HASHES_EXCLUDE = "the hashes that you gave exclude each other"
_OTHER_HASH = "its sha256 is not one of those you gave"


@dataclass(frozen=True, slots=True)
class VersionRejection:
    """Why some versions were rejected; newest first."""

    kind: Kind
    reason: str
    versions: list[str]


_PRERELEASE = Rejection("prerelease", "a pre-release")
#: The version itself could be chosen, but its dependencies were in conflict.
_TRIED = Rejection("tried", NEEDS)

#: The code of a conflict by what came nearest to being chosen, the most telling first.
_CODES: Sequence[tuple[Kind, str]] = (
    ("tried", "conflicting-dependency"),
    ("prerelease", "no-such-version"),
    ("wheel", "no-matching-wheel"),
    ("python", "no-matching-wheel"),
    ("sdist", "sdist"),
    ("hash", "hash-conflict"),
    ("local", "local-file"),
    ("metadata", "broken-metadata"),
    ("yanked", "no-such-version"),
)


def rejections(
    state: ResolutionState,
    project: Project,
    requirements: Sequence[Requirement],
    sources: Sequence[RequirementSource],
) -> list[VersionRejection]:
    """Why each version was rejected: each reason once, the newest versions first.

    ``requirements`` are those of ``sources`` and the constraints.
    """
    found: dict[Rejection, list[str]] = defaultdict(list)
    base = project.base
    if base is not None and base.entry is not None:
        # The same version on an index has a rejection of its own.
        rejection = _of_base(base, requirements, sources)
        found[rejection].append(f"{base.entry.version} of Pyodide's own")
    for version in project.versions:
        rejection = _of_version(state, project, version, requirements, sources)
        found[rejection].append(str(version))
    if _PRERELEASE in found and _TRIED not in found:
        # PEP 440: where no other version is allowed pre-releases are, so these were tried.
        found[_TRIED] = found.pop(_PRERELEASE)
    return [VersionRejection(item.kind, item.reason, found[item]) for item in found]


def table(found: Sequence[VersionRejection]) -> Iterator[str]:
    """A line for each reason, as far as they are shown."""
    for item in found[:_MOST_REASONS]:
        yield f"      {first_few(item.versions)}: {item.reason}"
    rest = sum(len(item.versions) for item in found[_MOST_REASONS:])
    if rest:
        yield f"      and {rest} older ones"


def conflict_code(kinds: Iterable[Kind], number_of_sources: int) -> str:
    """The code of the problem, by the kinds of the rejections."""
    found = set(kinds)
    for kind, code in _CODES:
        if kind in found:
            return code
    if number_of_sources > 1 or not found:
        return "conflicting-dependency"
    return "no-such-version"


def excluded_by(requirement: Requirement, sources: Sequence[RequirementSource]) -> str:
    """That ``requirement`` excludes a version, and where the requirement comes from."""
    for parent, other in sources:
        if other is requirement:
            if parent is None:
                return f"not {requirement.text}, which you asked for"
            return f"not {requirement.text} ({parent.name})"
    return f"not {requirement.text}, your constraint"


def _of_base(
    base: Choice, requirements: Sequence[Requirement], sources: Sequence[RequirementSource]
) -> Rejection:
    if all_allow(requirements, base):
        return _TRIED
    excluding = next(item for item in requirements if not item.allows(base))
    specifier = excluding.specifier
    if not specifier or specifier.contains(base.version, prereleases=True):
        return Rejection("hash", _OTHER_HASH)
    return Rejection("excluded", excluded_by(excluding, sources))


def _of_version(
    state: ResolutionState,
    project: Project,
    version: Version,
    requirements: Sequence[Requirement],
    sources: Sequence[RequirementSource],
) -> Rejection:
    for requirement in requirements:
        specifier = requirement.specifier
        if specifier and not specifier.contains(version, prereleases=True):
            reason = excluded_by(requirement, sources)
            return Rejection("excluded", reason + _unexpected(requirement, version))
    hashes = common_hashes(requirements)
    if hashes is None:
        return Rejection("hash", HASHES_EXCLUDE)
    pinned = any(item.pins for item in requirements)
    judged = project.judge(version, pinned=pinned, hashes=hashes)
    if isinstance(judged, Rejection):
        return Rejection(judged.kind, judged.reason[:_LONGEST_REASON])
    if version.is_prerelease and not state.allows_prereleases(requirements):
        return _PRERELEASE
    return _TRIED


def _unexpected(requirement: Requirement, version: Version) -> str:
    """The rule that excludes a pre-release which is less than the limit of the specifier.

    PEP 440: «<V MUST NOT allow a pre-release of the specified version».
    """
    if not version.is_prerelease:
        return ""
    for item in requirement.specifier:
        if item.operator != "<" or item.contains(version, prereleases=True):
            continue
        limit = Version(item.version)
        if version < limit:
            return f"; a pre-release of {limit} does not count as less than {limit}"
    return ""
