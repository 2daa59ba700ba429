"""The file of facts: any number of processes may create, open and replace it, or be killed.

The write-ahead log of SQLite keeps a healthy file healthy. What SQLite leaves to its caller:

* The file appears with its tables and its journal mode. Processes that switched a file to the log
  at once would not wait for each other.
* A broken file, or one of another schema, is unlinked and made anew. A process that still has it
  open keeps it for itself.
* SQLite takes any log with the right name for the file's own. So one process at a time makes or
  unlinks files (it locks the folder), and a process that opens a file checks afterwards whether
  the name still leads to this file.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .._util.locking import lock
from .._util.private_files import keep_own, make_private

if TYPE_CHECKING:
    # Pyodide has none, and elsewhere only a run that opens the file should pay for it.
    import sqlite3

FILE_NAME = "facts.sqlite3"

#: The kind of the pages of the HTTP cache. They lie beside the facts, and the last one counts.
PAGE = "page"

#: What the name of a file that is being made starts with.
PARTIAL = f".{FILE_NAME}."

#: How long a run waits for another process before it goes on without the store.
BUSY_SECONDS = 0.5

#: The file is ours if these statements made it, word for word.
SCHEMA = (
    "CREATE TABLE facts (id BLOB PRIMARY KEY, kind TEXT NOT NULL, used INTEGER NOT NULL, "
    "proof BLOB NOT NULL, value BLOB NOT NULL)",
    "CREATE INDEX facts_used ON facts (used)",
)

#: Bytes that an idle log may keep.
_LOG_SIZE = 16 << 20

# The database goes first: one that is made in its place is not opened before the rest is gone, too.
_SUFFIXES = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Database:
    """An open file. While it is open no other one can have its ``inode``."""

    path: Path
    connection: sqlite3.Connection
    inode: tuple[int, int]

    def moved(self) -> bool:
        """Whether another file, or none, has the name now."""
        try:
            return _inode(self.path) != self.inode
        except FileNotFoundError:
            return True

    def discard(self) -> None:
        """Unlink the file, unless another process has.

        The connection has to be closed after that, not before.
        """
        with alone(self.path.parent):
            if not self.moved():
                unlink(self.path)


def open_database(directory: Path) -> Database:
    """The file in ``directory``, made if it is missing or no good.

    Raises OSError and sqlite3.Error.
    """
    import sqlite3

    path = directory / FILE_NAME
    trouble: Exception | None = None
    for _ in range(5):
        make_private(directory)
        for suffix in _SUFFIXES:
            keep_own(path.with_name(path.name + suffix))
        if not path.exists():
            with alone(directory):
                if not path.exists():
                    _make(path)
        try:
            # The inode of before: if it still has the name afterwards, it is the one that was
            # opened.
            database = Database(path, inode=_inode(path), connection=connect(path))
        except (FileNotFoundError, sqlite3.OperationalError) as error:
            trouble = error  # perhaps another process is just replacing it
            continue
        try:
            if _schema(database.connection) == SCHEMA and not database.moved():
                database.connection.execute(
                    "PRAGMA synchronous=NORMAL"
                )  # no wait for the disk at each commit
                database.connection.execute(f"PRAGMA journal_size_limit={_LOG_SIZE}")
                return database
            database.discard()
        except BaseException:
            database.connection.close()
            raise
        database.connection.close()
    raise trouble or OSError(f"{path} changes all the time")


def connect(path: Path) -> sqlite3.Connection:
    """A connection to an existing database.

    It commits by itself, and waits `BUSY_SECONDS` for others.
    """
    import sqlite3

    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def broken(error: Exception) -> bool:
    """Whether SQLite says that the file is no good, rather than not to be had."""
    import sqlite3

    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def parts(path: Path) -> Iterator[Path]:
    """A database and what SQLite lays beside it, as far as they exist."""
    for name in _SUFFIXES:
        part = path.with_name(path.name + name)
        if part.is_symlink() or part.is_file():
            yield part


def unlink(path: Path) -> None:
    """Remove a database and what SQLite has laid beside it."""
    for part in parts(path):
        part.unlink(missing_ok=True)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """One process at a time.

    Where a folder cannot be locked: all of them. Raises OSError when it takes too long.
    """
    descriptor = _locked(directory)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(directory: Path) -> int | None:
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:  # Windows; but it does not unlink open files either
        return None
    if lock(descriptor, timeout=BUSY_SECONDS):
        return descriptor
    os.close(descriptor)
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def _make(path: Path) -> None:
    descriptor, name = tempfile.mkstemp(
        prefix=PARTIAL, dir=path.parent
    )  # readable by the user only
    os.close(descriptor)
    partial = Path(name)
    try:
        with closing(connect(partial)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            for statement in SCHEMA:
                connection.execute(statement)
        unlink(path)  # the log that a killed process left
        partial.rename(path)
    finally:
        unlink(partial)


def _schema(connection: sqlite3.Connection) -> tuple[str, ...] | None:
    """The statements that made the tables; None when that is no database."""
    import sqlite3

    query = "SELECT CAST(sql AS BLOB) FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    try:
        return tuple(statement.decode() for (statement,) in connection.execute(query).fetchall())
    except UnicodeDecodeError:  # of a statement, or of SQLite's message that quotes one
        return None
    except sqlite3.DatabaseError as error:
        if (
            broken(error) or _code(error) == sqlite3.SQLITE_ERROR
        ):  # nonsense in its header or schema
            return None
        raise


def _code(error: Exception) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def _inode(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
