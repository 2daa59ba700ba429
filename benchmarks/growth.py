"""How the cost of each operation grows with the number of distributions, and its memory with the
size of a wheel.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from tests.support.runtimes import lock_entry
from tests.support.wheels import build_wheel

from .copies import SIZES
from .corpus import keep_wheel, write_page
from .inputs import FOLDER, Inputs
from .link import read_line
from .linked import Link
from .measure import Contestant, Scratch, compete
from .works import MAIN

#: Wheels that are bundled, in megabytes.
WHEELS = (1, 10, 100)
#: Above so many distributions one run is enough: the times are long, and steady.
_SMALL = 100
OPERATIONS = ("freeze", "re-freeze", "resolve", "diff")


def operations(
    inputs: Inputs, *, runs: int, sizes: tuple[int, ...] = SIZES
) -> dict[str, list[dict[str, Any]]]:
    """Seconds, CPU seconds and memory of each operation, by number of distributions, over the main
    line.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in OPERATIONS}
    with Link(inputs.grown / "index") as link:
        for size in sizes:
            link.set(**dict(read_line(MAIN)))
            for name, one in _contestants(inputs, link, inputs.grown / str(size)):
                warm = name == "re-freeze"
                (row,) = compete(
                    FOLDER / "run", [one], link, runs=runs if size <= _SMALL else 1, warm=warm
                )
                found[name].append({"size": size, **row.to_json()})
    return found


def _contestants(inputs: Inputs, link: Link, place: Path) -> Iterator[tuple[str, Contestant]]:
    def ours(*words: str | Path, cached: bool = True) -> Callable[[Scratch], list[str]]:
        def command(scratch: Scratch) -> list[str]:
            said = [inputs.tools / "micropip-lock", *words, "--quiet"]
            said += ["--cache-dir", scratch.cache] if cached else []
            return [os.fspath(word).replace("OUT", str(scratch.out)) for word in said]

        return command

    base, index, lock = inputs.empty_base, ("--index-url", link.url), place / "pyodide-lock.json"

    def keep(out: Path, said: str) -> str:
        (out / "lock.json").replace(lock)
        return ""

    freeze = ours("freeze", "--path", place / "site", "--base", base, *index, "-o", "OUT/lock.json")
    yield "freeze", Contestant("freeze", freeze, keep)
    yield "re-freeze", Contestant("re-freeze", freeze)
    resolve = ours(
        "resolve", "-r", place / "requirements.txt", "--base", base, *index, "-o", "OUT/lock.json"
    )
    yield "resolve", Contestant("resolve", resolve)
    yield "diff", Contestant("diff", ours("diff", lock, lock, cached=False))


def bundle_memory(inputs: Inputs) -> list[dict[str, Any]]:
    """The memory of `bundle` for one wheel of each size, from a line without limit."""
    root = FOLDER / "wheels"
    _build_wheels(root)
    found = []
    with Link(root) as link:
        link.set(latency=0, bandwidth=0)
        for size in WHEELS:
            name = f"weight-{size}"
            (wheel,) = (root / "files" / name).glob("*.whl")
            lock = FOLDER / f"{name}.json"
            entry = lock_entry(
                wheel, f"{link.root}/packages/{wheel.name}", imports=[name.replace("-", "_")]
            )
            info = json.loads(inputs.empty_base.read_bytes())["info"]
            lock.write_text(json.dumps({"info": info, "packages": {name: entry}}))

            def command(scratch: Scratch, lock: Path = lock) -> list[str]:
                words: list[str | Path] = [
                    inputs.tools / "micropip-lock",
                    "bundle",
                    lock,
                    scratch.out / "site",
                    "--quiet",
                ]
                return [os.fspath(word) for word in [*words, "--cache-dir", scratch.cache]]

            (row,) = compete(FOLDER / "run", [Contestant("bundle", command)], link, runs=3)
            found.append({"megabytes": size, **row.to_json()})
    return found


def _build_wheels(root: Path) -> None:
    """Wheels that no packing makes smaller."""
    for size in WHEELS:
        name = f"weight-{size}"
        if (root / "fat" / f"{name}.json").exists():
            continue
        module = name.replace("-", "_")
        content: dict[str, bytes | str] = {
            f"{module}/__init__.py": "",
            f"{module}/data.bin": Random(size).randbytes(size * 1_000_000),
        }
        wheel = build_wheel(root / "draft", name, "1.0", files=content, stored=True)
        keep_wheel(root / "files" / name, wheel)
        (root / "fat").mkdir(exist_ok=True)
        write_page(root / "fat" / f"{name}.json", name, [])
