from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from micropip_lock.cli.main import micropip_lock
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from ...support import runtimes
from ...support.freezing import forget_machine
from ...support.index_server import IndexServer
from ...support.installed import PLATFORMS
from ...support.node_pyodide import NodePyodide
from ...support.pyodide_interpreter import Distribution, Venv, make_distribution, make_venv
from ...support.wheels import record_row, repack, write_zip


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def evidence(self) -> dict[str, tuple[str, str]]:
        """Name -> claim and proof, of ``--json``."""
        return {item["package"]: (item["claim"], item["proof"]) for item in self.json["evidence"]}


@dataclass
class Workplace:
    """A machine with a Pyodide, an index, and the server that has the wheels of Pyodide's base."""

    root: Path
    version: str
    index: IndexServer
    cdn: IndexServer
    base: dict[str, Path] = field(default_factory=dict)

    @property
    def distribution(self) -> Distribution:
        """The Pyodide."""
        return Distribution(self.root / "pyodide-root", self.version)

    def install_pyodide(self) -> None:
        """With the wheels of ``base`` in its lock."""
        entries = []
        for name, wheel in self.base.items():
            own = runtimes.base_lock(self.version)["packages"].get(name, {})
            imports = own.get("imports", [name])
            depends = [need for need in own.get("depends", []) if need in self.base]
            entries.append(
                {**runtimes.lock_entry(wheel, imports=imports, depends=depends), "name": name}
            )
        make_distribution(self.distribution.root, self.version, self.cdn.file_url(""), *entries)

    def venv(self, name: str, tool: str) -> Venv:
        """A venv, with the pip.conf that `pyodide venv` writes, and the index of this machine."""
        venv = Venv(self.root / name, PLATFORMS[self.version], self.root / "cache")
        package_index = f"only-binary=:all:\nextra-index-url=file:{self.distribution.package_index}"
        conf = f"[global]\nindex-url={self.index.url}\n\n[install]\n{package_index}\n"
        return make_venv(tool, self.distribution.python, venv, pip_conf=conf)

    def run(self, command: str, *arguments: str | Path, **environ: str) -> Done:
        """``micropip-lock``, in the folder of this machine and with its settings only."""
        with pytest.MonkeyPatch.context() as patch:
            forget_machine(patch, self.root)
            for name in ("PIP_CONFIG_FILE", "UV_NO_CONFIG"):
                patch.delenv(name, raising=False)
            for name, value in {
                "XDG_CACHE_HOME": str(self.root / "cache"),
                "COLUMNS": "200",
                **environ,
            }.items():
                patch.setenv(name, value)
            patch.setitem(HttpxFetcher.__init__.__kwdefaults__, "delays", (0.0, 0.0))  # type: ignore[arg-type]
            patch.chdir(self.root)
            result = CliRunner().invoke(micropip_lock, [command, *map(str, arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    def boots(self, lock: Mapping[str, Any]) -> dict[str, str]:
        """Boot Pyodide from a lock, load and import all of it;

        name -> version, as importlib.metadata has it.
        """
        wheels = [self.index.folder, self.cdn.folder]
        with NodePyodide(
            self.version, lock=runtimes.localise(lock, self.root / "boot", *wheels)
        ) as pyodide:
            pyodide.load_packages(sorted(lock["packages"]))
            modules = [module for entry in lock["packages"].values() for module in entry["imports"]]
            code = "import importlib, importlib.metadata as metadata\n"
            code += f"for module in {modules!r}: importlib.import_module(module)\n"
            code += "{item.name: item.version for item in metadata.distributions()}"
            found: dict[str, str] = pyodide.run(code)
            return found


def patched(wheel: Path, folder: Path) -> Path:
    """The same release as Pyodide builds it: with a change of its own."""
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    changed = next(name for name in members if name.endswith("/__init__.py"))
    record = next(name for name in members if name.endswith(".dist-info/RECORD"))
    old = ",".join(record_row(changed, members[changed])).encode()
    members[changed] += b"# as Pyodide builds it\n"
    assert old in members[record]
    members[record] = members[record].replace(
        old, ",".join(record_row(changed, members[changed])).encode()
    )
    write_zip(folder / wheel.name, members)
    return folder / wheel.name


Workplaces = Callable[..., Workplace]


@pytest.fixture(scope="module")
def workplaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplaces]:
    """Makes machines; the base of each has packaging as the index has it, and micropip in a build
    of its own.
    """
    servers: list[IndexServer] = []

    def make(version: str) -> Workplace:
        root = tmp_path_factory.mktemp(f"pyodide-{version}")
        made = Workplace(root, version, IndexServer(root / "wheels"), IndexServer(root / "cdn"))
        servers.extend((made.index, made.cdn))
        for server in (made.index, made.cdn):
            server.__enter__()
        for wheel in runtimes.emptied_base(version).glob("*.whl"):
            name = wheel.name.split("-")[0]
            os.link(wheel, made.index.folder / wheel.name)
            make_own = patched if name == "micropip" else repack
            made.base[name] = make_own(wheel, made.cdn.folder)
        return made

    yield make
    for server in servers:
        server.close()
