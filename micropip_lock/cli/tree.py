"""``micropip-lock tree``: which package needs which, and what could be spared."""

from __future__ import annotations

from pathlib import Path

import click

from .._util.files import write_output
from .._util.progress import count
from .._util.url import is_http
from ..operations.tree.run import Tree, tree
from .console import Output, print_json, print_text
from .main import DONE, UNANSWERED, Common, command
from .options import FOLDER, LOCK_HELP, check_folder, lock_input
from .printed import paper
from .tree_text import ASCII_GUIDES, GUIDES, lines


@click.command("tree", epilog=LOCK_HELP)
@click.argument("lock")
@click.option("--invert", metavar="NAME", help="Show who needs this package instead.")
@click.option("--svg", metavar="FILE|-", help="Draw it instead, as a picture.")
@click.option(
    "--sizes", is_flag=True, help="Ask servers for the sizes of files that are not at hand."
)
@click.option(
    "--base-dir", type=FOLDER, help="A local Pyodide distribution that holds wheels of the base."
)
@command
def tree_command(
    *,
    common: Common,
    lock: str,
    invert: str | None,
    svg: str | None,
    sizes: bool,
    base_dir: Path | None,
) -> int:
    """Show who needs whom in a lock, and what removing a package would save.

    Exit status 3: with --sizes, a server did not answer.
    """
    if svg == "-" and common.json:
        raise click.UsageError("--svg - and --json exclude each other.")
    check_folder(svg)
    source = lock_input(lock)
    human = common.output()
    with human.progress("asking") as progress:
        found = common.run(
            lambda fetcher: tree(
                source,
                sizes=sizes,
                base_dir=base_dir,
                fetcher=fetcher,
                cache_dir=common.cache,
                progress=progress,
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
            write_output(Path(svg), picture.encode())
    if common.json:
        print_json(found.to_json(name))
    elif svg is None and not common.quiet:
        guides = GUIDES if sheet.encoding.lower().startswith("utf") else ASCII_GUIDES
        for line in lines(found, name, guides):
            sheet.print(line)
    if not common.json:
        _print_tree(found, human, sizes)
    return UNANSWERED if found.problems else DONE


def _print_tree(found: Tree, human: Output, asked: bool) -> None:
    """Print the warnings: cycles, and sizes that are not known."""
    for members in found.cycles:
        who = (
            f"{members[0]} needs itself"
            if len(members) == 1
            else f"{', '.join(members)} need each other"
        )
        human.say(f"{who}: no runtime can load them. Freeze again: circles are broken there.")
    human.warnings(found.problems)
    unknown = [entry for name, entry in found.packages.items() if name not in found.sizes]
    if unknown and not asked and any(is_http(entry.file_name) for entry in unknown):
        human.say(
            f"The sizes of {count(len(unknown), 'package')} are not known: --sizes asks the "
            "servers that have them."
        )
