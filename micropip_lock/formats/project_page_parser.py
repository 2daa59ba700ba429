"""Reading project pages: PEP 691 (JSON) or PEP 503 (HTML)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin

from .._util.url import shown
from ..errors import FetchError
from .project_page import ProjectPage
from .project_page_rows import Row, row_of, text_or_none

#: The Accept header: JSON first, HTML second (PEP 691, «Version + Format Selection»).
ACCEPT = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.01"
)


def parse_page(body: bytes, content_type: str, url: str) -> ProjectPage:
    """Parse a project page. ``url`` is the final URL, which relative links are joined to.

    Raises `FetchError` when the answer is no project page: broken JSON, a wrong type, an API
    version that is not 1.x, or HTML without a single link that does not say it is a page.
    """
    return (
        _read_json(body, url)
        if _is_json(body, content_type)
        else _read_html(body, content_type, url)
    )


def _is_json(body: bytes, content_type: str) -> bool:
    # The page may be HTML although the Accept header prefers JSON, and mirrors send JSON as
    # text/plain.
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.endswith("json"):
        return True
    return not media_type.endswith("html") and body.lstrip()[:1] == b"{"


def _read_html(body: bytes, content_type: str, url: str) -> ProjectPage:
    # Most indexes answer with JSON; the HTML parser is slow to import in Pyodide.
    from .project_page_html import read_html

    page = read_html(body, content_type)
    if page.api_version is not None:
        _check_api_version(page.api_version, url)
    elif not page.anchors and "links for" not in page.head.lower():
        raise _broken(url, "an HTML page without links")
    try:
        base = urljoin(url, page.base) if page.base else url
    except ValueError:
        # Its text may quote a password.
        raise _broken(url, "an HTML page whose <base> is no URL") from None
    return ProjectPage(base, page.anchors, page.status, page.status_reason)


def _read_json(body: bytes, url: str) -> ProjectPage:
    try:
        page = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _broken(url, f"broken JSON ({error})") from error
    if not isinstance(page, dict) or not isinstance(page.get("files"), list):
        raise _broken(url, "JSON without a list of files")
    meta = page.get("meta")
    api_version = meta.get("api-version", "1.0") if isinstance(meta, dict) else "1.0"
    _check_api_version(str(api_version), url)
    rows = _rows(page["files"], url)
    project_status = page.get("project-status")
    if not isinstance(project_status, dict):
        project_status = {}
    # PEP 792: «Clients SHOULD treat a missing status as active».
    status = text_or_none(project_status.get("status")) or "active"
    reason = text_or_none(project_status.get("reason")) or ""
    return ProjectPage(url, rows, status, reason)


def _rows(files: list[Any], url: str) -> tuple[tuple[str, Row], ...]:
    rows = []
    for file in files:
        if not isinstance(file, dict):
            raise _broken(url, "a file without filename or url")
        filename = file.get("filename")
        if not isinstance(filename, str) or not isinstance(file.get("url"), str):
            raise _broken(url, "a file without filename or url")
        rows.append((filename, row_of(file)))
    return tuple(rows)


def _check_api_version(version: str, url: str) -> None:
    # PEP 629: «If a client encounters a major version that it does not understand, it MUST fail»
    if version.partition(".")[0] != "1":
        raise _broken(url, f"simple repository API version {version[:20]} (this reads 1.x)")


def _broken(url: str, what: str) -> FetchError:
    return FetchError(
        f"{shown(url)} answered with {what}, which is no project page.", url=shown(url)
    )
