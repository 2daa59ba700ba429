"""Inputs made of others:

bytes, lines, trees of JSON and TOML, and the records of a zip archive are changed.
"""

from __future__ import annotations

import json
import random
import re
import struct
import tomllib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .target import Kind

#: What breaks readers, as text and as values of JSON.
ODD_TEXTS = (
    "",
    " ",
    "\0",
    "\n",
    "\r",
    "\x85",
    "\u2028",
    "\ufeff",
    "\ud800",
    "\udcff",
    "é",
    "ß",
    "İ",
    "😀",
    "٣",
    "²",
    "..",
    "/",
    "//",
    "\\",
    "~",
    "%00",
    "%ff",
    "%2e%2e",
    "${HOME}",
    "[",
    "]",
    "http://[",
    "//[::1",
    ":",
    "@",
    "#",
    "?",
    "a" * 300,
    "1" * 5000,
    "9" * 400,
    "1e999999",
    "-1",
    "0",
    "NaN",
    "a.b" * 50,
    "{}",
    "{0}",
    "{name}",
    "%s",
    "*",
    "a:@b",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    -(2**63),
    1e308,
    0.1,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [{}],
    ["a"],
    *ODD_TEXTS,
)
_ODD_NUMBERS = (
    0,
    1,
    2,
    4,
    8,
    20,
    22,
    46,
    0x7F,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFE,
    0xFFFF,
    0x7FFFFFFF,
    0xFFFFFFFF,
)


def mutated(
    data: bytes, kind: Kind, words: Sequence[str], others: Sequence[bytes], rng: random.Random
) -> bytes:
    """``data`` after a few changes; ``others`` are inputs to take parts from."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        structured = rng.random() < 0.7
        found: bytes | None = None
        if structured and kind == "json":
            found = _json(data, words, rng)
        elif structured and kind == "toml":
            found = _toml(data, words, rng)
        elif structured and kind == "zip":
            found = _zip(data, rng)
        elif structured and kind == "text":
            found = _lines(data, words, others, rng)
        data = _bytes(data, words, others, rng) if found is None else found
    return data


# -- bytes and lines


def _bytes(data: bytes, words: Sequence[str], others: Sequence[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.choice((0, 1, 1, 2, 4, 8, 16, 64, 256)))
    kind = rng.randrange(7)
    if kind == 0:
        return data[:at] + data[end:]
    if kind == 1:
        return data[:at] + rng.randbytes(rng.randrange(1, 5)) + data[end:]
    if kind == 2:
        return data[:at] + _word(words, rng) + data[at:]
    if kind == 3:
        return data[:at] + _word(words, rng) + data[end:]
    if kind == 4:
        return data[:at] + data[at:end] * rng.choice((2, 3, 10)) + data[end:]
    if kind == 5 and others:
        other = rng.choice(others)
        start = rng.randrange(len(other) + 1)
        return data[:at] + other[start : start + rng.choice((4, 16, 64, 512, 4096))] + data[end:]
    if not data:
        return b"\0"
    at = min(at, len(data) - 1)
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _word(words: Sequence[str], rng: random.Random) -> bytes:
    return _text(words, rng).encode("utf-8", "surrogatepass")


def _text(words: Sequence[str], rng: random.Random) -> str:
    return rng.choice(words) if words and rng.random() < 0.7 else rng.choice(ODD_TEXTS)


def _lines(data: bytes, words: Sequence[str], others: Sequence[bytes], rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    kind = rng.randrange(7)
    if kind == 0 and len(lines) > 1:
        del lines[at]
    elif kind == 1:
        lines.insert(at, lines[rng.randrange(len(lines))])
    elif kind == 2:
        lines.insert(at, _word(words, rng))
    elif kind == 3:
        lines[at] += _word(words, rng)
    elif kind == 4:
        # Lines are made of words; one of them is another now.
        parts = re.split(rb"([ \t,;:=@#<>\"'()\[\]/]+)", lines[at])
        parts[rng.randrange(len(parts))] = _word(words, rng)
        lines[at] = b"".join(parts)
    elif kind == 5 and others:
        more = rng.choice(others).split(b"\n")
        lines[at:at] = more[rng.randrange(len(more)) :][: rng.choice((1, 1, 3))]
    else:
        lines[at] = _bytes(lines[at], words, (), rng)
    return b"\n".join(lines)


# -- trees


def _json(data: bytes, words: Sequence[str], rng: random.Random) -> bytes | None:
    try:
        tree = json.loads(data)
        text = json.dumps(_changed(tree, words, rng), ensure_ascii=rng.random() < 0.5)
        if rng.random() < 0.1:  # what no object holds
            text = text.replace(": ", f': {rng.choice(_NUMBERS)}, "x": ', 1)
        return text.encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError, TypeError):
        return None


_NUMBERS = (
    "1e999999",
    "-1e999999",
    "9" * 5000,
    "NaN",
    "Infinity",
    "1.0",
    "-0",
    "1E400",
    "[" * 2000,
)


def _toml(data: bytes, words: Sequence[str], rng: random.Random) -> bytes | None:
    try:
        import tomli_w

        return tomli_w.dumps(_changed(tomllib.loads(data.decode()), words, rng)).encode(
            "utf-8", "surrogatepass"
        )
    except (ValueError, RecursionError, TypeError, AttributeError):
        return None


Place = tuple[Any, Any]


def _places(tree: Any) -> Iterator[Place]:
    """Every container and key in it that holds a value."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        for key, item in items:
            yield value, key
            if isinstance(item, dict | list):
                waiting.append(item)


