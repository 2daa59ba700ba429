from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from micropip_lock.errors import FetchError
from micropip_lock.formats.project_page import IndexFile, ProjectPage, single_file_page
from micropip_lock.formats.project_page_parser import parse_page

from ...support.ids import short

URL = "https://index.example/simple/demo/"
JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html; charset=utf-8"
V1 = {Version("1.0")}
HASH = "ab" * 32


def row(filename: str = "demo-1.0-py3-none-any.whl", **changes: Any) -> dict[str, Any]:
    return {
        "filename": filename,
        "url": f"https://files.example/{filename}",
        "hashes": {"sha256": HASH},
        **changes,
    }


def json_page(*rows: Any, content_type: str = JSON, **changes: Any) -> ProjectPage:
    page = {"meta": {"api-version": "1.1"}, "name": "demo", "files": list(rows), **changes}
    return parse_page(json.dumps(page).encode(), content_type, URL)


def one(page: ProjectPage) -> IndexFile:
    (file,) = page.files("demo", V1)
    return file


def test_a_json_file_with_everything() -> None:
    file = one(
        json_page(row(size=1234, yanked="broken", **{"core-metadata": {"sha256": "CD" * 32}}))
    )
    assert file.filename == "demo-1.0-py3-none-any.whl"
    assert file.url == "https://files.example/demo-1.0-py3-none-any.whl"
    assert (file.version, file.kind, file.build) == (Version("1.0"), "wheel", ())
    assert {str(tag) for tag in file.tags} == {"py3-none-any"}
    assert (file.sha256, file.metadata_sha256, file.size, file.yanked) == (
        HASH,
        "cd" * 32,
        1234,
        "broken",
    )


def test_a_json_file_with_little() -> None:
    file = one(json_page({"filename": "demo-1.0.tar.gz", "url": "../../f/demo-1.0.tar.gz"}))
    assert file == IndexFile(
        "demo-1.0.tar.gz", "https://index.example/f/demo-1.0.tar.gz", Version("1.0"), "sdist"
    )


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, None),
        ({"core-metadata": True}, ""),
        ({"core-metadata": False}, None),
        ({"core-metadata": None, "dist-info-metadata": True}, ""),
        ({"core-metadata": {}}, ""),
        ({"core-metadata": {"md5": "00"}}, ""),
        ({"core-metadata": {"sha256": 7}}, ""),
        ({"dist-info-metadata": {"sha256": HASH}}, HASH),
        ({"data-dist-info-metadata": {"sha256": HASH}}, HASH),
        ({"core-metadata": {"sha256": HASH}, "dist-info-metadata": {"sha256": "00"}}, HASH),
        ({"core-metadata": False, "dist-info-metadata": True}, None),
    ],
)
def test_announced_sidecars(keys: dict[str, Any], expected: str | None) -> None:
    assert one(json_page(row(**keys))).metadata_sha256 == expected


@pytest.mark.parametrize(
    ("keys", "field", "expected"),
    [
        ({"hashes": {}}, "sha256", None),
        ({"hashes": None}, "sha256", None),
        ({"hashes": {"sha256": "short"}}, "sha256", None),
        ({"hashes": {"sha256": ["x"]}}, "sha256", None),
        ({"hashes": {"md5": "00", "sha256": HASH.upper()}}, "sha256", HASH),
        ({"size": "12"}, "size", None),
        ({"size": True}, "size", None),
        ({"size": 0}, "size", None),
        ({"size": -1}, "size", None),
        ({"size": 1.5}, "size", None),
        ({"yanked": False}, "yanked", None),
        ({"yanked": None}, "yanked", None),
        ({"yanked": True}, "yanked", ""),
        ({"yanked": "reason"}, "yanked", "reason"),
        ({"yanked": 1}, "yanked", None),
    ],
)
def test_odd_values_of_a_file(keys: dict[str, Any], field: str, expected: object) -> None:
    assert getattr(one(json_page(row(**keys))), field) == expected


