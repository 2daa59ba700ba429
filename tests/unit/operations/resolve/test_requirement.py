"""Requirements for the package and for each extra, and the choices that they allow."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement as DeclaredRequirement
from packaging.version import Version

from micropip_lock.formats.requirement import parse_wanted
from micropip_lock.operations.resolve.project import Choice
from micropip_lock.operations.resolve.requirement import (
    Requirement,
    common_hashes,
    requirements_of,
)

from ....support.freezing import base_lock, entry
from .test_state import URL, state


def requirements(*texts: str) -> list[Requirement]:
    wanted = [parse_wanted(text) for text in texts]
    return [
        requirement
        for item in wanted
        for requirement in requirements_of(item.requirement, item.hashes)
    ]


def test_a_requirement_is_the_package_and_its_extras() -> None:
    parts = requirements("Demo.X[Two_b,one]>=1")
    assert [
        (requirement.name, requirement.extra, str(requirement.specifier)) for requirement in parts
    ] == [
        ("demo-x", "", ">=1"),
        ("demo-x", "one", ">=1"),
        ("demo-x", "two-b", ">=1"),
    ]
    assert {requirement.text for requirement in parts} == {
        str(DeclaredRequirement("Demo.X[Two_b,one]>=1"))
    }


@pytest.mark.parametrize(
    ("requirement", "text"),
    [
        ("demo >= 1 ; python_version > '3'", "demo>=1"),
        (
            "demo[x] @ https://user:hunter2@host.example/demo-1.0-py3-none-any.whl?t=hunter2",
            f"demo[x] @ {URL}",
        ),
        (f"demo @ {URL}#sha256={'ab' * 32}", f"demo @ {URL} --hash=sha256:abababab..."),
        (f"demo --hash=sha256:{'AB' * 32}", "demo --hash=sha256:abababab..."),
    ],
    ids=["marker", "secrets", "fragment", "hash"],
)
def test_requirements_are_shown_short_and_without_secrets(requirement: str, text: str) -> None:
    assert [item.text for item in requirements(requirement)][:1] == [text]


def test_a_very_long_requirement_is_cut() -> None:
    (requirement,) = requirements("demo" + ",".join(f"!=1.{number}" for number in range(500)))
    assert len(requirement.text) < 250
    assert requirement.text.endswith("...")


@pytest.mark.parametrize(
    ("text", "pins"),
    [
        ("demo==1.0", True),
        ("demo===1.0", True),
        ("demo==1.*", False),
        ("demo>=1", False),
        ("demo", False),
    ],
)
def test_what_pins(text: str, pins: bool) -> None:
    assert requirements(text)[0].pins is pins


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("demo>=1.0a1", True),
        ("demo==1.0rc1", True),
        ("demo>=1", False),
        ("demo", False),
        ("demo===any", False),
    ],
)
def test_what_names_a_prerelease(text: str, names: bool) -> None:
    assert requirements(text)[0].names_prerelease is names


def test_a_requirement_allows_by_version_hash_url_and_identity() -> None:
    choice = state().direct("demo", URL)
    assert choice is not None
    other = Choice("demo", Version("1.0"), choice.file)
    assert requirements("demo>=1")[0].allows(choice)
    assert not requirements("demo>1")[0].allows(choice)
    assert requirements(f"demo @ {URL}")[0].allows(choice)
    assert not requirements(f"demo @ {URL}")[0].allows(other), "the same URL, but from an index"
    assert Requirement("demo", same=choice).allows(choice)
    based = state(base=base_lock(entry("demo"))).project("demo").base
    assert based is not None
    assert not Requirement("demo", same=choice).allows(based)
    assert requirements(f"demo --hash=sha256:{based.sha256}")[0].allows(based)
    assert not requirements(f"demo --hash=sha256:{'0' * 64}")[0].allows(based)


def test_common_hashes() -> None:
    one, two, three = (digit * 64 for digit in "123")
    first = f"demo --hash=sha256:{one} --hash=sha256:{two}"
    second = f"demo --hash=sha256:{two} --hash=sha256:{three}"
    assert common_hashes(requirements(first, second, "demo")) == {two}
    assert common_hashes(requirements("demo")) == frozenset()
    assert common_hashes(requirements(first, f"demo --hash=sha256:{three}")) is None
