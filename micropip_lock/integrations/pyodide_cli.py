"""``pyodide lock``: the command line as a plugin of pyodide-cli.

An entry point that cannot be loaded breaks the whole `pyodide` command. So before the user runs
``pyodide lock``, this module imports only what pyodide-cli itself needs, and nothing that may be
missing or broken.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NoReturn

_HELP = "Lock installed Pyodide environments, with proof."
#: Everything behind ``pyodide lock`` is for the command line, ``--help`` included.
_SETTINGS: dict[str, Any] = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def run(arguments: Sequence[str]) -> NoReturn:
    """Run ``micropip-lock`` with these arguments, under its other name, and exit."""
    from ..cli import run as run_command_line

    run_command_line(arguments, program="pyodide lock")
    sys.exit(0)


def _plugin() -> Callable[..., Any]:
    """A click command, which pyodide-cli takes from 0.4 on.

    Before, and without click, a function for typer.
    """
    try:
        return _function() if _release() < (0, 4) else _command()
    except Exception:  # the other plugins of `pyodide` have to work after any error
        return _plain


def _release() -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version("pyodide-cli").split(".")[:2])
    except (PackageNotFoundError, ValueError):
        return (0, 5)


def _command() -> Callable[..., Any]:
    import click

    return click.Command(
        "lock",
        callback=run,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        help=_HELP,
        add_help_option=False,
        context_settings=dict(_SETTINGS),
    )


def _function() -> Callable[..., Any]:
    typer = import_module("typer")  # pyodide-cli's, not ours

    def command(context: Any) -> None:
        run(context.args)

    # Not a command of click: typer may bring a click of its own, which knows no other click's
    # commands.
    command.__annotations__ = {"context": typer.Context, "return": None}
    command.__doc__ = _HELP
    command.typer_kwargs = {  # type: ignore[attr-defined]  # pyodide-cli reads it
        "add_help_option": False,
        "context_settings": {**_SETTINGS, "allow_extra_args": True},
    }
    return command


def _plain() -> None:
    run(sys.argv[2:])


_plain.__doc__ = _HELP

#: What the entry point names.
lock = _plugin()
