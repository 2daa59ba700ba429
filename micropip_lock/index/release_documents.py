"""Documents of single releases, read from an index: see `formats.release_document`."""

from __future__ import annotations

from ..formats.project_page import ProjectPage
from ..formats.release_document import parse_document
from ..network import Fetcher

#: The longest document to read, decoded; the project's description is part of it.
_LARGEST = 8 * 2**20


async def read_document(url: str, fetcher: Fetcher) -> ProjectPage | None:
    """The document at ``url``, as a project page of one version; None when there is none.

    Raises `FetchError`.
    """
    response = await fetcher.get(url, accept="application/json", max_bytes=_LARGEST)
    if response.status != 200 or not response.complete:
        return None
    return parse_document(response.body, response.url)
