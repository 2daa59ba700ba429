"""One page of the simple repository API, whose files are read when they are wanted.

A page lists every file of every version, thousands for some projects: so only the files of the
requested versions become `IndexFile` objects.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from packaging.tags import Tag
from packaging.utils import BuildTag
from packaging.version import Version

from .._util.url import normalized, split
from .project_page_names import (
    ParsedName,
    may_have_version,
    parse_file_name,
    release_part,
    version_of,
)
from .project_page_rows import (
    Row,
    metadata_sha256_of,
    object_of,
    row_from_json,
    row_of,
    row_to_json,
    sha256_of,
    size_of,
    text_or_none,
    url_text,
    yanked_of,
)

#: An absolute URL that joining leaves as it is; most are, and joining takes a while.
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._~%+!/-]*")
_SCHEMES = ("http", "https", "file")


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A file that an index offers. ``url`` is absolute and has no fragment."""

    filename: str
    url: str
    version: Version
    kind: Literal["wheel", "sdist"]
    build: BuildTag = ()
    tags: frozenset[Tag] = frozenset()
    #: Lower-case hex; None when the page gives none.
    sha256: str | None = None
    #: PEP 658/714: None, no sidecar is announced; "" one without a hash; else its sha256.
    metadata_sha256: str | None = None
    #: PEP 700, in bytes.
    size: int | None = None
    #: PEP 592: None when not yanked, else the reason, which may be empty.
    yanked: str | None = None
    #: PEP 503: the specifiers of Requires-Python as they stand there.
    requires_python: str | None = None

    @property
    def metadata_url(self) -> str:
        """The sidecar's URL: ``.metadata`` goes after the path, before a query (PEP 658)."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(path=parts.path + ".metadata"))


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """A parsed page: ``url`` is what its links are relative to."""

    url: str
    _rows: tuple[tuple[str, Row], ...]
    #: PEP 792: ``active``, ``archived``, ``quarantined`` or ``deprecated``.
    status: str = "active"
    status_reason: str = ""
    #: When HTTP requires a new request, in seconds since the epoch; None: each time.
    fresh_until: float | None = None

    def versions(self, name: str) -> dict[Version, ProjectPage]:
        """Each version of ``name`` (canonical), with a page that lists its files only."""
        found: dict[Version, list[tuple[str, Row]]] = {}
        # Many files of a page begin alike, with name and version: each such text is parsed once.
        by_release: dict[str, list[tuple[str, Row]] | None] = {}
        for row in self._rows:
            release = release_part(row[0])
            if release not in by_release:
                version = version_of(row[0], name)
                rows = None if version is None else found.setdefault(version, [])
                by_release[release] = rows
            rows = by_release[release]
            if rows is not None:
                rows.append(row)
        return {version: ProjectPage(self.url, tuple(rows)) for version, rows in found.items()}

    def cut_to(self, parts: Iterable[ProjectPage]) -> ProjectPage:
        """The same page with the files of some of its `versions` only."""
        return replace(self, _rows=tuple(row for part in parts for row in part._rows))

    def to_json(self) -> list[Any]:
        """The page as a value of JSON, for a cache: only the keys that this module reads."""
        rows = [[filename, row_to_json(row)] for filename, row in self._rows]
        return [self.url, self.status, self.status_reason, rows]

    @classmethod
    def from_json(cls, value: object) -> ProjectPage:
        """The page that `to_json` made a value of. Raises ValueError for any other value."""
        match value:
            case [str(url), str(status), str(reason), list(rows)]:
                urlsplit(url)  # raises ValueError for what is no URL at all
                return cls(url, tuple(map(_named_row, rows)), status, reason)
        raise ValueError("not a page")

    @property
    def urls(self) -> set[str]:
        """The URL of the page, and those of all its files."""
        found = {self.url}
        for _, row in self._rows:
            with contextlib.suppress(ValueError):
                found.add(self._url(object_of(row)))
        return found

    @property
    def filenames(self) -> tuple[str, ...]:
        """The names of the files of every kind, in page order."""
        return tuple(filename for filename, _ in self._rows)

    def files(self, name: str, versions: Collection[Version]) -> list[IndexFile]:
        """The wheels and sdists of ``name`` (canonical) at any of ``versions``, in page order.

        Files whose names are neither are ignored, as every installer does.
        """
        wanted = frozenset(versions)
        found: list[IndexFile] = []
        for filename, row in self._rows:
            if not may_have_version(filename, wanted):  # as most
                continue
            parsed = parse_file_name(filename, name)
            if parsed is not None and parsed.version in wanted:
                found += self._file(filename, parsed, object_of(row))
        return found

    def links(self, filename: str) -> Iterator[tuple[str, str | None]]:
        """The URLs that this page gives for a file, under that name or in the URL, and the sha256
        beside each.
        """
        for name, row in self._rows:
            if name == filename or filename in url_text(row):
                file = object_of(row)
                with contextlib.suppress(ValueError):  # «http://[» and the like
                    yield self._url(file), sha256_of(file)

    def hashes_of(self, url: str) -> list[str]:
        """Each sha256 that this page gives for the file at this very URL.

        More than one contradict each other.
        """
        filename = unquote(urlsplit(url).path.rpartition("/")[2])
        found = []
        for link, sha256 in self.links(filename):
            if sha256 is not None and normalized(link) == normalized(url):
                found.append(sha256)
        return list(dict.fromkeys(found))

    def _url(self, file: Mapping[str, Any]) -> str:
        url: str = file.get("url") or ""
        if not url:
            raise ValueError("no URL")
        return url if _PLAIN_URL.fullmatch(url) else urldefrag(urljoin(self.url, url))[0]

    def _file(
        self, filename: str, parsed: ParsedName, file: Mapping[str, Any]
    ) -> Iterator[IndexFile]:
        """The file of an object of PEP 691, if it is at a usable URL."""
        try:
            url = self._url(file)
        except ValueError:  # «http://[» and the like
            return
        if not _PLAIN_URL.fullmatch(url) and urlsplit(url).scheme not in _SCHEMES:
            return
        yield IndexFile(
            filename=filename,
            url=url,
            version=parsed.version,
            kind=parsed.kind,
            build=parsed.build,
            tags=parsed.tags,
            sha256=sha256_of(file),
            metadata_sha256=metadata_sha256_of(file),
            size=size_of(file),
            yanked=yanked_of(file),
            requires_python=text_or_none(file.get("requires-python")),
        )


def single_file_page(url: str) -> ProjectPage:
    """A page that lists the file at ``url`` and nothing else: what a find-links entry may be."""
    filename = unquote(split(url).path.rpartition("/")[2])
    return ProjectPage(url, ((filename, row_of({"url": url})),))


def _named_row(value: object) -> tuple[str, Row]:
    match value:
        case [str(filename), row]:
            return filename, row_from_json(row)
    raise ValueError("not a file of a page")
