"""The contents of a lock's wheels: METADATA and file list by range requests, or the whole wheel."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Mapping
from typing import TypeVar

from packaging.utils import canonicalize_name

from ...errors import FetchError, GoneError, IntegrityError, Problem
from ...formats.core_metadata import CoreMetadata
from ...formats.wheel import WheelDescription
from ...index.downloaded_wheel import download_wheel
from ...index.remote_wheel import NoRangesError
from ...index.wheel_metadata import BrokenMetadataError, Publications, wrong_record
from ...installed.import_names import imports, wheel_names
from ...installed.problems import layout
from ...network import Fetcher
from ...network.meter import Meter
from ...storage import Facts
from .entry import Entry, as_version, listed
from .online import EntryReport, add_gone
from .unreachable import UnreachableHosts

T = TypeVar("T")

_BROKEN = (
    "The file or its index is broken, or it was tampered with. Tell its owner, or lock another "
    "version."
)


class Wheels:
    """Reads wheels and reports what contradicts the lock. Nothing that is downloaded is kept."""

    def __init__(self, fetcher: Fetcher, facts: Facts, unreachable: UnreachableHosts) -> None:
        self._fetcher = fetcher
        self._publications = Publications(fetcher, facts)
        self._silence = unreachable

    async def read(self, report: EntryReport, *, deep: bool) -> None:
        """Read what an index says of the wheel, and its files where the entry claims no import
        names.
        """
        entry, file = report.entry, report.file
        if file is None or file.kind == "sdist" or report.has("hash-conflict"):
            return
        if (
            not deep or file.metadata_sha256 is not None
        ):  # else METADATA is nowhere but in the wheel
            report.metadata = await self._guarded(
                report, self._publications.metadata(file, entry.key)
            )
        if (
            not deep
            and entry.is_wheel
            and not entry.imports
            and not report.has("gone", "no-ranges")
        ):
            summary = await self._guarded(report, self._publications.summary(file, entry.key))
            if summary is not None:
                _note_modules(report, summary)

    async def download(self, report: EntryReport) -> None:
        """Download the file and compare it with the lock, with its own RECORD and with its
        sidecar.
        """
        entry, url = report.entry, report.entry.url or ""
        witness = _Witness(self._fetcher)
        contents = None
        try:
            if entry.filename.endswith(".whl"):
                contents = await download_wheel(witness, url, entry.key)
            else:
                await witness.drain(url)
        except IntegrityError as error:
            if _check_hash(report, witness):
                report.add_problem("content-mismatch", f"{url} is not usable: {error}.", _BROKEN)
        except GoneError:
            if not report.has("gone"):
                add_gone(report)
        except FetchError as error:
            self._silence.add(error, entry.key)
        else:
            if _check_hash(report, witness) and contents is not None:
                _judge(report, contents)

    async def _guarded(self, report: EntryReport, work: Awaitable[T]) -> T | None:
        try:
            return await work
        except GoneError:
            if not report.has("gone"):
                add_gone(report)
        except NoRangesError:
            report.add_problem(
                "no-ranges",
                f"{report.entry.url} can only be read by downloading it whole.",
                "Let it be downloaded with --deep, to compare what it needs and what it holds.",
            )
        except BrokenMetadataError as error:
            report.add_problem("broken-metadata", f"its METADATA cannot be read: {error}.", _BROKEN)
        except IntegrityError as error:
            report.add_problem("content-mismatch", str(error), _BROKEN)
        except FetchError as error:
            self._silence.add(error, report.entry.key)
        return None


class _Witness(Meter):
    """A `Fetcher` that hashes what it streams, so that even a file that is no wheel has a
    sha256.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        super().__init__(fetcher)
        self.sha256 = hashlib.sha256()

    async def _counted(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in super()._counted(pieces):
            self.sha256.update(piece)
            yield piece

    async def drain(self, url: str) -> None:
        """Read a file to its end."""
        async with self.stream(url) as pieces:
            async for _ in pieces:
                continue


def _check_hash(report: EntryReport, witness: _Witness) -> bool:
    """Whether the bytes are those that the lock means."""
    found = witness.sha256.hexdigest()
    if report.entry.sha256 in (None, found):
        return True
    if not report.has(
        "hash-conflict"
    ):  # the page and the lock may agree with each other, and not with the file on the server
        report.add_problem(
            "hash-conflict",
            f"the lock says sha256 {report.entry.sha256}, what is served at {report.entry.url} has "
            f"{found}.",
            "The file was replaced, or the lock was changed. Freeze again from an install that "
            "you trust.",
        )
    return False


def _judge(report: EntryReport, wheel: WheelDescription) -> None:
    """What a whole wheel says against the lock, its own RECORD and its sidecar."""
    entry, published = report.entry, report.metadata
    if wheel.wrong_rows:
        report.problems.append(
            wrong_record(entry.key, entry.version or "", wheel.wrong_rows, entry.url or "")
        )
    try:
        metadata = wheel.metadata
    except ValueError as error:
        report.metadata = None
        report.add_problem(
            "broken-metadata", f"the METADATA in the wheel cannot be read: {error}.", _BROKEN
        )
        return
    if canonicalize_name(metadata.name) != entry.key or not _is_version(metadata.version, entry):
        report.add_problem(
            "content-mismatch",
            f"the METADATA in the wheel is that of {metadata.name} {metadata.version}.",
            "Correct name and version in the lock, or lock another file.",
        )
    if _contradicts(report, wheel.metadata_file or b"", metadata, published):
        report.add_problem(
            "content-mismatch",
            "the METADATA in the wheel contradicts its sidecar: resolvers see other requirements "
            "than installers.",
            _BROKEN,
        )
    # Installers install this METADATA, not the sidecar.
    report.metadata = metadata
    _note_modules(report, wheel)
    _check_claims(report, wheel)


def _is_version(text: str, entry: Entry) -> bool:
    """Whether METADATA has the entry's version; it may lack the local part of the file name's."""
    found, own = as_version(text), as_version(entry.version or "")
    return own is None or (found is not None and (found == own or found.public == own.public))


def _contradicts(
    report: EntryReport, data: bytes, metadata: CoreMetadata, published: CoreMetadata | None
) -> bool:
    announced = report.file.metadata_sha256 if report.file is not None else None
    if announced:
        return hashlib.sha256(data).hexdigest() != announced
    # A sidecar without a hash was fetched; of one that is not announced, METADATA was read from the
    # wheel.
    return announced is not None and published is not None and published != metadata


def _note_modules(report: EntryReport, wheel: WheelDescription) -> None:
    """Find the import names of a wheel."""
    key, version = report.entry.key, report.entry.version or "0"
    metadata = report.metadata or CoreMetadata(key, version)
    wheel = wheel.with_metadata(metadata)
    if wheel.modules.unspread:
        report.problems.append(layout(key, metadata.version))
    names, _ = imports({key: wheel}, {})
    report.modules = names[key]


def _check_claims(report: EntryReport, wheel: WheelDescription) -> None:
    """Say which of the claimed import names the wheel does not have.

    A namespace may be another package's as well.
    """
    entry = report.entry
    if report.is_base or not entry.is_wheel:
        return
    lacking = set(entry.imports or ()) - wheel_names(wheel)
    if lacking:
        report.add_problem(
            "content-mismatch",
            f"the lock says that it can import {listed(lacking)}, which its wheel does not hold.",
            f"Remove that from the imports of {entry.key}, or freeze again.",
        )


def check_imports(
    reports: Iterable[EntryReport], entries: Mapping[str, Entry]
) -> Iterator[Problem]:
    """The modules that no entry claims, so that importing them does not load them."""
    claimed = {name for entry in entries.values() for name in entry.imports or ()}
    for report in reports:
        entry = report.entry
        # What Pyodide does not spread cannot be imported anyway, and that is reported.
        if report.is_base or report.modules is None or not entry.is_wheel or report.has("layout"):
            continue
        # «import a.b» asks for «a», too; and what begins with _ is for the package itself, which is
        # loaded by then.
        missing = [
            name
            for name in report.modules
            if name not in claimed
            and not any(name.startswith(f"{own}.") for own in entry.imports or ())
            and not (entry.imports and name.startswith("_"))
        ]
        if missing:
            yield entry.problem(
                "no-imports",
                f"its wheel holds {listed(missing)}, which no entry claims: importing that does "
                "not load it.",
                f"Add it to the imports of {entry.key}, or freeze again.",
                entry.url,
            )
