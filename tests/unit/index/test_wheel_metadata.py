"""METADATA and RECORD of wheels where they lie:

which way they are read, what is remembered, what is refused.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from packaging.version import Version

from micropip_lock.errors import FetchError, IntegrityError
from micropip_lock.formats.project_page import IndexFile
from micropip_lock.formats.wheel import WheelDescription
from micropip_lock.index.remote_wheel import NoRangesError, likely_tail
from micropip_lock.index.wheel_metadata import (
    BrokenMetadataError,
    Publications,
    fact_key,
)
from micropip_lock.network import drive
from micropip_lock.storage import Facts, NoFacts

from ...support.memory_index import MemoryIndex
from ...support.wheels import build_wheel, sha256, wheel_member

T = TypeVar("T")

BIG: dict[str, bytes | str] = {"demo.py": "", "demo.dat": os.urandom(60_000)}


class Kept:
    """Facts in a dictionary."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], bytes] = {}

    def get(self, kind: str, key: str) -> bytes | None:
        return self.known.get((kind, key))

    def put(self, kind: str, key: str, value: bytes) -> None:
        self.known[kind, key] = value

    def close(self) -> None:
        raise AssertionError("whoever made it closes it")


class Sidecars(MemoryIndex):
    """An index that has sidecars."""

    def __init__(self, *made: Path) -> None:
        super().__init__(wheels=made)
        for wheel in made:
            self.files[f"{wheel.name}.metadata"] = wheel_member(wheel, "METADATA")


class Whole(Sidecars):
    """The same, and it sends whole files only."""

    def ranged(self, url: str, content: bytes, byte_range: Any) -> Any:
        return super().ranged(url, content, None)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return build_wheel(tmp_path, "demo", "1.0", requires=["lib"], files=BIG)


def listed(wheel: Path, **changes: Any) -> IndexFile:
    """The wheel as a page lists it, with a sidecar."""
    file = IndexFile(
        wheel.name,
        f"https://index.example/files/{wheel.name}",
        Version("1.0"),
        "wheel",
        sha256=sha256(wheel),
        metadata_sha256=hashlib.sha256(wheel_member(wheel, "METADATA")).hexdigest(),
        size=wheel.stat().st_size,
    )
    return replace(file, **changes)


def run(work: Coroutine[Any, Any, T]) -> T:
    return drive(work)


def test_a_sidecar_costs_one_request(wheel: Path) -> None:
    index = Sidecars(wheel)
    found = run(Publications(index, NoFacts()).metadata(listed(wheel), "demo"))
    assert (found.name, found.version, list(map(str, found.requires))) == ("demo", "1.0", ["lib"])
    assert (index.requests, index.bytes) == (1, len(wheel_member(wheel, "METADATA")))


@pytest.mark.parametrize(
    "announced", [None, "", "ab" * 32], ids=["not announced", "no hash", "gone"]
)
def test_without_sidecar_the_end_of_the_wheel_is_read(announced: str | None, wheel: Path) -> None:
    index = MemoryIndex(wheels=[wheel])
    publications = Publications(index, NoFacts())
    file = listed(wheel, metadata_sha256=announced)
    found = run(publications.metadata(file, "demo"))
    assert list(map(str, found.requires)) == ["lib"]
    assert index.largest == likely_tail(wheel.stat().st_size)
    read = index.requests
    contents = run(publications.description(file, "demo"))
    assert "demo.dat" in {row.path for row in contents.record}
    assert index.requests == read, "RECORD came with METADATA"


def test_what_was_read_without_metadata_is_read_again_for_it(wheel: Path) -> None:
    index = MemoryIndex(wheels=[wheel])
    publications = Publications(index, NoFacts())
    file = listed(wheel, metadata_sha256=None)
    assert run(publications.description(file, "demo")).metadata_file is None
    assert run(publications.description(file, "demo", metadata=True)).metadata_file == wheel_member(
        wheel, "METADATA"
    )


def test_an_unannounced_sidecar_is_not_asked_for(wheel: Path) -> None:
    index = Sidecars(wheel)
    index.files[f"{wheel.name}.metadata"] = b"Name: demo\nVersion: 1.0\nRequires-Dist: evil\n\n"
    found = run(
        Publications(index, NoFacts()).metadata(listed(wheel, metadata_sha256=None), "demo")
    )
    assert list(map(str, found.requires)) == ["lib"]


def test_a_sidecar_without_announced_hash_is_taken_as_it_is(wheel: Path) -> None:
    index = Sidecars(wheel)
    found = run(Publications(index, NoFacts()).metadata(listed(wheel, metadata_sha256=""), "demo"))
    assert list(map(str, found.requires)) == ["lib"]
    assert index.requests == 1


