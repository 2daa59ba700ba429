"""Who needs whom, what it weighs, and what could be spared."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropip_lock import InputError, Lockfile, Tree, tree
from micropip_lock.cli.tree_svg import draw
from micropip_lock.errors import FetchError
from micropip_lock.network import Response, drive
from micropip_lock.operations.tree.run import DEEPEST
from micropip_lock.storage.wheels import WheelStore

from ...support import runtimes
from ...support.freezing import base_document, entry, quick_fetcher
from ...support.index_server import Fault, IndexServer
from ...support.memory_index import MemoryIndex
from ...support.verifying import lock_of, wheel_entry
from ...support.wheels import build_wheel, sha256
from ..golden.living import FOLDER, TEXTS, grown


def of(depends: Mapping[str, Sequence[str]], requested: Sequence[str] = ()) -> Tree:
    """A tree in which each package has one byte."""
    lock = Lockfile.from_json(
        base_document(*(entry(name, depends=names) for name, names in depends.items()))
    )
    return Tree(lock.packages, dict.fromkeys(depends, 1), frozenset(requested))


def grow(lock: Any, **options: Any) -> Tree:
    """`tree`, over the host's fetcher."""

    async def run() -> Tree:
        fetcher = quick_fetcher()
        try:
            return await tree(lock, fetcher=fetcher, **options)
        finally:
            await fetcher.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize("name", [name for name in TEXTS if name.startswith("tree")])
def test_what_people_see(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert TEXTS[name]() == text, "if this is meant: python -m tests.end_to_end.golden.living"


def test_roots_and_circles() -> None:
    found = of(
        {"a": ["b"], "b": ["c"], "c": ["b"], "x": ["y"], "y": ["x"], "alone": [], "me": ["me"]}
    )
    assert found.roots == ("a", "alone", "me", "x")
    assert found.cycles == (("b", "c"), ("me",), ("x", "y"))
    assert of({"x": ["y"], "y": ["x"]}, requested=["y"]).roots == ("y",)
    assert found.dependants["b"] == ("a", "c") and "me" not in found.dependants
    assert found.closure("a") == {"a", "b", "c"} == found.closure("c", invert=True)


@pytest.mark.parametrize(
    ("depends", "requested", "spared"),
    [
        ({"a": ["b"], "b": []}, [], {"a": 2, "b": 1}),
        ({"a": ["c"], "b": ["c"], "c": ["d"], "d": []}, [], {"a": 1, "b": 1, "c": 2, "d": 1}),
        # two ways from one root meet again
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, [], {"a": 4, "b": 1, "d": 1}),
        # a longer way beside a short one
        (
            {"a": ["b", "e"], "b": ["c"], "c": ["d"], "d": ["e"], "e": []},
            [],
            {"a": 5, "d": 1, "b": 3},
        ),
        # what was asked for stays
        ({"a": ["b"], "b": ["c"], "c": []}, ["b"], {"a": 1, "b": 2}),
        # a circle goes together
        ({"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": []}, [], {"a": 4, "b": 3, "c": 3, "d": 1}),
    ],
)
def test_what_is_spared(
    depends: dict[str, list[str]], requested: list[str], spared: dict[str, int]
) -> None:
    found = of(depends, requested)
    assert {name: found.spared(name).bytes for name in spared} == spared
    assert {name: found.spared(name).packages for name in spared} == spared


NAMES = [f"p{number}" for number in range(9)]
GRAPHS = st.fixed_dictionaries(
    {name: st.lists(st.sampled_from(NAMES), max_size=3) for name in NAMES}
)


@given(GRAPHS, st.lists(st.sampled_from(NAMES), max_size=2))
def test_spared_is_what_cannot_be_reached_without_it(
    graph: dict[str, list[str]], requested: list[str]
) -> None:
    found = of(graph, requested)
    reach = {name: found.closure(name) for name in NAMES}
    circle = {name: {other for other in reach[name] if name in reach[other]} for name in NAMES}
    starts = {
        name
        for name in NAMES
        if all(other in circle[name] for other in found.closure(name, invert=True))
    }
    assert {
        min(circle[name], key=lambda item: (item not in requested, item)) for name in starts
    } == set(found.roots)
    for name in NAMES:
        left: set[str] = set()
        waiting = [item for item in starts | set(requested) if item not in circle[name]]
        while waiting:
            item = waiting.pop()
            if item not in left and item not in circle[name]:
                left.add(item)
                waiting.extend(graph[item])
        # Who was asked for among the members of a circle keeps all of it.
        assert found.spared(name).packages == len(NAMES) - len(left)


