"""The installed packages compared with a lock: other versions, other contents, extra, missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import FetchError, Problem, Reason
from ...formats.lockfile import Lockfile
from ...installed.distribution import InstalledDistribution
from ...installed.problems import changed_on_disk, unreadable
from ...installed.site import Site
from ...network import Fetcher
from ...proof.candidate import Candidate
from ...proof.evidence import Rules
from ...proof.examination import Examiner, Outcome, Verdict
from ...storage import Facts
from ..base import is_release
from ..context import scan_environment
from ..freeze.inventory import TOOLS
from .entry import Entry, as_version
from .online import EntryReport, add_gone
from .unreachable import UnreachableHosts

#: How an installed distribution may differ from its wheel, and what to do.
_HINTS = {
    Verdict.OTHER: "Install the wheel that the lock names, or freeze again.",
    Verdict.RECORD_WRONG: "Its publisher made it so; only --deep can compare the bytes.",
    Verdict.FILES_CHANGED: (
        "Something was added after it was installed: install it again, or freeze again."
    ),
    Verdict.WEAK: "Its RECORD has no sha256 for some files; only --deep can compare them.",
    Verdict.LAYOUT: (
        "Install it with pip into a new folder: its RECORD tells data files from modules."
    ),
    Verdict.NO_RANGES: "Let it be downloaded with --deep.",
}


class Drift:
    """Compares the distributions in some folders with a lock.

    Raises `InputError` for a folder that cannot be read, and for folders without a distribution.
    """

    def __init__(
        self, paths: Sequence[Path], entries: Mapping[str, Entry], base: Lockfile | None, site: Site
    ) -> None:
        found, self._faults = scan_environment(paths, site)
        self._installed = {item.key: item for item in found}
        self._entries = entries
        self._base = (
            frozenset(entry.sha256 for entry in base.packages.values())
            if base is not None
            else frozenset()
        )

    def on_disk(self, reports: Mapping[str, EntryReport]) -> Iterator[Problem]:
        """The differences that the disk shows.

        ``reports`` say which entries are of Pyodide's distribution.
        """
        yield from self._faults
        faulty = {problem.package for problem in self._faults}
        for key, item in self._installed.items():
            entry = self._entries.get(key)
            if entry is None:
                if key not in TOOLS:
                    yield _drift(key, item.version, "it is installed, but not in the lock.")
            elif not _same_version(item, entry):
                yield _drift(
                    key, item.version, f"it is installed, but the lock has {entry.version}."
                )
            elif item.faults and key not in faulty:
                yield unreadable(item)
            elif changed := item.changed_files(
                "size", compiled=item.installer == "pyodide.loadPackage"
            ):
                yield changed_on_disk(item, changed)
        for key, entry in self._entries.items():
            if (
                key not in self._installed
                and entry.is_wheel
                and not self._may_be_absent(entry, reports.get(key))
            ):
                yield _drift(key, entry.version, "it is in the lock, but not installed.")

    def _may_be_absent(self, entry: Entry, report: EntryReport | None) -> bool:
        """Whether it belongs to Pyodide's distribution, which is there to be loaded when it is
        wanted.
        """
        if entry.url is None or (report is not None and report.is_base):
            return True
        return entry.sha256 in self._base or is_release(entry.url)

    async def contents(
        self,
        reports: Mapping[str, EntryReport],
        fetcher: Fetcher,
        facts: Facts,
        unreachable: UnreachableHosts,
        *,
        download: bool,
    ) -> list[Problem]:
        """Compare what is installed with the wheels that the lock names, by their RECORDs."""
        # A distribution that is missing, or is not that of the lock, was reported already.
        wanted = [
            (item, reports[key])
            for key, item in self._installed.items()
            if key in reports and _is_comparable(item, reports[key])
        ]
        comparison = _Comparison(fetcher, facts, Rules(download=download), unreachable)
        found = await fetcher.gather([comparison.run(item, report) for item, report in wanted])
        return [problem for problem in found if problem is not None]


def _is_comparable(item: InstalledDistribution, report: EntryReport) -> bool:
    """Whether a distribution is that of the lock by its version, and both can be read."""
    if item.faults or not report.entry.filename.endswith(".whl"):
        return False
    return _same_version(item, report.entry) and not report.has("gone", "hash-conflict")


def _same_version(item: InstalledDistribution, entry: Entry) -> bool:
    if entry.version is None:  # that is reported as such
        return True
    version = as_version(entry.version)
    return item.version == entry.version or bool(
        item.versions & (entry.versions if version else set())
    )


def _drift(key: str, version: str | None, message: str) -> Problem:
    return Problem("drift", key, version, message, "Install what the lock says, or freeze again.")


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Compares installed distributions with the wheels that the lock names."""

    fetcher: Fetcher
    facts: Facts
    rules: Rules
    unreachable: UnreachableHosts

    async def run(self, item: InstalledDistribution, report: EntryReport) -> Problem | None:
        """The problem of one distribution; None: it is that wheel, or that is not known."""
        entry = report.entry
        url = entry.url or ""
        # A fact belongs to a sha256 that an index gives; that of the lock is still to be verified.
        is_known = report.file is not None and report.file.sha256 == entry.sha256
        size = report.file.size if report.file is not None else None
        examiner = Examiner(item, self.fetcher, self.rules, self.facts if is_known else None)
        outcome = await examiner.examine(Candidate(url, "lock", entry.sha256, size))
        verdict = outcome.verdict
        if verdict is Verdict.GONE:
            add_gone(report)
            return None
        if outcome.is_silent:
            reason: Reason = "not-allowed" if verdict is Verdict.NOT_ALLOWED else "bad-answer"
            error = FetchError(f"{url} {outcome.reason}", url=url, reason=reason)
            self.unreachable.add(error, item.key)
            return None
        if verdict not in _HINTS:
            return None
        message = _difference(outcome, url)
        return Problem(verdict.value, item.key, item.version, message, _HINTS[verdict], url)


def _difference(outcome: Outcome, url: str) -> str:
    if outcome.verdict is Verdict.RECORD_WRONG:
        return f"the wheel of the lock, {url}, has a RECORD that is wrong about {outcome.reason}."
    if outcome.verdict in (Verdict.WEAK, Verdict.LAYOUT, Verdict.NO_RANGES):
        return f"it cannot be compared with the wheel of the lock: {url} {outcome.reason}."
    return f"the wheel of the lock, {url}, {outcome.reason}; installed is something else."
