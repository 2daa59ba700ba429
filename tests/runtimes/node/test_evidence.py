"""Rules 1 to 3 of the evidence in live runtimes: what counts as proof, and what does not."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.inside import freeze, problems, unlockable, unpack
from tests.support.installed import PLATFORMS, pip_target
from tests.support.node_pyodide import NodePyodide
from tests.support.replies import Fault
from tests.support.session import PyodideError, PyodideSession
from tests.support.wheels import build_wheel, repack, sha256, write_zip

SITE = "/lib/python3.14/site-packages"
CDN = "https://cdn.example/custom/"


@pytest.fixture(scope="module")
def custom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodePyodide]:
    """A runtime that booted from a lock of its own, with a shared library and names that are not
    canonical.
    """
    folder = tmp_path_factory.mktemp("custom")
    app = build_wheel(folder, "App", "1.0", requires=["unknown-to-the-lock>=7"])
    helper = build_wheel(folder, "Under_Score", "2.0")
    plain = build_wheel(folder, "plain", "1.0", requires=["under-score"])
    library = folder / "lib_shared-3.0.zip"
    write_zip(library, {"share/shared.txt": b"no code at all"})
    packages: dict[str, Any] = {
        "app": {
            **runtimes.lock_entry(app, imports=["app"], depends=["Under_Score"]),
            "name": "App",
        },
        "under-score": {
            **runtimes.lock_entry(helper, imports=["under_score"], depends=["lib-shared"]),
            "name": "Under_Score",
            "tool": {"kept": True},
        },
        "plain": runtimes.lock_entry(plain, imports=["plain"], depends=["under-score"]),
        "lib-shared": {
            **runtimes.lock_entry(library),
            "name": "lib_shared",
            "version": "3.0",
            "install_dir": "dynlib",
            "package_type": "shared_library",
        },
    }
    base = runtimes.emptied_base(runtimes.VERSIONS[-1])
    lock = runtimes.read_json(base / "pyodide-lock.json")
    for wheel in base.glob("*.whl"):
        (folder / wheel.name).write_bytes(wheel.read_bytes())
    lock["packages"] |= packages
    runtimes.write_json(folder / "pyodide-lock.json", lock)
    with NodePyodide(lock=folder / "pyodide-lock.json") as session:
        session.use_project()
        yield session


@pytest.fixture
def live(custom: NodePyodide) -> NodePyodide:
    """The same as it was after the boot, with packaging."""
    custom.reset()
    custom.load_packages(["packaging"])
    return custom


def lock_of(session: PyodideSession) -> dict[str, Any]:
    """The lock that a runtime booted from."""
    lock: dict[str, Any] = session.run(
        "import js, json, pyodide_js; json.loads(js.JSON.stringify(pyodide_js._api.lockfile))"
    )
    return lock


def claims(session: PyodideSession, dist_info: str, **files: str) -> None:
    """Overwrite files of an installed .dist-info."""
    for name, text in files.items():
        session.write(f"{SITE}/{dist_info}.dist-info/{name}", text.encode())


# -- rule 1: the base


def test_base_packages_and_what_they_depend_on(live: NodePyodide) -> None:
    live.load_packages(["app"])
    assert not any("shared" in name for name in live.run(f"import os; os.listdir({SITE!r})"))
    frozen = freeze(live)
    entries = lock_of(live)["packages"]
    assert set(frozen.packages) == {"app", "under-score", "lib-shared", "packaging"}
    assert frozen.proofs == dict.fromkeys(frozen.packages, ("base", "base"))
    assert frozen.entry("app") == {**entries["app"], "depends": ["under-score"]}
    for name in ("under-score", "lib-shared"):
        assert frozen.entry(name) == entries[name]
    placed = freeze(live, base_url=CDN)
    assert {entry["file_name"] for entry in placed.packages.values()} == {
        CDN + entries[name]["file_name"] for name in placed.packages
    }
    assert placed.warnings == []


def test_base_of_another_version(live: NodePyodide) -> None:
    live.load_packages(["app"])
    lock = lock_of(live)
    lock["packages"]["app"]["version"] = "1.1"
    del lock["packages"]["packaging"]
    live.write("/tmp/other/pyodide-lock.json", json.dumps(lock).encode())
    assert problems(live, base="/tmp/other/pyodide-lock.json") == {
        "app": "base-mismatch",
        "packaging": "base-mismatch",
    }


def test_whole_distribution(live: NodePyodide, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["app"])
    live.load_packages(["app"])
    live.install("demo", index_url=index.url)
    frozen = freeze(live, include="distribution", exclude=["packaging"])
    assert set(frozen.packages) == {"app", "under-score", "lib-shared", "plain", "micropip", "demo"}
    assert frozen.entry("demo")["depends"] == ["app"]
    assert frozen.entry("demo")["sha256"] == sha256(wheel)
    assert frozen.left_out == ["packaging"]


def test_a_package_of_the_base_replaced_by_micropip(live: NodePyodide, index: IndexServer) -> None:
    build_wheel(index.folder, "needs", "1.0", requires=["plain"])
    newer = build_wheel(index.folder, "plain", "9.0", requires=["app"])
    live.install("plain==9.0", "needs", index_url=index.url)
    live.load_packages(["app"])
    frozen = freeze(live)
    assert (frozen.entry("plain")["version"], frozen.entry("plain")["sha256"]) == (
        "9.0",
        sha256(newer),
    )
    assert (frozen.entry("plain")["depends"], frozen.entry("needs")["depends"]) == (
        ["app"],
        ["plain"],
    )
    assert freeze(live, include="distribution").entry("plain") == frozen.entry("plain")


def test_a_base_package_loaded_on_top_of_another_version(
    live: NodePyodide, index: IndexServer
) -> None:
    build_wheel(index.folder, "under_score", "9.0")
    live.install("under_score==9.0", index_url=index.url)
    live.load_packages(["app"])  # spells it otherwise, so the runtime does not see that it is there
    assert problems(live) == {"under-score": "duplicate"}


def test_copied_marks_of_the_base_prove_nothing(live: NodePyodide, index: IndexServer) -> None:
    marks = {"INSTALLER": "pyodide.loadPackage", "PYODIDE_SOURCE": "pyodide"}
    unpack(
        live,
        build_wheel(
            index.folder, "App", "1.0", files={"app.py": "evil = 1\n"}, dist_info_files=marks
        ),
    )
    honest = index.folder / "honest"
    build_wheel(honest, "App", "1.0")
    index.remove("app-1.0-py3-none-any.whl")
    index.add_folder(honest)
    assert problems(live, index_urls=index.url) == {"app": "content-mismatch"}


# -- rule 2: what the runtime saw micropip install


def test_hash_query_of_piplite_is_dropped(live: NodePyodide, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    url = index.file_url(wheel.name)
    live.install(f"{url}?sha256={sha256(wheel)}", index_url=index.url)
    index.reset()
    frozen = freeze(live)
    assert frozen.entry("demo")["file_name"] == url
    assert frozen.proofs["demo"] == ("micropip", "installer")
    assert index.requests == []


def test_hash_query_of_another_hash_has_to_be_proved(live: NodePyodide, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    live.install(f"{index.file_url(wheel.name)}?sha256={'0' * 64}", index_url=index.url)
    # The hash belongs to the URL with the query; nothing gives that of the URL without it.
    assert unlockable(live).codes == {"demo": "query-needed"}


def test_token_in_a_query(live: NodePyodide, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    live.install(f"{index.file_url(wheel.name)}?token=s3cret", index_url=index.url)
    index.faults["/files/"] = Fault("status", status=404)
    error = unlockable(live)
    assert error.codes == {"demo": "query-needed"}
    assert "s3cret" not in json.dumps(error.problems)


def test_credentials_are_never_written(live: NodePyodide, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    url = index.file_url(wheel.name)
    live.install("demo", index_url=index.url)
    claims(live, "demo-1.0", PYODIDE_URL=url.replace("//", "//user:s3cret@") + "#s3cret")
    frozen = freeze(live)
    assert frozen.entry("demo")["file_name"] == url
    assert "s3cret" not in f"{frozen.text}{frozen.evidence}{frozen.warnings}"


def test_hash_that_is_none_has_to_be_found(live: NodePyodide, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    live.install("demo", index_url=index.url)
    claims(live, "demo-1.0", PYODIDE_SHA256="")
    frozen = freeze(live, index_urls=index.url)
    assert frozen.entry("demo")["sha256"] == sha256(wheel)
    assert frozen.proofs["demo"] == ("micropip", "content")


# -- rule 3: a claim, and the contents of what it names


def test_load_package_from_a_url(pyodide: NodePyodide, index: IndexServer) -> None:
    files = {f"demo/module_{number}.py": f"value = {number}\n" * 200 for number in range(40)}
    wheel = build_wheel(
        index.folder, "demo", "1.0", files={**files, "demo/__init__.py": ""}, stored=True
    )
    url = index.file_url(wheel.name)
    pyodide.load_packages([url])
    index.reset()
    frozen = freeze(pyodide, index_urls=index.url)
    assert frozen.entry("demo")["file_name"] == url
    assert frozen.entry("demo")["sha256"] == sha256(wheel)
    assert frozen.proofs["demo"] == ("pyodide-source", "content")
    assert frozen.evidence["demo"]["size"] == wheel.stat().st_size
    # Ranges of the wheel, and the page that has its hash.
    assert index.wheel_downloads == 0
    assert {request.path for request in index.requests} == {"/simple/demo/", f"/files/{wheel.name}"}
    assert frozen.totals["requests"] == len(index.requests)
    assert frozen.totals["bytes"] < wheel.stat().st_size / 2
    assert frozen.totals["wheel_bytes"] >= wheel.stat().st_size


def test_nobody_gives_the_hash(live: NodePyodide, index: IndexServer) -> None:
    elsewhere = index.folder / "elsewhere"
    wheel = build_wheel(elsewhere, "demo", "1.0")
    with IndexServer(elsewhere) as files:
        live.load_packages([files.file_url(wheel.name)])
        assert problems(live, index_urls=index.url) == {"demo": "hash-missing"}
        frozen = freeze(live, index_urls=index.url, download=True)
        assert frozen.entry("demo")["sha256"] == sha256(wheel)
        assert frozen.proofs["demo"] == ("pyodide-source", "download")


def test_indexes_are_those_of_micropip(
    live: NodePyodide, index: IndexServer, tmp_path: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    live.load_packages([index.file_url(wheel.name), "micropip"])
    set_urls = (
        "import micropip\nbefore = "
        "micropip._package_manager_singleton.index_urls\nmicropip.set_index_urls({})"
    )
    live.run(set_urls.format(repr([index.url])))
    pip_target(tmp_path, "demo", index_url=index.url, platform=None)
    live.mount(tmp_path, "/mnt/site")
    live.write("/tmp/base/pyodide-lock.json", json.dumps(lock_of(live)).encode())
    try:
        frozen = freeze(live)
        folder = freeze(live, path="/mnt/site")
        based = freeze(live, path="/mnt/site", base="/tmp/base/pyodide-lock.json")
        assert problems(live, index_urls=[]) == {"demo": "hash-missing"}
        assert problems(live, path="/mnt/site", index_urls=[]) == {"demo": "no-such-project"}
    finally:
        live.run("micropip.set_index_urls(before)")
    assert frozen.entry("demo")["sha256"] == sha256(wheel)
    assert folder.entry("demo") == based.entry("demo") == frozen.entry("demo")


def test_micropip_is_imported_when_it_is_needed(
    live: NodePyodide, index: IndexServer, tmp_path: Path
) -> None:
    build_wheel(index.folder, "demo", "1.0")
    pip_target(tmp_path, "demo", index_url=index.url, platform=None)
    live.mount(tmp_path, "/mnt/site")
    live.load_packages(["micropip"])
    # Its default index would be asked, if one might.
    assert problems(live, path="/mnt/site", offline=True) == {"demo": "unreachable"}


def test_without_an_event_loop(
    node314: NodePyodide, pyodide314_jspi: NodePyodide, index: IndexServer
) -> None:
    """A synchronous freeze that needs the network:

    where stacks can be switched, and where they cannot.
    """
    wheel = build_wheel(index.folder, "demo", "1.0")
    code = f"import micropip_lock; micropip_lock.freeze_sync(index_urls={index.url!r}).to_json()"
    for session in (node314, pyodide314_jspi):
        session.load_packages(["packaging", index.file_url(wheel.name)])
    assert pyodide314_jspi.run(code) == freeze(pyodide314_jspi, index_urls=index.url).text
    with pytest.raises(PyodideError, match=r"await micropip_lock\.freeze\(\)"):
        node314.run(code)


def test_the_wheel_at_the_url_was_replaced(live: NodePyodide, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    live.load_packages([index.file_url(wheel.name)])
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "other = 1\n"})
    assert problems(live, index_urls=index.url) == {"demo": "content-mismatch"}


FORGED_INSTALLERS = ["micropip", "pyodide.loadPackage", "pip"]


@pytest.mark.parametrize("installer", FORGED_INSTALLERS)
def test_forged_claim(live: NodePyodide, index: IndexServer, installer: str) -> None:
    url = index.file_url("demo-1.0-py3-none-any.whl")
    marks = {
        "INSTALLER": installer,
        "PYODIDE_URL": url,
        "PYODIDE_SHA256": "0" * 64,
        "PYODIDE_SOURCE": "pypi",
    }
    wheel = build_wheel(index.folder, "demo", "1.0", dist_info_files=marks)
    unpack(live, wheel)
    error = unlockable(live, index_urls=index.url)
    assert error.codes == {
        "demo": "hash-conflict"
    }  # with the page, which knows the wheel's real hash
    error = unlockable(live, index_urls=[])
    assert error.codes == {"demo": "forged-claim"}


def test_forged_claim_of_an_honest_wheel(live: NodePyodide, index: IndexServer) -> None:
    honest = build_wheel(index.folder, "demo", "1.0")
    url = index.file_url(honest.name)
    marks = {"INSTALLER": "micropip", "PYODIDE_URL": url, "PYODIDE_SHA256": sha256(honest)}
    evil = build_wheel(
        index.folder / "evil", "demo", "1.0", files={"demo.py": "evil = 1\n"}, dist_info_files=marks
    )
    unpack(live, evil)
    assert problems(live, index_urls=index.url) == {"demo": "content-mismatch"}
    live.reset()
    live.load_packages(["packaging"])
    # The same contents as the honest wheel's, and its marks: then it *is* the honest wheel.
    same = build_wheel(index.folder / "same", "demo", "1.0", dist_info_files=marks)
    unpack(live, same)
    frozen = freeze(live, index_urls=index.url)
    assert frozen.proofs["demo"] == ("micropip", "content")
    assert frozen.entry("demo")["sha256"] == sha256(honest)


def test_micropip_overwrites_forged_marks(live: NodePyodide, index: IndexServer) -> None:
    url = index.file_url("victim-1.0-py3-none-any.whl")
    marks = {
        "INSTALLER": "pip",
        "PYODIDE_URL": url,
        "PYODIDE_SHA256": "0" * 64,
        "PYODIDE_REQUIRES": '["victim"]',
    }
    wheel = build_wheel(index.folder, "demo", "1.0", dist_info_files=marks)
    live.install("demo", index_url=index.url)
    frozen = freeze(live)
    assert frozen.entry("demo")["file_name"] == index.file_url(wheel.name)
    assert frozen.entry("demo")["sha256"] == sha256(wheel)
    assert frozen.entry("demo")["depends"] == []


def test_load_package_leaves_forged_marks(live: NodePyodide, index: IndexServer) -> None:
    url = index.file_url(build_wheel(index.folder, "victim", "1.0").name)
    wheel = build_wheel(
        index.folder,
        "demo",
        "1.0",
        dist_info_files={"PYODIDE_URL": url, "PYODIDE_SHA256": "0" * 64},
    )
    live.load_packages([index.file_url(wheel.name)])
    assert problems(live, index_urls=index.url) == {"demo": "content-mismatch"}


# -- rule 0: what lay there before, and what lies elsewhere


def forged(folder: Path, honest: Path, url: str) -> Path:
    """A wheel of the same name with other contents, and the marks that micropip leaves of the
    honest one.
    """
    marks = {
        "INSTALLER": "micropip",
        "PYODIDE_SOURCE": "pypi",
        "PYODIDE_URL": url,
        "PYODIDE_SHA256": sha256(honest),
    }
    return build_wheel(
        folder, "demo", "1.0", files={"demo.py": "evil = 1\n"}, dist_info_files=marks
    )


def members(wheel: Path, folder: str) -> dict[str, bytes]:
    """The files of a wheel, by their paths when it is unzipped into ``folder``."""
    with zipfile.ZipFile(wheel) as archive:
        return {f"{folder}/{name}": archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("version", runtimes.VERSIONS)
def test_files_in_memory_before_the_start(
    version: str, fresh_pyodide: Callable[..., NodePyodide], index: IndexServer
) -> None:
    """As a page restores them in loadPyodide({fsInit}):

    the runtime lists them, by what they say.
    """
    honest = build_wheel(index.folder, "demo", "1.0")
    later = build_wheel(index.folder, "later", "1.0")
    site = f"/lib/python{PLATFORMS[version].python}/site-packages"
    wheel = forged(index.folder / "forged", honest, index.file_url(honest.name))
    session = fresh_pyodide(version, restored=members(wheel, site))
    assert session.run("import pyodide_js; pyodide_js.loadedPackages.to_py()") == {"demo": "pypi"}
    session.load_packages(["packaging"])
    assert problems(session, index_urls=index.url) == {"demo": "content-mismatch"}
    session.install("later", index_url=index.url)
    frozen = freeze(session, exclude=["demo"])
    assert frozen.proofs["later"] == ("micropip", "installer")
    assert frozen.entry("later")["sha256"] == sha256(later)
    assert frozen.proofs["packaging"] == ("base", "base")


@pytest.mark.parametrize("version", [runtimes.VERSIONS[0], runtimes.VERSIONS[-1]])
def test_what_the_runtime_loads_while_it_starts(
    version: str, fresh_pyodide: Callable[..., NodePyodide]
) -> None:
    session = fresh_pyodide(version, packages=["micropip", "packaging"])
    assert freeze(session).proofs == dict.fromkeys(("micropip", "packaging"), ("base", "base"))


@pytest.mark.parametrize("is_mounted", [True, False], ids=["mounted", "in memory"])
def test_another_folder_in_front(
    is_mounted: bool, pyodide: NodePyodide, index: IndexServer, tmp_path: Path
) -> None:
    """The runtime's list is about its own folder, which has the honest one."""
    honest = build_wheel(index.folder, "demo", "1.0")
    wheel = forged(tmp_path / "forged", honest, index.file_url(honest.name))
    pyodide.install("demo", index_url=index.url)
    if is_mounted:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tmp_path / "site")
        pyodide.mount(tmp_path / "site", "/mnt/site")
    else:
        for path, content in members(wheel, "/mnt/site").items():
            pyodide.write(path, content)
    assert freeze(pyodide).proofs["demo"] == ("micropip", "installer")
    pyodide.run("import sys; sys.path.insert(0, '/mnt/site')", fresh=True)
    try:
        assert problems(pyodide, index_urls=index.url) == {"demo": "content-mismatch"}
    finally:
        if not is_mounted:
            pyodide.run("import shutil; shutil.rmtree('/mnt/site')", fresh=True)


