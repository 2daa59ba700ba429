"""Why requirements have no solution, for people who have never seen a resolver.

First the smallest set of requirements that cannot be met together; then, for each package that it
fails at, its requirements and where they come from, the versions that were tried, and why each of
them was rejected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

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


async def explain(
    state: ResolutionState, explorer: Explorer, conflict: Conflict
) -> ResolutionError:
    """The error that says why ``conflict`` has no solution: each conflict, shortest first."""
    report = ConflictReport(state, conflict)
    unknown = [group for group in state.groups if not report.is_known(group[0].name)]
    if unknown:
        blocks = [report.block(name) for name in dict.fromkeys(group[0].name for group in unknown)]
        lines = _heading(unknown, others=False)
        for block in blocks:
            lines += [*block.lines, ""]
        return _error(lines, blocks, [])
    lines, blocks, helps = [], [], []
    for groups, core in sorted(
        await _cores(state, explorer, conflict), key=lambda item: len(item[0])
    ):
        report = ConflictReport(state, core)
        names = report.names()
        lines += _heading(groups, others=bool(lines))
        told = [report.block(name) for name in names]
        for block in told:
            lines += [*block.lines, ""]
        blocks += told
        limits = sorted(
            {requirement.text for name in names for requirement in state.constraints.get(name, ())}
        )
        several = [f"«{text}»" for text in [*(group[0].text for group in groups), *limits]]
        if len(several) > 1:
            helps.append(f"Loosen or leave out {', '.join(several[:-1])} or {several[-1]}.")
        elif not any(block.helps for block in told):
            name = groups[0][0].name
            helps.append(
                f"Allow other versions of {name}, or tell its authors: what it needs excludes each "
                "other."
            )
    return _error(lines, blocks, helps)


def _heading(groups: Sequence[_Group], *, others: bool) -> list[str]:
    several = len(groups) > 1
    if others:
        first = "Nor have these:" if several else "Nor has this one:"
    else:
        first = (
            "These requirements have no solution:"
            if several
            else "This requirement has no solution:"
        )
    return [first, "", *(f"  {group[0].text}" for group in groups), ""]


def _error(lines: list[str], blocks: Sequence[Section], helps: Sequence[str]) -> ResolutionError:
    helps = list(dict.fromkeys([*(hint for block in blocks for hint in block.helps), *helps]))
    lines += ["What would help:", *(f"  {hint}" for hint in helps)]
    problems = [
        Problem(block.code, block.name, None, block.summary, " ".join(block.helps or helps))
        for block in blocks
    ]
    return ResolutionError(lines, problems)


#: A requirement taken apart.
_Group = tuple[Requirement, ...]


async def _cores(
    state: ResolutionState, explorer: Explorer, conflict: Conflict
) -> list[tuple[list[_Group], Conflict]]:
    """Sets of requirements that conflict, each as small as it can be, and none sharing a
    requirement with another.
    """

    async def fails(some: Sequence[_Group]) -> Conflict | None:
        try:
            found = await solve(
                state, explorer, tuple(requirement for group in some for requirement in group)
            )
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
        found = await fails(groups) if groups and len(cores) < _MOST_CORES else None
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
        if 0 < len(related) < len(groups) and (found := await fails(related)) is not None:
            groups, conflict = related, found
    for group in list(groups):
        rest = [other for other in groups if other is not group]
        if rest and (found := await fails(rest)) is not None:
            groups, conflict = rest, found
    return groups, conflict


def _ancestors(conflict: Conflict) -> set[str]:
    """The names of what conflicts, and of all that led there."""
    needed_by: dict[str, set[str]] = defaultdict(set)
    for parent, requirement in conflict.asked:
        if parent is not None:
            needed_by[requirement.name].add(parent.name)
    found: set[str] = set()
    waiting = [requirement.name for _, requirement in (*conflict.causes, *conflict.first)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(needed_by[name])
    return found
