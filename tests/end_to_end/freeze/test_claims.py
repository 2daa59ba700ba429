"""Rule 3 of the evidence, the base's own wheels, what is installed where, and how freeze is
called.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import micropip_lock
from micropip_lock import InputError, freeze_sync

from ...support.freezing import (
    archive,
    base_lock,
    claim,
    entry,
    freeze_folder,
    problems_of,
    proofs,
    quick_fetcher,
    told,
)
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target, pip_report, pip_target, uv_target
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel, forged, repack, sha256

BIG: dict[str, bytes | str] = {"big.py": "x = 1\n", "big.dat": os.urandom(60_000)}

Install = Callable[..., Path]


# -- the base's own wheels


def test_a_local_wheel_of_the_base_wins_over_the_index(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
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


def test_evidence_of_a_local_base_does_not_name_the_machines_folders(
    site: Path, tmp_path: Path
) -> None:
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
        site,
        base=base_lock(lock_entry(again)),
        base_url=f"{other_index.root}/files/",
        index_urls=index.url,
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
        site,
        base=base_lock(lock_entry(patched)),
        base_url=f"{other_index.root}/files/",
        index_urls=index.url,
    )
    assert proofs(result) == {"demo": ("index", "content")}
    assert result.lockfile.packages["demo"].sha256 == sha256(wheel)


def test_a_base_of_another_version_is_not_asked(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
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
def test_a_direct_url_is_proved_by_content(
    install: Install, index: IndexServer, site: Path
) -> None:
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
    assert freeze_folder(site, index_urls=index.url).lockfile.packages["demo"].sha256 == sha256(
        wheel
    )
    computed = freeze_folder(site, download=True)
    assert proofs(computed) == {"demo": ("direct-url", "download")}
    assert computed.lockfile.packages["demo"].sha256 == sha256(wheel)


def dist_info(site: Path, files: dict[str, str], name: str = "demo-1.0") -> None:
    for file, text in files.items():
        (site / f"{name}.dist-info" / file).write_text(text)


@pytest.mark.parametrize(
    ("files", "claim"),
    [
        ({"provenance_url.json": "archive"}, "provenance-url"),
        ({"direct_url.json": "archive"}, "direct-url"),
        ({"direct_url.json": "archive", "provenance_url.json": "archive"}, "direct-url"),
        (
            {
                "INSTALLER": "micropip",
                "PYODIDE_URL": "url",
                "PYODIDE_SHA256": "sha",
                "PYODIDE_SOURCE": "pypi",
            },
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


def test_a_report_of_pip_claims_url_and_hash(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
    wheel = build_wheel(index.folder, "app", "1.0", extras={"more": ["big"]})
    build_wheel(index.folder, "big", "1.0", files=BIG)
    report = pip_report(site, tmp_path / "report.json", "app[more]", index_url=index.url)
    index.reset()
    result = freeze_folder(site, report=report)
    assert proofs(result) == {"app": ("report", "content"), "big": ("report", "content")}
    assert result.lockfile.packages["app"].sha256 == sha256(wheel)
    assert result.lockfile.packages["app"].depends == ("big",)
    assert told(result.warnings) == [("app", "claimed-hash"), ("big", "claimed-hash")]
    assert {item.hash_from for item in result.evidence} == {"claim"}
    assert index.wheel_downloads == 0
    result = freeze_folder(site, report=report, index_urls=index.url)
    assert told(result.warnings) == []
    assert {(item.hash_from, item.index) for item in result.evidence} == {("index", index.url)}


def test_a_report_with_a_wrong_hash_is_a_claim_like_any_other(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
    wheel = build_wheel(index.folder, "app", "1.0")
    path = pip_report(site, tmp_path / "report.json", "app", index_url=index.url)
    path.write_text(path.read_text().replace(sha256(wheel), "0" * 64))
    assert told(problems_of(site, report=path, index_urls=index.url)) == [("app", "hash-conflict")]
    assert told(freeze_folder(site, report=path).warnings) == [("app", "claimed-hash")]
    assert told(problems_of(site, report=path, download=True)) == [("app", "hash-conflict")]
    assert told(problems_of(site, report=path, strict=True)) == [("app", "claimed-hash")]


def test_a_report_about_another_version_is_no_claim(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
    build_wheel(index.folder, "demo", "1.0")
    report = pip_report(tmp_path / "before", tmp_path / "report.json", "demo", index_url=index.url)
    build_wheel(index.folder, "demo", "2.0")
    installer_target(site, index.folder / "demo-2.0-py3-none-any.whl")
    result = freeze_folder(site, report=report, index_urls=index.url)
    assert proofs(result) == {"demo": ("index", "content")}


def test_a_claim_cannot_borrow_the_hash_of_the_base(
    index: IndexServer, other_index: IndexServer, site: Path, tmp_path: Path
) -> None:
    own = build_wheel(tmp_path / "dist", "demo", "1.0")
    evil = build_wheel(other_index.folder, "demo", "1.0", files={"demo.py": "x = 666\n"})
    url = other_index.file_url(evil.name)
    pip_target(site, f"demo @ {url}", index_url=index.url)
    claim(site, direct_url_json=archive(url, sha256(own)))
    options: dict[str, Any] = {"base": base_lock(lock_entry(own)), "base_dir": tmp_path / "dist"}
    result = freeze_folder(site, index_urls=index.url, **options)
    assert result.lockfile.packages["demo"].file_name == url
    assert ("demo", "claimed-hash") in told(result.warnings)
    assert told(problems_of(site, index_urls=index.url, download=True, **options)) == [
        ("demo", "hash-conflict")
    ]


def test_a_wheel_of_the_index_that_cannot_be_read_may_have_shipped_the_claim(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    twin = build_wheel(other_index.folder, "demo", "1.0")
    shipped = {"direct_url.json": archive(other_index.file_url(twin.name))}
    wheel = build_wheel(index.folder, "demo", "1.0", dist_info_files=shipped)
    wheel.write_bytes(b"bytes in front" + wheel.read_bytes())  # which pip reads, and uv does not
    pip_target(site, "demo", index_url=index.url)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "content-mismatch")]


def test_a_claim_that_another_wheel_brought_by_a_way_out_and_back(
    demo: Path, index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    twin = build_wheel(other_index.folder, "demo", "1.0")
    claim(site, direct_url_json=archive(other_index.file_url(twin.name)))
    installer_target(site, build_wheel(index.folder, "evil", "1.0"))
    record = site / "evil-1.0.dist-info" / "RECORD"
    record.write_text(
        f"{record.read_text()}../{site.name}/demo-1.0.dist-info/direct_url.json,sha256=x,1\n"
    )
    assert ("demo", "forged-claim") in told(problems_of(site, index_urls=index.url))


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
def test_piplites_query_is_dropped(
    spelling: Callable[[str], str], index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    url = index.file_url(wheel.name)
    dist_info(
        site,
        {"PYODIDE_URL": f"{url}?sha256={spelling(sha256(wheel))}", "PYODIDE_SHA256": sha256(wheel)},
    )
    result = freeze_folder(site)
    assert result.lockfile.packages["demo"].file_name == url


def test_another_query_is_dropped_when_the_bare_url_proves_and_has_a_hash(
    index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    url = index.file_url(wheel.name)
    dist_info(site, {"direct_url.json": archive(f"{url}?download=1#egg=demo", sha256(wheel))})
    assert told(problems_of(site)) == [("demo", "query-needed")]
    for options, proof in (
        ({"index_urls": index.url}, "content"),
        ({"download": True}, "download"),
    ):
        index.reset()
        result = freeze_folder(site, **options)
        assert result.lockfile.packages["demo"].file_name == url
        assert proofs(result) == {"demo": ("direct-url", proof)}
        assert not any("?" in request.path for request in index.requests)


# -- what is installed, and where


def test_the_first_folder_that_has_a_package_counts(index: IndexServer, tmp_path: Path) -> None:
    old, new = build_wheel(index.folder, "demo", "1.0"), build_wheel(index.folder, "demo", "2.0")
    first, second = installer_target(tmp_path / "a", new), installer_target(tmp_path / "b", old)
    assert (
        freeze_folder([first, second], index_urls=index.url).lockfile.packages["demo"].version
        == "2.0"
    )
    assert (
        freeze_folder([second, first], index_urls=index.url).lockfile.packages["demo"].version
        == "1.0"
    )


def test_files_can_be_checked_by_hash_or_not_at_all(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", files={"demo.py": "x = 1\n"}))
    (site / "demo.py").write_text("x = 2\n")
    freeze_folder(site, index_urls=index.url)  # by size: what RECORD says is believed
    assert told(problems_of(site, index_urls=index.url, check_files="hash"))[-1] == (
        "demo",
        "files-changed",
    )
    (site / "demo.py").unlink()
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "files-changed")]
    freeze_folder(site, index_urls=index.url, check_files="off")


def test_hash_finds_installed_files_that_their_record_belies(
    index: IndexServer, site: Path
) -> None:
    """A wheel whose bytes contradict its RECORD: installers keep the row."""
    evil = forged(site / "wheels", "x = 2\n", says="x = 1\n")
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "x = 1\n"})
    uv_target(site / "site", str(evil))
    (site / "site" / "demo-1.0.dist-info" / "direct_url.json").unlink()
    freeze_folder(site / "site", index_urls=index.url)
    assert told(problems_of(site / "site", index_urls=index.url, check_files="hash")) == [
        ("demo", "files-changed")
    ]


def test_hash_compares_the_files_with_the_checksums_of_the_wheel(
    index: IndexServer, site: Path
) -> None:
    """The honest wheel is installed, and the index has one with the same RECORD and other bytes:

    the CRC-32 tells.
    """
    honest = build_wheel(site / "wheels", "demo", "1.0", files={"demo.py": "x = 1\n"})
    installer_target(site / "site", honest)
    index.add(forged(site / "evil", "x = 2\n", says="x = 1\n"))
    freeze_folder(site / "site", index_urls=index.url)
    assert told(problems_of(site / "site", index_urls=index.url, check_files="hash")) == [
        ("demo", "content-mismatch")
    ]


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
    assert told(problems_of(site, index_urls=index.url, check_files="off")) == [
        ("demo", "files-changed")
    ]


# -- calling it


def test_the_same_from_a_plain_function(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))
    expected = freeze_folder(site, index_urls=index.url).to_json()
    assert freeze_sync(path=site, base=base_lock(), index_urls=index.url).to_json() == expected


def test_a_plain_function_inside_a_running_loop_says_what_to_await(
    index: IndexServer, site: Path
) -> None:
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
                await micropip_lock.freeze(
                    path=site, base=base_lock(), index_urls=index.url, fetcher=fetcher
                )
        finally:
            await fetcher.aclose()

    asyncio.run(main())


def test_progress_counts_every_package(index: IndexServer, site: Path) -> None:
    installer_target(
        site, *[build_wheel(index.folder, f"demo{number}", "1.0") for number in range(3)]
    )
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
def test_arguments_that_cannot_be_used_are_named(
    options: dict[str, Any], says: str, site: Path
) -> None:
    site.mkdir()
    with pytest.raises(InputError) as caught:
        freeze_folder(site, **options)
    assert says in str(caught.value)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        freeze_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match="names no folder"):
        freeze_folder([])


def test_without_a_base_the_error_says_how_to_name_one(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.mkdir()
    monkeypatch.chdir(site)
    with pytest.raises(InputError, match=r"--base 314\.0\.7"):
        freeze_sync(path=site)


def test_offline_asks_nobody(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0"))
    assert told(problems_of(site, index_urls=index.url, offline=True)) == [("demo", "unreachable")]
    assert index.requests == []
