"""Loud failure: every problem code that a freeze of a folder can meet, all at once, with nothing written."""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import UnlockableError
from micropip_lock.evidence import WAIVABLE
from micropip_lock.surroundings import Surroundings

from ..support.freezing import (
    NATIVE,
    base_lock,
    entry,
    freeze_folder,
    problems_of,
    proofs,
    rewrite_record,
    told,
)
from ..support.index_server import Fault, IndexServer
from ..support.installed import installer_target, pip_report, pip_target, uv_target
from ..support.runtimes import lock_entry
from ..support.wheels import build_sdist, build_wheel, repack, sha256

BIG: dict[str, bytes | str] = {"big.py": "x = 1\n", "big.dat": os.urandom(60_000)}
DIST_INFO = "demo-1.0.dist-info"

Install = Callable[..., Path]


def claim(site: Path, **files: str) -> None:
    """Write provenance files into .dist-info, with ``_json`` for ``.json``."""
    for name, text in files.items():
        (site / DIST_INFO / name.replace("_json", ".json")).write_text(text)


def archive(url: str, sha: str | None = None) -> str:
    return json.dumps({"url": url, "archive_info": {"hashes": {"sha256": sha}} if sha else {}})


@pytest.fixture
def demo(index: IndexServer, site: Path) -> Path:
    """A wheel on the index, installed by installer: nothing says where it came from."""
    wheel = build_wheel(index.folder, "demo", "1.0", files={"demo.py": "x = 1\n", "demo.txt": "text"})
    installer_target(site, wheel)
    return wheel


# -- where it came from


@pytest.mark.parametrize("install", [pip_target, uv_target])
def test_a_local_wheel_is_a_local_file(install: Install, site: Path, tmp_path: Path) -> None:
    install(site, str(build_wheel(tmp_path, "demo", "1.0")))
    (problem,) = problems_of(site)
    assert (problem.package, problem.version, problem.code) == ("demo", "1.0", "local-file")
    assert str(tmp_path) not in str(problem)


@pytest.mark.parametrize(
    "url", ["emfs:/drive/demo-1.0-py3-none-any.whl", "./demo-1.0-py3-none-any.whl", "file:///x.whl"]
)
def test_a_local_place_of_micropip_is_a_local_file(url: str, demo: Path, index: IndexServer, site: Path) -> None:
    claim(site, INSTALLER="micropip", PYODIDE_URL=url, PYODIDE_SHA256=sha256(demo))
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "local-file")]


@pytest.mark.parametrize("install", [pip_target, uv_target])
def test_an_sdist_by_url_is_an_sdist(install: Install, index: IndexServer, site: Path) -> None:
    sdist = build_sdist(index.folder, "demo", "1.0")
    install(site, f"demo @ {index.file_url(sdist.name)}", platform=None)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "sdist")]


@pytest.mark.parametrize("install", [pip_target, uv_target])
def test_an_sdist_from_an_index_is_an_sdist(install: Install, index: IndexServer, site: Path) -> None:
    build_sdist(index.folder, "demo", "1.0")
    install(site, "demo", index_url=index.url, platform=None)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "sdist")]


def test_what_uv_built_is_an_sdist_even_if_the_index_has_a_wheel(demo: Path, index: IndexServer, site: Path) -> None:
    claim(site, uv_build_json="{}")
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "sdist")]


def test_an_sdist_beside_an_older_wheel_is_an_sdist(index: IndexServer, site: Path) -> None:
    build_wheel(index.folder, "demo", "0.9")
    build_sdist(index.folder, "demo", "1.0")
    uv_target(site, "demo", index_url=index.url, platform=None)
    (site / DIST_INFO / "uv_build.json").unlink(missing_ok=True)  # pip leaves no such mark
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "sdist")]


@pytest.mark.parametrize("install", [pip_target, uv_target])
def test_a_local_folder_is_a_local_directory(install: Install, site: Path, tmp_path: Path) -> None:
    with tarfile.open(build_sdist(tmp_path, "demo", "1.0")) as sdist:
        sdist.extractall(tmp_path, filter="data")
    install(site, str(tmp_path / "demo-1.0"), platform=None)
    (problem,) = problems_of(site)
    assert problem.code == "local-directory"
    assert str(tmp_path) not in str(problem)


@pytest.mark.parametrize(
    ("direct_url", "code"),
    [
        ({"url": "file:///src/demo", "dir_info": {"editable": True}}, "editable"),
        ({"url": "file:///src/demo", "dir_info": {}}, "local-directory"),
        ({"url": "https://u:secret@git.example/demo", "vcs_info": {"vcs": "git", "commit_id": "0" * 40}}, "vcs"),
        ({"url": "file:///demo-1.0-py3-none-any.whl", "archive_info": {}}, "local-file"),
        ({"url": "https://files.example/demo-1.0.tar.gz", "archive_info": {}}, "sdist"),
        ({"url": "https://files.example/demo-1.0.zip#egg=demo", "archive_info": {}}, "sdist"),
        ({"url": "https://files.example/demo.whl"}, "broken-metadata"),
        ({"url": 3, "archive_info": {}}, "broken-metadata"),
        (["url"], "broken-metadata"),
        ({"url": "https://f.example/demo.whl", "archive_info": {"hashes": {"sha256": "short"}}}, "broken-metadata"),
    ],
)
def test_what_direct_url_says(direct_url: object, code: str, demo: Path, index: IndexServer, site: Path) -> None:
    claim(site, direct_url_json=json.dumps(direct_url))
    problems = problems_of(site, index_urls=index.url)
    assert told(problems) == [("demo", code)]
    assert "secret" not in str(problems)


