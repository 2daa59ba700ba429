"""Files that change places: all of a package or none, whatever happens on the way."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from micropip_lock.errors import InputError
from micropip_lock.operations._swap import WORK, Swap, is_environment

SITE = "lib/python3.14/site-packages"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    folder = tmp_path / "venv"
    write(folder, {"pyvenv.cfg": "home = x\n", "bin/python": "#!", f"{SITE}/other.py": "other"})
    return folder


@pytest.fixture
def swap(prefix: Path) -> Swap:
    return Swap(prefix, prefix / SITE)


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def read(folder: Path) -> dict[str, str]:
    """Every file, without those of the work folder."""
    return {
        path.relative_to(folder).as_posix(): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in sorted(folder.rglob("*"))
        if (path.is_file() or path.is_symlink()) and WORK not in path.parts
    }


def folders(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_dir()}


def change(swap: Swap, old: list[str], new: Mapping[str, str]) -> list[str]:
    with swap.opened():
        write(swap.staged("demo"), new)
        return swap.apply(["demo"], old)


def test_install_replace_remove(swap: Swap, prefix: Path) -> None:
    before, made = read(prefix), folders(prefix)
    old = {f"{SITE}/demo.py": "1", f"{SITE}/demo/data/x": "1", "bin/demo": "1"}
    assert change(swap, [], old) == sorted(old)
    assert read(prefix) == before | old
    new = {f"{SITE}/demo.py": "2", f"{SITE}/other_demo/x": "2"}
    assert change(swap, list(old), new) == sorted(new)
    assert read(prefix) == before | new
    assert f"{SITE}/demo" not in folders(prefix)  # emptied
    assert change(swap, list(new), {}) == []
    assert read(prefix) == before
    assert folders(prefix) == made


def test_a_module_becomes_a_package_and_back(swap: Swap, prefix: Path) -> None:
    before = read(prefix)
    change(swap, [], {f"{SITE}/demo": "a file without a suffix"})
    change(swap, [f"{SITE}/demo"], {f"{SITE}/demo/__init__.py": "2"})
    assert read(prefix) == before | {f"{SITE}/demo/__init__.py": "2"}
    change(swap, [f"{SITE}/demo/__init__.py"], {f"{SITE}/demo": "3"})
    assert read(prefix) == before | {f"{SITE}/demo": "3"}


def test_files_in_the_way(swap: Swap, prefix: Path) -> None:
    """Nobody listed them; a new file takes their place."""
    before = read(prefix)
    write(prefix, {f"{SITE}/demo.py": "unlisted", f"{SITE}/pkg": "a file, where a folder has to be"})
    (prefix / SITE / "link.py").symlink_to("nowhere")
    new = {f"{SITE}/demo.py": "1", f"{SITE}/pkg/deep/x.py": "1", f"{SITE}/link.py": "1"}
    change(swap, [], new)
    assert read(prefix) == before | new


def test_a_folder_in_the_way(swap: Swap, prefix: Path) -> None:
    """It may hold anything; so nothing is changed."""
    write(prefix, {f"{SITE}/demo.py/precious": "unlisted", f"{SITE}/old.py": "old"})
    before = read(prefix)
    with pytest.raises(InputError) as caught:
        change(swap, [f"{SITE}/old.py"], {f"{SITE}/demo.py": "1", f"{SITE}/a.py": "1"})
    assert "demo.py" in str(caught.value)
    assert read(prefix) == before
    assert not swap.work.exists()


@pytest.mark.parametrize("name", ["pkg", "pkg/sub"])
def test_links_that_lead_out_are_not_followed(name: str, swap: Swap, prefix: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write(outside, {"x.py": "precious", "sub/x.py": "precious"})
    place = prefix / SITE / name
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(outside)
    before = read(outside)
    new = {f"{SITE}/{name}/x.py": "1", f"{SITE}/{name}/sub/x.py": "1"}
    change(swap, [], new)
    assert read(outside) == before
    assert not place.is_symlink()
    assert {path: text for path, text in read(prefix).items() if "pkg" in path} == new


def test_links_inside_are_followed(swap: Swap, prefix: Path) -> None:
    (prefix / "lib64").symlink_to("lib")
    change(swap, [], {"lib64/demo/x": "1"})
    assert (prefix / "lib64").is_symlink()
    assert (prefix / "lib" / "demo" / "x").read_text() == "1"


def test_several_packages_in_one_step(swap: Swap, prefix: Path) -> None:
    before = read(prefix)
    with swap.opened():
        write(swap.staged("one"), {f"{SITE}/thing": "1", f"{SITE}/same": "x"})
        write(swap.staged("two"), {f"{SITE}/two.py": "2", f"{SITE}/same": "x"})
        assert swap.incoming("two") == [f"{SITE}/same", f"{SITE}/two.py"]
        write(prefix, {f"{SITE}/thing/of_two.py": "old"})
        assert len(swap.apply(["one", "two"], [f"{SITE}/thing/of_two.py"])) == 3
    assert read(prefix) == before | {f"{SITE}/thing": "1", f"{SITE}/two.py": "2", f"{SITE}/same": "x"}


def test_new_folders_beside_and_below_what_is_there(swap: Swap, prefix: Path) -> None:
    """A folder that is new moves whole; in one that is there, or is linked to one inside, only what is new comes."""
    mine = {f"{SITE}/space/mine.txt": "mine", f"{SITE}/space/there/mine.txt": "mine", f"{SITE}/real/mine.txt": "mine"}
    write(prefix, mine)
    (prefix / SITE / "linked").symlink_to("real")
    (prefix / SITE / "empty").mkdir()
    before = read(prefix)
    new = {
        f"{SITE}/{name}": "1"
        for name in ("new/a/b.py", "new/c.py", "space/d.py", "space/there/e.py", "space/new/f.py", "empty/g.py")
    }
    change(swap, [], new | {f"{SITE}/linked/deep/h.py": "1"})
    assert read(prefix) == before | new | {f"{SITE}/real/deep/h.py": "1"}
    assert (prefix / SITE / "linked").is_symlink()


# -- failures


class Failing:
    """Lets so many calls of a function pass, then fails once, or for good."""

    def __init__(self, function: Callable[..., object], passing: int, *, once: bool = True) -> None:
        self.function, self.left, self.once = function, passing, once

    def __call__(self, *arguments: object) -> object:
        self.left -= 1
        if self.left == -1 or (self.left < 0 and not self.once):
            raise OSError(errno.EIO, "the disk is broken", str(arguments[0]))
        return self.function(*arguments)


OLD = {f"{SITE}/demo/a.py": "1", f"{SITE}/demo/b.py": "1", f"{SITE}/demo/sub/c.py": "1"}
NEW = {f"{SITE}/demo.py": "2", f"{SITE}/demo/b.py": "2", f"{SITE}/demo/other/d.py": "2"}


def fail(monkeypatch: pytest.MonkeyPatch, passing: int, *, once: bool = True) -> None:
    failing = Failing(os.replace, passing, once=once)
    monkeypatch.setattr(os, "replace", failing)


@pytest.mark.parametrize("passing", range(6))
def test_a_failure_is_undone(passing: int, swap: Swap, prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(prefix, OLD)
    before = read(prefix)
    with monkeypatch.context() as patch:
        fail(patch, passing)
        with pytest.raises(InputError) as caught:
            change(swap, list(OLD), NEW)
    assert "the disk is broken" in str(caught.value)
    assert read(prefix) == before
    assert not swap.work.exists()
    change(swap, list(OLD), NEW)
    assert {name: text for name, text in read(prefix).items() if "demo" in name} == NEW


@pytest.mark.parametrize("passing", range(2, 6))
def test_a_failure_that_stays(passing: int, swap: Swap, prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undoing fails, too: everything is kept for the next run, which undoes it."""
    write(prefix, OLD)
    before = read(prefix)
    with monkeypatch.context() as patch:
        fail(patch, passing, once=False)
        with pytest.raises(InputError):
            change(swap, list(OLD), NEW)
        assert swap.pending
        assert swap.recover() == "demo"
        with pytest.raises(InputError), swap.opened():
            raise AssertionError("it is not undone yet")
    assert swap.recover() == "demo"
    with swap.opened() as undone:
        assert undone == "demo"
        assert read(prefix) == before
    assert swap.recover() is None
    assert not swap.work.exists()


