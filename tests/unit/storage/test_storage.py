"""The store of facts: what it keeps, what it survives, and how the cache folder is tidied."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from micropip_lock import storage as store
from micropip_lock.errors import InputError
from micropip_lock.storage import Facts, NoFacts, facts_in
from micropip_lock.storage import database as _file
from micropip_lock.storage import facts as kept
from micropip_lock.storage import maintenance as tidy
from micropip_lock.storage.database import PAGE
from micropip_lock.storage.facts import FactStore
from micropip_lock.storage.maintenance import Pruned, clear, prune, usage

PROJECT = Path(store.__file__).parents[2]

#: What every other process starts with. Importing this module would take it longer than what it is
#: to do.
PREAMBLE = """
import hashlib, os, sys
from pathlib import Path
from micropip_lock.storage import database as _file
from micropip_lock.storage import facts as kept

def value(key):
    return hashlib.sha256(str(key).encode()).digest() * 20

folder = Path(sys.argv[1])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "cache"


@pytest.fixture
def file(folder: Path) -> Path:
    return folder / _file.FILE_NAME


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_file, "BUSY_SECONDS", 0.001)
    monkeypatch.setattr(tidy, "PATIENCE_SECONDS", 0.001)


@pytest.fixture
def on_day(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the date."""

    def set_day(day: int) -> None:
        monkeypatch.setattr(kept, "today", lambda: day)
        monkeypatch.setattr(tidy, "today", lambda: day)

    return set_day


def value(key: object) -> bytes:
    """What every test stores for a key, so that any reader can tell wrong bytes."""
    return hashlib.sha256(str(key).encode()).digest() * 20


def remember(folder: Path, *keys: object) -> None:
    facts = FactStore(folder)
    for key in keys:
        facts.put("kind", str(key), value(key))
    facts.close()


def keep_pages(folder: Path, *keys: str) -> None:
    store = FactStore(folder)
    for key in keys:
        store.put(PAGE, key, value(key))
    store.close()


def known(folder: Path, *keys: object) -> list[object]:
    """Which keys are known; all of them with the right bytes."""
    facts = FactStore(folder)
    found = {key: facts.get("kind", str(key)) for key in keys}
    facts.close()
    assert {key: fact for key, fact in found.items() if fact not in (None, value(key))} == {}
    return [key for key, fact in found.items() if fact is not None]


def works(folder: Path) -> bool:
    remember(folder, "another")
    return known(folder, "another") == ["another"]


def rows(file: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        return connection.execute(query).fetchall()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def script(code: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", PREAMBLE + code, *map(str, arguments)]


# -- what it keeps


def test_a_fact_is_known_at_once_and_in_the_next_run(folder: Path) -> None:
    facts = FactStore(folder)
    assert facts.get("kind", "a") is None
    facts.put("kind", "a", b"fact")
    assert facts.get("kind", "a") == b"fact"
    facts.close()
    assert facts.get("kind", "a") == b"fact"
    facts.close()
    later = FactStore(folder)
    assert later.get("kind", "a") == b"fact"
    later.close()


def test_facts_are_kept_apart(folder: Path) -> None:
    facts = FactStore(folder)
    keys = ["", "a", "b", "a" * 100_000, "a" * 99_999 + "b", "ä\n\0", "\udcff", "a\0b"]
    for number, key in enumerate(keys):
        facts.put("one", key, b"1%d" % number)
        facts.put("two", key, b"2%d" % number)
    facts.put("empty", "a", b"")
    facts.close()
    for number, key in enumerate(keys):
        assert facts.get("one", key) == b"1%d" % number
        assert facts.get("two", key) == b"2%d" % number
    assert facts.get("empty", "a") == b""
    assert facts.get("three", "a") is None
    facts.close()


def test_the_last_value_counts(folder: Path) -> None:
    facts = FactStore(folder)
    for new in (b"one", b"two"):
        facts.put("kind", "a", new)
        assert facts.get("kind", "a") == new
        facts.close()
    assert facts.get("kind", "a") == b"two"
    facts.close()
    assert usage(folder)[1].entries == 1


def test_nothing_is_made_before_it_is_needed(folder: Path) -> None:
    facts = FactStore(folder)
    facts.put("kind", "a", b"fact")
    assert facts.get("kind", "a") == b"fact"
    assert not folder.exists()
    facts.close()
    facts.close()
    assert names(folder) == {"facts.sqlite3"}


def test_others_see_what_was_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MAX_WAITING", 10)
    facts, other = FactStore(folder), FactStore(folder)
    for number in range(25):
        facts.put("kind", str(number), value(number))
    assert [
        number for number in range(25) if other.get("kind", str(number)) == value(number)
    ] == list(range(20))
    facts.close()
    assert other.get("kind", "24") == value(24)
    other.close()


def test_large_facts_do_not_wait(folder: Path) -> None:
    facts, other = FactStore(folder), FactStore(folder)
    facts.put("kind", "a", b"x" * kept.MAX_WAITING_BYTES)
    assert other.get("kind", "a") == b"x" * kept.MAX_WAITING_BYTES
    facts.close()
    other.close()


def test_a_fact_that_is_too_large_is_not_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MAX_VALUE", 100)
    facts = FactStore(folder)
    facts.put("kind", "a", b"x" * 101)
    facts.put("kind", "b", b"x" * 100)
    assert facts.get("kind", "a") is None
    assert facts.get("kind", "b") == b"x" * 100
    facts.close()


def test_only_the_user_can_read_it(folder: Path) -> None:
    facts = FactStore(folder)
    facts.get("kind", "a")
    facts.put("kind", "a", b"x" * kept.MAX_WAITING_BYTES)
    assert names(folder) == {"facts.sqlite3", "facts.sqlite3-wal", "facts.sqlite3-shm"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    facts.close()


def test_keys_cannot_be_read_on_the_disk(folder: Path, file: Path) -> None:
    facts = FactStore(folder)
    facts.put("kind", "https://index.example/seCret", b"the fact")
    facts.close()
    stored = file.read_bytes()
    assert b"the fact" in stored
    assert b"seCret" not in stored


def test_threads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MAX_WAITING", 7)
    facts = FactStore(folder)
    wrong = []

    def use(start: int) -> None:
        for number in range(start, start + 100):
            facts.put("kind", str(number), value(number))
            if facts.get("kind", str(number)) != value(number):
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(start,)) for start in (0, 50, 100, 150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    facts.close()
    assert wrong == []
    assert len(known(folder, *range(250))) == 250


def test_where_no_facts_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(facts_in(tmp_path), FactStore)
    nothing: Facts = facts_in(None)
    assert isinstance(nothing, NoFacts)
    nothing.put("kind", "a", b"fact")
    assert nothing.get("kind", "a") is None
    nothing.close()
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert isinstance(facts_in(tmp_path), NoFacts)


def test_importing_it_needs_no_sqlite() -> None:
    code = "sys.modules['sqlite3'] = None; storage.facts_in(None).get('kind', 'a')"
    code = f"import sys; {code.replace('; ', '; from micropip_lock import storage; ', 1)}"
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=PROJECT, check=True)


# -- days and sizes


def test_the_first_read_of_a_day_is_noted(
    folder: Path, file: Path, on_day: Callable[[int], None]
) -> None:
    on_day(100)
    remember(folder, "a", "b")
    assert rows(file, "SELECT used FROM facts") == [(100,), (100,)]
    on_day(103)
    assert known(folder, "a") == ["a"]
    assert sorted(rows(file, "SELECT used FROM facts")) == [(100,), (103,)]
    before = file.read_bytes()
    assert known(folder, "a") == ["a"]
    assert file.read_bytes() == before
    on_day(50)  # the clock was wrong before
    assert known(folder, "b") == ["b"]
    assert sorted(rows(file, "SELECT used FROM facts")) == [(50,), (103,)]


def test_what_was_used_longest_ago_makes_room(
    folder: Path, file: Path, on_day: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MAX_SIZE", 1 << 20)
    monkeypatch.setattr(kept, "MAX_WAITING", 10)
    on_day(100)
    remember(folder, *range(1000))
    assert len(known(folder, *range(1000))) == 1000
    on_day(101)
    assert len(known(folder, *range(10))) == 10
    remember(folder, *range(1000, 1400))
    there = known(folder, *range(1400))
    assert set(range(10)) < set(there)
    assert there[10:] == list(range(1400 - len(there) + 10, 1400))
    assert 900 < len(there) < 1400
    assert file.stat().st_size < 1.2 * (1 << 20)


# -- troubles


def forgets(folder: Path) -> None:
    """Whatever is wrong with this folder: nothing is known, nothing is kept, nothing is raised."""
    facts = FactStore(folder)
    assert facts.get("kind", "a") is None
    facts.put("kind", "a", value("a"))
    assert facts.get("kind", "a") is None
    facts.close()
    late = FactStore(folder)
    late.put("kind", "a", value("a"))
    late.close()
    assert late.get("kind", "a") is None
    late.close()


@pytest.mark.parametrize("below", ["", "cache", "deep/cache"])
def test_a_file_in_place_of_the_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    forgets(tmp_path / "file" / below)
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_folder_in_place_of_the_file(folder: Path, file: Path) -> None:
    (file / "mine").mkdir(parents=True)
    forgets(folder)
    assert names(folder) == {"facts.sqlite3"}
    assert usage(folder)[1].entries == 0


def test_a_python_without_sqlite(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlite3", None)
    forgets(folder)


@pytest.mark.usefixtures("impatient")
def test_a_locked_folder(folder: Path) -> None:
    folder.mkdir(parents=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        forgets(folder)
    finally:
        os.close(descriptor)
    remember(folder, "a")
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert known(folder, "a") == ["a"]  # only who makes the file has to wait
    finally:
        os.close(descriptor)


def test_a_folder_that_cannot_be_locked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert works(folder)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    clear(folder)
    assert works(folder)


@pytest.mark.usefixtures("impatient")
def test_a_file_that_somebody_writes_to_for_long(folder: Path, file: Path) -> None:
    remember(folder, "a")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert known(folder, "a") == ["a"]
        remember(folder, "b")
        facts = FactStore(folder)
        facts.put("kind", "c", b"x" * kept.MAX_WAITING_BYTES)
        assert facts.get("kind", "c") is None
        assert facts.get("kind", "a") is None
        facts.close()
        other.execute("COMMIT")
    assert known(folder, "a", "b", "c") == ["a"]
    assert works(folder)


def test_a_full_disk(folder: Path, file: Path) -> None:
    remember(folder, "a")
    facts = FactStore(folder)
    assert facts.get("kind", "a") == value("a")
    facts._opened().execute("PRAGMA max_page_count=1")
    facts.put("kind", "b", b"x" * kept.MAX_WAITING_BYTES)
    assert facts.get("kind", "b") is None
    facts.close()
    assert known(folder, "a", "b") == ["a"]


def test_an_interrupted_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = FactStore(folder)
    facts.put("kind", "a", value("a"))
    with monkeypatch.context() as patch:

        def interrupt(connection: sqlite3.Connection) -> None:
            raise KeyboardInterrupt

        patch.setattr(kept, "_shrink", interrupt)
        with pytest.raises(KeyboardInterrupt):
            facts.close()
    assert works(folder)
    facts.close()
    assert known(folder, "a") == ["a"]


# -- wrong bytes


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE facts SET value = zeroblob(640)",
        "UPDATE facts SET value = CAST(value AS TEXT)",
        "UPDATE facts SET value = 5",
        "UPDATE facts SET proof = zeroblob(32)",
        "UPDATE facts SET proof = 'x'",
        # Each value under the other key, with its own proof.
        "UPDATE facts SET proof = b.proof, value = b.value FROM facts AS b WHERE b.id != facts.id",
    ],
)
def test_a_changed_value_is_not_there(folder: Path, file: Path, change: str) -> None:
    remember(folder, "a", "b")
    rows(file, change)
    assert known(folder, "a", "b") == []
    remember(folder, "a", "b")
    assert known(folder, "a", "b") == ["a", "b"]


def garbage(file: Path) -> None:
    file.write_bytes(b"no database at all" * 1000)


def nothing(file: Path) -> None:
    file.write_bytes(b"")


def older(file: Path) -> None:
    file.unlink()
    columns = "id BLOB PRIMARY KEY, used INTEGER NOT NULL, proof BLOB NOT NULL, value BLOB NOT NULL"
    rows(file, f"CREATE TABLE facts ({columns})")
    rows(file, "CREATE INDEX facts_used ON facts (used)")


def of_somebody_else(file: Path) -> None:
    rows(file, "CREATE TABLE other (id)")


def without_table(file: Path) -> None:
    rows(file, "DROP TABLE facts")


def zeros(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def nonsense_in_the_schema(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"CREATE TABLE facts (", b"CREATE TABLE facts (("))


def nonsense_in_a_name(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"facts_used", b"facts_\xffsed"))


def nonsense_in_a_statement(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"INTEGER NOT", b"INTEGER \xffOT"))


DAMAGES = [garbage, nothing, older, of_somebody_else, without_table, zeros]
DAMAGES += [nonsense_in_the_schema, nonsense_in_a_name, nonsense_in_a_statement]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_no_good_is_replaced(
    folder: Path, file: Path, damage: Callable[[Path], None]
) -> None:
    remember(folder, "a")
    damage(file)
    assert known(folder, "a") == []
    assert works(folder)
    assert names(folder) == {"facts.sqlite3"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with 100 facts."""
    folder = tmp_path_factory.mktemp("whole")
    remember(folder, *range(100))
    return (folder / _file.FILE_NAME).read_bytes()


def test_a_truncated_file(folder: Path, file: Path, whole: bytes) -> None:
    for length in [1, 50, 99, 100, 101, 2000, *range(4096, len(whole), 4096), len(whole) - 1]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        file.write_bytes(whole[:length])
        known(folder, *range(100))
        # What is missing may be found only now and then. No process raises, and once it is found the
        # file is made anew.
        remember(folder, *range(100))
        remember(folder, *range(100))
        assert known(folder, *range(100)) == list(range(100)), length


def test_flipped_bits(folder: Path, file: Path, whole: bytes) -> None:
    chance = random.Random(1)
    folder.mkdir(parents=True)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 10, 100])):
            damaged[chance.randrange(chance.choice([100, len(damaged)]))] ^= 1 << chance.randrange(
                8
            )
        _file.unlink(file)
        file.write_bytes(damaged)
        known(folder, *range(100))
        remember(folder, *range(5))
        known(folder, *range(100))