@pytest.mark.parametrize("kind", ["NODEFS", "IDBFS"])
def test_a_folder_mounted_over_what_micropip_installed(
    kind: str, fresh_pyodide: Callable[..., NodePyodide], index: IndexServer, tmp_path: Path
) -> None:
    honest = build_wheel(index.folder, "demo", "1.0")
    marks = {
        "INSTALLER": "micropip",
        "PYODIDE_URL": index.file_url(honest.name),
        "PYODIDE_SHA256": "0" * 64,
    }
    with zipfile.ZipFile(build_wheel(tmp_path, "demo", "1.0", dist_info_files=marks)) as archive:
        archive.extractall(tmp_path / "site")
    old, over = tmp_path / "site" / "demo-1.0.dist-info", f"{SITE}/demo-1.0.dist-info"
    session = fresh_pyodide()
    session.load_packages(["packaging"])
    session.install("demo", index_url=index.url)
    if kind == "NODEFS":
        session.mount(old, over)
    else:
        mount = (
            "import js; from pyodide_js import FS; FS.mount(FS.filesystems.IDBFS, "
            f"js.Object.new(), {over!r}); None"
        )
        session.run(mount, fresh=True)
        session.put_folder(old, over)
    assert problems(session, index_urls=index.url) == {"demo": "hash-conflict"}


