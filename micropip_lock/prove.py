"""Proof that one wheel at one URL is what is installed: the rules of evidence.

The rules are those of docs/evidence.md. Nothing here raises for a package that cannot be proved: the
answer is a `Finding` with problems, so that all packages are looked at and reported together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .candidate import Candidate, candidate_at, witnessed
from .errors import FetchError, Problem
from .evidence import WAIVABLE, BaseWheel, Evidence, Finding, Proof, Rules
from .examine import Examiner, Is, Outcome, distinct
from .fetch import Fetcher
from .fetch._meter import Meter
from .index import Indexes, Listing, Offer
from .installed import InstalledDistribution
from .origin import Claim, Origin, local_file
from .proved import Proved
from .store import Facts
from .target import Target
from .url import is_http, shown


class Prover:
    """Proves distributions, one after the other or many at once. It keeps no state of theirs.

    ``facts`` are what is known of wheels, ``proved`` the findings that may be taken over.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        indexes: Indexes,
        target: Target,
        rules: Rules,
        facts: Facts | None = None,
        proved: Proved | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._facts = facts
        self._proved = proved
        self._indexes = indexes
        self._target = target
        self._rules = rules
        self._base_is_down = False

    async def prove(
        self, distribution: InstalledDistribution, origin: Origin, base: BaseWheel | None = None
    ) -> Finding:
        """Prove ``distribution`` by its claims, else by the base's own wheel, else by the indexes."""
        case = _Case(self, distribution, Meter(self._fetcher))
        finding = await case.find(origin, base)
        if self._proved is not None and case.lasts and not self._base_is_down:
            self._proved.keep(distribution, origin, base, finding)
        return finding


