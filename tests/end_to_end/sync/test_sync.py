"""An environment made exactly what a lock says:

what happens to each package, and what stays untouched.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from hashlib import sha256 as hash_of
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import Lockfile, UnlockableError
from micropip_lock.operations.bundle.run import bundle
from micropip_lock.operations.sync.plan import Step

from ...support.freezing import base_document, quick_fetcher
from ...support.index_server import IndexServer
from ...support.installed import installer_target, pip_target, uv_target
from ...support.syncing import OWN, SITE, Venv, install, make_venv, snapshot
from ...support.wheels import build_wheel, sha256

# -- what is done


def test_an_empty_environment(venv: Venv) -> None:
    venv.add(
        "app", requires=["lib"], entry_points={"app": "app:main"}, data={"data/share/app/x": "x"}
    )
    venv.add("lib", "2.0")
    plan = venv.sync()
    assert plan.steps == (Step("install", "app", None, "1.0"), Step("install", "lib", None, "2.0"))
    assert (plan.undone, plan.requests) == ((), 2)
    assert plan.bytes == sum(wheel.stat().st_size for wheel in venv.wheels.values())
    venv.check()
    told = json.loads((venv.site / "app-1.0.dist-info" / "provenance_url.json").read_bytes())
    assert told["url"] == venv.index.file_url(venv.wheels["app"].name)
    assert told["archive_info"]["hashes"]["sha256"] == sha256(venv.wheels["app"])
    assert (venv.prefix / "bin" / "app").read_text().startswith(f"#!{venv.prefix}/bin/python\n")


def test_install_replace_remove_keep(venv: Venv) -> None:
    for name in ("kept", "old", "gone"):
        venv.add(name)
    venv.sync()
    kept = venv.files()
    venv.add("old", "2.0")
    venv.add("new")
    plan = venv.sync("kept", "old", "new")
    assert plan.steps == (
        Step("remove", "gone", "1.0", None),
        Step("keep", "kept", "1.0", "1.0"),
        Step("install", "new", None, "1.0"),
        Step("replace", "old", "1.0", "2.0"),
    )
    assert [step.action for step in plan.changes] == ["remove", "install", "replace"]
    venv.check("kept", "old", "new")
    after = venv.files()
    assert {name: after[name] for name in kept if "kept" in name} == {
        n: h for n, h in kept.items() if "kept" in n
    }


def test_an_equal_environment(venv: Venv) -> None:
    """Nothing is changed, nobody is asked, and no wheel is needed."""
    venv.add("app", entry_points={"app": "app:main"})
    venv.add("lib")
    venv.sync()
    before = venv.files(), venv.site.stat().st_mtime_ns
    venv.index.reset()
    shutil.rmtree(venv.cache / "wheels")
    plan = venv.sync()
    assert plan.changes == ()
    assert plan.requests == len(venv.index.requests) == 0
    assert (venv.files(), venv.site.stat().st_mtime_ns) == before
    assert not (venv.cache / "wheels").exists()


def test_an_equal_environment_without_a_cache(venv: Venv) -> None:
    """What lies in the environment proves nothing:

    each RECORD is compared with its wheel's, without a download.
    """
    venv.add(
        "app", files={"app.py": "", "big.dat": os.urandom(60_000)}, entry_points={"app": "app:main"}
    )
    venv.sync()
    before = venv.files()
    venv.index.reset()
    shutil.rmtree(venv.cache)
    assert venv.sync(cache_dir=None).changes == ()
    assert len(venv.index.requests) > venv.index.wheel_downloads == 0
    assert venv.files() == before
    with pytest.raises(UnlockableError):  # then nothing tells
        venv.sync(cache_dir=None, no_network=True)
    assert venv.files() == before


def test_what_is_remembered_is_of_one_folder(venv: Venv, tmp_path: Path) -> None:
    venv.add("demo")
    venv.sync()
    copy = tmp_path / "copy"
    shutil.copytree(venv.site, copy)
    shutil.rmtree(venv.cache / "wheels")
    venv.index.reset()
    assert venv.sync(path=copy).changes == ()
    assert len(venv.index.requests) > venv.index.wheel_downloads == 0


def test_another_build_of_the_same_version(venv: Venv) -> None:
    venv.add("demo", files={"demo.py": "x = 1\n"})
    venv.sync()
    venv.add("demo", files={"demo.py": "x = 2\n"})
    assert venv.sync().steps == (Step("replace", "demo", "1.0", "1.0"),)
    venv.check()


def test_no_prune(venv: Venv) -> None:
    venv.add("one")
    venv.add("two")
    venv.sync("one")
    plan = venv.sync("two", prune=False)
    assert plan.steps == (Step("keep", "one", "1.0", None), Step("install", "two", None, "1.0"))
    venv.check()


def test_dry_run(venv: Venv) -> None:
    venv.add("gone")
    venv.sync()
    venv.add("new")
    before = venv.files()
    venv.index.reset()
    plan = venv.sync("new", dry_run=True)
    assert venv.actions(plan) == {"gone": "remove", "new": "install"}
    assert venv.files() == before
    assert venv.index.requests == []
    assert venv.actions(venv.sync("new")) == {"gone": "remove", "new": "install"}


TOOLS = ("pip", "setuptools", "wheel", "micropip-lock")


def test_tools_are_left_alone(venv: Venv, tmp_path: Path) -> None:
    for name in TOOLS:
        install(venv, build_wheel(tmp_path / "tools", name, "1.0"))
    venv.add("demo")
    before = venv.files()
    assert venv.actions(venv.sync()) == {"demo": "install"}
    venv.check("demo", beside={name: digest for name, digest in before.items() if name not in OWN})
    assert venv.actions(venv.sync(lock=Lockfile.from_json(base_document()))) == {"demo": "remove"}
    assert venv.files() == before


def test_tools_of_the_lock(venv: Venv, tmp_path: Path) -> None:
    install(venv, build_wheel(tmp_path / "tools", "pip", "1.0"))
    venv.add("pip", "2.0")
    assert venv.actions(venv.sync()) == {"pip": "replace"}
    venv.check()


def test_what_is_no_wheel_is_left_out(venv: Venv) -> None:
    venv.add("demo")
    lock = venv.lock().to_dict()
    library = {
        **lock["packages"]["demo"],
        "name": "lib",
        "file_name": "lib-1.0.zip",
        "install_dir": "dynlib",
    }
    lock["packages"]["lib"] = library
    assert venv.actions(venv.sync(lock=lock)) == {"demo": "install"}
    venv.check()


# -- what is equal


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "downloaded"])
def test_equal_by_content(cached: bool, venv: Venv) -> None:
    """What another installer installed says nothing of its wheel, which is compared, and downloaded
    at most once.
    """
    wheel = venv.add("demo", files={"demo.py": "", "big.dat": os.urandom(60_000)})
    install(venv, wheel)
    before = venv.files()
    if cached:
        place = venv.cache / "wheels" / sha256(wheel)[:2] / sha256(wheel)
        place.parent.mkdir(parents=True)
        shutil.copyfile(wheel, place)
    plan = venv.sync(no_network=cached)
    assert venv.actions(plan) == {}
    assert venv.files() == before
    assert venv.index.wheel_downloads == (0 if cached else 1)
    assert bool(venv.index.requests) is not cached
    venv.index.reset()
    shutil.rmtree(venv.cache / "wheels", ignore_errors=True)
    assert venv.actions(venv.sync(no_network=True)) == {}


def with_wrong_hash(venv: Venv, sha256: str) -> Lockfile:
    document = venv.lock().to_dict()
    document["packages"]["demo"]["sha256"] = sha256
    return Lockfile.from_json(document)


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("forged", [None, "direct_url.json", "provenance_url.json"])
def test_a_wrong_sha256_of_the_lock_is_found(small: bool, forged: str | None, venv: Venv) -> None:
    """Though the wheel at the URL is the one that is installed, and though it ships a note that
    gives the same.
    """
    wrong = "ab" * 32
    url = venv.index.file_url("demo-1.0-py3-none-any.whl")
    note = {"url": url, "archive_info": {"hash": f"sha256={wrong}", "hashes": {"sha256": wrong}}}
    files = {"demo.py": "", "big.dat": b"" if small else os.urandom(60_000)}
    if forged is not None:
        files[f"demo-1.0.dist-info/{forged}"] = json.dumps(note)
    install(venv, venv.add("demo", files=files))
    before = venv.files()
    lock = with_wrong_hash(venv, wrong)
    assert venv.actions(venv.sync(lock=lock, dry_run=True)) == {"demo": "replace"}
    with pytest.raises(UnlockableError) as error:
        venv.sync(lock=lock)
    assert [problem.code for problem in error.value.problems] == ["content-mismatch"]
    assert venv.files() == before
    if forged is None:
        assert venv.actions(venv.sync()) == {}


def test_other_contents_of_one_version(venv: Venv, tmp_path: Path) -> None:
    install(venv, build_wheel(tmp_path, "demo", "1.0", files={"demo.py": "evil"}))
    venv.add("demo")
    assert venv.actions(venv.sync()) == {"demo": "replace"}
    venv.check()


def test_nobody_is_asked_twice(venv: Venv, tmp_path: Path) -> None:
    install(venv, venv.add("same", files={"same.py": "", "big.dat": os.urandom(60_000)}))
    venv.add("new")
    assert venv.actions(venv.sync()) == {"new": "install"}
    asked = [(request.path, request.range) for request in venv.index.requests]
    assert len(asked) == len(set(asked))


def test_direct_url_does_not_count(venv: Venv, tmp_path: Path) -> None:
    """It may be the wheel's own:

    the wheel is asked, and as it does not ship it, its sha256 is believed.
    """
    wheel = venv.add("demo", files={"demo.py": "", "big.dat": os.urandom(60_000)})
    pip_target(tmp_path / "pip", f"demo @ {venv.index.file_url(wheel.name)}#sha256={sha256(wheel)}")
    shutil.copytree(tmp_path / "pip", venv.site, dirs_exist_ok=True)
    venv.index.reset()
    assert venv.actions(venv.sync()) == {}
    assert len(venv.index.requests) > venv.index.wheel_downloads == 0


@pytest.mark.parametrize("installer", [pip_target, uv_target])
@pytest.mark.parametrize("claim", ["provenance_url.json", "direct_url.json"])
@pytest.mark.parametrize("cached", [True, False])
def test_a_claim_that_another_installer_kept(
    cached: bool, claim: str, installer: Any, venv: Venv, tmp_path: Path
) -> None:
    """The wheel of another index claims to be the one of the lock."""
    true = venv.add("demo")
    if cached:
        venv.sync()  # so that the cache knows the true one
        venv.sync(lock=Lockfile.from_json(base_document()))
    said = {
        "archive_info": {"hashes": {"sha256": sha256(true)}},
        "url": venv.index.file_url(true.name),
    }
    with IndexServer() as other:
        build_wheel(
            other.folder,
            "demo",
            "1.0",
            files={"demo.py": "evil"},
            dist_info_files={claim: json.dumps(said)},
        )
        installer(tmp_path / "target", "demo", index_url=other.url)
    shutil.copytree(tmp_path / "target", venv.site, dirs_exist_ok=True)
    assert json.loads((venv.site / "demo-1.0.dist-info" / claim).read_bytes()) == said
    assert venv.actions(venv.sync()) == {"demo": "replace"}
    venv.check()


@pytest.mark.parametrize("claim", ["provenance_url.json", "direct_url.json"])
@pytest.mark.parametrize("relative", [True, False])
def test_a_claim_that_the_wheel_ships(
    claim: str, relative: bool, venv: Venv, tmp_path: Path
) -> None:
    """It is not installed, so it cannot make the next sync believe that another wheel is there."""
    true = venv.add("demo")
    said = {
        "archive_info": {"hashes": {"sha256": sha256(true)}},
        "url": venv.index.file_url(true.name),
    }
    honest = venv.lock().to_dict()
    venv.add("demo", files={"demo.py": "evil"}, dist_info_files={claim: json.dumps(said)})
    forged = venv.lock().to_dict()
    options: dict[str, Any] = {}
    if relative:
        forged["packages"]["demo"]["file_name"] = venv.wheels["demo"].name
        options["base_dir"] = venv.wheels["demo"].parent
    venv.sync(lock=forged, **options)
    assert (venv.site / "demo.py").read_text() == "evil"
    venv.index.add(true)
    assert venv.actions(venv.sync(lock=honest)) == {"demo": "replace"}
    assert "evil" not in (venv.site / "demo.py").read_text()


@pytest.mark.parametrize(
    "damage",
    [
        lambda venv: (venv.site / "demo" / "a.py").unlink(),
        lambda venv: (venv.site / "demo" / "a.py").write_text("longer than before"),
        lambda venv: (venv.prefix / "bin" / "demo").unlink(),
        lambda venv: (venv.prefix / "share" / "demo" / "x").write_text("longer than before"),
        lambda venv: (venv.site / "demo-1.0.dist-info" / "METADATA").write_text("x"),
        lambda venv: (venv.site / "demo-1.0.dist-info" / "RECORD").unlink(),
        lambda venv: (venv.site / "demo-1.0.dist-info" / "WHEEL").unlink(),
    ],
    ids=["missing", "edited", "script", "data", "METADATA", "RECORD", "WHEEL"],
)
def test_damage_is_repaired(damage: Any, venv: Venv) -> None:
    venv.add(
        "demo",
        files={"demo/a.py": "a", "demo/b.py": "b"},
        entry_points={"demo": "demo.a:main"},
        data={"data/share/demo/x": "x"},
    )
    venv.sync()
    damage(venv)
    assert venv.actions(venv.sync(no_network=True)) == {"demo": "replace"}
    venv.check()
    assert venv.actions(venv.sync()) == {}


@pytest.mark.parametrize(("locked", "installed"), [("1.0.0", "1.0"), ("1.0", "1.0+local")])
def test_versions_that_are_one(locked: str, installed: str, venv: Venv) -> None:
    venv.add("demo", installed)
    lock = venv.lock().to_dict()
    lock["packages"]["demo"]["version"] = locked
    venv.sync(lock=lock)
    assert venv.actions(venv.sync(lock=lock)) == {}
    venv.check()


def test_a_bundle(venv: Venv, tmp_path: Path) -> None:
    """Relative names: the files are beside the lock.

    No network is needed, and a second sync changes nothing.
    """
    venv.add("app", requires=["lib"])
    venv.add("lib")

    async def make() -> None:
        fetcher = quick_fetcher()
        try:
            await bundle(venv.lock(), tmp_path / "bundle", fetcher=fetcher)
        finally:
            await fetcher.aclose()

    asyncio.run(make())
    venv.index.reset()
    options = {"lock": tmp_path / "bundle", "no_network": True, "cache_dir": None}
    assert venv.actions(venv.sync(**options)) == {"app": "install", "lib": "install"}
    assert venv.actions(venv.sync(**options)) == {}
    assert venv.index.requests == []
    assert (venv.site / "app.py").exists() and (venv.site / "lib.py").exists()


def test_wheels_in_the_cache_need_no_network(venv: Venv, tmp_path: Path) -> None:
    venv.add("app")
    venv.add("lib")
    venv.sync()
    other = Venv(make_venv(tmp_path / "other"), venv.index, venv.cache, venv.wheels)
    venv.index.reset()
    assert other.actions(other.sync(no_network=True)) == {"app": "install", "lib": "install"}
    other.check()
    assert venv.index.requests == []


# -- whose files are whose


def test_files_of_two_packages(venv: Venv) -> None:
    shared = {"space/__init__.py": ""}
    venv.add("one", files=shared | {"space/one.py": "1"})
    venv.add("two", files=shared | {"space/two.py": "2"})
    venv.sync()
    venv.check()
    assert venv.actions(venv.sync()) == {}
    venv.add("one", "2.0", files=shared | {"space/one.py": "22"})
    venv.sync()
    venv.check()
    venv.add("one", "3.0", files={"space/one.py": "333"})
    venv.sync()
    venv.check()
    venv.sync("two")
    venv.check("two")
    venv.sync(lock=Lockfile.from_json(base_document()))
    assert set(venv.files()) == set(OWN)


@pytest.mark.parametrize(("giver", "taker"), [("aaa", "zzz"), ("zzz", "aaa")])
def test_a_file_moves_from_one_package_to_another(giver: str, taker: str, venv: Venv) -> None:
    venv.add(giver, files={f"{giver}.py": "", "moved.py": "old"})
    venv.add(taker)
    venv.sync()
    venv.add(giver, "2.0")
    venv.add(taker, "2.0", files={f"{taker}.py": "", "moved.py": "new contents"})
    venv.sync()
    venv.check()
    venv.sync(taker)
    venv.check(taker)


@pytest.mark.parametrize(("first", "second"), [("aaa", "zzz"), ("zzz", "aaa")])
def test_a_file_where_a_folder_of_another_package_was(first: str, second: str, venv: Venv) -> None:
    """And back: both change in one step."""
    for version, files in (("1", {"thing/x": "1"}), ("2", {}), ("3", {"thing/x": "3"})):
        venv.add(first, version, files={f"{first}.py": version, **files})
        venv.add(
            second, version, files={f"{second}.py": version, **({} if files else {"thing": "2"})}
        )
        venv.sync()
        venv.check()


def test_other_files_of_one_name(venv: Venv) -> None:
    """Whoever comes last has it; a second sync does not begin a game that never ends."""
    venv.add("one", files={"one.py": "", "tests/__init__.py": "of one"})
    venv.add(
        "two",
        files={"two.py": "", "tests/__init__.py": "of the other one"},
        entry_points={"run": "two:main"},
    )
    venv.add("three", files={"three.py": ""}, entry_points={"run": "three_is_longer:main"})
    venv.sync()
    assert (venv.site / "tests" / "__init__.py").read_text() == "of the other one"
    assert venv.actions(venv.sync()) == {}
    (venv.site / "tests" / "__init__.py").unlink()
    assert venv.actions(venv.sync()) == {"one": "replace", "two": "replace"}


def test_a_module_becomes_a_package_and_back(venv: Venv) -> None:
    module, package = {"demo.py": "1"}, {"demo/__init__.py": "2", "demo/sub/x.py": "2"}
    for version, files in (("1", module), ("2", package), ("3", module)):
        venv.add("demo", version, files=files)
        venv.sync()
        venv.check()
        names = [path for path in venv.site.iterdir() if not path.name.endswith(".dist-info")]
        assert len(names) == 1


def test_bytecode_goes_with_its_source(venv: Venv) -> None:
    venv.add("demo", files={"demo/__init__.py": "", "demo/x[1].py": ""})
    venv.add("other", files={"demo_x1.py": "", "demo/x1.py": ""})
    venv.sync()
    cached = venv.site / "demo" / "__pycache__"
    cached.mkdir()
    for name in ("__init__", "x[1]", "x1"):
        (cached / f"{name}.cpython-314.pyc").write_bytes(b"code")
    venv.sync("other")
    assert [path.name for path in cached.iterdir()] == ["x1.cpython-314.pyc"]
    venv.sync(lock=Lockfile.from_json(base_document()))
    assert set(venv.files()) == set(OWN)
    assert list(venv.site.iterdir()) == []


def test_unlisted_files(venv: Venv) -> None:
    """In the way they are replaced; elsewhere they are somebody's."""
    venv.add("demo", files={"demo/__init__.py": "1"})
    for name in ("demo/__init__.py", "demo/notes.txt", "mine.py"):
        (venv.site / name).parent.mkdir(exist_ok=True)
        (venv.site / name).write_text("mine")
    mine = hash_of(b"mine").hexdigest()
    beside = {f"{SITE}/demo/notes.txt": mine, f"{SITE}/mine.py": mine}
    venv.sync()
    venv.check(beside=beside)
    venv.sync(lock=Lockfile.from_json(base_document()))
    assert set(venv.files()) == {*OWN, *beside}


