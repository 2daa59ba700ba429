"""The search: resolvelib decides from the state, and missing data is fetched in between."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement as DeclaredRequirement

from micropip_lock import ResolutionError
from micropip_lock.errors import FetchError, MicropipLockError
from micropip_lock.formats.requirement import parse_wanted
from micropip_lock.index.client import Indexes
from micropip_lock.network import Response, drive
from micropip_lock.operations.base import Base
from micropip_lock.operations.resolve import search
from micropip_lock.operations.resolve.fetching import Explorer
from micropip_lock.operations.resolve.project import Choice
from micropip_lock.operations.resolve.requirement import Requirement
from micropip_lock.operations.resolve.search import Conflict, Solution, solve
from micropip_lock.operations.resolve.state import ResolutionState
from micropip_lock.storage import NoFacts

from ....end_to_end.golden.cases import Shelf
from ....support.freezing import base_lock
from ....support.wheels import build_wheel
from .test_project import TARGET

Fill = Callable[[Shelf], None]


def solved(
    shelf: Shelf, *requirements: str, **options: Any
) -> tuple[Solution | Conflict, ResolutionState]:
    state = ResolutionState(
        Base(base_lock()), TARGET, [parse_wanted(text) for text in requirements], [], **options
    )
    explorer = Explorer(state, Indexes([shelf.url]), shelf, NoFacts())
    return drive(solve(state, explorer, state.roots)), state


def chosen(found: Solution | Conflict) -> dict[str, str]:
    assert isinstance(found, Solution)
    return {identifier: str(item.choice.version) for identifier, item in found.candidates.items()}


def test_extras_are_candidates_of_their_own() -> None:
    shelf = Shelf()
    shelf.wheel("demo", "2.0", "1.0", requires=["lib<2"], extras={"x": ["other"]})
    shelf.wheel("lib", "2.0", "1.0")
    shelf.wheel("other", "1.0")
    found, _ = solved(shelf, "demo[x]")
    assert chosen(found) == {"demo": "2.0", "demo[x]": "2.0", "lib": "1.0", "other": "1.0"}


def test_nothing_is_needed_for_nothing() -> None:
    found, _ = solved(Shelf())
    assert chosen(found) == {}


def test_a_conflict_has_the_requirements_and_their_parents() -> None:
    shelf = Shelf()
    shelf.wheel("one", "1.0", requires=["lib<2"])
    shelf.wheel("two", "1.0", requires=["lib>=2"])
    shelf.wheel("lib", "2.0", "1.0")
    found, _ = solved(shelf, "one", "two")
    assert isinstance(found, Conflict)
    assert sorted(
        (parent and parent.name, requirement.text) for parent, requirement in found.first
    ) == [
        ("one", "lib<2"),
        ("two", "lib>=2"),
    ]
    assert {requirement.text for parent, requirement in found.requirements if parent is None} == {
        "one",
        "two",
    }


def test_what_is_out_of_reach_matters_only_where_it_is_needed() -> None:
    class Broken(Shelf):
        async def get(self, url: str, **options: Any) -> Response:
            if "down" in url:
                raise FetchError(f"{url} does not answer", url=url)
            return await super().get(url, **options)

    shelf = Broken()
    shelf.wheel("demo", "2.0", requires=["lib>=2", "down"])
    shelf.wheel("demo", "1.0")
    shelf.wheel("lib", "1.0")
    found, _ = solved(shelf, "demo<2")
    assert chosen(found) == {"demo": "1.0"}
    with pytest.raises(FetchError, match="down"):
        solved(shelf, "demo", "down")


def chain(length: int) -> Shelf:
    """Packages that need one another, and nothing else."""
    shelf = Shelf()
    for number in range(length):
        shelf.wheel(f"p{number}", "1.0", requires=[f"p{number + 1}"])
    shelf.wheel(f"p{length}", "1.0")
    return shelf


def test_a_search_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_MOST_ROUNDS", 3)
    monkeypatch.setattr(search, "_MOST_DETOURS", 0)
    with pytest.raises(ResolutionError, match="Pin the packages"):
        solved(chain(5), "p0")


def test_nothing_is_ruled_out_only_because_there_are_many_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unexpected(*_: object) -> None:
        raise AssertionError("nothing was in conflict")

    monkeypatch.setattr(search, "_MOST_DETOURS", 1)
    monkeypatch.setattr(search, "hopeless", unexpected)
    found, _ = solved(chain(30), "p0")
    assert len(chosen(found)) == 31


def test_a_pin_is_compared_with_its_requirements_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def noted(self: Requirement, choice: Choice) -> bool:
        compared.append(choice.name)
        return allows(self, choice)

    allows = Requirement.allows
    monkeypatch.setattr(Requirement, "allows", noted)
    solved(chain(5), "p0")
    few = len(compared) / 6
    compared.clear()
    solved(chain(40), "p0")
    assert len(compared) / 41 <= few * 1.2


def test_many_versions_that_are_rejected_one_after_the_other() -> None:
    """Each costs its METADATA once, and they are read ever more at a time."""
    shelf = Shelf()
    for number in range(60):
        shelf.wheel("demo", f"1.{number}", requires=[f"lib=={number}.0"])
    shelf.wheel("lib", "0.0")
    found, state = solved(shelf, "demo")
    assert chosen(found) == {"demo": "1.0", "lib": "0.0"}
    assert len({key for key in state.metadata if key[0] == "demo"}) == 60


# -- against a search through everything

World = Mapping[str, Mapping[str, list[str]]]


def worlds() -> Iterator[World]:
    """Small sets of packages with versions and needs, many of them without a solution."""
    for seed in range(150):
        draw = random.Random(seed)
        names = "abcde"[: draw.randint(2, 5)]
        yield {
            name: {
                f"{version}.0": [
                    f"{other}{draw.choice(['', '>=2', '<2', '==1.0', '>=3', '!=2.0', '<=2'])}"
                    for other in names
                    if other != name and draw.random() < 0.45
                ]
                for version in range(1, draw.randint(1, 3) + 1)
            }
            for name in names
        }


def is_solution(world: World, roots: list[str], versions: Mapping[str, str]) -> bool:
    needs = [*roots, *(need for name, version in versions.items() for need in world[name][version])]
    return all(
        item.name in versions and item.specifier.contains(versions[item.name])
        for item in map(DeclaredRequirement, needs)
    )


def has_solution(world: World, roots: list[str]) -> bool:
    """Try every choice of a version, or none, for every name."""
    options = [[None, *versions] for versions in world.values()]
    for picks in product(*options):
        versions = {name: pick for name, pick in zip(world, picks, strict=True) if pick is not None}
        if is_solution(world, roots, versions):
            return True
    return False


@functools.cache
def wheel(folder: Path, name: str, version: str, needs: tuple[str, ...]) -> tuple[str, bytes]:
    """Built once, since worlds have many of them in common."""
    made = build_wheel(folder, name, version, requires=needs)
    return made.name, made.read_bytes()


def shelf_of(world: World, folder: Path) -> Shelf:
    shelf = Shelf()
    shelf.files.update(
        wheel(folder, name, version, tuple(needs))
        for name, versions in world.items()
        for version, needs in versions.items()
    )
    return shelf


@pytest.mark.parametrize("patience", [0, 1000])
def test_it_finds_a_solution_exactly_where_there_is_one(
    patience: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where versions are ruled out from the first step on."""
    monkeypatch.setattr(search, "_MOST_DETOURS", patience)
    counted = {True: 0, False: 0}
    for world in worlds():
        shelf = shelf_of(world, tmp_path)
        roots = list(world)[:2]
        found, _ = solved(shelf, *roots)
        if isinstance(found, Solution):
            assert is_solution(world, roots, chosen(found)), world
        else:
            assert not has_solution(world, roots), world
        counted[isinstance(found, Solution)] += 1
    assert min(counted.values()) > 20


def test_candidates_of_an_undone_decision_may_be_a_cycle(tmp_path: Path) -> None:
    world = {
        "app": {"1.0": [], "2.0": ["one"]},
        "one": {"1.0": ["app", "two<2"]},
        "two": {"1.0": ["app<2", "one"]},
    }
    found, _ = solved(shelf_of(world, tmp_path), "app")
    assert chosen(found) == {"app": "1.0"}


def test_a_solution_has_the_newest_root() -> None:
    shelf = Shelf()
    for number in (1, 2, 3):
        shelf.wheel("app", f"{number}.0", requires=[f"lib<={number}"])
        shelf.wheel("lib", f"{number}.0")
    found, _ = solved(shelf, "app")
    assert chosen(found) == {"app": "3.0", "lib": "3.0"}


def test_the_first_error_that_is_needed_is_raised() -> None:
    class Silent(Shelf):
        async def get(self, url: str, **options: Any) -> Response:
            raise FetchError(f"no answer from {url}", url=url)

    with pytest.raises(MicropipLockError, match="/simple/one/"):
        solved(Silent(), "one", "two")
