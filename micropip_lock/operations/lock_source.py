"""Where users have a lock: an object, its text, a file, a folder, a URL or standard input.

Every operation takes all of them and finds the lock by `local_lock` or `session.open_lock`. It then
reads it as Pyodide's loader does, up to the first fault (`LockSource.strict`), or with all its
faults (`verify.lock_reader.read_lock`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from .._util.reading import read_bytes
from .._util.url import is_http, shown
from ..errors import FetchError, GoneError, InputError
from ..formats.json_values import expected, parse_json
from ..formats.lockfile import LOCK_NAME, Lockfile
from ..network import Fetcher

#: The largest lock to fetch, in bytes. That of a release has half a MB.
LARGEST_LOCK = 64 * 2**20


@dataclass(frozen=True, slots=True)
class LockSource:
    """The contents of a lock that was not read yet, and where they are from."""

    contents: Lockfile | Mapping[str, Any] | str | bytes
    #: What messages call it.
    origin: str = "the lock"
    #: The folder of its file, where files with relative names are.
    folder: Path | None = None

    def strict(self) -> Lockfile:
        """The lock, without a fault. Raises `InputError` for the first one."""
        if isinstance(self.contents, Lockfile):
            return self.contents
        return Lockfile.from_json(self.contents, self.origin)

    def parsed(self) -> tuple[Mapping[str, Any], list[str]]:
        """The lock as an object of JSON, and the keys that its text has twice in one object.

        Raises `InputError` for what is no object of JSON.
        """
        if isinstance(self.contents, Lockfile):
            return self.contents.to_dict(), []
        if isinstance(self.contents, Mapping):
            return self.contents, []
        repeated: list[str] = []

        def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for key, value in pairs:
                if key in found:
                    repeated.append(key)
                found[key] = value
            return found

        data = parse_json(self.contents, self.origin, make_object)
        if not isinstance(data, Mapping):
            wrong = expected("an object", data)
            raise InputError(f"{self.origin}: {wrong}. Is this a pyodide-lock.json?")
        return data, repeated


#: What operations take for a lock. A text is JSON when it begins with a brace, else a URL or a
#: path; a folder has a pyodide-lock.json.
LockInput = LockSource | Lockfile | Mapping[str, Any] | str | Path


def local_lock(lock: LockInput, origin: str = "the lock") -> LockSource:
    """Find a lock that takes no request; ``origin`` is what messages call one that is no file.

    Raises `InputError` for a URL, and for a file that is missing or unreadable.
    """
    if isinstance(lock, LockSource):
        return lock
    if isinstance(lock, Lockfile | Mapping) or _is_json(lock):
        return LockSource(lock, origin)  # type: ignore[arg-type]  # a path is none of these
    if is_url(lock):
        raise InputError(
            f"{shown(str(lock))} is a URL, and this function makes no requests. Download the lock, "
            "or pass its text."
        )
    if lock == "":
        raise InputError("The lock has no name. Name a file, a folder or a URL.")
    path = Path(lock)
    if os.path.isdir(path):  # noqa: PTH112  # Path.is_dir() raises for a name too long
        path = path / LOCK_NAME
    return LockSource(read_bytes(path), str(path), path.absolute().parent)


async def fetch_lock(url: str, fetcher: Fetcher, name: str = "lock") -> LockSource:
    """Fetch the lock at a URL; ``name`` is what messages call it. Raises `FetchError`."""
    response = await fetcher.get(url, max_bytes=LARGEST_LOCK)
    if not response.found:
        raise GoneError(f"The {name} {shown(url)} is not there (404).", url=shown(url))
    if response.status != 200 or not response.complete:
        raise FetchError(f"The {name} {shown(url)} cannot be read.", url=shown(url))
    return LockSource(response.body, shown(url))


def _is_json(lock: object) -> bool:
    return isinstance(lock, str) and lock.lstrip()[:1] == "{"


def is_url(lock: object) -> TypeGuard[str]:
    """Whether a lock is to be fetched."""
    return isinstance(lock, str) and is_http(lock)
