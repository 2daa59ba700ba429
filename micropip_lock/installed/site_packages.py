"""site-packages on disk: .dist-info folders become `InstalledDistribution` values.

Everything read here is a claim: any wheel can ship any file into its own .dist-info.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from .._util.reading import read_regular
from ..errors import InputError, Problem
from ..formats.core_metadata import (
    CoreMetadata,
    WheelMetadata,
    parse_metadata,
    parse_wheel_metadata,
)
from ..formats.record import WRITTEN_BY_INSTALLERS, RecordRow, parse_record
from .distribution import ALWAYS_HASHED, InstalledDistribution
from .hints import install
from .site import Site


def scan(
    paths: Iterable[Path], site: Site = "venv"
) -> tuple[list[InstalledDistribution], list[Problem]]:
    """Every distribution in ``paths``, by canonical name, and what is wrong with the folders.

    ``site`` is what the folders belong to, which the hints depend on.
    Across folders the first on the path counts, as for the import system; names that begin with
    ``~`` are what pip leaves behind when it cannot delete. Raises `InputError` when a folder
    cannot be read.
    """
    found: dict[str, InstalledDistribution] = {}
    problems: dict[str, Problem] = {}
    for folder in paths:
        context: dict[str, InstalledDistribution] = {}
        for name in _entries(folder):
            if name.endswith(".dist-info"):
                distribution = _read(folder, name, site)
                first = context.setdefault(distribution.key, distribution)
                if first is not distribution and distribution.key not in found:
                    problems[distribution.key] = _duplicate(first, distribution)
            elif name.endswith((".egg-info", ".egg-link", ".egg")):
                legacy = _legacy(folder, name, site)
                if legacy.package not in found:
                    problems.setdefault(legacy.package, legacy)
        found = {**context, **found}
    return sorted(found.values(), key=lambda distribution: distribution.key), list(
        problems.values()
    )


def every(folder: Path) -> list[InstalledDistribution]:
    """Each .dist-info of a folder, also where a name has several. Raises `InputError`."""
    return [_read(folder, name, "venv") for name in _entries(folder) if name.endswith(".dist-info")]


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("~"))
    except (OSError, ValueError) as error:  # ValueError: NUL in the name
        raise InputError(
            f"Cannot read the folder {folder}: {getattr(error, 'strerror', None) or error}."
        ) from error


def _read(folder: Path, dist_info: str, site: Site) -> InstalledDistribution:
    named, version = _named(dist_info)
    files: dict[str, bytes] = {}
    faults: list[str] = []
    place = f"{folder}/{dist_info}"
    for name in _dist_info_files(place, faults):
        try:
            files[name] = read_regular(f"{place}/{name}")
        except OSError as error:
            faults.append(f"{name} cannot be read ({error.strerror or error})")
    metadata = CoreMetadata(named, version)
    wheel = WheelMetadata(frozenset())
    rows: Sequence[RecordRow] = ()
    for name in ("METADATA", "WHEEL", "RECORD"):
        try:
            if name not in files:
                raise ValueError("it is missing")
            if name == "METADATA":
                metadata = parse_metadata(files[name])
            elif name == "WHEEL":
                wheel = parse_wheel_metadata(files[name])
            else:
                rows = parse_record(files[name])
        except ValueError as error:
            faults.append(f"{name}: {error}")
    if canonicalize_name(metadata.name) != canonicalize_name(named):
        faults.append(f"METADATA names another project ({metadata.name})")
        metadata = CoreMetadata(named, version)
    return InstalledDistribution(
        folder, dist_info, files, metadata, wheel, rows, tuple(faults), site
    )


def _named(dist_info: str) -> tuple[str, str]:
    """Name and version in the name of a .dist-info folder."""
    # The specification wants the name's dashes escaped, but pip takes wheels whose are not.
    stem, dash, version = dist_info.removesuffix(".dist-info").rpartition("-")
    return (stem, version) if dash else (version, "0")


def _dist_info_files(folder: str, faults: list[str]) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError as error:
        faults.append(f"the folder cannot be read ({error.strerror or error})")
        return []
    return [
        name
        for name in names
        if name in ALWAYS_HASHED
        or (WRITTEN_BY_INSTALLERS.fullmatch(name) and not name.startswith("RECORD."))
    ]


def _duplicate(first: InstalledDistribution, second: InstalledDistribution) -> Problem:
    name = first.metadata.name
    current = [item for item in (first, second) if not item.changed_files("size")]
    if len(current) == 1:  # pip install --target --upgrade leaves the folder of the version before
        old = second if current[0] is first else first
        hint = (
            f"Remove the folder {first.folder / old.dist_info}: the files are those of "
            f"{current[0].dist_info}."
        )
    elif first.site == "folder":
        hint = (
            "Remove the folder of the version that you do not want, and install the other one "
            "again."
        )
    else:
        hint = f"Uninstall {name} until none is left, then install the one version you want."
    return Problem(
        "duplicate",
        first.key,
        first.version,
        f"there are two of it in {first.folder}: {first.dist_info} and {second.dist_info}.",
        hint,
    )


def _legacy(folder: Path, name: str, site: Site) -> Problem:
    stem = name.rpartition(".")[0]
    project, _, rest = stem.partition("-")
    version = rest.partition("-")[0]
    return Problem(
        "legacy-metadata",
        canonicalize_name(project),
        version or None,
        f"it was installed without a wheel, in a form that records no contents ({folder / name}).",
        install(f"{project}=={version}" if version else project, site, folder),
    )
