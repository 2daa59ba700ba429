"""import_pylock: which pylocks become locks, that these boot, and everything that is said of the
others.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Pylock

from micropip_lock import (
    InputError,
    Lockfile,
    Problem,
    ResolveResult,
    UnlockableError,
    export,
    import_pylock,
)
from micropip_lock.environment import Surroundings
from micropip_lock.formats.pylock import parse_pylock, read_pylock, to_pylock
from micropip_lock.storage.facts import FactStore

from ...support import pylocks
from ...support.freezing import NATIVE, base_lock, entry, quick_fetcher, told
from ...support.index_server import Fault, IndexServer
from ...support.installed import PYODIDE_314
from ...support.node_pyodide import NodePyodide
from ...support.resolving import asked_twice, depends, resolved, versions
from ...support.runtimes import emptied_base, localise, lock_entry, real_wheels
from ...support.wheels import build_sdist, build_wheel, sha256, wrong_size

LINUX = "cp314-cp314-manylinux_2_28_x86_64"
BASE = "314.0.7"
WRONG = "ab" * 32


def imported(
    pylock: Pylock,
    *,
    base: Lockfile | str | Path | None = None,
    index_urls: str | Sequence[str] | None = (),
    fetching: Mapping[str, Any] | None = None,
    **options: Any,
) -> ResolveResult:
    """Import; without ``index_urls`` no index is asked. ``fetching`` are options of the fetcher."""

    async def run() -> ResolveResult:
        fetcher = quick_fetcher(**(fetching or {}))
        try:
            return await import_pylock(
                pylock, base=base or base_lock(), index_urls=index_urls, fetcher=fetcher, **options
            )
        finally:
            await fetcher.aclose()

    return asyncio.run(run())


def refused(pylock: Pylock, **options: Any) -> tuple[Problem, ...]:
    """The problems of a pylock that cannot be imported; each of them says what to do."""
    with pytest.raises(UnlockableError) as caught:
        imported(pylock, **options)
    for problem in caught.value.problems:
        assert len(problem.message) > 10 and len(problem.hint) > 10, problem
        assert "hunter2" not in str(problem) + str(problem.url)
    return caught.value.problems


def codes(pylock: Pylock, **options: Any) -> list[tuple[str, str]]:
    return [(problem.package, problem.code) for problem in refused(pylock, **options)]


def pylock(*packages: Mapping[str, Any], **extra: Any) -> Pylock:
    """A pylock of these packages."""
    document = {"lock-version": "1.0", "created-by": "test", "packages": packages, **extra}
    return Pylock.from_dict({key.replace("_", "-"): value for key, value in document.items()})


def package(index: IndexServer, *wheels: Path, **changes: Any) -> dict[str, Any]:
    """A package of a pylock, with wheels of the index."""
    name, version = wheels[0].name.split("-")[:2]
    files = [
        {"url": index.file_url(path.name), "hashes": {"sha256": sha256(path)}} for path in wheels
    ]
    found = {"name": name.replace("_", "-"), "version": version, "wheels": files}
    return {key: value for key, value in {**found, **changes}.items() if value is not None}


def one_wheel(
    index: IndexServer, name: str = "demo", version: str = "1.0", **options: Any
) -> dict[str, Any]:
    return package(index, build_wheel(index.folder, name, version, **options))


# -- what real tools write


@pytest.fixture(scope="module")
def wheels() -> Iterator[IndexServer]:
    """An index with a real native package, a real pure one, and some with extras and markers."""
    with IndexServer() as server:
        server.add_folder(real_wheels("cbor2", platform=PYODIDE_314))
        server.add_folder(real_wheels("resolvelib==1.2.1"))
        requires = [
            "lib>=1",
            "never; sys_platform != 'emscripten'",
            "only-here; sys_platform == 'emscripten'",
        ]
        build_wheel(server.folder, "demo", "1.0", requires=requires, extras={"more": ["addition"]})
        build_wheel(server.folder, "lib", "1.5", tag=LINUX)
        build_wheel(
            server.folder, "lib", "1.5", tag=NATIVE, files={"lib/__init__.py": "number = 5\n"}
        )
        build_sdist(server.folder, "lib", "1.5")
        for name in ("only-here", "addition", "never"):
            build_wheel(server.folder, name, "1.0")
        yield server


REQUIREMENTS = ("demo[more]", "cbor2", "resolvelib==1.2.1", "packaging")


@pytest.fixture(scope="module")
def base() -> Path:
    return emptied_base(BASE) / "pyodide-lock.json"


def test_lock_of_uv_boots(
    wheels: IndexServer, base: Path, tmp_path: Path, fresh_pyodide: Callable[..., NodePyodide]
) -> None:
    path = pylocks.uv_compile(tmp_path, *REQUIREMENTS[:3], index_url=wheels.url)
    wheels.reset()
    result = imported(read_pylock(path), base=base, index_urls=wheels.url)
    assert wheels.wheel_downloads == 0 and asked_twice(wheels) == []
    assert len(wheels.requests) == result.requests
    assert versions(result).keys() == {
        "demo",
        "lib",
        "only-here",
        "addition",
        "cbor2",
        "resolvelib",
    }
    assert depends(result)["demo"] == ("addition", "lib", "only-here")
    assert {item.claim for item in result.evidence} == {"pylock"}
    # The very lock that the requirements themselves give.
    other = resolved(*REQUIREMENTS[:3], base=base, index_urls=wheels.url).lockfile
    assert {**result.lockfile.to_dict(), "tool": 0} == {**other.to_dict(), "tool": 0}
    files = [
        wheels.folder,
        real_wheels("cbor2", platform=PYODIDE_314),
        real_wheels("resolvelib==1.2.1"),
    ]
    booted = fresh_pyodide(
        BASE, lock=localise(json.loads(result.to_json()), tmp_path / "lock", *files)
    )
    booted.load_packages_from_imports("import demo, cbor2, resolvelib")
    assert booted.run(
        "import demo, lib, addition, only_here, cbor2\nlib.number, cbor2.loads(cbor2.dumps([1]))"
    ) == [
        5,
        [1],
    ]


def test_uv_export_of_a_project(wheels: IndexServer, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "project"\nversion = "1"\nrequires-python = ">=3.12"\ndependencies = '
        '["demo"]\n'
        '[project.optional-dependencies]\nmore = ["addition"]\n[dependency-groups]\ndev = '
        '["resolvelib"]\n'
        '[build-system]\nrequires = []\nbuild-backend = "none"\nbackend-path = ["."]\n'
    )
    found = read_pylock(
        pylocks.uv_export(
            tmp_path, index_url=wheels.url, flags=["--no-emit-project", "--all-extras"]
        )
    )
    wheels.reset()
    result = imported(found, index_urls=None, surroundings=Surroundings(paths=(), base=base_lock()))
    assert set(versions(result)) == {"demo", "lib", "only-here", "addition", "resolvelib"}
    assert {item.index for item in result.evidence} == {
        wheels.url
    }  # uv says which index each is from
    assert not any(warning.code == "claimed-hash" for warning in result.warnings)
    whole = read_pylock(pylocks.uv_export(tmp_path, index_url=wheels.url))
    (problem,) = refused(whole)
    assert (problem.package, problem.code) == ("project", "editable")
    assert "uv export --no-emit-project" in problem.hint


def test_pip_lock(wheels: IndexServer, tmp_path: Path) -> None:
    direct = f"never @ {wheels.file_url('never-1.0-py3-none-any.whl')}"
    path = pylocks.pip_lock(tmp_path, "addition", "only-here", direct, index_url=wheels.url)
    result = imported(read_pylock(path), index_urls=wheels.url)
    assert versions(result) == {"addition": "1.0", "only-here": "1.0", "never": "1.0"}
    assert told(result.warnings) == []
    for name, locked in result.lockfile.packages.items():
        wheel = wheels.folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
        assert (locked.file_name, locked.sha256) == (wheels.file_url(wheel.name), sha256(wheel))


# -- selection


def test_markers_extras_and_groups(index: IndexServer) -> None:
    markers = {
        "always": None,
        "here": "sys_platform == 'emscripten'",
        "elsewhere": "sys_platform == 'linux'",
        "extra": "'more' in extras",
        "standard": "'standard' in dependency_groups",
        "dev": "'dev' in dependency_groups",
    }
    packages = [
        {**one_wheel(index, name), "marker": marker} for name, marker in markers.items() if marker
    ]
    lock = pylock(
        one_wheel(index, "always"),
        *packages,
        extras=["more"],
        dependency_groups=["dev"],
        default_groups=["standard"],
    )
    assert set(versions(imported(lock))) == {"always", "here", "standard"}
    assert set(versions(imported(lock, extras=["more"], groups=["dev"]))) == {
        "always",
        "here",
        "extra",
        "dev",
    }
    assert set(versions(imported(lock, groups=[]))) == {"always", "here"}
    with pytest.raises(InputError, match="no extra 'gone'; it has more"):
        imported(lock, extras=["gone"])
    with pytest.raises(InputError, match="no group 'gone'; it has dev, standard"):
        imported(lock, groups=["gone"])


def test_the_best_wheel(index: IndexServer) -> None:
    """The target's own tag before the general one, the highest build of it;

    and none of another machine.
    """
    files = [
        build_wheel(index.folder, "demo", "1.0", tag=tag) for tag in ("py3-none-any", LINUX, NATIVE)
    ]
    files += [
        build_wheel(index.folder, "demo", "1.0", tag=NATIVE, build=build) for build in ("9", "10")
    ]
    result = imported(pylock(package(index, *files)))
    assert result.lockfile.packages["demo"].file_name.endswith(f"demo-1.0-10-{NATIVE}.whl")
    result = imported(pylock(package(index, *files[:2])))
    assert result.lockfile.packages["demo"].file_name.endswith("demo-1.0-py3-none-any.whl")


def test_other_pythons_and_environments(index: IndexServer) -> None:
    demo = one_wheel(index)
    assert codes(pylock(demo, requires_python="<3.14")) == [("pyodide", "wrong-platform")]
    assert codes(pylock(demo, environments=["sys_platform == 'linux'"])) == [
        ("pyodide", "wrong-platform")
    ]
    fits = pylock(
        demo, requires_python=">=3.14", environments=["os_name == 'nt'", "python_version == '3.14'"]
    )
    assert versions(imported(fits)) == {"demo": "1.0"}
    assert codes(pylock({**demo, "requires-python": "<3.14"})) == [("demo", "no-matching-wheel")]
    assert codes(pylock(one_wheel(index, "old", requires_python="<3.14"))) == [
        ("old", "no-matching-wheel")
    ]


def test_nothing_is_selected(index: IndexServer) -> None:
    assert versions(imported(pylock())) == {}


# -- the base


def base_with(index: IndexServer, folder: Path) -> tuple[Lockfile, Path]:
    """A base with demo, which needs a library and six;

    its own build of demo, and the wheel of it.
    """
    own = build_wheel(folder, "demo", "1.0", files={"demo.py": "base = True\n"})
    library = entry("libdemo", file_name="libdemo-1.0.zip", package_type="shared_library")
    demo = lock_entry(own, index.add(own), imports=["demo"], depends=["libdemo", "six"])
    return base_lock(demo, library, entry("six")), own


def test_the_very_file_of_the_base(index: IndexServer, tmp_path: Path) -> None:
    """Wherever the pylock takes it from: the entry is the base's, with what it needs."""
    base, own = base_with(index, tmp_path)
    elsewhere = {
        "url": f"https://host.example/{own.name}",
        "hashes": {"sha256": sha256(own).upper()},
    }
    result = imported(pylock(package(index, own, wheels=[elsewhere])), base=base)
    assert versions(result) == {"demo": "1.0", "libdemo": "1.0", "six": "1.0"}
    assert result.lockfile.packages["demo"] == base.packages["demo"]
    assert [item.proof for item in result.evidence] == ["base"] * 3
    added = [warning.package for warning in result.warnings if warning.code == "added-by-base"]
    assert (added, result.requests) == (["libdemo", "six"], 0)


