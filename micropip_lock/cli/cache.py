"""``micropip-lock cache``: where the cache is, what is in it, and how it gets smaller."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .._util.private_files import check_private
from .._util.progress import size
from .._util.text import showable
from ..errors import InputError
from ..network import default_cache_dir
from ..storage.maintenance import Part, clear, prune, usage
from .console import print_json
from .main import DONE, Common, command


@click.group("cache")
def cache() -> None:
    """Show and tidy the cache. Nothing in it is needed: what is gone is asked for again."""


@cache.command("dir")
@command
def dir_command(*, common: Common) -> int:
    """Print the folder of the cache."""
    folder = _folder(common)
    if common.json:
        print_json({"dir": str(folder)})
    else:
        click.echo(os.fsencode(folder))  # for scripts, so byte for byte
    return DONE


@cache.command("info")
@command
def info_command(*, common: Common) -> int:
    """Print what is in the cache, with sizes."""
    folder = _private_folder(common)
    parts = usage(folder)
    total = _total(parts)
    if common.json:
        listed = {
            part.name: {"path": str(part.path), "bytes": part.bytes, "entries": part.entries}
            for part in parts
        }
        print_json({"dir": str(folder), "parts": listed, "bytes": total})
        return DONE
    for part in parts:
        entries = "unreadable" if part.entries is None else _count(part.entries, "entry", "entries")
        click.echo(
            f"{part.name:<6}  {entries:>14}  {size(part.bytes):>8}  {showable(str(part.path))}"
        )
    click.echo(f"{'total':<6}  {'':>14}  {size(total):>8}  {showable(str(folder))}")
    return DONE


@cache.command("prune")
@click.option(
    "--days",
    type=click.IntRange(0, 36_500),
    default=90,
    show_default=True,
    metavar="N",
    help="Remove what was not used for so long.",
)
@command
def prune_command(*, common: Common, days: int) -> int:
    """Remove what was not used for long, and what interrupted runs left behind."""
    folder = _private_folder(common)
    before = usage(folder)
    removed = prune(folder, days)
    freed = _freed(before, folder)
    if common.json:
        counts = {"pages": removed.pages, "facts": removed.facts, "files": removed.files}
        print_json({"dir": str(folder), "removed": counts, "bytes": freed})
        return DONE
    counted = f"{_count(removed.pages, 'page')} and {_count(removed.facts, 'fact')}"
    rest = f", {_count(removed.files, 'leftover file')}" if removed.files else ""
    common.output().say(
        f"Removed {counted} not used for {_count(days, 'day')}{rest}: {size(freed)} freed in "
        f"{folder}."
    )
    return DONE


@cache.command("clear")
@command
def clear_command(*, common: Common) -> int:
    """Remove the cache, and its folder if nothing else is in it."""
    folder = _folder(common)
    before = usage(folder)
    files = clear(folder)
    freed = _freed(before, folder)
    if common.json:
        print_json({"dir": str(folder), "removed": {"files": files}, "bytes": freed})
    elif files:
        common.output().say(f"Removed {_count(files, 'file')}: {size(freed)} freed in {folder}.")
    else:
        common.output().say(f"No cache in {folder}: nothing to remove.")
    return DONE


def _folder(common: Common) -> Path:
    if common.no_cache:
        raise InputError("With --no-cache there is no cache to look at; leave it out.")
    folder = common.cache_dir or default_cache_dir()
    if folder is None:
        raise InputError(
            "The folder of the cache is found with platformdirs, which is not installed: "
            'pip install "micropip-lock[host]", or name the folder: --cache-dir DIR.'
        )
    return folder.absolute()


def _private_folder(common: Common) -> Path:
    """The same, if its databases may be opened."""
    folder = _folder(common)
    if folder.exists() and not folder.is_dir():
        raise InputError(
            f"The cache folder {folder} is no folder. Name another one (--cache-dir DIR)."
        )
    check_private(folder)
    return folder


def _total(parts: tuple[Part, ...]) -> int:
    return sum(part.bytes for part in parts)


def _freed(before: tuple[Part, ...], folder: Path) -> int:
    """Bytes; none when others have written more meanwhile."""
    return max(0, _total(before) - _total(usage(folder)))


def _count(number: int, noun: str, nouns: str = "") -> str:
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"
