"""The lock of a site: what was frozen, and what its Pyodide kernel needs to start.

Nothing is resolved: what the lock lacks is taken, as it is, from the site's own Pyodide or from its
own wheels.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from ..._util.url import is_http
from ...dependencies.extras import fits
from ...dependencies.graph import walk
from ...dependencies.markers import MarkerEvaluator
from ...errors import InputError, IntegrityError, Problem
from ...formats.core_metadata import CoreMetadata
from ...formats.lockfile import LockedPackage, Lockfile
from ...formats.target import Target
from ...formats.wheel_archive import inspect_wheel
from ...installed.import_names import imports
from ...operations.base import Base
from ...operations.bundle.wheel_supply import check_wheel, hashed
from ...operations.resolve.project import fits_python
from .site import Site

#: What the kernel's worker installs before the first cell runs.
NEEDED = ("micropip", "piplite", "ipykernel", "comm", "pyodide-kernel", "jedi", "ipython")


@dataclass(slots=True)
class SiteLock:
    """A lock in the making.

    ``own`` are files that the site itself serves, ``trusted`` the entries of a Pyodide that it
    loads from elsewhere; ``kernel`` are the packages that are loaded at the start.
    """

    lockfile: Lockfile
    own: dict[str, Path] = field(default_factory=dict)
    trusted: set[str] = field(default_factory=set)
    kernel: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)

    @property
    def rest(self) -> Lockfile:
        """The entries whose files the site does not have yet."""
        packages = {
            key: entry for key, entry in self.lockfile.packages.items() if key not in self.own
        }
        return replace(self.lockfile, packages=packages)


def check_target(lock: Lockfile, base: Lockfile, name: str) -> None:
    """Refuse a lock for another Pyodide than the site's. Raises `InputError`."""
    own = Target.from_info(base.info)
    try:
        other = Target.from_info(lock.info)
    except InputError as error:
        raise InputError(f"{name}: {error} Freeze again.") from error
    # Up to 0.27 the runtime compares its release, from 0.28 on its ABI.
    releases = {info.version for info in (lock.info, base.info) if info.version is not None}
    foreign = own.abi is None and len(releases) > 1
    if (own.abi, own.python_version) != (other.abi, other.python_version) or foreign:
        raise InputError(
            f"{name} is for Python {other.python}, ABI {other.abi}; the site loads a Pyodide with "
            f"Python {own.python}, ABI {own.abi}, which cannot boot from it. Freeze again in that "
            "Pyodide, or build with the Pyodide that the lock is for: --pyodide."
        )


def complete(lock: Lockfile, base: Base, site: Site, wanted: Iterable[str]) -> SiteLock:
    """Add to a frozen lock what the kernel needs and what is ``wanted`` at its start, from the
    site's own stock.

    The kernel's own wheels replace what the lock has under their names: its parts have to be of one
    version.
    """
    target = Target.from_info(base.lockfile.info)
    stock = _Stock(base, site, target)
    needed = [name for name in NEEDED if name != "piplite" or not site.piplite_is_elsewhere()]
    roots = list(dict.fromkeys([*needed, *map(canonicalize_name, wanted)]))
    packages = dict(lock.packages)
    made = SiteLock(lock, kernel=tuple(roots))
    for name in stock.kernel:
        if name in packages or name in needed:
            packages[name], made.own[name] = stock.kernel_wheel(name, packages.get(name))
    for name, entry in packages.items():
        if name not in made.own:
            packages[name] = stock.settle(name, entry, made)
    for name in walk(roots, lambda name: packages[name].depends if name in packages else ()):
        if name not in packages:
            found = stock.take(name, made)
            if found is None:
                made.problems.append(stock.missing(name, name in needed or name not in roots))
            else:
                packages[name] = found
    made.problems.extend(stock.conflicts(packages))
    placed = {
        name: replace(packages[name], file_name=site.name_of(path))
        for name, path in made.own.items()
    }
    made.lockfile = replace(lock, packages=dict(sorted({**packages, **placed}.items())))
    return made


def check_own(made: SiteLock, site: Site) -> Iterable[Problem]:
    """Check the site's files against the lock: with other files the kernel would never start."""
    for name, path in made.own.items():
        entry = made.lockfile.packages[name]
        where = (
            path.relative_to(site.output).as_posix()
            if path.is_relative_to(site.output)
            else path.name
        )
        try:
            size = hashed(path, entry.sha256)
            if size is None:
                raise IntegrityError(
                    f"it has another sha256 than {entry.sha256}, which the lock of the site gives"
                )
            if path.suffix == ".whl":
                with path.open("rb") as file:
                    check_wheel(name, entry, inspect_wheel(file, size, entry.sha256, name))
        except IntegrityError as error:
            message = f"{where} in the site cannot be used: {error}."
            hint = (
                "Put the lock and the files of one and the same release into static/pyodide (or "
                "--pyodide)."
            )
            yield Problem("content-mismatch", name, entry.version, message, hint)


@dataclass(frozen=True, slots=True)
class _OwnWheel:
    """A wheel that lies in the site."""

    path: Path
    entry: LockedPackage
    metadata: CoreMetadata


