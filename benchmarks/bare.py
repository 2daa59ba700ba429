"""A client that parses, compares and writes nothing:

how near to the floor the link server lets a client come.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from .floors import CONNECTIONS, Floor
from .inputs import Inputs
from .link import read_line
from .linked import Link
from .works import FAST, MAIN


async def _fetch(port: int, paths: Sequence[str], accept: str) -> int:
    """GET all paths over a few connections; the bytes of the bodies."""
    queue = list(reversed(paths))

    async def work() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        received = 0
        while queue:
            path = queue.pop()
            head = (
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: "
                f"{accept}\r\nAccept-Encoding: gzip\r\n\r\n"
            )
            writer.write(head.encode())
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            left = int(lines.partition("content-length: ")[2].partition("\r\n")[0])
            received += left
            while left:
                left -= len(await reader.read(min(left, 1 << 18)))
        writer.close()
        return received

    return sum(await asyncio.gather(*(work() for _ in range(min(CONNECTIONS, len(paths))))))


def fetch_all(link: Link, inputs: Inputs, runs: int) -> list[dict[str, Any]]:
    """Seconds for all documents of each kind, beside their floor."""
    json_page = "application/vnd.pypi.simple.v1+json"
    wheels = [urlsplit(url).path for url in inputs.urls.values()]
    kinds = {
        "project pages": ([f"/simple/{name}/" for name in inputs.pins], json_page, MAIN),
        "documents of a release": (
            [f"/pypi/{name}/{version}/json" for name, version in inputs.pins.items()],
            "*/*",
            MAIN,
        ),
        "sidecars": ([f"{wheel}.metadata" for wheel in wheels], "*/*", MAIN),
        "wheels, over the fast line": (wheels, "*/*", FAST),
    }
    found = []
    for kind, (paths, accept, model) in kinds.items():
        line = dict(read_line(model))
        link.set(connect=0.0, releases=True, **line)
        taken, received = [], 0
        for _ in range(runs):
            start = time.perf_counter()
            received = asyncio.run(_fetch(link.port, paths, accept))
            taken.append(time.perf_counter() - start)
        floor = Floor(len(paths), received, 1).seconds(**line)
        found.append(
            {
                "kind": kind,
                "bytes": received,
                "seconds": round(median(taken), 3),
                "floor": round(floor, 3),
            }
        )
    return found
