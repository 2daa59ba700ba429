"""How a lock and a site become one, without `jupyter lite build` around it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import FetchError, InputError, UnlockableError
from tests.support import lite
from tests.support.freezing import forget_machine
from tests.support.index_server import IndexServer
from tests.support.lite import LiteSite
from tests.support.runtimes import lock_entry
from tests.support.site_server import SiteServer
from tests.support.wheels import build_wheel, sha256

from .conftest import STARTED, WriteLock


@pytest.fixture(scope="module")
def built(site: LiteSite) -> LiteSite:
    """A site that JupyterLite has built once."""
    site.build()
    return site


@pytest.fixture(autouse=True)
def _quick(built: LiteSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_machine(monkeypatch, tmp_path)
    shutil.rmtree(built.output / "static" / "micropip-lock", ignore_errors=True)
    built.tell({})


@pytest.fixture
def lock(built: LiteSite) -> Path:
    """The lock of app and lib."""
    return built.folder / "lock.json"


def refused(built: LiteSite, lock: Path, **options: Any) -> str:
    with pytest.raises((InputError, UnlockableError)) as caught:
        built.put(lock, **options)
    return str(caught.value)


def test_the_wheels_may_lie_beside_the_lock(
    built: LiteSite, shop: IndexServer, write_lock: WriteLock, tmp_path: Path
) -> None:
    folder = built.folder / "frozen"
    folder.mkdir(exist_ok=True)
    for wheel in shop.folder.glob("*-1.0-*.whl"):
        shutil.copy(wheel, folder)
    entries = {
        path.name.partition("-")[0]: lock_entry(path, imports=["x"])
        for path in folder.glob("*.whl")
    }
    lock = write_lock(built, "frozen/pyodide-lock.json", **entries)
    built.put(lock.parent)
    assert built.packages["lib"]["file_name"] == "wheels/lib-1.0-py3-none-any.whl"
    assert shop.requests == []
    said = refused(built, lock, bundled=False)
    assert "lib 1.0: its file name lib-1.0-py3-none-any.whl is relative to the lock" in said
    assert "--micropip-lock-bundle" in said


def test_the_kernels_own_parts_are_those_of_the_site(
    built: LiteSite, write_lock: WriteLock
) -> None:
    """A lock that was frozen in another site names wheels of its address, and maybe of another
    release.
    """
    comm = lite.comm_wheel()
    gone = {
        name: {
            **lock_entry(comm, f"http://127.0.0.1:9/{name}-{version}-py3-none-any.whl"),
            "name": name,
            "version": version,
            "sha256": "0" * 64,
        }
        for name, version in (
            ("piplite", "0.7.0"),
            ("pyodide-kernel", "0.7.0"),
            ("widgetsnbextension", "3.6.1"),
        )
    }
    gone["comm"] = lock_entry(comm, f"http://127.0.0.1:9/pypi/{comm.name}", imports=["comm"])
    built.put(write_lock(built, **gone))
    packages = built.packages
    assert packages["comm"]["file_name"] == f"../../pypi/{comm.name}"
    own = "../../extensions/@jupyterlite/pyodide-kernel-extension/static/pypi/"
    assert packages["piplite"]["version"] == packages["pyodide-kernel"]["version"] != "0.7.0"
    assert packages["piplite"]["file_name"].startswith(own)
    assert packages["widgetsnbextension"]["version"] == "3.6.999"


def test_what_the_owner_wrote_stays(built: LiteSite, lock: Path) -> None:
    built.tell(
        {
            "loadPyodideOptions": {"packages": ["packaging"], "env": {"A": "1"}},
            "disablePyPIFallback": False,
        }
    )
    for preload in (("app",), ()):
        built.put(lock, preload=preload)
        options = built.settings()["loadPyodideOptions"]
        assert options["packages"] == ["packaging", *STARTED, *preload]
        assert options["env"] == {"A": "1"}
    assert built.packages["packaging"]["file_name"].startswith("../pyodide/packaging-")
    built.put(lock, bundled=False)
    assert built.settings()["disablePyPIFallback"] is False


@pytest.fixture
def app_settings(built: LiteSite) -> Iterator[str]:
    """The settings file of one app, which is gone afterwards."""
    name = "notebooks/jupyter-lite.json"
    yield name
    for folder in (built.folder, built.output):
        (folder / name).unlink(missing_ok=True)


def test_an_app_with_options_of_its_own_gets_the_lock_too(
    built: LiteSite, lock: Path, app_settings: str
) -> None:
    """In the browser its options replace those of the site."""
    own = {"loadPyodideOptions": {"env": {"A": "1"}}, "disablePyPIFallback": False}
    for folder in (built.folder, built.output):
        (folder / "notebooks").mkdir(exist_ok=True)
        lite.write_settings(folder / app_settings, own)
    built.put(lock)
    options = built.settings(app_settings)["loadPyodideOptions"]
    assert options == {**built.settings()["loadPyodideOptions"], "env": {"A": "1"}}
    assert built.settings(app_settings)["disablePyPIFallback"] is True
    lite.write_settings(built.output / app_settings, {"pyodideUrl": "./x/pyodide.mjs"})
    assert "has a pyodideUrl of its own, but one lock is for one Pyodide" in refused(built, lock)


@pytest.mark.parametrize("option", ["packageBaseUrl", "lockFileContents", "indexURL"])
def test_options_of_the_runtime_that_lead_elsewhere(
    built: LiteSite, lock: Path, option: str
) -> None:
    built.tell({"loadPyodideOptions": {option: "https://index.example/"}})
    said = refused(built, lock)
    assert f"loadPyodideOptions has {option}" in said and "Remove it from" in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loadPyodideOptions": []}, "expected an object with an array of packages, found []"),
        (
            {"loadPyodideOptions": {"packages": "six"}},
            "expected an object with an array of packages",
        ),
    ],
    ids=["options", "packages"],
)
def test_settings_that_make_no_sense(
    built: LiteSite, lock: Path, settings: dict[str, Any], message: str
) -> None:
    built.tell(settings)
    assert message in refused(built, lock)


def test_a_pyodide_that_lies_elsewhere(built: LiteSite, lock: Path, shop: IndexServer) -> None:
    with SiteServer({"/dist/": built.output / "static" / "pyodide"}) as server:
        built.tell({"pyodideUrl": f"{server.root}/dist/pyodide.mjs"})
        built.put(lock, bundled=False, local=False)
        assert (
            built.packages["ipython"]["file_name"]
            == f"{server.root}/dist/ipython-9.12.0-py3-none-any.whl"
        )
        assert [
            path for path in server.paths() if path.endswith(".whl")
        ] == []  # its lock vouches for them
        built.put(lock, local=False)
        assert built.packages["ipython"]["file_name"] == "wheels/ipython-9.12.0-py3-none-any.whl"
        assert built.settings()["pyodideUrl"] == f"{server.root}/dist/pyodide.mjs"


@pytest.mark.parametrize("url", ["/somewhere/pyodide.mjs", "../pyodide.mjs", "./../pyodide.mjs"])
def test_a_pyodide_that_the_build_cannot_see(built: LiteSite, lock: Path, url: str) -> None:
    built.tell({"pyodideUrl": url})
    said = refused(built, lock, local=False)
    assert f"Which Pyodide is at {url}" in said and "--MicropipLockAddon.base=VERSION" in said
    built.put(
        lock, local=False, base=str(built.output / "static" / "pyodide" / "pyodide-lock.json")
    )
    assert built.packages["six"]["file_name"].startswith("../pyodide/six-")


def test_without_pyodideurl_it_is_the_kernels_own_release(built: LiteSite, lock: Path) -> None:
    lite.write_settings(built.output / "jupyter-lite.json", {})
    with pytest.raises(FetchError) as caught:
        built.put(lock, local=False)
    said = str(caught.value)
    assert re.search(r"/v314\.0\.\d+/full/pyodide-lock\.json", said)
    assert (
        "it is unknown whether the site's Pyodide can boot" in said
        and "--MicropipLockAddon.base=FILE" in said
    )


def test_a_pyodide_whose_wheels_are_not_those_of_its_lock(built: LiteSite, lock: Path) -> None:
    """Wheels of an index beside the lock of a release:

    the browser would refuse them all, without a word.
    """
    wheel = built.output / "static" / "pyodide" / "jedi-0.19.2-py2.py3-none-any.whl"
    right = wheel.read_bytes()
    try:
        wheel.write_bytes(b"other")
        said = refused(built, lock)
    finally:
        wheel.write_bytes(right)
    assert (
        "jedi 0.19.2: static/pyodide/jedi-0.19.2-py2.py3-none-any.whl in the site cannot be used"
        in said
    )
    assert "of one and the same release" in said


def test_a_site_without_a_kernel(built: LiteSite, lock: Path) -> None:
    extension = built.output / "extensions"
    extension.rename(built.output / "elsewhere")
    try:
        assert "pip install jupyterlite-pyodide-kernel" in refused(built, lock)
    finally:
        (built.output / "elsewhere").rename(extension)


def test_without_bundle_what_is_served_is_looked_at(
    built: LiteSite, lock: Path, write_lock: WriteLock, shop: IndexServer, tmp_path: Path
) -> None:
    built.put(lock, bundled=False)
    assert built.put(lock, bundled=False).changed == ()
    assert shop.wheel_downloads == 4
    other = build_wheel(tmp_path, "lib", "1.0", files={"lib.py": "answer = 0\n"})
    write_lock(built, lib=lock_entry(other, shop.file_url(other.name), imports=["lib"]))
    assert (
        "lib 1.0" in (said := refused(built, lock, bundled=False)) and "[content-mismatch]" in said
    )
    assert list(built.lock_file.parent.iterdir()) == [built.lock_file]


def test_a_lock_that_would_hang_the_kernel(
    built: LiteSite, write_lock: WriteLock, shop: IndexServer
) -> None:
    wheel = next(shop.folder.glob("lib-*.whl"))
    lib = lock_entry(wheel, shop.file_url(wheel.name), imports=["lib"], depends=["app", "gone"])
    said = refused(built, write_lock(built, lib=lib))
    assert "[cycle]" in said and "[missing-dependency]" in said


def test_a_kernel_for_another_pyodide_and_ipython(
    built: LiteSite, write_lock: WriteLock, tmp_path: Path
) -> None:
    folder = (
        built.output
        / "extensions"
        / "@jupyterlite"
        / "pyodide-kernel-extension"
        / "static"
        / "pypi"
    )
    (old,) = folder.glob("pyodide_kernel-*.whl")
    kept = old.rename(tmp_path / old.name)
    made = build_wheel(
        folder,
        "pyodide_kernel",
        "9.0",
        files={"pyodide_kernel.py": ""},
        requires=["ipython>=99"],
        requires_python=">=3.99",
    )
    try:
        said = refused(built, write_lock(built))
    finally:
        made.unlink()
        shutil.move(kept, old)
    assert (
        "ipython 9.12.0: the site's pyodide_kernel 9.0 needs ipython>=99. [conflicting-dependency]"
        in said
    )
    assert "needs Python >=3.99, and the site's Pyodide has 3.14.2. [wrong-platform]" in said


def test_the_earlier_lock_stays_right_until_the_new_one_is_there(
    built: LiteSite, lock: Path, write_lock: WriteLock, tmp_path: Path
) -> None:
    """The same name with other bytes goes into another folder, and the first one is removed in the
    end.
    """
    built.put(lock)
    other = build_wheel(tmp_path, "lib", "1.0", files={"lib.py": "answer = 43\n"})
    with SiteServer({"/": tmp_path}) as server:
        entry = lock_entry(other, f"{server.root}/{other.name}", imports=["lib"])
        built.put(write_lock(built, app=None, lib=entry))
        assert "app" not in built.packages and built.packages["lib"]["sha256"] == sha256(other)
        assert [sha256(path) for path in built.lock_file.parent.rglob("*.whl")] == [sha256(other)]
        assert built.put(write_lock(built, app=None, lib=entry)).changed == ()
