"""``micropip-lock outdated``."""

from __future__ import annotations

from collections.abc import Iterator

import click
from rich.table import Table
from rich.text import Text

from .._util.progress import cost, count
from ..operations.outdated import News, Outdated, outdated
from .console import print_json
from .main import DONE, UNANSWERED, Common, command
from .options import LOCK_HELP, lock_input
from .printed import paper, plain


@click.command("outdated", epilog=LOCK_HELP)
@click.argument("lock")
@click.option(
    "--index-url", "index_urls", metavar="URL", multiple=True, help="An index; may be repeated."
)
@click.option("--pre", is_flag=True, help="Count pre-releases, too.")
@command
def outdated_command(*, common: Common, lock: str, index_urls: tuple[str, ...], pre: bool) -> int:
    """Say which packages of a lock have newer versions with a wheel for its Pyodide.

    What was yanked, archived or put under quarantine comes first. Exit status 0: it was found out,
    of any kind; 3: an index did not answer for some package.
    """
    source = lock_input(lock)
    human = common.output()
    with human.progress("asking") as progress, common.facts() as facts:
        found = common.run(
            lambda fetcher: outdated(
                source,
                index_urls=index_urls or None,
                pre=pre,
                refresh=common.refresh,
                fetcher=fetcher,
                facts=facts,
                progress=progress,
            )
        )
    if common.json:
        print_json(found.to_json())
    else:
        if not common.quiet and found.news:
            paper(common).print(table(found), soft_wrap=True)
        for problem in found.problems:
            human.warnings([problem])
        human.say(_summary(found))
    return UNANSWERED if found.problems else DONE


def table(found: Outdated) -> Table:
    """One row for each package that is not up to date, or was withdrawn."""
    sheet = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("package", "locked", "newer", "newest", ""):
        sheet.add_column(column, no_wrap=True)
    for news in found.news:
        newer = Text(
            plain(news.newer) if news.newer else "-", style="green" if news.newer else "dim"
        )
        newest = Text(
            plain(news.newest) if news.newest else "-",
            style="" if news.newest != news.newer else "dim",
        )
        notes = Text("; ").join(_notes(news))
        name = Text(plain(news.package), style="bold red" if news.withdrawn else "")
        sheet.add_row(name, Text(plain(news.version)), newer, newest, notes)
    return sheet


def _notes(news: News) -> Iterator[Text]:
    if news.yanked is not None:
        yield Text(f"YANKED{_because(news.yanked)}", style="bold red")
    if news.status != "active":
        yield Text(f"{plain(news.status).upper()}{_because(news.status_reason)}", style="bold red")
    if news.base:
        yield Text("Pyodide's own", style="cyan")
    if news.reason:
        yield Text(f"{plain(news.newest or '')}: {plain(news.reason)}", style="dim")


def _because(reason: str) -> str:
    return f" ({plain(reason)})" if reason else ""


def _summary(found: Outdated) -> str:
    newer = sum(item.newer is not None for item in found.news)
    withdrawn = sum(item.withdrawn for item in found.news)
    parts = [f"{newer} can be newer"]
    if withdrawn:
        parts.append(f"{withdrawn} withdrawn")
    if found.unlisted:
        parts.append(f"{len(found.unlisted)} on no index")
    if found.unasked:
        parts.append(f"{len(found.unasked)} of Pyodide alone")
    if found.problems:
        parts.append(f"{len(found.problems)} unknown")
    return (
        f"{count(found.packages, 'package')} looked at: {cost(found.requests, found.bytes)}. "
        f"{', '.join(parts)}."
    )
