"""One wheel, looked at where it lies: is it what is installed?"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum

from .candidate import Candidate, candidate_at
from .compare import Comparison, compare
from .errors import FetchError, IntegrityError
from .evidence import Rules
from .fetch import Fetcher
from .index import Offer
from .installed import InstalledDistribution
from .published import remember, remembered
from .remote_wheel import GoneError, NoRangesError, WheelContents, download_wheel, expected_tail, read_wheel
from .store import Facts
from .url import is_http


class Is(Enum):
    """How a wheel compares with what is installed, best first."""

    EQUAL = "equal"
    FORGED = "forged-claim"
    FILES_CHANGED = "files-changed"
    WEAK = "weak-record"
    NO_RANGES = "no-ranges"
    NOT_ALLOWED = "not-allowed"
    UNREACHABLE = "unreachable"
    OTHER = "content-mismatch"


@dataclass(frozen=True, slots=True)
class Outcome:
    candidate: Candidate
    verdict: Is
    #: What is wrong, for a message; empty when the wheel is equal.
    reason: str = ""
    size: int | None = None
    downloaded: WheelContents | None = None
    #: The server did answer: there is no such file.
    gone: bool = False
    #: Installed files were opened to decide, not RECORD alone.
    opened: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether nothing is known of the wheel, because nobody answers."""
        return self.verdict in (Is.UNREACHABLE, Is.NOT_ALLOWED) and not self.gone


@dataclass(frozen=True, slots=True)
class Examiner:
    """Compares wheels with one installed distribution."""

    _distribution: InstalledDistribution
    _fetcher: Fetcher
    _rules: Rules
    _facts: Facts | None = None

    async def examine(self, candidate: Candidate) -> Outcome:
        """Compare the wheel where it lies; download it only where that is allowed and needed."""
        outcome = await self._guarded(candidate, self._read(candidate))
        undecided = outcome.verdict in (Is.WEAK, Is.NO_RANGES)
        hash_missing = outcome.verdict is Is.EQUAL and candidate.sha256 is None
        if self._rules.download and (undecided or hash_missing):
            return await self.download(candidate)
        return outcome

    async def _read(self, candidate: Candidate) -> Outcome:
        asked = False

        async def read() -> WheelContents:
            nonlocal asked
            asked = True
            tail = expected_tail(self._distribution.rows)
            key = self._distribution.key
            return await read_wheel(self._fetcher, candidate.place, key, size=candidate.size, tail=tail)

        known = (self._facts, candidate.sha256, candidate.place)
        outcome = self._judge(candidate, await remembered(*known, self._distribution.key, read))
        if outcome.verdict is Is.OTHER and not asked:
            # No hash covers the end of a file: what a server in disorder once sent shall not count for ever.
            with suppress(FetchError):
                contents = await read()
                remember(*known, contents)
                return self._judge(candidate, contents)
        return outcome

    async def download(self, candidate: Candidate) -> Outcome:
        """Download the wheel, hash it, and compare every file of it."""
        return await self._guarded(candidate, self._read_whole(candidate))

    async def _read_whole(self, candidate: Candidate) -> Outcome:
        contents = await download_wheel(self._fetcher, candidate.place, self._distribution.key)
        if candidate.sha256 not in (None, contents.sha256):
            raise IntegrityError(f"its sha256 is {contents.sha256}, not {candidate.sha256} as promised")
        return replace(
            self._judge(replace(candidate, sha256=contents.sha256), contents, trust_disk=True), downloaded=contents
        )

    def _judge(self, candidate: Candidate, contents: WheelContents, *, trust_disk: bool = False) -> Outcome:
        installation = self._distribution.installation(self._rules.check_files, hash_weak=trust_disk)
        opened = False

        def hash_file(path: str, algorithm: str) -> str | None:
            nonlocal opened
            opened = True
            return installation.hash_file(path, algorithm)

        noticing = replace(installation, hash_file=hash_file)
        comparison = compare(noticing, contents.members, contents.record, contents.dist_info)
        verdict, reason = _verdict(comparison)
        if verdict is Is.EQUAL and candidate.claiming_file and contents.ships(candidate.claiming_file):
            verdict, reason = Is.FORGED, f"ships {candidate.claiming_file} itself"
        return Outcome(candidate, verdict, reason, contents.size, opened=opened)

    async def _guarded(self, candidate: Candidate, work: Awaitable[Outcome]) -> Outcome:
        try:
            return await work
        except NoRangesError:
            return Outcome(candidate, Is.NO_RANGES, "can only be read by downloading it whole")
        except IntegrityError as error:
            return Outcome(candidate, Is.OTHER, f"is not usable: {error}")
        except FetchError as error:
            verdict = Is.NOT_ALLOWED if error.code == "not-allowed" else Is.UNREACHABLE
            reason = f"gave no answer: {str(error).rstrip('.')}"
            return Outcome(candidate, verdict, reason, gone=isinstance(error, GoneError))


def _verdict(comparison: Comparison) -> tuple[Is, str]:
    for verdict, paths, what in (
        (Is.OTHER, comparison.differing, "has other contents"),
        (Is.WEAK, comparison.weak, "cannot be compared without a hash"),
        (Is.FILES_CHANGED, comparison.extra, "does not hold all that is installed"),
    ):
        if paths:
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            return verdict, f"{what} ({', '.join(paths[:3])}{more})"
    return Is.EQUAL, ""


def distinct(offers: Sequence[Offer]) -> list[Candidate]:
    """One candidate for each sha256: the first http(s) one, in the order of the offers."""
    found: dict[str, Candidate] = {}
    for offer in offers:
        file = offer.file
        candidate = replace(
            candidate_at(file.url, "index", file.sha256), size=file.size, index=offer.index, yanked=file.yanked
        )
        key = file.sha256 or candidate.url
        if key not in found or (is_http(candidate.url) and not is_http(found[key].url)):
            found[key] = candidate
    return list(found.values())
