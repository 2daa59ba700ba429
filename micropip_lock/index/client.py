"""Project pages of one or several indexes.

Every configured index is queried for every project: only «there is no such project» lets another
one decide alone. Anything else is an error, or a name taken on a second index could slip in while
the first one is down.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any
from urllib.parse import quote

from packaging.version import Version

from .._util.url import shown, split, without_credentials
from ..errors import FetchError
from ..formats.project_page import IndexFile, ProjectPage, single_file_page
from ..formats.project_page_parser import ACCEPT, parse_page
from ..formats.release_document import document_url, same_release
from ..network import Fetcher
from ..network.meter import Meter
from ..storage import Facts
from .release_documents import read_document

#: The largest page to read, decoded. The fattest real ones have some 20 MB.
MAX_PAGE = 40 * 2**20

_WEEK = 7 * 86_400
#: How many projects are tried until one is found that an index has.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Offer:
    """A file and the index that offers it (shown without credentials)."""

    file: IndexFile
    index: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The pages of one project on all indexes, in the order of the indexes, then find-links."""

    pages: tuple[tuple[str, ProjectPage], ...]
    asked: tuple[str, ...]
    #: Whether an index knows the project, with or without the version in question.
    known: bool = True
    #: Whether project pages said all this; a release document is no authority.
    by_pages: bool = True

    def offers(self, name: str, versions: Collection[Version]) -> list[Offer]:
        """The files of ``versions``, those of the first index first, each URL once for every sha256
        given for it.
        """
        found: dict[tuple[str, str | None], Offer] = {}
        for index, page in self.pages:
            for file in page.files(name, versions):
                found.setdefault((file.url, file.sha256), Offer(file, index))
        return list(found.values())

    def with_local(self, name: str, versions: Collection[Version]) -> set[Version]:
        """``versions``, and those that differ from one of them in nothing but a local part (PEP
        440).
        """
        public = {Version(version.public) for version in versions if version.local is None}
        listed = {version for _, page in self.pages for version in page.versions(name)}
        return {*versions, *(version for version in listed if Version(version.public) in public)}

    def hashes_of(self, url: str) -> dict[str, str]:
        """Each sha256 that pages give for this very URL, however it is spelled, with the first
        index that does.
        """
        found: dict[str, str] = {}
        for index, page in self.pages:
            for sha256 in page.hashes_of(url):
                found.setdefault(sha256, index)
        return found

    def to_bytes(self, name: str, version: Version) -> bytes | None:
        """The data of one version, for a cache; None when a URL may hold a secret."""
        parts = []
        for index, page in self.pages:
            for found, part in page.versions(name).items():
                # PEP 440: «==1.0» is met by 1.0+local as well.
                if version in (found, Version(found.public)):
                    parts.append((index, part))
        listing = Listing(tuple(parts), self.asked)
        return json.dumps(listing.to_json()).encode() if listing.may_be_kept else None

    @classmethod
    def from_bytes(cls, data: bytes) -> Listing:
        """What `to_bytes` made. Raises ValueError for anything else."""
        try:
            return cls.from_json(json.loads(data))
        except RecursionError as error:
            raise ValueError("not a listing") from error

    @property
    def may_be_kept(self) -> bool:
        """Whether no URL may hold a secret."""
        urls = chain.from_iterable(page.urls for _, page in self.pages)
        return all("?" not in url and url == without_credentials(url) for url in urls)

    def to_json(self) -> list[Any]:
        """The listing as a value of JSON, for a cache."""
        return [[[index, page.to_json()] for index, page in self.pages], self.asked]

    @classmethod
    def from_json(cls, value: Any) -> Listing:
        """What `to_json` made. Raises ValueError for anything else."""
        try:
            rows, asked = value
            return cls(
                tuple((str(index), ProjectPage.from_json(page)) for index, page in rows),
                tuple(map(str, asked)),
            )
        except TypeError as error:
            raise ValueError("not a listing") from error