def test_a_forged_claim_is_found_in_the_wheel_itself(index: IndexServer, site: Path) -> None:
    forger = build_wheel(
        index.folder,
        "demo",
        "1.0",
        dist_info_files={"direct_url.json": archive(index.file_url("demo-1.0-py3-none-any.whl"))},
    )
    uv_target(site, "demo", index_url=index.url)
    assert (site / DIST_INFO / "direct_url.json").exists()
    (problem,) = problems_of(site, index_urls=index.url)
    assert (problem.code, problem.url) == ("forged-claim", index.file_url(forger.name))


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("name", ["direct_url.json", "provenance_url.json", "PYODIDE_URL", "PYODIDE_SOURCE"])
def test_a_forged_claim_need_not_be_in_record(name: str, listed: bool, index: IndexServer, site: Path) -> None:
    url = index.file_url("demo-1.0-py3-none-any.whl")
    text = archive(url) if name.endswith("json") else url
    wheel = build_wheel(
        index.folder,
        "demo",
        "1.0",
        dist_info_files={name: text},
        record=lambda rows: [row for row in rows if listed or not row[0].endswith(name)],
    )
    with zipfile.ZipFile(wheel) as unpacked:  # as Pyodide's unpackArchive installs
        unpacked.extractall(site)
    claim(site, **{name.replace(".", "_"): text})
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "forged-claim")]


def test_a_forged_index_file_changes_nothing(index: IndexServer, other_index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", dist_info_files={"INDEX": other_index.url + "\n"})
    installer_target(site, wheel)
    result = freeze_folder(site, index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name == index.file_url(wheel.name)
    assert other_index.requests == []


def test_a_claim_to_a_wheel_of_other_contents_does_not_match(demo: Path, index: IndexServer, site: Path) -> None:
    other = build_wheel(index.folder / "other", "demo", "1.0", files={"demo.py": "evil = True\n"})
    index.add(other.rename(other.with_name("demo-1.0-1-py3-none-any.whl")))
    claim(site, direct_url_json=archive(index.file_url("demo-1.0-1-py3-none-any.whl")))
    # The index would have the right one, but what the files say comes first.
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "content-mismatch")]


def test_a_claim_to_a_wheel_of_another_project_does_not_match(demo: Path, index: IndexServer, site: Path) -> None:
    other = build_wheel(index.folder, "other", "1.0")
    claim(site, direct_url_json=archive(index.file_url(other.name), sha256(other)))
    assert told(problems_of(site)) == [("demo", "content-mismatch")]


# -- hashes


def test_claim_and_page_disagree_about_the_hash(demo: Path, index: IndexServer, site: Path) -> None:
    claim(site, direct_url_json=archive(index.file_url(demo.name), "0" * 64))
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "hash-conflict"
    assert "0" * 64 in problem.message and sha256(demo) in problem.message


def test_two_claims_disagree_about_the_hash(demo: Path, index: IndexServer, site: Path) -> None:
    url = index.file_url(demo.name)
    claim(site, direct_url_json=archive(url, "0" * 64), provenance_url_json=archive(url, sha256(demo)))
    assert told(problems_of(site)) == [("demo", "hash-conflict")]


def test_report_and_claim_disagree_about_the_hash(index: IndexServer, site: Path, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    report = pip_report(site, tmp_path / "report.json", "demo", index_url=index.url)
    claim(site, direct_url_json=archive(index.file_url(wheel.name), "0" * 64))
    assert told(problems_of(site, report=report)) == [("demo", "hash-conflict")]


def test_a_hash_of_micropip_conflicts_with_the_page_on_a_folder(demo: Path, index: IndexServer, site: Path) -> None:
    claim(site, INSTALLER="micropip", PYODIDE_URL=index.file_url(demo.name), PYODIDE_SHA256="0" * 64)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "hash-conflict")]


@pytest.mark.parametrize("hashes", ["none", "md5"])
def test_a_hash_that_nobody_gives_is_missing(hashes: str, demo: Path, index: IndexServer, site: Path) -> None:
    index.hashes = hashes
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "hash-missing"
    assert "--download" in problem.hint
    result = freeze_folder(site, index_urls=index.url, download=True)
    assert result.lockfile.packages["demo"].sha256 == sha256(demo)
    assert proofs(result) == {"demo": ("index", "download")}


# -- indexes


