"""The fast paths of project pages beside a plain reader, which reads all of a page at once.

`ProjectPage` cuts an HTML page into anchors by regular expressions, finds versions in the first
parts of file names, and joins only those URLs that need it. `plain_files` does none of this.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from micropip_lock.formats.project_page import ProjectPage
from micropip_lock.formats.project_page_names import parse_file_name, version_of
from micropip_lock.formats.project_page_parser import parse_page

URL = "https://index.example/simple/demo/"
JSON = "application/vnd.pypi.simple.v1+json"

# -- the plain reader

#: File name, URL, version, sha256, size, whether it was yanked, Requires-Python, sidecar.
Plain = tuple[str, str, Version, str | None, int | None, bool, str | None, bool]


class Anchors(HTMLParser):
    """Every anchor of a page as an object of PEP 691."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        href = attributes.get("href")
        if tag != "a" or href is None:
            return
        path, _, fragment = href.partition("#")
        file: dict[str, Any] = {"url": href, "filename": unquote(path.rpartition("/")[2])}
        if fragment:
            file["hashes"] = dict([fragment.split("=")])
        if "data-yanked" in attributes:
            file["yanked"] = attributes["data-yanked"] or True
        if attributes.get("data-requires-python"):
            file["requires-python"] = attributes["data-requires-python"]
        if "data-core-metadata" in attributes:
            file["core-metadata"] = attributes["data-core-metadata"] != "false"
        self.files.append(file)


def plain_version(filename: str) -> Version | None:
    """The version in the name of a wheel or sdist of demo."""
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except ValueError:
        return None
    return version if name == "demo" else None


def plain_files(objects: list[dict[str, Any]]) -> Iterator[Plain]:
    for file in objects:
        version = plain_version(file["filename"])
        url = urldefrag(urljoin(URL, file["url"]))[0]
        if version is None or urlsplit(url).scheme not in ("http", "https", "file"):
            continue
        yield (
            file["filename"],
            url,
            version,
            file.get("hashes", {}).get("sha256"),
            file.get("size"),
            file.get("yanked", False) is not False,
            file.get("requires-python"),
            bool(file.get("core-metadata")),
        )


def read(page: ProjectPage) -> list[Plain]:
    """All files of a page, version by version as a resolution reads them."""
    return [
        (
            file.filename,
            file.url,
            file.version,
            file.sha256,
            file.size,
            file.yanked is not None,
            file.requires_python,
            file.metadata_sha256 is not None,
        )
        for version, part in page.versions("demo").items()
        for file in part.files("demo", {version})
    ]


def by_version(files: Iterator[Plain]) -> list[Plain]:
    """The files in the order of the page, those of one version after the other."""
    found: dict[Version, list[Plain]] = {}
    for file in files:
        found.setdefault(file[2], []).append(file)
    return [file for files_of in found.values() for file in files_of]


# -- random pages

projects = st.sampled_from(["demo", "Demo", "demo_", "other", "demo-x", "demo_x"])
versions = st.sampled_from(["1.0", "1.0.0", "1", "2.0rc1", "1.0+local", "1!2", "one", "", "1.0-1"])
endings = st.sampled_from(
    [
        "-py3-none-any.whl",
        "-1-py2.py3-none-any.whl",
        "-x-py3-none-any.whl",
        "-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
        "-none-any.whl",
        ".whl",
        ".tar.gz",
        ".zip",
        ".exe",
        "",
    ]
)
filenames = st.builds(lambda *parts: "{}-{}{}".format(*parts), projects, versions, endings)
folders = st.sampled_from(
    [
        "https://files.example/a/",
        "https://files.example/a%20b/../c/",
        "https://files.example:8080/",
        "../../files/",
        "/files/",
        "//files.example/",
        "",
        "ftp://files.example/",
        "file:///files/",
    ]
)
digests = st.sampled_from(["", "ab" * 32])


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    filename = draw(filenames)
    fragment = draw(st.sampled_from(["", "", "#egg=demo"]))
    file: dict[str, Any] = {"filename": filename, "url": draw(folders) + filename + fragment}
    digest = draw(digests)
    if digest:
        file["hashes"] = {"sha256": digest}
    optional: Mapping[str, st.SearchStrategy[Any]] = {
        "size": st.integers(1, 2**40),
        "yanked": st.sampled_from([False, True, "broken"]),
        "requires-python": st.sampled_from([">=3.9", "<4,>=3.11"]),
        "core-metadata": st.sampled_from([False, True, {"sha256": "cd" * 32}]),
    }
    for key, values in optional.items():
        if draw(st.booleans()):
            file[key] = draw(values)
    return file


pages = st.lists(objects(), max_size=8)


def anchor(file: dict[str, Any]) -> str:
    digest = file.get("hashes", {}).get("sha256")
    url = file["url"].partition("#")[0]
    attributes = [("href", f"{url}#sha256={digest}" if digest else url)]
    if file.get("yanked"):
        attributes.append(("data-yanked", "" if file["yanked"] is True else file["yanked"]))
    if "requires-python" in file:
        attributes.append(("data-requires-python", file["requires-python"]))
    if "core-metadata" in file:
        attributes.append(("data-core-metadata", "true" if file["core-metadata"] else "false"))
    text = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes)
    return f"<a {text}>{html.escape(file['filename'])}</a><br>"


@given(pages)
def test_json_pages_are_read_as_plainly(files: list[dict[str, Any]]) -> None:
    page = parse_page(json.dumps({"files": files}).encode(), JSON, URL)
    assert read(page) == by_version(plain_files(files))
    assert read(ProjectPage.from_json(json.loads(json.dumps(page.to_json())))) == read(page)


@given(pages)
def test_html_pages_are_read_as_plainly(files: list[dict[str, Any]]) -> None:
    body = f"<title>Links for demo</title>{''.join(map(anchor, files))}"
    plain = Anchors()
    plain.feed(body)
    page = parse_page(body.encode(), "text/html", URL)
    assert read(page) == by_version(plain_files(plain.files))


@given(pages)
def test_a_whole_page_and_its_parts_have_the_same_files(files: list[dict[str, Any]]) -> None:
    page = parse_page(json.dumps({"files": files}).encode(), JSON, URL)
    for version, part in page.versions("demo").items():
        assert part.files("demo", {version}) == page.files("demo", {version})


@pytest.mark.parametrize("ending", [".tar.gz", ".zip", "-py3-none-any.whl"])
@given(projects, st.from_regex(r"\A[0-9a-z.+!-]{0,9}\Z"))
def test_versions_are_those_of_the_parsed_names(ending: str, project: str, text: str) -> None:
    filename = f"{project}-{text}{ending}"
    parsed = parse_file_name(filename, "demo")
    if parsed is not None:
        assert version_of(filename, "demo") == parsed.version
