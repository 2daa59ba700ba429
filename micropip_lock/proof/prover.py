"""Proof that one wheel at one URL is what is installed: the rules of evidence.

The rules are those of docs/evidence.md. Nothing here raises for a package that cannot be proved:
the answer is a `Finding` with problems, so that all packages are examined and reported together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .._util.text import first_few
from .._util.url import bare_url, is_http, normalized, shown, without_credentials
from ..errors import FetchError, Problem
from ..formats.target import Target
from ..index.client import Indexes, Listing, Offer
from ..installed.distribution import InstalledDistribution
from ..installed.hints import reinstall
from ..installed.import_names import wheel_modules
from ..installed.origin import Claim, Origin, local_file
from ..network import Fetcher
from ..network.meter import Meter
from ..storage import Facts
from .candidate import Candidate, candidate_at, witnessed
from .evidence import THE_BASE, WAIVABLE, BaseWheel, Evidence, Finding, HashSource, Proof, Rules
from .examination import MATCHES, Examiner, Outcome, Verdict, distinct
from .hashes import Hashes, claimed_hash
from .memory import Proved

#: Of one version no more wheels are examined: an index with thousands of them would keep a run busy
#: for hours.
MOST_CANDIDATES = 64


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
        self,
        distribution: InstalledDistribution,
        origin: Origin,
        base: BaseWheel | None = None,
        changed: Sequence[str] = (),
    ) -> Finding:
        """Prove ``distribution`` by its claims, else by the base's own wheel, else by the indexes.

        ``changed`` are its files that are not as its RECORD says.
        """
        case = _Case(self, distribution, Meter(self._fetcher), changed)
        finding = await case.find(origin, base)
        if self._proved is not None and case.cacheable and not (changed or self._base_is_down):
            self._proved.keep(distribution, origin, base, finding)
        return finding


class _Case:
    """One distribution on its way to a finding."""

    def __init__(
        self,
        prover: Prover,
        distribution: InstalledDistribution,
        fetcher: Meter,
        changed: Sequence[str],
    ) -> None:
        self._prover = prover
        self._rules = prover._rules
        self._distribution = distribution
        self._fetcher = fetcher
        self._changed = changed
        self._examiner = Examiner(distribution, fetcher, self._rules, prover._facts, changed)
        self._accepted = distribution.key in self._rules.accept_unproved
        #: The sha256 of the base's wheel, even if an index lists it, too.
        self._of_base: frozenset[str] = frozenset()
        self._hashes = Hashes()
        #: Whether .dist-info and what servers said were all that was read: files on disk may change
        #: any time.
        self.cacheable = self._rules.check_files != "hash"

    async def find(self, origin: Origin, base: BaseWheel | None) -> Finding:
        if base is not None:
            self._of_base = frozenset({base.entry.sha256})
            self._hashes.note(base.entry.file_name, base.entry.sha256, THE_BASE)
            self.cacheable = self.cacheable and not base.local
        if origin.claims:
            return await self._by_claims(origin.claims, base)
        missed: list[Outcome] = []
        if base is not None:
            outcome = await self._examine_base(base)
            if outcome.verdict is Verdict.MATCH:
                return self._found(outcome, "base", is_base=True)
            missed.append(outcome)
        return await self._by_index(origin.index, missed)

    # -- claims: rules 2 and 3

    async def _by_claims(self, claims: Sequence[Claim], base: BaseWheel | None) -> Finding:
        if not self._changed and (seen := witnessed(self._distribution, claims)) is not None:
            return seen
        first = claims[0]
        files = tuple(claim.file for claim in claims if claim.file is not None)
        candidate = candidate_at(first.url, first.kind, first.sha256, claiming_files=files)
        for claim in claims:
            self._hashes.note(claim.url, claim.sha256, claim.file or f"the {claim.kind}")
        if len({claim.sha256 for claim in claims} - {None}) > 1:
            return self._hash_conflict(first.url, [claim.sha256 or "" for claim in claims])
        listing, silence = await self._listing_of_claim(candidate, first)
        listed = listing.hashes_of(candidate.url)
        self._hashes.note_url(listing, candidate.url)
        known = list(self._hashes.of(candidate.url))
        if len(known) > 1:
            return self._hash_conflict(candidate.url, known)
        sha256 = known[0] if known else None
        candidate = replace(candidate, sha256=sha256, index=listed.get(sha256 or ""))
        is_base_url = base is not None and bare_url(base.entry.file_name) == bare_url(candidate.url)
        is_claimed = sha256 is not None and sha256 not in listed and not is_base_url
        if is_claimed and base is not None and sha256 in self._of_base and not first.witnessed:
            # The claim may have borrowed the hash of the base's wheel: only that wheel itself shows
            # it.
            of_base = await self._examine_base(base)
            if of_base.verdict is Verdict.MATCH:
                return self._found(of_base, "base", is_base=True)
        outcome = await self._examiner.examine(candidate, is_hash_claimed=is_claimed)
        if outcome.verdict is not Verdict.MATCH:
            return self._accepted_or([outcome])
        objection = await self._objection(listing, outcome, silence)
        if objection is not None and not self._is_waived(objection):
            return self._unproved([objection])
        if outcome.candidate.sha256 is None and silence is not None:
            return self._silent(silence)
        # The very wheel of the base has the base's entry, whichever installer installed it.
        is_trusted = not is_claimed or first.witnessed or outcome.downloaded
        is_base = outcome.candidate.sha256 in self._of_base and is_trusted
        source = _source_of_claim(first, is_base=is_base, is_claimed=is_claimed)
        proof: Proof | None = None if objection is None else "accepted"
        return self._found(outcome, source, proof=proof, is_base=is_base)

    async def _listing_of_claim(
        self, candidate: Candidate, claim: Claim
    ) -> tuple[Listing, FetchError | None]:
        """The indexes' files of this version, and the error of an index that did not answer."""
        nothing = Listing((), ())
        if not self._prover._indexes or (claim.witnessed and not candidate.had_query):
            return nothing, None
        try:
            listing = await self._listing(short=True)
            if not listing.by_pages and not listing.hashes_of(candidate.url):
                listing = await self._listing()
        except FetchError as error:
            return nothing, error
        self._note_hashes(listing)
        return listing, None

    async def _objection(
        self, listing: Listing, claimed: Outcome, silence: FetchError | None
    ) -> Outcome | None:
        """The outcome that contradicts a claim by a file, or leaves it undecided; None: neither.

        A wheel with the installed contents that ships that file shows that the claim was installed
        with it.
        """
        files = claimed.candidate.claiming_files
        if not files:
            return None
        if silence is not None:
            verdict = Verdict.NOT_ALLOWED if silence.code == "not-allowed" else Verdict.UNREACHABLE
            reason = (
                f"cannot be compared with the wheels of the indexes: {str(silence).rstrip('.')}"
            )
            return Outcome(claimed.candidate, verdict, reason)
        is_hash_claimed = not listing.hashes_of(claimed.candidate.url)
        others = self._other_wheels(listing, claimed.candidate, any_tags=is_hash_claimed)
        undecided = None
        for candidate in others[:MOST_CANDIDATES]:
            outcome = await self._examiner.examine(replace(candidate, claiming_files=files))
            if outcome.verdict is Verdict.FORGED:
                return outcome
            # One that cannot be read may be the wheel that was installed, and ship the file.
            if outcome.contents is None and (
                is_hash_claimed or outcome.verdict is not Verdict.GONE
            ):
                undecided = undecided or outcome
        if undecided is None and len(others) > MOST_CANDIDATES:
            reason = (
                f"is one of {len(others) + 1} wheels of this version, and no more than "
                f"{MOST_CANDIDATES} are read"
            )
            return Outcome(claimed.candidate, Verdict.AMBIGUOUS, reason)
        return undecided

    def _other_wheels(
        self, listing: Listing, claimed: Candidate, *, any_tags: bool
    ) -> list[Candidate]:
        """The wheels of this version on the indexes but for the claimed one, those that fit the
        target first.

        With ``any_tags`` those that do not fit as well, for a publisher may give a file any name.
        """
        key, own = self._distribution.key, self._distribution.metadata_sha256
        offers = listing.offers(key, listing.with_local(key, self._distribution.versions))
        wheels = self._fitting(offers)
        if any_tags:
            fitting = {offer.file.filename for offer in wheels}
            rest = [
                offer
                for offer in offers
                if offer.file.kind == "wheel" and offer.file.filename not in fitting
            ]
            wheels += [offer for offer in rest if offer.file.metadata_sha256 in (None, "", own)]
        found: dict[str, Candidate] = {}
        for offer in wheels:
            file = offer.file
            url = without_credentials(
                file.url
            )  # its query as well, for another one may be another file
            if normalized(url) != normalized(claimed.url):
                candidate = Candidate(url, "index", file.sha256, size=file.size, index=offer.index)
                found.setdefault(file.sha256 or url, candidate)
        return list(found.values())

    def _is_waived(self, outcome: Outcome) -> bool:
        return self._accepted and outcome.verdict.value in WAIVABLE

    # -- the base and the indexes: rules 4 and 5

    async def _examine_base(self, base: BaseWheel) -> Outcome:
        entry = base.entry
        copy = base.url if base.local else None
        candidate = Candidate(entry.file_name, "base", entry.sha256 or None, copy=copy)
        if self._prover._base_is_down:
            return Outcome(candidate, Verdict.UNREACHABLE, "cannot be reached")
        if base.local:
            return await self._examiner.download(candidate)
        outcome = await self._examiner.examine(candidate)
        # One refused connection stands for the whole base; a request for each package would only
        # take time.
        if outcome.verdict is Verdict.UNREACHABLE:
            self._prover._base_is_down = True
        return outcome

    async def _by_index(self, first: str | None, missed: list[Outcome]) -> Finding:
        if not self._prover._indexes:
            return self._accepted_or(missed) if missed else self._no_index()
        try:
            listing = await self._listing(first, short=self._rules.proof == "content")
            finding = await self._by_listing(listing, missed)
            if not listing.by_pages and (
                finding.evidence is None or finding.evidence.proof not in _BY_CONTENT
            ):
                finding = await self._by_listing(await self._listing(first), missed)
            return finding
        except FetchError as error:
            return self._silent(error)

    async def _listing(self, first: str | None = None, *, short: bool = False) -> Listing:
        """What the indexes list; ``short``: release documents may say it."""
        versions = self._distribution.versions
        version = next(iter(versions)) if short and len(versions) == 1 else None
        return await self._prover._indexes.project(
            self._distribution.key, self._fetcher, first=first, version=version
        )

    def _note_hashes(self, listing: Listing) -> list[Offer]:
        """The files of this version, whose hashes are remembered."""
        return self._hashes.note_listing(
            listing, self._distribution.key, self._distribution.versions
        )

    async def _by_listing(self, listing: Listing, missed: list[Outcome]) -> Finding:
        offers = self._note_hashes(listing)
        fitting = self._fitting(offers)
        if not fitting:
            undecided = [outcome for outcome in missed if outcome.verdict is not Verdict.OTHER]
            return (
                self._accepted_or(undecided) if undecided else self._nothing_fits(listing, offers)
            )
        by_metadata = self._by_metadata(fitting) if self._rules.proof == "metadata" else []
        outcomes = by_metadata or await self._examine_all(fitting, missed)
        equal = _one_of_each([outcome for outcome in outcomes if outcome.verdict is Verdict.MATCH])
        for outcome in equal:
            url = outcome.candidate.url
            self._hashes.note_url(listing, url)
            if len(self._hashes.of(url)) > 1:
                return self._hash_conflict(url, self._hashes.of(url))
        if len(equal) > 1:
            return await self._ambiguous(equal)
        # Another wheel that could as well be the one, and that cannot be read now, would be
        # ambiguous tomorrow.
        silent = [
            outcome
            for outcome in outcomes
            if outcome.is_silent and self._is_certain(outcome.candidate, fitting)
        ]
        if equal and silent and not self._accepted:
            return self._accepted_or(silent)
        if equal:
            return self._found(equal[0], "index", proof="metadata" if by_metadata else None)
        return self._accepted_or([*missed, *outcomes], offers=fitting)

    async def _examine_all(
        self, fitting: Sequence[Offer], missed: Sequence[Outcome]
    ) -> list[Outcome]:
        """Examine the wheels of this version, those first whose METADATA may be equal by the page's
        hash.

        The page may be wrong about METADATA, so that the others are examined before anything is
        refused.
        """
        # A page may list the base's own wheel: if its local copy was another one, no request is
        # needed.
        decided = {
            outcome.candidate.sha256 for outcome in missed if outcome.verdict is Verdict.OTHER
        } - {None}
        own = self._distribution.metadata_sha256
        likely = [offer for offer in fitting if offer.file.metadata_sha256 in (None, "", own)]
        outcomes: list[Outcome] = []
        seen = set(decided)
        for offers in (likely, fitting):
            for candidate in distinct(offers):
                identity = candidate.sha256 or candidate.url
                if identity in seen or len(outcomes) == MOST_CANDIDATES:
                    continue
                seen.add(identity)
                outcomes.append(await self._examiner.examine(candidate))
            if any(outcome.verdict in MATCHES for outcome in outcomes):
                break
        return outcomes

    def _fitting(self, offers: Sequence[Offer]) -> list[Offer]:
        """The wheels that fit the target: those with the installed tags and build first.

        Then those with the best tags follow.
        """

        def order(offer: Offer) -> tuple[bool, int]:
            return not self._same_tags(offer), self._prover._target.rank(offer.file.tags) or 0

        wheels = [offer for offer in offers if offer.file.kind == "wheel"]
        return sorted(
            (offer for offer in wheels if self._prover._target.rank(offer.file.tags) is not None),
            key=order,
        )

    def _same_tags(self, offer: Offer) -> bool:
        wheel = self._distribution.wheel
        return offer.file.tags == wheel.tags and offer.file.build == wheel.build

    def _by_metadata(self, offers: Sequence[Offer]) -> list[Outcome]:
        """Rule 5: METADATA, tags and build are equal by the page's data."""
        own = self._distribution.metadata_sha256
        same = [
            offer
            for offer in offers
            if offer.file.metadata_sha256 == own and self._same_tags(offer)
        ]
        candidates = distinct([offer for offer in same if offer.file.sha256])
        return [Outcome(candidate, Verdict.MATCH, size=candidate.size) for candidate in candidates]

    async def _ambiguous(self, equal: Sequence[Outcome]) -> Finding:
        if self._rules.download:
            downloaded = [await self._examiner.download(outcome.candidate) for outcome in equal]
            for outcome in downloaded:
                if (
                    outcome.verdict is Verdict.MATCH
                    and outcome.contents
                    and not outcome.contents.wrong_rows
                ):
                    return self._found(outcome, "index")
        urls = " and ".join(shown(outcome.candidate.url) for outcome in equal)
        return self._problem(
            "ambiguous-index",
            f"{len(equal)} wheels with different bytes hold exactly what is installed: {urls}.",
            "Name one index only, or let --download choose: it drops what contradicts its own "
            "RECORD, then takes the first index.",
            equal[0].candidate.url,
        )

    # -- findings

    def _found(
        self,
        outcome: Outcome,
        source: HashSource,
        *,
        proof: Proof | None = None,
        is_base: bool = False,
    ) -> Finding:
        candidate = outcome.candidate
        if not is_http(candidate.url) and not is_base:
            return Finding(problems=(local_file(self._distribution, candidate.url),))
        if candidate.sha256 is None:
            return self._without_hash(candidate)
        if outcome.edited and not self._accepted:
            return self._edited(outcome)
        self.cacheable = self.cacheable and not outcome.read_disk
        if proof is None:
            proof = "download" if outcome.downloaded and not is_base else "content"
        if outcome.edited:
            proof = "accepted"
        if proof == "download":
            source = "download"
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
            hash_from=source,
        )
        warnings = []
        if candidate.yanked is not None:
            warnings.append(self._yanked(candidate.yanked))
        if source == "claim":
            warnings.append(self._claimed_hash(candidate))
        modules = None
        if outcome.contents is not None and not is_base:
            modules = wheel_modules(outcome.contents.members, outcome.contents.dist_info)
        explains_files = outcome.contents is not None
        return Finding(
            evidence,
            warnings=tuple(warnings),
            is_base=is_base,
            explains_files=explains_files,
            modules=modules,
        )

    def _without_hash(self, candidate: Candidate) -> Finding:
        if candidate.had_query:
            return self._problem(
                "query-needed",
                "its URL has a query, which may be a secret and is written nowhere, and no "
                f"sha256 is known of {shown(candidate.url)} without it.",
                "Compute it from the wheel with --download, or install it from a URL that needs "
                "no query.",
                candidate.url,
            )
        return self._problem(
            "hash-missing",
            f"{shown(candidate.url)} holds what is installed, but no claim and no index gives its "
            "sha256.",
            "Compute it from the wheel with --download.",
            candidate.url,
        )

    def _edited(self, outcome: Outcome) -> Finding:
        finding = self._problem(
            "files-changed",
            "files are missing or were edited after it was installed: "
            f"{first_few(outcome.edited)}.",
            reinstall(self._distribution),
        )
        return replace(finding, explains_files=True)

    def _yanked(self, reason: str) -> Problem:
        distribution = self._distribution
        return Problem(
            "yanked",
            distribution.key,
            distribution.version,
            f"this release was yanked by its authors{f': {reason}' if reason else ''}.",
            f"Install another version of {distribution.metadata.name} if you can.",
        )

    def _claimed_hash(self, candidate: Candidate) -> Problem:
        distribution = self._distribution
        named = self._hashes.of(candidate.url).get(candidate.sha256 or "", f"the {candidate.claim}")
        hint = "Compute it from the wheel with --download, or name the index that lists this wheel."
        return claimed_hash(distribution.key, distribution.version, candidate.url, named, hint)

    def _accepted_or(self, outcomes: Sequence[Outcome], *, offers: Sequence[Offer] = ()) -> Finding:
        """The problem that says most, unless the user accepts it and there is a URL with a hash."""
        closest = _closest(outcomes)
        if self._is_waived(closest) and self._is_certain(closest.candidate, offers):
            is_base = closest.candidate.claim == "base"
            source: HashSource = "index" if closest.candidate.index else "claim"
            return self._found(
                closest, "base" if is_base else source, proof="accepted", is_base=is_base
            )
        return self._unproved(outcomes)

    def _unproved(self, outcomes: Sequence[Outcome]) -> Finding:
        """The problem that says most of wheels that did not prove."""
        closest = _closest(outcomes)
        verdict, candidate = closest.verdict, closest.candidate
        code, url = verdict.value, shown(candidate.url)
        if verdict is Verdict.RECORD_WRONG:
            finding = self._problem(
                code,
                f"the RECORD of the wheel {url} is wrong about {closest.reason}. Its publisher "
                "made it so.",
                "Installing it again changes nothing. Prove its bytes with --download, or install "
                "another version.",
                candidate.url,
            )
            return replace(finding, explains_files=True)
        if candidate.had_query:
            return self._problem(
                "query-needed",
                f"its URL needs a query, which may be a secret: without it {url} {closest.reason}.",
                "Publish the wheel at a URL that needs no query, and install it from there.",
                candidate.url,
            )
        message = f"{url} {closest.reason}."
        if verdict is Verdict.OTHER and len(outcomes) > 1:
            message = f"none of {len(outcomes)} wheels holds what is installed; {message}"
        return self._problem(code, message, self._hint(closest), candidate.url)

    def _hint(self, outcome: Outcome) -> str:
        is_base = outcome.candidate.claim == "base" or outcome.candidate.sha256 in self._of_base
        if outcome.verdict is Verdict.UNREACHABLE and is_base:
            return _BASE_DIR
        is_unusable = outcome.verdict is Verdict.OTHER and outcome.contents is None
        if is_unusable and outcome.candidate.claim == "index":
            return _UNUSABLE
        hint = _HINTS[outcome.verdict.value]
        if outcome.verdict in (Verdict.FILES_CHANGED, Verdict.OTHER):
            return f"{hint} {reinstall(self._distribution)}"
        return hint

    def _is_certain(self, candidate: Candidate, offers: Sequence[Offer]) -> bool:
        """Whether URL and sha256 come from one claim or page, and no other wheel of the page is as
        likely.
        """
        if candidate.sha256 is None or candidate.had_query:
            return False
        if len(self._hashes.of(candidate.url)) > 1:
            return False
        if candidate.claim != "index":
            return True
        same = {offer.file.sha256 for offer in offers if self._same_tags(offer)}
        return candidate.sha256 in (
            same or {offer.file.sha256 for offer in offers[:1] if len(offers) == 1}
        )

    def _hash_conflict(self, url: str, hashes: Iterable[str]) -> Finding:
        distribution = self._distribution
        return Finding(
            problems=(
                self._hashes.conflict_of(distribution.key, distribution.version, url, hashes),
            )
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
                "Name the index it was installed from with --index-url. Was it installed from a "
                "file or folder?",
            )
        if not offers:
            return self._problem(
                "no-such-version",
                f"there is no version {version} on {where}.",
                "Install a version that is there, or name the index it was installed from with "
                "--index-url.",
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
            "Install a version that has a wheel for it, or choose another package.",
        )

    def _problem(self, code: str, message: str, hint: str, url: str | None = None) -> Finding:
        distribution = self._distribution
        hint = hint.replace("{name}", distribution.metadata.name).replace(
            "{version}", distribution.version
        )
        problem = Problem(
            code, distribution.key, distribution.version, message, hint, shown(url) if url else None
        )
        return Finding(problems=(problem,))


