"""``micropip-lock retarget``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import click
from rich.text import Text

from .._util.progress import count
from ..operations.diff import KINDS
from ..operations.retarget.run import RetargetResult, retarget
from .console import print_json, print_text
from .diff_text import line, lines, totals
from .main import DONE, Common, command
from .options import LOCK_HELP, base_options, check_folder, document, lock_input, output_options
from .printed import plain


@click.command("retarget", epilog=LOCK_HELP)
@click.argument("lock")
@base_options
@click.option(
    "--requested",
    metavar="REQ",
    multiple=True,
    help="What was asked for, instead of what the lock says.",
)
@output_options
@command
def retarget_command(
    *,
    common: Common,
    lock: str,
    index_urls: tuple[str, ...],
    compact: bool,
    output: str | None,
    **arguments: Any,
) -> int:
    """Lock the same requirements for another Pyodide (--base), and say what changed and why.

    Files that fit there stay, and so do versions that have a wheel there; what else has to move is
    told.
    """
    check_folder(output)
    result = common.call(
        "moving", retarget, lock_input(lock), index_urls=index_urls or None, **arguments
    )
    human = common.output()
    if not common.json and not common.quiet:
        human.show(*report(result, human.width))
        human.warnings(result.warnings)
        human.say(result.summary)
    _write(result, common, output, compact=compact)
    return DONE


def report(result: RetargetResult, width: int) -> Iterator[Text]:
    """What changed, each with its reason; ``width``: columns of the terminal."""
    found = result.changes
    mapped = result.mapped
    named = {change.package for change in mapped}
    changes = [change for kind in KINDS for change in found.of(kind)]
    rest = [change for change in changes if change.package not in named]
    # Of Pyodide's own packages only those are named that came or went, as `diff` does: many in one
    # paragraph.
    moved = tuple(change for change in mapped if change.old is None or change.new is None)
    if found.base or found.other or moved:
        *head, _ = lines(replace(found, changes=moved), width)
        yield from head
    if len(mapped) > len(moved):
        number = count(len(mapped) - len(moved), "package")
        yield Text(
            f"{number} of Pyodide's own: now the new Pyodide's; micropip-lock diff tells each",
            style="cyan",
        )
    longest = min(max((len(change.package) for change in rest), default=0), 30)
    for change in rest:
        text = line(change, longest)
        text.append(f"  {plain(result.reason(change.package), longest=1000)}", style="cyan")
        yield text
    if result.origin:
        yield Text(result.origin)
    yield Text("Nothing changes." if found.equal else totals(found), style="bold")


def _write(result: RetargetResult, common: Common, output: str | None, *, compact: bool) -> None:
    if output not in (None, "-"):
        result.write(str(output), compact=compact)
    if common.json:
        whole = {
            "lockfile": result.lockfile.to_dict(),
            "requested": list(result.requested),
            "guessed": list(result.guessed),
            "changes": _changes(result),
            **document(result),
        }
        print_json(whole)
    elif output in (None, "-"):
        print_text(result.to_json(compact=compact))


def _changes(result: RetargetResult) -> dict[str, Any]:
    """What differs, as `diff` has it, and a reason beside each package."""
    found = result.changes.to_json()
    packages: Sequence[dict[str, Any]] = found["packages"]
    return {
        **found,
        "packages": [{**item, "reason": result.reason(item["package"])} for item in packages],
    }
