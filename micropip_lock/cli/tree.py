"""``micropip-lock tree``: who needs whom, and what could be spared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from rich.text import Text

from .._util.progress import count, size
from .._util.url import is_http
from ..formats.lockfile import write_atomically
from ..operations.tree.run import Row, Total, Tree, tree
from .console import Output, print_json, print_text
from .main import DONE, UNANSWERED, Common, command
from .options import FOLDER, check_folder
from .printed import paper, plain

#: How many of the packages that cost most are named at the end.
_MOST = 5
_MARKS = {"again": " (above)", "cycle": " (a circle)", "missing": " (not in the lock)", "deep": " (and deeper)"}


@click.command("tree")
@click.argument("lock", type=click.Path(path_type=Path))
@click.option("--invert", metavar="NAME", help="Show who needs this package instead.")
@click.option("--svg", metavar="FILE|-", help="Draw it instead, as a picture.")
@click.option("--sizes", is_flag=True, help="Ask servers for the sizes of files that are not at hand.")
@click.option("--base-dir", type=FOLDER, help="A local Pyodide distribution that holds wheels of the base.")
@command
def tree_command(
    *, common: Common, lock: Path, invert: str | None, svg: str | None, sizes: bool, base_dir: Path | None
) -> int:
    """Show who needs whom in a lock, and what removing a package would save.

    Exit status 3: with --sizes, a server did not answer.
    """
    if svg == "-" and common.json:
        raise click.UsageError("--svg - and --json exclude each other.")
    check_folder(svg)
    human = common.output()
    with human.progress("asking") as progress:
        found = common.run(
            lambda fetcher: tree(
                lock, sizes=sizes, base_dir=base_dir, fetcher=fetcher, cache_dir=common.cache, progress=progress
            )
        )
    name = None if invert is None else found.find(invert)
    sheet = paper(common)
    if svg is not None:
        from .tree_svg import draw

        picture = draw(found, name)
        if svg == "-":
            print_text(picture)
        else:
            write_atomically(Path(svg), picture.encode())
    if common.json:
        print_json(found.to_json(name))
    elif svg is None and not common.quiet:
        guides = _GUIDES if sheet.encoding.lower().startswith("utf") else _ASCII_GUIDES
        for line in lines(found, name, guides):
            sheet.print(line)
    if not common.json:
        _tell(found, human, sizes)
    return UNANSWERED if found.problems else DONE


#: What is drawn below what has a next sibling, and below what has none; and before them.
_Guides = tuple[str, str, str, str]
_GUIDES: _Guides = ("│   ", "    ", "├── ", "└── ")
_ASCII_GUIDES: _Guides = ("|   ", "    ", "|-- ", "`-- ")


def lines(found: Tree, invert: str | None, guides: _Guides = _GUIDES) -> Iterator[Text]:
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
    style = "red" if row.mark in ("cycle", "missing") else "" if row.lasts else "bold"
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
    """What there is to say about a package where it is drawn first: its size, and what depends on it."""
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
    return f"{count(total.packages, 'package')}{f', {bytes_of(total)}' if total.unknown < total.packages else ''}."


def _costs(found: Tree) -> str:
    """What costs most, where that is a question."""
    costs = {name: found.spared(name).bytes for name in found.roots}
    most = sorted((name for name in costs if costs[name]), key=lambda name: (-costs[name], name))[:_MOST]
    named = ", ".join(f"{plain(name)} ({size(costs[name])})" for name in most)
    return f" Removing saves most: {named}." if len(costs) > 1 and most else ""


def _tell(found: Tree, human: Output, asked: bool) -> None:
    """Say what is not as it should be: circles, and sizes that are not known."""
    for members in found.cycles:
        who = f"{members[0]} needs itself" if len(members) == 1 else f"{', '.join(members)} need each other"
        human.say(f"{who}: no runtime can load them. Freeze again: circles are broken there.")
    human.warnings(found.problems)
    unknown = [entry for name, entry in found.packages.items() if name not in found.sizes]
    if unknown and not asked and any(is_http(entry.file_name) for entry in unknown):
        human.say(
            f"The sizes of {count(len(unknown), 'package')} are not known: --sizes asks the servers that have them."
        )
