"""One page of the simple repository API: PEP 503 (HTML) or PEP 691 (JSON) in, files out.

A page lists every file of every version, thousands for some projects, so it is kept as it came
and only the files of the version that is asked for become `IndexFile` objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any, Literal
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from packaging.tags import Tag
from packaging.utils import (
    BuildTag,
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from .errors import FetchError
from .url import shown

#: What to ask for: JSON first, HTML second (PEP 691, «Version + Format Selection»).
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FRAGMENT_HASH = re.compile(r"(sha1|sha224|sha256|sha384|sha512|md5)=([0-9a-fA-F]+)")


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

    @property
    def metadata_url(self) -> str:
        """The sidecar's URL: ``.metadata`` goes after the path, before a query (PEP 658)."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(path=parts.path + ".metadata"))


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """A parsed page: ``url`` is where it came from in the end, ``rows`` its files in PEP 691's terms."""

    url: str
    rows: tuple[Mapping[str, Any], ...]

    def files(self, name: str, versions: Collection[Version]) -> list[IndexFile]:
        """The wheels and sdists of ``name`` (canonical) at any of ``versions``, in page order.

        Files whose names are neither are passed over, as every installer does.
        """
        found = (self._file(row, name, versions) for row in self.rows)
        return [file for file in found if file is not None]

    def lists(self, url: str) -> str | None:
        """The sha256 of the file at ``url``, when this page lists that very URL with one."""
        wanted = urldefrag(url)[0]
        filename = unquote(urlsplit(wanted).path.rpartition("/")[2])
        for row in self.rows:
            if row["filename"] == filename and self._url(row) == wanted:
                return _sha256(row)
        return None

    def _url(self, row: Mapping[str, Any]) -> str:
        url: str = urldefrag(urljoin(self.url, row["url"]))[0]
        return url

    def _file(self, row: Mapping[str, Any], name: str, versions: Collection[Version]) -> IndexFile | None:
        # Most rows are of other versions: a look at the name spares parsing their tags.
        parts = row["filename"].split("-", 2)
        if row["filename"].endswith(".whl") and (len(parts) < 3 or _version(parts[1]) not in versions):
            return None
        parsed = _parse_filename(row["filename"], name)
        if parsed is None or parsed[1] not in versions:
            return None
        kind, version, build, tags = parsed
        try:
            url = self._url(row)
        except ValueError:  # «http://[» and the like
            return None
        if urlsplit(url).scheme not in ("http", "https", "file"):
            return None
        size = row.get("size")
        return IndexFile(
            filename=row["filename"],
            url=url,
            version=version,
            kind=kind,
            build=build,
            tags=tags,
            sha256=_sha256(row),
            metadata_sha256=_metadata_sha256(row),
            size=size if type(size) is int and size > 0 else None,
            yanked=_yanked(row.get("yanked")),
        )


def parse_page(body: bytes, content_type: str, url: str) -> ProjectPage:
    """Parse a project page. ``url`` is the final URL, which relative links are joined to.

    Raises `FetchError` when the answer is no project page: broken JSON, a wrong type, an API
    version that is not 1.x, or HTML without a single link that does not say it is a page.
    """
    # The page may be HTML whatever was asked for, and mirrors send JSON as text/plain.
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.endswith("json") or (not media_type.endswith("html") and body.lstrip()[:1] == b"{"):
        return ProjectPage(url, tuple(_json_rows(body, url)))
    return ProjectPage(url, tuple(_html_rows(body, content_type, url)))


def _broken(url: str, what: str) -> FetchError:
    return FetchError(f"{shown(url)} answered with {what}, which is no project page.", url=shown(url))


