"""resolve answers as uv and pip do, for real families of projects and for what is known to be
difficult.

All three ask the same index on loopback, for Pyodide 314. Where uv answers otherwise, the set says
so, and why.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from micropip_lock import Lockfile, ResolutionError, ResolveResult
from tests.support.freezing import forget_machine
from tests.support.ids import short
from tests.support.index_server import Request
from tests.support.resolving import resolved, versions

from .data import ResolveIndex
from .sets import RECORDED, SETS, Set, airflow_constraints
from .tools import Asked, Pip, Uv

SOLVABLE = [item for item in SETS if item.versions is not None]
#: A lock has no cycles: what was one is no longer loaded from everywhere.
ACYCLIC = [item for item in SOLVABLE if item.name != "cycle"]


def name(item: Set) -> str:
    return short(item.name)


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch, make_folder: Callable[[str], Path]) -> None:
    forget_machine(monkeypatch, make_folder("empty"))


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResolveIndex]:
    with ResolveIndex(tmp_path_factory.mktemp("wheels")) as index:
        yield index


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> Uv:
    return Uv(tmp_path_factory.mktemp("uv"))


@pytest.fixture(scope="module")
def pip() -> Pip:
    return Pip()


def here(item: Set, index: ResolveIndex) -> list[str]:
    """The requirements, with the address of the index."""
    return [requirement.replace("INDEX", index.root) for requirement in item.requirements]


def resolve_set(item: Set, index: ResolveIndex, **options: Any) -> ResolveResult:
    return resolved(
        *here(item, index),
        constraints=item.constraints,
        index_urls=index.url,
        pre=item.pre,
        **options,
    )


Answers = Callable[[Set], ResolveResult]


@pytest.fixture(scope="module")
def answers(projects: ResolveIndex) -> Answers:
    """Answers each set once."""
    return functools.cache(lambda item: resolve_set(item, projects))


def ours(index: ResolveIndex) -> list[Request]:
    """The requests that were neither uv's nor pip's."""
    others = ("uv/", "pip/")
    return [
        request
        for request in index.requests
        if not request.headers.get("user-agent", "").startswith(others)
    ]


@pytest.mark.parametrize("item", SETS, ids=name)
def test_same_answer(
    item: Set, projects: ResolveIndex, answers: Answers, uv: Uv, pip: Pip, tmp_path: Path
) -> None:
    asked = Asked(here(item, projects), item.constraints, projects.url, item.pre)
    folders = [tmp_path / "uv", tmp_path / "pip"]
    for folder in folders:
        folder.mkdir()
    projects.reset()
    from_uv, from_pip = uv.start(asked, folders[0]), pip.start(asked, folders[1])
    try:
        result = answers(item)
    except ResolutionError as error:
        result, found = None, None
        assert "What would help:" in str(error)
    else:
        found = versions(result)

    if item.recorded and found is not None and item.versions is not None:
        assert found.items() >= item.versions.items()
    else:
        assert found == item.versions
    assert from_uv().versions == (item.uv.versions if item.uv else found)
    told = from_pip()
    assert told.versions == found
    if result is not None:
        # The very same files, too.
        packages = result.lockfile.packages
        files = {
            key: (unquote(it.file_name.rpartition("/")[2]), it.sha256)
            for key, it in packages.items()
        }
        assert files == told.files

    counted = Counter((request.method, request.path, request.range) for request in ours(projects))
    assert [request for request, times in counted.items() if times > 1] == []
    assert not any(request.is_wheel_download for request in ours(projects))
    assert result is None or result.requests == counted.total()


def test_a_conflict_that_pip_never_tells(projects: ResolveIndex, uv: Uv, tmp_path: Path) -> None:
    """Every boto3 falls, each after a search of its own:

    resolvelib by itself goes on for minutes.
    """
    asked = Asked(["boto3", "s3transfer<0.7", "urllib3>=2.1"], (), projects.url, False)
    from_uv = uv.start(asked, tmp_path)
    with pytest.raises(ResolutionError) as caught:
        resolved(*asked.requirements, index_urls=projects.url)
    assert from_uv().versions is None
    told = str(caught.value)
    assert "need urllib3<2.1,>=1.25.4; s3transfer 0.6.2 needs botocore<2.0a.0,>=1.12.36" in told
    assert "Loosen or leave out «boto3», «s3transfer<0.7» or «urllib3>=2.1»." in told


@pytest.mark.parametrize("item", ACYCLIC, ids=name)
def test_answer_as_base_stays(item: Set, projects: ResolveIndex, answers: Answers) -> None:
    """A lock of resolve is a base in which nothing has to change, and which needs no project
    page.
    """
    first = answers(item)
    projects.reset()
    again = resolve_set(item, projects, base=Lockfile.from_json(first.to_json()))
    assert again.lockfile.packages == first.lockfile.packages
    # Of a wheel that is named by its URL only the index knows the hash.
    by_url = {
        re.split(r"[\[ ]", requirement)[0]
        for requirement in item.requirements
        if "@" in requirement
    }
    assert {item.package for item in again.evidence if item.proof != "base"} <= by_url
    assert {path for path in projects.paths() if path.startswith("/simple/")} <= {
        f"/simple/{it}/" for it in by_url
    }


@pytest.mark.parametrize("item", [item for item in RECORDED if item.versions is not None], ids=name)
def test_order_of_answers_does_not_matter(
    item: Set, projects: ResolveIndex, answers: Answers
) -> None:
    assert resolve_set(item, projects, fetching={"jobs": 1}).to_json() == answers(item).to_json()


def test_constraints_are_kept(answers: Answers) -> None:
    (item,) = (item for item in RECORDED if item.name == "airflow with constraints")
    pins = dict(line.split("==") for line in airflow_constraints())
    found = versions(answers(item))
    assert len(found) > 100
    assert found.items() <= pins.items()


def test_sets_are_what_they_say() -> None:
    assert len({item.name for item in SETS}) == len(SETS) >= 30
    for item in SETS:
        assert item.uv is None or (item.uv.versions != item.versions and item.uv.why)
