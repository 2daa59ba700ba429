"""What a freeze writes: canonical, complete, the same every time, and nothing secret."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import FreezeResult, InputError, Lockfile, UnlockableError

from ...support.freezing import (
    INFO,
    base_document,
    base_lock,
    entry,
    freeze_folder,
    quick_fetcher,
    told,
)
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target, pip_target
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel, sha256

ENTRY_KEYS = {
    "name",
    "version",
    "file_name",
    "install_dir",
    "sha256",
    "package_type",
    "imports",
    "depends",
    "unvendored_tests",
}


@pytest.fixture
def installed(index: IndexServer, site: Path) -> Path:
    """Some packages that depend on each other."""
    installer_target(
        site,
        build_wheel(
            index.folder,
            "My.App",
            "1.0",
            requires=["z_lib", "A-Lib[extra]"],
            extras={"x": ["z-lib"]},
        ),
        build_wheel(index.folder, "z-lib", "2.0", files={"zlib_x/__init__.py": "", "ns/z.py": ""}),
        build_wheel(
            index.folder, "a.lib", "3.0", extras={"extra": ["z-lib"]}, files={"ns/a.py": ""}
        ),
    )
    return site


def test_entries_are_complete_and_canonical(installed: Path, index: IndexServer) -> None:
    document = json.loads(freeze_folder(installed, index_urls=index.url).to_json())
    assert document.keys() == {"info", "packages"}
    assert document["info"] == INFO
    assert list(document["packages"]) == ["a-lib", "my-app", "z-lib"]
    for package in document["packages"].values():
        assert package.keys() == ENTRY_KEYS
    app = document["packages"]["my-app"]
    assert app == {
        "name": "My.App",
        "version": "1.0",
        "file_name": index.file_url("my_app-1.0-py3-none-any.whl"),
        "install_dir": "site",
        "sha256": sha256(index.folder / "my_app-1.0-py3-none-any.whl"),
        "package_type": "package",
        "imports": ["my_app"],
        "depends": ["a-lib", "z-lib"],
        "unvendored_tests": False,
    }
    assert document["packages"]["a-lib"]["imports"] == ["ns", "ns.a"]
    assert document["packages"]["z-lib"]["imports"] == ["ns.z", "zlib_x"]


def test_the_text_is_canonical_json(installed: Path, index: IndexServer) -> None:
    result = freeze_folder(installed, index_urls=index.url)
    document = json.loads(result.to_json())
    assert (
        result.to_json()
        == json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    )
    compact = result.to_json(compact=True)
    assert json.loads(compact) == document
    assert compact.count("\n") == 1
    assert Lockfile.from_json(result.to_json()) == result.lockfile


def test_the_same_environment_gives_the_same_bytes(
    installed: Path, index: IndexServer, tmp_path: Path
) -> None:
    first = freeze_folder(installed, index_urls=index.url)
    for jobs in (1, 2, 24):
        again = freeze_folder(installed, index_urls=index.url, fetching={"jobs": jobs})
        assert again.to_json() == first.to_json()
        assert again.warnings == first.warnings
        assert [item.package for item in again.evidence] == [
            item.package for item in first.evidence
        ]
    shuffled = installer_target(
        tmp_path / "again", *sorted(index.folder.glob("*.whl"), reverse=True)
    )
    assert freeze_folder(shuffled, index_urls=index.url).to_json() == first.to_json()


def test_freezing_from_a_frozen_lock_changes_nothing(installed: Path, index: IndexServer) -> None:
    first = freeze_folder(installed, index_urls=index.url)
    again = freeze_folder(installed, base=first.lockfile)
    assert again.to_json() == first.to_json()
    assert {item.claim for item in again.evidence} == {"base"}


# -- secrets


def test_no_secret_is_written_or_said(site: Path, index: IndexServer, tmp_path: Path) -> None:
    index.auth = ("user", "hunter2")
    by_index = build_wheel(index.folder, "by-index", "1.0")
    by_url = build_wheel(index.folder, "by-url", "1.0")
    build_wheel(index.folder, "broken", "1.0", files={"x.py": "1"})
    installer_target(site, by_index, by_url)
    url = index.file_url(by_url.name)
    (site / "by_url-1.0.dist-info" / "direct_url.json").write_text(
        json.dumps(
            {
                "url": url.replace("//", "//user:hunter2@") + "?token=hunter3#frag",
                "archive_info": {},
            }
        )
    )
    result = freeze_folder(site, index_urls=index.url_with_password)
    assert result.lockfile.packages["by-url"].file_name == url
    said = [result.to_json(), str(result), *(str(item.to_json()) for item in result.evidence)]
    installer_target(tmp_path / "b", build_wheel(tmp_path, "broken", "1.0"))
    (site / "by_url-1.0.dist-info" / "direct_url.json").write_text(
        json.dumps(
            {
                "url": url.replace("//", "//user:hunter2@").replace("by_url", "gone")
                + "?token=hunter3"
            }
            | ARCHIVE
        )
    )
    with pytest.raises(UnlockableError) as caught:
        freeze_folder([tmp_path / "b", site], index_urls=index.url_with_password)
    assert {item.code for item in caught.value.problems} == {"content-mismatch", "query-needed"}
    said += [str(caught.value), *(str(problem.to_json()) for problem in caught.value.problems)]
    assert "hunter" not in "".join(said)
    for text in re.findall(r"https?://[^\s\"',)]+", "".join(said)):
        assert not set("?#@") & set(text)


ARCHIVE: dict[str, Any] = {"archive_info": {"hashes": {"sha256": "0" * 64}}}


def test_a_fragment_of_the_page_is_not_written(index: IndexServer, site: Path) -> None:
    index.json = False
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))
    assert "#" not in freeze_folder(site, index_urls=index.url).to_json()


def test_a_query_of_the_page_is_dropped_when_the_bare_url_proves_by_download(
    index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    index.overrides[wheel.name] = {"url": index.file_url(wheel.name) + "?token=hunter2"}
    installer_target(site, wheel)
    with pytest.raises(UnlockableError) as caught:
        freeze_folder(site, index_urls=index.url)
    assert [problem.code for problem in caught.value.problems] == ["query-needed"]
    result = freeze_folder(site, index_urls=index.url, download=True)
    assert result.lockfile.packages["demo"].file_name == index.file_url(wheel.name)


def test_a_query_of_the_page_that_is_needed_is_told(index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    index.overrides[wheel.name] = {"url": index.file_url(wheel.name) + "?token=hunter2"}
    index.faults["/files/"] = Fault("status", status=403)
    installer_target(site, wheel)
    with pytest.raises(UnlockableError) as caught:
        freeze_folder(site, index_urls=index.url)
    assert [problem.code for problem in caught.value.problems] == ["query-needed"]


# -- the base's keys


def test_tool_is_written_only_when_the_base_has_it(index: IndexServer, site: Path) -> None:
    build_wheel(index.folder, "demo", "1.0", extras={"more": []})
    pip_target(site, "demo", index_url=index.url)
    assert "tool" not in json.loads(freeze_folder(site, index_urls=index.url).to_json())
    base = base_lock(tool={"other": {"x": 1}})
    result = freeze_folder(
        site, base=base, index_urls=index.url, requested=["demo[more]"], proof="metadata"
    )
    tool = json.loads(result.to_json())["tool"]
    assert tool == {
        "other": {"x": 1},
        "micropip-lock": {
            "requested": ["demo", "demo[more]"],
            "indexes": [index.root],
            "proof": "metadata",
        },
    }


def test_tool_has_the_scheme_of_an_index_in_lower_case(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))
    url = index.url.replace("http://", "HTTP://")
    result = freeze_folder(site, base=base_lock(tool={}), index_urls=url)
    assert result.lockfile.extra["tool"]["micropip-lock"]["indexes"] == [index.root]


def test_tool_holds_no_secret_and_no_path(index: IndexServer, site: Path) -> None:
    index.auth = ("user", "hunter2")
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))
    text = freeze_folder(
        site, base=base_lock(tool={}), index_urls=index.url_with_password
    ).to_json()
    assert "hunter2" not in text
    assert json.loads(text)["tool"]["micropip-lock"]["indexes"] == [index.root]


def test_unknown_keys_of_the_base_are_kept(index: IndexServer, site: Path, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "dist", "based", "1.0")
    installer_target(site, wheel)
    document = base_document({**lock_entry(wheel), "novel": [1]}, future={"a": 1}, version=2)
    document["info"] = {**INFO, "build": "x"}
    base = Lockfile.from_json(document)
    written = json.loads(freeze_folder(site, base=base, base_dir=tmp_path / "dist").to_json())
    assert (written["future"], written["version"], written["info"]["build"]) == ({"a": 1}, 2, "x")
    assert written["packages"]["based"]["novel"] == [1]


@pytest.mark.parametrize(
    "info",
    [
        {
            "python": "3.12.7",
            "platform": "emscripten_3_1_58",
            "arch": "wasm32",
            "version": "0.27.7",
            "abi_version": "2024_0",
        },
        {
            "python": "3.13.2",
            "platform": "emscripten_4_0_9",
            "arch": "wasm32",
            "abi_version": "2025_0",
        },
        {
            "python": "3.12.1",
            "platform": "emscripten_3_1_46",
            "arch": "wasm32",
            "version": "0.26.0",
        },
    ],
)
def test_info_is_the_bases(info: dict[str, str], index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))
    base = Lockfile.from_json({"info": info, "packages": {}})
    assert (
        json.loads(freeze_folder(site, base=base, index_urls=index.url).to_json())["info"] == info
    )


# -- what is left out


def test_tools_are_left_out(index: IndexServer, site: Path) -> None:
    tools = [
        build_wheel(index.folder, name, "1.0")
        for name in ("pip", "setuptools", "wheel", "micropip-lock")
    ]
    installer_target(site, build_wheel(index.folder, "demo", "1.0"), *tools)
    index.reset()
    result = freeze_folder(site, index_urls=index.url)
    assert set(result.lockfile.packages) == {"demo"}
    assert [item[0] for item in result.left_out] == ["micropip-lock", "pip", "setuptools", "wheel"]
    assert all(version == "1.0" and reason for _, version, reason in result.left_out)
    assert not any("/simple/pip/" in path for path in index.paths())


def test_a_tool_that_something_needs_is_kept_with_what_it_needs(
    index: IndexServer, site: Path
) -> None:
    installer_target(
        site,
        build_wheel(index.folder, "demo", "1.0", requires=["setuptools"]),
        build_wheel(index.folder, "setuptools", "1.0", requires=["wheel"]),
        build_wheel(index.folder, "wheel", "1.0"),
        build_wheel(index.folder, "pip", "1.0", requires=["absent"]),
    )
    result = freeze_folder(site, index_urls=index.url)
    assert set(result.lockfile.packages) == {"demo", "setuptools", "wheel"}
    assert [item[0] for item in result.left_out] == ["pip"]
    assert told(result.warnings) == []


def test_a_tool_that_the_base_needs_is_kept(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "setuptools", "9.0"))
    base = base_lock(entry("demo", depends=["setuptools"]))
    result = freeze_folder(site, base=base, index_urls=index.url, include="distribution")
    assert result.lockfile.packages["setuptools"].version == "9.0"


def test_broken_tools_are_left_out_too(site: Path) -> None:
    (site / "pip-1.0.dist-info").mkdir(parents=True)
    assert freeze_folder(site).lockfile.packages == {}


# -- files


def test_writing_replaces_a_file_whole(installed: Path, index: IndexServer, tmp_path: Path) -> None:
    result = freeze_folder(installed, index_urls=index.url)
    path = tmp_path / "out" / "pyodide-lock.json"
    with pytest.raises(InputError, match="Cannot write"):
        result.write(path)
    path.parent.mkdir()
    path.write_text("old")
    result.write(path)
    assert path.read_bytes() == result.to_json().encode()
    result.write(path, compact=True)
    assert path.read_text() == result.to_json(compact=True)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_totals_count_what_was_asked(installed: Path, index: IndexServer) -> None:
    index.reset()
    result = freeze_folder(installed, index_urls=index.url)
    assert result.totals == {
        "packages": 3,
        "requests": len(index.requests),
        "bytes": index.bytes,
        "wheel_bytes": sum(wheel.stat().st_size for wheel in index.folder.glob("*.whl")),
    }
    # Finding out whether the index has release documents takes a page and a request; no package is
    # charged with it.
    assert sum(item.requests for item in result.evidence) == len(index.requests) - 2


def test_nothing_is_asked_for_what_a_live_micropip_installed(
    site: Path, index: IndexServer
) -> None:
    from micropip_lock.environment import Surroundings

    for number in range(100):
        wheel = build_wheel(index.folder, f"demo{number}", "1.0")
        installer_target(site, wheel)
        info = site / f"demo{number}-1.0.dist-info"
        (info / "INSTALLER").write_text("micropip")
        (info / "PYODIDE_URL").write_text(f"https://files.example/{wheel.name}")
        (info / "PYODIDE_SHA256").write_text(sha256(wheel))
    loaded = {f"demo{number}": "pypi" for number in range(100)}
    around = Surroundings(
        paths=(site,), base=base_lock(), index_urls=(index.url,), loaded=loaded, loaded_into=site
    )

    async def main() -> FreezeResult:
        from micropip_lock import freeze

        fetcher = quick_fetcher()
        try:
            return await freeze(surroundings=around, fetcher=fetcher)
        finally:
            await fetcher.aclose()

    result = asyncio.run(main())
    assert len(result.lockfile.packages) == 100
    assert {(item.claim, item.proof) for item in result.evidence} == {("micropip", "installer")}
    assert (result.requests, result.warnings, index.requests) == (0, (), [])
