from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from micropip_lock.errors import InputError
from micropip_lock.formats.lockfile import LockedPackage, Lockfile, LockInfo

from ...support.ids import short

INFO = {
    "python": "3.14.2",
    "platform": "emscripten_5_0_3",
    "arch": "wasm32",
    "abi_version": "2026_0",
}


def entry(**changes: Any) -> dict[str, Any]:
    complete = {
        "name": "demo",
        "version": "1.0",
        "file_name": "https://index.example/demo-1.0-py3-none-any.whl",
        "install_dir": "site",
        "sha256": "ab" * 32,
        "package_type": "package",
        "imports": ["demo"],
        "depends": ["other"],
        "unvendored_tests": False,
    }
    return {**complete, **changes}


def lock(**packages: Any) -> dict[str, Any]:
    return {"info": INFO, "packages": packages or {"demo": entry()}}


ENTRY_KEYS = set(entry())


texts = st.text(max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def unknown(known: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(texts.filter(lambda key: key not in known), json_values, max_size=3)


words = st.text(min_size=1, max_size=8)
entries = st.builds(
    lambda extra, changes: {**extra, **entry(), **changes},
    unknown(ENTRY_KEYS),
    st.fixed_dictionaries(
        {"name": words, "version": words, "file_name": words},
        optional={
            "sha256": st.none() | st.just(""),
            "imports": st.lists(texts, max_size=3),
            "depends": st.lists(texts, max_size=3),
            "unvendored_tests": st.booleans(),
        },
    ),
)
locks = st.builds(
    lambda extra, info, packages: {**extra, "info": {**info, **INFO}, "packages": packages},
    unknown({"info", "packages"}),
    unknown({*INFO, "version"}),
    st.dictionaries(st.text("abcXYZ0-_.", min_size=1, max_size=3), entries, max_size=3),
)


@given(locks)
def test_reading_what_was_written_is_identity(data: dict[str, Any]) -> None:
    try:
        lockfile = Lockfile.from_json(data)
    except InputError as error:
        assert any(
            text in str(error)
            for text in ("names the same package as another key", "no name of a project")
        )
        return
    for compact in (False, True):
        text = lockfile.to_json(compact=compact)
        again = Lockfile.from_json(text.encode())
        assert again == lockfile
        assert again.to_json(compact=compact) == text


@given(st.binary(max_size=200) | st.text(max_size=200) | json_values.map(json.dumps))
def test_garbage_is_an_input_error(data: bytes | str) -> None:
    with pytest.raises(InputError):
        Lockfile.from_json(data)


@given(locks, st.data())
def test_one_wrong_value_is_an_input_error_or_read(
    data: dict[str, Any], draw: st.DataObject
) -> None:
    target = draw.draw(st.sampled_from([data, data["info"], *data["packages"].values()]))
    target[draw.draw(st.sampled_from(sorted(target)))] = draw.draw(json_values)
    try:
        Lockfile.from_json(data).to_json()
    except InputError as error:
        assert str(error)


def test_written_json_is_canonical() -> None:
    data = {**lock(), "tool": {"é": 1}}
    text = Lockfile.from_json(data).to_json()
    assert text == json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    shuffled = json.loads(json.dumps(data), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert Lockfile.from_json(shuffled).to_json() == text
    compact = Lockfile.from_json(data).to_json(compact=True)
    assert compact.count("\n") == 1 and ": " not in compact and json.loads(compact) == data


def test_entries_are_written_complete() -> None:
    package = LockedPackage("demo", "1.0", "demo.whl", "")
    assert package.to_dict().keys() == ENTRY_KEYS
    assert (package.install_dir, package.package_type, package.unvendored_tests) == (
        "site",
        "package",
        False,
    )


def test_keys_and_depends_become_canonical_and_hashes_lower_case() -> None:
    lockfile = Lockfile.from_json(
        lock(Demo_Pkg=entry(name="Demo_Pkg", depends=["prompt_toolkit"], sha256="AB" * 32))
    )
    package = lockfile.packages["demo-pkg"]
    assert (package.name, package.depends, package.sha256) == (
        "Demo_Pkg",
        ("prompt-toolkit",),
        "ab" * 32,
    )


def test_optional_keys_have_the_runtimes_defaults() -> None:
    data = entry()
    for key in ("install_dir", "package_type", "unvendored_tests", "sha256"):
        del data[key]
    package = Lockfile.from_json(lock(demo=data)).packages["demo"]
    assert (package.install_dir, package.package_type, package.sha256) == ("site", "package", "")


def test_info_leaves_out_what_is_not_set() -> None:
    info = LockInfo("3.13.2", "emscripten_4_0_9", "wasm32", extra={"more": 1})
    assert info.to_dict() == {
        "python": "3.13.2",
        "platform": "emscripten_4_0_9",
        "arch": "wasm32",
        "more": 1,
    }


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ([], "expected an object"),
        ({}, "packages"),
        ({"packages": {}}, "info"),
        ({"info": {}, "packages": {}}, "info.python"),
        (
            {"info": {**INFO, "python": 3.14}, "packages": {}},
            "info.python: expected a text, found 3.14",
        ),
        ({"info": {**INFO, "abi_version": 2026}, "packages": {}}, "info.abi_version"),
        (lock(demo=[]), "packages.demo: expected an object"),
        (lock(demo=entry(name=None)), "packages.demo.name: expected a text, found nothing"),
        (lock(demo=entry(version="")), "packages.demo.version"),
        (lock(demo=entry(file_name=1)), "packages.demo.file_name"),
        (lock(demo=entry(imports=None)), "packages.demo.imports: expected an array"),
        (lock(demo=entry(imports="demo")), "packages.demo.imports"),
        (lock(demo=entry(depends=[1])), "packages.demo.depends"),
        (lock(demo=entry(depends={})), "packages.demo.depends"),
        (lock(demo=entry(unvendored_tests="no")), "packages.demo.unvendored_tests"),
        (lock(demo=entry(sha256=7)), "packages.demo.sha256"),
        (lock(a_b=entry(), **{"a-b": entry()}), "names the same package"),
        (lock(demo=entry(version=["x" * 10_000])), "..."),
    ],
    ids=short,
)
def test_wrong_values_are_named_with_their_path(data: Any, where: str) -> None:
    for source in (data, json.dumps(data)):
        with pytest.raises(InputError) as caught:
            Lockfile.from_json(source, "old.json")
        assert str(caught.value).startswith("old.json: ")
        assert where in str(caught.value)
        assert len(str(caught.value)) < 300


def with_extra(value: str) -> str:
    return json.dumps({**lock(), "extra": "HERE"}).replace('"HERE"', value)


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "'x'", "[", "[" * 100_000],
    ids=short,
)
def test_what_json_does_not_have_is_refused(value: str) -> None:
    with pytest.raises(InputError, match="not valid JSON"):
        Lockfile.from_json(with_extra(value))


