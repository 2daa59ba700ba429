"""What a resolution knows:

requirements taken apart, what they allow, and what is missing to go on.
"""

from __future__ import annotations

from typing import Any

import pytest
from packaging.requirements import Requirement as DeclaredRequirement
from packaging.version import Version

from micropip_lock.errors import FetchError
from micropip_lock.formats.core_metadata import parse_metadata
from micropip_lock.formats.requirement import parse_wanted
from micropip_lock.index.client import Listing
from micropip_lock.operations.base import Base
from micropip_lock.operations.resolve.project import Choice
from micropip_lock.operations.resolve.state import (
    Candidate,
    DataNeeded,
    Requirement,
    ResolutionState,
    common_hashes,
    requirements_of,
)

from ....support.freezing import base_lock, entry
from .test_project import INDEX, TARGET, listing, sdist, wheel

URL = "https://host.example/demo-1.0-py3-none-any.whl"


def state(
    *roots: str, constraints: tuple[str, ...] = (), base: Any = None, **options: Any
) -> ResolutionState:
    wanted = [parse_wanted(text) for text in roots]
    limits = [parse_wanted(text) for text in constraints]
    return ResolutionState(Base(base or base_lock()), TARGET, wanted, limits, **options)


def requirements(*texts: str) -> list[Requirement]:
    wanted = [parse_wanted(text) for text in texts]
    return [
        requirement
        for item in wanted
        for requirement in requirements_of(item.requirement, item.hashes)
    ]


def found(known: ResolutionState, *texts: str) -> list[str]:
    """The matches, best first; the base's own in brackets."""
    choices = known.matches("demo", requirements(*texts))
    return [f"[{choice.version}]" if choice.entry else str(choice.version) for choice in choices]


# -- requirements taken apart


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


@pytest.mark.parametrize(
    ("roots", "constraints", "pin"),
    [
        (["demo==1.0"], (), "1.0"),
        (["demo==1.0", "demo>=0.9"], (), "1.0"),
        (["demo"], ("demo==1.0",), "1.0"),
        (["demo==1.0", "demo==1.0"], (), "1.0"),
        (["demo==1.0", "demo==1.1"], (), None),
        (["demo==1.*"], (), None),
        (["demo===no-version"], (), None),
        (["demo===1.*"], (), None),
        (["other==1.0"], (), None),
    ],
    ids=str,
)
def test_the_pin_of_a_project(
    roots: list[str], constraints: tuple[str, ...], pin: str | None
) -> None:
    expected = None if pin is None else Version(pin)
    assert state(*roots, constraints=constraints).pin_of("demo") == expected


def test_the_hashes_of_a_project_are_those_that_all_allow() -> None:
    one, two, three = (digit * 64 for digit in "123")
    first = f"demo --hash=sha256:{one} --hash=sha256:{two}"
    second = f"demo --hash=sha256:{two} --hash=sha256:{three}"
    assert state(first, "other").hashes_of("demo") == {one, two}
    assert state(first, constraints=(second,)).hashes_of("demo") == {two}
    assert state(first).hashes_of("other") == frozenset()
    assert common_hashes(requirements(first, second, "demo")) == {two}
    assert common_hashes(requirements("demo")) == frozenset()
    assert common_hashes(requirements(first, f"demo --hash=sha256:{three}")) is None


# -- what is allowed


def test_an_ask_allows_by_version_hash_url_and_identity() -> None:
    (choice,) = state().matches("demo", requirements(f"demo @ {URL}"))
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


def test_pages_are_missing_until_they_are_learnt() -> None:
    known = state()
    with pytest.raises(DataNeeded) as caught:
        list(known.matches("demo", requirements("demo>=1")))
    assert (caught.value.name, caught.value.choice) == ("demo", None)
    known.add_pages("demo", listing([wheel("2.0"), wheel("1.0"), wheel("0.9")]))
    assert found(known, "demo>=1") == ["2.0", "1.0"]
    assert found(known, "demo>=1", "demo<2") == ["1.0"]


