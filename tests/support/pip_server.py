"""One pip after the other without importing pip anew, which takes longer than most of what tests
install.

``python -m tests.support.pip_server`` is the server: each line of stdin is a question, each line of
stdout an answer. A question is {"arguments", "markers", "environ", "folder", "output"}, where
``output`` is the file for all that pip prints; the answer is {"output": FILE, "status": pip's exit
status}. Each pip runs in a fork of its own, so none knows of the others.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import mimetypes
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import foreign_python


class PipServer:
    """The server, and whoever asks it."""

    def __init__(self) -> None:
        command, pipe = [sys.executable, "-m", __name__], subprocess.PIPE
        folder = Path(__file__).parents[2]
        self._process = subprocess.Popen(
            command, cwd=folder, stdin=pipe, stdout=pipe, text=True, bufsize=1
        )
        self._answers: dict[str, int] = {}

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()

    def start(
        self,
        arguments: Sequence[str],
        output: Path,
        environ: Mapping[str, str],
        markers: Mapping[str, str] | None,
    ) -> Callable[[], int]:
        """Begin with a pip, in this process's folder; what is returned waits for its exit status.

        ``output`` does not exist yet. ``markers``: of another machine than this one, see
        foreign_python.py.
        """
        question: dict[str, Any] = {
            "arguments": list(arguments),
            "markers": markers and dict(markers),
        }
        question |= {"environ": dict(environ), "folder": str(Path.cwd()), "output": str(output)}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(question) + "\n")
        return functools.partial(self._status, str(output))

    def _status(self, output: str) -> int:
        assert self._process.stdout
        while output not in self._answers:
            said = json.loads(self._process.stdout.readline())
            self._answers[said["output"]] = said["status"]
        return self._answers.pop(output)


@functools.cache
def pip_server() -> PipServer:
    """One for all tests of this process."""
    server = PipServer()
    atexit.register(server.close)
    return server


def _answer(
    arguments: list[str],
    markers: dict[str, str] | None,
    environ: dict[str, str],
    folder: str,
    output: str,
) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    file = os.open(output, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.exit(foreign_python.pip(markers, arguments))


#: What pip would import in every fork.
_USED = (
    "pip._internal.cli.autocompletion",
    "pip._internal.cli.main",
    "pip._internal.cli.main_parser",
    "pip._internal.commands.install",
    "pip._internal.metadata.importlib",
    "pip._internal.operations.install.wheel",
    "pip._internal.resolution.resolvelib.resolver",
    "pip._vendor.truststore",
)


def main() -> None:
    """Answer until nobody asks any more."""
    for name in _USED:
        importlib.import_module(name)
    mimetypes.init()
    # What it tells an index of this machine, for which it asks other programs.
    session = importlib.import_module("pip._internal.network.session")
    setattr(session, "user_agent", functools.partial(str, session.user_agent()))  # noqa: B010 - not an assignment that mypy allows
    gc.freeze()  # else every fork would copy what it never changes
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps({"output": question["output"], "status": _answer(**question)}), flush=True)


if __name__ == "__main__":
    main()
