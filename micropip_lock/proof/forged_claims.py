"""Rule 3 of docs/evidence.md: whether a claim came with a wheel that the indexes have.

A wheel with the installed contents that ships the file which makes the claim shows that the claim
was installed with it.
"""

from __future__ import annotations

from dataclasses import replace

from .._util.text import clause
from .._util.url import normalized, without_credentials
from ..errors import FetchError
from ..index.client import Listing, Offer
from .candidate import Candidate
from .case import MOST_CANDIDATES, Case
from .examination import Outcome, Verdict


async def find_objection(
    case: Case, claimed: Outcome, listing: Listing, no_answer: FetchError | None
) -> Outcome | None:
    """The outcome that contradicts a claim by a file, or leaves it undecided; None: neither.

    ``claimed`` is that of the wheel which the claim names, ``no_answer`` the error of an index that
    did not give its ``listing``.
    """
    files = claimed.candidate.claiming_files
    if not files:
        return None
    if no_answer is not None:
        return _not_compared(claimed, no_answer)
    is_hash_claimed = not listing.hashes_of(claimed.candidate.url)
    others = _other_wheels(case, listing, claimed.candidate, any_tags=is_hash_claimed)
    undecided = None
    for candidate in others[:MOST_CANDIDATES]:
        outcome = await case.examiner.examine(replace(candidate, claiming_files=files))
        if outcome.verdict is Verdict.FORGED:
            return outcome
        if undecided is None and _leaves_open(outcome, is_hash_claimed):
            undecided = outcome
    if undecided is None and len(others) > MOST_CANDIDATES:
        return _too_many(claimed, len(others))
    return undecided


def _not_compared(claimed: Outcome, error: FetchError) -> Outcome:
    verdict = Verdict.NOT_ALLOWED if error.code == "not-allowed" else Verdict.UNREACHABLE
    reason = f"cannot be compared with the wheels of the indexes: {clause(error)}"
    return Outcome(claimed.candidate, verdict, reason)


def _leaves_open(outcome: Outcome, is_hash_claimed: bool) -> bool:
    """Whether a wheel that cannot be read may be the installed one, and ship the file."""
    if outcome.wheel is not None:
        return False
    return is_hash_claimed or outcome.verdict is not Verdict.GONE


def _too_many(claimed: Outcome, others: int) -> Outcome:
    reason = (
        f"is one of {others + 1} wheels of this version, and no more than {MOST_CANDIDATES} are "
        "read"
    )
    return Outcome(claimed.candidate, Verdict.AMBIGUOUS, reason)


def _other_wheels(
    case: Case, listing: Listing, claimed: Candidate, *, any_tags: bool
) -> list[Candidate]:
    """The wheels of this version on the indexes but for the claimed one, those that fit the target
    first.

    With ``any_tags`` those that do not fit as well, for a publisher may give a file any name.
    """
    key = case.distribution.key
    offers = listing.offers(key, listing.with_local(key, case.distribution.versions))
    wheels = case.fitting(offers)
    if any_tags:
        wheels += case.likely(_without(offers, wheels))
    found: dict[str, Candidate] = {}
    for offer in wheels:
        file = offer.file
        # Its query stays, for another one may be another file.
        url = without_credentials(file.url)
        if normalized(url) != normalized(claimed.url):
            candidate = Candidate(url, "index", file.sha256, size=file.size, index=offer.index)
            found.setdefault(file.sha256 or url, candidate)
    return list(found.values())


def _without(offers: list[Offer], fitting: list[Offer]) -> list[Offer]:
    """The wheels among ``offers`` whose names ``fitting`` does not have."""
    names = {offer.file.filename for offer in fitting}
    return [
        offer for offer in offers if offer.file.kind == "wheel" and offer.file.filename not in names
    ]
