"""URLs as messages, logs and evidence show them: without anything that may be a secret."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

from .parts import IGNORED_AROUND, IGNORED_WITHIN

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
    text = url.strip(IGNORED_AROUND)
    if len(text) > _LONGEST:
        return "..."
    if "@" in text or _is_odd(text):
        text = text.translate(IGNORED_WITHIN)
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
    found = min(
        (position for mark in marks if (position := text.find(mark)) >= 0), default=len(text)
    )
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


def shown_filename(url: str) -> str:
    """The last segment of a URL or path, of what `shown` leaves of it."""
    return shown(url).rpartition("/")[2]
