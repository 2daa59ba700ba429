from __future__ import annotations

import hashlib
import json
import venv
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from micropip_lock.environment import pip_config as _pip_config
from micropip_lock.environment import settings as _settings
from micropip_lock.environment import uv_config as _uv_config

CDN = "https://cdn.example/pyodide/v1/full/"


@dataclass
class Machine:
    """A computer of its own: home, system folder, a working folder, environment variables."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def cwd(self) -> Path:
        return self.root / "work"

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def venv(self, name: str, dist: Path | None = None) -> Path:
        """A real venv; with ``dist``, its pyvenv.cfg names that folder, as a Pyodide venv's
        does.
        """
        folder = self.root / name
        venv.create(folder, symlinks=True)
        if dist is not None:
            config = folder / "pyvenv.cfg"
            lines = [
                line for line in config.read_text().splitlines() if not line.startswith("home")
            ]
            config.write_text("\n".join([f"home = {dist}", *lines]))
        return folder

    def distribution(self, name: str = "xbuildenv", *, cdn: str | None = CDN) -> Path:
        """What `pyodide xbuildenv install` leaves: dist with a lock, and a package_index of it."""
        files = {
            "attrs": "attrs-25.4.0-py3-none-any.whl",
            "plus": "plus-1.0+x-py3-none-any.whl",
            "lib": "lib-1.0.zip",
        }
        packages = {
            key: {
                "name": key,
                "version": "1.0",
                "file_name": file_name,
                "install_dir": "site",
                "sha256": hashlib.sha256(file_name.encode()).hexdigest(),
                "imports": [],
                "depends": [],
            }
            for key, file_name in files.items()
        }
        info = {
            "python": "3.14.2",
            "platform": "emscripten_5_0_3",
            "arch": "wasm32",
            "abi_version": "2026_0",
        }
        self.write(
            f"{name}/dist/pyodide-lock.json", json.dumps({"info": info, "packages": packages})
        )
        for key, entry in packages.items() if cdn else ():
            href = f"{cdn}{entry['file_name']}#sha256={entry['sha256']}"
            page = (
                f"<html><head><title>Links for {key}</title></head><body><a "
                f'href="{href}">{key}</a></body></html>'
            )
            self.write(f"{name}/package_index/{key}/index.html", page)
        return self.root / name / "dist"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for module in (_settings, _pip_config, _uv_config):
        monkeypatch.setattr(module, "SYSTEM_FOLDER", tmp_path / "etc")
    made = Machine(
        tmp_path, {"HOME": str(tmp_path / "home"), "USERPROFILE": str(tmp_path / "home")}
    )
    made.cwd.mkdir()
    return made
