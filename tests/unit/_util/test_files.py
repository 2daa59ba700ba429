"""Files that appear whole, though a link, a pipe or a folder lies in their place."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from micropip_lock._util.files import (
    TEMPORARY,
    copy_file,
    discard_leftovers,
    new_file,
    remove,
    write_file,
    write_output,
)
from micropip_lock.errors import InputError

from ...support.ids import short


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_file(tmp_path: Path) -> None:
    place = tmp_path / "file"
    with new_file(place) as file:
        (folder,) = tmp_path.iterdir()
        assert (mode(folder), Path(file.name).parent) == (0o700, folder)
        file.write(b"new")
        assert not place.exists()
    assert (place.read_bytes(), os.listdir(tmp_path)) == (b"new", ["file"])


@pytest.mark.parametrize(
    ("private", "before", "after"),
    [(False, 0o604, 0o604), (True, 0o604, 0o600), (True, None, 0o600)],
)
def test_modes(private: bool, before: int | None, after: int, tmp_path: Path) -> None:
    place = tmp_path / "file"
    if before is not None:
        place.write_bytes(b"old")
        place.chmod(before)
    with new_file(place, private=private):
        pass
    assert mode(place) == after


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_raises_changes_nothing(error: type[BaseException], tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"old")
    with pytest.raises(error), new_file(place) as file:
        file.write(b"new")
        raise error
    assert (place.read_bytes(), os.listdir(tmp_path)) == (b"old", ["file"])


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="Cannot write"):
        write_file(tmp_path / "folder", b"new")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_copy(tmp_path: Path) -> None:
    """It appears when it was checked, under its name and not before."""
    (tmp_path / "source").write_bytes(b"new")
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def check(copy: Path) -> None:
        assert (copy.read_bytes(), path.read_bytes()) == (b"new", b"old")

    def refuse(copy: Path) -> None:
        raise KeyError(copy)

    with pytest.raises(KeyError):
        copy_file(tmp_path / "source", path, refuse)
    assert (path.read_bytes(), sorted(os.listdir(tmp_path))) == (b"old", ["file", "source"])
    assert copy_file(tmp_path / "source", path, check) == 3
    assert path.read_bytes() == b"new"
    with pytest.raises(FileNotFoundError):
        copy_file(tmp_path / "missing", path)
    assert path.read_bytes() == b"new"


def test_leftovers_of_killed_processes(tmp_path: Path) -> None:
    """Not of one that is at work; and no link, nor what it leads to."""
    code = "import os, sys, pathlib, micropip_lock._util.files as it\n"
    code += "with it.new_file(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")], check=False)
    (left,) = os.listdir(tmp_path)
    assert left.startswith(TEMPORARY)
    (tmp_path / "mine").mkdir()
    (tmp_path / f"{TEMPORARY}link").symlink_to("mine")
    with new_file(tmp_path / "other"):
        working = set(os.listdir(tmp_path)) - {left}
        discard_leftovers(tmp_path)
        assert set(os.listdir(tmp_path)) == working
    assert sorted(os.listdir(tmp_path)) == [f"{TEMPORARY}link", "mine", "other"]
    discard_leftovers(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["backup", "original"])
@pytest.mark.parametrize("content", ["precious", ".new.part", None])
def test_a_folder_of_the_user_is_no_leftover(
    name: str, content: str | None, tmp_path: Path
) -> None:
    """Also when it is named as ours are, and when this user alone may enter it."""
    folder = tmp_path / f"{TEMPORARY}{name}"
    folder.mkdir(mode=0o755)
    if content is not None:
        (folder / content).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    discard_leftovers(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    folder.chmod(0o700)
    (folder / "other").touch()
    discard_leftovers(tmp_path)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, folder / "other"])


def test_remove(tmp_path: Path) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "link").symlink_to("mine")
    (tmp_path / "file").write_bytes(b"")
    for name in ("folder", "link", "file", "nothing"):
        remove(tmp_path / name)
    assert os.listdir(tmp_path) == ["mine"]


@pytest.mark.parametrize("name", [".", "missing/lock.json", "a\0b", "x" * 300, "loop"], ids=short)
def test_unwritable_names_are_input_errors_and_leave_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="Cannot write"):
        write_output(tmp_path / name, b"new")
    assert os.listdir(tmp_path) == ["loop"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "lock.json"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_output(path, b"new")
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["lock.json"])


def test_writing_keeps_mode_and_symbolic_link(tmp_path: Path) -> None:
    file, link, fresh = tmp_path / "file", tmp_path / "link", tmp_path / "fresh"
    file.write_bytes(b"old")
    file.chmod(0o640)
    link.symlink_to("file")
    write_output(link, b"new")
    write_output(fresh, b"new")
    (tmp_path / "plain").write_bytes(b"")
    assert link.is_symlink() and file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert fresh.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_output(pipe, b"lock")
    reader.join(30)
    assert read == [b"lock"] and pipe.is_fifo()
