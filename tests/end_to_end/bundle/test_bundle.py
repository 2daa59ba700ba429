"""A lock and all its files in one folder."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import InputError, Lockfile, UnlockableError
from micropip_lock.operations.bundle.run import BundleResult, bundle
from micropip_lock.storage.wheels import WheelStore

from ...support.freezing import base_document, quick_fetcher
from ...support.ids import short
from ...support.index_server import Fault, IndexServer
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel, sha256

BIG = {"big.py": "", "big.dat": bytes(range(256)) * 1000}


@pytest.fixture
def lock(index: IndexServer) -> dict[str, Any]:
    """Two wheels, and a library that is no wheel."""
    wheels = [
        build_wheel(index.folder, "app", "1.0", requires=["big"]),
        build_wheel(index.folder, "big", "1.0", files=BIG),
    ]
    entries = {
        wheel.name.partition("-")[0]: lock_entry(wheel, index.file_url(wheel.name))
        for wheel in wheels
    }
    document = base_document()
    return {**document, "info": {**document["info"], "version": "314.0.7"}, "packages": entries}


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "site"


def bundled(
    lock: Any, dest: Path, *, fetching: Mapping[str, Any] | None = None, **options: Any
) -> BundleResult:
    async def run() -> BundleResult:
        fetcher = quick_fetcher(**(fetching or {}))
        try:
            return await bundle(lock, dest, fetcher=fetcher, **options)
        finally:
            await fetcher.aclose()

    return asyncio.run(run())


def sources(result: BundleResult) -> dict[str, str]:
    return {file.package: file.source for file in result.files}


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def check(folder: Path, original: Mapping[str, Any]) -> None:
    """The lock names every file, which has its hash; everything else is as it was."""
    local = Lockfile.read(folder / "pyodide-lock.json")
    assert local.packages.keys() == original["packages"].keys()
    for key, entry in local.packages.items():
        assert (
            sha256(folder / entry.file_name) == entry.sha256 == original["packages"][key]["sha256"]
        )
        assert {**entry.to_dict(), "file_name": original["packages"][key]["file_name"]} == original[
            "packages"
        ][key]
    assert local.info.to_dict() == original["info"]


def test_a_bundle(lock: dict[str, Any], dest: Path, index: IndexServer) -> None:
    result = bundled(lock, dest)
    check(dest, lock)
    assert names(dest) == {
        "pyodide-lock.json",
        "app-1.0-py3-none-any.whl",
        "big-1.0-py3-none-any.whl",
    }
    assert sources(result) == {"app": "downloaded", "big": "downloaded"}
    assert (result.folder, result.zip, result.page) == (dest, None, None)
    assert result.lockfile == Lockfile.read(dest / "pyodide-lock.json")
    size = sum(path.stat().st_size for path in dest.glob("*.whl"))
    assert result.totals == {"packages": 2, "requests": 2, "bytes": size, "wheel_bytes": size}
    assert (len(index.requests), index.bytes) == (2, size)


def test_no_password_of_the_lock_gets_into_the_bundle(lock: dict[str, Any], dest: Path) -> None:
    told = {
        "requested": ["app"],
        "indexes": ["https://user:hunter2@index.example/simple"],
        "proof": "content",
    }
    result = bundled({**lock, "tool": {"micropip-lock": told}}, dest)
    own = result.lockfile.to_dict()["tool"]["micropip-lock"]
    assert own == {**told, "indexes": ["https://index.example/simple"]}


def test_a_second_one(lock: dict[str, Any], dest: Path, index: IndexServer) -> None:
    bundled(lock, dest)
    before = (dest / "pyodide-lock.json").read_bytes()
    index.reset()
    result = bundled(lock, dest)
    assert sources(result) == {"app": "there", "big": "there"}
    assert result.requests == len(index.requests) == 0
    assert (dest / "pyodide-lock.json").read_bytes() == before


def test_what_is_there_is_hashed(lock: dict[str, Any], dest: Path) -> None:
    bundled(lock, dest)
    wheel = dest / "big-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"?")
    assert sources(bundled(lock, dest)) == {"app": "there", "big": "downloaded"}
    check(dest, lock)


def test_a_folder_of_the_user_stays(lock: dict[str, Any], dest: Path) -> None:
    precious = dest / ".micropip-lock-backup" / "precious"
    precious.parent.mkdir(parents=True)
    precious.write_text("mine")
    bundled(lock, dest)
    assert precious.read_text() == "mine"


def test_overlapping_locks_share_the_cache(
    lock: dict[str, Any], tmp_path: Path, index: IndexServer
) -> None:
    bundled(lock, tmp_path / "one", cache_dir=tmp_path / "cache")
    third = build_wheel(index.folder, "third", "1.0")
    lock["packages"]["third"] = lock_entry(third, index.file_url(third.name))
    del lock["packages"]["app"]
    index.reset()
    result = bundled(lock, tmp_path / "two", cache_dir=tmp_path / "cache")
    assert sources(result) == {"big": "cache", "third": "downloaded"}
    assert index.paths() == [f"/files/{third.name}"]
    index.reset()
    offline = bundled(
        lock, tmp_path / "three", cache_dir=tmp_path / "cache", fetching={"offline": True}
    )
    assert set(sources(offline).values()) == {"cache"}
    check(tmp_path / "three", lock)


def test_base_dir(lock: dict[str, Any], dest: Path, index: IndexServer) -> None:
    result = bundled(lock, dest, base_dir=index.folder)
    assert sources(result) == {"app": "folder", "big": "folder"}
    assert index.requests == []
    check(dest, lock)


def test_a_lock_file_with_its_wheels_beside_it(
    lock: dict[str, Any], tmp_path: Path, index: IndexServer
) -> None:
    bundled(lock, tmp_path / "one")
    index.reset()
    for number, given in enumerate(
        [tmp_path / "one" / "pyodide-lock.json", tmp_path / "one", str(tmp_path / "one")]
    ):
        result = bundled(given, tmp_path / f"again{number}")
        assert set(sources(result).values()) == {"folder"}
        check(tmp_path / f"again{number}", lock)
    assert index.requests == []


def test_one_file_for_several_entries(lock: dict[str, Any], dest: Path, index: IndexServer) -> None:
    archive = index.folder / "lib-1.0.tar.gz"
    archive.write_bytes(b"a library")
    (index.folder / "copy-1.0.tar.gz").write_bytes(b"a library")
    for key, name in (
        ("lib", archive.name),
        ("lib-too", archive.name),
        ("copy", "copy-1.0.tar.gz"),
    ):
        lock["packages"][key] = lock_entry(archive, index.file_url(name)) | {"name": key}
    bundled(lock, dest)
    check(dest, lock)
    files = [path for path in index.paths() if path.endswith("gz")]
    assert len(files) == 1


def test_other_files_of_one_name(lock: dict[str, Any], dest: Path, tmp_path: Path) -> None:
    """Also where case does not count, and of names that the bundle needs itself;

    and they are found again.
    """
    for key, name in (("a", "x.zip"), ("b", "X.zip"), ("c", "index.html"), ("d", "pyodide")):
        file = tmp_path / "base" / key / name
        file.parent.mkdir(parents=True)
        file.write_text(key)
        entry = {"name": key, "file_name": f"{key}/{name}", "sha256": sha256(file)}
        lock["packages"][key] = lock["packages"]["app"] | entry
    result = bundled(lock, dest, base_dir=tmp_path / "base")
    check(dest, lock)
    files = {key: entry.file_name for key, entry in result.lockfile.packages.items()}
    assert files["a"] == "x.zip"
    assert files["b"] == f"{lock['packages']['b']['sha256'][:12]}/X.zip"
    assert files["c"].endswith("/index.html") and files["d"].endswith("/pyodide")
    bundled(dest, tmp_path / "again")
    check(tmp_path / "again", lock)


def with_file(lock: dict[str, Any], folder: Path, name: str, content: str) -> dict[str, Any]:
    """A lock with one more entry, a shared library, whose file lies in ``folder``."""
    file = folder / "base" / "a" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    entry = {
        "name": "a",
        "file_name": f"a/{name}",
        "sha256": sha256(file),
        "package_type": "shared_library",
    }
    return {**lock, "packages": {**lock["packages"], "a": lock["packages"]["app"] | entry}}


RUNTIME = [
    "pyodide.mjs",
    "pyodide.js",
    "pyodide.asm.mjs",
    "pyodide.asm.js",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
]


@pytest.mark.parametrize(
    "name", [*RUNTIME, "PYODIDE.MJS", "Python_Stdlib.zip", "index.html", "Index.HTML", "app.py"]
)
def test_names_of_the_runtime_and_the_page_are_kept_free(
    name: str, lock: dict[str, Any], dest: Path, tmp_path: Path
) -> None:
    """Whether Pyodide lies in the folder before, comes later, or is there when the lock is bundled
    again.
    """
    (tmp_path / "app.py").write_text("print()")
    lock = with_file(lock, tmp_path, name, "another")
    for _ in range(2):
        result = bundled(lock, dest, base_dir=tmp_path / "base", page=tmp_path / "app.py")
        assert (
            result.lockfile.packages["a"].file_name
            == f"{lock['packages']['a']['sha256'][:12]}/{name}"
        )
        check(dest, lock)
        for own in RUNTIME:
            (dest / own).write_text("runtime")
    assert {(dest / own).read_text() for own in RUNTIME} == {"runtime"}
    assert (dest / "app.py").read_text() == "print()"


@pytest.mark.parametrize(
    "name", ["main.py", "package.json", "lib.so", "lib-1.0.tar.gz", "lib-1.0.zip"]
)
def test_another_file_is_not_replaced(
    name: str, lock: dict[str, Any], dest: Path, tmp_path: Path
) -> None:
    """But for one of the same bytes, and for those of an earlier bundle."""
    first = with_file(lock, tmp_path, name, "first")
    dest.mkdir()
    (dest / name).write_text("mine")
    (dest / "app-1.0-py3-none-any.whl").write_text("mine")
    with pytest.raises(UnlockableError) as error:
        bundled(first, dest, base_dir=tmp_path / "base")
    assert [(item.package, item.code) for item in error.value.problems] == [
        ("a", "file-name"),
        ("app", "file-name"),
    ]
    assert str(dest / name) in error.value.problems[0].message
    assert names(dest) == {name, "app-1.0-py3-none-any.whl"}
    assert (dest / name).read_text() == (dest / "app-1.0-py3-none-any.whl").read_text() == "mine"
    (dest / "app-1.0-py3-none-any.whl").unlink()
    (dest / name).write_text("first")
    assert sources(bundled(first, dest, base_dir=tmp_path / "base"))["a"] == "there"
    second = with_file(lock, tmp_path, name, "second")
    bundled(second, dest, base_dir=tmp_path / "base")
    assert (dest / name).read_text() == "second"
    check(dest, second)


def test_a_lock_is_no_witness_for_the_files_beside_it(
    lock: dict[str, Any], dest: Path, tmp_path: Path
) -> None:
    lock = with_file(lock, tmp_path, "main.py", "another")
    lock["packages"]["a"]["file_name"] = "main.py"
    dest.mkdir()
    (dest / "main.py").write_text("mine")
    (dest / "pyodide-lock.json").write_text(json.dumps(lock))
    with pytest.raises(UnlockableError, match="would replace"):
        bundled(dest, dest, base_dir=tmp_path / "base" / "a")
    assert (dest / "main.py").read_text() == "mine"


@pytest.mark.parametrize("below", ["", "/deep"])
def test_a_folder_that_leads_elsewhere(
    below: str, lock: dict[str, Any], dest: Path, tmp_path: Path
) -> None:
    """Files of one name lie in folders of their own:

    no file is written to where a link of that name leads.
    """
    for key in ("a", "b"):
        file = tmp_path / "base" / key / "x.zip"
        file.parent.mkdir(parents=True)
        file.write_text(key)
        entry = {"name": key, "file_name": f"{key}/x.zip", "sha256": sha256(file)}
        lock["packages"][key] = lock["packages"]["app"] | entry
    (tmp_path / "elsewhere").mkdir()
    dest.mkdir()
    (dest / lock["packages"]["b"]["sha256"][:12]).symlink_to(tmp_path / f"elsewhere{below}")
    with pytest.raises(InputError, match="is a symbolic link"):
        bundled(lock, dest, base_dir=tmp_path / "base")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert len(names(dest)) == len(list(dest.iterdir())) - 1 == 0


def test_a_runtime_that_leads_elsewhere(lock: dict[str, Any], dest: Path, tmp_path: Path) -> None:
    """It is not copied to where a link leads; if it lies there already, it need not be."""
    runtime, other = tmp_path / "runtime", tmp_path / "other"
    for folder in (runtime, other, dest):
        folder.mkdir()
    for name in ("pyodide.mjs", "pyodide.asm.wasm", "python_stdlib.zip"):
        (runtime / name).write_text(name)
    (dest / "pyodide").symlink_to(other)
    with pytest.raises(InputError, match="is a symbolic link"):
        bundled(lock, dest, base_dir=runtime, page=True)
    assert list(other.iterdir()) == []
    (dest / "pyodide").unlink()
    (dest / "pyodide").symlink_to(runtime)
    bundled(lock, dest, base_dir=runtime, page=True)


def test_zip(lock: dict[str, Any], dest: Path) -> None:
    (dest / ".git").mkdir(parents=True)
    (dest / ".git" / "config").write_text("secret")
    (dest / ".hidden").write_text("secret")
    result = bundled(lock, dest, zip=True)
    assert result.zip == dest.with_name("site.zip")
    with zipfile.ZipFile(result.zip) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {
            name for name in names(dest) if "." not in (name[0], name[:1])
        }
        for name in archive.namelist():
            assert archive.read(name) == (dest / name).read_bytes()
    before = result.zip.read_bytes()
    result.zip.unlink()
    assert bundled(lock, dest, zip=True).zip == result.zip
    assert result.zip.read_bytes() == before


def test_a_root_has_no_zip(lock: dict[str, Any], index: IndexServer) -> None:
    with pytest.raises(InputError, match="has no name that its zip could have"):
        bundled(lock, Path("/"), zip=True)
    assert index.requests == []


def test_the_zip_of_a_folder_that_is_named_oddly(
    lock: dict[str, Any], dest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dest.mkdir()
    monkeypatch.chdir(dest)
    assert bundled(lock, Path(), zip=True).zip == tmp_path / "site.zip"
    assert bundled(lock, Path("sub/.."), zip=True).zip == tmp_path / "site.zip"


def test_page(lock: dict[str, Any], dest: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print()")
    result = bundled(lock, dest, page=tmp_path / "app.py", zip=True)
    assert result.page == dest / "index.html"
    assert {"index.html", "app.py"} < names(dest)
    assert result.zip is not None
    with zipfile.ZipFile(result.zip) as archive:
        assert {"index.html", "app.py"} < set(archive.namelist())


@pytest.mark.parametrize("page", [True, "nowhere.py"])
def test_a_page_that_cannot_be_made(
    page: bool | str, lock: dict[str, Any], dest: Path, index: IndexServer
) -> None:
    """It is known before anything is downloaded."""
    if page is True:
        del lock["info"]["version"]
    with pytest.raises(InputError):
        bundled(lock, dest, page=page)
    assert index.requests == []
    assert names(dest) == set()


# -- what fails


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("status", 500), "unreachable"),
        (Fault("status", 404), "gone"),
        (Fault("status", 401), "not-allowed"),
        (Fault("reset"), "unreachable"),
        (Fault("body", body=b"other"), "content-mismatch"),
    ],
    ids=lambda value: f"{value.kind} {value.status}" if isinstance(value, Fault) else value,
)
def test_faults(
    fault: Fault, code: str, lock: dict[str, Any], dest: Path, index: IndexServer
) -> None:
    """No lock is written, an old one stays, and what did come is kept for the next run."""
    dest.mkdir()
    (dest / "pyodide-lock.json").write_text("old")
    index.faults["/files/big"] = fault
    with pytest.raises(UnlockableError) as caught:
        bundled(lock, dest)
    (problem,) = caught.value.problems
    assert (problem.package, problem.code) == ("big", code)
    assert "no lock was written" in str(caught.value)
    assert caught.value.unanswered is (code in ("unreachable", "not-allowed"))
    assert (dest / "pyodide-lock.json").read_text() == "old"
    assert names(dest) == {"pyodide-lock.json", "app-1.0-py3-none-any.whl"}
    index.faults.clear()
    assert sources(bundled(lock, dest)) == {"app": "there", "big": "downloaded"}
    check(dest, lock)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 503, times=2),
        Fault("reset", times=2),
        Fault("truncate", times=3),
        Fault("hang", times=1),
    ],
    ids=lambda fault: fault.kind,
)
@pytest.mark.parametrize("cached", [True, False])
def test_faults_that_pass(
    fault: Fault, cached: bool, lock: dict[str, Any], dest: Path, index: IndexServer, tmp_path: Path
) -> None:
    index.faults["/files/big"] = Fault(**vars(fault))
    bundled(lock, dest, fetching={"idle": 1}, cache_dir=tmp_path / "cache" if cached else None)
    check(dest, lock)
    assert not [name for name in names(tmp_path) if name.endswith(".part")]


def test_every_problem_at_once(lock: dict[str, Any], dest: Path, index: IndexServer) -> None:
    index.faults["/files/big"] = Fault("status", 404)
    lock["packages"]["app"]["file_name"] = "app-1.0-py3-none-any.whl"
    lock["packages"]["none"] = {**lock["packages"]["app"], "name": "none", "sha256": None}
    with pytest.raises(UnlockableError) as caught:
        bundled(lock, dest)
    codes = [(problem.package, problem.code) for problem in caught.value.problems]
    assert codes == [("app", "local-file"), ("big", "gone"), ("none", "content-mismatch")]


NO_NAMES = [
    "",
    "..%2Fx.whl",
    ".x",
    "%2e%2e%2fx.whl",
    "..%5Cx.whl",
    "C:x.whl",
    "C%3Ax.whl",
    "a%252Fx.whl",
]
NO_NAMES += ["a%00x.whl", "a%0Ax.whl", "a\nx.whl", "a\ud800x.whl", "x" * 300 + ".whl"]
NO_PATHS = ["..", "..\\x.whl", "C:\\x.whl", "a\0.whl", "a\nb.whl"]


@pytest.mark.parametrize(
    "name", [*(f"http://127.0.0.1/{name}" for name in NO_NAMES), *NO_PATHS], ids=short
)
def test_names_that_are_none(
    name: str, lock: dict[str, Any], dest: Path, index: IndexServer
) -> None:
    lock["packages"]["app"]["file_name"] = name
    with pytest.raises(UnlockableError) as caught:
        bundled(lock, dest)
    assert [(item.package, item.code) for item in caught.value.problems] == [
        ("app", "broken-metadata")
    ]
    assert index.requests == []


def test_a_hostile_wheel(
    lock: dict[str, Any], dest: Path, index: IndexServer, tmp_path: Path
) -> None:
    wheel = build_wheel(index.folder, "evil", "1.0", files={"../evil.py": "x"})
    lock["packages"]["evil"] = lock_entry(wheel, index.file_url(wheel.name))
    with pytest.raises(UnlockableError) as caught:
        bundled(lock, dest, cache_dir=tmp_path / "cache")
    assert [(item.package, item.code) for item in caught.value.problems] == [
        ("evil", "content-mismatch")
    ]
    assert not (dest / wheel.name).exists()
    assert WheelStore(tmp_path / "cache").find(sha256(wheel)) is None


def test_places_that_cannot_be_used(
    lock: dict[str, Any], tmp_path: Path, index: IndexServer
) -> None:
    (tmp_path / "file").write_text("")
    for dest in (tmp_path / "file", tmp_path / "file" / "deep"):
        with pytest.raises(InputError):
            bundled(lock, dest)
    with pytest.raises(InputError):
        bundled(lock, tmp_path / "site", base_dir=tmp_path / "nowhere")
    with pytest.raises(InputError):
        bundled(tmp_path / "no-lock.json", tmp_path / "site")
    assert index.requests == []
    (tmp_path / "site" / "pyodide-lock.json").mkdir()
    with pytest.raises(InputError):
        bundled(lock, tmp_path / "site")


def test_a_lock_without_packages(dest: Path) -> None:
    result = bundled(base_document(), dest)
    assert result.files == ()
    assert json.loads((dest / "pyodide-lock.json").read_text())["packages"] == {}
