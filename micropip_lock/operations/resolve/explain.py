"""Why requirements have no solution, for people who have never seen a resolver.

First the smallest set of requirements that cannot be met together; then, for each package that it
fails at, its requirements and where they come from, the versions that were tried, and why each of
them was rejected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ...dependencies.graph import walk
from ...errors import FetchError, IntegrityError, Problem, ResolutionError, UnlockableError
from .conflict_report import ConflictReport, Section
from .fetching import Explorer
from .requirement import Requirement
from .search import Conflict, solve
from .state import ResolutionState

#: With more requirements than this, those that have nothing to do with the conflict are left out
#: together first.
_MANY = 8
_MOST_CORES = 5


#: A requirement of the user: for a package, and for each of its extras.
_Group = tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why requirements have no solution: lines of text, what would help, a problem a package."""

    lines: Sequence[str]
    hints: Sequence[str]
    problems: Sequence[Problem]

    def error(self) -> ResolutionError:
        """The error that says so, with what would help at its end."""
        lines = [*self.lines, "What would help:", *(f"  {hint}" for hint in self.hints)]
        return ResolutionError(lines, self.problems)


async def explain(state: ResolutionState, explorer: Explorer, conflict: Conflict) -> Explanation:
    """Say why ``conflict`` has no solution: each conflict, shortest first."""
    report = ConflictReport(state, conflict)
    unknown = [group for group in state.groups if not report.is_known(group[0].name)]
    if unknown:
        names = dict.fromkeys(group[0].name for group in unknown)
        sections = [report.section(name) for name in names]
        return _explanation(_lines(unknown, sections, others=False), sections, [])
    lines: list[str] = []
    sections = []
    hints: list[str] = []
    cores = await _cores(state, explorer, conflict)
    for groups, core in sorted(cores, key=lambda item: len(item[0])):
        report = ConflictReport(state, core)
        names_of_core = report.names()
        sections_of_core = [report.section(name) for name in names_of_core]
        lines += _lines(groups, sections_of_core, others=bool(lines))
        sections += sections_of_core
        limits: set[str] = set()
        for name in names_of_core:
            limits.update(item.text for item in state.constraints.get(name, ()))
        texts = [*(group[0].text for group in groups), *sorted(limits)]
        if len(texts) > 1:
            hints.append(_loosening_hint(texts))
        elif not any(section.helps for section in sections_of_core):
            hints.append(
                f"Allow other versions of {groups[0][0].name}, or tell its authors: what it needs "
                "excludes each other."
            )
    return _explanation(lines, sections, hints)


def _lines(groups: Sequence[_Group], sections: Sequence[Section], *, others: bool) -> list[str]:
    """The requirements of a conflict, and the sections on the packages that it fails at."""
    lines = [_heading(len(groups) > 1, others), "", *(f"  {group[0].text}" for group in groups), ""]
    for section in sections:
        lines += [*section.lines, ""]
    return lines


def _heading(several: bool, others: bool) -> str:
    """The first line of a conflict; ``others``: it is not the first conflict."""
    if others:
        return "Nor have these:" if several else "Nor has this one:"
    if several:
        return "These requirements have no solution:"
    return "This requirement has no solution:"


def _loosening_hint(texts: Sequence[str]) -> str:
    *first, last = [f"«{text}»" for text in texts]
    return f"Loosen or leave out {', '.join(first)} or {last}."


def _explanation(
    lines: Sequence[str], sections: Sequence[Section], hints: Sequence[str]
) -> Explanation:
    all_hints = [hint for section in sections for hint in section.helps]
    all_hints = list(dict.fromkeys([*all_hints, *hints]))
    problems = [
        Problem(
            section.code,
            section.name,
            None,
            section.summary,
            " ".join(section.helps or all_hints),
        )
        for section in sections
    ]
    return Explanation(lines, all_hints, problems)


async def _cores(
    state: ResolutionState, explorer: Explorer, conflict: Conflict
) -> list[tuple[list[_Group], Conflict]]:
    """Sets of requirements that conflict, each as small as it can be, and none sharing a
    requirement with another.
    """

    async def fails(some: Sequence[_Group]) -> Conflict | None:
        requirements = tuple(requirement for group in some for requirement in group)
        try:
            found = await solve(state, explorer, requirements)
        except (FetchError, IntegrityError, UnlockableError, ResolutionError):
            return None  # unknown; it stays part of the explanation
        return found if isinstance(found, Conflict) else None

    cores: list[tuple[list[_Group], Conflict]] = []
    groups = list(state.groups)
    found: Conflict | None = conflict
    while found is not None:
        core, smallest = await _smallest(groups, found, fails)
        cores.append((core, smallest))
        groups = [group for group in groups if group not in core]
        if not groups or len(cores) == _MOST_CORES:
            break
        found = await fails(groups)
    return cores


async def _smallest(
    groups: list[_Group],
    conflict: Conflict,
    fails: Callable[[Sequence[_Group]], Awaitable[Conflict | None]],
) -> tuple[list[_Group], Conflict]:
    """The fewest requirements that conflict, found by leaving out one after the other."""
    if len(groups) > _MANY:
        names = _ancestors(conflict)
        related = [group for group in groups if group[0].name in names]
        if 0 < len(related) < len(groups):
            found = await fails(related)
            if found is not None:
                groups = related
                conflict = found
    for group in list(groups):
        rest = [other for other in groups if other is not group]
        if not rest:
            break
        found = await fails(rest)
        if found is not None:
            groups = rest
            conflict = found
    return groups, conflict


def _ancestors(conflict: Conflict) -> set[str]:
    """The names of what conflicts, and of all that led there."""
    needed_by: dict[str, set[str]] = defaultdict(set)
    for parent, requirement in conflict.requirements:
        if parent is not None:
            needed_by[requirement.name].add(parent.name)
    starts = [requirement.name for _, requirement in (*conflict.causes, *conflict.first)]
    return set(walk(starts, lambda name: needed_by[name]))
