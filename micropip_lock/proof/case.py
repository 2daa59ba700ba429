"""One distribution on its way to a finding, and what every rule needs to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..formats.target import Target
from ..index.client import Indexes, Listing, Offer
from ..installed.distribution import InstalledDistribution
from ..network.meter import Meter
from ..storage import Facts
from .candidate import Candidate
from .evidence import THE_BASE, WAIVABLE, BaseWheel, Rules
from .examination import Examiner, Outcome, Verdict
from .hashes import Hashes

#: Of one version no more wheels are examined: an index with thousands of them would keep a run busy
#: for hours.
MOST_CANDIDATES = 64


@dataclass(slots=True)
class Sources:
    """What wheels are proved from; all distributions of a run share it."""

    indexes: Indexes
    target: Target
    rules: Rules
    facts: Facts | None = None
    #: One refused connection stands for the whole base: a request for each package would only take
    #: time.
    base_is_down: bool = False


@dataclass(slots=True)
class Case:
    """One distribution on its way to a finding.

    ``base`` is the base's own wheel of it, ``changed`` are the installed files that are not as the
    installed RECORD says.
    """

    distribution: InstalledDistribution
    sources: Sources
    fetcher: Meter
    base: BaseWheel | None = None
    changed: Sequence[str] = ()
    #: Every sha256 that was given for a URL so far.
    hashes: Hashes = field(default_factory=Hashes)
    examiner: Examiner = field(init=False)
    #: Whether .dist-info and what servers said were all that was read: files on disk may change any
    #: time.
    cacheable: bool = field(init=False)

    def __post_init__(self) -> None:
        self.examiner = Examiner(
            self.distribution, self.fetcher, self.rules, self.sources.facts, self.changed
        )
        self.cacheable = self.rules.check_files != "hash"
        if self.base is not None:
            self.hashes.note(self.base.entry.file_name, self.base.entry.sha256, THE_BASE)
            self.cacheable = self.cacheable and not self.base.local

    @property
    def rules(self) -> Rules:
        """How much proof is required."""
        return self.sources.rules

    @property
    def is_accepted(self) -> bool:
        """Whether the user accepts this distribution without full proof."""
        return self.distribution.key in self.rules.accept_unproved

    def is_waived(self, outcome: Outcome) -> bool:
        """Whether the user accepts what an outcome leaves open."""
        return self.is_accepted and outcome.verdict.value in WAIVABLE

    def is_of_base(self, sha256: str | None) -> bool:
        """Whether this is the sha256 of the base's wheel, even if an index lists it, too."""
        return self.base is not None and sha256 == self.base.entry.sha256

    async def examine_base(self, base: BaseWheel) -> Outcome:
        """Compare the base's own wheel."""
        entry = base.entry
        copy = base.url if base.local else None
        candidate = Candidate(entry.file_name, "base", entry.sha256 or None, copy=copy)
        if self.sources.base_is_down:
            return Outcome(candidate, Verdict.UNREACHABLE, "cannot be reached")
        if base.local:
            return await self.examiner.download(candidate)
        outcome = await self.examiner.examine(candidate)
        if outcome.verdict is Verdict.UNREACHABLE:
            self.sources.base_is_down = True
        return outcome

    async def listing(self, first: str | None = None, *, short: bool = False) -> Listing:
        """What the indexes list, ``first`` before the others; ``short``: release documents may
        say it. Raises `FetchError`.
        """
        versions = self.distribution.versions
        version = next(iter(versions)) if short and len(versions) == 1 else None
        return await self.sources.indexes.project(
            self.distribution.key, self.fetcher, first=first, version=version
        )

    def note_hashes(self, listing: Listing) -> list[Offer]:
        """The files of this version, whose hashes are noted."""
        return self.hashes.note_listing(listing, self.distribution.key, self.distribution.versions)

    def fitting(self, offers: Sequence[Offer]) -> list[Offer]:
        """The wheels that fit the target: those with the installed tags and build first.

        Then those with the best tags follow.
        """
        target = self.sources.target

        def order(offer: Offer) -> tuple[bool, int]:
            return not self.has_same_tags(offer), target.rank(offer.file.tags) or 0

        wheels = [offer for offer in offers if offer.file.kind == "wheel"]
        fitting = [offer for offer in wheels if target.rank(offer.file.tags) is not None]
        return sorted(fitting, key=order)

    def has_same_tags(self, offer: Offer) -> bool:
        """Whether a wheel has tags and build number of the installed WHEEL."""
        wheel = self.distribution.wheel
        return offer.file.tags == wheel.tags and offer.file.build == wheel.build

    def likely(self, offers: Sequence[Offer]) -> list[Offer]:
        """The wheels whose METADATA is the installed one, as far as their pages say."""
        own = self.distribution.metadata_sha256
        return [offer for offer in offers if offer.file.metadata_sha256 in (None, "", own)]
