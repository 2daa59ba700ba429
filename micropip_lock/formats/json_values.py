"""JSON from files of users and tools: parsed strictly, and its values checked.

What is wrong with a value is said the same way wherever one is read: what was expected, and what
was found.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, TypeGuard

from ..errors import InputError

#: Characters of a value that a message shows.
_LONGEST = 60


def parse_json(
    data: str | bytes,
    origin: str,
    make_object: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None = None,
) -> Any:
    """Parse JSON as strictly as the runtime does; ``make_object`` is called with the pairs of each
    object.

    Raises `InputError` that names ``origin``.
    """
    try:
        return json.loads(
            data, parse_constant=_finite, parse_float=_finite, object_pairs_hook=make_object
        )
    except (ValueError, RecursionError) as error:
        raise InputError(f"{origin} is not valid JSON ({error}). Is the file whole?") from error


def _finite(text: str) -> float:
    # JSON has no Infinity and no NaN, and the runtime's parser refuses them.
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:20]} is no number of JSON")
    return value


def describe(value: object) -> str:
    """A value of JSON as messages show it, cut where it is long."""
    try:
        text = "nothing" if value is None else json.dumps(value, default=repr)
    except (ValueError, TypeError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def expected(what: str, value: object) -> str:
    """What is wrong with a value, without a final full stop: «expected a text, found 3»."""
    return f"expected {what}, found {describe(value)}"


def is_text(value: object) -> TypeGuard[str]:
    """Whether a value is a text with at least one character."""
    return isinstance(value, str) and value != ""


def as_texts(value: object) -> tuple[str, ...] | None:
    """The texts of an array of nothing but texts; None for another value."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(value)
