"""What would help where a resolution fails at a package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...formats.target import Target
from .project import Choice, Kind, Project
from .requirement import Requirement, RequirementSource
from .version_rejections import VersionRejection


def rejection_hints(
    name: str, rejections: Sequence[VersionRejection], target: Target
) -> Iterator[str]:
    """One hint for each kind of ``rejections`` that has one."""
    newest: dict[Kind, str] = {}
    for rejection in rejections:
        newest.setdefault(rejection.kind, rejection.versions[0])
    for kind, hint in _hints(name, newest, target).items():
        if kind not in newest:
            continue
        if kind == "sdist" and "wheel" in newest:  # a version that has wheels is nearer
            continue
        yield hint


def _hints(name: str, newest: dict[Kind, str], target: Target) -> dict[Kind, str]:
    """The hint for each kind of rejection; ``newest`` has the newest version of each kind."""
    platform = target.platforms[0]
    return {
        "wheel": f"Ask the authors of {name} for a wheel for {platform}, build one and name it "
        f'by URL ("{name} @ https://..."), or use a Pyodide whose distribution has it.',
        "sdist": f"Pyodide cannot build from source: build a wheel of {name}, put it on a web "
        f'server, and name it by URL ("{name} @ https://....whl").',
        "python": "Use a Pyodide with another Python (--base); this one has Python "
        f"{target.python}.",
        "prerelease": "Allow pre-releases with --pre, or name this one: "
        f"{name}=={newest.get('prerelease')}",
        "yanked": "What was yanked is only taken when it is named exactly: "
        f"{name}=={newest.get('yanked')}",
        "hash": f"Give the sha256 of a wheel of {name} that fits {platform}, or none.",
        "metadata": f"Tell the authors of {name} that its METADATA cannot be used, or allow "
        "other versions.",
        "local": f"Put the wheel of {name} on a web server: a local file is only on this machine.",
    }


def relaxing_hints(
    project: Project,
    requirements: Sequence[Requirement],
    sources: Sequence[RequirementSource],
) -> Iterator[str]:
    """The requirements to relax for the base's version, and for the newest usable one."""
    base = project.base
    usable = _newest_usable(project)
    if base is not None:
        yield from _relaxing(base, "what Pyodide's own distribution has", requirements, sources)
    if usable is not None and (base is None or usable.version > base.version):
        yield from _relaxing(usable, "the newest that fits this Pyodide", requirements, sources)


def _relaxing(
    choice: Choice,
    description: str,
    requirements: Sequence[Requirement],
    sources: Sequence[RequirementSource],
) -> Iterator[str]:
    """What to do to get ``choice``, if one requirement alone excludes it."""
    excluding = [item for item in requirements if not item.allows(choice)]
    if len(excluding) != 1:
        return
    parents = [parent for parent, requirement in sources if requirement is excluding[0]]
    parent = parents[0] if parents else None
    if parent is None:
        yield f"{choice.shown} is {description}: allow that version."
    else:
        yield f"Find a version of {parent.name} that works with {choice.shown}, {description}."


def _newest_usable(project: Project) -> Choice | None:
    for version in project.versions:
        if version.is_prerelease:
            continue
        judged = project.judge(version)
        if isinstance(judged, Choice):
            return judged
    return None
