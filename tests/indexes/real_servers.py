"""Package index servers that others wrote, as processes on loopback."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx

_STARTING = 60  # seconds; devpi-server takes two to three by itself


class ServerError(Exception):
    """A server did not start; the message is what it printed."""


@contextlib.contextmanager
def started(command: Callable[[int], Sequence[str]], log: Path) -> Iterator[str]:
    """Run ``command(port)`` until the end of the block;

    gives scheme, host and port. What it prints goes to ``log``.
    """
    process, port = _start(command, log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        _stop(process)


def _start(
    command: Callable[[int], Sequence[str]], log: Path
) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(3):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(port), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        if _answers(process, port):
            return process, port
        _stop(process)
        if b"in use" not in log.read_bytes():  # somebody else may have been faster to take the port
            break
    raise ServerError(f"{command(port)}\n{log.read_text(errors='replace')}")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + _STARTING
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def http_server(folder: Path, log: Path) -> contextlib.AbstractContextManager[str]:
    """Python's own server over a folder."""
    arguments = ["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder)]
    return started(lambda port: [sys.executable, *arguments, str(port)], log)


def simple_repository_server(place: str, log: Path) -> contextlib.AbstractContextManager[str]:
    """simple-repository-server over a folder of projects, or before another index."""
    command = [_script("simple-repository-server"), "--host", "127.0.0.1", "--port"]
    return started(lambda port: [*command, str(port), place], log)


def pypiserver(
    folder: Path, log: Path, *, hashes: str = "sha256", login: tuple[str, str] | None = None
) -> contextlib.AbstractContextManager[str]:
    """pypiserver over a folder of files; ``hashes`` is an algorithm or "off"."""
    rights = ["-a", ".", "-P", "."]
    if login is not None:
        passwords = log.with_suffix(".htpasswd")
        digest = base64.b64encode(
            hashlib.sha1(login[1].encode(), usedforsecurity=False).digest()
        ).decode()
        passwords.write_text(f"{login[0]}:{{SHA}}{digest}\n")
        rights = ["-a", "list,download,update", "-P", str(passwords)]
    command = [
        _script("pypi-server"),
        "run",
        "-i",
        "127.0.0.1",
        "--disable-fallback",
        "--backend",
        "simple-dir",
    ]
    command += ["--hash-algo", hashes, *rights]
    return started(lambda port: [*command, "-p", str(port), str(folder)], log)


_USER = "root"  # devpi-server's own first user
#: devpi-server takes 12 seconds and 512 MB to make its secret unless it is told to be less careful.
_CHEAP = ["--argon2-memory-cost", "64", "--argon2-parallelism", "1", "--argon2-time-cost", "1"]


@contextlib.contextmanager
def devpi_server(wheels: Sequence[Path], folder: Path) -> Iterator[str]:
    """devpi-server with an index that wheels were uploaded to;

    gives the URL of that index' simple API.
    """
    state, password = folder / "state", "for-the-tests"
    init = [
        _script("devpi-init"),
        "--serverdir",
        str(state),
        "--no-root-pypi",
        "--root-passwd",
        password,
    ]
    done = subprocess.run(init, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerError(done.stdout + done.stderr)
    command = [
        _script("devpi-server"),
        "--serverdir",
        str(state),
        "--host",
        "127.0.0.1",
        "--threads",
        "8",
    ]
    command += ["--offline-mode", *_CHEAP]
    with started(lambda port: [*command, "--port", str(port)], folder / "log") as root:
        with httpx.Client(headers={"Accept": "application/json"}, trust_env=False) as client:
            token = client.post(f"{root}/+login", json={"user": _USER, "password": password}).json()
            secret = f"{_USER}:{token['result']['password']}".encode()
            client.headers["X-Devpi-Auth"] = base64.b64encode(secret).decode()
            client.put(
                f"{root}/{_USER}/tests", json={"bases": [], "volatile": True}
            ).raise_for_status()
            for wheel in wheels:
                name, version = wheel.name.split("-")[:2]
                form = {":action": "file_upload", "filetype": "bdist_wheel", "pyversion": "py3"}
                form |= {"metadata_version": "2.1", "name": name, "version": version}
                with wheel.open("rb") as content:
                    files = {"content": (wheel.name, content)}
                    client.post(f"{root}/{_USER}/tests/", data=form, files=files).raise_for_status()
        yield f"{root}/{_USER}/tests/+simple"
