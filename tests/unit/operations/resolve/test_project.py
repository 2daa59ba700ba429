"""One project: the order of its versions, the wheel of each, and why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from micropip_lock.formats.lockfile import LockedPackage, LockInfo
from micropip_lock.formats.project_page_parser import parse_page
from micropip_lock.formats.target import Target
from micropip_lock.index.client import Listing
from micropip_lock.operations.resolve.project import Choice, Project, Rejection, fits_python

from ....support.freezing import INFO, NATIVE, entry

TARGET = Target.from_info(LockInfo.from_dict(INFO, "info"))
PURE = "py3-none-any"
LINUX = "cp314-cp314-manylinux_2_28_x86_64"
INDEX = "https://index.example/simple"


def wheel(version: str, tag: str = PURE, **keys: Any) -> dict[str, Any]:
    """A row of a page."""
    filename = f"demo-{version}-{tag}.whl"
    url = f"https://files.example/{filename}"
    return {"filename": filename, "url": url, "hashes": {"sha256": digest(filename)}, **keys}


def sdist(version: str, **keys: Any) -> dict[str, Any]:
    """A row of a page."""
    filename = f"demo-{version}.tar.gz"
    return {"filename": filename, "url": f"https://files.example/{filename}", "hashes": {}, **keys}


def digest(filename: str) -> str:
    return f"{sum(filename.encode()):064x}"


def listing(*pages: list[dict[str, Any]]) -> Listing:
    made = [
        parse_page(json.dumps({"files": rows}).encode(), "application/json", f"{INDEX}/demo/")
        for rows in pages
    ]
    return Listing(tuple((INDEX, page) for page in made), (INDEX,))


def project(*rows: dict[str, Any], base: Mapping[str, Any] | None = None) -> Project:
    locked = None if base is None else LockedPackage.from_dict(base, "the base")
    return Project("demo", TARGET, locked, listing(list(rows)))


def order(found: Project, *specifiers: str, upgrade: bool = False) -> list[str]:
    """The candidates in order; the base's own in brackets."""
    wanted = {text: SpecifierSet(text) for text in specifiers}
    return [
        f"[{version}]" if choice is not None else str(version)
        for version, choice in found.candidates(wanted, upgrade=upgrade)
    ]


def reason(found: Choice | Rejection) -> tuple[str, str]:
    assert isinstance(found, Rejection)
    return found.kind, found.reason


def filename(found: Choice | Rejection) -> str:
    assert isinstance(found, Choice) and found.file is not None
    return found.file.filename


# -- the order


def test_the_newest_come_first() -> None:
    found = project(
        wheel("1.9"), wheel("1.10"), sdist("2.0rc1"), wheel("1.10", LINUX), wheel("1!0.1")
    )
    assert order(found) == ["1!0.1", "2.0rc1", "1.10", "1.9"]
    assert order(found, ">=1.9", "<2") == ["1.10", "1.9"]
    assert order(found, "<1") == []


@pytest.mark.parametrize(
    ("upgrade", "version", "expected"),
    [
        (False, "1.5", ["[1.5]", "2.0", "1.5", "1.0"]),
        (True, "1.5", ["2.0", "[1.5]", "1.5", "1.0"]),
        (True, "3.0", ["[3.0]", "2.0", "1.5", "1.0"]),
        (True, "0.5", ["2.0", "1.5", "1.0", "[0.5]"]),
        (True, "2.0.0", ["[2.0.0]", "2.0", "1.5", "1.0"]),
    ],
    ids=str,
)
def test_the_place_of_the_base(upgrade: bool, version: str, expected: list[str]) -> None:
    found = project(wheel("1.0"), wheel("2.0"), wheel("1.5"), base=entry("demo", version))
    assert order(found, upgrade=upgrade) == expected


@pytest.mark.parametrize("upgrade", [False, True])
def test_what_only_the_base_has_is_alone(upgrade: bool) -> None:
    library = entry("demo", "1.1.1w", package_type="shared_library", file_name="demo-1.1.1w.zip")
    found = project(wheel("9.0"), base=library)
    assert found.is_base_only
    assert order(found, upgrade=upgrade) == ["[0]"]
    assert found.base is not None
    assert found.base.shown == "demo 1.1.1w"


