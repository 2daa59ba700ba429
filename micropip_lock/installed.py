"""site-packages, as it lies on disk: .dist-info folders to `InstalledDistribution` values.

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

from .compare import Installation
from .direct_url import Note, parse_note
from .errors import InputError, Problem
from .metadata import CoreMetadata, WheelMetadata, parse_metadata, parse_wheel_metadata
from .record import WRITTEN_BY_INSTALLERS, Record, RecordRow, bytecode_source, digest, parse_record

CheckFiles = Literal["size", "hash", "off"]

_BLANKS = re.compile(r"(?<=\S)[^\S\r\n]{2,}")

#: Files of .dist-info whose contents decide what is locked: their hashes are always compared.
_ALWAYS_HASHED = frozenset({"METADATA", "WHEEL", "entry_points.txt"})


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
    #: Unlike the other fields these are looked up often.
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
    def note(self) -> Note | None:
        """What `sync` wrote down when it installed this distribution; None when somebody else installed it."""
        return parse_note(self.files.get("provenance_url.json", b"{}")) if self.installer == "micropip-lock" else None

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
        return frozenset(name for group in groups if parser.has_section(group) for name in parser[group])

    @property
    def unspread(self) -> bool:
        """Whether ``.data/purelib`` or ``platlib`` lies where the wheel had it, so not importable."""
        # One search in one text: an environment has thousands of paths, none of which has a NUL in it.
        data = self.dist_info.removesuffix(".dist-info") + ".data/"
        paths = "\0".join(["", *self.record.sizes])
        return f"\0{data}purelib/" in paths or f"\0{data}platlib/" in paths

    def installation(self, check_files: CheckFiles, *, hash_weak: bool = False) -> Installation:
        """Itself, as `record.compare` wants it; with ``hash_weak`` files whose rows have no hash are hashed."""
        return Installation(
            rows=self.rows,
            entry_points=self.entry_points,
            hash_file=self._hash_file,
            hash_weak=hash_weak,
            crc_file=self._crc_file if check_files == "hash" else None,
        )

    def changed_files(
        self, check: CheckFiles, *, compiled: bool = False, sizes: Mapping[str, int] | None = None
    ) -> list[str]:
        """The files that are missing or not as the installed RECORD says.

        Bytecode, and rows that leave the folder, are never opened or required. With ``compiled``
        a source file may be missing when bytecode lies in its place, as in Pyodide's own builds.
        ``sizes`` are those of files that lie in the folder, where they are known; each other file is asked for.
        """
        changed = [row.path for row in self._in_question(check, sizes or {}) if not self._unchanged(row, check)]
        return [
            path
            for path in changed
            if not (compiled and path.endswith(".py") and (self.folder / (path + "c")).exists())
        ]

    def _in_question(self, check: CheckFiles, sizes: Mapping[str, int]) -> Iterable[RecordRow]:
        """The rows that have to be looked at one by one: of thousands hardly any, when sizes are to be compared."""
        record = self.record
        if check == "hash" or not record.is_unique:
            return (row for row in self.rows if not row.leaves_folder)
        paths = {path for name in _ALWAYS_HASHED if (path := self._info_prefix + name) in record.sizes}
        if check == "size":
            found = sizes.get if sizes else self._size
            paths.update(
                path
                for path, size in record.sizes.items()
                if not path.endswith((".pyc", ".pyo")) and (size is None or found(path) != size)
            )
        return (record.row(path) for path in record.sizes if path in paths)

    def _size(self, path: str) -> int | None:
        """The size of a file; None when it is not there."""
        try:
            # A Path for each of thousands of files would cost more than the question itself.
            return os.stat(self._folder_prefix + path).st_size  # noqa: PTH116  # a Path for each file takes longer
        except (OSError, ValueError):
            return None

    def _unchanged(self, row: RecordRow, check: CheckFiles) -> bool:
        path = row.path
        if path.startswith(self._info_prefix):
            name = path[len(self._info_prefix) :]
            if name in _ALWAYS_HASHED:
                return not row.strong or digest(self.files.get(name, b""), row.algorithm or "") == row.digest
            # RECORD cannot hold its own hash, and PYODIDE_* are replaced after unpacking.
            if WRITTEN_BY_INSTALLERS.fullmatch(name):
                return True
        if check == "off" or bytecode_source(path):
            return True
        if check == "hash" and row.strong:
            return self._hash_file(path, row.algorithm or "") == row.digest
        found = self._size(path)
        return found is not None and row.size in (None, found)

    @cached_property
    def _info_prefix(self) -> str:
        return self.dist_info + "/"

    @cached_property
    def _folder_prefix(self) -> str:
        return f"{self.folder}/"

    def _hash_file(self, path: str, algorithm: str) -> str | None:
        try:
            return digest((self.folder / path).read_bytes(), algorithm)
        except (OSError, ValueError):
            return None

    def _crc_file(self, row: RecordRow) -> int | None:
        try:
            data = (self.folder / row.path).read_bytes()
        except (OSError, ValueError):
            return None
        edited = row.strong and digest(data, row.algorithm or "") != row.digest
        return None if edited else zlib.crc32(data)

    @cached_property
    def metadata_sha256(self) -> str:
        """The sha256 of METADATA as it lies on disk, in hex (PEP 658's hash)."""
        return hashlib.sha256(self.files.get("METADATA", b"")).hexdigest()


def one_blank(text: str) -> str:
    """The text with one blank where a line has several: configparser takes time by the square of their number."""
    return _BLANKS.sub(" ", text)


def scan(paths: Iterable[Path]) -> tuple[list[InstalledDistribution], list[Problem]]:
    """Every distribution in ``paths``, by canonical name, and what is wrong with the folders.

    Across folders the first on the path counts, as for the import system; names that begin with
    ``~`` are what pip leaves behind when it cannot delete. Raises `InputError` when a folder
    cannot be read.
    """
    found: dict[str, InstalledDistribution] = {}
    problems: dict[str, Problem] = {}
    for folder in paths:
        here: dict[str, InstalledDistribution] = {}
        for name in _entries(folder):
            if name.endswith(".dist-info"):
                distribution = _read(folder, name)
                first = here.setdefault(distribution.key, distribution)
                if first is not distribution and distribution.key not in found:
                    problems[distribution.key] = _duplicate(first, distribution)
            elif name.endswith((".egg-info", ".egg-link", ".egg")):
                legacy = _legacy(folder, name)
                if legacy.package not in found:
                    problems.setdefault(legacy.package, legacy)
        found = {**here, **found}
    return sorted(found.values(), key=lambda distribution: distribution.key), list(problems.values())


def every(folder: Path) -> list[InstalledDistribution]:
    """Each .dist-info of a folder, also where a name has several. Raises `InputError`."""
    return [_read(folder, name) for name in _entries(folder) if name.endswith(".dist-info")]


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("~"))
    except (OSError, ValueError) as error:  # ValueError: NUL in the name
        raise InputError(f"Cannot read the folder {folder}: {getattr(error, 'strerror', None) or error}.") from error