def test_scripts(venv: Venv) -> None:
    venv.add("demo", entry_points={"old": "demo:main"}, data={"scripts/tool": "#!python\n"})
    venv.sync()
    assert {path.name for path in (venv.prefix / "bin").iterdir()} == {"python", "old", "tool"}
    venv.add("demo", "2.0", entry_points={"new": "demo:main"})
    venv.sync()
    assert {path.name for path in (venv.prefix / "bin").iterdir()} == {"python", "new"}


def test_rows_that_lead_out(venv: Venv, tmp_path: Path) -> None:
    """RECORD is what a wheel says.

    Nothing outside of the environment is touched, nor what makes it one.
    """
    outside = tmp_path / "outside.txt"
    outside.write_text("precious")
    install(venv, build_wheel(tmp_path / "built", "demo", "1.0"))
    record = venv.site / "demo-1.0.dist-info" / "RECORD"
    lines = [
        f"{outside},,",
        "../../../../outside.txt,,",
        "../../../bin/python,,",
        "../../../pyvenv.cfg,,",
        "../../..,,",
    ]
    record.write_text(record.read_text() + "\n".join(lines) + "\n")
    venv.sync(lock=Lockfile.from_json(base_document()))
    assert set(venv.files()) == set(OWN)
    assert outside.read_text() == "precious"