def test_the_pylocks_own_file_counts_beside_the_base(index: IndexServer, tmp_path: Path) -> None:
    base, own = base_with(index, tmp_path)
    six = one_wheel(index, "six", "1.0")
    result = imported(pylock(package(index, own), six), base=base)
    assert result.lockfile.packages["six"].sha256 == six["wheels"][0]["hashes"]["sha256"]
    assert result.lockfile.packages["demo"].depends == ("libdemo", "six")


def test_same_version_with_other_bytes_is_not_the_same(index: IndexServer, tmp_path: Path) -> None:
    base, own = base_with(index, tmp_path)
    other = build_wheel(index.folder, "demo", "1.0", tag=LINUX)
    (problem,) = refused(pylock(package(index, other)), base=base)
    assert problem.code == "no-matching-wheel"
    assert "The base has its own demo 1.0" in problem.hint and 'resolve "demo==1.0"' in problem.hint
    for url in (index.file_url(own.name), index.file_url(own.name).replace("/files/", "/./files/")):
        for hashes in ({"sha256": WRONG}, {"sha512": "0" * 128}):
            wrong = {"url": url, "hashes": hashes}
            assert codes(pylock(package(index, own, wheels=[wrong])), base=base) == [
                ("demo", "hash-conflict")
            ]


