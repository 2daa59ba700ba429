"""The document of one release that some indexes keep beside the simple API:
``/pypi/<name>/<version>/json``.

A project page lists every file of every version; this lists one version, in a fraction of the
bytes. No PEP describes it and most mirrors lack it, so it is a shortcut and no authority: see
`Indexes.try_documents`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlunsplit

from packaging.version import Version

from .._util.url import split
from .project_page import ProjectPage
from .project_page_rows import row_of


def document_url(index_url: str, name: str, version: Version) -> str | None:
    """The URL of a release's document; None for an index whose URL does not end in ``/simple``."""
    parts = split(index_url)
    root, slash, last = parts.path.rstrip("/").rpartition("/")
    if last != "simple" or parts.query:
        return None
    return urlunsplit(
        parts._replace(path=f"{root}{slash}pypi/{quote(name)}/{quote(str(version))}/json")
    )


def parse_document(body: bytes, url: str) -> ProjectPage | None:
    """The document as a project page of one version, ``url`` the final URL.

    None when it is none of this kind.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    files = document.get("urls") if isinstance(document, Mapping) else None
    if not isinstance(files, list) or not all(isinstance(item, Mapping) for item in files):
        return None
    rows = [_row(item) for item in files]
    if not all(isinstance(row["filename"], str) and isinstance(row["url"], str) for row in rows):
        return None
    return ProjectPage(url, tuple((row["filename"], row_of(row)) for row in rows))


def _row(item: Mapping[str, Any]) -> dict[str, Any]:
    """A file as PEP 691 has it."""
    return {
        "filename": item.get("filename"),
        "url": item.get("url"),
        "hashes": item.get("digests"),
        "size": item.get("size"),
        "yanked": item.get("yanked") and (item.get("yanked_reason") or True),
        "requires-python": item.get("requires_python"),
    }


def same_release(document: ProjectPage, page: ProjectPage, name: str, version: Version) -> bool:
    """Whether both list the same files of ``version`` (and some), as far as a lock depends on
    it.
    """

    def rows(listed: ProjectPage) -> set[tuple[object, ...]]:
        files = listed.files(name, {version})
        return {(file.filename, file.url, file.sha256, file.size, file.yanked) for file in files}

    return rows(document) == rows(page) != set()
