"""Markers: the target's environment, extras, and what cannot be evaluated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import Requirement

from micropip_lock.dependencies.markers import MarkerEvaluator
from micropip_lock.formats.lockfile import LockInfo
from micropip_lock.formats.target import Target

from ...support.freezing import INFO
from .test_edges import TARGET

MARKERS = MarkerEvaluator.of(TARGET)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('sys_platform == "emscripten"', True),
        ('sys_platform == "linux"', False),
        ('python_full_version >= "3.14.2"', True),
        ('python_version < "3.12"', False),
        ('extra == ""', True),
        ('extra == "x"', False),
        ("sys_platform ~= 'x'", None),
        ("'x' in extras", None),
        ("'x' in dependency_groups", None),
    ],
)
def test_a_marker_without_extras(text: str, expected: bool | None) -> None:
    try:
        marker = Marker(text)
    except ValueError:  # packaging before 25 does not know such variables
        return
    assert MARKERS.evaluate(marker) is expected
    assert MARKERS.evaluate(Marker(text)) is expected  # an equal one, from the cache


def test_no_marker_holds() -> None:
    assert MARKERS.evaluate(None) is MARKERS.evaluate(None, "x") is True


def test_a_marker_that_makes_no_sense_raises_for_a_requirement() -> None:
    with pytest.raises(ValueError, match=r"the marker of 'demo; .*~= \"x\"' cannot be evaluated"):
        MARKERS.holds(Requirement("demo; sys_platform ~= 'x'"))


def test_markers_of_another_pyodide() -> None:
    info = {**INFO, "python": "3.12.1", "abi_version": "2024_0"}
    older = MarkerEvaluator.of(Target.from_info(LockInfo.from_dict(info, "info")))
    requirement = Requirement("demo; python_version < '3.13'")
    assert older.holds(requirement)
    assert not MARKERS.holds(requirement)


def test_the_sets_of_a_pylock() -> None:
    environment = {
        **TARGET.environment,
        "extras": frozenset({"more"}),
        "dependency_groups": frozenset({"test"}),
    }
    markers = MarkerEvaluator(environment)
    assert markers.evaluate(Marker("'More' in extras and 'test' in dependency_groups")) is True
    assert markers.evaluate(Marker("'rest' in extras")) is False


@pytest.mark.parametrize(
    ("text", "extras"),
    [
        ('extra == "one"', {"one"}),
        ('"Two.X" == extra and sys_platform == "x" or extra == "one"', {"one", "two-x"}),
        ('sys_platform == "x"', set()),
        ('extra != "one"', None),
        ('extra in "one two"', None),
        ('extra == "one" or extra > "a"', None),
        ('extra == ""', None),
    ],
)
def test_the_extras_that_a_marker_names(text: str, extras: set[str] | None) -> None:
    assert MARKERS.extras_in(Marker(text)) == extras


def test_a_marker_that_cannot_be_written_is_evaluated() -> None:
    """It has both kinds of quotation marks: some versions of `packaging` have no text for it."""
    marker = Marker(r'''os_name != "\x22\x27" and extra == "x"''')
    assert MARKERS.evaluate(marker, "x") is True
    assert MARKERS.evaluate(marker) is False


COMPARISONS = st.sampled_from(
    [
        'extra == "a"',
        '"B_b" == extra',
        'extra != "a"',
        'extra in "a c"',
        'extra == ""',
        'sys_platform == "emscripten"',
        'python_version < "3.12"',
        "sys_platform ~= 'x'",
    ]
)
TEXTS = st.recursive(
    COMPARISONS,
    lambda inner: st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
        lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
    ),
    max_leaves=4,
)


@given(st.lists(st.tuples(TEXTS, st.sampled_from(["", "a", "b-b", "c"])), max_size=6))
def test_the_cache_changes_no_answer(questions: list[tuple[str, str]]) -> None:
    markers = MarkerEvaluator.of(TARGET)
    for text, extra in questions:
        try:
            expected = Marker(text).evaluate({**TARGET.environment, "extra": extra})
        except ValueError:
            expected = None
        assert markers.evaluate(Marker(text), extra) is expected
