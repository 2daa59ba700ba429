"""`resolve`: the lock of requirements that are not installed yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from packaging.requirements import Requirement

from ..._util.progress import Progress
from ..._util.url import is_http, shown
from ...dependencies.edges import Dependencies, Edges
from ...dependencies.markers import MarkerEvaluator
from ...dependencies.package import Package
from ...environment import Surroundings
from ...errors import (
    FetchError,
    InputError,
    IntegrityError,
    MicropipLockError,
    Problem,
    UnlockableError,
)
from ...formats.lockfile import Lockfile
from ...formats.requirement import Wanted, parse_wanted, writable
from ...formats.wheel import WheelDescription
from ...index.downloaded_wheel import download_wheel
from ...index.wheel_metadata import wrong_record
from ...installed.problems import layouts
from ...network import Fetcher
from ...proof.candidate import candidate_at
from ...proof.evidence import THE_BASE, Evidence, Finding, HashSource, Proof
from ...proof.hashes import NAME_INDEX, Hashes, claimed_hash
from ...storage import Facts
from ..context import ContextOptions
from ..lock_builder import LockContents, build_lock
from ..lock_provenance import LockProvenance
from ..results import ResolveResult, in_order
from ..session import Session, SessionOptions, open_session
from .fetching import Explorer
from .project import Choice
from .state import Preferred, ResolutionState

if TYPE_CHECKING:
    from .search import Solution


async def resolve(
    requirements: str | Wanted | Sequence[str | Wanted],
    *,
    base: Lockfile | str | Path | None = None,
    base_url: str | None = None,
    base_dir: str | Path | None = None,
    constraints: str | Wanted | Sequence[str | Wanted] = (),
    index_urls: str | Sequence[str] | None = None,
    find_links: Sequence[str] | None = None,
    pre: bool = False,
    upgrade: bool = False,
    require_hashes: bool = False,
    offline: bool = False,
    refresh: bool = False,
    fetcher: Fetcher | None = None,
    facts: Facts | None = None,
    progress: Progress | None = None,
    surroundings: Surroundings | None = None,
) -> ResolveResult:
    """Choose and lock versions for all requirements and dependencies, without downloading wheels.

    The same call inside Pyodide and on the host. Packages of the base lock come first, as in
    micropip; what it lacks, or has at another version than is asked for, is taken from the first
    index that has the project.

    * ``requirements``: PEP 508 with extras, markers and ``name @ https://....whl``, each with
      ``--hash=sha256:...`` after it if only such files are allowed; ``constraints``: the same, for
      packages that another package requires.
    * ``base``: a `Lockfile`, a file, a URL or a release ("314.0.7"); ``base_url``: where relative
      file names of the base live; ``base_dir``: a local Pyodide distribution that holds wheels of
      the base.
    * ``index_urls``: simple repository API roots; ``find_links``: URLs of pages, folders or files
      with links to wheels.
    * ``pre``: allow pre-releases (PEP 440); ``upgrade``: prefer the newest version to that of the
      base.
    * ``require_hashes``: every package that is not the base's has to have a hash among the
      requirements, as in pip.
    * ``offline``: never ask the network; ``refresh``: request even what is cached, for yanks and
      removals.
    * ``fetcher``: makes the requests (stays open); ``facts``: remembers what cannot change;
      ``progress``: is called as (done, total, package) (None: in a notebook a bar shows it);
      ``surroundings``: an environment that gives base and indexes instead of the one that runs this
      code.

    Raises `ResolutionError` when there is no solution, and says why; `UnlockableError` for what was
    chosen and cannot be named truthfully; `InputError` for arguments; `FetchError` and
    `IntegrityError`.
    """
    wanted = _wanted(requirements)
    limits = _wanted(constraints)
    if not wanted:
        raise InputError(
            'There is nothing to resolve. Name requirements, such as "rich" or '
            '"httpx[http2]>=0.28".'
        )
    options = SessionOptions(
        offline=offline, refresh=refresh, fetcher=fetcher, facts=facts, progress=progress
    )
    context = ContextOptions(
        with_folders=False,
        base=base,
        base_url=base_url,
        base_dir=base_dir,
        index_urls=index_urls,
        find_links=find_links,
        surroundings=surroundings,
    )
    async with open_session(options, context) as session:
        task = Resolution(session, wanted, limits, require_hashes=require_hashes)
        return session.costed(await task.run(pre=pre, upgrade=upgrade))


def _wanted(items: str | Wanted | Sequence[str | Wanted]) -> list[Wanted]:
    several = [items] if isinstance(items, str | Wanted) else items
    return [item if isinstance(item, Wanted) else parse_wanted(item) for item in several]


#: The sources of a sha256 other than a page or the base, as messages name them.
_LOCK, _REQUIREMENT = "the lock", "the requirement"
_HASH_SOURCES: Mapping[str, HashSource] = {THE_BASE: "base", _LOCK: "claim", _REQUIREMENT: "claim"}

#: With so many pins it pays to find out first whether the index has documents of releases.
_MANY_PINS = 4


@dataclass(slots=True)
class Resolution:
    """One resolution: its indexes, its requirements, and how the solution becomes a lock."""

    session: Session
    wanted: Sequence[Wanted]
    limits: Sequence[Wanted] = ()
    require_hashes: bool = False

    async def run(self, *, pre: bool, upgrade: bool) -> ResolveResult:
        """Choose and lock, or explain why that cannot be."""
        state, explorer = await self.begin(pre=pre, upgrade=upgrade, partial=True)
        from .search import Conflict, solve

        pins = [
            (item.name, pin) for item in state.roots if (pin := state.pin_of(item.name)) is not None
        ]
        if len(pins) >= _MANY_PINS:
            await explorer.try_documents(pins)
        solution = await solve(state, explorer, state.roots)
        if isinstance(solution, Conflict):
            from .explain import explain

            explanation = await explain(state, explorer, solution)
            raise explanation.error()
        explorer.remember()
        return await self.lock(solution, state, explorer)

    async def begin(
        self,
        *,
        pre: bool = False,
        upgrade: bool = False,
        partial: bool = False,
        preferred: Mapping[str, Preferred] = MappingProxyType({}),
    ) -> tuple[ResolutionState, Explorer]:
        """The state before the first request, and its `Explorer`. Raises `InputError`."""
        try:
            import_module("resolvelib")
        except ModuleNotFoundError as error:
            hint = f"resolve needs {error.name}, which is not installed: pip install {error.name}"
            raise InputError(
                f"{hint}, or in Pyodide: await micropip.install({error.name!r})."
            ) from error
        session = self.session
        target = session.target
        markers = MarkerEvaluator.of(target)
        limits = [item for item in self.limits if _applies(item, markers)]
        state = ResolutionState(
            session.context.base,
            target,
            self._roots(markers),
            limits,
            pre=pre,
            upgrade=upgrade,
            preferred=preferred,
        )
        indexes = session.context.indexes()
        await indexes.open(session.fetcher)
        explorer = Explorer(
            state,
            indexes,
            session.fetcher,
            session.facts,
            refresh=session.refresh,
            partial=partial,
            progress=session.progress,
        )
        return state, explorer

    def _roots(self, markers: MarkerEvaluator) -> list[Wanted]:
        return [item for item in self.wanted if _applies(item, markers)]

    async def lock(
        self,
        solution: Solution,
        state: ResolutionState,
        explorer: Explorer,
        *,
        distribution: bool = False,
    ) -> ResolveResult:
        """The lock as freeze writes it, with the imports that the files of the remote wheels show.

        ``distribution``: the rest of the base as well.
        """
        base = self.session.context.base
        choices = {item.name: item.choice for item in solution.candidates.values()}
        own = [choice for choice in choices.values() if choice.entry is None]
        based = {name for name, choice in choices.items() if choice.entry is not None}
        wheels, evidence = await self._read(own, state, explorer)
        edges = self._edges(solution, state, choices)
        findings = {
            name: Finding(item, modules=wheels[name].modules)
            for name, item in evidence.items()
            if isinstance(item, Evidence)
        }
        rest = base.lockfile.packages.keys() - choices if distribution else set()
        roots = [str(writable(item.requirement)) for item in self._roots(state.markers)]
        contents = LockContents(
            base=base,
            based=based | rest,
            wheels=wheels,
            findings=findings,
            depends=edges.depends,
            present=choices,
            page_origin=self.session.context.page_origin,
            provenance=LockProvenance.of(roots, proof="metadata"),
        )
        lock = build_lock(contents)
        conflicts = [self._base_conflict(choices[name], explorer) for name in based]
        problems = [
            *edges.problems,
            *lock.problems,
            *layouts(wheels),
            *(item for item in evidence.values() if isinstance(item, Problem)),
            *filter(None, conflicts),
        ]
        if problems:
            raise UnlockableError(problems)
        warnings = [
            *(item for item in explorer.warnings if item.package in based),
            *edges.warnings,
            *filter(None, map(_yanked, own)),
            *_wrong_records(own, wheels),
            *_claimed_hashes(findings.values()),
            *lock.warnings,
        ]
        return ResolveResult(lock.lockfile, lock.evidence, in_order(warnings))

    async def _read(
        self, choices: Sequence[Choice], state: ResolutionState, explorer: Explorer
    ) -> tuple[dict[str, WheelDescription], dict[str, Evidence | Problem]]:
        """The wheels of ``choices``, and the evidence for each. Raises all errors as one."""
        gather = self.session.fetcher.gather
        described = [_described(item, state, explorer) for item in choices]
        wheels = _all_or_none(await gather(described))
        proving = [self._evidence(item, state, explorer) for item in choices]
        evidence: dict[str, Evidence | Problem] = _all_or_none(await gather(proving))
        return wheels, evidence

    def _edges(
        self, solution: Solution, state: ResolutionState, choices: dict[str, Choice]
    ) -> Edges:
        """Who needs whom, with the extras that were chosen; every candidate has a requirement."""
        based = {name: choice.entry for name, choice in choices.items() if choice.entry is not None}
        packages = {
            choice.name: Package(state.metadata[choice.key])
            for choice in choices.values()
            if choice.entry is None
        }
        base_edges = {name: _base_edges(name, solution, state, choices) for name in based}
        extras = [
            Requirement(f"{item.name}[{item.extra}]")
            for item in solution.candidates.values()
            if item.extra
        ]
        roots = [writable(item.requirement) for item in self._roots(state.markers)]
        dependencies = Dependencies(
            packages,
            {name: entry.version for name, entry in based.items()},
            state.target,
            requested=[*roots, *extras],
        )
        edges = dependencies.edges(other_edges=base_edges)
        edges.depends.update(base_edges)
        return edges

    async def _evidence(
        self, choice: Choice, state: ResolutionState, explorer: Explorer
    ) -> tuple[str, Evidence | Problem | MicropipLockError]:
        """The evidence for a choice: its URL without secrets, and a sha256 with its source."""
        file = choice.file
        assert file is not None
        # A file that is from no index is from the lock whose versions are preferred.
        claim = "direct-url" if choice.direct else "lock" if choice.index is None else "index"
        candidate = candidate_at(file.url, claim, file.sha256)
        proof: Proof = "metadata"
        size = file.size
        if candidate.had_query:
            return choice.name, _query_needed(choice, candidate.url)
        if self.require_hashes and not state.hashes_of(choice.name):
            return choice.name, _hash_required(choice, candidate.url)
        said = state.hashes_of(choice.name) if choice.direct else frozenset()
        hashes = await self._hashes(choice, said, explorer)
        conflict = hashes.conflict(choice.name, str(choice.version), candidate.url)
        if conflict is not None:
            return choice.name, conflict
        sha256, source = next(iter(hashes.of(candidate.url).items()), (None, ""))
        hash_from = _HASH_SOURCES.get(source, "index")
        if choice.direct and sha256 is None:
            # A user who gives a URL without a hash accepts the file that is there, as pip does; so
            # it is hashed now.
            try:
                contents = await self._download(choice)
            except (FetchError, IntegrityError) as error:
                return choice.name, error
            sha256, proof, size = contents.sha256, "download", contents.size
            hash_from = "download"
        if said and sha256 not in said:
            return choice.name, _hash_conflict(choice, str(sha256))
        if sha256 is None:
            return choice.name, _hash_missing(choice, candidate.url)
        index = choice.index
        return choice.name, Evidence(
            choice.name,
            str(choice.version),
            claim,
            proof,
            candidate.url,
            sha256,
            size,
            index,
            hash_from=hash_from,
        )

    async def _hashes(self, choice: Choice, said: frozenset[str], explorer: Explorer) -> Hashes:
        """The sources of sha256 for a wheel; ``said`` are those that the user allows for a URL."""
        file = choice.file
        assert file is not None
        hashes = Hashes()
        if choice.direct:
            # An index that gives no answer is no objection to a URL.
            with suppress(FetchError):
                await explorer.pages(choice.name)
        if choice.index is not None:
            hashes.note(file.url, file.sha256, choice.index)
        self._note_others(choice, hashes, explorer)
        # Last, because the first source is the one that the evidence names.
        if choice.index is None:
            hashes.note(file.url, file.sha256, _LOCK)
        if len(said) == 1:
            (sha256,) = said
            hashes.note(file.url, sha256, _REQUIREMENT)
        return hashes

    def _base_conflict(self, choice: Choice, explorer: Explorer) -> Problem | None:
        """What a page that was read says against the sha256 of the base's own file."""
        hashes = Hashes()
        self._note_others(choice, hashes, explorer)
        assert choice.entry is not None
        url = self.session.context.base.placed(choice.entry).file_name
        return hashes.conflict(choice.name, choice.entry.version, url) if is_http(url) else None

    def _note_others(self, choice: Choice, hashes: Hashes, explorer: Explorer) -> None:
        """Note what the pages that were read, and the base, give for the files of this version."""
        listing = explorer.known_pages(choice.name)
        if listing is not None:
            hashes.note_listing(listing, choice.name, {choice.version})
        self.session.context.base.note_hash(choice.name, hashes)

    async def _download(self, choice: Choice) -> WheelDescription:
        assert choice.file is not None
        try:
            return await download_wheel(self.session.fetcher, choice.file.url, choice.name)
        except IntegrityError as error:
            raise IntegrityError(f"{shown(choice.file.url)} is not usable: {error}.") from error


