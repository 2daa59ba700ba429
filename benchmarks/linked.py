"""Starts `benchmarks.link` as a process of its own, and talks to it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.runtimes import PROJECT


class Link:
    """A running link server. root: the folder of an index."""

    def __init__(self, root: Path, *, port: int = 0) -> None:
        command = [
            sys.executable,
            "-m",
            "benchmarks.link",
            "--root",
            str(root),
            "--port",
            str(port),
        ]
        self._process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        said = self._process.stdout.readline()
        if not said:
            self._process.wait()
            raise SystemExit("The link server did not start; its message is above.")
        self.port = int(said)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    @property
    def root(self) -> str:
        """«http://127.0.0.1:1234»"""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The simple root, with a slash at the end."""
        return f"{self.root}/simple/"

    def set(self, **line: float | bool) -> None:
        """Change the line; see `benchmarks.link.Line`."""
        self._ask("POST", "/-/config", json.dumps(line))

    def reset(self) -> None:
        """Begin to count anew."""
        self.set()

    def stats(self) -> dict[str, Any]:
        """What was asked since."""
        return self._ask("GET", "/-/stats", None)

    def _ask(self, method: str, path: str, body: str | None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body)
            said: dict[str, Any] = json.loads(connection.getresponse().read())
            return said
        finally:
            connection.close()