def test_the_version_of_the_pylock_counts_not_a_hash_of_the_base(
    index: IndexServer, tmp_path: Path
) -> None:
    base, own = base_with(index, tmp_path)
    newer = build_wheel(index.folder, "demo", "2.0")
    unfit = {"url": index.file_url(f"demo-2.0-{LINUX}.whl"), "hashes": {"sha256": sha256(own)}}
    selected = package(index, newer)
    result = imported(pylock({**selected, "wheels": [*selected["wheels"], unfit]}), base=base)
    assert result.lockfile.packages["demo"].version == "2.0"


# -- what cannot be locked


def test_every_reason_at_once(index: IndexServer) -> None:
    hashes = {"hashes": {"sha256": "0" * 64}}
    root = "https://host.example"
    source = {"url": f"{root}/source-1.0.tar.gz", **hashes}
    found = codes(
        pylock(
            {"name": "source", "version": "1.0", "sdist": source},
            {"name": "archive", "archive": {"url": f"{root}/x.zip", **hashes}},
            {
                "name": "git",
                "vcs": {"type": "git", "url": "https://u:hunter2@host.example/x", "commit-id": "1"},
            },
            {"name": "folder", "directory": {"path": "."}},
            {"name": "edited", "directory": {"path": ".", "editable": True}},
            {"name": "linux", "wheels": [{"url": f"{root}/linux-1.0-{LINUX}.whl", **hashes}]},
            {"name": "path", "wheels": [{"path": "/home/me/path-1.0-py3-none-any.whl", **hashes}]},
            {"name": "file", "wheels": [{"url": "file:///file-1.0-py3-none-any.whl", **hashes}]},
            {"name": "local", "archive": {"path": "local-1.0-py3-none-any.whl", **hashes}},
            {
                "name": "query",
                "wheels": [{"url": f"{root}/query-1.0-py3-none-any.whl?token=hunter2", **hashes}],
            },
            {
                "name": "gone",
                "wheels": [{"url": index.file_url("gone-1.0-py3-none-any.whl"), **hashes}],
            },
            {**one_wheel(index, "twice")},
            {**one_wheel(index, "twice", "2.0")},
            {**one_wheel(index, "marker"), "marker": "'a' in 'b'"},
            {**one_wheel(index, "needy", requires=["missing", "git", "twice>3"])},
            {**one_wheel(index, "spread", data={"purelib/spread.py": ""}, files={})},
            environments=["os_name == 'nt'"],
        )
    )
    assert found == [
        ("archive", "sdist"),
        ("edited", "editable"),
        ("file", "local-file"),
        ("folder", "local-directory"),
        ("git", "vcs"),
        ("gone", "gone"),
        ("linux", "no-matching-wheel"),
        ("local", "local-file"),
        ("marker", "broken-metadata"),
        ("needy", "missing-dependency"),
        ("path", "local-file"),
        ("pyodide", "wrong-platform"),
        ("query", "query-needed"),
        ("source", "sdist"),
        ("spread", "layout"),
        ("twice", "duplicate"),
    ]


