"""docs/architecture.svg, drawn from the imports.

::

    python -m tools.architecture            draw it
    python -m tools.architecture --check    fail when the drawing is out of date

Folders are boxes on a diagonal, the importing above the imported. An arrow leaves a box to the
right and goes down into the box of the imported folder; the number at its corner counts the
imports. An import upwards would leave a box to the left: it is drawn in red.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .imports import FRONT, LAYERS, PACKAGE, SEAM, folder_of, read_imports, sources

PICTURE = PACKAGE.parent / "docs" / "architecture.svg"

#: In pixels: the distance of two boxes, to the right and down, and half of a box.
_STEP_X, _STEP_Y = 68, 46
_HALF_X, _HALF_Y = 52, 15
_LEFT, _TOP = 66, 32
_WIDTH = 900

_LEGEND = (
    "An arrow leaves a folder to the right, and goes down into the folder",
    "that it imports. The number at its corner counts the imports.",
    "Yellow is the seam, handed in from outside. An import upwards would",
    "leave its folder to the left, in red.",
)

# The colours for light pages are readable on dark ones, too, where a viewer knows no media queries.
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #57606a; }
.name { font-weight: 600; text-anchor: middle; fill: #24292f; }
.note { text-anchor: end; } .count { font-size: 11px; text-anchor: middle; fill: #24292f; }
.box { fill: #ddf4ff; stroke: #218bff; } .seam { fill: #fff8c5; stroke: #bf8700; }
.line { fill: none; stroke: #8c959f; } .tip { fill: #8c959f; }
.badge { fill: #fff; stroke: #8c959f; }
.up { stroke: #cf222e; }
@media (prefers-color-scheme: dark) {
  text { fill: #c9d1d9; } .name, .count { fill: #f0f6fc; } .badge { fill: #0d1117; }
  .box { fill: #0c2d6b; } .seam { fill: #4b2900; }
}
"""

#: What stands on the left of a box, where there is room for it.
_NOTES = {
    "proof": "wheels compared",
    "dependencies": "markers, extras, edges",
    "index": "wheels on package indexes",
    "installed": "what site-packages holds",
    "environment": "Pyodide, venvs, settings of pip and uv",
    "storage": "facts that cannot change, wheels",
    "network": "requests, credentials, HTTP cache",
    "formats": "documents as values",
    "_util": "errors, URLs, files, texts, progress",
}


class Box(NamedTuple):
    """A box: its label, and the folders or modules that it stands for."""

    label: str
    folders: tuple[str, ...]
    modules: int
    is_seam: bool


def boxes() -> list[Box]:
    """The boxes from the top down; the error tree shares one with ``_util``, which it needs."""
    layers = [name for name in reversed(LAYERS) if name not in ("errors", "_util", "formats")]
    names = [*((name,) for name in [*layers, *reversed(SEAM), "formats"]), ("_util", "errors")]
    counted = Counter(path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in sources())
    return [
        Box(
            ", ".join(folders),
            tuple(folders),
            sum(counted[name] for name in folders),
            folders[0] in SEAM,
        )
        for folders in names
    ]


def counts(found: list[Box]) -> dict[tuple[int, int], int]:
    """How many imports lead from one box to another, by their numbers."""
    number_of = {name: number for number, box in enumerate(found) for name in box.folders}
    counted: Counter[tuple[int, int]] = Counter()
    for source, module, _ in read_imports():
        if not module.startswith("."):
            continue
        own, other = folder_of(source), folder_of(module[1:])
        if own in FRONT or other in FRONT or number_of[own] == number_of[other]:
            continue
        counted[number_of[own], number_of[other]] += 1
    return dict(counted)


def draw() -> str:
    """The picture, as SVG text."""
    found = boxes()
    arrows = counts(found)
    height = _TOP + _STEP_Y * (len(found) - 1) + _HALF_Y + 20
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}">',
        "<title>The folders of micropip_lock, and their imports</title>",
        f"<style>{_STYLE}</style>",
        *_legend(height),
        *(line for pair, count in sorted(arrows.items()) for line in _arrow(pair, count)),
        *(line for pair, count in sorted(arrows.items()) for line in _badge(pair, count)),
        *(line for number, box in enumerate(found) for line in _box(number, box)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _legend(height: int) -> Iterator[str]:
    first = height - 20 * len(_LEGEND)
    for number, line in enumerate(_LEGEND):
        yield f'<text x="14" y="{first + 20 * number}">{line}</text>'


def _center(number: int) -> tuple[int, int]:
    return _LEFT + _STEP_X * number, _TOP + _STEP_Y * number


def _corner(pair: tuple[int, int]) -> tuple[int, int]:
    """Where an arrow turns: in the row of the importing box and the column of the imported one."""
    return _center(pair[1])[0], _center(pair[0])[1]


def _arrow(pair: tuple[int, int], count: int) -> Iterator[str]:
    x, y = _center(pair[0])
    turn_x, end = _center(pair[1])
    is_down = pair[0] < pair[1]
    start_x = x + _HALF_X if is_down else x - _HALF_X
    end_y = end - _HALF_Y - 5 if is_down else end + _HALF_Y + 5
    width = 1 + min(count, 60) / 30
    kind = "line" if is_down else "line up"
    yield f'<path class="{kind}" stroke-width="{width:.1f}" d="M{start_x} {y}H{turn_x}V{end_y}"/>'
    if is_down:
        yield f'<path class="tip" d="M{turn_x - 5} {end_y}h10l-5 6z"/>'
    else:
        yield f'<path class="tip up" d="M{turn_x - 5} {end_y}h10l-5 -6z"/>'


def _badge(pair: tuple[int, int], count: int) -> Iterator[str]:
    x, y = _corner(pair)
    half = 9 + 3 * (len(str(count)) - 1)
    yield (
        f'<rect class="badge" x="{x - half}" y="{y - 9}" width="{2 * half}" height="18" rx="9"/>'
    )
    yield f'<text class="count" x="{x}" y="{y + 4}">{count}</text>'


def _box(number: int, box: Box) -> Iterator[str]:
    x, y = _center(number)
    kind = "seam" if box.is_seam else "box"
    yield (
        f'<rect class="{kind}" x="{x - _HALF_X}" y="{y - _HALF_Y}" width="{2 * _HALF_X}" '
        f'height="{2 * _HALF_Y}" rx="6"/>'
    )
    yield f'<text class="name" x="{x}" y="{y + 4}">{box.label}</text>'
    modules = "1 module" if box.modules == 1 else f"{box.modules} modules"
    note = _NOTES.get(box.folders[0])
    if note:
        yield f'<text class="note" x="{x - _HALF_X - 10}" y="{y + 4}">{note} · {modules}</text>'


def main(arguments: list[str]) -> int:
    """Draw the picture, or with ``--check`` compare it. Gives the exit status."""
    picture = draw()
    if "--check" not in arguments:
        PICTURE.write_text(picture, encoding="utf-8")
        return 0
    if is_current(PICTURE):
        return 0
    print(f"{PICTURE.name} is out of date: draw it again with `make docs`.", file=sys.stderr)
    return 1


def is_current(picture: Path) -> bool:
    """Whether the file is what would be drawn now."""
    return picture.exists() and picture.read_text(encoding="utf-8") == draw()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