@given(GRAPHS)
def test_every_package_and_every_need_is_drawn_once(graph: dict[str, list[str]]) -> None:
    found = of(graph)
    rows = list(found.rows())
    assert {row.package for row in rows} == set(NAMES)
    assert sorted(row.package for row in rows if row.mark == "") == sorted(NAMES)
    assert len(rows) == len(found.roots) + sum(len(set(names)) for names in graph.values())
    for name in NAMES:
        inverted = {row.package for row in found.rows(name)}
        assert inverted == found.closure(name, invert=True)


def test_a_long_chain_is_cut() -> None:
    chain: dict[str, list[str]] = {f"p{number}": [f"p{number + 1}"] for number in range(3000)}
    found = of({**chain, "p3000": []})
    rows = list(found.rows())
    assert len(rows) == DEEPEST + 1 and rows[-1].mark == "deep"
    assert found.spared("p0").packages == 3001
    assert found.to_json()["packages"]["p1"]["spared"] == {
        "packages": 3000,
        "bytes": 3000,
        "unknown": 0,
    }


def test_what_is_not_in_the_lock() -> None:
    found = of({"a": ["absent"]})
    assert [(row.package, row.mark) for row in found.rows()] == [("a", ""), ("absent", "missing")]
    with pytest.raises(InputError, match="no package 'absent'"):
        list(found.rows("absent"))
    with pytest.raises(InputError, match="Did you mean shared"):
        grown().find("shard")
    assert grown().find("Shared") == "shared"


@pytest.mark.parametrize("version", runtimes.VERSIONS)
def test_the_locks_of_pyodide(version: str) -> None:
    lock = runtimes.base_lock(version)
    found = drive(tree(lock))
    assert found.packages.keys() == lock["packages"].keys()
    assert {row.package for row in found.rows()} == set(found.packages)
    assert found.cycles == () and found.sizes == {}
    edges = sum(len(set(package["depends"])) for package in lock["packages"].values())
    assert len(list(found.rows())) == len(found.roots) + edges
    assert {row.package for row in found.rows("numpy")} > {"numpy", "pandas", "matplotlib"}
    ElementTree.fromstring(draw(found, None))


# -- sizes


def test_sizes_of_files_at_hand(index: IndexServer, tmp_path: Path) -> None:
    wheels = {
        name: build_wheel(index.folder, name, "1.0") for name in ("beside", "kept", "based", "far")
    }
    lock = tmp_path / "here" / "pyodide-lock.json"
    lock.parent.mkdir()
    document = lock_of(*(wheel_entry(index, wheel) for wheel in wheels.values()), entry("local"))
    Lockfile.from_json(document).write(lock)
    (lock.parent / wheels["beside"].name).write_bytes(b"x" * 11)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / wheels["based"].name).write_bytes(b"x" * 22)
    place = WheelStore(tmp_path / "cache").place(sha256(wheels["kept"]))
    place.parent.mkdir(parents=True)
    place.write_bytes(b"x" * 33)
    index.reset()
    found = grow(lock, base_dir=tmp_path / "dist", cache_dir=tmp_path / "cache")
    assert found.sizes == {"beside": 11, "based": 22, "kept": 33}
    assert index.requests == []
    assert found.total().unknown == 2
    found = grow(str(lock), base_dir=tmp_path / "dist", cache_dir=tmp_path / "cache", sizes=True)
    assert found.sizes == {
        "beside": 11,
        "based": 22,
        "kept": 33,
        "far": wheels["far"].stat().st_size,
    }
    assert [request.method for request in index.requests] == ["HEAD"]
    with pytest.raises(InputError, match="does not exist"):
        grow(lock, base_dir=tmp_path / "nowhere")


