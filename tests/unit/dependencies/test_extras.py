"""Extras: which requirements they add, and which extras request others."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from micropip_lock.dependencies.extras import (
    DeclaredRequirements,
    ExtraSelection,
    fits,
    requirements_from,
)
from micropip_lock.dependencies.markers import MarkerEvaluator
from micropip_lock.formats.core_metadata import parse_metadata

from .test_edges import TARGET

MARKERS = MarkerEvaluator.of(TARGET)

Texts = Mapping[str, list[str]]


def declared(packages: Texts) -> dict[str, DeclaredRequirements]:
    return {
        name: DeclaredRequirements(map(Requirement, texts), MARKERS)
        for name, texts in packages.items()
    }


def texts(requirements: list[Requirement]) -> list[str]:
    return [str(item).partition(";")[0].strip() for item in requirements]


# -- of one package


def test_what_an_extra_adds_in_the_order_of_metadata() -> None:
    package = declared(
        {
            "app": [
                'first; extra == "x"',
                "plain",
                'windows; sys_platform == "win32" and extra == "x"',
                'either; extra == "y" or extra == "X"',
                'always; extra != "y"',
                'other; extra != "x" and extra != ""',
            ]
        }
    )["app"]
    assert texts(package.added_by("")) == texts(package.active()) == ["plain", "always"]
    assert texts(package.added_by("x")) == ["first", "either"]
    assert texts(package.added_by("y")) == ["either", "other"]
    assert texts(package.active(["y", "x"])) == ["first", "plain", "either", "always", "other"]


def test_a_senseless_marker_is_an_error_unless_lenient() -> None:
    lines = ["sys_platform ~= 'x'", "extra == 'x'"]
    text = "Name: app\nVersion: 1.0\n" + "".join(f"Requires-Dist: a; {line}\n" for line in lines)
    metadata = parse_metadata(text.encode())
    package = DeclaredRequirements(metadata.requires, MARKERS)
    for extra in ("", "x", "unknown"):
        with pytest.raises(ValueError, match="cannot be evaluated"):
            package.added_by(extra)
    lenient = DeclaredRequirements.lenient(metadata, MARKERS)
    assert (texts(lenient.active()), texts(lenient.active(["x"]))) == ([], ["a"])


@pytest.mark.parametrize(
    ("wanted", "version", "expected"),
    [
        ("other>=1", "2.0a1", True),
        ("other<2", "2.0", False),
        ("other @ https://files.example/other-9.whl", "1.0", True),
        ("other", "not a version", True),
        ("other>=1", "not a version", False),
        ("other>=1", "9" * 5000, False),
    ],
)
def test_whether_a_version_fits(wanted: str, version: str, expected: bool) -> None:
    assert fits(Requirement(wanted), version) is expected


# -- of several packages


def test_requirements_of_the_extras_that_a_package_requests() -> None:
    packages = {
        "app": ["middle[more]", 'own; extra == "x"', "app[x]", "absent[y]"],
        "middle": ["base", 'deep[last]; extra == "more"', 'app; extra == "more"'],
        "deep": ['end; extra == "last"', 'never; extra == "first"'],
    }
    found = [
        (item.name, item.package, item.extra)
        for item in requirements_from("app", declared(packages))
    ]
    assert found == [
        ("middle", "app", ""),
        ("app", "app", ""),
        ("absent", "app", ""),
        ("own", "app", "x"),
        ("deep", "middle", "more"),
        ("app", "middle", "more"),
        ("end", "deep", "last"),
    ]


def test_an_extra_that_is_selected_later_selects_others() -> None:
    selection = ExtraSelection(
        declared(
            {
                "app": ["middle[a]"],
                "middle": ['last[z]; extra == "b"', 'middle[c]; extra == "b"'],
                "last": ['end; extra == "z"'],
            }
        )
    )
    assert selection.extras("middle") == {"a"}
    assert selection.select("middle", "a") == set()
    assert texts(selection.active("last")) == []
    assert selection.select("middle", "b") == {"middle", "last"}
    assert selection.extras("middle") == {"a", "b", "c"}
    assert texts(selection.active("last")) == ["end"]


NAMES = ["p", "q", "r"]
EXTRAS = ["a", "b", "c"]
REQUIREMENTS = st.builds(
    lambda name, extras, marker: f"{name}[{','.join(extras)}]{marker}",
    st.sampled_from([*NAMES, "absent"]),
    st.lists(st.sampled_from(EXTRAS), max_size=2),
    st.sampled_from(
        ["", '; extra == "a"', '; extra == "b" or extra == "c"', '; extra != "a"', '; extra in "b"']
    ),
)
PACKAGES = st.fixed_dictionaries({name: st.lists(REQUIREMENTS, max_size=4) for name in NAMES})
SELECTED = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(EXTRAS)), max_size=3)


def active(packages: Texts, name: str, extras: set[str]) -> list[Requirement]:
    """The plain twin of `DeclaredRequirements.active`: every marker with every extra."""
    requirements = map(Requirement, packages[name])
    return [
        item
        for item in requirements
        if item.marker is None or any(item.marker.evaluate({"extra": it}) for it in extras)
    ]


def selected(packages: Texts, extras: list[tuple[str, str]]) -> dict[str, set[str]]:
    """The plain twin of `ExtraSelection`: all requirements over and over, until nothing changes."""
    found = {name: {""} | {extra for key, extra in extras if key == name} for name in packages}
    while True:
        before = {name: set(names) for name, names in found.items()}
        for name in packages:
            for requirement in active(packages, name, found[name]):
                if requirement.name in packages:
                    found[requirement.name] |= requirement.extras
        if found == before:
            return found


@given(PACKAGES, SELECTED)
def test_a_selection_is_closed(packages: Texts, extras: list[tuple[str, str]]) -> None:
    selection = ExtraSelection(declared(packages))
    for number, (name, extra) in enumerate(extras):
        before = {key: set(selection.extras(key)) for key in packages}
        changed = selection.select(name, extra)
        expected = selected(packages, extras[: number + 1])
        assert {key: {"", *selection.extras(key)} for key in packages} == expected
        assert changed == {key for key in packages if selection.extras(key) != before[key]}
        for key in packages:
            assert selection.active(key) == active(packages, key, expected[key])


@given(PACKAGES)
def test_requirements_from_a_package_are_those_of_what_it_selects(packages: Texts) -> None:
    found = [*requirements_from("p", declared(packages))]
    parts = {("p", "")}
    for _ in range(len(NAMES) * len(EXTRAS) + 1):
        for name, extra in set(parts):
            plain = active(packages, name, {""})
            own = [
                item for item in active(packages, name, {extra}) if not extra or item not in plain
            ]
            parts |= {
                (item.name, it) for item in own if item.name in packages for it in item.extras
            }
    assert {(item.package, item.extra) for item in found} <= parts
    for name, extra in parts:
        plain = active(packages, name, {""})
        own = [item for item in active(packages, name, {extra}) if not extra or item not in plain]
        assert [i.requirement for i in found if (i.package, i.extra) == (name, extra)] == own
