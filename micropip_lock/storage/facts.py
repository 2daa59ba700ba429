"""The facts on the host: one SQLite file in the cache folder, and nothing depends on it.

* After any error the store counts as empty for the rest of the run.
* Wrong bytes are never served: beside each value lies a hash of it and of what it is about.
* A killed process loses what waited in memory, and nothing that was written.
* Keys are stored as hashes, so no URL can be read in the file.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from .database import Database, broken, open_database
from .maintenance import today

if TYPE_CHECKING:
    import sqlite3

#: Bytes that the file may grow to; the facts used longest ago go first.
MAX_SIZE = 512 << 20

#: Bytes of the largest fact that is kept.
MAX_VALUE = 32 << 20

#: Facts, and bytes of facts, that wait in memory to be written together.
MAX_WAITING, MAX_WAITING_BYTES = 500, 4 << 20


class FactStore:
    """The facts in ``facts.sqlite3`` of ``directory``; both are made at the first use.

    Facts of up to 32 MiB are kept, 512 MiB in all. What is put is known to this store at once, and
    to other processes when some hundreds of facts wait, or at `close`. A closed store opens again
    when it is used.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = Lock()
        self._database: Database | None = None
        self._given_up = False
        self._waiting: dict[bytes, tuple[str, bytes]] = {}
        self._waiting_bytes = 0
        self._used: set[bytes] = set()

    def get(self, kind: str, key: str) -> bytes | None:
        """The fact of that kind about ``key``; None when it is not known."""
        with self._lock:
            if self._given_up:
                return None
            try:
                identifier = _identifier(kind, key)
                waiting = self._waiting.get(identifier)
                return self._read(identifier) if waiting is None else waiting[1]
            except Exception as error:  # SQLite's, the system's, no SQLite: none may stop a run
                self._give_up(error)
                return None

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Remember a fact that can never change."""
        with self._lock:
            if self._given_up or len(value) > MAX_VALUE:
                return
            try:
                self._waiting[_identifier(kind, key)] = kind, bytes(value)
                self._waiting_bytes += len(value)
                if len(self._waiting) >= MAX_WAITING or self._waiting_bytes >= MAX_WAITING_BYTES:
                    self._write()
            except Exception as error:  # as above
                self._give_up(error)

    def close(self) -> None:
        """Write what waits, and close the file."""
        with self._lock:
            try:
                self._write()
                if self._database is not None:
                    self._database.connection.close()
                    self._database = None
            except Exception as error:  # as above
                self._give_up(error)

    def _read(self, identifier: bytes) -> bytes | None:
        query = "SELECT used, proof, value FROM facts WHERE id = ?"
        for used, proof, value in self._opened().execute(query, (identifier,)).fetchall():
            if isinstance(value, bytes) and proof == _proof(identifier, value):
                if used != today():  # so a read seldom writes
                    self._used.add(identifier)
                return value
        return None

    def _write(self) -> None:
        if not self._waiting and not self._used:
            return
        connection, day = self._opened(), today()
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "UPDATE facts SET used = ? WHERE id = ?", [(day, key) for key in self._used]
            )
            connection.executemany(
                "INSERT OR REPLACE INTO facts (id, kind, used, proof, value) "
                "VALUES (?, ?, ?, ?, ?)",
                [
                    (key, kind, day, _proof(key, value), value)
                    for key, (kind, value) in self._waiting.items()
                ],
            )
            _shrink(connection)
        self._nothing_waits()

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = open_database(self._directory)
        return self._database.connection

    def _give_up(self, error: Exception) -> None:
        self._given_up = True
        self._nothing_waits()
        database, self._database = self._database, None
        if database is not None:
            with suppress(Exception):
                if broken(error):
                    database.discard()
            with suppress(Exception):
                database.connection.close()

    def _nothing_waits(self) -> None:
        self._waiting, self._waiting_bytes, self._used = {}, 0, set()


def _identifier(kind: str, key: str) -> bytes:
    return hashlib.sha256(f"{kind}\0{key}".encode("utf-8", "surrogatepass")).digest()


def _proof(identifier: bytes, value: bytes) -> bytes:
    digest = hashlib.sha256(identifier)
    digest.update(value)
    return digest.digest()


def _shrink(connection: sqlite3.Connection) -> None:
    """Below the limit again, and by a tenth more, so that not every write has to do it."""
    ((size,),) = connection.execute(
        "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count(), "
        "pragma_freelist_count(), pragma_page_size()"
    ).fetchall()
    if size <= MAX_SIZE:
        return
    excess, gone = size - MAX_SIZE * 9 // 10, []
    for row, length in connection.execute(
        "SELECT rowid, length(value) FROM facts ORDER BY used, rowid"
    ):
        if excess <= 0:
            break
        gone.append((row,))
        excess -= length
    connection.executemany("DELETE FROM facts WHERE rowid = ?", gone)