def test_two_repacked_wheels_are_ambiguous(
    demo: Path, index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    repack(demo, other_index.folder)
    (problem,) = problems_of(site, index_urls=[index.url, other_index.url])
    assert problem.code == "ambiguous-index"
    assert index.root in problem.message and other_index.root in problem.message
    assert "--download" in problem.hint


def test_no_index_at_all(demo: Path, site: Path) -> None:
    (problem,) = problems_of(site, index_urls=())
    assert problem.code == "no-such-project"
    assert "--index-url" in problem.hint


def test_no_such_project(demo: Path, other_index: IndexServer, site: Path) -> None:
    (problem,) = problems_of(site, index_urls=other_index.url)
    assert problem.code == "no-such-project"
    assert other_index.url in problem.message


def test_no_such_version(demo: Path, other_index: IndexServer, site: Path) -> None:
    build_wheel(other_index.folder, "demo", "1.1")
    assert told(problems_of(site, index_urls=other_index.url)) == [("demo", "no-such-version")]


def test_no_matching_wheel(demo: Path, other_index: IndexServer, site: Path) -> None:
    build_wheel(other_index.folder, "demo", "1.0", tag="cp314-cp314-manylinux_2_17_x86_64")
    build_wheel(other_index.folder, "demo", "1.0", tag="cp313-cp313-pyodide_2025_0_wasm32")
    build_sdist(other_index.folder, "demo", "1.0")
    (problem,) = problems_of(site, index_urls=other_index.url)
    assert problem.code == "no-matching-wheel"
    assert "3.14" in problem.message


def test_a_file_name_that_is_no_wheel_name_is_passed_over(demo: Path, index: IndexServer, site: Path) -> None:
    odd = ["demo-1.0.whl", "demo-1.0-py3-none.whl", "demo-not.a.version-py3-none-any.whl", "demo-1.0.exe", "", "-.whl"]
    page = {
        "meta": {"api-version": "1.0"},
        "name": "demo",
        "files": [{"filename": name, "url": f"../../files/{name}", "hashes": {}} for name in odd],
    }
    index.faults["/simple/demo/"] = Fault("body", body=json.dumps(page).encode())
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "no-such-version")]


def test_content_mismatch(index: IndexServer, site: Path, tmp_path: Path) -> None:
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "x = 1\n"})
    installer_target(site, build_wheel(tmp_path, "demo", "1.0", files={"demo.py": "x = 2\n"}))
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "content-mismatch"
    assert "demo.py" in problem.message
    assert "demo==1.0" in problem.hint


def test_content_mismatch_of_metadata(index: IndexServer, site: Path, tmp_path: Path) -> None:
    build_wheel(index.folder, "demo", "1.0", requires=["rich"])
    installer_target(site, build_wheel(tmp_path, "demo", "1.0"))
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "content-mismatch"
    assert "METADATA" in problem.message


def test_a_member_that_is_not_installed_is_a_mismatch(index: IndexServer, site: Path, tmp_path: Path) -> None:
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "", "demo_more.py": ""})
    installer_target(site, build_wheel(tmp_path, "demo", "1.0", files={"demo.py": ""}))
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "content-mismatch")]


def test_a_member_in_the_zip_alone_is_not_proved_by_its_record(index: IndexServer, site: Path) -> None:
    """A payload that RECORD does not list is installed by pip, too."""
    build_wheel(
        index.folder,
        "demo",
        "1.0",
        files={"demo.py": "", "payload.py": "x = 1\n"},
        record=lambda rows: [row for row in rows if row[0] != "payload.py"],
    )
    uv_target(site, "demo", index_url=index.url)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "weak-record")]


@pytest.mark.parametrize(
    ("install", "hash_"),
    [
        (pip_target, ""),
        (uv_target, ""),
        (uv_target, "md5=rL0Y20zC-Fzt72VPzMSk2A"),
        (uv_target, "sha1=C-7Hteo_D9vJXQ3UfzxbwnXaijM"),
    ],
)
def test_weak_record(install: Install, hash_: str, index: IndexServer, site: Path) -> None:
    build_wheel(
        index.folder,
        "demo",
        "1.0",
        files={"demo.py": "foo"},
        record=lambda rows: [(path, hash_ if path == "demo.py" else old, size) for path, old, size in rows],
    )
    install(site, "demo", index_url=index.url)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "weak-record")]


def test_no_ranges(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "big", "1.0", files=BIG))
    for ranges in ("no", "ignored"):
        index.ranges = ranges
        (problem,) = problems_of(site, index_urls=index.url)
        assert problem.code == "no-ranges"
        assert "--download" in problem.hint and "--proof metadata" in problem.hint


# -- unreachable, not-allowed


