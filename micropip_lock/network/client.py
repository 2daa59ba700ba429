"""The httpx clients: connections, proxies and certificates as the user's environment has them."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import httpx

from .._util.url import shown
from ..errors import InputError

#: Where users of pip, requests, curl and OpenSSL name their certificates; the closest to home
#: first.
CA_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")

#: The extension that holds the Location header while httpx handles an answer.
SET_ASIDE = "micropip_lock.location"


#: Connections that a client keeps: a page and its files may lie on different hosts.
_KEPT = 4


class _Shown(logging.Filter):
    """What httpx logs of each request, with the URL as it may be shown: a query may be a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                shown(str(item)) if isinstance(item, httpx.URL) else item for item in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_Shown())


class Clients:
    """httpx clients, each with one request at a time; as many as there are requests at a time.

    httpcore checks every connection of a pool several times for each request, which with a few
    dozen of them takes longer than the request itself. So each client has a small pool, and the
    client that was used last is used again.
    """

    def __init__(self, *, idle: float) -> None:
        self._idle = idle
        self._verify: ssl.SSLContext | None = None
        self._all: list[httpx.AsyncClient] = []
        self._free: list[httpx.AsyncClient] = []

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request as it stands; the response is to be closed.

        Raises `InputError` for unusable settings.
        """
        client = self._free.pop() if self._free else self._another()
        try:
            response = await client.send(request, stream=True, auth=None, follow_redirects=False)
        except BaseException:
            self._free.append(client)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Lent(response.stream, partial(self._free.append, client))
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._all:
            await client.aclose()

    def _another(self) -> httpx.AsyncClient:
        if self._verify is None:
            self._verify = ssl_context()
        client = _make_client(self._idle, self._verify)
        self._all.append(client)
        return client


class _Lent(httpx.AsyncByteStream):
    """A body whose client is free again when it is closed."""

    def __init__(self, stream: httpx.AsyncByteStream, give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back: Callable[[], None] | None = give_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            if self._give_back is not None:
                self._give_back()
                self._give_back = None


def _make_client(idle: float, verify: ssl.SSLContext) -> httpx.AsyncClient:
    # The number of connections is bounded by the fetcher.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=_KEPT)
    try:
        return httpx.AsyncClient(
            verify=verify,
            limits=limits,
            timeout=httpx.Timeout(idle, pool=None),
            trust_env=True,
            event_hooks={"response": [_set_aside]},
        )
    except (ImportError, ValueError, httpx.InvalidURL):
        # Not chained: the message would quote the proxy's URL, which may hold a password.
        raise InputError(
            "the proxy settings in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used: they must "
            "be http or https URLs (for socks5 install httpx[socks])"
        ) from None


async def _set_aside(response: httpx.Response) -> None:
    # httpx builds the next request even with follow_redirects=False, and fails at odd URLs in odd
    # ways.
    if "location" in response.headers:
        response.extensions[SET_ASIDE] = response.headers.pop("location")


def ssl_context() -> ssl.SSLContext:
    """The certificates that the environment names, else those of the system and of certifi."""
    for variable in CA_VARIABLES:
        if path := os.environ.get(variable):
            try:
                if Path(path).is_dir():
                    return ssl.create_default_context(capath=path)
                if not Path(path).is_file():  # OpenSSL would wait for what a pipe brings
                    raise OSError("it is no file")
                return ssl.create_default_context(cafile=path)
            except OSError as error:
                raise InputError(
                    f"{variable} names certificates that cannot be read: {path} ({error})"
                ) from error
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    # certifi does not know a company's own authority, the system may.
    context.load_default_certs()
    return context
