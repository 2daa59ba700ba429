"""bundle() inside every supported Pyodide:

the files in its own file system, and the zip to take away.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from pathlib import Path

import pytest

from micropip_lock import Lockfile, bundle
from tests.support.freezing import quick_fetcher
from tests.support.index_server import IndexServer
from tests.support.node_pyodide import NodePyodide
from tests.support.runner_session import RunnerSession
from tests.support.runtimes import lock_entry
from tests.support.session import PyodideError
from tests.support.wheels import build_wheel, sha256

INFO = {
    "python": "3.14.2",
    "platform": "emscripten_5_0_3",
    "arch": "wasm32",
    "abi_version": "2026_0",
}


@pytest.fixture
def lock(index: IndexServer) -> str:
    """A lock of two wheels of an index."""
    names = ("app", "lib")
    wheels = [build_wheel(index.folder, name, "1.0") for name in names]
    entries = {
        name: lock_entry(wheel, index.file_url(wheel.name))
        for name, wheel in zip(names, wheels, strict=True)
    }
    return json.dumps({"info": INFO, "packages": entries})


def test_into_the_file_system(
    pyodide: NodePyodide, lock: str, index: IndexServer, tmp_path: Path
) -> None:
    pyodide.write("/lock.json", lock.encode())
    seen = pyodide.run("""
        import base64, os
        import micropip_lock
        sizes = []
        class Transfer:
            def expect(self, size): sizes.append(size)
            def advance(self, count): pass
            def end(self, done): assert done
        class Transfers:
            def begin(self, name): return Transfer()
        result = await micropip_lock.bundle("/lock.json", "/out/bundle", zip=True, progress=Transfers())
        packed = base64.b64encode(result.zip.read_bytes()).decode()
        [sorted(os.listdir("/out/bundle")), result.totals, sorted(sizes), packed]
    """)
    files = sorted(path.name for path in index.folder.rglob("*.whl"))
    total = sum(path.stat().st_size for path in index.folder.rglob("*.whl"))
    assert seen[0] == [*files, "pyodide-lock.json"]
    assert seen[1] == {"packages": 2, "requests": 2, "bytes": total, "wheel_bytes": total}
    assert sum(seen[2]) == total
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(seen[3]))) as archive:
        assert sorted(archive.namelist()) == [*files, "pyodide-lock.json"]
        inside = Lockfile.from_json(json.loads(archive.read("pyodide-lock.json")))
        assert {sha256(index.folder / name) for name in files} == {
            item.sha256 for item in inside.packages.values()
        }


def test_the_same_zip_as_on_the_host(pyodide314: RunnerSession, lock: str, tmp_path: Path) -> None:
    async def make() -> bytes:
        fetcher = quick_fetcher()
        try:
            result = await bundle(json.loads(lock), tmp_path / "bundle", zip=True, fetcher=fetcher)
        finally:
            await fetcher.aclose()
        assert result.zip is not None
        return result.zip.read_bytes()

    pyodide314.write("/lock.json", lock.encode())
    inside = pyodide314.run("""
        import base64, micropip_lock
        result = await micropip_lock.bundle("/lock.json", "/out/same", zip=True)
        base64.b64encode(result.zip.read_bytes()).decode()
    """)
    assert base64.b64decode(inside) == asyncio.run(make())


def test_wrong_bytes_leave_no_lock(pyodide: NodePyodide, lock: str, index: IndexServer) -> None:
    document = json.loads(lock)
    document["packages"]["lib"]["sha256"] = "0" * 64
    lock = json.dumps(document)
    pyodide.write("/lock.json", lock.encode())
    with pytest.raises(PyodideError) as caught:
        pyodide.run("import micropip_lock; await micropip_lock.bundle('/lock.json', '/out/wrong')")
    assert "content-mismatch" in caught.value.text
    assert pyodide.run("import os; os.listdir('/out/wrong')") == ["app-1.0-py3-none-any.whl"]
