"""`bundle`: a lock and all its files in one folder, to be hosted anywhere or used without a
network.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..._util import html as display
from ..._util.files import cannot_write, discard_leftovers, is_plain_file, new_file, write_file
from ..._util.progress import Transfers, count, size
from ...environment import in_memory, object_url
from ...errors import InputError, IntegrityError, Problem, UnlockableError
from ...formats.lockfile import LOCK_NAME, Lockfile
from ...network import Fetcher
from ..live_progress import transfers_shown
from ..lock_provenance import writable_extra
from ..lock_source import LockInput
from ..session import SessionOptions, open_lock, open_session
from .boot_page import PAGE_NAME, RUNTIME_FILE, prepare_page
from .wheel_supply import Supplied, Supplier, filename_of, hashed

#: A larger zip is not put into the notebook itself.
_LARGEST_IN_PAGE = 2**20
_OUTCOME = "cannot be bundled; no lock was written"


@dataclass(frozen=True, slots=True, repr=False)
class BundleResult:
    """A folder that boots: ``lockfile`` names the files in it, ``files`` where each was found.

    ``zip`` and ``page`` are the requested files beside it. ``requests`` and ``bytes`` count the
    requests sent and the bytes received.
    """

    folder: Path
    lockfile: Lockfile
    files: tuple[Supplied, ...]
    zip: Path | None = None
    page: Path | None = None
    requests: int = 0
    bytes: int = 0

    @property
    def summary(self) -> str:
        """The contents of the folder, and what they cost, in a sentence."""
        loaded = sum(file.source == "downloaded" for file in self.files)
        parts = [
            f"{count(len(self.files), 'file')} in {self.folder}, {size(self.totals['wheel_bytes'])}"
        ]
        parts.append(
            f"{loaded} downloaded ({size(self.bytes)})" if loaded else "nothing downloaded"
        )
        if loaded and loaded < len(self.files):
            parts.append(f"{len(self.files) - loaded} at hand")
        parts.extend(f"wrote {file}" for file in (self.zip, self.page) if file is not None)
        return "; ".join(parts) + "."

    def __repr__(self) -> str:
        return f"<BundleResult: {self.summary}>"

    def _repr_html_(self) -> str:
        return display.page(display.paragraph(self.summary), self._link())

    def _link(self) -> str:
        """A link that saves the zip from Pyodide's file system, which other programs do not see."""
        if self.zip is None or not in_memory():
            return ""
        content, kind = self.zip.read_bytes(), "application/zip"
        url = object_url(content, kind) if len(content) > _LARGEST_IN_PAGE else None
        return display.download(self.zip.name, content, kind, url=url)

    @property
    def totals(self) -> dict[str, int]:
        """Packages, requests, bytes received, and the bytes of all files."""
        return {
            "packages": len(self.lockfile.packages),
            "requests": self.requests,
            "bytes": self.bytes,
            "wheel_bytes": sum(file.size for file in self.files),
        }