@pytest.mark.parametrize("place", ["/simple/demo/", "/files/"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=500),
        Fault("status", status=418),
        Fault("reset"),
        Fault("redirect-loop"),
        Fault("redirect", location="file:///x.html"),
        Fault("truncate"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_unreachable(place: str, fault: Fault, demo: Path, index: IndexServer, site: Path) -> None:
    index.faults[place] = fault
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "unreachable"
    assert problem.url is not None and place in problem.url


@pytest.mark.parametrize(
    "fault", [Fault("html"), Fault("broken-json"), Fault("huge", size=50 * 2**20)], ids=lambda fault: str(fault.kind)
)
def test_a_page_that_is_none_is_no_answer(fault: Fault, demo: Path, index: IndexServer, site: Path) -> None:
    index.faults["/simple/demo/"] = fault
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "unreachable"


def test_an_html_error_in_place_of_a_wheel_is_no_wheel(demo: Path, index: IndexServer, site: Path) -> None:
    index.faults["/files/"] = Fault("html")
    assert told(problems_of(site, index_urls=index.url))[0][1] in ("content-mismatch", "unreachable")


def test_connection_refused(demo: Path, site: Path) -> None:
    with IndexServer() as gone:
        url = gone.url
    assert told(problems_of(site, index_urls=url)) == [("demo", "unreachable")]


def test_an_error_that_passes_is_none(demo: Path, index: IndexServer, site: Path) -> None:
    index.faults["/simple/demo/"] = Fault("status", status=500, times=1)
    index.faults["/files/"] = Fault("truncate", times=1)
    freeze_folder(site, index_urls=index.url)
    assert index.faults == {}


def test_an_index_that_is_down_is_not_passed_over(
    demo: Path, index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    """Else a name taken on the second index could slip in."""
    other_index.faults["/"] = Fault("status", status=503)
    for urls in ([index.url, other_index.url], [other_index.url, index.url]):
        assert told(problems_of(site, index_urls=urls)) == [("demo", "unreachable")]


def test_find_links_that_are_down_are_told_for_every_package(demo: Path, index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "more", "1.0"))
    index.faults["/links"] = Fault("status", status=500)
    around = Surroundings(paths=(site,), base=base_lock(), index_urls=(index.url,), find_links=(index.root + "/links",))
    problems = problems_of(None, index_urls=None, surroundings=around)
    assert told(problems) == [("demo", "unreachable"), ("more", "unreachable")]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("place", ["/simple/", "/files/"])
def test_not_allowed(status: int, place: str, demo: Path, index: IndexServer, site: Path) -> None:
    index.faults[place] = Fault("status", status=status)
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "not-allowed"
    assert "credentials" in problem.hint


def test_a_password_that_is_not_given(demo: Path, index: IndexServer, site: Path) -> None:
    index.auth = ("user", "secret")
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "not-allowed")]
    freeze_folder(site, index_urls=index.url_with_password)


def test_a_hash_that_only_an_unreachable_index_may_know_is_not_called_missing(
    demo: Path, index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    other_index.faults["/"] = Fault("status", status=500)
    claim(site, direct_url_json=archive(index.file_url(demo.name)))
    assert told(problems_of(site, index_urls=other_index.url)) == [("demo", "unreachable")]


def test_a_claim_with_a_hash_does_not_mind_an_index_that_is_down(
    demo: Path, index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    other_index.faults["/"] = Fault("status", status=500)
    claim(site, direct_url_json=archive(index.file_url(demo.name), sha256(demo)))
    assert proofs(freeze_folder(site, index_urls=other_index.url)) == {"demo": ("direct-url", "content")}


def test_a_base_that_is_out_of_reach_is_not_called_a_missing_project(
    demo: Path, index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    other_index.faults["/"] = Fault("status", status=500)
    options: dict[str, Any] = {"base": base_lock(lock_entry(demo)), "base_url": other_index.root}
    assert told(problems_of(site, **options)) == [("demo", "unreachable")]
    with IndexServer() as empty:
        assert told(problems_of(site, index_urls=empty.url, **options)) == [("demo", "unreachable")]


# -- queries


@pytest.mark.parametrize("status", [403, 404])
def test_query_needed(status: int, demo: Path, index: IndexServer, site: Path) -> None:
    index.faults["/files/"] = Fault("status", status=status)
    claim(site, direct_url_json=archive(index.file_url(demo.name) + "?token=hunter2", sha256(demo)))
    for accepted in ((), ("demo",)):
        (problem,) = problems_of(site, accept_unproved=accepted)
        assert problem.code == "query-needed"
        assert "hunter2" not in str(problem)


# -- the installed files


@pytest.mark.parametrize("check", ["size", "hash"])
def test_a_missing_file(check: str, demo: Path, index: IndexServer, site: Path) -> None:
    (site / "demo.txt").unlink()
    problems = problems_of(site, index_urls=index.url, check_files=check)
    assert ("demo", "files-changed") in told(problems)
    assert any("demo.txt" in problem.message for problem in problems)


def test_a_file_of_another_size(demo: Path, index: IndexServer, site: Path) -> None:
    (site / "demo.txt").write_text("other text")
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "files-changed")]


def test_an_edit_of_equal_size_needs_hashes(demo: Path, index: IndexServer, site: Path) -> None:
    (site / "demo.txt").write_text("TEXT")
    freeze_folder(site, index_urls=index.url)
    assert ("demo", "files-changed") in told(problems_of(site, index_urls=index.url, check_files="hash"))


@pytest.mark.parametrize("name", ["entry_points.txt", "METADATA", "WHEEL"])
def test_an_edit_of_what_decides_is_always_found(name: str, index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", entry_points={"demo": "demo:main"}))
    path = site / DIST_INFO / name
    data = path.read_bytes()
    path.write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
    assert ("demo", "files-changed") in told(problems_of(site, index_urls=index.url, check_files="off"))


def test_an_extra_row_of_record(demo: Path, index: IndexServer, site: Path) -> None:
    (site / "more.py").write_text("")
    rewrite_record(site, DIST_INFO, "demo.txt,", "more.py,,0\ndemo.txt,")
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "files-changed"
    assert "more.py" in problem.message


def test_a_missing_row_of_record(demo: Path, index: IndexServer, site: Path) -> None:
    record = site / DIST_INFO / "RECORD"
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(line for line in lines if not line.startswith(b"demo.txt")))
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "content-mismatch")]


# -- the folders


