"""What the index of `benchmarks.link` answers:

every body made beforehand, so that answering is a look-up.
"""

from __future__ import annotations

import email
import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.utils import canonicalize_name

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html"
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": (
        "Content-Type, If-Match, If-Modified-Since, If-None-Match, Range, Authorization"
    ),
    "Access-Control-Expose-Headers": "Content-Range, Content-Length, ETag",
}


@dataclass
class Reply:
    """One reply; length is that of the body of a GET, for a HEAD too."""

    status: int
    body: bytes
    kind: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """What Content-Length says."""
        return len(self.body)


@dataclass(frozen=True)
class Document:
    """A body as it is and gzipped, with its ETag."""

    body: bytes
    content_type: str
    kind: str
    cache: str
    etag: str
    gzipped: bytes | None = None

    @classmethod
    def of(
        cls, body: bytes, content_type: str, kind: str, *, compress: bool = True, age: int = 600
    ) -> Document:
        """Prepare a body."""
        etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
        gzipped = gzip.compress(body, 6, mtime=0) if compress else None
        return cls(body, content_type, kind, f"max-age={age}, public", etag, gzipped)

    def reply(self, headers: Mapping[str, str], *, ranges: bool = False) -> Reply:
        """The whole of it, a part of it, or that it is the same as before."""
        said = {
            "Content-Type": self.content_type,
            "ETag": self.etag,
            "Cache-Control": self.cache,
            "Vary": "Accept, Accept-Encoding",
            **_CORS,
        }
        if headers.get("if-none-match", "").removeprefix("W/") == self.etag:
            return Reply(304, b"", self.kind, said)
        if ranges:
            said["Accept-Ranges"] = "bytes"
            if wanted := _wanted(headers.get("range", ""), len(self.body)):
                start, end = wanted
                said["Content-Range"] = f"bytes {start}-{end - 1}/{len(self.body)}"
                return Reply(206, self.body[start:end], "range", said)
        if self.gzipped is not None and "gzip" in headers.get("accept-encoding", ""):
            return Reply(200, self.gzipped, self.kind, {**said, "Content-Encoding": "gzip"})
        return Reply(200, self.body, self.kind, said)


class Index:
    """A folder of `benchmarks.corpus`."""

    def __init__(self, root: Path) -> None:
        self._files = {path.name: path for path in (root / "files").glob("*/*")}
        self._pages = {
            path.stem: json.loads(path.read_bytes()) for path in (root / "fat").glob("*.json")
        }
        self._documents: dict[tuple[str, ...], Document] = {}
        self._base = ""

    def prepare(self, base: str) -> None:
        """Make everything that a client is likely to ask for. base: «http://127.0.0.1:1234»"""
        self._base = base
        for project in self._pages:
            self._page(project, as_json=True)
        for name in self._files:
            if name.endswith(".whl"):
                project, version = canonicalize_name(name.split("-")[0]), name.split("-")[1]
                self._release(project, version)
            self._file(name)

    def answer(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        releases: bool,
        json: bool,
        sidecars: bool,
        ranges: bool,
    ) -> Reply:
        """Answer a request; what is off is answered as by an index that never had it."""
        if method == "OPTIONS":
            return Reply(204, b"", "other", dict(_CORS))
        path = unquote(target.partition("?")[0])
        found: Document | None = None
        kind = "other"
        if match := re.fullmatch(r"/simple/([^/]+)(/?)", path):
            kind = "page"
            project = canonicalize_name(match[1])
            if project != match[1] or not match[2]:
                return Reply(301, b"", kind, {"Location": f"/simple/{project}/", **_CORS})
            if project in self._pages:
                found = self._page(project, as_json=json and wants_json(headers.get("accept", "")))
        elif match := re.fullmatch(r"/pypi/([^/]+)/([^/]+)/json", path):
            kind = "release"
            found = self._release(canonicalize_name(match[1]), match[2]) if releases else None
        elif path.startswith("/packages/"):
            name = path.rpartition("/")[2]
            kind = "sidecar" if name.endswith(".metadata") else "wheel"
            if name in self._files and (sidecars or kind == "wheel"):
                return self._file(name).reply(headers, ranges=ranges)
        if found is None:
            return Reply(404, b"not found\n", kind, {"Content-Type": "text/plain", **_CORS})
        return found.reply(headers)

    def _page(self, project: str, *, as_json: bool) -> Document:
        key = ("page", project, "json" if as_json else "html")
        if key not in self._documents:
            page = self._pages[project]
            rows = [{**row, "url": f"{self._base}{row['url']}"} for row in page["files"]]
            if as_json:
                text = json.dumps({**page, "files": rows}, separators=(",", ":"))
            else:
                text = "".join(_html(page["name"], rows))
            self._documents[key] = Document.of(
                text.encode(), JSON_TYPE if as_json else HTML_TYPE, "page"
            )
        return self._documents[key]

    def _release(self, project: str, version: str) -> Document | None:
        key = ("release", project, version)
        if key not in self._documents:
            page = self._pages.get(project)
            if page is None:
                return None
            names = (f"{row['filename']}.metadata" for row in _release_rows(page, version))
            sidecar = next(
                (self._files[name].read_bytes() for name in names if name in self._files), b""
            )
            said = release_document(page, project, version, sidecar, self._base)
            if said is None:
                return None
            self._documents[key] = Document.of(
                json.dumps(said, separators=(",", ":")).encode(), "application/json", "release"
            )
        return self._documents[key]

    def _file(self, name: str) -> Document:
        key = ("file", name)
        if key not in self._documents:
            is_sidecar = name.endswith(".metadata")
            content_type = "binary/octet-stream" if is_sidecar else "application/octet-stream"
            self._documents[key] = Document.of(
                self._files[name].read_bytes(),
                content_type,
                "sidecar" if is_sidecar else "wheel",
                compress=False,
                age=365_000_000,
            )
        return self._documents[key]


