"""verify without a network: every fault that a lock shows by itself, all of them at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micropip_lock import InputError, Lockfile
from micropip_lock.operations.verify.run import ADVICE

from ...support import runtimes
from ...support.freezing import NATIVE, base_lock, entry
from ...support.ids import short
from ...support.verifying import codes, definite, lock_of, only, static

URL = "https://files.example/demo-1.0-py3-none-any.whl"


def demo(**changes: Any) -> dict[str, Any]:
    """A true entry, changed; ``...`` removes a key."""
    changed = {**entry("demo"), "file_name": URL, **changes}
    return {key: value for key, value in changed.items() if value is not ...}


def test_a_true_lock_has_no_problems() -> None:
    assert static(lock_of(demo())) == ()
    assert static(lock_of(demo(unknown={"key": 1}), extra=1)) == ()
    assert static(lock_of(demo(sha256="AB" * 32))) == ()
    assert static(lock_of()) == ()


@pytest.mark.parametrize("version", runtimes.VERSIONS)
def test_the_locks_of_pyodide_itself_are_right(version: str) -> None:
    problems = static(runtimes.base_lock(version))
    assert [problem.code for problem in problems] == ["not-portable"]
    assert definite(problems) == []


@pytest.mark.parametrize("key", ["../x", "a/b", "/x", "a\n", "", "_a"], ids=ascii)
def test_keys_that_are_no_names(key: str) -> None:
    lock = lock_of(demo())
    lock["packages"][key] = demo()
    told = [problem.message for problem in static(lock) if problem.code == "schema"]
    assert f"the key {key!r} is no name of a project (PEP 508)." in told


FAULTS: list[tuple[dict[str, Any], str]] = [
    # what the runtime reads
    ({"name": ...}, "schema"),
    ({"name": ""}, "schema"),
    ({"name": "other"}, "schema"),
    ({"version": ...}, "schema"),
    ({"version": 1.0}, "schema"),
    ({"file_name": None}, "schema"),
    ({"imports": ...}, "schema"),
    ({"imports": None}, "schema"),
    ({"imports": "demo"}, "schema"),
    ({"imports": ["demo", 1]}, "schema"),
    ({"depends": ...}, "schema"),
    ({"depends": {}}, "schema"),
    ({"install_dir": 1}, "schema"),
    ({"package_type": []}, "schema"),
    ({"unvendored_tests": "no"}, "schema"),
    ({"sha256": ...}, "hash-missing"),
    ({"sha256": ""}, "hash-missing"),
    ({"sha256": None}, "hash-missing"),
    ({"sha256": "sha256:" + "ab" * 32}, "schema"),
    ({"sha256": "ab" * 31}, "schema"),
    ({"sha256": 7}, "schema"),
    ({"package_type": ...}, "incomplete"),
    ({"unvendored_tests": ...}, "incomplete"),
    ({"install_dir": ...}, "incomplete"),
    # file names
    ({"file_name": "https://files.example/demo"}, "file-name"),
    ({"file_name": "https://files.example/demo-1.0.exe"}, "file-name"),
    ({"file_name": "https://files.example/"}, "file-name"),
    ({"file_name": "https://files.example"}, "file-name"),
    ({"file_name": f"https://files.example/demo-1.0-{'py2.' * 90}py3-none-any.whl"}, "file-name"),
    ({"file_name": "https://files.example/demo.whl"}, "file-name"),
    ({"file_name": URL.replace("demo", "other")}, "file-name"),
    ({"file_name": URL.replace("1.0", "1.1")}, "file-name"),
    ({"file_name": f"{URL}#sha256={'ab' * 32}"}, "file-name"),
    ({"file_name": f"{URL}#"}, "file-name"),
    ({"file_name": URL.replace("https", "ftp")}, "file-name"),
    ({"file_name": f"data:application/zip;base64,AAAA/{URL[-26:]}"}, "file-name"),
    ({"file_name": "https://user:pa/ss@files.example/demo-1.0-py3-none-any.whl"}, "file-name"),
    ({"file_name": f"{URL}?token=s3cret"}, "query-needed"),
    ({"file_name": f"{URL}?sha256={'ab' * 32}"}, "query-needed"),
    ({"file_name": "https://user:s3cret@files.example/demo-1.0-py3-none-any.whl"}, "credentials"),
    ({"file_name": "emfs:/tmp/demo-1.0-py3-none-any.whl"}, "local-file"),
    ({"file_name": "file:///home/me/demo-1.0-py3-none-any.whl"}, "local-file"),
    ({"file_name": "/home/me/demo-1.0-py3-none-any.whl"}, "local-file"),
    ({"file_name": "C:\\wheels/demo-1.0-py3-none-any.whl"}, "local-file"),
    (
        {"file_name": URL.replace("py3-none-any", "cp314-cp314-manylinux_2_28_x86_64")},
        "wrong-platform",
    ),
    ({"file_name": URL.replace("py3-none-any", NATIVE.replace("2026", "2025"))}, "wrong-platform"),
    ({"file_name": URL.replace("-py3-none-any.whl", ".tar.gz")}, "sdist"),
    ({"file_name": "demo-1.0-py3-none-any.whl"}, "not-portable"),
    ({"file_name": "../wheels/demo-1.0-py3-none-any.whl"}, "not-portable"),
    ({"file_name": "//files.example/demo-1.0-py3-none-any.whl"}, "not-portable"),
    ({"file_name": URL.replace("files.example", "127.0.0.1:8000")}, "not-portable"),
    ({"file_name": URL.replace("files.example", "10.0.0.1")}, "not-portable"),
    # edges and import names
    ({"depends": ["lib"]}, "missing-dependency"),
    ({"depends": ["Demo"]}, "cycle"),
    ({"imports": []}, "imports-empty"),
]


@pytest.mark.parametrize(("changes", "code"), FAULTS, ids=short)
def test_one_fault(changes: dict[str, Any], code: str) -> None:
    problems = static({**lock_of(), "packages": {"demo": demo(**changes)}})
    assert [(problem.package, problem.code) for problem in problems] == [("demo", code)]
    assert (
        "s3cret" not in str(problems)
        and "/home/me" not in str(problems)
        and "pa/ss" not in str(problems)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"file_name": URL.replace("py3-none-any", NATIVE)},
        {"file_name": URL.replace("py3-none-any", NATIVE.replace("pyemscripten", "pyodide"))},
        {"file_name": URL.replace("py3-none-any", "1-py2.py3-none-any")},
        {"file_name": URL.replace("-1.0-", "-1.0+local-"), "version": "1.0"},
        {"file_name": URL.replace("-1.0-", "-1.0%2Blocal-"), "version": "1.0+local"},
        {"file_name": URL.replace("-1.0-", "-1.0.0-")},
        {
            "file_name": "https://files.example/demo-1.0.zip",
            "package_type": "shared_library",
            "imports": [],
        },
        {"file_name": "https://files.example/demo-tests.tar", "imports": []},
        {"package_type": "cpython_module", "imports": []},
    ],
    ids=short,
)
def test_what_is_right_though_it_looks_odd(changes: dict[str, Any]) -> None:
    assert static(lock_of(demo(**changes))) == ()


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"python": None}, ["info.python"]),
        ({"platform": 5}, ["info.platform"]),
        ({"platform": "linux_x86_64"}, ["info.platform"]),
        ({"arch": None}, ["info.arch"]),
        ({"abi_version": None}, ["info.abi_version"]),
        ({"abi_version": 2026}, ["info.abi_version"]),
        ({"abi_version": None, "version": "314.0.7"}, ["info.abi_version"]),
        ({"python": "3.12.7", "abi_version": "2024_0"}, ["info.version"]),
        ({"python": "3.12.7", "version": "0.27.7"}, []),
        ({"python": "3.12.7", "version": "0.26.0", "abi_version": None}, []),
        (
            {"python": None, "platform": None, "arch": 1},
            ["info.arch", "info.platform", "info.python"],
        ),
    ],
    ids=short,
)
def test_info(info: dict[str, Any], words: list[str]) -> None:
    problems = static(lock_of(**info))
    assert [problem.message.partition(":")[0] for problem in problems] == words
    assert {problem.code for problem in problems} <= {"schema"}


def test_tags_of_a_lock_that_does_not_say_its_abi_are_not_judged() -> None:
    native = demo(file_name=URL.replace("py3-none-any", "cp312-cp312-pyodide_2024_0_wasm32"))
    assert static(lock_of(native, python="3.12.7", version="0.26.0", abi_version=None)) == ()


@pytest.mark.parametrize("lock", [{}, {"info": 1, "packages": []}, {"info": None}], ids=short)
def test_an_object_that_is_no_lock(lock: dict[str, Any]) -> None:
    assert [problem.code for problem in static(lock)] == ["schema", "schema"]


def test_every_fault_is_told_at_once() -> None:
    worst = {
        "name": 1,
        "version": None,
        "file_name": [],
        "imports": None,
        "depends": None,
        "sha256": "x",
    }
    lock = {
        "info": {},
        "packages": {"Odd_Name": worst, "demo": demo(depends=["lib", "lob"]), "empty": None},
    }
    problems = static(lock)
    found = {
        (problem.package, problem.message.partition(":")[0])
        for problem in problems
        if problem.code == "schema"
    }
    assert found >= {("odd-name", f"packages.Odd_Name.{key}") for key in worst if key != "sha256"}
    assert ("odd-name", "packages.odd-name.sha256") in found
    assert ("empty", "packages.empty") in found
    assert ("pyodide", "info.abi_version") in found
    assert any("not canonical" in item.message for item in problems if item.package == "odd-name")
    assert codes(problems).count(("demo", "missing-dependency")) == 2
    assert ("odd-name", "incomplete") in codes(problems)


def test_two_keys_of_one_name() -> None:
    other = demo(depends=["lib"])
    for packages in ({"demo": demo(), "Demo": other}, {"Demo": other, "demo": demo()}):
        # The runtime knows the canonical one only.
        assert codes(static({**lock_of(), "packages": packages})) == [
            ("demo", "duplicate"),
            ("demo", "schema"),
        ]
    packages = {"Demo": demo(), "DEMO": other}
    assert (
        codes(static({**lock_of(), "packages": packages}))
        == [("demo", "duplicate")] + [("demo", "schema")] * 2
    )


def test_a_key_that_stands_twice_in_the_text() -> None:
    text = json.dumps(lock_of(demo()))
    twice = text.replace('"packages": {', '"packages": {"demo": {},')
    assert codes(static(twice)) == [("demo", "duplicate")]
    assert codes(
        static(text.replace('"version": "1.0"', '"version": "2.0", "version": "1.0"'))
    ) == [("pyodide", "duplicate")]


def test_a_cycle_names_its_members() -> None:
    entries = [
        demo(depends=["lib"]),
        entry("lib", depends=["leaf", "third"]),
        entry("leaf"),
        entry("third"),
    ]
    entries[3]["depends"] = ["demo"]
    problem = only(static(lock_of(*entries)), "cycle")
    assert problem.package == "demo"
    assert "demo, lib, third depend on each other" in problem.message
    assert "leaf" not in problem.message


def test_one_import_name_of_two_entries() -> None:
    lock = lock_of(demo(imports=["space", "space.a"]), entry("other", imports=["space", "space.b"]))
    problem = only(static(lock), "import-collision")
    assert "space is claimed by demo and by other" in problem.message
    assert "import-collision" in ADVICE


def test_relative_names_and_private_hosts_are_told_once() -> None:
    entries = [entry(name) for name in ("a", "b", "c", "d", "e")]
    entries += [
        entry(name, file_name=f"http://localhost/{name}-1.0-py3-none-any.whl")
        for name in ("f", "g")
    ]
    first, second = static(lock_of(*entries))
    assert (first.code, second.code, first.package, second.package) == (
        *["not-portable"] * 2,
        *["pyodide"] * 2,
    )
    messages = sorted([first.message, second.message])
    assert "5 file names are relative to the lock (a, b, c and 2 more)" in messages[0]
    assert "2 files from http://localhost (f, g)" in messages[1]
    assert "3 file names are relative to the lock (a, b, c)." in str(static(lock_of(*entries[:3])))


# -- what may be given


READ: list[Callable[[Path], Any]] = [
    lambda path: path,
    lambda path: str(path),
    lambda path: path.read_text(),
    lambda path: "\n " + path.read_text(),
    lambda path: json.loads(path.read_bytes()),
]


@pytest.mark.parametrize("give", READ, ids=["path", "name", "text", "indented", "object"])
def test_a_lock_in_any_form(give: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "pyodide-lock.json"
    path.write_text(json.dumps(lock_of(demo(depends=["lib"]))))
    assert codes(static(give(path))) == [("demo", "missing-dependency")]


def test_a_lockfile() -> None:
    assert codes(static(Lockfile.from_json(lock_of(demo(depends=["lib"]))))) == [
        ("demo", "missing-dependency")
    ]
    assert static(base_lock()) == ()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"{", b"\xff", b'{"info": NaN}', b"[" * 100_000, None],
    ids=short,
)
def test_what_is_no_json_object(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "pyodide-lock.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"pyodide-lock\.json"):
        static(path)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=8), values, max_size=3)
    ),
    max_leaves=8,
)
FILE_NAMES = st.from_regex(
    r"(https?://|//|file:|emfs:|C:\\|/|\.\./)?(u(:p)?@)?[a-z0-9.\[\]:%]{0,12}(/[ -~]{0,8}){0,2}[-a-z0-9._%]{0,20}"
    r"(\.whl|\.zip|\.tar\.gz)?([?#][ -~]{0,8})?",
    fullmatch=True,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    lock=ANYTHING,
    entries=st.dictionaries(st.sampled_from(["demo", "Lib", "x_y"]), ANYTHING),
    key=st.text(max_size=4),
)
def test_nothing_makes_it_raise(lock: Any, entries: dict[str, Any], key: str) -> None:
    static({"info": lock, "packages": entries})
    static({"packages": lock, key: entries})
    static(
        {**lock_of(), "packages": {name: {**demo(), key: value} for name, value in entries.items()}}
    )
    for name in demo():
        static(
            {
                **lock_of(),
                "packages": {key: {**demo(), name: value} for key, value in entries.items()},
            }
        )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(FILE_NAMES)
def test_no_file_name_makes_it_raise(file_name: str) -> None:
    problems = static(lock_of(demo(file_name=file_name or "x")))
    assert {problem.package for problem in problems} <= {"demo"}


def test_arguments_that_cannot_be() -> None:
    with pytest.raises(InputError, match="deep"):
        static(lock_of(), deep=True)
    with pytest.raises(InputError, match="deep"):
        static(lock_of(), deep=True, offline=True)
    with pytest.raises(InputError, match="nowhere"):
        static(lock_of(), path="nowhere")


def test_offline_asks_nobody_even_with_a_fetcher() -> None:
    dead = demo(file_name="http://127.0.0.1:9/demo-1.0-py3-none-any.whl")
    assert codes(static(lock_of(dead), offline=True)) == []
