"""What a private cache may do with an answer: keep it (RFC 9111, 3), use it again (4.2)."""

from __future__ import annotations

from collections.abc import Mapping

#: The statuses of answers that may be kept without a word about that (RFC 9110, 15.1), such as
#: permanent redirects, but not temporary ones.
_CACHEABLE = frozenset({200, 301, 308, 404, 410})
#: The directives that allow a private cache to keep an answer of any status.
_PERMITTING = frozenset({"max-age", "private", "public"})


def may_be_stored(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer with this status and these headers may be kept."""
    said = _directives(headers)
    if "no-store" in said:
        return False
    if "expires" in headers or not said.keys().isdisjoint(_PERMITTING):
        return True
    return status in _CACHEABLE


def fresh_until(headers: Mapping[str, str], asked: float) -> float | None:
    """When an answer with these headers stops being fresh, in seconds since the epoch; None: it
    never is.

    ``asked`` is when the request was sent: its Date and its Age say how old the answer was then.
    ``s-maxage`` is for shared caches, and freshness is never guessed.
    """
    said = _directives(headers)
    if said.keys() & {"no-cache", "no-store"} or headers.get("vary", "").strip() == "*":
        return None
    date = _moment(headers, "date")
    # A clock that is ahead of ours must not make an answer younger than it is.
    made = min(asked if date is None else date, asked - (_seconds(headers.get("age")) or 0.0))
    if "max-age" in said:
        lifetime = _seconds(said["max-age"])
        return None if lifetime is None else made + lifetime
    expires = _moment(headers, "expires")
    return None if expires is None or date is None else made + (expires - date)


def _directives(headers: Mapping[str, str]) -> dict[str, str]:
    """The directives of Cache-Control, with lower-case names."""
    said = {}
    for item in headers.get("cache-control", "").split(","):
        name, _, value = item.partition("=")
        said[name.strip().lower()] = value.strip(' "')
    return said


def _seconds(text: str | None) -> float | None:
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 16):
        return None
    return float(text)


def _moment(headers: Mapping[str, str], name: str) -> float | None:
    # Slow to import, and what makes requests has imported it.
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(headers[name]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
