"""The pages of a simple index:

PEP 503 HTML, PEP 691/700 JSON, and the per-release document some indexes add.
"""

from __future__ import annotations

import functools
import hashlib
import html
import json
import re
import urllib.parse
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from .replies import JSON_TYPE

HTML_TYPE = "application/vnd.pypi.simple.v1+html"


@dataclass(frozen=True)
class IndexFile:
    """One wheel or sdist of the folder."""

    path: Path
    project: str
    version: str
    size: int
    sha256: str
    md5: str
    metadata: bytes | None = field(repr=False)  # METADATA of a wheel
    requires_python: str

    @property
    def filename(self) -> str:
        """The name of the file."""
        return self.path.name


@dataclass(frozen=True)
class PageOptions:
    """How much an index says; see IndexServer."""

    core_metadata: str = "hash"  # "hash" | "true" | "off"
    hashes: str = "sha256"  # "sha256" | "md5" | "none"
    size: bool = True
    files_url: str = ""  # what stands before the file names, with a slash at the end
    yanked: Mapping[str, bool | str] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    statuses: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def is_distribution(path: Path) -> bool:
    """Whether the file is something an index lists."""
    return path.is_file() and path.name.endswith((".whl", ".tar.gz"))


@functools.lru_cache(maxsize=4096)
def _read(path: Path, _mtime_ns: int, _size: int) -> IndexFile:
    content = path.read_bytes()
    metadata: bytes | None = None
    if path.suffix == ".whl":
        project, version = (str(part) for part in parse_wheel_filename(path.name)[:2])
        with zipfile.ZipFile(path) as archive:
            members = [
                name
                for name in archive.namelist()
                if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)
            ]
            metadata = archive.read(members[0]) if members else None
    else:
        project, version = (str(part) for part in parse_sdist_filename(path.name))
    found = re.search(rb"^Requires-Python:[ \t]*(.+?)\r?$", metadata or b"", re.MULTILINE)
    return IndexFile(
        path=path,
        project=project,
        version=version,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        metadata=metadata,
        requires_python=found[1].decode() if found else "",
    )


def read_file(path: Path) -> IndexFile:
    """Read a distribution; the result is kept until the file changes."""
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


def read_folders(folders: Iterable[Path]) -> dict[str, IndexFile]:
    """File name -> file of all distributions in the folders;

    the first folder that has a name counts.
    """
    found: dict[str, IndexFile] = {}
    for folder in folders:
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if is_distribution(path):
                found.setdefault(path.name, read_file(path))
    return found


def wants_json(accept: str) -> bool:
    """PEP 691: JSON only if asked for, and at least as welcome as HTML."""
    best = {"json": 0.0, "html": 0.0}
    for item in (accept or "*/*").split(","):
        kind, _, parameters = item.partition(";")
        kind = kind.strip().lower()
        match = re.search(r"q=([0-9.]+)", parameters)
        quality = float(match[1]) if match else 1.0
        if kind in (JSON_TYPE, "application/vnd.pypi.simple.latest+json"):
            best["json"] = max(best["json"], quality)
        elif kind in (HTML_TYPE, "application/vnd.pypi.simple.latest+html", "text/html", "*/*"):
            best["html"] = max(best["html"], quality)
    return best["json"] > 0 and best["json"] >= best["html"]


def entry(file: IndexFile, options: PageOptions) -> dict[str, Any]:
    """One file as the JSON page lists it."""
    found: dict[str, Any] = {
        "filename": file.filename,
        "url": options.files_url + file.filename,
        "hashes": {},
    }
    if options.hashes != "none":
        found["hashes"] = {options.hashes: getattr(file, options.hashes)}
    if file.requires_python:
        found["requires-python"] = file.requires_python
    if file.metadata is not None and options.core_metadata != "off":
        digest = {"sha256": hashlib.sha256(file.metadata).hexdigest()}
        found["core-metadata"] = digest if options.core_metadata == "hash" else True
        found["data-dist-info-metadata"] = found["core-metadata"]
    for key in (file.filename, f"{file.project}=={file.version}"):
        if key in options.yanked:
            found["yanked"] = options.yanked[key]
    if options.size:
        found["size"] = file.size
        found["upload-time"] = "2026-01-01T00:00:00.000000Z"
    found.update(options.overrides.get(file.filename, {}))
    return found


