"""A page cut up by version, its status, and its way through a cache."""

from __future__ import annotations

import json
from typing import Any

import pytest
from packaging.version import Version

from micropip_lock.formats import project_page as simple
from micropip_lock.formats.project_page import ProjectPage, single_file_page
from micropip_lock.formats.project_page_parser import parse_page

URL = "https://index.example/simple/demo/"
JSON = "application/vnd.pypi.simple.v1+json"


def page(*filenames: str, **changes: Any) -> ProjectPage:
    """A JSON page of these files."""
    files = [{"filename": name, "url": f"../../files/{name}", "hashes": {}} for name in filenames]
    return parse_page(json.dumps({"files": files, **changes}).encode(), JSON, URL)


def html(*anchors: str, head: str = "") -> ProjectPage:
    """An HTML page of these anchors."""
    text = (
        f"<!DOCTYPE html><html><head>{head}<title>Links for "
        f"demo</title></head><body>{''.join(anchors)}</body></html>"
    )
    return parse_page(text.encode(), "text/html", URL)


def test_each_version_has_a_page_of_its_own_files() -> None:
    found = page(
        "demo-2.0-py3-none-any.whl",
        "demo-1.0.tar.gz",
        "demo-1.0-1-py3-none-any.whl",
        "demo-1.0.0-py3-none-any.whl",
        "demo-2.0rc1.zip",
    ).versions("demo")
    assert {str(version): cut.filenames for version, cut in found.items()} == {
        "2.0": ("demo-2.0-py3-none-any.whl",),
        "1.0": ("demo-1.0.tar.gz", "demo-1.0-1-py3-none-any.whl", "demo-1.0.0-py3-none-any.whl"),
        "2.0rc1": ("demo-2.0rc1.zip",),
    }
    (file,) = found[Version("2.0")].files("demo", {Version("2")})
    assert file.url == "https://index.example/files/demo-2.0-py3-none-any.whl"


@pytest.mark.parametrize(
    "filename",
    [
        "other-1.0-py3-none-any.whl",
        "demo_extra-1.0-py3-none-any.whl",
        "demo-two-py3-none-any.whl",
        "demo.whl",
        "demo-1.0.exe",
        "demo-1.0.egg",
        "demo.tar.gz",
        "",
        "demo-1.0",
        "demo-" + "1" * 5000 + "-py3-none-any.whl",
        "demo-" + "1" * 5000 + ".tar.gz",
    ],
    ids=lambda name: name[:24],
)
def test_what_is_no_file_of_the_project_has_no_version(filename: str) -> None:
    assert page(filename).versions("demo") == {}


@pytest.mark.parametrize("spelling", ["Demo.Lib", "demo_lib", "demo.LIB", "DEMO_lib"])
def test_names_in_file_names_are_canonicalised(spelling: str) -> None:
    assert list(map(str, page(f"{spelling}-1.0-py3-none-any.whl").versions("demo-lib"))) == ["1.0"]
    assert list(map(str, page(f"{spelling}-1.0.tar.gz").versions("demo-lib"))) == ["1.0"]


def test_html_is_cut_up_as_well() -> None:
    found = html(
        '<a href="demo-1.0-py3-none-any.whl#sha256='
        + "a" * 64
        + '" data-yanked="">demo-1.0-py3-none-any.whl</a>',
        '<a href="demo-2.0.tar.gz">demo-2.0.tar.gz</a>',
    ).versions("demo")
    (file,) = found[Version("1.0")].files("demo", {Version("1.0")})
    assert (file.sha256, file.yanked) == ("a" * 64, "")
    assert set(map(str, found)) == {"1.0", "2.0"}


