"""What the works start from:

an installed folder, locks, hashed requirements, and a place for the peers.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.utils import canonicalize_name

from micropip_lock import freeze
from tests.support import foreign_python, runtimes
from tests.support.installed import PYODIDE_314, clean_environment, pip_target

from . import copies, corpus
from .floors import gzipped, page_bytes, proof_bytes
from .linked import Link

FOLDER = runtimes.CACHE / "bench"


@dataclass(frozen=True)
class Inputs:
    """Everything below ``.cache/bench``.

    link: where the index is now, for locks and hashed requirements name it.
    """

    link: Link

    @property
    def index(self) -> Path:
        """The corpus."""
        return corpus.FOLDER

    @cached_property
    def pins(self) -> dict[str, str]:
        """Version by canonical name."""
        return corpus.pins()

    @cached_property
    def wheels(self) -> dict[str, Path]:
        """The wheel of each pin."""
        found = {}
        for name, version in self.pins.items():
            (found[name],) = (
                path
                for path in (self.index / "files" / name).glob("*.whl")
                if path.name.split("-")[1] == version
            )
        return found

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The sha256 of each pin's wheel."""
        found = {}
        for name, wheel in self.wheels.items():
            page = json.loads((self.index / "fat" / f"{name}.json").read_bytes())
            (found[name],) = (
                row["hashes"]["sha256"] for row in page["files"] if row["filename"] == wheel.name
            )
        return found

    @cached_property
    def urls(self) -> dict[str, str]:
        """Where each pin's wheel lies on the link server."""
        found = {}
        for name, wheel in self.wheels.items():
            page = json.loads((self.index / "fat" / f"{name}.json").read_bytes())
            (found[name],) = (
                self.link.root + row["url"]
                for row in page["files"]
                if row["filename"] == wheel.name
            )
        return found

    @cached_property
    def base(self) -> Path:
        """The lock of the Pyodide that everything is for."""
        return runtimes.runtime(runtimes.VERSIONS[-1]) / "pyodide-lock.json"

    @cached_property
    def empty_base(self) -> Path:
        """The same without packages:

        nothing is taken from it, as uv and pip take nothing from it.
        """
        lock = runtimes.base_lock(runtimes.VERSIONS[-1])
        path = FOLDER / "empty-base.json"
        path.write_text(json.dumps({"info": lock["info"], "packages": {}}))
        return path

    @cached_property
    def site(self) -> Path:
        """The folder that pip filled."""
        site = FOLDER / "site"
        if not (FOLDER / ".site").exists():
            self.link.set(latency=0, bandwidth=0)
            pip_target(
                site,
                "-r",
                str(self.index / "pins.txt"),
                index_url=self.link.url,
                flags=["--no-deps", "--upgrade"],
            )
            (FOLDER / ".site").touch()
        return site

    @cached_property
    def lock(self) -> Path:
        """Its lock, whose URLs are those of the link server."""
        self.link.set(latency=0, bandwidth=0)
        result = asyncio.run(freeze(path=self.site, base=self.base, index_urls=self.link.url))
        path = FOLDER / "pyodide-lock.json"
        result.write(path)
        return path

    @cached_property
    def hashed(self) -> Path:
        """All pins with their hashes, as a requirements file."""
        lines = [
            f"{name}=={version} --hash=sha256:{self.hashes[name]}\n"
            for name, version in self.pins.items()
        ]
        path = FOLDER / "hashed.txt"
        path.write_text("".join(lines))
        return path

    @cached_property
    def pure(self) -> Path:
        """The same without native wheels, for who can only install for this machine."""
        path = FOLDER / "pure.txt"
        lines = self.hashed.read_text().splitlines(keepends=True)
        kept = (
            line
            for line, wheel in zip(lines, self.wheels.values(), strict=True)
            if wheel.name.endswith("-none-any.whl")
        )
        path.write_text("".join(kept))
        return path

    @cached_property
    def curl(self) -> Path:
        """The URLs of all wheels, as curl's configuration."""
        path = FOLDER / "curl.txt"
        path.write_text("".join(f'url = "{url}"\nremote-name\n' for url in self.urls.values()))
        return path

    @cached_property
    def pages(self) -> dict[str, int]:
        """Bytes of each project page on the line."""
        return page_bytes(self.index)

    @cached_property
    def sidecars(self) -> dict[str, bytes]:
        """METADATA of each pin."""
        return {
            name: wheel.with_name(f"{wheel.name}.metadata").read_bytes()
            for name, wheel in self.wheels.items()
        }

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Bytes: what all pages, documents of one release, sidecars, wheels and proofs take on the
        line.
        """
        return {
            "pages": sum(self.pages.values()),
            "releases": sum(self._release_bytes(name) for name in self.pins),
            "sidecars": sum(map(len, self.sidecars.values())),
            "wheels": sum(wheel.stat().st_size for wheel in self.wheels.values()),
            "proofs": sum(map(proof_bytes, self.wheels.values())),
        }

    def _release_bytes(self, name: str) -> int:
        from .link_index import release_document

        page = json.loads((self.index / "fat" / f"{name}.json").read_bytes())
        document = release_document(
            page, name, self.pins[name], self.sidecars[name], self.link.root
        )
        return gzipped(json.dumps(document, separators=(",", ":")).encode())

    @cached_property
    def grown(self) -> Path:
        """The copies."""
        return copies.grow(FOLDER / "grown")

    @cached_property
    def uv_python(self) -> Path:
        """An interpreter that tells uv it is Pyodide's."""
        changes = json.dumps(foreign_python.probe_changes(PYODIDE_314.python, PYODIDE_314.year))
        asked = shlex.join([sys.executable, foreign_python.__file__, "probe", changes])
        path, text = FOLDER / "python", f'#!/bin/sh\nexec {asked} "$@"\n'
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            path.chmod(0o755)
        return path

    @cached_property
    def tools(self) -> Path:
        """The folder of commands of an environment that has micropip-lock and its peers, and
        nothing else.
        """
        venv = FOLDER / "venv"
        stamp = FOLDER / ".venv"
        project = runtimes.PROJECT / "pyproject.toml"
        if not stamp.exists() or stamp.stat().st_mtime < project.stat().st_mtime:
            pip = [
                str(venv / "bin" / "python"),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]
            for command in (
                [sys.executable, "-m", "venv", str(venv)],
                [*pip, "--upgrade", "pip"],
                [*pip, "--editable", f"{runtimes.PROJECT}[host,bench]"],
            ):
                subprocess.run(
                    command, env=runtimes.MACHINE_ENVIRON, check=True, stderr=subprocess.DEVNULL
                )
            stamp.touch()
        # Bytecode is there for everybody, as after an ordinary install.
        compiled = [
            str(venv / "bin" / "python"),
            "-m",
            "compileall",
            "-q",
            str(runtimes.PROJECT / "micropip_lock"),
        ]
        subprocess.run(compiled, env=clean_environment(), check=True)
        return venv / "bin"

    @cached_property
    def plain_venv(self) -> Path:
        """A virtual environment of this machine's Python with pip alone, to be copied."""
        venv = FOLDER / "plain-venv"
        if not (venv / "bin" / "python").exists():
            subprocess.run(
                [sys.executable, "-m", "venv", str(venv)], env=clean_environment(), check=True
            )
        return venv


def all_of(expected: dict[str, str], text: str, what: str) -> str:
    """What is missing of expected texts in a text, in words; nothing if all are there."""
    missing = [name for name, value in expected.items() if value not in text]
    return (
        f"{what} of {len(missing)} are missing or wrong: {', '.join(missing[:5])}"
        if missing
        else ""
    )


def same_pins(expected: dict[str, str], text: str) -> str:
    """Whether lines «name==version» name exactly what is expected; what is wrong, in words."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equal, version = line.partition("==")
        if equal and not line.startswith(("#", " ")):
            found[canonicalize_name(name.partition("[")[0])] = version.split()[0].split(";")[0]
    wrong = sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )
    return f"other versions: {', '.join(wrong[:5])}" if wrong else ""
