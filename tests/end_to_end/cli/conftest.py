from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from micropip_lock.cli.main import micropip_lock
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from ...support.freezing import base_document, forget_machine
from ...support.index_server import IndexServer
from ...support.installed import installer_target
from ...support.wheels import build_wheel


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


Run = Callable[..., Done]


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch, make_folder: Callable[[str], Path]) -> Path:
    """Nothing of the machine's settings, no wait between tries, and an empty working folder."""
    empty = make_folder("empty")
    forget_machine(monkeypatch, empty)
    monkeypatch.setenv("COLUMNS", "200")
    defaults = HttpxFetcher.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "delays", (0.0, 0.0))
    monkeypatch.chdir(empty)
    return empty


@pytest.fixture
def run() -> Run:
    """Run a command of the command line;

    an exception that is no exit is a traceback for users, so it is raised.
    """

    def call(*arguments: str | Path) -> Done:
        result = CliRunner().invoke(micropip_lock, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base without packages."""
    path = tmp_path / "base.json"
    path.write_text(json.dumps(base_document()))
    return path


@pytest.fixture
def site(index: IndexServer, tmp_path: Path) -> Path:
    """Two packages that the index has."""
    return installer_target(
        tmp_path / "site",
        build_wheel(index.folder, "demo", "1.0", requires=["lib"]),
        build_wheel(index.folder, "lib", "2.0"),
    )


@pytest.fixture
def freeze(run: Run, base: Path, site: Path, index: IndexServer) -> Run:
    """Freeze the site with further arguments."""

    def call(*arguments: str | Path) -> Done:
        return run("freeze", "--path", site, "--base", base, "--index-url", index.url, *arguments)

    return call


@pytest.fixture
def venv(tmp_path: Path, site: Path, base: Path) -> Iterator[Path]:
    """A Pyodide venv with the same packages, as `pyodide venv` lays it out."""
    folder = tmp_path / ".venv-pyodide"
    dist = tmp_path / "xbuildenv" / "dist"
    dist.mkdir(parents=True)
    (dist / "pyodide-lock.json").write_bytes(base.read_bytes())
    (folder / "lib" / "python3.14").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = {dist}\n")
    site.rename(folder / "lib" / "python3.14" / "site-packages")
    yield folder
