"""Where the files of a lock are: on an index, beside a lock of Pyodide's own, or nowhere now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...errors import FetchError, InputError, Problem
from ...formats.core_metadata import CoreMetadata
from ...formats.lockfile import LOCK_NAME, Lockfile
from ...formats.project_page import IndexFile, ProjectPage
from ...index.client import Indexes, Listing
from ...network import Fetcher
from ...proof.candidate import candidate_at
from ..lock_source import LARGEST_LOCK
from .entry import Entry
from .unreachable import UnreachableHosts


@dataclass(slots=True)
class EntryReport:
    """The findings on one entry whose file is on a server."""

    entry: Entry
    problems: list[Problem] = field(default_factory=list)
    #: The file, as an index lists it, at this URL or at another one with the same sha256.
    file: IndexFile | None = None
    #: Whether a lock beside the file has it: it is of a Pyodide distribution.
    is_base: bool = False
    #: The METADATA that belongs to the sha256 of the entry.
    metadata: CoreMetadata | None = None
    #: The names that its files make importable; None: they were not read.
    modules: tuple[str, ...] | None = None

    def add_problem(self, code: str, message: str, hint: str, url: str | None = None) -> None:
        """Add a problem; the URL is the entry's unless it is another one."""
        self.problems.append(self.entry.problem(code, message, hint, url or self.entry.url))

    def has(self, *codes: str) -> bool:
        """Whether one of these problems was found."""
        return any(problem.code in codes for problem in self.problems)


@dataclass(frozen=True, slots=True)
class _Beside:
    """The lock in the folder of some file: file name -> sha256; empty when there is none."""

    hashes: dict[str, str]
    unreachable: FetchError | None = None


class Places:
    """Finds the entries' files. Each project is requested once an index, and each folder once."""

    def __init__(self, indexes: Indexes, fetcher: Fetcher, unreachable: UnreachableHosts) -> None:
        self._indexes = indexes
        self._fetcher = fetcher
        self._silence = unreachable
        self._folders: dict[str, _Beside] = {}

    async def open(self, entries: Sequence[Entry]) -> None:
        """Read the locks in the folders that have several of the files.

        That saves requests to the index: a distribution has hundreds of packages, and none of its
        files is on any page.
        """
        folders = Counter(entry.folder for entry in entries)
        await self._fetcher.gather(
            [self._open(folder) for folder, count in folders.items() if count > 1]
        )

    async def find(self, report: EntryReport, *, knock: bool) -> None:
        """Find the file of one entry.

        With ``knock`` its server is asked for it where no page of an index and no lock beside it
        vouches for it.
        """
        entry = report.entry
        if self._is_vouched_for(report):
            return
        listing = await self._listing(entry)
        context, elsewhere = _offers(entry, listing)
        if context or elsewhere:
            _judge(report, context or elsewhere)
        elif listing is not None:
            _tell_status(
                report, [page for _, page in listing.pages if page.status == "quarantined"]
            )
        if context:
            return
        if not elsewhere:
            if entry.folder not in self._folders:
                await self._open(entry.folder)
            if self._is_vouched_for(report):
                return
        if entry.is_plain and knock:
            await self._knock(report, is_listed=bool(elsewhere), was_asked=listing is not None)

    # -- indexes

    async def _listing(self, entry: Entry) -> Listing | None:
        if not self._indexes:
            return Listing((), ())
        try:
            return await self._indexes.project(entry.key, self._fetcher)
        except FetchError as error:
            self._silence.add(error, entry.key)
            return None

    # -- folders

    async def _open(self, folder: str) -> None:
        try:
            response = await self._fetcher.get(f"{folder}{LOCK_NAME}", max_bytes=LARGEST_LOCK)
        except FetchError as error:
            # Some stores answer 403 instead of 404, so as not to reveal which files they have.
            self._folders[folder] = _Beside({}, None if error.code == "not-allowed" else error)
            return
        is_whole = response.status == 200 and response.complete
        self._folders[folder] = _Beside(_hashes(response.body) if is_whole else {})

    def _is_vouched_for(self, report: EntryReport) -> bool:
        entry = report.entry
        beside = self._folders.get(entry.folder)
        sha256 = beside.hashes.get(entry.filename) if beside is not None else None
        if sha256 is None:
            return False
        report.is_base = True
        if entry.sha256 not in (None, sha256):
            _tell_conflict(report, "the pyodide-lock.json beside it", sha256)
        return True

    # -- the file itself

    async def _knock(self, report: EntryReport, *, is_listed: bool, was_asked: bool) -> None:
        entry = report.entry
        try:
            there = await is_there(self._fetcher, entry.url or "")
        except FetchError as error:
            self._silence.add(error, entry.key)
            return
        beside = self._folders.get(entry.folder)
        if not there:
            add_gone(report)
        elif beside is not None and beside.unreachable is not None and not is_listed:
            self._silence.add(beside.unreachable, entry.key)
        elif not is_listed and was_asked:
            report.add_problem(
                "unlisted",
                f"no index that was asked lists {entry.url}, so its sha256 was compared with "
                "nothing.",
                "Name the index it is from (--index-url), or let it be downloaded and hashed with "
                "--deep.",
            )


