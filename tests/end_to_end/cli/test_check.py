"""``micropip-lock check``: exit statuses, documents, and what people read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from micropip_lock.cli.check import check_command

from ...support.freezing import base_document, entry
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target
from ...support.wheels import build_wheel
from .conftest import Run


@pytest.fixture
def lock(freeze: Run, tmp_path: Path) -> Path:
    """The lock of two packages that the index has."""
    path = tmp_path / "pyodide-lock.json"
    assert freeze("-o", path).status == 0
    return path


@pytest.fixture
def torn(site: Path, index: IndexServer) -> Path:
    """The same packages, and two that want another lib."""
    return installer_target(
        site,
        build_wheel(index.folder, "page", "3.0", requires=["asker"]),
        build_wheel(index.folder, "asker", "1.0", requires=["lib>=7", "absent"]),
    )


def test_every_flag_exists(run: Run) -> None:
    names = {name for parameter in check_command.params for name in parameter.opts}
    assert {
        "--venv",
        "--path",
        "--base",
        "--json",
        "--quiet",
        "--offline",
        "--refresh",
        "--no-cache",
    } <= names
    assert "check" in run("--help").out


def test_all_is_well(run: Run, lock: Path, site: Path, base: Path) -> None:
    done = run("check", lock)
    assert (done.status, done.out) == (0, "")
    assert "2 packages checked: " in done.err and done.err.endswith("All requirements are met.\n")
    done = run("check", "--path", site, "--base", base)
    assert (done.status, done.out, done.err) == (
        0,
        "",
        "2 packages checked. All requirements are met.\n",
    )
    done = run("check", lock, "--quiet")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_the_chain(run: Run, torn: Path, base: Path) -> None:
    done = run("check", "--path", torn, "--base", base)
    assert (done.status, done.out) == (1, "")
    assert done.err.splitlines() == [
        "conflicting-dependency  asker 1.0  it needs lib>=7, but lib 2.0 is installed.",
        "    asker is there because page 3.0 needs asker.",
        "    lib 2.0 is there because demo 1.0 needs lib.",
        "    Find versions that go together: micropip-lock resolve asker lib",
        "missing-dependency  asker 1.0  it needs absent, which is not installed.",
        "    asker is there because page 3.0 needs asker.",
        f"    Install it: pip install --target {torn} 'absent' (with the --platform options the "
        "folder was made with)",
        "4 packages checked. 2 problems.",
    ]
    quiet = run("check", "--path", torn, "--base", base, "--quiet")
    assert (
        quiet.status == 1 and "conflicting-dependency" in quiet.err and "checked" not in quiet.err
    )


def test_json(run: Run, torn: Path, base: Path) -> None:
    done = run("check", "--path", torn, "--base", base, "--json")
    assert (done.status, done.err) == (1, "")
    assert done.json["totals"] == {"packages": 4, "unread": 0, "requests": 0, "bytes": 0}
    first = done.json["problems"][0]
    assert first.keys() == {
        *("code", "package", "version", "message", "hint", "url"),
        *("asked", "present", "brought"),
    }
    assert first["asked"][0] == {"package": "page", "version": "3.0", "requirement": "asker"}
    assert first["brought"] == [[{"package": "demo", "version": "1.0", "requirement": "lib"}]]


def test_a_venv(run: Run, venv: Path, monkeypatch: pytest.MonkeyPatch, index: IndexServer) -> None:
    assert run("check", "--venv", venv).status == 0
    monkeypatch.chdir(venv.parent)
    assert run("check").status == 0  # the nearest
    torn = build_wheel(index.folder, "torn", "1.0", requires=["absent"])
    installer_target(venv / "lib" / "python3.14" / "site-packages", torn)
    done = run("check")
    assert done.status == 1 and "    Install it: pip install 'absent'\n" in done.err
    monkeypatch.setenv("VIRTUAL_ENV", str(venv))
    monkeypatch.chdir("/")
    assert run("check").status == 1


def test_a_lock_that_does_not_go_together(run: Run, lock: Path, index: IndexServer) -> None:
    document = json.loads(lock.read_bytes())
    document["packages"]["lib"]["version"] = "1.0"
    build_wheel(index.folder, "demo", "1.0", requires=["lib>=2"])
    lock.write_text(json.dumps(document))
    done = run("check", lock, "--no-cache")
    assert done.status == 1 and "it needs lib>=2, but lib 1.0 is in the lock." in done.err
    index.reset()
    assert run("check", lock, "--offline", "--no-cache").status == 0
    assert index.requests == []


def test_nobody_answers(run: Run, lock: Path, index: IndexServer) -> None:
    index.faults["/files/"] = Fault("reset")
    done = run("check", lock, "--no-cache")
    assert done.status == 3 and "unreachable" in done.err
    document = json.loads(lock.read_bytes())
    document["packages"]["lib"]["depends"] = ["absent"]
    lock.write_text(json.dumps(document))
    assert run("check", lock, "--no-cache").status == 1


def test_usage(run: Run, lock: Path, venv: Path, tmp_path: Path) -> None:
    assert run("check").status == 2  # no venv is near
    assert run("check", lock, "--venv", venv).status == 2
    assert run("check", "--venv", venv, "--path", tmp_path).status == 2
    assert run("check", lock, "--base", lock).status == 2
    assert run("check", tmp_path / "absent.json").status == 2
    assert run("check", "--venv", tmp_path / "nowhere").status == 2
    done = run("check", "--path", tmp_path)
    assert done.status == 2 and "--base" in done.err


def test_nothing_steers_the_terminal(run: Run, tmp_path: Path) -> None:
    evil = "1.0\x1b]0;title\x07\x9b2J\r\n[bold]x[/]\u202e"
    path = tmp_path / "lock.json"
    path.write_text(
        json.dumps(base_document(entry("demo", evil, depends=[evil]), entry("odd", version=[evil])))
    )
    for flags in ((), ("--json",)):
        done = run("check", path, *flags)
        assert done.status == 1
        assert all(letter.isprintable() or letter == "\n" for letter in done.out + done.err)
    assert "[bold]x[/]" in run("check", path).err