def test_the_base_needs_no_pages_as_long_as_it_will_do() -> None:
    known = state(base=base_lock(entry("demo", "1.5")))
    matches = known.matches("demo", requirements("demo"))
    assert next(matches).entry is not None
    with pytest.raises(DataNeeded):  # it fell
        next(matches)
    with pytest.raises(DataNeeded):
        next(known.matches("demo", requirements("demo>2")))
    with pytest.raises(DataNeeded):
        next(
            state(base=base_lock(entry("demo", "1.5")), upgrade=True).matches(
                "demo", requirements("demo")
            )
        )
    with pytest.raises(DataNeeded):
        next(
            state(base=base_lock(entry("demo", "1.5")), constraints=("demo<1",)).matches(
                "demo", requirements("demo")
            )
        )


def test_what_only_the_base_has_is_never_missing() -> None:
    known = state(
        base=base_lock(entry("demo", package_type="shared_library", file_name="demo.zip"))
    )
    assert found(known, "demo") == ["[1.0]"]
    assert found(known, "demo>9") == []


def test_what_could_not_be_had_is_an_error_where_it_is_needed() -> None:
    known = state(base=base_lock(entry("demo", "1.5")))
    known.errors["demo"] = FetchError("no answer", url="")
    assert next(known.matches("demo", requirements("demo"))).entry is not None
    with pytest.raises(FetchError, match="no answer"):
        next(known.matches("demo", requirements("demo>2")))


@pytest.mark.parametrize(
    ("options", "texts", "expected"),
    [
        ({}, ["demo"], ["1.0"]),
        ({"pre": True}, ["demo"], ["2.0rc1", "1.0"]),
        ({}, ["demo>=1.5a0"], ["2.0rc1"]),
        ({}, ["demo>=1", "demo!=2.0a1"], ["1.0"]),
        ({}, ["demo>1"], ["2.0rc1"]),
        ({"constraints": ("demo>=0.1a0",)}, ["demo"], ["2.0rc1", "1.0"]),
    ],
    ids=str,
)
def test_prereleases(options: dict[str, Any], texts: list[str], expected: list[str]) -> None:
    known = state(**options)
    known.add_pages("demo", listing([wheel("2.0rc1"), wheel("1.0"), sdist("3.0")]))
    assert found(known, *texts) == expected


def test_prereleases_count_when_the_rest_turned_out_to_be_no_choice() -> None:
    known = state()
    known.add_pages("demo", listing([wheel("2.0rc1"), wheel("1.0")]))
    (choice,) = known.matches("demo", requirements("demo"))
    known.project("demo").reject(choice, "metadata", "broken")
    assert found(known, "demo") == ["2.0rc1"]


def test_hashes_that_exclude_each_other_allow_nothing() -> None:
    known = state()
    known.add_pages("demo", listing([wheel("1.0")]))
    assert found(known, *(f"demo --hash=sha256:{digit * 64}" for digit in "01")) == []
    assert found(known, *(f"demo @ {URL}#sha256={digit * 64}" for digit in "01")) == []


# -- URLs


