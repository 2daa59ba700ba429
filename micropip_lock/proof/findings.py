"""From what was seen of wheels to a `Finding`: evidence, or the problem that says most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .._util.url import is_http
from ..errors import Problem
from ..index.client import Offer
from ..installed.origin import local_file
from . import problems
from .candidate import Candidate
from .case import Case
from .evidence import Evidence, Finding, HashSource, Proof
from .examination import Outcome, Verdict
from .hashes import claimed_hash


def found(
    case: Case,
    outcome: Outcome,
    source: HashSource,
    *,
    proof: Proof | None = None,
    is_base: bool = False,
) -> Finding:
    """The evidence that the wheel of ``outcome`` is installed, as far as a lock can name it.

    ``source`` is that of its sha256; ``proof`` is what showed it, where contents did not.
    """
    obstacle = _obstacle(case, outcome, is_base)
    if obstacle is not None:
        return obstacle
    case.cacheable = case.cacheable and not outcome.read_disk
    candidate, wheel = outcome.candidate, outcome.wheel
    assert candidate.sha256 is not None  # else it is an obstacle
    proof = _proof(outcome, proof, is_base)
    if proof == "download":
        source = "download"
    evidence = Evidence(
        package=case.distribution.key,
        version=case.distribution.version,
        claim=candidate.claim,
        proof=proof,
        url=candidate.url,
        sha256=candidate.sha256,
        size=outcome.size or candidate.size,
        index=candidate.index,
        requests=case.fetcher.requests,
        bytes=case.fetcher.bytes,
        hash_from=source,
    )
    return Finding(
        evidence,
        warnings=tuple(_warnings(case, candidate, source)),
        is_base=is_base,
        explains_files=wheel is not None,
        modules=None if wheel is None or is_base else wheel.modules,
    )


def _obstacle(case: Case, outcome: Outcome, is_base: bool) -> Finding | None:
    """Why a lock cannot name the wheel that was found."""
    distribution, candidate = case.distribution, outcome.candidate
    if not is_http(candidate.url) and not is_base:
        return Finding(problems=(local_file(distribution, candidate.url),))
    if candidate.sha256 is None:
        return Finding(problems=(problems.hash_missing(distribution, candidate),))
    if outcome.edited and not case.is_accepted:
        problem = problems.files_changed(distribution, outcome.edited)
        return Finding(problems=(problem,), explains_files=True)
    return None


def _proof(outcome: Outcome, proof: Proof | None, is_base: bool) -> Proof:
    if outcome.edited:
        return "accepted"
    if proof is not None:
        return proof
    return "download" if outcome.downloaded and not is_base else "content"


def _warnings(case: Case, candidate: Candidate, source: HashSource) -> Iterable[Problem]:
    distribution = case.distribution
    if candidate.yanked is not None:
        yield problems.yanked(distribution, candidate.yanked)
    if source == "claim":
        known = case.hashes.of(candidate.url)
        claim = known.get(candidate.sha256 or "", f"the {candidate.claim}")
        hint = "Compute it from the wheel with --download, or name the index that lists this wheel."
        yield claimed_hash(distribution.key, distribution.version, candidate.url, claim, hint)


def waived_or_unproved(
    case: Case, outcomes: Sequence[Outcome], *, offers: Sequence[Offer] = ()
) -> Finding:
    """The problem that says most, unless the user accepts it and there is a URL with a hash.

    ``offers`` are the wheels of the page that fit.
    """
    closest = _closest(outcomes)
    candidate = closest.candidate
    if not (case.is_waived(closest) and is_certain(case, candidate, offers)):
        return unproved(case, outcomes)
    if candidate.claim == "base":
        return found(case, closest, "base", proof="accepted", is_base=True)
    return found(case, closest, "index" if candidate.index else "claim", proof="accepted")


def unproved(case: Case, outcomes: Sequence[Outcome]) -> Finding:
    """The problem that says most of wheels that did not prove."""
    closest = _closest(outcomes)
    candidate = closest.candidate
    is_base = candidate.claim == "base" or case.is_of_base(candidate.sha256)
    problem = problems.not_proved(case.distribution, closest, wheels=len(outcomes), is_base=is_base)
    explains_files = closest.verdict is Verdict.RECORD_WRONG
    return Finding(problems=(problem,), explains_files=explains_files)


def _closest(outcomes: Sequence[Outcome]) -> Outcome:
    """The most informative outcome: that of the wheel that is most like the installed files."""
    order = list(Verdict)
    return min(outcomes, key=lambda outcome: order.index(outcome.verdict))


def is_certain(case: Case, candidate: Candidate, offers: Sequence[Offer]) -> bool:
    """Whether URL and sha256 come from one claim or page, and no other wheel of the page is as
    likely.
    """
    if candidate.sha256 is None or candidate.had_query:
        return False
    if len(case.hashes.of(candidate.url)) > 1:
        return False
    if candidate.claim != "index":
        return True
    same = {offer.file.sha256 for offer in offers if case.has_same_tags(offer)}
    if same:
        return candidate.sha256 in same
    return len(offers) == 1 and candidate.sha256 == offers[0].file.sha256


def hash_conflict(case: Case, url: str, hashes: Iterable[str]) -> Finding:
    """The problem that ``hashes`` contradict each other about the file at ``url``."""
    distribution = case.distribution
    problem = case.hashes.conflict_of(distribution.key, distribution.version, url, hashes)
    return Finding(problems=(problem,))
