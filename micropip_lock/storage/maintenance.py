"""The cache folder as a whole: its size, and its removal in part or whole."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from .._util.files import discard_leftovers, is_plain_file, is_plain_folder
from ..errors import InputError
from .database import (
    FILE_NAME,
    PAGE,
    PARTIAL,
    alone,
    broken,
    connect,
    open_database,
    parts,
    unlink,
)

#: The folder of wheels.
WHEELS = "wheels"

#: The database that once held the pages, beside that of facts: no run reads it, and prune removes
#: it.
OLD_PAGES = "http.sqlite3"

#: The folder of broken downloads, in that of wheels.
PARTS = "parts"

#: How long `prune` waits for another process: it may wait, because the user has called it.
PATIENCE_SECONDS = 5.0

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the cache.

    ``pages``, ``facts`` or ``wheels``; ``entries`` is None when they cannot be counted. Pages and
    facts share a file: what of it is no page counts as facts. The bytes of `OLD_PAGES` are pages.
    """

    name: str
    path: Path
    bytes: int
    entries: int | None


@dataclass(frozen=True, slots=True)
class Pruned:
    """What `prune` has removed: pages, facts, and files that no later run will need."""

    pages: int
    facts: int
    files: int


def today() -> int:
    """The day, counted from 1970-01-01 in UTC."""
    return int(time.time() // _DAY)


def usage(directory: Path) -> tuple[Part, ...]:
    """The parts of the cache in ``directory``, with their size in bytes, also those that do not
    exist.
    """
    wheels = directory / WHEELS
    sizes = [_size(path) for path in _files(wheels)]
    return *_database_usage(directory), Part("wheels", wheels, sum(sizes), len(sizes))


def prune(directory: Path, days: int = 90) -> Pruned:
    """Remove the pages and facts in ``directory`` that were not used for ``days`` days, and what
    killed processes and earlier versions left.

    The file becomes as small as it can be. Raises `InputError` when another process keeps it busy.
    """
    import sqlite3

    path = directory / FILE_NAME
    try:
        removed = _prune_database(directory, today() - days) if is_plain_file(path) else (0, 0)
        with alone(directory):
            leftovers = list(_leftovers(directory))
            for leftover in leftovers:
                leftover.unlink(missing_ok=True)
            for folder in _folders_of_new_files(directory):
                discard_leftovers(folder)
    except (OSError, sqlite3.Error) as error:
        raise InputError(
            f"Cannot prune {path}: {error}; try again when nothing else uses the cache."
        ) from error
    return Pruned(*removed, len(leftovers))


def clear(directory: Path) -> int:
    """Remove the cache from ``directory``, then ``directory`` if it is empty; the number of files
    removed.

    Nothing else is touched, and no symbolic link followed: it goes, and what it points to stays.
    ``wheels`` is only removed beside a database of the cache: other folders have one of that name,
    too. Raises `InputError`.
    """
    if not directory.is_dir():
        return 0
    try:
        with alone(directory):
            removed = _clear_wheels(directory / WHEELS) if _is_cache(directory) else 0
            for path in (directory / OLD_PAGES, directory / FILE_NAME):
                removed += len(list(parts(path)))
                unlink(path)
            for partial in _partial(directory):
                partial.unlink(missing_ok=True)
                removed += 1
    except OSError as error:
        raise InputError(f"Cannot clear {directory}: {error}.") from error
    with suppress(OSError):
        directory.rmdir()
    return removed


def _prune_database(directory: Path, day: int) -> tuple[int, int]:
    """The numbers of pages and of facts that are gone."""
    database = open_database(directory)
    with closing(database.connection) as connection:
        try:
            connection.execute(f"PRAGMA busy_timeout={PATIENCE_SECONDS * 1000:.0f}")
            query = "DELETE FROM facts WHERE kind = ? AND used < ?"
            pages = connection.execute(query, (PAGE, day)).rowcount
            facts = connection.execute("DELETE FROM facts WHERE used < ?", (day,)).rowcount
            connection.execute("VACUUM")
            connection.execute(
                "PRAGMA busy_timeout=0"
            )  # processes that read may go on; the last to close the file truncates the log
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except Exception as error:  # SQLite may be missing, and its errors with it
            if not broken(error):
                raise
            database.discard()
            return 0, 0
    return pages, facts


def _clear_wheels(folder: Path) -> int:
    if folder.is_symlink():
        folder.unlink()
        return 1
    removed = len(list(_files(folder)))
    if folder.is_dir():
        shutil.rmtree(folder)
    return removed


def _is_cache(directory: Path) -> bool:
    return any((directory / name).is_file() for name in (OLD_PAGES, FILE_NAME))


def _leftovers(directory: Path) -> Iterator[Path]:
    if (directory / FILE_NAME).exists():
        yield from parts(directory / OLD_PAGES)  # without facts it may be another program's
    else:
        yield from parts(directory / FILE_NAME)
    partial = [*_partial(directory)]
    if _is_cache(directory):
        partial += [
            path
            for path in _files(directory / WHEELS)
            if path.name[0] == "." and path.suffix == ".part"
        ]
    old = time.time() - _DAY  # no process writes one file for longer than a day
    for path in partial:
        with suppress(FileNotFoundError):
            if path.lstat().st_mtime < old:
                yield path


def _folders_of_new_files(directory: Path) -> list[Path]:
    """Where a process that was killed may have left the folder of a new file."""
    wheels = directory / WHEELS
    below = _children(wheels) if _is_cache(directory) and is_plain_folder(wheels) else []
    return [directory, *filter(is_plain_folder, below)]


def _partial(directory: Path) -> Iterator[Path]:
    """Files of facts that are being made, or whose maker was killed."""
    return (
        path for path in _children(directory) if path.name.startswith(PARTIAL) and path.is_file()
    )


def _children(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _files(folder: Path) -> Iterator[Path]:
    """Everything below a folder that is no folder."""
    if not folder.is_symlink():
        for place, folders, names in os.walk(folder):
            yield from (Path(place, name) for name in names)
            yield from (Path(place, name) for name in folders if Path(place, name).is_symlink())


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _database_size(path: Path) -> int:
    return sum(_size(part) for part in parts(path))


def _database_usage(directory: Path) -> tuple[Part, Part]:
    """The pages and the facts in the databases of ``directory``."""
    path = directory / FILE_NAME
    size = _database_size(path)
    old_size = _database_size(directory / OLD_PAGES)
    if not is_plain_file(path):
        return Part("pages", path, old_size, 0), Part("facts", path, size, 0)
    import sqlite3

    query = "SELECT count(*), total(length(value)) FROM facts WHERE kind = ?"
    try:
        with closing(connect(path)) as connection:
            ((pages, page_bytes),) = connection.execute(query, (PAGE,)).fetchall()
            ((entries,),) = connection.execute("SELECT count(*) FROM facts").fetchall()
    except sqlite3.Error:
        return Part("pages", path, old_size, None), Part("facts", path, size, None)
    return (
        Part("pages", path, old_size + int(page_bytes), pages),
        Part("facts", path, size - int(page_bytes), entries - pages),
    )