@pytest.mark.parametrize(
    ("url", "version"),
    [
        (URL, "1.0"),
        (URL.replace("https:", "HTTPS:"), "1.0"),
        (URL.replace("host", "user:password@host") + "?x=1", "1.0"),
        (
            "https://host.example/a%20b/../demo-1.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
            "1.0",
        ),
        (URL.replace("py3-none-any", "cp313-cp313-pyodide_2025_0_wasm32"), None),
        (URL.replace("demo-1.0", "other-1.0"), None),
        (URL.replace("-py3-none-any.whl", ".tar.gz"), None),
        (URL.replace("https:", "ftp:"), None),
        ("file:///demo-1.0-py3-none-any.whl", None),
        ("demo-1.0-py3-none-any.whl", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_the_wheel_at_a_url(url: str, version: str | None) -> None:
    choice = state().direct("demo", url)
    assert (choice and str(choice.version)) == version
    if choice is not None:
        assert choice.direct
        assert choice.file is not None
        assert choice.file.url == url


def test_a_wheel_at_a_url_can_be_counted_out() -> None:
    known = state()
    (choice,) = known.matches("demo", requirements(f"demo @ {URL}"))
    known.reject_direct(choice, "needs Python <3")
    assert found(known, f"demo @ {URL}") == []
    assert known.fallen == {URL: "needs Python <3"}


def test_two_urls_match_nothing() -> None:
    assert found(state(), f"demo @ {URL}", f"demo @ {URL.replace('host', 'other')}") == []
    assert found(state(), f"demo @ {URL}", f"demo @ {URL}") == ["1.0"]


# -- what a choice needs


def learnt(*requires: str) -> tuple[ResolutionState, Choice]:
    """A memory that knows what the one version of demo needs."""
    known = state()
    known.add_pages("demo", listing([wheel("1.0")]))
    (choice,) = known.matches("demo", requirements("demo"))
    text = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    known.metadata[choice.key] = parse_metadata(f"Name: demo\nVersion: 1.0\n{text}\n".encode())
    return known, choice


def needs(known: ResolutionState, choice: Choice, extra: str = "") -> list[tuple[str, str]]:
    return [
        (requirement.name, requirement.extra)
        for requirement in known.dependencies(Candidate(choice, extra))
    ]


def test_needs_by_markers_and_extras() -> None:
    known, choice = learnt(
        "lib[fast]>=1",
        "never; sys_platform == 'win32'",
        "more; extra == 'x'",
        "lib; extra == 'x'",
        "both; python_version > '3' or extra == 'x'",
        "demo[y]; extra == 'x'",
        "demo",
        "demo>=1",
    )
    assert needs(known, choice) == [("lib", ""), ("lib", "fast"), ("both", "")]
    assert needs(known, choice, "x") == [("demo", ""), ("more", ""), ("lib", ""), ("demo", "y")]
    assert needs(known, choice, "unknown") == [("demo", "")]


def test_metadata_are_missing_until_they_are_read() -> None:
    known = state()
    known.add_pages("demo", listing([wheel("1.0")]))
    (choice,) = known.matches("demo", requirements("demo"))
    with pytest.raises(DataNeeded) as caught:
        needs(known, choice, "x")
    assert (caught.value.choice, caught.value.extra) == (choice, "x")
    known.errors[choice.key] = FetchError("no answer", url="")
    with pytest.raises(FetchError, match="no answer"):
        needs(known, choice)


def test_an_entry_of_the_base_needs_what_it_says_and_metadata_for_extras_only() -> None:
    known = state(
        base=base_lock(entry("demo", depends=["lib", "demo", "not-in-the-base"]), entry("lib"))
    )
    choice = known.project("demo").base
    assert choice is not None
    assert needs(known, choice) == [("lib", "")]
    with pytest.raises(DataNeeded) as caught:
        needs(known, choice, "x")
    assert caught.value.extra == "x"
    known.metadata[choice.key] = parse_metadata(
        b"Name: demo\nVersion: 1.0\nRequires-Dist: lib\nRequires-Dist: more; extra == 'x'\n\n"
    )
    assert needs(known, choice, "x") == [("demo", ""), ("more", "")]


def test_only_what_a_version_was_asked_for_is_marked_so() -> None:
    known = state("demo==1.0")
    known.add_pages("demo", listing([wheel("1.0")]), Version("1.0"))
    assert known.projects["demo"].pinned_version == Version("1.0")
    known.add_pages("demo", listing([wheel("2.0"), wheel("1.0")]))
    assert known.projects["demo"].pinned_version is None
    assert [str(version) for version in known.projects["demo"].versions] == ["2.0", "1.0"]


def test_an_unknown_project_has_no_matches() -> None:
    known = state()
    known.add_pages("demo", Listing((), (INDEX,), known=False))
    assert found(known, "demo") == []
    assert not known.project("demo").known