async def bundle(
    lockfile: LockInput,
    dest: str | Path,
    *,
    jobs: int | None = None,
    base_dir: str | Path | None = None,
    zip: bool = False,
    page: bool | str | Path | None = None,
    offline: bool = False,
    refresh: bool = False,
    fetcher: Fetcher | None = None,
    cache_dir: Path | None = None,
    progress: Transfers | None = None,
) -> BundleResult:
    """Put every file of a lock into the folder ``dest``, and beside them a lock that names them
    there.

    A file in ``dest`` is replaced only if the lock that an earlier call left there names it; names
    of Pyodide's runtime are kept free for it. Files that are in ``dest``, in the lock's own folder,
    in ``base_dir`` (a local Pyodide distribution) or in the cache are not downloaded; each of them
    is hashed. With a cache downloads go on where an earlier run was broken off. Every wheel is
    compared with its own RECORD, and its METADATA with the entry. The new lock is written last.

    * ``lockfile``: a `Lockfile`, a parsed object, the text of one, a file, a folder or a URL;
      ``jobs``: downloads at a time.
    * ``zip``: also pack the folder into ``<dest>.zip``. ``page``: also write an index.html that
      boots this environment; a ``.py`` file is copied and run by it.
    * ``offline``: download nothing; ``fetcher``: makes the requests (stays open); ``cache_dir``:
      the folder of the cache that files are shared through (None with a fetcher: none);
      ``progress``: receives each download's progress (None: in a notebook bars show it).

    Raises `UnlockableError` with every file that cannot be had or is not what it should be, and
    `InputError` for a lock or a folder that cannot be used. Without all files no lock is written.
    """
    options = SessionOptions(
        offline=offline, refresh=refresh, jobs=jobs, fetcher=fetcher, cache_dir=cache_dir
    )
    source = await open_lock(lockfile, options)
    lock, beside = source.strict(), source.folder
    folder = Path(dest)
    _refuse_to_replace(lock, folder, _names(lock, _script(page)), _earlier(folder, beside))
    sources = tuple(Path(item) for item in (base_dir, beside) if item is not None)
    return await fill(lock, folder, sources, options, zip=zip, page=page, progress=progress)


