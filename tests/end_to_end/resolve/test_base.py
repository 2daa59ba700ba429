"""resolve: the base comes first, and what its packages' extras need."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from micropip_lock import FetchError, bundle

from ...support.freezing import base_lock, entry, told
from ...support.index_server import Fault, IndexServer
from ...support.resolving import (
    BIG,
    asked_twice,
    codes,
    depends,
    no_solution,
    resolved,
    unlockable,
    versions,
    wheels,
)
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel, sha256

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
def test_another_version_than_the_bases_is_the_newest_of_the_index(
    requirement: str, index: IndexServer
) -> None:
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
    result = resolved(
        "lib", base=base_lock(entry("lib", in_base)), index_urls=index.url, upgrade=True
    )
    assert [(item.version, item.claim) for item in result.evidence] == [expected]


def test_without_upgrade_a_prerelease_of_the_base_is_as_good_as_any(index: IndexServer) -> None:
    wheels(index, "lib", "1.5")
    assert versions(
        resolved("lib", base=base_lock(entry("lib", "2.0rc1")), index_urls=index.url)
    ) == {"lib": "2.0rc1"}


def test_upgrade_goes_back_to_the_base_when_the_newest_cannot_be_had(index: IndexServer) -> None:
    wheels(index, "lib", "2.0", requires=["other>=2"])
    wheels(index, "other", "1.0")
    result = resolved(
        "lib", base=base_lock(entry("lib", "1.5")), index_urls=index.url, upgrade=True
    )
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


@pytest.mark.parametrize("folder", ["", "https://cdn.example/full/"])
def test_a_url_of_the_base_that_needs_its_query_is_refused(folder: str) -> None:
    names = {
        name: f"{folder}{name}-1.0-py3-none-any.whl" for name in ("demo", "lib", "other", "plain")
    }
    queries = {
        "demo": "?key=hunter2",
        "lib": f"?sha256={'0' * 64}",
        "other": "?key=hunter2",
        "plain": "",
    }
    entries = [
        entry(
            name, depends=["lib"] if name == "demo" else (), file_name=names[name] + queries[name]
        )
        for name in names
    ]
    problems = unlockable("demo", "plain", base=base_lock(*entries))
    assert [(item.package, item.version, item.code, item.url) for item in problems] == [
        ("demo", "1.0", "query-needed", names["demo"]),
        ("lib", "1.0", "query-needed", names["lib"]),
    ]
    assert "hunter2" not in repr(problems)
    assert versions(resolved("plain", base=base_lock(*entries))) == {"plain": "1.0"}


def test_a_query_of_the_base_that_says_only_the_sha256_is_dropped() -> None:
    spelled = entry(
        "demo",
        file_name=f"https://cdn.example/demo-1.0-py3-none-any.whl?sha256={'AB' * 32}",
        sha256="ab" * 32,
    )
    result = resolved("demo", base=base_lock(spelled))
    assert (
        result.lockfile.packages["demo"].file_name
        == "https://cdn.example/demo-1.0-py3-none-any.whl"
    )
    assert [item.url for item in result.evidence] == [
        "https://cdn.example/demo-1.0-py3-none-any.whl"
    ]


def test_a_bundle_of_a_base_with_queries_is_a_base_without(
    index: IndexServer, tmp_path: Path
) -> None:
    """What the hint of `query-needed` says."""
    wheel = build_wheel(index.folder, "demo", "1.0")
    base = base_lock(
        entry("demo", file_name=f"{index.file_url(wheel.name)}?key=hunter2", sha256=sha256(wheel))
    )
    (problem,) = unlockable("demo", base=base)
    assert "micropip-lock bundle" in problem.hint
    asyncio.run(bundle(base, tmp_path / "bundle"))
    assert versions(resolved("demo", base=tmp_path / "bundle")) == {"demo": "1.0"}


def test_the_distribution_is_not_needed_whole(index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    base = base_lock(entry("one", depends=["two"]), entry("two"), entry("three"), extra={"a": 1})
    result = resolved("demo", "one", base=base, index_urls=index.url)
    assert set(versions(result)) == {"demo", "one", "two"}
    assert result.lockfile.info == base.info
    assert result.lockfile.extra == {"extra": {"a": 1}}


def test_a_base_version_that_falls_is_looked_for_on_the_index(index: IndexServer) -> None:
    """Its extra needs what the user excludes:

    until the page was read, that could go on for ever.
    """
    wheels(index, "a", "1.0", extras={"x": ["c>=2"]})
    wheels(index, "a", "2.0", extras={"x": ["c"]})
    wheels(index, "c", "1.0", "2.0")
    result = resolved("a[x]", "c<2", base=base_lock(entry("a")), index_urls=index.url)
    assert versions(result) == {"a": "2.0", "c": "1.0"}


# -- extras of a base package


@pytest.fixture
def base_wheel(tmp_path: Path) -> Path:
    return build_wheel(tmp_path / "base", "demo", "1.0", extras={"more": ["lib>=1"]}, files=BIG)


@pytest.fixture
def lib(index: IndexServer) -> None:
    wheels(index, "lib", "1.2")


@pytest.mark.usefixtures("lib")
def test_extras_of_the_base_are_read_from_a_local_wheel(
    base_wheel: Path, index: IndexServer
) -> None:
    base = base_lock(lock_entry(base_wheel))
    result = resolved("demo[more]", base=base, base_dir=base_wheel.parent, index_urls=index.url)
    assert depends(result) == {"demo": ("lib",), "lib": ()}
    assert result.lockfile.packages["demo"].sha256 == sha256(base_wheel)
    assert codes(result) == []
    assert not any("demo" in path for path in index.paths())


@pytest.mark.usefixtures("lib")
def test_extras_of_the_base_are_read_by_range(
    base_wheel: Path, index: IndexServer, other_index: IndexServer
) -> None:
    other_index.add(base_wheel)
    base = base_lock(lock_entry(base_wheel))
    result = resolved(
        "demo[more]", base=base, base_url=f"{other_index.root}/files/", index_urls=index.url
    )
    assert depends(result) == {"demo": ("lib",), "lib": ()}
    assert codes(result) == []
    assert [request.range is not None for request in other_index.requests] == [True]
    assert not any("demo" in path for path in index.paths())


@pytest.mark.usefixtures("lib")
@pytest.mark.parametrize(
    "fault", [None, Fault("status", status=404), Fault("reset"), "no-ranges"], ids=str
)
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
    result = resolved(
        "demo[more]",
        base=base_lock(lock_entry(base_wheel)),
        base_url=base_url,
        index_urls=index.url,
    )
    assert depends(result) == {"demo": ("lib",), "lib": ()}
    assert result.lockfile.packages["demo"].sha256 == sha256(base_wheel)
    assert codes(result) == [("demo", "extra-guessed")]


def test_extras_of_the_base_that_nobody_knows(base_wheel: Path, index: IndexServer) -> None:
    wheels(index, "demo", "2.0")
    with pytest.raises(FetchError, match="--base-dir"):
        resolved("demo[more]", base=base_lock(lock_entry(base_wheel)), index_urls=index.url)


@pytest.mark.usefixtures("lib")
def test_a_page_is_asked_for_once_even_for_extras_of_the_base(
    base_wheel: Path, index: IndexServer
) -> None:
    wheels(index, "demo", "1.0", extras={"more": ["lib"]})
    result = resolved(
        "demo[more]", base=base_lock(lock_entry(base_wheel)), index_urls=index.url, upgrade=True
    )
    assert versions(result) == {"demo": "1.0", "lib": "1.2"}
    assert asked_twice(index) == []


def test_an_extra_of_the_base_that_only_backtracking_comes_to(
    base_wheel: Path, index: IndexServer
) -> None:
    wheels(index, "lib", "1.2")
    wheels(index, "demo", "2.0", requires=["lib>=9"])
    base = base_lock(lock_entry(base_wheel))
    result = resolved(
        "demo[more]", base=base, base_dir=base_wheel.parent, index_urls=index.url, upgrade=True
    )
    assert versions(result) == {"demo": "1.0", "lib": "1.2"}


def test_a_guess_is_not_told_about_what_is_not_locked(base_wheel: Path, index: IndexServer) -> None:
    """The base's demo is looked at first, and then the user's other requirement rules it out."""
    wheels(index, "demo", "1.0", "2.0", extras={"more": ["lib"]})
    wheels(index, "lib", "1.2")
    wheels(index, "app", "1.0", requires=["demo>=2"])
    result = resolved(
        "demo[more]", "app", base=base_lock(lock_entry(base_wheel)), index_urls=index.url
    )
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
    based = build_wheel(
        tmp_path / "base", "demo", "1.0", requires=["lib; sys_platform ~= 'web'"], extras={"x": []}
    )
    problems = unlockable(
        "demo[x]", base=base_lock(lock_entry(based)), base_dir=based.parent, index_urls=index.url
    )
    assert told(problems) == [("demo", "broken-metadata")]
