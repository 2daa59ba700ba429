"""What differs between two locks, as Markdown for a comment on a pull request.

Every value stands in a code span, so that it neither becomes a link nor mentions a user; what
would end a code span is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..operations.diff import KINDS, Change, Diff, Kind
from .diff_text import ALARM, filename, is_foreign, moved, short, totals
from .printed import plain

_TITLES: dict[Kind, str] = {
    "bytes": "Same version, same file name, other bytes",
    "removed": "Removed",
    "added": "Added",
    "version": "Other version",
    "file": "Same version, another file of it",
    "url": "The same file from elsewhere",
    "details": "The same file, described otherwise",
}
#: Longer tables are folded up, but for the one that is to be seen.
_MOST_ROWS = 10
_MOST_NAMES = 10


def to_markdown(found: Diff) -> str:
    """Markdown with one table a kind; long ones are folded up."""
    if found.equal:
        return "**Lock:** no difference.\n"
    parts = [f"**Lock:** {totals(found)}\n"]
    base = [f"| {item.key} | {_code(item.old)} | {_code(item.new)} |" for item in found.base]
    if base:
        parts.append("\n".join(["| base | old | new |", "|---|---|---|", *base]) + "\n")
    if found.other:
        parts.append(f"Also changed: {', '.join(map(_code, found.other))}.\n")
    tables = (
        "\n".join(_table(kind, found.of(kind), bool(found.base)))
        for kind in KINDS
        if found.of(kind)
    )
    parts.extend(f"{table}\n" for table in tables)
    return "\n".join(parts)


def _table(kind: Kind, changes: Sequence[Change], other_base: bool) -> Iterator[str]:
    title = f"{_TITLES[kind]}: {len(changes)}"
    # Where the base is another one, all of Pyodide's own packages have other bytes.
    loud = kind == "bytes" and (not other_base or any(map(is_foreign, changes)))
    folded = len(changes) > _MOST_ROWS and not loud
    if folded:
        yield f"<details><summary><b>{title}</b></summary>\n"
    elif loud:
        yield f"> [!CAUTION]\n> **{title}.** {ALARM}\n"
    else:
        yield f"**{title}**\n"
    yield "| package | version | |"
    yield "|---|---|---|"
    for change in changes:
        yield f"| {_code(change.package)} | {_versions(change)} | {', '.join(_notes(change))} |"
    if folded:
        yield "\n</details>"


def _versions(change: Change) -> str:
    versions = dict.fromkeys(item.version for item in (change.old, change.new) if item is not None)
    text = " → ".join(map(_code, versions))
    return f"{text} (older)" if change.direction == "down" else text


def _notes(change: Change) -> Iterator[str]:
    if change.old is not None and change.new is not None:
        old, new = change.old, change.new
        if change.kind == "bytes":
            yield f"sha256 {_code(short(old.sha256))} → {_code(short(new.sha256))}"
        if change.kind == "file":
            yield f"{_code(filename(old.file_name))} → {_code(filename(new.file_name))}"
    if place := moved(change):
        yield " → ".join(map(_code, place))
    for key, names in (("depends", change.depends), ("imports", change.imports)):
        signs = [f"+{name}" for name in names.added] + [f"-{name}" for name in names.removed]
        if signs:
            more = f" and {len(signs) - _MOST_NAMES} more" if len(signs) > _MOST_NAMES else ""
            yield f"{key} {' '.join(map(_code, signs[:_MOST_NAMES]))}{more}"
    yield from map(_code, change.keys)


def _code(text: str | None) -> str:
    """A code span. A backtick would end it, and a bar or a backslash before one would end the cell
    of a table.
    """
    if not text:
        return "none"
    return f"`{''.join('?' if letter in '`|' + chr(92) else letter for letter in plain(text))}`"
