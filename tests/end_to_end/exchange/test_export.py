"""export: which entries of a lock other formats can name, and what is said of the others."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import Export, InputError, Problem, UnlockableError, export
from micropip_lock.formats.pylock import to_pylock
from micropip_lock.formats.requirements_export import to_requirements
from micropip_lock.formats.requirements_file import read_requirement_files
from micropip_lock.operations.base import CDN
from micropip_lock.operations.exchange.export import not_on_index, relative
from micropip_lock.proof.evidence import Evidence

from ...support import runtimes
from ...support.freezing import base_document, base_lock, entry

HOST = "https://host.example/files"


def at(name: str, url: str, **changes: Any) -> dict[str, Any]:
    """An entry whose file is at ``url``."""
    return entry(name, file_name=url, **changes)


def urls(exported: Export) -> dict[str, str | None]:
    return {wheel.name: wheel.url for wheel in exported.wheels}


def problems(*entries: dict[str, Any]) -> list[Problem]:
    with pytest.raises(UnlockableError, match="cannot be exported; nothing was written") as caught:
        export(base_lock(*entries))
    for problem in caught.value.problems:
        assert len(problem.message) > 10 and len(problem.hint) > 10, problem
        assert "hunter2" not in str(problem) + str(problem.url)
    return list(caught.value.problems)


def test_names_versions_places_and_hashes(tmp_path: Path) -> None:
    path = tmp_path / "pyodide-lock.json"
    path.write_text(
        json.dumps(base_document(at("demo", f"{HOST}/demo-1.0-py3-none-any.whl"), entry("lib")))
    )
    exported = export(path)
    demo, lib = exported.wheels
    assert (demo.name, str(demo.version), demo.filename) == (
        "demo",
        "1.0",
        "demo-1.0-py3-none-any.whl",
    )
    assert (demo.url, demo.path, demo.size, demo.index) == (
        f"{HOST}/demo-1.0-py3-none-any.whl",
        None,
        None,
        None,
    )
    assert (lib.url, lib.path) == (None, "lib-1.0-py3-none-any.whl")
    assert demo.sha256 == entry("demo")["sha256"]
    assert (exported.target.python, exported.target.abi, exported.warnings) == (
        "3.14.2",
        "2026_0",
        (),
    )


def test_evidence_knows_index_and_size() -> None:
    lock = base_lock(at("demo", f"{HOST}/demo-1.0-py3-none-any.whl"), entry("lib"))
    sha256 = lock.packages["demo"].sha256
    told = Evidence(
        "demo", "1.0", "index", "content", HOST, sha256, 77, "https://index.example/simple"
    )
    demo, lib = export(lock, evidence=[told]).wheels
    assert (demo.index, demo.size) == ("https://index.example/simple", 77)
    assert (lib.index, lib.size) == (None, None)


def test_relative_names() -> None:
    lock = base_lock(
        entry("demo"), entry("lib", file_name="wheels/lib-1.0%2Blocal-py3-none-any.whl")
    )
    assert [wheel.path for wheel in export(lock).wheels] == [
        "demo-1.0-py3-none-any.whl",
        "wheels/lib-1.0+local-py3-none-any.whl",
    ]
    (warning,) = relative(export(lock))
    assert (warning.code, warning.package) == ("not-portable", "pyodide")
    for base_url in (HOST, f"{HOST}/"):
        placed = export(lock, base_url=base_url)
        assert urls(placed)["demo"] == f"{HOST}/demo-1.0-py3-none-any.whl"
        assert list(relative(placed)) == []
    with pytest.raises(InputError, match="not an http or https URL") as caught:
        export(lock, base_url="ftp://user:hunter2@host.example")
    assert "hunter2" not in str(caught.value)


def test_the_local_part_is_the_file_names() -> None:
    lock = base_lock(at("demo", f"{HOST}/demo-1.0+pyodide.2-py3-none-any.whl"))
    assert [str(wheel.version) for wheel in export(lock).wheels] == ["1.0+pyodide.2"]


def test_nothing_secret() -> None:
    url = f"{HOST}/demo-1.0-py3-none-any.whl"
    sha256 = entry("demo")["sha256"]
    for secret in (
        url.replace("//", "//user:hunter2@"),
        f"{url}#hunter2",
        f"{url}?sha256={sha256}",
    ):
        assert urls(export(base_lock(at("demo", secret)))) == {"demo": url}
    (problem,) = problems(at("demo", f"{url}?token=hunter2"))
    assert problem.code == "query-needed"


def test_what_is_no_wheel_is_left_out_and_told() -> None:
    exported = export(
        base_lock(
            entry("demo", depends=["libfoo"]),
            entry(
                "libfoo",
                file_name="libfoo-1.1.1w.zip",
                version="1.1.1w",
                package_type="shared_library",
            ),
            entry("demo-tests", file_name=f"{HOST}/demo-tests.tar?token=hunter2"),
        )
    )
    assert list(urls(exported)) == ["demo"]
    tests, library = exported.warnings
    assert (tests.package, tests.code) == ("demo-tests", "not-a-wheel")
    assert (library.package, library.code) == ("libfoo", "not-a-wheel")
    assert library.message.endswith("it is left out. demo needs it.")
    assert "hunter2" not in str(tests)


def test_files_of_releases_are_on_no_index() -> None:
    release = CDN.format(version="314.0.7")
    exported = export(
        base_lock(at("demo", f"{HOST}/demo-1.0-py3-none-any.whl"), entry("lib")), base_url=release
    )
    assert [(problem.package, problem.code) for problem in not_on_index(exported)] == [
        ("lib", "not-on-index")
    ]


def test_every_reason_at_once() -> None:
    wheel = "-1.0-py3-none-any.whl"
    found = problems(
        at("blank", f"{HOST}/blank{wheel}\n--index-url x{wheel}"),
        at("emfs", f"emfs:/tmp/emfs{wheel}"),
        at("fine", f"{HOST}/fine{wheel}"),
        at("form", f"{HOST}/form.whl"),
        at("hash", f"{HOST}/hash{wheel}", sha256=None),
        at("name", f"{HOST}/other{wheel}"),
        at("query", f"{HOST}/query{wheel}?x=1"),
        at("root", f"/static/root{wheel}"),
        at("scheme", f"//host.example/scheme{wheel}"),
        at("version", f"{HOST}/version{wheel}", version="2.0"),
        at("words", f"{HOST}/words{wheel}", version="one"),
    )
    assert [(problem.package, problem.code) for problem in found] == [
        ("blank", "file-name"),
        ("emfs", "local-file"),
        ("form", "file-name"),
        ("hash", "hash-missing"),
        ("name", "file-name"),
        ("query", "query-needed"),
        ("root", "local-file"),
        ("scheme", "local-file"),
        ("version", "file-name"),
        ("words", "file-name"),
    ]


@pytest.mark.parametrize(
    "name",
    ["a b", "x\n--index-url=y", "-r", "é", ""],
    ids=["blank", "line", "dash", "letter", "none"],
)
def test_hostile_file_names(name: str) -> None:
    """A key that is no name of a project is refused before."""
    (problem,) = problems(at("x", f"{HOST}/{name}-1.0-py3-none-any.whl"))
    assert problem.code == "file-name"


@pytest.mark.parametrize(
    "file_name",
    ["http://[/x-1.0-py3-none-any.whl", "https://h:x/demo-1.0-py3-none-any.whl", "?", "#"],
)
def test_hostile_urls(file_name: str) -> None:
    try:
        export(base_lock(at("demo", file_name)))
    except UnlockableError as error:
        assert error.problems[0].code in ("file-name", "local-file")


def test_no_lock_of_a_pyodide(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Cannot read"):
        export(tmp_path / "gone.json")
    path = tmp_path / "lock.json"
    path.write_text(
        json.dumps({**base_document(), "info": {**base_document()["info"], "platform": "linux"}})
    )
    with pytest.raises(InputError, match=r"info\.platform"):
        export(path)


@pytest.mark.parametrize("version", runtimes.VERSIONS)
def test_locks_of_releases(version: str) -> None:
    exported = export(runtimes.runtime(version) / "pyodide-lock.json")
    packages = tomllib.loads(to_pylock(exported))["packages"]
    assert len(packages) > 250
    assert len(packages) + len(exported.warnings) == len(runtimes.base_lock(version)["packages"])


@pytest.mark.parametrize("urls", [False, True])
def test_what_is_written_can_be_read(urls: bool, tmp_path: Path) -> None:
    lock = runtimes.runtime(runtimes.VERSIONS[-1]) / "pyodide-lock.json"
    exported = export(lock, base_url="https://host.example/full/")
    path = tmp_path / "requirements.txt"
    path.write_text(to_requirements(exported, urls=urls))
    said = read_requirement_files([path], [])
    assert [item.requirement.name for item in said.requirements] == [
        item.name for item in exported.wheels
    ]
    assert [set(item.hashes) for item in said.requirements] == [
        {item.sha256} for item in exported.wheels
    ]
    assert all((item.requirement.url is not None) is urls for item in said.requirements)
    assert [item.name for item in exported.wheels] == sorted(item.name for item in exported.wheels)