def test_duplicate(demo: Path, index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "2.0", files={}))
    problems = problems_of(site, index_urls=index.url)
    assert told(problems) == [("demo", "duplicate")]
    assert DIST_INFO in problems[0].message and "demo-2.0.dist-info" in problems[0].message


def test_legacy_metadata(site: Path, demo: Path, index: IndexServer) -> None:
    (site / "old-1.0-py3.14.egg-info").mkdir()
    (site / "older-2.0-py3.14.egg-info").write_text("Metadata-Version: 1.0\n")
    problems = problems_of(site, index_urls=index.url)
    assert told(problems) == [("old", "legacy-metadata"), ("older", "legacy-metadata")]


def test_names_that_begin_with_a_tilde_are_ignored(demo: Path, index: IndexServer, site: Path) -> None:
    (site / "~emo-1.0.dist-info").mkdir()
    assert told(freeze_folder(site, index_urls=index.url).warnings) == []


def _latin_1(folder: Path) -> None:
    (folder / "METADATA").write_bytes("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nAuthor: Ü\n".encode("latin-1"))


def _without(name: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        (folder / name).unlink()

    return remove


def _written(name: str, text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_text(text)

    return write


def _emptied(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def _folder_for_metadata(folder: Path) -> None:
    (folder / "METADATA").unlink()
    (folder / "METADATA").mkdir()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_latin_1, "METADATA: it is not UTF-8"),
        (_without("METADATA"), "METADATA"),
        (_without("WHEEL"), "WHEEL"),
        (_without("RECORD"), "RECORD: it is missing"),
        (_emptied, "METADATA"),
        (_folder_for_metadata, "METADATA"),
        (_written("METADATA", ""), "no Name"),
        (_written("METADATA", "Name: demo\n"), "Version"),
        (_written("METADATA", "Name: other\nVersion: 1.0\n"), "another project"),
        (_written("METADATA", "Name: demo\nVersion: 1.0\nRequires-Dist: no requirement!\n"), "no requirement!"),
        (_written("WHEEL", "Wheel-Version: 1.0\n"), "no Tag"),
        (_written("RECORD", 'demo.py,"sha256=\n'), "RECORD"),
        (_written("RECORD", "demo.py,,many\n"), "many"),
    ],
)
def test_broken_metadata(damage: Callable[[Path], None], says: str, demo: Path, index: IndexServer, site: Path) -> None:
    damage(site / DIST_INFO)
    index.reset()
    (problem,) = problems_of(site, index_urls=index.url)
    assert (problem.package, problem.code) == ("demo", "broken-metadata")
    assert says in problem.message
    assert index.requests == []


@pytest.mark.parametrize("name", ["broken.dist-info", "-1.0.dist-info", ".dist-info", "demo-1.0-1-2.dist-info"])
def test_an_odd_dist_info_folder_is_a_clear_problem(name: str, site: Path) -> None:
    (site / name).mkdir(parents=True)
    (problem,) = problems_of(site)
    assert problem.code == "broken-metadata"
    assert name in problem.message


def test_a_dist_info_that_is_a_file_is_a_clear_problem(site: Path) -> None:
    site.mkdir()
    (site / DIST_INFO).write_text("")
    assert told(problems_of(site)) == [("demo", "broken-metadata")]


@pytest.mark.parametrize("tag", ["cp314-cp314-manylinux_2_17_x86_64", "cp313-cp313-pyodide_2025_0_wasm32"])
def test_wrong_platform(tag: str, index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", tag=tag))
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "wrong-platform"
    assert tag in problem.message


def test_a_native_wheel_is_for_this_platform(index: IndexServer, site: Path) -> None:
    for name, tag in (("one", NATIVE), ("two", "cp314-cp314-pyodide_2026_0_wasm32"), ("three", "cp312-abi3-any")):
        tag = tag.replace("abi3-any", "abi3-emscripten_5_0_3_wasm32")
        installer_target(site, build_wheel(index.folder, name, "1.0", tag=tag))
    assert told(freeze_folder(site, index_urls=index.url).warnings) == []


@pytest.mark.parametrize("scheme", ["purelib", "platlib"])
def test_layout(scheme: str, index: IndexServer, site: Path) -> None:
    """Pyodide unpacks wheels as they are."""
    wheel = build_wheel(index.folder, "demo", "1.0", files={}, data={f"{scheme}/demo.py": "x = 1\n"})
    with zipfile.ZipFile(wheel) as unpacked:
        unpacked.extractall(site)
    assert ("demo", "layout") in told(problems_of(site, index_urls=index.url))


def test_foreign_installer(demo: Path, index: IndexServer, site: Path) -> None:
    claim(site, INSTALLER="conda\n")
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "foreign-installer")]


@pytest.mark.parametrize("installer", ["poetry", "pdm", "pip", "uv", "", "micropip", "pyodide.loadPackage"])
def test_any_other_installer_is_proved_by_contents(installer: str, demo: Path, index: IndexServer, site: Path) -> None:
    claim(site, INSTALLER=installer)
    assert proofs(freeze_folder(site, index_urls=index.url)) == {"demo": ("index", "content")}


@pytest.mark.parametrize("installer", ["micropip mock package", "micropip in-memory mock package"])
def test_mock(installer: str, demo: Path, index: IndexServer, site: Path) -> None:
    claim(site, INSTALLER=installer)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "mock")]


