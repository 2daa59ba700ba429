"""Release documents: what of them is read, and what is no document at all."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from packaging.version import Version

from micropip_lock.formats.project_page import ProjectPage
from micropip_lock.formats.project_page_parser import parse_page
from micropip_lock.formats.release_document import document_url, same_release
from micropip_lock.index.release_documents import read_document

from ...support.freezing import quick_fetcher
from ...support.index_server import Fault, IndexServer
from ...support.wheels import build_sdist, build_wheel

ONE = Version("1.0")


@pytest.mark.parametrize(
    ("index_url", "expected"),
    [
        ("https://index.example/simple", "https://index.example/pypi/demo/1.0/json"),
        ("https://index.example/simple/", "https://index.example/pypi/demo/1.0/json"),
        (
            "https://u:p@index.example/team/simple",
            "https://u:p@index.example/team/pypi/demo/1.0/json",
        ),
        ("https://index.example", None),
        ("https://index.example/mysimple", None),
        ("https://index.example/simple?token=x", None),
        ("https://index.example/{package_name}/simple.json", None),
    ],
)
def test_where_a_document_would_be(index_url: str, expected: str | None) -> None:
    assert document_url(index_url, "demo", ONE) == expected


def test_a_local_version_is_quoted() -> None:
    assert document_url("https://index.example/simple", "demo", Version("1.0+local")) == (
        "https://index.example/pypi/demo/1.0%2Blocal/json"
    )


def read(index: IndexServer, path: str = "/pypi/demo/1.0/json") -> ProjectPage | None:
    async def main() -> ProjectPage | None:
        fetcher = quick_fetcher()
        try:
            return await read_document(index.root + path, fetcher)
        finally:
            await fetcher.aclose()

    return asyncio.run(main())


def test_it_says_what_the_page_says_of_the_version(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires_python=">=3.8")
    build_sdist(index.folder, "demo", "1.0")
    build_wheel(index.folder, "demo", "2.0")
    index.release_json = True
    index.yanked = {wheel.name: "broken"}
    document = read(index)
    assert document is not None
    files = {file.filename: file for file in document.files("demo", {ONE})}
    assert sorted(files) == ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"]
    found = files[wheel.name]
    assert (found.url, found.yanked, found.requires_python) == (
        index.file_url(wheel.name),
        "broken",
        ">=3.8",
    )
    assert found.size == wheel.stat().st_size
    page = parse_page(
        index.respond("GET", "/simple/demo/", {}).body, "text/html", f"{index.url}/demo/"
    )
    assert [found.sha256] == page.hashes_of(found.url)
    assert document.files("demo", {Version("2.0")}) == []


def test_where_there_is_none(index: IndexServer) -> None:
    assert read(index) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"urls": {}}',
        b'{"urls": ["demo"]}',
        b'{"urls": [{"filename": "demo-1.0-py3-none-any.whl"}]}',
        b'{"urls": [{"filename": 1, "url": "https://files.example/demo-1.0-py3-none-any.whl"}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_document(body: bytes, index: IndexServer) -> None:
    index.faults["/pypi/"] = Fault("body", body=body)
    assert read(index) is None


def document_of(**changes: Any) -> ProjectPage:
    file = {
        "filename": "demo-1.0-py3-none-any.whl",
        "url": "https://files.example/demo-1.0-py3-none-any.whl",
    }
    body = {"files": [{**file, "hashes": {"sha256": "a" * 64}, "size": 10, **changes}]}
    return parse_page(
        json.dumps(body).encode(), "application/json", "https://index.example/simple/demo/"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"hashes": {"sha256": "b" * 64}},
        {"hashes": {}},
        {"size": 11},
        {"yanked": True},
        {"url": "https://mirror.example/demo-1.0-py3-none-any.whl"},
        {"filename": "demo-1.0-py2-none-any.whl"},
    ],
)
def test_what_makes_two_of_one_release_differ(changes: dict[str, Any]) -> None:
    assert same_release(document_of(), document_of(), "demo", ONE)
    assert not same_release(document_of(), document_of(**changes), "demo", ONE)


def test_two_that_list_nothing_prove_nothing() -> None:
    assert not same_release(document_of(), document_of(), "demo", Version("2.0"))
