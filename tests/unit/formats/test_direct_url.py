from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropip_lock.formats.direct_url import (
    DirectUrl,
    InstallNote,
    parse_direct_url,
    parse_index,
    parse_install_note,
    parse_provenance_url,
    provenance_url,
)

from ...support.ids import short
from ...support.index_server import IndexServer
from ...support.installed import pip_target, uv_target
from ...support.wheels import build_wheel, sha256

URL = "https://files.example/demo-1.0-py3-none-any.whl"
HASH = "ab" * 32


def data(**keys: Any) -> bytes:
    return json.dumps({"url": URL, **keys}).encode()


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({}, None),
        ({"hash": f"sha256={HASH}"}, HASH),
        ({"hash": f"sha256={HASH.upper()}"}, HASH),
        ({"hash": "md5=00"}, None),
        ({"hash": None, "hashes": None}, None),
        ({"hashes": {"sha256": HASH}}, HASH),
        ({"hashes": {"sha256": HASH}, "hash": f"sha256={'cd' * 32}"}, HASH),
        ({"hashes": {"sha512": "00"}, "hash": f"sha256={HASH}"}, HASH),
    ],
)
def test_archives(info: dict[str, Any], expected: str | None) -> None:
    assert parse_direct_url(data(archive_info=info)) == DirectUrl(URL, "archive", expected)
    assert parse_provenance_url(data(archive_info=info)) == DirectUrl(URL, "archive", expected)


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({"dir_info": {}}, "directory"),
        ({"dir_info": {"editable": False}}, "directory"),
        ({"dir_info": {"editable": True}}, "editable"),
        ({"vcs_info": {"vcs": "git", "commit_id": "00"}}, "vcs"),
        ({"dir_info": {}, "archive_info": {}}, "directory"),
        ({"vcs_info": {}, "archive_info": {"hash": f"sha256={HASH}"}}, "vcs"),
    ],
)
def test_what_is_no_archive_counts_before_what_is(keys: dict[str, Any], kind: str) -> None:
    assert parse_direct_url(data(**keys)) == DirectUrl(URL, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("parse", [parse_direct_url, parse_provenance_url])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"url": "\xe9"}',
        b"{}",
        data(url=None, archive_info={}),
        data(url="", archive_info={}),
        data(url=7, archive_info={}),
        data(url="http://[", archive_info={}),
        data(),
        data(archive_info=[]),
        data(archive_info={"hash": "sha256=short"}),
        data(archive_info={"hashes": {"sha256": 7}}),
        data(archive_info={"hashes": {"sha256": "00"}, "hash": f"sha256={HASH}"}),
        data(archive_info={"hashes": {"sha256": "x" * 64}}),
    ],
    ids=short,
)
def test_what_cannot_be_read_is_a_value_error(parse: Any, content: bytes) -> None:
    with pytest.raises(ValueError):
        parse(content)


def test_provenance_is_of_archives_only() -> None:
    with pytest.raises(ValueError, match="archive_info"):
        parse_provenance_url(data(dir_info={}))


def test_what_pip_and_uv_write(index: IndexServer, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    url = index.file_url(wheel.name)
    by_pip = (pip_target(tmp_path / "pip", url) / "demo-1.0.dist-info/direct_url.json").read_bytes()
    by_uv = (uv_target(tmp_path / "uv", url) / "demo-1.0.dist-info/direct_url.json").read_bytes()
    assert parse_direct_url(by_pip) == DirectUrl(url, "archive", sha256(wheel))
    assert parse_direct_url(by_uv) == DirectUrl(url, "archive")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize(
    "url", ["https://index.example/simple", "http://index.example:8080", "https://[::1]/a@b"]
)
def test_an_index_is_one_url(url: str, end: bytes) -> None:
    assert parse_index(url.encode() + end) == url


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        "simple",
        "/simple",
        "//index.example/simple",
        "ftp://index.example/simple",
        "file:///simple",
        "https://",
        "https:///simple",
        "https://user@index.example/simple",
        "https://user:secret@index.example/simple",
        "https://@index.example/simple",
        "https://index.example/simple?token=secret",
        "https://index.example/simple?",
        "https://index.example/simple#x",
        "https://index.example/simple#",
        "https://index.example:port/",
        "https://index.example:99999/",
        "http://[",
        " https://index.example/simple",
        "https://index.example/simple ",
        "https://index.example/a b",
        "ht\ttps://index.example/simple",
        "https://index.example/\x1b[31m",
        "https://index.example/\0",
        "https://index.example/\u00e9",
        "\ufeffhttps://index.example/simple",
        "https://index.example/simple\nhttps://other.example/simple",
        "https://index.example/simple\u2028x",
        "x" * 1_000_000,
    ],
    ids=short,
)
def test_anything_else_is_no_index(content: str) -> None:
    assert parse_index(content.encode()) is None


@given(
    st.binary(max_size=60)
    | st.text(max_size=40).map(lambda text: b"https://" + text.encode("utf-8", "replace"))
)
def test_any_bytes_are_a_plain_url_or_no_index(content: bytes) -> None:
    url = parse_index(content)
    assert url is None or (url.isascii() and url.isprintable() and not set(url) & {" ", "?", "#"})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["hash", "hashes", "sha256"]), inner)
    ),
    max_leaves=4,
)
infos = st.dictionaries(
    st.sampled_from(["url", "archive_info", "dir_info", "vcs_info"]), json_values
)


@given(st.binary(max_size=40) | st.builds(lambda keys: data(**keys), infos))
def test_foreign_bytes_are_read_or_a_value_error(content: bytes) -> None:
    for parse in (parse_direct_url, parse_provenance_url):
        try:
            found = parse(content)
        except ValueError:
            continue
        assert found.url and (found.sha256 is None or len(found.sha256) == 64)


# -- what sync writes


@pytest.mark.parametrize(
    "note",
    [
        InstallNote(),
        InstallNote(requested=("demo[more]>=1", "demo")),
        InstallNote(extras=("more",), indexes=("https://a.example",)),
    ],
)
def test_what_sync_writes_is_read(note: InstallNote) -> None:
    written = provenance_url(URL, HASH, note)
    assert parse_provenance_url(written) == DirectUrl(URL, "archive", HASH)
    assert parse_install_note(written) == note
    assert ("micropip-lock" in json.loads(written)) is (note != InstallNote())


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        data(),
        data(**{"micropip-lock": 3}),
        data(**{"micropip-lock": {"extras": [1]}}),
    ],
)
def test_a_note_that_nobody_can_read(value: bytes) -> None:
    assert parse_install_note(value) == InstallNote()