#: What a release document may decide by itself: which wheel it is, the wheel has shown.
_BY_CONTENT = frozenset({"content", "download"})

_HINTS = {
    "forged-claim": (
        "Do not trust this wheel: it forges where it comes from. Install {name} from an index."
    ),
    "files-changed": "Something was added after it was installed.",
    "layout": (
        "Install it with pip into a new folder: its RECORD tells data files from modules. Or "
        "exclude {name}."
    ),
    "gone": "The file was removed or moved. Install a version that is there.",
    "hash-conflict": (
        "The file was replaced, or the index is wrong: ask its publisher, and install it again."
    ),
    "ambiguous-index": (
        "Install {name} from an index by its name: then no file claims another origin."
    ),
    "weak-record": "The wheel's own RECORD lacks these hashes, which is its publisher's fault: "
    "installing it again "
    "does not help, but --download can prove it.",
    "no-ranges": (
        "Let it be downloaded with --download, or accept the index's word with --proof metadata."
    ),
    "not-allowed": (
        "Give credentials for the index: in its URL, in netrc, in a keyring, or in pip's "
        "configuration."
    ),
    "unreachable": (
        "Try again later, or check the network, the proxy and (in a browser) the server's CORS "
        "headers."
    ),
    "content-mismatch": "It was built from an sdist, edited, or comes from another index.",
}

