"""The conflict report on a package that a resolution fails at.

It says which packages require which versions, and why each version was rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from .conflict_hints import rejection_hints, relaxing_hints
from .project import Project
from .requirement import Requirement, RequirementSource, all_allow, common_hashes
from .requirement_sources import RequirementSources
from .search import Conflict
from .state import ResolutionState
from .version_rejections import (
    HASHES_EXCLUDE,
    NEEDS,
    VersionRejection,
    conflict_code,
    excluded_by,
    rejections,
    table,
)

_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Section:
    """The section of the report on one package."""

    name: str
    code: str
    summary: str
    lines: list[str]
    helps: list[str]


class ConflictReport:
    """Explains a conflict from the resolution's state, without requests."""

    def __init__(self, state: ResolutionState, conflict: Conflict) -> None:
        self._state = state
        self._conflict = conflict
        self._sources = RequirementSources(conflict)

    def is_known(self, name: str) -> bool:
        """Whether the base or an index has such a project, or a URL names it."""
        project = self._state.projects.get(name)
        if project is None or self._sources.any_url(name):
            return True
        return project.known or project.listing is None

    def names(self) -> list[str]:
        """The packages that failed first, with the newest versions: these explain most."""
        requirements = [requirement for _, requirement in self._conflict.first]
        found = [item.name for item in requirements if item.same is None]
        found += [item.same.name for item in requirements if item.same is not None]
        return list(dict.fromkeys(found))[:_MOST_NAMES]

    def section(self, name: str) -> Section:
        """The section on the package ``name``."""
        project = self._state.projects.get(name)
        sources = self._sources.of(name)
        if not self.is_known(name):
            return self._unknown(name, project, sources)
        requirements = [requirement for _, requirement in sources]
        requirements += self._state.constraints.get(name, [])
        if len(requirements) > 1:
            heading = f"  No version of {name} suits them all:"
        else:
            heading = f"  {name} has no version that fits:"
        lines = [heading, *self._required_by(name, sources)]
        rejected: list[VersionRejection] = []
        by_url = self._url_problem(name, requirements, sources)
        if by_url is not None:
            reason, helps = by_url
            lines.append(f"    {reason}")
        else:
            if project is not None:
                rejected = rejections(self._state, project, requirements, sources)
            if rejected:
                lines += ["    versions looked at:", *table(rejected)]
            helps = self._helps(name, rejected, requirements, sources)
        code = conflict_code((item.kind for item in rejected), len(sources))
        stripped = [line.strip() for line in lines]
        summary = f"{stripped[0]} {'; '.join(stripped[1:])}"
        return Section(name, code, summary, lines, helps)

    def _required_by(self, name: str, sources: Sequence[RequirementSource]) -> list[str]:
        constraints = self._state.constraints.get(name, [])
        lines = self._sources.lines(sources)
        return lines + [f"    your constraint is {item.text}" for item in constraints]

    def _helps(
        self,
        name: str,
        rejected: Sequence[VersionRejection],
        requirements: Sequence[Requirement],
        sources: Sequence[RequirementSource],
    ) -> list[str]:
        project = self._state.projects.get(name)
        hints: list[str] = []
        is_excluded = any(item.kind == "excluded" for item in rejected)
        if project is not None and is_excluded and len(sources) < 2:
            hints += relaxing_hints(project, requirements, sources)
        hints += rejection_hints(name, rejected, self._state.target)
        return hints

    # -- projects that no index has

    def _unknown(
        self, name: str, project: Project | None, sources: Sequence[RequirementSource]
    ) -> Section:
        listing = None if project is None else project.listing
        indexes = ", ".join(listing.asked) if listing is not None else ""
        where = f" on {indexes}" if indexes else ", and there is no index to ask"
        lines = [f"  There is no project {name}{where}."]
        for (parent, _), line in zip(sources, self._required_by(name, sources), strict=False):
            if parent is not None:
                lines.append(line)
        hint = self._hint_for_unknown(name, sources) + self._similar(name)
        return Section(name, "no-such-project", lines[0].strip(), lines, [hint])

    def _hint_for_unknown(self, name: str, sources: Sequence[RequirementSource]) -> str:
        parent = next((parent for parent, _ in sources if parent is not None), None)
        if parent is None:
            return f"Check the spelling of {name}, or name the index that has it (--index-url)."
        return (
            f"Name the index that has {name} (--index-url), or find a version of {parent.name} "
            "without it."
        )

    def _similar(self, name: str) -> str:
        """A question that names known projects with a similar name, if there are any."""
        names = {*self._state.base.lockfile.packages, *self._state.projects} - {name}
        known = sorted(other for other in names if self.is_known(other))
        similar = get_close_matches(name, known, n=2, cutoff=0.75)
        return f" Did you mean {' or '.join(similar)}?" if similar else ""

    # -- requirements with a URL

    def _url_problem(
        self,
        name: str,
        requirements: Sequence[Requirement],
        sources: Sequence[RequirementSource],
    ) -> tuple[str, list[str]] | None:
        """The problem of the URLs in the requirements, with hints; None where there are none."""
        urls = list(dict.fromkeys(item.url for item in requirements if item.url is not None))
        if not urls:
            return None
        if len(urls) > 1:
            return "these are different wheels, of which only one can be locked", []
        if common_hashes(requirements) is None:
            return HASHES_EXCLUDE, [f"Give the sha256 that the wheel of {name} has."]
        choice = self._state.direct(name, urls[0])
        if choice is None:
            return self._no_wheel_at_url(name, urls[0], sources)
        reason = NEEDS
        if not all_allow(requirements, choice):
            excluding = next(item for item in requirements if not item.allows(choice))
            reason = excluded_by(excluding, sources)
        return f"the URL names {choice.version}: {reason}", []

    def _no_wheel_at_url(
        self, name: str, url: str, sources: Sequence[RequirementSource]
    ) -> tuple[str, list[str]]:
        reason = "the URL names no wheel of it that fits this Pyodide"
        rejected = self._state.rejected_urls.get(url)
        if rejected is not None:
            reason += f": it {rejected}"
        for parent, requirement in sources:
            if requirement.url is not None and parent is not None:
                hint = (
                    f"Find a version of {parent.name} that needs no such URL, or tell its authors."
                )
                return reason, [hint]
        target = self._state.target
        hint = (
            f"Name the http(s) URL of a wheel of {name} for Python {target.python} "
            f"({target.platforms[0]}, or pure Python)."
        )
        return reason, [hint]