def release_document(
    page: Mapping[str, Any], project: str, version: str, sidecar: bytes, base: str
) -> dict[str, Any] | None:
    """The JSON document of one release;

    None: there is no such release. sidecar: METADATA of one of its wheels.
    """
    rows = _release_rows(page, version)
    if not rows:
        return None
    return {
        "info": _info(project, version, sidecar, rows),
        "last_serial": page["meta"]["_last-serial"],
        "ownership": {"organization": None, "roles": [{"role": "Owner", "user": project}]},
        "urls": [_release_row(row, base) for row in rows],
        "vulnerabilities": [],
    }


def _release_rows(page: Mapping[str, Any], version: str) -> list[dict[str, Any]]:
    wanted = re.compile(rf"(?i)[a-z0-9._-]+?-{re.escape(version)}(?:-[^/]+\.whl|\.tar\.gz|\.zip)")
    return [row for row in page["files"] if wanted.fullmatch(row["filename"])]


def _wanted(header: str, size: int) -> tuple[int, int] | None:
    """Start and end of the part asked for; None: the whole."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.replace(" ", ""))
    if not match or not (match[1] or match[2]):
        return None
    start = int(match[1]) if match[1] else max(0, size - int(match[2]))
    end = min(size, int(match[2]) + 1) if match[1] and match[2] else size
    return (start, end) if start < end else None


def wants_json(accept: str) -> bool:
    """Whether JSON is what the client likes best; HTML is for whoever takes anything."""
    best = {True: 0.0, False: 0.0}
    for item in accept.split(","):
        media, _, parameters = item.strip().partition(";")
        quality = re.search(r"q=([0-9.]+)", parameters)
        is_json = media.strip().lower() in (JSON_TYPE, "application/vnd.pypi.simple.latest+json")
        best[is_json] = max(best[is_json], float(quality[1]) if quality else 1.0)
    return best[True] > 0 and best[True] >= best[False]


def _html(name: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        '<!DOCTYPE html>\n<html>\n  <head>\n    <meta name="pypi:repository-version" '
        'content="1.4">\n'
    )
    yield (
        f"    <title>Links for {name}</title>\n  </head>\n  <body>\n    <h1>Links for {name}</h1>\n"
    )
    for row in rows:
        yield f'    <a href="{escape(row["url"])}#sha256={row["hashes"]["sha256"]}"'
        if row["requires-python"]:
            yield f' data-requires-python="{escape(row["requires-python"])}"'
        if row["core-metadata"]:
            digest = f"sha256={row['core-metadata']['sha256']}"
            yield f' data-dist-info-metadata="{digest}" data-core-metadata="{digest}"'
        if row["yanked"] is not False:
            yield f' data-yanked="{escape("" if row["yanked"] is True else row["yanked"])}"'
        yield f" >{escape(row['filename'])}</a><br />\n"
    yield "  </body>\n</html>\n"


def _info(
    project: str, version: str, metadata: bytes, rows: list[dict[str, Any]]
) -> dict[str, Any]:
    said = email.message_from_string(metadata.decode(errors="replace"))
    one = (
        "Summary",
        "Author",
        "Author-Email",
        "Home-Page",
        "License",
        "License-Expression",
        "Requires-Python",
        "Keywords",
    )
    return {
        **{name.lower().replace("-", "_"): said[name] for name in one},
        "name": project,
        "version": version,
        "classifiers": said.get_all("Classifier", []),
        "description": said["Description"] or said.get_payload() or "",
        "description_content_type": said["Description-Content-Type"],
        "project_urls": dict(
            url.split(", ", 1) for url in said.get_all("Project-URL", []) if ", " in url
        ),
        "provides_extra": said.get_all("Provides-Extra"),
        "requires_dist": said.get_all("Requires-Dist"),
        "yanked": all(row["yanked"] is not False for row in rows),
        "yanked_reason": None,
    }


def _release_row(row: Mapping[str, Any], base: str) -> dict[str, Any]:
    filename = row["filename"]
    return {
        "comment_text": None,
        "digests": {
            "blake2b_256": "".join(row["url"].split("/")[2:-1]),
            "md5": hashlib.md5(filename.encode(), usedforsecurity=False).hexdigest(),
            "sha256": row["hashes"]["sha256"],
        },
        "downloads": -1,
        "filename": filename,
        "has_sig": False,
        "md5_digest": hashlib.md5(filename.encode(), usedforsecurity=False).hexdigest(),
        "packagetype": "bdist_wheel" if filename.endswith(".whl") else "sdist",
        "python_version": filename.split("-")[-3] if filename.endswith(".whl") else "source",
        "requires_python": row["requires-python"],
        "size": row["size"],
        "upload_time": row["upload-time"][:19],
        "upload_time_iso_8601": row["upload-time"],
        "url": f"{base}{row['url']}",
        "yanked": row["yanked"] is not False,
        "yanked_reason": row["yanked"] if isinstance(row["yanked"], str) else None,
    }
