"""What a URL may show, where it belongs, and whether others can use it.

Strings in, strings out: no function here uses the network, and none raises for any input.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

__all__ = [
    "is_http",
    "is_portable",
    "join",
    "normalized",
    "origin",
    "shown",
    "shown_within",
    "split",
    "without_credentials",
    "writable",
]

_DEFAULT_PORTS = {"http": 80, "https": 443}

#: Names that only mean something on one machine or in one network (RFC 6761, RFC 6762, RFC 8375,
#: ICANN's .internal).
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa")


class _Parts(NamedTuple):
    """``scheme`` ends in "://" (or "//", or is empty); ``query`` keeps its mark."""

    scheme: str
    userinfo: str
    authority: str
    path: str
    query: str


#: What `urlsplit` and browsers pass over: C0 controls and blanks around a URL, tabs and line ends
#: anywhere.
_AROUND = "".join(map(chr, range(0x21)))
_WITHIN = str.maketrans("", "", "\t\r\n")


def _split(url: str) -> _Parts:
    # Not urlsplit: that one raises on a bad port or bracket, and an error message must never do so.
    rest = url.translate(_WITHIN).strip(_AROUND).partition("#")[0]
    rest, question_mark, query = rest.partition("?")
    scheme, authority, path = "", "", rest
    if match := re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|//", rest):
        scheme = match[0]
        authority, slash, path = rest[match.end() :].partition("/")
        path = slash + path
    userinfo, _, authority = authority.rpartition("@")
    return _Parts(scheme, userinfo, authority, path, question_mark + query)


# -- what may be shown

#: Quotes and brackets that a user may have copied together with a URL.
_QUOTES = re.compile(r"""[\s'"`<(\[{]*""")
#: Browsers take any number of slashes, and backslashes for slashes.
_SCHEME = re.compile(
    r"(?:[a-z0-9.-]+\+)*(?:https?|ftps?|file|git|hg|svn|bzr|ssh|sftp):[/\\]+"
    r"|[a-z][a-z0-9+.-]*:[/\\]{2,}"
    r"|[/\\]{2,}",
    re.IGNORECASE,
)
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_PATH_START = ("/", "\\", "./", "../", ".\\", "..\\", "~")
_ADDRESS = re.compile(r"\[[0-9A-Fa-f:.]+\]")
_WRONG_PORT = re.compile(r":(?!\d*$)")
#: A URL with userinfo within a path.
_NESTED = re.compile(r"[^/\\:]{2}:[/\\]*[^/\\@]*@")
#: No user writes longer URLs, and the search for passwords in them takes time.
_LONGEST = 4096
#: How often a password is decoded at most: some users encode it more than once.
_MOST_CODINGS = 5


@lru_cache(maxsize=1024)  # of one URL it is asked several times
def shown(url: str) -> str:
    """The URL as it may stand in messages, logs and evidence: without userinfo, query and fragment.

    Takes anything that was meant to be a URL, however it is spelt: with blanks or quotes around it,
    with too few slashes or none, without scheme, percent-encoded as a whole. Where it is not clear
    what is a password, "..." stands for the rest.
    """
    text = url.strip(_AROUND)
    if len(text) > _LONGEST:
        return "..."
    if "@" in text or _is_odd(text):
        text = text.translate(_WITHIN)
    quotes = _QUOTES.match(text)
    start = quotes.end() if quotes else 0
    text = text[:start] + _shown(text[start:])
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "?" for character in text)


def _shown(text: str) -> str:
    if text[:5].lower() == "data:":
        return "data:..."
    match = _SCHEME.match(text)
    scheme = match[0] if match else ""
    if _is_path(scheme, text):
        return scheme + _shown_path(text[len(scheme) :])
    before, mark, after = _partition(text[len(scheme) :], "?#")
    authority, slash, path = before.partition("/")
    userinfo, _, host = authority.rpartition("@")
    decoded = _decoded(text) if _is_odd(host) else text
    if decoded != text and "@" in decoded:
        return _shown(decoded)
    behind = "@" in path or bool(mark and "@" in after)
    if behind and not _is_clear(scheme, userinfo, host, slash):
        return f"{scheme}..."
    if scheme and _WRONG_PORT.search(_ADDRESS.sub("", host)):
        # "user:pa/ss@host": no port is spelt like this, so it is a password that was not quoted.
        return f"{scheme}..."
    return scheme + host + _shown_path(slash + path)


def _is_path(scheme: str, text: str) -> bool:
    """Whether no host is named: a local path, or a file URL with any number of slashes but two."""
    if scheme[:5].lower() == "file:":
        return len(scheme) != len("file://")
    return not scheme and (text.startswith(_PATH_START) or bool(_DRIVE.match(text)))