T = TypeVar("T")


def _all_or_none(found: Sequence[tuple[str, T | MicropipLockError]]) -> dict[str, T]:
    """What was found, by name.

    Raises what was met on the way: every problem at once, or else the first error.
    """
    results = {name: item for name, item in found if not isinstance(item, MicropipLockError)}
    errors = [item for _, item in found if isinstance(item, MicropipLockError)]
    if problems := [
        item for error in errors if isinstance(error, UnlockableError) for item in error.problems
    ]:
        raise UnlockableError(problems)
    if errors:
        raise errors[0]
    return results


def _applies(item: Wanted, markers: MarkerEvaluator) -> bool:
    try:
        return markers.holds(item.requirement)
    except ValueError as error:
        raise InputError(f"{item.origin or 'requirements'}: {error}.") from error


async def _described(
    choice: Choice, state: ResolutionState, explorer: Explorer
) -> tuple[str, WheelDescription | MicropipLockError]:
    wheel = await explorer.summary(choice)
    if isinstance(wheel, MicropipLockError):
        return choice.name, wheel
    return choice.name, wheel.with_metadata(state.metadata[choice.key])


def _wrong_records(
    choices: Iterable[Choice], summaries: Mapping[str, WheelDescription]
) -> Iterator[Problem]:
    """A warning of each wheel whose own RECORD is wrong."""
    for choice in choices:
        paths = summaries[choice.name].wrong_rows
        if paths and choice.file is not None:
            yield wrong_record(choice.name, str(choice.version), paths, choice.file.url)


