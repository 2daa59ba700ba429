"""Files that appear whole, though a link, a pipe or a folder lies in their place."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from micropip_lock._util.files import (
    TEMPORARY,
    check_private,
    discard_leftovers,
    keep_own,
    locked_folder,
    make_own,
    make_private,
    new_file,
    open_own,
    remove,
    write_file,
)
from micropip_lock.errors import InputError


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


def test_a_locked_folder(tmp_path: Path) -> None:
    with locked_folder(tmp_path) as first, locked_folder(tmp_path) as second:
        assert (first, second) == (True, False)
    with locked_folder(tmp_path) as again:
        assert again


def test_remove(tmp_path: Path) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "link").symlink_to("mine")
    (tmp_path / "file").write_bytes(b"")
    for name in ("folder", "link", "file", "nothing"):
        remove(tmp_path / name)
    assert os.listdir(tmp_path) == ["mine"]


@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "pipe"])
def test_what_is_not_the_caches_own(kind: str, tmp_path: Path) -> None:
    precious, place = tmp_path / "precious", tmp_path / "file"
    for open_it in (make_own, open_own, keep_own):
        precious.write_bytes(b"mine")
        if kind == "hard link":
            place.hardlink_to(precious)
        elif kind == "pipe":
            os.mkfifo(place)
        else:
            place.symlink_to("precious" if kind == "link" else "made")
        opened = open_it(place)
        if opened is not None:
            opened.write(b"new")
            opened.close()
        assert (precious.read_bytes(), precious.stat().st_nlink) == (b"mine", 1)
        assert not (tmp_path / "made").exists()
        if open_it is not keep_own:
            assert mode(place) == 0o600 and place.is_file() and not place.is_symlink()
        place.unlink(missing_ok=True)


def test_a_file_that_another_process_has_open(tmp_path: Path) -> None:
    first = open_own(tmp_path / "file")
    assert first is not None
    assert open_own(tmp_path / "file") is None
    first.close()
    again = open_own(tmp_path / "file")
    assert again is not None
    again.close()


def test_private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "deep" / "cache"
    check_private(folder)
    make_private(folder)
    assert mode(folder) == 0o700 and mode(folder.parent) != 0o700
    for open_to_all in (0o777, 0o1777, 0o702):
        folder.chmod(open_to_all)
        with pytest.raises(InputError, match="chmod 700"):
            check_private(folder)
        with pytest.raises(InputError, match="chmod 700"):
            make_private(folder)
    folder.chmod(0o775)
    make_private(folder)
    assert mode(folder) == 0o700
    link = tmp_path / "link"
    link.symlink_to(folder)
    folder.chmod(0o777)
    with pytest.raises(InputError, match="chmod 700"):
        check_private(link)
    folder.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(InputError, match="another user"):
        check_private(folder)
