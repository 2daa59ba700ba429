"""``micropip-lock retarget``: files, documents, exit statuses, and what people read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from micropip_lock import Lockfile
from micropip_lock.cli.retarget import retarget_command

from ...support.freezing import INFO, base_document, entry
from ...support.index_server import IndexServer
from ...support.resolving import resolved
from ...support.runtimes import base_lock
from ...support.wheels import build_wheel
from ..retarget.test_retarget import OLD_INFO, OLD_NATIVE, both, old_base
from .conftest import Done, Run


@pytest.fixture
def lock(index: IndexServer, tmp_path: Path) -> Path:
    """Three packages of the Pyodide before: a pure one, a native one, and Pyodide's own."""
    build_wheel(index.folder, "pure", "1.0", requires=["cbor2", "lib"])
    build_wheel(index.folder, "cbor2", "5.6", tag=OLD_NATIVE)
    both(index, "cbor2", "5.7")
    path = tmp_path / "old.json"
    resolved("pure", "cbor2<5.7", base=old_base(entry("lib", "1")), index_urls=index.url).write(
        path
    )
    return path


@pytest.fixture
def retarget(run: Run, lock: Path, index: IndexServer, tmp_path: Path) -> Run:
    """Move the lock to the newest Pyodide."""
    base = tmp_path / "new-base.json"
    base.write_text(json.dumps(base_document(entry("lib", "2"))))

    def call(*arguments: str | Path) -> Done:
        return run("retarget", lock, "--base", base, "--index-url", index.url, *arguments)

    return call


def test_every_flag_exists(run: Run) -> None:
    names = {name for parameter in retarget_command.params for name in parameter.opts}
    assert {
        "--base",
        "--base-url",
        "--base-dir",
        "--index-url",
        "--requested",
        "--compact",
        "-o",
        "--json",
    } <= names
    assert "retarget" in run("--help").out


def test_the_lock_goes_to_stdout_and_what_changed_to_stderr(retarget: Run, lock: Path) -> None:
    done = retarget()
    assert done.status == 0
    assert Lockfile.from_json(done.out).info.to_dict() == INFO
    changes = done.err.splitlines()
    assert "base abi_version  2025_0 -> 2026_0" in changes
    assert "  ~ cbor2 5.6 -> 5.7  no wheel of 5.6 for pyemscripten_2026_0_wasm32" in changes
    assert "  ~ lib   1 -> 2  the same bytes  Pyodide's own" in changes
    assert (
        "1 of 1 requirement: what nothing else in the lock needs, for it does not say what was "
        "asked for." in changes
    )
    assert "2 with another version, 1 unchanged." in changes
    assert changes[-1].startswith("3 packages locked: ")


def test_to_a_file(retarget: Run, lock: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    done = retarget("-o", path)
    assert (done.status, done.out) == (0, "")
    assert Lockfile.read(path).packages["cbor2"].version == "5.7"
    assert (
        retarget("-o", tmp_path / "absent" / "new.json").status,
        retarget("-o", lock).status,
    ) == (2, 0)
    assert lock.read_text() == path.read_text()
    quiet = retarget("--quiet", "-o", "-", "--compact")
    assert (quiet.err, quiet.out.count("\n")) == ("", 1)


def test_json(retarget: Run) -> None:
    document = retarget("--json").json
    assert document["lockfile"]["packages"]["cbor2"]["version"] == "5.7"
    assert (document["requested"], document["guessed"]) == (["pure"], ["pure"])
    reasons = {item["package"]: item["reason"] for item in document["changes"]["packages"]}
    assert reasons == {
        "cbor2": "no wheel of 5.6 for pyemscripten_2026_0_wasm32",
        "lib": "Pyodide's own",
    }
    assert document["totals"]["packages"] == 3
    assert {item["claim"] for item in document["evidence"]} == {"base", "index", "lock"}


def test_refusal(retarget: Run, index: IndexServer, lock: Path, tmp_path: Path) -> None:
    for name in list(index.files()):
        if "2026" in name:
            index.remove(name)
    path = tmp_path / "new.json"
    done = retarget("-o", path)
    assert (done.status, done.out, path.exists()) == (1, "", False)
    assert "cbor2 has no version that fits:" in done.err
    document = retarget("--json")
    assert (document.status, document.json["error"]) == (1, "no-matching-wheel")
    assert retarget("--requested", "lib").status == 0


def test_statuses(run: Run, retarget: Run, index: IndexServer, lock: Path, tmp_path: Path) -> None:
    assert run("retarget").status == 2
    assert run("retarget", lock).status == 2
    assert run("retarget", tmp_path / "absent.json", "--base", lock).status == 2
    assert run("retarget", lock, "--base", tmp_path / "absent.json").status == 2
    assert retarget("--requested", "a b").status == 2
    assert retarget("--offline", "--no-cache").status == 3
    index.close()
    assert retarget("--no-cache").status == 3


def test_from_stdin(
    run: Run, lock: Path, index: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pipes are CliRunner's own: what it gives is bytes like those of a shell.
    from click.testing import CliRunner

    from micropip_lock.cli.main import micropip_lock

    arguments = ["retarget", "-", "--base", str(lock), "--index-url", index.url, "--quiet"]
    result = CliRunner().invoke(micropip_lock, arguments, input=lock.read_bytes())
    assert result.exit_code == 0
    assert json.loads(result.stdout)["info"] == OLD_INFO


def test_nothing_changes(run: Run, lock: Path, index: IndexServer) -> None:
    done = run("retarget", lock, "--base", lock, "--index-url", index.url, "-o", lock)
    assert done.status == 0
    assert "Nothing changes." in done.err


def test_many_packages_of_pyodide_are_one_paragraph(
    run: Run, index: IndexServer, tmp_path: Path
) -> None:
    old, new = base_lock("0.29.5"), base_lock("314.0.7")
    wheel = build_wheel(index.folder, "mine", "1.0", tag=OLD_NATIVE)
    both(index, "mine", "1.1")
    mine = resolved("mine<1.1", base=old_base(), index_urls=index.url).lockfile.to_dict()[
        "packages"
    ]["mine"]
    assert wheel.name in mine["file_name"]
    old["packages"]["mine"] = mine
    paths = [tmp_path / "old.json", tmp_path / "new.json"]
    for path, document in zip(paths, (old, new), strict=True):
        path.write_text(json.dumps(document))
    done = run(
        "retarget",
        paths[0],
        "--base",
        paths[1],
        "--index-url",
        index.url,
        "-o",
        tmp_path / "moved.json",
    )
    assert done.status == 0
    assert "  ~ mine 1.0 -> 1.1  no wheel of 1.0 for pyemscripten_2026_0_wasm32" in done.err
    assert "39 packages: removed" in done.err
    assert "of Pyodide's own: now the new Pyodide's; micropip-lock diff tells each" in done.err
    lines = [line for line in done.err.splitlines() if "not-portable" not in line]
    assert len(lines) < 40
