"""Tidying the HTTP cache."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from micropip_lock.errors import InputError
from micropip_lock.network import cache as _cache
from micropip_lock.network import cached_pages as pages
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from .serving import Answer, Server

DAY = 86_400


@pytest.fixture
def path(server: Server, tmp_path: Path) -> Path:
    """A cache with three pages;

    two of them were last used 10 and 100 days ago, and the last one is large.
    """
    for name in ("new", "old", "oldest"):
        get(server, tmp_path, name, b"x" * (500_000 if name == "oldest" else 10))
    path = tmp_path / _cache.FILE_NAME
    for days, name in ((10, "old"), (100, "oldest")):
        change = (
            f"last_accessed_at = last_accessed_at - {days * DAY}, expires_at = expires_at + 9999"
        )
        execute(path, f"UPDATE entries SET {change} WHERE instr(data, '/{name}')")
    return path


def get(
    server: Server, folder: Path, name: str, body: bytes = b"", *, offline: bool = False
) -> bytes:
    server.answers[f"/{name}"] = Answer(200, body, {"Cache-Control": "max-age=600"})

    async def main() -> bytes:
        fetcher = HttpxFetcher(cache_dir=folder, delays=(0, 0), offline=offline)
        try:
            return (await fetcher.get(f"{server.origin}/{name}", max_bytes=1 << 20)).body
        finally:
            await fetcher.aclose()

    return asyncio.run(main())


def execute(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


def test_nothing_there(tmp_path: Path) -> None:
    assert pages.count(tmp_path / "none") == 0
    assert pages.prune(tmp_path / "none") == 0
    assert list(tmp_path.iterdir()) == []


def test_prune(server: Server, path: Path) -> None:
    assert pages.count(path) == 3
    before = path.stat().st_size
    assert pages.prune(path) == 1
    assert path.stat().st_size < before - 400_000
    assert execute(path, "SELECT count(*) FROM streams") == [(2,)]
    assert (pages.prune(path), pages.count(path)) == (0, 2)
    assert pages.prune(path, 9) == 1
    assert get(server, path.parent, "new", offline=True) == b"x" * 10
    assert (pages.prune(path, 0), pages.count(path)) == (1, 0)
    get(server, path.parent, "new", b"other")
    assert (get(server, path.parent, "new", offline=True), pages.count(path)) == (b"other", 1)


def test_entries_that_were_replaced(path: Path) -> None:
    execute(path, "UPDATE entries SET expires_at = 0")
    assert pages.count(path) == 0
    assert pages.prune(path) == 2  # somebody may still be reading the one that was used just now
    execute(path, "UPDATE entries SET last_accessed_at = last_accessed_at - 200")
    assert pages.prune(path) == 1


def test_prune_beside_a_reader(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM entries").fetchall() == [(3,)]
        assert pages.prune(path) == 1
        assert reader.execute("SELECT count(*) FROM entries").fetchall() == [(3,)]


def test_a_busy_database(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0.001)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert pages.count(path) == 3
        with pytest.raises(
            InputError, match=r"Cannot prune .*http\.sqlite3: database is locked; try again"
        ):
            pages.prune(path, 0)
    assert pages.count(path) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE entries ADD COLUMN more",
        "DROP TABLE streams",
        "ALTER TABLE streams RENAME TO pieces",
    ],
)
def test_an_unknown_schema_is_left_alone(path: Path, statement: str) -> None:
    execute(path, statement)
    before = path.read_bytes()
    assert pages.count(path) is None
    assert pages.prune(path, 0) is None
    assert path.read_bytes() == before


@pytest.mark.parametrize("length", [4096, 9000])
def test_a_broken_database_is_left_alone(path: Path, length: int) -> None:
    for damaged in (b"no database at all" * 1000, path.read_bytes()[:length]):
        path.write_bytes(damaged)
        assert pages.count(path) is None
        assert pages.prune(path, 0) is None
        assert path.exists()


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_what_is_no_file_is_left_alone(kind: str, path: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
    elif kind == "link":
        place.symlink_to(path)
    else:
        os.mkfifo(place)
    before = path.read_bytes()
    assert pages.count(place) is None
    assert pages.prune(place, 0) is None
    assert path.read_bytes() == before
