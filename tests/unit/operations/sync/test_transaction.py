"""Files that change places: all of a package or none, whatever happens on the way."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from micropip_lock.errors import InputError
from micropip_lock.operations.sync.environment_files import WORK
from micropip_lock.operations.sync.journal import Journal
from micropip_lock.operations.sync.transaction import Transaction

from ....support.syncing import snapshot

SITE = "lib/python3.14/site-packages"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    folder = tmp_path / "venv"
    write(folder, {"pyvenv.cfg": "home = x\n", "bin/python": "#!", f"{SITE}/other.py": "other"})
    return folder


@pytest.fixture
def transaction(prefix: Path) -> Transaction:
    return Transaction(prefix, prefix / SITE)


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def read(folder: Path) -> dict[str, str]:
    """Every file, without those of the work folder."""
    return {
        path.relative_to(folder).as_posix(): f"-> {path.readlink()}"
        if path.is_symlink()
        else path.read_text()
        for path in sorted(folder.rglob("*"))
        if (path.is_file() or path.is_symlink()) and WORK not in path.parts
    }


def folders(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_dir()}


def change(transaction: Transaction, old: list[str], new: Mapping[str, str]) -> list[str]:
    with transaction.opened():
        write(transaction.staged("demo"), new)
        return transaction.apply(["demo"], old)


def test_install_replace_remove(transaction: Transaction, prefix: Path) -> None:
    before, made = read(prefix), folders(prefix)
    old = {f"{SITE}/demo.py": "1", f"{SITE}/demo/data/x": "1", "bin/demo": "1"}
    assert change(transaction, [], old) == sorted(old)
    assert read(prefix) == before | old
    new = {f"{SITE}/demo.py": "2", f"{SITE}/other_demo/x": "2"}
    assert change(transaction, list(old), new) == sorted(new)
    assert read(prefix) == before | new
    assert f"{SITE}/demo" not in folders(prefix)  # emptied
    assert change(transaction, list(new), {}) == []
    assert read(prefix) == before
    assert folders(prefix) == made


def test_a_module_becomes_a_package_and_back(transaction: Transaction, prefix: Path) -> None:
    before = read(prefix)
    change(transaction, [], {f"{SITE}/demo": "a file without a suffix"})
    change(transaction, [f"{SITE}/demo"], {f"{SITE}/demo/__init__.py": "2"})
    assert read(prefix) == before | {f"{SITE}/demo/__init__.py": "2"}
    change(transaction, [f"{SITE}/demo/__init__.py"], {f"{SITE}/demo": "3"})
    assert read(prefix) == before | {f"{SITE}/demo": "3"}


def test_files_in_the_way(transaction: Transaction, prefix: Path) -> None:
    """Nobody listed them; a new file takes their place."""
    before = read(prefix)
    write(
        prefix, {f"{SITE}/demo.py": "unlisted", f"{SITE}/pkg": "a file, where a folder has to be"}
    )
    (prefix / SITE / "link.py").symlink_to("nowhere")
    new = {f"{SITE}/demo.py": "1", f"{SITE}/pkg/deep/x.py": "1", f"{SITE}/link.py": "1"}
    change(transaction, [], new)
    assert read(prefix) == before | new


def test_a_folder_in_the_way(transaction: Transaction, prefix: Path) -> None:
    """It may hold anything; so nothing is changed."""
    write(prefix, {f"{SITE}/demo.py/precious": "unlisted", f"{SITE}/old.py": "old"})
    before = read(prefix)
    with pytest.raises(InputError) as caught:
        change(transaction, [f"{SITE}/old.py"], {f"{SITE}/demo.py": "1", f"{SITE}/a.py": "1"})
    assert "demo.py" in str(caught.value)
    assert read(prefix) == before
    assert not transaction.work.exists()


@pytest.mark.parametrize("name", ["pkg", "pkg/sub"])
def test_links_that_lead_out_are_not_followed(
    name: str, transaction: Transaction, prefix: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    write(outside, {"x.py": "precious", "sub/x.py": "precious"})
    place = prefix / SITE / name
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(outside)
    before = read(outside)
    new = {f"{SITE}/{name}/x.py": "1", f"{SITE}/{name}/sub/x.py": "1"}
    change(transaction, [], new)
    assert read(outside) == before
    assert not place.is_symlink()
    assert {path: text for path, text in read(prefix).items() if "pkg" in path} == new


def test_links_inside_are_followed(transaction: Transaction, prefix: Path) -> None:
    (prefix / "lib64").symlink_to("lib")
    change(transaction, [], {"lib64/demo/x": "1"})
    assert (prefix / "lib64").is_symlink()
    assert (prefix / "lib" / "demo" / "x").read_text() == "1"


def test_several_packages_in_one_step(transaction: Transaction, prefix: Path) -> None:
    before = read(prefix)
    with transaction.opened():
        write(transaction.staged("one"), {f"{SITE}/thing": "1", f"{SITE}/same": "x"})
        write(transaction.staged("two"), {f"{SITE}/two.py": "2", f"{SITE}/same": "x"})
        assert transaction.incoming("two") == [f"{SITE}/same", f"{SITE}/two.py"]
        write(prefix, {f"{SITE}/thing/of_two.py": "old"})
        assert len(transaction.apply(["one", "two"], [f"{SITE}/thing/of_two.py"])) == 3
    assert read(prefix) == before | {
        f"{SITE}/thing": "1",
        f"{SITE}/two.py": "2",
        f"{SITE}/same": "x",
    }


def test_new_folders_beside_and_below_what_is_there(transaction: Transaction, prefix: Path) -> None:
    """A folder that is new moves whole;

    in one that is there, or is linked to one inside, only what is new comes.
    """
    mine = {
        f"{SITE}/space/mine.txt": "mine",
        f"{SITE}/space/there/mine.txt": "mine",
        f"{SITE}/real/mine.txt": "mine",
    }
    write(prefix, mine)
    (prefix / SITE / "linked").symlink_to("real")
    (prefix / SITE / "empty").mkdir()
    before = read(prefix)
    new = {
        f"{SITE}/{name}": "1"
        for name in (
            "new/a/b.py",
            "new/c.py",
            "space/d.py",
            "space/there/e.py",
            "space/new/f.py",
            "empty/g.py",
        )
    }
    change(transaction, [], new | {f"{SITE}/linked/deep/h.py": "1"})
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


@pytest.mark.parametrize("passing", range(1, 6))
def test_a_failure_is_undone(
    passing: int, transaction: Transaction, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(prefix, OLD)
    before = read(prefix)
    with monkeypatch.context() as patch:
        fail(patch, passing)
        with pytest.raises(InputError) as caught:
            change(transaction, list(OLD), NEW)
    assert "the disk is broken" in str(caught.value)
    assert read(prefix) == before
    assert not transaction.work.exists()
    change(transaction, list(OLD), NEW)
    assert {name: text for name, text in read(prefix).items() if "demo" in name} == NEW


@pytest.mark.parametrize("passing", range(2, 6))
def test_a_failure_that_stays(
    passing: int, transaction: Transaction, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Undoing fails, too: everything is kept for the next run, which undoes it."""
    write(prefix, OLD)
    before = read(prefix)
    with monkeypatch.context() as patch:
        fail(patch, passing, once=False)
        with pytest.raises(InputError):
            change(transaction, list(OLD), NEW)
        assert transaction.pending
        assert transaction.interrupted() == ("demo",)
        with pytest.raises(InputError), transaction.opened():
            raise AssertionError("it is not undone yet")
    assert transaction.interrupted() == ("demo",)
    with transaction.opened() as undone:
        assert undone == ("demo",)
        assert read(prefix) == before
    assert transaction.interrupted() == ()
    assert not transaction.work.exists()


