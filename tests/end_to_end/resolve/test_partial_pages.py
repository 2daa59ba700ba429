"""resolve: parts of project pages stand for the whole, as long as nobody wants to know more."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import ResolveResult, UnlockableError
from micropip_lock.storage import facts_in
from micropip_lock.storage.database import PAGE

from ...support.freezing import base_lock, entry
from ...support.index_server import Fault, IndexServer
from ...support.resolving import asked_twice, no_solution, resolved, versions, wheels
from ...support.wheels import build_sdist, build_wheel, sha256

Again = Callable[..., ResolveResult]


@pytest.fixture
def again(index: IndexServer, tmp_path: Path) -> Iterator[Again]:
    """Resolve with the cache of a machine, where pages are fresh for ten minutes."""
    index.cache_control = "max-age=600"

    def run(*asked: str, **options: Any) -> ResolveResult:
        index.reset()
        facts = facts_in(tmp_path / "cache")
        fetching = {"cache_dir": tmp_path / "cache", **options.pop("fetching", {})}
        try:
            return resolved(*asked, index_urls=index.url, facts=facts, fetching=fetching, **options)
        finally:
            facts.close()

    return run


# -- outlines of pages


def test_what_the_page_says_of_the_base_is_part_of_its_outline(
    index: IndexServer, again: Again
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    right = entry("demo", "1.0", file_name=index.file_url(wheel.name), sha256=sha256(wheel))
    assert versions(again("demo", base=base_lock(right), upgrade=True)) == {"demo": "1.0"}
    for base in (
        base_lock({**right, "sha256": "ab" * 32}),
        base_lock({**right, "sha256": "cd" * 32}),
    ):
        with pytest.raises(UnlockableError, match="disagree about the sha256"):
            again("demo", base=base, upgrade=True)
        assert index.requests == []


def test_fresh_pages_are_not_asked_for_nor_read(
    again: Again, index: IndexServer, tmp_path: Path
) -> None:
    wheels(index, "demo", "2.0", "1.0", requires=["lib"])
    wheels(index, "lib", "1.0", "2.0rc1")
    first = again("demo")
    assert {path for path in index.paths() if "simple" in path} == {"/simple/demo/", "/simple/lib/"}
    # Without the pages themselves: what was remembered of them is enough.
    with closing(sqlite3.connect(tmp_path / "cache" / "facts.sqlite3")) as connection:
        assert connection.execute("DELETE FROM facts WHERE kind = ?", (PAGE,)).rowcount == 2
        connection.commit()
    for offline in (False, True):
        second = again("demo", offline=offline)
        assert second.to_json() == first.to_json()
        assert (index.requests, second.requests) == ([], 0)


def test_another_version_is_looked_up_on_the_page(again: Again, index: IndexServer) -> None:
    wheels(index, "demo", "3.0", "2.0", "1.0", requires=["lib"])
    wheels(index, "lib", "1.0")
    assert versions(again("demo"))["demo"] == "3.0"
    assert versions(again("demo<3"))["demo"] == "2.0"
    # The page was in the cache; of the wheel nothing was known.
    assert not [path for path in index.paths() if "simple" in path]
    assert any(path.endswith("demo-2.0-py3-none-any.whl") for path in index.paths())
    assert versions(again("demo<3"))["demo"] == "2.0"
    assert index.requests == []


def test_versions_that_fell_are_remembered_as_well(again: Again, index: IndexServer) -> None:
    build_sdist(index.folder, "demo", "4.0")
    wheels(index, "demo", "3.0", requires_python="<3.14")
    wheels(index, "demo", "2.0", requires=["nothing-there"])
    wheels(index, "demo", "1.0")
    assert versions(again("demo")) == {"demo": "1.0"}
    assert versions(again("demo")) == {"demo": "1.0"}
    assert not [path for path in index.paths() if "demo" in path]


def test_prereleases_are_looked_up_when_they_count(again: Again, index: IndexServer) -> None:
    wheels(index, "demo", "2.0b1", "1.0")
    assert versions(again("demo")) == {"demo": "1.0"}
    assert versions(again("demo", pre=True)) == {"demo": "2.0b1"}
    assert versions(again("demo>1.0")) == {"demo": "2.0b1"}


def test_no_solution_is_told_from_whole_pages(
    again: Again, index: IndexServer, tmp_path: Path
) -> None:
    wheels(index, "demo", "2.0", "1.0", requires=["lib>=3"])
    wheels(index, "demo", "3.0", requires=["lib"])
    wheels(index, "lib", "2.0", "1.0")
    assert versions(again("demo")) == {"demo": "3.0", "lib": "2.0"}
    facts = facts_in(tmp_path / "cache")
    text = no_solution("demo<3", index_urls=index.url, facts=facts)
    facts.close()
    assert text == no_solution("demo<3", index_urls=index.url)


@pytest.mark.parametrize("cache_control", [None, "no-cache", "no-store, max-age=600", "max-age=0"])
def test_pages_that_are_not_fresh_are_asked_for(
    cache_control: str | None, again: Again, index: IndexServer
) -> None:
    index.cache_control = cache_control
    wheels(index, "demo", "1.0")
    assert versions(again("demo")) == {"demo": "1.0"}
    wheels(index, "demo", "2.0")
    assert versions(again("demo")) == {"demo": "2.0"}


def test_refresh_asks_and_remembers_what_it_learns(again: Again, index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    again("demo")
    wheels(index, "demo", "2.0")
    assert versions(again("demo")) == {"demo": "1.0"}
    assert versions(again("demo", refresh=True, fetching={"refresh": True})) == {"demo": "2.0"}
    assert versions(again("demo")) == {"demo": "2.0"}
    assert index.requests == []


def test_an_outline_ages_like_its_page(
    again: Again, index: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels(index, "demo", "1.0")
    again("demo")
    wheels(index, "demo", "2.0")
    later = time.time() + 700
    monkeypatch.setattr(time, "time", lambda: later)
    assert versions(again("demo")) == {"demo": "2.0"}


def test_a_second_index_is_asked_each_time(
    again: Again, index: IndexServer, tmp_path: Path
) -> None:
    # As long as the first one has no such project, somebody may publish it there.
    with IndexServer() as first:
        wheels(index, "demo", "2.0")
        urls = {"fetching": {"cache_dir": tmp_path / "cache"}}
        facts = facts_in(tmp_path / "cache")
        assert versions(
            resolved("demo", index_urls=[first.url, index.url], facts=facts, **urls)
        ) == {"demo": "2.0"}
        wheels(first, "demo", "1.0")
        assert versions(
            resolved("demo", index_urls=[first.url, index.url], facts=facts, **urls)
        ) == {"demo": "1.0"}
        facts.close()


def test_pages_with_secrets_leave_no_outline(
    again: Again, index: IndexServer, tmp_path: Path
) -> None:
    wheels(index, "demo", "1.0")
    name = "demo-1.0-py3-none-any.whl"
    index.overrides[name] = {"url": f"{index.file_url(name)}?sha256={'0' * 64}"}
    with pytest.raises(UnlockableError, match="query"):
        again("demo")
    for path in (tmp_path / "cache").glob("facts*"):
        assert b"?sha256" not in path.read_bytes()


# -- documents of releases


@pytest.fixture
def fat_index(index: IndexServer) -> IndexServer:
    """An index with documents, where «app» pins «core»."""
    index.release_json = True
    wheels(index, "app", "2.0", requires=["core==2.0"])
    wheels(index, "app", "1.0", requires=["core==1.0"])
    wheels(index, "core", "3.0", "2.0", "1.0")
    wheels(index, "lib", "1.0")
    return index


def test_a_pinned_dependency_needs_no_page(fat_index: IndexServer) -> None:
    # One after the other: two pages have to be there before «core» is wanted.
    result = resolved("lib", "app", index_urls=fat_index.url, fetching={"jobs": 1})
    assert versions(result) == {"app": "2.0", "core": "2.0", "lib": "1.0"}
    assert "/simple/core/" not in fat_index.paths()
    assert "/pypi/core/2.0/json" in fat_index.paths()
    assert asked_twice(fat_index) == []
    fat_index.release_json = False
    assert resolved("lib", "app", index_urls=fat_index.url).to_json() == result.to_json()


def test_the_page_is_read_when_another_version_is_wanted(fat_index: IndexServer) -> None:
    wheels(fat_index, "other", "1.0", requires=["core<2"])
    result = resolved("lib", "app", "other", index_urls=fat_index.url)
    assert versions(result) == {"app": "1.0", "core": "1.0", "lib": "1.0", "other": "1.0"}
    wheels(fat_index, "third", "1.0", requires=["core>2"])
    with_documents = no_solution("lib", "app", "third", index_urls=fat_index.url)
    fat_index.release_json = False
    assert no_solution("lib", "app", "third", index_urls=fat_index.url) == with_documents


def test_a_release_that_has_no_document_is_on_the_page(fat_index: IndexServer) -> None:
    wheels(fat_index, "needy", "1.0", requires=["core==9"])
    assert "not core==9" in no_solution("lib", "app", "needy", index_urls=fat_index.url)


def test_documents_that_contradict_pages_are_not_used(fat_index: IndexServer) -> None:
    fat_index.faults["/pypi/"] = Fault("body", body=b'{"urls": []}')
    assert (
        versions(resolved("lib", "app", index_urls=fat_index.url, fetching={"jobs": 1}))["core"]
        == "2.0"
    )
    asked = [path for path in fat_index.paths() if path.startswith(("/pypi", "/simple/core"))]
    assert sorted(set(asked)) in (
        ["/pypi/app/2.0/json", "/simple/core/"],
        ["/pypi/lib/1.0/json", "/simple/core/"],
    )


def test_many_pins_are_looked_up_in_documents(fat_index: IndexServer) -> None:
    wheels(fat_index, "more", "1.0")
    result = resolved("app==2.0", "core==2.0", "lib==1.0", "more==1.0", index_urls=fat_index.url)
    assert len(versions(result)) == 4
    assert len([path for path in fat_index.paths() if "simple" in path]) == 1
    assert asked_twice(fat_index) == []


def test_what_documents_said_is_remembered(fat_index: IndexServer, again: Again) -> None:
    first = again("lib", "app")
    second = again("lib", "app")
    assert fat_index.requests == []
    assert json.loads(second.to_json()) == json.loads(first.to_json())


def test_what_was_not_there_for_a_pin_is_looked_for_again(
    fat_index: IndexServer, again: Again
) -> None:
    fat_index.cache_control = None
    wheels(fat_index, "app", "3.0", requires=["core==4.0"])
    assert versions(again("lib", "app")) == {"app": "2.0", "core": "2.0", "lib": "1.0"}
    wheels(fat_index, "core", "4.0")
    assert versions(again("lib", "app")) == {"app": "3.0", "core": "4.0", "lib": "1.0"}
