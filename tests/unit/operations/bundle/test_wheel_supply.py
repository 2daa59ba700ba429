"""Where files of a lock are found, and what is refused before it is in its place."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import Problem
from micropip_lock._util.progress import Transfer
from micropip_lock.errors import IntegrityError
from micropip_lock.formats.lockfile import LockedPackage
from micropip_lock.operations.bundle.wheel_supply import (
    Supplied,
    Supplier,
    copied,
    filename_of,
    hashed,
    same_version,
)
from micropip_lock.storage.wheels import WheelStore

from ....support.freezing import quick_fetcher
from ....support.ids import short
from ....support.index_server import Fault, IndexServer
from ....support.raw_zip import Entry, raw_zip, wheel_entries
from ....support.runtimes import lock_entry
from ....support.wheels import build_wheel, sha256

NAME = "demo-1.0-py3-none-any.whl"


def entry_of(wheel: Path, file_name: str, **changes: Any) -> LockedPackage:
    return LockedPackage.from_dict({**lock_entry(wheel, file_name), **changes}, "test")


def bring(
    entry: LockedPackage,
    place: Path,
    *,
    key: str = "demo",
    copies: Sequence[Path] = (),
    **options: Any,
) -> Supplied | Problem:
    async def run() -> Supplied | Problem:
        fetcher = quick_fetcher()
        try:
            return await Supplier(fetcher, **options).bring(key, entry, place, copies)
        finally:
            await fetcher.aclose()

    return asyncio.run(run())


def source(found: Supplied | Problem) -> str:
    assert isinstance(found, Supplied), found
    return found.source


def problem(found: Supplied | Problem) -> tuple[str, str]:
    assert isinstance(found, Problem)
    assert found.message.endswith(".") and found.hint.endswith(".")
    return found.code, found.message


@pytest.fixture
def wheel(index: IndexServer) -> Path:
    return build_wheel(index.folder, "demo", "1.0")


@pytest.fixture
def entry(index: IndexServer, wheel: Path) -> LockedPackage:
    return entry_of(wheel, index.file_url(wheel.name))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "out" / NAME


@pytest.fixture
def store(tmp_path: Path) -> WheelStore:
    return WheelStore(tmp_path / "cache")


# -- where it comes from


def test_downloaded(entry: LockedPackage, wheel: Path, place: Path) -> None:
    found = bring(entry, place)
    assert found == Supplied("demo", place, wheel.stat().st_size, "downloaded")
    assert place.read_bytes() == wheel.read_bytes()


def test_there(entry: LockedPackage, wheel: Path, place: Path, index: IndexServer) -> None:
    place.parent.mkdir()
    place.write_bytes(wheel.read_bytes())
    assert source(bring(entry, place)) == "there"
    assert index.requests == []


def test_another_file_is_there(entry: LockedPackage, wheel: Path, place: Path) -> None:
    place.parent.mkdir()
    place.write_bytes(wheel.read_bytes()[:-1] + b"?")
    assert source(bring(entry, place)) == "downloaded"
    assert place.read_bytes() == wheel.read_bytes()


def test_folder(
    entry: LockedPackage, wheel: Path, place: Path, tmp_path: Path, index: IndexServer
) -> None:
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / NAME).write_bytes(b"not it")
    assert (
        source(bring(entry, place, folders=(tmp_path / "nowhere", wrong, wheel.parent))) == "folder"
    )
    assert index.requests == []
    assert (wrong / NAME).read_bytes() == b"not it"
    assert place.stat().st_mode & 0o777 == 0o644


def test_copies(entry: LockedPackage, wheel: Path, place: Path, index: IndexServer) -> None:
    assert source(bring(entry, place, copies=[wheel])) == "folder"
    assert index.requests == []


def test_cache(
    entry: LockedPackage, wheel: Path, place: Path, store: WheelStore, index: IndexServer
) -> None:
    assert source(bring(entry, place, store=store)) == "downloaded"
    assert store.place(entry.sha256).read_bytes() == wheel.read_bytes()
    place.unlink()
    index.reset()
    assert source(bring(entry, place, store=store)) == "cache"
    assert index.requests == []
    assert place.read_bytes() == wheel.read_bytes()


def test_a_changed_cache(entry: LockedPackage, wheel: Path, place: Path, store: WheelStore) -> None:
    bring(entry, place, store=store)
    place.unlink()
    store.place(entry.sha256).write_bytes(b"changed")
    assert source(bring(entry, place, store=store)) == "downloaded"
    assert place.read_bytes() == store.place(entry.sha256).read_bytes() == wheel.read_bytes()


def test_a_cache_that_cannot_be_written(
    entry: LockedPackage, wheel: Path, place: Path, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    assert source(bring(entry, place, store=WheelStore(tmp_path / "cache"))) == "downloaded"
    assert place.read_bytes() == wheel.read_bytes()


def test_relative_names(wheel: Path, place: Path, tmp_path: Path) -> None:
    """As bundle writes them: some in a folder, where another file has the same name."""
    folder = tmp_path / "bundle"
    (folder / "0123").mkdir(parents=True)
    (folder / "0123" / NAME).write_bytes(wheel.read_bytes())
    (folder / NAME).write_bytes(b"another")
    assert source(bring(entry_of(wheel, f"0123/{NAME}"), place, folders=(folder,))) == "folder"
    place.unlink()
    code, message = problem(bring(entry_of(wheel, NAME), place, folders=(folder,)))
    assert code == "local-file"
    assert str(folder) in message
    assert problem(bring(entry_of(wheel, NAME), place))[0] == "local-file"


@pytest.mark.parametrize(
    "name", [f"../secret/{NAME}", f"/secret/{NAME}", f"x/../../secret/{NAME}", f"c:/secret/{NAME}"]
)
def test_relative_names_do_not_lead_out(
    name: str, wheel: Path, place: Path, tmp_path: Path
) -> None:
    (tmp_path / "bundle" / "x").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / NAME).write_bytes(wheel.read_bytes())
    code, _ = problem(bring(entry_of(wheel, name), place, folders=(tmp_path / "bundle",)))
    assert code == "local-file"


def test_at_hand(
    entry: LockedPackage, wheel: Path, place: Path, store: WheelStore, tmp_path: Path
) -> None:
    async def look(*folders: Path, **changes: Any) -> Path | None:
        fetcher = quick_fetcher()
        return Supplier(fetcher, folders, store).at_hand(
            entry_of(wheel, entry.file_name, **changes)
        )

    assert asyncio.run(look()) is None
    assert asyncio.run(look(wheel.parent)) == wheel
    assert asyncio.run(look(wheel.parent, sha256="0" * 64)) is None
    assert asyncio.run(look(wheel.parent, sha256=None)) is None
    bring(entry, place, store=store)
    assert asyncio.run(look()) == store.place(entry.sha256)


# -- what cannot be had


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("status", 404), "gone"),
        (Fault("status", 410), "gone"),
        (Fault("status", 403), "not-allowed"),
        (Fault("status", 500), "unreachable"),
        (Fault("reset"), "unreachable"),
        (Fault("redirect-loop"), "unreachable"),
        (Fault("html"), "content-mismatch"),
        (Fault("body", body=b"other bytes"), "content-mismatch"),
    ],
    ids=lambda value: f"{value.kind} {value.status}" if isinstance(value, Fault) else value,
)
def test_servers_that_fail(
    fault: Fault, code: str, entry: LockedPackage, place: Path, index: IndexServer
) -> None:
    index.faults["/files/"] = fault
    found, message = problem(bring(entry, place))
    assert found == code
    assert index.root in message
    assert not place.exists()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset", times=2),
        Fault("status", 503, times=2),
        Fault("truncate", times=3),
        Fault("hang", times=1),
    ],
    ids=lambda fault: fault.kind,
)
def test_servers_that_recover(
    fault: Fault, index: IndexServer, place: Path, store: WheelStore
) -> None:
    wheel = build_wheel(
        index.folder, "demo", "1.0", files={"demo.bin": bytes(range(256)) * 300}, stored=True
    )
    index.faults["/files/"] = fault

    async def run() -> Supplied | Problem:
        fetcher = quick_fetcher(idle=0.3)
        try:
            supplier = Supplier(fetcher, store=store)
            return await supplier.bring("demo", entry_of(wheel, index.file_url(wheel.name)), place)
        finally:
            await fetcher.aclose()

    assert source(asyncio.run(run())) == "downloaded"
    assert place.read_bytes() == wheel.read_bytes()
    assert [item.name for item in place.parent.iterdir()] == [NAME]


@pytest.mark.parametrize(
    "value", ["", "0", "../../secret", "{tmp_path}/secret", "g" * 64, "0" * 63, "0" * 65]
)
def test_no_hash(
    value: str, entry: LockedPackage, place: Path, store: WheelStore, tmp_path: Path
) -> None:
    """A lock may hold anything, and a cache is a folder with names made of hashes."""
    secret = tmp_path / "secret"
    secret.write_text("keep")
    place.parent.mkdir()
    place.write_bytes(b"keep")
    value = value.replace("{tmp_path}", str(tmp_path))
    code, message = problem(bring(replace(entry, sha256=value), place, store=store))
    assert code == "content-mismatch"
    assert "no sha256" in message
    assert secret.read_text() == "keep"
    assert place.read_bytes() == b"keep"
    with pytest.raises(ValueError):
        store.place(value)


# -- wheels that are not what they should be


def hostile(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "hostile" / NAME
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def lying(rows: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [
        (path, "sha256=" + "A" * 43, size) if path == "demo.py" else (path, hash_, size)
        for path, hash_, size in rows
    ]


HOSTILE = {
    "traversal": lambda: raw_zip(wheel_entries(Entry("../evil.py", b"x"))),
    "deep traversal": lambda: raw_zip(wheel_entries(Entry("a/../../evil.py", b"x"))),
    "absolute": lambda: raw_zip(wheel_entries(Entry("/evil.py", b"x"))),
    "drive": lambda: raw_zip(wheel_entries(Entry("c:evil.py", b"x"))),
    "backslash": lambda: raw_zip(wheel_entries(Entry("..\\evil.py", b"x"))),
    "case": lambda: raw_zip(wheel_entries(Entry("Demo.py", b"x"))),
    "twice": lambda: raw_zip(wheel_entries(Entry("demo.py", b"x"))),
    "a file and a folder": lambda: raw_zip(wheel_entries(Entry("demo.py/evil.py", b"x"))),
    "two dist-infos": lambda: raw_zip(wheel_entries(Entry("evil-1.0.dist-info/METADATA", b"x"))),
    "no zip": lambda: b"no zip at all",
    "no METADATA": lambda: raw_zip(
        [item for item in wheel_entries() if "METADATA" not in str(item.name)]
    ),
    "no RECORD": lambda: raw_zip(wheel_entries()[:-1]),
    "a wrong CRC": lambda: raw_zip(wheel_entries(crc=7)),
}


@pytest.mark.parametrize("kind", HOSTILE, ids=short)
@pytest.mark.parametrize("way", ["downloaded", "folder", "cache", "there"])
def test_hostile_wheels(
    kind: str, way: str, index: IndexServer, place: Path, store: WheelStore, tmp_path: Path
) -> None:
    wheel = hostile(tmp_path, HOSTILE[kind]())
    index.add(wheel)
    entry = entry_of(wheel, index.file_url(wheel.name))
    folders: tuple[Path, ...] = ()
    if way == "folder":
        folders = (wheel.parent,)
    elif way == "cache":
        store.place(entry.sha256).parent.mkdir(parents=True)
        store.place(entry.sha256).write_bytes(wheel.read_bytes())
    elif way == "there":
        place.parent.mkdir()
        place.write_bytes(wheel.read_bytes())
    code, _ = problem(bring(entry, place, folders=folders, store=store))
    assert code == "content-mismatch"
    if way != "there":  # what the user has there is the user's
        assert not place.exists()
    if way == "downloaded":
        assert store.find(entry.sha256) is None
    assert not (tmp_path / "evil.py").exists()


def test_symbolic_links(place: Path, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "made", "demo", "1.0", files={"demo.py": "", "link": "/etc"})
    target = hostile(tmp_path, b"")
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(target, "w") as changed:
        for item in archive.infolist():
            if item.filename == "link":
                item.external_attr = 0o120777 << 16
            changed.writestr(item, archive.read(item.filename))
    code, message = problem(bring(entry_of(target, NAME), place, folders=(target.parent,)))
    assert (code, "symbolic link" in message) == ("content-mismatch", True)


def test_a_record_that_lies(place: Path, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "made", "demo", "1.0", record=lying)
    # The lock names this very wheel by its sha256: what is wrong with its RECORD is its publisher's
    # fault.
    found = bring(entry_of(wheel, NAME), place, folders=(wheel.parent,))
    assert isinstance(found, Supplied)
    assert place.read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize(
    ("key", "version"),
    [("other", "1.0"), ("demo", "1.1"), ("demo", "0.0.0.1"), ("demo", "no version")],
)
def test_metadata_of_another(key: str, version: str, wheel: Path, place: Path) -> None:
    entry = entry_of(wheel, NAME, version=version)
    assert problem(bring(entry, place, key=key, folders=(wheel.parent,)))[0] == "content-mismatch"
    assert not place.exists()


def test_what_is_no_wheel_is_only_hashed(place: Path, tmp_path: Path) -> None:
    archive = tmp_path / "libdemo-1.0.zip"
    archive.write_bytes(b"of any shape")
    entry = entry_of(archive, archive.name, version="1.0")
    target = place.with_name(archive.name)
    assert source(bring(entry, target, folders=(tmp_path,))) == "folder"
    assert target.read_bytes() == b"of any shape"


# -- the parts


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("demo-1.0-py3-none-any.whl", "demo-1.0-py3-none-any.whl"),
        (
            "http://127.0.0.1/files/demo-1.0%2Blocal-py3-none-any.whl?x=1#y",
            "demo-1.0+local-py3-none-any.whl",
        ),
        ("abc/demo.whl", "demo.whl"),
    ],
)
def test_file_names(file_name: str, expected: str) -> None:
    assert filename_of(LockedPackage("demo", "1.0", file_name, "")) == expected


@pytest.mark.parametrize(
    "file_name",
    [
        "",
        "http://127.0.0.1/",
        "x/..",
        ".hidden",
        "http://127.0.0.1/a%2Fb",
        "http://127.0.0.1/a%5Cb",
        "a%00",
        "a%3Fb",
    ],
)
def test_no_file_names(file_name: str) -> None:
    with pytest.raises(IntegrityError):
        filename_of(LockedPackage("demo", "1.0", file_name, ""))


@pytest.mark.parametrize(
    ("installed", "locked", "same"),
    [
        ("1.0", "1.0.0", True),
        ("1.0+a", "1.0", True),
        ("1.0", "1.0+a", True),
        ("1.0+a", "1.0+b", False),
        ("1", "2", False),
    ],
)
def test_same_version(installed: str, locked: str, same: bool) -> None:
    assert same_version(installed, locked) is same


def test_copied(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    digest = sha256(tmp_path / "a")
    assert copied(tmp_path / "none", tmp_path / "b", digest) is None
    assert copied(tmp_path / "a", tmp_path / "b", "0" * 64) is None
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a"]
    assert copied(tmp_path / "a", tmp_path / "b", digest) == 3
    assert hashed(tmp_path / "b", digest) == 3
    assert hashed(tmp_path / "b", "0" * 64) is None
    assert hashed(tmp_path / "c", digest) is None


# -- progress


@dataclass
class Log:
    """Transfers, and each of them."""

    lines: list[object] = field(default_factory=list)

    def begin(self, name: str) -> Transfer:
        self.lines.append(name)
        return self

    def expect(self, size: int) -> None:
        """Nobody says."""

    def advance(self, count: int) -> None:
        self.lines.append(count)

    def end(self, done: bool) -> None:
        self.lines.append(done)


def test_transfers(entry: LockedPackage, wheel: Path, place: Path, index: IndexServer) -> None:
    log = Log()
    bring(entry, place, transfers=log)
    assert (log.lines[0], log.lines[-1]) == (NAME, True)
    assert sum(item for item in log.lines[1:-1] if isinstance(item, int)) == wheel.stat().st_size
    bring(entry, place, transfers=log)
    assert log.lines.count(NAME) == 1  # it is there
    place.unlink()
    index.faults["/files/"] = Fault("status", 404)
    log.lines.clear()
    bring(entry, place, transfers=log)
    assert (log.lines[0], log.lines[-1]) == (NAME, False)


@pytest.mark.parametrize("cached", [True, False])
def test_an_interrupted_download(
    cached: bool,
    entry: LockedPackage,
    place: Path,
    store: WheelStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What may be resumed is kept in the cache, and in no folder of the user."""

    class Interrupting(Log):
        def advance(self, count: int) -> None:
            if count:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(entry, place, transfers=Interrupting(), store=store if cached else None)
    assert not place.parent.exists() or list(place.parent.iterdir()) == []
    assert store.find(entry.sha256) is None
