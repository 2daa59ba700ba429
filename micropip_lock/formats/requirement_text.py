"""What messages show of requirements: no credentials, and not more than a line."""

from __future__ import annotations

import re

from .._util.url import shown, shown_within

_LONGEST_QUOTE = 120

#: The name of a requirement with a URL, up to the URL.
_NAMED = re.compile(r"\s*[\w.-]+\s*(\[[^\[\]]*\])?\s*@(\s+|(?=[A-Za-z][A-Za-z0-9+.-]*:[/\\]))")
_URL_LIKE = re.compile(r"@|:[/\\]|%40|%3a", re.IGNORECASE)


def quoted(text: str) -> str:
    """A requirement or URL as a message quotes it: without credentials, and cut if it is long."""
    text = _without_credentials(text)
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}...")


def option_name(word: str) -> str:
    """The name of an option, without what follows it.

    "--extra-index-urlhttps://..." is a typing error, and may hold a password.
    """
    return re.split("[^-A-Za-z]", word, maxsplit=1)[0][:_LONGEST_QUOTE]


def _without_credentials(text: str) -> str:
    """The text without credentials, whether it is a requirement, a URL or neither."""
    named = _NAMED.match(text)
    if named is not None:
        return named[0] + shown(text[named.end() :])
    return shown(text) if _URL_LIKE.search(text) else shown_within(text)
