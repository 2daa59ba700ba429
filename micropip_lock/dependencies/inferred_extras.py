"""Which extras distributions were installed with.

No installer writes that down for others. So it is inferred: from what micropip says that it
installed, from the edges of a lock, and from packages that nothing else explains.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement

from ..formats.core_metadata import CoreMetadata
from .extras import DeclaredRequirements, ExtraSelection, names_of
from .graph import walk
from .markers import MarkerEvaluator
from .package import Package


def extras_micropip_used(
    package: Package,
    declared: DeclaredRequirements,
    is_met: Callable[[Requirement], bool],
) -> Iterator[str]:
    """The extras that PYODIDE_REQUIRES shows: micropip lists what it took, extras included."""
    names = package.installed_with
    if not (names and package.metadata.extras):
        # Others than micropip write no such file: many markers would be evaluated for nothing.
        return
    plain = names_of(declared.active())
    for extra in package.metadata.extras:
        added = declared.added_by(extra)
        needed = names_of(added)
        if needed - plain and needed <= names and all(map(is_met, added)):
            yield extra


def extras_that_explain(
    metadata: CoreMetadata, names: Collection[str], markers: MarkerEvaluator
) -> tuple[str, ...]:
    """The fewest extras of a package that explain why a lock says it depends on ``names``."""
    declared = DeclaredRequirements.lenient(metadata, markers)
    covered = names_of(declared.active())
    added = {extra: declared.added_by(extra) for extra in metadata.extras}

    def order(extra: str) -> tuple[bool, int, str]:
        # An extra that requires extras of other packages comes last: which extras these have is
        # found from their own requirements.
        return any(item.extras for item in added[extra]), len(added[extra]), extra

    chosen = []
    for extra in sorted(added, key=order):
        needed = names_of(added[extra])
        if needed <= set(names) and needed - covered:
            covered |= needed
            chosen.append(extra)
    return tuple(sorted(chosen))


@dataclass(frozen=True, slots=True)
class Guess:
    """An extra that is taken to be wanted, since nothing else explains ``packages`` (sorted)."""

    package: str
    extra: str
    packages: tuple[str, ...]


class ExtraGuesser:
    """Guesses extras where nothing else explains why a package is installed, and selects them."""

    def __init__(
        self,
        packages: Mapping[str, Package],
        declared: Mapping[str, DeclaredRequirements],
        selection: ExtraSelection,
        is_met: Callable[[Requirement], bool],
    ) -> None:
        self._packages = packages
        self._declared = declared
        self._selection = selection
        self._is_met = is_met
        self._graph = {key: names_of(selection.active(key)) for key in packages}
        #: What a package needs.
        self._explained: set[str] = set()
        self._unexplained: set[str] = set()

    def guess(self, roots: Collection[str], needed: Iterable[str]) -> Iterator[Guess]:
        """Select one extra after the other; ``roots`` and what other packages ``needed`` are
        explained.
        """
        self._explained.update(needed)
        for key, names in self._graph.items():
            self._explained |= names - {key}
        self._unexplained = {
            key
            for key in self._packages.keys() - self._explained - set(roots)
            if not self._is_requested(key)
        }
        mentioning = self._mentioning()
        while True:
            candidates = {key for name in self._unexplained for key in mentioning.get(name, ())}
            best = self._best(candidates)
            if best is None:
                return
            yield self._select(*best)

    def _is_requested(self, key: str) -> bool:
        # What sync installed has the extras that its lock shows, and needs no other reason to be
        # there.
        package = self._packages[key]
        return package.synced_extras is not None or package.is_requested

    def _mentioning(self) -> Mapping[str, Collection[str]]:
        """For each unexplained package those with extras that may require it."""
        found: dict[str, list[str]] = defaultdict(list)
        if not self._unexplained:
            return found
        for key, package in self._packages.items():
            if package.metadata.extras:
                for name in self._mentioned(key):
                    found[name].append(key)
        return found

    def _mentioned(self, key: str) -> set[str]:
        required = names_of(self._packages[key].metadata.requires)
        return (required & self._unexplained) - {key}

    def _select(self, package: str, extra: str) -> Guess:
        added = names_of(self._declared[package].added_by(extra))
        guess = Guess(package, extra, tuple(sorted(added & self._unexplained)))
        # No other package's requirements have changed, and more extras never remove any.
        for key in self._selection.select(package, extra):
            self._graph[key] = names_of(self._selection.active(key))
            self._explained |= self._graph[key] - {key}
        self._unexplained -= self._explained
        return guess

    def _best(self, candidates: Iterable[str]) -> tuple[str, str] | None:
        """The extra of a candidate that explains most; of equals, that of a requested package."""
        options = [option for key in candidates for option in self._options(key)]
        return min(options)[3:] if options else None

    def _options(self, key: str) -> Iterator[tuple[int, int, int, str, str]]:
        """The extras of a package that may be guessed; the least one is the best."""
        package = self._packages[key]
        mentioned = self._mentioned(key)
        # A package that the user requested by name most likely had the extra; then one that no
        # other package needs.
        nearness = 0 if package.is_requested else 1 + (key in self._explained)
        for extra in package.metadata.extras - self._selection.extras(key):
            added = self._declared[key].added_by(extra)
            explains = names_of(added) & mentioned
            if explains and all(map(self._is_met, added)) and not self._reaches(added, key):
                yield -len(explains), nearness, len(added), key, extra

    def _reaches(self, requirements: Iterable[Requirement], package: str) -> bool:
        """Whether one of the required packages needs ``package``: then both were in a cycle."""
        reached = walk(names_of(requirements), lambda key: self._graph.get(key, ()))
        return package in reached
