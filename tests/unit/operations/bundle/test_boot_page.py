"""The page of a bundle: what is in it, and what is copied beside it."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import InputError, Lockfile
from micropip_lock.operations.bundle.boot_page import Page, prepare_page

from ....support.freezing import base_document, entry
from ....support.ids import short

RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")


def lock_of(*entries: dict[str, Any], version: str | None = "314.0.7") -> Lockfile:
    document = base_document(*entries)
    document["info"] = {**document["info"], **({"version": version} if version else {})}
    return Lockfile.from_json(document)


def told(page: Path) -> dict[str, Any]:
    """The object that the script begins with."""
    match = re.search(r"^const config = (.*);$", page.read_text(), re.MULTILINE)
    assert match is not None
    config: dict[str, Any] = json.loads(match[1])
    return config


def title(page: Path) -> str:
    match = re.search(r"<title>(.*?)</title>", page.read_text())
    assert match is not None
    return match[1]


def write(
    folder: Path, lock: Lockfile, page: bool | str | Path = True, *distributions: Path
) -> Path:
    return prepare_page(lock, page, distributions).write(folder)


def distribution(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in (
        *names,
        "package.json",
        "pyodide.d.ts",
        "pyodide.js.map",
        "demo-1.0-py3-none-any.whl",
    ):
        (folder / name).write_text(name)
    return folder


def test_a_console(tmp_path: Path) -> None:
    page = write(tmp_path, lock_of(entry("b"), entry("a")))
    assert page == tmp_path / "index.html"
    config = told(page)
    assert config["packages"] == ["a", "b"]
    assert config["script"] is None
    assert "/v314.0.7/full/" in config["runtime"]
    assert title(page) == "Python"
    assert "{{" not in page.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_nothing_of_the_page_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    text = write(tmp_path, lock_of(), True, distribution(tmp_path / "dist", *RUNTIME)).read_text()
    assert not re.search(r"https?:|(src|href)=(?!\"data:)", text)


def test_a_script(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print('häuser')\n")
    out = tmp_path / "out"
    out.mkdir()
    page = write(out, lock_of(), tmp_path / "app.py")
    assert told(page)["script"] == title(page) == "app.py"
    assert (out / "app.py").read_text() == "print('häuser')\n"


@pytest.mark.parametrize(
    "name",
    [
        "</script><script>alert(1)</script>",
        "<!--.py",
        "{{config}}.py",
        "{{title}}.py",
        "a&b\"c'.py",
        "ä b#?%.py",
    ],
    ids=short,
)
def test_names_stay_names(name: str, tmp_path: Path) -> None:
    page = Page((name,), (), "pyodide/", name.replace("/", ""), b"").write(tmp_path)
    assert told(page)["packages"] == [name]
    assert told(page)["script"] == unescape(title(page)) == name.replace("/", "")
    text = page.read_text()
    assert text.count("<script") == text.count("</script") == 1
    assert "<!--" not in text


def test_the_runtime_is_copied(tmp_path: Path) -> None:
    incomplete = distribution(tmp_path / "incomplete", *RUNTIME[:2])
    first = distribution(tmp_path / "first", *RUNTIME)
    (first / "pyodide-lock.json").write_text("{}")
    page = write(
        tmp_path,
        lock_of(version=None),
        True,
        incomplete,
        first,
        distribution(tmp_path / "second", *RUNTIME),
    )
    assert told(page)["runtime"] == "pyodide/"
    assert {path.name: path.read_text() for path in (tmp_path / "pyodide").iterdir()} == {
        n: n for n in RUNTIME
    }
    # Once more, from what it has written.
    again = write(tmp_path, lock_of(version=None), True, tmp_path / "pyodide")
    assert told(again)["runtime"] == "pyodide/"
    assert (tmp_path / "pyodide" / "pyodide.mjs").read_text() == "pyodide.mjs"


def url(version: str) -> str:
    return f"https://cdn.example.org/pyodide/v{version}/full/demo-1.0-py3-none-any.whl"


def test_the_release_by_its_base_entries(tmp_path: Path) -> None:
    lock = lock_of(
        entry("a", file_name=url("0.29.5")), entry("b", file_name=url("0.29.5")), version=None
    )
    assert "/v0.29.5/full/" in told(write(tmp_path, lock))["runtime"]


def test_what_the_lock_says_of_itself_counts(tmp_path: Path) -> None:
    lock = lock_of(entry("a", file_name=url("0.29.5")))
    assert "/v314.0.7/full/" in told(write(tmp_path, lock))["runtime"]


@pytest.mark.parametrize("urls", [[], ["0.29.5", "314.0.7"], ["one"]], ids=str)
def test_no_release(urls: list[str], tmp_path: Path) -> None:
    entries = [entry(f"p{number}", file_name=url(version)) for number, version in enumerate(urls)]
    with pytest.raises(InputError) as caught:
        prepare_page(lock_of(*entries, version=None), True, [tmp_path])
    assert "--base-dir" in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.py", "index.html", "pyodide-lock.json", "."])
def test_no_script(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        prepare_page(lock_of(), tmp_path / name, [])


def test_a_runtime_that_cannot_be_copied(tmp_path: Path) -> None:
    (tmp_path / "pyodide").write_text("a file")
    with pytest.raises(InputError) as caught:
        write(tmp_path, lock_of(), True, distribution(tmp_path / "dist", *RUNTIME))
    assert "Cannot copy the runtime" in str(caught.value)
