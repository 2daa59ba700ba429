"""verify against what is installed, by real installers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import InputError
from micropip_lock.environment import Surroundings
from micropip_lock.storage import facts_in

from ...support.freezing import base_document, base_lock, entry, freeze_folder, rewrite_record
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target, pip_target, uv_target
from ...support.runtimes import lock_entry
from ...support.site_server import SiteServer
from ...support.verifying import codes, definite, lock_of, only, static, verified, wheel_entry
from ...support.wheels import build_wheel

ZEROS = "0" * 64


@pytest.fixture
def lock(index: IndexServer, site: Path) -> dict[str, Any]:
    """Two packages that pip installed, and their frozen lock."""
    build_wheel(
        index.folder,
        "demo",
        "1.0",
        requires=["lib"],
        files={"demo.py": "x = 1\n", "demo.txt": "text"},
    )
    build_wheel(index.folder, "lib", "2.0")
    pip_target(site, "demo", index_url=index.url)
    return freeze_folder(site, index_urls=index.url).lockfile.to_dict()


def drift(lock: Any, site: Path, index: IndexServer, **options: Any) -> list[tuple[str, str]]:
    return codes(verified(lock, path=site, index_urls=index.url, **options))


def test_what_was_frozen_has_not_drifted(
    lock: dict[str, Any], site: Path, index: IndexServer
) -> None:
    assert drift(lock, site, index) == []
    assert codes(static(lock, path=site)) == []
    assert codes(static(lock, path=[site])) == []


def test_nothing_is_compared_unless_folders_are_given(
    lock: dict[str, Any], index: IndexServer
) -> None:
    del lock["packages"]["lib"]
    lock["packages"]["demo"]["depends"] = []
    assert codes(verified(lock, index_urls=index.url)) == [("demo", "missing-dependency")]


def test_another_version_is_installed(lock: dict[str, Any], site: Path, index: IndexServer) -> None:
    build_wheel(index.folder, "lib", "3.0")
    site = pip_target(site.parent / "upgraded", "demo", index_url=index.url)
    problems = verified(lock, path=site, index_urls=index.url)
    assert codes(problems) == [("lib", "drift")]
    problem = only(problems, "drift")
    assert (problem.version, "the lock has 2.0" in problem.message) == ("3.0", True)


def test_one_version_in_two_spellings_is_the_same(
    lock: dict[str, Any], site: Path, index: IndexServer
) -> None:
    lock["packages"]["lib"]["version"] = "2.0.0"
    assert drift(lock, site, index) == []
    lock["packages"]["lib"]["version"] = None  # nobody knows, which is told as such
    assert drift(lock, site, index) == [("lib", "schema")]


def test_something_is_installed_that_the_lock_lacks(
    lock: dict[str, Any], site: Path, index: IndexServer
) -> None:
    extra = [
        build_wheel(index.folder, name, "1.0") for name in ("extra", "pip", "setuptools", "wheel")
    ]
    installer_target(site, *extra)
    for problems in (verified(lock, path=site, index_urls=index.url), static(lock, path=site)):
        assert codes(problems) == [("extra", "drift")]
        assert "not in the lock" in only(problems, "drift").message


def test_something_of_the_lock_is_not_installed(
    lock: dict[str, Any], site: Path, index: IndexServer
) -> None:
    lock["packages"]["more"] = wheel_entry(index, build_wheel(index.folder, "more", "1.0"))
    for problems in (verified(lock, path=site, index_urls=index.url), static(lock, path=site)):
        assert codes(problems) == [("more", "drift")]
        assert "not installed" in only(problems, "drift").message


def test_a_distribution_need_not_be_installed(
    lock: dict[str, Any], site: Path, index: IndexServer
) -> None:
    wheel = build_wheel(site.parent / "cdn", "numpy", "1.0")
    (wheel.parent / "pyodide-lock.json").write_text(json.dumps(base_document(lock_entry(wheel))))
    with SiteServer({"/full/": wheel.parent}) as cdn:
        placed = lock_entry(wheel, f"{cdn.root}/full/{wheel.name}", imports=["numpy"])
        lock["packages"] |= {"numpy": placed, "relative": entry("relative")}
        assert drift(lock, site, index) == []
        # Offline only the base of the surroundings tells.
        assert codes(static(lock, path=site)) == [("numpy", "drift")]
        around = Surroundings(paths=(site,), base=base_lock(lock_entry(wheel)))
        assert codes(static(lock, surroundings=around)) == []
    released = "https://cdn.jsdelivr.net/pyodide/v314.0.7/full/"
    lock["packages"]["numpy"]["file_name"] = f"{released}{wheel.name}"
    assert codes(static(lock, path=site)) == []


def test_the_same_version_with_other_contents(
    lock: dict[str, Any], site: Path, index: IndexServer
) -> None:
    (site.parent / "own").mkdir()
    own = build_wheel(site.parent / "own", "lib", "2.0", files={"lib.py": "patched = True\n"})
    pip_target(site, str(own), flags=["--upgrade", "--no-deps"])
    index.reset()
    problems = verified(lock, path=site, index_urls=index.url)
    assert codes(problems) == [("lib", "content-mismatch")]
    assert "lib.py" in only(problems, "content-mismatch").message
    assert index.wheel_downloads == 0
    assert codes(static(lock, path=site)) == []


def test_edited_and_missing_files(lock: dict[str, Any], site: Path, index: IndexServer) -> None:
    (site / "demo.py").write_text("edited = True\n")
    (site / "lib.py").unlink()
    for problems in (verified(lock, path=site, index_urls=index.url), static(lock, path=site)):
        assert codes(problems) == [("demo", "files-changed"), ("lib", "files-changed")]
        assert "demo.py" in str(problems) and "lib.py" in str(problems)


def test_bytecode_in_the_place_of_a_source_is_how_pyodide_builds(
    lock: dict[str, Any], site: Path
) -> None:
    (site / "lib.py").rename(site / "lib.pyc")
    assert codes(static(lock, path=site)) == [("lib", "files-changed")]
    (site / "lib-2.0.dist-info" / "INSTALLER").write_text("pyodide.loadPackage")
    assert codes(static(lock, path=site)) == []


def test_files_that_were_added(lock: dict[str, Any], site: Path, index: IndexServer) -> None:
    record = site / "lib-2.0.dist-info" / "RECORD"
    record.write_text(record.read_text() + "added.py,,\n")
    (site / "added.py").write_text("")
    assert drift(lock, site, index) == [("lib", "files-changed")]


def test_a_record_without_hashes(lock: dict[str, Any], site: Path, index: IndexServer) -> None:
    lines = (site / "lib-2.0.dist-info" / "RECORD").read_text().splitlines()
    (row,) = [line for line in lines if line.startswith("lib.py,")]
    rewrite_record(site, "lib-2.0.dist-info", row, "lib.py,,")
    problems = verified(lock, path=site, index_urls=index.url)
    assert codes(problems) == [("lib", "weak-record")]
    assert "cannot be compared with the wheel of the lock" in only(problems, "weak-record").message
    assert definite(problems) == []
    assert drift(lock, site, index, deep=True) == []


def test_data_that_uv_puts_among_packages_as_modules(site: Path, index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0", data={"data/setup.py": "1\n"})
    lock = freeze_folder(
        pip_target(site, "demo", index_url=index.url), index_urls=index.url
    ).lockfile.to_dict()
    by_uv = uv_target(site.parent / "uv", "demo", index_url=index.url)
    problems = verified(lock, path=by_uv, index_urls=index.url)
    assert codes(problems) == [("demo", "layout")]
    assert "cannot be compared with the wheel of the lock" in only(problems, "layout").message


def test_broken_distributions(lock: dict[str, Any], site: Path, index: IndexServer) -> None:
    (site / "demo-1.0.dist-info" / "METADATA").write_bytes(b"\xff")
    (site / "old-1.0.egg-info").mkdir()
    (site / "lib-1.9.dist-info").mkdir()
    found = drift(lock, site, index)
    assert ("demo", "broken-metadata") in found
    assert ("old", "legacy-metadata") in found
    assert ("lib", "duplicate") in found


def test_what_is_wrong_with_the_lock_is_not_told_twice(
    lock: dict[str, Any], site: Path, index: IndexServer
) -> None:
    lock["packages"]["lib"]["sha256"] = ZEROS
    assert drift(lock, site, index) == [("lib", "hash-conflict")]
    lock["packages"]["lib"]["file_name"] = index.file_url("lib-2.0-py2-none-any.whl")
    found = drift(lock, site, index)
    assert found.count(("lib", "gone")) == 1 and ("lib", "content-mismatch") not in found


def test_silence_is_told_once(lock: dict[str, Any], site: Path, index: IndexServer) -> None:
    index.faults["/files/"] = Fault("reset")
    problems = verified(lock, path=site, index_urls=index.url)
    assert codes(problems) == [("pyodide", "unreachable")]
    assert "demo, lib" in only(problems, "unreachable").message


def test_a_lock_that_lies_leaves_no_false_facts(
    lock: dict[str, Any], site: Path, index: IndexServer
) -> None:
    # The lock says that another wheel has this sha256; were that believed, a later freeze would
    # compare with it.
    other = build_wheel(index.folder / "other", "lib", "2.0", files={"lib.py": "other = True\n"})
    index.faults["/files/lib-2.0-py3-none-any.whl"] = Fault("body", body=other.read_bytes())
    facts = facts_in(site.parent / "cache")
    try:
        found = codes(verified(lock, path=site, index_urls=[], facts=facts))
        assert ("lib", "content-mismatch") in found
        index.faults.clear()
        assert drift(lock, site, index, facts=facts) == []
    finally:
        facts.close()


def test_wheels_that_an_index_vouches_for_are_read_once(
    lock: dict[str, Any], site: Path, index: IndexServer
) -> None:
    facts = facts_in(site.parent / "cache")
    try:
        assert drift(lock, site, index, facts=facts) == []
        assert any(path.endswith(".whl") for path in index.paths())
        index.reset()
        assert drift(lock, site, index, facts=facts) == []
        assert not any(path.endswith(".whl") for path in index.paths())
    finally:
        facts.close()


def test_surroundings_are_compared_and_their_indexes_asked(
    lock: dict[str, Any], site: Path, index: IndexServer
) -> None:
    (site / "lib.py").unlink()
    around = Surroundings(paths=(site,), index_urls=(index.url,))
    assert codes(verified(lock, surroundings=around, index_urls=None)) == [("lib", "files-changed")]
    assert "/simple/demo/" in index.paths()


def test_folders_that_cannot_be_read(site: Path, index: IndexServer) -> None:
    with pytest.raises(InputError, match="does not exist"):
        static(lock_of(), path=[site])
    site.touch()
    with pytest.raises(InputError, match="does not exist"):
        static(lock_of(), path=site)


def test_a_folder_without_a_distribution_is_no_environment(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    with pytest.raises(InputError, match=r"^no \.dist-info in"):
        static(base_document(), path=tmp_path / "site")
    around = Surroundings(paths=(tmp_path / "site",))
    with pytest.raises(InputError, match=r"^no \.dist-info in"):
        static(base_document(), surroundings=around)
    assert static(base_document(), surroundings=Surroundings(paths=around.paths, loaded={})) == ()
