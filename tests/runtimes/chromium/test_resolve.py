"""resolve() in Chromium, in the main thread of a page and in a worker:

the bytes that the host writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from micropip_lock import Lockfile
from tests.resolve.data import ResolveIndex
from tests.resolve.inside import resolve_inside
from tests.support.chromium import ChromiumPyodide
from tests.support.index_server import IndexServer
from tests.support.resolving import asked_twice, resolved
from tests.support.runner_session import RunnerSession
from tests.support.runtimes import emptied_base, read_json, real_wheels
from tests.support.session import PyodideSession

REQUIREMENTS = ("marked[web]", "boto3==1.28.0", "upper", "ground<4", "Odd.Name.Thing", "packaging")


@pytest.fixture(scope="module")
def all_projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResolveIndex]:
    with ResolveIndex(tmp_path_factory.mktemp("projects")) as server:
        yield server


@pytest.fixture
def projects(all_projects: ResolveIndex) -> ResolveIndex:
    """An index of many projects, on another origin than the page."""
    all_projects.reset()
    all_projects.cors = all_projects.cors_on_error = True
    return all_projects


@pytest.fixture
def resolving(browser: RunnerSession, index: IndexServer) -> RunnerSession:
    """Both kinds of page, with what resolve needs there."""
    index.add_folder(real_wheels("resolvelib==1.2.1"))
    browser.install("resolvelib", index_url=index.url)
    return browser


def test_same_bytes_as_on_the_host(resolving: RunnerSession, projects: ResolveIndex) -> None:
    inside = resolve_inside(resolving, *REQUIREMENTS, index_urls=projects.url)
    assert inside.error == "", inside.message
    assert projects.paths("OPTIONS") == []
    assert projects.wheel_downloads == 0
    assert asked_twice(projects) == []
    assert inside.totals is not None
    assert inside.totals["requests"] == len(projects.requests)
    assert len(inside.versions) == inside.totals["packages"] > 20
    assert inside.versions["upper"] == inside.versions["lower"] == "3"
    # The runtime's own base lies on this site.
    base = Lockfile.from_json(read_json(emptied_base("314.0.7") / "pyodide-lock.json"))
    projects.reset()
    host = resolved(
        *REQUIREMENTS, base=base, base_url=f"{resolving.base_url}/", index_urls=projects.url
    )
    assert inside.text == host.to_json()
    assert list(inside.evidence) == [item.to_json() for item in host.evidence]
    # A browser does not tell how many bytes a compressed page of another origin had, and asks for
    # no release documents.
    documents = sum(path.startswith("/pypi/") for path in projects.paths())
    assert inside.totals == host.totals | {
        "bytes": inside.totals["bytes"],
        "requests": host.totals["requests"] - documents,
    }
    assert inside.totals["bytes"] >= host.bytes


def test_boots_from_the_lock(
    resolving: PyodideSession,
    fresh_chromium: Callable[..., ChromiumPyodide],
    projects: ResolveIndex,
) -> None:
    """By the URLs of the lock; the runtime compares the hashes itself."""
    inside = resolve_inside(resolving, *REQUIREMENTS, index_urls=projects.url)
    packages = inside.lock["packages"]
    booted = fresh_chromium(lock=inside.lock)
    loaded = booted.load_packages(list(packages))
    assert {item["name"] for item in loaded} == {entry["name"] for entry in packages.values()}
    for entry in packages.values():
        assert entry["imports"]
        booted.run("\n".join(f"import {name}" for name in entry["imports"]))


def test_index_without_cors(resolving: PyodideSession, projects: ResolveIndex) -> None:
    projects.cors = False
    inside = resolve_inside(resolving, "upper", index_urls=projects.url)
    assert inside.error == "FetchError"
    assert "CORS" in inside.message


def test_missing_projects_look_like_no_answer(
    resolving: PyodideSession, projects: ResolveIndex
) -> None:
    """A 404 without CORS headers cannot be told from no answer; nothing is concluded from it."""
    projects.cors_on_error = False
    inside = resolve_inside(resolving, "wishful", index_urls=projects.url)
    assert inside.error == "FetchError"
    assert "/simple/there-is-no-such-project/" in inside.message
