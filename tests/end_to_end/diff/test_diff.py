"""What differs between two locks."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropip_lock import Diff, InputError, Lockfile, diff

from ...support import runtimes
from ...support.freezing import base_document, base_lock, entry
from ..golden.living import FOLDER, TEXTS, changed

URL = "https://files.example/demo-1.0-py3-none-any.whl"


def between(old: dict[str, Any], new: dict[str, Any]) -> Diff:
    """Two locks of one package, called demo, with these changes."""
    return diff(base_lock(entry("demo", **old)), base_lock(entry("demo", **new)))


@pytest.mark.parametrize("name", [name for name in TEXTS if name.startswith("diff")])
def test_what_people_read(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert TEXTS[name]() == text, "if this is meant: python -m tests.end_to_end.golden.living"


def test_each_kind() -> None:
    found = changed()
    kinds = {change.package: change.kind for change in found.changes}
    assert kinds == {
        "forged": "bytes",
        "fresh": "added",
        "gone": "removed",
        "moved": "url",
        "native": "file",
        "needs": "details",
        "newer": "version",
        "older": "version",
    }
    assert list(kinds) == sorted(kinds)
    assert found.unchanged == 2 and not found.equal
    by_name = {change.package: change for change in found.changes}
    assert by_name["newer"].direction == "up" and by_name["older"].direction == "down"
    assert by_name["newer"].depends.added == ("fresh",) and by_name["newer"].depends.removed == (
        "gone",
    )
    assert by_name["needs"].imports.removed == ("needs_old",) and by_name["needs"].keys == (
        "install_dir",
    )
    assert by_name["older"].places == ("https://files.example", "https://mirror.example")
    assert (
        by_name["gone"].direction == ""
        and not by_name["gone"].depends
        and by_name["gone"].places is None
    )


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ({}, {}, None),
        ({"depends": ["b", "a"]}, {"depends": ["a", "b", "a"]}, None),
        ({"imports": ["b", "a"]}, {"imports": ["a", "b"]}, None),
        ({"depends": ["Under_Score"]}, {"depends": ["under-score"]}, None),
        ({"sha256": "AB" * 32}, {"sha256": "ab" * 32}, None),
        ({}, {"tool": {}}, None),
        ({"tool": {"x": {}}}, {}, None),
        ({"tool": {"x": 1}}, {"tool": {"x": True}}, "details"),
        ({}, {"unvendored_tests": True}, "details"),
        ({}, {"package_type": "shared_library"}, "details"),
        ({}, {"sha256": "0" * 64}, "bytes"),
        ({}, {"sha256": None}, "bytes"),
        ({}, {"sha256": "0" * 64, "file_name": URL}, "bytes"),
        ({}, {"sha256": "0" * 64, "file_name": URL.replace("none", "abi3")}, "file"),
        ({}, {"file_name": URL}, "url"),
        ({"file_name": URL}, {"file_name": URL + "?token=1"}, "url"),
        ({}, {"version": "1.0.0"}, "version"),
        ({"version": "not a version"}, {"version": "neither"}, "version"),
    ],
)
def test_the_kind_of_a_change(old: dict[str, Any], new: dict[str, Any], kind: str | None) -> None:
    for first, second in ((old, new), (new, old)):
        found = between(first, second)
        assert [change.kind for change in found.changes] == ([kind] if kind else [])
        assert found.equal is (kind is None)
    assert all(change.direction == "" for change in between(old, new).changes)


def test_the_base() -> None:
    old, new = base_document(), base_document(tool={"a": {"b": {"c": {"d": {"e": 1}}}}})
    new["info"] = {**old["info"], "abi_version": "2025_0", "version": "0.29.3", "built": 1}
    found = diff(old, new)
    assert {item.key: (item.old, item.new) for item in found.base} == {
        "abi_version": ("2026_0", "2025_0"),
        "version": (None, "0.29.3"),
    }
    assert found.other == ("info.built", "tool.a.b.c")
    assert not found.equal and not found.changes


def test_whatever_names_a_lock(tmp_path: Path) -> None:
    lock = base_lock(entry("demo"))
    path = tmp_path / "lock.json"
    lock.write(path)
    for one in (lock, lock.to_dict(), lock.to_json(), path, str(path)):
        assert diff(one, lock).equal and diff(lock, one).equal
    with pytest.raises(InputError, match="absent"):
        diff(path, tmp_path / "absent.json")
    with pytest.raises(InputError, match="the new lock: packages"):
        diff(path, "{}")
    with pytest.raises(InputError, match="the old lock"):
        diff({"packages": {}}, path)


@pytest.mark.parametrize(("old", "new"), list(pairwise(runtimes.VERSIONS)))
def test_the_locks_of_pyodide(old: str, new: str) -> None:
    first, second = runtimes.base_lock(old), runtimes.base_lock(new)
    found = diff(first, second)
    names = {*first["packages"], *second["packages"]}
    assert sum(found.totals.values()) == len(names)
    assert {change.package for change in found.of("added")} == second["packages"].keys() - first[
        "packages"
    ].keys()
    assert {item.key for item in found.base} <= {
        "version",
        "abi_version",
        "python",
        "platform",
    } and found.base
    assert diff(first, first).equal


def test_json_shows_no_secret() -> None:
    secret = "https://me:hunter2@files.example/demo-1.0-py3-none-any.whl?token=hunter2#hunter2"
    found = diff(
        base_lock(
            entry("demo", file_name=secret, note="hunter2"),
            tool={"x": {"requested": ["a @ https://hunter2@b"]}},
        ),
        base_lock(entry("demo", file_name=URL)),
    )
    text = json.dumps(found.to_json())
    assert "hunter2" not in text and "tool.x.requested" in text
    (package,) = found.to_json()["packages"]
    assert package["old"]["file_name"] == package["new"]["file_name"] == URL
    assert package["keys"] == ("note",)


NAMES = st.sampled_from(["a", "b", "c", "d"])
ENTRIES = st.fixed_dictionaries(
    {
        "version": st.sampled_from(["1.0", "2.0"]),
        "sha256": st.sampled_from(["0" * 64, "1" * 64]),
        "file_name": st.sampled_from(["x-1.whl", URL]),
        "depends": st.lists(NAMES),
    }
)
LOCKS = st.dictionaries(NAMES, ENTRIES).map(
    lambda packages: Lockfile.from_json(
        base_document(*(entry(name, **values) for name, values in packages.items()))
    )
)


@given(LOCKS, LOCKS)
def test_both_ways_round(old: Lockfile, new: Lockfile) -> None:
    there, back = diff(old, new), diff(new, old)
    assert diff(old, old).equal and there.equal is back.equal
    swapped = {"added": "removed", "removed": "added"}
    assert [(item.package, swapped.get(item.kind, item.kind)) for item in there.changes] == [
        (item.package, item.kind) for item in back.changes
    ]
    assert [(item.depends.added, item.depends.removed) for item in there.changes] == [
        (item.depends.removed, item.depends.added) for item in back.changes
    ]
    assert there.unchanged == back.unchanged
