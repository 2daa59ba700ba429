"""``micropip-lock cache``: where it is, what is in it, and how it gets smaller."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from micropip_lock.network import default_cache_dir
from micropip_lock.storage import maintenance
from micropip_lock.storage.database import PAGE
from micropip_lock.storage.facts import FactStore
from micropip_lock.storage.maintenance import usage

from ...support.index_server import IndexServer
from .conftest import Run

COMMANDS = ["dir", "info", "prune", "clear"]


@pytest.fixture
def folder(freeze: Run, tmp_path: Path) -> Path:
    """The folder of a cache with a few pages, which were used just now, and facts, of which one is
    100 days old.
    """
    folder = tmp_path / "cache"
    assert freeze("--cache-dir", folder).status == 0
    facts = FactStore(folder)
    for number in range(3):
        facts.put("kind", str(number), b"fact")
    facts.close()
    change = "UPDATE facts SET used = used - 100 WHERE rowid = (SELECT max(rowid) FROM facts)"
    execute(folder / "facts.sqlite3", change)
    return folder


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def stored(folder: Path) -> int:
    number = usage(folder)[0].entries
    assert number
    return number


def known(folder: Path) -> int:
    number = usage(folder)[1].entries
    assert number
    return number


# -- which folder


def test_dir(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    default = default_cache_dir()
    assert run("cache", "dir").out == f"{default}\n"
    assert run("cache", "dir", "--cache-dir", tmp_path / "a").out == f"{tmp_path / 'a'}\n"
    monkeypatch.chdir(tmp_path)
    done = run("cache", "dir", "--quiet", "--cache-dir", "a")
    assert (done.status, done.out, done.err) == (0, f"{tmp_path / 'a'}\n", "")
    assert run("cache", "dir", "--json", "--cache-dir", "a").json == {"dir": str(tmp_path / "a")}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_no_cache(run: Run, name: str) -> None:
    done = run("cache", name, "--no-cache")
    assert (done.status, done.out) == (2, "")
    assert "--no-cache" in done.err
    done = run("cache", name, "--no-cache", "--json")
    assert (done.status, done.json["error"], done.err) == (2, "input", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_without_platformdirs(
    run: Run, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    done = run("cache", name)
    assert (done.status, done.out) == (2, "")
    assert "platformdirs" in done.err and "--cache-dir" in done.err
    assert run("cache", name, "--cache-dir", tmp_path / "none").status == 0


def test_a_file_is_no_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in COMMANDS:
        assert run("cache", name, "--cache-dir", tmp_path / "file").status == 2


def test_help(run: Run) -> None:
    text = run("cache", "--help").out
    assert all(name in text for name in COMMANDS)
    assert "cache" in run("--help").out
    for name in COMMANDS:
        assert "--cache-dir" in run("cache", name, "--help").out


# -- info


def test_info(run: Run, folder: Path) -> None:
    done = run("cache", "info", "--quiet", "--cache-dir", folder)
    assert (done.status, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    number = stored(folder)
    assert lines[0][:3] == ["pages", str(number), "entries"]
    assert lines[1][:3] == ["facts", str(known(folder)), "entries"]
    assert lines[2] == ["wheels", "0", "entries", "0", "B", str(folder / "wheels")]
    assert lines[3][0] == "total" and lines[3][-1] == str(folder)
    document = run("cache", "info", "--json", "--cache-dir", folder).json
    assert document.keys() == {"dir", "parts", "bytes"}
    assert document["parts"].keys() == {"pages", "facts", "wheels"}
    assert document["parts"]["facts"] == {
        "path": str(folder / "facts.sqlite3"),
        "bytes": document["bytes"] - document["parts"]["pages"]["bytes"],
        "entries": known(folder),
    }
    assert document["parts"]["pages"]["entries"] == number
    assert document["parts"]["pages"]["bytes"] > 0
    assert document["bytes"] == (folder / "facts.sqlite3").stat().st_size


def test_info_of_nothing(run: Run, tmp_path: Path) -> None:
    done = run("cache", "info", "--json", "--cache-dir", tmp_path / "none")
    assert (done.status, done.json["bytes"]) == (0, 0)
    assert not (tmp_path / "none").exists()


def test_info_of_what_is_unreadable(run: Run, folder: Path) -> None:
    (folder / "facts.sqlite3").write_bytes(b"no database at all" * 1000)
    done = run("cache", "info", "--cache-dir", folder)
    assert done.status == 0
    assert done.out.count("unreadable") == 2
    assert (
        run("cache", "info", "--json", "--cache-dir", folder).json["parts"]["pages"]["entries"]
        is None
    )


# -- prune


def test_prune(run: Run, folder: Path) -> None:
    number, facts = stored(folder), known(folder)
    change = f"UPDATE facts SET used = used - 100 WHERE kind = '{PAGE}'"
    execute(folder / "facts.sqlite3", change)
    done = run("cache", "prune", "--cache-dir", folder)
    assert (done.status, done.out) == (0, "")
    assert f"Removed {number} pages and 1 fact not used for 90 days: " in done.err
    assert "freed" in done.err and str(folder) in done.err
    assert usage(folder)[0].entries == 0
    assert known(folder) == facts - 1


def test_prune_as_json(run: Run, folder: Path) -> None:
    number = stored(folder)
    done = run("cache", "prune", "--json", "--days", "1000", "--cache-dir", folder)
    assert (done.status, done.err) == (0, "")
    assert done.json.keys() == {"dir", "removed", "bytes"}
    assert done.json["removed"] == {"pages": 0, "facts": 0, "files": 0}
    document = run("cache", "prune", "--json", "--days", "50", "--cache-dir", folder).json
    assert document["removed"] == {"pages": 0, "facts": 1, "files": 0}
    assert stored(folder) == number
    assert run("cache", "prune", "--days", "-1", "--cache-dir", folder).status == 2


def test_prune_nothing(run: Run, tmp_path: Path) -> None:
    done = run("cache", "prune", "--quiet", "--cache-dir", tmp_path / "none")
    assert (done.status, done.out, done.err) == (0, "", "")
    assert not (tmp_path / "none").exists()


def test_prune_leftovers(run: Run, folder: Path) -> None:
    partial = folder / ".facts.sqlite3.killed"
    partial.write_bytes(b"")
    os.utime(partial, (0, 0))
    (folder / "http.sqlite3").write_bytes(b"pages of an earlier version")
    done = run("cache", "prune", "--cache-dir", folder)
    assert done.status == 0
    assert ", 2 leftover files: " in done.err
    assert [path.name for path in folder.iterdir()] == ["facts.sqlite3"]


@pytest.mark.parametrize("name", ["prune", "clear"])
def test_the_database_of_an_earlier_version_counts(run: Run, folder: Path, name: str) -> None:
    old = b"pages of an earlier version" * 10_000
    before = run("cache", "info", "--json", "--cache-dir", folder).json
    (folder / "http.sqlite3").write_bytes(old)
    found = run("cache", "info", "--json", "--cache-dir", folder).json
    assert found["bytes"] == before["bytes"] + len(old)
    assert found["parts"]["pages"]["bytes"] == before["parts"]["pages"]["bytes"] + len(old)
    assert run("cache", name, "--json", "--cache-dir", folder).json["bytes"] >= len(old)
    assert not (folder / "http.sqlite3").exists()


def test_prune_leaves_the_database_of_another_program(run: Run, tmp_path: Path) -> None:
    (tmp_path / "http.sqlite3").write_bytes(b"mine")
    done = run("cache", "prune", "--json", "--cache-dir", tmp_path)
    assert (done.status, done.json["removed"]["files"]) == (0, 0)
    assert (tmp_path / "http.sqlite3").read_bytes() == b"mine"


def test_prune_what_is_busy(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "PATIENCE_SECONDS", 0.001)
    with closing(sqlite3.connect(folder / "facts.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = run("cache", "prune", "--cache-dir", folder)
    assert (done.status, done.out) == (2, "")
    assert "database is locked" in done.err


# -- clear


def test_clear(run: Run, folder: Path) -> None:
    (folder / "mine").write_bytes(b"mine")
    size = sum(path.stat().st_size for path in folder.iterdir()) - 4
    document = run("cache", "clear", "--json", "--cache-dir", folder).json
    assert document == {"dir": str(folder), "removed": {"files": 1}, "bytes": size}
    assert [path.name for path in folder.iterdir()] == ["mine"]
    done = run("cache", "clear", "--cache-dir", folder)
    assert (done.status, done.out) == (0, "")
    assert "nothing to remove" in done.err


def test_clear_and_go_on(run: Run, freeze: Run, folder: Path, index: IndexServer) -> None:
    lock = json.loads(freeze("--cache-dir", folder).out)
    done = run("cache", "clear", "--cache-dir", folder)
    assert (done.status, done.out) == (0, "")
    assert "Removed 1 file: " in done.err
    assert not folder.exists()
    assert json.loads(freeze("--cache-dir", folder).out) == lock
    assert stored(folder)


def test_the_default_folder(run: Run, freeze: Run) -> None:
    assert freeze().status == 0
    folder = default_cache_dir()
    assert folder is not None and stored(folder)
    assert run("cache", "clear").status == 0
    assert not folder.exists()


# -- who may use it


def private(path: Path) -> int:
    """What others may do with it."""
    return path.stat().st_mode & 0o077


def test_it_is_of_this_user_alone(
    freeze: Run, run: Run, index: IndexServer, tmp_path: Path
) -> None:
    """With a umask that lets others do everything, too."""
    before = os.umask(0)
    try:
        done = freeze("-o", tmp_path / "lock.json")
        assert done.status == 0
        assert run("bundle", tmp_path / "lock.json", tmp_path / "bundle").status == 0
    finally:
        os.umask(before)
    folder = default_cache_dir()
    assert folder is not None
    found = [folder, *folder.rglob("*")]
    assert {"facts.sqlite3", "wheels"} <= {path.name for path in found}
    assert [path for path in found if private(path)] == []
    assert (
        tmp_path / "lock.json"
    ).stat().st_mode & 0o777 == 0o666  # the lock is the user's, as the umask has it


@pytest.mark.parametrize("kind", ["empty", "with a cache"])
def test_an_open_folder_is_closed(kind: str, freeze: Run, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    if kind == "with a cache":
        assert freeze("--cache-dir", folder).status == 0
        for path in folder.iterdir():
            path.chmod(0o644)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    assert freeze("--cache-dir", folder).status == 0
    assert private(folder) == private(folder / "facts.sqlite3") == 0


def test_a_folder_with_other_things_stays_open(freeze: Run, tmp_path: Path) -> None:
    """It may be a home; the files of the cache in it are closed."""
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    assert freeze("--cache-dir", folder).status == 0
    assert folder.stat().st_mode & 0o777 == 0o755
    assert private(folder / "facts.sqlite3") == 0


@pytest.mark.parametrize("fault", ["world-writable", "of another user"])
def test_a_folder_that_another_user_can_write_to(
    fault: str, freeze: Run, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command that would use it says so at once, and what to do;

    nothing is read from it or written to it.
    """
    folder, lock = tmp_path / "cache", tmp_path / "lock.json"
    assert freeze("-o", lock).status == 0
    folder.mkdir()
    if fault == "world-writable":
        folder.chmod(0o777)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    (tmp_path / "empty").mkdir()
    commands: list[tuple[str | Path, ...]] = [
        ("verify", lock),
        ("verify", "--deep", lock),
        ("bundle", lock, tmp_path / "bundle"),
        ("sync", lock, "--path", tmp_path / "empty"),
        ("outdated", lock),
        ("resolve", "demo", "--base", lock, "--index-url", "http://127.0.0.1:1/simple"),
        ("cache", "prune"),
        ("cache", "info"),
    ]
    for done in (
        freeze("--cache-dir", folder),
        *(run(*words, "--cache-dir", folder) for words in commands),
    ):
        assert (done.status, done.out) == (2, "")
        assert f"The cache folder {folder} " in done.err
        assert "--cache-dir" in done.err and "--no-cache" in done.err
        assert ("chmod 700" if fault == "world-writable" else "chown") in done.err
    assert list(folder.iterdir()) == []
    assert freeze("--no-cache").status == 0
    assert run("cache", "dir", "--cache-dir", folder).status == 0
    assert run("cache", "clear", "--cache-dir", folder).status == 0


@pytest.mark.parametrize("command", ["prune", "info"])
def test_cache_that_is_no_folder(command: str, run: Run, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = run("cache", command, "--cache-dir", str(pipe))
    assert done.status == 2
    assert "is no folder" in done.err
