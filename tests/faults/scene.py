"""A small world in which every command has something to do: an index that wants a password, an
environment, locks.

It lies in the same folder each time, so that what two runs leave can be compared byte by byte.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import socket
import sqlite3
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from click.testing import CliRunner

from micropip_lock.cli.main import micropip_lock
from micropip_lock.network.httpx_fetcher import HttpxFetcher
from micropip_lock.operations.sync.environment_files import WORK

from ..support.freezing import INFO, base_document, entry
from ..support.installed import clean_environment, installer_target
from ..support.runtimes import lock_entry
from ..support.wheels import build_wheel, sha256
from .disks import FILLER
from .server import FaultyIndex

HOST = "index.invalid"
USER, PASSWORD = "someone", "hunter2-is-a-secret"
SITE = "lib/python3.14/site-packages"
#: The Pyodide before, for a lock that is to be moved.
OLD_INFO = {**INFO, "python": "3.13.2", "platform": "emscripten_4_0_9", "abi_version": "2025_0"}


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that it said."""
        return self.out + self.err


@dataclass
class Scene:
    """The world. ``folder`` is as the template after `reset`, beside it lie the template and the
    home folder.
    """

    root: Path
    index: FaultyIndex
    #: What HttpxFetcher gets beside its defaults, and the pauses that it made.
    fetching: dict[str, Any] = field(default_factory=dict)
    pauses: list[float] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / "scene"

    @property
    def template(self) -> Path:
        return self.root / "template"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def reset(self) -> None:
        """Everything as it was, and no fault.

        Folders stay: there may be a disk of its own in one of them.
        """
        for path in self.folder.rglob("*"):
            if not path.is_dir():
                path.unlink()
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if not (self.template / path.relative_to(self.folder)).is_dir():
                path.rmdir()
        shutil.copytree(self.template, self.folder, symlinks=True, dirs_exist_ok=True)
        self.heal()

    def heal(self) -> None:
        """No fault any more; what was done stays."""
        self.index.heal()
        self.fetching.clear()
        self.pauses.clear()

    def run(self, *arguments: str | Path) -> Done:
        """Run a command in this process.

        An exception that is no exit would be a traceback for users: it is raised.
        """

        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)

        options = {"delays": (0.0, 0.0), "idle": 10.0, "sleep": sleep, **self.fetching}
        defaults = HttpxFetcher.__init__.__kwdefaults__
        assert defaults is not None
        with (
            mock.patch.dict(defaults, options),
            mock.patch.dict(os.environ, configuration(self.index)),
        ):
            result = CliRunner().invoke(micropip_lock, self.command(*arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    def command(self, *arguments: str | Path) -> list[str]:
        """The arguments, with names of files in the scene made whole."""
        return [*map(str, arguments), "--cache-dir", str(self.cache)]

    def at(self, name: str) -> Path:
        return self.folder / name

    def files(self) -> dict[str, str]:
        """Everything below the folder: file -> sha256. The cache is looked at by itself."""
        found = {}
        for place, _, names in os.walk(self.folder):
            for name in names:
                path = Path(place) / name
                known = path.relative_to(self.folder).as_posix()
                if name != FILLER and not known.startswith("cache/"):
                    found[known] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def check_cache(self) -> None:
        """Its database is whole, its wheels are what their names say."""
        if (self.cache / "facts.sqlite3").exists():
            with closing(sqlite3.connect(self.cache / "facts.sqlite3")) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for path in self.cache.glob("wheels/*/*"):
            assert path.name.startswith(".") or sha256(path) == path.name, path

    def check_secrets(self, *texts: str) -> None:
        """Nobody wrote the password down."""
        for text in texts:
            assert PASSWORD not in text, text
        for place, _, names in os.walk(self.folder):
            for name in names:
                assert PASSWORD.encode() not in (Path(place) / name).read_bytes(), name


def is_temporary(name: str) -> bool:
    """Whether a file is one that only a killed process may leave."""
    return name.endswith(".part") or WORK in Path(name).parts


@contextmanager
def resolving(address: str | None = "127.0.0.1") -> Iterator[None]:
    """The name of the index has this address, or none; every other name is what it is."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if host in (HOST, HOST.encode()):
            if address is None:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            host = address
        return real(host, *arguments, **options)

    with mock.patch.object(socket, "getaddrinfo", getaddrinfo):
        yield


@contextmanager
def scene(root: Path) -> Iterator[Scene]:
    """Build the world below ``root``."""
    home = root / "home"
    (home / "certificates").mkdir(parents=True)
    (home / ".netrc").write_text(f"machine {HOST} login {USER} password {PASSWORD}\n")
    (home / ".netrc").chmod(0o600)
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, environment(home), clear=True))
        stack.enter_context(resolving())
        index = stack.enter_context(
            FaultyIndex(root / "index", HOST, auth=(USER, PASSWORD), etag=True, release_json=True)
        )
        os.environ.update(configuration(index))
        made = Scene(root, index)
        _fill(made)
        yield made


def configuration(index: FaultyIndex) -> dict[str, str]:
    """pip's settings: passwords of netrc are for what is configured, and some commands take no
    --index-url.
    """
    return {"PIP_INDEX_URL": index.url}


def environment(home: Path) -> dict[str, str]:
    """No setting of this machine.

    Certificates of the whole world take longer to read than a cell may.
    """
    machine = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NETRC")
    kept = {
        name: value
        for name, value in clean_environment().items()
        if name not in machine and "proxy" not in name.lower()
    }
    kept |= {"HOME": str(home), "SSL_CERT_DIR": str(home / "certificates"), "COLUMNS": "200"}
    kept |= {"XDG_CACHE_HOME": str(home / "unused")}
    return kept


def _fill(made: Scene) -> None:
    """The template: it is built in the place of the scene, for some files name their folder."""
    folder, index = made.folder, made.index
    wheels = build_wheels(index.folder, made.root / "evil")
    out = folder / "out"
    installer_target(folder / "venv" / SITE, wheels["demo"], wheels["lib"])
    installer_target(out / "venv" / SITE, wheels["demo-0.9"], wheels["gone"])
    dist = folder / "xbuildenv" / "dist"
    dist.mkdir(parents=True)
    for venv in (folder / "venv", out / "venv"):
        (venv / "pyvenv.cfg").write_text(f"home = {dist}\n")
    base = base_document(entry("own", "2.0"))
    _write(dist / "pyodide-lock.json", base)
    _write(folder / "base.json", base)

    def lock(info: Mapping[str, Any] = INFO, **names: str) -> dict[str, Any]:
        entries = {
            name: lock_entry(
                wheels[key],
                index.file_url(wheels[key].name),
                imports=[name],
                depends=["lib"] if key == "demo" else (),
            )
            for name, key in names.items()
        }
        return {"info": dict(info), "packages": entries}

    _write(folder / "lock.json", lock(demo="demo", lib="lib"))
    _write(out / "out.json", lock(demo="demo-0.9"))
    _write(folder / "elsewhere.json", lock(OLD_INFO, demo="demo", lib="lib"))
    (out / "out.toml").write_text("# an older one\n")
    (out / "out.svg").write_text("<svg/>\n")
    (folder / "pylock.toml").write_text(_pylock(index, wheels["demo"], wheels["lib"]))
    # A bundle from before, beside it its zip.
    bundle = out / "bundle"
    bundle.mkdir()
    shutil.copy(wheels["demo-0.9"], bundle)
    old = lock(demo="demo-0.9")
    old["packages"]["demo"]["file_name"] = wheels["demo-0.9"].name
    _write(bundle / "pyodide-lock.json", old)
    (out / "bundle.zip").write_bytes(b"an older one")
    (folder / "cache").mkdir()
    shutil.copytree(folder, made.template, symlinks=True)


def build_wheels(folder: Path, evil: Path) -> dict[str, Path]:
    """The wheels of the index; and in ``evil`` other ones that look the same from outside."""
    content = random.Random(1).randbytes(60_000)
    wheels = {
        "demo-0.9": build_wheel(folder, "demo", "0.9", files={"demo.py": "0.9", "demo_old.py": ""}),
        "demo": build_wheel(
            folder,
            "demo",
            "1.0",
            files={"demo/__init__.py": "", "demo/data.bin": content},
            requires=["lib>=1"],
            entry_points={"demo": "demo:main"},
            stored=True,
        ),
        "lib": build_wheel(
            folder, "lib", "2.0", files={"lib.bin": content[:40_000], "lib.py": ""}, stored=True
        ),
        "lib-3": build_wheel(folder, "lib", "3.0", requires=["absent"]),
        "gone": build_wheel(folder, "gone", "1.0"),
    }
    for name in ("demo", "lib"):
        _replace(wheels[name], evil)
    return wheels


def _replace(wheel: Path, folder: Path) -> None:
    """Another wheel of the same name, with the same members of the same sizes."""
    with zipfile.ZipFile(wheel) as archive:
        contents = {item.filename: archive.read(item) for item in archive.infolist()}
    requires = ["lib>=1"] if wheel.name.startswith("demo") else []
    files = {name: data for name, data in contents.items() if ".dist-info/" not in name}
    files = {name: bytes(reversed(data)) for name, data in files.items()}
    points = {"demo": "demo:main"} if requires else None
    name, version = wheel.name.split("-")[:2]
    built = build_wheel(
        folder, name, version, files=files, requires=requires, entry_points=points, stored=True
    )
    assert built.stat().st_size == wheel.stat().st_size and sha256(built) != sha256(wheel)


def _pylock(index: FaultyIndex, *wheels: Path) -> str:
    text = 'lock-version = "1.0"\ncreated-by = "test"\n'
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        text += f'[[packages]]\nname = "{name}"\nversion = "{version}"\n[[packages.wheels]]\n'
        text += f'url = "{index.file_url(wheel.name)}"\nhashes = {{ sha256 = "{sha256(wheel)}" }}\n'
    return text


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1, sort_keys=True))
