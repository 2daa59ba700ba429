"""Explanations beside the golden ones:

what stands for itself, what belongs to it, and how much is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from micropip_lock import ResolutionError, resolve
from micropip_lock.formats.requirement import parse_wanted
from micropip_lock.network import drive
from micropip_lock.operations.base import Base
from micropip_lock.operations.resolve import explain as _explain
from micropip_lock.operations.resolve.conflict_report import ConflictReport
from micropip_lock.operations.resolve.search import Conflict
from micropip_lock.operations.resolve.state import ResolutionState

from ....end_to_end.golden.cases import CASES, LINUX, NUMPY, Case, Shelf
from ....support.freezing import base_lock, entry
from .test_project import TARGET, listing, wheel

CODES = {
    "two-roots": ["conflicting-dependency"],
    "two-chains": ["conflicting-dependency"],
    "only-sdists": ["sdist"],
    "no-wheel-deep-down": ["no-matching-wheel"],
    "requires-python": ["no-matching-wheel"],
    "yanked-only": ["no-such-version"],
    "prerelease-in-a-range": ["no-such-version"],
    "misspelt": ["no-such-project"],
    "unknown-deep-down": ["no-such-project"],
    "constraint": ["no-such-version"],
    "hash": ["hash-conflict"],
    "two-conflicts": ["conflicting-dependency", "conflicting-dependency"],
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_problems_have_codes_and_say_the_same(case: Case) -> None:
    error = case.error()
    assert [problem.code for problem in error.problems] == CODES[case.name]
    for problem in error.problems:
        assert problem.message.partition(":")[0] in str(error)
        assert problem.hint


def told(fill: Callable[[Shelf], None], *requirements: str, **options: Any) -> str:
    return Case("case", fill, requirements, **options).explanation()


def wheels(*rows: tuple[str, str, Sequence[str]]) -> Callable[[Shelf], None]:
    """(name, version, needs) of each wheel on the index."""

    def fill(shelf: Shelf) -> None:
        for name, version, needs in rows:
            shelf.wheel(name, version, requires=needs)

    return fill


def test_only_what_conflicts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And of many requirements most are left out at once, not one by one."""
    solved = []
    solve = _explain.solve
    monkeypatch.setattr(_explain, "solve", lambda *given: solved.append(given) or solve(*given))
    rows = [(f"fine{number}", "1.0", ["shared"]) for number in range(12)]
    rows += [("shared", "1.0", []), ("one", "1.0", ["lib<2", "ring"]), ("two", "1.0", ["lib>=2"])]
    rows += [("ring", "1.0", ["one"])]
    rows += [("lib", "2.0", []), ("lib", "1.0", [])]
    names = [name for name, _, _ in rows if name not in ("lib", "ring")]
    text = told(wheels(*rows), *names)
    assert text.startswith("These requirements have no solution:\n\n  one\n  two\n\n")
    assert "fine" not in text and "Nor" not in text
    assert len(solved) == 1 + 2 + 1  # the related ones, each of them left out, and all the others


def test_a_requirement_is_in_one_conflict_only() -> None:
    rows = [
        ("a", "1.0", ["lib<2", "other<2"]),
        ("b", "1.0", ["lib>=2"]),
        ("c", "1.0", ["other>=2"]),
    ]
    rows += [(name, version, []) for name in ("lib", "other") for version in ("2.0", "1.0")]
    text = told(wheels(*rows), "a", "b", "c")
    assert text.count("\n  a\n") == 1


def test_at_most_five_conflicts_are_told() -> None:
    rows = []
    for number in range(7):
        rows += [
            (f"a{number}", "1.0", [f"lib{number}<2"]),
            (f"b{number}", "1.0", [f"lib{number}>=2"]),
        ]
        rows += [(f"lib{number}", version, []) for version in ("2.0", "1.0")]
    text = told(wheels(*rows), *(f"{side}{number}" for number in range(7) for side in "ab"))
    assert text.count("Nor have these:") == 4


