"""New wheels: fetched, checked, and on the host unpacked, before anything of the environment
changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..._util.text import sentence
from ..._util.url import is_http, without_credentials
from ...errors import IntegrityError, Problem, UnlockableError
from ...formats.core_metadata import CoreMetadata
from ...formats.direct_url import provenance_url
from ...formats.lockfile import LockedPackage, Lockfile
from ...formats.wheel import WheelDescription
from ...installed.problems import layout
from ...network import Fetcher
from ..bundle.wheel_supply import Supplier, filename_of
from .comparison import Notes
from .plan import OUTCOME
from .target_environment import TargetEnvironment
from .transaction import Transaction
from .unpack import unpack


@dataclass(frozen=True, slots=True)
class StagedWheel:
    """A checked wheel for a running Pyodide to unpack, and the files to add to its .dist-info."""

    path: Path
    contents: WheelDescription
    metadata: Mapping[str, bytes]

    @property
    def files(self) -> list[str]:
        """The files that it will have, relative to site-packages."""
        added = [f"{self.contents.dist_info}/{name}" for name in (*self.metadata, "PYODIDE_SOURCE")]
        return sorted({*(member.name for member in self.contents.members), *added})


@dataclass(slots=True)
class Staging:
    """Brings the wheels of ``lock`` into the work folder of a transaction."""

    lock: Lockfile
    environment: TargetEnvironment
    supplier: Supplier
    fetcher: Fetcher
    notes: Notes
    #: For a running Pyodide: the wheels that it is to unpack.
    wheels: dict[str, StagedWheel] = field(default_factory=dict)
    #: On the host: the RECORD of each unpacked wheel, as it will be installed.
    records: dict[str, bytes] = field(default_factory=dict)

    async def stage(self, packages: Iterable[str], transaction: Transaction) -> None:
        """Stage the wheels of ``packages``, without those that Pyodide loads by its own lock.

        Raises `UnlockableError` with the problems of all of them.
        """
        wanted = [key for key in packages if not self._is_loaded_by_runtime(key)]
        found = await self.fetcher.gather([self._stage(key, transaction) for key in wanted])
        problems = [problem for problem in found if problem is not None]
        if problems:
            raise UnlockableError(problems, OUTCOME)

    def _is_loaded_by_runtime(self, key: str) -> bool:
        """Whether the running Pyodide has the very wheel in its own lock, and can load it."""
        is_live = self.environment.runtime is not None
        return is_live and self.environment.is_base(key, self.lock.packages[key])

    async def _stage(self, key: str, transaction: Transaction) -> Problem | None:
        entry = self.lock.packages[key]
        try:
            wheel = transaction.downloads(key) / filename_of(entry)
            supplied = await self.supplier.bring(key, entry, wheel)
            if isinstance(supplied, Problem):
                return supplied
            contents = supplied.contents
            assert contents is not None  # since it is a wheel by its name
            metadata = self._metadata_files(key, entry, contents.metadata)
            if self.environment.runtime is not None:
                self.wheels[key] = StagedWheel(wheel, contents, metadata)
                return _layout_problem(key, entry, contents)
            self._unpack(wheel, transaction.staged(key), metadata)
            self._read_record(key, transaction.staged(key), contents)
            wheel.unlink()
        except IntegrityError as error:
            hint = "Freeze again from an install that you trust, or lock another version."
            return Problem("content-mismatch", key, entry.version, sentence(error), hint)
        return None

    def _unpack(self, wheel: Path, target: Path, metadata: Mapping[str, bytes]) -> None:
        unpack(wheel, target, self._site, self.environment.interpreter, metadata)

    def _read_record(self, key: str, staged: Path, contents: WheelDescription) -> None:
        path = staged / self._site / contents.dist_info / "RECORD"
        self.records[key] = path.read_bytes()

    @property
    def _site(self) -> PurePosixPath:
        """Site-packages, relative to the prefix."""
        site = self.environment.site.relative_to(self.environment.prefix)
        return PurePosixPath(site.as_posix())

    def _metadata_files(
        self, key: str, entry: LockedPackage, metadata: CoreMetadata
    ) -> dict[str, bytes]:
        """What an installer writes into .dist-info, so that a later freeze need not search."""
        files = {"INSTALLER": b"micropip-lock\n"}
        note = self.notes.of(key, entry, metadata)
        if note.requested:
            files["REQUESTED"] = b""
        url = without_credentials(entry.file_name) if is_http(entry.file_name) else None
        if url is not None and "?" not in url:
            files["provenance_url.json"] = provenance_url(url, entry.sha256, note)
        return files


def _layout_problem(key: str, entry: LockedPackage, contents: WheelDescription) -> Problem | None:
    """The problem that Pyodide's loader would leave modules where Python does not import them."""
    return layout(key, entry.version) if contents.modules.unspread else None