def _shown_path(text: str) -> str:
    path = _partition(text, "?#")[0]
    found = _NESTED.search(path)
    if found is None and _is_odd(path):
        decoded = _decoded(path)
        found = _NESTED.search(decoded)
        path = decoded if found else path
    if found is None:
        return path
    segment = max(path.rfind(mark, 0, found.start()) for mark in "/\\") + 1
    return f"{path[:segment]}..."


def _is_clear(scheme: str, userinfo: str, host: str, slash: str) -> bool:
    """Whether an "@" behind the host is one of the path, as in "/pkg@1.0/", and ends no
    password.
    """
    name = _ADDRESS.sub("localhost", host, count=1)
    if not scheme:
        # A relative path, as far as it looks like nothing else.
        return ":" not in name and not userinfo
    name, _, port = name.partition(":")
    known = "." in name or name.lower() == "localhost"
    return (
        known and bool(slash) and (not port or port.isdecimal()) and (not userinfo or "+" in scheme)
    )


def _is_odd(text: str) -> bool:
    """Whether there are letters that may stand for "@" and the like; a host has none of them."""
    return "%" in text or not text.isascii()


def _decoded(text: str) -> str:
    for _ in range(_MOST_CODINGS):
        plain = unicodedata.normalize("NFKC", unquote(text))
        if plain == text:
            break
        text = plain
    return text


def _partition(text: str, marks: str) -> tuple[str, str, str]:
    """As str.partition, at the first of several marks."""
    found = min((place for mark in marks if (place := text.find(mark)) >= 0), default=len(text))
    return text[:found], text[found : found + 1], text[found + 1 :]


_WORD = re.compile(r"\S+")
_CODED = re.compile(r"%(?:25)*(?:3a|40)", re.IGNORECASE)
_URL_START = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]+:[/\\]")
_PUNCTUATION = ".,;:!?)]}'\"`>\u00bb"


#: The start of a URL whose password goes on behind a blank.
_CUT = re.compile(r":[/\\]+[^/\\@]*:(?!\d+$)[^/\\@]*$")
_REST = re.compile(r"(?:\s+[^\s@]*){1,3}@\S*")


def shown_within(text: str) -> str:
    """A text in which URLs may stand anywhere, with each of them as `shown` has it."""
    found: list[str] = []
    end = 0
    for match in _WORD.finditer(text):
        if match.start() < end:
            continue
        found.append(text[end : match.start()])
        end = match.end()
        word = match[0]
        if _CUT.search(word):
            rest = _REST.match(text, end)
            end = rest.end() if rest else end
            word = text[match.start() : end]
        found.append(_shown_word(word))
    return "".join([*found, text[end:]])


def _shown_word(word: str) -> str:
    if not _may_tell(word if word.isascii() else unicodedata.normalize("NFKC", word)):
        return word
    start = _URL_START.search(word)
    # "name@https://host": the name stays; "user:password@https://host" goes.
    first = start.start() if start and ":" not in word[: start.start()] else 0
    url = word[first:].rstrip(_PUNCTUATION)
    return word[:first] + shown(url) + word[first + len(url) :]


def _may_tell(word: str) -> bool:
    """Whether a word has a URL in it, a query, or user:password@host, in any coding of these
    marks.
    """
    has_query = "=" in word.partition("?")[2]
    has_password = "@" in word.partition(":")[2]
    return has_query or has_password or ":/" in word or ":\\" in word or bool(_CODED.search(word))


def without_credentials(url: str) -> str:
    """The URL without userinfo and fragment; the query stays, because a server may need it.

    Blanks around it, and tabs and line ends in it, go as well: `urlsplit` and browsers pass over
    them.
    """
    parts = _split(url)
    return f"{parts.scheme}{parts.authority}{parts.path}{parts.query}"


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


@lru_cache(maxsize=1024)  # of one URL it is asked several times
def origin(url: str) -> str | None:
    """``scheme://host[:port]`` in the normal form that browsers use.

    None without a scheme or host.
    """
    try:
        # Python up to 3.11 leaves a blank behind a host, which browsers pass over.
        parts = urlsplit(url.strip(_AROUND))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    # A browser decodes a host, and takes none that has marks like "@" then.
    if not parts.scheme or not host or ("%" in host and ":" not in host):
        return None
    host = f"[{host}]" if ":" in host else host
    suffix = "" if port is None or port == _DEFAULT_PORTS.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


@lru_cache(maxsize=1024)  # of one URL it is asked several times
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
