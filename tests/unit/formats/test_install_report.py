from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropip_lock.errors import InputError
from micropip_lock.formats.core_metadata import parse_wheel_metadata
from micropip_lock.formats.direct_url import DirectUrl
from micropip_lock.formats.install_report import Reported, read_report

from ...support.freezing import freeze_folder, proofs
from ...support.ids import short
from ...support.index_server import IndexServer
from ...support.installed import pip_report, pip_target
from ...support.pylocks import uv_compile
from ...support.wheels import build_wheel, sha256

URL = "https://files.example/demo-1.0-py3-none-any.whl"


def item(**changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "Demo_Pkg", "version": "1.0"},
        "download_info": {"url": URL, "archive_info": {"hashes": {"sha256": "ab" * 32}}},
        "requested": True,
        **changes,
    }


def report(*items: Any, **changes: Any) -> dict[str, Any]:
    return {
        "version": "1",
        "pip_version": "26.3",
        "install": list(items),
        "environment": {},
        **changes,
    }


def test_what_pip_writes(index: IndexServer, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["other"], extras={"more": []})
    other = build_wheel(index.folder, "other", "2.0")
    path = pip_report(
        tmp_path / "site", tmp_path / "report.json", "demo[more]", index_url=index.url
    )
    expected = {
        "demo": Reported(
            "demo",
            "1.0",
            DirectUrl(index.file_url(wheel.name), "archive", sha256(wheel)),
            True,
            ("more",),
        ),
        "other": Reported(
            "other",
            "2.0",
            DirectUrl(index.file_url(other.name), "archive", sha256(other)),
            False,
            (),
        ),
    }
    assert (
        read_report(path)
        == read_report(str(path))
        == read_report(json.loads(path.read_bytes()))
        == expected
    )


def test_items_are_found_by_canonical_name() -> None:
    found = read_report(report(item(requested_extras=["a", "b"])))
    assert found == {
        "demo-pkg": Reported(
            "Demo_Pkg", "1.0", DirectUrl(URL, "archive", "ab" * 32), True, ("a", "b")
        )
    }
    assert read_report(report()) == {}
    assert read_report(report(item(requested="yes")))["demo-pkg"].requested is False


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "no list «install»"),
        ({"version": "1", "install": {}}, "no list «install»"),
        (report(version="2"), "version '2'"),
        (report(version=1), "version 1"),
        (report(version=None), "version None"),
        (report(version=["1"]), "version"),
        (report(item(), []), r"install\[1\]"),
        (report({}), "metadata"),
        (report(item(metadata=None)), r"install\[0\]"),
        (report(item(metadata={"name": "a"})), "version"),
        (report(item(metadata={"name": 7, "version": "1"})), r"install\[0\]"),
        (report(item(metadata={"name": "not a name", "version": "1"})), "no requirement"),
        (report(item(metadata={"name": "a ; os_name == 'x' #", "version": "1"})), r"install\[0\]"),
        (report(item(metadata={"name": "a[x]", "version": "1"})), r"install\[0\]"),
        (report(item(requested_extras=[1])), r"install\[0\]"),
        (report(item(requested_extras=None)), r"install\[0\]"),
        (report(item(requested_extras=["a] ; x"])), r"install\[0\]"),
        (report(item(download_info=None)), "not a JSON object"),
        (report(item(download_info={"url": URL})), "archive_info"),
    ],
)
def test_what_is_no_report_is_an_input_error(value: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(value))
    for source in (value, path):
        with pytest.raises(InputError, match=message):
            read_report(source)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"install": ' + b"9" * 5000 + b"}"],
    ids=short,
)
def test_files_that_are_no_json_are_input_errors(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"report\.json"):
        read_report(path)


@pytest.mark.parametrize("name", ["missing.json", ".", "a\0b"])
def test_missing_files_are_input_errors(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_report(tmp_path / name)


@pytest.mark.parametrize("depth", [900, 970, 990])
def test_deep_nesting_is_an_input_error(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(
        json.dumps(report(item(download_info="HERE"))).replace('"HERE"', "[" * depth + "]" * depth)
    )
    with pytest.raises(InputError):
        read_report(path)


values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "version", "url"]), inner)
    ),
    max_leaves=4,
)
keys = st.sampled_from(["metadata", "download_info", "requested", "requested_extras"])


@given(
    st.dictionaries(keys, values),
    st.dictionaries(st.sampled_from(["version", "install"]), values, max_size=1),
)
def test_any_json_is_read_or_an_input_error(changes: dict[str, Any], page: dict[str, Any]) -> None:
    try:
        found = read_report(report(item(**changes), **page))
    except InputError:
        return
    assert all(isinstance(name, str) for name in found)


# -- pylock.toml


def pylock(folder: Path, text: str) -> Path:
    path = folder / "pylock.toml"
    path.write_text(text)
    return path


WHEEL = parse_wheel_metadata(b"Wheel-Version: 1.0\nTag: py3-none-any\n")


def test_a_pylock_names_every_wheel_and_the_installed_one_is_told_by_its_tags(
    tmp_path: Path,
) -> None:
    files = [
        "demo-1.0-cp314-cp314-linux_x86_64.whl",
        "demo-1.0-py3-none-any.whl",
        "demo-1.0-2-py3-none-any.whl",
    ]
    wheels = ", ".join(
        f'{{url = "https://a.example/{name}", hashes = {{sha256 = "{"ab" * 32}"}}}}'
        for name in files
    )
    text = (
        f'lock-version = "1.0"\n[[packages]]\nname = "demo"\nversion = "1.0"\nwheels = [{wheels}]\n'
    )
    text += '[[packages]]\nname = "local"\n[packages.directory]\npath = "."\n'
    found = read_report(pylock(tmp_path, text))
    assert found.keys() == {"demo"}
    assert found["demo"].file(WHEEL) == DirectUrl(
        f"https://a.example/{files[1]}", "archive", "ab" * 32
    )
    other = parse_wheel_metadata(b"Wheel-Version: 1.0\nTag: cp314-cp314-win32\n")
    assert found["demo"].file(other) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no pylock of PEP 751"),
        ('lock-version = "2.0"\npackages = []', "is no pylock of PEP 751"),
        ('lock-version = "1.0"\npackages = [', "is not valid TOML"),
        ('lock-version = "1.0"\npackages = [1]', r"packages\[0\] is not what PEP 751 has there"),
        ('lock-version = "1.0"\n[[packages]]\nname = "a b"', r"packages\[0\]"),
        (
            'lock-version = "1.0"\n[[packages]]\nname = "a"\nwheels = [{url = "https://a.example/"}]',
            r"packages\[0\]",
        ),
    ],
    ids=short,
)
def test_what_is_no_pylock(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_report(pylock(tmp_path, text))


def test_what_uv_writes_is_a_claim_that_is_proved(index: IndexServer, tmp_path: Path) -> None:
    build_wheel(index.folder, "demo", "1.0", requires=["other"])
    build_wheel(index.folder, "other", "2.0")
    path = uv_compile(tmp_path, "demo", index_url=index.url)
    site = pip_target(tmp_path / "site", "demo", index_url=index.url)
    index.reset()
    frozen = freeze_folder(site, report=path)
    assert proofs(frozen) == {"demo": ("report", "content"), "other": ("report", "content")}
    assert not [request for request in index.requests if request.path.startswith("/simple/")]