def test_a_package_that_is_a_link_to_elsewhere(venv: Venv, tmp_path: Path) -> None:
    """As developers make one, to work on a package:

    their files stay, the link goes when it is in the way.
    """
    venv.add("demo", files={"demo/__init__.py": "1"})
    venv.sync()
    work = tmp_path / "work"
    shutil.move(venv.site / "demo", work)
    (venv.site / "demo").symlink_to(work)
    (work / "__init__.py").write_text("work of weeks")
    before = snapshot(work)
    assert venv.actions(venv.sync()) == {"demo": "replace"}
    assert snapshot(work) == before
    venv.check()
    shutil.rmtree(venv.site / "demo")
    (venv.site / "demo").symlink_to(work)
    venv.sync(lock=Lockfile.from_json(base_document()))
    assert snapshot(work) == before


@pytest.mark.parametrize(
    "path",
    [
        "../../../notes.txt",
        "demo/../../../../notes.txt",
        "./../../../notes.txt",
        "{prefix}/notes.txt",
    ],
)
@pytest.mark.parametrize("row", ["{path},,", f"{{path}},sha256={'A' * 43},4"])
def test_a_row_for_a_file_of_the_user(row: str, path: str, venv: Venv) -> None:
    """A wheel can list any file:

    pip keeps the row. Sync removes scripts and data by their hash only.
    """
    venv.add("demo", data={"data/share/demo.txt": "demo"}, entry_points={"demo": "demo:main"})
    venv.sync()
    notes = venv.prefix / "notes.txt"
    notes.write_text("mine")
    record = venv.site / "demo-1.0.dist-info" / "RECORD"
    with record.open("a") as file:
        file.write(row.format(path=path.format(prefix=venv.prefix)) + "\n")
    venv.sync(lock=Lockfile.from_json(base_document()))
    assert set(venv.files()) == {*OWN, "notes.txt"} and notes.read_text() == "mine"


