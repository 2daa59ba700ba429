"""What a resolution knows so far.

It makes no request: where it lacks data it raises `DataNeeded`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from packaging.requirements import Requirement as DeclaredRequirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from ..._util.url import is_http
from ...dependencies.extras import DeclaredRequirements
from ...dependencies.markers import MarkerEvaluator
from ...errors import GoneError, MicropipLockError
from ...formats.core_metadata import CoreMetadata
from ...formats.project_page import single_file_page
from ...formats.requirement import Wanted
from ...formats.target import Target
from ...index.client import Listing
from ..base import Base
from .project import Choice, ChoiceKey, Project
from .requirement import Candidate, Requirement, common_hashes, requirements_of


@dataclass(frozen=True, slots=True)
class Preferred:
    """The preferred version of a project, tried before all others: that of another lock."""

    version: Version
    #: That lock's very file, where it fits.
    held: Choice | None = None
    #: It was Pyodide's own: then Pyodide's own comes first, in any version.
    base_first: bool = False


class DataNeeded(Exception):
    """The resolution cannot go on without a project's pages, or the METADATA of ``choice``."""

    def __init__(
        self,
        name: str,
        requirements: Sequence[Requirement],
        choice: Choice | None = None,
        extra: str = "",
    ) -> None:
        super().__init__(name)
        self.name = name
        self.requirements = requirements
        self.choice = choice
        #: The extra that it is wanted for: of an entry of the base, nothing else takes METADATA.
        self.extra = extra


