"""Rules 4 and 5 of docs/evidence.md: wheels of the base and of the indexes."""

from __future__ import annotations

from collections.abc import Sequence

from .._util.url import is_http
from ..errors import FetchError
from ..index.client import Listing, Offer
from . import problems
from .case import MOST_CANDIDATES, Case
from .evidence import Finding, Proof
from .examination import MATCHES, Outcome, Verdict, distinct
from .findings import found, hash_conflict, is_certain, waived_or_unproved

#: The proofs for which a release document is enough: the wheel's contents were compared.
_BY_CONTENT = frozenset({"content", "download"})


async def prove_by_indexes(case: Case, first: str | None) -> Finding:
    """Prove a distribution by the base's own wheel, or by one that an index lists.

    ``first`` is the index to search first.
    """
    missed: list[Outcome] = []
    if case.base is not None:
        outcome = await case.examine_base(case.base)
        if outcome.verdict is Verdict.MATCH:
            return found(case, outcome, "base", is_base=True)
        missed.append(outcome)
    if not case.sources.indexes:
        if missed:
            return waived_or_unproved(case, missed)
        return Finding(problems=(problems.no_index(case.distribution),))
    try:
        return await _by_listings(case, first, missed)
    except FetchError as error:
        return Finding(problems=(problems.no_answer(case.distribution, error),))


async def _by_listings(case: Case, first: str | None, missed: list[Outcome]) -> Finding:
    """The finding by release documents if they decide, else by project pages."""
    listing = await case.listing(first, short=case.rules.proof == "content")
    finding = await _by_listing(case, listing, missed)
    evidence = finding.evidence
    is_decided = evidence is not None and evidence.proof in _BY_CONTENT
    if listing.by_pages or is_decided:
        return finding
    return await _by_listing(case, await case.listing(first), missed)


async def _by_listing(case: Case, listing: Listing, missed: list[Outcome]) -> Finding:
    offers = case.note_hashes(listing)
    fitting = case.fitting(offers)
    if not fitting:
        return _nothing_fits(case, listing, offers, missed)
    # Rule 5, where the user requests it: the page's hash of METADATA decides.
    if case.rules.proof == "metadata":
        equal = _by_metadata(case, fitting)
        if equal:
            return await _by_equal_wheels(case, listing, equal, proof="metadata")
    # Rule 4: contents decide.
    outcomes = await _examine_all(case, fitting, missed)
    equal = [outcome for outcome in outcomes if outcome.verdict is Verdict.MATCH]
    if not equal:
        return waived_or_unproved(case, [*missed, *outcomes], offers=fitting)
    # Another wheel that could as well be the one, and that cannot be read now, would be ambiguous
    # tomorrow.
    silent = [
        outcome
        for outcome in outcomes
        if outcome.is_silent and is_certain(case, outcome.candidate, fitting)
    ]
    return await _by_equal_wheels(case, listing, equal, silent)


def _nothing_fits(
    case: Case, listing: Listing, offers: Sequence[Offer], missed: Sequence[Outcome]
) -> Finding:
    undecided = [outcome for outcome in missed if outcome.verdict is not Verdict.OTHER]
    if undecided:
        return waived_or_unproved(case, undecided)
    problem = problems.nothing_fits(case.distribution, listing, offers, case.sources.target)
    return Finding(problems=(problem,))


def _by_metadata(case: Case, offers: Sequence[Offer]) -> list[Outcome]:
    """The wheels whose METADATA, tags and build are the installed ones by the page's data."""
    own = case.distribution.metadata_sha256
    same = [
        offer for offer in offers if offer.file.metadata_sha256 == own and case.has_same_tags(offer)
    ]
    candidates = distinct([offer for offer in same if offer.file.sha256])
    return [Outcome(candidate, Verdict.MATCH, size=candidate.size) for candidate in candidates]


async def _examine_all(
    case: Case, fitting: Sequence[Offer], missed: Sequence[Outcome]
) -> list[Outcome]:
    """Examine the wheels of this version, those first whose METADATA may be equal by the page's
    hash.

    The page may be wrong about METADATA, so that the others are examined before anything is
    refused.
    """
    # A page may list the base's own wheel: if its local copy was another one, no request is needed.
    others = [outcome for outcome in missed if outcome.verdict is Verdict.OTHER]
    seen = {outcome.candidate.sha256 for outcome in others} - {None}
    outcomes: list[Outcome] = []
    for offers in (case.likely(fitting), fitting):
        for candidate in distinct(offers):
            identity = candidate.sha256 or candidate.url
            if identity in seen or len(outcomes) == MOST_CANDIDATES:
                continue
            seen.add(identity)
            outcomes.append(await case.examiner.examine(candidate))
        if any(outcome.verdict in MATCHES for outcome in outcomes):
            break
    return outcomes


async def _by_equal_wheels(
    case: Case,
    listing: Listing,
    equal: Sequence[Outcome],
    silent: Sequence[Outcome] = (),
    *,
    proof: Proof | None = None,
) -> Finding:
    """The finding by the wheels that are equal to what is installed; ``silent`` may be, too."""
    equal = _one_of_each(equal)
    conflict = _hash_conflict(case, listing, equal)
    if conflict is not None:
        return conflict
    if len(equal) > 1:
        return await _ambiguous(case, equal)
    if silent and not case.is_accepted:
        return waived_or_unproved(case, silent)
    return found(case, equal[0], "index", proof=proof)


def _one_of_each(equal: Sequence[Outcome]) -> list[Outcome]:
    """One outcome for each sha256, http(s) first.

    Where a sha256 is known, those without one say nothing more.
    """
    by_hash: dict[str | None, Outcome] = {}
    for outcome in sorted(equal, key=lambda outcome: not is_http(outcome.candidate.url)):
        by_hash.setdefault(outcome.candidate.sha256, outcome)
    without_hash = by_hash.pop(None, None)
    if by_hash or without_hash is None:
        return list(by_hash.values())
    return [without_hash]


def _hash_conflict(case: Case, listing: Listing, equal: Sequence[Outcome]) -> Finding | None:
    for outcome in equal:
        url = outcome.candidate.url
        case.hashes.note_url(listing, url)
        known = case.hashes.of(url)
        if len(known) > 1:
            return hash_conflict(case, url, known)
    return None


async def _ambiguous(case: Case, equal: Sequence[Outcome]) -> Finding:
    """The finding for several equal wheels: a download shows which RECORD is true."""
    if case.rules.download:
        downloaded = [await case.examiner.download(outcome.candidate) for outcome in equal]
        for outcome in downloaded:
            wheel = outcome.wheel
            is_true = wheel is not None and not wheel.wrong_rows
            if outcome.verdict is Verdict.MATCH and is_true:
                return found(case, outcome, "index")
    urls = [outcome.candidate.url for outcome in equal]
    return Finding(problems=(problems.several_equal(case.distribution, urls),))
