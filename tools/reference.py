"""The parts of docs/reference/ that repeat the code: signatures, and the options of commands.

``python -m tools.reference`` writes them anew into the pages; what stands around them is written by
hand. tests/unit/test_reference.py fails when they are out of date.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

import micropip_lock
from micropip_lock.cli.main import Common
from micropip_lock.cli.main import micropip_lock as command_line

from .imports import PACKAGE

PYTHON = PACKAGE.parent / "docs" / "reference" / "python.md"
COMMANDS = PACKAGE.parent / "docs" / "reference" / "command-line.md"

_SIGNATURE = re.compile(r"(?<=\n)### `(\w+)`\n\n```python\n.*?```\n", re.DOTALL)
_OPTIONS = re.compile(r"<!-- options: ([\w -]+) -->\n.*?<!-- end -->\n", re.DOTALL)
_LONGEST = 100


def signature(name: str) -> str:
    """A public name as it is called, a parameter a line where it does not fit into one."""
    value = getattr(micropip_lock, name)
    if inspect.isclass(value):
        head = "class"
    elif inspect.iscoroutinefunction(value):
        head = "async def"
    else:
        head = "def"
    found = inspect.signature(value)
    end = "" if inspect.isclass(value) else f" -> {_plain(found.return_annotation)}"
    parts = list(_parameters(found))
    line = f"{head} {name}({', '.join(parts)}){end}"
    if len(line) <= _LONGEST:
        return line
    return "\n".join([f"{head} {name}(", *(f"    {part}," for part in parts), f"){end}"])


def _parameters(found: inspect.Signature) -> Iterator[str]:
    is_marked = False
    for item in found.parameters.values():
        if item.kind is item.KEYWORD_ONLY and not is_marked:
            is_marked = True
            yield "*"
        name = f"**{item.name}" if item.kind is item.VAR_KEYWORD else item.name
        default = "" if item.default is item.empty else f" = {_default(item.default)}"
        yield f"{name}: {_plain(item.annotation)}{default}"


def _default(value: object) -> str:
    """A default as code; what a dataclass makes anew each time is a mapping, and empty."""
    return "{}" if repr(value) == "<factory>" else repr(value).replace("'", '"')


def _plain(annotation: object) -> str:
    return annotation.strip("'\"") if isinstance(annotation, str) else str(annotation)


def commands(
    command: click.Command = command_line, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """Every command with its name, below ``micropip-lock``."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from commands(below, (*path, name))


def options(name: str) -> str:
    """A command's usage and its options as Markdown; of ``common`` those that all commands have."""
    found = dict(commands())
    shared = set(Common.__annotations__)
    if name == "common":
        parameters = [item for item in next(iter(found.values())).params if item.name in shared]
        return _table(parameters)
    own = [item for item in found[name].params if item.name not in shared]
    arguments = [_argument(item) for item in own if isinstance(item, click.Argument)]
    usage = " ".join(["micropip-lock", name, "[OPTIONS]", *arguments])
    flags = [item for item in own if isinstance(item, click.Option)]
    table = f"\n{_table(flags)}" if flags else ""
    return f"```\n{usage}\n```\n{table}"


def _argument(item: click.Argument) -> str:
    name = item.metavar or (item.name or "").upper()
    return name if item.required else f"[{name}]"


def _table(parameters: list[Any]) -> str:
    rows = [f"| {_flags(item)} | {_help(item)} |\n" for item in parameters]
    return "".join(["| option | meaning |\n|---|---|\n", *rows])


def _flags(item: click.Option) -> str:
    names = ", ".join([*item.opts, *item.secondary_opts])
    value = "" if item.is_flag else f" {_value(item)}"
    return "`" + f"{names}{value}".replace("|", "\\|") + "`"


def _value(item: click.Option) -> str:
    if item.metavar is not None:
        return item.metavar
    if isinstance(item.type, click.Choice):
        return "|".join(map(str, item.type.choices))
    if isinstance(item.type, click.Path):
        return "DIR" if not item.type.file_okay else "FILE"
    return item.type.name.upper()


def _help(item: click.Option) -> str:
    default = f" Default: {item.default}." if item.show_default else ""
    return f"{item.help}{default}".replace("|", "\\|")


def renewed_python(text: str) -> str:
    """The page of the Python API with current signatures."""
    return _SIGNATURE.sub(
        lambda match: f"### `{match[1]}`\n\n```python\n{signature(match[1])}\n```\n", text
    )


def renewed_commands(text: str) -> str:
    """The page of the command line with current options."""
    return _OPTIONS.sub(
        lambda match: f"<!-- options: {match[1]} -->\n{options(match[1])}<!-- end -->\n", text
    )


def main() -> None:
    """Write both pages anew."""
    for page, renewed in ((PYTHON, renewed_python), (COMMANDS, renewed_commands)):
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
