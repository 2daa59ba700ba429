"""The evidence for a chosen wheel: its URL without secrets, and a sha256 with its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from ..._util.url import is_http, shown
from ...errors import FetchError, IntegrityError, Problem
from ...formats.wheel import WheelDescription
from ...index.downloaded_wheel import download_wheel
from ...proof.candidate import Candidate, candidate_at
from ...proof.evidence import THE_BASE, Evidence, HashSource
from ...proof.hashes import NAME_INDEX, Hashes, claimed_hash
from ..session import Session
from . import choice_problems
from .fetching import Explorer
from .project import Choice
from .state import ResolutionState

#: The sources of a sha256 other than a page or the base, as messages name them.
_LOCK = "the lock"
_REQUIREMENT = "the requirement"
_HASH_SOURCES: Mapping[str, HashSource] = {THE_BASE: "base", _LOCK: "claim", _REQUIREMENT: "claim"}


@dataclass(frozen=True, slots=True)
class EvidenceFinder:
    """Finds the evidence for the choices of a resolution."""

    session: Session
    state: ResolutionState
    explorer: Explorer
    require_hashes: bool

    async def find(self, choice: Choice) -> Evidence | Problem:
        """The evidence for a choice that is no entry of the base, or why there is none.

        Raises `FetchError` and `IntegrityError` where the wheel has to be downloaded.
        """
        file = choice.file
        assert file is not None
        candidate = candidate_at(file.url, _claim(choice), file.sha256)
        if candidate.had_query:
            return choice_problems.query_needed(choice, candidate.url)
        allowed = self.state.hashes_of(choice.name)
        if self.require_hashes and not allowed:
            return choice_problems.hash_required(choice, candidate.url)
        if not choice.direct:
            allowed = frozenset()
        hashes = await self._hashes(choice, allowed)
        conflict = hashes.conflict(choice.name, str(choice.version), candidate.url)
        if conflict is not None:
            return conflict
        found = hashes.of(candidate.url)
        sha256 = next(iter(found), None)
        if sha256 is not None:
            evidence = _evidence(choice, candidate, sha256, found[sha256])
        elif choice.direct:
            # A user who gives a URL without a hash accepts the file that is there, as pip does; so
            # it is hashed now.
            wheel = await self._download(choice)
            assert wheel.sha256 is not None
            evidence = replace(
                _evidence(choice, candidate, wheel.sha256, ""),
                proof="download",
                size=wheel.size,
                hash_from="download",
            )
        else:
            return choice_problems.hash_missing(choice, candidate.url)
        if allowed and evidence.sha256 not in allowed:
            return choice_problems.hash_conflict(choice, evidence.sha256)
        return evidence

    def base_conflict(self, choice: Choice) -> Problem | None:
        """What a page that was read says against the sha256 of the base's own file."""
        hashes = Hashes()
        self._note_others(choice, hashes)
        assert choice.entry is not None
        url = self.session.context.base.placed(choice.entry).file_name
        if not is_http(url):
            return None
        return hashes.conflict(choice.name, choice.entry.version, url)

    async def _hashes(self, choice: Choice, allowed: frozenset[str]) -> Hashes:
        """The sources of sha256; ``allowed`` are those that the user allows for a URL."""
        file = choice.file
        assert file is not None
        hashes = Hashes()
        if choice.direct:
            # An index that gives no answer is no objection to a URL.
            with suppress(FetchError):
                await self.explorer.project_pages.read(choice.name)
        if choice.index is not None:
            hashes.note(file.url, file.sha256, choice.index)
        self._note_others(choice, hashes)
        # Last, because the first source is the one that the evidence names.
        if choice.index is None:
            hashes.note(file.url, file.sha256, _LOCK)
        if len(allowed) == 1:
            (sha256,) = allowed
            hashes.note(file.url, sha256, _REQUIREMENT)
        return hashes

    def _note_others(self, choice: Choice, hashes: Hashes) -> None:
        """Note what the pages that were read, and the base, give for the files of this version."""
        listing = self.explorer.project_pages.known(choice.name)
        if listing is not None:
            hashes.note_listing(listing, choice.name, {choice.version})
        self.session.context.base.note_hash(choice.name, hashes)

    async def _download(self, choice: Choice) -> WheelDescription:
        assert choice.file is not None
        try:
            return await download_wheel(self.session.fetcher, choice.file.url, choice.name)
        except IntegrityError as error:
            raise IntegrityError(f"{shown(choice.file.url)} is not usable: {error}.") from error


def claimed_hashes(evidence: Iterable[Evidence]) -> Iterator[Problem]:
    """A warning of each wheel that a requirement names with its sha256, which no page and no base
    gives.

    Not of the wheels that retarget keeps: it trusts the old lock.
    """
    for item in evidence:
        if item.claim == "direct-url" and item.hash_from == "claim":
            yield claimed_hash(item.package, item.version, item.url, _REQUIREMENT, NAME_INDEX)


def _claim(choice: Choice) -> str:
    if choice.direct:
        return "direct-url"
    # A file that is from no index is from the lock whose versions are preferred.
    return "lock" if choice.index is None else "index"


def _evidence(choice: Choice, candidate: Candidate, sha256: str, source: str) -> Evidence:
    assert choice.file is not None
    return Evidence(
        package=choice.name,
        version=str(choice.version),
        claim=candidate.claim,
        proof="metadata",
        url=candidate.url,
        sha256=sha256,
        size=choice.file.size,
        index=choice.index,
        hash_from=_HASH_SOURCES.get(source, "index"),
    )