def test_another_hash_names_both(wheel: Path) -> None:
    found = hashlib.sha256(wheel_member(wheel, "METADATA")).hexdigest()
    with pytest.raises(IntegrityError) as caught:
        run(
            Publications(Sidecars(wheel), NoFacts()).metadata(
                listed(wheel, metadata_sha256="ab" * 32), "demo"
            )
        )
    for part in (found, "ab" * 32, f"{wheel.name}.metadata"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "version"),
    [("other", "1.0"), ("demo", "1.1"), ("demo", "1.0rc1"), ("demo", "1!1.0"), ("demo-x", "1.0")],
)
def test_metadata_of_something_else(name: str, version: str, wheel: Path) -> None:
    with pytest.raises(IntegrityError, match=f"should be {name} {version}"):
        run(
            Publications(Sidecars(wheel), NoFacts()).metadata(
                listed(wheel, version=Version(version)), name
            )
        )


@pytest.mark.parametrize("version", ["1.0.0", "1", "v1.0", "1.0+anything"])
def test_a_version_has_many_spellings(version: str, wheel: Path) -> None:
    file = listed(wheel, version=Version(version))
    assert run(Publications(Sidecars(wheel), NoFacts()).metadata(file, "demo")).version == "1.0"


@pytest.mark.parametrize(
    "data", [b"", b"Name: demo\n\n", b"\xff", b"Name: demo\nVersion: x\n\n"], ids=repr
)
def test_broken_metadata(data: bytes, wheel: Path) -> None:
    index = Sidecars(wheel)
    index.files[f"{wheel.name}.metadata"] = data
    with pytest.raises(BrokenMetadataError):
        run(Publications(index, NoFacts()).metadata(listed(wheel, metadata_sha256=""), "demo"))


def test_a_sidecar_that_is_too_long(wheel: Path) -> None:
    index = Sidecars(wheel)
    index.files[f"{wheel.name}.metadata"] = b"Name: demo\n" * 2**21
    with pytest.raises(FetchError, match=r"\.metadata cannot be read"):
        run(Publications(index, NoFacts()).metadata(listed(wheel), "demo"))


@pytest.mark.parametrize("content", [b"no zip archive", b""], ids=["text", "nothing"])
def test_what_is_no_wheel(content: bytes, wheel: Path) -> None:
    index = MemoryIndex({wheel.name: content})
    file = listed(wheel, size=len(content) or None)
    index.suffix_ranges = False
    with pytest.raises((IntegrityError, NoRangesError)):
        run(Publications(index, NoFacts()).description(file, "demo"))


def test_a_wheel_of_another_project_says_where(wheel: Path) -> None:
    with pytest.raises(IntegrityError, match=rf"{wheel.name} is not usable: it is a wheel of demo"):
        run(
            Publications(MemoryIndex(wheels=[wheel]), NoFacts()).description(listed(wheel), "other")
        )


def test_no_ranges(wheel: Path) -> None:
    publications = Publications(Whole(wheel), NoFacts())
    assert run(publications.metadata(listed(wheel), "demo")).version == "1.0"
    with pytest.raises(NoRangesError):
        run(publications.description(listed(wheel), "demo"))


def test_facts_are_remembered_for_good(wheel: Path) -> None:
    index, facts = Sidecars(wheel), Kept()
    for requests in (2, 2):
        publications = Publications(index, facts)
        run(publications.metadata(listed(wheel), "demo"))
        run(publications.description(listed(wheel), "demo"))
        assert index.requests == requests
    assert {kind for kind, _ in facts.known} == {"metadata", "wheel"}


def test_a_fact_that_is_not_what_the_page_announces_now_is_not_used(wheel: Path) -> None:
    facts = Kept()
    run(Publications(Sidecars(wheel), facts).metadata(listed(wheel), "demo"))
    with pytest.raises(IntegrityError):
        run(
            Publications(Sidecars(wheel), facts).metadata(
                listed(wheel, metadata_sha256="ab" * 32), "demo"
            )
        )


@pytest.mark.parametrize(
    "damage", [b"", b"[]\n", b"[1,2,3,4,5,6,7]\n", b"\xff", b"{}\nx"], ids=repr
)
def test_a_damaged_fact_about_a_wheel_is_read_anew(damage: bytes, wheel: Path) -> None:
    index, facts = MemoryIndex(wheels=[wheel]), Kept()
    run(Publications(index, facts).description(listed(wheel), "demo"))
    ((kind, key),) = facts.known
    facts.known[kind, key] = damage
    assert run(Publications(index, facts).description(listed(wheel), "demo")).record
    assert facts.known[kind, key] != damage