def test_damage_that_shows_late_is_mended_in_the_next_run(
    folder: Path, file: Path, whole: bytes
) -> None:
    folder.mkdir(parents=True)
    file.write_bytes(whole[:8192] + bytes(len(whole) - 8192))
    facts = FactStore(folder)
    assert [number for number in range(100) if facts.get("kind", str(number))] == []
    facts.put("kind", "a", value("a"))
    facts.close()
    assert works(folder)
    remember(folder, *range(100))
    assert len(known(folder, *range(100))) == 100


def test_a_log_without_its_file(folder: Path, file: Path, tmp_path: Path) -> None:
    facts = FactStore(folder)
    facts.put("kind", "a", b"x" * kept.MAX_WAITING_BYTES)
    log = (folder / "facts.sqlite3-wal").read_bytes()
    assert len(log) > kept.MAX_WAITING_BYTES
    facts.close()
    file.unlink()
    (folder / "facts.sqlite3-wal").write_bytes(log)
    assert known(folder, "a") == []
    assert works(folder)


def test_who_uses_a_file_that_is_replaced_keeps_it(folder: Path, file: Path) -> None:
    remember(folder, "a")
    old = FactStore(folder)
    assert old.get("kind", "a") == value("a")
    file.unlink()
    garbage(file)
    assert works(folder)
    old.put("kind", "b", value("b"))
    assert old.get("kind", "a") == value("a")
    old.close()
    assert known(folder, "a", "b", "another") == ["another"]


