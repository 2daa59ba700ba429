"""``micropip-lock check``: what does not go together, and how it came about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.text import Text

from .. import environment
from .._util.progress import cost, count
from ..operations.check.conflicts import Conflict, Step
from ..operations.check.run import Checked, check
from .console import print_json
from .main import DONE, NO, UNANSWERED, Common, command
from .options import FOLDER, LOCK_HELP, find_lock
from .printed import plain


@click.command("check", epilog=LOCK_HELP)
@click.argument("lock", required=False)
@click.option(
    "--venv", type=FOLDER, help="The virtual environment; default: the active or the nearest one."
)
@click.option(
    "--path", "paths", type=FOLDER, multiple=True, help="A site-packages folder; may be repeated."
)
@click.option("--base", metavar="FILE|URL|VERSION", help="The Pyodide that the environment is for.")
@command
def check_command(
    *,
    common: Common,
    lock: str | None,
    venv: Path | None,
    paths: tuple[Path, ...],
    base: str | None,
) -> int:
    """Say which requirements are not met, in a lock or in a virtual environment, and who asks for
    them.

    Exit status 0: all are met; 1: some are not; 3: that could not be found out.
    """
    if sum((lock is not None, venv is not None, bool(paths))) > 1:
        raise click.UsageError("LOCK, --venv and --path exclude each other.")
    if lock is not None and base is not None:
        raise click.UsageError("A lock says for which Pyodide it is: --base is for environments.")
    checked = common.call(
        "checking",
        check,
        None if lock is None else find_lock(lock, common),
        path=paths or None,
        base=base,
        offline=common.offline,
        cache_dir=common.cache,
        surroundings=environment.detect(venv) if lock is None and not paths else None,
    )
    human = common.output()
    if common.json:
        print_json(_document(checked))
    else:
        human.show(*lines(checked.conflicts))
        human.say(_summary(checked))
    if not checked.conflicts:
        return DONE
    return UNANSWERED if checked.unanswered else NO


def _document(checked: Checked) -> dict[str, object]:
    totals = {"packages": checked.packages, "unread": checked.unread}
    totals |= {"requests": checked.requests, "bytes": checked.bytes}
    return {"problems": [conflict.to_json() for conflict in checked.conflicts], "totals": totals}


def lines(conflicts: Sequence[Conflict]) -> Iterator[Text]:
    """Every conflict: the problem, its chain of requirements, and a hint."""
    for conflict in conflicts:
        problem = conflict.problem
        subject = f"{problem.package} {problem.version}" if problem.version else problem.package
        yield Text.assemble(
            (problem.code, "bold red"),
            "  ",
            (plain(subject), "bold"),
            "  ",
            plain(problem.message, longest=2000),
        )
        for sentence in _reasons(conflict):
            yield Text(f"    {sentence}")
        yield Text(f"    {plain(problem.hint, longest=2000)}", style="dim")


def _reasons(conflict: Conflict) -> Iterator[str]:
    """Why the package with the requirement is there, and why the package that it rejects is."""
    *above, last = conflict.asked or (None,)
    if last is not None and above:
        yield (
            f"{plain(last.package)} is there because {_sentence([step for step in above if step])}."
        )
    if conflict.present is None:
        return
    for chain in conflict.brought:
        yield f"{plain(conflict.present)} is there because {_sentence(chain)}."
    if not conflict.brought:
        yield f"{plain(conflict.present)} is needed by nothing that is content with it."


def _sentence(chain: Sequence[Step]) -> str:
    """«app 1.0 needs web, and web 7.1 needs template<3»."""
    parts = (f"{plain(step.package)} {plain(step.version or '')}".strip() for step in chain)
    return ", and ".join(
        f"{who} needs {plain(step.requirement)}" for who, step in zip(parts, chain, strict=True)
    )


def _summary(checked: Checked) -> str:
    """The numbers of examined packages and of problems."""
    paid = f": {cost(checked.requests, checked.bytes)}" if checked.requests else ""
    if checked.conflicts:
        found = count(len(checked.conflicts), "problem")
    else:
        found = "No conflict was found" if checked.unread else "All requirements are met"
    unread = (
        f" What {checked.unread} of them need{'s' * (checked.unread == 1)} is not known."
        if checked.unread
        else ""
    )
    return f"{count(checked.packages, 'package')} checked{paid}. {found}.{unread}"
