"""Why packages changed on the way to another Pyodide, and why a lock cannot go there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from packaging.version import Version

from ...errors import (
    FetchError,
    IntegrityError,
    MicropipLockError,
    Problem,
    ResolutionError,
    UnlockableError,
)
from ...formats.lockfile import Lockfile
from ..diff import Change
from ..resolve.conflict_report import ConflictReport, Section
from ..resolve.explain import Explanation, explain
from ..resolve.fetching import Explorer
from ..resolve.project import Choice, Kind, Rejection
from ..resolve.requirement import Candidate, Requirement
from ..resolve.search import Conflict, Solution, solve
from ..resolve.state import DataNeeded, Preferred, ResolutionState
from ..tree.run import Tree
from .roots import is_pyodides, is_wheel

_MOST_NAMES = 3
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
        self._asked: dict[str, list[tuple[Candidate | None, Requirement]]] = {}
        self._users: dict[str, list[str]] = defaultdict(list)
        for key, entry in sorted(new.packages.items()):
            for name in set(entry.depends):
                self._users[name].append(key)

    def of(self, change: Change) -> str:
        """One reason, as a clause that follows a colon."""
        if change.old is None:
            return self._added(change.package)
        if change.new is None:
            if is_pyodides(change.old) and self._state.base.entry(change.package) is None:
                return (
                    "nothing needs it here"
                    if is_wheel(change.old) and not self._distribution
                    else _WITHOUT
                )
            return "nothing needs it here"
        choice = self._chosen.get(change.package)
        if is_pyodides(change.old):
            if choice is None or choice.entry is not None:
                return "Pyodide's own"
            fell = self._excluder(change.package, self._state.project(change.package).base)
            return fell or f"the new Pyodide has none; from {choice.index}"
        if change.kind == "details":
            return "as its METADATA says for this Pyodide"
        if choice is not None and choice.entry is not None and change.kind != "version":
            return "Pyodide's own, of the same version"
        ending = ", so Pyodide's own" if choice is not None and choice.entry is not None else ""
        return self._fell(change.package) + ending

    def _added(self, name: str) -> str:
        some = [key for key in self._users.get(name, ()) if key in self._chosen]
        if not some:
            return "part of Pyodide's distribution" if self._distribution else "asked for"
        rest = len(some) - _MOST_NAMES
        return f"needed by {', '.join(some[:_MOST_NAMES])}{f' and {rest} more' if rest > 0 else ''}"

    def _fell(self, name: str) -> str:
        """Why the old file was not kept: it does not fit, or conflicts with another requirement."""
        kept = self._state.preferred.get(name)
        if kept is None:
            return "its version is none that an index can have"
        old = self._old(name, kept)
        if old is None:
            return self._unfit(name, kept.version)
        return (
            self._excluder(name, old)
            or self._needs(old)
            or f"what {kept.version} needs cannot be had"
        )

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
        kept, project = self._state.preferred[name], self._state.project(name)
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
        if not self._asked:
            for pick, requirement in self._asks():
                self._asked.setdefault(requirement.name, []).append((pick, requirement))
        for pick, requirement in self._asked.get(name, ()):
            if requirement.same is None and not requirement.allows(old):
                return (
                    f"{pick.choice.shown} needs {requirement.text}"
                    if pick
                    else f"you asked for {requirement.text}"
                )
        return ""

    def _asks(self) -> Iterator[tuple[Candidate | None, Requirement]]:
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
        kept = self._state.preferred.get(requirement.name)
        if (
            kept is not None
            and requirement.specifier.contains(kept.version, prereleases=True)
            and not self._old(requirement.name, kept)
        ):
            return self._unfit(requirement.name, kept.version)
        return "that does not go with the rest"


def _words(fall: Rejection, version: Version, platform: str) -> str:
    words: dict[Kind, str] = {
        "wheel": f"no wheel of {version} for {platform}",
        "sdist": f"only source code of {version}",
        "python": f"{version} {fall.reason}",
        "local": f"only a local file of {version}",
    }
    return words.get(fall.kind, f"{version}: {fall.reason}")


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
                state.add_pages(name, await explorer.pages(name))
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
