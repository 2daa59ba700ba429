"""A package index behind a slow line, on loopback: ``python -m benchmarks.link --root FOLDER --port
0``.

The index is the folder of `benchmarks.corpus`: project pages as JSON and HTML, sidecars, wheels
with ranges, ETags, gzip, CORS, and the JSON document of one release that some indexes have. Its
bodies are made before the first request.

The line is a model: every request waits ``latency`` seconds, the first one of a connection
``connect`` seconds more, and all bodies together share ``bandwidth`` bytes a second, each its fair
part (0: no limit). What was sent is counted, as the bytes of the bodies on the wire. HTTP/1.1
without TLS, so the client alone says how much happens at once.

    GET  /-/stats     what was asked since the last reset
    POST /-/config    a JSON object with any field of `Line`; begins to count anew
    The first line on stdout is the port.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path

from .link_index import Index, Reply

_QUANTUM = 16 * 1024  # bytes: what one body may send before it is the next one's turn
_TURN = 0.001  # seconds: on a fast line it may send as much as passes in that time
_CATCH_UP = 0.05  # seconds by which a late timer may be made good for
_REASONS = {
    200: "OK",
    204: "No Content",
    206: "Partial Content",
    301: "Moved",
    304: "Not Modified",
    404: "Not Found",
}


@dataclass
class Line:
    """The line, and what the index behind it offers."""

    latency: float = 0.04  # seconds
    connect: float = 0.0  # seconds
    bandwidth: float = 4e6  # bytes a second
    releases: bool = True  # whether there is a JSON document of one release
    json: bool = True  # whether pages come as JSON
    sidecars: bool = True
    ranges: bool = True


@dataclass
class Stats:
    """What was asked, by kind: page, release, sidecar, wheel, range, other."""

    requests: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    most_at_once: int = 0
    missing: list[str] = field(default_factory=list)

    def note(self, kind: str, status: int, size: int, path: str) -> None:
        """Count a reply."""
        self.requests[kind] = self.requests.get(kind, 0) + 1
        self.bytes[kind] = self.bytes.get(kind, 0) + size
        self.statuses[str(status)] = self.statuses.get(str(status), 0) + 1
        if status == 404:
            self.missing.append(path)


class Pump:
    """Shares the bandwidth among the bodies that are on their way, a quantum each in turn."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._waiting: deque[tuple[Connection, memoryview]] = deque()
        self._free = 0.0  # when the line is free again
        self._runs = False

    def send(self, connection: Connection, body: bytes) -> None:
        """Send a body, and tell the connection when it is through."""
        if not self._line.bandwidth:
            connection.write(body)
            connection.sent()
            return
        self._waiting.append((connection, memoryview(body)))
        if not self._runs:
            self._runs = True
            loop = asyncio.get_running_loop()
            # What the line could have carried while it was idle is lost.
            self._free = max(self._free, loop.time())
            self._turn()

    def _turn(self) -> None:
        """Send until the line is busy, then come back."""
        loop = asyncio.get_running_loop()
        self._free = max(self._free, loop.time() - _CATCH_UP)
        quantum = max(_QUANTUM, int(self._line.bandwidth * _TURN))
        while self._waiting and self._free <= loop.time():
            connection, rest = self._waiting.popleft()
            if connection.closed:
                connection.sent()
                continue
            part = rest[:quantum]
            self._free += len(part) / self._line.bandwidth
            # It arrives when its last byte has passed.
            loop.call_at(
                self._free, partial(self._arrive, connection, part, len(part) == len(rest))
            )
            if len(part) < len(rest):
                self._waiting.append((connection, rest[quantum:]))
        if self._waiting:
            loop.call_at(self._free, self._turn)
        else:
            self._runs = False

    def _arrive(self, connection: Connection, part: memoryview, last: bool) -> None:
        connection.write(part)
        if last:
            connection.sent()


