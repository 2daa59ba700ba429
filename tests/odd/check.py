"""Install each set in three ways, freeze what that left, resolve the same pins, and compare with
the wheels.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from micropip_lock import (
    FreezeResult,
    LockedPackage,
    Lockfile,
    Problem,
    UnlockableError,
    freeze,
    resolve,
)

from ..support.index_server import IndexServer
from ..support.installed import clean_environment, pip_target, uv_target
from ..support.runtimes import base_lock, runtime
from .distribution import Distribution
from .sets import Set, depends, sets
from .verdicts import NOT_INSTALLED_BY, NOT_RESOLVED, REFUSED, UNLOCKABLE

RELEASE = "314.0.7"


@dataclass(frozen=True)
class Wrong:
    """Something that is not as it should be. ``by``: the installer, or "resolve"."""

    package: str
    by: str
    says: str

    def __str__(self) -> str:
        return f"{self.package:28} {self.by:10} {self.says}"


def by_pip(folder: Path, members: Sequence[Distribution], index_url: str) -> Path:
    """``pip install --target``; returns site-packages."""
    return pip_target(
        folder, *(item.pin for item in members), index_url=index_url, flags=["--no-deps"]
    )


def by_uv(folder: Path, members: Sequence[Distribution], index_url: str) -> Path:
    """``uv pip install --target``; returns site-packages."""
    return uv_target(
        folder, *(item.pin for item in members), index_url=index_url, flags=["--no-deps"]
    )


def by_installer(folder: Path, members: Sequence[Distribution], index_url: str) -> Path:
    """``python -m installer``; returns site-packages."""
    command = [
        sys.executable,
        "-m",
        "installer",
        "--destdir",
        str(folder),
        "--prefix",
        "/odd",
        "--no-compile-bytecode",
    ]
    wheels = [str(item.path) for item in members]
    subprocess.run(
        [*command, *wheels], env=clean_environment(), capture_output=True, text=True, check=True
    )
    (site,) = sorted(folder.glob("odd/lib/python3*/site-packages"))
    return site


INSTALLERS: Mapping[str, Callable[[Path, Sequence[Distribution], str], Path]] = {
    "pip": by_pip,
    "uv": by_uv,
    "installer": by_installer,
}


def check(distributions: Sequence[Distribution], place: Path) -> Iterator[Wrong]:
    """What is wrong with any of these; ``place`` is an empty folder."""
    made = sets(distributions, place / "placeholders", apart=REFUSED)
    with IndexServer() as index:
        for one in made:
            index.add(*(item.path for item in one.all))
        for number, one in enumerate(made):
            yield from _check_set(one, index, place / f"set{number}")


def _check_set(one: Set, index: IndexServer, place: Path) -> Iterator[Wrong]:
    locks: dict[str, Lockfile] = {}
    for name, install in INSTALLERS.items():
        members = [item for item in one.all if name not in NOT_INSTALLED_BY.get(item.name, ())]
        if not members:
            continue
        folder = place / name
        folder.mkdir(parents=True)
        site = install(folder, members, index.url)
        lock, wrong = _frozen(site, members, index.url)
        yield from (Wrong(package, name, says) for package, says in wrong)
        if lock:
            locks[name] = lock
            yield from (
                Wrong(package, name, says) for package, says in untrue(lock, members, index)
            )
    yield from _resolved(one, index, locks)


def _frozen(
    site: Path, members: Sequence[Distribution], index_url: str
) -> tuple[Lockfile | None, list[tuple[str, str]]]:
    """The lock, and what freeze should not have said.

    What must be refused is, and then is locked with --download.
    """
    expected = {(item.name, code) for item in members for code in REFUSED.get(item.name, ())}
    result, problems = _freeze(site, members, index_url)
    told = {(problem.package, problem.code): problem for problem in problems}
    wrong = [
        (package, f"{code}: {told[package, code].message}")
        for package, code in sorted(told.keys() - expected)
    ]
    wrong += [
        (package, f"is not refused ({code})") for package, code in sorted(expected - told.keys())
    ]
    if result is None:
        never = {item.name for item in members} & UNLOCKABLE
        result, problems = _freeze(site, members, index_url, download=True, exclude=never)
        wrong += [
            (problem.package, f"--download: {problem.code}: {problem.message}")
            for problem in problems
        ]
    if result is None:
        named = {problem.package for problem in problems}
        result, problems = _freeze(site, members, index_url, download=True, exclude=named | never)
    return (result.lockfile if result else None), wrong


def _freeze(
    site: Path, members: Sequence[Distribution], index_url: str, **options: Any
) -> tuple[FreezeResult | None, Sequence[Problem]]:
    base = runtime(RELEASE) / "pyodide-lock.json"
    requested = [item.pin for item in members]
    try:
        return asyncio.run(
            freeze(path=site, base=base, index_urls=index_url, requested=requested, **options)
        ), ()
    except UnlockableError as error:
        return None, error.problems


def untrue(
    lock: Lockfile, members: Sequence[Distribution], index: IndexServer
) -> Iterator[tuple[str, str]]:
    """What a lock says otherwise than the wheels do."""
    needed = depends(members)
    for item in members:
        entry = lock.packages.get(item.name)
        if entry is None:
            if item.name not in UNLOCKABLE:
                yield item.name, "is not in the lock"
            continue
        if (entry.file_name, entry.sha256) != (index.file_url(item.path.name), item.sha256):
            yield item.name, f"another wheel: {entry.file_name} {entry.sha256}"
        if set(entry.depends) != needed[item.name]:
            yield (
                item.name,
                f"depends: {sorted(entry.depends)} instead of {sorted(needed[item.name])}",
            )
        yield from ((item.name, says) for says in _wrong_imports(entry.imports, item))


def _wrong_imports(imports: Iterable[str], item: Distribution) -> Iterator[str]:
    for name in imports:
        if not _is_there(name.replace(".", "/"), item.modules):
            yield f"imports: {name} is not in the wheel"
    for name in _top_level(item.modules):
        if not any(one == name or one.startswith(f"{name}.") for one in imports):
            yield f"imports: {name} is missing"


def _is_there(path: str, members: Iterable[str]) -> bool:
    module = re.compile(rf"{re.escape(path)}(/.*|\.py|\.pyc|\.[^/]*so)")
    return any(module.fullmatch(member) for member in members)


def _top_level(members: Iterable[str]) -> set[str]:
    """Names of modules at the root of site-packages, and of folders that hold modules."""
    parts = [member.removesuffix(".py").split("/") for member in members if member.endswith(".py")]
    return {path[0] for path in parts if all(map(str.isidentifier, path))}


def _resolved(one: Set, index: IndexServer, locks: Mapping[str, Lockfile]) -> Iterator[Wrong]:
    """Where the locks, and that of resolve, differ."""
    members = [item for item in one.all if item.name not in UNLOCKABLE]
    expected = {
        (item.name, NOT_RESOLVED[item.name]) for item in members if item.name in NOT_RESOLVED
    }
    lock, problems = _resolve([item.pin for item in members], index.url)
    told = {(problem.package, problem.code): problem for problem in problems}
    for package, code in sorted(told.keys() - expected):
        yield Wrong(package, "resolve", f"{code}: {told[package, code].message}")
    for package, code in sorted(expected - told.keys()):
        yield Wrong(package, "resolve", f"is not refused ({code})")
    if lock is None:
        named = {problem.package for problem in problems}
        lock, _ = _resolve([item.pin for item in members if item.name not in named], index.url)
    everything = {**locks, "resolve": lock} if lock else locks
    for item in members:
        yield from _differences(item.name, everything)


def _resolve(pins: Sequence[str], index_url: str) -> tuple[Lockfile | None, Sequence[Problem]]:
    base = Lockfile.from_json({"info": base_lock(RELEASE)["info"], "packages": {}})
    try:
        return asyncio.run(resolve(pins, base=base, index_urls=index_url)).lockfile, ()
    except UnlockableError as error:
        return None, error.problems


def _differences(name: str, locks: Mapping[str, Lockfile]) -> Iterator[Wrong]:
    entries = {
        by: _said(lock.packages[name]) for by, lock in locks.items() if name in lock.packages
    }
    first = next(iter(entries), "")
    for by, entry in entries.items():
        for field, value in entry.items():
            if value != entries[first][field]:
                yield Wrong(
                    name, by, f"{field}: {value} instead of {first}'s {entries[first][field]}"
                )


def _said(entry: LockedPackage) -> dict[str, object]:
    return {
        "file_name": entry.file_name,
        "sha256": entry.sha256,
        "depends": list(entry.depends),
        "imports": list(entry.imports),
    }