def live(site: Path, *entries: dict[str, Any], **more: Any) -> Surroundings:
    return Surroundings(paths=(site,), base=base_lock(*entries), **{"loaded": {}, **more})


def test_a_mock_in_memory_is_seen(site: Path) -> None:
    site.mkdir()
    problems = problems_of(None, index_urls=None, surroundings=live(site, in_memory={"ghost": "1.0"}))
    assert told(problems) == [("ghost", "mock")]
    freeze_folder(None, index_urls=None, surroundings=live(site, in_memory={"ghost": "1.0"}), exclude=["ghost"])


def test_a_loaded_name_without_a_trace_is_broken_metadata(site: Path) -> None:
    site.mkdir()
    loaded = {"ghost": "https://files.example/ghost.whl", "gone": "default channel"}
    problems = problems_of(None, index_urls=None, surroundings=live(site, loaded=loaded))
    assert told(problems) == [("ghost", "broken-metadata"), ("gone", "broken-metadata")]


@pytest.mark.parametrize("entries", [(entry("demo", "2.0"),), ()])
def test_base_mismatch(entries: tuple[dict[str, Any], ...], demo: Path, site: Path) -> None:
    claim(site, INSTALLER="pyodide.loadPackage", PYODIDE_SOURCE="pyodide")
    around = live(site, *entries, loaded={"demo": "default channel"})
    assert told(problems_of(None, index_urls=None, surroundings=around)) == [("demo", "base-mismatch")]


# -- dependencies


def test_missing_dependency(index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["absent>=2 ; python_version > '3'"])
    installer_target(site, wheel)
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "missing-dependency"
    assert "absent>=2" in problem.message and "python_version" not in problem.message
    result = freeze_folder(site, index_urls=index.url, allow_broken=True)
    assert told(result.warnings) == [("demo", "missing-dependency")]
    assert result.lockfile.packages["demo"].depends == ()


def test_conflicting_dependency(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", requires=["other>=2"]))
    installer_target(site, build_wheel(index.folder, "other", "1.0"))
    (problem,) = problems_of(site, index_urls=index.url)
    assert (problem.package, problem.code) == ("demo", "conflicting-dependency")
    result = freeze_folder(site, index_urls=index.url, allow_broken=True)
    assert told(result.warnings) == [("demo", "conflicting-dependency")]
    assert result.lockfile.packages["demo"].depends == ("other",)


@pytest.mark.parametrize(
    ("requested", "code"), [("absent", "missing-dependency"), ("demo>1", "conflicting-dependency")]
)
def test_what_was_requested_must_be_there(
    requested: str, code: str, demo: Path, index: IndexServer, site: Path
) -> None:
    name = requested.partition(">")[0]
    assert told(problems_of(site, index_urls=index.url, requested=[requested])) == [(name, code)]
    result = freeze_folder(site, index_urls=index.url, requested=[requested], allow_broken=True)
    assert told(result.warnings) == [(name, code)]


def test_an_entry_that_the_base_lacks_is_missing(site: Path) -> None:
    site.mkdir()
    around = live(site, entry("lib", depends=["absent"]), loaded={"lib": "default channel"})
    assert told(problems_of(None, index_urls=None, surroundings=around)) == [("lib", "missing-dependency")]
    result = freeze_folder(None, index_urls=None, surroundings=around, allow_broken=True)
    assert told(result.warnings) == [("lib", "missing-dependency")]
    assert result.lockfile.packages["lib"].depends == ()


# -- warnings, strict


def test_yanked(demo: Path, index: IndexServer, site: Path) -> None:
    for yanked, says in ((True, "yanked"), ("it eats files", "it eats files")):
        index.yanked["demo==1.0"] = yanked
        for json_page in (True, False):
            index.json = json_page
            result = freeze_folder(site, index_urls=index.url)
            assert told(result.warnings) == [("demo", "yanked")]
            assert says in result.warnings[-1].message


def test_a_cycle_is_broken_with_a_warning(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "one", "1.0", requires=["two"]))
    installer_target(site, build_wheel(index.folder, "two", "1.0", requires=["one"]))
    result = freeze_folder(site, index_urls=index.url)
    assert told(result.warnings) == [("one", "cycle")]
    assert result.lockfile.packages["one"].depends == ("two",)
    assert result.lockfile.packages["two"].depends == ()


def test_an_import_collision(index: IndexServer, site: Path, tmp_path: Path) -> None:
    one = build_wheel(index.folder, "one", "1.0", files={"common.py": "x = 1\n"})
    two = build_wheel(index.folder, "two", "1.0", files={"common.py": "x = 1\n"})
    installer_target(tmp_path / "a", one)
    installer_target(tmp_path / "b", two)
    result = freeze_folder([tmp_path / "a", tmp_path / "b"], index_urls=index.url)
    assert told(result.warnings) == [("one", "import-collision")]


