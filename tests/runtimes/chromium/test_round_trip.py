"""Some 60 real distributions all the way round: installed by pip, frozen, bundled, booted in
Chromium, frozen there.

Once the bundle is there the index is gone, and Chromium reaches nothing but the site with the
bundle. What the page freezes is the lock of the bundle again; only the file names have become the
URLs that the page loaded.
"""

from __future__ import annotations

import asyncio
import json
import socket
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import FreezeResult, Lockfile, freeze
from micropip_lock.operations.bundle.run import BundleResult, bundle
from tests.end_to_end.freeze import test_closure
from tests.support import inside
from tests.support.chromium import ChromiumPyodide
from tests.support.freezing import forget_machine, quick_fetcher
from tests.support.index_server import IndexServer
from tests.support.installed import PYODIDE_314, pip_target
from tests.support.runtimes import make_distribution, real_wheels
from tests.support.session import PyodideSession
from tests.support.site_server import SiteServer
from tests.support.wheels import sha256

# tox imports venv, which Pyodide has not; boto3 brings 16 MB of data; openai takes long to import.
LEFT_OUT = ("tox", "boto3", "openai")
REQUIREMENTS = [name for name in test_closure.REQUIREMENTS if name not in LEFT_OUT]
# Modules of packages that were not asked for: matplotlib_inline needs the one, the *_grpc modules
# of googleapis-common-protos the other. They cannot be imported on the host either.
NOT_INSTALLED = {"matplotlib", "grpc"}

IMPORT = """
import importlib, json, sysconfig

site = f"/{{sysconfig.get_path('purelib').strip('/')}}/"
files, missing = {{}}, {{}}
for name in json.loads({names!r}):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing[name] = error.name
    else:
        # A namespace has no file.
        files[name] = module.__file__ and module.__file__.removeprefix(site)
[files, missing]
"""


@dataclass(frozen=True)
class Bundled:
    """A bundle that its site serves at /deep/bundle/."""

    site: SiteServer
    frozen: FreezeResult
    bundle: BundleResult

    @property
    def lock(self) -> dict[str, Any]:
        """What is in the bundle's pyodide-lock.json."""
        document: dict[str, Any] = json.loads(self.text)
        return document

    @property
    def text(self) -> str:
        """The bytes of it."""
        return (self.bundle.folder / "pyodide-lock.json").read_text()

    @property
    def url(self) -> str:
        """Where the bundle is."""
        return f"{self.site.root}/deep/bundle/"

    def wheel(self, key: str) -> Path:
        """The file of an entry."""
        return self.bundle.folder / self.bundle.lockfile.packages[key].file_name


@pytest.fixture(scope="module")
def wheels() -> Path:
    """The wheels of test_closure.py, by the very same key: nothing more is downloaded."""
    return real_wheels(*test_closure.REQUIREMENTS, platform=PYODIDE_314)


@pytest.fixture(scope="module")
def bundled(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundled]:
    """pip install, freeze and bundle on the host, from an index that is closed afterwards."""
    tmp_path = tmp_path_factory.mktemp("round-trip")
    distribution = make_distribution(tmp_path / "distribution")

    async def make(index: IndexServer, folder: Path) -> tuple[FreezeResult, BundleResult]:
        fetcher = quick_fetcher()
        try:
            frozen = await freeze(
                path=folder,
                base=distribution,
                index_urls=index.url,
                include="distribution",
                fetcher=fetcher,
            )
            lock = frozen.lockfile
            return frozen, await bundle(
                lock, tmp_path / "bundle", base_dir=distribution, page=True, fetcher=fetcher
            )
        finally:
            await fetcher.aclose()

    with IndexServer() as index, pytest.MonkeyPatch.context() as monkeypatch:
        forget_machine(monkeypatch, tmp_path)
        index.add_folder(wheels)
        folder = pip_target(tmp_path / "site-packages", *REQUIREMENTS, index_url=index.url)
        frozen, done = asyncio.run(make(index, folder))
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", index.port)):
        pass
    folders = {
        "/deep/bundle/": done.folder,
        "/pyodide/": done.folder / "pyodide",  # the runtime that the bundle brought along
        "/session/": Path(inside.__file__).parent,
    }
    with SiteServer(folders) as site:
        yield Bundled(site, frozen, done)