def _hashes(body: bytes) -> dict[str, str]:
    """File name -> sha256 of a lock; what is no lock has none."""
    try:
        packages = Lockfile.from_json(body).packages.values()
    except InputError:
        return {}
    return {item.file_name.rpartition("/")[2]: item.sha256 for item in packages if item.sha256}


async def is_there(fetcher: Fetcher, url: str) -> bool:
    """Whether a server has a file. Raises `FetchError`."""
    try:
        return (await fetcher.head(url)).found
    except FetchError as error:
        if error.reason in ("not-allowed", "no-connection"):
            raise
        # Some servers know no HEAD.
    return (await fetcher.get(url, byte_range=(0, 0), max_bytes=1)).found


def add_gone(report: EntryReport) -> None:
    """Say that the file is not there any more."""
    report.add_problem(
        "gone",
        f"{report.entry.url} is not there (404).",
        "It was removed or moved. Install a version that is there and freeze again.",
    )


_Found = list[tuple[str, ProjectPage, IndexFile]]


def _offers(entry: Entry, listing: Listing | None) -> tuple[_Found, _Found]:
    """The pages that list this very URL, and those that list the same file at another one.

    The same file is one of the same name and sha256.
    """
    context: _Found = []
    elsewhere: _Found = []
    for index, page in listing.pages if listing is not None else ():
        for file in page.files(entry.key, entry.versions):
            if candidate_at(file.url, "index", None).url == entry.url:
                context.append((index, page, file))
            elif (
                file.filename == entry.filename
                and file.sha256 is not None
                and file.sha256 == entry.sha256
            ):
                elsewhere.append((index, page, file))
    return context, elsewhere


def _judge(report: EntryReport, found: _Found) -> None:
    """What the pages that list a file say against it."""
    entry = report.entry
    report.file = found[0][2]
    for index, _, file in found:
        if file.sha256 is not None and entry.sha256 not in (None, file.sha256):
            _tell_conflict(report, index, file.sha256)
            break
    for index, _, file in found:
        if file.yanked is not None:
            report.add_problem(
                "yanked",
                "its authors yanked this release from "
                f"{index}{f': {file.yanked}' if file.yanked else ''}.",
                "It can still be loaded; lock another version if you can.",
            )
            break
    _tell_status(report, [page for _, page, _ in found])


def _tell_conflict(report: EntryReport, who: str, sha256: str) -> None:
    report.add_problem(
        "hash-conflict",
        f"the lock says sha256 {report.entry.sha256}, {who} says {sha256}; browsers refuse the "
        "file.",
        "The lock or the file was changed. Install the package again and freeze again, and ask "
        "its publisher.",
    )


_STATUS_HINTS = {
    # PEP 792: «the project is considered generally unsafe for use»
    "quarantined": (
        "Do not use it: its index holds it to be unsafe, and has taken it down. Remove it from the "
        "lock."
    ),
    "archived": "It still works, but is not maintained. Look for something else when you can.",
    "deprecated": "It still works; its authors want you to use something else.",
}


def _tell_status(report: EntryReport, pages: Sequence[ProjectPage]) -> None:
    for page in pages:
        if page.status in _STATUS_HINTS and not report.has(page.status):
            reason = f": {page.status_reason}" if page.status_reason else ""
            message = f"the whole project is {page.status} on its index{reason}."
            report.add_problem(page.status, message, _STATUS_HINTS[page.status])
