"""SVG pictures without a library: bars with the floor marked, and growth on logarithmic axes.

Colours follow the reader's light or dark scheme, by a style sheet inside the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

_STYLE = """<style>
svg { background: #ffffff; color-scheme: light dark }
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.small { font-size: 11px; fill: #59636e }
.axis { stroke: #818b98; stroke-width: 1 }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.ours { fill: #0969da }
.other { fill: #9198a1 }
.floor { stroke: #cf222e; stroke-width: 2; stroke-dasharray: 5 3 }
.floor-text { fill: #cf222e; font-size: 11px }
.line { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117 }
  text { fill: #f0f6fc }
  .small { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .ours { fill: #4493f8 }
  .other { fill: #656c76 }
  .floor { stroke: #f85149 }
  .floor-text { fill: #f85149 }
}
</style>"""
_COLOURS = ("#0969da", "#1a7f37", "#bf8700", "#8250df", "#cf222e")
_WIDTH = 860
#: Bars longer than so many floors are cut, so that the short ones can be told apart.
_LONGEST = 15


@dataclass(frozen=True)
class Bar:
    """One bar, or a remark instead of one."""

    label: str
    value: float | None
    ours: bool = False
    remark: str = ""


def bars(title: str, rows: Sequence[Bar], *, mark: float | None = None, unit: str = "s") -> str:
    """Horizontal bars; ``mark``: the floor."""
    left, right, top, step = 300, 90, 62, 30
    values = [row.value for row in rows if row.value is not None] + ([mark] if mark else [])
    largest = min(max(values, default=1.0) or 1.0, _LONGEST * mark if mark else float("inf"))
    height = top + step * len(rows) + 34
    scale = (_WIDTH - left - right) / largest
    parts = [_head(title, height)]
    for tick in _ticks(largest):
        x = left + tick * scale
        parts.append(
            f'<line class="grid" x1="{x:.1f}" y1="{top - 8}" x2="{x:.1f}" y2="{height - 28}"/>'
        )
        parts.append(
            f'<text class="small" text-anchor="middle" x="{x:.1f}" y="{height - 12}">{tick:g} '
            f"{unit}</text>"
        )
    for place, row in enumerate(rows):
        y = top + place * step
        weight = ' font-weight="600"' if row.ours else ""
        parts.append(
            f'<text{weight} text-anchor="end" x="{left - 8}" '
            f'y="{y + 14}">{escape(row.label)}</text>'
        )
        if row.value is None:
            parts.append(
                f'<text class="small" x="{left + 4}" y="{y + 14}">{escape(row.remark[:80])}</text>'
            )
            continue
        wide = max(1.0, min(row.value, largest) * scale)
        end = " »" if row.value > largest else ""
        kind = "ours" if row.ours else "other"
        parts.append(
            f'<rect class="{kind}" x="{left}" y="{y}" width="{wide:.1f}" height="20" rx="2"/>'
        )
        parts.append(
            f'<text x="{left + wide + 6:.1f}" y="{y + 14}">{_number(row.value)} {unit}{end}</text>'
        )
    if mark:
        x = left + mark * scale
        parts.append(
            f'<line class="floor" x1="{x:.1f}" y1="{top - 8}" x2="{x:.1f}" y2="{height - 28}"/>'
        )
        anchor = "end" if x > _WIDTH - 260 else "start"
        shift = -4 if anchor == "end" else 4
        said = f"floor {_number(mark)} {unit}"
        parts.append(
            f'<text class="floor-text" text-anchor="{anchor}" x="{x + shift:.1f}" '
            f'y="{top - 12}">{said}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def growth(
    title: str, lines: Mapping[str, Sequence[tuple[float, float]]], *, across: str, up: str
) -> str:
    """Lines on logarithmic axes, with their slope: 1 is linear."""
    left, right, top, height = 70, 210, 56, 420
    points = [point for line in lines.values() for point in line]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x_low, x_high = log10(min(xs)), log10(max(xs))
    y_low, y_high = floor(log10(min(ys))), ceil(log10(max(ys)))
    wide, tall = _WIDTH - left - right, height - top - 50

    def place(x: float, y: float) -> tuple[float, float]:
        across = (log10(x) - x_low) / ((x_high - x_low) or 1)
        return left + across * wide, top + tall - (log10(y) - y_low) / (
            (y_high - y_low) or 1
        ) * tall

    parts = [_head(title, height)]
    for power in range(y_low, y_high + 1):
        _, y = place(min(xs), 10.0**power)
        parts.append(
            f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{left + wide}" y2="{y:.1f}"/>'
        )
        parts.append(
            f'<text class="small" text-anchor="end" x="{left - 6}" '
            f'y="{y + 4:.1f}">{10.0**power:g}</text>'
        )
    for x_value in sorted(set(xs)):
        x, _ = place(x_value, 10.0**y_low)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{top + tall}"/>')
        parts.append(
            f'<text class="small" text-anchor="middle" x="{x:.1f}" '
            f'y="{top + tall + 18}">{x_value:g}</text>'
        )
    parts.append(
        f'<text class="small" text-anchor="middle" x="{left + wide / 2}" '
        f'y="{height - 10}">{escape(across)}</text>'
    )
    parts.append(f'<text class="small" x="{left - 50}" y="{top - 10}">{escape(up)}</text>')
    ends = sorted(lines, key=lambda name: lines[name][-1][1], reverse=True)
    lowest = 0.0
    for name in ends:
        colour = _COLOURS[list(lines).index(name) % len(_COLOURS)]
        spots = [place(x, y) for x, y in lines[name]]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline class="line" stroke="{colour}" points="{path}"/>')
        parts += [f'<circle fill="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in spots]
        lowest = max(lowest + 18, spots[-1][1] + 4)  # labels do not lie on each other
        said = f"{escape(name)} ({slope(lines[name]):.2f})"
        parts.append(
            f'<text x="{left + wide + 10}" y="{lowest:.1f}" style="fill:{colour}">{said}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def slope(line: Sequence[tuple[float, float]]) -> float:
    """The exponent between the last point and the one nearest to a tenth of it:

    1 is linear, 2 is quadratic.
    """
    x, y = line[-1]
    if len(line) < 2:
        return 0.0
    x_before, y_before = min(line[:-1], key=lambda point: abs(log10(x / 10) - log10(point[0])))
    return log10(y / y_before) / log10(x / x_before)


def _head(title: str, height: int) -> str:
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    named = f'role="img" aria-label="{escape(title)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {named}>\n{_STYLE}'
    return f'{head}\n<text class="title" x="12" y="24">{escape(title)}</text>'


def _ticks(largest: float) -> list[float]:
    """Round numbers from 0, some five of them."""
    rough = largest / 5
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [step * count for count in range(int(largest / step) + 1)]


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
