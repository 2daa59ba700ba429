"""Rules 3 to 5 of the evidence: what counts as proof, what it costs, and which of several wheels wins."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import micropip_lock
from micropip_lock import InputError, freeze_sync
from micropip_lock.surroundings import Surroundings

from ..support.freezing import NATIVE, base_lock, entry, freeze_folder, problems_of, proofs, quick_fetcher, told
from ..support.index_server import Fault, IndexServer
from ..support.installed import installer_target, pip_report, pip_target, uv_target
from ..support.runtimes import lock_entry
from ..support.wheels import build_wheel, record_row, repack, sha256

BIG: dict[str, bytes | str] = {"big.py": "x = 1\n", "big.dat": os.urandom(60_000)}

Install = Callable[..., Path]


# -- rule 4: an index and the contents


@pytest.mark.parametrize("install", [pip_target, uv_target])
def test_content_is_proved_without_downloading_a_wheel(install: Install, index: IndexServer, site: Path) -> None:
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
        data={"scripts/run": "#!python\n", "purelib/more.py": "", "data/share/app/x.txt": "x", "headers/app.h": "//"},
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
    index.faults[f"/files/{wheel.name}"] = Fault("redirect", location=index.file_url("moved-1.0-py3-none-any.whl"))
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


def test_a_wheel_that_fits_in_the_first_answer_needs_no_ranges(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "small", "1.0"))
    index.ranges = "ignored"
    assert proofs(freeze_folder(site, index_urls=index.url)) == {"small": ("index", "content")}


def test_content_chooses_among_wheels_of_one_version(index: IndexServer, site: Path) -> None:
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "pure = True"})
    build_wheel(index.folder, "demo", "1.0", build="2", files={"demo.py": "build = 2"})
    native = build_wheel(index.folder, "demo", "1.0", tag=NATIVE, files={"demo.so": "native"})
    build_wheel(index.folder, "demo", "1.0", tag="cp314-cp314-manylinux_2_17_x86_64", files={"demo.so": "other"})
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


def test_a_wheel_with_weaker_tags_is_looked_at_although_a_better_one_is_there(index: IndexServer, site: Path) -> None:
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


def around(site: Path, *, links: tuple[str, ...] = (), urls: tuple[str, ...] = (), **more: Any) -> Surroundings:
    return Surroundings(paths=(site,), base=base_lock(), index_urls=urls, find_links=links, **more)


def test_find_links_pages_are_read_like_an_index(index: IndexServer, other_index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    links = f"{index.url}/demo/"
    for urls in ((), (other_index.url,)):
        result = freeze_folder(None, index_urls=None, surroundings=around(site, links=(links,), urls=urls))
        assert result.lockfile.packages["demo"].file_name == index.file_url(wheel.name)


def test_a_find_links_entry_may_be_a_wheel_itself(index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    links = (index.file_url(wheel.name),)
    problems = problems_of(None, index_urls=None, surroundings=around(site, links=links))
    assert told(problems) == [("demo", "hash-missing")]
    result = freeze_folder(None, index_urls=None, surroundings=around(site, links=links), download=True)
    assert result.lockfile.packages["demo"].sha256 == sha256(wheel)
    assert proofs(result) == {"demo": ("index", "download")}


def test_a_wheel_only_in_a_find_links_folder_is_a_local_file(index: IndexServer, site: Path, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "links", "demo", "1.0")
    build_wheel(index.folder, "other", "1.0")
    installer_target(site, wheel)
    surroundings = around(site, links=((tmp_path / "links").as_uri(),), urls=(index.url,))
    assert told(problems_of(None, index_urls=None, surroundings=surroundings)) == [("demo", "local-file")]


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
    assert told(problems_of(None, index_urls=None, surroundings=surroundings)) == [("demo", "hash-missing")]


def test_find_links_do_not_hide_that_no_index_has_the_project(index: IndexServer, site: Path, tmp_path: Path) -> None:
    build_wheel(tmp_path / "links", "other", "1.0")
    installer_target(site, build_wheel(tmp_path, "demo", "1.0"))
    surroundings = around(site, links=((tmp_path / "links").as_uri(),), urls=(index.url,))
    assert told(problems_of(None, index_urls=None, surroundings=surroundings)) == [("demo", "no-such-project")]


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
def test_download_decides_where_there_are_no_ranges(ranges: str, index: IndexServer, site: Path) -> None:
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


def test_download_finds_a_wheel_that_is_not_what_the_index_promises(index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "big", "1.0", files=BIG)
    installer_target(site, wheel)
    index.ranges = "no"
    index.overrides[wheel.name] = {"hashes": {"sha256": "0" * 64}}
    (problem,) = problems_of(site, index_urls=index.url, download=True)
    assert problem.code == "content-mismatch"
    assert sha256(wheel) in problem.message


def test_download_compares_what_a_weak_record_cannot(index: IndexServer, site: Path) -> None:
    weak = build_wheel(index.folder, "demo", "1.0", record=lambda rows: [(path, "", "") for path, _, _ in rows])
    uv_target(site, "demo", index_url=index.url)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "weak-record")]
    result = freeze_folder(site, index_urls=index.url, download=True)
    assert proofs(result) == {"demo": ("index", "download")}
    assert result.lockfile.packages["demo"].sha256 == sha256(weak)
    (site / "demo.py").write_text("edited = True\n")
    assert told(problems_of(site, index_urls=index.url, download=True)) == [("demo", "content-mismatch")]


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


def forged(folder: Path, text: str, *, says: str) -> Path:
    """A wheel whose demo.py holds ``text``, and has ``says`` in RECORD."""
    honest = record_row("demo.py", says.encode())
    return build_wheel(
        folder,
        "demo",
        "1.0",
        files={"demo.py": text},
        record=lambda rows: [honest if row[0] == "demo.py" else row for row in rows],
    )


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


# -- the base's own wheels


def test_a_local_wheel_of_the_base_wins_over_the_index(index: IndexServer, site: Path, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    again = repack(wheel, tmp_path / "dist")
    installer_target(site, wheel)
    base = base_lock(lock_entry(again, imports=["demo"]))
    result = freeze_folder(
        site,
        base=base,
        base_dir=tmp_path / "dist",
        base_url="https://cdn.example/full",
        index_urls=index.url,
    )
    assert proofs(result) == {"demo": ("base", "content")}
    assert result.lockfile.packages["demo"].sha256 == sha256(again)
    assert result.lockfile.packages["demo"].file_name == f"https://cdn.example/full/{again.name}"
    assert result.evidence[0].url == f"https://cdn.example/full/{again.name}"
    assert index.requests == []
    assert result.warnings == ()


def test_evidence_of_a_local_base_does_not_name_the_machines_folders(site: Path, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "dist", "demo", "1.0")
    installer_target(site, wheel)
    result = freeze_folder(site, base=base_lock(lock_entry(wheel)), base_dir=tmp_path / "dist")
    assert result.lockfile.packages["demo"].file_name == wheel.name
    assert result.evidence[0].url == wheel.name
    assert str(tmp_path) not in str(result)


def test_a_local_wheel_with_another_hash_than_the_base_says_proves_nothing(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    base = base_lock({**lock_entry(wheel), "sha256": "0" * 64})
    result = freeze_folder(site, base=base, base_dir=index.folder, index_urls=index.url)
    assert proofs(result) == {"demo": ("index", "content")}
    assert result.lockfile.packages["demo"].sha256 == sha256(wheel)


def test_the_base_at_a_url_is_proved_by_ranges_and_wins(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "big", "1.0", files=BIG)
    again = repack(wheel, other_index.folder)
    installer_target(site, wheel)
    result = freeze_folder(
        site, base=base_lock(lock_entry(again)), base_url=f"{other_index.root}/files/", index_urls=index.url
    )
    assert proofs(result) == {"big": ("base", "content")}
    assert result.lockfile.packages["big"].file_name == other_index.file_url(again.name)
    assert other_index.wheel_downloads == 0
    assert index.requests == []


def test_an_index_proves_what_is_not_the_wheel_of_the_base(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    patched = build_wheel(other_index.folder, "demo", "1.0", files={"demo.py": "patched = True"})
    installer_target(site, wheel)
    result = freeze_folder(
        site, base=base_lock(lock_entry(patched)), base_url=f"{other_index.root}/files/", index_urls=index.url
    )
    assert proofs(result) == {"demo": ("index", "content")}
    assert result.lockfile.packages["demo"].sha256 == sha256(wheel)


def test_a_base_of_another_version_is_not_asked(index: IndexServer, other_index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "2.0")
    installer_target(site, wheel)
    base = base_lock(entry("demo", "1.0"))
    result = freeze_folder(site, base=base, base_url=other_index.root, index_urls=index.url)
    assert result.lockfile.packages["demo"].version == "2.0"
    assert other_index.requests == []


def test_one_missing_wheel_of_the_base_does_not_hide_the_others(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    """The lock must not depend on which package was asked for first."""
    one = build_wheel(index.folder, "aaa", "1.0")
    two = build_wheel(index.folder, "bbb", "1.0")
    base_two = repack(two, other_index.folder)
    installer_target(site, one, two)
    base = base_lock(lock_entry(one), lock_entry(base_two))
    options: dict[str, Any] = {"base_url": f"{other_index.root}/files/", "index_urls": index.url}
    result = freeze_folder(site, base=base, fetching={"jobs": 1}, **options)
    assert proofs(result) == {"aaa": ("index", "content"), "bbb": ("base", "content")}


def test_a_base_that_is_out_of_reach_is_asked_once(index: IndexServer, site: Path) -> None:
    wheels = [build_wheel(index.folder, f"demo{number}", "1.0") for number in range(4)]
    installer_target(site, *wheels)
    with IndexServer() as gone:
        gone.faults["/"] = Fault("reset")
        result = freeze_folder(
            site,
            base=base_lock(*map(lock_entry, wheels)),
            base_url=gone.root,
            index_urls=index.url,
            fetching={"jobs": 1, "delays": ()},
        )
        assert len(gone.requests) == 1
    assert set(proofs(result).values()) == {("index", "content")}


# -- rule 3: claims


@pytest.mark.parametrize("install", [pip_target, uv_target])
def test_a_direct_url_is_proved_by_content(install: Install, index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "big", "1.0", files=BIG)
    install(site, f"big @ {index.file_url(wheel.name)}#sha256={sha256(wheel)}")
    index.reset()
    result = freeze_folder(site, index_urls=index.url)
    assert proofs(result) == {"big": ("direct-url", "content")}
    assert result.lockfile.packages["big"].file_name == index.file_url(wheel.name)
    assert result.lockfile.packages["big"].sha256 == sha256(wheel)
    assert index.wheel_downloads == 0


def test_uvs_direct_url_without_a_hash_takes_it_from_an_index_that_lists_the_url(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    uv_target(site, f"demo @ {index.file_url(wheel.name)}")
    assert told(problems_of(site)) == [("demo", "hash-missing")]
    other_index.add(wheel)  # another URL of the same file says nothing about this one
    assert told(problems_of(site, index_urls=other_index.url)) == [("demo", "hash-missing")]
    assert freeze_folder(site, index_urls=index.url).lockfile.packages["demo"].sha256 == sha256(wheel)
    computed = freeze_folder(site, download=True)
    assert proofs(computed) == {"demo": ("direct-url", "download")}
    assert computed.lockfile.packages["demo"].sha256 == sha256(wheel)


def dist_info(site: Path, files: dict[str, str], name: str = "demo-1.0") -> None:
    for file, text in files.items():
        (site / f"{name}.dist-info" / file).write_text(text)


def archive(url: str, sha: str = "") -> str:
    hashes = f'{{"sha256": "{sha}"}}' if sha else "{}"
    return f'{{"url": "{url}", "archive_info": {{"hashes": {hashes}}}}}'


@pytest.mark.parametrize(
    ("files", "claim"),
    [
        ({"provenance_url.json": "archive"}, "provenance-url"),
        ({"direct_url.json": "archive"}, "direct-url"),
        ({"direct_url.json": "archive", "provenance_url.json": "archive"}, "direct-url"),
        (
            {"INSTALLER": "micropip", "PYODIDE_URL": "url", "PYODIDE_SHA256": "sha", "PYODIDE_SOURCE": "pypi"},
            "micropip",
        ),
        ({"INSTALLER": "pyodide.loadPackage", "PYODIDE_SOURCE": "url"}, "pyodide-source"),
    ],
)
def test_claims_on_a_folder_are_proved_by_content(
    files: dict[str, str], claim: str, index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    url = index.file_url(wheel.name)
    values = {"archive": archive(url, sha256(wheel)), "url": url, "sha": sha256(wheel)}
    dist_info(site, {name: values.get(value, value) for name, value in files.items()})
    result = freeze_folder(site, index_urls=index.url)
    assert proofs(result) == {"demo": (claim, "content")}
    assert result.lockfile.packages["demo"].file_name == url


def test_a_claim_with_its_own_hash_needs_no_index(index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    dist_info(site, {"direct_url.json": archive(index.file_url(wheel.name), sha256(wheel))})
    assert proofs(freeze_folder(site)) == {"demo": ("direct-url", "content")}


def test_a_report_of_pip_claims_url_and_hash(index: IndexServer, site: Path, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "app", "1.0", extras={"more": ["big"]})
    build_wheel(index.folder, "big", "1.0", files=BIG)
    report = pip_report(site, tmp_path / "report.json", "app[more]", index_url=index.url)
    index.reset()
    result = freeze_folder(site, report=report)
    assert proofs(result) == {"app": ("report", "content"), "big": ("report", "content")}
    assert result.lockfile.packages["app"].sha256 == sha256(wheel)
    assert result.lockfile.packages["app"].depends == ("big",)
    assert told(result.warnings) == []
    assert index.wheel_downloads == 0


def test_a_report_about_another_version_is_no_claim(index: IndexServer, site: Path, tmp_path: Path) -> None:
    build_wheel(index.folder, "demo", "1.0")
    report = pip_report(tmp_path / "before", tmp_path / "report.json", "demo", index_url=index.url)
    build_wheel(index.folder, "demo", "2.0")
    installer_target(site, index.folder / "demo-2.0-py3-none-any.whl")
    result = freeze_folder(site, report=report, index_urls=index.url)
    assert proofs(result) == {"demo": ("index", "content")}


def test_a_hash_that_claims_another_url_is_not_given_to_this_one(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    again = repack(wheel, other_index.folder)
    installer_target(site, wheel)
    claims = {
        "direct_url.json": archive(index.file_url(wheel.name)),
        "provenance_url.json": archive(other_index.file_url(again.name), sha256(again)),
    }
    dist_info(site, claims)
    assert told(problems_of(site)) == [("demo", "hash-missing")]


@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_piplites_query_is_dropped(spelling: Callable[[str], str], index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    url = index.file_url(wheel.name)
    dist_info(site, {"PYODIDE_URL": f"{url}?sha256={spelling(sha256(wheel))}", "PYODIDE_SHA256": sha256(wheel)})
    result = freeze_folder(site)
    assert result.lockfile.packages["demo"].file_name == url


def test_another_query_is_dropped_when_the_bare_url_proves(index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    url = index.file_url(wheel.name)
    dist_info(site, {"direct_url.json": archive(f"{url}?download=1#egg=demo", sha256(wheel))})
    result = freeze_folder(site)
    assert result.lockfile.packages["demo"].file_name == url
    assert "?" not in index.requests[0].path


# -- what is installed, and where


def test_the_first_folder_that_has_a_package_counts(index: IndexServer, tmp_path: Path) -> None:
    old, new = build_wheel(index.folder, "demo", "1.0"), build_wheel(index.folder, "demo", "2.0")
    first, second = installer_target(tmp_path / "a", new), installer_target(tmp_path / "b", old)
    assert freeze_folder([first, second], index_urls=index.url).lockfile.packages["demo"].version == "2.0"
    assert freeze_folder([second, first], index_urls=index.url).lockfile.packages["demo"].version == "1.0"


def test_an_empty_folder_gives_an_empty_lock(site: Path) -> None:
    site.mkdir()
    assert freeze_folder(site).lockfile.packages == {}


def test_files_can_be_checked_by_hash_or_not_at_all(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", files={"demo.py": "x = 1\n"}))
    (site / "demo.py").write_text("x = 2\n")
    freeze_folder(site, index_urls=index.url)  # by size: what RECORD says is believed
    assert told(problems_of(site, index_urls=index.url, check_files="hash"))[-1] == ("demo", "files-changed")
    (site / "demo.py").unlink()
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "files-changed")]
    freeze_folder(site, index_urls=index.url, check_files="off")


def test_hash_finds_installed_files_that_their_record_belies(index: IndexServer, site: Path) -> None:
    """A wheel whose bytes contradict its RECORD: installers keep the row."""
    evil = forged(site / "wheels", "x = 2\n", says="x = 1\n")
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "x = 1\n"})
    uv_target(site / "site", str(evil))
    (site / "site" / "demo-1.0.dist-info" / "direct_url.json").unlink()
    freeze_folder(site / "site", index_urls=index.url)
    assert told(problems_of(site / "site", index_urls=index.url, check_files="hash")) == [("demo", "files-changed")]


def test_hash_compares_the_files_with_the_checksums_of_the_wheel(index: IndexServer, site: Path) -> None:
    """The honest wheel is installed, and the index has one with the same RECORD and other bytes: the CRC-32 tells."""
    honest = build_wheel(site / "wheels", "demo", "1.0", files={"demo.py": "x = 1\n"})
    installer_target(site / "site", honest)
    index.add(forged(site / "evil", "x = 2\n", says="x = 1\n"))
    freeze_folder(site / "site", index_urls=index.url)
    assert told(problems_of(site / "site", index_urls=index.url, check_files="hash")) == [("demo", "content-mismatch")]


def test_bytecode_is_neither_required_nor_in_the_way(index: IndexServer, site: Path) -> None:
    build_wheel(index.folder, "demo", "1.0")
    pip_target(site, "demo", index_url=index.url, flags=["--compile"], platform=None)
    cached = list((site / "__pycache__").iterdir())
    assert cached
    freeze_folder(site, index_urls=index.url)
    for file in cached:
        file.unlink()
    freeze_folder(site, index_urls=index.url)


def test_metadata_is_hashed_even_when_files_are_not_checked(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))
    metadata = site / "demo-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("wheel for the tests", "wheel for the fests"))
    assert told(problems_of(site, index_urls=index.url, check_files="off")) == [("demo", "files-changed")]


# -- calling it


def test_the_same_from_a_plain_function(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))
    expected = freeze_folder(site, index_urls=index.url).to_json()
    assert freeze_sync(path=site, base=base_lock(), index_urls=index.url).to_json() == expected


def test_a_plain_function_inside_a_running_loop_says_what_to_await(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))

    async def main() -> None:
        with pytest.raises(micropip_lock.SuspensionError, match="await"):
            freeze_sync(path=site, base=base_lock(), index_urls=index.url)

    asyncio.run(main())


def test_a_plain_function_takes_no_fetcher() -> None:
    with pytest.raises(InputError, match="await freeze"):
        freeze_sync(fetcher=object())


def test_a_fetcher_of_the_caller_stays_open(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))

    async def main() -> None:
        fetcher = quick_fetcher()
        try:
            for _ in range(2):
                await micropip_lock.freeze(path=site, base=base_lock(), index_urls=index.url, fetcher=fetcher)
        finally:
            await fetcher.aclose()

    asyncio.run(main())


def test_progress_counts_every_package(index: IndexServer, site: Path) -> None:
    installer_target(site, *[build_wheel(index.folder, f"demo{number}", "1.0") for number in range(3)])
    steps: list[tuple[int, int, str]] = []
    freeze_folder(site, index_urls=index.url, progress=lambda *step: steps.append(step))
    assert [step[:2] for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert {step[2] for step in steps} == {"demo0", "demo1", "demo2"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"proof": "trust"}, "proof='trust' is not one of 'content', 'metadata'"),
        ({"check_files": "crc"}, "check_files='crc'"),
        ({"include": "everything"}, "include='everything'"),
        ({"requested": ["not a requirement!"]}, "not a requirement!"),
        ({"base_url": "file:///x"}, "file:///x"),
        ({"base_dir": "missing"}, "missing"),
        ({"report": "missing.json"}, "missing.json"),
        ({"report": {"version": "1"}}, "install"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(options: dict[str, Any], says: str, site: Path) -> None:
    site.mkdir()
    with pytest.raises(InputError) as caught:
        freeze_folder(site, **options)
    assert says in str(caught.value)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        freeze_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match="names no folder"):
        freeze_folder([])


def test_without_a_base_the_error_says_how_to_name_one(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.mkdir()
    monkeypatch.chdir(site)
    with pytest.raises(InputError, match=r"--base 314\.0\.7"):
        freeze_sync(path=site)


def test_offline_asks_nobody(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))
    assert told(problems_of(site, index_urls=index.url, offline=True)) == [("demo", "unreachable")]
    assert index.requests == []
