"""``micropip-lock verify``: exit statuses, documents, and what people read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from micropip_lock.cli.verify import verify_command

from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target
from ...support.wheels import build_wheel
from .conftest import Done, Run

FLAGS = [
    "--deep",
    "--venv",
    "--path",
    "--index-url",
    "--json",
    "--quiet",
    "-v",
    "--offline",
    "--refresh",
]
FLAGS += ["--no-cache", "--cache-dir", "--jobs", "--color"]


@pytest.fixture
def lock(freeze: Run, tmp_path: Path) -> Path:
    """The lock of two packages that the index has."""
    path = tmp_path / "pyodide-lock.json"
    assert freeze("-o", path).status == 0
    return path


@pytest.fixture
def verify(run: Run, lock: Path, index: IndexServer) -> Run:
    """Verify that lock with further arguments."""

    def call(*arguments: str | Path) -> Done:
        return run("verify", lock, "--index-url", index.url, *arguments)

    return call


def change(lock: Path, package: str, **values: Any) -> None:
    """Change one entry of a lock."""
    document = json.loads(lock.read_bytes())
    document["packages"][package].update(values)
    lock.write_text(json.dumps(document))


def test_every_flag_exists(run: Run) -> None:
    names = {name for parameter in verify_command.params for name in parameter.opts}
    assert set(FLAGS) <= names
    text = run("verify", "--help")
    assert text.status == 0
    assert all(flag in text.out for flag in FLAGS)
    assert "verify" in run("--help").out


def test_a_true_lock(verify: Run) -> None:
    done = verify()
    assert (done.status, done.out) == (0, "")
    assert "2 packages checked: " in done.err
    assert "requests" in done.err and "read. 0 problems, 1 advice." in done.err


def test_json(verify: Run, lock: Path) -> None:
    done = verify("--json")
    assert (done.status, done.err) == (0, "")
    assert done.json.keys() == {"problems", "totals"}
    assert done.json["totals"].keys() == {"packages", "requests", "bytes"}
    assert done.json["totals"]["packages"] == 2
    assert done.json["totals"]["requests"] > 0 < done.json["totals"]["bytes"]
    assert [problem["code"] for problem in done.json["problems"]] == ["not-portable"]
    change(lock, "demo", depends=[])
    done = verify("--json")
    assert done.status == 1
    assert [problem["code"] for problem in done.json["problems"]] == [
        "lost-dependency",
        "not-portable",
    ]
    assert done.json["problems"][0].keys() == {
        "code",
        "package",
        "version",
        "message",
        "hint",
        "url",
    }


def test_problems_come_before_advice(verify: Run, lock: Path, index: IndexServer) -> None:
    index.yanked["demo==1.0"] = "for a reason"
    change(lock, "lib", sha256="0" * 64)
    done = verify()
    assert (done.status, done.out) == (1, "")
    assert (
        done.err.index("hash-conflict")
        < done.err.index("yanked")
        < done.err.index("1 problem, 2 advice.")
    )
    assert "for a reason" in done.err
    quiet = verify("--quiet")
    assert quiet.status == 1
    assert "hash-conflict" in quiet.err and "yanked" not in quiet.err and "checked" not in quiet.err


def test_quiet_and_true_says_nothing(verify: Run) -> None:
    done = verify("--quiet")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_advice_alone_is_fine(verify: Run, index: IndexServer) -> None:
    index.yanked["demo==1.0"] = True
    index.statuses["lib"] = ("archived", "")
    done = verify()
    assert done.status == 0
    assert "yanked" in done.err and "archived" in done.err


def test_nobody_answers(verify: Run, lock: Path, index: IndexServer) -> None:
    index.faults["/"] = Fault("reset")
    done = verify("--no-cache")
    assert done.status == 3
    assert "unreachable" in done.err and "2 packages (demo, lib)" in done.err
    index.faults["/"] = Fault("status", status=403)
    assert verify("--no-cache").status == 3
    # What is wrong in itself is wrong all the same.
    change(lock, "demo", depends=["absent"])
    assert verify("--no-cache").status == 1


def test_offline_asks_nobody(verify: Run, lock: Path, index: IndexServer, run: Run) -> None:
    index.reset()
    done = verify("--offline")
    assert (done.status, index.requests) == (0, [])
    assert "2 packages checked: no request." in done.err
    change(lock, "demo", sha256="0" * 64)
    assert verify("--offline").status == 0
    assert verify().status == 1
    change(lock, "demo", imports=None)
    assert verify("--offline").status == 1


@pytest.mark.parametrize("content", [None, b"", b"[]", b"\xff", b'{"info": '])
def test_what_is_no_lock(content: bytes | None, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "no-lock.json"
    if content is not None:
        path.write_bytes(content)
    done = run("verify", path)
    assert (done.status, done.out) == (2, "")
    assert "no-lock.json" in done.err and "Traceback" not in done.err
    assert run("verify", path, "--json").json["error"] == "input"
    assert run("verify", tmp_path).status == 2


def test_usage(run: Run, lock: Path, tmp_path: Path) -> None:
    assert run("verify").status == 2
    assert run("verify", lock, "--deep", "--offline").status == 2
    assert run("verify", lock, "--venv", tmp_path, "--path", tmp_path).status == 2
    assert run("verify", lock, "--venv", tmp_path / "nowhere").status == 2
    assert run("verify", lock, "--path", tmp_path / "nowhere", "--offline").status == 2


def test_deep_downloads(verify: Run, index: IndexServer) -> None:
    index.reset()
    assert verify().status == 0
    assert index.wheel_downloads == 0
    done = verify("--deep")
    assert done.status == 0
    assert index.wheel_downloads == 2
    assert verify("--deep", "--json").json["totals"]["requests"] >= 4


def test_a_folder(verify: Run, site: Path, index: IndexServer) -> None:
    assert verify("--path", site).status == 0
    installer_target(site, build_wheel(index.folder, "extra", "1.0"))
    done = verify("--path", site)
    assert done.status == 1
    assert "drift" in done.err and "extra 1.0" in done.err
    assert verify("--path", site, "--offline").status == 1


def test_a_venv(
    run: Run, lock: Path, venv: Path, index: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_CONFIG_FILE")  # it forbids all others
    (venv / "pip.conf").write_text(f"[global]\nindex-url = {index.url}\n")
    done = run("verify", lock, "--venv", venv)
    assert done.status == 0
    assert "unlisted" not in done.err  # the venv's own index was asked
    (venv / "lib" / "python3.14" / "site-packages" / "lib.py").write_text("edited = True\n")
    done = run("verify", lock, "--venv", venv)
    assert done.status == 1
    assert "files-changed" in done.err


def test_what_wheels_say_does_not_steer_the_terminal(
    verify: Run, lock: Path, index: IndexServer
) -> None:
    index.yanked["demo==1.0"] = "\x1b[31m[bold]red"
    done = verify()
    assert "\x1b" not in done.err
    assert "[bold]red" in done.err


def test_secrets_are_not_printed(run: Run, lock: Path, index: IndexServer) -> None:
    index.auth = ("user", "hunter2")
    change(
        lock,
        "demo",
        file_name=index.file_url("demo-1.0-py3-none-any.whl").replace("//", "//me:hunter2@"),
    )
    change(lock, "lib", file_name=index.file_url("lib-2.0-py3-none-any.whl") + "?token=hunter2")
    for extra in ((), ("--json",), ("-v",)):
        done = run("verify", lock, "--index-url", index.url_with_password, *extra)
        assert done.status == 1
        assert "hunter2" not in done.out + done.err