def _claimed_hashes(findings: Iterable[Finding]) -> Iterator[Problem]:
    """A warning of each wheel that a requirement names with its sha256, which no page and no base
    gives.

    Not of the wheels that retarget keeps: it trusts the old lock.
    """
    for finding in findings:
        evidence = finding.evidence
        if (
            evidence is not None
            and evidence.claim == "direct-url"
            and evidence.hash_from == "claim"
        ):
            yield claimed_hash(
                evidence.package, evidence.version, evidence.url, _REQUIREMENT, NAME_INDEX
            )


def _base_edges(
    name: str, solution: Solution, state: ResolutionState, choices: dict[str, Choice]
) -> set[str]:
    """The edges of a base package in this lock: those of its entry, and of the required extras."""
    candidates = [item for item in solution.candidates.values() if item.name == name]
    requirements = [
        requirement for candidate in candidates for requirement in state.dependencies(candidate)
    ]
    entry = choices[name].entry
    declared = set(entry.depends) if entry is not None else set()
    return declared | {item.name for item in requirements if item.name != name}


def _yanked(choice: Choice) -> Problem | None:
    file = choice.file
    if file is None or file.yanked is None:
        return None
    reason = f" ({file.yanked})" if file.yanked else ""
    return Problem(
        "yanked",
        choice.name,
        str(choice.version),
        f"this version was yanked from {choice.index}{reason}.",
        "It is locked because you ask for exactly this version; another one may be better.",
        shown(file.url),
    )