def test_a_page_of_20_000_versions_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but names is looked at, and each of them once;

    then only the rows of a version are read.
    """
    many = page(*(f"demo-{number}.0-py3-none-any.whl" for number in range(20_000)))
    names: list[str] = []
    parsed: list[str] = []
    version_of, parse_file_name = simple.version_of, simple.parse_file_name
    monkeypatch.setattr(
        simple, "version_of", lambda *given: names.append(given[0]) or version_of(*given)
    )
    monkeypatch.setattr(
        simple, "parse_file_name", lambda *given: parsed.append(given[0]) or parse_file_name(*given)
    )
    found = many.versions("demo")
    assert (len(found), len(names), len(parsed)) == (20_000, 20_000, 0)
    for number in (0, 7, 19_999):
        version = Version(f"{number}.0")
        assert [file.version for file in found[version].files("demo", {version})] == [version]
    assert len(parsed) == 3


# -- status


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        ({"status": "archived", "reason": "no time"}, "archived", "no time"),
        ({"status": "quarantined"}, "quarantined", ""),
        ({"reason": "why"}, "active", "why"),
        ({}, "active", ""),
        (None, "active", ""),
        ("archived", "active", ""),
        ({"status": 3, "reason": ["x"]}, "active", ""),
    ],
    ids=str,
)
def test_the_status_of_a_json_page(said: object, status: str, reason: str) -> None:
    found = page("demo-1.0.tar.gz", **{"project-status": said})
    assert (found.status, found.status_reason) == (status, reason)


def test_a_page_without_status_is_that_of_an_active_project() -> None:
    assert (page().status, html('<a href="demo-1.0.tar.gz">demo-1.0.tar.gz</a>').status) == (
        "active",
        "active",
    )


def test_the_status_of_an_html_page() -> None:
    head = (
        '<meta name="pypi:project-status" content="archived"><meta '
        'name="pypi:project-status-reason" content="old">'
    )
    found = html('<a href="demo-1.0.tar.gz">demo-1.0.tar.gz</a>', head=head)
    assert (found.status, found.status_reason) == ("archived", "old")


# -- JSON


def through_json(made: ProjectPage) -> ProjectPage:
    return ProjectPage.from_json(json.loads(json.dumps(made.to_json())))


@pytest.mark.parametrize(
    "made",
    [
        page(),
        page(
            "demo-1.0-py3-none-any.whl",
            **{"project-status": {"status": "archived", "reason": "no time"}},
        ),
        html(
            '<a href="demo-1.0.tar.gz#sha256='
            + "b" * 64
            + '" data-requires-python="&gt;=3">demo-1.0.tar.gz</a>'
        ),
        single_file_page("https://host.example/demo-1.0-py3-none-any.whl"),
    ],
    ids=["empty", "json", "html", "single file"],
)
def test_a_page_comes_through_json_as_it_was(made: ProjectPage) -> None:
    found = through_json(made)
    assert found == made
    assert found.files("demo", {Version("1.0")}) == made.files("demo", {Version("1.0")})


def test_only_what_is_read_of_a_row_goes_into_json() -> None:
    row = {
        "url": "demo-1.0-py3-none-any.whl",
        "hashes": {"sha256": "c" * 64},
        "size": 5,
        "yanked": "why",
        "requires-python": ">=3",
        "core-metadata": {"sha256": "d" * 64},
    }
    named = {"filename": "demo-1.0-py3-none-any.whl"}
    more = {
        "provenance": "https://host.example/?token=hunter2",
        "upload-time": "2026-01-01T00:00:00Z",
        "gpg-sig": True,
    }
    made = parse_page(json.dumps({"files": [named | row | more]}).encode(), JSON, URL)
    assert made.to_json() == [URL, "active", "", [[named["filename"], row]]]
    assert through_json(made).files("demo", {Version("1.0")}) == made.files(
        "demo", {Version("1.0")}
    )


@pytest.mark.parametrize("known", [{}, {"core-metadata": None}])
def test_a_sidecar_that_goes_by_an_older_name_is_kept(known: dict[str, Any]) -> None:
    said = {"dist-info-metadata": {"sha256": "d" * 64}, "data-dist-info-metadata": False}
    row = {"filename": "demo-1.0-py3-none-any.whl", "url": "demo-1.0-py3-none-any.whl"}
    made = parse_page(json.dumps({"files": [row | known | said]}).encode(), JSON, URL)
    (file,) = made.files("demo", {Version("1.0")})
    assert file.metadata_sha256 == "d" * 64
    assert through_json(made) == made


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        "page",
        [URL, "active", ""],
        [URL, "active", "", None],
        [URL, "active", "", "rows"],
        [URL, None, "", []],
        [URL, "active", "", [], "more"],
        [URL, "active", "", ["row"]],
        [URL, "active", "", [["name"]]],
        [URL, "active", "", [["name", 3]]],
        [URL, "active", "", [[3, {}]]],
        [URL, "active", "", [5]],
    ],
    ids=str,
)
def test_json_that_is_no_page(value: object) -> None:
    with pytest.raises(ValueError, match=r"of a page|not a page"):
        ProjectPage.from_json(value)


def test_the_urls_of_a_page() -> None:
    made = page("demo-1.0.tar.gz", "demo-2.0.tar.gz", "demo-1.0.tar.gz")
    files = "https://index.example/files"
    assert made.urls == {URL, f"{files}/demo-1.0.tar.gz", f"{files}/demo-2.0.tar.gz"}


@pytest.mark.parametrize(
    ("said", "yanked"),
    [
        ("two\n lines\t", "two lines"),
        ("x" * 1000, "x" * 200),
        ("", ""),
        (True, ""),
        (False, None),
        (None, None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_why_a_file_was_yanked_is_one_short_line(said: object, yanked: str | None) -> None:
    row = {"filename": "demo-1.0.tar.gz", "url": "demo-1.0.tar.gz", "yanked": said}
    made = parse_page(json.dumps({"files": [row]}).encode(), JSON, URL)
    assert [file.yanked for file in made.files("demo", {Version("1.0")})] == [yanked]
