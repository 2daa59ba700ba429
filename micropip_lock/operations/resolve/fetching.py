"""Fetching for a resolution: the data that it lacks, and the data that it will most likely need.

This module waits only for the network. All results go into `ResolutionState`, errors too: the
resolution raises an error only if it really needs what could not be fetched.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

from ...errors import MicropipLockError, Problem
from ...formats.wheel import WheelDescription
from ...index.client import Indexes
from ...index.wheel_metadata import Publications
from ...network import Fetcher
from ...storage import Facts
from .matching import matches
from .project import Choice, ChoiceKey
from .project_pages import ProjectPages
from .requirement import Candidate, Requirement
from .state import DataNeeded, ResolutionState
from .wheel_reading import WheelReader

#: Versions of one project whose METADATA are fetched together, at most, once it turns out that many
#: are tried.
_MOST_AHEAD = 32
#: Requirements that are followed by one gather. Each waits for what it leads to, so many such
#: groups run side by side.
_GROUP = 16


class Explorer:
    """Fills ``state``. Each URL is requested once.

    ``refresh``: nothing is taken from the cache; ``partial``: those parts of the project pages
    suffice that the resolution reads; ``progress``: is called as (done, total, package).
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
        self._state = state
        self._fetcher = fetcher
        self._progress = progress
        self.project_pages = ProjectPages(
            state, indexes, fetcher, facts, refresh=refresh, partial=partial
        )
        self.wheels = WheelReader(state, Publications(fetcher, facts), self.project_pages)
        self.warnings: list[Problem] = self.wheels.warnings
        #: Projects whose pages are being fetched, with the requirements that wait for them.
        self._loading: dict[str, list[tuple[Sequence[Requirement], str]]] = {}
        #: Choices whose METADATA is being read, with the extras that wait for it.
        self._reading: dict[ChoiceKey, list[str]] = {}
        #: Choices and extras whose dependencies were followed.
        self._followed: set[tuple[ChoiceKey, str]] = set()
        #: How often the METADATA of a project's next version was missing.
        self._fetches: Counter[str] = Counter()
        self._roots: dict[str, list[Requirement]] = defaultdict(list)
        for requirement in state.roots:
            if not requirement.extra:
                self._roots[requirement.name].append(requirement)
        self._done = 0

    # -- following requirements

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
        name = needed.name
        if needed.choice is None:
            # Not `_follow`: the versions that are known already would satisfy it.
            await self._load(name, needed.requirements, "")
            return
        self._fetches[name] += 1
        choices = [needed.choice]
        times = self._fetches[name]
        if times > 1:
            unread = self._unread(name, needed.requirements)
            choices += islice(unread, min(2**times, _MOST_AHEAD))
        await self._fetcher.gather(
            [self._read(choice, needed.extra) for choice in dict.fromkeys(choices)]
        )

    def _unread(self, name: str, requirements: Sequence[Requirement]) -> Iterator[Choice]:
        """The matching choices whose METADATA was not read, as far as they are known."""
        with suppress(DataNeeded, MicropipLockError):
            for choice in matches(self._state, name, requirements):
                if choice.key not in self._state.metadata:
                    yield choice

    async def _follow(self, name: str, requirements: Sequence[Requirement], extra: str) -> None:
        """Find the best match of ``requirements``, and go on from there."""
        while True:
            try:
                choice = next(matches(self._state, name, requirements), None)
            except DataNeeded:
                if name in self._loading:  # another task fetches it, and then follows this one
                    self._loading[name].append((requirements, extra))
                    return
                await self._load(name, requirements, extra)
                return
            except MicropipLockError:
                return
            if choice is None:
                return
            await self._read(choice, extra, likely=True)
            if not self._is_rejected(choice):
                return

    async def _load(self, name: str, requirements: Sequence[Requirement], extra: str) -> None:
        """Fetch the pages of a project, and follow all requirements that wait for them."""
        self._loading[name] = [(requirements, extra)]
        try:
            await self.project_pages.add(name, requirements)
        except MicropipLockError as error:
            self._state.errors[name] = error
        waiting = self._loading.pop(name)
        await self._fetcher.gather([self._follow(name, other, wanted) for other, wanted in waiting])

    async def _read(self, choice: Choice, extra: str, *, likely: bool = False) -> None:
        """Read the METADATA of a choice, and follow what it and one extra of it depend on.

        ``likely``: the choice may well be final, so that its modules will be needed.
        """
        extras = [extra]
        if self._needs_metadata(choice, extra):
            if choice.key in self._reading:
                self._reading[choice.key].append(extra)
                return
            self._reading[choice.key] = extras
            self.project_pages.add_sample(choice)
            await self.wheels.read_metadata(choice)
            self._count(choice.name)
            del self._reading[choice.key]
        if self._is_rejected(choice):
            return
        following = self.explore(self._unfollowed(choice, extras))
        if likely and choice.entry is None and choice.key in self._state.metadata:
            await self._fetcher.gather([following, self.wheels.read_summary(choice)])
        else:
            await following

    def _needs_metadata(self, choice: Choice, extra: str) -> bool:
        if choice.key in self._state.metadata or choice.key in self._state.errors:
            return False
        # The entry of the base has the dependencies of the package, not those of its extras.
        return choice.entry is None or bool(extra)

    def _unfollowed(self, choice: Choice, extras: Sequence[str]) -> list[Requirement]:
        """The requirements of a choice and of ``extras`` that were not followed before."""
        requirements: list[Requirement] = []
        for extra in dict.fromkeys(["", *extras]):
            if (choice.key, extra) not in self._followed:
                self._followed.add((choice.key, extra))
                with suppress(DataNeeded, MicropipLockError):
                    requirements += self._state.dependencies(Candidate(choice, extra))
        return [item for item in requirements if item.same is None]

    def _is_rejected(self, choice: Choice) -> bool:
        project = self._state.projects.get(choice.name)
        return project is not None and project.is_rejected(choice)

    def _count(self, name: str) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, max(self._done, len(self._state.projects)), name)

    # -- for the lock of a solution

    async def summary(self, choice: Choice) -> WheelDescription | MicropipLockError:
        """The modules of a wheel and the errors of its RECORD, or why these cannot be known."""
        await self.wheels.read_summary(choice)
        return self.wheels.summary(choice)
