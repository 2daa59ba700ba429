"""An installed distribution: what its .dist-info folder says, and the files beside it.

Everything in it is a claim: any wheel can ship any file into its own .dist-info.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from packaging.utils import canonicalize_name
from packaging.version import Version

from ..formats.core_metadata import (
    CoreMetadata,
    WheelMetadata,
)
from ..formats.direct_url import InstallNote, parse_install_note
from ..formats.record import (
    WRITTEN_BY_INSTALLERS,
    Record,
    RecordRow,
    bytecode_source,
    digest,
)
from .installation import Installation
from .site import Site
from .site_files import SiteFiles

CheckFiles = Literal["size", "hash", "off"]

_BLANKS = re.compile(r"(?<=\S)[^\S\r\n]{2,}")

_BYTECODE = (".pyc", ".pyo")

#: Files of .dist-info whose contents decide the lock's entry: their hashes are always compared.
ALWAYS_HASHED = frozenset({"METADATA", "WHEEL", "entry_points.txt"})


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
        if self.installer != "micropip-lock":
            return None
        return parse_install_note(self.files.get("provenance_url.json", b"{}"))

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
        names: set[str] = set()
        for group in ("console_scripts", "gui_scripts"):
            if parser.has_section(group):
                names.update(parser[group])
        return frozenset(names)

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
        if not self.unspread:
            return False
        paths = [path for path in self.record.sizes if path.startswith(folders)]
        return any(map(self.site_files.is_file, paths))

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
        if compiled:
            return [path for path in changed if not self._is_only_compiled(path)]
        return changed

    def _is_only_compiled(self, path: str) -> bool:
        """Whether bytecode lies where the source ``path`` was."""
        return path.endswith(".py") and (self.folder / (path + "c")).exists()

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
        paths = {self._info_prefix + name for name in ALWAYS_HASHED}
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
            if name in ALWAYS_HASHED:
                return not row.strong or self._has_digest(name, row)
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

    def _has_digest(self, name: str, row: RecordRow) -> bool:
        """Whether the file ``name`` in .dist-info, as it was read, has the hash of ``row``."""
        return digest(self.files.get(name, b""), row.algorithm or "") == row.digest

    @cached_property
    def _info_prefix(self) -> str:
        return self.dist_info + "/"

    @property
    def faults_are_shipped(self) -> bool:
        """Whether METADATA and WHEEL, one of which cannot be read, are as the wheel had them by the
        RECORD.
        """
        for name in ("METADATA", "WHEEL"):
            path = self._info_prefix + name
            if path not in self.record.entries:
                return False
            if not self._unchanged(self.record.row(path), "off"):
                return False
        return True

    @cached_property
    def metadata_sha256(self) -> str:
        """The sha256 of METADATA as it lies on disk, in hex (PEP 658's hash)."""
        return hashlib.sha256(self.files.get("METADATA", b"")).hexdigest()


def one_blank(text: str) -> str:
    """The text without repeated blanks: configparser takes time by the square of their number."""
    return _BLANKS.sub(" ", text)
