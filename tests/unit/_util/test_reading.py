"""Files that are no files:

nothing is waited for, nothing is read for ever, and it is said what is wrong.
"""

from __future__ import annotations

import errno
import io
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from micropip_lock._util import reading
from micropip_lock._util.reading import (
    open_regular,
    read_bytes,
    read_named,
    read_regular,
    read_standard_input,
)
from micropip_lock.errors import InputError

Read = Callable[[Path], bytes]


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PATIENCE", 0.1)


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def bound_socket(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(path.parent)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
    return path


def opened(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read()


@pytest.mark.parametrize("read", [read_regular, read_named, opened, read_bytes])
@pytest.mark.parametrize("content", [b"", b"text\r\n", b"x" * 200_000])
def test_a_file(read: Read, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert read(path) == read(link) == content


@pytest.mark.parametrize("read", [read_regular, read_named, opened])
def test_what_is_no_file(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 2**20)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    named = bound_socket(tmp_path / "socket", monkeypatch)
    for path in (
        tmp_path,
        tmp_path / "gone",
        loop,
        named,
        pipe(tmp_path / "pipe"),
        Path("/dev/zero"),
    ):
        with pytest.raises(OSError) as caught:
            read(path)
        assert caught.value.strerror


def test_a_device_and_a_pipe_are_no_regular_files(tmp_path: Path) -> None:
    for path in (pipe(tmp_path / "pipe"), Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(OSError, match="it is no regular file"):
            read_regular(path)


def test_the_largest_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 2**20)
    path = tmp_path / "file"
    path.write_bytes(b"x" * 2**20)
    assert len(read_regular(path)) == len(read_named(path)) == 2**20
    path.write_bytes(b"x" * (2**20 + 1))
    for read in (read_regular, read_named):
        with pytest.raises(OSError, match="it is larger than 1 MiB") as caught:
            read(path)
        assert caught.value.errno == errno.EFBIG
    with pytest.raises(InputError, match=r"Cannot read .*file: it is larger than 1 MiB"):
        read_bytes(path)
    assert len(opened(path)) == 2**20 + 1  # a module may be of any size


@pytest.mark.parametrize("pieces", [[b"text"], [b"x" * 100_000, b"y" * 100_000], []])
def test_a_pipe_that_a_process_writes_to(
    pieces: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_PATIENCE", 60)
    path = pipe(tmp_path / "pipe")

    def write() -> None:
        with path.open("wb", buffering=0) as file:
            for piece in pieces:
                file.write(piece)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_named(path) == b"".join(pieces)
    writer.join()


def test_a_process_that_has_not_written_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``-r <(command)`` of a shell: the other end is open already."""
    monkeypatch.setattr(reading, "_PATIENCE", 0)
    end, other = os.pipe()
    asked = threading.Event()
    blocking = os.set_blocking

    def set_blocking(descriptor: int, value: bool) -> None:
        blocking(descriptor, value)
        asked.set()

    monkeypatch.setattr(os, "set_blocking", set_blocking)

    def write() -> None:
        asked.wait()
        os.write(other, b"text")
        os.close(other)

    writer = threading.Thread(target=write)
    writer.start()
    assert read_named(f"/dev/fd/{end}") == b"text"
    writer.join()
    os.close(end)


def test_a_pipe_that_no_process_writes_to(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="it is a pipe that no process writes to") as caught:
        read_named(pipe(tmp_path / "pipe"))
    assert caught.value.errno == errno.ENXIO


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 10)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"0123456789")))
    assert read_standard_input() == b"0123456789"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"0123456789+")))
    with pytest.raises(InputError, match="it is larger"):
        read_standard_input()
    with pytest.raises(InputError, match="Cannot read standard input"):
        sys.stdin.close()
        read_standard_input()
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="no standard input"):
        read_standard_input()
