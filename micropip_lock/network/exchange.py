"""One exchange on the host: redirects, credentials, the cache, and what httpx's errors mean."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urljoin

import httpx

from .._util.url import is_http, shown, without_credentials
from ..errors import FetchError
from ..storage import facts_in
from .auth import Configured, Credentials
from .body import Body
from .cache import PageCache, storable
from .client import SET_ASIDE, Clients
from .rules import Transient, check_length, check_status

if TYPE_CHECKING:
    from .keyring import Keyring

MAX_REDIRECTS = 10

#: Counts the requests sent for the current call, also those of the cache.
SENT: ContextVar[list[int]] = ContextVar("sent")

#: Bytes of a redirect's body that are read; larger ones cost a new connection instead.
_DRAINED = 1 << 16

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Exchanger:
    """Sends requests and follows redirects, with the cache and the credentials that each hop may
    have.
    """

    def __init__(
        self, *, offline: bool, cache_dir: Path | None, idle: float, configured: list[Configured]
    ) -> None:
        self.credentials = Credentials(use_netrc=True, configured=configured, origin_of=_origin)
        self._offline = offline
        self._clients = Clients(idle=idle)
        self._keyring: Keyring | None = None
        self._cache: PageCache | None = None
        if cache_dir is not None:
            self._cache = PageCache(facts_in(cache_dir), self._network)

    def counted(self) -> list[int]:
        """A count of the requests sent from now on for the current call."""
        sent = [0]
        SENT.set(sent)
        return sent

    @asynccontextmanager
    async def exchange(
        self, method: str, url: str, headers: dict[str, str], *, cached: bool
    ) -> AsyncIterator[tuple[httpx.Response, str]]:
        """The head of the final answer, and its URL.

        Leaving drops a connection whose body was not read.
        """
        asked: set[str] = set()
        while True:
            asked.add(url)
            try:
                response = await self._ask(method, url, headers, cached)
                try:
                    target = _redirect(response, url)
                    if target is None:
                        check_status(url, response.status_code, response.headers)
                        yield response, url
                        return
                    await _drain(response)
                finally:
                    await response.aclose()
            except httpx.HTTPError as error:
                raise transient(url, error) from error
            if target in asked or len(asked) > MAX_REDIRECTS:
                what = "in a loop" if target in asked else f"more than {MAX_REDIRECTS} times"
                raise FetchError(
                    f"{shown(url)}: the server redirects {what}; check the URL", url=shown(url)
                )
            url = target

    async def _ask(
        self, method: str, url: str, headers: dict[str, str], cached: bool
    ) -> httpx.Response:
        """Send a request; a second time when the server wants a password and the keyring has it."""
        request = self._request(method, url, headers)
        response = await self._send(request, cached)
        if response.status_code == 401:
            async with aclosing(response):
                await self._ask_keyring(url)
                again = self._request(method, url, headers)
                if again.headers.get("authorization") == request.headers.get("authorization"):
                    return response
                with suppress(httpx.HTTPError):
                    await _drain(response)
            return await self._send(again, cached)
        return response

    async def _ask_keyring(self, url: str) -> None:
        wanted, user = self.credentials.wanting(url)
        if not wanted:
            return
        if self._keyring is None:
            from .keyring import Keyring

            self._keyring = Keyring()
        if (login := await self._keyring.login(url, user)) is not None:
            self.credentials.keep(url, user, login)

    def _request(self, method: str, url: str, headers: dict[str, str]) -> httpx.Request:
        # Looked up again at each redirect: credentials stay with their origin.
        authorization = self.credentials.header(url)
        extra = {} if authorization is None else {"authorization": authorization}
        problem = FetchError(
            f"{shown(url)}: not an http(s) URL that can be asked; check it", url=shown(url)
        )
        if not is_http(url):
            raise problem
        try:
            # Built without the client, which would add cookies.
            return httpx.Request(
                method, url, headers=headers | extra | {"user-agent": "micropip-lock"}
            )
        except (httpx.InvalidURL, ValueError):
            # The cause would quote the URL.
            raise problem from None

    async def _send(self, request: httpx.Request, cached: bool) -> httpx.Response:
        cache = self._cache if cached and storable(request) else None
        if not self._offline:
            return await (self._network(request) if cache is None else cache.send(request))
        response = None if cache is None else cache.stored(request)
        if response is None:
            where = shown(str(request.url))
            raise FetchError(
                f"{where}: offline and not in the cache; run once without --offline",
                url=where,
                reason="offline",
            )
        return response

    async def _network(self, request: httpx.Request) -> httpx.Response:
        SENT.get([0])[0] += 1
        response = await self._clients.send(request)
        if (location := response.extensions.pop(SET_ASIDE, None)) is not None:
            response.headers["location"] = location
        return response

    async def aclose(self) -> None:
        """Close the database and the connections."""
        if self._cache is not None:
            self._cache.close()
        await self._clients.aclose()


def _origin(url: str) -> str | None:
    """The scheme, host and port that httpx connects to."""
    try:
        parts = httpx.URL(url)
        host = parts.raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError):
        return None
    if not host:
        return None
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}" + ("" if parts.port is None else f":{parts.port}")


def _redirect(response: httpx.Response, url: str) -> str | None:
    location: str | None = response.headers.get("location")
    if response.status_code not in _REDIRECTS or location is None:
        return None
    try:
        target = without_credentials(urljoin(url, location))
    except ValueError:
        target = ""
    if not is_http(target):
        raise FetchError(f"{shown(url)}: redirects to what is not an http(s) URL", url=shown(url))
    return target


async def _drain(response: httpx.Response) -> None:
    # A redirect is stored, and its connection used again, only when its body was read.
    received = 0
    async with aclosing(wire(response)) as pieces:
        async for piece in pieces:
            received += len(piece)
            if received > _DRAINED:
                return


def transient(url: str, error: httpx.HTTPError) -> Transient:
    """The error for a try that httpx gave up."""
    return Transient(f"{shown(url)}: {_given_up(error)}", reason="no-connection")


def _given_up(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "the server took too long; check the connection and the proxy settings"
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return f"no connection ({error}); check the host name and the proxy settings"
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        return f"the connection broke ({error or type(error).__name__})"
    # Others may quote headers.
    return f"the request failed ({type(error).__name__})"


def wire(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The body as it comes, before decoding."""
    # What httpx calls an iterator is a generator, and wants closing when it is left half-way.
    return cast("AsyncGenerator[bytes, None]", response.aiter_raw())


async def decoded(
    response: httpx.Response, url: str, skip: int, expected: int | None
) -> AsyncGenerator[bytes, None]:
    """The body of a stream from byte ``skip`` on (a server without ranges sends the start, too)."""
    body = Body(url, response.headers.get("content-encoding", ""), None)
    try:
        async with aclosing(wire(response)) as pieces:
            async for coded in pieces:
                body.feed(coded)
                piece = body.take()
                if piece[skip:]:
                    yield piece[skip:]
                skip = max(0, skip - len(piece))
        body.end()
        check_length(url, expected, body.received, True)
    except (httpx.HTTPError, Transient) as error:
        cause = error if isinstance(error, Transient) else transient(url, error)
        raise FetchError(str(cause), url=shown(url), reason=cause.reason) from error