class ResolutionState:
    """Projects and metadata by name, and the user's requirements and options.

    ``roots`` and ``constraints`` are those whose markers hold. ``pre``: pre-releases count like any
    other version; ``upgrade``: the newest version is preferred to that of the base. ``preferred``:
    the versions to try first, by name.
    """

    def __init__(
        self,
        base: Base,
        target: Target,
        roots: Sequence[Wanted],
        constraints: Sequence[Wanted],
        *,
        pre: bool = False,
        upgrade: bool = False,
        preferred: Mapping[str, Preferred] = MappingProxyType({}),
    ) -> None:
        self.base = base
        self.target = target
        self.markers = MarkerEvaluator.of(target)
        self.upgrade = upgrade
        self.preferred = preferred
        #: The user's requirements, each taken apart.
        self.groups = tuple(
            tuple(requirements_of(wanted.requirement, wanted.hashes)) for wanted in roots
        )
        self.roots = tuple(requirement for group in self.groups for requirement in group)
        self.constraints: dict[str, list[Requirement]] = {}
        for wanted in constraints:
            for requirement in requirements_of(wanted.requirement, wanted.hashes):
                self.constraints.setdefault(requirement.name, []).append(requirement)
        self.projects: dict[str, Project] = {}
        #: By `Choice.key`.
        self.metadata: dict[ChoiceKey, CoreMetadata] = {}
        #: Why a project or the METADATA of a choice cannot be had, by name or by `Choice.key`.
        self.errors: dict[object, MicropipLockError] = {}
        #: The last requirements, by name: with them the next candidate is found after a rejection.
        self.last_requirements: dict[str, Sequence[Requirement]] = {}
        #: By `Choice.key`: the choices that no solution can have.
        self.ruled_out: set[ChoiceKey] = set()
        self._pre = pre
        self._direct: dict[tuple[str, str], Choice | None] = {}
        #: By URL: why the wheel at this URL was rejected, as a clause that follows «it».
        self.rejected_urls: dict[str, str] = {}
        self._dependencies: dict[tuple[ChoiceKey, str], tuple[Requirement, ...]] = {}

    def _of_user(self, name: str) -> list[Requirement]:
        """The user's requirements and constraints on ``name``."""
        requirements = [item for item in self.roots if item.name == name]
        return requirements + self.constraints.get(name, [])

    def pin_among(self, name: str, requirements: Iterable[Requirement]) -> Version | None:
        """The version that ``requirements`` or the constraints name for ``name``, if there is
        exactly one.
        """
        restrictions = [*requirements, *self.constraints.get(name, ())]
        pins = {item.pin for item in restrictions if item.pins}
        return pins.pop() if len(pins) == 1 else None

    def pin_of(self, name: str) -> Version | None:
        """The version that the user names for ``name``, if there is exactly one."""
        texts: set[str] = set()
        for requirement in self._of_user(name):
            if requirement.pins:
                texts.update(_exact_versions(requirement.specifier))
        if len(texts) != 1:
            return None
        try:
            return Version(texts.pop())
        except InvalidVersion:  # «===» takes any text
            return None

    def hashes_of(self, name: str) -> frozenset[str]:
        """The sha256 that the user allows for ``name``; empty: any."""
        return common_hashes(self._of_user(name)) or frozenset()

    def add_pages(
        self,
        name: str,
        listing: Listing,
        pinned_version: Version | None = None,
        versions: Sequence[str] | None = None,
    ) -> None:
        """Add the pages of a project.

        ``pinned_version``: the only version that was requested. ``versions``: all versions of the
        project, where ``listing`` has the files of some of them.
        """
        self.projects[name] = self.project(name).add_pages(listing, pinned_version, versions)

    def project(self, name: str) -> Project:
        """The project ``name``, even if nothing is known of it."""
        if name not in self.projects:
            self.projects[name] = Project(name, self.target, self.base.entry(name), None)
        return self.projects[name]

    def is_lost(self, choice: Choice) -> bool:
        """Whether a file is not where it was, or turned out not to fit."""
        return self.project(choice.name).is_rejected(choice) or isinstance(
            self.errors.get(choice.key), GoneError
        )

    def require_pages(self, project: Project, requirements: Sequence[Requirement]) -> None:
        """Raise `DataNeeded` unless the index's page of the project was read.

        Where reading it has failed, raises that error.
        """
        if project.listing is not None or project.is_base_only:
            return
        if project.name in self.errors:
            raise self.errors[project.name].with_traceback(None)
        raise DataNeeded(project.name, requirements)

    def allows_prereleases(self, requirements: Iterable[Requirement]) -> bool:
        """Whether pre-releases count like any other version."""
        return self._pre or any(item.names_prerelease for item in requirements)

    def direct(self, name: str, url: str) -> Choice | None:
        """The wheel at ``url``, or None when that is no wheel of ``name`` for this target."""
        key = (name, url)
        if key not in self._direct:
            self._direct[key] = self._read_direct(name, url)
        return self._direct[key]

    def _read_direct(self, name: str, url: str) -> Choice | None:
        if not is_http(url):  # as «http://[», which cannot be parsed
            return None
        for version, page in single_file_page(url).versions(name).items():
            for file in page.files(name, {version}):
                if file.kind == "wheel" and self.target.rank(file.tags) is not None:
                    return Choice(name, version, replace(file, url=url), direct=True)
        return None

    def reject_direct(self, choice: Choice, reason: str) -> None:
        """Reject the wheel at a requirement's URL; ``reason`` is a clause that follows «it»."""
        assert choice.file is not None
        self._direct[choice.name, choice.file.url] = None
        self.rejected_urls[choice.file.url] = reason

    def dependencies(self, candidate: Candidate) -> Iterator[Requirement]:
        """The requirements of a candidate. Raises `DataNeeded`, or an earlier fetch's error."""
        choice = candidate.choice
        extra = candidate.extra
        if extra:
            yield Requirement(choice.name, text=choice.shown, same=choice)
        if choice.entry is not None and not extra:
            for name in choice.entry.depends:
                # The base is not always closed; what it lacks is reported when the lock is built.
                if name != choice.name and name in self.base.lockfile.packages:
                    yield Requirement(name, text=name)
            return
        metadata = self.metadata.get(choice.key)
        if metadata is None:
            if choice.key in self.errors:
                raise self.errors[choice.key].with_traceback(None)
            raise DataNeeded(
                choice.name, self.last_requirements.get(choice.name, ()), choice, extra
            )
        key = (choice.key, extra)
        if key not in self._dependencies:
            self._dependencies[key] = tuple(self._active(metadata.requires, choice.name, extra))
        yield from self._dependencies[key]

    def _active(
        self, requires: Iterable[DeclaredRequirement], own: str, extra: str
    ) -> Iterator[Requirement]:
        for declared in DeclaredRequirements(requires, self.markers).added_by(extra):
            for requirement in requirements_of(declared):
                if requirement.name != own or requirement.extra:
                    yield requirement


def _exact_versions(specifier: SpecifierSet) -> list[str]:
    return [item.version for item in specifier if item.operator in ("==", "===")]
