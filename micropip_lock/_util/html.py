"""Results as HTML for notebooks: tables, lists, plain SVG, no JavaScript.

Colours come from the page: text takes the one that is there, so light and dark themes both work.
Every word of a wheel, an index or a lock is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from ..errors import Problem
from .progress import Tally, count, left, size
from .text import showable
from .url import split

if TYPE_CHECKING:
    from ..proof.evidence import Evidence

#: Packages in the size picture; the others are one bar together.
_BARS = 12
#: Rows of a table that are shown without a click.
_ROWS = 60

_STYLE = """<style>
.micropip-lock { font-size: 0.9em; line-height: 1.4; }
.micropip-lock table { border-collapse: collapse; margin: 0.5em 0; }
.micropip-lock caption { text-align: left; font-weight: bold; padding: 0.3em 0; }
.micropip-lock th, .micropip-lock td { padding: 0.15em 0.8em 0.15em 0; font-weight: normal; }
.micropip-lock th, .micropip-lock td { text-align: left !important; }
.micropip-lock thead th { border-bottom: 1px solid; opacity: 0.75; }
.micropip-lock td.number { text-align: right !important; font-variant-numeric: tabular-nums; }
.micropip-lock code { font-size: 1em; }
.micropip-lock .hint { opacity: 0.8; }
.micropip-lock summary { cursor: pointer; }
.micropip-lock progress { width: 12em; vertical-align: middle; }
</style>"""


def page(*parts: str) -> str:
    """A block of the parts that are not empty."""
    return f'{_STYLE}<div class="micropip-lock">{"".join(filter(None, parts))}</div>'


def _text(text: str) -> str:
    """Text of a package, an index or a lock as HTML, in one line."""
    return escape(showable(text))


def packages(evidence: Sequence[Evidence]) -> str:
    """A table of packages: name, version, size, proof, origin."""
    sizes = [item.size if item.size is not None else item.installed_size for item in evidence]
    cells = [
        f'<tr><th scope="row">{_text(item.package)}</th><td>{_text(item.version)}</td>'
        f'<td class="number">{size(number)}</td><td>{_text(item.proof)}</td>'
        f"<td>{_text(whence(item))}</td></tr>"
        for item, number in zip(evidence, sizes, strict=True)
    ]
    head = "".join(
        f'<th scope="col">{word}</th>' for word in ("package", "version", "size", "proof", "origin")
    )
    caption = f"<caption>{count(len(evidence), 'package')}</caption>"
    shown = "".join(cells[:_ROWS])
    table = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{shown}</tbody></table>"
    if len(cells) <= _ROWS:
        return table
    rest = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(cells[_ROWS:])}</tbody></table>"
    more = count(len(cells) - _ROWS, "more package")
    return f"{table}<details><summary>{more}</summary>{rest}</details>"


def whence(evidence: Evidence) -> str:
    """The origin of a package, in few words: the source of the claim, and the host."""
    place = split(evidence.index or evidence.url).netloc
    return f"{evidence.claim} {place}".strip()


def bars(evidence: Iterable[Evidence]) -> str:
    """A chart of sizes: those of the wheels, or else of the installed files."""
    sizes = {item.package: item.size or item.installed_size or 0 for item in evidence}
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    shown = [item for item in ordered[:_BARS] if item[1]]
    rest = ordered[_BARS:]
    if len(shown) < 2:
        return ""
    if total := sum(number for _, number in rest):
        shown.append((count(len(rest), "other"), total))
    longest = max(number for _, number in shown)
    lines = []
    for row, (name, number) in enumerate(shown):
        y, width = 20 * row, max(1, round(260 * number / longest))
        label = name if len(name) <= 24 else f"{name[:23]}…"
        lines.append(
            f'<text x="170" y="{y + 14}" text-anchor="end">{_text(label)}</text>'
            f'<rect x="178" y="{y + 3}" width="{width}" height="14" fill-opacity="0.45"/>'
            f'<text x="{184 + width}" y="{y + 14}">{size(number)}</text>'
        )
    legend = ", ".join(f"{name} {size(number)}" for name, number in shown)
    return (
        '<details open=""><summary>Sizes</summary><svg role="img" aria-label="Sizes: '
        f'{_text(legend)}" width="520" '
        f'height="{20 * len(shown)}" fill="currentColor" '
        f'font-size="12">{"".join(lines)}</svg></details>'
    )


def problems(items: Sequence[Problem], title: str, *, closed: bool = False) -> str:
    """What is wrong, each with what to do about it."""
    if not items:
        return ""
    lines = [
        f"<li><strong>{_text(' '.join(filter(None, (item.package, item.version))))}</strong>: "
        f"{_text(item.message)} <code>{_text(item.code)}</code>"
        f'<div class="hint">{_text(item.hint)}</div></li>'
        for item in items
    ]
    opened = "" if closed else ' open=""'
    return f"<details{opened}><summary>{_text(title)}</summary><ul>{''.join(lines)}</ul></details>"


def paragraph(text: str) -> str:
    """A line of text."""
    return f"<p>{_text(text)}</p>"


def download(name: str, content: bytes, kind: str, *, url: str | None = None) -> str:
    """A link that saves a file.

    It needs no page to run in: the bytes are in it, unless ``url`` has them.
    """
    target = url or f"data:{kind};base64,{base64.b64encode(content).decode()}"
    link = f'<a download="{_text(name)}" href="{escape(target)}">Download {_text(name)}</a>'
    return f"<p>{link} ({size(len(content))})</p>"


def bar(done: int, total: int, text: str) -> str:
    """A bar for a count."""
    words = f"{done} of {total}"
    return page(
        f'<progress max="{total}" value="{done}" aria-label="{words}"></progress> {words} '
        f"{_text(text)}"
    )


def transfers(tally: Tally) -> str:
    """A bar for all that is on its way together, and one for each file."""
    sums = [
        f"{size(tally.received)} of {size(tally.total)}" if tally.total else size(tally.received)
    ]
    sums += [
        f"{size(round(tally.rate))}/s",
        left(tally.seconds_left),
        f"{count(tally.done, 'file')} done",
    ]
    lines = [f"<div>{_bar(tally.received, tally.total)} {' · '.join(filter(None, sums))}</div>"]
    lines += [
        f"<div>{_bar(item.received, item.size)} {_text(item.name)} {size(item.received)}</div>"
        for item in tally.running[:_BARS]
    ]
    if len(tally.running) > _BARS:
        lines.append(f"<div>and {count(len(tally.running) - _BARS, 'more file')}</div>")
    return page(*lines)


def _bar(done: int, total: int | None) -> str:
    value = f' max="{total}" value="{min(done, total)}"' if total else ""
    return f"<progress{value}></progress>"