def test_specifiers_are_compared_with_each_version_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolution asks again and again, each time with one more specifier."""
    found = project(*(wheel(f"{number}.0") for number in range(500)))
    compared: list[tuple[str, object]] = []
    contains = SpecifierSet.contains

    def counted(self: SpecifierSet, *given: Any, **options: Any) -> bool:
        compared.append((str(self), *given))
        return contains(self, *given, **options)

    monkeypatch.setattr(SpecifierSet, "contains", counted)
    texts = [f"<{number}" for number in range(100, 120)]
    for count in range(1, len(texts) + 1):
        for _ in range(5):
            assert len(order(found, *texts[:count])) == 100
    assert {text for text, _ in compared} == set(texts)
    assert len(compared) == len(set(compared))


# -- the wheel of a version


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([wheel("1.0"), wheel("1.0", NATIVE)], NATIVE),
        ([wheel("1.0", NATIVE), wheel("1.0")], NATIVE),
        ([wheel("1.0", LINUX), wheel("1.0")], PURE),
        (
            [wheel("1.0", "2-py3-none-any"), wheel("1.0", "10-py3-none-any"), wheel("1.0")],
            "10-py3-none-any",
        ),
        ([wheel("1.0", "9-py3-none-any"), wheel("1.0", NATIVE)], NATIVE),
        ([wheel("1.0", "py2.py3-none-any"), wheel("1.0")], "py2.py3-none-any"),
        ([wheel("1.0", LINUX), sdist("1.0"), wheel("1.0", requires_python="<3")], PURE),
    ],
)
def test_best_tag_then_build_then_first(rows: list[dict[str, Any]], expected: str) -> None:
    found = project(*rows).judge(Version("1.0"))
    assert filename(found) == f"demo-1.0-{expected}.whl"
    assert isinstance(found, Choice)
    assert (found.index, found.sha256, found.shown) == (
        INDEX,
        digest(f"demo-1.0-{expected}.whl"),
        "demo 1.0",
    )


@pytest.mark.parametrize(
    ("rows", "kind", "text"),
    [
        ([sdist("1.0")], "sdist", "only source code (an sdist), no wheel"),
        ([wheel("1.0", LINUX), sdist("1.0")], "wheel", "no wheel that fits this Pyodide"),
        (
            [wheel("1.0", **{"requires-python": "<3.14"}), wheel("1.0", LINUX)],
            "python",
            "needs Python <3.14",
        ),
        ([wheel("1.0", yanked=True)], "yanked", "yanked"),
        ([wheel("1.0", yanked="wrong results"), sdist("1.0")], "yanked", "yanked (wrong results)"),
        (
            [wheel("1.0") | {"url": "file:///demo-1.0-py3-none-any.whl"}],
            "local",
            "only a local file",
        ),
        ([], "wheel", "it has no file"),
    ],
)
def test_why_there_is_no_wheel(rows: list[dict[str, Any]], kind: str, text: str) -> None:
    found = reason(project(*rows).judge(Version("1.0")))
    assert found[0] == kind
    assert found[1].startswith(text)


def test_a_long_requires_python_is_cut() -> None:
    said = ", ".join(f"!=3.{number}.*" for number in range(500))
    _, text = reason(project(wheel("1.0", **{"requires-python": said})).judge(Version("1.0")))
    assert text.startswith("needs Python !=3.0.*, !=3.1.*")
    assert len(text) < 150


def test_yanked_and_hashes() -> None:
    found = project(wheel("1.0", yanked="why"), wheel("1.0", NATIVE, yanked="why"))
    version = Version("1.0")
    assert filename(found.judge(version, pinned=True)) == f"demo-1.0-{NATIVE}.whl"
    pinned_version = frozenset({digest("demo-1.0-py3-none-any.whl")})
    assert (
        filename(found.judge(version, pinned=True, hashes=pinned_version))
        == "demo-1.0-py3-none-any.whl"
    )
    assert reason(found.judge(version, hashes=pinned_version))[0] == "yanked"
    assert reason(found.judge(version, pinned=True, hashes=frozenset({"0" * 64})))[0] == "hash"


def test_files_of_one_version_from_several_pages() -> None:
    made = Project(
        "demo",
        TARGET,
        None,
        listing([wheel("1.0"), wheel("2.0")], [wheel("1.0", NATIVE), wheel("3.0")]),
    )
    assert [str(version) for version in made.versions] == ["3.0", "2.0", "1.0"]
    assert filename(made.judge(Version("1.0"))) == f"demo-1.0-{NATIVE}.whl"


def test_what_was_rejected_stays_so() -> None:
    found = project(wheel("1.0"), wheel("2.0"), base=entry("demo", "2.0"))
    choice = found.judge(Version("2.0"))
    assert isinstance(choice, Choice)
    found.reject(choice, "metadata", "it is broken")
    again = found.add_pages(listing([wheel("1.0"), wheel("2.0"), wheel("3.0")]), None, None)
    for project_ in (found, again):
        assert project_.is_rejected(choice)
        assert reason(project_.judge(Version("2.0"), pinned=True)) == ("metadata", "it is broken")
        assert project_.base is not None
        assert not project_.is_rejected(project_.base)
    assert filename(again.judge(Version("3.0"))).startswith("demo-3.0")
    direct = Choice("demo", Version("2.0"), choice.file, direct=True)
    assert not again.is_rejected(direct)


# -- what is known


@pytest.mark.parametrize(
    ("base", "told", "known"),
    [
        (None, None, False),
        (entry("demo"), None, True),
        (None, Listing((), (INDEX,), known=False), False),
        (None, listing([]), True),
        (None, Listing(listing([wheel("1.0")]).pages, (), known=False), True),
    ],
    ids=["nobody asked", "base", "404", "empty page", "links"],
)
def test_whether_there_is_such_a_project(
    base: Mapping[str, Any] | None, told: Listing | None, known: bool
) -> None:
    locked = None if base is None else LockedPackage.from_dict(base, "the base")
    assert Project("demo", TARGET, locked, told).known is known


def test_choices_are_told_apart_by_their_place() -> None:
    based = project(base=entry("demo", "1.0")).base
    pure, native = (project(wheel("1.0", tag)).judge(Version("1.0")) for tag in (PURE, NATIVE))
    again = project(wheel("1.0")).judge(Version("1.0"))
    assert (
        based is not None
        and isinstance(pure, Choice)
        and isinstance(native, Choice)
        and isinstance(again, Choice)
    )
    assert len({based.key, pure.key, native.key}) == 3
    assert again.key == pure.key


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (None, True),
        ("", True),
        (">=3.8", True),
        ("<3.14", False),
        (">=3.14,<4", True),
        ("==3.14.*", True),
        ("!=3.14.2", False),
        (">=3.15", False),
        (">=3.14.0rc1", True),
        (">= three", True),
        ("3.14", True),
    ],
    ids=repr,
)
def test_requires_python(text: str | None, fits: bool) -> None:
    assert fits_python(text, TARGET) is fits


def test_a_python_between_releases() -> None:
    between = Target.from_info(LockInfo.from_dict({**INFO, "python": "3.14.2+"}, "info"))
    assert fits_python(">=3.14.2", between)
    assert not fits_python("<3.14.2", between)
