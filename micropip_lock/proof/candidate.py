"""The wheel that a claim names, and the one claim that needs no further proof."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit, urlunsplit

from .._util.url import without_credentials
from ..installed.distribution import InstalledDistribution
from ..installed.origin import Claim
from .evidence import Evidence, Finding


@dataclass(frozen=True, slots=True)
class Candidate:
    """A wheel that may be the installed one.

    ``url`` is the URL for the lock, ``copy`` another place to read the wheel from.
    """

    url: str
    claim: str
    sha256: str | None
    size: int | None = None
    index: str | None = None
    #: Files that the wheel must not ship: those that name this URL, or give its sha256.
    claiming_files: tuple[str, ...] = ()
    #: The URL as it was found had a query that may have been needed. The sha256 that came with it
    #: is not this one's.
    had_query: bool = False
    yanked: str | None = None
    copy: str | None = None

    @property
    def place(self) -> str:
        """Where to read it."""
        return self.copy or self.url


_DOT_SEGMENTS = re.compile(r"/(\./)+")


def is_harmless(query: str, sha256: str | None) -> bool:
    """Whether the ``query`` of a URL says nothing, or only the ``sha256`` of its file.

    piplite adds ?sha256= so that the browser's cache keeps two files apart.
    """
    return not query or parse_qs(query.lower(), keep_blank_values=True) == {
        "sha256": [(sha256 or "").lower()]
    }


def candidate_at(
    url: str, claim: str, sha256: str | None, *, claiming_files: tuple[str, ...] = ()
) -> Candidate:
    """The candidate that a claim, a page or a lock names: without credentials, fragment and query.

    A hash belongs to the URL it came with, so a query that is dropped drops ``sha256``.
    """
    parts = urlsplit(without_credentials(url))
    harmless = is_harmless(parts.query, sha256)
    # piplite names files as ./name below its index; RFC 3986, 6.2.2.3: such segments are to be
    # removed.
    bare = urlunsplit(
        parts._replace(path=_DOT_SEGMENTS.sub("/", parts.path), query="", fragment="")
    )
    own_hash = sha256 if harmless else None
    return Candidate(bare, claim, own_hash, claiming_files=claiming_files, had_query=not harmless)


def witnessed(distribution: InstalledDistribution, claims: Sequence[Claim]) -> Finding | None:
    """The finding by the running runtime's record of an install (rule 2), if that is enough."""
    claim = claims[0] if claims else None
    if claim is None or not claim.witnessed or claim.sha256 is None:
        return None
    candidate = candidate_at(claim.url, claim.kind, claim.sha256)
    if candidate.had_query:
        return None
    return Finding(
        Evidence(
            package=distribution.key,
            version=distribution.version,
            claim=claim.kind,
            proof="installer",
            url=candidate.url,
            sha256=claim.sha256,
            hash_from="installer",
        )
    )