def claims(lock: Mapping[str, Any]) -> dict[str, str]:
    """Import name -> the entry that claims it; no name is claimed twice."""
    found = [(name, key) for key, entry in lock["packages"].items() for name in entry["imports"]]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_bundle_names_what_pip_installed(bundled: Bundled, wheels: Path) -> None:
    proofs = {item.package: item.proof for item in bundled.frozen.evidence}
    assert len(proofs) >= 55
    assert set(proofs.values()) == {"content"}
    # Of the base only micropip is left: packaging is pip's, which is newer.
    entries = bundled.lock["packages"]
    assert set(entries) == {*proofs, "micropip"}
    installed = set(map(sha256, wheels.glob("*.whl")))
    assert {key for key, entry in entries.items() if entry["sha256"] not in installed} == {
        "micropip"
    }
    for key, entry in entries.items():
        assert (
            entry["file_name"] == bundled.frozen.lockfile.packages[key].file_name.rpartition("/")[2]
        )
        assert entry["sha256"] == sha256(bundled.wheel(key))
        assert entry["imports"], key


def test_in_a_page(chromium: Any, bundled: Bundled) -> None:
    with boot(chromium, bundled) as page:
        check_loaded(bundled, page, page.load_packages(list(bundled.lock["packages"])))
        check_imports(bundled, page)
        check_frozen_again(bundled, page)


def test_in_a_worker_by_imports_alone(chromium: Any, bundled: Bundled) -> None:
    with boot(chromium, bundled, worker=True) as worker:
        code = "\n".join(f"import {name}" for name in claims(bundled.lock))
        check_loaded(bundled, worker, worker.load_packages_from_imports(code))
        check_frozen_again(bundled, worker)


def boot(chromium: Any, bundled: Bundled, *, worker: bool = False) -> ChromiumPyodide:
    """A Pyodide of the bundle's own."""
    bundled.site.reset()
    return ChromiumPyodide(
        chromium, bundled.site, lock_url=bundled.url + "pyodide-lock.json", worker=worker
    )


def check_loaded(
    bundled: Bundled, session: PyodideSession, loaded: Sequence[Mapping[str, str]]
) -> None:
    """Every file of the bundle came over the wire once, and nobody but the site was asked."""
    entries = bundled.lock["packages"]
    assert {item["name"] for item in loaded} == {entry["name"] for entry in entries.values()}
    asked = Counter(path for path in bundled.site.paths() if path.endswith(".whl"))
    assert asked == Counter(f"/deep/bundle/{entry['file_name']}" for entry in entries.values())
    assert {request.status for request in bundled.site.requests} == {200}
    fetched = session.run(
        "import js; [item.name for item in js.performance.getEntriesByType('resource')]", fresh=True
    )
    assert len(fetched) > len(entries)
    assert [url for url in fetched if not url.startswith(f"{bundled.site.root}/")] == []


def check_imports(bundled: Bundled, session: PyodideSession) -> None:
    """Every name that the lock promises comes out of the wheel that promises it."""
    owners = claims(bundled.lock)
    files, missing = session.run(IMPORT.format(names=json.dumps(list(owners))), fresh=True)
    assert set(missing.values()) == NOT_INSTALLED
    assert set(missing) | set(files) == set(owners)
    for name, file in files.items():
        with zipfile.ZipFile(bundled.wheel(owners[name])) as wheel:
            assert file is None or file in wheel.namelist()
    imported = {owners[name] for name, file in files.items() if file}
    assert imported == set(bundled.lock["packages"]) - {"matplotlib-inline"}


def check_frozen_again(bundled: Bundled, session: PyodideSession) -> None:
    """Without any request the same lock, which now says where the page loaded it from."""
    session.use_project()
    bundled.site.reset()
    again = inside.freeze(session)
    assert inside.freeze(session, sync=True).text == again.text
    assert bundled.site.requests == []
    assert again.totals["requests"] == 0
    assert set(again.proofs.values()) == {("base", "base")}
    assert again.left_out == []
    assert {code for code, _ in again.warnings} == {"not-portable"}  # loopback
    expected = bundled.lock
    for key, entry in expected["packages"].items():
        entry["file_name"] = bundled.url + entry["file_name"]
        assert again.packages[key] == entry
    assert len(expected["tool"]["micropip-lock"]["requested"]) == len(REQUIREMENTS)
    assert again.text == Lockfile.from_json(expected).to_json()