class _Case:
    """One distribution on its way to a finding."""

    def __init__(self, prover: Prover, distribution: InstalledDistribution, fetcher: Meter) -> None:
        self._prover = prover
        self._rules = prover._rules
        self._distribution = distribution
        self._fetcher = fetcher
        self._examiner = Examiner(distribution, fetcher, self._rules, prover._facts)
        self._accepted = distribution.key in self._rules.accept_unproved
        #: The sha256 of the base's wheel, whoever else lists it.
        self._of_base: frozenset[str] = frozenset()
        #: Whether .dist-info and what servers said were all that was looked at: files on disk may change any time.
        self.lasts = self._rules.check_files != "hash"

    async def find(self, origin: Origin, base: BaseWheel | None) -> Finding:
        if base is not None:
            self._of_base = frozenset({base.entry.sha256})
            self.lasts = self.lasts and not base.local
        if origin.claims:
            return await self._by_claims(origin.claims, base)
        missed: list[Outcome] = []
        if base is not None:
            outcome = await self._examine_base(base)
            if outcome.verdict is Is.EQUAL:
                return self._found(outcome, is_base=True)
            missed.append(outcome)
        return await self._by_index(origin.index, missed)

    # -- claims: rules 2 and 3

    async def _by_claims(self, claims: Sequence[Claim], base: BaseWheel | None) -> Finding:
        seen = witnessed(self._distribution, claims)
        if seen is not None:
            return seen
        first = claims[0]
        candidate = candidate_at(first.url, first.kind, first.sha256, claiming_file=first.file)
        known = {claim.sha256 for claim in claims} - {None}
        # A hash belongs to the URL it came with: what is at another one may be other bytes.
        silence: FetchError | None = None
        own = {claim.sha256 for claim in claims if candidate_at(claim.url, claim.kind, None).url == candidate.url}
        if not (candidate.had_query and first.witnessed):
            listed, silence = await self._listed_sha256(candidate.url)
            own.add(listed)
        if len(known | own - {None}) > 1:
            return self._hash_conflict(candidate.url, sorted(filter(None, known | own)))
        candidate = replace(candidate, sha256=next(iter(own - {None}), None))
        outcome = await self._examiner.examine(candidate)
        if outcome.verdict is not Is.EQUAL:
            return self._accepted_or([outcome])
        if outcome.candidate.sha256 is None and silence is not None:
            return self._silent(silence)
        # The very wheel of the base has the base's entry, whoever installed it.
        is_base = base is not None and base.entry.sha256 == outcome.candidate.sha256
        return self._found(outcome, is_base=is_base)

    async def _listed_sha256(self, url: str) -> tuple[str | None, FetchError | None]:
        """The sha256 a configured index gives for this URL, or why none could be asked.

        Silence of the indexes is no objection, as long as a claim gives the hash.
        """
        if not self._prover._indexes:
            return None, None
        try:
            listing = await self._listing(short=True)
            if not listing.by_pages and listing.sha256_of(url) is None:
                listing = await self._listing()
        except FetchError as error:
            return None, error
        return listing.sha256_of(url), None

    # -- the base and the indexes: rules 4 and 5

    async def _examine_base(self, base: BaseWheel) -> Outcome:
        entry = base.entry
        copy = base.url if base.local else None
        candidate = Candidate(entry.file_name, "base", entry.sha256 or None, copy=copy)
        if self._prover._base_is_down:
            return Outcome(candidate, Is.UNREACHABLE, "cannot be reached")
        if base.local:
            outcome = await self._examiner.download(candidate)
        else:
            outcome = await self._examiner.examine(candidate)
            # One refused connection tells for the whole base; asking again for each package only takes time.
            if outcome.verdict is Is.UNREACHABLE and not outcome.gone:
                self._prover._base_is_down = True
        return outcome

    async def _by_index(self, first: str | None, missed: list[Outcome]) -> Finding:
        if not self._prover._indexes:
            return self._accepted_or(missed) if missed else self._no_index()
        try:
            listing = await self._listing(first, short=self._rules.proof == "content")
            finding = await self._by_listing(listing, missed)
            if not listing.by_pages and (finding.evidence is None or finding.evidence.proof not in _BY_CONTENT):
                finding = await self._by_listing(await self._listing(first), missed)
            return finding
        except FetchError as error:
            return self._silent(error)

    async def _listing(self, first: str | None = None, *, short: bool = False) -> Listing:
        """What the indexes list; ``short``: release documents may say it."""
        versions = self._distribution.versions
        version = next(iter(versions)) if short and len(versions) == 1 else None
        return await self._prover._indexes.project(self._distribution.key, self._fetcher, first=first, version=version)

    async def _by_listing(self, listing: Listing, missed: list[Outcome]) -> Finding:
        offers = listing.offers(self._distribution.key, self._distribution.versions)
        fitting = self._fitting(offers)
        if not fitting:
            undecided = [outcome for outcome in missed if outcome.verdict is not Is.OTHER]
            return self._accepted_or(undecided) if undecided else self._nothing_fits(listing, offers)
        by_metadata = self._by_metadata(fitting) if self._rules.proof == "metadata" else []
        # A page may list the base's own wheel: once its local copy was another one, its server need not be asked.
        decided = {outcome.candidate.sha256 for outcome in missed if outcome.verdict is Is.OTHER} - {None}
        candidates = [item for item in distinct(self._not_excluded(fitting)) if item.sha256 not in decided]
        outcomes = by_metadata or [await self._examiner.examine(candidate) for candidate in candidates]
        equal = _one_of_each([outcome for outcome in outcomes if outcome.verdict is Is.EQUAL])
        if len(equal) > 1:
            return await self._ambiguous(equal)
        # Another wheel that could as well be the one, and that nobody can read now, would be ambiguous tomorrow.
        silent = [outcome for outcome in outcomes if outcome.is_silent and self._is_certain(outcome.candidate, fitting)]
        if equal and silent and not self._accepted:
            return self._accepted_or(silent)
        if equal:
            return self._found(equal[0], proof="metadata" if by_metadata else None)
        return self._accepted_or([*missed, *outcomes], offers=fitting)

    def _fitting(self, offers: Sequence[Offer]) -> list[Offer]:
        """The wheels that fit the target: those with the installed tags and build first, then the best tags."""

        def order(offer: Offer) -> tuple[bool, int]:
            return not self._same_tags(offer), self._prover._target.rank(offer.file.tags) or 0

        wheels = [offer for offer in offers if offer.file.kind == "wheel"]
        return sorted((offer for offer in wheels if self._prover._target.rank(offer.file.tags) is not None), key=order)

    def _same_tags(self, offer: Offer) -> bool:
        wheel = self._distribution.wheel
        return offer.file.tags == wheel.tags and offer.file.build == wheel.build

    def _not_excluded(self, offers: Sequence[Offer]) -> list[Offer]:
        """Without the wheels whose METADATA is another one by the page's own word.

        When that leaves none, the best one is looked at all the same, to be able to say what differs.
        """
        own = self._distribution.metadata_sha256
        return [offer for offer in offers if offer.file.metadata_sha256 in (None, "", own)] or list(offers[:1])

    def _by_metadata(self, offers: Sequence[Offer]) -> list[Outcome]:
        """Rule 5: METADATA, tags and build are equal by the page's own word."""
        own = self._distribution.metadata_sha256
        same = [offer for offer in offers if offer.file.metadata_sha256 == own and self._same_tags(offer)]
        candidates = distinct([offer for offer in same if offer.file.sha256])
        return [Outcome(candidate, Is.EQUAL, size=candidate.size) for candidate in candidates]

    async def _ambiguous(self, equal: Sequence[Outcome]) -> Finding:
        if self._rules.download:
            downloaded = [await self._examiner.download(outcome.candidate) for outcome in equal]
            honest = [
                outcome
                for outcome in downloaded
                if outcome.verdict is Is.EQUAL and outcome.downloaded and outcome.downloaded.honest
            ]
            if honest:
                return self._found(honest[0])
        urls = " and ".join(shown(outcome.candidate.url) for outcome in equal)
        return self._problem(
            "ambiguous-index",
            f"{len(equal)} wheels with different bytes hold exactly what is installed: {urls}.",
            "Name one index only, or let --download choose: it drops what contradicts its own RECORD, then takes "
            "the first index.",
            equal[0].candidate.url,
        )

    # -- findings

    def _found(self, outcome: Outcome, *, proof: Proof | None = None, is_base: bool = False) -> Finding:
        candidate = outcome.candidate
        if not is_http(candidate.url) and not is_base:
            return Finding(problems=(local_file(self._distribution, candidate.url),))
        self.lasts = self.lasts and not outcome.opened
        if candidate.sha256 is None:
            return self._problem(
                "hash-missing",
                f"{shown(candidate.url)} holds what is installed, but nobody gives its sha256.",
                "Compute it from the wheel with --download.",
                candidate.url,
            )
        if proof is None:
            proof = "download" if outcome.downloaded and not is_base else "content"
        evidence = Evidence(
            package=self._distribution.key,
            version=self._distribution.version,
            claim=candidate.claim,
            proof=proof,
            url=candidate.url,
            sha256=candidate.sha256,
            size=outcome.size or candidate.size,
            index=candidate.index,
            requests=self._fetcher.requests,
            bytes=self._fetcher.bytes,
        )
        warnings = () if candidate.yanked is None else (self._yanked(candidate.yanked),)
        return Finding(evidence, warnings=warnings, is_base=is_base)

    def _yanked(self, reason: str) -> Problem:
        distribution = self._distribution
        return Problem(
            "yanked",
            distribution.key,
            distribution.version,
            f"this release was yanked by its authors{f': {reason}' if reason else ''}.",
            f"Install another version of {distribution.metadata.name} if you can.",
        )

    def _accepted_or(self, outcomes: Sequence[Outcome], *, offers: Sequence[Offer] = ()) -> Finding:
        """The problem that says most, unless the user accepts it and there is a URL with a hash."""
        order = list(Is)
        worst = min(outcomes, key=lambda outcome: order.index(outcome.verdict))
        code = worst.verdict.value
        if self._accepted and code in WAIVABLE and self._is_certain(worst.candidate, offers):
            return self._found(worst, proof="accepted", is_base=worst.candidate.claim == "base")
        if worst.candidate.had_query:
            return self._problem(
                "query-needed",
                f"its URL needs a query, which may be a secret: without it "
                f"{shown(worst.candidate.url)} {worst.reason}.",
                "Publish the wheel at a URL that needs no query, and install it from there.",
                worst.candidate.url,
            )
        if worst.verdict is Is.OTHER and len(outcomes) > 1:
            message = f"none of {len(outcomes)} wheels holds what is installed; {shown(worst.candidate.url)} "
        else:
            message = f"{shown(worst.candidate.url)} "
        is_base = worst.candidate.claim == "base" or worst.candidate.sha256 in self._of_base
        hint = _BASE_DIR if worst.verdict is Is.UNREACHABLE and is_base else _HINTS[code]
        return self._problem(code, message + worst.reason + ".", hint, worst.candidate.url)

    def _is_certain(self, candidate: Candidate, offers: Sequence[Offer]) -> bool:
        """Whether URL and sha256 come from one claim or page, and the file name is that of what is installed."""
        if candidate.sha256 is None or candidate.had_query:
            return False
        same = {offer.file.sha256 for offer in offers if self._same_tags(offer)}
        return candidate.claim != "index" or candidate.sha256 in same

    def _hash_conflict(self, url: str, hashes: Sequence[str]) -> Finding:
        return self._problem(
            "hash-conflict",
            f"claims, report and index disagree about the sha256 of {shown(url)}: {', '.join(hashes)}.",
            "Install it again; if that does not help, the file was replaced: ask whoever publishes it.",
            url,
        )

    def _no_index(self) -> Finding:
        return self._problem(
            "no-such-project",
            "nothing says where it came from, and no index is configured to look for it.",
            "Name the index it was installed from: --index-url https://index.example/simple",
        )

    def _silent(self, error: FetchError) -> Finding:
        return self._problem(error.code, str(error), _HINTS[error.code], error.url)

    def _nothing_fits(self, listing: Listing, offers: Sequence[Offer]) -> Finding:
        version, where = self._distribution.version, ", ".join(listing.asked) or "the links"
        if not (listing.known or offers):
            return self._problem(
                "no-such-project",
                f"there is no such project on {where}.",
                "Name the index it was installed from with --index-url. Was it installed from a file or folder?",
            )
        if not offers:
            return self._problem(
                "no-such-version",
                f"there is no version {version} on {where}.",
                "Install a version that is there, or name the index it was installed from with --index-url.",
            )
        if all(offer.file.kind == "sdist" for offer in offers):
            return self._problem(
                "sdist",
                f"{where} has only an sdist of version {version}, so it was built on this machine.",
                "Install a version that has a wheel, or build and publish one.",
            )
        return self._problem(
            "no-matching-wheel",
            f"no wheel of version {version} on {where} fits {self._prover._target}.",
            "Install a version that has a fitting wheel: "
            f"pip install --only-binary=:all: --force-reinstall {self._distribution.metadata.name}",
        )

    def _problem(self, code: str, message: str, hint: str, url: str | None = None) -> Finding:
        distribution = self._distribution
        hint = hint.replace("{name}", distribution.metadata.name).replace("{version}", distribution.version)
        problem = Problem(code, distribution.key, distribution.version, message, hint, shown(url) if url else None)
        return Finding(problems=(problem,))


