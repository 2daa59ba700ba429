"""``micropip-lock outdated``: what people and programs read, and exit statuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from micropip_lock.cli.outdated import outdated_command

from ...support.index_server import IndexServer
from ...support.resolving import resolved
from ...support.wheels import build_wheel
from .conftest import Done, Run


@pytest.fixture
def lock(index: IndexServer, tmp_path: Path) -> Path:
    """A lock in which one package is not up to date, and another one was yanked."""
    for name in ("demo", "lib", "same"):
        build_wheel(index.folder, name, "1.0")
    path = tmp_path / "pyodide-lock.json"
    resolved("demo", "lib", "same", index_urls=index.url).write(path)
    build_wheel(index.folder, "demo", "2.0")
    build_wheel(index.folder, "demo", "3.0", tag="cp315-cp315-pyemscripten_2026_5_wasm32")
    index.yanked["lib==1.0"] = "leaks [bold]\x1b[2J"
    return path


@pytest.fixture
def outdated(run: Run, lock: Path, index: IndexServer) -> Run:
    def call(*arguments: str | Path) -> Done:
        return run("outdated", lock, "--index-url", index.url, *arguments)

    return call


def test_every_flag_exists(run: Run) -> None:
    names = {name for parameter in outdated_command.params for name in parameter.opts}
    assert {"--index-url", "--pre", "--json", "--quiet"} <= names
    assert "outdated" in run("--help").out


def test_text(outdated: Run) -> None:
    done = outdated()
    assert done.status == 0
    assert done.out.splitlines()[0].split() == ["package", "locked", "newer", "newest"]
    lib, demo = done.out.splitlines()[1:]
    assert lib.split("  ")[0] == "lib" and "YANKED (leaks [bold]?[2J)" in lib
    assert demo.split()[:4] == ["demo", "1.0", "2.0", "3.0"]
    assert "3.0: no wheel that fits this Pyodide" in demo
    assert done.err.startswith("3 packages looked at: 3 requests")
    assert done.err.endswith(". 1 can be newer, 1 withdrawn.\n")
    assert (outdated("--quiet").out, outdated("--quiet").err) == ("", "")


def test_json(outdated: Run) -> None:
    done = outdated("--json")
    assert (done.status, done.err) == (0, "")
    assert [item["package"] for item in done.json["packages"]] == ["lib", "demo"]
    assert done.json["packages"][1]["newer"] == "2.0"
    assert done.json["totals"]["packages"] == 3


def test_statuses(run: Run, outdated: Run, index: IndexServer, tmp_path: Path) -> None:
    assert run("outdated").status == 2
    assert run("outdated", tmp_path / "absent.json").status == 2
    (tmp_path / "odd.json").write_text("[]")
    assert run("outdated", tmp_path / "odd.json", "--json").json["error"] == "input"
    assert outdated("--offline", "--no-cache").status == 3
    index.close()
    done = outdated("--no-cache")
    assert (done.status, done.out) == (3, "")
    assert done.err.count("unreachable") == 3 and "3 unknown" in done.err