def test_a_url_of_the_base_that_needs_its_query(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    name = "https://cdn.example/full/demo-1.0-py3-none-any.whl"
    lock = pylock(package(index, wheel))
    dropped = base_lock({**lock_entry(wheel), "file_name": f"{name}?sha256={sha256(wheel)}"})
    assert imported(lock, base=dropped).lockfile.packages["demo"].file_name == name
    needed = base_lock({**lock_entry(wheel), "file_name": f"{name}?key=hunter2"})
    assert codes(lock, base=needed) == [("demo", "query-needed")]


def test_dependencies_that_the_pylock_lacks(index: IndexServer) -> None:
    lock = pylock(one_wheel(index, requires=["missing", "lib>=2"]), one_wheel(index, "lib"))
    conflict, missing = refused(lock)
    assert conflict.message == "it needs lib>=2, but lib 1.0 is in the pylock."
    assert missing.message == "it needs missing, which the pylock does not have for this Pyodide."
    assert {conflict.hint, missing.hint} == {
        "Write the pylock anew for the Python of this Pyodide."
    }


@pytest.mark.parametrize(
    "marker",
    [
        "extras == 'x'",
        "dependency_groups > 'a'",
        "extras in 'x'",
        "python_version ~= '3'",
        "'a' in 'b'",
    ],
)
def test_hostile_markers(marker: str, index: IndexServer) -> None:
    assert codes(pylock({**one_wheel(index), "marker": marker})) == [("demo", "broken-metadata")]
    assert codes(pylock(one_wheel(index), environments=[marker])) == [("pyodide", "wrong-platform")]


@pytest.mark.parametrize(
    "url",
    [
        "http://[",
        "https://h:x/{}",
        "https://h/a b/{}",
        "https://h/\n{}",
        "//h/{}",
        "javascript:{}",
        "https:/{}",
    ],
)
def test_hostile_urls(url: str) -> None:
    wheel = {"name": "demo-1.0-py3-none-any.whl", "url": url.format("demo-1.0-py3-none-any.whl")}
    lock = pylock({"name": "demo", "wheels": [{**wheel, "hashes": {"sha256": "0" * 64}}]})
    assert codes(lock) == [("demo", "local-file")]


def test_url_of_another_version(index: IndexServer) -> None:
    """The name beside a URL is what the pylock says; the URL is what is loaded."""
    demo = one_wheel(index, version="2.0")
    demo["wheels"][0]["name"] = "demo-1.0-py3-none-any.whl"
    assert codes(pylock({**demo, "version": "1.0"})) == [("demo", "file-name")]


# -- hashes, and what servers say


def test_hashes_are_compared_with_the_index(index: IndexServer) -> None:
    demo = one_wheel(index)
    demo["wheels"][0]["hashes"] = {"sha256": "0" * 64}
    (problem,) = refused(pylock(demo), index_urls=index.url)
    assert (problem.code, problem.url) == (
        "hash-conflict",
        index.file_url("demo-1.0-py3-none-any.whl"),
    )
    assert "0" * 64 in problem.message and index.url in problem.message


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("claimed", ["right", "wrong"])
def test_one_url_with_two_hashes(
    claimed: str, order: int, index: IndexServer, other_index: IndexServer
) -> None:
    """On one page, on two indexes, or in the pylock alone:

    no order decides which of them counts.
    """
    demo = one_wheel(index)
    (wheel,) = demo["wheels"]
    url, digest = wheel["url"], wheel["hashes"]["sha256"]
    wheel["hashes"] = {"sha256": {"right": digest, "wrong": WRONG}[claimed]}
    other_index.list_hashes(url, WRONG)
    urls = [index.url, other_index.url][::order]
    assert codes(pylock(demo), index_urls=urls) == [("demo", "hash-conflict")]
    index.list_hashes(url, *[digest, WRONG][::order])
    assert codes(pylock(demo), index_urls=index.url) == [("demo", "hash-conflict")]
    twice = [{"url": url, "hashes": {"sha256": given}} for given in [digest, WRONG][::order]]
    assert codes(pylock({**demo, "wheels": twice})) == [("demo", "hash-conflict")]
    demo["wheels"][0]["hashes"] = {"sha512": "0" * 128}
    assert codes(pylock(demo), index_urls=index.url) == [("demo", "hash-conflict")]


@pytest.mark.parametrize("spelling", ["query", "dots", "scheme"])
def test_one_url_spelled_in_two_ways(spelling: str, index: IndexServer) -> None:
    demo = one_wheel(index)
    (wheel,) = demo["wheels"]
    url, digest = wheel["url"], wheel["hashes"]["sha256"]
    spelled = {
        "query": f"{url}?sha256={digest}",
        "dots": url.replace("/files/", "/./files/"),
        "scheme": url.replace("http:", "HTTP:"),
    }[spelling]
    index.list_hashes(spelled, digest)
    result = imported(pylock(demo), index_urls=index.url)
    assert (told(result.warnings), result.evidence[0].url, result.evidence[0].index) == (
        [],
        url,
        index.url,
    )
    wheel["hashes"] = {"sha256": WRONG}
    assert codes(pylock(demo), index_urls=index.url) == [("demo", "hash-conflict")]


def test_a_hash_that_only_the_pylock_gives(index: IndexServer, other_index: IndexServer) -> None:
    """It is locked, and said to be a claim, unless one of the indexes gives it for this very
    URL.
    """
    demo = one_wheel(index)

    def heard(*urls: str) -> tuple[list[tuple[str, str]], str]:
        result = imported(pylock(demo), index_urls=urls)
        return told(result.warnings), result.evidence[0].hash_from

    claimed = ([("demo", "claimed-hash")], "claim")
    assert heard(index.url) == ([], "index")
    assert heard(other_index.url, index.url) == ([], "index")  # it has no such project
    assert heard() == heard(other_index.url) == claimed
    other_index.list_hashes(other_index.file_url("demo-1.0-py3-none-any.whl"), WRONG)
    assert heard(other_index.url) == claimed  # its file is another one
    other_index.faults["/simple/"] = Fault("status", status=500)
    assert heard(other_index.url) == claimed
    assert heard(other_index.url, index.url) == heard(index.url, other_index.url) == ([], "index")
    index.hashes = "none"
    assert heard(index.url) == claimed
    (warning,) = (item for item in imported(pylock(demo)).warnings if item.code == "claimed-hash")
    assert "nothing but the pylock" in warning.message and "--index-url" in warning.hint


def test_an_exported_lock_comes_back_without_a_warning(index: IndexServer) -> None:
    wheels = [
        build_wheel(index.folder, "demo", "1.0", requires=["lib"]),
        build_wheel(index.folder, "lib", "1.0"),
    ]
    lock = resolved("demo", index_urls=index.url).lockfile
    exported = parse_pylock(to_pylock(export(lock)).encode())
    confirmed, claimed = imported(exported, index_urls=index.url), imported(exported)
    assert (confirmed.to_json(), told(confirmed.warnings)) == (lock.to_json(), [])
    assert (claimed.to_json(), len(told(claimed.warnings))) == (lock.to_json(), len(wheels))


def test_a_query_that_the_page_needs_is_of_another_file(index: IndexServer) -> None:
    demo = one_wheel(index)
    index.list_hashes(f"{demo['wheels'][0]['url']}?token=hunter2", WRONG)
    result = imported(pylock(demo), index_urls=index.url)
    assert told(result.warnings) == [("demo", "claimed-hash")]
    assert "hunter2" not in result.to_json() + repr(result.evidence) + repr(result.warnings)


def test_hashes_that_pyodide_does_not_know(index: IndexServer) -> None:
    """sha256 comes from the index then; whoever has none cannot be locked."""
    demo = one_wheel(index)
    wheel = index.folder / "demo-1.0-py3-none-any.whl"
    demo["wheels"][0]["hashes"] = {"sha512": hashlib.sha512(wheel.read_bytes()).hexdigest()}
    assert imported(pylock(demo), index_urls=index.url).lockfile.packages["demo"].sha256 == sha256(
        wheel
    )
    assert codes(pylock(demo)) == [("demo", "hash-missing")]
    demo["wheels"][0]["hashes"] = {"sha256": "nonsense"}
    assert codes(pylock(demo)) == [("demo", "hash-missing")]


def test_sidecars_are_compared_with_the_index(index: IndexServer) -> None:
    demo = one_wheel(index)
    index.sidecars["demo-1.0-py3-none-any.whl"] = b"Name: demo\nVersion: 1.0\n\n"
    index.overrides["demo-1.0-py3-none-any.whl"] = {"core-metadata": {"sha256": "0" * 64}}
    assert codes(pylock(demo), index_urls=index.url) == [("demo", "content-mismatch")]


def test_wheel_of_something_else(index: IndexServer) -> None:
    other = build_wheel(index.folder, "other", "1.0")
    wheel = other.rename(index.folder / "demo-1.0-py3-none-any.whl")
    assert codes(pylock(package(index, wheel))) == [("demo", "content-mismatch")]


def test_no_ranges(index: IndexServer) -> None:
    demo = one_wheel(index, files={"demo.dat": bytes(range(256)) * 2000}, stored=True)
    index.ranges = "no"
    assert codes(pylock(demo)) == [("demo", "no-ranges")]


@pytest.mark.parametrize(
    ("fault", "code"),
    [(Fault("status", status=500), "unreachable"), (Fault("status", status=403), "not-allowed")],
    ids=["500", "403"],
)
def test_servers_that_do_not_answer(fault: Fault, code: str, index: IndexServer) -> None:
    lock = pylock(one_wheel(index), one_wheel(index, "lib"))
    index.faults["/simple/"] = fault  # its silence is no objection
    result = imported(lock, index_urls=index.url)
    assert told(result.warnings) == [("demo", "claimed-hash"), ("lib", "claimed-hash")]
    index.faults["/files/"] = fault
    assert codes(lock, index_urls=index.url) == [("demo", code), ("lib", code)]


def test_yanked(index: IndexServer) -> None:
    lock = pylock(one_wheel(index))
    index.yanked["demo-1.0-py3-none-any.whl"] = "broken"
    result = imported(lock, index_urls=index.url)
    assert told(result.warnings) == [("demo", "yanked")]
    assert "broken" in result.warnings[-1].message


def test_wheel_whose_own_record_is_wrong(index: IndexServer) -> None:
    result = imported(pylock(one_wheel(index, record=wrong_size)), index_urls=index.url)
    assert told(result.warnings) == [("demo", "wheel-record-wrong")]


def test_the_index_of_the_pylock_is_asked(index: IndexServer, other_index: IndexServer) -> None:
    lock = pylock({**one_wheel(index), "index": index.url})
    around = Surroundings(paths=(), base=base_lock(), index_urls=(other_index.url,))
    result = imported(lock, index_urls=None, surroundings=around)
    assert [item.index for item in result.evidence] == [index.url]
    assert other_index.requests == []
    index.reset()
    imported(lock, index_urls=other_index.url)  # who names one means it
    assert other_index.paths() == ["/simple/demo/"]
    assert "/simple/demo/" not in index.paths()


def test_credentials_are_those_of_the_configuration(index: IndexServer) -> None:
    """The pylock has none; those of its index come from where pip and uv have them.

    None are written or shown.
    """
    lock = pylock({**one_wheel(index), "index": index.url})
    index.auth = ("user", "hunter2")
    around = Surroundings(paths=(), base=base_lock(), index_urls=(index.url_with_password,))
    result = imported(lock, index_urls=None, surroundings=around)
    assert [item.index for item in result.evidence] == [index.url]
    assert "hunter2" not in result.to_json() + repr(result.evidence) + repr(result.warnings)
    assert codes(lock) == [("demo", "not-allowed")]


def test_credentials_in_a_pylock_are_used_and_kept_secret(index: IndexServer) -> None:
    demo = one_wheel(index)
    index.auth = ("user", "hunter2")
    demo["wheels"][0]["url"] = demo["wheels"][0]["url"].replace("//", "//user:hunter2@")
    result = imported(pylock(demo))
    assert result.lockfile.packages["demo"].file_name == index.file_url("demo-1.0-py3-none-any.whl")
    assert "hunter2" not in result.to_json() + repr(result.evidence) + repr(result.warnings)
    demo["wheels"][0]["url"] = demo["wheels"][0]["url"].replace("user:", "nobody:")
    assert codes(pylock(demo)) == [("demo", "not-allowed")]


def test_extras_are_guessed(index: IndexServer) -> None:
    lock = pylock(one_wheel(index, extras={"more": ["lib"]}), one_wheel(index, "lib"))
    result = imported(lock)
    assert depends(result)["demo"] == ("lib",)
    (guessed,) = (warning for warning in result.warnings if warning.code == "extra-guessed")
    assert "does not say which extras" in guessed.hint


def test_what_nobody_needs_was_asked_for(index: IndexServer) -> None:
    lock = pylock(
        one_wheel(index, requires=["lib"]), one_wheel(index, "lib"), one_wheel(index, "tool")
    )
    result = imported(lock, base=base_lock(tool={}))
    assert result.lockfile.extra["tool"]["micropip-lock"]["requested"] == ["demo", "tool"]


def test_progress_and_offline(index: IndexServer) -> None:
    lock = pylock(one_wheel(index), one_wheel(index, "lib"))
    steps: list[tuple[int, int]] = []
    imported(lock, progress=lambda done, total, name: steps.append((done, total)))
    assert steps == [(1, 2), (2, 2)]
    index.reset()
    assert codes(lock, offline=True) == [("demo", "unreachable"), ("lib", "unreachable")]
    assert index.requests == []


def test_offline_with_what_is_known(index: IndexServer, tmp_path: Path) -> None:
    lock, facts = pylock(one_wheel(index)), FactStore(tmp_path)
    first = imported(lock, index_urls=index.url, facts=facts)
    index.reset()
    again = imported(lock, index_urls=index.url, facts=facts, offline=True)
    assert (told(first.warnings), told(again.warnings)) == ([], [("demo", "claimed-hash")])
    assert (again.to_json(), index.requests) == (first.to_json(), [])
