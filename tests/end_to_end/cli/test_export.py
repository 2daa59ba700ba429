"""The command: what real installers make of what it writes, its options, files and exit
statuses.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from micropip_lock import ResolveResult
from micropip_lock.cli.export import export_command
from micropip_lock.cli.main import micropip_lock

from ...support import foreign_python
from ...support.freezing import NATIVE, base_document, entry
from ...support.index_server import IndexServer
from ...support.installed import InstallError, clean_environment, pip_target, uv_target
from ...support.resolving import resolved
from ...support.wheels import build_wheel
from .conftest import Done, Run

FLAGS = ["--format", "--urls", "--base-url", "--evidence", "--output", "-o"]
LOCKED = {
    "demo-1.0-py3-none-any.whl",
    "extra_lib-1.0-py3-none-any.whl",
    f"native-1.5-{NATIVE}.whl",
}


@pytest.fixture(scope="module")
def server() -> Iterator[IndexServer]:
    """An index with what is locked, and with newer and other files beside that."""
    with IndexServer() as found:
        build_wheel(
            found.folder, "demo", "1.0", requires=["native>=1"], extras={"more": ["extra-lib"]}
        )
        build_wheel(found.folder, "native", "1.5", tag=NATIVE)
        build_wheel(found.folder, "extra-lib", "1.0")
        yield found


@pytest.fixture(scope="module")
def result(server: IndexServer) -> ResolveResult:
    found = resolved("demo[more]", index_urls=server.url)
    # What an installer would choose by itself: a newer version, and another build of the same one.
    build_wheel(server.folder, "native", "2.0", tag=NATIVE)
    build_wheel(server.folder, "demo", "1.0", build="7", files={"demo.py": "other = 1\n"})
    return found


@pytest.fixture
def lock(result: ResolveResult, server: IndexServer, tmp_path: Path) -> Path:
    server.reset()
    path = tmp_path / "pyodide-lock.json"
    result.write(path)
    return path


@pytest.fixture
def exported(run: Run, lock: Path, tmp_path: Path) -> Callable[..., Path]:
    """Export the lock to a file with further arguments."""

    def call(name: str, *arguments: str | Path) -> Path:
        path = tmp_path / name
        kind = "pylock" if name.endswith(".toml") else "requirements"
        done = run("export", lock, "--format", kind, "-o", path, *arguments)
        assert (done.status, done.out) == (0, "")
        assert "3 packages exported." in done.err
        return path

    return call


def downloaded(server: IndexServer) -> set[str]:
    return {path.rpartition("/")[2] for path in server.paths() if path.endswith(".whl")}


def installed(folder: Path) -> set[str]:
    return {path.name.removesuffix(".dist-info") for path in folder.glob("*.dist-info")}


# -- real installers, which compare hashes themselves


def test_uv_installs_the_pylock(
    exported: Callable[..., Path], server: IndexServer, tmp_path: Path
) -> None:
    site = uv_target(tmp_path / "site", "-r", str(exported("pylock.toml")))
    assert downloaded(server) == LOCKED
    assert installed(site) == {"demo-1.0", "extra_lib-1.0", "native-1.5"}
    assert (site / "demo.py").read_text() == '__version__ = "1.0"\n'


def test_uv_refuses_the_pylock_elsewhere(exported: Callable[..., Path], tmp_path: Path) -> None:
    path = str(exported("pylock.toml"))
    with pytest.raises(InstallError, match=r"==3\.14"):
        uv_target(tmp_path / "site", "-r", path, platform=None)


def test_pip_installs_the_pylock(run: Run, tmp_path: Path, server: IndexServer) -> None:
    """pip takes no --platform beside a pylock, so this one has pure wheels only, and pip the
    markers of Pyodide.
    """
    server.reset()
    only_pure = tmp_path / "pure.json"
    resolved("extra-lib", index_urls=server.url).write(only_pure)
    pylock = tmp_path / "pylock.toml"
    assert run("export", only_pure, "--format", "pylock", "-o", pylock).status == 0
    command = [
        sys.executable,
        foreign_python.__file__,
        "pip",
        json.dumps(foreign_python.markers("3.14")),
        "install",
    ]
    command += [
        "-r",
        str(pylock),
        "--target",
        str(tmp_path / "site"),
        "--no-index",
        "--no-cache-dir",
        "-q",
    ]
    subprocess.run(command, env=clean_environment(), check=True, capture_output=True)
    assert installed(tmp_path / "site") == {"extra_lib-1.0"}


@pytest.mark.parametrize("urls", [False, True], ids=["index", "urls"])
@pytest.mark.parametrize("installer", [pip_target, uv_target], ids=["pip", "uv"])
def test_requirements_install_the_very_files(
    installer: Callable[..., Path],
    urls: bool,
    exported: Callable[..., Path],
    server: IndexServer,
    result: ResolveResult,
    tmp_path: Path,
) -> None:
    path = exported("requirements.txt", *(["--urls"] if urls else []))
    flags = ["--require-hashes", "--no-deps"]
    index_url = None if urls else server.url
    site = installer(tmp_path / "site", "-r", str(path), index_url=index_url, flags=flags)
    assert downloaded(server) == LOCKED
    assert installed(site) == {"demo-1.0", "extra_lib-1.0", "native-1.5"}
    assert (site / "demo.py").read_text() == '__version__ = "1.0"\n'
    assert ("simple" in " ".join(server.paths())) is not urls


def test_beside_the_lock(
    run: Run, result: ResolveResult, server: IndexServer, tmp_path: Path
) -> None:
    """A bundle: relative names become paths from the pylock, and nobody is asked."""
    document = json.loads(result.to_json())
    (tmp_path / "bundle").mkdir()
    for package in document["packages"].values():
        package["file_name"] = package["file_name"].rpartition("/")[2]
        (tmp_path / "bundle" / package["file_name"]).write_bytes(
            (server.folder / package["file_name"]).read_bytes()
        )
    (tmp_path / "bundle" / "pyodide-lock.json").write_text(json.dumps(document))
    (tmp_path / "project").mkdir()
    pylock = tmp_path / "project" / "pylock.toml"
    done = run(
        "export", tmp_path / "bundle" / "pyodide-lock.json", "--format", "pylock", "-o", pylock
    )
    assert done.status == 0 and "not-portable" in done.err
    server.reset()
    assert installed(uv_target(tmp_path / "site", "-r", str(pylock))) == {
        "demo-1.0",
        "extra_lib-1.0",
        "native-1.5",
    }
    assert server.requests == []
    paths = [
        package["wheels"][0]["path"] for package in tomllib.loads(pylock.read_text())["packages"]
    ]
    assert paths[0] == "../bundle/demo-1.0-py3-none-any.whl"
    assert (
        run(
            "export",
            tmp_path / "bundle" / "pyodide-lock.json",
            "--format",
            "requirements",
            "--urls",
        ).status
        == 1
    )


# -- the command


def test_flags(run: Run) -> None:
    text = run("export", "--help").out
    assert all(flag in text for flag in FLAGS)
    assert {option for parameter in export_command.params for option in parameter.opts} >= set(
        FLAGS
    )


def test_stdout(run: Run, lock: Path) -> None:
    done = run("export", lock, "--format", "requirements")
    assert [line.split("==")[0] for line in done.out.splitlines()] == [
        "demo",
        "extra-lib",
        "native",
    ]
    assert run("export", lock, "--format", "requirements", "-o", "-").out == done.out
    assert run("export", lock, "--format", "requirements", "-q").err == ""
    text = CliRunner().invoke(
        micropip_lock, ["export", "-", "--format", "requirements"], input=lock.read_text()
    )
    assert (text.exit_code, text.stdout) == (0, done.out)


def test_json(run: Run, lock: Path, tmp_path: Path) -> None:
    done = run("export", lock, "--format", "pylock", "--json", "-o", tmp_path / "pylock.toml")
    assert done.json["content"] == (tmp_path / "pylock.toml").read_text()
    assert {**done.json, "content": ""} == {
        "format": "pylock",
        "content": "",
        "warnings": [],
        "totals": {"packages": 3},
    }


def test_evidence(run: Run, server: IndexServer, base: Path, tmp_path: Path) -> None:
    lock, evidence = tmp_path / "lock.json", tmp_path / "evidence.json"
    done = run(
        "resolve", "demo==1.0", "--base", base, "--index-url", server.url, "--json", "-o", lock
    )
    evidence.write_text(done.out)
    out = run("export", lock, "--format", "pylock", "--evidence", evidence).out
    for package in tomllib.loads(out)["packages"]:
        (wheel,) = package["wheels"]
        assert package["index"] == server.url
        assert wheel["size"] == (server.folder / wheel["name"]).stat().st_size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"evidence": 1}',
        '{"evidence": [1]}',
        '{"evidence": [{"sha256": 1}]}',
        '{"evidence": [{"size": true}]}',
        '{"evidence": [{"size": -1}]}',
        '{"evidence": [{"index": []}]}',
    ],
)
def test_evidence_that_is_none(text: str, run: Run, lock: Path, tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_text(text)
    done = run("export", lock, "--format", "pylock", "--evidence", path)
    assert (done.status, done.out) == (2, "")
    assert "evidence.json" in done.err


def refused(run: Run, tmp_path: Path, lock: Any, *arguments: str) -> Done:
    """Export a lock that has something which cannot be exported; the file of -o stays as it is."""
    path, output = tmp_path / "wrong.json", tmp_path / "pylock.toml"
    path.write_text(lock if isinstance(lock, str) else json.dumps(lock))
    output.write_text("old")
    done = run("export", path, "--format", "pylock", "-o", output, *arguments)
    assert output.read_text() == "old"
    assert "hunter2" not in done.out + done.err
    return done


def test_what_cannot_be_exported_is_1(run: Run, tmp_path: Path) -> None:
    entries = [
        entry(name, file_name=f"emfs://user:hunter2@x/{name}-1.0-py3-none-any.whl")
        for name in ("one", "two")
    ]
    done = refused(run, tmp_path, base_document(*entries))
    assert (done.status, done.out) == (1, "")
    assert re.findall(r"^local-file  (\w+) 1.0", done.err, re.MULTILINE) == ["one", "two"]
    assert done.err.endswith("2 packages cannot be exported; nothing was written.\n")
    assert refused(run, tmp_path, base_document(*entries), "--json").json["error"] == "local-file"


def test_wrong_inputs_are_2(run: Run, tmp_path: Path, lock: Path) -> None:
    for wrong in ("", "{", "[]", '{"info": {}, "packages": {}}'):
        assert refused(run, tmp_path, wrong).status == 2
    assert run("export", tmp_path / "gone.json", "--format", "pylock").status == 2
    assert run("export", lock).status == 2
    assert run("export", lock, "--format", "poetry").status == 2
    assert run("export", lock, "--format", "pylock", "--urls").status == 2
    assert (
        run("export", lock, "--format", "pylock", "-o", tmp_path / "gone" / "pylock.toml").status
        == 2
    )
    assert run("export", lock, "--format", "pylock", "--base-url", "x").status == 2
