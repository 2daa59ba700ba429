"""Why a request got no usable answer, as each fetcher says it."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from micropip_lock.errors import FetchError, GoneError
from micropip_lock.network import Fetcher, drive, file_urls
from micropip_lock.network.httpx_fetcher import HttpxFetcher
from micropip_lock.network.pyfetch_fetcher import PyfetchFetcher
from micropip_lock.network.xhr_fetcher import XhrFetcher

from .serving import Answer, Server

GZIP = {"Content-Encoding": "gzip"}
STATUSES = [
    (401, "not-allowed"),
    (403, "not-allowed"),
    (400, "bad-answer"),
    (429, "bad-answer"),
    (500, "bad-answer"),
    (501, "bad-answer"),
    (503, "bad-answer"),
]


async def _no_wait(seconds: float) -> None:
    """For retries."""


async def _stream(fetcher: Fetcher, url: str, start: int = 0) -> bytes:
    async with fetcher.stream(url, start=start) as pieces:
        return b"".join([piece async for piece in pieces])


# -- httpx


def _failed(use: Callable[[HttpxFetcher], Any], **options: Any) -> FetchError:
    async def main() -> None:
        fetcher = HttpxFetcher(**{"sleep": _no_wait} | options)
        try:
            await use(fetcher)
        finally:
            await fetcher.aclose()

    with pytest.raises(FetchError) as caught:
        asyncio.run(main())
    return caught.value


def _reason(url: str, **options: Any) -> str:
    """The reason of `get`, which `stream` has to share."""
    got = _failed(lambda fetcher: fetcher.get(url, max_bytes=1 << 20), **options).reason
    streamed = _failed(lambda fetcher: _stream(fetcher, url), **options).reason
    assert got == streamed
    return got


@pytest.mark.parametrize(("status", "reason"), STATUSES)
def test_statuses(server: Server, status: int, reason: str) -> None:
    server.answers["/a"] = Answer(status)
    assert _reason(f"{server.origin}/a") == reason


@pytest.mark.parametrize(("status", "reason"), [(404, "gone"), (410, "gone"), (416, "bad-answer")])
def test_nothing_to_download(server: Server, status: int, reason: str) -> None:
    server.answers["/a"] = Answer(status)
    error = _failed(lambda fetcher: _stream(fetcher, f"{server.origin}/a"))
    assert (error.reason, isinstance(error, GoneError)) == (reason, reason == "gone")
    assert error.code == "unreachable"


def test_a_refused_connection() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert _reason(f"http://127.0.0.1:{port}/a") == "no-connection"


def test_a_name_that_is_not_known() -> None:
    assert _reason("http://index.invalid/a") == "no-connection"


def test_a_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        assert _reason(url, idle=0.01) == "no-connection"
        assert _reason(url, total=0.01) == "no-connection"


def test_a_server_without_tls(server: Server) -> None:
    url = server.origin.replace("http:", "https:")
    error = _failed(lambda fetcher: fetcher.get(f"{url}/a", max_bytes=1))
    assert error.reason == "no-connection"
    causes = []
    cause: BaseException | None = error
    while cause is not None:
        causes.append(type(cause))
        cause = cause.__cause__ or cause.__context__
    assert ssl.SSLError in {base for one in causes for base in one.__mro__}


def test_a_body_that_is_cut(server: Server) -> None:
    server.answers["/a"] = Answer(200, b"half", length=8)
    assert _reason(f"{server.origin}/a") == "no-connection"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, gzip.compress(b"content")[:-9], GZIP),
        Answer(200, b"no gzip", GZIP),
        Answer(200, b"content", {"Content-Encoding": "br"}),
        Answer(206, b"x", {"Content-Range": "bytes 0-0/1"}),
        Answer(302, headers={"Location": "/a"}),
        Answer(302, headers={"Location": "ftp://index.example/a"}),
    ],
)
def test_answers_of_the_wrong_kind(server: Server, answer: Answer) -> None:
    server.answers["/a"] = answer
    assert _reason(f"{server.origin}/a") == "bad-answer"


def test_a_range_that_is_another_one(server: Server) -> None:
    server.answers["/a"] = Answer(206, b"x", {"Content-Range": "bytes 0-0/9"})
    url = f"{server.origin}/a"
    error = _failed(lambda fetcher: fetcher.get(url, byte_range=(4, 4), max_bytes=1))
    assert error.reason == "bad-answer"
    assert _failed(lambda fetcher: _stream(fetcher, url, 4)).reason == "bad-answer"


def test_offline(server: Server, tmp_path: Path) -> None:
    url = f"{server.origin}/a"
    for cache in (None, tmp_path):
        assert _reason(url, offline=True, cache_dir=cache) == "offline"
    assert server.log == []


def test_a_url_that_cannot_be_requested() -> None:
    assert _reason("ftp://index.example/a") == "bad-answer"


# -- file: URLs


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = (tmp_path / "a").as_uri()

    def reasons() -> list[str]:
        found = []
        for read in (file_urls.read, file_urls.stream, lambda url: list(file_urls.pieces(url))):
            with pytest.raises(FetchError) as caught:
                read(url)
            found.append(caught.value.reason)
        return found

    with pytest.raises(GoneError):
        file_urls.stream(url)
    (tmp_path / "a").write_bytes(b"x")
    for error, reason in [
        (PermissionError(13, "Permission denied"), "not-allowed"),
        (OSError(5, "Input/output error"), "bad-answer"),
    ]:

        def fail(*_: object, error: OSError = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(Path, "open", fail)
        monkeypatch.setattr(Path, "is_dir", lambda _: False)
        monkeypatch.setattr(Path, "is_file", lambda _: True)
        monkeypatch.setattr(Path, "stat", fail)
        assert reasons() == [reason] * 3
    url = "file://elsewhere.example/a"
    assert reasons() == ["bad-answer"] * 3


# -- Pyodide's: JavaScript is made up, since only its faults are of interest


class _JsError(Exception):
    pass


class _Scope(ModuleType):
    """The global scope of JavaScript, in which each request ends as ``script`` says.

    That is a status, or None for a request without an answer.
    """

    origin = "https://page.example"
    script: int | None = None

    def __init__(self, *, node: bool) -> None:
        super().__init__("js")
        if node:
            self.process = SimpleNamespace(versions=SimpleNamespace(node="22"))
        scope = self

        class Request:
            response = None
            responseURL = None
            status = 0

            @classmethod
            def new(cls) -> Request:
                return cls()

            def open(self, *_: object) -> None:
                pass

            setRequestHeader = open

            def send(self) -> None:
                if scope.script is None:
                    raise _JsError
                self.status = scope.script

            def getAllResponseHeaders(self) -> str:
                return ""

        self.XMLHttpRequest = Request
        self.aborted = False

        def controller() -> SimpleNamespace:
            return SimpleNamespace(
                signal=SimpleNamespace(aborted=scope.aborted),
                abort=SimpleNamespace(bind=lambda _: None),
            )

        self.AbortController = SimpleNamespace(new=controller)
        self.setTimeout = lambda *_: 0
        self.clearTimeout = lambda _: None

    async def pyfetch(self, url: str, **_: object) -> SimpleNamespace:
        if self.script is None:
            raise _JsError
        js_response = SimpleNamespace(body=None)
        return SimpleNamespace(url=url, status=self.script, headers={}, js_response=js_response)


@contextmanager
def _javascript(monkeypatch: pytest.MonkeyPatch, *, node: bool) -> Iterator[_Scope]:
    scope = _Scope(node=node)
    ffi, http = ModuleType("pyodide.ffi"), ModuleType("pyodide.http")
    vars(ffi)["JsException"], vars(http)["pyfetch"] = _JsError, scope.pyfetch
    with monkeypatch.context() as patched:
        for name, module in [("js", scope), ("pyodide.ffi", ffi), ("pyodide.http", http)]:
            patched.setitem(sys.modules, name, module)
        yield scope


URL = "https://index.example/a"


def _pyfetch() -> Fetcher:
    return PyfetchFetcher(sleep=_no_wait)


def _xhr() -> Fetcher:
    return XhrFetcher(delays=())


def _js_reasons(make: Callable[[], Fetcher]) -> set[str]:
    """The reasons of `get`, `head` and `stream`."""
    found = set()
    for use in (
        lambda fetcher: fetcher.get(URL, max_bytes=1),
        lambda fetcher: fetcher.head(URL),
        lambda fetcher: _stream(fetcher, URL),
    ):
        with pytest.raises(FetchError) as caught:
            drive(use(make()))
        found.add(caught.value.reason)
    return found


@pytest.mark.parametrize("make", [_pyfetch, _xhr])
@pytest.mark.parametrize("node", [True, False])
def test_requests_of_javascript(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], Fetcher], node: bool
) -> None:
    with _javascript(monkeypatch, node=node) as scope:
        assert _js_reasons(make) == {"no-connection"}
        for scope.script, reason in STATUSES:
            assert _js_reasons(make) == {reason}
        for scope.script, reason in [(404, "gone"), (410, "gone"), (416, "bad-answer")]:
            with pytest.raises(FetchError) as caught:
                drive(_stream(make(), URL))
            assert (caught.value.reason, isinstance(caught.value, GoneError)) == (
                reason,
                reason == "gone",
            )
        scope.script = 206
        with pytest.raises(FetchError) as caught:
            drive(make().get(URL, max_bytes=1))
        assert caught.value.reason == "bad-answer"


def test_a_browser_that_was_answered_before(monkeypatch: pytest.MonkeyPatch) -> None:
    with _javascript(monkeypatch, node=False) as scope:
        fetcher = _xhr()
        scope.script = 404
        drive(fetcher.head(URL))
        scope.script = None
        with pytest.raises(FetchError) as caught:
            drive(fetcher.head(URL))
        assert caught.value.reason == "no-connection"


@pytest.mark.parametrize("total", [0.0, 300.0])
def test_a_time_out_of_javascript(monkeypatch: pytest.MonkeyPatch, total: float) -> None:
    with _javascript(monkeypatch, node=True) as scope:
        scope.aborted = True
        assert _js_reasons(lambda: PyfetchFetcher(sleep=_no_wait, total=total)) == {"no-connection"}
