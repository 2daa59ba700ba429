"""``micropip-lock export``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from .._util.files import write_output
from .._util.progress import count
from .._util.reading import read_bytes
from .._util.url import shown
from ..errors import InputError, Problem
from ..formats.exported import Export
from ..formats.json_values import parse_json
from ..operations.exchange.export import export, not_on_index, relative
from ..proof.evidence import Evidence
from .console import print_json, print_text
from .main import DONE, Common, command, warnings_to_json
from .options import LOCK_HELP, check_folder, find_lock

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("export", epilog=LOCK_HELP)
@click.argument("lock")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["pylock", "requirements"]),
    required=True,
    help="What to write.",
)
@click.option(
    "--urls", is_flag=True, help='In requirements: "name @ URL" instead of "name==version".'
)
@click.option("--base-url", metavar="URL", help="Where relative file names of the lock live.")
@click.option(
    "--evidence",
    "evidence_file",
    type=_FILE,
    help="What freeze --evidence wrote, which knows indexes and sizes.",
)
@click.option("-o", "--output", "output", metavar="FILE|-", help="Where to write; default: stdout.")
@command
def export_command(
    *,
    common: Common,
    lock: str,
    kind: str,
    urls: bool,
    base_url: str | None,
    evidence_file: Path | None,
    output: str | None,
) -> int:
    """Write the wheels of a lock as pylock.toml (PEP 751) or requirements.txt, for pip and uv."""
    if urls and kind != "requirements":
        raise click.UsageError("--urls is for --format requirements; a pylock has URLs anyway.")
    check_folder(output)
    evidence = () if evidence_file is None else _read_evidence(evidence_file)
    source = find_lock(lock, common)
    exported = export(source, base_url=base_url, evidence=evidence)
    warnings = exported.warnings
    if kind == "pylock":
        text = _pylock(exported, source.folder, output)
        warnings += tuple(relative(exported))
    else:
        text = _requirements(exported, urls)
        warnings += () if urls else tuple(not_on_index(exported))
    if output not in (None, "-"):
        write_output(Path(str(output)), text.encode())
    if common.json:
        _print_json(kind, text, exported, warnings)
        return DONE
    _print(common, exported, warnings)
    if output in (None, "-"):
        print_text(text)
    return DONE


def _pylock(exported: Export, beside: Path | None, output: str | None) -> str:
    from ..formats.pylock import to_pylock

    folder = _relative(beside or Path(), Path(output or "-").parent)
    return to_pylock(exported, lock_folder=folder)


def _relative(folder: Path, other: Path) -> str:
    """The way from ``other`` to ``folder``, as PEP 751 likes it: with slashes."""
    try:
        return Path(os.path.relpath(folder.resolve(), other.resolve())).as_posix()
    except ValueError:  # another drive
        return folder.resolve().as_posix()


def _requirements(exported: Export, urls: bool) -> str:
    from ..formats.requirements_export import to_requirements

    return to_requirements(exported, urls=urls)


def _read_evidence(path: Path) -> tuple[Evidence, ...]:
    document = parse_json(read_bytes(path), str(path))
    items = document.get("evidence") if isinstance(document, Mapping) else None
    if not isinstance(items, list):
        raise InputError(f"{path} is not what --evidence writes: it has no list «evidence».")
    return tuple(
        _evidence(item, f"{path}: evidence[{number}]") for number, item in enumerate(items)
    )


def _evidence(item: Any, where: str) -> Evidence:
    texts = {"package": "", "version": "", "sha256": ""}
    found = {
        **texts,
        "index": None,
        "size": None,
        **(item if isinstance(item, Mapping) else {"sha256": None}),
    }
    size, index = found["size"], found["index"]
    right = (
        isinstance(index, str | None)
        and isinstance(size, int | None)
        and not isinstance(size, bool)
    )
    if not right or not all(isinstance(found[name], str) for name in texts) or (size or 0) < 0:
        raise InputError(f"{where} is not what --evidence writes.")
    return Evidence(
        found["package"],
        found["version"],
        claim="report",
        proof="metadata",
        url="",
        sha256=found["sha256"],
        size=size,
        index=None if index is None else shown(index),
    )


def _print_json(kind: str, text: str, exported: Export, warnings: tuple[Problem, ...]) -> None:
    document = {
        "format": kind,
        "content": text,
        "warnings": warnings_to_json(warnings),
        "totals": {"packages": len(exported.wheels)},
    }
    print_json(document)


def _print(common: Common, exported: Export, warnings: tuple[Problem, ...]) -> None:
    human = common.output()
    human.warnings(warnings)
    human.say(f"{count(len(exported.wheels), 'package')} exported.")
