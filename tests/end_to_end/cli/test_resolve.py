"""The command: its options, files, the cache, exit statuses, and what goes where."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import Lockfile
from micropip_lock.cli.resolve import resolve_command
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from ...support.freezing import base_document, entry
from ...support.index_server import Fault, IndexServer
from ...support.runtimes import lock_entry
from ...support.wheels import build_sdist, build_wheel, sha256
from .conftest import Done, Run

FLAGS = [
    "--requirement",
    "-r",
    "--constraint",
    "-c",
    "--base",
    "--base-url",
    "--base-dir",
    "--index-url",
    "--pre",
    "--upgrade",
    "--compact",
    "--output",
    "-o",
    "--json",
    "--quiet",
    "-q",
    "--verbose",
    "-v",
    "--offline",
    "--refresh",
    "--no-cache",
    "--cache-dir",
    "--jobs",
    "--color",
]


@pytest.fixture
def wheels(index: IndexServer) -> IndexServer:
    """An index with a package in two versions, and what it needs."""
    build_wheel(
        index.folder,
        "demo",
        "2.0",
        requires=["lib>=1"],
        files={"demo.py": "", "demo.dat": os.urandom(50_000)},
    )
    build_wheel(index.folder, "demo", "1.0", requires=["lib>=1"])
    build_wheel(index.folder, "lib", "1.5")
    return index


@pytest.fixture
def resolve(run: Run, base: Path, wheels: IndexServer) -> Run:
    """Resolve with further arguments."""

    def call(*arguments: str | Path) -> Done:
        return run("resolve", "--base", base, "--index-url", wheels.url, *arguments)

    return call


def versions(document: Mapping[str, Any]) -> dict[str, str]:
    return {name: package["version"] for name, package in document["packages"].items()}


def write(folder: Path, **files: str) -> Path:
    """Write files, two underscores standing for a dot; returns the folder."""
    for name, text in files.items():
        path = folder / name.replace("__", ".")
        path.write_text(text)
    return folder


# -- options and what goes where


def test_every_flag_of_the_contract_exists(run: Run) -> None:
    names = {name for parameter in resolve_command.params for name in parameter.opts}
    assert set(FLAGS) <= names
    text = run("resolve", "--help")
    assert text.status == 0
    assert "REQ..." in text.out
    assert "resolve" in run("--help").out


def test_the_lock_goes_to_stdout_and_the_text_to_stderr(resolve: Run, wheels: IndexServer) -> None:
    done = resolve("demo")
    assert done.status == 0
    assert versions(done.json) == {"demo": "2.0", "lib": "1.5"}
    assert "demo" in done.err and "metadata" in done.err
    assert resolve("demo", "-o", "-").out == done.out


def test_the_last_line_says_what_it_cost(resolve: Run, wheels: IndexServer) -> None:
    done = resolve("demo", "--no-cache")
    last = done.err.strip().splitlines()[-1]
    assert last.startswith(f"2 packages locked: {len(wheels.requests)} requests, ")
    read = (
        f"{wheels.bytes / 1000:.1f} kB"
        if wheels.bytes < 100_000
        else f"{wheels.bytes / 1000:.0f} kB"
    )
    assert f" {read} read instead of 5" in last
    assert last.endswith(" kB of wheels.")


def test_the_lock_goes_to_a_file(resolve: Run, tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    done = resolve("demo", "-o", path)
    assert (done.status, done.out) == (0, "")
    assert set(Lockfile.read(path).packages) == {"demo", "lib"}
    assert path.read_text() == resolve("demo").out


def test_compact(resolve: Run, tmp_path: Path) -> None:
    compact = resolve("demo", "--compact").out
    assert compact.count("\n") == 1
    resolve("demo", "--compact", "-o", tmp_path / "lock.json")
    assert (tmp_path / "lock.json").read_text() == compact


def test_quiet_says_nothing_but_errors(resolve: Run) -> None:
    assert resolve("demo", "-q").err == ""
    assert "no project" in resolve("demmo", "-q").err


def test_json_is_one_document(resolve: Run, wheels: IndexServer, tmp_path: Path) -> None:
    wheels.yanked["demo==1.0"] = "wrong"
    done = resolve("demo==1.0", "--json")
    assert (done.status, done.err) == (0, "")
    assert done.json.keys() == {"lockfile", "evidence", "warnings", "totals"}
    assert done.json["lockfile"] == resolve("demo==1.0").json
    assert done.json["totals"].keys() == {"packages", "requests", "bytes", "wheel_bytes"}
    assert [item["package"] for item in done.json["evidence"]] == ["demo", "lib"]
    assert "yanked" in [warning["code"] for warning in done.json["warnings"]]
    with_file = resolve("demo==1.0", "--json", "-o", tmp_path / "lock.json")
    assert with_file.json["lockfile"] == json.loads((tmp_path / "lock.json").read_text())


def test_warnings_are_told(resolve: Run, wheels: IndexServer) -> None:
    wheels.yanked["demo==1.0"] = "wrong results"
    assert "yanked from" in resolve("demo==1.0").err
    assert "(wrong results)" in resolve("demo==1.0").err


def test_several_requirements_with_markers_and_extras(resolve: Run, wheels: IndexServer) -> None:
    build_wheel(wheels.folder, "app", "1.0", extras={"x": ["demo<2"]})
    done = resolve("app[x]", "lib >= 1", "other; sys_platform == 'win32'")
    assert versions(done.json) == {"app": "1.0", "demo": "1.0", "lib": "1.5"}


def test_a_url_with_a_hash(resolve: Run, wheels: IndexServer) -> None:
    wheel = next(wheels.folder.glob("demo-1.0*"))
    url = wheels.file_url(wheel.name)
    for requirement in (
        f"demo @ {url}#sha256={sha256(wheel)}",
        f"{url} --hash=sha256:{sha256(wheel)}",
    ):
        done = resolve(requirement)
        assert done.json["packages"]["demo"]["file_name"] == url
    assert wheels.wheel_downloads == 0


def test_pre(resolve: Run, wheels: IndexServer) -> None:
    build_wheel(wheels.folder, "demo", "3.0rc1")
    assert versions(resolve("demo").json)["demo"] == "2.0"
    assert versions(resolve("demo", "--pre").json)["demo"] == "3.0rc1"


def test_upgrade(run: Run, wheels: IndexServer, tmp_path: Path) -> None:
    base = tmp_path / "with-lib.json"
    base.write_text(json.dumps(base_document(entry("lib", "1.0"))))
    arguments = ("resolve", "demo", "--base", base, "--index-url", wheels.url)
    assert versions(run(*arguments).json)["lib"] == "1.0"
    assert versions(run(*arguments, "--upgrade").json)["lib"] == "1.5"


def test_base_url_and_base_dir(run: Run, wheels: IndexServer, tmp_path: Path) -> None:
    based = build_wheel(tmp_path / "dist", "based", "1.0", extras={"x": ["lib"]})
    base = tmp_path / "base-with-wheel.json"
    base.write_text(json.dumps(base_document(lock_entry(based))))
    arguments = ("resolve", "based[x]", "--base", base, "--index-url", wheels.url, "--json")
    assert run(*arguments).status == 3
    done = run(
        *arguments, "--base-dir", tmp_path / "dist", "--base-url", "https://cdn.example/full"
    )
    assert versions(done.json["lockfile"]) == {"based": "1.0", "lib": "1.5"}
    assert (
        done.json["lockfile"]["packages"]["based"]["file_name"]
        == f"https://cdn.example/full/{based.name}"
    )


def test_a_base_by_url(run: Run, wheels: IndexServer) -> None:
    document = json.dumps(base_document(entry("lib", "1.0"))).encode()
    wheels.faults["/files/pyodide-lock.json"] = Fault("body", body=document)
    done = run(
        "resolve",
        "lib",
        "--base",
        f"{wheels.root}/files/pyodide-lock.json",
        "--index-url",
        wheels.url,
    )
    assert (
        done.json["packages"]["lib"]["file_name"] == f"{wheels.root}/files/lib-1.0-py3-none-any.whl"
    )


def test_jobs_and_color(resolve: Run) -> None:
    assert resolve("demo", "--jobs", "1").out == resolve("demo", "--jobs", "64").out
    assert "\x1b[" in resolve("demo", "--color", "always").err
    assert "\x1b[" not in resolve("demo", "--color", "never").err
    assert "\x1b[" not in resolve("demo", "--color", "always").out


def test_the_indexes_that_pip_is_configured_for(
    run: Run, base: Path, wheels: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", wheels.url)
    assert versions(run("resolve", "demo", "--base", base).json) == {"demo": "2.0", "lib": "1.5"}


def test_the_base_of_the_venv_that_is_near(
    run: Run, base: Path, wheels: IndexServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dist = tmp_path / "xbuildenv" / "dist"
    dist.mkdir(parents=True)
    (dist / "pyodide-lock.json").write_bytes(base.read_bytes())
    (tmp_path / ".venv-pyodide" / "lib" / "python3.14" / "site-packages").mkdir(parents=True)
    (tmp_path / ".venv-pyodide" / "pyvenv.cfg").write_text(f"home = {dist}\n")
    monkeypatch.chdir(tmp_path)
    assert versions(run("resolve", "lib", "--index-url", wheels.url).json) == {"lib": "1.5"}


# -- indexes: the command line over files over settings


@pytest.fixture
def other(tmp_path: Path) -> Any:
    """A second index, with a newer version of everything."""
    with IndexServer(tmp_path / "other-index") as server:
        build_wheel(server.folder, "demo", "9.0")
        build_wheel(server.folder, "only-there", "1.0")
        yield server


def test_index_url_goes_before_that_of_a_file(
    resolve: Run, other: IndexServer, tmp_path: Path
) -> None:
    write(tmp_path, requirements__txt=f"--index-url {other.url}\ndemo\n")
    assert versions(resolve("-r", tmp_path / "requirements.txt").json)["demo"] == "2.0"
    assert other.requests == []


def test_index_urls_of_a_file(
    run: Run, base: Path, wheels: IndexServer, other: IndexServer, tmp_path: Path
) -> None:
    files = write(
        tmp_path,
        first__txt=f"--index-url {other.url}\ndemo\n",
        extra__txt=f"--index-url {wheels.url}\n--extra-index-url {other.url}\ndemo\nonly-there\n",
        none__txt=f"--no-index\n--find-links {other.url}/demo/\ndemo\n",
    )
    arguments = ("resolve", "--base", base, "-r")
    assert versions(run(*arguments, files / "first.txt").json) == {"demo": "9.0"}
    assert versions(run(*arguments, files / "extra.txt").json) == {
        "demo": "2.0",
        "lib": "1.5",
        "only-there": "1.0",
    }
    wheels.reset()
    assert versions(run(*arguments, files / "none.txt").json) == {"demo": "9.0"}
    assert wheels.requests == []


def test_index_url_may_be_repeated(
    run: Run, base: Path, wheels: IndexServer, other: IndexServer
) -> None:
    done = run(
        *(
            "resolve",
            "demo",
            "only-there",
            "--base",
            base,
            "--index-url",
            wheels.url,
            "--index-url",
            other.url,
        ),
    )
    assert versions(done.json) == {"demo": "2.0", "lib": "1.5", "only-there": "1.0"}
    assert not any("/demo/" in path for path in other.paths())


# -- files of requirements and constraints


def test_files_with_hashes_and_nested_files(
    resolve: Run, wheels: IndexServer, tmp_path: Path
) -> None:
    demo = next(wheels.folder.glob("demo-1.0*"))
    lib = next(wheels.folder.glob("lib-1.5*"))
    build_wheel(wheels.folder, "lib", "1.6")
    (tmp_path / "more").mkdir()
    write(
        tmp_path,
        requirements__txt="-r more/inner.txt\n-c limits.txt\n# a comment\ndemo>=1 \\\n"
        f"    --hash=sha256:{sha256(demo)} \\\n    --hash=sha256:{'0' * 64}\n",
        limits__txt="lib<1.6\nunused==1\n",
    )
    write(tmp_path / "more", inner__txt="lib\n")
    done = resolve("-r", tmp_path / "requirements.txt")
    assert versions(done.json) == {"demo": "1.0", "lib": "1.5"}
    assert done.json["packages"]["demo"]["sha256"] == sha256(demo)
    assert done.json["packages"]["lib"]["sha256"] == sha256(lib)


def test_several_files_and_arguments_together(resolve: Run, tmp_path: Path) -> None:
    write(tmp_path, one__txt="demo<2", two__txt="lib", limits__txt="lib==1.5")
    done = resolve(
        "demo",
        "-r",
        tmp_path / "one.txt",
        "-r",
        tmp_path / "two.txt",
        "-c",
        tmp_path / "limits.txt",
    )
    assert versions(done.json) == {"demo": "1.0", "lib": "1.5"}


def test_a_file_may_allow_prereleases(resolve: Run, wheels: IndexServer, tmp_path: Path) -> None:
    build_wheel(wheels.folder, "demo", "3.0rc1")
    write(tmp_path, requirements__txt="--pre\ndemo\n")
    assert versions(resolve("-r", tmp_path / "requirements.txt").json)["demo"] == "3.0rc1"


def test_a_file_may_require_hashes(resolve: Run, wheels: IndexServer, tmp_path: Path) -> None:
    digest = sha256(next(wheels.folder.glob("demo-1.0*")))
    write(tmp_path, requirements__txt=f"--require-hashes\ndemo==1.0 --hash=sha256:{digest}\n")
    done = resolve("-r", tmp_path / "requirements.txt", "--json")
    assert (done.status, done.json["error"]) == (1, "hash-missing")
    assert [problem["package"] for problem in done.json["problems"]] == ["lib"]


# -- the cache


def test_a_pinned_set_needs_no_request_again(
    run: Run, base: Path, wheels: IndexServer, tmp_path: Path
) -> None:
    cache = ("--cache-dir", tmp_path / "cache")
    arguments = ("resolve", "demo==2.0", "lib==1.5", "--base", base, "--index-url", wheels.url)
    offline = run(*arguments, *cache, "--offline")
    assert (offline.status, wheels.requests) == (3, [])
    assert "offline" in offline.err
    first = run(*arguments, *cache)
    assert first.status == 0
    wheels.reset()
    for extra in ((), ("--offline",)):
        again = run(*arguments, *cache, *extra)
        assert again.out == first.out
        assert again.err.strip().splitlines()[-1].startswith("2 packages locked: no request")
    assert wheels.requests == []
    pages = {"/simple/demo/", "/simple/lib/"}
    assert run(*arguments, *cache, "--refresh").out == first.out
    assert set(wheels.paths()) == pages, "what belongs to a sha256 is not asked for again"
    wheels.reset()
    assert run(*arguments, "--no-cache").out == first.out
    assert set(wheels.paths()) > pages
    wheels.reset()
    assert run("cache", "clear", *cache).status == 0
    assert run(*arguments, *cache).out == first.out
    assert set(wheels.paths()) > pages


def test_refresh_sees_yanks_and_removals(
    run: Run, base: Path, wheels: IndexServer, tmp_path: Path
) -> None:
    arguments = (
        "resolve",
        "lib==1.5",
        "--base",
        base,
        "--index-url",
        wheels.url,
        "--cache-dir",
        tmp_path / "cache",
    )
    assert run(*arguments).status == 0
    wheels.yanked["lib==1.5"] = True
    assert "yanked" not in run(*arguments).err
    assert "yanked" in run(*arguments, "--refresh").err
    wheels.remove("lib-1.5-py3-none-any.whl")
    assert run(*arguments).status == 0
    assert run(*arguments, "--refresh").status == 1


def test_another_index_is_another_answer(
    run: Run, base: Path, wheels: IndexServer, other: IndexServer, tmp_path: Path
) -> None:
    build_wheel(other.folder, "lib", "1.5", files={"other.py": ""})
    arguments = (
        "resolve",
        "lib==1.5",
        "--base",
        base,
        "--cache-dir",
        tmp_path / "cache",
        "--index-url",
    )
    first = run(*arguments, wheels.url).json["packages"]["lib"]
    second = run(*arguments, other.url).json["packages"]["lib"]
    assert (first["imports"], second["imports"]) == (["lib"], ["other"])


# -- exit statuses


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--base", "base.json"), "Name requirements"),
        (("-r", "empty.txt", "--base", "base.json"), "Name requirements"),
        (("-r", "missing.txt", "--base", "base.json"), "missing.txt"),
        (("-r", ".", "--base", "base.json"), "is a folder"),
        (("-r", "loop.txt", "--base", "base.json"), "loop.txt -> loop2.txt -> loop.txt"),
        (("-c", "loop.txt", "demo", "--base", "base.json"), "leads back to itself"),
        (("-r", "names-missing.txt", "--base", "base.json"), "gone.txt"),
        (("-r", "wrong.txt", "--base", "base.json"), "wrong.txt, line 2"),
        (("-r", "binary.txt", "--base", "base.json"), "binary.txt is not UTF-16"),
        (("demo", "-c", "missing.txt", "--base", "base.json"), "missing.txt"),
        (("demo", "-c", "extras.txt", "--base", "base.json"), "A constraint cannot have extras"),
        (("demo", "--base", "missing.json"), "missing.json"),
        (("demo", "--base", "broken.json"), "broken.json is not valid JSON"),
        (("demo", "--base", "linux.json"), "info.platform"),
        (("demo",), "Which Pyodide is the lock for?"),
        (("demo", "--base", "base.json", "-o", "missing/lock.json"), "missing/lock.json"),
        (("demo", "--base", "base.json", "--base-dir", "missing"), "missing"),
        (
            ("demo", "--base", "base.json", "--base-url", "ftp://host.example/"),
            "ftp://host.example/",
        ),
        (("demo", "--base", "base.json", "--jobs", "0"), "--jobs"),
        (("demo", "--base", "base.json", "--no-such-flag"), "--no-such-flag"),
        (("not a requirement!", "--base", "base.json"), "not a requirement!"),
        (("demo; python_version ~= 'x'", "--base", "base.json"), "cannot be evaluated"),
        (("./demo-1.0-py3-none-any.whl", "--base", "base.json"), "local file"),
        (("git+https://host.example/demo", "--base", "base.json"), "version control"),
        (("x" * 10_000, "--base", "base.json"), "too long for a requirement"),
        (("demo --hash=md5:abc", "--base", "base.json"), "md5"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_usage_and_missing_input_are_2(
    arguments: tuple[str, ...], said: str, run: Run, clean_machine: Path
) -> None:
    linux = {"info": {"python": "3.14.2", "platform": "linux", "arch": "x86_64"}, "packages": {}}
    write(
        clean_machine,
        base__json=json.dumps(base_document()),
        broken__json='{"info": ',
        linux__json=json.dumps(linux),
        empty__txt="# nothing\n",
        loop__txt="-r loop2.txt\n",
        loop2__txt="demo\n-r loop.txt\n",
        extras__txt="demo[x]\n",
        wrong__txt="demo\nnot a requirement!\n-e .\n",
    )
    write(clean_machine, **{"names-missing__txt": "demo\n-r gone.txt\n"})
    (clean_machine / "binary.txt").write_bytes(b"\xff\xfe\x00")
    done = run("resolve", "--index-url", "http://127.0.0.1:1/simple", *arguments)
    assert done.status == 2, done.err
    assert done.out == ""
    assert said in done.err
    assert "Traceback" not in done.err


def test_all_wrong_requirements_are_told_at_once(run: Run, base: Path, tmp_path: Path) -> None:
    write(tmp_path, requirements__txt="-e .\nfine\n===\n")
    done = run("resolve", "--base", base, "-r", tmp_path / "requirements.txt")
    assert "line 1" in done.err and "line 3" in done.err and "line 2" not in done.err
    done = run("resolve", "--base", base, "!one", "fine", "!two")
    assert "!one" in done.err and "!two" in done.err


def test_no_solution_is_1_and_says_why(resolve: Run, tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    path.write_text("old")
    done = resolve("demo", "lib<1", "-o", path)
    assert (done.status, done.out, path.read_text()) == (1, "", "old")
    assert "This requirement has no solution:\n\n  lib<1\n" in done.err
    assert "What would help:" in done.err


def test_json_of_no_solution(resolve: Run, wheels: IndexServer) -> None:
    build_sdist(wheels.folder, "old-tool", "1.0")
    done = resolve("old-tool", "--json")
    assert (done.status, done.err) == (1, "")
    assert done.json.keys() == {"error", "message", "problems"}
    assert done.json["error"] == "sdist"
    assert done.json["message"].startswith("This requirement has no solution:")
    (problem,) = done.json["problems"]
    assert problem.keys() == {"code", "package", "version", "message", "hint", "url"}
    assert (problem["code"], problem["package"]) == ("sdist", "old-tool")


def test_json_of_what_cannot_be_locked(resolve: Run, wheels: IndexServer) -> None:
    wheels.hashes = "none"
    done = resolve("demo", "--json")
    assert (done.status, done.json["error"]) == (1, "hash-missing")
    assert [problem["package"] for problem in done.json["problems"]] == ["demo", "lib"]


def test_bytes_that_are_not_what_was_promised_are_1(resolve: Run, wheels: IndexServer) -> None:
    wheels.sidecars["demo-2.0-py3-none-any.whl"] = b"Name: demo\nVersion: 2.0\n\n"
    wheels.overrides["demo-2.0-py3-none-any.whl"] = {"core-metadata": {"sha256": "0" * 64}}
    done = resolve("demo", "--json")
    assert (done.status, done.json["error"], done.json["problems"]) == (1, "error", [])
    assert "0" * 64 in done.json["message"]


@pytest.mark.parametrize("place", ["/simple/", "/simple/lib/", "/files/lib"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=500),
        Fault("status", status=401),
        Fault("status", status=403),
        Fault("redirect-loop"),
        Fault("truncate"),
        Fault("reset"),
        Fault("hang"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_servers_that_do_not_answer_are_3(
    fault: Fault,
    place: str,
    resolve: Run,
    wheels: IndexServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    defaults = HttpxFetcher.__init__.__kwdefaults__
    assert defaults is not None
    # Only one of them has to time out; a busy machine is slow to answer as well.
    monkeypatch.setitem(defaults, "idle", 0.2 if fault.kind == "hang" else 30.0)
    monkeypatch.setitem(defaults, "delays", ())
    path = tmp_path / "lock.json"
    path.write_text("old")
    wheels.faults[place] = fault
    done = resolve("demo", "-o", path)
    assert (done.status, done.out, path.read_text()) == (3, "", "old")
    assert place in done.err
    assert "Traceback" not in done.err
    as_json = resolve("demo", "--json").json
    code = "not-allowed" if fault.kind == "status" and fault.status != 500 else "unreachable"
    assert (as_json["error"], as_json["problems"]) == (code, [])


@pytest.mark.parametrize("kind", ["broken-json", "html", "huge"])
def test_pages_that_are_none_are_3(kind: str, resolve: Run, wheels: IndexServer) -> None:
    wheels.faults["/simple/lib/"] = Fault(kind, size=50 * 2**20)
    assert resolve("demo").status == 3


def test_nobody_listens(run: Run, base: Path) -> None:
    with IndexServer() as gone:
        url = gone.url
    done = run("resolve", "demo", "--base", base, "--index-url", url)
    assert done.status == 3
    assert f"{url}/demo/" in done.err
    assert (
        "caused by ConnectError"
        in run("resolve", "demo", "--base", base, "--index-url", url, "-v").err
    )


def test_nothing_secret_is_printed(
    run: Run, base: Path, wheels: IndexServer, tmp_path: Path
) -> None:
    wheels.auth = ("user", "hunter2")
    secret = wheels.url_with_password
    direct = wheels.file_url("demo-1.0-py3-none-any.whl").replace("//", "//user:hunter2@")
    write(
        tmp_path,
        requirements__txt=f"--index-url {secret}\nlib\n",
        wrong__txt=f"--index-ulr {secret}\n{direct} x\n",
    )
    said = []
    for arguments, status in [
        (("demo", "--index-url", secret), 0),
        (("-r", str(tmp_path / "requirements.txt")), 0),
        ((f"demo @ {direct}", "--index-url", secret), 0),
        ((f"demo @ {direct}", "demo>=9", "--index-url", secret), 1),
        ((f"demo @ {direct}", f"demo @ {direct.replace('1.0', '2.0')}", "--index-url", secret), 1),
        ((f"demo @ {direct}?token=hunter2", "--index-url", secret), 1),
        ((f"demo @ {direct}.exe",), 2),
        (("-r", str(tmp_path / "wrong.txt")), 2),
        (("gone", "--index-url", secret), 1),
        (("demo", "--index-url", secret.replace("user", "nobody")), 3),
    ]:
        for extra in ((), ("--json",)):
            done = run(
                "resolve",
                "--base",
                base,
                *arguments,
                *extra,
                "-v",
                "--cache-dir",
                tmp_path / "cache",
            )
            assert done.status == status, done.err + done.out
            said += [done.out, done.err]
    assert "hunter2" not in "".join(said)
    for path in (tmp_path / "cache").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes(), path.name


def test_ctrl_c_leaves_nothing(base: Path, wheels: IndexServer, tmp_path: Path) -> None:
    wheels.faults["/simple/lib/"] = Fault("hang")
    path = tmp_path / "lock.json"
    path.write_text("old")
    command = [
        sys.executable,
        "-m",
        "micropip_lock",
        "resolve",
        "demo",
        "--base",
        str(base),
        "--index-url",
        wheels.url,
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with subprocess.Popen(
        [*command, "-o", str(path)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:
        while "/simple/lib/" not in wheels.paths():
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, b"")
    assert b"Traceback" not in err and b"nothing was written" in err
    assert [file.name for file in tmp_path.glob("*lock*")] == ["lock.json"]
    assert path.read_text() == "old"
