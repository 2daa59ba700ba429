"""The files of a lock from every source: in their place, beside the lock, in the cache, on a
server.

Every file that was not just downloaded is hashed again. A file is in its place only when it is
complete and has the right hash.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from packaging.utils import canonicalize_name
from packaging.version import Version

from ..._util.files import cannot_write, copy_file, is_plain_file
from ..._util.progress import Transfers
from ..._util.text import sentence
from ..._util.url import filename, is_http, shown
from ...errors import FetchError, GoneError, InputError, IntegrityError, Problem
from ...formats.lockfile import LockedPackage
from ...formats.wheel import WheelDescription
from ...formats.wheel_archive import inspect_wheel
from ...index.download import download
from ...index.unanswered import HINTS, unanswered
from ...network import Fetcher
from ...storage.wheels import WheelStore

Source = Literal["there", "folder", "cache", "downloaded"]


@dataclass(frozen=True, slots=True)
class Supplied:
    """A file in its place."""

    package: str
    path: Path
    size: int
    source: Source
    #: What it holds, when it is a wheel: that was compared with its RECORD and with the entry.
    contents: WheelDescription | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class Supplier:
    """Brings files of a lock to their place.

    ``folders`` may have them by name, ``store`` by hash; what is downloaded goes to the store
    first, if there is one.
    """

    fetcher: Fetcher
    folders: tuple[Path, ...] = ()
    store: WheelStore | None = None
    transfers: Transfers | None = None

    async def bring(
        self, key: str, entry: LockedPackage, place: Path, copies: Sequence[Path] = ()
    ) -> Supplied | Problem:
        """Bring the file of an entry to ``place``, or say why it cannot be had.

        ``copies`` may be the same file.
        """
        try:
            return await self._bring(key, entry, place, copies)
        except _LocalOnlyError as error:
            return Problem("local-file", key, entry.version, str(error), _BASE_DIR)
        except IntegrityError as error:
            return Problem("content-mismatch", key, entry.version, sentence(error), _FREEZE)
        except GoneError as error:
            return Problem(
                "gone", key, entry.version, sentence(error), _REMOVED, shown(entry.file_name)
            )
        except FetchError as error:
            url = shown(entry.file_name)
            return unanswered(error, key, entry.version, _UNANSWERED, url=url)

    def at_hand(self, entry: LockedPackage) -> Path | None:
        """The file of an entry in a folder or in the cache; its hash was compared."""
        if not _SHA256.fullmatch(entry.sha256):
            return None
        found = self.store.find(entry.sha256) if self.store is not None else None
        candidates = [*self._in_folders(entry), *([found] if found is not None else [])]
        return next(
            (
                path
                for path in candidates
                if path.is_file() and hashed(path, entry.sha256) is not None
            ),
            None,
        )

    def _in_folders(self, entry: LockedPackage) -> list[Path]:
        names = dict.fromkeys([*_relative(entry), filename_of(entry)])
        return [folder / name for folder in self.folders for name in names]

    async def _bring(
        self, key: str, entry: LockedPackage, place: Path, copies: Sequence[Path]
    ) -> Supplied:
        if not _SHA256.fullmatch(entry.sha256):
            what = (
                f"{entry.sha256[:80]!r} is no sha256"
                if entry.sha256
                else "the lock gives no sha256 for it"
            )
            raise IntegrityError(what)

        contents: WheelDescription | None = None

        def check(path: Path) -> None:
            nonlocal contents
            if place.name.endswith(".whl"):
                with path.open("rb") as file:
                    contents = inspect_wheel(file, path.stat().st_size, entry.sha256, key)
                check_wheel(key, entry, contents)

        size = hashed(place, entry.sha256) if is_plain_file(place) else None
        if size is not None:
            check(place)
            return Supplied(key, place, size, "there", contents)
        for path in (*copies, *self._in_folders(entry)):
            if (size := copied(path, place, entry.sha256, check)) is not None:
                return Supplied(key, place, size, "folder", contents)
        if self.store is not None and (found := self.store.find(entry.sha256)) is not None:
            if (size := copied(found, place, entry.sha256, check)) is not None:
                return Supplied(key, place, size, "cache", contents)
            with suppress(OSError):
                found.unlink()  # it was changed: no later run shall find it
        if not is_http(entry.file_name):
            searched = ", ".join(map(str, self.folders)) or "no folder was named"
            raise _LocalOnlyError(
                f"{filename_of(entry)} is named relative to the lock, and is not there "
                f"({searched})."
            )
        size = await self._download(entry, place, check)
        return Supplied(key, place, size, "downloaded", contents)

    async def _download(
        self, entry: LockedPackage, place: Path, check: Callable[[Path], None]
    ) -> int:
        store = self.store if self.store is not None and self.store.accepts(entry.sha256) else None
        target = place if store is None else store.place(entry.sha256)
        transfer = self.transfers.begin(place.name) if self.transfers is not None else None
        options: dict[str, Any] = {}
        if transfer is not None:
            options = {"advance": transfer.advance, "expect": transfer.expect}
        if store is not None:
            options["parts"] = store.parts  # only the cache keeps what a later run resumes
        done = False
        try:
            size = await download(
                self.fetcher, entry.file_name, entry.sha256, target, check=check, **options
            )
            done = True
        except GoneError as error:
            message = f"{shown(entry.file_name)} is not there (404)"
            raise GoneError(message, url=error.url) from error
        finally:
            if transfer is not None:
                transfer.end(done)
        if target != place and copied(target, place, entry.sha256) is None:
            raise IntegrityError("the cache was changed while it was read; try again")
        return size


class _LocalOnlyError(Exception):
    """A relative file name that no source has."""


_BASE_DIR = (
    "Pass base_dir= (--base-dir), the folder that has it, or make the lock with an absolute "
    "base_url."
)
_FREEZE = "Freeze again from an install that you trust, or ask the owner of the index."
_REMOVED = "It was removed or moved. Install a version that is there and freeze again."
_UNANSWERED = dict.fromkeys(
    HINTS,
    "Try again; what is there already is kept. If it stays so, lock the package from another "
    "index.",
)


_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Bytes of a name, for file systems in use.
_LONGEST_NAME = 255


def _relative(entry: LockedPackage) -> list[str]:
    """A relative name with folders, as it stands, if it stays below where it counts from."""
    if is_http(entry.file_name) or ":" in entry.file_name or "\0" in entry.file_name:
        return []
    parts = entry.file_name.split("/")
    return [entry.file_name] if len(parts) > 1 and {"", ".", ".."}.isdisjoint(parts) else []


def filename_of(entry: LockedPackage) -> str:
    """The name of an entry's file, as it is on a disk.

    Raises `IntegrityError` when it could lie elsewhere.
    """
    name = filename(entry.file_name)
    # What means something in a URL, or to a file system, is in no name of a wheel.
    if not name or name.startswith(".") or not set(name).isdisjoint('/\\\0%#?:*"<>|'):
        raise IntegrityError(f"{shown(entry.file_name)!r} is no name of a file")
    if not name.isprintable():
        raise IntegrityError(f"{shown(entry.file_name)!r} has characters that cannot be seen")
    if len(os.fsencode(name)) > _LONGEST_NAME:
        raise IntegrityError(f"the name of its file has more than {_LONGEST_NAME} bytes")
    return name


def check_wheel(key: str, entry: LockedPackage, contents: WheelDescription) -> None:
    """Compare a whole wheel with the entry. Raises `IntegrityError`."""
    try:
        metadata = contents.metadata
        same = same_version(metadata.version, entry.version)
    except ValueError as error:
        raise IntegrityError(f"its METADATA cannot be read ({error})") from error
    if canonicalize_name(metadata.name) != key or not same:
        raise IntegrityError(
            f"its METADATA is that of {metadata.name} {metadata.version}, not {key} {entry.version}"
        )


def same_version(installed: str, locked: str) -> bool:
    """Whether two versions are one; METADATA may have a local part that the lock has not, and the
    other way round.

    Raises ValueError for what is no version.
    """
    first, second = Version(installed), Version(locked)
    return (
        first == second
        if first.local and second.local
        else Version(first.public) == Version(second.public)
    )


def hashed(path: Path, sha256: str) -> int | None:
    """The size of the file at ``path`` if it is there and has this hash."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell() if found == sha256 else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error


def copied(
    source: Path, place: Path, sha256: str, check: Callable[[Path], None] | None = None
) -> int | None:
    """Copy ``source`` to ``place`` if it has this hash, in one step; the size. Raises `InputError`.

    ``check`` may examine it before it is in its place, and raise.
    """

    def verify(copy: Path) -> None:
        if hashed(copy, sha256) is None:
            raise _OtherFileError
        if check is not None:
            check(copy)

    if not source.is_file():
        return None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        return copy_file(source, place, verify)
    except _OtherFileError:
        return None
    except OSError as error:
        raise cannot_write(place, error) from error


class _OtherFileError(Exception):
    """A file with another hash."""
