"""``micropip-lock verify``."""

from __future__ import annotations

from pathlib import Path

import click

from .. import environment
from ..errors import UNANSWERED as UNANSWERED_CODES
from ..operations.session import SessionOptions
from ..operations.verify.run import ADVICE, Verdict, examine
from .console import print_json
from .main import DONE, NO, UNANSWERED, Common, command, warnings_to_json
from .options import FOLDER, LOCK_HELP, find_lock


@click.command("verify", epilog=LOCK_HELP)
@click.argument("lock")
@click.option("--deep", is_flag=True, help="Download every wheel, and compare all that is in it.")
@click.option("--venv", type=FOLDER, help="A virtual environment to compare with the lock.")
@click.option(
    "--path",
    "paths",
    type=FOLDER,
    multiple=True,
    help="A site-packages folder to compare; may be repeated.",
)
@click.option(
    "--index-url", "index_urls", metavar="URL", multiple=True, help="An index; may be repeated."
)
@command
def verify_command(
    *,
    common: Common,
    lock: str,
    deep: bool,
    venv: Path | None,
    paths: tuple[Path, ...],
    index_urls: tuple[str, ...],
) -> int:
    """Say everything that is wrong with a lock: in itself, with what it names, with what is
    installed.

    Exit status 0: it is true (there may be advice); 1: it is not; 3: that could not be found out.
    """
    if venv is not None and paths:
        raise click.UsageError("--venv and --path exclude each other.")
    if deep and common.offline:
        raise click.UsageError("--deep downloads every wheel, so it excludes --offline.")
    source = find_lock(lock, common)
    human = common.output()
    with human.progress("checking") as progress, common.facts() as facts:
        verdict = common.run(
            lambda fetcher: examine(
                source,
                SessionOptions(
                    offline=common.offline,
                    refresh=common.refresh,
                    fetcher=fetcher,
                    facts=facts,
                    progress=progress,
                ),
                deep=deep,
                path=paths or None,
                index_urls=index_urls or None,
                surroundings=None if venv is None else environment.detect(venv),
            )
        )
    if common.json:
        totals = {
            "packages": verdict.packages,
            "requests": verdict.requests,
            "bytes": verdict.bytes,
        }
        document = {"problems": warnings_to_json(verdict.problems), "totals": totals}
        print_json(document)
    else:
        human.verdict(verdict, ADVICE)
    return _status(verdict)


def _status(verdict: Verdict) -> int:
    codes = {problem.code for problem in verdict.problems} - ADVICE
    if not codes:
        return DONE
    return UNANSWERED if codes <= UNANSWERED_CODES else NO
