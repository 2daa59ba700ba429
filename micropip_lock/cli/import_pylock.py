"""``micropip-lock import``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._util.reading import read_standard_input
from ..formats.pylock import parse_pylock, read_pylock
from ..operations.exchange.import_pylock import import_pylock
from .main import DONE, Common, command
from .options import base_options, check_folder, output_options, write


@click.command("import")
@click.argument("pylock", type=click.Path(path_type=Path, allow_dash=True))
@base_options
@click.option(
    "--extra",
    "extras",
    metavar="NAME",
    multiple=True,
    help="An extra of the pylock; may be repeated.",
)
@click.option(
    "--group",
    "groups",
    metavar="NAME",
    multiple=True,
    help="A dependency group of it; may be repeated.",
)
@output_options
@command
def import_command(
    *,
    common: Common,
    pylock: Path,
    index_urls: tuple[str, ...],
    groups: tuple[str, ...],
    compact: bool,
    output: str | None,
    **arguments: Any,
) -> int:
    """Lock the very wheels that a pylock.toml (PEP 751) of uv, pip or pdm names; - is stdin.

    Without --group the default groups of the pylock are locked.
    """
    check_folder(output)
    found = (
        parse_pylock(read_standard_input(), "stdin") if str(pylock) == "-" else read_pylock(pylock)
    )
    result = common.call(
        "reading",
        import_pylock,
        found,
        index_urls=index_urls or None,
        groups=groups or None,
        **arguments,
    )
    if not common.json:
        common.output().result(result)
    write(result, common, output, compact=compact)
    return DONE
