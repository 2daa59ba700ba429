"""A Pyodide venv that follows a lock:

made, synced, filled by other installers, and compared with the wheels.
"""

from __future__ import annotations

import asyncio
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256 as hash_of
from pathlib import Path
from typing import Any

from micropip_lock import Lockfile
from micropip_lock.operations.sync.plan import Plan
from micropip_lock.operations.sync.run import sync

from .freezing import INFO, base_document, quick_fetcher
from .index_server import IndexServer
from .runtimes import lock_entry
from .wheels import build_wheel

SITE = "lib/python3.14/site-packages"
#: What installers write, and scripts, whose first line they rewrite.
WRITTEN = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "provenance_url.json")


@dataclass
class Venv:
    """A Pyodide venv, and the lock it is to follow, whose wheels are served by an index."""

    prefix: Path
    index: IndexServer
    cache: Path
    wheels: dict[str, Path] = field(default_factory=dict)

    @property
    def site(self) -> Path:
        return self.prefix / SITE

    def add(self, name: str, version: str = "1.0", **options: Any) -> Path:
        """Build a wheel, and let the lock have it."""
        folder = self.index.folder / f"{len(list(self.index.folder.iterdir()))}"
        wheel = build_wheel(folder, name, version, **options)
        self.index.add(wheel)
        self.wheels[name] = wheel
        return wheel

    def lock(self, *names: str) -> Lockfile:
        """A lock of these packages; all, if none is named."""
        chosen = names or tuple(self.wheels)
        wheels = [self.wheels[name] for name in chosen]
        entries = {
            name: lock_entry(wheel, self.index.file_url(wheel.name))
            for name, wheel in zip(chosen, wheels, strict=True)
        }
        return Lockfile.from_json({**base_document(), "packages": entries})

    def sync(self, *names: str, lock: Any = None, **options: Any) -> Plan:
        """Sync with a lock of these packages, with a cache of its own."""

        async def run() -> Plan:
            fetcher = quick_fetcher(offline=options.pop("no_network", False))
            try:
                given = {"path": self.site, "cache_dir": self.cache, **options}
                return await sync(
                    self.lock(*names) if lock is None else lock, fetcher=fetcher, **given
                )
            finally:
                await fetcher.aclose()

        return asyncio.run(run())

    def files(self) -> dict[str, str]:
        """Everything in the environment: file -> hash, or where a link leads."""
        return snapshot(self.prefix)

    def actions(self, plan: Plan) -> dict[str, str]:
        return {step.package: step.action for step in plan.changes}

    def check(self, *names: str, beside: Mapping[str, str] | None = None) -> None:
        """Every file of every wheel is there with its hash, and nothing else but ``beside``."""
        chosen = names or tuple(self.wheels)
        expected = expected_files([self.wheels[name] for name in chosen])
        found = self.files()
        for name, digest in expected.items():
            assert name in found, f"{name} is missing"
            assert digest in (None, found[name]), f"{name} has other contents"
        extra = found.keys() - expected.keys()
        assert extra == set(OWN) | set(beside or {}), extra ^ (set(OWN) | set(beside or {}))
        for name, digest in (beside or {}).items():
            assert found[name] == digest, name


OWN = ("pyvenv.cfg", "bin/python")


def snapshot(prefix: Path) -> dict[str, str]:
    """File -> sha256 of everything below a folder."""
    found: dict[str, str] = {}
    for place, folders, names in os.walk(prefix):
        for name in [*names, *(name for name in folders if (Path(place) / name).is_symlink())]:
            path = Path(place) / name
            link = path.is_symlink()
            found[path.relative_to(prefix).as_posix()] = (
                f"-> {path.readlink()}" if link else hash_of(path.read_bytes()).hexdigest()
            )
    return found


def expected_files(wheels: list[Path]) -> dict[str, str | None]:
    """Where the files of wheels are in a venv -> sha256;

    None where installers write other bytes.
    """
    expected: dict[str, str | None] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        info = next(
            name.partition("/")[0] for name in contents if name.endswith(".dist-info/RECORD")
        )
        data = info.removesuffix(".dist-info") + ".data/"
        for name, content in contents.items():
            scheme, _, rest = (
                name.removeprefix(data).partition("/") if name.startswith(data) else ("", "", name)
            )
            project = wheel.name.partition("-")[0]
            folder = {
                "scripts": "bin/",
                "data": "",
                "headers": f"include/site/python3.14/{project}/",
            }.get(scheme, f"{SITE}/")
            written = scheme == "scripts" or (
                name.startswith(info) and name.rpartition("/")[2] in WRITTEN
            )
            expected[folder + rest] = None if written else hash_of(content).hexdigest()
        for name in ("RECORD", "INSTALLER", "provenance_url.json"):
            expected[f"{SITE}/{info}/{name}"] = None
        points = contents.get(f"{info}/entry_points.txt", b"").decode().splitlines()
        expected.update(
            dict.fromkeys(f"bin/{line.partition('=')[0].strip()}" for line in points if "=" in line)
        )
    return expected


def make_venv(prefix: Path, info: Mapping[str, Any] = INFO) -> Path:
    """A venv as `pyodide venv` lays it out, empty."""
    dist = prefix.parent / f"{prefix.name}-dist"
    dist.mkdir(parents=True)
    (dist / "pyodide-lock.json").write_text(json.dumps({**base_document(), "info": dict(info)}))
    (prefix / SITE).mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").write_text("#!/bin/sh\n")
    (prefix / "pyvenv.cfg").write_text(f"home = {dist}\n")
    return prefix


def install(venv: Venv, *wheels: Path) -> None:
    """Install as another installer would, without a word of where the wheels are from."""
    from installer import install as install_wheel
    from installer.destinations import SchemeDictionaryDestination
    from installer.sources import WheelFile

    scheme = dict.fromkeys(("purelib", "platlib"), str(venv.site))
    scheme |= {"scripts": str(venv.prefix / "bin"), "data": str(venv.prefix)}
    for wheel in wheels:
        scheme["headers"] = str(
            venv.prefix / "include/site/python3.14" / wheel.name.partition("-")[0]
        )
        with WheelFile.open(wheel) as source:
            install_wheel(source, SchemeDictionaryDestination(scheme, "python", "posix"), {})
