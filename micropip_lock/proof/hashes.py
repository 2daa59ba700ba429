"""The sha256 of each wheel by URL, with its source. Two for one URL are a conflict in any order.

The rules are those of docs/evidence.md, for freeze, resolve and import alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from packaging.version import Version

from .._util.url import bare_url, shown
from ..errors import Problem
from ..index.client import Listing, Offer
from .candidate import candidate_at

#: What helps against a sha256 that only a claim gives, where wheels are never downloaded.
NAME_INDEX = (
    "Name an index that lists this wheel with index_urls= (--index-url); verify --deep hashes the "
    "wheel."
)


class Hashes:
    """Each sha256 that a claim, a page or the base gives for a URL, however that is spelled, and
    its first source.
    """

    def __init__(self) -> None:
        self._sources: dict[str, dict[str, str]] = {}

    def note(self, url: str, sha256: str | None, source: str) -> None:
        """Remember the source of a sha256 for a URL.

        One that came with a query is not the bare URL's.
        """
        candidate = candidate_at(url, "", sha256)
        if candidate.sha256 is not None:
            self._sources.setdefault(bare_url(url), {}).setdefault(candidate.sha256, source)

    def note_listing(
        self, listing: Listing, name: str, versions: Collection[Version]
    ) -> list[Offer]:
        """Remember what pages give for the files of some versions of ``name`` (canonical).

        Returns these files.
        """
        offers = listing.offers(name, versions)
        for offer in offers:
            self.note(offer.file.url, offer.file.sha256, offer.index)
        return offers

    def note_url(self, listing: Listing, url: str) -> None:
        """Remember what pages give for the file at ``url``, under any name in the listing."""
        for sha256, index in listing.hashes_of(url).items():
            self.note(url, sha256, index)

    def of(self, url: str) -> Mapping[str, str]:
        """Each sha256 that was noted for a URL, and its first source."""
        return self._sources.get(bare_url(url), {})

    def conflict(self, package: str, version: str, url: str) -> Problem | None:
        """The problem of a URL with several sha256; None when there are not several."""
        known = self.of(url)
        return self.conflict_of(package, version, url, known) if len(known) > 1 else None

    def conflict_of(self, package: str, version: str, url: str, hashes: Iterable[str]) -> Problem:
        """The problem that these ``hashes`` contradict each other about the file at ``url``."""
        known = self.of(url)
        said = [
            f"{sha256} ({shown(known[sha256])})" if sha256 in known else sha256
            for sha256 in sorted(set(hashes))
        ]
        return Problem(
            "hash-conflict",
            package,
            version,
            f"claims, indexes and base disagree about the sha256 of {shown(url)}: "
            f"{', '.join(said)}.",
            "The file was replaced, or one of them is wrong: ask its publisher, and name the "
            "right index alone.",
            shown(url),
        )


def claimed_hash(package: str, version: str, url: str, claim: str, hint: str) -> Problem:
    """The warning of a sha256 that no index and no base gives, but only ``claim``."""
    message = f"nothing but {claim} gives the sha256 of {shown(url)}."
    return Problem("claimed-hash", package, version, message, hint, shown(url))
