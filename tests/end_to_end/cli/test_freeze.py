"""The command: its flags, exit statuses, and what goes where."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from micropip_lock import Lockfile
from micropip_lock.cli.freeze import freeze_command

from ...support.freezing import base_document, entry
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target, pip_report
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel, sha256
from .conftest import Run

FLAGS = [
    "--venv",
    "--path",
    "--base",
    "--base-url",
    "--base-dir",
    "--index-url",
    "--include",
    "--exclude",
    "--requested",
    "--report",
    "--proof",
    "--check-files",
    "--download",
    "--accept-unproved",
    "--allow-broken",
    "--strict",
    "--trust-index-file",
    "--compact",
    "--evidence",
    "-o",
    "--check",
    "--json",
    "--quiet",
    "-v",
    "--offline",
    "--refresh",
    "--no-cache",
    "--cache-dir",
    "--jobs",
    "--color",
]


def test_every_flag_of_the_contract_exists() -> None:
    names = {name for parameter in freeze_command.params for name in parameter.opts}
    assert set(FLAGS) <= names


def test_help(run: Run) -> None:
    text = run("freeze", "--help")
    assert text.status == 0
    for flag in FLAGS:
        assert flag in text.out
    assert run("--help").status == 0
    assert "freeze" in run("-h").out
    assert run("--version").out.startswith("micropip-lock")


# -- where things go


def test_the_lock_goes_to_stdout_and_the_text_to_stderr(freeze: Run) -> None:
    done = freeze()
    assert done.status == 0
    assert set(done.json["packages"]) == {"demo", "lib"}
    assert "demo" in done.err and "content" in done.err and "2 packages locked" in done.err
    assert freeze("-o", "-").out == done.out


def test_the_lock_goes_to_a_file(freeze: Run, tmp_path: Path) -> None:
    path = tmp_path / "pyodide-lock.json"
    done = freeze("-o", path)
    assert (done.status, done.out) == (0, "")
    assert set(Lockfile.read(path).packages) == {"demo", "lib"}
    assert path.read_text() == freeze().out


def test_compact(freeze: Run, tmp_path: Path) -> None:
    assert freeze("--compact").out.count("\n") == 1
    freeze("--compact", "-o", tmp_path / "lock.json")
    assert (tmp_path / "lock.json").read_text() == freeze("--compact").out


def test_quiet_says_nothing(freeze: Run) -> None:
    done = freeze("--quiet")
    assert done.err == ""
    assert done.json["packages"]


def test_quiet_says_errors(run: Run, base: Path, site: Path) -> None:
    done = run("freeze", "-q", "--path", site, "--base", base, "--index-url", "file:///nowhere")
    assert done.status == 1
    assert "no-such-project" in done.err


def test_json_is_one_document(freeze: Run, index: IndexServer, tmp_path: Path) -> None:
    done = freeze("--json")
    assert done.status == 0
    assert done.json.keys() == {"lockfile", "evidence", "warnings", "left_out", "totals"}
    assert done.json["lockfile"] == json.loads(freeze().out)
    assert done.json["totals"].keys() == {"packages", "requests", "bytes", "wheel_bytes"}
    assert done.json["evidence"][0]["package"] == "demo"
    assert done.json["warnings"][0].keys() == {
        "code",
        "package",
        "version",
        "message",
        "hint",
        "url",
    }
    assert done.err == ""
    with_file = freeze("--json", "-o", tmp_path / "lock.json")
    assert with_file.json["lockfile"] == json.loads((tmp_path / "lock.json").read_text())


def test_json_of_what_is_left_out(freeze: Run, site: Path, index: IndexServer) -> None:
    installer_target(site, build_wheel(index.folder, "pip", "26.0"))
    assert freeze("--json").json["left_out"] == [["pip", "26.0", "a tool that nothing depends on"]]


def test_json_of_a_failure(
    run: Run, base: Path, site: Path, index: IndexServer, tmp_path: Path
) -> None:
    (site / "aaa-1.0.egg-info").mkdir()
    done = run(
        "freeze", "--json", "--path", site, "--base", base, "--index-url", index.root + "/none"
    )
    assert done.status == 1
    assert done.json["error"] == "legacy-metadata"
    assert [problem["code"] for problem in done.json["problems"]] == [
        "legacy-metadata",
        "no-such-project",
        "no-such-project",
    ]
    assert done.err == ""


@pytest.mark.parametrize(
    ("base", "error", "status"),
    [("missing.json", "input", 2), ("http://127.0.0.1:1/lock.json", "unreachable", 3)],
)
def test_json_of_an_error(base: str, error: str, status: int, run: Run, site: Path) -> None:
    done = run("freeze", "--json", "--path", site, "--base", base)
    assert (done.status, done.json["error"], done.json["problems"]) == (status, error, [])
    assert done.json["message"]


def test_evidence_goes_to_a_file(freeze: Run, tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    assert freeze("--evidence", path).status == 0
    document = json.loads(path.read_text())
    assert [item["package"] for item in document["evidence"]] == ["demo", "lib"]
    assert document["totals"]["packages"] == 2


# -- arguments


def test_path_may_be_repeated(
    run: Run, base: Path, site: Path, index: IndexServer, tmp_path: Path
) -> None:
    other = installer_target(tmp_path / "other", build_wheel(index.folder, "third", "1.0"))
    done = run("freeze", "--path", site, "--path", other, "--base", base, "--index-url", index.url)
    assert set(done.json["packages"]) == {"demo", "lib", "third"}


def test_index_url_may_be_repeated(run: Run, base: Path, site: Path, index: IndexServer) -> None:
    with IndexServer() as empty:
        done = run(
            "freeze",
            "--path",
            site,
            "--base",
            base,
            "--index-url",
            empty.url,
            "--index-url",
            index.url,
        )
        assert done.status == 0
        assert "/simple/demo/" in empty.paths()


def test_a_venv_tells_paths_base_and_indexes(run: Run, venv: Path, index: IndexServer) -> None:
    (venv / "pip.conf").write_text(f"[global]\nindex-url = {index.url}\n")
    del os.environ["PIP_CONFIG_FILE"]
    done = run("freeze", "--venv", venv)
    assert done.status == 0, done.err
    assert set(done.json["packages"]) == {"demo", "lib"}


def test_the_active_and_the_nearest_venv(
    run: Run, venv: Path, index: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    assert run("freeze").status == 2
    monkeypatch.chdir(venv.parent)
    assert run("freeze").status == 0
    monkeypatch.chdir("/")
    monkeypatch.setenv("VIRTUAL_ENV", str(venv))
    assert run("freeze").status == 0


def test_a_base_by_argument_replaces_that_of_the_venv(
    run: Run, venv: Path, index: IndexServer, tmp_path: Path
) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps(base_document(tool={})))
    done = run("freeze", "--venv", venv, "--base", other, "--index-url", index.url)
    assert "tool" in done.json


def test_base_dir_and_base_url(run: Run, site: Path, index: IndexServer, tmp_path: Path) -> None:
    wheels = sorted(index.folder.glob("*.whl"))
    base = tmp_path / "with-wheels.json"
    base.write_text(json.dumps(base_document(*map(lock_entry, wheels))))
    done = run(
        *("freeze", "--path", site, "--base", base, "--base-dir", index.folder),
        *("--base-url", "https://cdn.example/full", "--strict", "--json"),
    )
    assert done.status == 0, done.out
    assert {item["claim"] for item in done.json["evidence"]} == {"base"}
    assert done.json["lockfile"]["packages"]["demo"]["file_name"].startswith(
        "https://cdn.example/full/demo-"
    )


def test_include_and_exclude(run: Run, site: Path, index: IndexServer, tmp_path: Path) -> None:
    base = tmp_path / "with-more.json"
    base.write_text(json.dumps(base_document(entry("more"))))
    arguments = ("freeze", "--path", site, "--base", base, "--index-url", index.url)
    assert set(run(*arguments).json["packages"]) == {"demo", "lib"}
    assert set(run(*arguments, "--include", "distribution").json["packages"]) == {
        "demo",
        "lib",
        "more",
    }
    done = run(*arguments, "--exclude", "LIB")
    assert set(done.json["packages"]) == {"demo"}
    assert "excluded-dependency" in done.err and "left out: lib 2.0" in done.err


def test_requested_allow_broken_and_strict(freeze: Run) -> None:
    assert freeze("--requested", "demo>2").status == 1
    assert freeze("--requested", "demo>2", "--allow-broken").status == 0
    assert freeze("--strict").status == 1
    assert freeze("--requested", "not a requirement!").status == 2


def test_report(run: Run, base: Path, index: IndexServer, tmp_path: Path) -> None:
    build_wheel(index.folder, "demo", "1.0")
    report = pip_report(tmp_path / "target", tmp_path / "report.json", "demo", index_url=index.url)
    done = run(
        "freeze", "--path", tmp_path / "target", "--base", base, "--report", report, "--json"
    )
    assert done.json["evidence"][0]["claim"] == "report"


def test_proof_metadata(freeze: Run, index: IndexServer) -> None:
    index.reset()
    done = freeze("--proof", "metadata", "--json")
    assert {item["proof"] for item in done.json["evidence"]} == {"metadata"}
    assert len(index.requests) == 2


def test_check_files(freeze: Run, site: Path) -> None:
    (site / "demo.py").write_bytes(b"#" + (site / "demo.py").read_bytes()[1:])
    assert freeze("--check-files", "size").status == 0
    assert freeze("--check-files", "hash").status == 1
    (site / "demo.py").unlink()
    assert freeze().status == 1
    assert freeze("--check-files", "off").status == 0
    assert freeze("--accept-unproved", "demo").status == 0


def test_download(freeze: Run, index: IndexServer) -> None:
    index.hashes = "none"
    assert freeze().status == 1
    done = freeze("--download", "--json")
    assert done.json["lockfile"]["packages"]["demo"]["sha256"] == sha256(
        next(index.folder.glob("demo*"))
    )


def test_trust_index_file(run: Run, base: Path, site: Path, index: IndexServer) -> None:
    for folder in site.glob("*.dist-info"):
        (folder / "INDEX").write_text(index.url)
    with IndexServer() as empty:
        arguments = ("freeze", "--path", site, "--base", base, "--index-url", empty.url)
        assert run(*arguments).status == 1
        assert run(*arguments, "--trust-index-file").status == 0


def test_jobs(freeze: Run) -> None:
    assert freeze("--jobs", "1").out == freeze("--jobs", "64").out
    assert freeze("--jobs", "0").status == 2


def test_color(freeze: Run) -> None:
    assert "\x1b[" in freeze("--color", "always").err
    assert "\x1b[" not in freeze("--color", "never").err
    assert "\x1b[" not in freeze().err
    assert "\x1b[" not in freeze("--color", "always").out


# -- the cache


def test_offline_uses_what_the_cache_knows(
    run: Run, base: Path, site: Path, index: IndexServer, tmp_path: Path
) -> None:
    index.cache_control = "max-age=600"
    arguments = (
        "freeze",
        "--path",
        site,
        "--base",
        base,
        "--index-url",
        index.url,
        "--cache-dir",
        tmp_path / "cache",
    )
    done = run(*arguments, "--offline")
    assert done.status == 3
    assert "offline" in done.err
    assert index.requests == []
    assert run(*arguments, "--no-cache").status == 0
    assert not (tmp_path / "cache").exists() or run(*arguments, "--offline").status == 3
    assert run(*arguments, "--proof", "metadata").status == 0
    index.reset()
    assert run(*arguments, "--proof", "metadata", "--offline").status == 0
    assert run(*arguments, "--proof", "metadata").status == 0
    assert index.requests == []
    assert run(*arguments, "--proof", "metadata", "--refresh").status == 0
    assert len(index.requests) == 2


# -- --check


def test_check(freeze: Run, tmp_path: Path, index: IndexServer, site: Path) -> None:
    path = tmp_path / "lock.json"
    missing = freeze("--check", "-o", path)
    assert missing.status == 2
    assert str(path) in missing.err
    freeze("-o", path)
    fresh = freeze("--check", "-o", path)
    assert (fresh.status, fresh.out) == (0, "")
    assert "up to date" in fresh.err
    before = path.read_bytes(), path.stat().st_mtime_ns
    installer_target(site, build_wheel(index.folder, "more", "1.0"))
    stale = freeze("--check", "-o", path, "--exclude", "lib")
    assert (stale.status, stale.out) == (1, "")
    for line in ("+ more 1.0", "- lib 2.0", "~ demo 1.0  depends -lib", "stale"):
        assert line in stale.err
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [file.name for file in tmp_path.glob("*lock.json*")] == ["lock.json"]


def test_check_as_json(freeze: Run, tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    freeze("-o", path)
    assert freeze("--check", "-o", path, "--json").json["fresh"] is True
    stale = freeze("--check", "-o", path, "--json", "--exclude", "lib")
    assert (stale.status, stale.json["fresh"]) == (1, False)
    packages = stale.json["differences"]["packages"]
    assert [(item["package"], item["kind"]) for item in packages] == [
        ("demo", "details"),
        ("lib", "removed"),
    ]


def test_check_compares_with_the_default_file(freeze: Run, clean_machine: Path) -> None:
    assert freeze("--check").status == 2
    freeze("-o", "pyodide-lock.json")
    assert freeze("--check").status == 0


def test_check_notices_another_base(freeze: Run, base: Path, tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    freeze("-o", path)
    base.write_text(json.dumps(base_document(tool={})))
    done = freeze("--check", "-o", path)
    assert done.status == 1
    assert "tool.micropip-lock.proof" in done.err


def test_check_writes_no_evidence(freeze: Run, tmp_path: Path) -> None:
    freeze("-o", tmp_path / "lock.json")
    freeze("--check", "-o", tmp_path / "lock.json", "--evidence", tmp_path / "evidence.json")
    assert not (tmp_path / "evidence.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"packages": {}}'])
def test_check_against_what_is_no_lock(text: str, freeze: Run, tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_text(text)
    done = freeze("--check", "-o", tmp_path / "lock.json")
    assert done.status == 2
    assert "lock.json" in done.err


# -- exit statuses


@pytest.mark.parametrize(
    "arguments",
    [
        ("freeze", "--no-such-flag"),
        ("freeze", "--proof", "trust"),
        ("freeze", "--venv", "a", "--path", "b"),
        ("freeze", "--check", "-o", "-"),
        ("freeze", "argument"),
        ("frieze",),
        ("freeze", "--venv", "missing"),
        ("freeze", "--path", "missing", "--base", "314.0.7"),
        ("freeze", "--path", "."),
        ("freeze",),
        ("freeze", "--path", ".", "--base", "missing.json"),
        ("freeze", "--path", ".", "--base", "."),
        ("freeze", "--report", "missing.json", "--path", ".", "--base", "missing.json"),
        ("freeze", "-o", "missing/lock.json"),
        ("freeze", "--jobs", "many"),
    ],
    ids=" ".join,
)
def test_usage_and_missing_input_are_2(arguments: tuple[str, ...], run: Run) -> None:
    done = run(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert done.err
    assert "Traceback" not in done.err


def test_a_file_as_folder_of_the_output_is_2(freeze: Run, tmp_path: Path, base: Path) -> None:
    assert freeze("-o", base / "lock.json").status == 2
    assert freeze("-o", tmp_path).status == 2
    assert freeze("--evidence", tmp_path / "missing" / "evidence.json").status == 2


def test_a_definite_problem_is_1_even_beside_network_ones(
    run: Run, base: Path, site: Path, index: IndexServer
) -> None:
    index.faults["/simple/"] = Fault("status", status=500)
    arguments = ("freeze", "--path", site, "--base", base, "--index-url", index.url)
    assert run(*arguments).status == 3
    index.faults["/simple/lib/"] = Fault("status", status=403)
    assert run(*arguments).status == 3
    (site / "old-1.0.egg-info").mkdir()
    assert run(*arguments).status == 1


def test_an_existing_lock_stays_untouched(freeze: Run, index: IndexServer, tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    path.write_text("old")
    index.faults["/files/demo"] = Fault("status", status=500)
    for arguments in ((), ("--json",), ("--evidence", str(tmp_path / "evidence.json"))):
        done = freeze("-o", path, *arguments)
        assert done.status == 3
        assert path.read_text() == "old"
        assert not (tmp_path / "evidence.json").exists()
        assert ("{" in done.out) == ("--json" in arguments)


def test_no_partial_lock_where_there_was_none(
    freeze: Run, index: IndexServer, tmp_path: Path
) -> None:
    index.faults["/files/demo"] = Fault("status", status=500)
    freeze("-o", tmp_path / "out.json")
    assert not list(tmp_path.glob("*out.json*"))


# -- bad input, end to end


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault("status", status=500), 3),
        (Fault("status", status=404), 1),
        (Fault("status", status=401), 3),
        (Fault("html"), 3),
        (Fault("redirect-loop"), 3),
        (Fault("huge", size=50 * 2**20), 3),
        (Fault("broken-json"), 3),
        (Fault("truncate"), 3),
        (Fault("reset"), 3),
        (Fault("body", body=b"\xff\xfe" * 100), 3),
        (Fault("body", body=b""), 3),
        (Fault("status", status=500, headers={"Retry-After": "86400"}), 3),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else str(value),
)
def test_an_index_that_misbehaves(
    fault: Fault, status: int, freeze: Run, index: IndexServer
) -> None:
    index.faults["/simple/"] = fault
    done = freeze()
    assert done.status == status
    assert done.out == ""
    assert "Traceback" not in done.err
    assert index.root in done.err


@pytest.mark.parametrize("damage", ["METADATA", "RECORD", "WHEEL"])
def test_a_broken_dist_info(damage: str, freeze: Run, site: Path) -> None:
    (site / "demo-1.0.dist-info" / damage).unlink()
    done = freeze()
    assert done.status == 1
    assert "broken-metadata" in done.err and damage in done.err


def test_latin_1_metadata(freeze: Run, site: Path) -> None:
    path = site / "demo-1.0.dist-info" / "METADATA"
    path.write_bytes(
        path.read_bytes().replace(b"Version: 1.0", "Version: 1.0Ü".encode("latin-1"), 1)
    )
    done = freeze()
    assert done.status == 1
    assert "UTF-8" in done.err


@pytest.mark.parametrize(
    "text", ["", '{"info": {}', "[]", '{"info": {"python": 3}, "packages": {}}', "\x00"]
)
def test_a_broken_base(text: str, run: Run, site: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    done = run("freeze", "--path", site, "--base", path)
    assert done.status == 2
    assert done.out == ""
    assert "bad.json" in done.err


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": "1", "install": [{}]}', '{"version": "9", "install": []}']
)
def test_a_broken_report(text: str, freeze: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    done = freeze("--report", path)
    assert done.status == 2
    assert "report.json" in done.err


# -- secrets, causes


def test_nothing_secret_is_printed(
    freeze: Run, run: Run, base: Path, site: Path, index: IndexServer, tmp_path: Path
) -> None:
    index.auth = ("user", "hunter2")
    arguments = (
        "freeze",
        "--path",
        site,
        "--base",
        base,
        "--index-url",
        index.url_with_password,
        "-v",
    )
    evidence = tmp_path / "evidence.json"
    ok = run(*arguments, "--evidence", evidence, "--json")
    assert ok.status == 0, ok.out
    said = [ok.out, ok.err, evidence.read_text(), run(*arguments).err]
    for fault in (
        Fault("status", status=403),
        Fault("reset"),
        Fault("status", status=500),
        Fault("html"),
    ):
        for place in ("/simple/", "/files/"):
            index.faults = {place: fault}
            for extra in ((), ("--json",)):
                done = run(*arguments, *extra, "--no-cache")
                assert done.status != 0
                said += [done.out, done.err]
    assert "hunter2" not in "".join(said)


def test_verbose_shows_causes(run: Run, base: Path, site: Path) -> None:
    with IndexServer() as gone:
        url = gone.url
    plain = run("freeze", "--path", site, "--base", f"{url}/lock.json")
    verbose = run("freeze", "--path", site, "--base", f"{url}/lock.json", "-v")
    assert plain.status == verbose.status == 3
    assert "caused by" not in plain.err
    assert "caused by ConnectError" in verbose.err
    assert "Traceback" not in verbose.err


def test_an_empty_folder_leaves_an_old_lock(
    run: Run, base: Path, site: Path, tmp_path: Path
) -> None:
    (tmp_path / "venv" / "lib" / "python3.14").mkdir(parents=True)
    site.rename(tmp_path / "venv" / "lib" / "python3.14" / "site-packages")
    (tmp_path / "lock.json").write_text("old")
    done = run("freeze", "--path", tmp_path / "venv", "--base", base, "-o", tmp_path / "lock.json")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        f"error: no .dist-info in {tmp_path / 'venv'}; did you mean "
        f"{tmp_path / 'venv' / 'lib' / 'python3.14' / 'site-packages'}?\n"
    )
    assert (tmp_path / "lock.json").read_text() == "old"


# -- real processes


def environment() -> dict[str, str]:
    root = str(Path(__file__).parents[3])
    return {**os.environ, "PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}


def process(*arguments: str | Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "micropip_lock", *map(str, arguments)]
    return subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_hear_ctrl_c,
    )


def _hear_ctrl_c() -> None:
    # What a shell runs in the background ignores it, and so would all that is started from there.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_it_runs_as_a_module() -> None:
    for arguments in (("--help",), ("freeze", "--help")):
        with process(*arguments) as running:
            out, err = running.communicate(timeout=60)
        assert (running.returncode, err) == (0, b"")
        assert b"freeze" in out


@pytest.mark.parametrize("place", ["/simple/demo/", "/files/"])
@pytest.mark.parametrize("flags", [(), ("--json", "-v")], ids=str)
def test_ctrl_c_leaves_nothing(
    flags: tuple[str, ...], place: str, base: Path, site: Path, index: IndexServer, tmp_path: Path
) -> None:
    index.faults[place] = Fault("hang")
    (tmp_path / "lock.json").write_text("old")
    arguments = (
        "freeze",
        "--path",
        site,
        "--base",
        base,
        "--index-url",
        index.url,
        "-o",
        tmp_path / "lock.json",
    )
    with process(*arguments, *flags) as running:
        while not any(path.startswith(place) for path in index.paths()):
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert out == b""
    assert b"Traceback" not in err
    assert b"nothing was written" in err
    assert (tmp_path / "lock.json").read_text() == "old"
    assert [file.name for file in tmp_path.glob("*lock*")] == ["lock.json"]


def test_a_reader_that_leaves_is_no_traceback(base: Path, site: Path, index: IndexServer) -> None:
    arguments = ("freeze", "--path", site, "--base", base, "--index-url", index.url)
    with process(*arguments) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        err = running.stderr.read()
        running.wait(timeout=60)
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err
