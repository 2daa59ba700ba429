"""resolve: what the lock says, what is never told, what it costs, and what is remembered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from micropip_lock import FetchError, Lockfile, MicropipLockError, ResolveResult
from micropip_lock.storage import facts_in

from ...support.freezing import NATIVE, base_lock, entry, freeze_folder, told
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target
from ...support.resolving import (
    BIG,
    asked_twice,
    codes,
    depends,
    no_solution,
    resolved,
    unlockable,
    versions,
    wheels,
)
from ...support.runtimes import lock_entry
from ...support.wheels import build_sdist, build_wheel, sha256

# -- what is written


def test_the_entries_are_those_that_freeze_writes(index: IndexServer, tmp_path: Path) -> None:
    made = [
        build_wheel(
            index.folder,
            "demo-app",
            "1.0",
            requires=["Plain_Module", "native>=1", "ns-one", "zoo; sys_platform == 'win32'"],
            extras={"more": ["announced"]},
            files={
                "demo_app/__init__.py": "",
                "demo_app/sub/x.py": "",
                "demo_app/data.txt": "",
                "extra_top.py": "",
            },
            data={
                "scripts/run": "#!python\n",
                "data/share/demo/x.txt": "x",
                "headers/demo.h": "//",
            },
            entry_points={"demo": "demo_app:main"},
        ),
        build_wheel(index.folder, "Plain.Module", "2.0"),
        build_wheel(
            index.folder,
            "native",
            "1.5",
            tag=NATIVE,
            build="3",
            files={
                "native/__init__.py": "",
                "native/fast.cpython-314-wasm32-emscripten.so": "x",
                "_speed.abi3.so": "",
            },
        ),
        build_wheel(
            index.folder, "ns-one", "1.0", requires=["ns-two"], files={"space/one/__init__.py": ""}
        ),
        build_wheel(
            index.folder, "ns-two", "1.0", files={"space/two.py": "", "space/deep/three.py": ""}
        ),
        build_wheel(
            index.folder,
            "announced",
            "1.0",
            requires=["cycle-a"],
            metadata_version="2.5",
            metadata_extra="Import-Name: told\nImport-Name: _hidden ; private",
            files={"told/__init__.py": "", "_hidden.py": "", "untold.py": ""},
        ),
        build_wheel(index.folder, "cycle-a", "1.0", requires=["cycle-b"]),
        build_wheel(index.folder, "cycle-b", "1.0", requires=["cycle-a"]),
    ]
    site = installer_target(tmp_path / "site", *made)
    base = base_lock(entry("unrelated"), tool={})
    asked = ("demo-app[more]",)
    locked = resolved(*asked, base=base, index_urls=index.url)
    frozen = freeze_folder(site, base=base, index_urls=index.url, requested=asked)
    assert locked.lockfile.packages == frozen.lockfile.packages
    assert locked.lockfile.packages["demo-app"].imports == ("demo_app", "extra_top")
    assert codes(locked) == told(frozen.warnings) == [("cycle-a", "cycle")]
    assert [item.package for item in locked.evidence] == [item.package for item in frozen.evidence]


def test_a_wheel_that_pyodide_unpacks_wrongly_cannot_be_locked(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", files={}, data={"purelib/demo.py": ""})
    assert told(unlockable("demo", index_urls=index.url)) == [("demo", "layout")]


def test_a_cycle_is_broken(index: IndexServer) -> None:
    wheels(index, "one", "1.0", requires=["two"])
    wheels(index, "two", "1.0", requires=["three"])
    wheels(index, "three", "1.0", requires=["one", "three"])
    wheels(index, "app", "1.0", requires=["two"])
    result = resolved("app", index_urls=index.url)
    assert depends(result) == {"app": ("two",), "one": (), "three": (), "two": ("one", "three")}
    assert codes(result) == [("two", "cycle")]


@pytest.mark.parametrize("with_tool", [True, False])
def test_tool_says_what_was_asked_for(with_tool: bool, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    wheels(index, "lib", "1.0")
    base = base_lock(tool={"other": 1}) if with_tool else base_lock()
    url = index.file_url(wheel.name).replace("//", "//user:hunter2@")
    result = resolved(
        f"demo @ {url}#sha256={sha256(wheel)}", "lib[x]>=1", base=base, index_urls=index.url
    )
    own = {
        "requested": [str(Requirement(f"demo @ {index.file_url(wheel.name)}")), "lib[x]>=1"],
        "indexes": [index.root],
        "proof": "metadata",
    }
    assert result.lockfile.extra == (
        {"tool": {"other": 1, "micropip-lock": own}} if with_tool else {}
    )


def test_the_url_of_the_page_is_written_not_that_of_a_redirect(
    index: IndexServer, other_index: IndexServer
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    other_index.add(wheel)
    index.core_metadata = "off"
    index.faults[f"/files/{wheel.name}"] = Fault(
        "redirect", location=other_index.file_url(wheel.name)
    )
    result = resolved("demo", index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name == index.file_url(wheel.name)


def test_the_result_can_be_written(index: IndexServer, tmp_path: Path) -> None:
    wheels(index, "demo", "1.0")
    result = resolved("demo", index_urls=index.url)
    result.write(tmp_path / "lock.json")
    assert (tmp_path / "lock.json").read_text() == result.to_json()
    assert Lockfile.read(tmp_path / "lock.json") == result.lockfile


# -- secrets


def test_no_credentials_anywhere(index: IndexServer, tmp_path: Path) -> None:
    wheels(index, "lib", "1.0", files=BIG)
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["lib"], files=BIG)
    index.auth = ("user", "hunter2")
    index.cache_control = "max-age=600"
    index.overrides["lib-1.0-py3-none-any.whl"] = {
        "provenance": "https://host.example/?token=hunter2"
    }
    direct = index.file_url(wheel.name).replace("//", "//user:hunter2@")
    arguments: dict[str, Any] = {"index_urls": index.url_with_password, "base": base_lock(tool={})}
    arguments |= {"fetching": {"cache_dir": tmp_path / "cache"}}
    said: list[object] = []
    for asked in (
        [f"demo @ {direct}", "lib==1.0"],
        [f"demo @ {direct}#sha256={sha256(wheel)}", "lib"],
    ):
        facts = facts_in(tmp_path / "cache")
        result = resolved(*asked, facts=facts, **arguments)
        facts.close()
        said += [result.to_json(), result]
    failing: list[tuple[list[str], dict[str, Fault]]] = [
        ([f"demo @ {direct}", f"demo @ {direct.replace('demo-1.0', 'demo-2.0')}"], {}),
        ([f"demo @ {direct}", "demo>2"], {}),
        ([f"demo @ {direct}#sha256={'0' * 64}"], {}),
        ([f"demo @ {direct}?token=hunter2"], {}),
        (["lib", "nothing-there"], {}),
        (["lib"], {"/simple/": Fault("status", status=403)}),
        (["lib"], {"/simple/": Fault("html")}),
        (["lib"], {"/files/": Fault("reset")}),
        (["lib"], {"/files/": Fault("body", body=b"no METADATA")}),
        ([f"demo @ {direct}"], {"/files/": Fault("status", status=401)}),
        ([f"demo @ {direct}"], {"/files/": Fault("body", body=b"no wheel")}),
    ]
    for asked, faults in failing:
        index.faults = faults
        with pytest.raises(MicropipLockError) as caught:
            resolved(*asked, index_urls=index.url_with_password)
        said += [str(caught.value), caught.value.__dict__]
    assert "hunter2" not in repr(said)
    for path in (tmp_path / "cache").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes(), path.name


def test_urls_that_need_their_query_are_refused(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    url = index.file_url(wheel.name)
    for query, fine in ((f"?sha256={sha256(wheel)}", True), ("?token=hunter2", False)):
        index.overrides[wheel.name] = {"url": url + query}
        if fine:
            assert resolved("demo", index_urls=index.url).lockfile.packages["demo"].file_name == url
        else:
            problems = unlockable("demo", index_urls=index.url)
            assert told(problems) == [("demo", "query-needed")]
            assert problems[0].url == url
    (problem,) = unlockable(f"demo @ {url}?token=hunter2")
    assert (problem.code, problem.url) == ("query-needed", url)
    assert "you give" in problem.message


# -- what it costs


def test_each_url_is_asked_for_once_and_no_wheel_is_downloaded(index: IndexServer) -> None:
    wheels(index, "app", "2.0", requires=["left", "right", "lib<2"], files=BIG)
    wheels(index, "app", "1.0", requires=["left", "right"], files=BIG)
    wheels(index, "left", "1.0", requires=["bottom>=1", "lib"], files=BIG)
    wheels(
        index, "right", "1.0", requires=["bottom<3", "lib>=2"], extras={"x": ["bottom"]}, files=BIG
    )
    wheels(index, "bottom", "4.0", "3.0", "2.0", "1.0", requires=["lib"], files=BIG)
    wheels(index, "lib", "2.0", "1.0", files=BIG)
    result = resolved("app", "right[x]", index_urls=index.url)
    assert versions(result) == {
        "app": "1.0",
        "left": "1.0",
        "right": "1.0",
        "bottom": "2.0",
        "lib": "2.0",
    }
    assert asked_twice(index) == []
    assert index.wheel_downloads == 0
    assert (result.requests, result.bytes) == (len(index.requests), index.bytes)
    assert result.totals["wheel_bytes"] == sum(item.size or 0 for item in result.evidence) > 300_000


@pytest.mark.parametrize(
    "options",
    [
        {"core_metadata": "off"},
        {"core_metadata": "off", "size": False},
        {"core_metadata": "off", "size": False, "ranges": "no-suffix"},
        {"core_metadata": "true"},
        {"json": False},
        {"json": False, "core_metadata": "off"},
        {"relative": True, "gzip": False},
    ],
    ids=str,
)
def test_indexes_rich_and_poor_give_the_same_lock(
    options: dict[str, Any], index: IndexServer
) -> None:
    wheels(index, "demo", "1.0", requires=["lib"], files=BIG)
    wheels(index, "lib", "1.0", files={"lib/__init__.py": "", "lib/data.bin": os.urandom(40_000)})
    expected = resolved("demo", index_urls=index.url).to_json()
    for name, value in options.items():
        setattr(index, name, value)
    index.reset()
    assert resolved("demo", index_urls=index.url).to_json() == expected
    assert index.wheel_downloads == 0
    assert asked_twice(index) == []


def test_a_missing_sidecar_is_made_up_for_by_ranges(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    wheels(index, "lib", "1.0")
    index.faults["/files/demo-1.0-py3-none-any.whl.metadata"] = Fault("status", status=404)
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0", "lib": "1.0"}


@pytest.mark.parametrize("core_metadata", ["hash", "off"])
def test_servers_without_ranges(core_metadata: str, index: IndexServer) -> None:
    wheels(index, "one", "1.0", files=BIG)
    wheels(index, "two", "1.0", files=BIG)
    index.ranges, index.core_metadata = "no", core_metadata
    problems = unlockable("one", "two", index_urls=index.url)
    # With sidecars the whole set is known before anything is missed, and all of it is told.
    expected = [("one", "no-ranges"), ("two", "no-ranges")]
    assert told(problems) == (expected if core_metadata == "hash" else expected[:1])


def test_small_wheels_need_no_ranges(index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    index.ranges, index.core_metadata = "no", "off"
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0"}


def test_an_index_without_hashes(index: IndexServer) -> None:
    wheels(index, "one", "1.0", requires=["two"])
    wheels(index, "two", "1.0")
    index.hashes = "none"
    assert told(unlockable("one", index_urls=index.url)) == [
        ("one", "hash-missing"),
        ("two", "hash-missing"),
    ]
    index.hashes = "md5"
    assert told(unlockable("two", index_urls=index.url)) == [("two", "hash-missing")]


@pytest.mark.parametrize("asked", [["demo", "lib==1.0"], ["demo==1.0", "lib==1.0"]], ids=str)
def test_hashes_may_be_required(asked: list[str], index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    lib = build_wheel(index.folder, "lib", "1.0")
    with_hash = [asked[0], f"{asked[1]} --hash=sha256:{sha256(lib)}"]
    problems = unlockable(*with_hash, index_urls=index.url, require_hashes=True)
    assert told(problems) == [("demo", "hash-missing")]
    assert versions(resolved("lib", base=base_lock(entry("lib")), require_hashes=True)) == {
        "lib": "1.0"
    }


def test_progress_is_told(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    wheels(index, "lib", "1.0")
    steps: list[tuple[int, int, str]] = []
    resolved("demo", index_urls=index.url, progress=lambda *step: steps.append(step))
    assert [(done, name) for done, _, name in steps] == [(1, "demo"), (2, "lib")]
    assert all(done <= total for done, total, _ in steps)


# -- what is remembered, and offline


def test_offline_asks_nobody(index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    assert versions(
        resolved("lib", base=base_lock(entry("lib")), index_urls=index.url, offline=True)
    ) == {"lib": "1.0"}
    with pytest.raises(FetchError, match="offline"):
        resolved("demo", index_urls=index.url, offline=True)
    assert index.requests == []


def test_what_is_pinned_and_known_needs_no_request(index: IndexServer, tmp_path: Path) -> None:
    wheels(index, "demo", "2.0", "1.0", requires=["lib"], files=BIG)
    wheels(index, "lib", "1.0", "1.0+web")

    def again(*asked: str, **options: Any) -> ResolveResult:
        index.reset()
        facts = facts_in(tmp_path)
        try:
            return resolved(*asked, index_urls=index.url, facts=facts, **options)
        finally:
            facts.close()

    first = again("demo==1.0", "lib==1.0")
    assert versions(first) == {"demo": "1.0", "lib": "1.0+web"}
    for offline in (False, True):
        second = again("demo==1.0", "lib==1.0", offline=offline)
        assert second.to_json() == first.to_json()
        assert (index.requests, second.requests) == ([], 0)
    assert [item.url for item in second.evidence] == [item.url for item in first.evidence]
    # A version that is not pinned may have a successor.
    assert again("demo==1.0", "lib").requests == 1
    assert index.paths() == ["/simple/lib/"]
    index.yanked["demo==1.0"] = True
    assert codes(again("demo==1.0", "lib==1.0", refresh=True)) == [("demo", "yanked")]
    assert index.paths() == ["/simple/demo/", "/simple/lib/"] or index.paths() == [
        "/simple/lib/",
        "/simple/demo/",
    ]


def test_what_was_remembered_is_asked_again_before_there_is_no_solution(
    index: IndexServer, tmp_path: Path
) -> None:
    facts = facts_in(tmp_path)
    build_sdist(index.folder, "demo", "1.0")
    no_solution("demo==1.0", index_urls=index.url, facts=facts)
    wheels(index, "demo", "1.0")
    assert versions(resolved("demo==1.0", index_urls=index.url, facts=facts)) == {"demo": "1.0"}
    facts.close()


def test_pages_with_queries_are_not_remembered(index: IndexServer, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    index.overrides[wheel.name] = {"url": f"{index.file_url(wheel.name)}?sha256={sha256(wheel)}"}
    for _ in range(2):
        index.reset()
        facts = facts_in(tmp_path)
        resolved("demo==1.0", index_urls=index.url, facts=facts)
        facts.close()
    assert "/simple/demo/" in index.paths()


def test_nothing_is_remembered_of_a_base_wheel_without_hash(tmp_path: Path) -> None:
    based = build_wheel(tmp_path / "base", "demo", "1.0", extras={"x": []})
    base = base_lock({**lock_entry(based), "sha256": None})
    facts = facts_in(tmp_path / "cache")
    resolved("demo[x]", base=base, base_dir=based.parent, facts=facts)
    facts.close()
    assert not (tmp_path / "cache").exists()
