"""What does not go together, in an environment and in a lock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import Checked, InputError, check
from micropip_lock.environment import Surroundings
from micropip_lock.formats.lockfile import Lockfile
from micropip_lock.operations.base import CDN
from micropip_lock.storage import facts_in
from micropip_lock.storage.wheels import WheelStore

from ...support import runtimes
from ...support.freezing import base_lock, entry, quick_fetcher
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target
from ...support.verifying import lock_of, wheel_entry
from ...support.wheels import build_wheel, sha256
from ..golden.living import FOLDER, TEXTS


def checked(lock: Any = None, **options: Any) -> Checked:
    """`check`, over the host's fetcher."""

    async def run() -> Checked:
        fetcher = quick_fetcher()
        try:
            return await check(lock, fetcher=fetcher, **options)
        finally:
            await fetcher.aclose()

    return asyncio.run(run())


def told(found: Checked) -> list[tuple[str, str]]:
    """(package, code) of each conflict."""
    for conflict in found.conflicts:
        assert conflict.problem.message.endswith(".") and len(conflict.problem.hint) > 10
        assert " None" not in conflict.problem.message
    return [(conflict.problem.package, conflict.problem.code) for conflict in found.conflicts]


def test_what_people_read() -> None:
    text = (FOLDER / "check.out").read_text(encoding="utf-8")
    assert TEXTS["check.out"]() == text, (
        "if this is meant: python -m tests.end_to_end.golden.living"
    )


# -- environments


def environment(tmp_path: Path, *wheels: Mapping[str, Any], **options: Any) -> Checked:
    """Check an environment of wheels with these arguments of `build_wheel`."""
    built = [build_wheel(tmp_path / "wheels", **{"version": "1.0", **wheel}) for wheel in wheels]
    return checked(
        path=installer_target(tmp_path / "site", *built), base=base_lock(), offline=True, **options
    )


def test_an_environment_that_goes_together(tmp_path: Path) -> None:
    app = {
        "name": "app",
        "requires": [
            "lib[fast]>=1",
            "posix; sys_platform=='emscripten'",
            "no; sys_platform=='win32'",
        ],
    }
    lib = {"name": "lib", "extras": {"fast": ["speed"], "slow": ["absent"]}}
    found = environment(tmp_path, app, lib, {"name": "speed"}, {"name": "posix"})
    assert found == Checked((), 4)


def test_what_is_missing_is_installed_where_the_others_lie(tmp_path: Path) -> None:
    [conflict] = environment(
        tmp_path, {"name": "page", "requires": ["absent>=2; extra != 'x'"]}
    ).conflicts
    platform = "(with the --platform options the folder was made with)"
    assert (
        conflict.problem.hint
        == f"Install it: pip install --target {tmp_path / 'site'} 'absent>=2' {platform}"
    )
    site = installer_target(
        tmp_path / "other", build_wheel(tmp_path / "wheels", "lib", "1.0", requires=["absent"])
    )
    [conflict] = checked(
        surroundings=Surroundings(paths=(site,)), base=base_lock(), offline=True
    ).conflicts
    assert conflict.problem.hint == "Install it: pip install 'absent'"


def test_the_chain(tmp_path: Path) -> None:
    found = environment(
        tmp_path,
        {"name": "top", "requires": ["middle>=1"]},
        {"name": "middle", "requires": ["asker"]},
        {"name": "asker", "requires": ["lib>=2"]},
        {"name": "other", "requires": ["content"]},
        {"name": "content", "requires": ["lib<2"]},
        {"name": "also", "requires": ["lib>=3"]},
        {"name": "lib"},
    )
    assert told(found) == [("also", "conflicting-dependency"), ("asker", "conflicting-dependency")]
    conflict = found.conflicts[1]
    assert [(step.package, step.version, step.requirement) for step in conflict.asked] == [
        ("top", "1.0", "middle>=1"),
        ("middle", "1.0", "asker"),
        ("asker", "1.0", "lib>=2"),
    ]
    assert conflict.present == "lib 1.0"
    assert [[step.package for step in chain] for chain in conflict.brought] == [
        ["other", "content"]
    ]
    assert found.conflicts[0].to_json()["brought"] == [
        [
            {"package": "other", "version": "1.0", "requirement": "content"},
            {"package": "content", "version": "1.0", "requirement": "lib<2"},
        ]
    ]


