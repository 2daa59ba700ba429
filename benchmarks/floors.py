"""The least that the link model allows for a piece of work.

    floor = connect + max(latency + bytes / bandwidth, depth * latency, requests / connections *
      latency)

The bytes have to pass the line, and none passes before a request was answered; ``depth`` requests
have to wait for one
another; and a connection answers one request at a time. Nothing is reckoned for the client: it
starts, parses, compares
and writes in no time.
"""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from micropip_lock.formats.core_metadata import parse_metadata

#: More than that no client here opens.
CONNECTIONS = 50


@dataclass(frozen=True)
class Floor:
    """What has to be asked for:

    requests, bytes of bodies, and the longest chain of requests; ``of``: in words.
    """

    requests: int
    bytes: int
    depth: int
    of: str = ""

    def seconds(self, *, latency: float, bandwidth: float, connect: float = 0.0) -> float:
        """The floor over a line; bandwidth 0: no limit."""
        passing = self.bytes / bandwidth if bandwidth else 0.0
        waiting = ceil(self.requests / CONNECTIONS) * latency
        return connect + max(latency + passing, self.depth * latency, waiting)

    def to_json(self) -> dict[str, Any]:
        """What it stands on."""
        return asdict(self)


def gzipped(body: bytes) -> int:
    """The size of a body as the index sends it."""
    return len(gzip.compress(body, 6, mtime=0))


def page_bytes(index: Path) -> dict[str, int]:
    """Each project page, gzipped; a page with the addresses of a server is hardly longer."""
    return {path.stem: gzipped(path.read_bytes()) for path in (index / "fat").glob("*.json")}


def exactly_pinned(sidecars: Iterable[bytes]) -> set[str]:
    """Projects that others need in one version:

    where there are documents of a release, their page need not be read.
    """
    needed = [parse_metadata(sidecar).requires for sidecar in sidecars]
    pins = (
        item
        for requirements in needed
        for item in requirements
        if re.fullmatch(r"==[^*,]+", str(item.specifier))
    )
    return {canonicalize_name(item.name) for item in pins if item.marker is None}


def proof_bytes(wheel: Path) -> int:
    """What has to be read of a wheel to compare it with what is installed:

    its directory and its RECORD.
    """
    with zipfile.ZipFile(wheel) as archive:
        directory = wheel.stat().st_size - archive.start_dir
        record = next(
            item for item in archive.infolist() if item.filename.endswith(".dist-info/RECORD")
        )
        return directory + 30 + len(record.filename) + record.compress_size


def depth_of(lock: Path, roots: set[str]) -> int:
    """How many levels of dependencies a resolver finds one after the other."""
    packages = json.loads(lock.read_bytes())["packages"]
    level, seen, depth = roots & set(packages), set(roots), 0
    while level:
        depth += 1
        level = {other for name in level for other in packages[name]["depends"]} - seen
        seen |= level
    return depth
