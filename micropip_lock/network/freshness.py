"""How long an answer may be used again without asking (RFC 9111, 4.2)."""

from __future__ import annotations

from collections.abc import Mapping


def fresh_until(headers: Mapping[str, str], now: float) -> float | None:
    """When an answer with these headers stops being fresh, in seconds since the epoch; None: it
    never is.

    ``now`` is when it came, or was taken from a cache: its Date and its Age say how old it was
    then.
    """
    from email.utils import (
        parsedate_to_datetime,
    )  # slow to import, and code that makes requests has imported it

    said = {}
    for item in headers.get("cache-control", "").split(","):
        name, _, value = item.partition("=")
        said[name.strip().lower()] = value.strip(' "')
    if said.keys() & {"no-cache", "no-store"} or headers.get("vary", "").strip() == "*":
        return None

    def seconds(text: str | None) -> float | None:
        return (
            float(text)
            if text is not None and text.isascii() and text.isdigit() and len(text) < 16
            else None
        )

    def moment(name: str) -> float | None:
        try:
            return parsedate_to_datetime(headers[name]).timestamp()
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    date = moment("date")
    # A clock that is ahead of ours must not make an answer younger than it is.
    made = min(now if date is None else date, now - (seconds(headers.get("age")) or 0.0))
    if "max-age" in said:
        lifetime = seconds(said["max-age"])
        return None if lifetime is None else made + lifetime
    expires = moment("expires")
    return None if expires is None or date is None else made + (expires - date)
