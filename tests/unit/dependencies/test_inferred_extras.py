"""Extras inferred from the edges of a lock; `test_edges` has those of installed distributions."""

from __future__ import annotations

import pytest

from micropip_lock.dependencies.inferred_extras import extras_that_explain
from micropip_lock.dependencies.markers import MarkerEvaluator
from micropip_lock.formats.core_metadata import parse_metadata

from .test_edges import TARGET


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"plain"}, ()),
        ({"plain", "one"}, ("a",)),
        ({"plain", "one", "two"}, ("a", "b")),
        ({"plain", "one", "two", "three"}, ("a", "b", "c")),
        ({"one"}, ("a",)),
        ({"unknown"}, ()),
    ],
)
def test_the_fewest_extras_that_explain_a_lock(names: set[str], expected: tuple[str, ...]) -> None:
    lines = [
        "plain",
        'one ; extra == "a"',
        'one ; extra == "b"',
        'two ; extra == "b"',
        'app[a,b] ; extra == "all"',
    ]
    lines += [
        'three ; extra == "c"',
        'three[x] ; extra == "deep"',
        'never ; extra == "a" and sys_platform == "win32"',
    ]
    extras = "".join(f"Provides-Extra: {name}\n" for name in ("a", "b", "c", "all", "deep"))
    text = f"Name: app\nVersion: 1.0\n{extras}" + "".join(
        f"Requires-Dist: {line}\n" for line in lines
    )
    metadata = parse_metadata(text.encode())
    assert extras_that_explain(metadata, names, MarkerEvaluator.of(TARGET)) == expected
