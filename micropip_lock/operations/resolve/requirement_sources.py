"""Which packages require a project that a resolution fails at, and why these are considered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ..._util.text import first_few
from .requirement import Candidate, Requirement, RequirementSource
from .search import Conflict

_MOST_SOURCES = 6


class RequirementSources:
    """All requirements that came up until ``conflict``, by project, with where they come from."""

    def __init__(self, conflict: Conflict) -> None:
        self._conflict = conflict
        self._by_name: dict[str, list[RequirementSource]] = defaultdict(list)
        for parent, requirement in conflict.requirements:
            if requirement.same is None:
                self._by_name[requirement.name].append((parent, requirement))

    def any_url(self, name: str) -> bool:
        """Whether a requirement names a project by URL."""
        return any(requirement.url for _, requirement in self._by_name[name])

    def of(self, name: str) -> list[RequirementSource]:
        """The requirements on a project when it failed, newest versions first.

        Of the versions of one parent that have the same requirement, only the first is there.
        """
        failed = [
            (parent, requirement)
            for parent, requirement in self._conflict.first
            if requirement.name == name and requirement.same is None
        ]
        found: dict[tuple[str | None, str], RequirementSource] = {}
        for parent, requirement in failed or self._by_name[name]:
            key = (None if parent is None else parent.name, requirement.text)
            found.setdefault(key, (parent, requirement))
        return list(found.values())

    def lines(self, sources: Sequence[RequirementSource]) -> list[str]:
        """One line for each of ``sources``, which `of` returned, as far as they are shown."""
        lines = [self._line(*source) for source in sources[:_MOST_SOURCES]]
        rest = len(sources) - _MOST_SOURCES
        if rest > 0:
            lines.append(f"    and {rest} more ask for it")
        return lines

    def _line(self, parent: Candidate | None, requirement: Requirement) -> str:
        if parent is None:
            return f"    you asked for {requirement.text}"
        reason = ", and ".join(self._chain(parent))
        return f"    {self._versions_of(parent, requirement)} {requirement.text}; {reason}"

    def _versions_of(self, parent: Candidate, requirement: Requirement) -> str:
        """«rich 15.0, 14.2 and 8 more need»: all versions that have the same requirement."""
        versions = {parent.choice.version}
        for other, wanted in self._by_name[requirement.name]:
            if other is None or other.name != parent.name:
                continue
            if wanted.text == requirement.text:
                versions.add(other.choice.version)
        newest_first = list(map(str, sorted(versions, reverse=True)))
        verb = "needs" if len(versions) == 1 else "need"
        extra = f"[{parent.extra}]" if parent.extra else ""
        return f"{parent.name}{extra} {first_few(newest_first)} {verb}"

    def _chain(self, candidate: Candidate) -> Iterator[str]:
        """The shortest chain from ``candidate`` up to the user's requirements."""
        seen = {candidate.name}
        current = candidate
        while True:
            sources = [
                (parent, requirement)
                for parent, requirement in self._by_name[current.name]
                if requirement.allows(current.choice)
            ]
            root = next((requirement for parent, requirement in sources if parent is None), None)
            if root is not None:
                yield f"you asked for {root.text}"
                return
            step = _next_step(sources, seen)
            if step is None:
                return
            parent, requirement = step
            yield f"{parent.choice.shown} needs {requirement.text}"
            current = parent
            seen.add(current.name)


def _next_step(
    sources: Sequence[RequirementSource], seen: set[str]
) -> tuple[Candidate, Requirement] | None:
    """The first source that is a package which is not part of the chain yet."""
    for parent, requirement in sources:
        if parent is not None and parent.name not in seen:
            return parent, requirement
    return None
