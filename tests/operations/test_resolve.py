"""resolve: which versions are chosen, what the lock says of them, what it costs, and what is never told or done."""

from __future__ import annotations

import json
import os
import random
import types
from collections import Counter
from collections.abc import Coroutine, Generator, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from micropip_lock import (
    FetchError,
    InputError,
    IntegrityError,
    Lockfile,
    MicropipLockError,
    ResolutionError,
    ResolveResult,
    resolve,
    simple,
)
from micropip_lock.fetch import Response
from micropip_lock.requirements import parse_wanted
from micropip_lock.store import facts_in
from micropip_lock.surroundings import Surroundings

from ..support.freezing import NATIVE, base_lock, entry, freeze_folder, told
from ..support.index_server import Fault, IndexServer
from ..support.installed import installer_target
from ..support.memory_index import MemoryIndex
from ..support.resolving import asked_twice, depends, no_solution, resolved, unlockable, versions
from ..support.runtimes import lock_entry
from ..support.wheels import build_sdist, build_wheel, sha256

T = TypeVar("T")

BIG: dict[str, bytes | str] = {"big.py": "x = 1\n", "big.dat": os.urandom(60_000)}
LINUX = "cp314-cp314-manylinux_2_28_x86_64"


def wheels(index: IndexServer, name: str, *numbers: str, **options: Any) -> None:
    for number in numbers:
        build_wheel(index.folder, name, number, **options)


def codes(result: ResolveResult) -> list[tuple[str, str]]:
    """(package, code) of the warnings, without the loopback addresses that every test here has."""
    return told(result.warnings)


# -- the base comes first


def test_a_package_of_the_base_is_the_bases(index: IndexServer) -> None:
    wheels(index, "demo", "2.0", "1.0")
    base = base_lock(entry("demo", depends=["lib"]), entry("lib"), entry("other"))
    result = resolved("demo", base=base, index_urls=index.url)
    assert result.lockfile.packages == {name: base.packages[name] for name in ("demo", "lib")}
    assert [(item.package, item.claim, item.proof) for item in result.evidence] == [
        ("demo", "base", "base"),
        ("lib", "base", "base"),
    ]
    assert index.requests == []
    assert result.totals == {"packages": 2, "requests": 0, "bytes": 0, "wheel_bytes": 0}


def test_what_needs_a_package_of_the_base_gets_the_bases(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=["lib>=1"])
    wheels(index, "lib", "2.0")
    result = resolved("demo", base=base_lock(entry("lib", "1.5")), index_urls=index.url)
    assert versions(result) == {"demo": "1.0", "lib": "1.5"}
    assert "/simple/lib/" not in index.paths()


@pytest.mark.parametrize("requirement", ["lib>=2", "lib<1", "lib!=1.5"])
def test_another_version_than_the_bases_is_the_newest_of_the_index(requirement: str, index: IndexServer) -> None:
    wheels(index, "lib", "2.1", "2.0", "1.5", "0.9", "0.8")
    result = resolved(requirement, base=base_lock(entry("lib", "1.5")), index_urls=index.url)
    assert versions(result) == {"lib": "0.9" if "<" in requirement else "2.1"}


def test_packages_of_the_base_may_need_what_the_index_replaces(index: IndexServer) -> None:
    wheels(index, "lib", "2.0")
    base = base_lock(entry("demo", depends=["lib"]), entry("lib", "1.0"))
    result = resolved("demo", "lib>=2", base=base, index_urls=index.url)
    assert versions(result) == {"demo": "1.0", "lib": "2.0"}
    assert depends(result)["demo"] == ("lib",)


@pytest.mark.parametrize(
    ("in_base", "on_index", "expected"),
    [
        ("1.5", ["1.0"], ("1.5", "base")),
        ("1.5", ["1.5"], ("1.5", "base")),
        ("1.5", ["1.5.0"], ("1.5", "base")),
        ("1.5", ["1.5.1"], ("1.5.1", "index")),
        ("1.5", ["1.5.post1"], ("1.5.post1", "index")),
        ("1.5", ["2.0rc1"], ("1.5", "base")),
        ("1.5", [], ("1.5", "base")),
        ("2.0rc1", ["1.5"], ("1.5", "index")),
    ],
    ids=str,
)
def test_upgrade_takes_the_newest_of_all(
    in_base: str, on_index: list[str], expected: tuple[str, str], index: IndexServer
) -> None:
    wheels(index, "lib", *on_index)
    result = resolved("lib", base=base_lock(entry("lib", in_base)), index_urls=index.url, upgrade=True)
    assert [(item.version, item.claim) for item in result.evidence] == [expected]


def test_without_upgrade_a_prerelease_of_the_base_is_as_good_as_any(index: IndexServer) -> None:
    wheels(index, "lib", "1.5")
    assert versions(resolved("lib", base=base_lock(entry("lib", "2.0rc1")), index_urls=index.url)) == {"lib": "2.0rc1"}


def test_upgrade_goes_back_to_the_base_when_the_newest_cannot_be_had(index: IndexServer) -> None:
    wheels(index, "lib", "2.0", requires=["other>=2"])
    wheels(index, "other", "1.0")
    result = resolved("lib", base=base_lock(entry("lib", "1.5")), index_urls=index.url, upgrade=True)
    assert versions(result) == {"lib": "1.5"}


@pytest.mark.parametrize(
    "changes",
    [
        {"package_type": "shared_library", "file_name": "libssl-1.1.1w.zip"},
        {"package_type": "cpython_module", "file_name": "ssl-1.0.0.zip"},
        {"package_type": "package", "file_name": "tests.tar"},
        {"package_type": "shared_library"},
    ],
    ids=str,
)
@pytest.mark.parametrize("upgrade", [False, True])
def test_what_only_the_base_can_have_is_never_looked_up(
    upgrade: bool, changes: dict[str, str], index: IndexServer
) -> None:
    wheels(index, "demo", "1.0", requires=["based"])
    wheels(index, "libssl", "9.0")
    base = base_lock(entry("based", depends=["libssl"]), entry("libssl", "1.1.1w", **changes))
    result = resolved("demo", base=base, index_urls=index.url, upgrade=upgrade)
    assert versions(result) == {"demo": "1.0", "based": "1.0", "libssl": "1.1.1w"}
    assert "/simple/libssl/" not in index.paths()
    assert "1.1.1w of Pyodide's own" in no_solution("libssl>=2", base=base, index_urls=index.url)


