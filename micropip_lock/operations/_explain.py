"""Why requirements have no solution, for people who have never seen a resolver.

First the fewest requirements that already cannot be met together; then, for each package that it fails at, who
asks for what, which versions were looked at, and why each of them fell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from packaging.version import Version

from ..errors import FetchError, IntegrityError, Problem, ResolutionError, UnlockableError
from ..target import Target
from ._explore import Explorer
from ._memory import Ask, Memory, Pick
from ._project import Choice, Fall, Kind, Project
from ._solve import Conflict, solve

#: With more requirements than this, those that have nothing to do with the conflict are left out together first.
_MANY = 8
#: Reasons, and versions of one reason, that are shown.
_MOST_REASONS = 6
_MOST_VERSIONS = 3
_MOST_ASKERS = 6
_MOST_CORES = 5


async def explain(memory: Memory, explorer: Explorer, conflict: Conflict) -> ResolutionError:
    """The error that tells why ``conflict`` has no solution: every conflict that stands for itself, shortest first."""
    story = _Story(memory, conflict)
    unknown = [name for name in dict.fromkeys(ask.name for ask in memory.roots) if not story.is_known(name)]
    if unknown:
        blocks = [story.block(name) for name in unknown]
        lines = ["There is no solution:", ""]
        for block in blocks:
            lines += [*block.lines, ""]
        return _error(lines, blocks, [])
    lines, blocks, helps = [], [], []
    for groups, core in sorted(await _cores(memory, explorer, conflict), key=lambda item: len(item[0])):
        story = _Story(memory, core)
        names = story.names()
        lines += ["Nor have these:" if lines else "These requirements have no solution:", ""]
        lines += [*(f"  {group[0].text}" for group in groups), ""]
        told = [story.block(name) for name in names]
        for block in told:
            lines += [*block.lines, ""]
        blocks += told
        limits = sorted({ask.text for name in names for ask in memory.constraints.get(name, ())})
        several = [f"«{text}»" for text in [*(group[0].text for group in groups), *limits]]
        if len(several) > 1:
            helps.append(f"Loosen or leave out {', '.join(several[:-1])} or {several[-1]}.")
    return _error(lines, blocks, helps)


def _error(lines: list[str], blocks: Sequence[_Block], helps: Sequence[str]) -> ResolutionError:
    helps = list(dict.fromkeys([*(hint for block in blocks for hint in block.helps), *helps]))
    lines += ["What would help:", *(f"  {hint}" for hint in helps)]
    problems = [
        Problem(block.code, block.name, None, block.summary, " ".join(block.helps or helps)) for block in blocks
    ]
    return ResolutionError("\n".join(lines), problems)


#: A requirement taken apart.
_Group = tuple[Ask, ...]


async def _cores(memory: Memory, explorer: Explorer, conflict: Conflict) -> list[tuple[list[_Group], Conflict]]:
    """Sets of requirements that conflict, each as small as it can be, and none sharing a requirement with another."""

    async def fails(some: Sequence[_Group]) -> Conflict | None:
        try:
            found = await solve(memory, explorer, tuple(ask for group in some for ask in group))
        except (FetchError, IntegrityError, UnlockableError, ResolutionError):
            return None  # nobody knows; it stays part of the explanation
        return found if isinstance(found, Conflict) else None

    cores: list[tuple[list[_Group], Conflict]] = []
    groups = list(memory.groups)
    found: Conflict | None = conflict
    while found is not None:
        core, smallest = await _smallest(groups, found, fails)
        cores.append((core, smallest))
        groups = [group for group in groups if group not in core]
        found = await fails(groups) if groups and len(cores) < _MOST_CORES else None
    return cores


async def _smallest(
    groups: list[_Group], conflict: Conflict, fails: Callable[[Sequence[_Group]], Awaitable[Conflict | None]]
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
    for parent, ask in conflict.asked:
        if parent is not None:
            needed_by[ask.name].add(parent.name)
    found: set[str] = set()
    waiting = [ask.name for _, ask in (*conflict.causes, *conflict.first)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(needed_by[name])
    return found


@dataclass(frozen=True, slots=True)
class _Block:
    """What is to say about one package."""

    name: str
    code: str
    summary: str
    lines: list[str]
    helps: list[str]


class _Story:
    """Tells a conflict from what memory has."""

    def __init__(self, memory: Memory, conflict: Conflict) -> None:
        self._memory = memory
        self._conflict = conflict
        self._target: Target = memory.target
        self._asked: dict[str, list[tuple[Pick | None, Ask]]] = defaultdict(list)
        for parent, ask in conflict.asked:
            if ask.same is None:
                self._asked[ask.name].append((parent, ask))

    def is_known(self, name: str) -> bool:
        """Whether the base or an index has such a project, or a URL names it."""
        project = self._memory.projects.get(name)
        if project is None or any(ask.url for _, ask in self._asked[name]):
            return True
        return project.known or project.listing is None

    def names(self) -> list[str]:
        """The packages that it failed at first: the newest versions tell most."""
        found = [ask.name for _, ask in self._conflict.first if ask.same is None]
        found += [ask.same.name for _, ask in self._conflict.first if ask.same is not None]
        return list(dict.fromkeys(found))[:3]

    def block(self, name: str) -> _Block:
        project = self._memory.projects.get(name)
        askers = self._askers(name)
        if not self.is_known(name):
            return self._unknown(name, askers)
        asks = [ask for _, ask in askers] + self._memory.constraints.get(name, [])
        several = len(askers) + len(self._memory.constraints.get(name, ())) > 1
        lines = [f"  No version of {name} suits them all:" if several else f"  {name} has no version that fits:"]
        lines += self._who(name, askers)
        reasons, kinds = self._reasons(project, asks, askers) if project else ([], [])
        if reasons:
            lines += ["    versions looked at:", *(f"      {line}" for line in reasons)]
        elif any(ask.url for ask in asks):
            lines.append("    the URL names no wheel of it that fits this Python and platform")
        code = _code(kinds, len(askers))
        summary = " ".join(line.strip() for line in lines[:1]) + " " + "; ".join(line.strip() for line in lines[1:])
        return _Block(name, code, summary, lines, self._helps(name, kinds, project, len(askers)))

    def _unknown(self, name: str, askers: Sequence[tuple[Pick | None, Ask]]) -> _Block:
        project = self._memory.projects.get(name)
        places = ", ".join(project.listing.asked) if project and project.listing else ""
        where = f" on {places}" if places else ", and there is no index to ask"
        lines = [f"  There is no project {name}{where}."]
        lines += [f"    {self._because(parent)}" for parent, _ in askers[:1] if parent is not None]
        names = {*self._memory.base.lockfile.packages, *self._memory.projects} - {name}
        known = [other for other in names if self.is_known(other)]
        near = get_close_matches(name, sorted(known), n=2, cutoff=0.75)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        help_ = f"Check the spelling of {name}, or name the index that has it (--index-url).{meant}"
        return _Block(name, "no-such-project", lines[0].strip(), lines, [help_])

    def _askers(self, name: str) -> list[tuple[Pick | None, Ask]]:
        """Who asked for it when it failed, newest versions first; each requirement once for each project."""
        failed = [(parent, ask) for parent, ask in self._conflict.first if ask.name == name and ask.same is None]
        found: dict[tuple[str | None, str], tuple[Pick | None, Ask]] = {}
        for parent, ask in failed or self._asked[name]:
            found.setdefault((None if parent is None else parent.name, ask.text), (parent, ask))
        return list(found.values())

    def _who(self, name: str, askers: Sequence[tuple[Pick | None, Ask]]) -> list[str]:
        lines = []
        for parent, ask in askers[:_MOST_ASKERS]:
            if parent is None:
                lines.append(f"    you asked for {ask.text}")
                continue
            lines.append(f"    {self._versions_of(parent, ask)} {ask.text}{self._because_of(parent)}")
        if len(askers) > _MOST_ASKERS:
            lines.append(f"    and {len(askers) - _MOST_ASKERS} more ask for it")
        lines += [f"    your constraint is {ask.text}" for ask in self._memory.constraints.get(name, [])]
        return lines

    def _versions_of(self, parent: Pick, ask: Ask) -> str:
        """«rich 15.0 needs», or «rich 15.0, 14.2 and 8 more need»: all versions of it that ask the same."""
        same = [
            other.choice.version
            for other, wanted in self._asked[ask.name]
            if other is not None and other.name == parent.name and wanted.text == ask.text
        ]
        versions = sorted({parent.choice.version, *same}, reverse=True)
        verb = "needs" if len(versions) == 1 else "need"
        extra = f"[{parent.extra}]" if parent.extra else ""
        return f"{parent.name}{extra} {_some(versions)} {verb}"

    def _because_of(self, pick: Pick) -> str:
        return f"; {self._because(pick)}"

    def _because(self, pick: Pick | None) -> str:
        """The shortest chain from what the user asked for to ``pick``."""
        if pick is None:
            return "you asked for it"
        chain: list[str] = []
        seen = {pick.name}
        current: Pick = pick
        while True:
            parents = [(parent, ask) for parent, ask in self._asked[current.name] if ask.allows(current.choice)]
            root = next((ask for parent, ask in parents if parent is None), None)
            if root is not None:
                chain.append(f"you asked for {root.text}")
                break
            step = next(((parent, ask) for parent, ask in parents if parent and parent.name not in seen), None)
            if step is None or step[0] is None:
                break
            chain.append(f"{step[0].choice.shown} needs {step[1].text}")
            current = step[0]
            seen.add(current.name)
        return ", and ".join(chain)

    def _reasons(
        self, project: Project, asks: Sequence[Ask], askers: Sequence[tuple[Pick | None, Ask]]
    ) -> tuple[list[str], list[Kind]]:
        """Why each version fell: one line for each reason, newest versions first."""
        found: dict[str, list[Version]] = defaultdict(list)
        kinds: dict[str, Kind] = {}
        for version in project.versions:
            kind, reason = self._reason(project, version, asks, askers)
            found[reason].append(version)
            kinds[reason] = kind
        lines = []
        base = project.base
        if base is not None:
            out = next((ask for ask in asks if not ask.allows(base)), None)
            if out is not None:
                lines.append(f"{base.version} of Pyodide's own distribution: {self._excluder(out, askers)}")
        shown = list(found.items())[:_MOST_REASONS]
        lines += [f"{_some(versions)}: {reason}" for reason, versions in shown]
        if len(found) > len(shown):
            rest = sum(len(versions) for _, versions in list(found.items())[_MOST_REASONS:])
            lines.append(f"and {rest} older ones")
        return lines, list(kinds.values())

    def _reason(
        self, project: Project, version: Version, asks: Sequence[Ask], askers: Sequence[tuple[Pick | None, Ask]]
    ) -> tuple[Kind, str]:
        for ask in asks:
            if ask.specifier and not ask.specifier.contains(version, prereleases=True):
                return "excluded", self._excluder(ask, askers)
        judged = project.judge(
            version, pinned=any(ask.pins for ask in asks), hashes=self._memory.hashes_of(project.name)
        )
        if isinstance(judged, Fall):
            return judged.kind, judged.reason
        if version.is_prerelease:
            return "prerelease", "a pre-release"
        return "tried", "what it needs cannot be had"

    def _excluder(self, ask: Ask, askers: Sequence[tuple[Pick | None, Ask]]) -> str:
        for parent, other in askers:
            if other is ask:
                return f"not {ask.text}, which you asked for" if parent is None else f"not {ask.text} ({parent.name})"
        return f"not {ask.text}, your constraint"

    def _newest(self, project: Project) -> Choice | None:
        judged = (project.judge(version) for version in project.versions if not version.is_prerelease)
        return next((item for item in judged if isinstance(item, Choice)), None)

    def _helps(self, name: str, kinds: Iterable[Kind], project: Project | None, askers: int) -> list[str]:
        found = set(kinds)
        helps = []
        if project is not None and project.base is not None and "excluded" in found:
            base = project.base.entry
            assert base is not None
            helps.append(f"Pyodide's own distribution has {name} {base.version}: allow that version.")
        usable = self._newest(project) if project is not None and "excluded" in found and askers < 2 else None
        if usable is not None:
            helps.append(f"{usable.shown} is the newest that fits this Pyodide: allow that version.")
            return helps
        if "wheel" in found:
            helps.append(
                f"Ask the authors of {name} for a wheel for {self._target.platforms[0]}, build one and name it by URL "
                f'("{name} @ https://..."), or use a Pyodide whose distribution has it.'
            )
        if "sdist" in found and "wheel" not in found:
            helps.append(
                f"Pyodide cannot build sdists: build a wheel of {name}, put it on a web server, and name it by URL "
                f'("{name} @ https://....whl").'
            )
        if "python" in found:
            helps.append(f"Use a base with another Python; this one has {self._target.python}.")
        if "prerelease" in found:
            helps.append(f"Allow pre-releases with --pre, or by naming one: {name}>=...a0.")
        if "yanked" in found:
            helps.append(f"A yanked version is only taken when it is named exactly: {name}==...")
        if "hash" in found:
            helps.append(f"Give the sha256 of a wheel of {name} that fits {self._target.platforms[0]}, or none.")
        return helps


def _code(kinds: Iterable[Kind], askers: int) -> str:
    found = set(kinds)
    if "sdist" in found and not found & {"wheel", "tried", "prerelease"}:
        return "sdist"
    if "wheel" in found:
        return "no-matching-wheel"
    if found <= {"excluded"} and askers < 2:
        return "no-such-version"
    return "conflicting-dependency"


def _some(versions: Sequence[Version]) -> str:
    """«3.0, 2.9, 2.8 and 12 more»."""
    shown = ", ".join(map(str, versions[:_MOST_VERSIONS]))
    rest = len(versions) - _MOST_VERSIONS
    return f"{shown} and {rest} more" if rest > 0 else shown
