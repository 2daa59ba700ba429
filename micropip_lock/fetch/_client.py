"""The httpx client: connections, proxies and certificates as the user's environment has them."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import httpx

from ..errors import InputError

#: Where users of pip, requests, curl and OpenSSL name their certificates; the closest to home first.
CA_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")

#: Where the Location header of an answer is while httpx looks at it.
SET_ASIDE = "micropip_lock.location"


def make_client(*, idle: float, jobs: int) -> httpx.AsyncClient:
    """A client that keeps connections. Raises `InputError` for settings that cannot be used."""
    # The number of connections is bounded by the fetcher: a bound here as well could make a
    # task that holds a stream wait for itself.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=jobs)
    verify = ssl_context()
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
            "the proxy settings in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used: they must be "
            "http or https URLs (for socks5 install httpx[socks])"
        ) from None


async def _set_aside(response: httpx.Response) -> None:
    # httpx builds the next request even when told not to follow, and fails at odd ones in odd ways.
    if "location" in response.headers:
        response.extensions[SET_ASIDE] = response.headers.pop("location")


def ssl_context() -> ssl.SSLContext:
    """The certificates that the environment names, else those of the system and of certifi."""
    for variable in CA_VARIABLES:
        if path := os.environ.get(variable):
            try:
                if Path(path).is_dir():
                    return ssl.create_default_context(capath=path)
                return ssl.create_default_context(cafile=path)
            except OSError as error:
                raise InputError(f"{variable} names certificates that cannot be read: {path} ({error})") from error
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    # certifi does not know a company's own authority, the system may.
    context.load_default_certs()
    return context
