"""The matrix as a table, in docs/faults.md and after a test run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..support.runtimes import PROJECT
from .inside import INSIDE_FAULTS, PLACES
from .matrix import DONE, FAULTS, NOTHING, RETRIED
from .operations import OPERATIONS

PAGE = PROJECT / "docs" / "faults.md"

#: (fault, operation or place) -> what becomes of it, in short.
Cells = Mapping[tuple[str, str], str]


def short(outcome: str) -> str:
    """An outcome without the codes of problems and the kinds of URL: they are told by the fault."""
    words = [re.sub(r"^\w+: ", "", part) for part in outcome.split("; ")]
    return " / ".join(
        dict.fromkeys(re.sub(r"(?<=\d) [a-z-]+(, [a-z-]+)*$", "", word) for word in words)
    )


def tables(cells: Cells) -> list[str]:
    """The tables in Markdown: on the host, and in Pyodide."""
    host = _table("fault", [it.name for it in FAULTS], [it.name for it in OPERATIONS], cells)
    inside = _table("in Pyodide", [it.name for it in INSIDE_FAULTS], PLACES, cells)
    return [host, inside]


def _table(title: str, faults: Sequence[str], columns: Sequence[str], cells: Cells) -> str:
    rows = [
        [title, *columns],
        *([fault, *(cells.get((fault, it), "?") for it in columns)] for fault in faults),
    ]
    widths = [max(len(row[number]) for row in rows) for number in range(len(columns) + 1)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return (
        "\n".join(
            [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
        )
        + "\n"
    )


def documented() -> dict[tuple[str, str], str]:
    """The cells of the page."""
    found = {}
    for table in re.findall(r"(?:^\|.*\n)+", PAGE.read_text(), re.MULTILINE):
        head, _, *rows = [
            [cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()
        ]
        found |= {
            (row[0], column): cell
            for row in rows
            for column, cell in zip(head[1:], row[1:], strict=True)
        }
    return found


def write(cells: Cells) -> None:
    """Put the tables into the page, in the place of the ones that it has."""
    new = iter(tables(cells))
    PAGE.write_text(
        re.sub(
            r"^\| (?:fault|in Pyodide) (?:.*\n)(?:\|.*\n)+",
            lambda _: next(new),
            PAGE.read_text(),
            flags=re.M,
        )
    )


def summary(cells: Cells) -> str:
    """How many cells there are, and what became of them."""
    words = [set(cell.split(" / ")) for cell in cells.values() if cell != NOTHING]
    done = sum(cell <= {DONE, RETRIED} for cell in words)
    ended = sum(cell <= {"-9", "130"} for cell in words)
    return (
        f"{len(words)} cells: {done} done after all, {len(words) - done - ended} told, {ended} "
        "ended from outside."
    )
