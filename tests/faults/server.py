"""The index of the scene: it answers well until it is told otherwise, for what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..support.index_server import Fault, IndexServer
from ..support.replies import Reply

#: The kinds of URL, in the order of docs/faults.md.
STAGES = ("page", "release", "metadata", "wheel", "lock")


def stage(path: str) -> str:
    """What is asked for at a path."""
    if path.startswith("/files/"):
        return {"metadata": "metadata", "whl": "wheel"}.get(path.rpartition(".")[2], "lock")
    return "release" if path.startswith("/pypi/") else "page"


class FaultyIndex(IndexServer):
    """``fault`` makes the fault for a path, or None; ``alter`` may change a good answer."""

    def __init__(self, folder: Path, host: str, **options: Any) -> None:
        self._host = host
        super().__init__(folder, **options)
        self.heal()

    def heal(self) -> None:
        """Answer well, and forget what was asked."""
        self.fault: Callable[[str], Fault | None] = lambda path: None
        self.alter: Callable[[str, Reply], None] = lambda path, reply: None
        self.reset()

    @property
    def root(self) -> str:
        """With a name in place of the address."""
        return f"http://{self._host}:{self.port}"

    def take_fault(self, path: str) -> Fault | None:
        """See LoopbackServer."""
        return self.fault(path)

    def respond(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        """See IndexServer."""
        reply = super().respond(method, path, headers)
        self.alter(path, reply)
        return reply

    def stages(self) -> list[str]:
        """The kinds of URL that were asked for."""
        asked = {stage(request.path) for request in self.requests}
        return [kind for kind in STAGES if kind in asked]


def once(make: Callable[[], Fault]) -> Callable[[str], Fault | None]:
    """A fault that each path has once."""
    seen: set[str] = set()

    def fault(path: str) -> Fault | None:
        if path in seen:
            return None
        seen.add(path)
        return make()

    return fault


def always(make: Callable[[], Fault], where: str) -> Callable[[str], Fault | None]:
    """A fault that all paths of one stage have."""
    return lambda path: make() if stage(quote(path)) == where else None