#: What a release document may decide by itself: which wheel it is, the wheel has shown.
_BY_CONTENT = frozenset({"content", "download"})

_HINTS = {
    "forged-claim": "Do not trust this wheel: it forges where it comes from. Install {name} from an index.",
    "files-changed": "Something was added after it was installed: pip install --force-reinstall {name}=={version}",
    "weak-record": "Its RECORD has no sha256 for some files; only --download can compare them.",
    "no-ranges": "Let it be downloaded with --download, or accept the index's word with --proof metadata.",
    "not-allowed": "Give credentials for the index: in its URL, in netrc, in a keyring, or in pip's configuration.",
    "unreachable": "Try again later, or check the network, the proxy and (in a browser) the server's CORS headers.",
    "content-mismatch": "It was built from an sdist, edited, or comes from another index. Install the published wheel: "
    "pip install --only-binary=:all: --force-reinstall {name}=={version}",
}

_BASE_DIR = (
    "Try again later, or check the network and the proxy. Without network: get the full distribution of this Pyodide "
    "once, and name its folder with --base-dir."
)


def _one_of_each(equal: Sequence[Outcome]) -> list[Outcome]:
    """One outcome for each sha256, http(s) first. Where a sha256 is known, those without one say nothing more."""
    found: dict[str | None, Outcome] = {}
    for outcome in sorted(equal, key=lambda outcome: not is_http(outcome.candidate.url)):
        found.setdefault(outcome.candidate.sha256, outcome)
    unknown = found.pop(None, None)
    return list(found.values()) or [outcome for outcome in (unknown,) if outcome is not None]
