"""The common parts of Pyodide's fetchers: the JavaScript environment and its answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from importlib import import_module
from typing import Any, TypeVar

from .._util.url import is_http, origin, shown
from ..errors import FetchError
from .auth import Credentials
from .fetcher import ByteRange, Response
from .rules import (
    Transient,
    check_length,
    check_partial,
    check_status,
    nothing_to_download,
    range_header,
    with_retries,
)

T = TypeVar("T")

#: A longer Accept header makes a browser ask permission first (Fetch standard, CORS-safelisted
#: request-header).
_ACCEPT_BYTES = 128


def js() -> Any:
    """The global scope of JavaScript."""
    # By name, because these exist in Pyodide only, where no type checker looks.
    return import_module("js")


def js_errors() -> tuple[type[Exception], ...]:
    """What a failed call of JavaScript raises; pyfetch makes an OSError of it."""
    return OSError, import_module("pyodide.ffi").JsException


def in_node() -> bool:
    """Whether Node runs us, and not a browser: there is no CORS there."""
    process = getattr(js(), "process", None)
    return bool(getattr(getattr(process, "versions", None), "node", None))


def synchronous_requests() -> bool:
    """Whether XMLHttpRequest may block here: in web workers only."""
    scope = js()
    return hasattr(scope, "XMLHttpRequest") and hasattr(scope, "WorkerGlobalScope")


def stack_switching() -> Callable[[Coroutine[Any, Any, Any]], Any] | None:
    """Pyodide's ``run_sync``, if this call may use it (JavaScript Promise Integration)."""
    ffi = import_module("pyodide.ffi")
    can_run_sync = getattr(ffi, "can_run_sync", None)
    if can_run_sync is None or not can_run_sync():
        return None
    run_sync: Callable[[Coroutine[Any, Any, Any]], Any] = ffi.run_sync
    return run_sync


class Exchange:
    """What both fetchers make of requests and answers."""

    def __init__(
        self, refresh: bool, delays: Sequence[float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self.refresh = refresh
        self.node = in_node()
        self.suffix_ranges: bool = self.node
        self._delays = tuple(delays)
        self._sleep = sleep
        self._credentials = Credentials(use_netrc=False)
        self._reached: set[str | None] = set()

    def headers(self, url: str, accept: str | None, byte_range: ByteRange | None) -> dict[str, str]:
        """The headers of a request."""
        headers = {"Accept": _short(accept or "*/*")}
        if byte_range is not None:
            headers["Range"] = range_header(byte_range)
        if (authorization := self._credentials.header(url)) is not None:
            headers["Authorization"] = authorization
        return headers

    def bare(self, url: str) -> str:
        """The URL as fetch() takes it: it refuses userinfo."""
        bare = self._credentials.take(url)
        if not is_http(bare):
            raise FetchError(
                f"{shown(url)}: not an http(s) URL that can be asked; check it", url=shown(url)
            )
        return bare

    async def attempts(self, url: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Make ``attempt`` as often as `with_retries` allows."""
        return await with_retries(attempt, url=url, delays=self._delays, sleep=self._sleep)

    def failed(self, url: str) -> Exception:
        """The error for a request that got no answer at all."""
        where = shown(url)
        if self.node:
            return Transient(
                f"{where}: no connection, a broken one, or redirects without end; check the URL "
                "and the network",
                reason="no-connection",
            )
        message = (
            f"{where}: the browser got no answer that it may show. A missing "
            "Access-Control-Allow-Origin header (CORS), an unknown host name and a refused "
            "connection all look like this: check the URL and the network, and use an index that "
            "allows requests from other origins"
        )
        # CORS and wrong names do not pass, and each package would wait for them.
        if origin(url) in self._reached:
            return Transient(message, reason="no-connection")
        return FetchError(message, url=where, reason="no-connection")

    def answered(self, url: str, status: int, headers: dict[str, str]) -> None:
        """Note that the server answered. Raises `FetchError` for a status that is an error."""
        self._reached.add(origin(url))
        check_status(url, status, headers)

    def response(
        self,
        url: str,
        status: int,
        headers: dict[str, str],
        body: bytes,
        *,
        byte_range: ByteRange | None,
        complete: bool,
    ) -> Response:
        """The answer with this body, of which `body` read no more if not ``complete``."""
        # A browser hides Content-Range from other origins unless the server exposes it.
        expected = (
            check_partial(url, byte_range, headers, lenient=not self.node)
            if status == 206
            else None
        )
        check_length(url, expected, len(body), complete)
        received = len(body)
        if headers.pop("content-encoding", None):
            length = headers.pop("content-length", "")
            received = int(length) if complete and length.isdigit() else received
        return Response(url, status, headers, body, complete, received)


def skipped(url: str, status: int, headers: dict[str, str], start: int, *, lenient: bool) -> int:
    """How many bytes of a stream's body come before ``start``."""
    if status == 206:
        check_partial(url, (start, None) if start else None, headers, lenient=lenient)
        return 0
    if status == 200:
        return start
    raise nothing_to_download(url, status)


def _short(accept: str) -> str:
    while len(accept) > _ACCEPT_BYTES and "," in accept:
        accept = accept.rpartition(",")[0]
    return accept