def test_circles_have_chains_too(tmp_path: Path) -> None:
    found = environment(
        tmp_path,
        {"name": "a", "requires": ["b"]},
        {"name": "b", "requires": ["a"]},
        {"name": "c", "requires": ["c[x]"]},
    )
    assert told(found) == []
    found = environment(
        tmp_path, {"name": "d", "requires": ["e"]}, {"name": "e", "requires": ["d", "absent"]}
    )
    assert told(found) == [("e", "missing-dependency")]
    assert [step.package for step in found.conflicts[0].asked] == ["d", "e"]


def test_other_faults_of_an_environment(tmp_path: Path) -> None:
    found = environment(
        tmp_path,
        {"name": "linux", "tag": "cp314-cp314-manylinux_2_28_x86_64"},
        {"name": "odd", "requires": ["lib; python_version < 'x' and 1 < 'y'"]},
        {"name": "needs-legacy", "requires": ["legacy>=7"]},
    )
    assert ("linux", "wrong-platform") in told(found) and ("odd", "broken-metadata") in told(found)
    (tmp_path / "site" / "legacy-1.0.egg-info").mkdir()
    (tmp_path / "site" / "empty-1.0.dist-info").mkdir()
    codes = told(checked(path=tmp_path / "site", base=base_lock(), offline=True))
    assert ("legacy", "legacy-metadata") in codes and ("empty", "broken-metadata") in codes
    # Whether legacy 1.0 fits cannot be told: what it is was not written down by anybody.
    assert ("needs-legacy", "missing-dependency") not in codes


def test_a_url_is_shown_without_its_secret(tmp_path: Path) -> None:
    found = environment(
        tmp_path, {"name": "app", "requires": ["lib @ https://me:hunter2@files.example/lib.whl"]}
    )
    assert told(found) == [("app", "missing-dependency")]
    assert "hunter2" not in str(found) and "lib @ https://files.example/lib.whl" in str(found)


def test_what_the_runtime_loaded_of_its_own_is_not_in_question(tmp_path: Path) -> None:
    wheels = [
        build_wheel(tmp_path, "based", "1.0", requires=["jedi>=1"]),
        build_wheel(tmp_path, "mine", "1.0", requires=["based>=2", "libzip", "mock"]),
    ]
    site = installer_target(tmp_path / "site", *wheels)
    (site / "based-1.0.dist-info" / "INSTALLER").write_text("pyodide.loadPackage")
    base = base_lock(entry("based", depends=["libzip"]), entry("libzip"))
    loaded = {"based": "default channel"}
    around = Surroundings((site,), base, loaded=loaded, loaded_into=site, in_memory={"mock": "1.0"})
    found = checked(surroundings=around)
    assert told(found) == [("mine", "conflicting-dependency")]
    assert found.packages == 4


def test_an_environment_needs_a_base(tmp_path: Path) -> None:
    site = installer_target(tmp_path / "site", build_wheel(tmp_path, "demo", "1.0"))
    with pytest.raises(InputError, match="Which Pyodide"):
        checked(path=site)
    with pytest.raises(InputError, match="does not exist"):
        checked(path=tmp_path / "nowhere", base=base_lock())


# -- locks


@pytest.fixture
def torn(index: IndexServer) -> dict[str, Any]:
    """A lock whose packages do not go together, which only METADATA tells."""
    wheels = {
        "app": build_wheel(index.folder, "app", "1.0", requires=["lib>=2", "absent"]),
        "lib": build_wheel(index.folder, "lib", "1.0"),
    }
    return lock_of(
        *(
            wheel_entry(index, item, depends=["lib"] if name == "app" else [])
            for name, item in wheels.items()
        )
    )


