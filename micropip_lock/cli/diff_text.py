"""A comparison of two locks as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from .._util.progress import count
from .._util.url import is_http, shown, shown_filename
from ..operations.base import is_release
from ..operations.diff import KINDS, Change, Diff, Kind
from .printed import plain, wrapped

#: What introduces each group, and its sign and colour.
GROUPS: dict[Kind, tuple[str, str, str]] = {
    "bytes": ("!", "bold red", "same version, same file name, OTHER BYTES"),
    "removed": ("-", "red", "removed"),
    "added": ("+", "green", "added"),
    "version": ("~", "yellow", "other version"),
    "file": ("~", "cyan", "same version, another file of it"),
    "url": ("~", "blue", "the same file from elsewhere"),
    "details": ("~", "magenta", "the same file, described otherwise"),
}
_REPACKED = "The locks are for different Pyodides, and each release packs its own packages anew."
ALARM = "Nobody may publish other bytes under the same name: find out why before you use it."

#: More than so many lines say less than one paragraph.
_MOST_LINES = 20
_MOST_NAMES = 4
_IN_PARAGRAPHS = frozenset({"bytes", "removed", "added", "file"})


def lines(found: Diff, width: int) -> Iterator[Text]:
    """What differs, for people: one group a kind, and the totals.

    ``width``: columns of the terminal.
    """
    if found.equal:
        yield Text(f"No difference: {count(found.unchanged, 'package')}.")
        return
    for setting in found.base:
        change = f"{plain(setting.old or 'none')} -> {plain(setting.new or 'none')}"
        yield Text.assemble((f"base {setting.key}", "bold"), f"  {change}")
    if found.other:
        yield Text.assemble(("also", "bold"), f"  {some(found.other)}")
    for kind in KINDS:
        changes = found.of(kind)
        if changes:
            yield from _group(kind, changes, found, width)
    yield Text(totals(found), style="bold")


def _group(kind: Kind, changes: Sequence[Change], found: Diff, width: int) -> Iterator[Text]:
    _, style, words = GROUPS[kind]
    yield Text(f"{count(len(changes), 'package')}: {words}", style=style)
    if kind == "bytes":
        alarm = not found.base or any(map(is_foreign, changes))
        yield Text(f"  {ALARM if alarm else _REPACKED}", style="bold" if alarm else "")
    several = kind in _IN_PARAGRAPHS and len(changes) > _MOST_LINES
    brief = [
        change
        for change in changes
        if several and not _more(change) and not _is_alarming(change, found)
    ]
    if brief:
        yield from wrapped((Text(_subject(change)) for change in brief), min(width, 120), "  ")
    named = {change.package for change in brief}
    rest = [change for change in changes if change.package not in named]
    longest = min(max((len(change.package) for change in rest), default=0), 30)
    for change in rest:
        yield line(change, longest)


def is_foreign(change: Change) -> bool:
    """Whether its file is of a server that is not Pyodide's own."""
    return (
        change.new is not None
        and is_http(change.new.file_name)
        and not is_release(change.new.file_name)
    )


def _is_alarming(change: Change, found: Diff) -> bool:
    return change.kind == "bytes" and (not found.base or is_foreign(change))


def line(change: Change, column: int = 0) -> Text:
    """One change in one line; ``column``: the width of the names."""
    sign, style, _ = GROUPS[change.kind]
    name = plain(change.package).ljust(column)
    return Text.assemble(
        (f"  {sign} {name}", style), " ", _versions(change), Text(_rest(change), style="dim")
    )


def _subject(change: Change) -> str:
    entry = change.new or change.old
    return f"{plain(change.package)} {plain(entry.version) if entry else ''}"


def _versions(change: Change) -> Text:
    if change.old is None or change.new is None or change.kind != "version":
        return Text(_subject(change).partition(" ")[2])
    text = Text(f"{plain(change.old.version)} -> {plain(change.new.version)}")
    return text.append(" (older)", style="red") if change.direction == "down" else text


def _rest(change: Change) -> str:
    """What else there is to say about a change, each part after two blanks."""
    if change.old is None or change.new is None:
        return ""
    old, new = change.old, change.new
    parts = []
    if change.kind == "bytes":
        parts.append(f"sha256 {short(old.sha256)} -> {short(new.sha256)}")
    if change.kind == "file":
        parts.append(f"{filename(old.file_name)} -> {filename(new.file_name)}")
    if change.kind == "version" and old.sha256 == new.sha256:
        parts.append("the same bytes")
    return "".join(f"  {part}" for part in [*parts, *_more(change)])


def _more(change: Change) -> list[str]:
    """What changed beside the version and the file itself."""
    place = moved(change)
    parts = [" -> ".join(place)] if place else []
    for key, names in (("depends", change.depends), ("imports", change.imports)):
        if names:
            signs = [f"+{plain(name)}" for name in names.added] + [
                f"-{plain(name)}" for name in names.removed
            ]
            parts.append(f"{key} {some(signs, ' ')}")
    if change.keys:
        parts.append(some(change.keys))
    return parts


def moved(change: Change) -> tuple[str, str] | None:
    """From where to where a file moved, if it did."""
    if change.old is None or change.new is None:
        return None
    if change.kind == "url":
        old, new = plain(shown(change.old.file_name)), plain(shown(change.new.file_name))
        return (old, new) if old != new else (old, "other credentials, query or fragment")
    if change.places is None:
        return None
    old, new = (plain(place) or "beside the lock" for place in change.places)
    return old, new


def filename(file_name: str) -> str:
    """The last part of a URL or path, as it may be shown."""
    return plain(shown_filename(file_name))


def short(sha256: str) -> str:
    """The beginning of a hash: enough to distinguish two."""
    return f"{plain(sha256[:12])}..." if sha256 else "none"


def some(names: Sequence[str], between: str = ", ") -> str:
    """The first few of many names."""
    rest = len(names) - _MOST_NAMES
    return between.join(plain(name) for name in names[:_MOST_NAMES]) + (
        f" and {rest} more" if rest > 0 else ""
    )


def totals(found: Diff) -> str:
    """How much differs, in one line."""
    words = {
        "bytes": "with other bytes",
        "version": "with another version",
        "file": "with another file",
    }
    words |= {"url": "from elsewhere", "details": "described otherwise"}
    parts = [f"{number} {words.get(kind, kind)}" for kind, number in found.totals.items() if number]
    return f"{', '.join(parts) if found.changes else 'No package differs'}."
