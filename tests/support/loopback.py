"""A threaded HTTP server on loopback that counts, demands passwords and misbehaves on order."""

from __future__ import annotations

import base64
import socket
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from .replies import Fault, Reply, faulty_reply, finish

_CHUNK = 64 * 1024

#: The faults of a body that is otherwise a good one, and how a dripping one comes.
BODY_FAULTS = frozenset({"truncate", "drip", "endless"})
DRIPS, DRIP_SECONDS = 8, 0.05


@dataclass
class Request:
    """One line of the request log. ``bytes`` are body bytes as sent, after compression."""

    method: str
    path: str  # with the query, percent-encoded as it came
    status: int
    bytes: int
    range: str | None
    headers: Mapping[str, str] = field(repr=False)  # of the request, lower-case names
    complete: bool = True  # False: the client hung up, or a fault cut the body short

    @property
    def is_wheel_download(self) -> bool:
        """Whether a whole wheel went over the wire."""
        is_wheel = urlsplit(self.path).path.endswith(".whl")
        return self.method == "GET" and self.status == 200 and is_wheel and self.complete


class LoopbackServer:
    """Base of the servers here:

    subclasses answer in ``respond``. All attributes may be changed while it runs.
    """

    def __init__(self, *, port: int = 0) -> None:
        self.ranges = (
            "yes"  # "yes" | "no" | "ignored" (promised, then 200 with the whole body) | "no-suffix"
        )
        self.gzip = True  # pages, where the client accepts it
        self.cors = True
        self.cors_on_error = True  # False: 4xx and 5xx without CORS headers, which a browser cannot tell from no answer
        self.etag = False
        self.cache_control: str | None = None
        self.auth: tuple[str, str] | None = None
        self.faults: dict[
            str, Fault
        ] = {}  # path prefix -> fault; the longest prefix that fits counts
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self.closing = threading.Event()
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def respond(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        """Answer one GET or HEAD; ``path`` is decoded and has no query."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The port the server listens on."""
        return int(self._http.server_address[1])

    @property
    def root(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def bytes(self) -> int:
        """Body bytes sent since the start or the last reset."""
        with self._lock:
            return sum(request.bytes for request in self.requests)

    @property
    def wheel_downloads(self) -> int:
        """How many times a whole wheel was sent."""
        with self._lock:
            return sum(request.is_wheel_download for request in self.requests)

    def paths(self, method: str = "GET") -> list[str]:
        """The paths asked for so far, in order."""
        with self._lock:
            return [request.path for request in self.requests if request.method == method]

    def reset(self) -> None:
        """Forget the request log. Faults and options stay."""
        with self._lock:
            self.requests.clear()

    def start(self) -> Self:
        """Serve in a background thread."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving and free the port."""
        self.closing.set()
        if self._thread.is_alive():
            with socket.create_connection(
                ("127.0.0.1", self.port)
            ):  # it waits for a client, and for nothing else
                self._thread.join()
        self._http.server_close()

    def _serve(self) -> None:
        """Like serve_forever, which would look only every so often whether it should end:

        too slow for 4000 tests.
        """
        while not self.closing.is_set():
            self._http.handle_request()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def log(self, request: Request) -> None:
        """Add to the request log (the handler calls this before the body goes out, so that no test
        can be earlier).
        """
        with self._lock:
            self.requests.append(request)

    def take_fault(self, path: str) -> Fault | None:
        """The fault for a path, counted down."""
        with self._lock:
            prefixes = [prefix for prefix in self.faults if path.startswith(prefix)]
            if not prefixes:
                return None
            prefix = max(prefixes, key=len)
            fault = self.faults[prefix]
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    del self.faults[prefix]
            return fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = (
        False  # a client that keeps its connection open must not hold up the end of a test
    )
    request_queue_size = 128
    owner: LoopbackServer

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Nobody is answered any more who comes after the end."""
        return not self.owner.closing.is_set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news; everything else is."""
        import sys

        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body go out in two writes, 40 ms apart otherwise
    server: _Server

    def do_GET(self) -> None:
        owner = self.server.owner
        path = unquote(urlsplit(self.path).path)
        asked = {name.lower(): value for name, value in self.headers.items()}
        fault = owner.take_fault(path)
        if fault is not None and fault.kind in ("reset", "hang"):
            self._vanish(fault, asked)
            return
        if fault is not None and fault.kind not in BODY_FAULTS:
            reply = faulty_reply(fault, self.path)
        elif self.command == "OPTIONS":
            reply = Reply(204 if owner.cors else 405)
        elif owner.auth and asked.get("authorization") != _basic(owner.auth):
            reply = Reply(
                401, b"password, please\n", headers={"WWW-Authenticate": 'Basic realm="tests"'}
            )
        else:
            reply = owner.respond(self.command, path, asked)
            finish(
                reply,
                asked,
                ranges=owner.ranges,
                compress=owner.gzip,
                etag=owner.etag,
                cache_control=owner.cache_control,
            )
        if owner.cors and (owner.cors_on_error or reply.status < 400):
            reply.headers.update(_CORS)
        self._send(reply, asked, fault.kind if fault is not None else "")

    do_HEAD = do_GET
    do_OPTIONS = do_GET

    def _send(self, reply: Reply, asked: Mapping[str, str], fault: str) -> None:
        cut, endless = fault == "truncate", fault == "endless"
        body = b"" if self.command == "HEAD" else reply.body
        sent = body[: len(body) // 2] if cut else body
        request = Request(
            self.command, self.path, reply.status, len(sent), asked.get("range"), asked, not cut
        )
        self.server.owner.log(request)
        self.send_response(reply.status)
        if reply.status not in (204, 304):
            self.send_header("Content-Type", reply.content_type)
            if not endless:
                self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            chunk = max(1, -(-len(sent) // DRIPS)) if fault == "drip" else _CHUNK
            for start in range(0, len(sent), chunk):
                self.wfile.write(sent[start : start + chunk])
                if fault == "drip":
                    time.sleep(DRIP_SECONDS)
            while endless and self.command != "HEAD":
                self.wfile.write(bytes(_CHUNK))
                request.bytes += _CHUNK
        except ConnectionError:
            if not endless:
                request.bytes = start
            request.complete = False
            self.close_connection = True
        if cut or endless:
            self.close_connection = True

    def _vanish(self, fault: Fault, asked: Mapping[str, str]) -> None:
        self.server.owner.log(
            Request(self.command, self.path, 0, 0, asked.get("range"), asked, False)
        )
        if fault.kind == "hang":
            self.server.owner.closing.wait()
        # SO_LINGER with zero seconds: close() sends RST instead of FIN
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: the request log is enough."""


_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Range, Accept, Authorization, If-None-Match, Cache-Control",
    "Access-Control-Expose-Headers": "Content-Range, Content-Length, ETag",
}


def _basic(auth: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(auth).encode()).decode()
