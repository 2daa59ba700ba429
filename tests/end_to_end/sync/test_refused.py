"""What sync refuses, and what is left when it fails half way."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import InputError, Lockfile, UnlockableError
from micropip_lock.environment import Surroundings
from micropip_lock.operations.sync.environment_files import WORK
from micropip_lock.operations.sync.transaction import Transaction

from ...support.freezing import base_document
from ...support.index_server import Fault
from ...support.runtimes import lock_entry
from ...support.syncing import Venv

# -- what is refused


@pytest.mark.parametrize(
    "change", [{"abi_version": "2025_0"}, {"python": "3.13.2"}, {"abi_version": None}], ids=str
)
@pytest.mark.parametrize("by", ["path", "surroundings"])
def test_a_lock_of_another_pyodide(change: dict[str, str], by: str, venv: Venv) -> None:
    venv.add("demo")
    lock = venv.lock().to_dict()
    lock["info"] = {key: value for key, value in {**lock["info"], **change}.items() if value}
    options: dict[str, Any] = {}
    if by == "surroundings":
        around = Surroundings((venv.site,), Lockfile.from_json(base_document()))
        options = {"path": None, "surroundings": around}
    before = venv.files()
    for dry_run in (True, False):
        with pytest.raises(InputError) as caught:
            venv.sync(lock=lock, dry_run=dry_run, **options)
        assert str(venv.prefix) in str(caught.value) and "3.14.2" in str(caught.value)
    assert venv.files() == before
    assert venv.index.requests == []


def test_a_patch_release_of_python_is_no_other(venv: Venv) -> None:
    venv.add("demo")
    lock = venv.lock().to_dict()
    lock["info"]["python"] = "3.14.9"
    assert venv.actions(venv.sync(lock=lock)) == {"demo": "install"}


def test_a_folder_that_is_not_there(venv: Venv, tmp_path: Path) -> None:
    venv.add("demo")
    with pytest.raises(InputError):
        venv.sync(path=tmp_path / "nowhere")


def test_what_cannot_be_read(venv: Venv) -> None:
    venv.add("demo")
    (venv.site / "legacy-1.0.egg-info").mkdir()
    before = venv.files()
    with pytest.raises(UnlockableError) as caught:
        venv.sync()
    assert [problem.code for problem in caught.value.problems] == ["legacy-metadata"]
    assert "nothing was changed" in str(caught.value)
    assert venv.files() == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"files": {"Demo.py": "", "demo.py": ""}}, "case"),
        ({"files": {".micropip-lock/journal.json": "{}"}}, "environment"),
        ({"data": {"data/pyvenv.cfg": "x"}}, "environment"),
        ({"entry_points_txt": "[console_scripts]\n../../../evil = demo:main\n"}, "unpacked"),
        ({"data": {"purelib/demo.py": "another"}}, "one place"),
        ({"files": {"../evil.py": ""}}, "name"),
    ],
    ids=["case", "journal", "pyvenv.cfg", "script", "one place", "traversal"],
)
def test_hostile_wheels(options: dict[str, Any], reason: str, venv: Venv, tmp_path: Path) -> None:
    """Nothing is changed, not even by the honest ones beside them."""
    venv.add("honest")
    venv.sync()
    venv.add("honest", "2.0")
    venv.add("demo", **options)
    before = venv.files()
    with pytest.raises(UnlockableError) as caught:
        venv.sync()
    (problem,) = caught.value.problems
    assert (problem.package, problem.code) == ("demo", "content-mismatch")
    assert reason in problem.message
    assert venv.files() == before
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("status", 500), "unreachable"),
        (Fault("status", 404), "gone"),
        (Fault("html"), "content-mismatch"),
    ],
    ids=["500", "404", "html"],
)
def test_wheels_that_cannot_be_had(fault: Fault, code: str, venv: Venv) -> None:
    venv.add("gone")
    venv.sync()
    venv.add("demo")
    venv.add("other")
    venv.index.faults[f"/files/{venv.wheels['demo'].name}"] = fault
    before = venv.files()
    with pytest.raises(UnlockableError) as caught:
        venv.sync("demo", "other")
    assert [(problem.package, problem.code) for problem in caught.value.problems] == [
        ("demo", code)
    ]
    assert venv.files() == before


# -- failures half way


@pytest.mark.parametrize("failing", ["aaa.py", "bbb.py", "gone.py"])
def test_a_failure_half_way(failing: str, venv: Venv, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each package is wholly the old or the new one, and the message says which."""
    for name in ("aaa", "bbb", "gone"):
        venv.add(name)
    venv.sync()
    venv.add("aaa", "2.0", files={"aaa.py": "two"})
    venv.add("bbb", "2.0", files={"bbb.py": "two"})
    replace = os.replace

    def fail(source: str | Path, target: str | Path) -> None:
        if Path(source).name == failing:
            raise OSError(errno.EROFS, "Read-only file system", str(source))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(InputError) as caught:
            venv.sync("aaa", "bbb")
    message = str(caught.value)
    order = ["gone", "aaa", "bbb"]
    failed = failing.removesuffix(".py")
    done, rest = order[: order.index(failed)], order[order.index(failed) + 1 :]
    assert message.startswith(f"{failed}: Read-only file system")
    assert "It is as it was before." in message
    assert f"Done: {', '.join(done) or 'nothing'}." in message
    assert f"Not done: {', '.join(rest) or 'nothing'}." in message
    old = {"aaa": "1.0", "bbb": "1.0", "gone": "1.0"}
    new = {"aaa": "2.0", "bbb": "2.0"}
    expected = {name: (new if name in done else old).get(name) for name in order}
    versions = {
        path.name.partition("-")[0]: path.name[4:-10].strip("-")
        for path in venv.site.glob("*.dist-info")
    }
    assert versions == {name: version for name, version in expected.items() if version}
    assert not (venv.site / WORK).exists()
    venv.sync("aaa", "bbb")
    venv.check("aaa", "bbb")