def test_a_link_where_bytecode_should_be(venv: Venv, tmp_path: Path) -> None:
    """What it leads to is not the package's, whatever its name."""
    venv.add("demo", files={"demo/__init__.py": "1"})
    venv.sync()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "__init__.cpython-314.pyc").write_text("mine")
    (venv.site / "demo" / "__pycache__").symlink_to(outside)
    venv.sync(lock=Lockfile.from_json(base_document()))
    assert (outside / "__init__.cpython-314.pyc").read_text() == "mine"


def test_a_link_in_dist_info(venv: Venv, tmp_path: Path) -> None:
    venv.add("demo")
    venv.sync()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("mine")
    (venv.prefix / "bin" / "mine").write_text("mine")
    for name, target in (("out", outside), ("bin", "../../../../bin"), ("file", outside / "x")):
        (venv.site / "demo-1.0.dist-info" / name).symlink_to(target)
    venv.sync(lock=Lockfile.from_json(base_document()))
    assert (outside / "x").read_text() == (venv.prefix / "bin" / "mine").read_text() == "mine"
    assert list(venv.site.iterdir()) == []


@pytest.mark.parametrize("inside", [True, False])
def test_a_linked_site_packages(inside: bool, venv: Venv, tmp_path: Path) -> None:
    target = venv.prefix / "real" if inside else tmp_path / "elsewhere"
    venv.site.rename(target)
    venv.site.symlink_to(target)
    venv.add("demo", entry_points={"demo": "demo:main"})
    venv.sync()
    assert (target / "demo.py").exists()
    assert venv.site.is_symlink()
    assert venv.actions(venv.sync()) == {}
    venv.sync(lock=Lockfile.from_json(base_document()))
    assert list(target.iterdir()) == []
    assert not (venv.prefix / "bin" / "demo").exists()


