"""What people read as the result of a command, rather than what it has to say on the way."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from .._util.text import showable
from .main import Common

#: No real name or version is longer.
_LONGEST = 200


def paper(common: Common) -> Console:
    """A console on stdout, with the colours of ``--color``, in the encoding that stdout has."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    terminal = {"auto": None, "always": True, "never": False}[common.color]
    return Console(
        force_terminal=terminal, no_color=common.color == "never", highlight=False, soft_wrap=True
    )


def plain(text: str, *, longest: int = _LONGEST) -> str:
    """A name or a version in one line, without control characters for the terminal.

    Locks can hold any text there.
    """
    return showable(text, longest=longest)


def wrapped(items: Iterable[Text], width: int, indent: str) -> Iterator[Text]:
    """Items with commas between them, in lines of ``width``; no item is broken."""
    line = Text(indent)
    rest = list(items)
    for number, item in enumerate(rest):
        part = Text.assemble(item, "," if number < len(rest) - 1 else "")
        if line.cell_len > len(indent) and line.cell_len + 1 + part.cell_len > width:
            yield line
            line = Text(indent)
        line.append_text(Text(" ") if line.cell_len > len(indent) else Text("")).append_text(part)
    yield line