def _read(folder: Path, dist_info: str) -> InstalledDistribution:
    # The specification wants the name's dashes escaped, but pip takes wheels whose are not.
    stem, dash, version = dist_info.removesuffix(".dist-info").rpartition("-")
    named = stem if dash else version
    files: dict[str, bytes] = {}
    faults: list[str] = []
    place = f"{folder}/{dist_info}"
    for name in _dist_info_files(place, faults):
        try:
            files[name] = _contents(f"{place}/{name}")
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
    return InstalledDistribution(folder, dist_info, files, metadata, wheel, rows, tuple(faults))


def _contents(path: str) -> bytes:
    # An environment has a thousand such files: a Path and a buffer for each take three times as long as reading.
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # likewise
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
        if name in _ALWAYS_HASHED or (WRITTEN_BY_INSTALLERS.fullmatch(name) and not name.startswith("RECORD."))
    ]


def _duplicate(first: InstalledDistribution, second: InstalledDistribution) -> Problem:
    return Problem(
        "duplicate",
        first.key,
        first.version,
        f"there are two of it in {first.folder}: {first.dist_info} and {second.dist_info}.",
        f"Uninstall {first.metadata.name} until none is left, then install the one version you want.",
    )


def _legacy(folder: Path, name: str) -> Problem:
    stem = name.rpartition(".")[0]
    project, _, rest = stem.partition("-")
    return Problem(
        "legacy-metadata",
        canonicalize_name(project),
        rest.partition("-")[0] or None,
        f"it was installed without a wheel, in a form that records no contents ({folder / name}).",
        f"Install it again with a current pip or uv, from a wheel: pip install --force-reinstall {project}",
    )