def test_a_file_that_is_replaced_while_it_is_opened(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(folder, "a")
    other = folder.parent / "other"
    remember(other, "b")
    connect, opened = _file.connect, []

    def slow(path: Path) -> sqlite3.Connection:
        opened.append(path)
        connection = connect(path)
        if len(opened) == 1:
            file.unlink()
            (other / file.name).rename(file)
        return connection

    monkeypatch.setattr(_file, "connect", slow)
    assert known(folder, "a", "b") == ["b"]
    assert opened == [file, file]

    monkeypatch.setattr(_file.Database, "moved", lambda database: True)
    forgets(folder)


# -- many processes

WRITE = """
_file.BUSY_SECONDS = 60
kept.MAX_WAITING = 20
number = int(sys.argv[2])
facts = kept.FactStore(folder)
for key in range(200):
    for other in (key, number * 1000 + key):
        assert facts.get("kind", str(other)) in (None, value(other)), other
    facts.put("kind", str(key), value(key))
    facts.put("kind", str(number * 1000 + key), value(number * 1000 + key))
    if key % 50 == 0:
        facts.close()
facts.close()
assert not facts._given_up
"""


def test_eight_processes_at_once(folder: Path) -> None:
    running = [
        subprocess.Popen(script(WRITE, folder, str(number)), cwd=PROJECT, stderr=subprocess.PIPE)
        for number in range(1, 9)
    ]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert errors == [b""] * 8
    assert (
        len(
            known(folder, *range(200), *(n * 1000 + key for n in range(1, 9) for key in range(200)))
        )
        == 9 * 200
    )
    assert names(folder) == {"facts.sqlite3"}


REPLACE = """
_file.BUSY_SECONDS = 60
facts = kept.FactStore(folder)
facts.put("kind", sys.argv[2], value(sys.argv[2]))
facts.close()
assert not facts._given_up
"""


@pytest.mark.parametrize("damage", [garbage, older], ids=["garbage", "older"])
def test_many_processes_replace_a_file(
    folder: Path, file: Path, damage: Callable[[Path], None]
) -> None:
    remember(folder, "a")
    damage(file)
    running = [
        subprocess.Popen(script(REPLACE, folder, str(number)), cwd=PROJECT, stderr=subprocess.PIPE)
        for number in range(8)
    ]
    assert [process.communicate(timeout=120)[1] for process in running] == [b""] * 8
    assert known(folder, *(str(number) for number in range(8))) == [
        str(number) for number in range(8)
    ]


KILLED = """
kept.MAX_WAITING = 10
facts = kept.FactStore(folder)
for key in range(int(sys.argv[2]), 10**9):
    facts.put("kind", str(key), value(key))
    if not facts._waiting:
        print(key, flush=True)
"""


def test_killed_processes(folder: Path) -> None:
    written, start = [], 0
    for attempt in range(20):
        with subprocess.Popen(
            script(KILLED, folder, str(start)), cwd=PROJECT, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            told = [int(process.stdout.readline()) for _ in range(attempt * 3 + 1)]
            process.send_signal(signal.SIGKILL)
            told += [int(line) for line in process.stdout.read().splitlines()]
        written += range(start, told[-1] + 1)
        start = told[-1] + 1000
        assert known(folder, *written) == written
    assert works(folder)
    assert names(folder) == {"facts.sqlite3"}


KILLS = {
    "making": "Path.rename = lambda *_: os.kill(os.getpid(), 9)",
    "tables": "_file.SCHEMA = (_file.SCHEMA[0], 'SELECT kill()')\n"
    "def connect(path, connect=_file.connect):\n"
    "    connection = connect(path)\n"
    "    connection.create_function('kill', 0, lambda: os.kill(os.getpid(), 9))\n"
    "    return connection\n"
    "_file.connect = connect",
    "unlinking": "def unlink(path, missing_ok=False, unlink=Path.unlink):\n"
    "    unlink(path)\n"
    "    os.kill(os.getpid(), 9)\n"
    "Path.unlink = unlink",
}


@pytest.mark.parametrize("moment", KILLS)
def test_killed_while_the_file_is_replaced(folder: Path, file: Path, moment: str) -> None:
    remember(folder, "a")
    garbage(file)
    (folder / "facts.sqlite3-wal").write_bytes(b"old")
    code = f"{KILLS[moment]}\nkept.FactStore(folder).get('kind', 'a')"
    done = subprocess.run(script(code, folder), cwd=PROJECT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert known(folder, "a") == []
    assert works(folder)
    leftovers = list(folder.glob(".facts*"))
    assert bool(leftovers) == (moment != "unlinking")
    for leftover in leftovers:
        os.utime(leftover, (0, 0))
    assert prune(folder).files == len(leftovers)
    assert names(folder) == {"facts.sqlite3"}


# -- tidying


def test_usage(folder: Path, file: Path) -> None:
    assert [(part.name, part.bytes, part.entries) for part in usage(folder)] == [
        ("pages", 0, 0),
        ("facts", 0, 0),
        ("wheels", 0, 0),
    ]
    assert not folder.exists()
    remember(folder, *range(3))
    keep_pages(folder, "one", "two")
    (folder / "wheels" / "a").mkdir(parents=True)
    (folder / "wheels" / "a" / "b.whl").write_bytes(b"1234")
    (folder / "wheels" / "link").symlink_to(folder)
    pages, facts, wheels = usage(folder)
    assert pages.path == facts.path == file
    assert (pages.bytes, pages.entries) == (2 * len(value("one")), 2)
    assert (facts.bytes, facts.entries) == (file.stat().st_size - pages.bytes, 3)
    assert wheels.entries == 2
    garbage(file)
    pages, facts, _ = usage(folder)
    assert (pages.bytes, pages.entries, facts.entries) == (0, None, None)
    assert facts.bytes == file.stat().st_size


def test_prune(folder: Path, file: Path, on_day: Callable[[int], None]) -> None:
    assert prune(folder) == Pruned(0, 0, 0)
    assert not folder.exists()
    on_day(1000)
    remember(folder, *range(500))
    keep_pages(folder, "old")
    on_day(1090)
    remember(folder, "new")
    keep_pages(folder, "new")
    assert known(folder, "new", *range(10)) == ["new", *range(10)]
    size = file.stat().st_size
    assert prune(folder).facts == 0
    on_day(1091)
    assert prune(folder, 91).facts == 0
    assert prune(folder) == Pruned(1, 490, 0)
    assert file.stat().st_size < size / 5
    assert len(known(folder, "new", *range(500))) == 11
    assert names(folder) == {"facts.sqlite3"}
    on_day(1092)
    assert prune(folder, 1) == Pruned(1, 0, 0)
    assert prune(folder, 0) == Pruned(0, 11, 0)


def test_prune_a_broken_file(folder: Path, file: Path, whole: bytes) -> None:
    remember(folder, "a")
    garbage(file)
    assert prune(folder).facts == 0
    assert works(folder)
    file.write_bytes(whole[:8192] + bytes(len(whole) - 8192))
    assert prune(folder) == Pruned(0, 0, 0)
    assert works(folder)


@pytest.mark.usefixtures("impatient")
def test_prune_a_busy_file(folder: Path, file: Path) -> None:
    remember(folder, "a")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            InputError, match=r"Cannot prune .*facts\.sqlite3: database is locked; try again"
        ):
            prune(folder, 0)
    assert known(folder, "a") == ["a"]


def test_prune_beside_a_reader(folder: Path) -> None:
    remember(folder, *range(100))
    reader = FactStore(folder)
    assert reader.get("kind", "1") == value(1)
    assert prune(folder).facts == 0
    assert reader.get("kind", "2") == value(2)
    reader.close()
    with closing(sqlite3.connect(folder / _file.FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM facts").fetchall() == [(100,)]
        assert prune(folder, -1).facts == 100
        assert other.execute("SELECT count(*) FROM facts").fetchall() == [(100,)]
    assert usage(folder)[1].entries == 0


def test_prune_leftovers(folder: Path) -> None:
    (folder / "wheels" / "a").mkdir(parents=True)
    old = [
        ".facts.sqlite3.abc",
        ".facts.sqlite3.abc-wal",
        "wheels/.a.whl.1.part",
        "wheels/a/.b.whl.2.part",
    ]
    kept = ["mine.part", ".mine.part", "facts.sqlite3.mine", "wheels/a.whl", "wheels/a/b.part"]
    fresh = [".facts.sqlite3.def", "wheels/.c.whl.3.part"]
    for name in [*old, *kept, *fresh]:
        (folder / name).write_bytes(b"")
    for name in [*old, *kept]:
        os.utime(folder / name, (0, 0))
    (folder / "facts.sqlite3-wal").write_bytes(b"")
    assert (
        prune(folder).files == 3
    )  # without a database beside it the folder of wheels may belong to another program
    remember(folder, "a")
    for name in ("http.sqlite3", "http.sqlite3-wal"):  # of an earlier version
        (folder / name).write_bytes(b"")
    assert prune(folder).files == 4
    assert all((folder / name).exists() for name in [*kept, *fresh])
    assert not list(folder.glob("http*"))


@pytest.fixture
def full(folder: Path) -> Iterator[Path]:
    """A folder with everything in it that is ours, and a place outside that links point to."""
    remember(folder, "a")
    for name in (
        "http.sqlite3",
        "http.sqlite3-wal",
        "http.sqlite3-shm",
        "facts.sqlite3-journal",
        ".facts.sqlite3.x",
    ):
        (folder / name).write_bytes(b"ours")
    (folder / "wheels" / "a").mkdir(parents=True)
    (folder / "wheels" / "a" / "b.whl").write_bytes(b"ours")
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "mine").write_bytes(b"mine")
    (folder / "wheels" / "link").symlink_to(outside)
    yield folder
    assert (outside / "mine").read_bytes() == b"mine"


def test_clear(full: Path) -> None:
    assert clear(full) == 8
    assert not full.exists()
    assert clear(full) == 0


def test_clear_leaves_what_is_not_ours(full: Path) -> None:
    mine = [
        "mine",
        "http.sqlite3.mine",
        "facts.sqlite3x",
        "wheels.txt",
        "facts.sqlite3-mine",
        ".mine",
    ]
    for name in mine:
        (full / name).write_bytes(b"mine")
    (full / "http.sqlite3").unlink()
    (full / "http.sqlite3").mkdir()
    assert clear(full) == 7
    assert names(full) == {*mine, "http.sqlite3"}


def test_clear_follows_no_link(full: Path) -> None:
    outside = full.parent / "outside"
    shutil.rmtree(full / "wheels")
    (full / "wheels").symlink_to(outside)
    (full / "http.sqlite3").unlink()
    (full / "http.sqlite3").symlink_to(outside / "mine")
    link = full.parent / "link"
    link.symlink_to(full)
    assert clear(link) == 7
    assert link.is_symlink()
    assert names(full) == set()


def test_clear_takes_no_folder_of_wheels_that_is_somebody_elses(folder: Path) -> None:
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels" / "mine.whl").write_bytes(b"mine")
    assert clear(folder) == 0
    assert (folder / "wheels" / "mine.whl").exists()
    (folder / "file").write_bytes(b"")
    assert clear(folder / "file") == 0


def test_clear_what_cannot_be_removed(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(InputError, match=r"Cannot clear .*Permission denied"):
        clear(full)


def test_clear_beside_somebody_who_uses_it(folder: Path) -> None:
    facts = FactStore(folder)
    facts.put("kind", "a", value("a"))
    facts.close()
    assert facts.get("kind", "a") == value("a")
    clear(folder)
    facts.put("kind", "b", value("b"))
    facts.close()
    assert known(folder, "a", "b") == []
    assert works(folder)
