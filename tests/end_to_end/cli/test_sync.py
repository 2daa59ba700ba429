"""The command: its flags, exit statuses, and what it prints."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from micropip_lock.cli.main import micropip_lock
from micropip_lock.errors import InputError
from micropip_lock.operations.sync.environment_files import WORK
from micropip_lock.operations.sync.transaction import Transaction

from ...support.freezing import base_document
from ...support.index_server import Fault, IndexServer
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel
from .conftest import Run


@pytest.fixture
def lock(index: IndexServer, tmp_path: Path, venv: Path) -> Path:
    """demo as it is, lib newer, and one more; the index has them all."""
    demo = index.folder / "demo-1.0-py3-none-any.whl"
    wheels = [
        demo,
        build_wheel(index.folder, "lib", "3.0"),
        build_wheel(index.folder, "new", "1.0"),
    ]
    path = tmp_path / "lock.json"
    entries = {
        wheel.name.partition("-")[0]: lock_entry(wheel, index.file_url(wheel.name))
        for wheel in wheels
    }
    path.write_text(json.dumps({**base_document(), "packages": entries}))
    return path


@pytest.fixture
def site_packages(venv: Path) -> Path:
    return venv / "lib" / "python3.14" / "site-packages"


def infos(site_packages: Path) -> set[str]:
    return {path.name.removesuffix(".dist-info") for path in site_packages.glob("*.dist-info")}


def test_flags() -> None:
    command = micropip_lock.get_command(None, "sync")  # type: ignore[arg-type]
    assert command is not None
    flags = {name for parameter in command.params for name in parameter.opts}
    assert {
        "--venv",
        "--no-prune",
        "--dry-run",
        "--json",
        "--quiet",
        "--offline",
        "--no-cache",
    } <= flags


def test_sync(run: Run, lock: Path, venv: Path, site_packages: Path, index: IndexServer) -> None:
    build_wheel(index.folder, "old", "1.0")
    done = run("sync", lock, "--venv", venv)
    assert (done.status, done.out) == (0, "")
    assert infos(site_packages) == {"demo-1.0", "lib-3.0", "new-1.0"}
    lines = done.err.splitlines()
    assert lines[-3:] == ["~ lib 2.0 -> 3.0", "+ new 1.0", "2 changes made."]
    index.reset()
    done = run("sync", lock, "--venv", venv)
    assert done.err == "The environment is what the lock says.\n"
    # What another installer installed tells nothing of its wheel; that was looked at once, and is
    # remembered.
    assert index.requests == []


def test_dry_run(run: Run, lock: Path, venv: Path, site_packages: Path) -> None:
    before = infos(site_packages)
    done = run("sync", lock, "--venv", venv, "--dry-run")
    assert done.status == 0
    assert done.err.splitlines() == ["~ lib 2.0 -> 3.0", "+ new 1.0", "2 changes would be made."]
    assert infos(site_packages) == before
    assert not (site_packages / WORK).exists()


def test_prune(run: Run, tmp_path: Path, venv: Path, site_packages: Path) -> None:
    (tmp_path / "empty.json").write_text(json.dumps(base_document()))
    done = run("sync", tmp_path / "empty.json", "--venv", venv, "--no-prune")
    assert done.err == "The environment is what the lock says.\n"
    done = run("sync", tmp_path / "empty.json", "--venv", venv)
    assert done.err.splitlines() == ["- demo 1.0", "- lib 2.0", "2 changes made."]
    assert list(site_packages.iterdir()) == []


def test_json_and_quiet(run: Run, lock: Path, venv: Path) -> None:
    done = run("sync", lock, "--venv", venv, "--json", "--quiet")
    assert done.json["plan"] == [
        {"action": "keep", "package": "demo", "old": "1.0", "new": "1.0"},
        {"action": "replace", "package": "lib", "old": "2.0", "new": "3.0"},
        {"action": "install", "package": "new", "old": None, "new": "1.0"},
    ]
    assert done.json["undone"] is None
    assert done.json["totals"]["packages"] == 3
    assert done.err == ""
    done = run("sync", lock, "--venv", venv, "--quiet")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_path(run: Run, lock: Path, site_packages: Path) -> None:
    assert run("sync", lock, "--path", site_packages).status == 0
    assert "lib-3.0" in infos(site_packages)
    assert run("sync", lock, "--path", site_packages, "--venv", site_packages).status == 2


@pytest.mark.parametrize("option", ["--venv", "--path"])
def test_another_pyodide(
    option: str, run: Run, lock: Path, venv: Path, site_packages: Path
) -> None:
    document = json.loads(lock.read_text())
    document["info"]["abi_version"] = "2025_0"
    lock.write_text(json.dumps(document))
    before = infos(site_packages)
    done = run("sync", lock, option, venv if option == "--venv" else site_packages)
    assert done.status == 2
    assert "2025_0" in done.err and "2026_0" in done.err
    assert infos(site_packages) == before


@pytest.mark.parametrize(("code", "status"), [(500, 3), (403, 3), (404, 1)])
def test_failures(
    code: int,
    status: int,
    run: Run,
    lock: Path,
    venv: Path,
    site_packages: Path,
    index: IndexServer,
) -> None:
    index.faults["/files/new"] = Fault("status", code)
    before = infos(site_packages)
    done = run("sync", lock, "--venv", venv)
    assert (done.status, done.out) == (status, "")
    assert "nothing was changed" in done.err
    assert infos(site_packages) == before
    assert not (site_packages / WORK).exists()


def test_offline(run: Run, lock: Path, venv: Path, index: IndexServer, tmp_path: Path) -> None:
    assert run("sync", lock, "--venv", venv, "--offline").status == 3
    assert index.requests == []
    assert run("bundle", lock, tmp_path / "bundle").status == 0
    index.reset()
    assert run("sync", lock, "--venv", venv, "--offline").status == 0
    assert index.requests == []


def test_input_errors(run: Run, lock: Path, venv: Path, tmp_path: Path) -> None:
    assert run("sync", tmp_path / "none.json", "--venv", venv).status == 2
    assert run("sync", lock, "--venv", tmp_path / "none").status == 2
    assert run("sync", lock, "--path", tmp_path / "none").status == 2
    assert run("sync", "--venv", venv).status == 2


def test_an_interrupted_one_is_told(run: Run, lock: Path, venv: Path, site_packages: Path) -> None:
    transaction = Transaction(venv.resolve(), site_packages.resolve())
    with (
        suppress(InputError),
        transaction.opened(),
        transaction.exchanging({"demo": []}, ["lib/python3.14/site-packages/demo.py"]),
    ):
        transaction._undo = lambda moves: None  # type: ignore[method-assign]  # as if it were killed
        raise OSError
    done = run("sync", lock, "--venv", venv, "--dry-run")
    assert "interrupted while it changed demo: that would be undone first" in done.err
    assert not (site_packages / "demo.py").exists()
    done = run("sync", lock, "--venv", venv)
    assert "interrupted while it changed demo: that was undone first" in done.err
    assert (site_packages / "demo.py").exists()
    assert not (site_packages / WORK).exists()


def test_a_key_that_is_a_path(run: Run, lock: Path, venv: Path, tmp_path: Path) -> None:
    document = json.loads(lock.read_text())
    out = tmp_path / "out"
    document["packages"][str(out)] = document["packages"].pop("new")
    lock.write_text(json.dumps(document))
    done = run("sync", lock, "--venv", venv)
    assert done.status == 2
    assert "no name of a project" in done.err
    assert not out.exists()
