"""What a resolution knows: the user's requirements, pages, wheels at URLs, dependencies."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from micropip_lock.errors import FetchError
from micropip_lock.formats.core_metadata import parse_metadata
from micropip_lock.formats.requirement import parse_wanted
from micropip_lock.operations.base import Base
from micropip_lock.operations.resolve.matching import matches
from micropip_lock.operations.resolve.project import Choice
from micropip_lock.operations.resolve.requirement import (
    Candidate,
    Requirement,
)
from micropip_lock.operations.resolve.state import DataNeeded, ResolutionState

from ....support.freezing import base_lock, entry
from .test_project import TARGET, listing, wheel

URL = "https://host.example/demo-1.0-py3-none-any.whl"


def state(
    *roots: str, constraints: tuple[str, ...] = (), base: Any = None, **options: Any
) -> ResolutionState:
    wanted = [parse_wanted(text) for text in roots]
    limits = [parse_wanted(text) for text in constraints]
    return ResolutionState(Base(base or base_lock()), TARGET, wanted, limits, **options)


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
    choice = known.direct("demo", URL)
    assert choice is not None
    known.reject_direct(choice, "needs Python <3")
    assert known.direct("demo", URL) is None
    assert known.rejected_urls == {URL: "needs Python <3"}


def with_metadata(*requires: str) -> tuple[ResolutionState, Choice]:
    """A memory that knows what the one version of demo needs."""
    known = state()
    known.add_pages("demo", listing([wheel("1.0")]))
    (choice,) = matches(known, "demo", [Requirement("demo")])
    text = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    known.metadata[choice.key] = parse_metadata(f"Name: demo\nVersion: 1.0\n{text}\n".encode())
    return known, choice


def needs(known: ResolutionState, choice: Choice, extra: str = "") -> list[tuple[str, str]]:
    return [
        (requirement.name, requirement.extra)
        for requirement in known.dependencies(Candidate(choice, extra))
    ]


def test_needs_by_markers_and_extras() -> None:
    known, choice = with_metadata(
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
    (choice,) = matches(known, "demo", [Requirement("demo")])
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
