"""Whether what is installed is what a lock names, at the least cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from ..candidate import Candidate
from ..compare import compare
from ..depends import Dependencies
from ..direct_url import Note, parse_direct_url, parse_provenance_url
from ..errors import FetchError, InputError, IntegrityError
from ..evidence import Rules
from ..examine import Examiner, Is
from ..fetch import Fetcher
from ..installed import InstalledDistribution
from ..lockfile import LockedPackage, Lockfile
from ..metadata import CoreMetadata
from ..remote_wheel import inspect_wheel
from ..store import Facts
from ..target import Target
from ..url import is_http, without_credentials
from ._place import Place
from ._supply import Supplier, same_version
from ._tool import Told


@dataclass(slots=True)
class Equality:
    """Compares installed distributions with the entries of a lock."""

    place: Place
    supplier: Supplier
    fetcher: Fetcher
    facts: Facts
    notes: Notes
    #: How many distributions list a path.
    listed: Counter[str] = field(default_factory=Counter)
    examined: dict[tuple[str, bytes], bool] = field(default_factory=dict)

    def see(self, found: Iterable[InstalledDistribution]) -> None:
        """Take note of all that is installed, before single ones are compared."""
        self.listed = Counter(path for item in found for path in {row.path for row in item.rows})

    async def holds(self, item: InstalledDistribution, entry: LockedPackage) -> bool:
        """Whether what is installed is the lock's wheel, by what .dist-info says, else by the wheel's RECORD."""
        try:
            if item.faults or not same_version(item.version, entry.version):
                return False
        except ValueError:
            return False
        # A look at the sizes opens no file, and tells what was deleted or edited since.
        changed = item.changed_files("size", compiled=item.installer == "pyodide.loadPackage")
        if not all(map(self._is_shared, changed)) or not self._scripts_are_there(item):
            return False
        if self.place.runtime is not None and self.place.is_base(item.key, entry):
            return self.place.runtime.is_default(item.key)
        sha256 = self._told(item)
        if sha256 is not None:
            noted = item.note is None or item.note == self.notes.of(item.key, entry, item.metadata)
            return sha256 == entry.sha256 and noted
        # The plan may be made twice; nobody is asked the same twice.
        question = (item.key, item.files.get("RECORD", b""))
        if question not in self.examined:
            self.examined[question] = await self._examine(item, entry)
        return self.examined[question]

    def _told(self, item: InstalledDistribution) -> str | None:
        """The sha256 that was written down when it was installed."""
        if self.place.runtime is not None and item.installer == "micropip":
            return item.text("PYODIDE_SHA256").lower() or None  # micropip writes it after unpacking
        return provenance(item)

    async def _examine(self, item: InstalledDistribution, entry: LockedPackage) -> bool:
        try:
            if (path := self.supplier.at_hand(entry)) is not None:
                with path.open("rb") as file:
                    contents = inspect_wheel(file, path.stat().st_size, entry.sha256, item.key)
                return compare(item.installation("size"), contents).equal
            if not is_http(entry.file_name):
                return False
            candidate = Candidate(without_credentials(entry.file_name), "lock", entry.sha256)
            outcome = await Examiner(item, self.fetcher, Rules(), self.facts).examine(candidate)
        except (FetchError, IntegrityError, InputError, OSError):
            return False  # then it is replaced, which says what is wrong if that goes wrong, too
        return outcome.verdict is Is.EQUAL

    def _is_shared(self, path: str) -> bool:
        """Whether a file is there that several packages have: whoever came last has written it."""
        return self.listed[path] > 1 and (self.place.site / path).exists()

    def _scripts_are_there(self, item: InstalledDistribution) -> bool:
        """Rows that leave site-packages, as far as they stay in the environment: scripts, as a rule."""
        for row in item.rows:
            if row.leaves_folder:
                for name in self.place.below(item, [row.path]):
                    try:
                        found = (self.place.prefix / name).stat().st_size
                        if row.size not in (None, found) and not self._is_shared(row.path):
                            return False
                    except OSError:
                        return False
        return True


def provenance(item: InstalledDistribution) -> str | None:
    """The sha256 that provenance_url.json or direct_url.json gives for what is installed."""
    for name, parse in (("provenance_url.json", parse_provenance_url), ("direct_url.json", parse_direct_url)):
        if name in item.files:
            try:
                return parse(item.files[name]).sha256
            except ValueError:
                return None
    return None


class Notes:
    """What a lock says of its packages beside URL and hash, for a later freeze."""

    def __init__(self, lock: Lockfile) -> None:
        self._told = Told.by(lock)
        versions = {key: entry.version for key, entry in lock.packages.items()}
        self._dependencies = Dependencies({}, versions, Target.from_info(lock.info))

    def of(self, key: str, entry: LockedPackage, metadata: CoreMetadata) -> Note:
        """The note for a package; ``metadata`` is that of its wheel."""
        names = frozenset(map(canonicalize_name, entry.depends))
        extras = self._dependencies.extras_of(metadata, names)
        return Note(self._told.requested.get(key, ()), extras, self._told.indexes)
