"""The tree of a lock as plain SVG for light and dark pages, of only text, lines and bars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from rich.cells import cell_len

from .._util.progress import size
from ..operations.tree.run import Row, Tree
from .printed import plain
from .tree_text import bytes_of, totals

#: In pixels: a line, one step to the right, a letter of the font, the longest bar, and what stands
#: beside it.
_LINE, _STEP, _LETTER, _BAR, _NOTE = 20, 18, 7.3, 240, 300
_MARKS = {"again": " ↑", "cycle": " ⟲", "missing": " (not in the lock)", "deep": " …"}

# The colours for light pages are readable on dark ones, too, where a viewer knows no media queries.
_STYLE = """
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #57606a; }
.root { font-weight: bold; } .again { opacity: .6; } .cycle, .missing { fill: #cf222e; }
path { fill: none; stroke: #8c959f; } .own { fill: #218bff; } .more { fill: #218bff; opacity: .35; }
@media (prefers-color-scheme: dark) { text { fill: #c9d1d9; } .cycle, .missing { fill: #ff7b72; } }
@media (prefers-color-scheme: light) { text { fill: #24292f; } }
"""


def draw(found: Tree, invert: str | None) -> str:
    """An SVG document: a line for each package, with bars for its size and for what removing it
    would save.
    """
    rows = list(found.rows(invert))
    labels = [_label(found, row) for row in rows]
    widths = [
        _STEP * len(row.lasts) + _LETTER * cell_len(label)
        for row, label in zip(rows, labels, strict=True)
    ]
    column = max(widths, default=0) + 30
    summary = totals(found, invert)
    height = _LINE * (len(rows) + 2)
    width = max(column + _BAR + _NOTE if found.sizes else column, _LETTER * cell_len(summary) + 20)
    head = f"Who needs {plain(invert)}" if invert is not None else "Who needs whom"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height}" '
        f'viewBox="0 0 {width:.0f} {height}">',
        f"<title>{escape(head)}</title>",
        f"<style>{_STYLE}</style>",
        *_branches(rows),
    ]
    longest = max(
        (found.spared(row.package).bytes for row in rows if row.package in found.packages),
        default=0,
    )
    for number, (row, label) in enumerate(zip(rows, labels, strict=True)):
        y = _LINE * (number + 1)
        kind = row.mark or ("root" if not row.lasts else "")
        parts.append(
            f'<text x="{10 + _STEP * len(row.lasts)}" '
            f'y="{y}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>'
            f"{escape(label)}</text>"
        )
        if row.mark == "" and longest:
            is_root = not row.lasts and invert is None
            bars = _Bars(found, column, _BAR / longest)
            parts += bars.draw(row, y, is_root=is_root)
    parts.append(f'<text x="10" y="{height - 14}" class="root">{escape(summary)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _label(found: Tree, row: Row) -> str:
    entry = found.packages.get(row.package)
    version = f" {plain(entry.version)}" if entry is not None else ""
    return f"{plain(row.package)}{version}{_MARKS.get(row.mark, '')}"


def _branches(rows: list[Row]) -> Iterator[str]:
    """Lines from each package down to what it needs."""
    #: For each level the line of text of the package above.
    above: list[int] = []
    for number, row in enumerate(rows):
        depth = len(row.lasts)
        del above[depth:]
        if depth:
            x, top, y = (
                14 + _STEP * (depth - 1),
                _LINE * (above[-1] + 1) + 5,
                _LINE * (number + 1) - 4,
            )
            yield f'<path d="M{x} {top}V{y}H{x + _STEP - 6}"/>'
        above.append(number)


@dataclass(frozen=True, slots=True)
class _Bars:
    """The sizes of packages, drawn from ``column`` on, ``scale`` units a byte."""

    found: Tree
    column: float
    scale: float

    def draw(self, row: Row, y: int, *, is_root: bool) -> Iterator[str]:
        """The size of a package, and of a root also what removing it would save beyond."""
        own = self.found.sizes.get(row.package, 0)
        spared = self.found.spared(row.package)
        more = spared.bytes if is_root and spared.bytes > own else 0
        for kind, number in (("more", more), ("own", own)):
            if number:
                yield self._bar(kind, number, y)
        words = size(own) if row.package in self.found.sizes else ""
        if more:
            words += f" (removing saves {bytes_of(spared)})"
        if words:
            x = self.column + max(own, more) * self.scale + 8
            yield f'<text x="{x:.0f}" y="{y}">{escape(words.strip())}</text>'

    def _bar(self, kind: str, number: int, y: int) -> str:
        width = number * self.scale
        box = f'x="{self.column:.0f}" y="{y - 10}" width="{width:.1f}" height="12" rx="2"'
        return f'<rect class="{kind}" {box}/>'
