"""The edges of the lock: Requires-Dist, extras and markers of what is installed.

The runtime deadlocks on a dependency cycle, so cycles are broken here, too.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement

from ..errors import Problem
from ..formats.core_metadata import CoreMetadata, canonical
from ..formats.target import Target
from ..installed.distribution import InstalledDistribution
from ..installed.hints import add, leave_out
from .wording import Wording

#: As `packaging` writes what a marker says of an extra.
_IS_EXTRA = re.compile(r"""\bextra == "([^"]*)"|"([^"]*)" == extra\b""")


@dataclass(slots=True)
class Edges:
    """The dependencies by canonical name, and the problems found on the way."""

    depends: dict[str, set[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


class Dependencies:
    """Finds the edges of a set of installed distributions.

    ``distributions`` are those whose own metadata count, ``others`` the versions of all other
    packages of the lock (the base's entries). ``asked`` are the requirements the user made, for
    extras and as roots. ``wording`` is for its problems (None: that of an environment).
    """

    def __init__(
        self,
        distributions: Mapping[str, InstalledDistribution],
        others: Mapping[str, str],
        target: Target,
        *,
        asked: Sequence[Requirement] = (),
        exclude: Collection[str] = (),
        wording: Wording | None = None,
    ) -> None:
        self._distributions = distributions
        self._versions = {**others, **{key: item.version for key, item in distributions.items()}}
        self._environment = target.environment
        self._exclude = exclude
        self._asked = asked
        self._wording = wording or Wording()
        self._extras: dict[str, set[str]] = defaultdict(set)
        self._holds: dict[tuple[int, str], bool] = {}
        self._names_extras: dict[int, frozenset[str] | None] = {}
        self._by_extra: dict[str, Mapping[str | None, Sequence[Requirement]]] = {}
        #: What was found for the extras that were active then.
        self._actives: dict[str, tuple[set[str], list[Requirement]]] = {}
        #: Markers that compare what cannot be compared.
        self._senseless: set[int] = set()

    def edges(
        self, *, allow_broken: bool = False, other_edges: Mapping[str, Iterable[str]] | None = None
    ) -> Edges:
        """Decide which extras are active, and follow every requirement that is.

        ``other_edges`` are the dependencies of ``others``; what they need is explained by them.
        With ``allow_broken`` an unmet requirement is a warning, and a missing edge is dropped.
        """
        result = Edges()
        for requirement in self._asked:
            self._extras[canonical(requirement.name)].update(map(canonical, requirement.extras))
        for key in self._distributions:
            self._extras[key].update(self._extras_micropip_used(key))
        for key, distribution in self._distributions.items():
            if distribution.note is not None:
                self._extras[key].update(map(canonical, distribution.note.extras))
        self._spread_extras(self._distributions)
        self._guess_extras(other_edges or {}, result)
        broken = result.warnings if allow_broken else result.problems
        for key in self._distributions:
            result.depends[key] = set()
            for requirement in self._active(key):
                self._add_edge(key, requirement, result, broken)
        self._check_asked(broken)
        result.problems.extend(self._senseless_markers())
        return result

    def _senseless_markers(self) -> Iterable[Problem]:
        for key, distribution in self._distributions.items():
            for requirement in distribution.metadata.requires:
                if id(requirement.marker) in self._senseless:
                    yield Problem(
                        "broken-metadata",
                        key,
                        distribution.version,
                        f"METADATA: the marker of {str(requirement)[:200]!r} cannot be evaluated.",
                        "Install a version with correct metadata, or tell its authors.",
                    )

    def _true(self, requirement: Requirement, extra: str) -> bool:
        if requirement.marker is None:
            return extra == ""
        named = self._named(requirement)
        # To a marker that does not name it, an extra is as good as none.
        extra = extra if named is None or extra in named else ""
        key = (id(requirement.marker), extra)  # the distributions keep their markers alive
        if key not in self._holds:
            try:
                self._holds[key] = requirement.marker.evaluate(
                    {**self._environment, "extra": extra}
                )
            except (UndefinedComparison, UndefinedEnvironmentName):
                self._holds[key] = False
                self._senseless.add(id(requirement.marker))
        return self._holds[key]

    def _named(self, requirement: Requirement) -> frozenset[str] | None:
        """The extras that a marker names.

        None when it does more than to compare them for being equal.
        """
        key = id(requirement.marker)
        if key not in self._names_extras:
            text = str(requirement.marker)
            named = frozenset(
                canonical(match[1] or match[2] or "") for match in _IS_EXTRA.finditer(text)
            )
            plain = len(_IS_EXTRA.findall(text)) == text.count("extra") and "" not in named
            self._names_extras[key] = named if plain else None
        return self._names_extras[key]

    def _asking(self, key: str, extra: str) -> list[Requirement]:
        """The requirements whose markers may hold for ``extra`` and not without it, or the other
        way round.
        """
        if key not in self._by_extra:
            self._by_extra[key] = self._sorted(self._distributions[key].metadata)
        known = self._by_extra[key]
        return [*known.get(extra, ()), *known.get(None, ())]

    def _sorted(self, metadata: CoreMetadata) -> Mapping[str | None, Sequence[Requirement]]:
        """The requirements by the extras that their markers name; None: named in another way."""
        found: dict[str | None, list[Requirement]] = defaultdict(list)
        for item in metadata.requires:
            named = self._named(item) if item.marker is not None else ()
            for name in (None,) if named is None else named:
                found[name].append(item)
        return found

    def _of_extra(self, key: str, extra: str) -> list[Requirement]:
        """The requirements that ``extra`` adds to the ones without it."""
        return self._added(self._asking(key, extra), extra)

    def _added(self, asking: Iterable[Requirement], extra: str) -> list[Requirement]:
        return [item for item in asking if self._true(item, extra) and not self._true(item, "")]

    def _active(self, key: str) -> list[Requirement]:
        extras, known = self._extras[key], self._actives.get(key)
        if known is None or known[0] != extras:
            found = {
                id(item)
                for extra in extras
                for item in self._asking(key, extra)
                if self._true(item, extra)
            }
            requires = self._distributions[key].metadata.requires
            active = [item for item in requires if id(item) in found or self._true(item, "")]
            self._actives[key] = known = (set(extras), active)
        return known[1]

    def _met(self, requirement: Requirement) -> bool:
        version = self._versions.get(canonical(requirement.name))
        return version is not None and fits(requirement, version)

    def _spread_extras(self, changed: Iterable[str]) -> set[str]:
        """Activate the extras that active requirements of ``changed`` name, until nothing changes.

        Returns the distributions with new extras.

        A distribution that names itself («pkg[all]: pkg[a,b]») only widens its own extras.
        """
        touched = set(changed)
        waiting = [(key, self._active(key)) for key in changed]
        while waiting:
            for requirement in waiting.pop()[1]:
                name = canonical(requirement.name)
                extras = set(map(canonical, requirement.extras)) - self._extras[name]
                if extras and name in self._distributions:
                    self._extras[name].update(extras)
                    waiting += [(name, self._of_extra(name, extra)) for extra in extras]
                    touched.add(name)
        return touched

    def _extras_micropip_used(self, key: str) -> Iterable[str]:
        """The extras that PYODIDE_REQUIRES shows: micropip lists what it took, extras included."""
        distribution = self._distributions[key]
        if not distribution.metadata.extras:
            return
        try:
            value = json.loads(distribution.text("PYODIDE_REQUIRES") or "[]")
        except (ValueError, RecursionError):
            return
        if not isinstance(value, list):
            return
        names = {canonical(name) for name in value if isinstance(name, str)}
        if not names:
            # Others than micropip write no such file: many markers would be evaluated for nothing.
            return
        plain = {
            canonical(item.name) for item in distribution.metadata.requires if self._true(item, "")
        }
        for extra in distribution.metadata.extras:
            added = self._of_extra(key, extra)
            needed = {canonical(item.name) for item in added}
            if needed - plain and needed <= names and all(map(self._met, added)):
                yield extra

    def extras_of(self, metadata: CoreMetadata, names: Collection[str]) -> tuple[str, ...]:
        """The fewest extras of a distribution that explain why a lock says it depends on
        ``names``.
        """
        covered: set[str] = {
            canonical(item.name) for item in metadata.requires if self._true(item, "")
        }
        known = self._sorted(metadata)
        added = {
            extra: self._added((*known.get(extra, ()), *known.get(None, ())), extra)
            for extra in metadata.extras
        }
        chosen = []
        # An extra that requires extras of other packages comes last: which extras these have is
        # found from their own requirements.
        for extra in sorted(
            added, key=lambda it: (any(item.extras for item in added[it]), len(added[it]), it)
        ):
            needed = self._names(added[extra])
            if needed <= set(names) and needed - covered:
                covered |= needed
                chosen.append(extra)
        return tuple(sorted(chosen))

    def _guess_extras(self, other_edges: Mapping[str, Iterable[str]], result: Edges) -> None:
        """Activate an extra where nothing else explains why a package is there."""
        roots = {canonical(requirement.name) for requirement in self._asked}
        graph = {key: self._names(self._active(key)) for key in self._distributions}
        explained = {name for names in other_edges.values() for name in names}
        explained |= {name for key, names in graph.items() for name in names if name != key}
        unexplained = set(self._distributions) - explained - roots
        # What sync installed has the extras that its lock shows, and needs no other reason to be
        # there.
        told = {key for key in unexplained if self._distributions[key].note is not None}
        unexplained = {key for key in unexplained - told if not asked_for(self._distributions[key])}
        mentioning: dict[str, list[str]] = defaultdict(list)
        for key, distribution in self._distributions.items() if unexplained else ():
            if distribution.metadata.extras:
                for name in (self._names(distribution.metadata.requires) & unexplained) - {key}:
                    mentioning[name].append(key)
        while True:
            candidates = {key for name in unexplained for key in mentioning.get(name, ())}
            guess = self._best_guess(candidates, unexplained, explained, graph)
            if guess is None:
                return
            key, extra = guess
            self._extras[key].add(extra)
            found = self._names(self._of_extra(key, extra)) & unexplained
            # No other distribution's requirements have changed, and more extras never remove any.
            for other in self._spread_extras([key]):
                graph[other] = self._names(self._active(other))
                explained |= graph[other] - {other}
            unexplained -= explained
            for name in sorted(found):
                result.warnings.append(
                    Problem(
                        "extra-guessed",
                        key,
                        self._versions[key],
                        f"nothing asks for {name} but its extra {extra!r}, so {key}[{extra}] is "
                        "taken to be wanted.",
                        f'Say so with --requested "{key}[{extra}]", or that {name} is wanted for '
                        "itself "
                        f"with --requested {name}.",
                    )
                )

    def _names(self, requirements: Iterable[Requirement]) -> set[str]:
        return {canonical(requirement.name) for requirement in requirements}

    def _best_guess(
        self,
        candidates: Iterable[str],
        unexplained: set[str],
        explained: set[str],
        graph: Mapping[str, set[str]],
    ) -> tuple[str, str] | None:
        """The extra of a candidate that explains most; of equals, that of a requested package."""
        best: tuple[int, int, int, str, str] | None = None
        for key in candidates:
            distribution = self._distributions[key]
            mentioned = (self._names(distribution.metadata.requires) & unexplained) - {key}
            for extra in distribution.metadata.extras - self._extras[key]:
                added = self._of_extra(key, extra)
                explains = self._names(added) & mentioned
                if (
                    not explains
                    or not all(map(self._met, added))
                    or _reaches(graph, self._names(added), key)
                ):
                    continue
                # A package that the user requested by name most likely had the extra; then one
                # that no other package needs.
                nearness = 0 if asked_for(distribution) else 1 + (key in explained)
                best = min(filter(None, (best, (-len(explains), nearness, len(added), key, extra))))
        return best and best[3:]

    def _add_edge(
        self, key: str, requirement: Requirement, result: Edges, broken: list[Problem]
    ) -> None:
        name = canonical(requirement.name)
        if name == key:
            return
        if name in self._exclude:
            result.warnings.append(
                Problem(
                    "excluded-dependency",
                    key,
                    self._versions[key],
                    f"it needs {requirement}, which is left out on purpose.",
                    f"The page has to provide {name} in another way, or importing {key} may fail.",
                )
            )
        elif name not in self._versions:
            broken.append(self._missing(key, self._versions[key], requirement))
        else:
            result.depends[key].add(name)
            if not fits(requirement, self._versions[name]):
                broken.append(self._conflicting(key, self._versions[key], requirement))

    def _check_asked(self, broken: list[Problem]) -> None:
        for requirement in self._asked:
            name = canonical(requirement.name)
            if name in self._exclude or (requirement.marker and not self._true(requirement, "")):
                continue
            if name not in self._versions:
                broken.append(self._missing(name, None, requirement))
            elif not fits(requirement, self._versions[name]):
                broken.append(self._conflicting(name, None, requirement))

    def _missing(self, key: str, version: str | None, requirement: Requirement) -> Problem:
        wanted = str(requirement).partition(";")[0].strip()
        return Problem(
            "missing-dependency",
            key,
            version,
            f"{'it needs' if version else 'you asked for'} {wanted}, "
            f"which {self._wording.missing}.",
            f"Install it: {self._add(key, wanted, requirement.name)}; or "
            f"{leave_out(requirement.name)}.",
        )

    def _conflicting(self, key: str, version: str | None, requirement: Requirement) -> Problem:
        wanted = str(requirement).partition(";")[0].strip()
        installed = self._versions[canonical(requirement.name)]
        advice = self._add(key, wanted, requirement.name, replaces=True)
        return Problem(
            "conflicting-dependency",
            key,
            version,
            f"{'it needs' if version else 'you asked for'} {wanted}, but {requirement.name} "
            f"{installed} {self._wording.present}.",
            f"Install a version that fits: {advice}; or lock it as it is with allow_broken=True "
            "(--allow-broken).",
        )

    def _add(self, key: str, wanted: str, name: str, *, replaces: bool = False) -> str:
        """How to install ``wanted`` where ``key``, or else any of these distributions, lies."""
        beside = self._distributions.get(key) or next(iter(self._distributions.values()), None)
        site = beside.site if beside is not None else "venv"
        folder = beside.folder if beside is not None else Path()
        return add(wanted, name, site, folder, replaces=replaces)


def asked_for(distribution: InstalledDistribution) -> bool:
    """Whether REQUESTED says that the user asked for it (uv writes it for every package)."""
    return "REQUESTED" in distribution.files and distribution.installer in ("pip", "micropip-lock")


def fits(requirement: Requirement, version: str) -> bool:
    """Whether the requirement allows a version; an invalid version is never allowed."""
    try:
        return requirement.url is not None or requirement.specifier.contains(
            version, prereleases=True
        )
    except ValueError:  # no version, or more digits than Python converts
        return False


def _reaches(graph: Mapping[str, Iterable[str]], starts: Iterable[str], goal: str) -> bool:
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        key = waiting.pop()
        if key == goal:
            return True
        if key not in seen:
            seen.add(key)
            waiting.extend(graph.get(key, ()))
    return False


def break_cycles(
    depends: Mapping[str, Collection[str]],
) -> tuple[dict[str, set[str]], list[Problem]]:
    """Remove every cycle, so that a package that needs one member still gets them all.

    Per strongly connected component: the root is the member with most dependants outside of it
    (ties by name); it depends on every other member, and all other inner edges go. Outside
    dependants of any member depend on the root as well. Edges that leave the component stay.
    """
    graph = {key: set(names) - {key} for key, names in depends.items()}
    warnings: list[Problem] = []
    dependants: dict[str, set[str]] = defaultdict(set)
    for key, names in graph.items():
        for name in names:
            dependants[name].add(key)
    for component in components(graph):
        if len(component) == 1:
            continue
        # Edges are only ever added to a root of this component, so these counts stay true.
        outside = {member: dependants[member] - component for member in component}
        root = min(component, key=lambda member: (-len(outside[member]), member))
        for member in component:
            graph[member] -= component
            for dependant in outside[member]:
                graph[dependant].add(root)
        graph[root] |= component - {root}
        warnings.append(_cycle(root, sorted(component)))
    return graph, warnings


def _cycle(root: str, members: Sequence[str]) -> Problem:
    return Problem(
        "cycle",
        root,
        None,
        f"{', '.join(members)} depend on each other; Pyodide would wait for ever, so {root} now "
        "loads the others.",
        f"Load {root} to get all of them: another one by itself no longer loads the rest.",
    )


def components(graph: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """Strongly connected components (Tarjan), without recursion: chains may be long."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[set[str]] = []
    for start in sorted(graph):
        if start in order:
            continue
        work = [(start, iter(sorted(graph[start])))]
        order[start] = low[start] = len(order)
        stack.append(start)
        on_stack.add(start)
        while work:
            key, names = work[-1]
            for name in names:
                if name not in graph:
                    continue
                if name not in order:
                    order[name] = low[name] = len(order)
                    stack.append(name)
                    on_stack.add(name)
                    work.append((name, iter(sorted(graph[name]))))
                    break
                if name in on_stack:
                    low[key] = min(low[key], order[name])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[key])
                if low[key] == order[key]:
                    component = _popped(stack, key)
                    on_stack -= component
                    found.append(component)
    return found


def _popped(stack: list[str], key: str) -> set[str]:
    """Take ``key`` and all that lies above it off the stack."""
    popped: set[str] = set()
    while key not in popped:
        popped.add(stack.pop())
    return popped
