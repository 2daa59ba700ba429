"""sync() of the running Pyodide, in every supported one:

by its own loader, with hashes checked, package by package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.inside import freeze
from tests.support.installed import PYODIDE_314
from tests.support.node_pyodide import NodePyodide
from tests.support.runner_session import RunnerSession
from tests.support.runtimes import lock_entry, read_json
from tests.support.session import PyodideError
from tests.support.wheels import build_wheel

Json = dict[str, Any]


def locked(session: NodePyodide, index: IndexServer, **wheels: Path) -> Json:
    """A lock for this Pyodide: what its own lock has, and these wheels, by the URL of the index."""
    lock: Json = read_json(runtimes.emptied_base(session.version) / "pyodide-lock.json")
    for name, wheel in wheels.items():
        lock["packages"][name] = lock_entry(wheel, index.file_url(wheel.name), imports=[name])
    return lock


def sync(session: NodePyodide, lock: Mapping[str, Any], **options: Any) -> Json:
    """What sync() did: package -> action; and what it says beside."""
    session.write("/lock.json", json.dumps(lock).encode())
    return session.run(f"""
        import json
        import micropip_lock
        plan = await micropip_lock.sync("/lock.json", **json.loads({json.dumps(options)!r}))
        {{"steps": {{step.package: step.action for step in plan.changes}}, "imported": list(plan.imported)}}
    """)


def test_install_replace_remove(pyodide: NodePyodide, index: IndexServer) -> None:
    first = build_wheel(
        index.folder, "app", "1.0", files={"app/__init__.py": "value = 1\n", "app/gone.py": ""}
    )
    second = build_wheel(index.folder, "app", "2.0", files={"app/__init__.py": "value = 2\n"})
    third = build_wheel(index.folder, "app", "3.0", files={"app/__init__.py": "value = 3\n"})
    other = build_wheel(index.folder, "other", "1.0")
    pyodide.install("app==1.0", index_url=index.url)
    assert pyodide.run("import app; app.value") == 1
    done = sync(pyodide, locked(pyodide, index, app=second, other=other))
    assert done == {"steps": {"app": "replace", "other": "install"}, "imported": ["app"]}
    index.reset()
    assert sync(pyodide, locked(pyodide, index, app=second, other=other))["steps"] == {}
    assert index.requests == []  # sync remembers what it wrote since the runtime started
    assert sync(pyodide, locked(pyodide, index, app=third), dry_run=True)["steps"] == {
        "app": "replace",
        "other": "remove",
    }
    seen = pyodide.run("""
        import importlib.metadata, pathlib, sys, sysconfig
        import pyodide_js
        del sys.modules["app"]
        import app, other
        site = pathlib.Path(sysconfig.get_path("purelib"))
        left = [(site / name).exists() for name in ("app/gone.py", ".micropip-lock")]
        [app.value, importlib.metadata.version("app"), *left,
         len(list(site.glob("app-*"))), sorted(pyodide_js.loadedPackages.to_py()),
         (site / "app-2.0.dist-info/INSTALLER").read_text()]
    """)
    assert seen == [
        2,
        "2.0",
        False,
        False,
        1,
        ["app", "micropip", "other", "packaging"],
        "micropip-lock\n",
    ]
    assert sync(pyodide, locked(pyodide, index))["steps"] == {"app": "remove", "other": "remove"}
    assert not pyodide.run("any((site / name).exists() for name in ('app', 'other'))")
    assert sync(pyodide, locked(pyodide, index, app=first, other=other), prune=False)["steps"] == {
        "app": "install",
        "other": "install",
    }


def test_what_micropip_installed_is_kept(pyodide: NodePyodide, index: IndexServer) -> None:
    """The runtime saw it: no server is asked. Another wheel of that version is replaced."""
    app = build_wheel(index.folder, "app", "1.0")
    pyodide.install("app", index_url=index.url)
    lock = locked(pyodide, index, app=app)
    index.reset()
    assert sync(pyodide, lock, dry_run=True)["steps"].get("app") is None
    assert index.requests == []
    lock["packages"]["app"]["sha256"] = "0" * 64
    assert sync(pyodide, lock, dry_run=True)["steps"]["app"] == "replace"


def test_the_lock_is_frozen_again(pyodide: NodePyodide, index: IndexServer) -> None:
    app = build_wheel(index.folder, "app", "1.0", requires=["packaging", "other"])
    other = build_wheel(index.folder, "other", "1.0", extras={"unused": ["app"]})
    pyodide.install("app", index_url=index.url)
    before = json.loads(freeze(pyodide).text)
    assert set(before["packages"]) == {"app", "other", "packaging", "micropip"}
    pyodide.reset()
    pyodide.load_packages(["packaging"])
    assert sync(pyodide, before)["steps"] == {
        "app": "install",
        "micropip": "install",
        "other": "install",
    }
    assert json.loads(freeze(pyodide).text) == before
    assert {app.name, other.name} <= {
        entry["file_name"].rpartition("/")[2] for entry in before["packages"].values()
    }


def test_a_native_wheel(pyodide314: RunnerSession, index: IndexServer) -> None:
    (wheel,) = runtimes.real_wheels("cbor2", platform=PYODIDE_314).glob("cbor2-*.whl")
    index.add(wheel)
    sync(pyodide314, locked(pyodide314, index, cbor2=wheel))
    assert pyodide314.run("import cbor2; cbor2.loads(cbor2.dumps([1, 'a']))") == [1, "a"]


def test_nothing_changes_when_a_wheel_is_wrong(pyodide: NodePyodide, index: IndexServer) -> None:
    good = build_wheel(index.folder, "good", "1.0")
    bad = build_wheel(index.folder, "bad", "1.0")
    unspread = build_wheel(index.folder, "unspread", "1.0", data={"purelib/unspread.py": ""})
    lock = locked(pyodide, index, good=good, bad=bad, unspread=unspread)
    lock["packages"]["bad"]["sha256"] = "0" * 64
    with pytest.raises(PyodideError) as caught:
        sync(pyodide, lock)
    assert "UnlockableError" in caught.value.text
    assert "content-mismatch" in caught.value.text and "layout" in caught.value.text
    assert pyodide.run("import importlib.util; importlib.util.find_spec('good') is None")


def test_another_abi(pyodide: NodePyodide, index: IndexServer) -> None:
    lock = locked(pyodide, index)
    lock["info"] = {**lock["info"], "abi_version": "1999_0", "python": "3.9.0"}
    with pytest.raises(PyodideError, match="ABI 1999_0; this is Python"):
        sync(pyodide, lock)


def test_a_failure_half_way(pyodide: NodePyodide, index: IndexServer) -> None:
    """The runtime refuses the second package:

    it stays as it was, and the error says what is done.
    """
    wheels = {name: build_wheel(index.folder, name, "1.0") for name in ("first", "second")}
    newer = {
        name: build_wheel(index.folder, name, "2.0", files={f"{name}/__init__.py": "value = 2"})
        for name in wheels
    }
    sync(pyodide, locked(pyodide, index, **wheels))
    pyodide.run("""
        from micropip_lock.environment.runtime import Runtime
        unpack = Runtime._unpack
        async def failing(self, wheel):
            await unpack(self, wheel)
            if wheel.name.startswith("second"):
                raise OSError(None, "the runtime is out of sorts", wheel.name)
        Runtime._unpack = failing
    """)
    with pytest.raises(PyodideError) as caught:
        sync(pyodide, locked(pyodide, index, **newer))
    assert "second: the runtime is out of sorts" in caught.value.text
    assert "It is as it was before. Done: first. Not done: nothing." in caught.value.text
    pyodide.run("Runtime._unpack = unpack")
    assert pyodide.run("""
        import importlib.metadata
        import pyodide_js
        [importlib.metadata.version("first"), importlib.metadata.version("second"),
         sorted(set(pyodide_js.loadedPackages.to_py()) & {"first", "second"})]
    """) == ["2.0", "1.0", ["first", "second"]]
    assert sync(pyodide, locked(pyodide, index, **newer))["steps"] == {"second": "replace"}


def test_a_folder_inside(pyodide314: RunnerSession, index: IndexServer) -> None:
    """A plain folder is changed as on the host, which takes the library that unpacks wheels
    there.
    """
    wheel = build_wheel(index.folder, "app", "1.0")
    index.add_folder(runtimes.real_wheels("installer"))
    lock = locked(pyodide314, index, app=wheel)
    lock["packages"] = {"app": lock["packages"]["app"]}
    pyodide314.run("import os; os.makedirs('/environment', exist_ok=True)")
    with pytest.raises(PyodideError, match="sync needs installer"):
        sync(pyodide314, lock, path="/environment")
    pyodide314.install("installer", index_url=index.url)
    assert sync(pyodide314, lock, path="/environment")["steps"] == {"app": "install"}
    assert "app-1.0.dist-info" in pyodide314.run("os.listdir('/environment')")
    assert pyodide314.run("import importlib.util; importlib.util.find_spec('app') is None")


def test_what_the_runtime_cannot_load(pyodide314: RunnerSession, index: IndexServer) -> None:
    """loadPackage raises nothing; sync says which package is missing, and what is done."""
    lock = locked(pyodide314, index, app=build_wheel(index.folder, "app", "1.0"))
    pyodide314.run("""
        from micropip_lock.environment.runtime import Runtime
        load = Runtime.load
        async def loading(self, names):
            await load(self, [name for name in names if name != "micropip"])
        Runtime.load = loading
    """)
    with pytest.raises(PyodideError) as caught:
        sync(pyodide314, lock)
    assert "micropip: the runtime could not load it; see its console" in caught.value.text
    assert "Done: app. Not done: nothing." in caught.value.text
    pyodide314.run("Runtime.load = load")
    assert sync(pyodide314, lock)["steps"] == {"micropip": "install"}
