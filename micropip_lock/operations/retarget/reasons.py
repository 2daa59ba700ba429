"""Why packages changed on the way to another Pyodide, and why a lock cannot go there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from packaging.version import Version

from ..._util.text import first_few
from ...dependencies.graph import dependants
from ...errors import (
    FetchError,
    IntegrityError,
    MicropipLockError,
    Problem,
    ResolutionError,
    UnlockableError,
)
from ...formats.lockfile import LockedPackage, Lockfile
from ..diff import Change
from ..resolve.conflict_report import ConflictReport, Section
from ..resolve.explain import Explanation, explain
from ..resolve.fetching import Explorer
from ..resolve.project import Choice, Kind, Rejection
from ..resolve.requirement import Candidate, Requirement, RequirementSource
from ..resolve.search import Conflict, Solution, solve
from ..resolve.state import DataNeeded, Preferred, ResolutionState
from ..tree.run import Tree
from .roots import is_pyodides, is_wheel

_CONFLICT = "that does not go with the rest"
_WITHOUT = "the new Pyodide has it built in, or does without"

#: Requirements that stand or fall together: one that was asked for, with its extras.
_Group = tuple[Requirement, ...]


class Reasons:
    """Says of each change why it had to be, from what the resolution has met."""

    def __init__(
        self, state: ResolutionState, solution: Solution, new: Lockfile, *, distribution: bool
    ) -> None:
        self._state = state
        self._candidates = solution.candidates
        self._distribution = distribution
        self._chosen = {item.name: item.choice for item in solution.candidates.values()}
        #: By name the requirements on a project, once they are needed.
        self._sources: dict[str, list[RequirementSource]] = defaultdict(list)
        self._users = dependants({key: entry.depends for key, entry in new.packages.items()})

    def of(self, change: Change) -> str:
        """One reason, as a clause that follows a colon."""
        if change.old is None:
            return self._added(change.package)
        if change.new is None:
            return self._removed(change.package, change.old)
        choice = self._chosen.get(change.package)
        is_own = choice is not None and choice.entry is not None
        if is_pyodides(change.old):
            if choice is None or is_own:
                return "Pyodide's own"
            excluder = self._excluder(change.package, self._state.project(change.package).base)
            return excluder or f"the new Pyodide has none; from {choice.index}"
        if change.kind == "details":
            return "as its METADATA says for this Pyodide"
        if is_own and change.kind != "version":
            return "Pyodide's own, of the same version"
        reason = self._not_kept(change.package)
        return f"{reason}, so Pyodide's own" if is_own else reason

    def _removed(self, name: str, old: LockedPackage) -> str:
        is_lost = is_pyodides(old) and self._state.base.entry(name) is None
        if is_lost and (self._distribution or not is_wheel(old)):
            return _WITHOUT
        return "nothing needs it here"

    def _added(self, name: str) -> str:
        users = [key for key in self._users.get(name, ()) if key in self._chosen]
        if users:
            return f"needed by {first_few(users)}"
        return "part of Pyodide's distribution" if self._distribution else "asked for"

    def _not_kept(self, name: str) -> str:
        """Why the old file was not kept: it does not fit, or conflicts with another requirement."""
        kept = self._state.preferred.get(name)
        if kept is None:
            return "its version is none that an index can have"
        old = self._old(name, kept)
        if old is None:
            return self._unfit(name, kept.version)
        reason = self._excluder(name, old) or self._needs(old)
        return reason or f"what {kept.version} needs cannot be had"

    def _old(self, name: str, kept: Preferred) -> Choice | None:
        """A file of the old version that fits by itself."""
        if kept.held is not None and not self._state.is_lost(kept.held):
            return kept.held
        chosen = self._chosen.get(name)
        judged = self._state.project(name).judge(kept.version, pinned=True)
        if isinstance(judged, Choice) and (chosen is None or chosen.version != kept.version):
            return judged
        return None

    def _unfit(self, name: str, version: Version) -> str:
        kept = self._state.preferred[name]
        project = self._state.project(name)
        judged = project.judge(version, pinned=True)
        if isinstance(judged, Choice):
            if kept.held is not None:
                return "its file is gone"
            return f"its wheel for {self._state.target.platforms[0]}"
        if project.listing is None:
            return f"the file of {version} does not fit"  # no other file was needed
        if version not in project.versions:
            return f"no index has {version}"
        return _words(judged, version, self._state.target.platforms[0])

    def _excluder(self, name: str, old: Choice | None) -> str:
        """The package that requires another version than ``old``."""
        if old is None:
            return ""
        if not self._sources:
            for parent, requirement in self._all_requirements():
                self._sources[requirement.name].append((parent, requirement))
        for parent, requirement in self._sources.get(name, ()):
            if requirement.same is not None or requirement.allows(old):
                continue
            if parent is None:
                return f"you asked for {requirement.text}"
            return f"{parent.choice.shown} needs {requirement.text}"
        return ""

    def _all_requirements(self) -> Iterator[RequirementSource]:
        for requirement in self._state.roots:
            yield None, requirement
        for candidate in self._candidates.values():
            for requirement in self._state.dependencies(candidate):
                yield candidate, requirement

    def _needs(self, old: Choice) -> str:
        """What ``old`` needs that is not there now."""
        try:
            requirements = list(self._state.dependencies(Candidate(old)))
        except (DataNeeded, MicropipLockError):
            return ""
        for requirement in requirements:
            chosen = self._chosen.get(requirement.name)
            if chosen is None or not requirement.allows(chosen):
                return f"{old.version} needs {requirement.text}, but {self._lack(requirement)}"
        return ""

    def _lack(self, requirement: Requirement) -> str:
        """Why that cannot be had."""
        name = requirement.name
        kept = self._state.preferred.get(name)
        if kept is None or not requirement.specifier.contains(kept.version, prereleases=True):
            return _CONFLICT
        if self._old(name, kept) is not None:
            return _CONFLICT
        return self._unfit(name, kept.version)


def _words(rejection: Rejection, version: Version, platform: str) -> str:
    words: dict[Kind, str] = {
        "wheel": f"no wheel of {version} for {platform}",
        "sdist": f"only source code of {version}",
        "python": f"{version} {rejection.reason}",
        "local": f"only a local file of {version}",
    }
    return words.get(rejection.kind, f"{version}: {rejection.reason}")


async def refuse(
    state: ResolutionState, explorer: Explorer, conflict: Conflict | None, old: Lockfile
) -> ResolutionError | None:
    """Every reason why the requirements have no solution: of each that fails alone, and of the rest
    together.

    ``conflict`` None: an answer was missing; then None, if there is no reason beside it.
    """
    groups = state.groups
    alone, rest = await _conflicts_alone(state, explorer)
    explanations = []
    for group, found in alone:
        state.groups = (group,)
        explanations.append(await explain(state, explorer, found))
    if rest:
        state.groups = tuple(rest)
        try:
            requirements = tuple(requirement for group in rest for requirement in group)
            together = await solve(state, explorer, requirements) if alone else conflict
            if isinstance(together, Conflict):
                explanations.append(await explain(state, explorer, together))
        except (FetchError, IntegrityError, UnlockableError):
            if not explanations:
                raise
    state.groups = groups
    reported = {problem.package for item in explanations for problem in item.problems}
    for group, found in alone:
        for section in await _homeless(group[0].name, state, explorer, found, old):
            if section.name not in reported:
                reported.add(section.name)
                explanations.append(_also_needed(group[0], section))
    return _joined(explanations, state).error() if explanations else None


async def _conflicts_alone(
    state: ResolutionState, explorer: Explorer
) -> tuple[list[tuple[_Group, Conflict]], list[_Group]]:
    """The requirements that fail alone, each with its conflict, and those that do not."""
    alone: list[tuple[_Group, Conflict]] = []
    rest: list[_Group] = []
    for group in state.groups:
        try:
            found = await solve(state, explorer, group)
        except (FetchError, IntegrityError, UnlockableError):
            continue  # unknown, and there are reasons enough
        if isinstance(found, Conflict):
            alone.append((group, found))
        else:
            rest.append(group)
    return alone, rest


def _also_needed(root: Requirement, section: Section) -> Explanation:
    lines = [f"{root.text} also needed this one:", "", *section.lines, ""]
    hint = " ".join(section.helps)
    problem = Problem(section.code, section.name, None, section.summary, hint)
    return Explanation(lines, section.helps, [problem])


async def _homeless(
    root: str, state: ResolutionState, explorer: Explorer, conflict: Conflict, old: Lockfile
) -> list[Section]:
    """Sections on all packages of ``root``'s old closure that have no version that fits.

    The conflict itself names only the first of them.
    """
    report = ConflictReport(state, conflict)
    found = []
    for name in sorted(Tree(old.packages).closure(root)):
        kept = state.preferred.get(name)
        if is_pyodides(old.packages[name]) or state.base.entry(name) is not None:
            continue
        if kept is None or (kept.held is not None and not state.is_lost(kept.held)):
            continue
        try:
            if state.project(name).listing is None:
                state.add_pages(name, await explorer.project_pages.read(name))
        except FetchError:
            continue  # unknown
        project = state.project(name)
        if not any(isinstance(project.judge(version), Choice) for version in project.versions):
            found.append(report.section(name))
    return found


def _joined(explanations: Sequence[Explanation], state: ResolutionState) -> Explanation:
    """All of them as one, with what would help at the end."""
    lines = [f"The lock cannot move to {state.target}.", ""]
    helps: dict[str, None] = {}
    problems: dict[tuple[str, str], Problem] = {}
    for explanation in explanations:
        lines += explanation.lines
        helps.update(dict.fromkeys(explanation.hints))
        for problem in explanation.problems:
            problems[problem.package, problem.code] = problem
    return Explanation(lines, tuple(helps), tuple(problems.values()))
