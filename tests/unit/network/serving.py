"""A loopback server that answers each path as it is told, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """``length`` is the Content-Length that is claimed;

    ``endless`` repeats the body until the client hangs up.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    endless: bool = False


Script = Answer | list[Answer] | Callable[[Asked], Answer]


class Server:
    """Serves ``answers`` by path:

    one answer, a list of them (the last one stays), or a function.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Script] = {}
        self.log: list[Asked] = []
        self.hung_up = threading.Event()
        self.connections = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                server.connections += 1

            def do_GET(self) -> None:
                server._answer(self)

            do_HEAD = do_GET
            do_OPTIONS = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Http(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                # Clients that hang up are what is tested.
                pass

        self._http = Http(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [asked.path for asked in self.log]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        asked = Asked(handler.command, handler.path, headers)
        self.log.append(asked)
        script = self.answers.get(handler.path.partition("?")[0], Answer(404))
        if isinstance(script, list):
            answer = script.pop(0) if len(script) > 1 else script[0]
        else:
            answer = script if isinstance(script, Answer) else script(asked)
        try:
            self._send(handler, answer)
        except OSError:
            self.hung_up.set()
            handler.close_connection = True

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if not answer.endless:
            claimed = len(answer.body) if answer.length is None else answer.length
            handler.send_header("Content-Length", str(claimed))
        handler.end_headers()
        if handler.command == "HEAD" or answer.status == 304:
            return
        handler.wfile.write(answer.body)
        while answer.endless:
            handler.wfile.write(answer.body)
        handler.close_connection = answer.length is not None


def ranged(body: bytes) -> Callable[[Asked], Answer]:
    """A file that a server with range requests serves."""

    def answer(asked: Asked) -> Answer:
        if "range" not in asked.headers:
            return Answer(200, body)
        start, _, end = asked.headers["range"].removeprefix("bytes=").partition("-")
        first = int(start) if start else max(0, len(body) - int(end))
        last = min(int(end), len(body) - 1) if start and end else len(body) - 1
        if first >= len(body):
            return Answer(416, headers={"Content-Range": f"bytes */{len(body)}"})
        return Answer(
            206, body[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(body)}"}
        )

    return answer