def _json_rows(body: bytes, url: str) -> Iterator[Mapping[str, Any]]:
    try:
        page = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _broken(url, f"broken JSON ({error})") from error
    if not isinstance(page, dict) or not isinstance(page.get("files"), list):
        raise _broken(url, "JSON without a list of files")
    meta = page.get("meta")
    api_version = str(meta.get("api-version", "1.0")) if isinstance(meta, dict) else "1.0"
    # PEP 629: «If a client encounters a major version that it does not understand, it MUST fail»
    if api_version.partition(".")[0] != "1":
        raise _broken(url, f"simple repository API version {api_version[:20]} (this reads 1.x)")
    for row in page["files"]:
        if not isinstance(row, dict) or not isinstance(row.get("filename"), str) or not isinstance(row.get("url"), str):
            raise _broken(url, "a file without filename or url")
        yield row


class _Links(HTMLParser):
    """Collects the anchors of a PEP 503 page as rows in PEP 691's terms."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, Any]] = []
        self.base: str | None = None
        self.is_page = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._anchor(dict(attrs))
        elif tag == "base" and self.base is None:
            self.base = dict(attrs).get("href")
        elif tag == "meta" and dict(attrs).get("name") == "pypi:repository-version":
            self.is_page = True
            version = dict(attrs).get("content") or "1.0"
            if version.partition(".")[0] != "1":
                raise ValueError(f"simple repository API version {version[:20]} (this reads 1.x)")

    def _anchor(self, attributes: Mapping[str, str | None]) -> None:
        href = attributes.get("href")
        if not href:
            return
        try:
            path = urlsplit(href).path
        except ValueError:
            return
        # PEP 503: «The text of the anchor tag MUST match the final path component of the URL»
        row: dict[str, Any] = {"filename": unquote(path.rpartition("/")[2]), "url": href}
        if match := _FRAGMENT_HASH.search(urldefrag(href)[1]):
            row["hashes"] = {match[1]: match[2]}
        # PEP 714: readers MUST prefer the new name of the attribute.
        for name in ("data-core-metadata", "data-dist-info-metadata"):
            if name in attributes:
                value = (attributes[name] or "true").strip()
                algorithm, _, digest = value.partition("=")
                row["core-metadata"] = {algorithm: digest} if digest else value.lower() != "false"
                break
        # PEP 592: the attribute «MAY have no value», which means yanked without a reason
        if "data-yanked" in attributes:
            row["yanked"] = attributes["data-yanked"] or True
        self.rows.append(row)


def _html_rows(body: bytes, content_type: str, url: str) -> Iterator[Mapping[str, Any]]:
    charset = re.search(r"charset=[\"']?([\w.:-]+)", content_type, re.IGNORECASE)
    try:
        text = body.decode(charset[1] if charset else "utf-8", errors="replace")
    except LookupError:
        text = body.decode("utf-8", errors="replace")
    links = _Links()
    try:
        links.feed(text)
        links.close()
    except (ValueError, AssertionError) as error:  # HTMLParser asserts on some broken markup
        raise _broken(url, f"broken HTML ({error})") from error
    if not links.rows and not links.is_page and "links for" not in text[:4096].lower():
        raise _broken(url, "an HTML page without links")
    for row in links.rows:
        if links.base:
            row["url"] = urljoin(urljoin(url, links.base), row["url"])
        yield row


@lru_cache(maxsize=4096)
def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


_Parsed = tuple[Literal["wheel", "sdist"], Version, BuildTag, frozenset[Tag]]


def _parse_filename(filename: str, name: str) -> _Parsed | None:
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


def _sha256(row: Mapping[str, Any]) -> str | None:
    hashes = row.get("hashes")
    value = hashes.get("sha256") if isinstance(hashes, dict) else None
    if isinstance(value, str) and _SHA256.fullmatch(value.lower()):
        return value.lower()
    return None


def _metadata_sha256(row: Mapping[str, Any]) -> str | None:
    for key in ("core-metadata", "dist-info-metadata", "data-dist-info-metadata"):
        value = row.get(key)
        if isinstance(value, dict):
            digest = value.get("sha256")
            return digest.lower() if isinstance(digest, str) else ""
        if value is not None:
            return "" if value else None
    return None


def _yanked(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return "" if value is True else None
