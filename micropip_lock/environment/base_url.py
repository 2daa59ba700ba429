"""Where the wheels of a host-side Pyodide distribution can be downloaded from."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from urllib.parse import unquote
from urllib.request import url2pathname

from .._util.reading import read_regular
from .._util.url import split
from ..errors import FetchError
from ..formats.lockfile import LockedPackage, Lockfile
from ..formats.project_page import ProjectPage
from ..formats.project_page_parser import parse_page

# More than one is tried because a user's own file: index may lack a page, or have another wheel on
# it.
_TRIES = 8


def known_base_url(base: Lockfile, dist: Path, index_urls: Iterable[str]) -> str | None:
    """The http(s) folder, with a trailing slash, that the base lock's relative file names live in.

    pyodide-build makes a simple index of the base lock beside the distribution; its pages hold
    the absolute URLs. One link is believed when it has the file name and the sha256 of the
    lock's entry. None when no page says so: a URL is never guessed from a version.
    """
    folders = [url2pathname(split(url).path) for url in index_urls if url.startswith("file:")]
    for folder in (*map(Path, folders), dist.parent / "package_index"):
        if not folder.is_dir():
            continue
        for name, entry in islice(_relative_wheels(base), _TRIES):
            page = _page(folder / name / "index.html")
            url = None if page is None else _folder_url(page, entry)
            if url:
                return url
    return None


def _relative_wheels(base: Lockfile) -> Iterable[tuple[str, LockedPackage]]:
    for name, entry in base.packages.items():
        path = split(entry.file_name)
        if path.path.endswith(".whl") and not (
            path.scheme or path.netloc or path.path.startswith("/")
        ):
            yield name, entry


def _page(file: Path) -> ProjectPage | None:
    try:
        return parse_page(read_regular(file), "text/html", file.absolute().as_uri())
    except (OSError, FetchError):
        return None


def _folder_url(page: ProjectPage, entry: LockedPackage) -> str | None:
    for url, sha256 in page.links(entry.file_name.rpartition("/")[2]):
        parts = split(url)
        if parts.scheme not in ("http", "https") or parts.query:
            continue
        if unquote(parts.path).endswith("/" + entry.file_name) and sha256 == entry.sha256:
            return url.rsplit("/", entry.file_name.count("/") + 1)[0] + "/"
    return None