@pytest.mark.parametrize(
    ("url", "sidecar"),
    [
        ("https://files.example/a.whl", "https://files.example/a.whl.metadata"),
        (
            "https://files.example/a.whl?token=1#sha256=0",
            "https://files.example/a.whl.metadata?token=1",
        ),
    ],
)
def test_the_sidecar_is_beside_the_path(url: str, sidecar: str) -> None:
    file = one(json_page(row(url=url)))
    assert file.metadata_url == sidecar
    assert "#" not in file.url


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        ("demo-1.0-py3-none-any.whl", "wheel"),
        ("Demo-1.0.0-1-py2.py3-none-any.whl", "wheel"),
        ("demo-1.0.tar.gz", "sdist"),
        ("demo-1.0.zip", "sdist"),
        ("demo-1.0.tgz", "sdist"),
        ("demo-1.0.tar.bz2", "sdist"),
        ("demo-1.0-py3-none-any.whl.asc", None),
        ("demo-1.0.win32.exe", None),
        ("demo-1.0-py3.4.egg", None),
        ("demo-1.0.whl", None),
        ("demo-1.1-py3-none-any.whl", None),
        ("other-1.0-py3-none-any.whl", None),
        ("demo_more-1.0.tar.gz", None),
        ("demo-one-py3-none-any.whl", None),
        ("demo-1.0-x-py3-none-any.whl", None),
        ("", None),
        (".whl", None),
        ("demo-" + "9" * 5000 + ".tar.gz", None),
        ("demo-1.0-" + "9" * 5000 + "-py3-none-any.whl", None),
        ("demo-" + "1" * 5000 + "-py3-none-any.whl", None),
        ("demo-1.0-" + "-".join([".".join(f"a{i}" for i in range(3000))] * 3) + ".whl", None),
    ],
    ids=short,
)
def test_only_wheels_and_sdists_of_the_version_count(filename: str, kind: str | None) -> None:
    assert [file.kind for file in json_page(row(filename)).files("demo", V1)] == (
        [kind] if kind else []
    )


def test_files_keep_the_order_of_the_page() -> None:
    names = [
        "demo-1.0-py3-none-any.whl",
        "demo-1.0.tar.gz",
        "demo-1.0-cp314-abi3-pyemscripten_2026_0_wasm32.whl",
    ]
    assert [file.filename for file in json_page(*map(row, names)).files("demo", V1)] == names


@pytest.mark.parametrize(
    "url", ["ftp://files.example/a", "javascript:x", "http://[", "data:,x", "", "//[::1"]
)
def test_files_at_unusable_urls_are_passed_over(url: str) -> None:
    page = json_page(row(url=url), row(url="https://files.example/good.whl"))
    assert [file.url for file in page.files("demo", V1)] == ["https://files.example/good.whl"]
    assert list(page.links("other")) == []


@pytest.mark.parametrize(
    "content_type", [JSON, "application/json", "text/plain", "", "APPLICATION/JSON; charset=x"]
)
def test_json_is_known_by_its_type_or_its_first_byte(content_type: str) -> None:
    assert one(json_page(row(), content_type=content_type)).sha256 == HASH


@pytest.mark.parametrize(
    "content_type", [HTML, "application/vnd.pypi.simple.v1+html", "text/plain", "", JSON + "x"]
)
def test_html_may_come_whatever_was_asked_for(content_type: str) -> None:
    body = f'<a href="/f/demo-1.0.tar.gz#sha256={HASH}">demo-1.0.tar.gz</a>'.encode()
    file = one(parse_page(body, content_type, URL))
    assert (file.url, file.sha256) == ("https://index.example/f/demo-1.0.tar.gz", HASH)


def test_json_and_html_pages_give_the_same_files() -> None:
    body = f"""<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.3"></head><body>
        <a href="https://files.example/demo-1.0-py3-none-any.whl#sha256={HASH}" data-requires-python="&gt;=3.8"
           data-yanked="broken" data-core-metadata="sha256={HASH}">demo-1.0-py3-none-any.whl</a></body></html>"""
    from_html = parse_page(body.encode(), HTML, URL).files("demo", V1)
    more = {"core-metadata": {"sha256": HASH}, "requires-python": ">=3.8"}
    assert from_html == json_page(row(yanked="broken", **more)).files("demo", V1)
    assert from_html[0].requires_python == ">=3.8"


def test_relative_links_are_joined_to_base_and_final_url() -> None:
    body = b'<base href="/other/"><a href="demo-1.0.tar.gz">demo-1.0.tar.gz</a>'
    assert one(parse_page(body, HTML, URL)).url == "https://index.example/other/demo-1.0.tar.gz"
    assert one(parse_page(body.split(b">", 1)[1], HTML, URL)).url == URL + "demo-1.0.tar.gz"


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"{", JSON, "broken JSON"),
        (b'{"files": [', "text/plain", "broken JSON"),
        (b"[" * 200_000, JSON, "broken JSON"),
        (b'{"files": [' + b"9" * 5000 + b"]}", JSON, "broken JSON"),
        ('{"files": [], "é": 1}'.encode("latin-1"), JSON, "broken JSON"),
        (b"[]", JSON, "without a list of files"),
        (b'{"files": {}}', JSON, "without a list of files"),
        (b'{"meta": {"api-version": "2.0"}, "files": []}', JSON, "version 2.0"),
        (b'{"meta": {"api-version": "10.0"}, "files": []}', JSON, "version 10.0"),
        (b'{"files": ["a"]}', JSON, "without filename or url"),
        (b'{"files": [{"filename": "a"}]}', JSON, "without filename or url"),
        (b'{"files": [{"filename": 1, "url": "a"}]}', JSON, "without filename or url"),
        (
            b'<meta name="pypi:repository-version" content="2.0"><a href="a">a</a>',
            HTML,
            "version 2.0",
        ),
        (b"<h1>Please log in</h1>", HTML, "without links"),
        (b"", HTML, "without links"),
        (b"", "", "without links"),
        (b'<base href="http://["><a href="a">a</a>', HTML, "<base>"),
    ],
    ids=short,
)
def test_what_is_no_project_page_is_a_fetch_error(
    body: bytes, content_type: str, message: str
) -> None:
    with pytest.raises(FetchError) as caught:
        list(
            parse_page(
                body, content_type, "https://user:secret@index.example/simple/demo/?token=secret"
            )._rows
        )
    assert message in str(caught.value)
    assert caught.value.url == "https://index.example/simple/demo/" and "secret" not in str(
        caught.value
    )


