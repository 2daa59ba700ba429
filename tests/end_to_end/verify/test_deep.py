"""verify --deep: what only the whole wheel tells."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ...support.index_server import Fault, IndexServer
from ...support.runtimes import lock_entry
from ...support.site_server import SiteServer
from ...support.verifying import codes, definite, lock_of, only, verified, wheel_entry
from ...support.wheels import build_wheel, wheel_member

ZEROS = "0" * 64


def deep(index: IndexServer, *entries: dict[str, Any], **options: Any) -> list[tuple[str, str]]:
    return codes(verified(lock_of(*entries), index_urls=index.url, deep=True, **options))


@pytest.fixture
def demo(index: IndexServer) -> Path:
    return build_wheel(index.folder, "demo", "1.0")


def test_a_true_wheel(index: IndexServer, demo: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    assert deep(index, wheel_entry(index, demo), progress=lambda *step: steps.append(step)) == []
    assert steps == [(1, 1, "demo")]
    assert index.wheel_downloads == 1


def test_nothing_is_kept(
    index: IndexServer, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    deep(index, wheel_entry(index, demo))
    assert sorted(tmp_path.rglob("*")) == before


def test_bytes_that_are_not_what_page_and_lock_say(index: IndexServer, demo: Path) -> None:
    entry = wheel_entry(index, demo)
    other = build_wheel(index.folder / "other", "demo", "1.0", files={"demo.py": "evil = True\n"})
    index.core_metadata = "off"
    index.faults[f"/files/{demo.name}"] = Fault("body", body=other.read_bytes())
    assert deep(index, entry) == [("demo", "hash-conflict")]
    # Its end alone does not tell.
    assert codes(verified(lock_of(entry), index_urls=index.url)) == []


def test_an_unlisted_wheel_is_compared_with_the_lock(
    index: IndexServer, other_index: IndexServer, demo: Path
) -> None:
    entry = wheel_entry(index, demo)
    assert deep(other_index, entry) == []
    entry["sha256"] = ZEROS
    assert deep(other_index, entry) == [("demo", "hash-conflict")]
    assert deep(index, entry) == [("demo", "hash-conflict")]


def test_what_is_no_wheel_at_all(index: IndexServer, other_index: IndexServer, demo: Path) -> None:
    entry = wheel_entry(index, demo)
    index.faults[f"/files/{demo.name}"] = Fault("html")
    problems = verified(lock_of(entry), index_urls=other_index.url, deep=True)
    assert codes(problems) == [("demo", "hash-conflict")]
    entry["sha256"] = hashlib.sha256(b"no wheel").hexdigest()
    index.faults[f"/files/{demo.name}"] = Fault("body", body=b"no wheel")
    problems = verified(lock_of(entry), index_urls=other_index.url, deep=True)
    assert codes(problems) == [("demo", "content-mismatch")]
    assert "zip" in only(problems, "content-mismatch").message


def test_a_record_that_lies(index: IndexServer) -> None:
    def lie(rows: list[Any]) -> list[Any]:
        return [
            (path, "sha256=" + "A" * 43 if path == "demo.py" else hash_, size)
            for path, hash_, size in rows
        ]

    entry = wheel_entry(index, build_wheel(index.folder, "demo", "1.0", record=lie))
    assert codes(verified(lock_of(entry), index_urls=index.url)) == []
    problems = verified(lock_of(entry), index_urls=index.url, deep=True)
    assert codes(problems) == [("demo", "wheel-record-wrong")]
    assert "own RECORD" in only(problems, "wheel-record-wrong").message


@pytest.mark.parametrize("announced", ["hash", "true"])
def test_metadata_that_contradicts_its_sidecar(announced: str, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["lib"])
    lib = wheel_entry(index, build_wheel(index.folder, "lib", "1.0"))
    sidecar = wheel_member(wheel, "METADATA").replace(b"Requires-Dist: lib\n", b"")
    index.core_metadata = announced
    index.sidecars[wheel.name] = sidecar
    if announced == "hash":
        announcement = {"sha256": hashlib.sha256(sidecar).hexdigest()}
        index.overrides[wheel.name] = {
            "core-metadata": announcement,
            "data-dist-info-metadata": announcement,
        }
    entry = wheel_entry(index, wheel)
    # The sidecar says that nothing is needed; the wheel, which is what gets installed, needs lib.
    assert codes(verified(lock_of(entry, lib), index_urls=index.url)) == []
    problems = verified(lock_of(entry, lib), index_urls=index.url, deep=True)
    assert codes(problems) == [("demo", "content-mismatch"), ("demo", "lost-dependency")]
    assert "contradicts its sidecar" in only(problems, "content-mismatch").message


def test_a_wheel_of_another_version(index: IndexServer, other_index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "2.0")
    renamed = wheel.rename(wheel.with_name("demo-1.0-py3-none-any.whl"))
    problems = verified(lock_of(wheel_entry(index, renamed)), index_urls=other_index.url, deep=True)
    assert codes(problems) == [("demo", "content-mismatch")]
    assert "demo 2.0" in str(problems)


def test_metadata_without_the_local_part_of_the_version(
    index: IndexServer, other_index: IndexServer
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    renamed = wheel.rename(wheel.with_name("demo-1.0+local-py3-none-any.whl"))
    assert deep(other_index, wheel_entry(index, renamed, version="1.0+local")) == []
    assert deep(other_index, wheel_entry(index, renamed, version="1.0")) == []


def test_metadata_that_nobody_can_read(index: IndexServer, other_index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["???"])
    assert deep(other_index, wheel_entry(index, wheel)) == [("demo", "broken-metadata")]


def test_depends_of_the_wheel_itself(index: IndexServer, other_index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["lib"])
    assert deep(other_index, wheel_entry(index, wheel)) == [("demo", "missing-dependency")]


def test_modules_that_nobody_claims(index: IndexServer) -> None:
    files = {
        "demo.py": "",
        "second/__init__.py": "",
        "space/part.py": "",
        "_own.py": "",
        "taken.py": "",
    }
    wheel = build_wheel(index.folder, "demo", "1.0", files=files)
    other = wheel_entry(index, build_wheel(index.folder, "taken", "1.0"))
    problems = verified(lock_of(wheel_entry(index, wheel), other), index_urls=index.url, deep=True)
    assert codes(problems) == [("demo", "no-imports")]
    assert "second, space, space.part" in only(problems, "no-imports").message
    # The namespace is claimed, so what lies in it is loaded by importing it.
    entry = wheel_entry(index, wheel, imports=["demo", "second", "space"])
    assert deep(index, entry, other) == []


def test_names_that_the_wheel_does_not_hold(index: IndexServer) -> None:
    data = {"scripts/run.py": "", "data/share/x.py": "", "headers/h.py": ""}
    phantom = ("phantom.py", "sha256=" + "A" * 43, "1")
    files = {"demo/__init__.py": "", "space/texts/a.txt": ""}
    wheel = build_wheel(
        index.folder, "demo", "1.0", files=files, data=data, record=lambda rows: [*rows, phantom]
    )
    # Whoever owns a namespace claims its bare name.
    assert deep(index, wheel_entry(index, wheel, imports=["demo", "space", "space.texts"])) == []
    names = ["demo", "bin.run", "h", "phantom", "share.x"]
    problems = verified(
        lock_of(wheel_entry(index, wheel, imports=names)), index_urls=index.url, deep=True
    )
    assert codes(problems) == [("demo", "content-mismatch")]
    assert "bin.run, h, phantom and 1 more" in only(problems, "content-mismatch").message


def test_import_names_that_metadata_announces(index: IndexServer) -> None:
    files = {"demo.py": "", "helper.py": ""}
    wheel = build_wheel(
        index.folder, "demo", "1.0", files=files, metadata_extra="Import-Name: demo"
    )
    assert deep(index, wheel_entry(index, wheel)) == []
    assert deep(index, wheel_entry(index, wheel, imports=[])) == [("demo", "no-imports")]


def test_modules_that_pyodide_leaves_where_they_are(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files={}, data={"platlib/demo.py": ""})
    assert deep(index, wheel_entry(index, wheel)) == [("demo", "layout")]


def test_a_file_that_is_gone(index: IndexServer, other_index: IndexServer, demo: Path) -> None:
    entry = wheel_entry(index, demo)
    index.faults[f"/files/{demo.name}"] = Fault("status", status=404)
    # The page has it, its sidecar too, and the wheel itself is not there.
    assert deep(index, entry) == [("demo", "gone")]
    assert deep(other_index, entry) == [("demo", "gone")]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("reset"), "unreachable"),
        (Fault("status", status=503), "unreachable"),
        (Fault("truncate"), "unreachable"),
        (Fault("status", status=403), "not-allowed"),
    ],
    ids=["reset", "503", "truncated", "403"],
)
def test_a_download_that_fails(fault: Fault, code: str, index: IndexServer, demo: Path) -> None:
    entry = wheel_entry(index, demo)
    index.faults[f"/files/{demo.name}"] = fault
    index.core_metadata = "off"
    assert deep(index, entry) == [("demo", code)]


def test_queries_and_credentials_are_not_followed(index: IndexServer, demo: Path) -> None:
    entry = wheel_entry(index, demo, file_name=index.file_url(demo.name) + "?token=x")
    assert deep(index, entry) == [("demo", "query-needed")]
    assert index.wheel_downloads == 0


def test_relative_names_are_told_and_nothing_more(index: IndexServer, demo: Path) -> None:
    problems = verified(
        lock_of(lock_entry(demo, imports=["demo"])), index_urls=index.url, deep=True
    )
    assert [problem.code for problem in problems] == ["not-portable"]
    assert definite(problems) == []


def test_archives_of_a_distribution_are_hashed(tmp_path: Path, index: IndexServer) -> None:
    (tmp_path / "libz-1.0.zip").write_bytes(b"any bytes")
    with SiteServer({"/full/": tmp_path}) as server:
        entry = {
            **lock_entry(build_wheel(tmp_path, "libz", "1.0"), f"{server.root}/full/libz-1.0.zip"),
            "sha256": hashlib.sha256(b"any bytes").hexdigest(),
            "package_type": "shared_library",
        }
        assert deep(index, entry) == []
        assert deep(index, {**entry, "sha256": ZEROS}) == [("libz", "hash-conflict")]
        assert deep(index, {**entry, "file_name": f"{server.root}/full/libz-2.0.zip"}) == [
            ("libz", "gone")
        ]
