"""``micropip-lock freeze``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from .. import environment
from .._util.files import write_output
from ..errors import FetchError, UnlockableError
from ..formats.lockfile import LOCK_NAME, Lockfile
from ..operations.freeze.run import freeze
from ..operations.results import FreezeResult
from .console import print_json
from .main import DONE, NO, Common, command
from .options import FOLDER, base_options, check_folder, document, write

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("freeze")
@click.option(
    "--venv", type=FOLDER, help="The virtual environment; default: the active or the nearest one."
)
@click.option(
    "--path", "paths", type=FOLDER, multiple=True, help="A site-packages folder; may be repeated."
)
@base_options
@click.option(
    "--include",
    type=click.Choice(["installed", "distribution"]),
    default="installed",
    show_default=True,
    help="Only what is installed, or the whole base, too.",
)
@click.option(
    "--exclude",
    metavar="NAME",
    multiple=True,
    help="Leave a package out on purpose; may be repeated.",
)
@click.option(
    "--requested",
    metavar="REQ",
    multiple=True,
    help='What was asked for, for extras: "rich[jupyter]".',
)
@click.option(
    "--report",
    type=_FILE,
    help="pip's installation report (pip install --report), or a pylock.toml.",
)
@click.option(
    "--proof",
    type=click.Choice(["content", "metadata"]),
    default="content",
    show_default=True,
    help="Compare contents, or take the index's word for equal metadata.",
)
@click.option(
    "--check-files",
    type=click.Choice(["size", "hash", "off"]),
    default="size",
    show_default=True,
    help="Compare installed files with their RECORD.",
)
@click.option(
    "--download", is_flag=True, help="Allow wheels to be downloaded where nothing else can decide."
)
@click.option(
    "--accept-unproved",
    metavar="NAME",
    multiple=True,
    help="Lock it by URL and hash alone; may be repeated.",
)
@click.option("--allow-broken", is_flag=True, help="Unmet requirements are warnings.")
@click.option("--strict", is_flag=True, help="Warnings are problems.")
@click.option("--trust-index-file", is_flag=True, help="Ask indexes that only an INDEX file names.")
@click.option("--compact", is_flag=True, help="Write the lock in one line.")
@click.option("--evidence", "evidence_file", type=_FILE, help="Write the evidence to a JSON file.")
@click.option(
    "-o", "--output", "output", metavar="FILE|-", help="Where to write the lock; default: stdout."
)
@click.option(
    "--check", is_flag=True, help="Write nothing; say whether the file of -o is up to date."
)
@command
def freeze_command(
    *,
    common: Common,
    venv: Path | None,
    paths: tuple[Path, ...],
    index_urls: tuple[str, ...],
    compact: bool,
    evidence_file: Path | None,
    output: str | None,
    check: bool,
    **arguments: Any,
) -> int:
    """Lock what is installed in a Pyodide virtual environment or a folder."""
    if venv is not None and paths:
        raise click.UsageError("--venv and --path exclude each other.")
    old = _read_old(output) if check else None
    check_folder(output)
    detected = None if paths else environment.detect(venv)

    def run(common: Common) -> FreezeResult:
        return common.call(
            "proving",
            freeze,
            path=paths or None,
            index_urls=index_urls or None,
            surroundings=detected,
            **arguments,
        )

    result = _unchanged(old, run, common) or run(common)
    if not common.json:
        common.output().result(result)
    if old is not None:
        return _check(old, result, common)
    if evidence_file is not None:
        write_output(evidence_file, (json.dumps(document(result), indent=2) + "\n").encode())
    write(result, common, output, compact=compact)
    return DONE


def _read_old(output: str | None) -> Lockfile:
    if output == "-":
        raise click.UsageError("--check needs a file to compare with: -o FILE.")
    return Lockfile.read(output or LOCK_NAME)


def _unchanged(
    old: Lockfile | None, run: Callable[[Common], FreezeResult], common: Common
) -> FreezeResult | None:
    """The result of a freeze from the cache alone, if it is the old lock.

    Then no request to an index is necessary.
    """
    if old is None or common.offline or common.refresh or common.cache is None:
        return None
    from ..operations.diff import diff

    try:
        result = run(replace(common, offline=True))
    except (UnlockableError, FetchError):
        return None
    return result if diff(old, result.lockfile).equal else None


def _check(old: Lockfile, result: FreezeResult, common: Common) -> int:
    from ..operations.diff import diff
    from .diff_text import lines

    found = diff(old, result.lockfile)
    if common.json:
        comparison = {"fresh": found.equal, "differences": found.to_json()}
        print_json({**comparison, **document(result)})
    elif not common.quiet:
        human = common.output()
        if not found.equal:
            human.show(*lines(found, human.width))
        human.say(
            "The lock is up to date."
            if found.equal
            else "The lock is stale: freeze again to renew it."
        )
    return DONE if found.equal else NO
