"""Fetching for a resolution: what it lacks, and what it will most likely want next.

This module waits only for the network. All results go into `ResolutionState`, errors too: the
resolution raises an error only if it really needs what could not be fetched.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from packaging.version import Version

from ..._util.url import shown
from ...errors import FetchError, IntegrityError, MicropipLockError, Problem, UnlockableError
from ...formats.core_metadata import CoreMetadata
from ...formats.project_page import IndexFile, single_file_page
from ...index.client import Indexes, Listing
from ...index.remote_wheel import NoRangesError
from ...index.wheel_metadata import BrokenMetadataError, Publications, WheelSummary
from ...network import Fetcher
from ...storage import Facts
from .matching import matches
from .page_summaries import Outlines
from .project import Choice, Project, fits_python, needs_python
from .requirement import Candidate, Requirement
from .state import DataNeeded, ResolutionState, holds

#: Versions of one project whose METADATA are fetched together, at most, once it turns out that many
#: are tried.
_MOST_AHEAD = 32
#: Requirements that are followed by one gather. Each waits for what it leads to, so many such
#: groups run side by side.
_GROUP = 16
#: How many releases are kept to find out by them whether the index has documents of releases.
_SAMPLES = 3


class Explorer:
    """Fills ``state``. Each URL is requested once.

    ``refresh``: what indexes said before does not count; ``partial``: it is enough to know those
    parts of their pages that the resolution reads.
    """

    def __init__(
        self,
        state: ResolutionState,
        indexes: Indexes,
        fetcher: Fetcher,
        facts: Facts,
        *,
        refresh: bool = False,
        partial: bool = False,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> None:
        self.warnings: list[Problem] = []
        self._state = state
        self._indexes = indexes
        self._fetcher = fetcher
        self._facts = facts
        self._outlines = Outlines(facts, indexes.key)
        self._refresh = refresh
        self._partial = partial
        #: Projects of which more than a part has to be known.
        self._whole: set[str] = set()
        #: Releases of pages that were read, to compare their documents with.
        self._samples: list[tuple[str, Version]] = []
        self._documents_tried = False
        self._progress = progress
        self.publications = Publications(fetcher, facts)
        self._listings: dict[str, Listing] = {}
        self._opened: set[tuple[object, str]] = set()
        self._loading: dict[str, list[tuple[Sequence[Requirement], str]]] = {}
        self._reading: dict[object, list[str]] = {}
        self._summaries: dict[object, WheelSummary | MicropipLockError | None] = {}
        self._misses: Counter[str] = Counter()
        self._roots: dict[str, list[Requirement]] = defaultdict(list)
        for requirement in state.roots:
            if not requirement.extra:
                self._roots[requirement.name].append(requirement)
        self._done = 0

    async def explore(self, requirements: Sequence[Requirement]) -> None:
        """Follow ``requirements`` to the best choice of each, to what that needs, and so on."""
        if len(requirements) > _GROUP:
            groups = [
                requirements[start : start + _GROUP]
                for start in range(0, len(requirements), _GROUP)
            ]
            await self._fetcher.gather([self.explore(group) for group in groups])
            return
        await self._fetcher.gather(
            [
                self._follow(item.name, [item, *self._roots[item.name]], item.extra)
                for item in requirements
            ]
        )

    async def fetch(self, needed: DataNeeded) -> None:
        """Fetch the missing data, and what the resolution will need next if they do not suffice."""
        name, choice = needed.name, needed.choice
        if choice is None:
            # Not `_follow`: that would be content with the versions that are known already.
            await self._load(name, needed.requirements, "")
            return
        self._misses[name] += 1
        ahead = [choice]
        if (tries := self._misses[name]) > 1:
            with suppress(DataNeeded, MicropipLockError):
                others = (
                    item
                    for item in matches(self._state, name, needed.requirements)
                    if item.key not in self._state.metadata
                )
                ahead += islice(others, min(2**tries, _MOST_AHEAD))
        await self._fetcher.gather(
            [self._open(Candidate(item), needed.extra) for item in dict.fromkeys(ahead)]
        )

    async def _follow(self, name: str, requirements: Sequence[Requirement], extra: str) -> None:
        """Find the best match of ``requirements``, and go on from there."""
        while True:
            try:
                choice = next(iter(matches(self._state, name, requirements)), None)
            except DataNeeded:
                if name in self._loading:  # another task has requested it, and goes on for this one
                    self._loading[name].append((requirements, extra))
                    return
                await self._load(name, requirements, extra)
                return
            except MicropipLockError:
                return
            if choice is None:
                return
            await self._open(Candidate(choice), extra, likely=True)
            if not self._is_rejected(choice):
                return

    def _is_rejected(self, choice: Choice) -> bool:
        project = self._state.projects.get(choice.name)
        return project is not None and project.is_rejected(choice)

    async def _load(self, name: str, requirements: Sequence[Requirement], extra: str) -> None:
        self._loading[name] = [(requirements, extra)]
        try:
            await self._learn(name, requirements)
        except MicropipLockError as error:
            self._state.errors[name] = error
        waiting = self._loading.pop(name)
        await self._fetcher.gather([self._follow(name, other, wanted) for other, wanted in waiting])

    async def _learn(self, name: str, requirements: Sequence[Requirement]) -> None:
        """Learn what the preferred index says of a project.

        A version that is pinned and known is never requested again, others not while the page is
        fresh.
        """
        partial = self._partial and name not in self._whole
        self._whole.add(name)
        pin = self._state.pin_among(name, requirements) if partial else self._state.pin_of(name)
        key = f"{self._indexes.key} {name} {pin}"
        if (
            pin is not None
            and not self._refresh
            and (data := self._facts.get("release", key)) is not None
        ):
            with suppress(ValueError):
                self._state.add_pages(name, Listing.from_bytes(data), pin)
                if self._settles(name, pin):
                    return
        if partial and not self._refresh and (outline := self._outlines.find(name)) is not None:
            self._state.add_pages(name, outline.listing, None, outline.versions)
            return
        listing = (
            await self.pages(name) if pin is None or not partial else await self._release(name, pin)
        )
        self._state.add_pages(name, listing, None if listing.by_pages else pin)
        if (
            pin is not None
            and (told := listing.to_bytes(name, pin)) is not None
            and self._settles(name, pin)
        ):
            self._facts.put("release", key, told)

    def _settles(self, name: str, pin: Version) -> bool:
        """Whether the resolution needs no more than what is known of the version ``pin``.

        What the user pins is requested again before the resolution fails. Where another project
        pins a version that has no fitting wheel, the resolution would take the next best candidate,
        although the project may have published such a wheel meanwhile.
        """
        project = self._state.project(name)
        found = [
            version for version in project.versions if pin in (version, Version(version.public))
        ]
        return pin == self._state.pin_of(name) or any(
            isinstance(project.judge(version, pinned=True), Choice) for version in found
        )

    async def _release(self, name: str, version: Version) -> Listing:
        """What the preferred index says of one version, by its document if there is one.

        Raises `FetchError`.
        """
        if name in self._listings:
            return self._listings[name]
        await self.try_documents(self._samples)
        # «==1.0» allows 1.0+local as well, but where there are such documents there are no local
        # versions.
        listing = await self._indexes.preferred(name, self._fetcher, version=version)
        if listing.by_pages:
            self._listings[name] = listing
        return listing

    async def try_documents(self, samples: Sequence[tuple[str, Version]]) -> None:
        """Find out whether indexes have documents of releases, which are smaller than pages, by
        some of the releases.

        Without several samples only what was found out before counts.
        """
        # In a browser, what another origin does not let a page read is an error on the console.
        if self._documents_tried or not self._fetcher.suffix_ranges:
            return
        self._documents_tried = len(samples) > 1
        await self._indexes.try_documents(self._fetcher, self._facts, samples)

    def remember(self) -> None:
        """Keep the examined parts of the pages that were read."""
        for name, listing in self._listings.items():
            project = self._state.projects.get(name)
            if project is not None and project.listing is listing:
                self._outlines.keep(project)

    async def pages(self, name: str) -> Listing:
        """What the preferred index says of a project. Raises `FetchError`."""
        if name not in self._listings:
            self._listings[name] = await self._indexes.preferred(name, self._fetcher)
        return self._listings[name]

    def known_pages(self, name: str) -> Listing | None:
        """The pages of a project that were read, by `pages` or for a choice; None: no page was."""
        project = self._state.projects.get(name)
        return self._listings.get(name) or (None if project is None else project.listing)

    async def complete(self) -> bool:
        """Read the whole page of each project of which not every version is known; whether there
        was one.

        Raises `FetchError`: without these pages a missing solution is not proved.
        """
        projects = self._state.projects.values()
        cut = [
            project.name
            for project in projects
            if project.pinned_version is not None or project.is_outline
        ]
        listings = await self._fetcher.gather([self.pages(name) for name in cut])
        for name, listing in zip(cut, listings, strict=True):
            self._state.add_pages(name, listing)
        return bool(cut)

    async def _open(self, pick: Candidate, extra: str, *, likely: bool = False) -> None:
        """Read the METADATA of a choice, and follow what it and one extra of it depend on.

        ``likely``: the choice may well be final, so that its modules will be needed.
        """
        choice = pick.choice
        if (
            choice.key not in self._state.metadata
            and (choice.entry is None or extra)
            and choice.key not in self._state.errors
        ):
            if choice.key in self._reading:
                self._reading[choice.key].append(extra)
                return
            self._reading[choice.key] = [extra]
            if choice.index is not None and len(self._samples) < _SAMPLES:
                self._samples.append((choice.name, choice.version))
            await self._read(choice)
            extras = self._reading.pop(choice.key)
        else:
            extras = [extra]
        if self._is_rejected(choice):
            return
        requirements: list[Requirement] = []
        for wanted in dict.fromkeys(["", *extras]):
            if (choice.key, wanted) not in self._opened:
                self._opened.add((choice.key, wanted))
                with suppress(DataNeeded, MicropipLockError):
                    requirements += self._state.dependencies(Candidate(choice, wanted))
        wanted_next = self.explore([item for item in requirements if item.same is None])
        if likely and choice.entry is None and choice.key in self._state.metadata:
            await self._fetcher.gather([wanted_next, self._read_summary(choice)])
        else:
            await wanted_next

    async def summary(self, choice: Choice) -> WheelSummary | MicropipLockError:
        """The modules of a wheel and the errors of its RECORD, or why these cannot be known."""
        await self._read_summary(choice)
        found = self._summaries[choice.key]
        assert found is not None  # no other task is still reading it
        return found

    async def _read_summary(self, choice: Choice) -> None:
        if choice.key in self._summaries:
            return
        self._summaries[choice.key] = None
        assert choice.file is not None
        try:
            self._summaries[choice.key] = await self.publications.summary(choice.file, choice.name)
        except NoRangesError:
            self._summaries[choice.key] = no_ranges(choice, "list of files")
        except (FetchError, IntegrityError) as error:
            self._summaries[choice.key] = error

    async def _read(self, choice: Choice) -> None:
        """Read the METADATA of a choice; reject a choice whose METADATA cannot be used."""
        try:
            await (
                self._read_base(choice)
                if choice.entry is not None
                else self._read_wheel(choice, choice.file)
            )
        except BrokenMetadataError as error:
            self._reject(choice, "metadata", f"its METADATA cannot be used: {error}")
        except NoRangesError:
            self._state.errors[choice.key] = no_ranges(choice, "METADATA")
        except (FetchError, IntegrityError) as error:
            self._state.errors[choice.key] = error
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, max(self._done, len(self._state.projects)), choice.name)

    async def _read_wheel(self, choice: Choice, file: IndexFile | None) -> None:
        assert file is not None
        found = await self.publications.metadata(file, choice.name)
        if not fits_python(found.requires_python, self._state.target):
            self._reject(choice, "python", needs_python(found.requires_python))
            return
        self._learn_metadata(choice, found)

    def _learn_metadata(self, choice: Choice, found: CoreMetadata) -> None:
        try:
            for requirement in found.requires:
                holds(requirement, self._state.target.environment, "")
        except ValueError as error:
            raise BrokenMetadataError(str(error)) from error
        self._state.metadata[choice.key] = found

    async def _read_base(self, choice: Choice) -> None:
        """Read the requirements of a base package's extras from its wheel, or an index's wheel."""
        assert choice.entry is not None
        wheel = self._state.base.wheel(choice.name, choice.entry.version)
        failed: FetchError | NoRangesError | None = None
        if wheel is not None:
            file = _as_file(wheel.url, choice, wheel.entry.sha256)
            try:
                self._learn_metadata(choice, await self.publications.metadata(file, choice.name))
                return
            except (FetchError, NoRangesError) as error:
                failed = error
        listing = await self.pages(choice.name)
        project = Project(choice.name, self._state.target, None, listing)
        other = project.judge(choice.version, pinned=True)
        if not isinstance(other, Choice):
            raise failed or FetchError(
                f"What the extras of {choice.shown} need cannot be found out: the place of the "
                "base's wheel is unknown, and no index has that version. Pass base_url= "
                "(--base-url) or base_dir= (--base-dir).",
                url="",
            )
        await self._read_wheel(choice, other.file)
        self.warnings.append(
            Problem(
                "extra-guessed",
                choice.name,
                choice.entry.version,
                "what its extras need was read from the index's wheel, since the base's own "
                "cannot be read.",
                "Pass base_dir= (--base-dir), a folder with the base's wheels, to be sure.",
            )
        )

    def _reject(self, choice: Choice, kind: str, reason: str) -> None:
        project = self._state.projects.get(choice.name)
        if choice.direct and kind == "python":
            self._state.reject_direct(choice, reason)
        elif choice.direct or choice.entry is not None or project is None:
            place = shown(choice.file.url) if choice.file else "the base's wheel"
            problem = Problem(
                "broken-metadata",
                choice.name,
                str(choice.version),
                f"{place}: {reason}.",
                _OTHER_WHEEL,
            )
            self._state.errors[choice.key] = UnlockableError([problem])
        else:
            project.reject(choice, "python" if kind == "python" else "metadata", reason)


_OTHER_WHEEL = "Ask for another version, or tell its authors."


def _as_file(url: str, choice: Choice, sha256: str) -> IndexFile:
    page = single_file_page(url)
    for version, cut in page.versions(choice.name).items():
        for file in cut.files(choice.name, {version}):
            return replace(file, sha256=sha256 or None)
    return IndexFile(page.filenames[0], url, choice.version, "wheel", sha256=sha256 or None)


def no_ranges(choice: Choice, what: str) -> UnlockableError:
    """That ``what`` of a wheel would take a download."""
    url = shown(choice.file.url) if choice.file else None
    return UnlockableError(
        [
            Problem(
                "no-ranges",
                choice.name,
                str(choice.version),
                f"the {what} of {url or choice.shown} takes a whole download: the server knows no "
                "ranges.",
                "Use an index with sidecars or range requests, or tell its owner.",
                url,
            )
        ]
    )
