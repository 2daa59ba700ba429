"""The frozen lock through pyodide-lock, the reference reader:

it runs where Python is new enough, inside Pyodide.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.inside import freeze
from tests.support.installed import PYODIDE_314
from tests.support.node_pyodide import NodePyodide
from tests.support.wheels import sha256

#: pydantic is pure, its core is a native wheel (PEP 783).
REQUIREMENTS = ("pyodide-lock==0.2.1", "pydantic")
READ = """
import json
from pathlib import Path
from pyodide_lock import PyodideLockSpec

spec = PyodideLockSpec.from_json(Path("/tmp/pyodide-lock.json"))
spec.to_json(Path("/tmp/again.json"))
for entry in spec.packages.values():
    entry.file_name = entry.file_name.rpartition("/")[2]  # the check knows no URLs, neither micropip's nor ours
spec.check_wheel_filenames()
sorted(spec.packages)
"""


def test_pyodide_lock_reads_it(fresh_pyodide: Callable[..., NodePyodide]) -> None:
    wheels = runtimes.real_wheels(*REQUIREMENTS, platform=PYODIDE_314)
    session = fresh_pyodide(lock=runtimes.base_lock(runtimes.VERSIONS[-1]))
    session.load_packages(["packaging"])
    with IndexServer() as index:
        index.add_folder(wheels)
        session.install(*REQUIREMENTS, index_url=index.url)
        index.reset()
        frozen = {
            include: freeze(session, include=include) for include in ("installed", "distribution")
        }
        assert index.requests == []
        native = {
            name: wheel
            for wheel in wheels.glob("*wasm32.whl")
            if (name := wheel.name.split("-")[0])
        }
        assert "pydantic_core" in native
        for name, wheel in native.items():
            entry = frozen["installed"].entry(name.replace("_", "-"))
            assert (entry["file_name"], entry["sha256"]) == (
                index.file_url(wheel.name),
                sha256(wheel),
            )
            assert entry["imports"] == [name]
    for include, result in frozen.items():
        assert "tool" in result.lock
        session.write("/tmp/pyodide-lock.json", result.text.encode())
        assert session.run(READ) == sorted(result.packages), include
        again = json.loads(session.read("/tmp/again.json"))
        assert within(again, result.lock) == result.lock


def within(value: Any, model: Any) -> Any:
    """``value`` without the keys that ``model`` lacks:

    pyodide-lock writes every key it knows, with its default.
    """
    if isinstance(model, dict):
        return {key: within(value[key], part) for key, part in model.items() if key in value}
    return value
