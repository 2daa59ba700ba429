"""verify against indexes and servers: what they say of each file, and what they leave unsaid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from micropip_lock.environment import Surroundings
from micropip_lock.storage import facts_in

from ...support.freezing import base_document, entry, freeze_folder
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target
from ...support.runtimes import lock_entry
from ...support.site_server import SiteServer
from ...support.verifying import codes, definite, lock_of, only, verified, wheel_entry
from ...support.wheels import build_wheel, repack, sha256

ZEROS = "0" * 64


@pytest.fixture
def demo(index: IndexServer) -> Path:
    return build_wheel(index.folder, "demo", "1.0")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SiteServer]:
    """A plain web server, over an empty folder."""
    (tmp_path / "served").mkdir()
    with SiteServer({"/full/": tmp_path / "served"}) as site:
        yield site


def test_what_freeze_writes_is_true(index: IndexServer, site: Path) -> None:
    wheels = [
        build_wheel(
            index.folder, "farm", "1.0", requires=["egg", "more[extra]; python_version >= '3.11'"]
        ),
        build_wheel(index.folder, "hen", "1.0", requires=["egg"]),
        build_wheel(index.folder, "egg", "1.0", requires=["shell"]),
        build_wheel(index.folder, "shell", "1.0", requires=["hen", "egg"]),
        build_wheel(
            index.folder, "more", "1.0", extras={"extra": ["Addition>=1"], "other": ["absent"]}
        ),
        build_wheel(index.folder, "addition", "1.0", files={"add/part.py": "", "_private.py": ""}),
        build_wheel(index.folder, "data-only", "1.0", files={"data-only/file.txt": ""}),
    ]
    installer_target(site, *wheels)
    result = freeze_folder(site, index_urls=index.url)
    assert result.lockfile.packages["data-only"].imports == ()
    for deep in (False, True):
        index.reset()
        assert codes(verified(result.lockfile, index_urls=index.url, path=site, deep=deep)) == []
        assert (index.wheel_downloads > 0) is deep


def test_each_page_and_each_sidecar_is_asked_for_once(index: IndexServer, demo: Path) -> None:
    lib = build_wheel(index.folder, "lib", "1.0")
    lock = lock_of(wheel_entry(index, demo), wheel_entry(index, lib))
    index.reset()
    assert codes(verified(lock, index_urls=index.url)) == []
    names = (demo.name, lib.name)
    assert sorted(index.paths()) == sorted(
        [
            "/simple/demo/",
            "/simple/lib/",
            "/files/pyodide-lock.json",
            *(f"/files/{name}.metadata" for name in names),
        ]
    )


def test_a_poor_html_page_is_enough(index: IndexServer, demo: Path) -> None:
    build_wheel(index.folder, "lib", "1.0")
    needy = build_wheel(index.folder, "needy", "1.0", requires=["lib"])
    index.json, index.core_metadata, index.hashes, index.size, index.relative = (
        False,
        "off",
        "none",
        False,
        True,
    )
    lock = lock_of(wheel_entry(index, demo, imports=[]), wheel_entry(index, needy))
    assert codes(verified(lock, index_urls=index.url)) == [
        ("demo", "no-imports"),
        ("needy", "missing-dependency"),
    ]
    assert index.wheel_downloads == 0


def test_progress(index: IndexServer, demo: Path) -> None:
    lock = lock_of(wheel_entry(index, demo), entry("relative"))
    told: list[tuple[int, int, str]] = []
    verified(lock, index_urls=index.url, progress=lambda *step: told.append(step))
    assert told == [(1, 1, "demo")]


# -- what a page says


def test_another_hash(index: IndexServer, demo: Path) -> None:
    problems = verified(lock_of(wheel_entry(index, demo, sha256=ZEROS)), index_urls=index.url)
    problem = only(problems, "hash-conflict")
    assert codes(problems) == [("demo", "hash-conflict")]
    assert ZEROS in problem.message and sha256(demo) in problem.message
    assert problem.url == index.file_url(demo.name)


def test_a_missing_hash_does_not_hide_the_rest(index: IndexServer, demo: Path) -> None:
    index.yanked[demo.name] = True
    problems = verified(lock_of(wheel_entry(index, demo, sha256=None)), index_urls=index.url)
    assert codes(problems) == [("demo", "hash-missing"), ("demo", "yanked")]


@pytest.mark.parametrize(
    ("yanked", "words"), [("it is broken", ": it is broken."), (True, f"{'/simple'}.")]
)
def test_yanked_is_advice(yanked: str | bool, words: str, index: IndexServer, demo: Path) -> None:
    index.yanked["demo==1.0"] = yanked
    problems = verified(lock_of(wheel_entry(index, demo)), index_urls=index.url)
    assert only(problems, "yanked").message.endswith(words)
    assert definite(problems) == []


@pytest.mark.parametrize("json_page", [True, False])
@pytest.mark.parametrize(
    "status", ["archived", "deprecated", "quarantined", "active", "unheard-of"]
)
def test_the_status_of_a_project(
    status: str, json_page: bool, index: IndexServer, demo: Path
) -> None:
    index.json = json_page
    index.statuses["demo"] = (status, "because & so")
    problems = verified(lock_of(wheel_entry(index, demo)), index_urls=index.url)
    if status in ("active", "unheard-of"):
        assert codes(problems) == []
        return
    assert "because & so" in only(problems, status).message
    # The index takes the file off the page, and may still serve it.
    also = [("demo", "unlisted")] if status == "quarantined" else []
    assert codes(problems) == [("demo", status), *also]
    assert definite(problems) == ([("demo", status)] if status == "quarantined" else [])


def test_what_another_index_says_of_its_own_project_does_not_matter(
    index: IndexServer, other_index: IndexServer, demo: Path
) -> None:
    build_wheel(other_index.folder, "demo", "2.0")
    other_index.statuses["demo"] = ("quarantined", "")
    assert (
        codes(verified(lock_of(wheel_entry(index, demo)), index_urls=[index.url, other_index.url]))
        == []
    )


def test_an_sdist_under_another_name(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    lock = lock_of(wheel_entry(index, wheel, file_name=index.file_url("demo-1.0.tar.gz")))
    assert ("demo", "sdist") in codes(verified(lock, index_urls=index.url))


# -- what no page lists


def test_a_removed_file(index: IndexServer, demo: Path) -> None:
    lock = lock_of(wheel_entry(index, demo))
    build_wheel(index.folder, "demo", "2.0")
    index.remove(demo.name)
    for urls in (index.url, ()):
        problems = verified(lock, index_urls=urls)
        assert codes(problems) == [("demo", "gone")]
        assert "404" in only(problems, "gone").message


def test_a_file_that_the_page_lists_and_nobody_has(index: IndexServer, demo: Path) -> None:
    lock = lock_of(wheel_entry(index, demo))
    index.core_metadata = "off"
    index.faults[f"/files/{demo.name}"] = Fault("status", status=404)
    assert codes(verified(lock, index_urls=index.url)) == [("demo", "gone")]


def test_an_unlisted_file_is_advice(
    index: IndexServer, other_index: IndexServer, demo: Path
) -> None:
    for urls in (other_index.url, ()):
        problems = verified(lock_of(wheel_entry(index, demo)), index_urls=urls)
        assert codes(problems) == [("demo", "unlisted")]
        assert definite(problems) == []
    assert index.wheel_downloads == 0


@pytest.mark.parametrize("status", [405, 501])
def test_a_server_that_knows_no_head(
    status: int, server: SiteServer, demo: Path, tmp_path: Path
) -> None:
    (tmp_path / "served" / demo.name).write_bytes(demo.read_bytes())
    answered = server.respond

    def respond(method: str, path: str, headers: Any) -> Any:
        reply = answered(method, path, headers)
        if method == "HEAD":
            reply.status = status
        return reply

    server.respond = respond  # type: ignore[method-assign]
    here = lock_entry(demo, f"{server.root}/full/{demo.name}", imports=["demo"])
    gone = {
        **here,
        "name": "gone",
        "file_name": f"{server.root}/full/gone-1.0-py3-none-any.whl",
        "imports": ["gone"],
    }
    assert codes(verified(lock_of(here, gone))) == [("demo", "unlisted"), ("gone", "gone")]


def test_the_same_file_on_a_mirror(
    index: IndexServer, other_index: IndexServer, demo: Path
) -> None:
    other_index.add(demo)
    lock = lock_of(wheel_entry(index, demo, imports=[]))
    assert codes(verified(lock, index_urls=other_index.url)) == [("demo", "no-imports")]
    other_index.yanked[demo.name] = "old"
    assert ("demo", "yanked") in codes(verified(lock, index_urls=other_index.url))
    # The lock's own URL has to work all the same.
    index.remove(demo.name)
    assert ("demo", "gone") in codes(verified(lock, index_urls=other_index.url))


def test_another_file_of_that_name_on_another_index(
    index: IndexServer, other_index: IndexServer, demo: Path
) -> None:
    repack(demo, other_index.folder)
    problems = verified(lock_of(wheel_entry(index, demo)), index_urls=other_index.url)
    assert codes(problems) == [("demo", "unlisted")]


# -- Pyodide's own files


@pytest.fixture
def cdn(server: SiteServer, tmp_path: Path) -> SiteServer:
    """A folder with two packages of a distribution, a shared library, and their lock."""
    folder = tmp_path / "served"
    entries = [
        lock_entry(build_wheel(folder, name, "1.0", requires=["unknown"]))
        for name in ("numpy", "pillow")
    ]
    (folder / "libz-1.0.zip").write_bytes(b"zip")
    entries.append(
        entry("libz", file_name="libz-1.0.zip", package_type="shared_library", imports=[])
    )
    (folder / "pyodide-lock.json").write_text(json.dumps(base_document(*entries)))
    return server


def placed(cdn: SiteServer, *names: str) -> list[dict[str, Any]]:
    """Entries of the distribution with absolute names."""
    entries = json.loads((cdn.folders["/full/"] / "pyodide-lock.json").read_bytes())["packages"]
    return [
        {**entries[name], "file_name": f"{cdn.root}/full/{entries[name]['file_name']}"}
        for name in names
    ]


def test_a_distribution_is_compared_with_its_own_lock(cdn: SiteServer, index: IndexServer) -> None:
    entries = placed(cdn, "numpy", "pillow", "libz")
    assert codes(verified(lock_of(*entries), index_urls=index.url)) == []
    assert cdn.paths() == ["/full/pyodide-lock.json"]
    assert index.requests == []  # no index has such files, and its pages are heavy
    entries[0]["sha256"] = ZEROS
    problems = verified(lock_of(*entries), index_urls=index.url)
    assert codes(problems) == [("numpy", "hash-conflict")]
    assert "the pyodide-lock.json beside it" in only(problems, "hash-conflict").message


def test_a_single_file_of_a_distribution(cdn: SiteServer, index: IndexServer) -> None:
    assert codes(verified(lock_of(*placed(cdn, "numpy")), index_urls=index.url)) == []
    assert index.paths() == ["/simple/numpy/"]


def test_a_file_that_is_not_in_the_lock_beside_it(cdn: SiteServer, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "served", "demo", "1.0")
    lock = lock_of(
        *placed(cdn, "numpy"), lock_entry(wheel, f"{cdn.root}/full/{wheel.name}", imports=["demo"])
    )
    assert codes(verified(lock)) == [("demo", "unlisted")]


@pytest.mark.parametrize(
    "fault", [Fault("body", body=b"{}"), Fault("status", status=403), Fault("html")]
)
def test_what_is_no_lock_beside_the_files_says_nothing(fault: Fault, cdn: SiteServer) -> None:
    cdn.faults["/full/pyodide-lock.json"] = fault
    problems = verified(lock_of(*placed(cdn, "numpy", "pillow")))
    advice = ("imports-empty", "unlisted")
    assert codes(problems) == [(name, code) for name in ("numpy", "pillow") for code in advice]


def test_a_lock_beside_the_files_that_cannot_be_read_now(cdn: SiteServer) -> None:
    cdn.faults["/full/pyodide-lock.json"] = Fault("status", status=500)
    problems = verified(lock_of(*placed(cdn, "numpy", "pillow")))
    assert definite(problems) == [("pyodide", "unreachable")]
    assert "for 2 packages (numpy, pillow)" in only(problems, "unreachable").message


# -- silence


def entries_of(index: IndexServer, count: int) -> list[dict[str, Any]]:
    return [
        wheel_entry(index, build_wheel(index.folder, f"demo{number:03}", "1.0"))
        for number in range(count)
    ]


@pytest.mark.parametrize(
    "fault", [Fault("reset"), Fault("hang"), Fault("status", status=503), Fault("broken-json")]
)
def test_a_silent_index_is_told_once(fault: Fault, index: IndexServer) -> None:
    lock = lock_of(*entries_of(index, 6))
    index.faults["/simple/"] = fault
    problems = verified(lock, index_urls=index.url, fetching={"idle": 0.2})
    problem = only(problems, "unreachable")
    assert codes(problems) == [("pyodide", "unreachable")]
    assert "6 packages (demo000, demo001, demo002 and 3 more)" in problem.message
    assert problem.url == index.root


def test_a_host_that_never_answers_is_given_up(index: IndexServer) -> None:
    lock = lock_of(*entries_of(index, 20))
    index.faults["/"] = Fault("reset")
    problems = verified(lock, index_urls=index.url, fetching={"jobs": 1})
    assert "20 packages" in only(problems, "unreachable").message
    assert codes(problems) == [("pyodide", "unreachable")]
    assert len(index.requests) == 3  # tries of one and the same request


def test_a_host_that_answers_is_not_given_up_for_some_files(index: IndexServer) -> None:
    lock = lock_of(*entries_of(index, 8))
    for number in range(0, 8, 2):
        index.faults[f"/simple/demo{number:03}/"] = Fault("reset")
    problems = verified(lock, index_urls=index.url, fetching={"jobs": 1})
    assert (
        "4 packages (demo000, demo002, demo004 and 1 more)" in only(problems, "unreachable").message
    )


def test_one_package_is_told_by_its_own_name(index: IndexServer, demo: Path) -> None:
    lock = lock_of(wheel_entry(index, demo))
    index.faults["/simple/"] = Fault("status", status=401)
    problems = verified(lock, index_urls=index.url)
    assert codes(problems) == [("demo", "not-allowed")]
    assert only(problems, "not-allowed").url == f"{index.url}/demo/"


def test_a_silent_index_does_not_hide_a_file_that_is_gone(
    index: IndexServer, other_index: IndexServer
) -> None:
    lock = lock_of(*entries_of(other_index, 2))
    other_index.remove("demo001-1.0-py3-none-any.whl")
    index.faults["/simple/"] = Fault("reset")
    problems = verified(lock, index_urls=index.url)
    assert codes(problems) == [("demo001", "gone"), ("pyodide", "unreachable")]


def test_an_index_that_is_not_configured_is_not_asked(index: IndexServer, demo: Path) -> None:
    assert codes(verified(lock_of(wheel_entry(index, demo)), index_urls=[])) == [
        ("demo", "unlisted")
    ]
    assert not any(path.startswith("/simple") for path in index.paths())


def test_indexes_are_those_of_pip(
    index: IndexServer, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    lock = lock_of(wheel_entry(index, demo))
    assert codes(verified(lock, index_urls=None)) == []
    # A live runtime may not have been asked yet; a venv was, and has none.
    assert (
        codes(verified(lock, index_urls=None, surroundings=Surroundings(paths=(), loaded={}))) == []
    )
    assert codes(verified(lock, index_urls=None, surroundings=Surroundings(paths=()))) == [
        ("demo", "unlisted")
    ]
    around = Surroundings(paths=(), loaded={}, index_urls=(f"{index.root}/none",))
    assert codes(verified(lock, index_urls=None, surroundings=around)) == [("demo", "unlisted")]


def test_secrets_are_never_shown(index: IndexServer, demo: Path) -> None:
    for changed in ("//user:s3cret@", "//user@"):
        file_name = index.file_url(demo.name).replace("//", changed)
        problems = verified(
            lock_of(wheel_entry(index, demo, file_name=file_name)), index_urls=index.url
        )
        assert codes(problems) == [("demo", "credentials")]
    file_name = f"{index.file_url(demo.name)}?token=s3cret"
    index.yanked[demo.name] = True
    problems = verified(
        lock_of(wheel_entry(index, demo, file_name=file_name)), index_urls=index.url
    )
    assert codes(problems) == [("demo", "query-needed"), ("demo", "yanked")]
    lock = lock_of(wheel_entry(index, demo))
    index.remove(demo.name)
    index.auth = ("user", "s3cret")
    problems = verified(lock, index_urls=index.url_with_password)
    assert codes(problems) == [("demo", "gone")]
    assert "s3cret" not in str(problems)


# -- depends and METADATA


def package(index: IndexServer, name: str, version: str = "1.0", **options: Any) -> dict[str, Any]:
    """Build a wheel and give its entry;

    ``depends`` and ``imports`` go into the entry, the rest into the wheel.
    """
    said = {key: options.pop(key) for key in ("depends", "imports") if key in options}
    return wheel_entry(index, build_wheel(index.folder, name, version, **options), **said)


def depends_problems(
    index: IndexServer, *entries: dict[str, Any], **options: Any
) -> list[tuple[str, str]]:
    return codes(verified(lock_of(*entries), index_urls=index.url, **options))


def test_a_requirement_that_is_not_in_the_lock(index: IndexServer) -> None:
    demo = package(
        index,
        "demo",
        requires=["lib>=1; sys_platform == 'emscripten'", "never; sys_platform == 'linux'"],
    )
    problems = verified(lock_of(demo), index_urls=index.url)
    assert codes(problems) == [("demo", "missing-dependency")]
    assert "lib>=1" in only(problems, "missing-dependency").message
    # Told once, though both the lock and METADATA say it.
    demo["depends"] = ["lib"]
    assert depends_problems(index, demo) == [("demo", "missing-dependency")]


def test_a_requirement_at_another_version(index: IndexServer) -> None:
    demo = package(index, "demo", requires=["lib>=2"], depends=["lib"])
    problems = verified(lock_of(demo, package(index, "lib")), index_urls=index.url)
    assert codes(problems) == [("demo", "conflicting-dependency")]
    assert "lib>=2" in str(problems) and "lib 1.0" in str(problems)


def test_a_requirement_that_is_not_loaded(index: IndexServer) -> None:
    demo = package(index, "demo", requires=["middle", "lib"], depends=["middle"])
    middle, lib = package(index, "middle"), package(index, "lib")
    assert depends_problems(index, demo, middle, lib) == [("demo", "lost-dependency")]
    # However far away: what counts is that it is loaded.
    middle["depends"] = ["lib"]
    assert depends_problems(index, demo, middle, lib) == []


def test_edges_that_no_metadata_asks_for_are_fine(index: IndexServer) -> None:
    assert (
        depends_problems(index, package(index, "demo", depends=["lib"]), package(index, "lib"))
        == []
    )


def test_extras_that_another_package_asks_for(index: IndexServer) -> None:
    top = package(index, "top", requires=["middle[more]"], depends=["middle"])
    extras = {
        "more": ["addition", "Middle[even-more]"],
        "even_more": ["second"],
        "other": ["third"],
    }
    middle = package(index, "middle", extras=extras)
    addition, second = package(index, "addition"), package(index, "second")
    assert (
        depends_problems(index, top, middle, addition, second) == [("top", "lost-dependency")] * 2
    )
    assert depends_problems(index, top, middle, addition) == [
        ("top", "lost-dependency"),
        ("top", "missing-dependency"),
    ]
    middle["depends"] = ["addition", "second"]
    assert depends_problems(index, top, middle, addition, second) == []
    # Loading middle alone promises nothing.
    middle["depends"], top["depends"] = [], ["middle", "addition", "second"]
    assert depends_problems(index, top, middle, addition, second) == []


def test_a_cycle_that_was_broken(index: IndexServer) -> None:
    a = package(index, "a", requires=["b"], depends=["b", "c"])
    b = package(index, "b", requires=["c"])
    c = package(index, "c", requires=["a"])
    assert depends_problems(index, a, b, c) == []
    # Nobody loads them all: something was lost.
    a["depends"] = ["b"]
    assert depends_problems(index, a, b, c) == [("b", "lost-dependency"), ("c", "lost-dependency")]


def test_a_marker_without_sense(index: IndexServer) -> None:
    demo = package(index, "demo", requires=["lib; python_version ~= 'four'"])
    assert depends_problems(index, demo) == [("demo", "broken-metadata")]


def test_a_lock_for_no_pyodide_is_not_judged_by_markers(index: IndexServer) -> None:
    lock = lock_of(package(index, "demo", requires=["lib"]), platform="linux_x86_64")
    assert codes(verified(lock, index_urls=index.url)) == [("pyodide", "schema")]


def test_a_sidecar_that_is_not_the_announced_one(index: IndexServer, demo: Path) -> None:
    index.overrides[demo.name] = {
        "core-metadata": {"sha256": ZEROS},
        "data-dist-info-metadata": False,
    }
    problems = verified(lock_of(wheel_entry(index, demo)), index_urls=index.url)
    assert codes(problems) == [("demo", "content-mismatch")]
    assert ZEROS in only(problems, "content-mismatch").message
    problems = verified(lock_of(wheel_entry(index, demo, imports=[])), index_urls=index.url)
    assert codes(problems) == [("demo", "content-mismatch"), ("demo", "no-imports")]


def test_a_sidecar_that_nobody_can_read(index: IndexServer, demo: Path) -> None:
    index.core_metadata = "true"
    index.sidecars[demo.name] = (
        b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: ???\n"
    )
    assert codes(verified(lock_of(wheel_entry(index, demo)), index_urls=index.url)) == [
        ("demo", "broken-metadata")
    ]


def test_a_server_without_ranges_is_advice(index: IndexServer) -> None:
    big = build_wheel(index.folder, "demo", "1.0", files={"demo.py": b"#" * 200_000}, stored=True)
    index.ranges, index.core_metadata = "no", "off"
    problems = verified(lock_of(wheel_entry(index, big, imports=[])), index_urls=index.url)
    assert codes(problems) == [("demo", "imports-empty"), ("demo", "no-ranges")]
    assert definite(problems) == []


# -- imports and RECORD


def test_imports_that_are_missing(index: IndexServer) -> None:
    files = {"richer/__init__.py": "", "richer/table.py": "", "single.py": ""}
    problems = verified(
        lock_of(package(index, "demo", files=files, imports=[])), index_urls=index.url
    )
    assert codes(problems) == [("demo", "no-imports")]
    assert "richer, single" in only(problems, "no-imports").message
    assert index.wheel_downloads == 0


def test_a_wheel_without_modules_claims_nothing(index: IndexServer) -> None:
    assert (
        depends_problems(index, package(index, "demo", files={"demo-data/x.txt": ""}, imports=[]))
        == []
    )


def test_modules_that_pyodide_leaves_where_they_are(index: IndexServer) -> None:
    demo = package(index, "demo", files={}, data={"purelib/demo.py": ""}, imports=[])
    assert depends_problems(index, demo) == [("demo", "layout")]


def test_what_is_known_is_not_asked_for_again(index: IndexServer, tmp_path: Path) -> None:
    lock = lock_of(package(index, "demo", imports=[]), package(index, "lib", imports=[]))
    facts = facts_in(tmp_path / "cache")
    try:
        first = verified(lock, index_urls=index.url, facts=facts)
        index.reset()
        assert verified(lock, index_urls=index.url, facts=facts) == first
        assert sorted(index.paths()) == [
            "/files/pyodide-lock.json",
            "/simple/demo/",
            "/simple/lib/",
        ]
        index.reset()
        verified(lock, index_urls=index.url, facts=facts, refresh=True)
        assert len(index.paths()) > 3
    finally:
        facts.close()