_UNUSABLE = (
    "Installing it again changes nothing. Install another version, or from another index, and tell "
    "the publisher of this wheel or the owner of this index."
)

_BASE_DIR = (
    "Try again later, or check the network and the proxy. Without network: get the full "
    "distribution of this Pyodide once, and name its folder with --base-dir."
)


def _source_of_claim(claim: Claim, *, is_base: bool, is_claimed: bool) -> HashSource:
    """What gave the sha256 of a wheel that a claim names; ``is_claimed``: only the claim did."""
    if is_base:
        return "base"
    if not is_claimed:
        return "index"
    return "installer" if claim.witnessed else "claim"


def _closest(outcomes: Sequence[Outcome]) -> Outcome:
    """The most informative outcome: that of the wheel that is most like the installed files."""
    order = list(Verdict)
    return min(outcomes, key=lambda outcome: order.index(outcome.verdict))


def _one_of_each(equal: Sequence[Outcome]) -> list[Outcome]:
    """One outcome for each sha256, http(s) first.

    Where a sha256 is known, those without one say nothing more.
    """
    found: dict[str | None, Outcome] = {}
    for outcome in sorted(equal, key=lambda outcome: not is_http(outcome.candidate.url)):
        found.setdefault(outcome.candidate.sha256, outcome)
    unknown = found.pop(None, None)
    return list(found.values()) or [outcome for outcome in (unknown,) if outcome is not None]
