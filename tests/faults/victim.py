"""A process that forks for each command, and lets the child meet a signal at a step of that number.

A step is a file of the scene that is opened, moved, removed or made, a folder that is made or
removed, or a connection. Lines of JSON go both ways: ``[arguments, folder, signal, step, file for
stdout]`` in, ``[exit status, steps, stdout, stderr]`` back.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

from micropip_lock import cli
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from .scene import Done, resolving

_EVENTS = {
    "open",
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.truncate",
    "os.utime",
}
_CONNECTIONS = {"socket.connect", "sqlite3.connect"}

#: More steps than any command has.
NEVER = 10**9


@dataclass(frozen=True)
class Victim:
    """The process."""

    process: subprocess.Popen[str]

    def run(
        self,
        arguments: list[str],
        folder: str = "/nowhere",
        number: int = signal.SIGKILL,
        step: int = NEVER,
        stdout: str | None = None,
    ) -> tuple[Done, int]:
        """What a command left behind that got the signal of this number, and how many steps it came
        to.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        print(
            json.dumps([arguments, folder, int(number), step, stdout]),
            file=self.process.stdin,
            flush=True,
        )
        status, steps, out, err = json.loads(self.process.stdout.readline())
        return Done(status, out, err), steps


@contextmanager
def victim() -> Iterator[Victim]:
    """Start the process; it has this one's environment."""
    command = [sys.executable, "-m", __name__]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]  # by keywords
        yield Victim(process)
        process.stdin.close()


def _child(arguments: list[str], folder: str, number: int, last: int, out: int) -> NoReturn:
    steps = 0

    def see(event: str, told: tuple[object, ...]) -> None:
        nonlocal steps
        if event in _CONNECTIONS or (
            event in _EVENTS and any(str(item).startswith(folder) for item in told)
        ):
            steps += 1
            if steps == last:
                os.kill(os.getpid(), number)

    sys.addaudithook(see)
    status: object = 1
    try:
        cli.run(arguments)
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
    with suppress(OSError):
        sys.stdout.flush()
    sys.stderr.flush()
    with open(out, "w") as file:
        json.dump([steps, sorted(sys.modules)], file)
    os._exit(
        status if isinstance(status, int) else 0
    )  # what Python does at its end takes longer than most commands


def _serve() -> None:
    defaults = HttpxFetcher.__init__.__kwdefaults__
    assert defaults is not None
    defaults["delays"] = (0.0, 0.0)
    for line in sys.stdin:
        arguments, folder, number, last, stdout = json.loads(line)
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            tempfile.TemporaryFile() as told,
        ):
            child = os.fork()
            if not child:
                os.dup2(out.fileno() if stdout is None else os.open(stdout, os.O_WRONLY), 1)
                os.dup2(err.fileno(), 2)
                _child(arguments, folder, number, last, told.fileno())
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            texts = []
            for file in (out, err, told):
                file.seek(0)
                texts.append(file.read().decode())
        steps, modules = json.loads(texts.pop() or "[-1, []]")
        _import(modules)
        print(json.dumps([status, steps, *texts]), flush=True)


def _import(modules: list[str]) -> None:
    """What one child needed, later ones find."""
    for name in set(modules) - set(sys.modules):
        with suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()


if __name__ == "__main__":
    with resolving():
        _serve()
