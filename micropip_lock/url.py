"""What a URL may show, where it belongs, and whether others can use it.

Strings in, strings out: nothing here touches the network, and nothing raises, whatever it is given.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

__all__ = ["is_http", "is_portable", "origin", "shown", "without_credentials"]

_DEFAULT_PORTS = {"http": 80, "https": 443}

#: Names that only mean something on one machine or in one network (RFC 6761, RFC 6762, RFC 8375, ICANN's .internal).
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa")


class _Parts(NamedTuple):
    """``scheme`` ends in "://" (or "//", or is empty); ``query`` and ``fragment`` keep their mark."""

    scheme: str
    userinfo: str
    authority: str
    path: str
    query: str
    fragment: str


def _split(url: str) -> _Parts:
    # Not urlsplit: that one raises on a bad port or bracket, and an error message must never do so.
    rest, hash_mark, fragment = url.partition("#")
    rest, question_mark, query = rest.partition("?")
    scheme, authority, path = "", "", rest
    if match := re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|//", rest):
        scheme = match[0]
        authority, slash, path = rest[match.end() :].partition("/")
        path = slash + path
    userinfo, _, authority = authority.rpartition("@")
    return _Parts(scheme, userinfo, authority, path, question_mark + query, hash_mark + fragment)


def shown(url: str) -> str:
    """The URL as it may stand in messages, logs and evidence: without userinfo, query and fragment.

    Takes anything that was meant to be a URL. What does not look like one is cut rather than shown
    when it could hold a password.
    """
    if url[:5].lower() == "data:":
        return "data:..."
    parts = _split(url)
    authority, path = parts.authority, parts.path
    if re.search(r":(?!\d*$)", re.sub(r"^\[.*\]", "", authority)) or (authority.endswith(":") and "@" in path):
        # "user:pa/ss@host": no port is spelt like this, so it is a password that was not quoted.
        authority, path = "...", ""
    elif not parts.scheme and ":" in path.partition("/")[0].rpartition("@")[0]:
        path = path[path.index("@") + 1 :]
    text = f"{parts.scheme}{authority}{path}"
    return "".join(character if character.isprintable() else "?" for character in text)


def without_credentials(url: str) -> str:
    """The URL without userinfo and fragment; the query stays, because a server may need it."""
    parts = _split(url)
    return f"{parts.scheme}{parts.authority}{parts.path}{parts.query}"


@lru_cache(maxsize=1024)  # of one URL it is asked several times
def origin(url: str) -> str | None:
    """``scheme://host[:port]`` in the normal form that browsers use; None without a scheme or host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not parts.scheme or not host:
        return None
    host = f"[{host}]" if ":" in host else host
    suffix = "" if port is None or port == _DEFAULT_PORTS.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def is_http(url: str) -> bool:
    """Whether this is an absolute http or https URL, of the same host with credentials and without."""
    own = origin(url)
    if own is None or not own.startswith(("http://", "https://")):
        return False
    return "@" not in url or origin(without_credentials(url)) == own


def is_portable(url: str, page_origin: str | None = None) -> bool:
    """Whether somebody elsewhere can use this URL.

    False for relative and non-http(s) URLs, for hosts that only one machine or network knows
    (loopback, private, link-local, ``localhost``, ``*.local``, names without a dot), and for the
    origin of the page that runs us.
    """
    own = origin(url)
    if own is None or not is_http(url) or (page_origin is not None and own == origin(page_origin)):
        return False
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _is_public_name(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_global and not address.is_multicast


def _is_public_name(host: str) -> bool:
    _, dot, last = host.rpartition(".")
    # "127.1" and "0x7f.1" are addresses to a browser, though not to `ipaddress` (URL standard, "ends in a number").
    numeric = re.fullmatch(r"\d+|0x[0-9a-f]*", last) is not None
    return bool(dot) and not numeric and not host.endswith(_LOCAL_SUFFIXES)