def test_two_of_one_name(venv: Venv, tmp_path: Path) -> None:
    """Of neither is known which files are its own; both go."""
    install(venv, build_wheel(tmp_path, "demo", "0.1"), build_wheel(tmp_path, "twice", "0.1"))
    for name in ("demo", "twice"):
        info = venv.site / f"{name}-0.1.dist-info"
        shutil.copytree(info, venv.site / f"{name}-0.2.dist-info")
        record = venv.site / f"{name}-0.2.dist-info" / "RECORD"
        record.write_text(record.read_text().replace("-0.1.", "-0.2."))
    venv.add("demo")
    assert venv.actions(venv.sync()) == {"demo": "replace", "twice": "remove"}
    venv.check()


def test_a_plain_folder(venv: Venv, tmp_path: Path) -> None:
    """As `pip install --target` fills one: everything of it is in it."""
    folder = tmp_path / "target"
    installer_target(
        folder, build_wheel(tmp_path / "old", "old", "1.0", entry_points={"old": "old:main"})
    )
    venv.add("demo", entry_points={"demo": "demo:main"})
    assert venv.actions(venv.sync(path=folder)) == {"demo": "install", "old": "remove"}
    assert {path.name for path in folder.iterdir()} == {"bin", "demo.py", "demo-1.0.dist-info"}
    assert [path.name for path in (folder / "bin").iterdir()] == ["demo"]
    assert (folder / "bin" / "demo").read_text().startswith(f"#!{sys.executable}\n")
    assert venv.actions(venv.sync(path=folder)) == {}
