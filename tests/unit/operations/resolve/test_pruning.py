"""Versions that no solution can have."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from micropip_lock.operations.resolve.project import Choice, Project, Rejection
from micropip_lock.operations.resolve.pruning import hopeless

from .test_search import Shelf, solved


def fallen(shelf: Shelf, *roots: str) -> list[str]:
    """What falls of all that a search has learned about."""
    _, state = solved(shelf, *roots)
    return sorted(f"{name} {version}" for name, version, _ in hopeless(state, state.roots))


def test_what_goes_with_the_roots_stays() -> None:
    shelf = Shelf()
    shelf.wheel("app", "1.0", requires=["lib<2"])
    shelf.wheel("lib", "1.0")
    shelf.wheel("lib", "2.0")
    assert fallen(shelf, "app") == []


def test_what_needs_what_the_user_excludes() -> None:
    shelf = Shelf()
    shelf.wheel("app", "1.0", requires=["lib<2"])
    shelf.wheel("app", "2.0", requires=["lib>=2"])
    shelf.wheel("lib", "1.0")
    shelf.wheel("lib", "2.0")
    assert fallen(shelf, "app", "lib<2") == ["app 2.0"]


def test_what_needs_what_fell() -> None:
    shelf = Shelf()
    shelf.wheel("app", "1.0", requires=["middle"])
    shelf.wheel("middle", "1.0", requires=["lib>=2"])
    shelf.wheel("middle", "2.0", requires=["lib>=3"])
    shelf.wheel("lib", "1.0")
    assert fallen(shelf, "app", "lib") == ["app 1.0", "middle 1.0", "middle 2.0"]


def test_what_nobody_has_read_stays() -> None:
    """Of a version whose METADATA is unknown nothing is known."""
    shelf = Shelf()
    shelf.wheel("app", "2.0")
    shelf.wheel("app", "1.0", requires=["lib>=9"])
    assert fallen(shelf, "app") == []


def test_what_nobody_has_read_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may list thousands of versions."""
    shelf = Shelf()
    shelf.wheel("app", *(f"{number}.0" for number in range(9)))
    _, state = solved(shelf, "app")
    judged: list[str] = []

    def noted(self: Project, version: Version, **options: Any) -> Choice | Rejection:
        judged.append(str(version))
        return judge(self, version, **options)

    judge = Project.judge
    monkeypatch.setattr(Project, "judge", noted)
    assert hopeless(state, state.roots) == set()
    assert judged == ["8.0"]


def test_urls_are_left_alone() -> None:
    shelf = Shelf()
    shelf.wheel("app", "1.0", requires=["lib @ https://files.example/lib-1.0-py3-none-any.whl"])
    shelf.wheel("lib", "2.0")
    assert "app 1.0" not in fallen(shelf, "lib") and fallen(shelf, "lib") == []