def _changed(tree: Any, words: Sequence[str], rng: random.Random) -> Any:
    if not isinstance(tree, dict | list) or rng.random() < 0.02:
        return rng.choice(ODD_VALUES)
    places = list(_places(tree))
    if not places:
        return (
            {_text(words, rng): rng.choice(ODD_VALUES)}
            if isinstance(tree, dict)
            else [rng.choice(ODD_VALUES)]
        )
    holder, key = rng.choice(places)
    _CHANGES[rng.randrange(len(_CHANGES))](holder, key, places, words, rng)
    return tree


_Change = Callable[[Any, Any, Sequence[Place], Sequence[str], random.Random], None]


def _odd(
    holder: Any, key: Any, places: Sequence[Place], words: Sequence[str], rng: random.Random
) -> None:
    holder[key] = rng.choice(ODD_VALUES)


def _worded(
    holder: Any, key: Any, places: Sequence[Place], words: Sequence[str], rng: random.Random
) -> None:
    value = holder[key]
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        holder[key] = _bytes(raw, words, (), rng).decode("utf-8", "replace")
    else:
        holder[key] = _text(words, rng)


def _removed(
    holder: Any, key: Any, places: Sequence[Place], words: Sequence[str], rng: random.Random
) -> None:
    del holder[key]


def _copied(
    holder: Any, key: Any, places: Sequence[Place], words: Sequence[str], rng: random.Random
) -> None:
    other, name = rng.choice(places)
    holder[key] = json.loads(json.dumps(other[name], default=str))


def _added(
    holder: Any, key: Any, places: Sequence[Place], words: Sequence[str], rng: random.Random
) -> None:
    value = json.loads(json.dumps(holder[key], default=str))
    if isinstance(holder, list):
        holder.insert(key, value)
    else:
        holder[_text(words, rng)] = value


def _wrapped(
    holder: Any, key: Any, places: Sequence[Place], words: Sequence[str], rng: random.Random
) -> None:
    holder[key] = [holder[key]] if rng.random() < 0.5 else {_text(words, rng): holder[key]}


_CHANGES: Sequence[_Change] = (
    _odd,
    _odd,
    _worded,
    _worded,
    _worded,
    _removed,
    _copied,
    _added,
    _added,
    _wrapped,
)


# -- zip archives

#: Signature, and the fields that follow it: all the numbers of a record.
_RECORDS = {
    b"PK\3\4": "<5H3L2H",
    b"PK\1\2": "<6H3L5H2L",
    b"PK\5\6": "<4H2LH",
    b"PK\6\6": "<Q2H2L4Q",
    b"PK\6\7": "<LQL",
}


def _zip(data: bytes, rng: random.Random) -> bytes | None:
    """One number of one record is another one now."""
    found = list(re.finditer(rb"PK(\x01\x02|\x03\x04|\x05\x06|\x06\x06|\x06\x07)", data))
    if not found:
        return None
    start = rng.choice(found)
    layout = struct.Struct(_RECORDS[start[0]])
    if start.end() + layout.size > len(data):
        return None
    fields = list(layout.unpack_from(data, start.end()))
    at = rng.randrange(len(fields))
    change = rng.randrange(4)
    if change == 0:
        fields[at] = rng.choice(_ODD_NUMBERS)
    elif change == 1:
        fields[at] += rng.choice((-1, 1, -46, 46, 8, 30))
    elif change == 2:
        fields[at] = rng.choice(fields)
    else:
        fields[at] ^= 1 << rng.randrange(32)
    widths = re.findall(r"(\d*)([HLQ])", layout.format[1:])
    sizes = [
        {"H": 2, "L": 4, "Q": 8}[kind] for count, kind in widths for _ in range(int(count or 1))
    ]
    fields = [value % (1 << 8 * size) for value, size in zip(fields, sizes, strict=True)]
    return data[: start.end()] + layout.pack(*fields) + data[start.end() + layout.size :]
