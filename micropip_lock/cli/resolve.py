"""``micropip-lock resolve``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..environment import configured_indexes
from ..errors import InputError
from ..formats.requirement import Wanted, parse_wanted
from ..formats.requirements_file import RequirementFiles, read_requirement_files
from ..operations.resolve.run import resolve
from .main import DONE, Common, command
from .options import base_options, check_folder, output_options, write

_FILES = click.Path(path_type=Path)


@click.command("resolve")
@click.argument("requirements", metavar="REQ...", nargs=-1)
@click.option(
    "-r",
    "--requirement",
    "files",
    type=_FILES,
    multiple=True,
    help="A requirements file; may be repeated.",
)
@click.option(
    "-c", "--constraint", "constraint_files", type=_FILES, multiple=True, help="A constraints file."
)
@base_options
@click.option("--pre", is_flag=True, help="Allow pre-releases.")
@click.option("--upgrade", is_flag=True, help="Prefer the newest version to that of the base.")
@output_options
@command
def resolve_command(
    *,
    common: Common,
    requirements: tuple[str, ...],
    files: tuple[Path, ...],
    constraint_files: tuple[Path, ...],
    index_urls: tuple[str, ...],
    pre: bool,
    compact: bool,
    output: str | None,
    **arguments: Any,
) -> int:
    """Lock requirements and all that they need, by metadata alone: no wheel is downloaded."""
    said = read_requirement_files(files, constraint_files)
    wanted = [*_from_arguments(requirements), *said.requirements]
    if not wanted:
        raise click.UsageError("Name requirements, or a file of them with -r.")
    check_folder(output)
    indexes, links = _indexes(index_urls, said)
    result = common.call(
        "resolving",
        resolve,
        wanted,
        constraints=said.constraints,
        index_urls=indexes,
        find_links=links,
        pre=pre or said.pre,
        require_hashes=said.require_hashes,
        **arguments,
    )
    if not common.json:
        common.output().result(result)
    write(result, common, output, compact=compact)
    return DONE


def _from_arguments(texts: tuple[str, ...]) -> list[Wanted]:
    found, wrong = [], []
    for text in texts:
        try:
            found.append(parse_wanted(text))
        except InputError as error:
            wrong.append(str(error))
    if wrong:
        raise InputError(*wrong)
    return found


def _indexes(
    index_urls: tuple[str, ...], said: RequirementFiles
) -> tuple[list[str] | None, list[str] | None]:
    """The indexes of the command line, else of the files, else (None) of pip's configuration."""
    if not (
        index_urls or said.index_url or said.extra_index_urls or said.find_links or said.no_index
    ):
        return None, None
    links = list(said.find_links)
    if index_urls:
        return [*index_urls, *said.extra_index_urls], links
    if said.no_index:
        return [], links
    first = [said.index_url] if said.index_url else list(configured_indexes()[0])
    return [*first, *said.extra_index_urls], links
