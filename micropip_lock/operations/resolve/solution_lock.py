"""The lock of a solution, as freeze writes it, with the import names that remote wheels show."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from packaging.requirements import Requirement

from ...dependencies.edges import Dependencies, Edges
from ...dependencies.package import Package
from ...errors import MicropipLockError, Problem, UnlockableError
from ...formats.wheel import WheelDescription
from ...index.wheel_metadata import wrong_record
from ...installed.problems import layouts
from ...proof.evidence import Evidence, Finding
from ..lock_builder import BuiltLock, LockContents, build_lock
from ..lock_provenance import LockProvenance
from ..results import ResolveResult, in_order
from ..session import Session
from .choice_evidence import EvidenceFinder, claimed_hashes
from .choice_problems import yanked
from .fetching import Explorer
from .project import Choice
from .state import ResolutionState

if TYPE_CHECKING:
    from .search import Solution

T = TypeVar("T")


@dataclass(slots=True)
class SolutionLocker:
    """Locks the solution of a resolution; ``roots`` are the requirements of the user."""

    session: Session
    state: ResolutionState
    explorer: Explorer
    roots: Sequence[Requirement]
    require_hashes: bool = False

    async def lock(self, solution: Solution, *, distribution: bool = False) -> ResolveResult:
        """The lock, with the rest of the base if ``distribution``.

        Raises `UnlockableError`, `FetchError` and `IntegrityError`.
        """
        choices = {item.name: item.choice for item in solution.candidates.values()}
        own = [choice for choice in choices.values() if choice.entry is None]
        based = {name: choice for name, choice in choices.items() if choice.entry is not None}
        finder = EvidenceFinder(self.session, self.state, self.explorer, self.require_hashes)
        wheels = await self._collect(own, self._describe)
        found = await self._collect(own, finder.find)
        evidence = {key: item for key, item in found.items() if isinstance(item, Evidence)}
        edges = self._edges(solution, choices)
        lock = self._build(choices, wheels, evidence, edges, distribution=distribution)
        problems = [
            *edges.problems,
            *lock.problems,
            *layouts(wheels),
            *(item for item in found.values() if isinstance(item, Problem)),
            *filter(None, map(finder.base_conflict, based.values())),
        ]
        if problems:
            raise UnlockableError(problems)
        warnings = [
            *(item for item in self.explorer.warnings if item.package in based),
            *edges.warnings,
            *filter(None, map(yanked, own)),
            *_wrong_records(own, wheels),
            *claimed_hashes(evidence.values()),
            *lock.warnings,
        ]
        return ResolveResult(lock.lockfile, lock.evidence, in_order(warnings))

    def _build(
        self,
        choices: Mapping[str, Choice],
        wheels: Mapping[str, WheelDescription],
        evidence: Mapping[str, Evidence],
        edges: Edges,
        *,
        distribution: bool,
    ) -> BuiltLock:
        base = self.session.context.base
        based = {name for name, choice in choices.items() if choice.entry is not None}
        if distribution:
            based |= base.lockfile.packages.keys() - choices.keys()
        return build_lock(
            LockContents(
                base=base,
                based=based,
                wheels=wheels,
                findings={
                    key: Finding(item, modules=wheels[key].modules)
                    for key, item in evidence.items()
                },
                depends=edges.depends,
                present=choices,
                page_origin=self.session.context.page_origin,
                provenance=LockProvenance.of(map(str, self.roots), proof="metadata"),
            )
        )

    async def _collect(
        self, choices: Sequence[Choice], read: Callable[[Choice], Coroutine[Any, Any, T]]
    ) -> dict[str, T]:
        """What ``read`` finds for each choice, by name.

        Raises every problem that it raises at once, or else the first error.
        """

        async def attempt(choice: Choice) -> T | MicropipLockError:
            try:
                return await read(choice)
            except MicropipLockError as error:
                return error

        found = await self.session.fetcher.gather([attempt(choice) for choice in choices])
        errors = [item for item in found if isinstance(item, MicropipLockError)]
        _raise_together(errors)
        return {
            choice.name: item
            for choice, item in zip(choices, found, strict=True)
            if not isinstance(item, MicropipLockError)
        }

    async def _describe(self, choice: Choice) -> WheelDescription:
        wheel = await self.explorer.summary(choice)
        if isinstance(wheel, MicropipLockError):
            raise wheel
        return wheel.with_metadata(self.state.metadata[choice.key])

    def _edges(self, solution: Solution, choices: Mapping[str, Choice]) -> Edges:
        """Who needs whom, with the extras that were chosen; every candidate has a requirement."""
        packages = {}
        versions = {}
        base_edges = {}
        for name, choice in choices.items():
            if choice.entry is None:
                packages[name] = Package(self.state.metadata[choice.key])
            else:
                versions[name] = choice.entry.version
                base_edges[name] = {*choice.entry.depends, *self._extra_edges(name, solution)}
        extras = [
            Requirement(f"{item.name}[{item.extra}]")
            for item in solution.candidates.values()
            if item.extra
        ]
        dependencies = Dependencies(
            packages, versions, self.state.target, requested=[*self.roots, *extras]
        )
        edges = dependencies.edges(other_edges=base_edges)
        edges.depends.update(base_edges)
        return edges

    def _extra_edges(self, name: str, solution: Solution) -> Iterator[str]:
        """The packages that the required extras of a base package need."""
        for candidate in solution.candidates.values():
            if candidate.name != name:
                continue
            for requirement in self.state.dependencies(candidate):
                if requirement.name != name:
                    yield requirement.name


def _raise_together(errors: Sequence[MicropipLockError]) -> None:
    problems: list[Problem] = []
    for error in errors:
        if isinstance(error, UnlockableError):
            problems.extend(error.problems)
    if problems:
        raise UnlockableError(problems)
    if errors:
        raise errors[0]


def _wrong_records(
    choices: Iterable[Choice], wheels: Mapping[str, WheelDescription]
) -> Iterator[Problem]:
    """A warning of each wheel whose own RECORD is wrong."""
    for choice in choices:
        paths = wheels[choice.name].wrong_rows
        if paths and choice.file is not None:
            yield wrong_record(choice.name, str(choice.version), paths, choice.file.url)