@pytest.mark.parametrize(
    "meta", [{}, {"meta": {}}, {"meta": {"api-version": "1.99"}}, {"meta": 7}, {"more": [1]}]
)
def test_unknown_keys_and_minor_versions_are_ignored(meta: dict[str, Any]) -> None:
    body = json.dumps({"files": [row(more=1)], **meta}).encode()
    assert one(parse_page(body, JSON, URL)).sha256 == HASH


@pytest.mark.parametrize(
    "body",
    [
        b"<title>Links for demo</title>",
        b'<meta name="pypi:repository-version" content="1.0">',
        b"<a href=x>x</a>",
    ],
)
def test_empty_html_pages_that_say_what_they_are(body: bytes) -> None:
    assert parse_page(body, HTML, URL).files("demo", V1) == []


def test_the_hashes_of_that_very_url() -> None:
    page = json_page(
        row(url="http://["),
        row(url="https://mirror.example/demo-1.0-py3-none-any.whl", hashes={"sha256": "cd" * 32}),
        row(),
        row("demo-1.0%2Bx.tar.gz", url="https://files.example/demo-1.0%2Bx.tar.gz"),
        row("demo-1.0+y.tar.gz", url="https://files.example/demo-1.0%2By.tar.gz"),
    )
    assert page.hashes_of("https://files.example/demo-1.0-py3-none-any.whl#sha256=00") == [HASH]
    assert page.hashes_of("https://mirror.example/demo-1.0-py3-none-any.whl") == ["cd" * 32]
    assert page.hashes_of("https://files.example/demo-1.0%2By.tar.gz") == [HASH]
    assert page.hashes_of("https://else.example/demo-1.0-py3-none-any.whl") == []
    assert page.hashes_of("https://files.example/demo-1.0-py3-none-any.whl?x=1") == []


def test_a_single_file_is_a_page() -> None:
    page = single_file_page("https://files.example/a%20b/demo-1.0%2Blocal.tar.gz")
    assert [file.filename for file in page.files("demo", {Version("1.0+local")})] == [
        "demo-1.0+local.tar.gz"
    ]


def test_anchors_that_html_reads_otherwise_are_passed_over() -> None:
    body = b"<a\x0bhref=demo-1.0.tar.gz><a href=demo-1.0.zip>"
    page = parse_page(body, HTML, URL)
    assert [file.filename for file in page.files("demo", V1)] == ["demo-1.0.zip"]
    assert [link for link, _ in page.links("demo-1.0.tar.gz")] == []


bits = st.sampled_from(
    [
        *"<a href= \"'>&#/?\n\t\0",
        "<a ",
        "<!--",
        "-->",
        "demo-1.0.tar.gz",
        "href=",
        "http://[",
        "data-yanked",
        "é",
        "\ud800",
    ]
)
html_bodies = st.lists(bits, max_size=30).map(
    lambda parts: "".join(parts).encode("utf-8", "surrogatepass")
)


@given(
    html_bodies | st.binary(max_size=100), st.sampled_from([HTML, JSON, ""]) | st.text(max_size=30)
)
def test_any_answer_is_a_page_or_a_fetch_error(body: bytes, content_type: str) -> None:
    try:
        page = parse_page(body, content_type, URL)
    except FetchError:
        return
    assert all(file.version in V1 for file in page.files("demo", V1))
    page.hashes_of(URL + "demo-1.0.tar.gz")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.just("sha256") | st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(
    st.dictionaries(st.sampled_from(["hashes", "size", "yanked", "core-metadata", "url"]), values),
    st.dictionaries(st.sampled_from(["meta", "files"]), values),
)
def test_any_json_is_a_page_or_a_fetch_error(file: dict[str, Any], page: dict[str, Any]) -> None:
    try:
        found = json_page(row(**file), **page)
    except FetchError:
        return
    for item in found.files("demo", V1):
        assert item.sha256 is None or len(item.sha256) == 64
        assert item.size is None or item.size > 0
        assert isinstance(item.yanked, str | None) and isinstance(item.metadata_sha256, str | None)