async def fill(
    lock: Lockfile,
    folder: Path,
    folders: tuple[Path, ...],
    options: SessionOptions,
    *,
    zip: bool = False,
    page: bool | str | Path | None = None,
    progress: Transfers | None = None,
) -> BundleResult:
    """As `bundle`, for a folder whose files belong to the caller and may be replaced.

    ``folders`` are those that may have files of the lock.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot make the folder {folder}: {error.strerror or error}.") from error
    for item in folders:
        if not item.is_dir():
            raise InputError(f"The folder {item} does not exist.")
    if zip:
        _zip_of(folder)
    names = _names(lock, _script(page))
    _refuse_links(folder, names.values())
    booting = prepare_page(lock, page, folders) if page else None
    async with open_session(options) as session:
        supplier = Supplier(session.fetcher, folders, session.wheels)
        groups: dict[str, list[str]] = {}
        for key in names:
            groups.setdefault(lock.packages[key].sha256, []).append(key)

        async def bring(keys: Sequence[str]) -> list[Supplied | Problem]:
            # Entries that are one file take it from where the first one has brought it.
            places = [folder / names[key] for key in keys]
            return [
                await supplier.bring(key, lock.packages[key], places[number], places[:number])
                for number, key in enumerate(keys)
            ]

        with transfers_shown(progress) as supplier.transfers:
            found = [
                item
                for items in await session.fetcher.gather(map(bring, groups.values()))
                for item in items
            ]
    problems = [item for item in found if isinstance(item, Problem)]
    if problems:
        raise UnlockableError(problems, _OUTCOME)
    for item in {(folder / name).parent for name in names.values()}:
        discard_leftovers(item)
    local = _local(lock, names)
    files = tuple(
        sorted(
            (item for item in found if isinstance(item, Supplied)), key=lambda item: item.package
        )
    )
    written = booting.write(folder) if booting is not None else None
    write_file(folder / LOCK_NAME, local.to_json().encode())
    packed = _pack(folder) if zip else None
    return session.costed(BundleResult(folder, local, files, packed, written))


def _script(page: bool | str | Path | None) -> str | None:
    """The name of the file that the page runs."""
    return None if page is None or isinstance(page, bool) else Path(page).name


def _names(lock: Lockfile, script: str | None) -> dict[str, str]:
    """The path of each file below the folder.

    Files of one name and other bytes get a path with their hash.

    ``script``: the name of the file that the page runs. It is kept free, as those of Pyodide's
    runtime are.
    """
    names: dict[str, str] = {}
    taken: dict[str, str] = {LOCK_NAME: "-", PAGE_NAME: "-", "pyodide": "-"}
    if script is not None:
        taken[script.casefold()] = "-"
    problems = []
    for key, entry in sorted(lock.packages.items()):
        try:
            name = filename_of(entry)
        except IntegrityError as error:
            hint = "Freeze again, or correct its file_name."
            problems.append(Problem("broken-metadata", key, entry.version, f"{error}.", hint))
            continue
        # Two names that differ in case only are one file on many a disk.
        folded = name.casefold()
        is_taken = taken.setdefault(folded, entry.sha256) != entry.sha256
        if is_taken or RUNTIME_FILE.fullmatch(folded):
            name = f"{entry.sha256[:12]}/{name}"
        names[key] = name
    if problems:
        raise UnlockableError(problems, _OUTCOME)
    return names


def _local(lock: Lockfile, names: Mapping[str, str]) -> Lockfile:
    packages = {key: replace(entry, file_name=names[key]) for key, entry in lock.packages.items()}
    return replace(lock, packages=packages, extra=writable_extra(lock.extra))


def _refuse_links(folder: Path, names: Iterable[str]) -> None:
    """Refuse to write through a symbolic link below the folder. Raises `InputError`."""
    for below in sorted({(folder / name).parent for name in names} - {folder}):
        if below.is_symlink():
            raise InputError(
                f"{below} is a symbolic link, and a file would be written to where it leads. "
                "Remove it."
            )


def _earlier(folder: Path, beside: Path | None) -> frozenset[str]:
    """The names of the files that an earlier bundle in this folder has, by its lock.

    ``beside``: the folder of the lock to bundle. That lock cannot vouch for itself.
    """
    path = folder / LOCK_NAME
    if not is_plain_file(path) or (beside is not None and beside.samefile(folder)):
        return frozenset()
    with suppress(InputError):
        return frozenset(entry.file_name for entry in Lockfile.read(path).packages.values())
    return frozenset()


def _refuse_to_replace(
    lock: Lockfile, folder: Path, names: Mapping[str, str], earlier: Collection[str]
) -> None:
    """Refuse names of other files that lie in the folder, unless ``earlier`` has them.

    Raises `UnlockableError`.
    """
    problems = []
    for key, name in names.items():
        path, entry = folder / name, lock.packages[key]
        if name in earlier or not os.path.lexists(path):
            continue
        if path.is_file() and hashed(path, entry.sha256) is not None:
            continue
        message = f"its file would replace {path}, which no bundle in that folder has put there."
        hint = "Move that file elsewhere, or bundle into an empty folder."
        problems.append(Problem("file-name", key, entry.version, message, hint))
    if problems:
        raise UnlockableError(problems, _OUTCOME)


def _zip_of(folder: Path) -> Path:
    """The path of a folder's zip. Raises `InputError` for a root, which has no name."""
    whole = Path(os.path.normpath(folder.absolute()))
    if not whole.name:
        raise InputError(
            f"{whole} has no name that its zip could have. Bundle into a folder below it."
        )
    return whole.with_name(whole.name + ".zip")


def _pack(folder: Path) -> Path:
    """The folder as a zip beside it, with the same bytes each time.

    Wheels are compressed already.
    """
    path = _zip_of(folder)
    try:
        with new_file(path) as packed, zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(_packed(folder)):
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                info.create_system = 3
                info.external_attr = 0o644 << 16
                with (
                    archive.open(info, "w", force_zip64=True) as target,
                    (folder / name).open("rb") as source,
                ):
                    shutil.copyfileobj(source, target, 2**20)
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def _packed(folder: Path) -> Iterator[str]:
    """The files of a folder, without hidden ones.

    Raises `InputError` for a link: it may lead to a secret.
    """
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in (*folders, *files):
            path = Path(place, name)
            if name.startswith("."):
                continue
            if path.is_symlink():
                raise InputError(
                    f"{path} is a symbolic link, and what it leads to may be private, so it is not "
                    "packed. Put a copy in its place, or remove it."
                )
            if is_plain_file(path):
                yield path.relative_to(folder).as_posix()
