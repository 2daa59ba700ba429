"""Rules 2 and 3 of docs/evidence.md: what the installer said, and claims that a wheel bears out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .._util.url.parts import bare_url
from ..errors import FetchError
from ..index.client import Listing
from ..installed.origin import Claim
from . import problems
from .candidate import Candidate, candidate_at, witnessed
from .case import Case
from .evidence import Finding, HashSource, Proof
from .examination import Outcome, Verdict
from .findings import found, hash_conflict, unproved, waived_or_unproved
from .forged_claims import find_objection


@dataclass(frozen=True, slots=True)
class _Claimed:
    """The wheel that a claim names, and what the indexes say of it."""

    claim: Claim
    candidate: Candidate
    listing: Listing
    #: Why an index did not answer.
    no_answer: FetchError | None
    #: Nothing but the claim gives its sha256.
    is_hash_claimed: bool


async def prove_by_claims(case: Case, claims: Sequence[Claim]) -> Finding:
    """Prove a distribution by ``claims``, at least one: the first names the URL."""
    # Rule 2: the running runtime's own list has it.
    if not case.changed:
        seen = witnessed(case.distribution, claims)
        if seen is not None:
            return seen
    # Rule 3. Claims and pages may not contradict each other about the sha256.
    for claim in claims:
        case.hashes.note(claim.url, claim.sha256, claim.file or f"the {claim.kind}")
    if len({claim.sha256 for claim in claims} - {None}) > 1:
        return hash_conflict(case, claims[0].url, [claim.sha256 or "" for claim in claims])
    claimed = await _claimed_wheel(case, claims)
    known = case.hashes.of(claimed.candidate.url)
    if len(known) > 1:
        return hash_conflict(case, claimed.candidate.url, known)
    # The claim may have borrowed the hash of the base's wheel: only that wheel itself shows it.
    if _may_be_borrowed(case, claimed) and case.base is not None:
        outcome = await case.examine_base(case.base)
        if outcome.verdict is Verdict.MATCH:
            return found(case, outcome, "base", is_base=True)
    # The wheel at the URL has to be equal to what is installed.
    outcome = await case.examiner.examine(
        claimed.candidate, is_hash_claimed=claimed.is_hash_claimed
    )
    if outcome.verdict is not Verdict.MATCH:
        return waived_or_unproved(case, [outcome])
    return await _by_equal_wheel(case, claimed, outcome)


async def _claimed_wheel(case: Case, claims: Sequence[Claim]) -> _Claimed:
    first = claims[0]
    files = tuple(claim.file for claim in claims if claim.file is not None)
    candidate = candidate_at(first.url, first.kind, first.sha256, claiming_files=files)
    listing, no_answer = await _listing(case, candidate, first)
    listed = listing.hashes_of(candidate.url)
    case.hashes.note_url(listing, candidate.url)
    sha256 = next(iter(case.hashes.of(candidate.url)), None)
    candidate = replace(candidate, sha256=sha256, index=listed.get(sha256 or ""))
    is_known = sha256 is None or sha256 in listed or _is_url_of_base(case, candidate)
    return _Claimed(first, candidate, listing, no_answer, is_hash_claimed=not is_known)


async def _listing(
    case: Case, candidate: Candidate, claim: Claim
) -> tuple[Listing, FetchError | None]:
    """The indexes' files of this version, and the error of an index that did not answer."""
    nothing = Listing((), ())
    if not case.sources.indexes or (claim.witnessed and not candidate.had_query):
        return nothing, None
    try:
        listing = await case.listing(short=True)
        if not listing.by_pages and not listing.hashes_of(candidate.url):
            listing = await case.listing()
    except FetchError as error:
        return nothing, error
    case.note_hashes(listing)
    return listing, None


def _is_url_of_base(case: Case, candidate: Candidate) -> bool:
    return case.base is not None and bare_url(case.base.entry.file_name) == bare_url(candidate.url)


def _may_be_borrowed(case: Case, claimed: _Claimed) -> bool:
    if claimed.claim.witnessed or not claimed.is_hash_claimed:
        return False
    return case.is_of_base(claimed.candidate.sha256)


async def _by_equal_wheel(case: Case, claimed: _Claimed, outcome: Outcome) -> Finding:
    """The finding where the wheel that the claim names is equal to what is installed."""
    # The claim must not have come with a wheel of the indexes.
    objection = await find_objection(case, outcome, claimed.listing, claimed.no_answer)
    if objection is not None and not case.is_waived(objection):
        return unproved(case, [objection])
    if outcome.candidate.sha256 is None and claimed.no_answer is not None:
        return Finding(problems=(problems.no_answer(case.distribution, claimed.no_answer),))
    # The very wheel of the base has the base's entry, whichever installer installed it.
    is_proved = claimed.claim.witnessed or outcome.downloaded or not claimed.is_hash_claimed
    is_base = is_proved and case.is_of_base(outcome.candidate.sha256)
    source = "base" if is_base else _hash_source(claimed)
    proof: Proof | None = None if objection is None else "accepted"
    return found(case, outcome, source, proof=proof, is_base=is_base)


def _hash_source(claimed: _Claimed) -> HashSource:
    if not claimed.is_hash_claimed:
        return "index"
    return "installer" if claimed.claim.witnessed else "claim"
