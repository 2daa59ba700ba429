"""The command: its flags, exit statuses, and what goes where."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from micropip_lock import Lockfile
from micropip_lock.cli.console import Output
from micropip_lock.cli.main import micropip_lock

from ...support.freezing import base_document
from ...support.index_server import Fault, IndexServer
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel
from .conftest import Run

WHEELS = {"app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl"}


@pytest.fixture
def lock(index: IndexServer, tmp_path: Path) -> Path:
    wheels = [build_wheel(index.folder, name, "1.0") for name in ("app", "lib")]
    document = base_document()
    document["info"] = {**document["info"], "version": "314.0.7"}
    document["packages"] = {
        path.name[:3]: lock_entry(path, index.file_url(path.name)) for path in wheels
    }
    path = tmp_path / "lock" / "lock.json"
    path.parent.mkdir()
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "site"


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_flags() -> None:
    command = micropip_lock.get_command(None, "bundle")  # type: ignore[arg-type]
    assert command is not None
    flags = {name for parameter in command.params for name in parameter.opts}
    assert {
        "--base-dir",
        "--zip",
        "--page",
        "--json",
        "--quiet",
        "--offline",
        "--no-cache",
        "--jobs",
    } <= flags


def test_a_bundle(run: Run, lock: Path, dest: Path) -> None:
    done = run("bundle", lock, dest)
    assert (done.status, done.out) == (0, "")
    assert names(dest) == WHEELS | {"pyodide-lock.json"}
    local = Lockfile.read(dest / "pyodide-lock.json")
    assert {entry.file_name for entry in local.packages.values()} == WHEELS
    *lines, last = done.err.splitlines()
    assert {line.split()[0] for line in lines} == WHEELS
    assert last.startswith(f"2 files in {dest}") and "2 downloaded" in last


def test_a_second_one_downloads_nothing(
    run: Run, lock: Path, tmp_path: Path, index: IndexServer
) -> None:
    run("bundle", lock, tmp_path / "one")
    index.reset()
    done = run("bundle", lock, tmp_path / "two")
    assert done.status == 0 and "nothing downloaded" in done.err
    assert index.requests == []
    assert run("bundle", lock, tmp_path / "three", "--offline").status == 0
    assert run("bundle", lock, tmp_path / "four", "--no-cache").status == 0
    assert len(index.requests) == 2
    done = run("bundle", lock, tmp_path / "five", "--offline", "--no-cache")
    assert (done.status, "offline" in done.err) == (3, True)


def test_cache_dir(run: Run, lock: Path, dest: Path, tmp_path: Path) -> None:
    run("bundle", lock, dest, "--cache-dir", tmp_path / "mine")
    assert len(list((tmp_path / "mine" / "wheels").rglob("*"))) > 2


def test_quiet(run: Run, lock: Path, dest: Path) -> None:
    done = run("bundle", lock, dest, "--quiet")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_json(run: Run, lock: Path, dest: Path) -> None:
    done = run("bundle", lock, dest, "--json", "--quiet", "--zip", "--page")
    assert done.json.keys() == {"lockfile", "files", "zip", "page", "totals"}
    assert done.json["lockfile"] == json.loads((dest / "pyodide-lock.json").read_text())
    assert [file["source"] for file in done.json["files"]] == ["downloaded", "downloaded"]
    assert (done.json["zip"], done.json["page"]) == (f"{dest}.zip", str(dest / "index.html"))
    assert done.json["totals"].keys() == {"packages", "requests", "bytes", "wheel_bytes"}
    assert done.err == ""


def test_zip_and_page(run: Run, lock: Path, dest: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print()")
    done = run("bundle", lock, dest, "--zip", "--page", tmp_path / "app.py")
    assert done.status == 0
    assert f"wrote {dest}.zip" in done.err and f"wrote {dest / 'index.html'}" in done.err
    with zipfile.ZipFile(f"{dest}.zip") as archive:
        assert (
            set(archive.namelist())
            == names(dest)
            == WHEELS | {"pyodide-lock.json", "index.html", "app.py"}
        )
    assert run("bundle", "--page", "--zip", lock, tmp_path / "console").status == 0
    assert names(tmp_path / "console") == WHEELS | {"pyodide-lock.json", "index.html"}


def test_base_dir(run: Run, lock: Path, dest: Path, index: IndexServer) -> None:
    assert run("bundle", lock, dest, "--base-dir", index.folder).status == 0
    assert index.requests == []


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault("status", 500), 3, "unreachable"),
        (Fault("status", 403), 3, "not-allowed"),
        (Fault("status", 404), 1, "gone"),
        (Fault("html"), 1, "content-mismatch"),
    ],
    ids=lambda value: f"{value.kind} {value.status}" if isinstance(value, Fault) else str(value),
)
def test_failures(
    fault: Fault, status: int, code: str, run: Run, lock: Path, dest: Path, index: IndexServer
) -> None:
    index.faults["/files/lib"] = fault
    done = run("bundle", lock, dest)
    assert (done.status, done.out) == (status, "")
    assert code in done.err and "no lock was written" in done.err
    assert not (dest / "pyodide-lock.json").exists()
    assert "lib-1.0-py3-none-any.whl  failed" in done.err
    done = run("bundle", lock, dest, "--json")
    assert (done.status, done.json["error"]) == (status, code)


def test_input_errors(run: Run, lock: Path, dest: Path, tmp_path: Path) -> None:
    assert run("bundle", tmp_path / "none.json", dest).status == 2
    assert run("bundle", lock, dest, "--base-dir", tmp_path / "none").status == 2
    assert run("bundle", lock, dest, "--page", tmp_path / "none.py").status == 2
    assert run("bundle", lock).status == 2
    assert run("bundle", lock, lock).status == 2
    assert not (dest / "pyodide-lock.json").exists()


def test_bars_on_a_terminal(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each running download, and one for all together."""
    output = Output(quiet=False, color="always")
    with output.transfers() as transfers:
        assert transfers is not None
        first, second = transfers.begin("first.whl"), transfers.begin("second.whl")
        first.expect(1000)
        first.advance(500)
        second.advance(300)
        second.advance(-300)
        first.end(True)
        second.end(False)
    text = capsys.readouterr().err
    assert "all" in text and "first.whl" in text and "second.whl" in text
    with Output(quiet=True, color="always").transfers() as transfers:
        assert transfers is None


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Output(quiet=False, color="never").transfers() as transfers:
        assert transfers is not None
        done, failed = transfers.begin("a\x1b[31m.whl"), transfers.begin("b.whl")
        done.expect(1)
        done.advance(1500)
        done.end(True)
        failed.end(False)
    assert capsys.readouterr().err.splitlines() == ["a?[31m.whl  1.5 kB", "b.whl  failed"]


@pytest.mark.parametrize("cached", [True, False])
def test_interrupted(
    cached: bool, lock: Path, dest: Path, index: IndexServer, tmp_path: Path
) -> None:
    """Ctrl-C: no lock, no partial file among the user's, and a status of its own."""
    import signal
    import time

    index.faults["/files/lib"] = Fault("hang")
    options = ["--cache-dir", str(tmp_path / "cache")] if cached else ["--no-cache"]
    command = [sys.executable, "-m", "micropip_lock", "bundle", str(lock), str(dest), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while "/files/lib-1.0-py3-none-any.whl" not in index.paths():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err and "Interrupted" in err
    assert names(dest) <= WHEELS