def test_a_folder_that_came_whole_goes_file_by_file(swap: Swap, prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody has put beside the files of a killed run stays when that is undone."""
    before = read(prefix)
    with monkeypatch.context() as patch:
        patch.setattr(Swap, "_undo", lambda self: None)
        fail(patch, 2)
        with pytest.raises(InputError):
            change(swap, [], {f"{SITE}/demo/a.py": "1", f"{SITE}/demo/sub/b.py": "1", f"{SITE}/run.py": "1"})
    assert swap.pending
    write(prefix, {f"{SITE}/demo/sub/mine.txt": "mine"})
    with swap.opened() as undone:
        assert undone == "demo"
    assert read(prefix) == before | {f"{SITE}/demo/sub/mine.txt": "mine"}


def test_an_error_of_the_caller(swap: Swap, prefix: Path) -> None:
    with pytest.raises(RuntimeError), swap.opened():
        write(swap.staged("demo"), NEW)
        raise RuntimeError
    assert not swap.work.exists()


def test_what_a_killed_run_staged_is_forgotten(swap: Swap, prefix: Path) -> None:
    before = read(prefix)
    write(swap.work, {"new/demo/x": "1", "old/demo/y": "2", "wheels/demo/z.whl": "3", "journal.part": "{"})
    with swap.opened() as undone:
        assert undone is None
        change_again = swap.staged("demo")
        assert not change_again.exists()
    assert read(prefix) == before
    assert not swap.work.exists()


@pytest.mark.parametrize(
    "journal",
    [
        "{",
        "[]",
        "{}",
        '{"packages": ["demo"], "in": {"demo": ["../../evil"]}, "out": []}',
        '{"packages": ["demo"], "in": {}, "out": ["/etc/x"]}',
        '{"packages": ["demo"], "in": {"../..": []}, "out": []}',
        '{"packages": ["demo"], "in": {"demo": [1]}, "out": []}',
        '{"packages": ["demo"], "in": [], "out": []}',
        '{"packages": "demo", "in": {}, "out": []}',
    ],
)
def test_a_journal_that_nobody_wrote(journal: str, swap: Swap, prefix: Path) -> None:
    """What had been moved away is not lost."""
    write(swap.work, {"journal.json": journal, "old/demo/x.py": "precious"})
    for action in (swap.recover, lambda: swap.opened().__enter__()):
        with pytest.raises(InputError) as caught:
            action()
        assert str(swap.work) in str(caught.value)
    assert (swap.work / "old" / "demo" / "x.py").read_text() == "precious"


def test_one_at_a_time(swap: Swap, prefix: Path) -> None:
    with swap.opened():
        with pytest.raises(InputError) as caught, Swap(prefix, prefix / SITE).opened():
            raise AssertionError("both are at work")
        assert "Another process" in str(caught.value)
        assert swap.work.exists()
    with swap.opened():
        pass


def test_a_lock_whose_folder_has_gone(swap: Swap, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waited for it has the lock of nothing."""
    flock = fcntl.flock

    def late(file: int, operation: int) -> None:
        shutil.rmtree(swap.work)
        swap.work.mkdir()
        (swap.work / "lock").touch()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(InputError) as caught, swap.opened():
        raise AssertionError("it has no lock")
    assert "Another process" in str(caught.value)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file")
    with pytest.raises(InputError) as caught, Swap(tmp_path, tmp_path / "site").opened():
        raise AssertionError("nothing is open")
    assert "Cannot change" in str(caught.value)


def test_names_that_are_no_text(swap: Swap, prefix: Path) -> None:
    name = os.fsdecode(f"{SITE}/".encode() + b"caf\xe9.txt")
    write(prefix, {name: "old"})
    change(swap, [name], {name: "new"})
    assert (prefix / name).read_text() == "new"


def test_the_journal_says_what_will_be_moved(swap: Swap, prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(prefix, OLD)
    seen: list[object] = []
    replace = os.replace

    def look(source: str | Path, target: str | Path) -> None:
        if Path(source).name != "journal.part":
            seen.append(json.loads((swap.work / "journal.json").read_text()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    change(swap, list(OLD), NEW)
    assert len(seen) == len(OLD) + len({"demo.py", "demo"})  # a folder that is new moves whole
    for journal in seen:
        assert journal == {"packages": ["demo"], "out": list(OLD), "in": {"demo": sorted(NEW)}}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pyvenv.cfg", True),
        ("bin/python", True),
        ("bin/python3.14", True),
        ("bin/activate", True),
        ("bin/activate.fish", True),
        ("bin/Activate.ps1", True),
        (f"{SITE}/{WORK}/journal.json", True),
        (f"{WORK}/lock", True),
        ("bin/activate-global-python-argcomplete", False),
        ("bin/python-config-of-mine", False),
        (f"{SITE}/pyvenv.cfg", False),
        (f"{SITE}/bin/python", False),
        (f"{SITE}/demo.micropip-lock/x", False),
        ("lib/python3.14", False),
    ],
)
def test_what_belongs_to_the_environment(name: str, expected: bool) -> None:
    assert is_environment(name) is expected
