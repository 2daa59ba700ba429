"""resolve: which versions and which files are chosen, and from which index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from micropip_lock import FetchError, InputError
from micropip_lock.environment import Surroundings
from micropip_lock.formats.requirement import parse_wanted

from ...support.freezing import NATIVE, base_lock, entry, told
from ...support.index_pages import json_from_entries
from ...support.index_server import Fault, IndexServer
from ...support.resolving import (
    LINUX,
    codes,
    depends,
    no_solution,
    resolved,
    unlockable,
    versions,
    wheels,
)
from ...support.wheels import build_sdist, build_wheel, sha256, wrong_size

WRONG = "ab" * 32

# -- constraints, markers, extras


def test_constraints_limit_what_something_asks_for(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    wheels(index, "lib", "2.0", "1.0")
    result = resolved("demo", constraints=["lib<2", "never-asked-for==1.0"], index_urls=index.url)
    assert versions(result) == {"demo": "1.0", "lib": "1.0"}
    assert not any("never" in path for path in index.paths())


def test_a_constraint_keeps_the_base_out(index: IndexServer) -> None:
    wheels(index, "lib", "2.0", "1.0")
    base = base_lock(entry("demo", depends=["lib"]), entry("lib", "2.0"))
    assert (
        versions(resolved("demo", base=base, constraints="lib<2", index_urls=index.url))["lib"]
        == "1.0"
    )


def test_markers_are_those_of_the_target(index: IndexServer) -> None:
    wheels(
        index,
        "demo",
        "1.0",
        requires=[
            "inside; sys_platform == 'emscripten'",
            "outside; sys_platform != 'emscripten'",
            "fourteen; python_version >= '3.14'",
            "machine; platform_machine == 'wasm32'",
            "extra-only; extra == 'more'",
        ],
    )
    for name in ("inside", "fourteen", "machine", "pyodide-only"):
        wheels(index, name, "1.0")
    result = resolved(
        "demo",
        "pyodide-only; platform_system == 'Emscripten'",
        "windows-only; sys_platform == 'win32'",
        constraints=["inside<0; sys_platform == 'win32'"],
        index_urls=index.url,
    )
    assert set(versions(result)) == {"demo", "inside", "fourteen", "machine", "pyodide-only"}


def test_requirements_that_are_all_for_elsewhere_make_an_empty_lock() -> None:
    assert versions(resolved("demo; sys_platform == 'win32'")) == {}


@pytest.mark.parametrize("marker", ["sys_platform ~= 'web'", "'web' in extras"])
def test_a_marker_that_makes_no_sense(marker: str, index: IndexServer) -> None:
    with pytest.raises(InputError, match=r"^line 3: .*(cannot be evaluated|is no requirement)"):
        resolved(parse_wanted(f"demo; {marker}", "line 3"))
    wheels(index, "demo", "2.0", requires=[f"lib; {marker}"])
    wheels(index, "demo", "1.0")
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0"}


def test_extras_nested_and_of_oneself(index: IndexServer) -> None:
    wheels(
        index,
        "demo",
        "1.0",
        extras={
            "all": ["demo[Web_Site,db]"],
            "web-site": ["web[fast]>=1"],
            "db": ["db"],
            "no": ["nothing-there"],
        },
    )
    wheels(index, "web", "1.0", requires=["lib"], extras={"fast": ["speed"]})
    for name in ("db", "lib", "speed"):
        wheels(index, name, "1.0")
    result = resolved("demo[ALL]", index_urls=index.url)
    assert depends(result) == {
        "demo": ("db", "web"),
        "web": ("lib", "speed"),
        "db": (),
        "lib": (),
        "speed": (),
    }
    assert codes(result) == []


def test_extras_of_several_askers_add_up(index: IndexServer) -> None:
    wheels(index, "demo", "2.0", "1.0", extras={"one": ["first"], "two": ["second"]})
    wheels(index, "app", "1.0", requires=["demo[two]<2"])
    wheels(index, "first", "1.0")
    wheels(index, "second", "1.0")
    result = resolved("demo[one]", "app", index_urls=index.url)
    assert versions(result) == {"app": "1.0", "demo": "1.0", "first": "1.0", "second": "1.0"}
    assert depends(result)["demo"] == ("first", "second")


def test_an_extra_that_is_not_provided_adds_nothing(index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    assert versions(resolved("demo[nothing]", index_urls=index.url)) == {"demo": "1.0"}


def test_an_older_version_whose_needs_can_be_met(index: IndexServer) -> None:
    wheels(index, "demo", "3.0", requires=["lib>=3"])
    wheels(index, "demo", "2.0", requires=["lib>=2", "nothing-there"])
    wheels(index, "demo", "1.0", requires=["lib>=1"])
    wheels(index, "lib", "2.5")
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0", "lib": "2.5"}


def test_two_requirements_of_one_project_both_count(index: IndexServer) -> None:
    wheels(index, "demo", "3.0", "2.0", "1.0")
    assert versions(resolved("demo>1", "Demo<3", index_urls=index.url)) == {"demo": "2.0"}


def test_names_are_compared_in_their_canonical_form(index: IndexServer) -> None:
    wheels(index, "Zope.Thing_x", "1.0", requires=["other.LIB"])
    wheels(index, "Other-Lib", "1.0")
    result = resolved("zope_thing-X", index_urls=index.url)
    assert depends(result) == {"zope-thing-x": ("other-lib",), "other-lib": ()}
    assert result.lockfile.packages["zope-thing-x"].name == "Zope.Thing_x"


# -- which file


@pytest.mark.parametrize("where", ["page", "METADATA"])
def test_requires_python(where: str, index: IndexServer) -> None:
    wheels(index, "demo", "3.0", requires_python="<3.14")
    wheels(index, "demo", "2.0", requires_python=">=3.15")
    wheels(index, "demo", "1.0", requires_python=">=3.8,<4")
    if where == "METADATA":
        for number in ("3.0", "2.0", "1.0"):
            index.overrides[f"demo-{number}-py3-none-any.whl"] = {"requires-python": None}
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0"}
    read = [path for path in index.paths() if path.endswith(".metadata")]
    assert len(read) == (1 if where == "page" else 3)


def test_requires_python_that_nobody_can_read_forbids_nothing(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires_python="three")
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0"}


def test_wheel_whose_own_record_is_wrong_is_locked_with_a_warning(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", record=wrong_size)
    for refresh in (True, False):
        result = resolved("demo", index_urls=index.url, refresh=refresh)
        assert codes(result) == [("demo", "wheel-record-wrong")]
    warning = next(item for item in result.warnings if item.code == "wheel-record-wrong")
    assert (
        warning.message
        == "the wheel's own RECORD is wrong about demo.py: its publisher made it so."
    )


@pytest.mark.parametrize("requirement", ["demo==2.0", "demo===2.0", "demo==2.0.0", "demo==2.0,>1"])
def test_a_yanked_version_is_taken_when_it_is_named(requirement: str, index: IndexServer) -> None:
    wheels(index, "demo", "2.0", "1.0")
    index.yanked["demo==2.0"] = "wrong\n\x1b[31mresults" + "x" * 1000
    if requirement == "demo===2.0":
        assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0"}
    result = resolved(requirement, index_urls=index.url)
    assert versions(result) == {"demo": "2.0"}
    assert codes(result) == [("demo", "yanked")]
    (warning,) = (item for item in result.warnings if item.code == "yanked")
    assert "(wrong \x1b[31mresults" in warning.message
    assert len(warning.message) < 400


@pytest.mark.parametrize("requirement", ["demo", "demo>=2", "demo==2.*", "demo~=2.0"])
def test_a_yanked_version_is_not_taken_otherwise(requirement: str, index: IndexServer) -> None:
    wheels(index, "demo", "2.0", "1.0")
    index.yanked["demo==2.0"] = True
    if requirement == "demo":
        assert versions(resolved(requirement, index_urls=index.url)) == {"demo": "1.0"}
    else:
        assert "2.0: yanked" in no_solution(requirement, index_urls=index.url)


@pytest.mark.parametrize(
    ("requirement", "options", "expected"),
    [
        ("demo", {}, "1.0"),
        ("demo>=1", {}, "1.0"),
        ("demo", {"pre": True}, "2.0rc1"),
        ("demo>=1.5a0", {}, "2.0rc1"),
        ("demo==2.0rc1", {}, "2.0rc1"),
        ("demo>1", {}, "2.0rc1"),
        ("demo", {"constraints": ["demo>=1.5a0"]}, "2.0rc1"),
        ("demo<2", {"pre": True}, "1.0"),
    ],
    ids=str,
)
def test_prereleases(
    requirement: str, options: dict[str, Any], expected: str, index: IndexServer
) -> None:
    wheels(index, "demo", "2.0rc1", "1.0")
    assert versions(resolved(requirement, index_urls=index.url, **options)) == {"demo": expected}


def test_a_project_that_has_only_prereleases(index: IndexServer) -> None:
    wheels(index, "demo", "2.0b2", "2.0b1", "2.0.dev3")
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "2.0b2"}


def test_what_cannot_be_used_is_passed_over(index: IndexServer) -> None:
    build_sdist(index.folder, "demo", "5.0")
    wheels(index, "demo", "4.0", tag=LINUX)
    wheels(index, "demo", "3.0", tag="cp313-cp313-pyemscripten_2026_0_wasm32")
    wheels(index, "demo", "2.0", tag="cp314-cp314-pyemscripten_2025_0_wasm32")
    wheels(index, "demo", "1.0")
    build_sdist(index.folder, "demo", "1.0")
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0"}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["py3-none-any", NATIVE], NATIVE),
        (["py3-none-any", "cp314-none-any"], "cp314-none-any"),
        (["cp39-abi3-pyodide_2026_0_wasm32", NATIVE], NATIVE),
        (
            ["cp314-cp314-emscripten_5_0_3_wasm32", "cp314-cp314-pyodide_2026_0_wasm32", NATIVE],
            NATIVE,
        ),
        (["py2.py3-none-any", LINUX], "py2.py3-none-any"),
    ],
    ids=str,
)
def test_the_best_tag_wins(tags: list[str], expected: str, index: IndexServer) -> None:
    for tag in tags:
        wheels(index, "demo", "1.0", tag=tag)
    result = resolved("demo", index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name == index.file_url(f"demo-1.0-{expected}.whl")


def test_the_highest_build_number_wins(index: IndexServer) -> None:
    for build in ("", "2", "10", "9a"):
        wheels(index, "demo", "1.0", build=build)
    result = resolved("demo", index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name == index.file_url(
        "demo-1.0-10-py3-none-any.whl"
    )


def test_hashes_restrict_the_files(index: IndexServer) -> None:
    native = build_wheel(index.folder, "demo", "2.0", tag=NATIVE)
    pure = build_wheel(index.folder, "demo", "2.0")
    older = build_wheel(index.folder, "demo", "1.0")
    for wheel in (native, pure, older):
        result = resolved(f"demo --hash=sha256:{sha256(wheel)}", index_urls=index.url)
        assert result.lockfile.packages["demo"].sha256 == sha256(wheel)
    several = [f"--hash=sha256:{sha256(wheel)}" for wheel in (older, pure)]
    result = resolved(f"demo {' '.join(several)}", index_urls=index.url)
    assert result.lockfile.packages["demo"].sha256 == sha256(pure)


def test_a_hash_keeps_the_base_out_or_in(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    base = base_lock(entry("demo", "1.0", sha256="AB" * 32))
    arguments: dict[str, Any] = {"base": base, "index_urls": index.url}
    assert resolved(f"demo --hash=sha256:{'ab' * 32}", **arguments).evidence[0].claim == "base"
    assert resolved(f"demo --hash=sha256:{sha256(wheel)}", **arguments).evidence[0].claim == "index"
    text = no_solution(f"demo --hash=sha256:{'0' * 64}", **arguments)
    assert "1.0 of Pyodide's own, 1.0: its sha256 is not one of those you gave" in text


def test_local_versions_count_as_newer(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", "1.0+web.1")
    assert versions(resolved("demo==1.0", index_urls=index.url)) == {"demo": "1.0+web.1"}


# -- the order of indexes


def test_the_second_index_is_never_asked_for_what_the_first_has(
    index: IndexServer, other_index: IndexServer
) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    wheels(other_index, "demo", "9.0")
    wheels(other_index, "lib", "1.0")
    result = resolved("demo", index_urls=[index.url, other_index.url])
    assert versions(result) == {"demo": "1.0", "lib": "1.0"}
    assert {item.package: item.index for item in result.evidence} == {
        "demo": index.url,
        "lib": other_index.url,
    }
    assert not any("demo" in path for path in other_index.paths())


def test_a_version_that_the_first_index_lacks_is_not_taken_from_the_second(
    index: IndexServer, other_index: IndexServer
) -> None:
    wheels(index, "demo", "1.0")
    wheels(other_index, "demo", "9.0")
    no_solution("demo>=9", index_urls=[index.url, other_index.url])
    assert other_index.requests == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=500),
        Fault("status", status=403),
        Fault("reset"),
        Fault("broken-json"),
        Fault("truncate"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_a_first_index_that_does_not_answer_is_an_error(
    fault: Fault, index: IndexServer, other_index: IndexServer
) -> None:
    wheels(index, "demo", "1.0")
    wheels(other_index, "demo", "9.0")
    index.faults["/simple/demo/"] = fault
    with pytest.raises(FetchError, match="/simple/demo/"):
        resolved("demo", index_urls=[index.url, other_index.url])
    assert other_index.requests == []


def test_an_index_that_is_down_matters_only_for_what_is_needed(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    index.faults["/simple/lib/"] = Fault("status", status=500)
    assert versions(resolved("demo", base=base_lock(entry("lib")), index_urls=index.url)) == {
        "demo": "1.0",
        "lib": "1.0",
    }


def test_links_are_looked_at_beside_the_index(
    index: IndexServer, other_index: IndexServer, tmp_path: Path
) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    newer = build_wheel(other_index.folder, "demo", "2.0")
    local = build_wheel(tmp_path / "links", "lib", "1.0")
    links = [other_index.file_url(newer.name), f"{other_index.url}/lib/", local.parent.as_uri()]
    wheels(other_index, "lib", "0.9")
    index.faults["/simple/lib/"] = Fault("status", status=404)
    index.overrides["demo-1.0-py3-none-any.whl"] = {"yanked": True}
    assert told(unlockable("demo", "lib", index_urls=index.url, find_links=links)) == [
        ("demo", "hash-missing")
    ]
    result = resolved("demo==1.0", index_urls=index.url, find_links=links)
    assert versions(result) == {"demo": "1.0", "lib": "0.9"}
    text = no_solution("lib==1.0", index_urls=index.url, find_links=links)
    assert "1.0: only a local file" in text


def test_find_links_replace_the_configured_links_and_keep_the_indexes(
    index: IndexServer, other_index: IndexServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    wheels(other_index, "lib", "1.0")
    configured = build_wheel(tmp_path / "configured", "lib", "2.0")
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("PIP_FIND_LINKS", configured.parent.as_uri())
    # As in a Pyodide in which nothing has imported micropip.
    around = Surroundings(paths=(), base=base_lock())
    options: dict[str, Any] = {"index_urls": None, "surroundings": around}
    result = resolved("demo", find_links=[f"{other_index.url}/lib/"], **options)
    assert versions(result) == {"demo": "1.0", "lib": "1.0"}
    text = no_solution("demo", find_links=(), **options)
    assert f"There is no project lib on {index.url}" in text


def test_the_surroundings_say_where_to_look(index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    around = Surroundings(paths=(), base=base_lock(entry("lib")), index_urls=(index.url,))
    assert versions(resolved("demo", "lib", index_urls=None, surroundings=around)) == {
        "demo": "1.0",
        "lib": "1.0",
    }


# -- one URL with two hashes


@pytest.mark.parametrize("order", [1, -1])
def test_one_url_with_two_hashes_on_a_page(order: int, index: IndexServer) -> None:
    """No order decides which of them counts, and a hash that the user gives makes neither of them
    right.
    """
    wheel = build_wheel(index.folder, "demo", "1.0")
    index.list_hashes(index.file_url(wheel.name), *[sha256(wheel), WRONG][::order])
    for requirement in (
        "demo",
        "demo==1.0",
        f"demo --hash=sha256:{sha256(wheel)}",
        f"demo --hash=sha256:{WRONG}",
    ):
        (problem,) = unlockable(requirement, index_urls=index.url)
        assert (problem.code, problem.url) == ("hash-conflict", index.file_url(wheel.name))
        assert (
            sha256(wheel) in problem.message
            and WRONG in problem.message
            and index.url in problem.message
        )


def test_other_wheels_of_the_page_may_contradict_each_other(index: IndexServer) -> None:
    wheels(index, "lib", "1.0")
    other = build_wheel(index.folder, "demo", "1.0", tag=LINUX)
    chosen = build_wheel(index.folder, "demo", "1.0")
    rows = [(other, WRONG), (other, sha256(other)), (chosen, sha256(chosen))]
    files = [
        {"filename": it.name, "url": index.file_url(it.name), "hashes": {"sha256": digest}}
        for it, digest in rows
    ]
    index.faults["/simple/demo/"] = Fault("body", body=json_from_entries("demo", files))
    assert versions(resolved("demo", "lib", index_urls=index.url)) == {"demo": "1.0", "lib": "1.0"}


@pytest.mark.parametrize("listed", ["right", "wrong"])
def test_one_url_with_two_hashes_on_an_index_and_among_links(
    listed: str, index: IndexServer, other_index: IndexServer
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    hashes = [sha256(wheel), WRONG] if listed == "right" else [WRONG, sha256(wheel)]
    for server, digest in zip((index, other_index), hashes, strict=True):
        server.list_hashes(index.file_url(wheel.name), digest)
    links = [f"{other_index.url}/demo/"]
    assert told(unlockable("demo", index_urls=index.url, find_links=links)) == [
        ("demo", "hash-conflict")
    ]
    other_index.list_hashes(index.file_url(wheel.name), hashes[0])
    assert versions(resolved("demo", index_urls=index.url, find_links=links)) == {"demo": "1.0"}


@pytest.mark.parametrize("spelling", ["plain", "query", "dots"])
def test_the_base_and_a_page_give_two_hashes_for_one_url(spelling: str, index: IndexServer) -> None:
    """Whichever of them is chosen."""
    wheel = build_wheel(index.folder, "demo", "1.0")
    url, digest = index.file_url(wheel.name), sha256(wheel)
    spelled = {
        "plain": url,
        "query": f"{url}?sha256={digest}",
        "dots": url.replace("/files/", "/./files/"),
    }[spelling]
    index.list_hashes(spelled, digest)
    base = base_lock(entry("demo", "1.0", file_name=url, sha256=WRONG))
    for requirement, upgrade in ((f"demo --hash=sha256:{digest}", False), ("demo", True)):
        problems = unlockable(requirement, base=base, index_urls=index.url, upgrade=upgrade)
        assert told(problems) == [("demo", "hash-conflict")]
        assert "(the base)" in problems[0].message
    index.reset()
    assert resolved("demo", base=base, index_urls=index.url).evidence[0].proof == "base"
    assert index.requests == []  # and so nothing contradicts it
    agreed = base_lock(entry("demo", "1.0", file_name=url, sha256=digest))
    assert versions(resolved("demo", base=agreed, index_urls=index.url, upgrade=True)) == {
        "demo": "1.0"
    }


def test_a_hash_of_the_base_belongs_to_its_own_url(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", "2.0")
    base = base_lock(
        entry("demo", "1.0", file_name="https://host.example/demo-1.0-py3-none-any.whl")
    )
    assert versions(resolved("demo", base=base, index_urls=index.url, upgrade=True)) == {
        "demo": "2.0"
    }
