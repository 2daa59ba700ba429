"""One page of the simple repository API: PEP 503 (HTML) or PEP 691 (JSON) in, files out.

A page lists every file of every version, thousands for some projects, so it is kept as it came and
only the files of the requested version become `IndexFile` objects.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from packaging.tags import Tag
from packaging.utils import (
    BuildTag,
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from .._util.url import normalized, shown, split
from ..errors import FetchError

#: The Accept header: JSON first, HTML second (PEP 691, «Version + Format Selection»).
ACCEPT = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.01"
)

_SHA256 = re.compile(r"[0-9a-f]{64}")
#: An absolute URL that joining leaves as it is; most are, and joining takes a while.
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._~%+!/-]*")
#: No file system has longer names; a compressed tag set of more could stand for millions of tags.
_LONGEST_FILENAME = 255
_LONGEST_REASON = 200


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


#: The keys that are read of a file in a JSON page. Where the sidecar is announced it may go by
#: older names as well.
_KEYS = ("url", "hashes", "size", "yanked", "requires-python", "core-metadata")
_OLDER_NAMES = ("dist-info-metadata", "data-dist-info-metadata")

#: A row of a page: an object of PEP 691, or what one says under `_KEYS`, which takes less memory;
#: or the text of a PEP 503 anchor tag.
_Row = Mapping[str, Any] | tuple[Any, ...] | str


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """A parsed page: ``url`` is what its links are relative to."""

    url: str
    _rows: tuple[tuple[str, _Row], ...]
    #: PEP 792: ``active``, ``archived``, ``quarantined`` or ``deprecated``.
    status: str = "active"
    status_reason: str = ""
    #: When HTTP requires a new request, in seconds since the epoch; None: each time.
    fresh_until: float | None = None

    def versions(self, name: str) -> dict[Version, ProjectPage]:
        """The page cut up: for each version of ``name`` (canonical) one that lists its files
        only.
        """
        found: dict[Version, list[tuple[str, _Row]]] = {}
        # Many files of a page begin alike, with name and version: each such text is parsed once.
        places: dict[str, list[tuple[str, _Row]] | None] = {}
        for row in self._rows:
            start = _start(row[0])
            if start not in places:
                version = _version_of(row[0], name)
                places[start] = None if version is None else found.setdefault(version, [])
            if (place := places[start]) is not None:
                place.append(row)
        return {version: ProjectPage(self.url, tuple(rows)) for version, rows in found.items()}

    def cut_to(self, parts: Iterable[ProjectPage]) -> ProjectPage:
        """The same page with the files of some of its `versions` only."""
        return replace(self, _rows=tuple(row for part in parts for row in part._rows))

    def to_json(self) -> list[Any]:
        """The page as a value of JSON, for a cache: only the keys that this module reads."""
        rows = [
            [filename, row if isinstance(row, str) else _to_object(row)]
            for filename, row in self._rows
        ]
        return [self.url, self.status, self.status_reason, rows]

    @classmethod
    def from_json(cls, value: object) -> ProjectPage:
        """What `to_json` made. Raises ValueError for anything else."""
        match value:
            case [str(url), str(status), str(reason), list(rows)]:
                urlsplit(url)  # raises ValueError for what is no URL at all
                return cls(url, tuple(map(_row_of, rows)), status, reason)
        raise ValueError("not a page")

    @property
    def urls(self) -> set[str]:
        """The URL of the page, and those of all its files."""
        found = {self.url}
        for _, row in self._rows:
            with contextlib.suppress(ValueError):
                found.add(self._url(_parsed(row)))
        return found

    @property
    def filenames(self) -> tuple[str, ...]:
        """The names of the files of every kind, in page order."""
        return tuple(filename for filename, _ in self._rows)

    def files(self, name: str, versions: Collection[Version]) -> list[IndexFile]:
        """The wheels and sdists of ``name`` (canonical) at any of ``versions``, in page order.

        Files whose names are neither are ignored, as every installer does.
        """
        found = (self._file(filename, row, name, versions) for filename, row in self._rows)
        return [file for file in found if file is not None]

    def links(self, filename: str) -> Iterator[tuple[str, str | None]]:
        """The URLs that this page gives for a file, under that name or in the URL, and the sha256
        beside each.
        """
        for name, row in self._rows:
            if name == filename or filename in _url_text(row):
                parsed = _parsed(row)
                with contextlib.suppress(ValueError):  # «http://[» and the like
                    yield self._url(parsed), _sha256(parsed)

    def hashes_of(self, url: str) -> list[str]:
        """Each sha256 that this page gives for the file at this very URL.

        More than one contradict each other.
        """
        filename = unquote(urlsplit(url).path.rpartition("/")[2])
        links = self.links(filename)
        found = [sha256 for link, sha256 in links if sha256 and normalized(link) == normalized(url)]
        return list(dict.fromkeys(found))

    def _url(self, row: Mapping[str, Any]) -> str:
        said: str = row.get("url") or ""
        if not said:
            raise ValueError("no URL")
        return said if _PLAIN_URL.fullmatch(said) else urldefrag(urljoin(self.url, said))[0]

    def _file(
        self, filename: str, row: _Row, name: str, versions: Collection[Version]
    ) -> IndexFile | None:
        # Most rows are of other versions: a look at the name spares parsing all the rest.
        parts = filename.split("-", 2)
        if filename.endswith(".whl") and (len(parts) < 3 or _version(parts[1]) not in versions):
            return None
        named = _parse_filename(filename, name)
        if named is None or named[1] not in versions:
            return None
        kind, version, build, tags = named
        row = _parsed(row)
        try:
            url = self._url(row)
        except ValueError:  # «http://[» and the like
            return None
        if not _PLAIN_URL.fullmatch(url) and urlsplit(url).scheme not in ("http", "https", "file"):
            return None
        size = row.get("size")
        return IndexFile(
            filename=filename,
            url=url,
            version=version,
            kind=kind,
            build=build,
            tags=tags,
            sha256=_sha256(row),
            metadata_sha256=_metadata_sha256(row),
            size=size if type(size) is int and size > 0 else None,
            yanked=_yanked(row.get("yanked")),
            requires_python=_text(row.get("requires-python")),
        )


def parse_page(body: bytes, content_type: str, url: str) -> ProjectPage:
    """Parse a project page. ``url`` is the final URL, which relative links are joined to.

    Raises `FetchError` when the answer is no project page: broken JSON, a wrong type, an API
    version that is not 1.x, or HTML without a single link that does not say it is a page.
    """
    # The page may be HTML although the Accept header prefers JSON, and mirrors send JSON as
    # text/plain.
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.endswith("json") or (
        not media_type.endswith("html") and body.lstrip()[:1] == b"{"
    ):
        return _read_json(body, url)
    # Most indexes answer with JSON; the HTML parser is slow to import in Pyodide.
    from .project_page_html import read_html

    page = read_html(body, content_type)
    if page.api_version is not None:
        _check_api_version(page.api_version, url)
    elif not page.anchors and "links for" not in page.head.lower():
        raise _broken(url, "an HTML page without links")
    try:
        return ProjectPage(
            urljoin(url, page.base) if page.base else url,
            page.anchors,
            page.status,
            page.status_reason,
        )
    except ValueError:
        # Its text may quote a password.
        raise _broken(url, "an HTML page whose <base> is no URL") from None


def single_file_page(url: str) -> ProjectPage:
    """A page that lists the file at ``url`` and nothing else: what a find-links entry may be."""
    filename = unquote(split(url).path.rpartition("/")[2])
    return ProjectPage(url, ((filename, _values({"url": url})),))


def _broken(url: str, what: str) -> FetchError:
    return FetchError(
        f"{shown(url)} answered with {what}, which is no project page.", url=shown(url)
    )


def _check_api_version(version: str, url: str) -> None:
    # PEP 629: «If a client encounters a major version that it does not understand, it MUST fail»
    if version.partition(".")[0] != "1":
        raise _broken(url, f"simple repository API version {version[:20]} (this reads 1.x)")


def _read_json(body: bytes, url: str) -> ProjectPage:
    try:
        page = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _broken(url, f"broken JSON ({error})") from error
    if not isinstance(page, dict) or not isinstance(page.get("files"), list):
        raise _broken(url, "JSON without a list of files")
    meta = page.get("meta")
    _check_api_version(
        str(meta.get("api-version", "1.0")) if isinstance(meta, dict) else "1.0", url
    )
    status = page.get("project-status")
    said = status if isinstance(status, dict) else {}
    # PEP 792: «Clients SHOULD treat a missing status as active».
    state = _text(said.get("status")) or "active"
    return ProjectPage(
        url, tuple(_rows(page["files"], url)), state, _text(said.get("reason")) or ""
    )


def _rows(files: list[Any], url: str) -> Iterator[tuple[str, _Row]]:
    try:
        names, urls = [row["filename"] for row in files], [row["url"] for row in files]
    except (LookupError, TypeError):
        names, urls = [None], []
    if not {*map(type, names), *map(type, urls)} <= {str}:
        raise _broken(url, "a file without filename or url")
    return zip(names, map(_values, files), strict=True)


def _url_text(row: _Row) -> str:
    """What has the URL of a file in it, as it stands in the page."""
    if isinstance(row, str):
        return row
    url = row[0] if isinstance(row, tuple) else row.get("url")
    return url if isinstance(url, str) else ""


def _parsed(row: _Row) -> Mapping[str, Any]:
    if isinstance(row, str):
        from .project_page_html import anchor

        return anchor(row)
    return _to_object(row) if isinstance(row, tuple) else row


def _values(row: Mapping[str, Any]) -> tuple[Any, ...]:
    get = row.get
    metadata = get("core-metadata")
    for name in () if metadata is not None else _OLDER_NAMES:
        if (metadata := get(name)) is not None:
            break
    return get("url"), get("hashes"), get("size"), get("yanked"), get("requires-python"), metadata


def _to_object(row: Mapping[str, Any] | tuple[Any, ...]) -> dict[str, Any]:
    values = row if isinstance(row, tuple) else _values(row)
    return {key: value for key, value in zip(_KEYS, values, strict=True) if value is not None}


def _row_of(value: object) -> tuple[str, _Row]:
    match value:
        case [str(filename), str() | dict() as row] if isinstance(row, str) or isinstance(
            row.get("url"), str
        ):
            return filename, row if isinstance(row, str) else _values(row)
    raise ValueError("not a file of a page")


@lru_cache(maxsize=65536)
def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except ValueError:  # InvalidVersion, or more digits than Python converts
        return None


_Parsed = tuple[Literal["wheel", "sdist"], Version, BuildTag, frozenset[Tag]]


def _parse_filename(filename: str, name: str) -> _Parsed | None:
    if len(filename) > _LONGEST_FILENAME:
        return None
    try:
        if filename.endswith(".whl"):
            found, version, build, tags = parse_wheel_filename(filename)
            return ("wheel", version, build, tags) if found == name else None
        # parse_sdist_filename() knows .tar.gz and .zip; old releases use these too
        stem = re.sub(r"\.(tgz|tar\.bz2|tar\.xz|tar\.Z|tar)$", ".tar.gz", filename)
        found, version = parse_sdist_filename(stem)
        return ("sdist", version, (), frozenset()) if found == name else None
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def _start(filename: str) -> str:
    """The part of a file name with name and version: the same text for all wheels of a release."""
    if filename.endswith(".whl"):
        return filename[: filename.find("-", filename.find("-") + 1)] + ".whl"
    return filename


def _version_of(filename: str, name: str) -> Version | None:
    """The version of a file of ``name``, found with little work: a page may have 20 000 files."""
    if filename.endswith(".whl"):
        parts = filename.split("-", 2)
        return _version(parts[1]) if len(parts) == 3 and _canonical(parts[0]) == name else None
    if not filename.endswith(".tar.gz"):
        parsed = _parse_filename(filename, name)
        return parsed and parsed[1]
    project, _, version = filename[: -len(".tar.gz")].rpartition("-")
    return (
        _version(version)
        if len(filename) <= _LONGEST_FILENAME and _canonical(project) == name
        else None
    )


@lru_cache(maxsize=1024)
def _canonical(name: str) -> str:
    return canonicalize_name(name)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _sha256(row: Mapping[str, Any]) -> str | None:
    hashes = row.get("hashes")
    value = hashes.get("sha256") if isinstance(hashes, dict) else None
    if isinstance(value, str) and _SHA256.fullmatch(value.lower()):
        return value.lower()
    return None


def _metadata_sha256(row: Mapping[str, Any]) -> str | None:
    value = row.get("core-metadata")
    if isinstance(value, dict):
        digest = value.get("sha256")
        return digest.lower() if isinstance(digest, str) else ""
    return "" if value else None


def _yanked(value: object) -> str | None:
    if isinstance(value, str):
        return " ".join(value.split())[
            :_LONGEST_REASON
        ]  # an index can put any text there, and it is shown
    return "" if value is True else None
