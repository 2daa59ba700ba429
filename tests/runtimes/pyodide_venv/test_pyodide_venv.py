"""Venvs of Pyodide as people make them: pip and uv fill them from two places, and the lock of one
boots.

At the same version Pyodide's CDN has other bytes than the index. Here packaging is the same wheel
in another zip, micropip and twin are builds of their own, and all the rest is the index's alone.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ...support import runtimes
from ...support.installed import PYODIDE_314
from ...support.pyodide_interpreter import Venv
from ...support.wheels import build_wheel, sha256
from .conftest import Workplace, Workplaces

VERSION = runtimes.VERSIONS[-1]
TOOLS = ("virtualenv", "uv")


@pytest.fixture(scope="module")
def place(workplaces: Workplaces) -> Workplace:
    """A machine with Pyodide 314."""
    made = workplaces(VERSION)
    for folder in (
        runtimes.real_wheels("rich", "jaraco.functools"),
        runtimes.real_wheels("cbor2", platform=PYODIDE_314),
    ):
        for wheel in folder.glob("*.whl"):
            os.link(wheel, made.index.folder / wheel.name)
    made.base["twin"] = build_wheel(
        made.cdn.folder, "twin", "1.0", files={"twin.py": "place = 'base'"}
    )
    build_wheel(made.index.folder, "twin", "1.0", files={"twin.py": "place = 'index'"})
    made.install_pyodide()
    return made


@pytest.fixture(scope="module", params=TOOLS)
def venv(request: pytest.FixtureRequest, place: Workplace) -> Venv:
    """Filled from the index and from the base:

    packaging from anywhere, micropip from the base, twin from the index.
    """
    made = place.venv(f".venv-{request.param}", request.param)
    (wheel,) = place.index.folder.glob("micropip-*")
    hidden = wheel.rename(place.root / wheel.name)
    from_base = f"file://{place.distribution.package_index}"
    if request.param == "uv":
        made.uv("rich", "jaraco.functools", "cbor2", "twin", "packaging", index_url=place.index.url)
        made.uv("micropip", index_url=from_base)
    else:
        made.pip("rich", "jaraco.functools", "cbor2", "micropip", "packaging")
        made.pip("twin", PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL=place.index.url)
    hidden.rename(wheel)
    return made


@pytest.fixture(scope="module")
def frozen(place: Workplace, venv: Venv) -> Any:
    """What freeze says of it, without any other setting than the venv's."""
    done = place.run("freeze", "--venv", venv.prefix, "--json", "-o", f"{venv.prefix.name}.json")
    assert done.status == 0, done.err + done.out
    return done


def test_each_package_is_the_one_that_is_installed(place: Workplace, frozen: Any) -> None:
    entries = frozen.json["lockfile"]["packages"]
    assert set(entries) == {
        "rich",
        "markdown-it-py",
        "mdurl",
        "pygments",
        "jaraco-functools",
        "more-itertools",
    } | {*("cbor2", "twin", "micropip", "packaging")}
    base = place.distribution.lock["packages"]
    for name in ("micropip", "packaging"):
        assert frozen.evidence[name] == ("base", "content")
        assert entries[name] == {
            **base[name],
            "file_name": place.cdn.file_url(base[name]["file_name"]),
        }
    for name in set(entries) - {"micropip", "packaging"}:
        assert frozen.evidence[name] == ("index", "content")
        wheel = place.index.folder / entries[name]["file_name"].rpartition("/")[2]
        assert (entries[name]["file_name"], entries[name]["sha256"]) == (
            place.index.file_url(wheel.name),
            sha256(wheel),
        )
    assert frozen.json["lockfile"]["info"] == place.distribution.lock["info"]


def test_the_lock_boots_and_everything_can_be_imported(place: Workplace, frozen: Any) -> None:
    lock = frozen.json["lockfile"]
    found = place.boots(lock)
    assert {name: found[name] for name in ("rich", "cbor2", "micropip", "jaraco.functools")} == {
        entry["name"]: entry["version"]
        for entry in lock["packages"].values()
        if entry["name"] in ("rich", "cbor2", "micropip", "jaraco.functools")
    }