def test_a_failure_that_cannot_be_undone(venv: Venv, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.add("demo")
    venv.sync()
    venv.add("demo", "2.0")
    before, replace = venv.files(), os.replace

    def fail(source: str | Path, target: str | Path) -> None:
        if Path(source).name == "demo-2.0.dist-info":
            patch.setattr(os, "replace", broken)
        replace(source, target)

    def broken(source: str | Path, target: str | Path) -> None:
        raise OSError(errno.EIO, "Input/output error", str(source))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(InputError) as caught:
            venv.sync()
    assert "The next sync puts it back" in str(caught.value)
    assert Transaction(venv.prefix, venv.site).interrupted() == ("demo",)
    assert venv.sync(dry_run=True).undone == ("demo",)
    wheel = venv.wheels.pop("demo")
    with pytest.raises(UnlockableError):  # a sync that comes to nothing undoes it all the same
        missing = {
            **lock_entry(wheel, venv.index.file_url("missing-1.0-py3-none-any.whl")),
            "sha256": "0" * 64,
        }
        venv.sync(lock={**base_document(), "packages": {"demo": missing}})
    assert venv.files() == before
    venv.wheels["demo"] = wheel
    venv.sync()
    venv.check()


def test_one_sync_at_a_time(venv: Venv) -> None:
    venv.add("demo")
    with Transaction(venv.prefix, venv.site).opened(), pytest.raises(InputError) as caught:
        venv.sync()
    assert "Another process" in str(caught.value)
    assert venv.actions(venv.sync()) == {"demo": "install"}


def test_a_read_only_environment(venv: Venv, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.add("demo")
    mkdir = Path.mkdir

    def refuse(self: Path, *arguments: Any, **options: Any) -> None:
        if self.name == WORK:
            raise OSError(errno.EROFS, "Read-only file system", str(self))
        mkdir(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError) as caught:
        venv.sync()
    assert f"Cannot change {venv.prefix}: Read-only file system" in str(caught.value)
    assert venv.index.wheel_downloads == 0
    assert venv.actions(venv.sync(dry_run=True)) == {"demo": "install"}
