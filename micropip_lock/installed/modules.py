"""The modules of an installed distribution, where its wheel was not read."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..formats.wheel import WheelDescription
from ..formats.wheel_modules import WheelModules, is_module
from .distribution import InstalledDistribution

#: They unpack a wheel as it is, so what lies in site-packages is what lies in the wheel.
_UNPACKERS = frozenset({"micropip", "pyodide.loadPackage"})
#: Where others put scripts, headers and data when the scheme's root is site-packages itself (uv
#: --target).
_SCHEME_FOLDERS = frozenset({"bin", "scripts", "include", "share", "etc"})


def describe_installed(distribution: InstalledDistribution) -> WheelDescription:
    """The wheel of ``distribution``, as far as site-packages shows METADATA and modules."""
    files = _Checksums(distribution.folder, _module_files(distribution))
    return WheelDescription.of(distribution.metadata, WheelModules(files))


def _module_files(distribution: InstalledDistribution) -> list[str]:
    """The rows of RECORD that are modules and lie there, and all that regular packages have.

    A row does not say whether a file in ``bin/`` or ``share/`` is a script or data. Where the
    installer spreads wheels, such a folder counts only with an ``__init__``.
    """
    folder = distribution.folder
    left_out = frozenset() if distribution.installer in _UNPACKERS else _SCHEME_FOLDERS
    # What lies in a regular package is imported through it, so no other file there is read.
    below = tuple(f"{package}/" for package in _packages(distribution))

    def counts(path: str) -> bool:
        if path.startswith(below):
            return True
        if not is_module(path) or path.partition("/")[0].lower() in left_out:
            return False
        return (folder / path).is_file()

    return [path for path in distribution.record.sizes if counts(path)]


def _packages(distribution: InstalledDistribution) -> set[str]:
    """The regular packages at the root of site-packages."""
    inits = [
        path
        for path in distribution.record.sizes
        if "/__init__." in path and path.count("/") == 1 and is_module(path)
    ]
    return {path.partition("/")[0] for path in inits if (distribution.folder / path).is_file()}


class _Checksums(Mapping[str, int | None]):
    """Files below a folder -> CRC-32, None where one cannot be read.

    A file is read when its checksum is: hardly any is needed.
    """

    def __init__(self, folder: Path, paths: Sequence[str]) -> None:
        self._folder = folder
        self._paths = dict.fromkeys(paths)

    def __getitem__(self, path: str) -> int | None:
        self._paths[path]  # raises KeyError, as a Mapping does
        try:
            return zlib.crc32((self._folder / path).read_bytes())
        except OSError:
            return None

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)