def test_a_base_that_names_what_it_lacks_cannot_be_locked() -> None:
    problems = unlockable("demo", base=base_lock(entry("demo", depends=["gone"])))
    assert told(problems) == [("demo", "missing-dependency")]


def test_the_distribution_is_not_needed_whole(index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    base = base_lock(entry("one", depends=["two"]), entry("two"), entry("three"), extra={"a": 1})
    result = resolved("demo", "one", base=base, index_urls=index.url)
    assert set(versions(result)) == {"demo", "one", "two"}
    assert result.lockfile.info == base.info
    assert result.lockfile.extra == {"extra": {"a": 1}}


# -- extras of a base package


@pytest.fixture
def base_wheel(tmp_path: Path) -> Path:
    return build_wheel(tmp_path / "base", "demo", "1.0", extras={"more": ["lib>=1"]}, files=BIG)


@pytest.fixture
def lib(index: IndexServer) -> None:
    wheels(index, "lib", "1.2")


@pytest.mark.usefixtures("lib")
def test_extras_of_the_base_are_read_from_a_local_wheel(base_wheel: Path, index: IndexServer) -> None:
    base = base_lock(lock_entry(base_wheel))
    result = resolved("demo[more]", base=base, base_dir=base_wheel.parent, index_urls=index.url)
    assert depends(result) == {"demo": ("lib",), "lib": ()}
    assert result.lockfile.packages["demo"].sha256 == sha256(base_wheel)
    assert codes(result) == []
    assert not any("demo" in path for path in index.paths())


@pytest.mark.usefixtures("lib")
def test_extras_of_the_base_are_read_by_range(base_wheel: Path, index: IndexServer, other_index: IndexServer) -> None:
    other_index.add(base_wheel)
    base = base_lock(lock_entry(base_wheel))
    result = resolved("demo[more]", base=base, base_url=f"{other_index.root}/files/", index_urls=index.url)
    assert depends(result) == {"demo": ("lib",), "lib": ()}
    assert codes(result) == []
    assert [request.range is not None for request in other_index.requests] == [True]
    assert not any("demo" in path for path in index.paths())


@pytest.mark.usefixtures("lib")
@pytest.mark.parametrize("fault", [None, Fault("status", status=404), Fault("reset"), "no-ranges"], ids=str)
def test_else_extras_of_the_base_are_those_of_the_same_version_on_the_index(
    fault: Fault | str | None, base_wheel: Path, index: IndexServer, other_index: IndexServer
) -> None:
    other_index.add(base_wheel)
    if isinstance(fault, Fault):
        other_index.faults["/files/"] = fault
    elif fault:
        other_index.ranges = "no"
    wheels(index, "demo", "1.0", extras={"more": ["lib"]})
    wheels(index, "demo", "2.0", extras={"more": ["nothing-there"]})
    base_url = f"{other_index.root}/files/" if fault else None
    result = resolved("demo[more]", base=base_lock(lock_entry(base_wheel)), base_url=base_url, index_urls=index.url)
    assert depends(result) == {"demo": ("lib",), "lib": ()}
    assert result.lockfile.packages["demo"].sha256 == sha256(base_wheel)
    assert codes(result) == [("demo", "extra-guessed")]


def test_extras_of_the_base_that_nobody_knows(base_wheel: Path, index: IndexServer) -> None:
    wheels(index, "demo", "2.0")
    with pytest.raises(FetchError, match="--base-dir"):
        resolved("demo[more]", base=base_lock(lock_entry(base_wheel)), index_urls=index.url)


@pytest.mark.usefixtures("lib")
def test_a_page_is_asked_for_once_even_for_extras_of_the_base(base_wheel: Path, index: IndexServer) -> None:
    wheels(index, "demo", "1.0", extras={"more": ["lib"]})
    result = resolved("demo[more]", base=base_lock(lock_entry(base_wheel)), index_urls=index.url, upgrade=True)
    assert versions(result) == {"demo": "1.0", "lib": "1.2"}
    assert asked_twice(index) == []


def test_an_extra_of_the_base_that_only_backtracking_comes_to(base_wheel: Path, index: IndexServer) -> None:
    wheels(index, "lib", "1.2")
    wheels(index, "demo", "2.0", requires=["lib>=9"])
    base = base_lock(lock_entry(base_wheel))
    result = resolved("demo[more]", base=base, base_dir=base_wheel.parent, index_urls=index.url, upgrade=True)
    assert versions(result) == {"demo": "1.0", "lib": "1.2"}


def test_a_guess_is_not_told_about_what_is_not_locked(base_wheel: Path, index: IndexServer) -> None:
    """The base's demo is looked at first, and then the user's other requirement rules it out."""
    wheels(index, "demo", "1.0", "2.0", extras={"more": ["lib"]})
    wheels(index, "lib", "1.2")
    wheels(index, "app", "1.0", requires=["demo>=2"])
    result = resolved("demo[more]", "app", base=base_lock(lock_entry(base_wheel)), index_urls=index.url)
    assert versions(result) == {"app": "1.0", "demo": "2.0", "lib": "1.2"}
    assert codes(result) == []


def test_an_extra_that_a_package_of_the_base_asks_for(tmp_path: Path, index: IndexServer) -> None:
    based = build_wheel(tmp_path / "base", "demo", "1.0", extras={"more": ["own[web]"]})
    wheels(index, "own", "1.0", extras={"web": ["lib"]})
    wheels(index, "lib", "1.2")
    base = base_lock(lock_entry(based))
    result = resolved("demo[more]", base=base, base_dir=based.parent, index_urls=index.url)
    assert depends(result) == {"demo": ("own",), "own": ("lib",), "lib": ()}
    assert codes(result) == []


def test_a_base_wheel_with_a_marker_that_makes_no_sense(tmp_path: Path, index: IndexServer) -> None:
    based = build_wheel(tmp_path / "base", "demo", "1.0", requires=["lib; sys_platform ~= 'web'"], extras={"x": []})
    problems = unlockable("demo[x]", base=base_lock(lock_entry(based)), base_dir=based.parent, index_urls=index.url)
    assert told(problems) == [("demo", "broken-metadata")]


# -- URLs


def test_a_wheel_named_by_its_url(index: IndexServer, other_index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["lib"], files=BIG)
    wheels(other_index, "lib", "1.0")
    wheels(other_index, "demo", "3.0")
    url = index.file_url(wheel.name)
    result = resolved(f"demo @ {url}#sha256={sha256(wheel)}", index_urls=other_index.url)
    evidence = result.evidence[0]
    assert (evidence.claim, evidence.proof, evidence.url, evidence.sha256) == (
        "direct-url",
        "metadata",
        url,
        sha256(wheel),
    )
    assert versions(result) == {"demo": "1.0", "lib": "1.0"}
    assert index.wheel_downloads == 0
    assert "/files/demo-3.0-py3-none-any.whl" not in other_index.paths()


@pytest.mark.parametrize("way", ["fragment", "option", "both", "upper case", "bare URL", "constraint"])
def test_the_hash_of_a_url(way: str, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    url, digest = index.file_url(wheel.name), sha256(wheel)
    requirement = {
        "fragment": f"demo @ {url}#sha256={digest}",
        "option": f"demo @ {url} --hash=sha256:{digest}",
        "both": f"demo @ {url}#sha256={digest} --hash=sha256:{'0' * 64}",
        "upper case": f"demo @ {url}#sha256={digest.upper()}",
        "bare URL": f"{url}#sha256={digest}",
        "constraint": f"demo @ {url}",
    }[way]
    constraints = [f"demo==1.0 --hash=sha256:{digest}"] if way == "constraint" else []
    result = resolved(requirement, constraints=constraints)
    assert result.lockfile.packages["demo"].sha256 == digest
    assert index.wheel_downloads == (way == "both")


def test_a_url_without_hash_is_hashed_by_one_download(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    result = resolved(f"demo @ {index.file_url(wheel.name)}")
    (evidence,) = result.evidence
    assert (evidence.proof, evidence.sha256, evidence.size) == ("download", sha256(wheel), wheel.stat().st_size)
    assert index.wheel_downloads == 1
    assert result.lockfile.packages["demo"].sha256 == sha256(wheel)


def test_a_url_without_hash_that_the_index_lists_is_not_downloaded(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    result = resolved(f"demo @ {index.file_url(wheel.name)}", index_urls=index.url)
    assert (result.evidence[0].proof, result.evidence[0].sha256) == ("metadata", sha256(wheel))
    assert index.wheel_downloads == 0
    assert asked_twice(index) == []


@pytest.mark.parametrize("where", ["page", "download"])
def test_a_hash_that_is_not_that_of_the_url(where: str, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    wrong = [f"--hash=sha256:{digit * 64}" for digit in "01"]
    several = wrong if where == "download" else wrong[:1]
    requirement = f"demo @ {index.file_url(wheel.name)} {' '.join(several)}"
    problems = unlockable(requirement, index_urls=index.url if where == "page" else ())
    assert told(problems) == [("demo", "hash-conflict")]
    assert sha256(wheel) in problems[0].message
    assert index.wheel_downloads == (where == "download")


def test_hashes_of_one_url_that_exclude_each_other(index: IndexServer) -> None:
    url = index.file_url(build_wheel(index.folder, "demo", "1.0").name)
    text = no_solution(*(f"demo @ {url}#sha256={digit * 64}" for digit in "01"))
    assert "exclude each other" in text
    assert "--hash=sha256:11111111..." in text


def test_hashes_of_one_version_that_exclude_each_other(index: IndexServer) -> None:
    hashes = [sha256(build_wheel(index.folder, "demo", "1.0", tag=tag)) for tag in ("py3-none-any", NATIVE)]
    text = no_solution(*(f"demo --hash=sha256:{digest}" for digest in hashes), index_urls=index.url)
    assert "1.0: the hashes that you gave exclude each other" in text


def test_a_silent_index_is_no_objection_to_a_url(index: IndexServer, other_index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    other_index.faults["/simple/"] = Fault("status", status=500)
    result = resolved(f"demo @ {index.file_url(wheel.name)}#sha256={sha256(wheel)}", index_urls=other_index.url)
    assert versions(result) == {"demo": "1.0"}


def test_a_url_wins_over_base_and_index_and_has_to_fit_the_others(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "2.0")
    wheels(index, "demo", "3.0")
    wheels(index, "app", "1.0", requires=["demo>=1"])
    base = base_lock(entry("demo", "2.0"), entry("based", depends=["demo"]))
    url = f"demo @ {index.file_url(wheel.name)}"
    result = resolved(url, "app", "based", base=base, index_urls=index.url)
    assert {item.package: item.claim for item in result.evidence}["demo"] == "direct-url"
    assert "the URL names 2.0: not demo>=3" in no_solution(url, "demo>=3", base=base, index_urls=index.url)


def test_a_package_may_need_a_url(index: IndexServer, other_index: IndexServer) -> None:
    wheel = build_wheel(other_index.folder, "lib", "1.0")
    wheels(index, "demo", "1.0", requires=[f"lib @ {other_index.file_url(wheel.name)}#sha256={sha256(wheel)}"])
    result = resolved("demo", index_urls=index.url)
    assert result.lockfile.packages["lib"].file_name == other_index.file_url(wheel.name)


@pytest.mark.parametrize(
    "url",
    [
        "git+https://host.example/lib",
        "https://host.example/lib-1.0.tar.gz",
        "https://host.example/other-1.0-py3-none-any.whl",
        f"https://host.example/lib-1.0-{LINUX}.whl",
        "file:///somewhere/lib-1.0-py3-none-any.whl",
        "http://[",
        "http://host.example:99999999/lib-1.0-py3-none-any.whl",
        "lib.whl",
    ],
)
def test_a_package_that_needs_a_url_of_no_use(url: str, index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=[f"lib @ {url}"])
    text = no_solution("demo", index_urls=index.url)
    assert "names no wheel of it that fits this Pyodide" in text
    assert "Find a version of demo" in text


def test_a_url_whose_wheel_needs_another_python(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires_python="<3.10")
    assert "it needs Python <3.10" in no_solution(f"demo @ {index.file_url(wheel.name)}")


def test_two_urls_of_one_project(index: IndexServer) -> None:
    urls = [index.file_url(build_wheel(index.folder, "demo", number).name) for number in ("1.0", "2.0")]
    assert "of which only one can be locked" in no_solution(*(f"demo @ {url}" for url in urls))


def test_a_url_that_is_written_in_another_way(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    url = index.file_url(wheel.name).replace("http:", "HTTP:")
    result = resolved(f"demo @ {url}#sha256={sha256(wheel)}")
    assert versions(result) == {"demo": "1.0"}


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
    assert versions(resolved("demo", base=base, constraints="lib<2", index_urls=index.url))["lib"] == "1.0"


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
        extras={"all": ["demo[Web_Site,db]"], "web-site": ["web[fast]>=1"], "db": ["db"], "no": ["nothing-there"]},
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
def test_prereleases(requirement: str, options: dict[str, Any], expected: str, index: IndexServer) -> None:
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
    assert result.lockfile.packages["demo"].file_name == index.file_url("demo-1.0-10-py3-none-any.whl")


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


def test_the_second_index_is_never_asked_for_what_the_first_has(index: IndexServer, other_index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    wheels(other_index, "demo", "9.0")
    wheels(other_index, "lib", "1.0")
    result = resolved("demo", index_urls=[index.url, other_index.url])
    assert versions(result) == {"demo": "1.0", "lib": "1.0"}
    assert {item.package: item.index for item in result.evidence} == {"demo": index.url, "lib": other_index.url}
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
    [Fault("status", status=500), Fault("status", status=403), Fault("reset"), Fault("broken-json"), Fault("truncate")],
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


def test_links_are_looked_at_beside_the_index(index: IndexServer, other_index: IndexServer, tmp_path: Path) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    newer = build_wheel(other_index.folder, "demo", "2.0")
    local = build_wheel(tmp_path / "links", "lib", "1.0")
    links = [other_index.file_url(newer.name), f"{other_index.url}/lib/", local.parent.as_uri()]
    wheels(other_index, "lib", "0.9")
    index.faults["/simple/lib/"] = Fault("status", status=404)
    index.overrides["demo-1.0-py3-none-any.whl"] = {"yanked": True}
    assert told(unlockable("demo", "lib", index_urls=index.url, find_links=links)) == [("demo", "hash-missing")]
    result = resolved("demo==1.0", index_urls=index.url, find_links=links)
    assert versions(result) == {"demo": "1.0", "lib": "0.9"}
    text = no_solution("lib==1.0", index_urls=index.url, find_links=links)
    assert "1.0: only a local file" in text


def test_the_surroundings_say_where_to_look(index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    around = Surroundings(paths=(), base=base_lock(entry("lib")), index_urls=(index.url,))
    assert versions(resolved("demo", "lib", index_urls=None, surroundings=around)) == {"demo": "1.0", "lib": "1.0"}


# -- what is written


def test_the_entries_are_those_that_freeze_writes(index: IndexServer, tmp_path: Path) -> None:
    made = [
        build_wheel(
            index.folder,
            "demo-app",
            "1.0",
            requires=["Plain_Module", "native>=1", "ns-one", "zoo; sys_platform == 'win32'"],
            extras={"more": ["announced"]},
            files={"demo_app/__init__.py": "", "demo_app/sub/x.py": "", "demo_app/data.txt": "", "extra_top.py": ""},
            data={"scripts/run": "#!python\n", "data/share/demo/x.txt": "x", "headers/demo.h": "//"},
            entry_points={"demo": "demo_app:main"},
        ),
        build_wheel(index.folder, "Plain.Module", "2.0"),
        build_wheel(
            index.folder,
            "native",
            "1.5",
            tag=NATIVE,
            build="3",
            files={"native/__init__.py": "", "native/fast.cpython-314-wasm32-emscripten.so": "x", "_speed.abi3.so": ""},
        ),
        build_wheel(index.folder, "ns-one", "1.0", requires=["ns-two"], files={"space/one/__init__.py": ""}),
        build_wheel(index.folder, "ns-two", "1.0", files={"space/two.py": "", "space/deep/three.py": ""}),
        build_wheel(
            index.folder,
            "announced",
            "1.0",
            requires=["cycle-a"],
            metadata_version="2.5",
            metadata_extra="Import-Name: told\nImport-Name: _hidden ; private",
            files={"told/__init__.py": "", "_hidden.py": "", "untold.py": ""},
        ),
        build_wheel(index.folder, "cycle-a", "1.0", requires=["cycle-b"]),
        build_wheel(index.folder, "cycle-b", "1.0", requires=["cycle-a"]),
    ]
    site = installer_target(tmp_path / "site", *made)
    base = base_lock(entry("unrelated"), tool={})
    asked = ("demo-app[more]",)
    locked = resolved(*asked, base=base, index_urls=index.url)
    frozen = freeze_folder(site, base=base, index_urls=index.url, requested=asked)
    assert locked.lockfile.packages == frozen.lockfile.packages
    assert locked.lockfile.packages["demo-app"].imports == ("demo_app", "extra_top")
    assert codes(locked) == told(frozen.warnings) == [("cycle-a", "cycle")]
    assert [item.package for item in locked.evidence] == [item.package for item in frozen.evidence]


def test_a_wheel_that_pyodide_unpacks_wrongly_cannot_be_locked(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", files={}, data={"purelib/demo.py": ""})
    assert told(unlockable("demo", index_urls=index.url)) == [("demo", "layout")]


def test_a_cycle_is_broken(index: IndexServer) -> None:
    wheels(index, "one", "1.0", requires=["two"])
    wheels(index, "two", "1.0", requires=["three"])
    wheels(index, "three", "1.0", requires=["one", "three"])
    wheels(index, "app", "1.0", requires=["two"])
    result = resolved("app", index_urls=index.url)
    assert depends(result) == {"app": ("two",), "one": (), "three": (), "two": ("one", "three")}
    assert codes(result) == [("two", "cycle")]


@pytest.mark.parametrize("with_tool", [True, False])
def test_tool_says_what_was_asked_for(with_tool: bool, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    wheels(index, "lib", "1.0")
    base = base_lock(tool={"other": 1}) if with_tool else base_lock()
    url = index.file_url(wheel.name).replace("//", "//user:hunter2@")
    result = resolved(f"demo @ {url}#sha256={sha256(wheel)}", "lib[x]>=1", base=base, index_urls=index.url)
    own = {
        "requested": [str(Requirement(f"demo @ {index.file_url(wheel.name)}")), "lib[x]>=1"],
        "indexes": [index.root],
        "proof": "metadata",
    }
    assert result.lockfile.extra == ({"tool": {"other": 1, "micropip-lock": own}} if with_tool else {})


def test_the_url_of_the_page_is_written_not_that_of_a_redirect(index: IndexServer, other_index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    other_index.add(wheel)
    index.core_metadata = "off"
    index.faults[f"/files/{wheel.name}"] = Fault("redirect", location=other_index.file_url(wheel.name))
    result = resolved("demo", index_urls=index.url)
    assert result.lockfile.packages["demo"].file_name == index.file_url(wheel.name)


def test_the_result_can_be_written(index: IndexServer, tmp_path: Path) -> None:
    wheels(index, "demo", "1.0")
    result = resolved("demo", index_urls=index.url)
    result.write(tmp_path / "lock.json")
    assert (tmp_path / "lock.json").read_text() == result.to_json()
    assert Lockfile.read(tmp_path / "lock.json") == result.lockfile


# -- secrets


def test_no_credentials_anywhere(index: IndexServer, tmp_path: Path) -> None:
    wheels(index, "lib", "1.0", files=BIG)
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["lib"], files=BIG)
    index.auth = ("user", "hunter2")
    index.cache_control = "max-age=600"
    index.overrides["lib-1.0-py3-none-any.whl"] = {"provenance": "https://host.example/?token=hunter2"}
    direct = index.file_url(wheel.name).replace("//", "//user:hunter2@")
    arguments: dict[str, Any] = {"index_urls": index.url_with_password, "base": base_lock(tool={})}
    arguments |= {"fetching": {"cache_dir": tmp_path / "cache"}}
    said: list[object] = []
    for asked in ([f"demo @ {direct}", "lib==1.0"], [f"demo @ {direct}#sha256={sha256(wheel)}", "lib"]):
        facts = facts_in(tmp_path / "cache")
        result = resolved(*asked, facts=facts, **arguments)
        facts.close()
        said += [result.to_json(), result]
    failing: list[tuple[list[str], dict[str, Fault]]] = [
        ([f"demo @ {direct}", f"demo @ {direct.replace('demo-1.0', 'demo-2.0')}"], {}),
        ([f"demo @ {direct}", "demo>2"], {}),
        ([f"demo @ {direct}#sha256={'0' * 64}"], {}),
        ([f"demo @ {direct}?token=hunter2"], {}),
        (["lib", "nothing-there"], {}),
        (["lib"], {"/simple/": Fault("status", status=403)}),
        (["lib"], {"/simple/": Fault("html")}),
        (["lib"], {"/files/": Fault("reset")}),
        (["lib"], {"/files/": Fault("body", body=b"no METADATA")}),
        ([f"demo @ {direct}"], {"/files/": Fault("status", status=401)}),
        ([f"demo @ {direct}"], {"/files/": Fault("body", body=b"no wheel")}),
    ]
    for asked, faults in failing:
        index.faults = faults
        with pytest.raises(MicropipLockError) as caught:
            resolved(*asked, index_urls=index.url_with_password)
        said += [str(caught.value), caught.value.__dict__]
    assert "hunter2" not in repr(said)
    for path in (tmp_path / "cache").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes(), path.name


def test_urls_that_need_their_query_are_refused(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    url = index.file_url(wheel.name)
    for query, fine in ((f"?sha256={sha256(wheel)}", True), ("?token=hunter2", False)):
        index.overrides[wheel.name] = {"url": url + query}
        if fine:
            assert resolved("demo", index_urls=index.url).lockfile.packages["demo"].file_name == url
        else:
            problems = unlockable("demo", index_urls=index.url)
            assert told(problems) == [("demo", "query-needed")]
            assert problems[0].url == url
    (problem,) = unlockable(f"demo @ {url}?token=hunter2")
    assert (problem.code, problem.url) == ("query-needed", url)
    assert "you give" in problem.message


# -- what it costs


def test_each_url_is_asked_for_once_and_no_wheel_is_downloaded(index: IndexServer) -> None:
    wheels(index, "app", "2.0", requires=["left", "right", "lib<2"], files=BIG)
    wheels(index, "app", "1.0", requires=["left", "right"], files=BIG)
    wheels(index, "left", "1.0", requires=["bottom>=1", "lib"], files=BIG)
    wheels(index, "right", "1.0", requires=["bottom<3", "lib>=2"], extras={"x": ["bottom"]}, files=BIG)
    wheels(index, "bottom", "4.0", "3.0", "2.0", "1.0", requires=["lib"], files=BIG)
    wheels(index, "lib", "2.0", "1.0", files=BIG)
    result = resolved("app", "right[x]", index_urls=index.url)
    assert versions(result) == {"app": "1.0", "left": "1.0", "right": "1.0", "bottom": "2.0", "lib": "2.0"}
    assert asked_twice(index) == []
    assert index.wheel_downloads == 0
    assert (result.requests, result.bytes) == (len(index.requests), index.bytes)
    assert result.totals["wheel_bytes"] == sum(item.size or 0 for item in result.evidence) > 300_000


@pytest.mark.parametrize(
    "options",
    [
        {"core_metadata": "off"},
        {"core_metadata": "off", "size": False},
        {"core_metadata": "off", "size": False, "ranges": "no-suffix"},
        {"core_metadata": "true"},
        {"json": False},
        {"json": False, "core_metadata": "off"},
        {"relative": True, "gzip": False},
    ],
    ids=str,
)
def test_indexes_rich_and_poor_give_the_same_lock(options: dict[str, Any], index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=["lib"], files=BIG)
    wheels(index, "lib", "1.0", files={"lib/__init__.py": "", "lib/data.bin": os.urandom(40_000)})
    expected = resolved("demo", index_urls=index.url).to_json()
    for name, value in options.items():
        setattr(index, name, value)
    index.reset()
    assert resolved("demo", index_urls=index.url).to_json() == expected
    assert index.wheel_downloads == 0
    assert asked_twice(index) == []


def test_a_missing_sidecar_is_made_up_for_by_ranges(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    wheels(index, "lib", "1.0")
    index.faults["/files/demo-1.0-py3-none-any.whl.metadata"] = Fault("status", status=404)
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0", "lib": "1.0"}


@pytest.mark.parametrize("core_metadata", ["hash", "off"])
def test_servers_without_ranges(core_metadata: str, index: IndexServer) -> None:
    wheels(index, "one", "1.0", files=BIG)
    wheels(index, "two", "1.0", files=BIG)
    index.ranges, index.core_metadata = "no", core_metadata
    problems = unlockable("one", "two", index_urls=index.url)
    # With sidecars the whole set is known before anything is missed, and all of it is told.
    expected = [("one", "no-ranges"), ("two", "no-ranges")]
    assert told(problems) == (expected if core_metadata == "hash" else expected[:1])


def test_small_wheels_need_no_ranges(index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    index.ranges, index.core_metadata = "no", "off"
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0"}


def test_an_index_without_hashes(index: IndexServer) -> None:
    wheels(index, "one", "1.0", requires=["two"])
    wheels(index, "two", "1.0")
    index.hashes = "none"
    assert told(unlockable("one", index_urls=index.url)) == [("one", "hash-missing"), ("two", "hash-missing")]
    index.hashes = "md5"
    assert told(unlockable("two", index_urls=index.url)) == [("two", "hash-missing")]


@pytest.mark.parametrize("asked", [["demo", "lib==1.0"], ["demo==1.0", "lib==1.0"]], ids=str)
def test_hashes_may_be_required(asked: list[str], index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    lib = build_wheel(index.folder, "lib", "1.0")
    with_hash = [asked[0], f"{asked[1]} --hash=sha256:{sha256(lib)}"]
    problems = unlockable(*with_hash, index_urls=index.url, require_hashes=True)
    assert told(problems) == [("demo", "hash-missing")]
    assert versions(resolved("lib", base=base_lock(entry("lib")), require_hashes=True)) == {"lib": "1.0"}


def test_progress_is_told(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=["lib"])
    wheels(index, "lib", "1.0")
    steps: list[tuple[int, int, str]] = []
    resolved("demo", index_urls=index.url, progress=lambda *step: steps.append(step))
    assert [(done, name) for done, _, name in steps] == [(1, "demo"), (2, "lib")]
    assert all(done <= total for done, total, _ in steps)


# -- what is remembered, and offline


def test_offline_asks_nobody(index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    assert versions(resolved("lib", base=base_lock(entry("lib")), index_urls=index.url, offline=True)) == {"lib": "1.0"}
    with pytest.raises(FetchError, match="offline"):
        resolved("demo", index_urls=index.url, offline=True)
    assert index.requests == []


def test_what_is_pinned_and_known_needs_no_request(index: IndexServer, tmp_path: Path) -> None:
    wheels(index, "demo", "2.0", "1.0", requires=["lib"], files=BIG)
    wheels(index, "lib", "1.0", "1.0+web")

    def again(*asked: str, **options: Any) -> ResolveResult:
        index.reset()
        facts = facts_in(tmp_path)
        try:
            return resolved(*asked, index_urls=index.url, facts=facts, **options)
        finally:
            facts.close()

    first = again("demo==1.0", "lib==1.0")
    assert versions(first) == {"demo": "1.0", "lib": "1.0+web"}
    for offline in (False, True):
        second = again("demo==1.0", "lib==1.0", offline=offline)
        assert second.to_json() == first.to_json()
        assert (index.requests, second.requests) == ([], 0)
    assert [item.url for item in second.evidence] == [item.url for item in first.evidence]
    # A version that is not pinned may have a successor.
    assert again("demo==1.0", "lib").requests == 1
    assert index.paths() == ["/simple/lib/"]
    index.yanked["demo==1.0"] = True
    assert codes(again("demo==1.0", "lib==1.0", refresh=True)) == [("demo", "yanked")]
    assert index.paths() == ["/simple/demo/", "/simple/lib/"] or index.paths() == ["/simple/lib/", "/simple/demo/"]


def test_what_was_remembered_is_asked_again_before_there_is_no_solution(index: IndexServer, tmp_path: Path) -> None:
    facts = facts_in(tmp_path)
    build_sdist(index.folder, "demo", "1.0")
    no_solution("demo==1.0", index_urls=index.url, facts=facts)
    wheels(index, "demo", "1.0")
    assert versions(resolved("demo==1.0", index_urls=index.url, facts=facts)) == {"demo": "1.0"}
    facts.close()


def test_pages_with_queries_are_not_remembered(index: IndexServer, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    index.overrides[wheel.name] = {"url": f"{index.file_url(wheel.name)}?sha256={sha256(wheel)}"}
    for _ in range(2):
        index.reset()
        facts = facts_in(tmp_path)
        resolved("demo==1.0", index_urls=index.url, facts=facts)
        facts.close()
    assert "/simple/demo/" in index.paths()


def test_nothing_is_remembered_of_a_base_wheel_without_hash(tmp_path: Path) -> None:
    based = build_wheel(tmp_path / "base", "demo", "1.0", extras={"x": []})
    base = base_lock({**lock_entry(based), "sha256": None})
    facts = facts_in(tmp_path / "cache")
    resolved("demo[x]", base=base, base_dir=based.parent, facts=facts)
    facts.close()
    assert not (tmp_path / "cache").exists()


# -- the same whatever order answers come in


class Shuffled(MemoryIndex):
    """Lets answers overtake each other: every request waits, and any task that waits may go on next."""

    def __init__(self, seed: int, *made: Path) -> None:
        super().__init__(wheels=made)
        self.random = random.Random(seed)
        self.asked: list[str] = []

    async def get(self, url: str, **options: Any) -> Response:
        for _ in range(self.random.randrange(4)):
            await _pause()
        self.asked.append(f"{url} {options.get('byte_range')}")
        return await super().get(url, **options)

    async def gather(self, tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        waiting = dict(enumerate(tasks))
        results: dict[int, T] = {}
        while waiting:
            number = self.random.choice(list(waiting))
            try:
                waiting[number].send(None)
            except StopIteration as stop:
                results[number] = stop.value
                del waiting[number]
            else:
                await _pause()
        return [results[number] for number in sorted(results)]


@types.coroutine
def _pause() -> Generator[None, None, None]:
    yield


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    while True:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            result: T = stop.value
            return result


def _tangled(folder: Path) -> list[Path]:
    """Chains, diamonds, extras, a cycle, and turns that have to be taken back."""

    def wheel(name: str, number: str, *requires: str, **options: Any) -> Path:
        return build_wheel(folder, name, number, requires=requires, **options)

    return [
        wheel("app", "3.0", "left>=2", "right"),
        wheel("app", "2.0", "left", "right[x]", "space-one"),
        wheel("left", "2.0", "bottom<2", "deep"),
        wheel("left", "1.0", "bottom>=2", "deep"),
        wheel("right", "1.0", "bottom>=2", extras={"x": ["deep[y]"]}),
        wheel("bottom", "3.0", "gone"),
        wheel("bottom", "2.0", "back"),
        wheel("bottom", "1.0"),
        wheel("back", "1.0", "right"),
        wheel("deep", "2.0", "lib<0"),
        wheel("deep", "1.0", "lib", extras={"y": ["lib>=1"]}),
        wheel("lib", "1.0", files={"space/lib.py": ""}),
        wheel("space-one", "1.0", files={"space/one.py": ""}),
    ]


def test_the_bytes_do_not_depend_on_the_order_of_answers(tmp_path: Path) -> None:
    made = _tangled(tmp_path)
    locks, orders = set(), set()
    for seed in range(60):
        index = Shuffled(seed, *made)
        result = finished(resolve(["app", "lib"], base=base_lock(tool={}), index_urls=index.url, fetcher=index))
        evidence = [item.to_json() for item in result.evidence]
        locks.add((result.to_json(), str(evidence), str(result.warnings)))
        orders.add(tuple(index.asked))
        assert len(index.asked) == len(set(index.asked))
    assert len(orders) > 20
    assert len(locks) == 1
    assert versions(result) | {"app": "2.0", "bottom": "2.0", "deep": "1.0"} == versions(result)


@pytest.mark.parametrize("broken", ["deep-2.0", "left-1.0", "bottom", "", "lib"])
def test_errors_do_not_depend_on_the_order_of_answers_either(broken: str, tmp_path: Path) -> None:
    made = [wheel for wheel in _tangled(tmp_path) if not broken or not wheel.name.startswith(broken)]
    said = set()
    for seed in range(30):
        index = Shuffled(seed, *made)
        task = resolve(["app", "lib", "bottom!=2.0"], base=base_lock(), index_urls=index.url, fetcher=index)
        with pytest.raises(MicropipLockError) as caught:
            finished(task)
        said.add(f"{type(caught.value)} {caught.value}")
    assert len(said) == 1


# -- bad input


def test_nothing_to_resolve() -> None:
    for nothing in ((), [], ""):
        with pytest.raises(InputError):
            finished(resolve(nothing, base=base_lock(), fetcher=MemoryIndex()))


@pytest.mark.parametrize(
    "requirement",
    ["", "!", "demo ==", "-e .", "./demo-1.0-py3-none-any.whl", "git+https://host.example/demo", "x" * 5000, "a\x00b"],
    ids=lambda text: ascii(text)[:20],
)
def test_what_is_no_requirement(requirement: str) -> None:
    with pytest.raises(InputError):
        resolved(requirement)
    with pytest.raises(InputError):
        resolved("demo", constraints=[requirement])


@pytest.mark.parametrize("base", ["missing.json", "99.99", "."])
def test_a_base_that_is_none(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        resolved("demo", base=base)


def test_a_base_of_no_pyodide() -> None:
    base = Lockfile.from_json({"info": {"python": "3.14.2", "platform": "linux", "arch": "x86_64"}, "packages": {}})
    with pytest.raises(InputError, match=r"info\.platform"):
        resolved("demo", base=base)


@pytest.mark.parametrize("requirement", ["demo===any text", "demo===1.*", "demo===1.0-final"])
def test_a_version_that_is_none(requirement: str, index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    try:
        text = no_solution(requirement, index_urls=index.url)
    except InputError as error:
        text = str(error)
    assert requirement.partition(" ")[0] in text


def test_a_sidecar_that_is_not_the_announced_one(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    index.sidecars[wheel.name] = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: evil\n\n"
    index.overrides[wheel.name] = {"core-metadata": {"sha256": "ab" * 32}}
    with pytest.raises(IntegrityError) as caught:
        resolved("demo", index_urls=index.url)
    for part in (f"{index.file_url(wheel.name)}.metadata", "ab" * 32, "has the sha256"):
        assert part in str(caught.value)


@pytest.mark.parametrize("said", ["Name: other\nVersion: 1.0", "Name: demo\nVersion: 1.1"], ids=repr)
@pytest.mark.parametrize("core_metadata", ["true", "off"])
def test_metadata_of_another_project_or_version(core_metadata: str, said: str, index: IndexServer) -> None:
    metadata = f"Metadata-Version: 2.1\n{said}\n\n"
    wheels(index, "demo", "1.0", dist_info_files={"METADATA": metadata})
    index.core_metadata = core_metadata
    with pytest.raises(IntegrityError, match=r"should be demo 1\.0, but its METADATA says"):
        resolved("demo", index_urls=index.url)


@pytest.mark.parametrize("said", ["Name: Demo\nVersion: 1.0.0", "Name: demo\nVersion: v1.0+local"], ids=repr)
def test_metadata_may_spell_name_and_version_otherwise(said: str, index: IndexServer) -> None:
    wheels(index, "demo", "1.0", dist_info_files={"METADATA": f"Metadata-Version: 2.1\n{said}\n\n"})
    assert list(versions(resolved("demo", index_urls=index.url))) == ["demo"]


BROKEN_METADATA = {
    "Requires-Dist": b"Name: demo\nVersion: 2.0\nRequires-Dist: lib ~=> 1\n\n",
    "endless requirement": b"Name: demo\nVersion: 2.0\nRequires-Dist: " + b"x" * 10_000 + b"\n\n",
    "no version": b"Name: demo\n\n",
    "version": b"Name: demo\nVersion: two\n\n",
    "nothing": b"",
    "no UTF-8": b"Name: demo\nVersion: 2.0\nAuthor: \xff\n\n",
    "nested markers": b"Name: demo\nVersion: 2.0\nRequires-Dist: lib; " + b"(" * 2000 + b"\n\n",
}


@pytest.mark.parametrize("damage", BROKEN_METADATA)
def test_a_version_with_broken_metadata_is_passed_over_and_named_when_it_matters(
    damage: str, index: IndexServer
) -> None:
    wheels(index, "demo", "2.0", dist_info_files={"METADATA": BROKEN_METADATA[damage]})
    wheels(index, "demo", "1.0")
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0"}
    text = no_solution("demo>=2", index_urls=index.url)
    assert "2.0: its METADATA cannot be used: " in text
    assert max(map(len, text.splitlines())) < 300


def test_a_url_with_broken_metadata(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "2.0", dist_info_files={"METADATA": BROKEN_METADATA["Requires-Dist"]})
    assert told(unlockable(f"demo @ {index.file_url(wheel.name)}")) == [("demo", "broken-metadata")]


@pytest.mark.parametrize("place", ["/simple/demo/", "/files/"])
@pytest.mark.parametrize(
    "fault",
    [Fault("status", status=500), Fault("truncate"), Fault("reset"), Fault("redirect-loop"), Fault("hang")],
    ids=lambda fault: fault.kind,
)
def test_a_server_that_misbehaves(fault: Fault, place: str, index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    index.faults[place] = fault
    with pytest.raises(FetchError) as caught:
        resolved("demo", index_urls=index.url, fetching={"delays": (), "idle": 0.2})
    assert place in str(caught.value)


def test_a_wheel_that_is_none(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    index.faults[f"/files/{wheel.name}"] = Fault("body", body=b"no zip archive")
    with pytest.raises((IntegrityError, FetchError), match=wheel.name):
        resolved("demo", index_urls=index.url)


def test_a_path_in_record_that_leads_elsewhere_is_imported_from_nowhere(index: IndexServer) -> None:
    wheels(index, "demo", "1.0", record=lambda rows: [*rows, ("../../evil.py", "", ""), ("/abs.py", "", "")])
    assert resolved("demo", index_urls=index.url).lockfile.packages["demo"].imports == ("demo",)


def test_hostile_names_on_a_page(index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    names = ["../demo-9.0-py3-none-any.whl", "demo-9.0-py3-none-any.whl" + "x" * 5000, "demo-9\n.0-py3-none-any.whl"]
    names += ["demo-" + "9" * 5000 + "-py3-none-any.whl", "demo-9.0-" + ".".join(["py3"] * 90) + "-none-any.whl/"]
    odd = [{"filename": name, "url": index.file_url("x.whl"), "hashes": {}} for name in names]
    odd.append({"filename": "demo-9.0-py3-none-any.whl", "url": "http://[", "hashes": {}})
    odd.append({"filename": "demo-9.1-py3-none-any.whl", "url": "javascript:alert(1)//demo-9.1-py3-none-any.whl"})
    page = {"meta": {"api-version": "1.0"}, "files": odd}
    index.faults["/simple/demo/"] = Fault("body", body=json.dumps(page).encode())
    assert "demo has no version that fits" in no_solution("demo", index_urls=index.url)
    good = {"filename": "demo-1.0-py3-none-any.whl", "url": index.file_url("demo-1.0-py3-none-any.whl")}
    page["files"] = [*odd, good | {"hashes": {"sha256": sha256(index.folder / good["filename"])}}]
    index.faults["/simple/demo/"] = Fault("body", body=json.dumps(page).encode())
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0"}


class Fat(MemoryIndex):
    """An index whose page of «fat» lists 20 000 versions."""

    def _page(self, project: str) -> bytes:
        if project != "fat":
            return super()._page(project)
        names = [f"fat-{number // 100}.{number % 100}-py3-none-any.whl" for number in range(20_000)]
        url = self.file_url("")
        files = [
            {"filename": name, "url": url + name, "hashes": {"sha256": f"{place:064x}"}}
            for place, name in enumerate(names)
        ]
        return json.dumps({"files": files}).encode()


def test_a_page_of_20_000_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten packages have something to say about it: names are read once, rows hardly ever, specifiers compared once."""
    made = [
        build_wheel(tmp_path, f"p{number}", "1.0", requires=[f"fat<{number + 3}", f"p{number + 1}"][: 2 - number // 9])
        for number in range(10)
    ]
    counted: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counting(*given: Any, **options: Any) -> Any:
            counted[name] += 1
            return original(*given, **options)

        monkeypatch.setattr(owner, name, counting)

    count(SpecifierSet, "contains")
    count(simple, "_parsed")
    count(simple, "_version_of")
    index = Fat(wheels=[*made, build_wheel(tmp_path, "fat", "2.99")])
    result = finished(resolve("p0", base=base_lock(), index_urls=index.url, fetcher=index))
    assert versions(result)["fat"] == "2.99"
    assert counted["contains"] < 11 * 20_000 + 2_000
    assert counted["_version_of"] < 20_100
    assert counted["_parsed"] < 200
    counted.clear()
    with pytest.raises(ResolutionError) as caught:
        finished(resolve(["p0", "fat>=100"], base=base_lock(), index_urls=index.url, fetcher=index))
    assert "and 9997 more: not fat<3 (p0)" in str(caught.value)
    assert counted["contains"] < 14 * 20_000
    assert counted["_version_of"] < 20_100


def test_a_base_version_that_falls_is_looked_for_on_the_index(index: IndexServer) -> None:
    """Its extra needs what the user excludes: until the page was read, that could go on for ever."""
    wheels(index, "a", "1.0", extras={"x": ["c>=2"]})
    wheels(index, "a", "2.0", extras={"x": ["c"]})
    wheels(index, "c", "1.0", "2.0")
    result = resolved("a[x]", "c<2", base=base_lock(entry("a")), index_urls=index.url)
    assert versions(result) == {"a": "2.0", "c": "1.0"}
