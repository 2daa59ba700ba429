"""``micropip-lock sync``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from .. import environment
from .._util.progress import count
from ..operations.sync.plan import Plan
from ..operations.sync.run import sync
from .console import Output, print_json
from .main import DONE, Common, command
from .options import FOLDER, LOCK_HELP, lock_input


@click.command("sync", epilog=LOCK_HELP)
@click.argument("lock")
@click.option(
    "--venv", type=FOLDER, help="The virtual environment; default: the active or the nearest one."
)
@click.option("--path", type=FOLDER, help="A site-packages folder instead.")
@click.option(
    "--base-dir", type=FOLDER, help="A local Pyodide distribution that holds wheels of the base."
)
@click.option("--no-prune", is_flag=True, help="Keep what is not in the lock.")
@click.option("--dry-run", is_flag=True, help="Print what would be done, and change nothing.")
@partial(
    command, interrupted="each package is wholly the old or the new one: run sync again to go on"
)
def sync_command(
    *,
    common: Common,
    lock: str,
    venv: Path | None,
    path: Path | None,
    base_dir: Path | None,
    no_prune: bool,
    dry_run: bool,
) -> int:
    """Make a virtual environment exactly what LOCK says."""
    if venv is not None and path is not None:
        raise click.UsageError("--venv and --path exclude each other.")
    source = lock_input(lock)
    human = common.output()
    with human.transfers() as transfers, common.facts() as facts:
        plan = common.run(
            lambda fetcher: sync(
                source,
                path=path,
                prune=not no_prune,
                dry_run=dry_run,
                base_dir=base_dir,
                fetcher=fetcher,
                facts=facts,
                cache_dir=common.cache,
                progress=transfers,
                surroundings=None if path is not None else environment.detect(venv),
            )
        )
    if common.json:
        print_json(_document(plan))
    else:
        _print_plan(plan, human, dry_run)
    return DONE


def _document(plan: Plan) -> dict[str, object]:
    return {
        "plan": [step.to_json() for step in plan.steps],
        "undone": ", ".join(plan.undone) or None,
        "totals": {
            "packages": sum(step.new is not None for step in plan.steps),
            "requests": plan.requests,
            "bytes": plan.bytes,
        },
    }


def _print_plan(plan: Plan, human: Output, dry_run: bool) -> None:
    if plan.undone:
        names = ", ".join(plan.undone)
        verb = "would be undone" if dry_run else "was undone"
        human.say(f"An earlier sync was interrupted while it changed {names}: that {verb} first.")
    for step in plan.changes:
        human.say(str(step))
    changed = count(len(plan.changes), "change")
    if not plan.changes:
        human.say("The environment is what the lock says.")
    else:
        human.say(f"{changed} would be made." if dry_run else f"{changed} made.")
