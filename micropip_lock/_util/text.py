"""Text of locks, packages and servers, made fit to be shown."""

from __future__ import annotations

from collections.abc import Sequence

#: How many of many names a sentence holds.
_MOST_NAMES = 3


def clause(text: object) -> str:
    """A text or an error without its final full stop, for a sentence that goes on."""
    return str(text).rstrip(".")


def sentence(text: object) -> str:
    """A text or an error with one final full stop, however many it has."""
    return f"{clause(text)}."


def showable(text: str, *, longest: int | None = None) -> str:
    """The text in one line, with "?" for every character that could start another line or steer a
    terminal.

    Such are line ends (U+2028 and the like, too), control characters, bidirectional marks (Unicode
    Technical Report 36, 2.9) and lone surrogates, which no encoding has. ``longest``: characters
    after which it is cut.
    """
    cut = text if longest is None else text[:longest]
    shown = cut
    if not cut.isprintable():
        shown = "".join(letter if letter.isprintable() else "?" for letter in cut)
    return shown if len(cut) == len(text) else f"{shown}..."


def first_few(names: Sequence[str]) -> str:
    """Some names as a sentence has them: three, and how many more."""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