def test_what_python_cannot_write_as_json_is_an_input_error() -> None:
    for value in (float("nan"), {1, 2}):
        with pytest.raises(InputError):
            Lockfile.from_json({**lock(), "extra": value}).to_json()


@pytest.mark.parametrize("depth", [200, 900, 980, 5_000, 100_000])
def test_deep_nesting_is_read_and_written_or_an_input_error(depth: int) -> None:
    deep = "[" * depth + "]" * depth
    for text in (
        with_extra(deep),
        json.dumps(lock(demo=entry(name="HERE"))).replace('"HERE"', deep),
    ):
        try:
            assert Lockfile.from_json(text).to_json()
        except InputError as error:
            assert len(str(error)) < 300


def test_half_a_surrogate_pair_survives() -> None:
    lockfile = Lockfile.from_json(with_extra('"\\ud800é😀"'))
    assert lockfile.to_json().encode().count(b"\\ud800") == 1
    assert Lockfile.from_json(lockfile.to_json()) == lockfile


def test_nothing_in_a_lock_steers_the_terminal_that_shows_it() -> None:
    text = "größer 🎉 \x1b[0m\x7f\x9b\u2028\u202e\u2066\ufeff\udcff"
    lock = Lockfile.from_json({"info": INFO, "packages": {}, "note": text})
    written = lock.to_json()
    assert set(written.replace("\n", "")) <= {*filter(str.isprintable, map(chr, range(0x20000)))}
    assert "größer 🎉" in written and Lockfile.from_json(written) == lock


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_read(encoding: str) -> None:
    assert Lockfile.from_json(json.dumps(lock()).encode(encoding)) == Lockfile.from_json(lock())


def test_latin_1_is_an_input_error() -> None:
    with pytest.raises(InputError, match="not valid JSON"):
        Lockfile.from_json(json.dumps({**lock(), "é": 1}, ensure_ascii=False).encode("latin-1"))


def test_write_and_read(tmp_path: Path) -> None:
    lockfile = Lockfile.from_json(lock())
    path = tmp_path / "pyodide-lock.json"
    lockfile.write(path)
    assert path.read_bytes() == lockfile.to_json().encode()
    assert Lockfile.read(str(path)) == lockfile
    lockfile.write(path, compact=True)
    assert path.read_text() == lockfile.to_json(compact=True)
    assert os.listdir(tmp_path) == ["pyodide-lock.json"]


@pytest.mark.parametrize("name", ["missing.json", ".", "a\0b", "x" * 5000], ids=short)
def test_unreadable_files_are_input_errors(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="Cannot read"):
        Lockfile.read(tmp_path / name)


# -- keys


NO_NAMES = [
    "",
    "..",
    ".",
    "/etc/x",
    "../x",
    "a/b",
    "a\\b",
    "a b",
    "-a",
    "a-",
    "_a",
    "a.",
    "caf\xe9",
    "\u212a",
]
NO_LINES = ["a\n", "\na", "a\0b", "a\x1b[1m", "\ud800", "a\u2028b"]


@pytest.mark.parametrize("key", [*NO_NAMES, *NO_LINES], ids=ascii)
def test_keys_that_are_no_names(key: str) -> None:
    """A key may become a part of a path, of a URL, or of a line that is shown."""
    with pytest.raises(InputError, match="no name of a project") as caught:
        Lockfile.from_json({"info": INFO, "packages": {key: entry()}})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "key", ["a", "7", "cffi_example", "ruamel.yaml", "Jinja2", "a--b", "x" * 300], ids=short
)
def test_keys_that_are_names(key: str) -> None:
    """Official locks up to 0.24 have some that are not canonical."""
    lock = Lockfile.from_json({"info": INFO, "packages": {key: entry()}})
    assert list(lock.packages) == [canonicalize_name(key)]
