"""The base: where it may come from, what of it belongs into the lock, and what a broken one is
answered with.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import FetchError, FreezeResult, InputError, Lockfile
from micropip_lock.environment import Surroundings

from ...support.freezing import (
    INFO,
    base_document,
    base_lock,
    entry,
    freeze_folder,
    problems_of,
    proofs,
    told,
)
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target
from ...support.runtimes import lock_entry
from ...support.site_server import SiteServer
from ...support.wheels import build_wheel, sha256


@pytest.fixture
def empty(site: Path, tmp_path: Path) -> Path:
    """An environment in which nothing is to be locked: pip is left out."""
    return installer_target(site, build_wheel(tmp_path / "tools", "pip", "26.0"))


def write(folder: Path, *entries: dict[str, Any], **extra: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pyodide-lock.json"
    path.write_text(json.dumps(base_document(*entries, **extra)))
    return path


# -- from where


def test_a_base_may_be_a_lock_a_file_or_a_folder(empty: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "dist", entry("demo"))
    expected = freeze_folder(empty, base=base_lock(entry("demo")), include="distribution").to_json()
    for base in (path, str(path), path.parent, str(path.parent)):
        assert freeze_folder(empty, base=base, include="distribution").to_json() == expected


def test_a_base_at_a_url_gives_its_names_their_place(empty: Path, index: IndexServer) -> None:
    document = json.dumps(base_document(entry("demo"))).encode()
    index.faults["/full/pyodide-lock.json"] = Fault("body", body=document)
    result = freeze_folder(
        empty, base=f"{index.root}/full/pyodide-lock.json", include="distribution"
    )
    assert (
        result.lockfile.packages["demo"].file_name == f"{index.root}/full/demo-1.0-py3-none-any.whl"
    )
    moved = freeze_folder(
        empty,
        base=f"{index.root}/full/pyodide-lock.json",
        base_url="https://cdn.example/v1",
        include="distribution",
    )
    assert (
        moved.lockfile.packages["demo"].file_name
        == "https://cdn.example/v1/demo-1.0-py3-none-any.whl"
    )


def test_credentials_and_queries_of_the_bases_url_are_not_written(
    empty: Path, index: IndexServer
) -> None:
    index.auth = ("user", "hunter2")
    index.faults["/full/pyodide-lock.json"] = Fault(
        "body", body=json.dumps(base_document(entry("demo"))).encode()
    )
    url = f"{index.root}/full/pyodide-lock.json?token=hunter3#x".replace("//", "//user:hunter2@")
    result = freeze_folder(empty, base=url, include="distribution")
    assert (
        result.lockfile.packages["demo"].file_name == f"{index.root}/full/demo-1.0-py3-none-any.whl"
    )
    assert "hunter" not in result.to_json() + str(result.evidence) + str(result.warnings)


def test_a_release_is_looked_up_on_its_cdn(empty: Path) -> None:
    with pytest.raises(FetchError) as caught:
        freeze_folder(empty, base="314.0.7", offline=True)
    assert caught.value.url.endswith("/v314.0.7/full/pyodide-lock.json")


def test_a_base_url_with_and_without_slash_is_the_same(empty: Path) -> None:
    for url in ("https://cdn.example/full", "https://cdn.example/full/"):
        result = freeze_folder(
            empty, base=base_lock(entry("demo")), base_url=url, include="distribution"
        )
        assert (
            result.lockfile.packages["demo"].file_name
            == "https://cdn.example/full/demo-1.0-py3-none-any.whl"
        )
        assert result.warnings == ()


def test_absolute_names_of_a_base_stay(empty: Path) -> None:
    names = {
        "one": "https://files.example/one-1.0-py3-none-any.whl",
        "two": "https://u:p@f.example/two.whl#sha256=0",
    }
    base = base_lock(*(entry(name, file_name=url) for name, url in names.items()))
    packages = freeze_folder(
        empty, base=base, base_url="https://cdn.example/", include="distribution"
    ).lockfile.packages
    assert packages["one"].file_name == names["one"]
    assert packages["two"].file_name == "https://f.example/two.whl"


def test_a_query_of_the_base_is_written_nowhere(empty: Path, site: Path, tmp_path: Path) -> None:
    digest = "ab" * 32
    spelled = [
        entry("one", file_name=f"one-1.0-py3-none-any.whl?sha256={digest}", sha256=digest),
        entry(
            "two",
            file_name=f"https://cdn.example/two-1.0-py3-none-any.whl?sha256={digest}",
            sha256=digest,
        ),
        entry("three", file_name="three-1.0-py3-none-any.whl?", sha256=digest),
    ]
    result = freeze_folder(empty, base=base_lock(*spelled), include="distribution")
    assert {item.file_name for item in result.lockfile.packages.values()} == {
        "one-1.0-py3-none-any.whl",
        "https://cdn.example/two-1.0-py3-none-any.whl",
        "three-1.0-py3-none-any.whl",
    }
    secret = [
        entry(name, file_name=f"{name}-1.0-py3-none-any.whl?key=hunter2")
        for name in ("four", "five")
    ]
    problems = problems_of(empty, base=base_lock(*spelled, *secret), include="distribution")
    assert told(problems) == [("five", "query-needed"), ("four", "query-needed")]
    assert "hunter2" not in repr(problems)
    assert set(freeze_folder(empty, base=base_lock(*spelled, *secret)).lockfile.packages) == set()


def test_a_wheel_of_the_base_is_found_by_a_name_with_its_sha256(site: Path, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "dist", "demo", "1.0")
    installer_target(site, wheel)
    base = base_lock({**lock_entry(wheel), "file_name": f"{wheel.name}?sha256={sha256(wheel)}"})
    result = freeze_folder(site, base=base, base_dir=wheel.parent)
    assert proofs(result) == {"demo": ("base", "content")}
    assert result.lockfile.packages["demo"].file_name == wheel.name


# -- what of it


def live(
    site: Path, *entries: dict[str, Any], loaded: tuple[str, ...], **more: Any
) -> Surroundings:
    return Surroundings(
        paths=(site,),
        base=base_lock(*entries),
        base_url="https://cdn.example/full/",
        loaded=dict.fromkeys(loaded, "default channel"),
        loaded_into=site,
        **more,
    )


def install_from_base(
    site: Path, tmp_path: Path, name: str, version: str = "1.0", **options: Any
) -> None:
    installer_target(site, build_wheel(tmp_path / "wheels", name, version, **options))
    folder = site / f"{name}-{version}.dist-info"
    (folder / "INSTALLER").write_text("pyodide.loadPackage")
    (folder / "PYODIDE_SOURCE").write_text("pyodide")


def live_freeze(around: Surroundings, **options: Any) -> FreezeResult:
    return freeze_folder(None, index_urls=None, surroundings=around, **options)


def test_what_the_runtime_loaded_is_the_bases_entry_as_it_stands(
    site: Path, tmp_path: Path
) -> None:
    # The base's depends is what counts, not Requires-Dist: they disagree in the wild.
    install_from_base(site, tmp_path, "demo", requires=["never-installed"])
    around = live(
        site,
        entry("demo", imports=["demo", "extra"], depends=["Lib_C"], install_dir="site"),
        entry(
            "lib-c",
            package_type="shared_library",
            file_name="lib_c-1.0.zip",
            install_dir="dynlib",
            imports=[],
        ),
        entry("unused"),
        loaded=("demo",),
    )
    result = live_freeze(around)
    assert proofs(result) == {"demo": ("base", "base"), "lib-c": ("base", "base")}
    demo, library = result.lockfile.packages["demo"], result.lockfile.packages["lib-c"]
    assert (demo.imports, demo.depends) == (("demo", "extra"), ("lib-c",))
    assert (library.package_type, library.install_dir) == ("shared_library", "dynlib")
    assert library.file_name == "https://cdn.example/full/lib_c-1.0.zip"
    assert result.warnings == ()
    assert result.requests == 0


@pytest.mark.parametrize(
    ("query", "code"), [(f"?sha256={'ab' * 32}", None), ("?key=hunter2", "query-needed")]
)
def test_a_query_of_what_the_runtime_loaded(
    query: str, code: str | None, site: Path, tmp_path: Path
) -> None:
    install_from_base(site, tmp_path, "demo")
    name = "demo-1.0-py3-none-any.whl"
    around = live(site, entry("demo", file_name=name + query, sha256="ab" * 32), loaded=("demo",))
    if code is None:
        assert (
            live_freeze(around).lockfile.packages["demo"].file_name
            == f"https://cdn.example/full/{name}"
        )
    else:
        (problem,) = problems_of(None, index_urls=None, surroundings=around)
        assert (problem.code, problem.url) == (code, f"https://cdn.example/full/{name}")


def test_a_shared_library_that_was_loaded_alone_is_kept(empty: Path) -> None:
    around = live(empty, entry("lib", file_name="lib-1.0.zip"), loaded=("lib",))
    assert set(live_freeze(around).lockfile.packages) == {"lib"}


def test_sources_that_were_compiled_away_are_not_missing(site: Path, tmp_path: Path) -> None:
    install_from_base(site, tmp_path, "demo")
    (site / "demo.py").rename(site / "demo.pyc")
    assert told(live_freeze(live(site, entry("demo"), loaded=("demo",))).warnings) == []


def test_changed_files_of_a_base_package_are_told(site: Path, tmp_path: Path) -> None:
    install_from_base(site, tmp_path, "demo")
    (site / "demo.py").unlink()
    around = live(site, entry("demo"), loaded=("demo",))
    assert told(problems_of(None, index_urls=None, surroundings=around)) == [
        ("demo", "files-changed")
    ]
    assert proofs(live_freeze(around, accept_unproved=["demo"])) == {"demo": ("base", "accepted")}


def test_a_package_over_one_of_the_base_stands_in_for_it(
    index: IndexServer, site: Path, tmp_path: Path
) -> None:
    """A base package that needs «lib» gets the «lib» that is installed, at its own version."""
    install_from_base(site, tmp_path, "demo")
    wheel = build_wheel(index.folder, "lib", "2.0")
    installer_target(site, wheel)
    around = live(
        site,
        entry("demo", depends=["lib"]),
        entry("lib", "1.0"),
        loaded=("demo",),
        index_urls=(index.url,),
    )
    result = live_freeze(around)
    assert result.lockfile.packages["lib"].version == "2.0"
    assert result.lockfile.packages["demo"].depends == ("lib",)


def test_the_whole_distribution_can_be_kept(index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "2.0"))
    base = base_lock(entry("demo", "1.0"), entry("other", depends=["demo"]), entry("third"))
    installed = freeze_folder(site, base=base, index_urls=index.url)
    assert set(installed.lockfile.packages) == {"demo"}
    whole = freeze_folder(
        site,
        base=base,
        base_url="https://cdn.example",
        index_urls=index.url,
        include="distribution",
    )
    assert set(whole.lockfile.packages) == {"demo", "other", "third"}
    assert whole.lockfile.packages["demo"].version == "2.0"
    assert whole.lockfile.packages["other"].depends == ("demo",)
    assert proofs(whole) == {"demo": ("index", "content")}


def test_excluded_names_of_the_distribution_are_gone_with_their_edges(empty: Path) -> None:
    base = base_lock(entry("demo", depends=["other"]), entry("other"))
    result = freeze_folder(empty, base=base, include="distribution", exclude=["other"])
    assert set(result.lockfile.packages) == {"demo"}
    assert result.lockfile.packages["demo"].depends == ()
    assert told(result.warnings) == [("demo", "excluded-dependency")]


def test_an_excluded_need_of_a_base_wheel_is_told_on_a_folder_too(
    site: Path, tmp_path: Path
) -> None:
    wheel = build_wheel(tmp_path / "dist", "demo", "1.0")
    installer_target(site, wheel)
    base = base_lock(lock_entry(wheel, depends=["lib"]), entry("lib"))
    result = freeze_folder(site, base=base, base_dir=tmp_path / "dist", exclude=["lib"])
    assert result.lockfile.packages["demo"].depends == ()
    assert told(result.warnings) == [("demo", "excluded-dependency")]


def test_a_need_that_the_base_lacks_is_told_on_a_folder_too(site: Path, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "dist", "demo", "1.0")
    installer_target(site, wheel)
    base = base_lock(lock_entry(wheel, depends=["lib"]))
    assert told(problems_of(site, base=base, base_dir=tmp_path / "dist")) == [
        ("demo", "missing-dependency")
    ]


def test_a_proved_base_wheel_brings_what_the_base_says_it_needs(site: Path, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "dist", "demo", "1.0")
    installer_target(site, wheel)
    base = base_lock(
        lock_entry(wheel, imports=["demo", "_demo"], depends=["lib"]),
        entry("lib", file_name="lib.zip"),
    )
    result = freeze_folder(site, base=base, base_dir=tmp_path / "dist")
    assert proofs(result) == {"demo": ("base", "content"), "lib": ("base", "base")}
    assert result.lockfile.packages["demo"].depends == ("lib",)
    assert result.lockfile.packages["demo"].imports == ("demo", "_demo")


def test_cycles_of_the_base_are_broken(empty: Path) -> None:
    base = base_lock(entry("one", depends=["two"]), entry("two", depends=["one", "two"]))
    result = freeze_folder(empty, base=base, include="distribution")
    assert told(result.warnings) == [("one", "cycle")]
    packages = result.lockfile.packages
    assert (packages["one"].depends, packages["two"].depends) == (("two",), ())


def test_relative_names_without_a_place_are_told(site: Path, tmp_path: Path) -> None:
    install_from_base(site, tmp_path, "demo")
    around = Surroundings(
        paths=(site,),
        base=base_lock(entry("demo"), entry("b"), entry("c")),
        loaded={"demo": "default channel"},
        loaded_into=site,
    )
    assert [(item.package, item.code) for item in live_freeze(around).warnings] == [
        ("demo", "not-portable")
    ]
    whole = live_freeze(around, include="distribution").warnings
    assert [(item.package, item.code) for item in whole] == [
        ("demo", "not-portable"),
        ("pyodide", "not-portable"),
    ]
    assert "2 more" in whole[1].message


# -- broken ones


def mutilated() -> list[tuple[bytes, str]]:
    good = base_document(entry("demo"))

    def with_(path: str, value: object) -> bytes:
        document = json.loads(json.dumps(good))
        *folders, last = path.split(".")
        place = document
        for key in folders:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
        return json.dumps(document).encode()

    return [
        (json.dumps(good).encode()[:-40], "not valid JSON"),
        (b"", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "expected an object"),
        (b"null", "expected an object"),
        (with_("info", None), "info"),
        (with_("info", []), "info"),
        (with_("info.python", 3.14), "info.python"),
        (with_("info.python", "three"), "info.python"),
        (with_("info.platform", "linux_x86_64"), "info.platform"),
        (with_("info.arch", None), "info.arch"),
        (with_("packages", []), "packages"),
        (with_("packages", None), "packages"),
        (with_("packages.demo", "1.0"), "packages.demo"),
        (with_("packages.demo.imports", None), "packages.demo.imports"),
        (with_("packages.demo.imports", "demo"), "packages.demo.imports"),
        (with_("packages.demo.depends", [1]), "packages.demo.depends"),
        (with_("packages.demo.version", 1), "packages.demo.version"),
        (with_("packages.demo.file_name", ""), "packages.demo.file_name"),
        (with_("packages.demo.unvendored_tests", "no"), "packages.demo.unvendored_tests"),
        (with_("packages.Demo", entry("Demo")), "same package"),
    ]


@pytest.mark.parametrize(("data", "says"), mutilated(), ids=[says for _, says in mutilated()])
def test_a_base_that_is_none_says_where(
    data: bytes, says: str, empty: Path, tmp_path: Path
) -> None:
    path = tmp_path / "pyodide-lock.json"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        freeze_folder(empty, base=path)
    assert says in str(caught.value)
    if "info." not in says:
        assert str(path) in str(caught.value)


def test_a_base_that_is_not_there(empty: Path, tmp_path: Path) -> None:
    for base in (tmp_path / "missing.json", "missing.json", str(tmp_path)):
        with pytest.raises(InputError, match="Cannot read"):
            freeze_folder(empty, base=base)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=500),
        Fault("status", status=404),
        Fault("reset"),
        Fault("redirect-loop"),
    ],
)
def test_a_base_that_gives_no_answer(fault: Fault, empty: Path, index: IndexServer) -> None:
    index.faults["/base.json"] = fault
    with pytest.raises(FetchError) as caught:
        freeze_folder(empty, base=f"{index.root}/base.json?token=hunter2")
    assert "/base.json" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_base_behind_a_url_that_is_no_lock(empty: Path, index: IndexServer) -> None:
    index.faults["/base.json"] = Fault("html")
    with pytest.raises(InputError, match="not valid JSON"):
        freeze_folder(empty, base=f"{index.root}/base.json")


def test_base_document_and_lock_are_one(tmp_path: Path) -> None:
    path = write(tmp_path, entry("demo"))
    assert Lockfile.read(path) == base_lock(entry("demo"))
    assert json.loads(path.read_text())["info"] == INFO


def test_the_base_of_a_site_is_read_over_http(empty: Path, tmp_path: Path) -> None:
    write(tmp_path / "dist", entry("demo"))
    with SiteServer({"/full/": tmp_path / "dist"}) as server:
        result = freeze_folder(
            empty, base=f"{server.root}/full/pyodide-lock.json", include="distribution"
        )
    assert set(result.lockfile.packages) == {"demo"}
