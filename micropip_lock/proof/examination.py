"""One wheel, read from its server: is it the installed one?"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum

from .._util.text import clause, first_few
from .._util.url import is_http
from ..errors import FetchError, GoneError, IntegrityError
from ..formats.wheel import WheelDescription
from ..index.client import Offer
from ..index.downloaded_wheel import download_wheel
from ..index.remote_wheel import (
    NoRangesError,
    expected_tail,
    read_wheel,
)
from ..index.wheel_metadata import remember, remembered
from ..installed.distribution import InstalledDistribution
from ..network import Fetcher
from ..storage import Facts
from .candidate import Candidate, candidate_at
from .comparison import Comparison, compare, split_changes
from .evidence import Rules


class Verdict(Enum):
    """How a wheel compares with what is installed, best first."""

    MATCH = "equal"
    FORGED = "forged-claim"
    RECORD_WRONG = "wheel-record-wrong"
    LAYOUT = "layout"
    FILES_CHANGED = "files-changed"
    WEAK = "weak-record"
    HASH_CONFLICT = "hash-conflict"
    NO_RANGES = "no-ranges"
    NOT_ALLOWED = "not-allowed"
    UNREACHABLE = "unreachable"
    GONE = "gone"
    AMBIGUOUS = "ambiguous-index"
    OTHER = "content-mismatch"


#: The wheel was read, and it has the installed contents.
MATCHES = frozenset(
    {Verdict.MATCH, Verdict.FORGED, Verdict.RECORD_WRONG, Verdict.FILES_CHANGED, Verdict.WEAK}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the comparison of one wheel with an installed distribution came to."""

    candidate: Candidate
    verdict: Verdict
    #: The difference, for a message; empty when the wheel is equal.
    reason: str = ""
    #: The size of the wheel in bytes.
    size: int | None = None
    #: The wheel, where it was read.
    wheel: WheelDescription | None = None
    downloaded: bool = False
    #: Installed files that were edited or removed since, where the wheel is equal to the installed
    #: RECORD.
    edited: tuple[str, ...] = ()
    #: Installed files were opened to decide, not RECORD alone.
    read_disk: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether nothing is known of the wheel, because its server gives no answer."""
        return self.verdict in (Verdict.UNREACHABLE, Verdict.NOT_ALLOWED)


class _Files:
    """The files of an installed distribution; remembers whether one was read."""

    def __init__(self, distribution: InstalledDistribution) -> None:
        self._files = distribution.site_files
        self.read_disk = False

    def is_file(self, path: str) -> bool:
        """Whether a file lies at ``path``."""
        self.read_disk = True
        return self._files.is_file(path)

    def digest(self, path: str, algorithm: str) -> str | None:
        """The hash of a file as RECORD writes it."""
        self.read_disk = True
        return self._files.digest(path, algorithm)

    def size_and_crc(self, path: str) -> tuple[int, int] | None:
        """The size of a file in bytes, and its CRC-32."""
        self.read_disk = True
        return self._files.size_and_crc(path)


@dataclass(frozen=True, slots=True)
class Examiner:
    """Compares wheels with one installed distribution.

    ``changed`` are its files that are not as the installed RECORD says: a wheel that matches shows
    why.
    """

    distribution: InstalledDistribution
    fetcher: Fetcher
    rules: Rules
    facts: Facts | None = None
    changed: Sequence[str] = ()

    async def examine(self, candidate: Candidate, *, is_hash_claimed: bool = False) -> Outcome:
        """Compare the wheel where it lies; download it only where that is allowed and needed.

        ``is_hash_claimed``: nothing but the claim gives its sha256, which a download proves.
        """
        outcome = await self._guarded(candidate, self._read(candidate))
        is_undecided = outcome.verdict in (Verdict.WEAK, Verdict.RECORD_WRONG, Verdict.NO_RANGES)
        is_hash_unproved = candidate.sha256 is None or is_hash_claimed
        needs_hash = outcome.verdict is Verdict.MATCH and is_hash_unproved
        if self.rules.download and (is_undecided or needs_hash):
            return await self.download(candidate)
        return outcome

    async def _read(self, candidate: Candidate) -> Outcome:
        key = self.distribution.key
        url = candidate.place
        is_read_now = False

        async def read() -> WheelDescription:
            nonlocal is_read_now
            is_read_now = True
            tail = expected_tail(self.distribution.rows)
            return await read_wheel(self.fetcher, url, key, size=candidate.size, tail=tail)

        wheel = await remembered(self.facts, candidate.sha256, url, key, read)
        outcome = self._judge(candidate, wheel)
        if outcome.verdict is Verdict.OTHER and not is_read_now:
            # No hash covers the end of a file: what a server in disorder once sent shall not count
            # for ever.
            with suppress(FetchError):
                wheel = await read()
                remember(self.facts, candidate.sha256, url, wheel)
                return self._judge(candidate, wheel)
        return outcome

    async def download(self, candidate: Candidate) -> Outcome:
        """Download the wheel, hash it, and compare every file of it."""
        return await self._guarded(candidate, self._read_whole(candidate))

    async def _read_whole(self, candidate: Candidate) -> Outcome:
        wheel = await download_wheel(self.fetcher, candidate.place, self.distribution.key)
        if candidate.sha256 not in (None, wheel.sha256):
            reason = f"has the sha256 {wheel.sha256}, not {candidate.sha256} as promised"
            return Outcome(candidate, Verdict.HASH_CONFLICT, reason, wheel.size)
        outcome = self._judge(replace(candidate, sha256=wheel.sha256), wheel)
        return replace(outcome, downloaded=True)

    def _judge(self, candidate: Candidate, wheel: WheelDescription) -> Outcome:
        files = _Files(self.distribution)
        installation = replace(self.distribution.installation(self.rules.check_files), files=files)
        comparison = compare(installation, wheel)
        verdict, reason = _verdict(comparison)
        edited: list[str] = []
        if verdict is Verdict.MATCH and self.changed:
            edited, wrong = split_changes(self.changed, installation, wheel, comparison)
            if wrong:
                verdict, reason = Verdict.RECORD_WRONG, first_few(wrong)
        shipped = [name for name in candidate.claiming_files if wheel.ships(name)]
        if verdict is not Verdict.OTHER and shipped:
            verdict, reason = Verdict.FORGED, f"ships {shipped[0]} itself"
        return Outcome(
            candidate,
            verdict,
            reason,
            wheel.size,
            wheel,
            edited=tuple(edited),
            read_disk=files.read_disk,
        )

    async def _guarded(self, candidate: Candidate, work: Awaitable[Outcome]) -> Outcome:
        try:
            return await work
        except NoRangesError:
            return Outcome(candidate, Verdict.NO_RANGES, "can only be read by downloading it whole")
        except IntegrityError as error:
            return Outcome(candidate, Verdict.OTHER, f"is not usable: {error}")
        except GoneError:
            return Outcome(candidate, Verdict.GONE, "is not there any more")
        except FetchError as error:
            verdict = Verdict.NOT_ALLOWED if error.code == "not-allowed" else Verdict.UNREACHABLE
            return Outcome(candidate, verdict, f"gave no answer: {clause(error)}")


def _verdict(comparison: Comparison) -> tuple[Verdict, str]:
    if comparison.differing:
        return Verdict.OTHER, f"has other contents ({first_few(comparison.differing)})"
    if comparison.weak:
        return Verdict.WEAK, f"cannot be compared without a hash ({first_few(comparison.weak)})"
    if comparison.extra:
        reason = f"does not hold all that is installed ({first_few(comparison.extra)})"
        return Verdict.FILES_CHANGED, reason
    if comparison.wrong:
        return Verdict.RECORD_WRONG, first_few(comparison.wrong)
    if comparison.misplaced:
        named = first_few(comparison.misplaced)
        return Verdict.LAYOUT, f"has {named}: uv puts it among packages, Pyodide does not"
    return Verdict.MATCH, ""


def distinct(offers: Sequence[Offer]) -> list[Candidate]:
    """One candidate for each sha256: the first http(s) one, in the order of the offers."""
    found: dict[str, Candidate] = {}
    for offer in offers:
        file = offer.file
        candidate = replace(
            candidate_at(file.url, "index", file.sha256),
            size=file.size,
            index=offer.index,
            yanked=file.yanked,
        )
        key = candidate.sha256 or candidate.url
        if key not in found or (is_http(candidate.url) and not is_http(found[key].url)):
            found[key] = candidate
    return list(found.values())
