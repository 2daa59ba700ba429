"""Packages in any number, as like those of a real index as random numbers make them, and an index
that has them.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.loopback import LoopbackServer, Request
from tests.support.replies import JSON_TYPE, Reply
from tests.support.wheels import build_wheel, escaped, record_row, sha256, wheel_member, write_zip

#: For two Pyodides: what ``info`` says, and the tag of wheels that are for one of them alone.
NEW = {
    "python": "3.14.2",
    "platform": "emscripten_5_0_3",
    "arch": "wasm32",
    "abi_version": "2026_0",
}
OLD = {
    "python": "3.13.2",
    "platform": "emscripten_4_0_9",
    "arch": "wasm32",
    "abi_version": "2025_0",
}
NEW_TAG, OLD_TAG = "cp314-cp314-pyemscripten_2026_0_wasm32", "cp313-cp313-pyodide_2025_0_wasm32"

_WORDS = (
    "azure cloud data django fast flask grid json lazy meta net open parse py quick rest simple "
    "table text web"
)


@dataclass(frozen=True, slots=True)
class Package:
    """One project, at the version that is installed and locked."""

    name: str
    version: str
    requires: tuple[str, ...]
    extras: Mapping[str, tuple[str, ...]]
    module: str
    native: bool

    def build(self, folder: Path, tag: str) -> Path:
        """Its wheel."""
        code = f'"""{self.name}"""\n' + "".join(
            f"NUMBER_{number} = {number}\n" for number in range(40)
        )
        files = {
            f"{self.module}/{name}.py": f"# {name}\n{code}"
            for name in ("__init__", "core", "errors")
        }
        return build_wheel(
            folder,
            self.name,
            self.version,
            files=files,
            requires=self.requires,
            extras=self.extras,
            tag=tag,
        )


def packages(count: int, seed: int = 9) -> list[Package]:
    """So many packages. They need earlier ones only, popular ones most of all, but for a few
    circles of two.

    Every seventh has an extra, which some of those that need it ask for; one in a hundred has one
    that explains a package that no other one needs. One in ten is native, one in
    twenty in a namespace.
    """
    random, words = Random(seed), _WORDS.split()
    names = [f"{random.choice(words)}-{random.choice(words)}-{number}" for number in range(count)]
    needed: list[list[int]] = []
    for number in range(count):
        wanted = random.choice((0, 0, 1, 1, 2, 2, 3, 4, 6)) if number else 0
        needed.append(sorted({int(number * random.random() ** 3) for _ in range(wanted)}))
    for number in range(20, count, 200):  # the former needs the latter already
        needed[number - 1].append(number)
        needed[number] = sorted({*needed[number], number - 1})
    reached = {other for others in needed for other in others}
    lonely = [number for number in range(count) if number not in reached]
    found = []
    for number, name in enumerate(names):
        extras = {}
        if number % 7 == 3:
            extras["fast"] = (names[int(number * random.random() ** 3)],)
        if number % 100 == 50:
            extras["docs"] = (names[random.choice(lonely)],)
        requires = tuple(_requirement(names[other], other, random) for other in needed[number])
        requires += ('colorama>=0.4; sys_platform == "win32"',) if number % 9 == 0 else ()
        module = f"{name.split('-')[0]}_space/part{number}" if number % 20 == 7 else escaped(name)
        version = f"{random.randrange(1, 5)}.{random.randrange(20)}.{random.randrange(10)}"
        found.append(Package(name, version, requires, extras, module, number % 10 == 4))
    return found


def _requirement(name: str, number: int, random: Random) -> str:
    extra = "[fast]" if number % 7 == 3 and random.random() < 0.3 else ""
    marker = '; python_version >= "3.9"' if random.random() < 0.2 else ""
    return f"{name}{extra}{random.choice(('', '>=1.0', '>=1,<6', '!=0.9'))}{marker}"


def chain(count: int) -> list[Package]:
    """So many packages of which each needs the one before: the deepest graph that there is."""
    names = [f"link-{number}" for number in range(count)]
    needs = [(), *((name,) for name in names)]
    return [
        Package(name, "1.0", needed, {}, escaped(name), native=False)
        for name, needed in zip(names, needs, strict=False)
    ]


class LoadIndex(LoopbackServer):
    """An index of ``packages`` on loopback: pages with three versions each, sidecars, range
    requests.

    Native ones have a wheel for each Pyodide. Requests are counted, not kept.
    """

    def __init__(self, folder: Path, found: Sequence[Package]) -> None:
        super().__init__()
        self.folder = folder
        self.packages = found
        self.count = 0
        self.sent = 0
        self.wheels: dict[str, Path] = {}
        self._pages: dict[str, bytes] = {}
        self._metadata: dict[str, bytes] = {}
        for package in found:
            tags = (NEW_TAG, OLD_TAG) if package.native else ("py3-none-any",)
            built = [package.build(folder, tag) for tag in tags]
            self.wheels[package.name] = built[0]
            self._pages[package.name] = json.dumps(self._page(package, built)).encode()

    @property
    def url(self) -> str:
        """The simple root."""
        return f"{self.root}/simple"

    def file_url(self, wheel: Path) -> str:
        """Where a wheel is."""
        return f"{self.root}/files/{wheel.name}"

    def reset(self) -> None:
        with self._lock:
            self.count = self.sent = 0

    def log(self, request: Request) -> None:
        with self._lock:
            self.count += 1
            self.sent += request.bytes

    def respond(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        """Route a request."""
        kind, _, name = path.strip("/").partition("/")
        if kind == "simple" and name in self._pages:
            return Reply(200, self._pages[name], JSON_TYPE)
        if kind == "files" and name in self._metadata:
            return Reply(200, self._metadata[name], "application/octet-stream", ranges=True)
        if kind == "files" and name.endswith((".whl", ".zip")) and (self.folder / name).is_file():
            return Reply(
                200, (self.folder / name).read_bytes(), "application/octet-stream", ranges=True
            )
        return Reply(404, b"not found\n")

    def _page(self, package: Package, built: Sequence[Path]) -> dict[str, Any]:
        files = []
        major = int(package.version.partition(".")[0])
        for version in (f"{major - 1}.0", package.version, f"{major + 1}.0"):
            for wheel in built:
                name = wheel.name.replace(f"-{package.version}-", f"-{version}-")
                item: dict[str, Any] = {"filename": name, "url": f"../../files/{name}"}
                if wheel.name == name:
                    metadata = wheel_member(wheel, "METADATA")
                    self._metadata[f"{name}.metadata"] = metadata
                    item |= {"hashes": {"sha256": sha256(wheel)}, "size": wheel.stat().st_size}
                    item["core-metadata"] = {"sha256": hashlib.sha256(metadata).hexdigest()}
                else:  # listed, and never needed
                    item |= {
                        "hashes": {"sha256": hashlib.sha256(name.encode()).hexdigest()},
                        "size": 5000,
                    }
                files.append(item | {"upload-time": "2026-01-01T00:00:00Z"})
        versions = sorted({f"{major - 1}.0", package.version, f"{major + 1}.0"})
        return {
            "meta": {"api-version": "1.1"},
            "name": package.name,
            "versions": versions,
            "files": files,
        }


def install(site: Path, wheels: Sequence[Path], requested: Sequence[str] = ()) -> Path:
    """Unpack wheels into a folder as pip does;

    ``requested`` names get the mark of a request (REQUESTED).
    """
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
            info = next(
                name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name
            )
        added = {"INSTALLER": b"pip\n"}
        if wheel.name.partition("-")[0].replace("_", "-") in requested:
            added["REQUESTED"] = b""
        with (site / info / "RECORD").open("a", encoding="utf-8") as record:
            for name, content in added.items():
                (site / info / name).write_bytes(content)
                record.write(",".join(record_row(f"{info}/{name}", content)) + "\n")
    return site


def base(info: Mapping[str, str], index: LoadIndex, libraries: int = 0) -> dict[str, Any]:
    """A Pyodide's lock with nothing in it but some shared libraries, which are no wheels, and a
    ``tool``.
    """
    entries = {}
    for number in range(libraries):
        file = index.folder / f"lib{number}-1.0.zip"
        write_zip(file, {f"lib{number}.so": f"library {number}".encode()})
        entries[f"lib{number}"] = {
            "name": f"lib{number}",
            "version": "1.0",
            "file_name": index.file_url(file),
            "install_dir": "dynlib",
            "sha256": sha256(file),
            "package_type": "shared_library",
            "imports": [],
            "depends": [],
            "unvendored_tests": False,
        }
    return {"info": dict(info), "packages": entries, "tool": {}}


def lock(found: Sequence[Package]) -> dict[str, Any]:
    """A lock of packages whose wheels exist nowhere.

    Circles are left out: no runtime could load them.
    """
    numbers = {package.name: number for number, package in enumerate(found)}
    entries = {}
    for number, package in enumerate(found):
        needed = {Requirement(text).name for text in package.requires} & numbers.keys()
        wheel = f"{escaped(package.name)}-{package.version}-{NEW_TAG if package.native else 'py3-none-any'}.whl"
        entries[package.name] = {
            "name": package.name,
            "version": package.version,
            "file_name": f"https://files.example/{package.name}/{wheel}",
            "install_dir": "site",
            "sha256": hashlib.sha256(wheel.encode()).hexdigest(),
            "package_type": "package",
            "imports": [package.module.replace("/", ".")],
            "depends": sorted(name for name in needed if numbers[name] < number),
            "unvendored_tests": False,
        }
    return {
        "info": dict(NEW),
        "packages": entries,
        "tool": {"micropip-lock": {"requested": unnamed(found)}},
    }


def unnamed(found: Sequence[Package]) -> list[str]:
    """The packages that no other one mentions: somebody must have asked for them."""
    texts = (
        text
        for package in found
        for group in (package.requires, *package.extras.values())
        for text in group
    )
    mentioned = {canonicalize_name(Requirement(text).name) for text in texts}
    return [package.name for package in found if package.name not in mentioned]
