"""Fetching ahead: which data is requested before the search needs it, and which is not."""

from __future__ import annotations

from typing import Any

import pytest

from micropip_lock.formats.requirement import parse_wanted
from micropip_lock.index.client import Indexes
from micropip_lock.network import Response, drive
from micropip_lock.operations.base import Base
from micropip_lock.operations.resolve.fetching import Explorer
from micropip_lock.operations.resolve.matching import matches
from micropip_lock.operations.resolve.state import DataNeeded, ResolutionState
from micropip_lock.storage import NoFacts

from ....end_to_end.golden.cases import Shelf
from ....support.freezing import base_lock, entry
from .test_project import TARGET


class Log(Shelf):
    """Remembers the requests: names of projects, and of files."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[str] = []
        self.read: list[str] = []

    async def get(self, url: str, **options: Any) -> Response:
        if "/simple/" in url:
            self.pages.append(url.rstrip("/").rpartition("/")[2])
        else:
            self.read.append(url.rpartition("/")[2].partition("-py3")[0])
        return await super().get(url, **options)


def explorer(shelf: Shelf, *requirements: str, base: Any = None, **options: Any) -> Explorer:
    state = ResolutionState(
        Base(base or base_lock()), TARGET, [parse_wanted(text) for text in requirements], []
    )
    made = Explorer(state, Indexes([shelf.url]), shelf, NoFacts(), **options)
    drive(made.explore(state.roots))
    return made


@pytest.fixture
def shelf() -> Log:
    made = Log()
    made.wheel("app", "2.0", "1.0", requires=["lib>=1", "based"], extras={"x": ["more"]})
    made.wheel("lib", "2.0", "1.0", requires=["deep"])
    for name in ("deep", "more", "based"):
        made.wheel(name, "1.0")
    return made


def test_the_newest_of_everything_is_followed(shelf: Log) -> None:
    explorer(shelf, "app[x]", base=base_lock(entry("based")))
    assert sorted(shelf.pages) == ["app", "deep", "lib", "more"]
    assert set(shelf.read) == {"app-2.0", "lib-2.0", "deep-1.0", "more-1.0"}


def test_what_the_user_says_of_a_project_counts_whoever_asks_for_it(shelf: Log) -> None:
    explorer(shelf, "app", "lib<2")
    assert "lib-1.0" in shelf.read and "lib-2.0" not in shelf.read


def test_nothing_is_read_twice(shelf: Log) -> None:
    made = explorer(shelf, "app[x]", "app", "lib", "deep")
    drive(made.explore(made._state.roots))
    assert len(shelf.pages) == len(set(shelf.pages))
    assert shelf.requests == len(set(shelf.read))


def test_more_and_more_versions_are_read_ahead() -> None:
    shelf = Log()
    shelf.wheel("demo", *(f"1.{number}" for number in range(100)))
    made = explorer(shelf, "demo")
    requirements = made._state.roots
    counts = []
    while len(made._state.metadata) < 100:
        unread = (
            item
            for item in matches(made._state, "demo", requirements)
            if item.key not in made._state.metadata
        )
        before = len(made._state.metadata)
        drive(made.fetch(DataNeeded("demo", requirements, next(unread))))
        counts.append(len(made._state.metadata) - before)
    assert counts[:6] == [1, 4, 8, 16, 32, 32]


def test_progress_counts_what_was_read(shelf: Log) -> None:
    steps: list[tuple[int, int, str]] = []
    explorer(shelf, "app", progress=lambda *step: steps.append(step))
    assert [done for done, _, _ in steps] == [1, 2, 3, 4]
    assert {name for _, _, name in steps} == {"app", "lib", "deep", "based"}
    assert all(total >= done for done, total, _ in steps)


def test_errors_wait_until_they_matter(shelf: Log) -> None:
    shelf.files.pop("deep-1.0-py3-none-any.whl")
    shelf.files["deep-1.0-py3-none-any.whl"] = b"no wheel"
    made = explorer(shelf, "app")
    ((key, error),) = made._state.errors.items()
    assert "deep" in str(key) and "deep-1.0" in str(error)


def test_a_version_that_is_no_choice_gives_way_to_the_next(shelf: Log) -> None:
    shelf.wheel("app", "3.0", requires_python="<3")
    shelf.wheel("app", "4.0", dist_info_files={"METADATA": "Name: app\n\n"})
    made = explorer(shelf, "app")
    project = made._state.project("app")
    falls = {str(version): project.judge(version) for version in project.versions}
    assert [getattr(falls[version], "kind", "chosen") for version in ("4.0", "3.0", "2.0")] == [
        "metadata",
        "python",
        "chosen",
    ]
    assert "lib-2.0" in shelf.read
