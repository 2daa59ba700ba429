"""LOCK on the command line: a file, a folder, a URL or stdin, for every command that takes one."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import termios
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner

from micropip_lock.cli.main import micropip_lock

from ...support.index_server import Fault, IndexServer
from .conftest import Done, Run

COMMANDS = [
    "bundle",
    "check",
    "diff",
    "export",
    "outdated",
    "retarget",
    "sync",
    "tree",
    "verify",
]
SERVED = "/locks/pyodide-lock.json"

Ask = Callable[..., Done]


@pytest.fixture
def lock(freeze: Run, index: IndexServer, tmp_path: Path) -> Path:
    """The lock of two packages that the index has, served by it as well."""
    path = tmp_path / "locks" / "pyodide-lock.json"
    path.parent.mkdir()
    assert freeze("-o", path).status == 0
    index.faults[SERVED] = Fault("body", body=path.read_bytes())
    return path


@pytest.fixture
def ask(lock: Path, index: IndexServer, site: Path, base: Path, tmp_path: Path) -> Ask:
    """Run a command with some value for LOCK."""

    def call(name: str, value: object, *more: str, stdin: bytes | None = None) -> Done:
        rest: dict[str, list[object]] = {
            "bundle": [tmp_path / f"bundle-{len(list(tmp_path.iterdir()))}"],
            "diff": [lock],
            "export": ["--format", "requirements"],
            "outdated": ["--index-url", index.url],
            "retarget": ["--base", base, "--index-url", index.url],
            "sync": ["--path", site, "--dry-run"],
            "verify": ["--index-url", index.url],
        }
        arguments = [name, value, *rest.get(name, []), *more]
        result = CliRunner().invoke(micropip_lock, [str(item) for item in arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_the_same(
    ask: Ask, name: str, lock: Path, index: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lock.parent)
    by_file = ask(name, lock)
    assert by_file.status == 0, by_file.err
    for found in (
        ask(name, lock.parent),
        ask(name, "."),
        ask(name, "-", stdin=lock.read_bytes()),
        ask(name, f"{index.root}{SERVED}"),
    ):
        assert (found.status, found.out) == (0, by_file.out), found.err


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_no_lock(ask: Ask, name: str, index: IndexServer, tmp_path: Path) -> None:
    empty = tmp_path / "nothing"
    empty.mkdir()
    for missing in (empty / "lock.json", empty):
        path = missing if missing.suffix else missing / "pyodide-lock.json"
        found = ask(name, missing)
        assert (found.status, found.out) == (2, "")
        assert found.err == f"error: Cannot read {path}: No such file or directory.\n"
    found = ask(name, "")
    message = "error: The lock has no name. Name a file, a folder or a URL.\n"
    assert (found.status, found.out, found.err) == (2, "", message)
    found = ask(name, "-", stdin=b"{")
    assert found.status == 2 and found.err.startswith("error: stdin is not valid JSON (")
    url = f"{index.root}/locks/absent.json"
    found = ask(name, url)
    assert (found.status, found.err) == (3, f"error: The lock {url} is not there (404).\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_while_stdin_is_read(name: str, lock: Path, tmp_path: Path) -> None:
    rest: dict[str, list[object]] = {
        "bundle": [tmp_path / "bundle"],
        "diff": [lock],
        "export": ["--format", "requirements"],
    }
    arguments = [name, "-", *map(str, rest.get(name, []))]
    command = [sys.executable, "-m", "micropip_lock", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"{")
        process.stdin.flush()
        while _waiting_bytes(process.stdin):  # until the command reads them, and waits for more
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        finally:
            process.kill()
        err = process.stderr.read() if process.stderr is not None else b""
    assert process.returncode == 130
    assert err.startswith(b"Interrupted; ") and err.count(b"\n") == 1


def _waiting_bytes(pipe: IO[bytes]) -> int:
    """How many bytes the other end of a pipe has not read."""
    number = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, number)
    return number[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_url_without_a_network(ask: Ask, name: str, index: IndexServer) -> None:
    found = ask(name, f"{index.root}{SERVED}", "--offline", "--no-cache")
    assert (found.status, found.out) == (3, "") and "offline" in found.err


@pytest.mark.parametrize("name", ["check", "verify"])
def test_a_url_that_the_cache_knows(ask: Ask, name: str, index: IndexServer, lock: Path) -> None:
    """These two hand --offline on, which is about the wheels."""
    headers = {"Cache-Control": "max-age=600"}
    index.faults[SERVED] = Fault("body", body=lock.read_bytes(), headers=headers)
    url = f"{index.root}{SERVED}"
    assert ask(name, url).status == 0
    index.faults[SERVED] = Fault("status", status=500)
    found = ask(name, url, "--offline")
    assert (found.status, "offline" in found.err) == (0, False), found.err


def test_files_beside_a_lock_are_found_by_its_folder(
    ask: Ask, lock: Path, tmp_path: Path, index: IndexServer
) -> None:
    folder = tmp_path / "own"
    assert ask("bundle", lock).status == 0
    made = next(tmp_path.glob("bundle-*"))
    made.rename(folder)
    index.faults.clear()
    for name in ("bundle", "check", "tree", "verify"):
        found = ask(name, folder, "--offline", "--no-cache")
        assert found.status == 0, found.err
