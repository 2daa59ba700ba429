"""The problems of proof: each text once."""

from __future__ import annotations

from collections.abc import Sequence

from .._util.text import first_few
from .._util.url import shown
from ..errors import FetchError, Problem
from ..formats.target import Target
from ..index.client import Listing, Offer
from ..index.unanswered import HINTS, unanswered
from ..installed.distribution import InstalledDistribution
from ..installed.hints import reinstall
from .candidate import Candidate
from .examination import Outcome, Verdict


def hash_missing(distribution: InstalledDistribution, candidate: Candidate) -> Problem:
    """A wheel that is equal, and whose sha256 is not known."""
    if candidate.had_query:
        return _problem(
            distribution,
            "query-needed",
            "its URL has a query, which may be a secret and is written nowhere, and no sha256 is "
            f"known of {shown(candidate.url)} without it.",
            "Compute it from the wheel with --download, or install it from a URL that needs no "
            "query.",
            candidate.url,
        )
    return _problem(
        distribution,
        "hash-missing",
        f"{shown(candidate.url)} holds what is installed, but no claim and no index gives its "
        "sha256.",
        "Compute it from the wheel with --download.",
        candidate.url,
    )


def files_changed(distribution: InstalledDistribution, paths: Sequence[str]) -> Problem:
    """Installed files that are not those of the wheel that was found."""
    message = f"files are missing or were edited after it was installed: {first_few(paths)}."
    return _problem(distribution, "files-changed", message, reinstall(distribution))


def yanked(distribution: InstalledDistribution, reason: str) -> Problem:
    """The warning of a release that its authors withdrew (PEP 592)."""
    message = "this release was yanked by its authors"
    if reason:
        message += f": {reason}"
    hint = f"Install another version of {distribution.metadata.name} if you can."
    return Problem("yanked", distribution.key, distribution.version, f"{message}.", hint)


def several_equal(distribution: InstalledDistribution, urls: Sequence[str]) -> Problem:
    """Wheels of different bytes that are all equal to what is installed."""
    named = " and ".join(map(shown, urls))
    return _problem(
        distribution,
        "ambiguous-index",
        f"{len(urls)} wheels with different bytes hold exactly what is installed: {named}.",
        "Name one index only, or let --download choose: it drops what contradicts its own RECORD, "
        "then takes the first index.",
        urls[0],
    )


def no_index(distribution: InstalledDistribution) -> Problem:
    """No claim, and no index to search."""
    return _problem(
        distribution,
        "no-such-project",
        "nothing says where it came from, and no index is configured to look for it.",
        "Name the index it was installed from: --index-url https://index.example/simple",
    )


def no_answer(distribution: InstalledDistribution, error: FetchError) -> Problem:
    """An index that does not answer."""
    key, version = distribution.key, distribution.version
    return unanswered(error, key, version, _HINTS, message=str(error))


def nothing_fits(
    distribution: InstalledDistribution,
    listing: Listing,
    offers: Sequence[Offer],
    target: Target,
) -> Problem:
    """No wheel among the ``offers`` of this version fits the target."""
    version = distribution.version
    where = ", ".join(listing.asked) or "the links"
    if not (listing.known or offers):
        return _problem(
            distribution,
            "no-such-project",
            f"there is no such project on {where}.",
            "Name the index it was installed from with --index-url. Was it installed from a file "
            "or folder?",
        )
    if not offers:
        return _problem(
            distribution,
            "no-such-version",
            f"there is no version {version} on {where}.",
            "Install a version that is there, or name the index it was installed from with "
            "--index-url.",
        )
    if all(offer.file.kind == "sdist" for offer in offers):
        return _problem(
            distribution,
            "sdist",
            f"{where} has only an sdist of version {version}, so it was built on this machine.",
            "Install a version that has a wheel, or build and publish one.",
        )
    return _problem(
        distribution,
        "no-matching-wheel",
        f"no wheel of version {version} on {where} fits {target}.",
        "Install a version that has a wheel for it, or choose another package.",
    )


def not_proved(
    distribution: InstalledDistribution, closest: Outcome, *, wheels: int, is_base: bool
) -> Problem:
    """The wheel that is closest to what is installed, of so many ``wheels``, and its difference.

    ``is_base``: it is that of the base.
    """
    verdict, candidate = closest.verdict, closest.candidate
    url = shown(candidate.url)
    if verdict is Verdict.RECORD_WRONG:
        return _problem(
            distribution,
            verdict.value,
            f"the RECORD of the wheel {url} is wrong about {closest.reason}. Its publisher made it "
            "so.",
            "Installing it again changes nothing. Prove its bytes with --download, or install "
            "another version.",
            candidate.url,
        )
    if candidate.had_query:
        return _problem(
            distribution,
            "query-needed",
            f"its URL needs a query, which may be a secret: without it {url} {closest.reason}.",
            "Publish the wheel at a URL that needs no query, and install it from there.",
            candidate.url,
        )
    message = f"{url} {closest.reason}."
    if verdict is Verdict.OTHER and wheels > 1:
        message = f"none of {wheels} wheels holds what is installed; {message}"
    hint = _hint(distribution, closest, is_base=is_base)
    return _problem(distribution, verdict.value, message, hint, candidate.url)


def _hint(distribution: InstalledDistribution, outcome: Outcome, *, is_base: bool) -> str:
    if outcome.verdict is Verdict.UNREACHABLE and is_base:
        return _BASE_DIR
    is_unusable = outcome.verdict is Verdict.OTHER and outcome.wheel is None
    if is_unusable and outcome.candidate.claim == "index":
        return _UNUSABLE
    hint = _HINTS[outcome.verdict.value]
    if outcome.verdict in (Verdict.FILES_CHANGED, Verdict.OTHER):
        return f"{hint} {reinstall(distribution)}"
    return hint


def _problem(
    distribution: InstalledDistribution, code: str, message: str, hint: str, url: str | None = None
) -> Problem:
    hint = hint.replace("{name}", distribution.metadata.name)
    hint = hint.replace("{version}", distribution.version)
    address = shown(url) if url else None
    return Problem(code, distribution.key, distribution.version, message, hint, address)


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
    "weak-record": (
        "The wheel's own RECORD lacks these hashes, which is its publisher's fault: installing it "
        "again does not help, but --download can prove it."
    ),
    "no-ranges": (
        "Let it be downloaded with --download, or accept the index's word with --proof metadata."
    ),
    "not-allowed": (
        "Give credentials for the index: in its URL, in netrc, in a keyring, or in pip's "
        "configuration."
    ),
    "unreachable": HINTS["unreachable"],
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
