"""Whether what is installed is what a lock names, at the least cost."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from ...dependencies.inferred_extras import extras_that_explain
from ...dependencies.markers import MarkerEvaluator
from ...errors import FetchError, InputError, IntegrityError
from ...formats.core_metadata import CoreMetadata
from ...formats.direct_url import InstallNote, parse_direct_url, parse_provenance_url
from ...formats.lockfile import LockedPackage, Lockfile
from ...formats.target import Target
from ...formats.wheel import WheelDescription
from ...formats.wheel_archive import inspect_wheel
from ...installed.distribution import InstalledDistribution
from ...installed.origin import origin
from ...network import Fetcher
from ...proof.candidate import Candidate
from ...proof.comparison import compare
from ...proof.evidence import Rules
from ...proof.examination import Examiner, Verdict
from ...storage import Facts
from ..bundle.wheel_supply import Supplier, same_version
from ..lock_provenance import LockProvenance
from .target_environment import TargetEnvironment

#: The kind of fact that sync wrote a RECORD.
_WRITTEN = "record-by-sync"
#: The same of the running Pyodide, where no facts are kept.
_written_by_this_runtime: set[str] = set()


@dataclass(slots=True)
class Equality:
    """Compares installed distributions with the entries of a lock."""

    environment: TargetEnvironment
    supplier: Supplier
    fetcher: Fetcher
    facts: Facts
    notes: Notes
    #: How many distributions list a path.
    listed: Counter[str] = field(default_factory=Counter)
    examined: dict[tuple[str, bytes], bool] = field(default_factory=dict)

    def observe(self, found: Iterable[InstalledDistribution]) -> None:
        """Record all installed distributions, before single ones are compared."""
        self.listed = Counter(path for item in found for path in {row.path for row in item.rows})

    async def is_equal(self, item: InstalledDistribution, entry: LockedPackage) -> bool:
        """Whether what is installed is the lock's wheel.

        By what this runtime or sync remembers; else by its RECORD, where something beside the lock
        gives the sha256.
        """
        try:
            if item.faults or not same_version(item.version, entry.version):
                return False
        except ValueError:
            return False
        # A comparison of sizes opens no file, and shows what was deleted or edited since.
        changed = item.changed_files("size", compiled=item.installer == "pyodide.loadPackage")
        if not all(map(self._is_shared, changed)) or not self._has_scripts(item):
            return False
        if self._is_witnessed(item, entry):
            return True
        if self._claims_another(item, entry):
            return False
        record = item.files.get("RECORD", b"")
        written = self._written(record, entry.sha256)
        if written in _written_by_this_runtime or self.facts.get(_WRITTEN, written) is not None:
            return True
        # The plan may be made twice; no request is made twice.
        compared = (item.key, record)
        if compared not in self.examined:
            self.examined[compared] = await self._examine(item, entry)
            if self.examined[compared]:
                self.remember(record, entry.sha256)
        return self.examined[compared]

    def remember(self, record: bytes, sha256: str) -> None:
        """Remember, outside of the environment, that this RECORD in it is that of the wheel with
        this sha256.
        """
        written = self._written(record, sha256)
        if self.environment.runtime is not None:
            _written_by_this_runtime.add(written)
        self.facts.put(_WRITTEN, written, b"1")

    def _written(self, record: bytes, sha256: str) -> str:
        """The key to remember a RECORD by; it holds for this folder only."""
        return f"{self.environment.site}\0{hashlib.sha256(record).hexdigest()}\0{sha256}"

    def _is_witnessed(self, item: InstalledDistribution, entry: LockedPackage) -> bool:
        """Whether the running Pyodide itself loaded or installed the lock's wheel since it
        started.
        """
        found = origin(item, loaded=self.environment.loaded)
        if found.is_base:
            return self.environment.is_base(item.key, entry)
        return any(claim.witnessed and claim.sha256 == entry.sha256 for claim in found.claims)

    def _claims_another(self, item: InstalledDistribution, entry: LockedPackage) -> bool:
        """Whether .dist-info names another wheel, or has a note that the lock would not write."""
        claimed = {claimed_sha256(item), item.text("PYODIDE_SHA256").lower() or None}
        if not claimed <= {None, entry.sha256}:
            return True
        return item.note is not None and item.note != self.notes.of(item.key, entry, item.metadata)

    async def _examine(self, item: InstalledDistribution, entry: LockedPackage) -> bool:
        try:
            if (path := self.supplier.at_hand(entry)) is not None:
                with path.open("rb") as file:
                    contents = inspect_wheel(file, path.stat().st_size, entry.sha256, item.key)
                return compare(item.installation("size"), contents).equal
            url = self.environment.url_of(item.key, entry)
            if url is None:
                return False
            candidate = Candidate(url, "lock", entry.sha256)
            examiner = Examiner(item, self.fetcher, Rules(), self.facts)
            outcome = await examiner.examine(candidate)
            if outcome.verdict is Verdict.MATCH and not self._is_known(item, entry, outcome.wheel):
                # A range does not give the sha256 of the whole, and that of the lock may be wrong.
                outcome = await examiner.download(candidate)
        except (FetchError, IntegrityError, InputError, OSError):
            return False  # then it is replaced, and a failure of that is reported
        return outcome.verdict is Verdict.MATCH

    def _is_known(
        self, item: InstalledDistribution, entry: LockedPackage, wheel: WheelDescription | None
    ) -> bool:
        """Whether the lock's sha256 is that of Pyodide's own lock, or of a note that the wheel does
        not ship itself.
        """
        if self.environment.is_base(item.key, entry):
            return True
        notes = [name for name, sha256 in _claimed_by_url(item) if sha256 == entry.sha256]
        return wheel is not None and any(not wheel.ships(name) for name in notes)

    def _is_shared(self, path: str) -> bool:
        """Whether an existing file belongs to several packages: the last one installed wrote it."""
        return self.listed[path] > 1 and (self.environment.site / path).exists()

    def _has_scripts(self, item: InstalledDistribution) -> bool:
        """Whether the environment has the files outside of site-packages: scripts, as a rule."""
        for row in item.rows:
            if row.leaves_folder:
                for name in self.environment.below(item, [row.path]):
                    try:
                        found = (self.environment.prefix / name).stat().st_size
                        if row.size not in (None, found) and not self._is_shared(row.path):
                            return False
                    except OSError:
                        return False
        return True


def claimed_sha256(item: InstalledDistribution) -> str | None:
    """The sha256 that provenance_url.json or direct_url.json gives for what is installed."""
    return next((sha256 for _, sha256 in _claimed_by_url(item)), None)


def _claimed_by_url(item: InstalledDistribution) -> Iterator[tuple[str, str | None]]:
    """The files of .dist-info that name a URL, each with the sha256 that it gives."""
    for name, parse in (
        ("provenance_url.json", parse_provenance_url),
        ("direct_url.json", parse_direct_url),
    ):
        if name in item.files:
            sha256 = None
            with suppress(ValueError):
                sha256 = parse(item.files[name]).sha256
            yield name, sha256


class Notes:
    """What a lock says of its packages beside URL and hash, for a later freeze."""

    def __init__(self, lock: Lockfile) -> None:
        self._provenance = LockProvenance.by(lock)
        self._markers = MarkerEvaluator.of(Target.from_info(lock.info))

    def of(self, key: str, entry: LockedPackage, metadata: CoreMetadata) -> InstallNote:
        """The note for a package; ``metadata`` is that of its wheel."""
        names = frozenset(map(canonicalize_name, entry.depends))
        requested = self._provenance.requested.get(key, ())
        extras = extras_that_explain(metadata, names, self._markers)
        return InstallNote(requested, extras, self._provenance.indexes)
