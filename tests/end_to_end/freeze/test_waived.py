"""What a freeze warns of, what ``strict`` makes of that, and what a user may accept unproved."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from micropip_lock.proof.evidence import WAIVABLE

from ...support.freezing import (
    DIST_INFO,
    NATIVE,
    archive,
    base_lock,
    claim,
    entry,
    freeze_folder,
    live,
    not_utf_8,
    problems_of,
    proofs,
    rewrite_record,
    told,
)
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target, uv_target
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel, sha256

BIG: dict[str, bytes | str] = {"big.py": "x = 1\n", "big.dat": os.urandom(60_000)}


# -- dependencies


def test_missing_dependency(index: IndexServer, site: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["absent>=2 ; python_version > '3'"])
    installer_target(site, wheel)
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "missing-dependency"
    assert "absent>=2" in problem.message and "python_version" not in problem.message
    assert problem.hint.startswith(f"Install it: pip install --target {site} 'absent>=2' (")
    result = freeze_folder(site, index_urls=index.url, allow_broken=True)
    assert told(result.warnings) == [("demo", "missing-dependency")]
    assert result.lockfile.packages["demo"].depends == ()


def test_conflicting_dependency(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", requires=["other>=2"]))
    installer_target(site, build_wheel(index.folder, "other", "1.0"))
    (problem,) = problems_of(site, index_urls=index.url)
    assert (problem.package, problem.code) == ("demo", "conflicting-dependency")
    result = freeze_folder(site, index_urls=index.url, allow_broken=True)
    assert told(result.warnings) == [("demo", "conflicting-dependency")]
    assert result.lockfile.packages["demo"].depends == ("other",)


@pytest.mark.parametrize(
    ("requested", "code"), [("absent", "missing-dependency"), ("demo>1", "conflicting-dependency")]
)
def test_what_was_requested_must_be_there(
    requested: str, code: str, demo: Path, index: IndexServer, site: Path
) -> None:
    name = requested.partition(">")[0]
    assert told(problems_of(site, index_urls=index.url, requested=[requested])) == [(name, code)]
    result = freeze_folder(site, index_urls=index.url, requested=[requested], allow_broken=True)
    assert told(result.warnings) == [(name, code)]


def test_an_entry_that_the_base_lacks_is_missing(site: Path) -> None:
    site.mkdir()
    around = live(site, entry("lib", depends=["absent"]), loaded={"lib": "default channel"})
    assert told(problems_of(None, index_urls=None, surroundings=around)) == [
        ("lib", "missing-dependency")
    ]
    result = freeze_folder(None, index_urls=None, surroundings=around, allow_broken=True)
    assert told(result.warnings) == [("lib", "missing-dependency")]
    assert result.lockfile.packages["lib"].depends == ()


# -- warnings, strict


def test_yanked(demo: Path, index: IndexServer, site: Path) -> None:
    for yanked, says in ((True, "yanked"), ("it eats files", "it eats files")):
        index.yanked["demo==1.0"] = yanked
        for json_page in (True, False):
            index.json = json_page
            result = freeze_folder(site, index_urls=index.url)
            assert told(result.warnings) == [("demo", "yanked")]
            assert says in result.warnings[-1].message


def test_a_cycle_is_broken_with_a_warning(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "one", "1.0", requires=["two"]))
    installer_target(site, build_wheel(index.folder, "two", "1.0", requires=["one"]))
    result = freeze_folder(site, index_urls=index.url)
    assert told(result.warnings) == [("one", "cycle")]
    assert result.lockfile.packages["one"].depends == ("two",)
    assert result.lockfile.packages["two"].depends == ()


def test_an_import_collision(index: IndexServer, site: Path, tmp_path: Path) -> None:
    one = build_wheel(index.folder, "one", "1.0", files={"common.py": "x = 1\n"})
    two = build_wheel(index.folder, "two", "1.0", files={"common.py": "x = 1\n"})
    installer_target(tmp_path / "a", one)
    installer_target(tmp_path / "b", two)
    result = freeze_folder([tmp_path / "a", tmp_path / "b"], index_urls=index.url)
    assert told(result.warnings) == [("one", "import-collision")]


def test_an_excluded_dependency(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", requires=["other"]))
    installer_target(site, build_wheel(index.folder, "other", "1.0"))
    result = freeze_folder(site, index_urls=index.url, exclude=["Other"])
    assert told(result.warnings) == [("demo", "excluded-dependency")]
    assert result.lockfile.packages["demo"].depends == ()
    assert result.left_out == (("other", "1.0", "left out on purpose"),)


def test_an_excluded_package_has_no_problems(demo: Path, index: IndexServer, site: Path) -> None:
    (site / "broken-1.0.dist-info").mkdir()
    (site / "old-1.0.egg-info").mkdir()
    result = freeze_folder(site, index_urls=index.url, exclude=["broken", "old"])
    assert set(result.lockfile.packages) == {"demo"}


def test_a_guessed_extra(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", extras={"more": ["other"]}))
    installer_target(site, build_wheel(index.folder, "other", "1.0"))
    result = freeze_folder(site, index_urls=index.url)
    assert told(result.warnings) == [("demo", "extra-guessed")]
    assert result.lockfile.packages["demo"].depends == ("other",)
    assert 'requested "demo[more]"' in result.warnings[-1].hint or "demo[more]" in str(
        result.warnings
    )
    told_so = freeze_folder(site, index_urls=index.url, requested=["demo[more]"])
    assert told(told_so.warnings) == []
    wanted_itself = freeze_folder(site, index_urls=index.url, requested=["other", "demo"])
    assert told(wanted_itself.warnings) == []
    assert wanted_itself.lockfile.packages["demo"].depends == ()


def test_not_portable(demo: Path, index: IndexServer, site: Path) -> None:
    (warning,) = freeze_folder(site, index_urls=index.url).warnings
    assert (warning.package, warning.code) == ("demo", "not-portable")
    assert warning.hint


@pytest.mark.parametrize(
    ("url", "portable"),
    [
        ("https://files.example/demo-1.0-py3-none-any.whl", True),
        ("http://files.example/demo-1.0-py3-none-any.whl", True),
        ("https://site.example/files/demo-1.0-py3-none-any.whl", False),  # where the page is
        ("https://192.168.1.7/demo-1.0-py3-none-any.whl", False),
        ("https://localhost:8000/demo-1.0-py3-none-any.whl", False),
        ("https://devpi/demo-1.0-py3-none-any.whl", False),
    ],
)
def test_addresses_that_others_cannot_use(url: str, portable: bool, demo: Path, site: Path) -> None:
    claim(site, INSTALLER="micropip", PYODIDE_URL=url, PYODIDE_SHA256=sha256(demo))
    around = live(site, loaded={"demo": "pypi"}, page_origin="https://site.example")
    result = freeze_folder(None, index_urls=None, surroundings=around)
    assert [item.code for item in result.warnings] == ([] if portable else ["not-portable"])
    assert result.lockfile.packages["demo"].file_name == url


def test_strict_makes_warnings_problems_and_tells_them_with_the_others(
    demo: Path, index: IndexServer, site: Path
) -> None:
    index.yanked["demo==1.0"] = True
    assert [problem.code for problem in problems_of(site, index_urls=index.url, strict=True)] == [
        "not-portable",
        "yanked",
    ]
    installer_target(site, build_wheel(index.folder, "needy", "1.0", requires=["absent"]))
    problems = problems_of(site, index_urls=index.url, strict=True)
    assert told(problems) == [("demo", "yanked"), ("needy", "missing-dependency")]


def test_strict_without_warnings_is_no_obstacle(site: Path, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "dist", "demo", "1.0")
    installer_target(site, wheel)
    base = base_lock(lock_entry(wheel))
    freeze_folder(
        site, base=base, base_dir=tmp_path / "dist", base_url="https://cdn.example/", strict=True
    )


# -- accept_unproved


def change_files(site: Path) -> None:
    (site / "demo.txt").write_text("other text")


def test_what_may_be_waived() -> None:
    assert {"unreachable", "not-allowed", "no-ranges", "files-changed", "weak-record"} == WAIVABLE


@pytest.mark.parametrize("fault", [Fault("status", status=500), Fault("status", status=403)])
def test_a_wheel_out_of_reach_can_be_accepted(
    fault: Fault, demo: Path, index: IndexServer, site: Path
) -> None:
    index.faults["/files/"] = fault
    result = freeze_folder(site, index_urls=index.url, accept_unproved=["Demo"])
    assert proofs(result) == {"demo": ("index", "accepted")}
    assert result.lockfile.packages["demo"].sha256 == sha256(demo)


def test_a_page_out_of_reach_leaves_nothing_to_accept(
    demo: Path, index: IndexServer, site: Path
) -> None:
    index.faults["/simple/"] = Fault("status", status=500)
    assert told(problems_of(site, index_urls=index.url, accept_unproved=["demo"])) == [
        ("demo", "unreachable")
    ]


def test_a_claim_out_of_reach_can_be_accepted_with_its_hash_only(
    demo: Path, index: IndexServer, site: Path
) -> None:
    index.faults["/files/"] = Fault("reset")
    claim(site, direct_url_json=archive(index.file_url(demo.name), sha256(demo)))
    assert proofs(freeze_folder(site, accept_unproved=["demo"])) == {
        "demo": ("direct-url", "accepted")
    }
    claim(site, direct_url_json=archive(index.file_url(demo.name)))
    assert told(problems_of(site, accept_unproved=["demo"])) == [("demo", "unreachable")]


def test_no_ranges_can_be_accepted(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "big", "1.0", files=BIG))
    index.ranges = "no"
    result = freeze_folder(site, index_urls=index.url, accept_unproved=["big"])
    assert proofs(result) == {"big": ("index", "accepted")}


def test_changed_files_can_be_accepted(demo: Path, index: IndexServer, site: Path) -> None:
    change_files(site)
    result = freeze_folder(site, index_urls=index.url, accept_unproved=["demo"])
    assert proofs(result) == {"demo": ("index", "accepted")}


def test_added_files_can_be_accepted(demo: Path, index: IndexServer, site: Path) -> None:
    rewrite_record(site, DIST_INFO, "demo.txt,", "../more,,\ndemo.txt,")
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "files-changed")]
    result = freeze_folder(site, index_urls=index.url, accept_unproved=["demo"])
    assert proofs(result) == {"demo": ("index", "accepted")}


def test_a_weak_record_can_be_accepted(index: IndexServer, site: Path) -> None:
    build_wheel(
        index.folder, "demo", "1.0", record=lambda rows: [(path, "", "") for path, _, _ in rows]
    )
    uv_target(site, "demo", index_url=index.url)
    result = freeze_folder(site, index_urls=index.url, accept_unproved=["demo"])
    assert proofs(result) == {"demo": ("index", "accepted")}


def test_accepting_one_package_accepts_no_other(demo: Path, index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "more", "1.0"))
    index.faults["/files/"] = Fault("status", status=500)
    assert told(problems_of(site, index_urls=index.url, accept_unproved=["more"])) == [
        ("demo", "unreachable")
    ]


def test_a_wheel_of_other_tags_is_not_accepted_for_the_one_that_is_installed(
    demo: Path, index: IndexServer, site: Path, tmp_path: Path
) -> None:
    """The one of the same tags is another wheel for certain;

    the other one merely cannot be read.
    """
    site = installer_target(
        tmp_path / "b", build_wheel(tmp_path, "demo", "1.0", files={"demo.py": "x = 3\n"})
    )
    native = build_wheel(index.folder, "demo", "1.0", tag=NATIVE)
    index.faults[f"/files/{native.name}"] = Fault("status", status=500)
    problems = problems_of(site, index_urls=index.url, accept_unproved=["demo"])
    assert told(problems) == [("demo", "unreachable")]


def _mismatch(site: Path, index: IndexServer, wheel: Path) -> None:
    index.remove(wheel.name)
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "other = 1\n"})


def _no_version(site: Path, index: IndexServer, wheel: Path) -> None:
    index.remove(wheel.name)
    build_wheel(index.folder, "demo", "2.0")


def _conflict(site: Path, index: IndexServer, wheel: Path) -> None:
    claim(site, direct_url_json=archive(index.file_url(wheel.name), "0" * 64))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_mismatch, "content-mismatch"),
        (_no_version, "no-such-version"),
        (_conflict, "hash-conflict"),
        (lambda site, index, wheel: index.remove(wheel.name), "no-such-project"),
        (lambda site, index, wheel: claim(site, INSTALLER="conda"), "foreign-installer"),
        (lambda site, index, wheel: claim(site, uv_build_json=""), "sdist"),
        (lambda site, index, wheel: not_utf_8(site / DIST_INFO), "broken-metadata"),
        (lambda site, index, wheel: claim(site, PYODIDE_URL="emfs:/demo.whl"), "local-file"),
        (lambda site, index, wheel: setattr(index, "hashes", "none"), "hash-missing"),
    ],
)
def test_nothing_else_can_be_waived(
    spoil: Callable[[Path, IndexServer, Path], None],
    code: str,
    demo: Path,
    index: IndexServer,
    site: Path,
) -> None:
    spoil(site, index, demo)
    assert told(problems_of(site, index_urls=index.url, accept_unproved=["demo"])) == [
        ("demo", code)
    ]


def test_changed_files_of_another_wheel_are_not_waived(
    demo: Path, index: IndexServer, site: Path
) -> None:
    change_files(site)
    _mismatch(site, index, demo)
    codes = told(problems_of(site, index_urls=index.url, accept_unproved=["demo"]))
    assert ("demo", "content-mismatch") in codes