TORN = [("app", "conflicting-dependency"), ("app", "missing-dependency")]


def test_metadata_is_read_and_no_wheel_is_downloaded(
    torn: dict[str, Any], index: IndexServer
) -> None:
    build_wheel(
        index.folder, "big", "1.0", files={"big.dat": bytes(range(256)) * 1000}, stored=True
    )
    torn["packages"]["big"] = wheel_entry(index, index.folder / "big-1.0-py3-none-any.whl")
    found = checked(torn)
    assert told(found) == TORN
    assert (found.packages, found.unread) == (3, 0)
    assert 0 < found.bytes < 100_000 and found.requests >= 3
    assert not any(request.path.startswith("/simple") for request in index.requests)
    conflict = found.conflicts[0]
    assert [(step.package, step.requirement) for step in conflict.asked] == [("app", "lib>=2")]
    assert conflict.brought == ()


def test_offline_only_what_is_at_hand_is_known(
    torn: dict[str, Any], index: IndexServer, tmp_path: Path
) -> None:
    index.reset()
    found = checked(torn, offline=True)
    assert (told(found), found.unread) == ([], 2)
    wheel = index.folder / "app-1.0-py3-none-any.whl"
    # by name, beside the lock
    path = tmp_path / "here" / "pyodide-lock.json"
    path.parent.mkdir()
    Lockfile.from_json(torn).write(path)
    (path.parent / wheel.name).write_bytes(wheel.read_bytes())
    found = checked(path, offline=True)
    assert (told(found), found.unread) == (TORN, 1)
    (path.parent / wheel.name).write_bytes(b"other bytes")
    assert checked(path, offline=True).unread == 2
    # by sha256, in the cache
    place = WheelStore(tmp_path / "cache").place(sha256(wheel))
    place.parent.mkdir(parents=True)
    place.write_bytes(wheel.read_bytes())
    assert told(checked(torn, offline=True, cache_dir=tmp_path / "cache")) == TORN
    assert index.requests == []


def test_facts_are_used_and_the_lock_makes_none(
    torn: dict[str, Any], index: IndexServer, tmp_path: Path
) -> None:
    facts = facts_in(tmp_path / "facts")
    assert told(checked(torn, facts=facts)) == TORN
    entry_ = torn["packages"]["app"]
    key = f"{entry_['sha256']} {entry_['file_name']}"
    # Whoever wrote the lock is not the one who says what belongs to a sha256.
    assert facts.get("metadata", key) is None and facts.get("wheel", key) is None
    facts.put(
        "metadata", key, b"Metadata-Version: 2.1\nName: app\nVersion: 1.0\nRequires-Dist: lib<2\n"
    )
    assert told(checked(torn, facts=facts, offline=True)) == []
    assert told(checked(torn, facts=facts, refresh=True)) == TORN
    facts.close()


def test_an_edge_of_an_extra_is_nobodys_content(index: IndexServer) -> None:
    """The lock has the edge, for who asks for the extra;

    METADATA says that the package itself does not ask.
    """
    wheels = {
        "app": build_wheel(index.folder, "app", "1.0", requires=["lib[fast]"]),
        "lib": build_wheel(index.folder, "lib", "1.0", extras={"fast": ["speed>=2"]}),
        "speed": build_wheel(index.folder, "speed", "1.0"),
    }
    depends = {"app": ["lib"], "lib": ["speed"], "speed": []}
    found = checked(
        lock_of(
            *(wheel_entry(index, wheel, depends=depends[name]) for name, wheel in wheels.items())
        )
    )
    assert told(found) == [("app", "conflicting-dependency")]
    assert "for the extra lib[fast]" in found.conflicts[0].problem.message
    assert found.conflicts[0].brought == ()


