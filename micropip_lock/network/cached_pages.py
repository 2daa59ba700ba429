"""Count and prune the stored pages of the HTTP cache: no request, no event loop, no hishel.

The tables are those of hishel 2.0. A database with other ones is left alone.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from .._util.files import is_plain_file
from ..errors import InputError

#: How long tidying waits for another process.
PATIENCE_SECONDS = 5.0

_COLUMNS = {
    "entries": {
        "id",
        "cache_key",
        "data",
        "expires_at",
        "last_accessed_at",
        "chunk_count",
        "ttl_deadline",
        "tti",
    },
    "streams": {"entry_id", "chunk_number", "chunk_data"},
}

# How long after its removal or expiry another process may still read an entry: hishel's
# soft_delete_ttl.
_GRACE_SECONDS = 180


def count(path: Path) -> int | None:
    """How many pages the database ``path`` has; None when it is not one of hishel 2.0's."""
    if not os.path.lexists(path):
        return 0
    if not is_plain_file(path):
        return None
    try:
        with closing(_connect(path)) as connection:
            if not _known(connection):
                return None
            query = "SELECT count(*) FROM entries WHERE expires_at IS NULL OR expires_at > ?"
            ((number,),) = connection.execute(query, (time.time(),)).fetchall()
            return int(number)
    except sqlite3.Error:
        return None


def prune(path: Path, days: int = 90) -> int | None:
    """Remove the pages that were not used for ``days`` days from the database ``path``, and make it
    small.

    Returns how many that were, or None when the database is not one of hishel 2.0's: it is left as
    it is. Raises `InputError` when another process keeps it busy.
    """
    if not os.path.lexists(path):
        return 0
    if not is_plain_file(path):
        return None
    now = time.time()
    try:
        with closing(_connect(path)) as connection:
            if not _known(connection):
                return None
            connection.execute("PRAGMA foreign_keys=ON")  # the bodies go with their entries
            removed = connection.execute(
                "DELETE FROM entries WHERE last_accessed_at < ? OR expires_at < ? AND "
                "last_accessed_at < ?",
                (now - days * 86_400, now, now - _GRACE_SECONDS),
            ).rowcount
            connection.execute("VACUUM")
            connection.execute(
                "PRAGMA busy_timeout=0"
            )  # processes that read may go on; the last to close the file truncates the log
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return None
        raise InputError(
            f"Cannot prune {path}: {error}; try again when nothing else uses the cache."
        ) from error
    return removed


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=PATIENCE_SECONDS, isolation_level=None)


def _known(connection: sqlite3.Connection) -> bool:
    return all(
        {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} == columns
        for table, columns in _COLUMNS.items()
    )