def test_a_folder_that_came_whole_goes_file_by_file(
    transaction: Transaction, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody has put beside the files of a killed run stays when that is undone."""
    before = read(prefix)
    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "_undo", lambda self, moves: None)
        fail(patch, 2)
        with pytest.raises(InputError):
            change(
                transaction,
                [],
                {f"{SITE}/demo/a.py": "1", f"{SITE}/demo/sub/b.py": "1", f"{SITE}/run.py": "1"},
            )
    assert transaction.pending
    write(prefix, {f"{SITE}/demo/sub/mine.txt": "mine"})
    with transaction.opened() as undone:
        assert undone == ("demo",)
    assert read(prefix) == before | {f"{SITE}/demo/sub/mine.txt": "mine"}


def test_an_error_of_the_caller(transaction: Transaction, prefix: Path) -> None:
    with pytest.raises(RuntimeError), transaction.opened():
        write(transaction.staged("demo"), NEW)
        raise RuntimeError
    assert not transaction.work.exists()


def test_what_a_killed_run_staged_is_forgotten(transaction: Transaction, prefix: Path) -> None:
    before = read(prefix)
    left = prefix / SITE / WORK / ("0" * 32)
    write(left, {"new/0/x": "1", "old/0": "2", "wheels/0/z.whl": "3"})
    assert not transaction.is_clean
    with transaction.opened() as undone:
        assert undone == ()
        assert not left.exists()
    assert read(prefix) == before
    assert transaction.is_clean and not left.parent.exists()


# -- journals that are not to be obeyed


RUN = "0123456789abcdef" * 2


def journal_of(prefix: Path) -> Path:
    """Where the journal of the environment lies."""
    path = Journal(prefix, prefix / SITE).path
    assert path is not None
    return path


def leave(prefix: Path, changes: Mapping[str, Any] | None = None) -> Path:
    """What a killed run leaves: one file has gone. The value is the journal."""
    write(prefix, {f"{SITE}/{WORK}/{RUN}/old/0": "precious", f"{SITE}/came.py": "came"})
    document = {"prefix": str(prefix), "site": str(prefix / SITE), "run": RUN, "packages": ["demo"]}
    document |= {"out": [f"{SITE}/gone.py"], "in": {"0": [f"{SITE}/came.py"]}, **(changes or {})}
    journal = journal_of(prefix)
    journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    journal.write_text(json.dumps(document))
    return journal


def test_a_journal_is_obeyed(transaction: Transaction, prefix: Path) -> None:
    """What the other tests change."""
    journal = leave(prefix)
    assert transaction.interrupted() == ("demo",)
    with transaction.opened() as undone:
        assert undone == ("demo",)
    assert (prefix / SITE / "gone.py").read_text() == "precious"
    assert not (prefix / SITE / "came.py").exists()
    assert not journal.exists() and transaction.is_clean


@pytest.mark.parametrize(
    "changes",
    [
        {"out": ["../../evil"]},
        {"out": ["/etc/x"]},
        {"out": ["lib//x"]},
        {"out": ["a\0b"]},
        {"out": [1]},
        {"out": "x"},
        {"in": {"0": ["../x"]}},
        {"in": {"..": ["x"]}},
        {"in": {"0": "x"}},
        {"in": []},
        {"packages": "demo"},
        {"run": "../../.."},
        {"run": None},
        {"prefix": "/"},
        {"site": "/"},
    ],
    ids=repr,
)
def test_a_journal_that_no_sync_wrote(
    changes: dict[str, Any], transaction: Transaction, prefix: Path
) -> None:
    """What had been moved away is not lost, and the message says how to go on."""
    journal = leave(prefix, changes)
    for action in (transaction.interrupted, lambda: transaction.opened().__enter__()):
        with pytest.raises(InputError) as caught:
            action()
        assert str(journal) in str(caught.value) and "Remove it" in str(caught.value)
    assert (prefix / SITE / WORK / RUN / "old" / "0").read_text() == "precious"
    journal.unlink()
    with transaction.opened() as undone:
        assert undone == ()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "\ud800"])
def test_a_journal_that_cannot_be_read(text: str, transaction: Transaction, prefix: Path) -> None:
    leave(prefix).write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(InputError, match="cannot be read"):
        transaction.interrupted()


@pytest.mark.parametrize("name", ["bin/python", "pyvenv.cfg", "bin/activate"])
@pytest.mark.parametrize("direction", ["out", "in"])
def test_a_journal_that_names_what_belongs_to_the_environment(
    direction: str, name: str, transaction: Transaction, prefix: Path
) -> None:
    write(prefix, {"bin/activate": "real", "bin/python": "real"})
    leave(prefix, {direction: [name] if direction == "out" else {"0": [name]}})
    before = {
        path: (prefix / path).read_text() for path in ("bin/python", "bin/activate", "pyvenv.cfg")
    }
    with suppress(InputError), transaction.opened():
        pass
    assert {path: (prefix / path).read_text() for path in before} == before


def test_a_journal_that_leads_out_through_a_link(
    transaction: Transaction, prefix: Path, tmp_path: Path
) -> None:
    """The link came after the journal: nothing is moved there, or from there."""
    outside = tmp_path / "outside"
    write(outside, {"came.py": "mine"})
    (prefix / SITE / "link").symlink_to(outside)
    leave(prefix, {"out": [f"{SITE}/link/gone.py"], "in": {"0": [f"{SITE}/link/came.py"]}})
    with (
        pytest.raises(InputError, match="a link that leads out of the environment"),
        transaction.opened(),
    ):
        raise AssertionError("it is not undone yet")
    assert read(outside) == {"came.py": "mine"}
    (prefix / SITE / "link").unlink()
    with transaction.opened() as undone:
        assert undone == ("demo",)
    assert (prefix / SITE / "link" / "gone.py").read_text() == "precious"


@pytest.mark.parametrize(
    "what", ["nothing", "a link to the run", "a link to the work folder", "a file"]
)
def test_a_journal_whose_run_has_left_nothing(
    what: str, transaction: Transaction, prefix: Path, tmp_path: Path
) -> None:
    """It was of an environment that lay here before, or the folder is another program's."""
    journal = leave(prefix)
    work, elsewhere = prefix / SITE / WORK, tmp_path / "elsewhere"
    if what == "a link to the work folder":
        work.rename(elsewhere)
        work.symlink_to(elsewhere)
    else:
        (work / RUN).rename(elsewhere)
    if what == "a link to the run":
        (work / RUN).symlink_to(elsewhere)
    elif what == "a file":
        (work / RUN).write_text("")
    before, kept = read(prefix / SITE), snapshot(elsewhere)
    assert transaction.interrupted() == ()
    with transaction.opened() as undone:
        assert undone == ()
    assert read(prefix / SITE) == before
    assert snapshot(elsewhere) == kept
    assert not journal.exists() and not os.path.lexists(work)


@pytest.mark.parametrize(
    "how", ["a link", "a hard link", "a pipe", "a world-writable folder", "another user"]
)
def test_a_journal_that_another_user_may_have_written(
    how: str,
    transaction: Transaction,
    prefix: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = leave(prefix)
    if how == "a link":
        journal.rename(tmp_path / "journal")
        journal.symlink_to(tmp_path / "journal")
    elif how == "a hard link":
        (tmp_path / "journal").hardlink_to(journal)
    elif how == "a pipe":
        journal.unlink()
        os.mkfifo(journal)
    elif how == "another user":
        monkeypatch.setattr(os, "geteuid", lambda: journal.stat().st_uid + 1)
    else:
        journal.parent.chmod(0o777)
    before = read(prefix)
    assert transaction.interrupted() == ()
    with transaction.opened() as undone:
        assert undone == ()
    assert read(prefix) == before


def test_a_journal_inside_of_the_environment(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a home that is the environment a wheel can put a file there (``.data/data``)."""
    write(prefix, {"notes.txt": "mine"})
    journal = leave(prefix, {"in": {"0": ["notes.txt"]}})
    inside = prefix / "cache" / journal.relative_to(os.environ["XDG_CACHE_HOME"])
    inside.parent.mkdir(mode=0o700, parents=True)
    journal.rename(inside)
    monkeypatch.setenv("XDG_CACHE_HOME", str(prefix / "cache"))
    transaction, before = Transaction(prefix, prefix / SITE), read(prefix)
    assert transaction.interrupted() == ()
    with transaction.opened() as undone:
        assert undone == ()
    assert read(prefix) == before


@pytest.mark.parametrize("below", ["", "new/", "old/", f"{RUN}/"])
def test_what_a_wheel_ships_is_no_journal(
    below: str, transaction: Transaction, prefix: Path
) -> None:
    """No file in the environment is, in any folder of it."""
    write(prefix, {"notes.txt": "mine"})
    document = {
        "packages": ["x"],
        "out": ["bin/python"],
        "in": {"x": ["notes.txt"], "0": ["notes.txt"]},
        "run": RUN,
    }
    planted = {
        f"{SITE}/{WORK}/{below}journal.json": json.dumps(document),
        f"{SITE}/{WORK}/old/0": "evil",
    }
    before = read(prefix)
    write(prefix, planted)
    assert transaction.interrupted() == ()
    with transaction.opened() as undone:
        assert undone == ()
    assert read(prefix) == before


def test_a_link_where_the_work_folder_should_be(
    transaction: Transaction, prefix: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    write(outside, {"mine": "mine"})
    (prefix / SITE / WORK).symlink_to(outside)
    change(transaction, [], {f"{SITE}/demo.py": "1"})
    assert read(outside) == {"mine": "mine"}
    assert not os.path.lexists(prefix / SITE / WORK)


def test_the_folders_are_of_this_user_alone(transaction: Transaction, prefix: Path) -> None:
    with transaction.opened(), transaction.exchanging({"demo": []}, []):
        for folder in (
            transaction.work,
            transaction.work.parent,
            journal_of(prefix).parent,
            journal_of(prefix).parent.parent,
        ):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(journal_of(prefix).stat().st_mode) == 0o600
    assert not journal_of(prefix).parent.exists()


def test_without_a_place_for_a_journal(
    transaction: Transaction, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RECORD goes last and comes first, so that the next sync knows what to do."""
    info = f"{SITE}/demo-1.0.dist-info"
    old, new = (
        {
            f"{SITE}/a.py": it,
            f"{info}/RECORD": it,
            f"{SITE}/z/_vendor/x-1.dist-info/RECORD": it,
            "bin/demo": it,
        }
        for it in "12"
    )
    write(prefix, old)
    moved: list[str] = []
    replace = os.replace

    def look(source: str | Path, target: str | Path) -> None:
        moved.append(os.path.relpath(target if WORK in str(source) else source, prefix))
        replace(source, target)

    monkeypatch.setenv("XDG_CACHE_HOME", str(prefix / "pyvenv.cfg"))
    transaction = Transaction(prefix, prefix / SITE)
    monkeypatch.setattr(os, "replace", look)
    change(transaction, list(old), new)
    assert {name: text for name, text in read(prefix).items() if name in new} == new
    assert moved[len(old) - 1 : len(old) + 1] == [f"{info}/RECORD", info]


def test_one_at_a_time(transaction: Transaction, prefix: Path) -> None:
    with transaction.opened():
        with pytest.raises(InputError) as caught, Transaction(prefix, prefix / SITE).opened():
            raise AssertionError("both are at work")
        assert "Another process" in str(caught.value)
        assert transaction.work.exists()
    with transaction.opened():
        pass


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file")
    with pytest.raises(InputError) as caught, Transaction(tmp_path, tmp_path / "site").opened():
        raise AssertionError("nothing is open")
    assert "Cannot change" in str(caught.value)


def test_names_that_are_no_text(transaction: Transaction, prefix: Path) -> None:
    name = os.fsdecode(f"{SITE}/".encode() + b"caf\xe9.txt")
    write(prefix, {name: "old"})
    change(transaction, [name], {name: "new"})
    assert (prefix / name).read_text() == "new"


def test_the_journal_says_what_will_be_moved(
    transaction: Transaction, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(prefix, OLD)
    seen: list[Any] = []
    replace = os.replace

    def look(source: str | Path, target: str | Path) -> None:
        if Path(target) != journal_of(prefix):
            seen.append(json.loads(journal_of(prefix).read_text()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    change(transaction, list(OLD), NEW)
    assert len(seen) == len(OLD) + len({"demo.py", "demo"})  # a folder that is new moves whole
    for journal in seen:
        assert (journal["prefix"], journal["site"]) == (str(prefix), str(prefix / SITE))
        assert (journal["packages"], journal["out"], journal["in"]) == (
            ["demo"],
            list(OLD),
            {"0": sorted(NEW)},
        )
        assert journal["run"] == transaction.work.name


# -- links in the environment


@pytest.mark.parametrize("name", ["python", "activate"])
def test_a_link_to_a_folder_of_the_environment(
    name: str, transaction: Transaction, prefix: Path
) -> None:
    """A file of a wheel does not come to the environment's own, through a link either."""
    write(prefix, {"bin/activate": "real"})
    (prefix / SITE / "tools").symlink_to("../../../bin")
    before = read(prefix)
    with pytest.raises(InputError, match="belongs to the environment"):
        change(transaction, [], {f"{SITE}/tools/{name}": "evil"})
    assert read(prefix) == before
    change(transaction, [], {f"{SITE}/tools/other": "1"})
    assert (prefix / "bin" / "other").read_text() == "1"


def test_a_folder_of_scripts_that_lies_elsewhere(
    transaction: Transaction, prefix: Path, tmp_path: Path
) -> None:
    """It is not replaced, for the interpreter is in it."""
    (prefix / "bin").rename(tmp_path / "bin")
    (prefix / "bin").symlink_to(tmp_path / "bin")
    with pytest.raises(InputError, match="a link that leads out of the environment"):
        change(transaction, [], {"bin/demo": "1"})
    assert os.listdir(tmp_path / "bin") == ["python"] and (prefix / "bin").is_symlink()


def test_a_pipe_in_the_way(transaction: Transaction, prefix: Path) -> None:
    os.mkfifo(prefix / SITE / "demo.py")
    os.mkfifo(prefix / SITE / "pkg")
    change(transaction, [], {f"{SITE}/demo.py": "1", f"{SITE}/pkg/x.py": "1"})
    assert (
        (prefix / SITE / "demo.py").read_text()
        == (prefix / SITE / "pkg" / "x.py").read_text()
        == "1"
    )
