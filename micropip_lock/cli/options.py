"""What commands that make a lock have in common: where the base is, and how the lock is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .._util.reading import read_standard_input
from .._util.url import is_http
from ..errors import InputError
from ..operations.lock_source import LockInput, LockSource, local_lock
from ..operations.results import FreezeResult, ResolveResult
from ..operations.session import SessionOptions, open_lock
from .console import print_json, print_text
from .main import Common, warnings_to_json

#: The end of the help of commands that take a lock.
LOCK_HELP = "A lock is a file, a folder that holds a pyodide-lock.json, a URL, or - for stdin."

FOLDER = click.Path(path_type=Path, file_okay=False)

Command = TypeVar("Command", bound=Callable[..., Any])

_BASE = (
    click.option(
        "--base",
        metavar="FILE|URL|VERSION",
        help="The base lock, or a Pyodide release such as 314.0.7.",
    ),
    click.option("--base-url", metavar="URL", help="Where relative file names of the base live."),
    click.option(
        "--base-dir",
        type=FOLDER,
        help="A local Pyodide distribution that holds wheels of the base.",
    ),
    click.option(
        "--index-url", "index_urls", metavar="URL", multiple=True, help="An index; may be repeated."
    ),
)


def base_options(function: Command) -> Command:
    """Add the options that name the base and the indexes."""
    for option in reversed(_BASE):
        function = option(function)
    return function


_OUTPUT = (
    click.option("--compact", is_flag=True, help="Write the lock in one line."),
    click.option(
        "-o",
        "--output",
        "output",
        metavar="FILE|-",
        help="Where to write the lock; default: stdout.",
    ),
)


def output_options(function: Command) -> Command:
    """Add the options that say where and how the lock is written."""
    for option in reversed(_OUTPUT):
        function = option(function)
    return function


def lock_input(lock: str) -> LockInput:
    """What an operation takes for a LOCK of the command line: a URL, a path, or stdin (``-``).

    It is called before an event loop runs, in which one Ctrl-C would not stop the reading of stdin.
    Raises `InputError` when standard input cannot be read.
    """
    if lock == "-":
        return LockSource(read_standard_input(), "stdin")
    if is_http(lock) or not lock:  # the operation refuses an empty name, which is no folder
        return lock
    return Path(lock)


def find_lock(lock: str, common: Common) -> LockSource:
    """Find a LOCK of the command line before the operation, which makes no requests for it.

    With --offline one at a URL is taken from the cache. Raises `InputError` and `FetchError`.
    """
    found = lock_input(lock)
    if isinstance(found, str):
        return common.run(lambda fetcher: open_lock(found, SessionOptions(fetcher=fetcher)))
    return local_lock(found)


def check_folder(path: str | None) -> None:
    """Fail before the work rather than after it, where the lock cannot be written.

    Raises `InputError`.
    """
    if path not in (None, "-") and not Path(str(path)).absolute().parent.is_dir():
        raise InputError(f"The folder of {path} does not exist.")


def document(result: ResolveResult) -> dict[str, Any]:
    """What ``--json`` prints beside the lock."""
    left_out = (
        {"left_out": [list(item) for item in result.left_out]}
        if isinstance(result, FreezeResult)
        else {}
    )
    return {
        "evidence": [evidence.to_json() for evidence in result.evidence],
        "warnings": warnings_to_json(result.warnings),
        **left_out,
        "totals": result.totals,
    }


def write(result: ResolveResult, common: Common, output: str | None, *, compact: bool) -> None:
    """Write the lock to ``output`` or stdout; with ``--json`` the whole document goes to stdout."""
    if output not in (None, "-"):
        result.write(str(output), compact=compact)
    if common.json:
        print_json({"lockfile": result.lockfile.to_dict(), **document(result)})
    elif output in (None, "-"):
        print_text(result.to_json(compact=compact))
