"""``micropip-lock diff``: for people, as JSON, and as Markdown for a pull request."""

from __future__ import annotations

import click

from ..operations.diff import diff
from .console import print_json, print_text
from .diff_text import lines
from .main import DONE, NO, Common, command
from .options import LOCK_HELP, find_lock
from .printed import paper


@click.command("diff", epilog=LOCK_HELP)
@click.argument("old")
@click.argument("new")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a comment on a pull request.")
@command
def diff_command(*, common: Common, old: str, new: str, markdown: bool) -> int:
    """Say what differs between two locks.

    Exit status 0: nothing; 1: something.
    """
    if markdown and common.json:
        raise click.UsageError("--markdown and --json exclude each other.")
    if old == new == "-":
        raise click.UsageError("Only one of the two can be stdin.")
    found = diff(find_lock(old, common), find_lock(new, common))
    sheet = paper(common)
    if common.json:
        print_json(found.to_json())
    elif markdown:
        from .diff_markdown import to_markdown

        print_text(to_markdown(found))
    elif not common.quiet:
        for line in lines(found, sheet.width):
            sheet.print(line)
    return DONE if found.equal else NO
