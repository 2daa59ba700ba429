"""The HTTP cache where its database is broken, locked, full, or shared by processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from micropip_lock.errors import FetchError
from micropip_lock.storage import database, facts
from micropip_lock.storage.database import PAGE
from micropip_lock.storage.facts import FactStore

from .caching import FRESH, get, tagged
from .serving import Answer, Server


def execute(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / database.FILE_NAME, isolation_level=None)) as connection:
        connection.execute(statement)


def test_a_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    server.answers["/a"] = Answer(200, b"page", FRESH)
    assert get(f"{server.origin}/a", tmp_path / "file" / "cache").body == b"page"
    with pytest.raises(FetchError, match="offline"):
        get(f"{server.origin}/a", tmp_path / "file" / "cache", offline=True)


def test_a_broken_database_is_made_anew(server: Server, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / database.FILE_NAME).write_bytes(b"no database at all" * 1000)
    server.answers["/a"] = Answer(200, b"page", FRESH)
    for _ in range(2):
        assert get(f"{server.origin}/a", folder).body == b"page"
    assert len(server.log) == 1


def test_the_database_of_an_earlier_version(server: Server, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "http.sqlite3").write_bytes(b"old")
    with closing(sqlite3.connect(folder / database.FILE_NAME)) as old:
        old.execute("CREATE TABLE facts (id BLOB PRIMARY KEY, value BLOB NOT NULL)")
    server.answers["/a"] = Answer(200, b"page", FRESH)
    for _ in range(2):
        assert get(f"{server.origin}/a", folder).body == b"page"
    assert len(server.log) == 1
    assert (folder / "http.sqlite3").read_bytes() == b"old"


def test_a_locked_database(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.001)
    server.answers["/a"] = Answer(200, b"page", FRESH)
    server.answers["/b"] = Answer(200, b"other", FRESH)
    get(f"{server.origin}/a", folder)
    lock = sqlite3.connect(folder / database.FILE_NAME, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
        assert get(f"{server.origin}/a", folder).body == b"page"
        assert get(f"{server.origin}/b", folder).body == b"other"
        assert get(f"{server.origin}/a", folder, refresh=True).body == b"page"
    finally:
        lock.close()


def test_a_disk_that_fails(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers["/a"] = Answer(200, b"page", FRESH)
    server.answers["/b"] = Answer(200, b"other", FRESH)
    get(f"{server.origin}/a", folder)

    def fail(path: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(database, "connect", fail)
    for name, body in (("a", b"page"), ("b", b"other")):
        assert get(f"{server.origin}/{name}", folder).body == body
    assert len(server.log) == 3


@pytest.mark.parametrize(
    "change", ["value = CAST(zeroblob(9) AS BLOB)", "value = substr(value, 1, 300)"]
)
def test_wrong_bytes_are_not_served(server: Server, folder: Path, change: str) -> None:
    server.answers["/a"] = Answer(200, b"page" * 1000, FRESH)
    get(f"{server.origin}/a", folder)
    execute(folder, f"UPDATE facts SET {change}")
    assert get(f"{server.origin}/a", folder).body == b"page" * 1000
    assert len(server.log) == 2


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"1", b"[200, {}, 0]\nbody", b"\xff\n"])
def test_a_page_of_another_form_is_asked_for(server: Server, folder: Path, value: bytes) -> None:
    url = f"{server.origin}/a"
    store = FactStore(folder)
    store.put(PAGE, f"*/* {url}", value)
    store.close()
    server.answers["/a"] = Answer(200, b"page", FRESH)
    assert get(url, folder).body == b"page"
    assert get(url, folder, offline=True).body == b"page"


def test_a_page_that_is_too_large(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "MAX_VALUE", 1000)
    server.answers["/a"] = Answer(200, b"page" * 1000, FRESH)
    for _ in range(2):
        assert get(f"{server.origin}/a", folder).body == b"page" * 1000
    assert len(server.log) == 2


CLIENT = """
import asyncio, sys
from pathlib import Path
from micropip_lock.network.httpx_fetcher import HttpxFetcher

async def main(origin, folder):
    for refresh in (False, True):
        fetcher = HttpxFetcher(cache_dir=folder)
        tasks = [fetcher.get(f"{origin}/{n}", max_bytes=1 << 20, refresh=refresh) for n in range(9)]
        for number, response in enumerate(await fetcher.gather(tasks)):
            assert response.body == b"%d" % number * 5_000, number
        await fetcher.aclose()

asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
"""


def test_processes_at_once(server: Server, folder: Path) -> None:
    for number in range(9):
        server.answers[f"/{number}"] = tagged(b"%d" % number * 5_000, FRESH)
    command = [sys.executable, "-c", CLIENT, server.origin, str(folder)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate(timeout=120)[1] for process in running] == [b""] * 4
    asked = len(server.log)
    for number in range(9):
        assert get(f"{server.origin}/{number}", folder).body == b"%d" % number * 5_000
    assert len(server.log) == asked
