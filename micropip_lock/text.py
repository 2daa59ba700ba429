"""Text of locks, packages and servers, made fit to be shown."""

from __future__ import annotations


def showable(text: str, *, longest: int | None = None) -> str:
    """The text in one line, with "?" for every character that could start another line or steer a terminal.

    Such are line ends (U+2028 and the like, too), control characters, bidirectional marks (Unicode Technical Report 36,
    2.9) and lone surrogates, which no encoding has. ``longest``: characters after which it is cut.
    """
    cut = text if longest is None else text[:longest]
    shown = cut if cut.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in cut)
    return shown if len(cut) == len(text) else f"{shown}..."