def test_an_excluded_dependency(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", requires=["other"]))
    installer_target(site, build_wheel(index.folder, "other", "1.0"))
    result = freeze_folder(site, index_urls=index.url, exclude=["Other"])
    assert told(result.warnings) == [("demo", "excluded-dependency")]
    assert result.lockfile.packages["demo"].depends == ()
    assert result.left_out == (("other", "1.0", "left out on purpose"),)


def test_an_excluded_package_has_no_problems(demo: Path, index: IndexServer, site: Path) -> None:
    (site / "broken-1.0.dist-info").mkdir()
    (site / "old-1.0.egg-info").mkdir()
    result = freeze_folder(site, index_urls=index.url, exclude=["broken", "old"])
    assert set(result.lockfile.packages) == {"demo"}


def test_a_guessed_extra(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", extras={"more": ["other"]}))
    installer_target(site, build_wheel(index.folder, "other", "1.0"))
    result = freeze_folder(site, index_urls=index.url)
    assert told(result.warnings) == [("demo", "extra-guessed")]
    assert result.lockfile.packages["demo"].depends == ("other",)
    assert 'requested "demo[more]"' in result.warnings[-1].hint or "demo[more]" in str(result.warnings)
    told_so = freeze_folder(site, index_urls=index.url, requested=["demo[more]"])
    assert told(told_so.warnings) == []
    wanted_itself = freeze_folder(site, index_urls=index.url, requested=["other", "demo"])
    assert told(wanted_itself.warnings) == []
    assert wanted_itself.lockfile.packages["demo"].depends == ()


def test_not_portable(demo: Path, index: IndexServer, site: Path) -> None:
    (warning,) = freeze_folder(site, index_urls=index.url).warnings
    assert (warning.package, warning.code) == ("demo", "not-portable")
    assert warning.hint


@pytest.mark.parametrize(
    ("url", "portable"),
    [
        ("https://files.example/demo-1.0-py3-none-any.whl", True),
        ("http://files.example/demo-1.0-py3-none-any.whl", True),
        ("https://site.example/files/demo-1.0-py3-none-any.whl", False),  # where the page is
        ("https://192.168.1.7/demo-1.0-py3-none-any.whl", False),
        ("https://localhost:8000/demo-1.0-py3-none-any.whl", False),
        ("https://devpi/demo-1.0-py3-none-any.whl", False),
    ],
)
def test_addresses_that_others_cannot_use(url: str, portable: bool, demo: Path, site: Path) -> None:
    claim(site, INSTALLER="micropip", PYODIDE_URL=url, PYODIDE_SHA256=sha256(demo))
    around = live(site, loaded={"demo": "pypi"}, page_origin="https://site.example")
    result = freeze_folder(None, index_urls=None, surroundings=around)
    assert [item.code for item in result.warnings] == ([] if portable else ["not-portable"])
    assert result.lockfile.packages["demo"].file_name == url


def test_strict_makes_warnings_problems_and_tells_them_with_the_others(
    demo: Path, index: IndexServer, site: Path
) -> None:
    index.yanked["demo==1.0"] = True
    assert [problem.code for problem in problems_of(site, index_urls=index.url, strict=True)] == [
        "not-portable",
        "yanked",
    ]
    installer_target(site, build_wheel(index.folder, "needy", "1.0", requires=["absent"]))
    problems = problems_of(site, index_urls=index.url, strict=True)
    assert told(problems) == [("demo", "yanked"), ("needy", "missing-dependency")]


def test_strict_without_warnings_is_no_obstacle(site: Path, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "dist", "demo", "1.0")
    installer_target(site, wheel)
    base = base_lock(lock_entry(wheel))
    freeze_folder(site, base=base, base_dir=tmp_path / "dist", base_url="https://cdn.example/", strict=True)


# -- accept_unproved


def change_files(site: Path) -> None:
    (site / "demo.txt").write_text("other text")


def test_what_may_be_waived() -> None:
    assert {"unreachable", "not-allowed", "no-ranges", "files-changed", "weak-record"} == WAIVABLE


@pytest.mark.parametrize("fault", [Fault("status", status=500), Fault("status", status=403)])
def test_a_wheel_out_of_reach_can_be_accepted(fault: Fault, demo: Path, index: IndexServer, site: Path) -> None:
    index.faults["/files/"] = fault
    result = freeze_folder(site, index_urls=index.url, accept_unproved=["Demo"])
    assert proofs(result) == {"demo": ("index", "accepted")}
    assert result.lockfile.packages["demo"].sha256 == sha256(demo)


def test_a_page_out_of_reach_leaves_nothing_to_accept(demo: Path, index: IndexServer, site: Path) -> None:
    index.faults["/simple/"] = Fault("status", status=500)
    assert told(problems_of(site, index_urls=index.url, accept_unproved=["demo"])) == [("demo", "unreachable")]


def test_a_claim_out_of_reach_can_be_accepted_with_its_hash_only(demo: Path, index: IndexServer, site: Path) -> None:
    index.faults["/files/"] = Fault("reset")
    claim(site, direct_url_json=archive(index.file_url(demo.name), sha256(demo)))
    assert proofs(freeze_folder(site, accept_unproved=["demo"])) == {"demo": ("direct-url", "accepted")}
    claim(site, direct_url_json=archive(index.file_url(demo.name)))
    assert told(problems_of(site, accept_unproved=["demo"])) == [("demo", "unreachable")]


def test_no_ranges_can_be_accepted(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "big", "1.0", files=BIG))
    index.ranges = "no"
    result = freeze_folder(site, index_urls=index.url, accept_unproved=["big"])
    assert proofs(result) == {"big": ("index", "accepted")}


def test_changed_files_can_be_accepted(demo: Path, index: IndexServer, site: Path) -> None:
    change_files(site)
    result = freeze_folder(site, index_urls=index.url, accept_unproved=["demo"])
    assert proofs(result) == {"demo": ("index", "accepted")}


def test_added_files_can_be_accepted(demo: Path, index: IndexServer, site: Path) -> None:
    rewrite_record(site, DIST_INFO, "demo.txt,", "../more,,\ndemo.txt,")
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "files-changed")]
    result = freeze_folder(site, index_urls=index.url, accept_unproved=["demo"])
    assert proofs(result) == {"demo": ("index", "accepted")}


