"""The contents of a wheel on an index: METADATA by its sidecar (PEP 658), the rest by range.

A wheel is never downloaded for that. Each file is requested once; data of a sha256 cannot change,
so they may be remembered for ever.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from packaging.utils import canonicalize_name
from packaging.version import Version

from .._util.text import first_few
from .._util.url import shown, without_credentials
from ..errors import FetchError, IntegrityError, Problem
from ..formats.core_metadata import CoreMetadata, parse_metadata
from ..formats.project_page import IndexFile
from ..formats.wheel import WheelDescription
from ..formats.wheel_archive import LARGEST_METADATA, describe_excerpt
from ..formats.wheel_excerpt import Excerpt
from ..formats.wheel_modules import WheelModules
from ..network import Fetcher
from ..storage import Facts
from .remote_wheel import likely_tail, read_wheel


class BrokenMetadataError(Exception):
    """METADATA is there and is the published one, but cannot be parsed."""


class Publications:
    """Reads wheels on their servers. ``facts`` remembers across runs."""

    def __init__(self, fetcher: Fetcher, facts: Facts) -> None:
        self._fetcher = fetcher
        self._facts = facts
        #: What was read for METADATA, by URL: RECORD came with it.
        self._descriptions: dict[str, WheelDescription] = {}

    def known_metadata(self, file: IndexFile, name: str) -> CoreMetadata | None:
        """The METADATA of ``file``, if no request is necessary for it. Raises like `metadata`."""
        key = fact_key(file.sha256, file.url)
        data = self._facts.get("metadata", key) if key else None
        if data is None:
            return None
        if file.metadata_sha256 and hashlib.sha256(data).hexdigest() != file.metadata_sha256:
            return None
        return _parsed(data, file, name)

    async def metadata(self, file: IndexFile, name: str) -> CoreMetadata:
        """The METADATA of a wheel of ``name`` (canonical).

        Raises `BrokenMetadataError`; `IntegrityError` when it is not the announced one, or that of
        another project or version; `NoRangesError` and `FetchError`.
        """
        known = self.known_metadata(file, name)
        if known is not None:
            return known
        data = await self._sidecar(file) if file.metadata_sha256 is not None else None
        if data is None:
            data = (await self.description(file, name, metadata=True)).metadata_file
            assert data is not None  # it was requested
        found = _parsed(data, file, name)
        if key := fact_key(file.sha256, file.url):
            self._facts.put("metadata", key, data)
        return found

    async def _sidecar(self, file: IndexFile) -> bytes | None:
        url = file.metadata_url
        response = await self._fetcher.get(url, max_bytes=LARGEST_METADATA)
        if not response.found:
            return None  # a mirror that has the page of its upstream, but not the sidecar yet
        if response.status != 200 or not response.complete:
            raise FetchError(f"{shown(url)} cannot be read.", url=shown(url))
        # PEP 658 has the hash to verify the file by: another one is an error, not a reason to use
        # another source.
        found = hashlib.sha256(response.body).hexdigest()
        if file.metadata_sha256 and found != file.metadata_sha256:
            raise IntegrityError(
                f"{shown(url)} has the sha256 {found}, but the project page announces "
                f"{file.metadata_sha256}. The index or a proxy is broken, or the file was tampered "
                "with; try --refresh, or another index."
            )
        return response.body

    async def description(
        self, file: IndexFile, name: str, *, metadata: bool = False
    ) -> WheelDescription:
        """Directory and RECORD (and METADATA) of a wheel of ``name`` (canonical), by range
        requests.

        Raises `IntegrityError` when it is no wheel of that project, `NoRangesError` and
        `FetchError`.
        """
        known = self._descriptions.get(file.url)
        if known is None or (metadata and known.metadata_file is None):
            known = self._descriptions[file.url] = await remembered(
                self._facts,
                file.sha256,
                file.url,
                name,
                lambda: self._read(file, name, metadata),
                metadata=metadata,
            )
        return known

    async def summary(self, file: IndexFile, name: str) -> WheelDescription:
        """The modules and the wrong rows of a wheel of ``name`` (canonical).

        Raises like `description`.
        """
        key = fact_key(file.sha256, file.url)
        data = None if key is None else self._facts.get("wheel-summary", key)
        if data is not None:
            with suppress(ValueError):
                return _from_summary(data)
        wheel = await self.description(file, name)
        if key is not None:
            self._facts.put("wheel-summary", key, _summary(wheel))
        return WheelDescription(known_modules=wheel.modules, known_wrong_rows=wheel.wrong_rows)

    async def _read(self, file: IndexFile, name: str, metadata: bool) -> WheelDescription:
        tail = likely_tail(file.size)
        try:
            return await read_wheel(
                self._fetcher, file.url, name, size=file.size, tail=tail, metadata=metadata
            )
        except IntegrityError as error:
            raise IntegrityError(f"{shown(file.url)} is not usable: {error}.") from error


async def remembered(
    facts: Facts | None,
    sha256: str | None,
    url: str,
    name: str,
    read: Callable[[], Awaitable[WheelDescription]],
    *,
    metadata: bool = False,
) -> WheelDescription:
    """What a wheel of ``name`` holds, as it was read before, else as ``read()`` finds it now."""
    key = fact_key(sha256, url)
    if facts is None or key is None:
        return await read()
    known = _known(facts, key, name)
    if known is not None and (known.metadata_file is not None or not metadata):
        return known
    found = await read()
    remember(facts, sha256, url, found)
    return found


def remember(facts: Facts | None, sha256: str | None, url: str, found: WheelDescription) -> None:
    """Keep the contents of a wheel, instead of what was known of it."""
    key = fact_key(sha256, url)
    if facts is not None and key is not None and found.excerpt is not None:
        facts.put("wheel", key, found.excerpt.to_bytes())


def _known(facts: Facts, key: str, name: str) -> WheelDescription | None:
    """What a wheel of ``name`` holds, as it was read before."""
    data = facts.get("wheel", key)
    if data is not None:
        with suppress(ValueError, IntegrityError):
            return describe_excerpt(Excerpt.from_bytes(data), name)
    return None


def _summary(wheel: WheelDescription) -> bytes:
    """The modules and the wrong rows of a wheel, for a cache."""
    return json.dumps([wheel.modules.to_json(), wheel.wrong_rows]).encode()


def _from_summary(data: bytes) -> WheelDescription:
    """The wheel that `_summary` is of. Raises ValueError for anything else."""
    try:
        modules, wrong_rows = json.loads(data)
        return WheelDescription(
            known_modules=WheelModules.from_json(modules), known_wrong_rows=tuple(wrong_rows)
        )
    except TypeError as error:
        raise ValueError("not the summary of a wheel") from error


def wrong_record(key: str, version: str, paths: Sequence[str], url: str) -> Problem:
    """The warning of a wheel that can be locked, though its own RECORD is wrong about ``paths``."""
    return Problem(
        "wheel-record-wrong",
        key,
        version,
        f"the wheel's own RECORD is wrong about {first_few(paths)}: its publisher made it so.",
        "It can be installed all the same. Ask its publisher to build it again, or lock another "
        "version.",
        shown(url),
    )


def fact_key(sha256: str | None, url: str) -> str | None:
    """What a fact belongs to.

    A query may be a secret, and without a sha256 the bytes may change.
    """
    return None if sha256 is None or "?" in url else f"{sha256} {without_credentials(url)}"


def _parsed(data: bytes, file: IndexFile, name: str) -> CoreMetadata:
    try:
        found = parse_metadata(data)
        version = Version(found.version)
    except ValueError as error:
        raise BrokenMetadataError(str(error)) from error
    # As in `remote_wheel`: what is read has to be about the file that was chosen.
    if canonicalize_name(found.name) != name or _public(version) != _public(file.version):
        raise IntegrityError(
            f"{shown(file.url)} should be {name} {file.version}, but its METADATA says "
            f"{found.name} {found.version}. The index is broken; tell its owner, or use another "
            "one."
        )
    return found


def _public(version: Version) -> Version:
    """The version without its local part; as a version, for «1.0» and «1.0.0» are one."""
    return Version(version.public)