class Connection(asyncio.Protocol):
    """One client's connection: request after request."""

    def __init__(self, server: LinkServer) -> None:
        self._server = server
        self._received = bytearray()
        self._busy = False
        self._used = False
        self.closed = False
        self._ready = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set up, for as long as the model says."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ready = asyncio.get_running_loop().time() + self._server.line.connect

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went away."""
        self.closed = True

    def data_received(self, data: bytes) -> None:
        """Take what comes; requests are answered one after the other."""
        self._received += data
        if not self._busy:
            self._next()

    def _next(self) -> None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or self.closed:
            return
        lines = self._received[:end].decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = int(headers.get("content-length", 0))
        if len(self._received) < end + 4 + length:
            return
        body = bytes(self._received[end + 4 : end + 4 + length])
        del self._received[: end + 4 + length]
        method, path, _ = lines[0].split(" ", 2)
        self._busy = True
        if path.startswith("/-/"):
            self._write_head(reply := self._server.control(path, body))
            self.write(reply.body)
            self.sent(counted=False)
            return
        loop = asyncio.get_running_loop()
        self._server.begin(new=not self._used)
        self._used = True
        start = max(loop.time(), self._ready) + self._server.line.latency
        loop.call_at(start, partial(self._answer, method, path, headers))

    def _answer(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        reply = self._server.answer(method, path, headers)
        if self.closed:
            self._server.end()
            return
        self._write_head(reply)
        if method == "HEAD" or not reply.body:
            self.sent()
        else:
            self._server.pump.send(self, reply.body)

    def _write_head(self, reply: Reply) -> None:
        head = (
            f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'No')}\r\nContent-Length: "
            f"{reply.length}\r\n"
        )
        head += "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        self._transport.write(f"{head}\r\n".encode("latin-1"))

    def write(self, data: bytes | memoryview) -> None:
        """Pass bytes on."""
        if not self.closed:
            self._transport.write(data)

    def sent(self, *, counted: bool = True) -> None:
        """A reply is through; look for the next request."""
        if counted:
            self._server.end()
        self._busy = False
        self._next()


class LinkServer:
    """The index, the line before it, and the count."""

    def __init__(self, index: Index, line: Line) -> None:
        self.index = index
        self.line = line
        self.stats = Stats()
        self.pump = Pump(line)
        self._under_way = 0

    def begin(self, *, new: bool) -> None:
        """A request came, maybe the first of a connection."""
        self._under_way += 1
        self.stats.connections += new
        self.stats.most_at_once = max(self.stats.most_at_once, self._under_way)

    def end(self) -> None:
        """A reply is through."""
        self._under_way -= 1

    def answer(self, method: str, target: str, headers: Mapping[str, str]) -> Reply:
        """What the index says, counted when it begins to be sent."""
        line = self.line
        reply = self.index.answer(
            method,
            target,
            headers,
            releases=line.releases,
            json=line.json,
            sidecars=line.sidecars,
            ranges=line.ranges,
        )
        self.stats.note(
            reply.kind, reply.status, 0 if method == "HEAD" else len(reply.body), target
        )
        return reply

    def control(self, path: str, body: bytes) -> Reply:
        """Set the line, or tell the count."""
        if path == "/-/config":
            wanted = json.loads(body or b"{}")
            for item in fields(Line):
                if item.name in wanted:
                    setattr(self.line, item.name, wanted[item.name])
            self.stats = Stats()
        text = json.dumps({"line": asdict(self.line), **asdict(self.stats)}).encode()
        return Reply(200, text, "other", {"Content-Type": "application/json"})


async def serve(root: Path, port: int, line: Line) -> None:
    """Serve until a signal comes; the port is printed when everything is ready."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    server = LinkServer(Index(root), line)
    listening = await loop.create_server(
        lambda: Connection(server), "127.0.0.1", port, backlog=1024
    )
    port = listening.sockets[0].getsockname()[1]
    server.index.prepare(f"http://127.0.0.1:{port}")
    print(port, flush=True)
    await stopped.wait()
    listening.close()


def read_line(text: str) -> Iterator[tuple[str, float]]:
    """Latency and bandwidth of «40/4»: milliseconds and megabytes a second. Raises ValueError."""
    match = re.fullmatch(r"([\d.]+)/([\d.]+)", text)
    if not match:
        raise ValueError(f"Expected milliseconds/megabytes a second, such as 40/4; found {text!r}.")
    yield "latency", float(match[1]) / 1000
    yield "bandwidth", float(match[2]) * 1e6


def main() -> None:
    """Serve a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--root", type=Path, required=True, help="the folder that benchmarks.corpus made"
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--link", type=lambda text: dict(read_line(text)), default={}, metavar="40/4"
    )
    parser.add_argument("--connect", type=float, default=0, metavar="MILLISECONDS")
    options = parser.parse_args()
    asyncio.run(
        serve(options.root, options.port, Line(**options.link, connect=options.connect / 1000))
    )


if __name__ == "__main__":
    main()
