"""README.md, CHANGELOG.md and docs/: links, files that are named, and the picture of the imports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from tools import architecture
from tools.imports import LAYERS, PACKAGE, SEAM, Import

ROOT = PACKAGE.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
#: What cites pages: the folders of the sources, and files beside them.
SOURCES = ("micropip_lock", "tests", "tools", "benchmarks", "fuzz", "examples", "docs")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def text_of(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def short(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def links(page: Path) -> list[str]:
    """The targets of links and pictures that are no URLs."""
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text_of(page)))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """The anchors of the headings, as code forges make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 0
        while (anchor := f"{plain}-{number}" if number else plain) in found:
            number += 1
        found.add(anchor)
    return found


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = unquote(target).partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def test_every_page_is_linked() -> None:
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in links(page)
    }
    pages = {page.resolve() for page in (ROOT / "docs").rglob("*.md")}
    assert pages - linked == set()


@pytest.mark.parametrize(
    "page", [ROOT / "docs" / name for name in ("architecture.md", "glossary.md")]
)
def test_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"`([\w./-]+(?:\.py|/))`", text_of(page))
    assert named
    assert [
        name for name in named if not (PACKAGE / name).exists() and not (ROOT / name).exists()
    ] == []


def cited(name: str) -> Iterator[tuple[str, str]]:
    """The pages that the files of a folder name, with the file."""
    for path in sorted((ROOT / name).rglob("*")):
        if path.suffix in (".py", ".md", ".mjs", ".html", ".toml") and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            yield from ((short(path), page) for page in re.findall(r"\bdocs/[\w/-]+\.md\b", text))
            yield from ((short(path), page) for page in re.findall(r"\bAPI\.md\b", text))


def test_pages_that_code_and_tests_cite_exist() -> None:
    found = {
        item for name in SOURCES for item in cited(name) if item[0] != "tests/unit/test_docs.py"
    }
    assert {item for item in found if not (ROOT / item[1]).exists()} == set()
    assert len(found) > 20


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_sentences_name_who_or_what_acts(page: Path) -> None:
    words = r"\b(nobody|somebody|anybody|everybody|someone|anyone|whoever|whatever)\b"
    assert re.findall(words, text_of(page), re.IGNORECASE) == []


# -- the picture of the imports


def test_the_picture_has_every_folder_and_every_pair_that_imports() -> None:
    found = architecture.boxes()
    assert {name for box in found for name in box.folders} == {*LAYERS, *SEAM}
    pairs = architecture.counts(found)
    assert all(own < other for own, other in pairs)  # downwards
    picture = ElementTree.fromstring(architecture.draw())
    classes = [item.get("class", "") for item in picture.iter()]
    assert classes.count("badge") == classes.count("line") == len(pairs)
    assert not [name for name in classes if name.endswith("up")]


def test_an_import_upwards_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    upwards = Import("formats.lockfile", ".operations.diff", "diff")
    monkeypatch.setattr(architecture, "read_imports", lambda: [upwards])
    assert architecture.draw().count('class="line up"') == 1


def test_a_picture_that_is_out_of_date_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(architecture, "PICTURE", tmp_path / "architecture.svg")
    assert architecture.main(["--check"]) == 1
    assert "make docs" in capsys.readouterr().err
    assert architecture.main([]) == 0
    assert architecture.main(["--check"]) == 0
