"""Rules 4 and 5 of the evidence:

what an index proves, what it costs, and which of several wheels wins.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from micropip_lock.environment import Surroundings

from ...support.freezing import NATIVE, base_lock, freeze_folder, problems_of, proofs, told
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target, pip_target, uv_target
from ...support.wheels import build_wheel, forged, repack, sha256

BIG: dict[str, bytes | str] = {"big.py": "x = 1\n", "big.dat": os.urandom(60_000)}

Install = Callable[..., Path]


# -- rule 4: an index and the contents


@pytest.mark.parametrize("install", [pip_target, uv_target])
def test_content_is_proved_without_downloading_a_wheel(
    install: Install, index: IndexServer, site: Path
) -> None:
    build_wheel(index.folder, "app", "1.0", requires=["big"], entry_points={"app": "app:main"})
    wheel = build_wheel(index.folder, "big", "2.0", files=BIG)
    install(site, "app", index_url=index.url)
    index.reset()
    result = freeze_folder(site, index_urls=index.url)
    assert proofs(result) == {"app": ("index", "content"), "big": ("index", "content")}
    evidence = result.evidence[1]
    assert (evidence.url, evidence.sha256) == (index.file_url(wheel.name), sha256(wheel))
    assert (evidence.size, evidence.index) == (wheel.stat().st_size, index.url)
    assert evidence.requests == 2
    assert 0 < evidence.bytes < wheel.stat().st_size
    assert index.wheel_downloads == 0
    assert result.requests == len(index.requests)
    assert result.bytes == index.bytes
    assert result.totals["wheel_bytes"] > result.bytes


def test_what_installer_leaves_is_proved_by_content(index: IndexServer, site: Path) -> None:
    wheel = build_wheel(
        index.folder,
        "app",
        "1.0",
        files={"app/__init__.py": "", "app/data.txt": "data"},
        data={
            "scripts/run": "#!python\n",
            "purelib/more.py": "",
            "data/share/app/x.txt": "x",
            "headers/app.h": "//",
        },
        entry_points={"app": "app:main"},
    )
    installer_target(site, wheel)
    assert proofs(freeze_folder(site, index_urls=index.url)) == {"app": ("index", "content")}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"json": False},
        {"json": False, "core_metadata": "off"},
        {"html": False},
        {"core_metadata": "true"},
        {"core_metadata": "off"},
        {"relative": True},
        {"relative": True, "json": False},
        {"size": False},
        {"gzip": False},
        {"ranges": "no-suffix"},
        {"ranges": "no-suffix", "size": False},
        {"ranges": "no-suffix", "json": False},
    ],
    ids=str,
)
def test_indexes_rich_and_poor(options: dict[str, Any], index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "big", "1.0", files=BIG)
    installer_target(site, wheel)
    for name, value in options.items():
        setattr(index, name, value)
    result = freeze_folder(site, index_urls=index.url)
    assert proofs(result) == {"big": ("index", "content")}
    assert result.lockfile.packages["big"].file_name == index.file_url(wheel.name)
    assert result.lockfile.packages["big"].sha256 == sha256(wheel)
    assert index.wheel_downloads == 0


def test_pages_come_compressed(index: IndexServer, site: Path) -> None:
    for minor in range(40):
        installed = build_wheel(index.folder, "demo", f"1.{minor}")
    installer_target(site, installed)
    freeze_folder(site, index_urls=index.url)
    (page,) = [request for request in index.requests if request.path == "/simple/demo/"]
    assert "gzip" in page.headers["accept-encoding"]
    index.gzip = False
    index.reset()
    freeze_folder(site, index_urls=index.url)
    (plain,) = [request for request in index.requests if request.path == "/simple/demo/"]
    assert page.bytes < plain.bytes / 2


def test_the_files_of_an_index_may_lie_on_another_host(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    other_index.add(wheel)
    index.files_root = other_index.root
    installer_target(site, wheel)
    result = freeze_folder(site, index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name.startswith(other_index.root)
    assert result.evidence[0].index == index.url


def test_a_redirect_of_a_file_is_followed_and_not_written(index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    moved = build_wheel(index.folder / "else", "demo", "1.0")
    index.add(moved.rename(index.folder / "moved-1.0-py3-none-any.whl"))
    index.faults[f"/files/{wheel.name}"] = Fault(
        "redirect", location=index.file_url("moved-1.0-py3-none-any.whl")
    )
    installer_target(site, wheel)
    result = freeze_folder(site, index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name == index.file_url(wheel.name)


def test_a_redirected_page_has_links_relative_to_its_own_place(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(other_index.folder, "demo", "1.0")
    other_index.relative = True
    index.faults["/simple/demo/"] = Fault("redirect", location=f"{other_index.url}/demo/")
    installer_target(site, wheel)
    result = freeze_folder(site, index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name == other_index.file_url(wheel.name)


def test_a_wheel_that_fits_in_the_first_answer_needs_no_ranges(
    index: IndexServer, site: Path
) -> None:
    installer_target(site, build_wheel(index.folder, "small", "1.0"))
    index.ranges = "ignored"
    assert proofs(freeze_folder(site, index_urls=index.url)) == {"small": ("index", "content")}


def test_content_chooses_among_wheels_of_one_version(index: IndexServer, site: Path) -> None:
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "pure = True"})
    build_wheel(index.folder, "demo", "1.0", build="2", files={"demo.py": "build = 2"})
    native = build_wheel(index.folder, "demo", "1.0", tag=NATIVE, files={"demo.so": "native"})
    build_wheel(
        index.folder,
        "demo",
        "1.0",
        tag="cp314-cp314-manylinux_2_17_x86_64",
        files={"demo.so": "other"},
    )
    installer_target(site, native)
    result = freeze_folder(site, index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name == index.file_url(native.name)


def test_tags_order_the_candidates_and_exclude_none(index: IndexServer, site: Path) -> None:
    # The same wheel, retagged in its name only: contents decide.
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    renamed = wheel.rename(wheel.with_name("demo-1.0-3-py2.py3-none-any.whl"))
    result = freeze_folder(site, index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name == index.file_url(renamed.name)


def test_a_wheel_with_weaker_tags_is_looked_at_although_a_better_one_is_there(
    index: IndexServer, site: Path
) -> None:
    pure = build_wheel(index.folder, "demo", "1.0")
    build_wheel(index.folder, "demo", "1.0", tag=NATIVE)
    installer_target(site, pure)
    result = freeze_folder(site, index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name == index.file_url(pure.name)


def test_one_wheel_on_two_indexes_is_written_with_the_url_of_the_first(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    other_index.add(wheel)
    installer_target(site, wheel)
    for first, second in ((index, other_index), (other_index, index)):
        result = freeze_folder(site, index_urls=[first.url, second.url])
        assert result.lockfile.packages["demo"].file_name == first.file_url(wheel.name)
        assert result.evidence[0].index == first.url


def test_every_index_is_searched(index: IndexServer, other_index: IndexServer, site: Path) -> None:
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "impostor = True"})
    wheel = build_wheel(other_index.folder, "demo", "1.0", files={"demo.py": "genuine = True"})
    installer_target(site, wheel)
    result = freeze_folder(site, index_urls=[index.url, other_index.url])
    assert result.lockfile.packages["demo"].file_name == other_index.file_url(wheel.name)


def test_an_index_without_hashes_gets_one_from_another_that_has_the_same_wheel(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    other_index.add(wheel)
    other_index.hashes = "none"
    installer_target(site, wheel)
    for urls in ([index.url, other_index.url], [other_index.url, index.url]):
        result = freeze_folder(site, index_urls=urls)
        package = result.lockfile.packages["demo"]
        assert (package.file_name, package.sha256) == (index.file_url(wheel.name), sha256(wheel))


# -- INDEX, find-links


def write_index_file(site: Path, url: str) -> None:
    (site / "demo-1.0.dist-info" / "INDEX").write_text(url + "\n")


@pytest.mark.parametrize("named", [0, 1])
def test_an_index_file_decides_between_configured_indexes(
    named: int, index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    other_index.add(wheel)
    installer_target(site, wheel)
    servers = [index, other_index]
    write_index_file(site, servers[named].url + "/")
    result = freeze_folder(site, index_urls=[index.url, other_index.url])
    assert result.lockfile.packages["demo"].file_name == servers[named].file_url(wheel.name)


def test_an_index_that_only_an_index_file_names_is_asked_when_that_is_trusted(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(other_index.folder, "demo", "1.0")
    installer_target(site, wheel)
    write_index_file(site, other_index.url)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "no-such-project")]
    assert other_index.requests == []
    result = freeze_folder(site, index_urls=index.url, trust_index_file=True)
    assert result.lockfile.packages["demo"].file_name == other_index.file_url(wheel.name)


def around(
    site: Path, *, links: tuple[str, ...] = (), urls: tuple[str, ...] = (), **more: Any
) -> Surroundings:
    return Surroundings(paths=(site,), base=base_lock(), index_urls=urls, find_links=links, **more)


def test_find_links_pages_are_read_like_an_index(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    links = f"{index.url}/demo/"
    for urls in ((), (other_index.url,)):
        result = freeze_folder(
            None, index_urls=None, surroundings=around(site, links=(links,), urls=urls)
        )
        assert result.lockfile.packages["demo"].file_name == index.file_url(wheel.name)


def test_a_find_links_entry_may_be_a_wheel_itself(index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    links = (index.file_url(wheel.name),)
    problems = problems_of(None, index_urls=None, surroundings=around(site, links=links))
    assert told(problems) == [("demo", "hash-missing")]
    result = freeze_folder(
        None, index_urls=None, surroundings=around(site, links=links), download=True
    )
    assert result.lockfile.packages["demo"].sha256 == sha256(wheel)
    assert proofs(result) == {"demo": ("index", "download")}


def test_a_wheel_only_in_a_find_links_folder_is_a_local_file(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
    wheel = build_wheel(tmp_path / "links", "demo", "1.0")
    build_wheel(index.folder, "other", "1.0")
    installer_target(site, wheel)
    surroundings = around(site, links=((tmp_path / "links").as_uri(),), urls=(index.url,))
    assert told(problems_of(None, index_urls=None, surroundings=surroundings)) == [
        ("demo", "local-file")
    ]


def test_a_wheel_in_a_find_links_folder_and_on_an_index_is_the_indexes(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    surroundings = around(site, links=(index.folder.as_uri(),), urls=(index.url,))
    for hashes, download in (("sha256", False), ("sha256", True), ("none", True)):
        index.hashes = hashes
        result = freeze_folder(None, index_urls=None, surroundings=surroundings, download=download)
        assert result.lockfile.packages["demo"].file_name == index.file_url(wheel.name)
    assert told(problems_of(None, index_urls=None, surroundings=surroundings)) == [
        ("demo", "hash-missing")
    ]


def test_find_links_do_not_hide_that_no_index_has_the_project(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
    build_wheel(tmp_path / "links", "other", "1.0")
    installer_target(site, build_wheel(tmp_path, "demo", "1.0"))
    surroundings = around(site, links=((tmp_path / "links").as_uri(),), urls=(index.url,))
    assert told(problems_of(None, index_urls=None, surroundings=surroundings)) == [
        ("demo", "no-such-project")
    ]


# -- rule 5: metadata


def test_metadata_takes_the_word_of_the_index(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "big", "1.0", files=BIG))
    index.ranges = "no"
    result = freeze_folder(site, index_urls=index.url, proof="metadata")
    assert proofs(result) == {"big": ("index", "metadata")}
    assert len(index.requests) == 1


def test_metadata_proof_falls_back_on_contents(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))
    index.core_metadata = "off"
    result = freeze_folder(site, index_urls=index.url, proof="metadata")
    assert proofs(result) == {"demo": ("index", "content")}


def test_metadata_proof_wants_equal_tags_and_build(index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files={"demo.py": "pure = 1"})
    build_wheel(index.folder, "demo", "1.0", tag=NATIVE, files={"demo.so": "native"})
    build_wheel(index.folder, "demo", "1.0", build="1", files={"demo.py": "build = 1"})
    installer_target(site, wheel)
    result = freeze_folder(site, index_urls=index.url, proof="metadata")
    assert result.lockfile.packages["demo"].file_name == index.file_url(wheel.name)
    assert proofs(result) == {"demo": ("index", "metadata")}


# -- download


@pytest.mark.parametrize("ranges", ["no", "ignored"])
def test_download_decides_where_there_are_no_ranges(
    ranges: str, index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "big", "1.0", files=BIG)
    installer_target(site, wheel)
    index.ranges = ranges
    result = freeze_folder(site, index_urls=index.url, download=True)
    assert proofs(result) == {"big": ("index", "download")}
    assert result.evidence[0].bytes >= wheel.stat().st_size


def test_download_is_not_used_where_ranges_decide(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "big", "1.0", files=BIG))
    result = freeze_folder(site, index_urls=index.url, download=True)
    assert proofs(result) == {"big": ("index", "content")}
    assert index.wheel_downloads == 0


def test_download_finds_a_wheel_that_is_not_what_the_index_promises(
    index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "big", "1.0", files=BIG)
    installer_target(site, wheel)
    index.ranges = "no"
    index.overrides[wheel.name] = {"hashes": {"sha256": "0" * 64}}
    (problem,) = problems_of(site, index_urls=index.url, download=True)
    assert problem.code == "hash-conflict"
    assert sha256(wheel) in problem.message


def test_download_compares_what_a_weak_record_cannot(index: IndexServer, site: Path) -> None:
    weak = build_wheel(
        index.folder, "demo", "1.0", record=lambda rows: [(path, "", "") for path, _, _ in rows]
    )
    uv_target(site, "demo", index_url=index.url)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "weak-record")]
    result = freeze_folder(site, index_urls=index.url, download=True)
    assert proofs(result) == {"demo": ("index", "download")}
    assert result.lockfile.packages["demo"].sha256 == sha256(weak)
    (site / "demo.py").write_text("edited = True\n")
    assert told(problems_of(site, index_urls=index.url, download=True)) == [
        ("demo", "content-mismatch")
    ]


def test_download_chooses_the_first_of_several_equal_wheels(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    again = repack(wheel, other_index.folder)
    installer_target(site, wheel)
    for servers, chosen in (((index, other_index), wheel), ((other_index, index), again)):
        result = freeze_folder(site, index_urls=[server.url for server in servers], download=True)
        assert result.lockfile.packages["demo"].sha256 == sha256(chosen)
        assert result.lockfile.packages["demo"].file_name == servers[0].file_url(chosen.name)


def test_download_drops_a_wheel_that_contradicts_its_own_record(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    genuine = build_wheel(other_index.folder, "demo", "1.0", files={"demo.py": "x = 1\n"})
    # The bytes differ, the RECORD and the sizes are those of the genuine one.
    forged(index.folder, "x = 2\n", says="x = 1\n")
    installer_target(site, genuine)
    urls = [index.url, other_index.url]
    assert told(problems_of(site, index_urls=urls)) == [("demo", "ambiguous-index")]
    result = freeze_folder(site, index_urls=urls, download=True)
    assert result.lockfile.packages["demo"].file_name == other_index.file_url(genuine.name)
