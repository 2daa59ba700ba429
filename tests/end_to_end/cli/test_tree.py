"""``micropip-lock tree``: exit statuses, documents, pictures, and what people read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from micropip_lock.cli.tree import tree_command

from ...support.freezing import base_document, entry
from ...support.index_server import Fault, IndexServer
from ...support.verifying import lock_of, wheel_entry
from ...support.wheels import build_wheel
from .conftest import Run

EVIL = "1.0\x1b]0;title\x07\x9b2J\r\n[bold]x[/]</text>\u202e"


@pytest.fixture
def lock(tmp_path: Path, index: IndexServer) -> Path:
    """app needs lib; tool needs lib, too."""
    wheels = {name: build_wheel(index.folder, name, "1.0") for name in ("app", "tool", "lib")}
    depends = {"app": ["lib"], "tool": ["lib"], "lib": []}
    path = tmp_path / "pyodide-lock.json"
    entries = (wheel_entry(index, wheel, depends=depends[name]) for name, wheel in wheels.items())
    path.write_text(json.dumps(lock_of(*entries)))
    return path


def test_every_flag_exists(run: Run) -> None:
    names = {name for parameter in tree_command.params for name in parameter.opts}
    assert {"--invert", "--svg", "--sizes", "--base-dir", "--json", "--offline", "--jobs"} <= names
    assert "tree" in run("--help").out


def test_the_tree_is_the_result(run: Run, lock: Path, index: IndexServer) -> None:
    index.reset()
    done = run("tree", lock)
    assert done.status == 0
    assert done.out.splitlines() == [
        "app 1.0",
        "└── lib 1.0  needed by 2",
        "tool 1.0",
        "└── lib 1.0 (above)",
        "3 packages.",
    ]
    assert "--sizes asks the servers" in done.err
    assert index.requests == []
    quiet = run("tree", lock, "-q")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")


def test_invert(run: Run, lock: Path) -> None:
    done = run("tree", lock, "--invert", "Lib")
    assert done.out.splitlines() == [
        "lib 1.0",
        "├── app 1.0",
        "└── tool 1.0",
        "2 packages need lib.",
    ]
    done = run("tree", lock, "--invert", "libb")
    assert done.status == 2 and "Did you mean lib" in done.err
    assert run("tree", lock, "--invert", "app").out.splitlines()[-1] == "0 packages need app."


def test_sizes_are_asked_for_only_on_demand(run: Run, lock: Path, index: IndexServer) -> None:
    done = run("tree", lock, "--sizes")
    sizes = {
        name: (index.folder / f"{name}-1.0-py3-none-any.whl").stat().st_size
        for name in ("app", "tool", "lib")
    }
    assert done.status == 0 and done.err == ""
    assert f"lib 1.0  {sizes['lib']} B, needed by 2" in done.out
    assert f"removing it saves {sizes['app']} B" in done.out
    assert "3 packages, 2." in done.out and "Removing saves most: " in done.out
    assert {request.method for request in index.requests} == {"HEAD"}
    # Beside the lock lies one of them; offline the others are not known.
    (lock.parent / "lib-1.0-py3-none-any.whl").write_bytes(b"x" * 77)
    done = run("tree", lock, "--sizes", "--offline", "--no-cache")
    assert done.status == 3 and "lib 1.0  77 B" in done.out and "unreachable" in done.err
    done = run("tree", lock, "--offline")
    assert done.status == 0 and "lib 1.0  77 B" in done.out and "at least 77 B" in done.out


def test_nobody_answers(run: Run, lock: Path, index: IndexServer) -> None:
    index.faults["/files/"] = Fault("reset")
    done = run("tree", lock, "--sizes", "--json")
    assert done.status == 3
    assert [problem["code"] for problem in done.json["problems"]] == ["unreachable"]


def test_json(run: Run, lock: Path) -> None:
    done = run("tree", lock, "--json")
    assert (done.status, done.err) == (0, "")
    assert done.json.keys() == {"roots", "packages", "cycles", "problems", "totals"}
    assert done.json["roots"] == ["app", "tool"]
    assert done.json["packages"]["lib"] == {
        "version": "1.0",
        "size": None,
        "depends": [],
        "needed_by": ["app", "tool"],
        "requested": False,
        "spared": {"packages": 1, "bytes": 0, "unknown": 1},
    }
    inverted = run("tree", lock, "--json", "--invert", "tool").json
    assert inverted["invert"] == "tool" and inverted["packages"].keys() == {"tool"}
    assert inverted["totals"]["packages"] == 1


def test_the_picture(run: Run, lock: Path, tmp_path: Path) -> None:
    path = tmp_path / "tree.svg"
    done = run("tree", lock, "--svg", path)
    assert (done.status, done.out) == (0, "")
    texts = [
        element.text for element in ElementTree.fromstring(path.read_bytes()).iter() if element.text
    ]
    assert {"app 1.0", "lib 1.0", "tool 1.0", "3 packages."} <= set(texts)
    assert run("tree", lock, "--svg", "-").out == path.read_text(encoding="utf-8")
    done = run("tree", lock, "--svg", path, "--json", "--invert", "app")
    assert done.json["invert"] == "app" and "Who needs app" in path.read_text(encoding="utf-8")
    assert run("tree", lock, "--svg", "-", "--json").status == 2
    assert run("tree", lock, "--svg", tmp_path / "nowhere" / "tree.svg").status == 2


def test_circles_are_told(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    entries = (entry("a", depends=["b"]), entry("b", depends=["a"]), entry("c", depends=["c"]))
    path.write_text(json.dumps(base_document(*entries)))
    done = run("tree", path)
    assert done.status == 0
    assert done.out.splitlines()[:3] == [
        "a 1.0  1 package only for it",
        "└── b 1.0",
        "    └── a 1.0 (a circle)",
    ]
    assert "a, b need each other" in done.err and "c needs itself" in done.err


def test_usage(run: Run, tmp_path: Path) -> None:
    assert run("tree").status == 2
    assert run("tree", tmp_path / "absent.json").status == 2
    (tmp_path / "odd.json").write_text("[]")
    assert run("tree", tmp_path / "odd.json").status == 2


def test_nothing_steers_the_terminal(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    path.write_text(
        json.dumps(
            base_document(entry("demo", EVIL, depends=[EVIL, "other"]), entry("other", EVIL))
        )
    )
    for flags in ((), ("--invert", "demo"), ("--json",), ("--svg", "-"), ("--invert", EVIL)):
        done = run("tree", path, *flags)
        assert all(letter.isprintable() or letter == "\n" for letter in done.out + done.err), flags
    assert "[bold]x[/]" in run("tree", path).out
    assert len(run("tree", path).out.splitlines()) == 4


def test_any_encoding(lock: Path) -> None:
    command = [sys.executable, "-m", "micropip_lock", "tree", str(lock)]
    done = subprocess.run(
        command, env={"PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[1] == "`-- lib 1.0  needed by 2"
    command += ["--svg", "-"]
    done = subprocess.run(
        command, env={"PYTHONIOENCODING": "ascii"}, capture_output=True, check=False
    )
    assert done.returncode == 0
    ElementTree.fromstring(done.stdout)