def json_page(project: str, files: Iterable[IndexFile], options: PageOptions) -> bytes:
    """The project page of PEP 691, with the keys of PEP 700 if sizes are on."""
    files = list(files)
    page: dict[str, Any] = {
        "meta": {"api-version": "1.1" if options.size else "1.0"},
        "name": project,
        "files": [entry(file, options) for file in files],
    }
    if project in options.statuses:
        status, reason = options.statuses[project]
        page["project-status"] = {"status": status, "reason": reason}
    if options.size:
        page["versions"] = sorted({file.version for file in files})
    return json.dumps(page, indent=1).encode()


def html_page(project: str, files: Iterable[IndexFile], options: PageOptions) -> bytes:
    """The project page of PEP 503, with the attributes of PEP 592, 658, 714 and 792."""
    return html_links(
        project, (entry(file, options) for file in files), options.statuses.get(project)
    )


def html_links(
    title: str, entries: Iterable[Mapping[str, Any]], status: tuple[str, str] | None = None
) -> bytes:
    """An HTML page of links from entries in the JSON form; ``status``: PEP 792's, and why."""
    rows = []
    for item in entries:
        fragment = "".join(
            f"#{name}={digest}" for name, digest in list(item.get("hashes", {}).items())[:1]
        )
        attributes = {"href": item["url"] + fragment}
        if item.get("requires-python"):
            attributes["data-requires-python"] = item["requires-python"]
        metadata = item.get("core-metadata")
        if metadata:
            value = f"sha256={metadata['sha256']}" if isinstance(metadata, Mapping) else "true"
            attributes["data-dist-info-metadata"] = attributes["data-core-metadata"] = value
        if item.get("yanked"):
            attributes["data-yanked"] = item["yanked"] if isinstance(item["yanked"], str) else ""
        written = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
        rows.append(f"<a {written}>{html.escape(item['filename'])}</a><br/>\n")
    head = '<!DOCTYPE html>\n<html><head><meta name="pypi:repository-version" content="1.1">'
    for name, value in zip(("status", "status-reason"), status or (), strict=False):
        head += f'<meta name="pypi:project-{name}" content="{html.escape(value)}">'
    return f"{head}<title>Links for {title}</title></head><body>\n{''.join(rows)}</body></html>\n".encode()


def list_page(projects: Iterable[str], *, as_json: bool) -> bytes:
    """The root page: all projects."""
    names = sorted(projects)
    if as_json:
        return json.dumps(
            {"meta": {"api-version": "1.0"}, "projects": [{"name": name} for name in names]}
        ).encode()
    links = "".join(f'<a href="{name}/">{name}</a><br/>\n' for name in names)
    return f"<!DOCTYPE html>\n<html><body>\n{links}</body></html>\n".encode()


def release_page(
    project: str, version: str, files: Iterable[IndexFile], options: PageOptions
) -> bytes | None:
    """The JSON document of one release that some indexes offer beside the simple API;

    None: no such release.
    """
    urls = []
    for file in files:
        if file.version != version:
            continue
        item = entry(file, options)
        yanked = item.get("yanked", False)
        urls.append(
            {
                "filename": file.filename,
                "url": item["url"],
                "digests": item["hashes"],
                "size": file.size,
                "packagetype": "bdist_wheel" if file.metadata is not None else "sdist",
                "requires_python": file.requires_python or None,
                "yanked": bool(yanked),
                "yanked_reason": yanked if isinstance(yanked, str) else None,
            }
        )
    if not urls:
        return None
    info = {"name": project, "version": version, "yanked": all(url["yanked"] for url in urls)}
    return json.dumps({"info": info, "urls": urls, "last_serial": 1}).encode()


def canonical(name: str) -> str:
    """PEP 503 normalised name."""
    return str(canonicalize_name(name))


def json_entries(body: bytes, base: str) -> list[dict[str, Any]]:
    """The files of a JSON page, with absolute URLs."""
    return [
        {**item, "url": urllib.parse.urljoin(base, item["url"])}
        for item in json.loads(body)["files"]
    ]


def json_from_entries(project: str, entries: Iterable[Mapping[str, Any]]) -> bytes:
    """A JSON page of version 1.0 from ready entries."""
    return json.dumps(
        {"meta": {"api-version": "1.0"}, "name": project, "files": list(entries)}
    ).encode()
