"""The project pages of a resolution: fetched, or from the cache as far as that suffices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.version import Version

from ...index.client import Indexes, Listing
from ...network import Fetcher
from ...storage import Facts
from .page_summaries import Outlines
from .project import Choice
from .requirement import Requirement
from .state import ResolutionState

#: The kind of the facts that say what an index has of one version.
_RELEASE = "release"
#: How many releases are compared to find out whether the index has documents of releases.
_SAMPLES = 3


class ProjectPages:
    """Adds pages to ``state``. Each URL is requested once.

    ``refresh``: nothing is taken from the cache; ``partial``: those parts of the pages suffice that
    the resolution reads.
    """

    def __init__(
        self,
        state: ResolutionState,
        indexes: Indexes,
        fetcher: Fetcher,
        facts: Facts,
        *,
        refresh: bool,
        partial: bool,
    ) -> None:
        self._state = state
        self._indexes = indexes
        self._fetcher = fetcher
        self._facts = facts
        self._outlines = Outlines(facts, indexes.key)
        self._refresh = refresh
        self._partial = partial
        #: By name: the whole pages that were read.
        self._listings: dict[str, Listing] = {}
        #: Projects whose pages were added once: if they are needed again, no part of them suffices.
        self._added: set[str] = set()
        #: Releases on pages that were read, to compare their documents with.
        self._samples: list[tuple[str, Version]] = []
        self._documents_tried = False

    async def read(self, name: str) -> Listing:
        """The whole pages of a project on the preferred index. Raises `FetchError`."""
        if name not in self._listings:
            self._listings[name] = await self._indexes.preferred(name, self._fetcher)
        return self._listings[name]

    def known(self, name: str) -> Listing | None:
        """The pages of a project that were read, whole or in part; None: none were read."""
        listing = self._listings.get(name)
        if listing is not None:
            return listing
        project = self._state.projects.get(name)
        return project.listing if project is not None else None

    async def add(self, name: str, requirements: Sequence[Requirement]) -> None:
        """Add the pages of a project to the state, or the parts that ``requirements`` need.

        A known version that is pinned is never requested again, other versions are when the page is
        no longer fresh. Raises `FetchError`.
        """
        partial = self._partial and name not in self._added
        self._added.add(name)
        state = self._state
        pin = state.pin_among(name, requirements) if partial else state.pin_of(name)
        if pin is not None and self._add_known_release(name, pin):
            return
        if partial and self._add_outline(name):
            return
        if partial and pin is not None:
            listing = await self._read_release(name, pin)
        else:
            listing = await self.read(name)
        self._state.add_pages(name, listing, None if listing.by_pages else pin)
        if pin is not None:
            self._keep_release(name, pin, listing)

    def _add_known_release(self, name: str, pin: Version) -> bool:
        """Add what is known of the version ``pin``; whether that suffices."""
        if self._refresh:
            return False
        data = self._facts.get(_RELEASE, self._release_key(name, pin))
        if data is None:
            return False
        try:
            listing = Listing.from_bytes(data)
        except ValueError:
            return False
        self._state.add_pages(name, listing, pin)
        return self._suffices(name, pin)

    def _add_outline(self, name: str) -> bool:
        """Add the outline of the page; whether a fresh one is in the cache."""
        if self._refresh:
            return False
        outline = self._outlines.find(name)
        if outline is None:
            return False
        self._state.add_pages(name, outline.listing, None, outline.versions)
        return True

    def _keep_release(self, name: str, pin: Version, listing: Listing) -> None:
        data = listing.to_bytes(name, pin)
        if data is not None and self._suffices(name, pin):
            self._facts.put(_RELEASE, self._release_key(name, pin), data)

    def _release_key(self, name: str, pin: Version) -> str:
        return f"{self._indexes.key} {name} {pin}"

    def _suffices(self, name: str, pin: Version) -> bool:
        """Whether the resolution needs no more than is known of the version ``pin``.

        What the user pins is requested again before the resolution fails. Where another project
        pins a version that has no fitting wheel, the resolution would take the next best candidate,
        although the project may have published such a wheel meanwhile.
        """
        if pin == self._state.pin_of(name):
            return True
        project = self._state.project(name)
        # «==1.0» allows 1.0+local as well.
        allowed = [item for item in project.versions if pin in (item, Version(item.public))]
        return any(isinstance(project.judge(item, pinned=True), Choice) for item in allowed)

    async def _read_release(self, name: str, version: Version) -> Listing:
        """The files of one version, by the document of the release if the index has such documents.

        Raises `FetchError`.
        """
        if name in self._listings:
            return self._listings[name]
        await self.try_documents(self._samples)
        # Where there are such documents there are no local versions.
        listing = await self._indexes.preferred(name, self._fetcher, version=version)
        if listing.by_pages:
            self._listings[name] = listing
        return listing

    def add_sample(self, choice: Choice) -> None:
        """Note a release on a page, to find out by its document whether the index has these."""
        if choice.index is not None and len(self._samples) < _SAMPLES:
            self._samples.append((choice.name, choice.version))

    async def try_documents(self, samples: Sequence[tuple[str, Version]]) -> None:
        """Find out by some releases whether indexes have documents of releases.

        These are smaller than pages. Without several samples only an earlier result counts.
        """
        # In a browser, an answer that another origin does not let a page read is an error on the
        # console.
        if self._documents_tried or not self._fetcher.suffix_ranges:
            return
        self._documents_tried = len(samples) > 1
        await self._indexes.try_documents(self._fetcher, self._facts, samples)

    async def complete(self) -> bool:
        """Read the whole pages of each project of which only a part is known; whether there was
        one.

        Raises `FetchError`: without these pages a missing solution is not proved.
        """
        names = list(self._cut_projects())
        listings = await self._fetcher.gather([self.read(name) for name in names])
        for name, listing in zip(names, listings, strict=True):
            self._state.add_pages(name, listing)
        return bool(names)

    def _cut_projects(self) -> Iterator[str]:
        for project in self._state.projects.values():
            if project.pinned_version is not None or project.is_outline:
                yield project.name

    def remember(self) -> None:
        """Keep the examined parts of the pages that were read."""
        for name, listing in self._listings.items():
            project = self._state.projects.get(name)
            if project is not None and project.listing is listing:
                self._outlines.keep(project)