def test_a_weak_record_can_be_accepted(index: IndexServer, site: Path) -> None:
    build_wheel(index.folder, "demo", "1.0", record=lambda rows: [(path, "", "") for path, _, _ in rows])
    uv_target(site, "demo", index_url=index.url)
    result = freeze_folder(site, index_urls=index.url, accept_unproved=["demo"])
    assert proofs(result) == {"demo": ("index", "accepted")}


def test_accepting_one_package_accepts_no_other(demo: Path, index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "more", "1.0"))
    index.faults["/files/"] = Fault("status", status=500)
    assert told(problems_of(site, index_urls=index.url, accept_unproved=["more"])) == [("demo", "unreachable")]


def test_a_wheel_of_other_tags_is_not_accepted_for_the_one_that_is_installed(
    demo: Path, index: IndexServer, site: Path, tmp_path: Path
) -> None:
    """The one of the same tags is another wheel for certain; the other one merely cannot be read."""
    site = installer_target(tmp_path / "b", build_wheel(tmp_path, "demo", "1.0", files={"demo.py": "x = 3\n"}))
    native = build_wheel(index.folder, "demo", "1.0", tag=NATIVE)
    index.faults[f"/files/{native.name}"] = Fault("status", status=500)
    problems = problems_of(site, index_urls=index.url, accept_unproved=["demo"])
    assert told(problems) == [("demo", "unreachable")]


def _mismatch(site: Path, index: IndexServer, wheel: Path) -> None:
    index.remove(wheel.name)
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "other = 1\n"})


def _no_version(site: Path, index: IndexServer, wheel: Path) -> None:
    index.remove(wheel.name)
    build_wheel(index.folder, "demo", "2.0")


def _conflict(site: Path, index: IndexServer, wheel: Path) -> None:
    claim(site, direct_url_json=archive(index.file_url(wheel.name), "0" * 64))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_mismatch, "content-mismatch"),
        (_no_version, "no-such-version"),
        (_conflict, "hash-conflict"),
        (lambda site, index, wheel: index.remove(wheel.name), "no-such-project"),
        (lambda site, index, wheel: claim(site, INSTALLER="conda"), "foreign-installer"),
        (lambda site, index, wheel: claim(site, uv_build_json=""), "sdist"),
        (lambda site, index, wheel: _latin_1(site / DIST_INFO), "broken-metadata"),
        (lambda site, index, wheel: claim(site, PYODIDE_URL="emfs:/demo.whl"), "local-file"),
        (lambda site, index, wheel: setattr(index, "hashes", "none"), "hash-missing"),
    ],
)
def test_nothing_else_can_be_waived(
    spoil: Callable[[Path, IndexServer, Path], None], code: str, demo: Path, index: IndexServer, site: Path
) -> None:
    spoil(site, index, demo)
    assert told(problems_of(site, index_urls=index.url, accept_unproved=["demo"])) == [("demo", code)]


def test_changed_files_of_another_wheel_are_not_waived(demo: Path, index: IndexServer, site: Path) -> None:
    change_files(site)
    _mismatch(site, index, demo)
    codes = told(problems_of(site, index_urls=index.url, accept_unproved=["demo"]))
    assert ("demo", "content-mismatch") in codes


# -- all at once, nothing written


def test_every_problem_of_every_package_is_told_at_once(index: IndexServer, site: Path, tmp_path: Path) -> None:
    installer_target(
        site,
        build_wheel(index.folder, "good", "1.0"),
        build_wheel(tmp_path, "unknown", "1.0"),
        build_wheel(index.folder, "needy", "1.0", requires=["absent", "good>2"]),
        build_wheel(tmp_path, "worse", "1.0", requires=["nowhere"]),
        build_wheel(index.folder, "foreign", "1.0", tag="cp314-cp314-win_amd64"),
        build_wheel(index.folder, "demo", "1.0"),
    )
    claim(site, INSTALLER="conda")
    (site / "broken-1.0.dist-info").mkdir()
    problems = problems_of(site, index_urls=index.url)
    assert told(problems) == [
        ("broken", "broken-metadata"),
        ("demo", "foreign-installer"),
        ("foreign", "wrong-platform"),
        ("needy", "conflicting-dependency"),
        ("needy", "missing-dependency"),
        ("unknown", "no-such-project"),
        ("worse", "missing-dependency"),
        ("worse", "no-such-project"),
    ]


def test_a_problem_is_told_once(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", requires=["absent", "absent>1"]))
    problems = problems_of(site, index_urls=index.url)
    assert len(set(problems)) == len(problems)


def test_the_error_counts_packages(demo: Path, site: Path) -> None:
    with pytest.raises(UnlockableError, match="1 package cannot be locked; nothing was written"):
        freeze_folder(site)
