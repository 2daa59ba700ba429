"""Project pages of one or several indexes.

Every configured index is asked for every project: only «there is no such project» lets another one
decide alone. Anything else is an error, or a name taken on a second index could slip in while the
first one is down.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from packaging.version import Version

from .errors import FetchError
from .fetch import Fetcher
from .simple import ACCEPT, IndexFile, ProjectPage, parse_page, single_file_page
from .url import shown, without_credentials

#: The largest page to read, decoded. The fattest real ones have some 20 MB.
MAX_PAGE = 40 * 2**20


@dataclass(frozen=True, slots=True)
class Offer:
    """A file and the index that offers it (shown without credentials)."""

    file: IndexFile
    index: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What all indexes say about one project: ``pages`` in the order of the indexes, then find-links."""

    pages: tuple[tuple[str, ProjectPage], ...]
    asked: tuple[str, ...]
    #: Whether an index knows the project at all, at whatever version.
    known: bool = True

    def offers(self, name: str, versions: Collection[Version]) -> list[Offer]:
        """The files of ``versions``, those of the first index first, each URL once."""
        found = {
            file.url: Offer(file, index)
            for index, page in reversed(self.pages)
            for file in reversed(page.files(name, versions))
        }
        return list(reversed(found.values()))

    def sha256_of(self, url: str) -> str | None:
        """The sha256 that a page gives for this very URL."""
        return next(filter(None, (page.lists(url) for _, page in self.pages)), None)

    def to_bytes(self, name: str, version: Version) -> bytes | None:
        """What is said of one version, for a cache; None when a URL may hold a secret."""
        pages = [
            (index, cut)
            for index, page in self.pages
            for found, cut in page.versions(name).items()
            # PEP 440: «==1.0» is met by 1.0+local as well.
            if version in (found, Version(found.public))
        ]
        if any("?" in url or url != without_credentials(url) for _, page in pages for url in page.urls):
            return None
        return json.dumps([[[index, page.to_json()] for index, page in pages], self.asked]).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Listing:
        """What `to_bytes` made. Raises ValueError for anything else."""
        try:
            rows, asked = json.loads(data)
            return cls(tuple((str(index), ProjectPage.from_json(page)) for index, page in rows), tuple(map(str, asked)))
        except TypeError as error:
            raise ValueError("not a listing") from error


class Indexes:
    """The configured indexes, most preferred first, and pip's find-links."""

    def __init__(
        self, index_urls: Sequence[str], find_links: Sequence[str] = (), *, trust_index_file: bool = False
    ) -> None:
        self._index_urls = list(dict.fromkeys(url.rstrip("/") for url in index_urls))
        self._find_links = list(dict.fromkeys(find_links))
        self._trust_index_file = trust_index_file
        self._links: list[tuple[str, ProjectPage]] = []
        self._broken_links: FetchError | None = None

    def __bool__(self) -> bool:
        return bool(self._index_urls or self._find_links)

    async def open(self, fetcher: Fetcher) -> None:
        """Read the find-links places, which hold files of many projects; once, before `project` is called.

        A place that gives no answer is told by `project`, for every project that is asked for.
        """
        try:
            for url in self._find_links:
                if urlsplit(url).path.endswith(".whl"):
                    self._links.append((shown(url), single_file_page(url)))
                elif (page := await _page(url, fetcher)) is not None:
                    self._links.append((shown(url), page))
        except FetchError as error:
            self._broken_links = error

    @property
    def key(self) -> str:
        """What tells these indexes from others, in a cache."""
        return " ".join(map(shown, (*self._index_urls, "", *self._find_links)))

    async def preferred(self, name: str, fetcher: Fetcher) -> Listing:
        """The page of project ``name`` (canonical) on the first index that has it, and find-links. Raises `FetchError`.

        An index further down is asked only when the ones before it say that there is no such project: a name that
        somebody takes there can never stand in for a private one.
        """
        if self._broken_links is not None:
            raise self._broken_links.with_traceback(None)
        asked: list[str] = []
        found: list[tuple[str, ProjectPage]] = []
        for url in self._index_urls:
            asked.append(shown(url))
            page = await _page(project_url(url, name), fetcher)
            if page is not None:
                found = [(shown(url), page)]
                break
        return Listing((*found, *self._links), tuple(asked), known=bool(found))

    async def project(self, name: str, fetcher: Fetcher, *, first: str | None = None) -> Listing:
        """The pages of project ``name`` (canonical) on every index.

        ``first`` is what an INDEX file names: it only decides the order, and an index that is not
        configured is asked only with ``trust_index_file``. Raises `FetchError`.
        """
        if self._broken_links is not None:
            raise self._broken_links.with_traceback(None)
        urls = self._ordered(first)
        pages = [(shown(url), await _page(project_url(url, name), fetcher)) for url in urls]
        found = tuple((index, page) for index, page in pages if page is not None)
        return Listing((*found, *self._links), tuple(map(shown, urls)), known=bool(found))

    def _ordered(self, first: str | None) -> list[str]:
        if first is None:
            return self._index_urls
        wanted = shown(first).rstrip("/")
        known = [url for url in self._index_urls if shown(url).rstrip("/") == wanted]
        if not known and self._trust_index_file:
            known = [first.rstrip("/")]
        return [*known, *(url for url in self._index_urls if url not in known)]


def project_url(index_url: str, name: str) -> str:
    """The URL of a project's page (PEP 503: ``<index>/<name>/``).

    ``{package_name}`` is replaced where it stands, as micropip does.
    """
    if "{package_name}" in index_url:
        return index_url.replace("{package_name}", quote(name))
    return f"{index_url}/{quote(name)}/"


async def _page(url: str, fetcher: Fetcher) -> ProjectPage | None:
    response = await fetcher.get(url, accept=ACCEPT, max_bytes=MAX_PAGE)
    if not response.found:
        return None
    if response.status != 200:
        raise FetchError(f"{shown(url)} answered with status {response.status}.", url=shown(url))
    if not response.complete:
        raise FetchError(f"{shown(url)} answered with more than {MAX_PAGE >> 20} MiB.", url=shown(url))
    return parse_page(response.body, response.headers.get("content-type", ""), response.url)