def test_sizes_from_servers(index: IndexServer) -> None:
    wheels = [build_wheel(index.folder, name, "1.0") for name in ("one", "two")]
    gone = {
        **wheel_entry(index, wheels[0]),
        "name": "gone",
        "file_name": index.file_url("gone-1.0-py3-none-any.whl"),
    }
    lock = lock_of(*(wheel_entry(index, wheel) for wheel in wheels), gone)
    sizes = {wheel.name[:3]: wheel.stat().st_size for wheel in wheels}
    found = grow(lock, sizes=True)
    assert found.sizes == sizes and found.problems == ()
    assert index.wheel_downloads == 0
    assert grow(lock).sizes == {}
    assert [problem.code for problem in grow(lock, sizes=True, offline=True).problems] == [
        "unreachable"
    ]


class WithoutHead(MemoryIndex):
    """An index that refuses HEAD, as some stores do."""

    async def head(self, url: str) -> Response:
        raise FetchError(f"{url} answered 501.", url=url)


def test_the_first_byte_tells_the_size_where_there_is_no_head(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    index = WithoutHead(wheels=[wheel])
    lock = lock_of(
        entry("demo", file_name=index.file_url(wheel.name)),
        entry("gone", file_name=index.file_url("gone.whl")),
    )
    found = drive(tree(lock, sizes=True, fetcher=index))
    assert found.sizes == {"demo": wheel.stat().st_size} and found.problems == ()
    assert index.bytes == 1


def test_servers_that_do_not_answer(index: IndexServer) -> None:
    lock = lock_of(
        *(wheel_entry(index, build_wheel(index.folder, name, "1.0")) for name in ("one", "two"))
    )
    index.faults["/files/"] = Fault("reset")
    found = grow(lock, sizes=True)
    assert found.sizes == {} and [problem.code for problem in found.problems] == ["unreachable"]
    assert "2 packages (one, two)" in found.problems[0].message


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "a/..", "\0.whl", "x?y.whl", "#", "..", "%2e%2e%2fx"],
)
def test_file_names_that_lead_elsewhere(name: str, tmp_path: Path) -> None:
    path = tmp_path / "pyodide-lock.json"
    Lockfile.from_json(base_document(entry("demo", file_name=name, sha256="not/a/hash"))).write(
        path
    )
    assert drive(tree(path, cache_dir=tmp_path)).sizes == {}


@pytest.mark.parametrize(
    ("tool", "requested"),
    [
        (
            {
                "micropip-lock": {
                    "requested": ["Rich[jupyter]>=1", "absent", "not a requirement !", 7]
                }
            },
            {"rich"},
        ),
        ({"micropip-lock": {"requested": "rich"}}, set()),
        ({"micropip-lock": []}, set()),
        ([], set()),
    ],
)
def test_what_was_requested(tool: object, requested: set[str]) -> None:
    assert drive(tree(base_document(entry("rich"), tool=tool))).requested == requested


# -- the picture


def test_the_picture_escapes_what_a_lock_says() -> None:
    evil = "1.0</text><script>alert(1)</script>\x1b\x00]]>&amp;\u202e"
    document = base_document(entry("demo", version=evil, depends=["<b>"], file_name="demo.whl"))
    picture = draw(drive(tree(document)), None)
    root = ElementTree.fromstring(picture)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "style", "path", "text", "rect"}
    assert any("<script>alert(1)</script>" in (element.text or "") for element in root.iter())
    assert not set("\x1b\x00\u202e") & set(picture)


def test_the_picture_is_for_light_and_dark_pages_and_loads_nothing() -> None:
    picture = draw(grown(), None)
    assert "prefers-color-scheme: dark" in picture and "prefers-color-scheme: light" in picture
    root = ElementTree.fromstring(picture)
    width = float(root.attrib["width"])
    assert not any("href" in key for element in root.iter() for key in element.attrib)
    assert picture.count("http") == 1  # the name space
    for box in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert (
            float(box.attrib["x"]) >= 0
            and float(box.attrib["x"]) + float(box.attrib["width"]) < width
        )
