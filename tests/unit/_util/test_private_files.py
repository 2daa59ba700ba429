"""Files and folders of the cache, though a link, a pipe or another user was there before."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from micropip_lock._util.private_files import (
    check_private,
    keep_own,
    make_own,
    make_private,
    open_own,
    resumable_file,
)
from micropip_lock.errors import InputError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


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


def write(path: Path, part: Path | None, data: bytes, error: Exception | None = None) -> bytes:
    """Append to a resumable file, and return what an earlier run left of it."""
    with resumable_file(path, part) as file:
        before = file.read()
        file.write(data)
        file.flush()
        if error is not None:
            raise error
    return before


def test_a_resumed_file(tmp_path: Path) -> None:
    path, part = tmp_path / "file", tmp_path / ".file.part"
    with pytest.raises(KeyError):
        write(path, part, b"first ", KeyError())
    assert (os.listdir(tmp_path), mode(part)) == ([".file.part"], 0o600)
    assert write(path, part, b"second") == b"first "
    assert (os.listdir(tmp_path), path.read_bytes()) == (["file"], b"first second")


def test_without_a_part_nothing_stays(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        write(tmp_path / "file", None, b"first", KeyError())
    assert os.listdir(tmp_path) == []
    assert write(tmp_path / "file", None, b"second") == b""
    assert (tmp_path / "file").read_bytes() == b"second"


@pytest.mark.parametrize(
    ("data", "error"), [(b"", KeyError()), (b"first", OSError(errno.ENOSPC, "full"))], ids=repr
)
def test_a_part_that_is_of_no_use(data: bytes, error: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(error)):
        write(tmp_path / "file", tmp_path / "part", data, error)
    assert os.listdir(tmp_path) == []


def test_a_part_that_cannot_be_had(tmp_path: Path) -> None:
    """A folder has its name, or another process has it open."""
    (tmp_path / "folder").mkdir()
    assert write(tmp_path / "file", tmp_path / "folder", b"1") == b""
    assert (tmp_path / "file").read_bytes() == b"1"
    with resumable_file(tmp_path / "file", tmp_path / "part") as first:
        first.write(b"2")
        assert write(tmp_path / "other", tmp_path / "part", b"3") == b""
    assert [(tmp_path / name).read_bytes() for name in ("file", "other")] == [b"2", b"3"]