@dataclass(slots=True)
class _Stock:
    """A site's stock without a lock: its Pyodide, the kernel's wheels, and those of its owner."""

    base: Base
    site: Site
    target: Target
    markers: MarkerEvaluator = field(init=False)
    kernel: Mapping[str, Sequence[Path]] = field(init=False)
    others: Mapping[str, Sequence[Path]] = field(init=False)
    #: sha256 -> a file of the site.
    _files: dict[str, Path] = field(init=False)
    _requirers: list[_OwnWheel] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.markers = MarkerEvaluator.of(self.target)
        self.kernel = _by_name(self.site.kernel_wheels())
        self.others = _by_name(self.site.other_wheels())
        wheels = [
            path
            for group in (self.kernel, self.others)
            for paths in group.values()
            for path in paths
        ]
        self._files = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in wheels}
        for entry in self.base.lockfile.packages.values():
            if (path := self._base_file(entry)) is not None:
                self._files.setdefault(entry.sha256, path)

    def _base_file(self, entry: LockedPackage) -> Path | None:
        """The file of an entry of the Pyodide that lies in the site, if it does."""
        if self.base.folder is None or is_http(entry.file_name):
            return None
        path = self.base.folder / entry.file_name
        return path if self.site.has(path) else None

    def kernel_wheel(self, name: str, locked: LockedPackage | None) -> tuple[LockedPackage, Path]:
        """The kernel's wheel of that name: of several, that of the lock, else the newest."""
        paths = self.kernel[name]
        wanted = _version(locked.version) if locked is not None else None
        near = [
            path for path in paths if wanted is not None and _version_of(path).major == wanted.major
        ]
        wheel = self._read(max(near or paths, key=_version_of))
        return wheel.entry, wheel.path

    def settle(self, name: str, entry: LockedPackage, made: SiteLock) -> LockedPackage:
        """An entry of the lock, with its present file; the file name in it may be long invalid."""
        if (path := self._files.get(entry.sha256)) is not None:
            made.own[name] = path
            return entry
        own = self.base.entry(name)
        if own is not None and own.sha256 == entry.sha256:
            return self._placed(name, own, entry, made)
        return entry

    def _placed(
        self, name: str, own: LockedPackage, entry: LockedPackage, made: SiteLock
    ) -> LockedPackage:
        placed = self.base.placed(own)
        if not is_http(placed.file_name):
            return entry
        made.trusted.add(name)
        return replace(entry, file_name=placed.file_name)

    def take(self, name: str, made: SiteLock) -> LockedPackage | None:
        """An entry that the lock lacks."""
        own = self.base.entry(name)
        if own is not None:
            if (path := self._base_file(own)) is not None:
                made.own[name] = path
                return own
            placed = self._placed(name, own, own, made)
            if name in made.trusted:
                return placed
        if name in self.others:
            wheel = self._read(max(self.others[name], key=_version_of))
            made.own[name] = wheel.path
            return wheel.entry
        return None

    def missing(self, name: str, is_kernel: bool) -> Problem:
        """The problem that a package to load at the kernel's start cannot be found."""
        who = (
            "the kernel needs it to start"
            if is_kernel
            else "it is to be loaded when the kernel starts"
        )
        own = self.base.entry(name)
        has = f"has no file {own.file_name}" if own is not None else "does not have it"
        return Problem(
            "missing-dependency",
            name,
            None,
            f"{who}, but the lock does not have it, the site's Pyodide {has}, and no wheel of it "
            "was given.",
            f"Freeze again with it (%pip install {name}, or pip install {name}), hand its wheel "
            "to the build (--piplite-wheels), or build with a whole distribution of Pyodide "
            "(--pyodide).",
        )

    def conflicts(self, packages: Mapping[str, LockedPackage]) -> Iterable[Problem]:
        """What the kernel's wheels need at another version than is locked."""
        for wheel in self._requirers:
            if not fits_python(wheel.metadata.requires_python, self.target):
                yield Problem(
                    "wrong-platform",
                    canonicalize_name(wheel.entry.name),
                    wheel.entry.version,
                    "this part of the site's kernel needs Python "
                    f"{wheel.metadata.requires_python}, and the site's Pyodide has "
                    f"{self.target.python}.",
                    "Build with a Pyodide that the kernel is made for (--pyodide), or with "
                    "another kernel.",
                )
            for requirement in wheel.metadata.requires:
                name = canonicalize_name(requirement.name)
                holding = packages.get(name)
                if holding is None or not self.markers.holds(requirement):
                    continue
                if not fits(requirement, holding.version):
                    yield Problem(
                        "conflicting-dependency",
                        name,
                        holding.version,
                        f"the site's {wheel.entry.name} {wheel.entry.version} needs {requirement}.",
                        f"Install a {requirement} and freeze again, or build with a kernel that "
                        "is content with it.",
                    )

    def _read(self, path: Path) -> _OwnWheel:
        """An entry for a wheel of the site."""
        name = _name_of(path)
        try:
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            with path.open("rb") as file:
                contents = inspect_wheel(file, path.stat().st_size, sha256, name)
            metadata = contents.metadata
            active = [item for item in metadata.requires if self.markers.holds(item)]
        except (IntegrityError, ValueError, OSError) as error:
            raise InputError(
                f"{path}: {error}. Install what it is from again, and build anew."
            ) from error
        names, _ = imports({name: contents}, {})
        entry = LockedPackage(
            name=metadata.name,
            version=metadata.version,
            file_name=path.name,
            sha256=sha256,
            imports=names[name],
            depends=tuple(sorted({canonicalize_name(item.name) for item in active})),
        )
        wheel = _OwnWheel(path, entry, metadata)
        self._requirers.append(wheel)
        return wheel


def _by_name(wheels: Iterable[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for path in wheels:
        found[_name_of(path)].append(path)
    return dict(found)


def _name_of(path: Path) -> str:
    return canonicalize_name(path.name.partition("-")[0])


def _version_of(path: Path) -> Version:
    try:
        return parse_wheel_filename(path.name)[1]
    except InvalidWheelFilename:
        return Version("0")


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:
        return None
