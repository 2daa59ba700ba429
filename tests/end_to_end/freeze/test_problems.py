"""Loud failure: what cannot be claimed, all problems of a freeze at once, and nothing written."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from micropip_lock import UnlockableError

from ...support.freezing import DIST_INFO, archive, claim, freeze_folder, problems_of, proofs, told
from ...support.index_server import IndexServer
from ...support.installed import installer_target, pip_report, pip_target, uv_target
from ...support.wheels import build_sdist, build_wheel, sha256

Install = Callable[..., Path]


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
def test_a_local_place_of_micropip_is_a_local_file(
    url: str, demo: Path, index: IndexServer, site: Path
) -> None:
    claim(site, INSTALLER="micropip", PYODIDE_URL=url, PYODIDE_SHA256=sha256(demo))
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "local-file")]


@pytest.mark.parametrize("install", [pip_target, uv_target])
def test_an_sdist_by_url_is_an_sdist(install: Install, index: IndexServer, site: Path) -> None:
    sdist = build_sdist(index.folder, "demo", "1.0")
    install(site, f"demo @ {index.file_url(sdist.name)}", platform=None)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "sdist")]


@pytest.mark.parametrize("install", [pip_target, uv_target])
def test_an_sdist_from_an_index_is_an_sdist(
    install: Install, index: IndexServer, site: Path
) -> None:
    build_sdist(index.folder, "demo", "1.0")
    install(site, "demo", index_url=index.url, platform=None)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "sdist")]


def test_what_uv_built_is_an_sdist_even_if_the_index_has_a_wheel(
    demo: Path, index: IndexServer, site: Path
) -> None:
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
        (
            {
                "url": "https://u:secret@git.example/demo",
                "vcs_info": {"vcs": "git", "commit_id": "0" * 40},
            },
            "vcs",
        ),
        ({"url": "file:///demo-1.0-py3-none-any.whl", "archive_info": {}}, "local-file"),
        ({"url": "https://files.example/demo-1.0.tar.gz", "archive_info": {}}, "sdist"),
        ({"url": "https://files.example/demo-1.0.zip#egg=demo", "archive_info": {}}, "sdist"),
        ({"url": "https://files.example/demo.whl"}, "broken-metadata"),
        ({"url": 3, "archive_info": {}}, "broken-metadata"),
        (["url"], "broken-metadata"),
        (
            {"url": "https://f.example/demo.whl", "archive_info": {"hashes": {"sha256": "short"}}},
            "broken-metadata",
        ),
    ],
)
def test_what_direct_url_says(
    direct_url: object, code: str, demo: Path, index: IndexServer, site: Path
) -> None:
    claim(site, direct_url_json=json.dumps(direct_url))
    problems = problems_of(site, index_urls=index.url)
    assert told(problems) == [("demo", code)]
    assert "secret" not in str(problems)


@pytest.mark.parametrize("name", ["foo bar", "_foo", "f\u00f6\u00f6", ""])
def test_a_requested_folder_without_the_name_of_a_project_is_a_problem(
    name: str, site: Path
) -> None:
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "INSTALLER").write_text("pip\n")
    (folder / "REQUESTED").touch()
    assert [problem.code for problem in problems_of(site)] == ["broken-metadata"]


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
@pytest.mark.parametrize(
    "name", ["direct_url.json", "provenance_url.json", "PYODIDE_URL", "PYODIDE_SOURCE"]
)
def test_a_forged_claim_need_not_be_in_record(
    name: str, listed: bool, index: IndexServer, site: Path
) -> None:
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


def test_a_forged_index_file_changes_nothing(
    index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(
        index.folder, "demo", "1.0", dist_info_files={"INDEX": other_index.url + "\n"}
    )
    installer_target(site, wheel)
    result = freeze_folder(site, index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name == index.file_url(wheel.name)
    assert other_index.requests == []


def test_a_claim_to_a_wheel_of_other_contents_does_not_match(
    demo: Path, index: IndexServer, site: Path
) -> None:
    other = build_wheel(index.folder / "other", "demo", "1.0", files={"demo.py": "evil = True\n"})
    index.add(other.rename(other.with_name("demo-1.0-1-py3-none-any.whl")))
    claim(site, direct_url_json=archive(index.file_url("demo-1.0-1-py3-none-any.whl")))
    # The index would have the right one, but what the files say comes first.
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "content-mismatch")]


def test_a_claim_to_a_wheel_of_another_project_does_not_match(
    demo: Path, index: IndexServer, site: Path
) -> None:
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
    claim(
        site, direct_url_json=archive(url, "0" * 64), provenance_url_json=archive(url, sha256(demo))
    )
    assert told(problems_of(site)) == [("demo", "hash-conflict")]


def test_report_and_claim_disagree_about_the_hash(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    report = pip_report(site, tmp_path / "report.json", "demo", index_url=index.url)
    claim(site, direct_url_json=archive(index.file_url(wheel.name), "0" * 64))
    assert told(problems_of(site, report=report)) == [("demo", "hash-conflict")]


def test_a_hash_of_micropip_conflicts_with_the_page_on_a_folder(
    demo: Path, index: IndexServer, site: Path
) -> None:
    claim(
        site, INSTALLER="micropip", PYODIDE_URL=index.file_url(demo.name), PYODIDE_SHA256="0" * 64
    )
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "hash-conflict")]


@pytest.mark.parametrize("hashes", ["none", "md5"])
def test_a_hash_that_nobody_gives_is_missing(
    hashes: str, demo: Path, index: IndexServer, site: Path
) -> None:
    index.hashes = hashes
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "hash-missing"
    assert "--download" in problem.hint
    result = freeze_folder(site, index_urls=index.url, download=True)
    assert result.lockfile.packages["demo"].sha256 == sha256(demo)
    assert proofs(result) == {"demo": ("index", "download")}


# -- all at once, nothing written


def test_every_problem_of_every_package_is_told_at_once(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
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
    installer_target(
        site, build_wheel(index.folder, "demo", "1.0", requires=["absent", "absent>1"])
    )
    problems = problems_of(site, index_urls=index.url)
    assert len(set(problems)) == len(problems)


def test_the_error_counts_packages(demo: Path, site: Path) -> None:
    with pytest.raises(UnlockableError, match="1 package cannot be locked; nothing was written"):
        freeze_folder(site)