class Indexes:
    """The configured indexes, most preferred first, and pip's find-links."""

    def __init__(
        self,
        index_urls: Sequence[str],
        find_links: Sequence[str] = (),
        *,
        trust_index_file: bool = False,
    ) -> None:
        self._index_urls = list(dict.fromkeys(url.rstrip("/") for url in index_urls))
        self._find_links = list(dict.fromkeys(find_links))
        self._trust_index_file = trust_index_file
        self._links: list[tuple[str, ProjectPage]] = []
        self._broken_links: FetchError | None = None
        #: The indexes whose release documents may be read instead of their pages.
        self._documented: set[str] = set()
        #: The pages that were already requested for that comparison, by URL.
        self._pages: dict[str, ProjectPage | FetchError | None] = {}
        self._silent: dict[str, FetchError] = {}

    def __bool__(self) -> bool:
        return bool(self._index_urls or self._find_links)

    async def open(self, fetcher: Fetcher) -> None:
        """Read the find-links places, which hold files of many projects; once, before `project` is
        called.

        `project` reports a place that gives no answer, for every project that it is called for.
        """
        if isinstance(fetcher, Meter):
            fetcher.configure([*self._index_urls, *self._find_links])
        try:
            for url in self._find_links:
                if split(url).path.endswith(".whl"):
                    self._links.append((shown(url), single_file_page(url)))
                elif (page := await _page(url, fetcher)) is not None:
                    self._links.append((shown(url), page))
        except FetchError as error:
            self._broken_links = error

    async def try_documents(
        self, fetcher: Fetcher, facts: Facts, samples: Sequence[tuple[str, Version]]
    ) -> None:
        """Find out which indexes have release documents that say what their pages say.

        ``samples`` are names (canonical) and versions of projects that will be requested; of the
        first that an index has, its document and its page are compared, so for a single one it is
        not worth while. The answer is remembered for a week. Raises nothing.
        """
        for url in self._index_urls:
            key = f"{without_credentials(url)} {int(time.time() // _WEEK)}"
            known = facts.get("release documents", key)
            if known is None and len(samples) > 1:
                known = await self._try_documents(url, samples[:_TRIES], fetcher)
                if known is not None:
                    facts.put("release documents", key, known)
            if known == b"yes":
                self._documented.add(url)

    async def _try_documents(
        self, index_url: str, samples: Sequence[tuple[str, Version]], fetcher: Fetcher
    ) -> bytes | None:
        for name, version in samples:
            place = document_url(index_url, name, version)
            if place is None:
                return b"no"
            page_url = project_url(index_url, name)
            # The page first: an index that wants credentials has to ask for them there.
            if page_url not in self._pages:
                try:
                    self._pages[page_url] = await _page(page_url, fetcher)
                except FetchError as error:
                    self._pages[page_url] = error
            page = self._pages[page_url]
            if isinstance(page, FetchError):
                # One refused connection stands for the whole index; a request for each project
                # would only take time.
                if page.reason == "no-connection":
                    self._silent[index_url] = page
                return None
            if page is None:
                continue
            try:
                document = await read_document(place, fetcher)
            except FetchError:
                return None
            agree = document is not None and same_release(document, page, name, version)
            return b"yes" if agree else b"no"
        return None

    @property
    def key(self) -> str:
        """The cache key of these indexes: a hash of the URLs, user and query included."""
        settings = json.dumps([self._index_urls, self._find_links, self._trust_index_file])
        return hashlib.sha256(settings.encode("utf-8", "surrogatepass")).hexdigest()

    async def preferred(
        self, name: str, fetcher: Fetcher, *, version: Version | None = None
    ) -> Listing:
        """The page of project ``name`` (canonical) on the first index that has it, and find-links.
        Raises `FetchError`.

        An index further down is asked only when the ones before it say that there is no such
        project: a name that a stranger registers there can never replace a private project. With
        ``version`` as in `project`.
        """
        if self._broken_links is not None:
            raise self._broken_links.with_traceback(None)
        asked: list[str] = []
        found: list[tuple[str, ProjectPage]] = []
        by_pages = True
        for url in self._index_urls:
            asked.append(shown(url))
            unread = project_url(url, name) not in self._pages
            page = None
            if version is not None and unread:
                page = await self._document(url, name, version, fetcher)
            if page is not None:
                by_pages = False
            else:
                page = self._pages[project_url(url, name)] = await self._page(url, name, fetcher)
            if page is not None:
                found = [(shown(url), page)]
                break
        return Listing((*found, *self._links), tuple(asked), known=bool(found), by_pages=by_pages)

    async def project(
        self,
        name: str,
        fetcher: Fetcher,
        *,
        first: str | None = None,
        version: Version | None = None,
    ) -> Listing:
        """The pages of project ``name`` (canonical) on every index.

        ``first`` is what an INDEX file names: it only decides the order, and an index that is not
        configured is asked only with ``trust_index_file``. With ``version`` a release document may
        replace a page; `Listing.by_pages` says whether. Raises `FetchError`.
        """
        if self._broken_links is not None:
            raise self._broken_links.with_traceback(None)
        urls = self._ordered(first)
        found: list[tuple[str, ProjectPage]] = []
        by_pages = True
        for url in urls:
            page = None if version is None else await self._document(url, name, version, fetcher)
            if page is not None:
                by_pages = False
            else:
                page = await self._page(url, name, fetcher)
            if page is not None:
                found.append((shown(url), page))
        return Listing(
            (*found, *self._links), tuple(map(shown, urls)), known=bool(found), by_pages=by_pages
        )

    async def answering(self, name: str, fetcher: Fetcher) -> Listing:
        """The pages of project ``name`` (canonical) on every index that answers.

        Other indexes are ignored.
        """
        found: list[tuple[str, ProjectPage]] = []
        for url in self._index_urls:
            with suppress(FetchError):
                page = await self._page(url, name, fetcher)
                if page is not None:
                    found.append((shown(url), page))
        return Listing(
            (*found, *self._links), tuple(map(shown, self._index_urls)), known=bool(found)
        )

    async def _page(self, index_url: str, name: str, fetcher: Fetcher) -> ProjectPage | None:
        if index_url in self._silent:
            raise self._silent[index_url].with_traceback(None)
        url = project_url(index_url, name)
        known = self._pages[url] if url in self._pages else await _page(url, fetcher)
        if isinstance(known, FetchError):
            raise known.with_traceback(None)
        return known

    async def _document(
        self, url: str, name: str, version: Version, fetcher: Fetcher
    ) -> ProjectPage | None:
        if url not in self._documented:
            return None
        place = document_url(url, name, version)
        if place is None:
            return None
        try:
            return await read_document(place, fetcher)
        except FetchError:
            self._documented.discard(url)  # the page will say what is wrong, if anything is
            return None

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
        raise FetchError(
            f"{shown(url)} answered with more than {MAX_PAGE >> 20} MiB.", url=shown(url)
        )
    page = parse_page(response.body, response.headers.get("content-type", ""), response.url)
    return replace(page, fresh_until=response.fresh_until)