def test_conflicts_of_one_requirement_come_first() -> None:
    rows = [
        ("a", "1.0", ["lib<2"]),
        ("b", "1.0", ["lib>=2"]),
        ("lib", "2.0", []),
        ("lib", "1.0", []),
    ]
    text = told(wheels(*rows), "a", "b", "lib>=9")
    assert text.startswith("This requirement has no solution:\n\n  lib>=9\n")
    assert "Nor have these:\n\n  a\n  b\n" in text


def test_what_one_requirement_needs_may_exclude_itself() -> None:
    rows = [
        ("app", "1.0", ["lib<2", "b"]),
        ("b", "1.0", ["lib>=2"]),
        ("lib", "2.0", []),
        ("lib", "1.0", []),
    ]
    text = told(wheels(*rows), "app")
    assert "    b 1.0 needs lib>=2; app 1.0 needs b, and you asked for app\n" in text
    assert "Allow other versions of app, or tell its authors" in text


def test_the_extra_that_asks_is_named() -> None:
    def fill(shelf: Shelf) -> None:
        shelf.wheel("app", "1.0", extras={"web": ["lib<2"]})
        shelf.wheel("lib", "2.0", "1.0")

    assert "app[web] 1.0 needs lib<2; you asked for app[web]" in told(fill, "app[web]", "lib>=2")


def test_what_pyodide_has_is_offered() -> None:
    fill = wheels(("app", "1.0", ["numpy>=3"]))
    text = told(fill, "numpy<2", base=[NUMPY])
    assert "2.3.3 of Pyodide's own: not numpy<2, which you asked for" in text
    assert "numpy 2.3.3 is what Pyodide's own distribution has: allow that version." in text
    text = told(fill, "app", base=[NUMPY])
    assert (
        "Find a version of app that works with numpy 2.3.3, what Pyodide's own distribution has."
        in text
    )


def test_the_newest_that_fits_is_offered_unless_pyodides_own_is_as_new() -> None:
    fill = wheels(("numpy", "2.4", []), ("numpy", "2.1", []))
    assert "numpy 2.4 is the newest that fits this Pyodide" in told(fill, "numpy<2", base=[NUMPY])
    assert "newest" not in told(wheels(("numpy", "2.1", [])), "numpy<2", base=[NUMPY])


def test_a_base_version_that_is_none_is_shown_as_it_is() -> None:
    library = entry("openssl", "1.1.1w", package_type="shared_library", file_name="openssl.zip")
    assert "1.1.1w of Pyodide's own: not openssl>=3" in told(wheels(), "openssl>=3", base=[library])


def test_many_askers_versions_and_reasons_are_cut() -> None:
    def fill(shelf: Shelf) -> None:
        for number in range(9):
            shelf.wheel(f"a{number}", "1.0", requires=["lib>=9"])
        for number in range(10):
            python = f"<3.{number}"
            shelf.wheel(
                "lib", f"9.{number}", requires_python=python, said={"requires-python": python}
            )
        shelf.wheel("lib", *(f"8.{number}" for number in range(50)), tag=LINUX)
        shelf.wheel("app", "1.0", requires=[f"a{number}" for number in range(9)])

    text = told(fill, "app")
    assert "    and 3 more ask for it\n" in text or text.count(" needs lib>=9; ") < 9
    assert "      and 54 older ones\n" in text
    assert max(map(len, text.splitlines())) < 300


def test_hostile_text_is_cut() -> None:
    def fill(shelf: Shelf) -> None:
        limits = ",".join(f"!=1.{number}" for number in range(800))
        shelf.wheel("app", "1.0", requires=[f"lib>=2,{limits}"[:4000].rpartition(",")[0]])
        shelf.wheel("lib", "1.0")
        shelf.wheel("lib", "9.0", said={"yanked": "reason\n" * 1000})

    text = told(fill, "app")
    assert max(map(len, text.splitlines())) < 700
    assert "reason reason" in text


