"""Loud failure: indexes that lack a wheel, do not answer, refuse, or want a query."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from micropip_lock.environment import Surroundings

from ...support.freezing import archive, base_lock, claim, freeze_folder, problems_of, proofs, told
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target, pip_target, uv_target
from ...support.runtimes import lock_entry
from ...support.wheels import build_sdist, build_wheel, repack, sha256

BIG: dict[str, bytes | str] = {"big.py": "x = 1\n", "big.dat": os.urandom(60_000)}

Install = Callable[..., Path]


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


def test_a_file_name_that_is_no_wheel_name_is_passed_over(
    demo: Path, index: IndexServer, site: Path
) -> None:
    odd = [
        "demo-1.0.whl",
        "demo-1.0-py3-none.whl",
        "demo-not.a.version-py3-none-any.whl",
        "demo-1.0.exe",
        "",
        "-.whl",
    ]
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


def test_a_member_that_is_not_installed_is_a_mismatch(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "", "demo_more.py": ""})
    installer_target(site, build_wheel(tmp_path, "demo", "1.0", files={"demo.py": ""}))
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "content-mismatch")]


def test_a_member_in_the_zip_alone_is_not_proved_by_its_record(
    index: IndexServer, site: Path
) -> None:
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
        record=lambda rows: [
            (path, hash_ if path == "demo.py" else old, size) for path, old, size in rows
        ],
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
    "fault",
    [Fault("html"), Fault("broken-json"), Fault("huge", size=50 * 2**20)],
    ids=lambda fault: str(fault.kind),
)
def test_a_page_that_is_none_is_no_answer(
    fault: Fault, demo: Path, index: IndexServer, site: Path
) -> None:
    index.faults["/simple/demo/"] = fault
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "unreachable"


def test_an_html_error_in_place_of_a_wheel_is_no_wheel(
    demo: Path, index: IndexServer, site: Path
) -> None:
    index.faults["/files/"] = Fault("html")
    assert told(problems_of(site, index_urls=index.url))[0][1] in (
        "content-mismatch",
        "unreachable",
    )


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


def test_find_links_that_are_down_are_told_for_every_package(
    demo: Path, index: IndexServer, site: Path
) -> None:
    installer_target(site, build_wheel(index.folder, "more", "1.0"))
    index.faults["/links"] = Fault("status", status=500)
    around = Surroundings(
        paths=(site,),
        base=base_lock(),
        index_urls=(index.url,),
        find_links=(index.root + "/links",),
    )
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


def test_a_claim_by_a_file_minds_an_index_that_is_down(
    demo: Path, index: IndexServer, other_index: IndexServer, site: Path
) -> None:
    other_index.faults["/"] = Fault("status", status=500)
    claim(site, direct_url_json=archive(index.file_url(demo.name), sha256(demo)))
    # A wheel there could be what was installed, and have brought the claim along.
    assert told(problems_of(site, index_urls=other_index.url)) == [("demo", "unreachable")]
    result = freeze_folder(site, index_urls=other_index.url, accept_unproved=["demo"])
    assert proofs(result) == {"demo": ("direct-url", "accepted")}


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