def _query_needed(choice: Choice, url: str) -> Problem:
    return Problem(
        "query-needed",
        choice.name,
        str(choice.version),
        f"{'you give' if choice.direct else 'the index gives'} {url} a query, which may be a "
        "secret, and which the runtime cannot load.",
        "Publish the wheel at a plain URL."
        if choice.direct
        else "Use an index whose files have plain URLs.",
        url,
    )


def _hash_required(choice: Choice, url: str) -> Problem:
    return Problem(
        "hash-missing",
        choice.name,
        str(choice.version),
        "every package has to have a hash (--require-hashes), and the requirements give none for "
        "it.",
        f"Add a line with its version and hash: {choice.name}=={choice.version} --hash=sha256:...",
        url,
    )


def _hash_missing(choice: Choice, url: str) -> Problem:
    return Problem(
        "hash-missing",
        choice.name,
        str(choice.version),
        f"no index gives a sha256 for {shown(url)}.",
        'Use an index that gives hashes, or name the wheel itself: "name @ URL --hash=sha256:...".',
        shown(url),
    )


def _hash_conflict(choice: Choice, sha256: str) -> Problem:
    url = shown(choice.file.url) if choice.file else ""
    return Problem(
        "hash-conflict",
        choice.name,
        str(choice.version),
        f"{url} has the sha256 {sha256}, which is not one of those you gave.",
        "Check which file you meant; it may have been replaced.",
        url,
    )
