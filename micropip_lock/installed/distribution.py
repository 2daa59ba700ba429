"""site-packages on disk: .dist-info folders become `InstalledDistribution` values.

Everything read here is a claim: any wheel can ship any file into its own .dist-info.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from packaging.utils import canonicalize_name
from packaging.version import Version

from .._util.reading import open_regular, read_regular
from ..errors import InputError, Problem
from ..formats.core_metadata import (
    CoreMetadata,
    WheelMetadata,
    parse_metadata,
    parse_wheel_metadata,
)
from ..formats.direct_url import InstallNote, parse_install_note
from ..formats.record import (
    WRITTEN_BY_INSTALLERS,
    Record,
    RecordRow,
    bytecode_source,
    digest,
    parse_record,
)
from .hints import install
from .installation import Installation
from .site import Site

CheckFiles = Literal["size", "hash", "off"]

_BLANKS = re.compile(r"(?<=\S)[^\S\r\n]{2,}")

_BYTECODE = (".pyc", ".pyo")

#: Files of .dist-info whose contents decide the lock's entry: their hashes are always compared.
_ALWAYS_HASHED = frozenset({"METADATA", "WHEEL", "entry_points.txt"})


class SiteFiles:
    """The files of a site-packages folder, by path relative to it.

    Nothing is raised for one that cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._prefix = f"{folder}/"

    def size(self, path: str) -> int | None:
        """The size of a file in bytes; None when it is not there."""
        try:
            # A Path for each of thousands of files would cost more than the question itself.
            return os.stat(self._prefix + path).st_size  # noqa: PTH116
        except (OSError, ValueError):
            return None

    def is_file(self, path: str) -> bool:
        """Whether a file lies at ``path``."""
        return os.path.isfile(self._prefix + path)  # noqa: PTH113

    def digest(self, path: str, algorithm: str) -> str | None:
        """The hash of a file as RECORD writes it; ``algorithm`` is hashlib's name.

        None: it cannot be read.
        """
        data = self._read(path)
        return None if data is None else digest(data, algorithm)

    def size_and_crc(self, path: str) -> tuple[int, int] | None:
        """The size of a file in bytes, and its CRC-32. None: it cannot be read."""
        data = self._read(path)
        return None if data is None else (len(data), zlib.crc32(data))

    def _read(self, path: str) -> bytes | None:
        try:
            return _whole(self._prefix + path)
        except (OSError, ValueError):
            return None


#: They install what a wheel has in ``__pycache__``. The library installer leaves it out, and so do
#: those that use it.
_INSTALLERS_OF_BYTECODE = frozenset({"pip", "uv", "micropip", "pyodide.loadPackage"})


