"""The runtimes boot, install from loopback, forget what a test did, and never take the tests down
with them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from . import runtimes
from .index_server import IndexServer
from .node_pyodide import NodePyodide
from .session import PyodideDied, PyodideError, PyodideSession
from .wheels import build_wheel


def test_micropip_installs_from_loopback(pyodide: NodePyodide, index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0", requires=["other>=2"])
    build_wheel(index.folder, "other", "2.0")
    pyodide.install("demo", index_url=index.url)
    assert pyodide.run("import demo, other; [demo.__version__, other.__version__]") == [
        "1.0",
        "2.0",
    ]
    assert index.wheel_downloads == 2
    pyodide.reset()
    assert pyodide.run("import importlib.util; importlib.util.find_spec('demo')") is None
    pyodide.install("demo", index_url=index.url)
    assert pyodide.run("import demo; demo.__version__") == "1.0"


def test_printing_does_not_disturb(pyodide314: PyodideSession) -> None:
    code = """
    import js, sys
    print('{"value": 1}')
    print("error", file=sys.stderr)
    js.console.log('{"value": 2}')
    3
    """
    assert pyodide314.run(code) == 3


def test_exceptions_cross_over(pyodide314: PyodideSession) -> None:
    with pytest.raises(PyodideError, match="ZeroDivisionError: division by zero") as caught:
        pyodide314.run("1 / 0")
    assert caught.value.kind == "ZeroDivisionError"


def test_files(node314: NodePyodide, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    node314.mount(tmp_path, "/mnt/here")
    assert node314.run("open('/mnt/here/file').read()") == "hello"
    node314.write("/tmp/a/b", b"\xff\x00")
    assert node314.read("/tmp/a/b") == b"\xff\x00"


def test_stack_switching(pyodide314_jspi: NodePyodide) -> None:
    code = "import asyncio; from pyodide.ffi import run_sync; run_sync(asyncio.sleep(0, 'slept'))"
    assert pyodide314_jspi.run(code) == "slept"


def test_stuck_runtime_is_killed(fresh_pyodide: Callable[..., NodePyodide]) -> None:
    stuck = fresh_pyodide()
    with pytest.raises(PyodideDied, match="no answer to run"):
        stuck.run("while True: pass", timeout=1)
    assert not stuck.alive


def test_boots_from_a_localised_lock(
    fresh_pyodide: Callable[..., NodePyodide], index: IndexServer, tmp_path: Path
) -> None:
    base = runtimes.emptied_base(runtimes.VERSIONS[-1])
    lock = runtimes.read_json(base / "pyodide-lock.json")
    wheel = build_wheel(index.folder, "demo", "1.0")
    lock["packages"]["demo"] = runtimes.lock_entry(wheel, index.add(wheel), imports=["demo"])
    session = fresh_pyodide(lock=runtimes.localise(lock, tmp_path, index.folder))
    assert session.load_packages_from_imports("import demo") == [
        {"name": "demo", "version": "1.0", "channel": "default channel"}
    ]
    lock["packages"]["demo"]["sha256"] = "0" * 64
    with pytest.raises(LookupError, match="demo"):
        runtimes.localise(lock, tmp_path, index.folder)