def test_what_the_lock_itself_tells() -> None:
    lock = lock_of(
        entry("a", depends=["b", "absent"]), entry("b", depends=["a"]), entry("c", version=1)
    )
    found = checked(lock)
    assert told(found) == [("a", "cycle"), ("a", "missing-dependency"), ("c", "schema")]


def test_an_edge_that_leads_nowhere_is_told_once(torn: dict[str, Any]) -> None:
    torn["packages"]["app"]["depends"] = ["lib", "absent"]
    found = checked(torn)
    assert told(found) == TORN
    assert "cannot be loaded at all" in found.conflicts[1].problem.message


def test_pyodides_own_packages_are_left_out(index: IndexServer) -> None:
    wheels = [
        build_wheel(index.folder, name, "1.0", requires=["absent"]) for name in ("one", "two")
    ]
    lock = lock_of(*(wheel_entry(index, wheel) for wheel in wheels))
    assert len(told(checked(lock))) == 2
    # A lock beside the files has them: they are of a distribution that somebody hosts.
    Lockfile.from_json(lock).write(index.folder / "pyodide-lock.json")
    index.reset()

    served = index.respond

    def respond(method: str, path: str, headers: Mapping[str, str]) -> Any:
        if path == "/files/pyodide-lock.json":
            from ...support.replies import Reply

            return Reply(200, (index.folder / "pyodide-lock.json").read_bytes(), "application/json")
        return served(method, path, headers)

    index.respond = respond  # type: ignore[method-assign]
    assert told(checked(lock)) == []
    # On Pyodide's servers nobody is asked at all.
    for package in lock["packages"].values():
        package["file_name"] = (
            CDN.format(version="314.0.7") + package["file_name"].rpartition("/")[2]
        )
    found = checked(lock)
    assert (told(found), found.requests, found.unread) == ([], 0, 0)


def test_relative_names_may_be_pyodides_own(
    torn: dict[str, Any], index: IndexServer, tmp_path: Path
) -> None:
    for package in torn["packages"].values():
        package["file_name"] = package["file_name"].rpartition("/")[2]
        (tmp_path / package["file_name"]).write_bytes(
            (index.folder / package["file_name"]).read_bytes()
        )
    Lockfile.from_json(torn).write(tmp_path / "pyodide-lock.json")
    # What is missing may be Pyodide's decision; what is there in a version that is excluded is not.
    assert told(checked(tmp_path / "pyodide-lock.json")) == TORN[:1]


def test_nobody_answers(torn: dict[str, Any], index: IndexServer) -> None:
    index.faults["/files/"] = Fault("reset")
    found = checked(torn)
    assert {code for _, code in told(found)} == {"unreachable"} and found.unanswered
    torn["packages"]["lib"]["depends"] = ["nowhere"]
    assert not checked(torn).unanswered


def test_files_that_cannot_be_read(torn: dict[str, Any], index: IndexServer) -> None:
    (index.folder / "lib-1.0-py3-none-any.whl").unlink()
    found = checked(torn)
    assert (told(found), found.unread) == (TORN, 1)  # that it is not there is what verify says
    build_wheel(index.folder, "other", "1.0").rename(index.folder / "lib-1.0-py3-none-any.whl")
    assert ("lib", "content-mismatch") in told(checked(torn))


@pytest.mark.parametrize("version", runtimes.VERSIONS)
def test_the_locks_of_pyodide(version: str) -> None:
    found = checked(runtimes.base_lock(version))
    assert (told(found), found.requests) == ([], 0)
    assert found.packages == len(runtimes.base_lock(version)["packages"])


def test_what_is_no_lock(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent"):
        checked(tmp_path / "absent.json")
    assert told(checked({"packages": {}})) == [("pyodide", "schema")]


def test_a_folder_without_a_distribution_is_no_environment(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    with pytest.raises(InputError, match=r"^no \.dist-info in"):
        checked(path=tmp_path / "site", base=base_lock())
    live = Surroundings(paths=(tmp_path / "site",), base=base_lock(), loaded={})
    assert checked(surroundings=live).conflicts == ()