class TestCheck:
    """``--check``, as in CI."""

    def test_fresh_without_network(self, place: Workplace, venv: Venv, frozen: Any) -> None:
        name = f"{venv.prefix.name}.json"
        before = (place.root / name).read_bytes()
        for server in (place.index, place.cdn):
            server.reset()
        done = place.run("freeze", "--venv", venv.prefix, "--check", "-o", name)
        assert (done.status, place.index.requests, place.cdn.requests) == (0, [], [])
        assert done.err.splitlines()[-1] == "The lock is up to date."
        assert (
            place.run("freeze", "--venv", venv.prefix, "--check", "-o", name, "--offline").status
            == 0
        )
        assert (place.root / name).read_bytes() == before

    def test_stale(self, place: Workplace, venv: Venv, frozen: Any) -> None:
        lock = frozen.json["lockfile"]
        old = {**lock["packages"], "rich": {**lock["packages"]["rich"], "version": "14.0.0"}}
        del old["mdurl"]
        (place.root / "old.json").write_text(json.dumps({**lock, "packages": old}))
        done = place.run("freeze", "--venv", venv.prefix, "--check", "-o", "old.json")
        assert done.status == 1
        assert "rich 14.0.0 -> " in done.err and "+ mdurl" in done.err
        assert done.err.splitlines()[-1] == "The lock is stale: freeze again to renew it."
        told = place.run(
            "freeze", "--venv", venv.prefix, "--check", "-o", "old.json", "--json"
        ).json
        assert told["fresh"] is False
        assert json.loads((place.root / "old.json").read_text())["packages"] == old


@pytest.mark.parametrize("kind", ["run", "entry"])
def test_what_the_docs_have_for_ci(kind: str, place: Workplace, venv: Venv, frozen: Any) -> None:
    """The commands of docs/ci.md, as they stand there for GitHub Actions and for pre-commit."""
    text = (runtimes.PROJECT / "docs" / "ci.md").read_text()
    (line,) = re.findall(rf"{kind}: micropip-lock (freeze .*)", text)
    words = line.split()
    assert words[words.index("--venv") + 1] == ".venv-pyodide"
    lock = place.root / words[words.index("-o") + 1]
    lock.write_text(json.dumps(frozen.json["lockfile"]))
    (place.root / ".venv-pyodide").symlink_to(venv.prefix)
    try:
        assert place.run(*words).status == 0
        lock.write_text(json.dumps({**frozen.json["lockfile"], "packages": {}}))
        assert place.run(*words).status == 1
        lock.unlink()
        assert place.run(*words).status == 2
    finally:
        (place.root / ".venv-pyodide").unlink()


@pytest.fixture
def offline_cdn(place: Workplace) -> Iterator[None]:
    """The CDN's name leads nowhere, and nothing is remembered of what it said before."""
    names = {wheel.name for wheel in place.base.values()}
    away = place.root / "away"
    away.mkdir()
    for name in names:
        (place.cdn.folder / name).rename(away / name)
    port = place.cdn.port
    place.cdn.close()
    yield
    for name in names:
        (away / name).rename(place.cdn.folder / name)
    away.rmdir()
    place.cdn.__init__(place.cdn.folder, port=port)  # type: ignore[misc]
    place.cdn.start()


def test_base_wheels_that_cannot_be_reached(
    place: Workplace, venv: Venv, frozen: Any, offline_cdn: None, tmp_path: Path
) -> None:
    """The way out is named, and works:

    wheels of a local distribution are as good as those of the CDN.
    """
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    done = place.run("freeze", "--venv", venv.prefix, "--json", **cache)
    assert done.status == 3
    told = {problem["package"]: problem for problem in done.json["problems"]}
    assert (set(told), done.json["error"]) == (set(place.base), "unreachable")
    for problem in told.values():
        assert "--base-dir" in problem["hint"]
        assert place.cdn.root in problem["message"]
    done = place.run(
        "freeze", "--venv", venv.prefix, "--json", "--base-dir", place.root / "away", **cache
    )
    assert done.status == 0, done.err + done.out
    assert done.evidence == frozen.evidence
    assert done.json["lockfile"] == frozen.json["lockfile"]


def test_a_report_of_pip_says_where_from(place: Workplace, tmp_path: Path) -> None:
    """What pip reports is proved where it says, without a search;

    what was asked for brings its extras.
    """
    venv = place.venv(".venv-report", "uv")
    report = tmp_path / "report.json"
    build_wheel(place.index.folder, "tool", "1.0", extras={"deep": ["twin"]})
    venv.pip(
        "tool[deep]", "--report", report, PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL=place.index.url
    )
    done = place.run(
        *(
            "freeze",
            "--venv",
            venv.prefix,
            "--report",
            report,
            "--json",
            "--index-url",
            "http://127.0.0.1:9/simple",
        ),
        XDG_CACHE_HOME=str(tmp_path),
    )
    assert done.status == 0, done.err + done.out
    assert done.evidence == {"tool": ("report", "content"), "twin": ("report", "content")}
    entries = done.json["lockfile"]["packages"]
    assert entries["tool"]["depends"] == ["twin"]
    assert entries["twin"]["sha256"] == sha256(place.index.folder / "twin-1.0-py3-none-any.whl")
