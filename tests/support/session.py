"""What tests do with a Pyodide, wherever it runs.

RunnerSession (what pytest-pyodide runs), NodePyodide and ChromiumPyodide differ in how they pass
messages.
"""

from __future__ import annotations

import base64
import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

PROJECT_PATH = "/project"  # where use_project() shows micropip_lock inside


class PyodideError(Exception):
    """A Python or JavaScript exception from inside;

    ``kind`` is its class, ``text`` the traceback.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


class PyodideDied(Exception):
    """The runtime did not answer in time, or is gone; the message has the last lines it printed."""


class PyodideSession:
    """A running Pyodide."""

    version: str
    alive = True

    def call(self, command: str, timeout: float | None = None, **values: Any) -> Any:
        """Send one command and wait for its answer. Raises PyodideError and PyodideDied."""
        raise NotImplementedError

    def close(self) -> None:
        """End the runtime."""
        raise NotImplementedError

    def use_project(self) -> None:
        """Make ``import micropip_lock`` work inside, with the sources of this checkout;

        kept by reset().
        """
        self.show_project()
        # no bytecode: a mounted folder is the checkout itself
        self.run(
            f"import sys; sys.dont_write_bytecode = True; sys.path.insert(0, {PROJECT_PATH!r})",
            fresh=True,
        )
        self.run(_REMEMBER, fresh=True)
        self.run(_KEEP_CODE, fresh=True)

    def show_project(self) -> None:
        """Bring the sources to PROJECT_PATH."""
        raise NotImplementedError

    def run(
        self, code: str, *, fresh: bool = False, sync: bool = False, timeout: float | None = None
    ) -> Any:
        """Run Python with top-level await; the value of the last expression, which must be
        JSON-able.

        fresh: in a namespace of its own. sync: by runPython, from where nothing can be awaited.
        """
        return self.call("run", timeout, code=textwrap.dedent(code), fresh=fresh, sync=sync)

    def write(self, path: str, content: bytes) -> None:
        """Write a file inside; its folders are made."""
        self.call("write", path=path, base64=base64.b64encode(content).decode())

    def read(self, path: str) -> bytes:
        """Read a file inside."""
        return base64.b64decode(self.call("read", path=path))

    def load_packages(self, names: Sequence[str]) -> list[dict[str, str]]:
        """pyodide.loadPackage; name, version and channel of what was loaded.

        A failed download raises nothing.
        """
        loaded: list[dict[str, str]] = self.call("loadPackages", names=list(names))
        return loaded

    def load_packages_from_imports(self, code: str) -> list[dict[str, str]]:
        """pyodide.loadPackagesFromImports."""
        loaded: list[dict[str, str]] = self.call(
            "loadPackagesFromImports", code=textwrap.dedent(code)
        )
        return loaded

    def install(self, *requirements: str, index_url: str, **options: Any) -> None:
        """micropip.install from one index; micropip is loaded first."""
        self.load_packages(["micropip"])
        arguments = json.dumps([list(requirements), {"index_urls": index_url, **options}])
        code = f"import json, micropip\nnames, options = json.loads({arguments!r})\n"
        self.run(code + "await micropip.install(names, **options)", fresh=True)

    def reset(self) -> None:
        """Back to the state after the boot:

        no installed packages, no imported ones, no names, no environment.
        """
        self.run(_RESTORE, fresh=True)

    def put_folder(self, folder: Path, path: str) -> None:
        """Copy a folder of the host to an absolute path inside."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.write(f"{path}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def remember(self) -> None:
        """Take what is there now as the state that reset() goes back to."""
        self.run(_REMEMBER, fresh=True)


_REMEMBER = """
import __main__, os, sys, sysconfig, types
import pyodide_js

memory = sys.modules.setdefault("_session_memory", types.ModuleType("_session_memory"))
memory.site = sysconfig.get_path("purelib")
memory.files = set(os.listdir(memory.site))
memory.modules = set(sys.modules)
memory.names = set(vars(__main__))
memory.path, memory.meta_path = list(sys.path), list(sys.meta_path)
memory.environ, memory.cwd = dict(os.environ), os.getcwd()
memory.loaded = set(pyodide_js.loadedPackages.to_py())
"""

# Each test imports micropip_lock, packaging and micropip anew. What was compiled once is kept, by
# path and source: to compile takes longer than most tests.
_KEEP_CODE = """
import _session_memory as memory
from importlib.machinery import SourceFileLoader

memory.code = {}
compiled = SourceFileLoader.source_to_code

def source_to_code(self, data, path, **options):
    key = path, bytes(data)
    if key not in memory.code:
        memory.code[key] = compiled(self, data, path, **options)
    return memory.code[key]

SourceFileLoader.source_to_code = source_to_code
None
"""

# The standard library's modules stay: importing them twice would give classes that look alike and
# are not the same.
_RESTORE = """
import __main__, importlib, os, shutil, sys
import _session_memory as memory
import pyodide_js

os.chdir(memory.cwd)
for name in set(os.listdir(memory.site)) - memory.files:
    path = os.path.join(memory.site, name)
    shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
for name in set(sys.modules) - memory.modules:
    if name.partition(".")[0] not in sys.stdlib_module_names:
        del sys.modules[name]
for name in set(vars(__main__)) - memory.names:
    del vars(__main__)[name]
for name in set(pyodide_js.loadedPackages.to_py()) - memory.loaded:
    delattr(pyodide_js.loadedPackages, name)
sys.path[:], sys.meta_path[:] = memory.path, memory.meta_path
os.environ.clear()
os.environ.update(memory.environ)
importlib.invalidate_caches()
"""
