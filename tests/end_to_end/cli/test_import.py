"""The command: its options, files, exit statuses, and what goes where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from micropip_lock.cli.import_pylock import import_command
from micropip_lock.cli.main import micropip_lock

from ...support.index_server import Fault, IndexServer
from ...support.wheels import build_wheel, sha256
from .conftest import Done, Run

FLAGS = [
    "--base",
    "--base-url",
    "--base-dir",
    "--index-url",
    "--extra",
    "--group",
    "--compact",
    "--output",
    "-o",
]


@pytest.fixture
def pylock(index: IndexServer, tmp_path: Path) -> Path:
    """A pylock of two packages, one of them of an extra."""
    path = tmp_path / "pylock.toml"
    text = 'lock-version = "1.0"\ncreated-by = "test"\nextras = ["more"]\n'
    for name, marker in (("demo", "python_version >= '3'"), ("lib", "'more' in extras")):
        wheel = build_wheel(index.folder, name, "1.0")
        text += (
            f'[[packages]]\nname = "{name}"\nversion = "1.0"\nmarker = '
            f'"{marker}"\n[[packages.wheels]]\n'
        )
        text += f'url = "{index.file_url(wheel.name)}"\nhashes = {{ sha256 = "{sha256(wheel)}" }}\n'
    path.write_text(text)
    return path


@pytest.fixture
def import_(run: Run, pylock: Path, base: Path, index: IndexServer) -> Run:
    """Import the pylock with further arguments."""

    def call(*arguments: str | Path) -> Done:
        return run("import", pylock, "--base", base, "--index-url", index.url, *arguments)

    return call


def test_flags(run: Run) -> None:
    text = run("import", "--help").out
    assert all(flag in text for flag in FLAGS)
    assert {option for parameter in import_command.params for option in parameter.opts} >= set(
        FLAGS
    )


def test_stdout_and_files(import_: Run, tmp_path: Path) -> None:
    done = import_()
    assert done.status == 0
    assert list(done.json["packages"]) == ["demo"]
    assert "1 package locked: 3 requests" in done.err and "pylock 127.0.0.1" in done.err
    path = tmp_path / "pyodide-lock.json"
    assert import_("-o", path, "--extra", "more", "--compact").out == ""
    assert list(json.loads(path.read_text())["packages"]) == ["demo", "lib"]
    assert path.read_text().count("\n") == 1
    assert import_("-q").err == ""


def test_stdin(pylock: Path, base: Path, index: IndexServer) -> None:
    arguments = ["import", "-", "--base", str(base), "--index-url", index.url]
    done = CliRunner().invoke(micropip_lock, arguments, input=pylock.read_text())
    assert (done.exit_code, list(json.loads(done.stdout)["packages"])) == (0, ["demo"])


def test_json(import_: Run) -> None:
    document = import_("--json").json
    assert document.keys() == {"lockfile", "evidence", "warnings", "totals"}
    assert document["evidence"][0]["claim"] == "pylock"
    assert document["totals"]["packages"] == 1


def test_what_cannot_be_locked_is_1(import_: Run, pylock: Path, tmp_path: Path) -> None:
    pylock.write_text(
        pylock.read_text()
        + '[[packages]]\nname = "git"\nvcs = { type = "git", url = "https://u:hunter2@h/x", commit-id = "1" }\n'
        + '[[packages]]\nname = "folder"\ndirectory = { path = "." }\n'
    )
    path = tmp_path / "lock.json"
    path.write_text("old")
    done = import_("-o", path)
    assert (done.status, done.out, path.read_text()) == (1, "", "old")
    assert "vcs  git" in done.err and "local-directory  folder" in done.err
    assert done.err.endswith("2 packages cannot be locked; nothing was written.\n")
    assert "hunter2" not in done.err
    found = import_("--json")
    assert (found.status, found.json["error"]) == (1, "local-directory")


def test_servers_that_do_not_answer_are_3(import_: Run, index: IndexServer) -> None:
    index.faults["/files/"] = Fault("status", status=401)
    done = import_("--json")
    assert (done.status, done.json["error"]) == (3, "not-allowed")


@pytest.mark.parametrize(
    "text",
    ["", "[", "lock-version = 1", "lock-version = '9'", "\0", '[a]\nx = "https://u:hunter2@h'],
)
def test_no_pylock_is_2(text: str, import_: Run, pylock: Path) -> None:
    pylock.write_text(text)
    done = import_()
    assert (done.status, done.out) == (2, "")
    assert "pylock.toml" in done.err and "Traceback" not in done.err and "hunter2" not in done.err


def test_wrong_arguments_are_2(run: Run, import_: Run, pylock: Path, tmp_path: Path) -> None:
    assert run("import", tmp_path / "gone.toml", "--base", "314.0.7").status == 2
    assert run("import").status == 2
    assert "Which Pyodide is the lock for?" in run("import", pylock).err
    assert import_("--extra", "gone").status == 2
    assert import_("--group", "gone").status == 2
    assert import_("-o", tmp_path / "gone" / "lock.json").status == 2
