"""Real JupyterLite sites:

built by `jupyter lite build`, with Pyodide from npm, and opened in Chromium.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from micropip_lock.integrations.jupyterlite.install import Order, Outcome, put
from micropip_lock.integrations.jupyterlite.site import Site

from . import installed, runtimes

VERSION = runtimes.VERSIONS[-1]
#: What the kernel loads from the lock of its Pyodide, and all of that lock that these sites have.
KERNEL_BASE = (
    "asttokens",
    "decorator",
    "executing",
    "ipython",
    "jedi",
    "matplotlib-inline",
    "micropip",
    "packaging",
    "parso",
    "prompt-toolkit",
    "pure-eval",
    "pygments",
    "six",
    "stack-data",
    "traitlets",
    "wcwidth",
)
#: Builds without what takes time and space, and no test looks at.
_SMALL = ("--no-sourcemaps", "--no-unused-shared-packages")
_RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
PLUGIN = "@jupyterlite/pyodide-kernel-extension:kernel"


def kernel_base() -> dict[str, Any]:
    """The lock of the newest Pyodide cut down to what the kernel needs, with the hashes of the
    index's wheels.
    """
    lock = runtimes.base_lock(VERSION)
    wheels = runtimes.read_json(_wheels() / "pyodide-lock.json")["packages"]
    kept = {
        name: {**lock["packages"][name], "file_name": entry["file_name"], "sha256": entry["sha256"]}
        for name, entry in wheels.items()
    }
    return {**lock, "packages": kept}


def _wheels() -> Path:
    return runtimes.emptied_base(VERSION, KERNEL_BASE)


def comm_wheel() -> Path:
    """What the kernel needs, and what no Pyodide has."""
    (wheel,) = runtimes.real_wheels("comm==0.2.3").glob("comm-*.whl")
    return wheel


def write_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Write a jupyter-lite.json with these settings of the kernel;

    tests look into the page, and at notebooks.
    """
    data: dict[str, Any] = {"exposeAppInBrowser": True, "contentsAllJsonFile": "all.json"}
    if settings:
        data["litePluginSettings"] = {PLUGIN: dict(settings)}
    path.write_text(json.dumps({"jupyter-lite-schema-version": 0, "jupyter-config-data": data}))


