"""The parts of a URL: which there are, where it belongs, and whether others can use it."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}

#: Names that only mean something on one machine or in one network (RFC 6761, RFC 6762, RFC 8375,
#: ICANN's .internal).
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa")

#: What `urlsplit` and browsers pass over: C0 controls and blanks around a URL, tabs and line ends
#: anywhere.
IGNORED_AROUND = "".join(map(chr, range(0x21)))
IGNORED_WITHIN = str.maketrans("", "", "\t\r\n")


class _Parts(NamedTuple):
    """``scheme`` ends in "://" (or "//", or is empty); ``query`` keeps its mark."""

    scheme: str
    userinfo: str
    authority: str
    path: str
    query: str


def _split(url: str) -> _Parts:
    # Not urlsplit: that one raises on a bad port or bracket, and an error message must never do so.
    rest = url.translate(IGNORED_WITHIN).strip(IGNORED_AROUND).partition("#")[0]
    rest, question_mark, query = rest.partition("?")
    scheme, authority, path = "", "", rest
    if match := re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|//", rest):
        scheme = match[0]
        authority, slash, path = rest[match.end() :].partition("/")
        path = slash + path
    userinfo, _, authority = authority.rpartition("@")
    return _Parts(scheme, userinfo, authority, path, question_mark + query)


def before_query(url: str) -> str:
    """A URL or a relative name up to its query or fragment, as it is spelt, userinfo included.

    No function of `urllib.parse` does this for every text: they raise for a bad bracket.
    """
    return re.split("[?#]", url, maxsplit=1)[0]


def filename(url: str) -> str:
    """The last segment of the path of a URL or a relative name, decoded; not to be shown."""
    return unquote(before_query(url).rpartition("/")[2])


def without_credentials(url: str) -> str:
    """The URL without userinfo and fragment; the query stays, because a server may need it.

    Blanks around it, and tabs and line ends in it, go as well: `urlsplit` and browsers pass over
    them.
    """
    parts = _split(url)
    return f"{parts.scheme}{parts.authority}{parts.path}{parts.query}"


def without_query(url: str) -> str:
    """The URL without userinfo, query and fragment, as it is spelt; else as `without_credentials`
    does.
    """
    return before_query(without_credentials(url))


#: "user:password@" in a text that is no http URL, in any coding of these marks.
_USERINFO = re.compile(r"[^/\\:@?#]+(?::|%(?:25)*3a)[^/\\@?#]*(?:@|%(?:25)*40)", re.IGNORECASE)


def writable(file_name: str) -> str:
    """The file name of a lock's entry, a URL or relative, without userinfo; of a URL without
    fragment, too.

    A name that is no http URL loses user and password wherever they stand in it: what reads it may
    see a host there.
    """
    if is_http(file_name):
        return without_credentials(file_name)
    if file_name.startswith("//") or "://" in file_name:
        file_name = without_credentials(file_name)
    return _USERINFO.sub("", file_name)


@lru_cache(maxsize=1024)  # one URL is looked up several times
def origin(url: str) -> str | None:
    """``scheme://host[:port]`` in the normal form that browsers use.

    None without a scheme or host.
    """
    try:
        # Python up to 3.11 leaves a blank behind a host, which browsers pass over.
        parts = urlsplit(url.strip(IGNORED_AROUND))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    # A browser decodes a host, and takes none that has marks like "@" then.
    if not parts.scheme or not host or ("%" in host and ":" not in host):
        return None
    host = f"[{host}]" if ":" in host else host
    suffix = "" if port is None or port == _DEFAULT_PORTS.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def site(url: str) -> str:
    """``scheme://host[:port]`` without userinfo, the host as it is spelt; see `origin` for
    comparisons.
    """
    parts = _split(url)
    return f"{parts.scheme.lower()}{parts.authority}"


@lru_cache(maxsize=1024)  # one URL is looked up several times
def normalized(url: str) -> str:
    """The URL without userinfo and fragment, the same for all spellings of one URL (RFC 3986, 6.2.2
    and 6.2.3).
    """
    bare = without_credentials(url)
    parts = split(bare)
    own = origin(bare)
    if own is None:
        return bare
    path = _without_dot_segments(_PERCENT.sub(_plain_unreserved, parts.path or "/"))
    return f"{own}{path}?{parts.query}" if parts.query else f"{own}{path}"


def bare_url(url: str) -> str:
    """The URL without userinfo, query and fragment, `normalized`; for comparisons only."""
    return normalized(_CURRENT_FOLDER.sub("/", without_query(url)))


#: Segments that RFC 3986, 6.2.2.3 removes; piplite names files as ./name below its index.
_CURRENT_FOLDER = re.compile(r"/(\./)+")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


def _plain_unreserved(coded: re.Match[str]) -> str:
    """Decode unreserved characters, and write other codings in upper case (RFC 3986, 6.2.2.1-2)."""
    character = chr(int(coded[0][1:], 16))
    return character if _UNRESERVED.fullmatch(character) else coded[0].upper()


def _without_dot_segments(path: str) -> str:
    """RFC 3986, 5.2.4."""
    *folders, name = path.split("/")[1:]
    kept: list[str] = []
    for segment in folders:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/".join(["", *kept, name])


def is_http(url: str) -> bool:
    """Whether this is an absolute http or https URL, of the same host with credentials and
    without.
    """
    own = origin(url)
    if own is None or not own.startswith(("http://", "https://")):
        return False
    return "@" not in url or origin(without_credentials(url)) == own


def is_portable(url: str, page_origin: str | None = None) -> bool:
    """Whether another machine can use this URL.

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
    # "127.1" and "0x7f.1" are addresses to a browser, though not to `ipaddress` (URL standard,
    # "ends in a number").
    numeric = re.fullmatch(r"\d+|0x[0-9a-f]*", last) is not None
    return bool(dot) and not numeric and not host.endswith(_LOCAL_SUFFIXES)


def split(url: str) -> SplitResult:
    """`urlsplit`, which raises for a bad bracket; here such a text is all path."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", url, "", "")


def join(base: str, url: str) -> str:
    """`urljoin`, which raises for a bad bracket; here such a text is joined to nothing."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url