def test_facts_belong_to_a_sha256_and_an_address_without_secrets(wheel: Path) -> None:
    url = "https://host.example/demo.whl"
    assert (
        fact_key("ab", url) == fact_key("ab", url.replace("//", "//user:password@")) == f"ab {url}"
    )
    assert fact_key("ab", f"{url}#sha256=cd") == f"ab {url}"
    assert fact_key("cd", url) != fact_key("ab", url)
    assert fact_key(None, url) is fact_key("ab", f"{url}?token=x") is None


@pytest.mark.parametrize(
    "changes", [{"sha256": None}, {"url": "https://index.example/files/{}?x=1"}], ids=repr
)
def test_what_may_change_is_not_remembered(changes: dict[str, Any], wheel: Path) -> None:
    facts = Kept()
    index = Sidecars(wheel)
    for suffix in ("", ".metadata"):
        index.files[f"{wheel.name}{suffix}?x=1"] = index.files[f"{wheel.name}{suffix}"]
    changes = {key: value and value.format(wheel.name) for key, value in changes.items()}
    publications = Publications(index, facts)
    run(publications.metadata(listed(wheel, **changes), "demo"))
    run(publications.description(listed(wheel, **changes), "demo"))
    assert facts.known == {}


# -- summary


def summary(index: MemoryIndex, facts: Facts, wheel: Path) -> WheelDescription:
    return run(Publications(index, facts).summary(listed(wheel), "demo"))


def test_modules_are_found_where_installers_put_them(tmp_path: Path) -> None:
    files = {
        "demo/__init__.py": "x",
        "demo/fast.abi3.so": "",
        "demo/data.json": "{}",
        "demo/README.md": "",
    }
    data = dict.fromkeys(
        ["purelib/more.py", "platlib/x.txt", "scripts/run.py", "data/share/a.py", "headers/h.py"],
        "",
    )
    wheel = build_wheel(tmp_path, "demo", "1.0", files=files, data=data)
    modules = summary(MemoryIndex(wheels=[wheel]), NoFacts(), wheel).modules
    assert modules.files == {
        "demo/__init__.py": zlib.crc32(b"x"),
        "demo/fast.abi3.so": 0,
        "more.py": 0,
    }
    assert modules.unspread


@pytest.mark.parametrize("record", [b"", b"phantom.py,,\n/demo.py,,\n"], ids=["empty", "wrong"])
def test_record_says_nothing_of_modules(record: bytes, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", record=lambda rows: record)
    modules = summary(MemoryIndex(wheels=[wheel]), NoFacts(), wheel).modules
    assert (list(modules.files), modules.unspread) == (["demo.py"], False)


def test_files_that_record_gives_another_size_are_told(tmp_path: Path) -> None:
    rows = b"demo.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,999\n"
    wheel = build_wheel(tmp_path, "demo", "1.0", record=lambda _: rows)
    facts = Kept()
    for _ in range(2):  # as it is read, and as it is remembered
        assert summary(MemoryIndex(wheels=[wheel]), facts, wheel).wrong_rows == ("demo.py",)


def test_summary_is_remembered_and_damage_is_read_anew(wheel: Path) -> None:
    index, facts = MemoryIndex(wheels=[wheel]), Kept()
    first = summary(index, facts, wheel)
    assert list(first.modules.files) == ["demo.py"]
    index.reset()
    assert summary(index, facts, wheel) == first
    assert index.requests == 0
    ((_, key),) = [known for known in facts.known if known[0] == "wheel-summary"]
    for damage in (
        b"",
        b"{}",
        b"[1, 2]",
        b"[[[1], true], []]",
        b'[["ab", 1], []]',
        b"[[{}, true], 1]",
        b"\xff",
    ):
        facts.known["wheel-summary", key] = damage
        assert summary(index, facts, wheel) == first


def test_what_was_read_for_metadata_or_by_freeze_is_summarised_without_a_request(
    wheel: Path,
) -> None:
    index, facts = MemoryIndex(wheels=[wheel]), Kept()
    publications = Publications(index, facts)
    file = listed(wheel, metadata_sha256=None)
    run(publications.metadata(file, "demo"))
    index.reset()
    assert run(publications.summary(file, "demo")).modules.files
    facts.known = {key: value for key, value in facts.known.items() if key[0] == "wheel"}
    assert run(Publications(index, facts).summary(file, "demo")).modules.files
    assert index.requests == 0