# -- names, folders


def test_a_loaded_name_without_a_trace(live: NodePyodide, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    live.install("demo", index_url=index.url)
    live.run(f"import shutil; shutil.rmtree('{SITE}/demo-1.0.dist-info')")
    assert problems(live) == {"demo": "broken-metadata"}
    frozen = freeze(live, exclude=["demo"])
    assert set(frozen.packages) == {"micropip", "packaging"}
    assert wheel.exists()


def test_a_folder_that_pip_filled(pyodide: NodePyodide, index: IndexServer, tmp_path: Path) -> None:
    wheel = build_wheel(
        index.folder,
        "demo",
        "1.0",
        requires=["other"],
        files={"demo.py": "x = 1\n" * 9000},
        stored=True,
    )
    other = build_wheel(index.folder, "other", "2.0")
    pip_target(tmp_path, "demo", index_url=index.url, platform=None)
    pyodide.mount(tmp_path, "/mnt/site")
    index.reset()
    frozen = freeze(pyodide, path=["/mnt/site"], index_urls=index.url)
    assert {name: entry["sha256"] for name, entry in frozen.packages.items()} == {
        "demo": sha256(wheel),
        "other": sha256(other),
    }
    assert frozen.proofs == dict.fromkeys(frozen.packages, ("index", "content"))
    assert index.wheel_downloads == 0
    # A folder is only a folder: what the runtime loaded itself is no proof for it.
    assert freeze(pyodide, path="/mnt/site", index_urls=index.url).text == frozen.text


def test_repacked_by_the_base(live: NodePyodide, index: IndexServer, tmp_path: Path) -> None:
    """One RECORD in two zips is ambiguous, unless one of them is the base's."""
    wheel = build_wheel(index.folder, "demo", "1.0")
    again = repack(wheel, tmp_path / "again")
    unpack(live, wheel)
    with IndexServer(again.parent) as second:
        assert problems(live, index_urls=[index.url, second.url]) == {"demo": "ambiguous-index"}
