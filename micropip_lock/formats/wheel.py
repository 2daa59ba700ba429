"""What a wheel is, in one value, however it was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from .core_metadata import CoreMetadata, parse_metadata
from .record import STRONG, Record, RecordRow, digest
from .wheel_excerpt import Excerpt
from .wheel_modules import WheelModules, wheel_modules
from .zip_directory import Member


@dataclass(frozen=True)
class WheelDescription:
    """What a wheel is, as far as its source shows it.

    * Range requests show members and RECORD, and METADATA where it was requested.
    * A download shows these, the sha256, and a row for each file as its bytes are.
    * A sidecar (PEP 658) shows METADATA, a folder that it is installed in METADATA and modules.

    METADATA, modules and wrong rows are known from the source, or found when they are first read.
    The tags of a wheel are those of its file name.
    """

    members: tuple[Member, ...] = ()
    #: The rows of the wheel's own RECORD.
    record: Sequence[RecordRow] = ()
    dist_info: str = ""
    #: Bytes of the wheel.
    size: int | None = None
    #: The hash of the wheel; known only of a downloaded one.
    sha256: str | None = None
    #: A row for each file as its bytes are; known only of a downloaded wheel.
    true_rows: Sequence[RecordRow] | None = None
    #: The bytes of METADATA, where they were read.
    metadata_file: bytes | None = None
    #: The parts that range requests read.
    excerpt: Excerpt | None = None
    known_metadata: CoreMetadata | None = None
    known_modules: WheelModules | None = None
    known_wrong_rows: tuple[str, ...] | None = None

    @classmethod
    def of(cls, metadata: CoreMetadata, modules: WheelModules | None = None) -> WheelDescription:
        """The wheel with this METADATA and these modules: what a lock has to know of it."""
        return cls(known_metadata=metadata, known_modules=modules)

    def with_metadata(self, metadata: CoreMetadata) -> WheelDescription:
        """The same wheel, where another source gave METADATA."""
        return replace(self, known_metadata=metadata)

    @cached_property
    def metadata(self) -> CoreMetadata:
        """METADATA, parsed. Raises ValueError where it is invalid, or was not read."""
        if self.known_metadata is not None:
            return self.known_metadata
        return parse_metadata(self.metadata_file or b"")

    @cached_property
    def modules(self) -> WheelModules:
        """The files that Python can import."""
        if self.known_modules is not None:
            return self.known_modules
        return wheel_modules(self.members, self.dist_info)

    @cached_property
    def names(self) -> frozenset[str]:
        """The paths of the members in the wheel."""
        return frozenset(member.name for member in self.members)

    def ships(self, filename: str) -> bool:
        """Whether an installer would put a file of the wheel itself at ``filename`` in its
        .dist-info.

        RECORD need not list it. What lies below ``.data`` is installed elsewhere, and may end in
        that folder.
        """
        path = f"{self.dist_info}/{filename}"
        if path in self.names:
            return True
        data_folder = self.dist_info.removesuffix(".dist-info") + ".data/"
        end = f"/{path}"
        return any(name.startswith(data_folder) and name.endswith(end) for name in self.names)

    @cached_property
    def wrong_rows(self) -> tuple[str, ...]:
        """The files that the wheel's own RECORD gives another size or another hash than they have.

        Of a wheel that was not downloaded, sizes alone are known, and the hash of METADATA where
        that was read.
        """
        if self.known_wrong_rows is not None:
            return self.known_wrong_rows
        listed = Record.of(self.record)
        wrong = {*self._wrong_sizes(listed), *self._wrong_hashes(listed)}
        return tuple(sorted(wrong - {f"{self.dist_info}/RECORD"}))

    def _wrong_sizes(self, listed: Record) -> Iterator[str]:
        for member in self.members:
            entry = listed.entries.get(member.name)
            if entry is not None and entry[1] not in (None, member.size):
                yield member.name

    def _wrong_hashes(self, listed: Record) -> Iterator[str]:
        for found in self._hashed(listed):
            if found.path not in listed.entries:
                continue
            row = listed.row(found.path)
            is_comparable = row.strong and row.algorithm == found.algorithm
            if is_comparable and row.digest != found.digest:
                yield found.path

    def _hashed(self, listed: Record) -> Iterator[RecordRow]:
        """The rows of the files whose bytes were read."""
        yield from self.true_rows or ()
        path = f"{self.dist_info}/METADATA"
        if self.metadata_file is None or not (path in listed.entries and path in self.names):
            return
        algorithm = listed.row(path).algorithm or "sha256"
        if algorithm in STRONG:
            yield RecordRow(path, algorithm, digest(self.metadata_file, algorithm))