class LiteSite:
    """A folder that JupyterLite builds from, ``folder``, and what it builds, ``output``.

    Its Pyodide lies in static/pyodide, with ``base`` as its lock; ``comm`` is in pypi. Builds are
    small: one app, no source maps.
    """

    def __init__(
        self,
        folder: Path,
        *,
        base: Mapping[str, Any] | None = None,
        comm: bool = True,
        app: str = "notebooks",
    ) -> None:
        self.app = app
        self.folder = folder / "lite"
        self.output = folder / "site"
        self._home = folder / "home"
        self.pyodide = self.folder / "static" / "pyodide"
        for path in (self.pyodide, self._home / "cache"):
            path.mkdir(parents=True)
        for name in _RUNTIME:
            (self.pyodide / name).symlink_to(runtimes.runtime(VERSION) / name)
        for wheel in _wheels().glob("*.whl"):
            (self.pyodide / wheel.name).symlink_to(wheel)
        runtimes.write_json(self.pyodide / "pyodide-lock.json", base or kernel_base())
        if comm:
            self.add_wheel(comm_wheel())
        self.configure()

    def add_wheel(self, wheel: Path) -> None:
        """Hand a wheel to the kernel's own addon."""
        (self.folder / "pypi").mkdir(exist_ok=True)
        (self.folder / "pypi" / wheel.name).symlink_to(wheel)

    def configure(self, **settings: Any) -> None:
        """Write jupyter-lite.json, with these settings of the kernel."""
        write_settings(self.folder / "jupyter-lite.json", settings)

    def lite(
        self, command: str, *flags: str | Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run ``jupyter lite COMMAND``; stdout holds all that it said."""
        line = [
            "-m",
            "jupyterlite_core",
            command,
            "--lite-dir",
            str(self.folder),
            "--output-dir",
            str(self.output),
        ]
        return self.python(*line, "--apps", self.app, *_SMALL, *map(str, flags), **environment)

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the folder, without the settings of this machine;

        stdout holds all that it said.
        """
        own = {
            "HOME": self._home,
            "XDG_CACHE_HOME": self._home / "cache",
            "SSL_CERT_DIR": self._home,
        }
        own |= {"JUPYTER_CONFIG_DIR": self._home, "JUPYTER_PATH": self._home}
        # No proxy of the machine, and no warning of what JupyterLite could do with more packages.
        environment = {
            **{name: str(path) for name, path in own.items()},
            "PYTHONWARNINGS": "ignore",
            **environment,
        }
        clean = {
            name: value
            for name, value in installed.clean_environment().items()
            if not name.lower().endswith("_proxy") and not name.startswith(("JUPYTER", "SSL_CERT"))
        }
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=clean | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def build(self, *flags: str | Path, **environment: str) -> str:
        """Build; what was said. Raises SetupError when that fails."""
        done = self.lite("build", *flags, **environment)
        if done.returncode:
            raise runtimes.SetupError(done.stdout)
        return done.stdout

    def refused(self, *flags: str | Path, command: str = "build", **environment: str) -> str:
        """Build what cannot be built; what micropip-lock said."""
        done = self.lite(command, *flags, **environment)
        assert done.returncode, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        start = done.stdout.index("micropip-lock: ")
        return done.stdout[start:].strip()

    # -- without JupyterLite, which takes a second

    def tell(self, settings: Mapping[str, Any]) -> None:
        """Set the kernel's settings as a fresh build would leave them."""
        write_settings(self.folder / "jupyter-lite.json", settings)
        local = {"pyodideUrl": "./static/pyodide/pyodide.mjs"}
        write_settings(self.output / "jupyter-lite.json", {**local, **settings})

    def put(
        self, lock: Path, *, bundled: bool = True, local: bool = True, **options: Any
    ) -> Outcome:
        """Put a lock into what was built, as the addon does it."""
        return put(Site(self.output, self.folder, local), Order(lock, bundled, **options))

    # -- what was built

    def settings(self, name: str = "jupyter-lite.json") -> dict[str, Any]:
        """The kernel's settings."""
        data = runtimes.read_json(self.output / name)["jupyter-config-data"]
        settings: dict[str, Any] = data.get("litePluginSettings", {}).get(PLUGIN, {})
        return settings

    @property
    def lock_file(self) -> Path:
        """The lock that the kernel reads, from where its settings say."""
        url = self.settings()["loadPyodideOptions"]["lockFileURL"]
        path = self.output / url.partition("?")[0]
        assert url.partition("?sha256=")[2] == hashlib.sha256(path.read_bytes()).hexdigest()
        return path

    @property
    def packages(self) -> dict[str, dict[str, Any]]:
        """The entries of that lock."""
        packages: dict[str, dict[str, Any]] = runtimes.read_json(self.lock_file)["packages"]
        return packages

    def snapshot(self) -> dict[str, tuple[int, str]]:
        """Every file of ours, with its time and its hash."""
        files = [*self.lock_file.parent.rglob("*"), self.output / "jupyter-lite.json"]
        return {
            path.relative_to(self.output).as_posix(): (
                path.stat().st_mtime_ns,
                hashlib.sha256(path.read_bytes()).hexdigest(),
            )
            for path in files
            if path.is_file()
        }

    def add_notebook(self, name: str, cells: Sequence[str]) -> None:
        """Put a notebook into what was built, as jupyter-server would help JupyterLite to do."""
        (self.output / "files").mkdir(exist_ok=True)
        (self.output / "files" / name).write_text(json.dumps(notebook(cells)))
        told = {
            "name": name,
            "path": name,
            "type": "notebook",
            "format": None,
            "mimetype": None,
            "content": None,
        }
        told |= {
            "created": "2026-01-01T00:00:00Z",
            "last_modified": "2026-01-01T00:00:00Z",
            "writable": True,
        }
        whole = {
            **told,
            "name": "",
            "path": "",
            "type": "directory",
            "format": "json",
            "content": [told],
        }
        contents = self.output / "api" / "contents"
        contents.mkdir(parents=True, exist_ok=True)
        (contents / "all.json").write_text(json.dumps(whole))


def notebook(cells: Sequence[str]) -> dict[str, Any]:
    """A notebook of code cells."""
    return {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
            }
            | {"source": source}
            for number, source in enumerate(cells)
        ],
        "metadata": {
            "kernelspec": {
                "name": "python",
                "display_name": "Python (Pyodide)",
                "language": "python",
            },
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


class Tab:
    """A page of a site, open in a tab of its own until the end of a ``with`` block."""

    def __init__(self, driver: Chrome, url: str, *, timeout: float = 90) -> None:
        self.driver = driver
        self.timeout = timeout
        driver.switch_to.new_window("tab")
        self._handle = driver.current_window_handle
        driver.get(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the tab; the first one stays."""
        self.driver.switch_to.window(self._handle)
        self.driver.close()
        self.driver.switch_to.window(self.driver.window_handles[0])

    @property
    def outputs(self) -> list[str]:
        """What each cell of a notebook has said, as text."""
        found: list[str] = self.wait(_OUTPUTS)
        return found

    def wait(self, script: str) -> Any:
        """What a script returns, as soon as that is anything."""
        return WebDriverWait(self.driver, self.timeout, poll_frequency=0.1).until(
            lambda it: it.execute_script(script)
        )


@contextmanager
def run_cells(driver: Chrome, url: str, name: str) -> Iterator[Tab]:
    """Open a notebook of the site at ``url``, and run it to its end or an error."""
    with Tab(driver, f"{url}/notebooks/index.html?path={name}") as tab:
        tab.wait(_READY)
        driver.execute_script("jupyterapp.commands.execute('notebook:run-all-cells')")
        tab.wait(f"return !!(() => {{{_OUTPUTS}}})()")
        yield tab


def run_notebook(driver: Chrome, url: str, name: str) -> list[str]:
    """Run a notebook, and return what each cell has said."""
    with run_cells(driver, url, name) as tab:
        return tab.outputs


def run_in_repl(driver: Chrome, url: str, code: str) -> str:
    """Let the REPL of the site at ``url`` run some code, and return what it has said."""
    with Tab(driver, f"{url}/repl/index.html?kernel=python&execute=1&code={quote(code)}") as tab:
        said: str = tab.wait(_SAID)
        return said


# Cells that are run before the notebook has found its kernel open a dialogue instead.
_READY = """
const context = globalThis.jupyterapp?.shell?.currentWidget?.sessionContext;
return !!context?.isReady && context.session?.kernel?.connectionStatus === 'connected';
"""
_OUTPUTS = r"""
const model = jupyterapp.shell.currentWidget?.content?.model;
const cells = model ? Array.from(model.cells) : [];
const failed = cells.some((cell) => cell.outputs.toJSON().some((item) => item.output_type === 'error'));
if (!cells.length || !(failed || cells.every((cell) => cell.executionCount))) return null;
return cells.map((cell) => {
  const outputs = cell.outputs.toJSON();
  const text = (value) => Array.isArray(value) ? value.join('') : value ?? '';
  return outputs.map((item) => text(item.text) + text(item.data?.['text/plain']) + text(item.evalue)).join('');
});
"""
_SAID = """
const texts = Array.from(document.querySelectorAll('.jp-CodeConsole-content .jp-OutputArea-output'));
return texts.map((item) => item.textContent).join('') || null;
"""
