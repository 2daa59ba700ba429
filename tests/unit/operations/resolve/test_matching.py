"""Which choices requirements allow, in which order, and which pages that takes."""

from __future__ import annotations

from typing import Any

import pytest

from micropip_lock.errors import FetchError
from micropip_lock.index.client import Listing
from micropip_lock.operations.resolve.matching import matches
from micropip_lock.operations.resolve.state import DataNeeded, ResolutionState

from ....support.freezing import base_lock, entry
from .test_project import INDEX, listing, sdist, wheel
from .test_requirement import requirements
from .test_state import URL, state


def found(known: ResolutionState, *texts: str) -> list[str]:
    """The matches, best first; the base's own in brackets."""
    choices = matches(known, "demo", requirements(*texts))
    return [f"[{choice.version}]" if choice.entry else str(choice.version) for choice in choices]


def test_pages_are_needed_until_they_are_added() -> None:
    known = state()
    with pytest.raises(DataNeeded) as caught:
        list(matches(known, "demo", requirements("demo>=1")))
    assert (caught.value.name, caught.value.choice) == ("demo", None)
    known.add_pages("demo", listing([wheel("2.0"), wheel("1.0"), wheel("0.9")]))
    assert found(known, "demo>=1") == ["2.0", "1.0"]
    assert found(known, "demo>=1", "demo<2") == ["1.0"]


def test_the_base_needs_no_pages_as_long_as_it_will_do() -> None:
    known = state(base=base_lock(entry("demo", "1.5")))
    rest = matches(known, "demo", requirements("demo"))
    assert next(rest).entry is not None
    with pytest.raises(DataNeeded):  # the base's own was rejected
        next(rest)
    with pytest.raises(DataNeeded):
        next(matches(known, "demo", requirements("demo>2")))
    with pytest.raises(DataNeeded):
        next(
            matches(
                state(base=base_lock(entry("demo", "1.5")), upgrade=True),
                "demo",
                requirements("demo"),
            )
        )
    with pytest.raises(DataNeeded):
        next(
            matches(
                state(base=base_lock(entry("demo", "1.5")), constraints=("demo<1",)),
                "demo",
                requirements("demo"),
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
    assert next(matches(known, "demo", requirements("demo"))).entry is not None
    with pytest.raises(FetchError, match="no answer"):
        next(matches(known, "demo", requirements("demo>2")))


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
    (choice,) = matches(known, "demo", requirements("demo"))
    known.project("demo").reject(choice, "metadata", "broken")
    assert found(known, "demo") == ["2.0rc1"]


def test_hashes_that_exclude_each_other_allow_nothing() -> None:
    known = state()
    known.add_pages("demo", listing([wheel("1.0")]))
    assert found(known, *(f"demo --hash=sha256:{digit * 64}" for digit in "01")) == []
    assert found(known, *(f"demo @ {URL}#sha256={digit * 64}" for digit in "01")) == []


def test_two_urls_match_nothing() -> None:
    assert found(state(), f"demo @ {URL}", f"demo @ {URL.replace('host', 'other')}") == []
    assert found(state(), f"demo @ {URL}", f"demo @ {URL}") == ["1.0"]


def test_an_unknown_project_has_no_matches() -> None:
    known = state()
    known.add_pages("demo", Listing((), (INDEX,), known=False))
    assert found(known, "demo") == []
    assert not known.project("demo").known
