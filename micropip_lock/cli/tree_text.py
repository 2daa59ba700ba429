"""A tree of a lock as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from .._util.progress import count, size
from ..operations.tree.run import Row, Total, Tree
from .printed import plain

#: How many of the packages that cost most are named at the end.
_MOST = 5
_MARKS = {
    "again": " (above)",
    "cycle": " (a circle)",
    "missing": " (not in the lock)",
    "deep": " (and deeper)",
}


#: Drawn below an item with a next sibling, and below one without; and before them.
Guides = tuple[str, str, str, str]
GUIDES: Guides = ("│   ", "    ", "├── ", "└── ")
ASCII_GUIDES: Guides = ("|   ", "    ", "|-- ", "`-- ")


def lines(found: Tree, invert: str | None, guides: Guides = GUIDES) -> Iterator[Text]:
    """The tree, for people."""
    straight, nothing, branch, last = guides
    for row in found.rows(invert):
        text = Text("".join(nothing if item else straight for item in row.lasts[:-1]), style="dim")
        if row.lasts:
            text.append(last if row.lasts[-1] else branch)
        yield Text.assemble(text, *_label(found, row, invert))
    yield Text(totals(found, invert) + ("" if invert is not None else _costs(found)), style="bold")


def _label(found: Tree, row: Row, invert: str | None) -> Iterator[tuple[str, str]]:
    entry = found.packages.get(row.package)
    style = "" if row.lasts else "bold"
    if row.mark in ("cycle", "missing"):
        style = "red"
    yield plain(row.package), style
    if entry is not None:
        yield f" {plain(entry.version)}", ""
    if row.package in found.requested and not invert:
        yield " (requested)", "green"
    yield _MARKS.get(row.mark, ""), style or "dim"
    if row.mark == "":
        noted = ", ".join(notes(found, row, invert))
        yield noted and f"  {noted}", "cyan"


def notes(found: Tree, row: Row, invert: str | None) -> Iterator[str]:
    """The notes on a package where it is drawn first: its size, and its dependants."""
    own = found.sizes.get(row.package)
    if own is not None:
        yield size(own)
    dependants = found.dependants.get(row.package, ())
    if row.lasts and invert is None and len(dependants) > 1:
        yield f"needed by {len(dependants)}"
    if row.lasts or invert is not None:
        return
    below, spared = found.total(found.closure(row.package)), found.spared(row.package)
    if below.packages == 1:
        return
    if below.unknown < below.packages:
        yield f"with all it needs {bytes_of(below)}"
    if spared.unknown < spared.packages:
        yield f"removing it saves {bytes_of(spared)}"
    elif spared.packages > 1:
        yield f"{count(spared.packages - 1, 'package')} only for it"


def bytes_of(total: Total) -> str:
    """The bytes of some packages, as far as they are known."""
    return f"at least {size(total.bytes)}" if total.unknown else size(total.bytes)


def totals(found: Tree, invert: str | None) -> str:
    """How much there is in all."""
    if invert is not None:
        others = len(found.closure(invert, invert=True)) - 1
        return f"{count(others, 'package')} {'needs' if others == 1 else 'need'} {plain(invert)}."
    total = found.total()
    size = f", {bytes_of(total)}" if total.unknown < total.packages else ""
    return f"{count(total.packages, 'package')}{size}."


def _costs(found: Tree) -> str:
    """What costs most, where that is a question."""
    costs = {name: found.spared(name).bytes for name in found.roots}
    most = sorted((name for name in costs if costs[name]), key=lambda name: (-costs[name], name))[
        :_MOST
    ]
    named = ", ".join(f"{plain(name)} ({size(costs[name])})" for name in most)
    return f" Removing saves most: {named}." if len(costs) > 1 and most else ""