@dataclass(frozen=True)
class InstalledDistribution:
    """One .dist-info folder, with the bytes of the files in it that matter."""

    #: The folder it lies in (site-packages).
    folder: Path
    #: The name of its .dist-info folder.
    dist_info: str
    files: Mapping[str, bytes]
    metadata: CoreMetadata
    wheel: WheelMetadata
    rows: Sequence[RecordRow]
    #: What could not be read; such a distribution cannot be locked.
    faults: tuple[str, ...] = ()
    #: What the folder belongs to.
    site: Site = "venv"
    #: Unlike the other fields these are read often.
    key: str = field(init=False)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", canonicalize_name(self.metadata.name))
        object.__setattr__(self, "version", self.metadata.version)

    @property
    def installer(self) -> str:
        """The text of INSTALLER, without white space around it; empty when there is none."""
        return self.text("INSTALLER")

    @cached_property
    def note(self) -> InstallNote | None:
        """The install note of `sync`; None when another installer installed this distribution."""
        return (
            parse_install_note(self.files.get("provenance_url.json", b"{}"))
            if self.installer == "micropip-lock"
            else None
        )

    def text(self, name: str) -> str:
        """The text of a small file in .dist-info; empty when it is missing."""
        return self.files.get(name, b"").decode("utf-8", errors="replace").strip()

    @cached_property
    def versions(self) -> frozenset[Version]:
        """The versions an index may list it under: METADATA may lack the file name's local part."""
        named = self.dist_info.removesuffix(".dist-info").rpartition("-")[2]
        found = set()
        for text in (self.metadata.version, named):
            try:
                found.add(Version(text))
            except ValueError:  # InvalidVersion, or more digits than Python converts
                continue
        return frozenset(found)

    @cached_property
    def record(self) -> Record:
        """The rows, for questions about all of them."""
        return Record.of(self.rows)

    @cached_property
    def module_paths(self) -> frozenset[str]:
        """The paths of RECORD that lie in site-packages."""
        return frozenset(self.record.sizes)

    @cached_property
    def entry_points(self) -> frozenset[str]:
        """The names of its console and GUI scripts."""
        if "entry_points.txt" not in self.files:
            return frozenset()
        import configparser  # slow to import in Pyodide

        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
        parser.optionxform = str  # type: ignore[assignment, method-assign]  # names are case-sensitive
        try:
            parser.read_string(one_blank(self.text("entry_points.txt")))
        except configparser.Error:
            return frozenset()
        groups = ("console_scripts", "gui_scripts")
        return frozenset(
            name for group in groups if parser.has_section(group) for name in parser[group]
        )

    @property
    def unspread(self) -> bool:
        """Whether ``.data/purelib`` or ``platlib`` lies where the wheel had it, so not
        importable.
        """
        # One search in one text: an environment has thousands of paths, none of which has a NUL in
        # it.
        data = self.dist_info.removesuffix(".dist-info") + ".data/"
        paths = "\0".join(["", *self.record.sizes])
        return f"\0{data}purelib/" in paths or f"\0{data}platlib/" in paths

    @property
    def lies_unspread(self) -> bool:
        """Whether a file lies below ``.data/purelib`` or ``platlib``.

        pip 19.0.2 left such rows behind in RECORD, and put the files where they belong.
        """
        data = self.dist_info.removesuffix(".dist-info") + ".data/"
        folders = (f"{data}purelib/", f"{data}platlib/")
        return self.unspread and any(
            self.site_files.is_file(path) for path in self.record.sizes if path.startswith(folders)
        )

    def installation(self, check_files: CheckFiles) -> Installation:
        """This distribution, as `proof.comparison.compare` takes it.

        ``check_files`` "hash" compares CRC-32s with the disk as well.
        """
        return Installation(
            self.rows,
            self.site_files,
            self.entry_points,
            check_crc=check_files == "hash",
            skips_bytecode=self.installer not in _INSTALLERS_OF_BYTECODE,
            puts_data_among_packages=self.installer == "uv",  # with --target
            keeps_data_outside=self.installer == "pip",
        )

    @cached_property
    def site_files(self) -> SiteFiles:
        """The files of the folder it is installed in."""
        return SiteFiles(self.folder)

    def changed_files(
        self, check: CheckFiles, *, compiled: bool = False, sizes: Mapping[str, int] | None = None
    ) -> list[str]:
        """The files that are missing or not as the installed RECORD says.

        Rows without a size are compared by hash. Bytecode of a listed source, and rows that leave
        the folder, are never opened or required. With ``compiled`` a source file may be missing
        when bytecode lies in its place, as in Pyodide's own builds. ``sizes`` are those of files in
        the folder, where they are known; for other files the file system is read.
        """
        changed = [
            row.path
            for row in self._in_question(check, sizes or {})
            if not self._unchanged(row, check)
        ]
        return [
            path
            for path in changed
            if not (compiled and path.endswith(".py") and (self.folder / (path + "c")).exists())
        ]

    def _in_question(self, check: CheckFiles, sizes: Mapping[str, int]) -> Iterable[RecordRow]:
        """The rows to check one by one: hardly any of thousands, when sizes are compared."""
        record = self.record
        if check == "hash" or not record.is_unique:
            return (row for row in self.rows if not row.leaves_folder)
        rows = [
            (path, size)
            for path, size in record.sizes.items()
            if not (path.endswith(_BYTECODE) and self._is_compiled(path))
        ]
        paths = {self._info_prefix + name for name in _ALWAYS_HASHED}
        paths.update(path for path, size in rows if size is None)
        if check == "size":
            found = sizes.get if sizes else self.site_files.size
            paths.update(path for path, size in rows if found(path) != size)
        return (record.row(path) for path in record.sizes if path in paths)

    def _is_compiled(self, path: str) -> bool:
        """Whether this is bytecode of a source that is listed as well."""
        return bytecode_source(path) in self.record.entries

    def _unchanged(self, row: RecordRow, check: CheckFiles) -> bool:
        path = row.path
        if path.startswith(self._info_prefix):
            name = path[len(self._info_prefix) :]
            if name in _ALWAYS_HASHED:
                return (
                    not row.strong
                    or digest(self.files.get(name, b""), row.algorithm or "") == row.digest
                )
            # RECORD cannot hold its own hash, and PYODIDE_* are replaced after unpacking.
            if WRITTEN_BY_INSTALLERS.fullmatch(name):
                return True
        if self._is_compiled(path):
            return True
        if row.strong and (check == "hash" or row.size is None):
            return self.site_files.digest(path, row.algorithm or "") == row.digest
        if check == "off":
            return True
        found = self.site_files.size(path)
        return found is not None and row.size in (None, found)

    @cached_property
    def _info_prefix(self) -> str:
        return self.dist_info + "/"

    @property
    def faults_are_shipped(self) -> bool:
        """Whether METADATA and WHEEL, one of which cannot be read, are as the wheel had them by the
        RECORD.
        """
        rows = [self.record.row(path) for path in self._described if path in self.record.entries]
        return len(rows) == len(self._described) and all(
            self._unchanged(row, "off") for row in rows
        )

    @property
    def _described(self) -> tuple[str, ...]:
        return (self._info_prefix + "METADATA", self._info_prefix + "WHEEL")

    @cached_property
    def metadata_sha256(self) -> str:
        """The sha256 of METADATA as it lies on disk, in hex (PEP 658's hash)."""
        return hashlib.sha256(self.files.get("METADATA", b"")).hexdigest()


def one_blank(text: str) -> str:
    """The text without repeated blanks: configparser takes time by the square of their number."""
    return _BLANKS.sub(" ", text)


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
    # The specification wants the name's dashes escaped, but pip takes wheels whose are not.
    stem, dash, version = dist_info.removesuffix(".dist-info").rpartition("-")
    named = stem if dash else version
    files: dict[str, bytes] = {}
    faults: list[str] = []
    place = f"{folder}/{dist_info}"
    for name in _dist_info_files(place, faults):
        try:
            files[name] = read_regular(f"{place}/{name}")
        except OSError as error:
            faults.append(f"{name} cannot be read ({error.strerror or error})")
    metadata = CoreMetadata(named, version if dash else "0")
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
        metadata = CoreMetadata(named, version if dash else "0")
    return InstalledDistribution(
        folder, dist_info, files, metadata, wheel, rows, tuple(faults), site
    )


def _whole(path: str) -> bytes:
    """The contents of a module or data file, however large."""
    with open_regular(path) as file:
        return file.read()


def _dist_info_files(folder: str, faults: list[str]) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError as error:
        faults.append(f"the folder cannot be read ({error.strerror or error})")
        return []
    return [
        name
        for name in names
        if name in _ALWAYS_HASHED
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