def test_a_chain_of_many_is_told_from_its_end_to_the_user() -> None:
    rows = [(f"p{number}", "1.0", [f"p{number + 1}"]) for number in range(5)]
    text = told(wheels(*rows), "p0")
    assert "p4 1.0 needs p5; p3 1.0 needs p4, and p2 1.0 needs p3, and p1 1.0 needs p2" in text
    assert text.count("you asked for p0") == 1


def test_no_index_to_ask() -> None:
    with pytest.raises(ResolutionError, match="no project demo, and there is no index to ask"):
        drive(resolve("demo", base=base_lock(), index_urls=[], fetcher=Shelf()))


@pytest.mark.parametrize(
    ("asked", "meant"), [("reqests", "requests"), ("Scikit_Lern", "scikit-learn"), ("zzz", None)]
)
def test_did_you_mean(asked: str, meant: str | None) -> None:
    base = [entry("requests"), entry("scikit-learn"), entry("numpy")]
    text = told(wheels(), asked, base=base)
    assert (f"Did you mean {meant}?" in text) if meant else ("Did you mean" not in text)


def test_several_unknown_names_are_told_together() -> None:
    text = told(wheels(("known", "1.0", [])), "gone", "known>=9", "lost")
    assert text.count("There is no project") == 2
    assert text.startswith("These requirements have no solution:\n\n  gone\n  lost\n\n")


def test_an_older_version_that_conflicts_is_told_when_the_newest_needs_what_is_gone() -> None:
    rows = [
        ("report", "2.1", ["gone"]),
        ("report", "2.0", ["lib<2"]),
        ("charts", "1.0", ["lib>=2"]),
    ]
    text = told(wheels(*rows, ("lib", "2.0", []), ("lib", "1.0", [])), "report", "charts")
    assert "report 2.0 needs lib<2; you asked for report" in text


def test_each_version_is_named_with_what_it_asks_for() -> None:
    """And those that were looked at later ask for more of the same."""
    rows = [
        ("report", "3.0", ["lib<2"]),
        ("report", "2.0", ["lib<2"]),
        ("report", "1.0", ["lib<1"]),
    ]
    rows += [
        ("charts", "1.0", ["lib>=2"]),
        ("lib", "2.0", []),
        ("lib", "1.0", []),
        ("lib", "0.1", []),
    ]
    text = told(wheels(*rows), "report", "charts")
    assert "    report 3.0, 2.0 need lib<2; you asked for report\n" in text
    assert "lib<1" not in text


def test_a_base_version_that_only_its_hash_keeps_out() -> None:
    text = told(wheels(), f"numpy==2.3.3 --hash=sha256:{'0' * 64}", base=[NUMPY])
    assert "2.3.3 of Pyodide's own: its sha256 is not one of those you gave" in text


@pytest.mark.parametrize(
    ("requirement", "reasons"),
    [
        ("demo", {"1.9": "tried", "2.0rc1": "prerelease"}),
        ("demo>=2.0rc1", {"1.9": "excluded", "2.0rc1": "tried"}),
        ("demo>1.9", {"1.9": "excluded", "2.0rc1": "tried"}),
        ("demo>=1.0a1", {"1.9": "tried", "2.0rc1": "tried"}),
    ],
)
def test_whether_a_prerelease_was_tried(requirement: str, reasons: dict[str, str]) -> None:
    state = ResolutionState(Base(base_lock()), TARGET, [parse_wanted(requirement)], [])
    state.add_pages("demo", listing([wheel("2.0rc1"), wheel("1.9")]))
    sources = tuple((None, root) for root in state.roots)
    section = ConflictReport(state, Conflict(sources, sources, sources)).section("demo")
    said = {
        "tried": "what it needs cannot be had",
        "prerelease": "a pre-release",
        "excluded": f"not {requirement}",
    }
    table = [line.strip().split(": ") for line in section.lines if line.startswith("      ")]
    found = {version: reason for versions, reason in table for version in versions.split(", ")}
    for version, kind in reasons.items():
        assert found[version].startswith(said[kind])
    assert any("--pre" in text for text in section.helps) == ("prerelease" in reasons.values())
