"""What a resolution knows so far.

It makes no request: where it lacks data it raises `DataNeeded`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from packaging.requirements import Requirement as DeclaredRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..._util.url import is_http, shown
from ...dependencies.extras import DeclaredRequirements
from ...dependencies.markers import MarkerEvaluator
from ...errors import GoneError, MicropipLockError
from ...formats.core_metadata import CoreMetadata
from ...formats.project_page import single_file_page
from ...formats.requirement import Wanted
from ...formats.target import Target
from ...index.client import Listing
from ..base import Base
from .project import Choice, Project

_LONGEST_TEXT = 200
_MOST_HASHES = 2


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement for one extra of a package, or ("") for the package itself."""

    name: str
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    extra: str = ""
    url: str | None = None
    hashes: frozenset[str] = frozenset()
    #: As its author wrote it, as far as that may be shown.
    text: str = ""
    #: The very choice: an extra belongs to the version that it is an extra of.
    same: Choice | None = None
    #: The specifier as text; it and `pins` are read often.
    limits: str = field(init=False)
    #: Whether one version is named exactly, which allows a yanked one (PEP 592).
    pins: bool = field(init=False)
    #: That version.
    pin: Version | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", str(self.specifier))
        exact = [
            item.version
            for item in self.specifier
            if item.operator == "===" or (item.operator == "==" and not item.version.endswith(".*"))
        ]
        object.__setattr__(self, "pins", bool(exact))
        pin = None
        with suppress(InvalidVersion):  # «===» takes any text
            pin = Version(exact[0]) if len(exact) == 1 else None
        object.__setattr__(self, "pin", pin)

    @property
    def names_prerelease(self) -> bool:
        """Whether the specifier names a pre-release, which allows them (PEP 440)."""
        try:
            return bool(self.specifier.prereleases)
        except InvalidVersion:  # packaging before 26, for «===» with any text
            return False

    def allows(self, choice: Choice) -> bool:
        """Whether ``choice`` meets this requirement."""
        if self.same is not None and self.same.key != choice.key:
            return False
        if self.url is not None and not (
            choice.direct and choice.file is not None and choice.file.url == self.url
        ):
            return False
        if self.hashes and choice.sha256 is not None and choice.sha256 not in self.hashes:
            return False
        return not self.limits or self.specifier.contains(choice.version, prereleases=True)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A choice, or one extra of it, in a solution."""

    choice: Choice
    extra: str = ""

    @property
    def name(self) -> str:
        """The canonical name of the project."""
        return self.choice.name


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


def requirements_of(
    requirement: DeclaredRequirement, hashes: frozenset[str] = frozenset()
) -> Iterator[Requirement]:
    """A requirement taken apart: the package, and each of its extras."""
    name = canonicalize_name(requirement.name)
    url = requirement.url.partition("#")[0] if requirement.url else None
    text = _text(requirement) + "".join(
        f" --hash=sha256:{digest[:8]}..." for digest in sorted(hashes)[:_MOST_HASHES]
    )
    for extra in ("", *sorted(map(canonicalize_name, requirement.extras))):
        yield Requirement(name, requirement.specifier, extra, url, hashes, text)


def _text(requirement: DeclaredRequirement) -> str:
    """A requirement as messages show it: without marker, and without secrets in its URL."""
    if requirement.url is None:
        text = str(requirement).partition(";")[0].strip()
    else:
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        text = f"{requirement.name}{extras} @ {shown(requirement.url)}"
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."


def common_hashes(requirements: Iterable[Requirement]) -> frozenset[str] | None:
    """The sha256 that all ``requirements`` allow; empty: any; None: they exclude each other."""
    said = [item.hashes for item in requirements if item.hashes]
    common = frozenset.intersection(*said) if said else frozenset()
    return None if said and not common else common


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
        self.metadata: dict[tuple[str, str, str], CoreMetadata] = {}
        #: Why a project or the METADATA of a choice cannot be had, by name or by `Choice.key`.
        self.errors: dict[object, MicropipLockError] = {}
        #: The last requirements, by name: with them the next candidate is found after a rejection.
        self.tried: dict[str, Sequence[Requirement]] = {}
        #: By `Choice.key`: what no solution can have.
        self.hopeless: set[tuple[str, str, str]] = set()
        self._pre = pre
        self._direct: dict[tuple[str, str], Choice | None] = {}
        #: By URL: why the wheel there was rejected, as a clause that follows «it».
        self.fallen: dict[str, str] = {}
        self._dependencies: dict[tuple[tuple[str, str, str], str], tuple[Requirement, ...]] = {}

    def _said(self) -> Iterable[Requirement]:
        return (
            *self.roots,
            *(
                requirement
                for requirements in self.constraints.values()
                for requirement in requirements
            ),
        )

    def pin_among(self, name: str, requirements: Iterable[Requirement]) -> Version | None:
        """The version that ``requirements`` or the constraints name for ``name``, if there is
        exactly one.
        """
        found = {item.pin for item in (*requirements, *self.constraints.get(name, ())) if item.pins}
        return found.pop() if len(found) == 1 else None

    def pin_of(self, name: str) -> Version | None:
        """The version that the user names for ``name``, if there is exactly one."""
        found = {
            item.version
            for requirement in self._said()
            if requirement.name == name and requirement.pins
            for item in requirement.specifier
            if item.operator in ("==", "===")
        }
        with suppress(InvalidVersion):  # «===» takes any text
            return Version(found.pop()) if len(found) == 1 else None
        return None

    def hashes_of(self, name: str) -> frozenset[str]:
        """The sha256 that the user allows for ``name``; empty: any."""
        said = [item.hashes for item in self._said() if item.name == name and item.hashes]
        return frozenset.intersection(*said) if said else frozenset()

    def add_pages(
        self,
        name: str,
        listing: Listing,
        pinned_version: Version | None = None,
        versions: Sequence[str] | None = None,
    ) -> None:
        """Remember what the indexes say of a project; ``pinned_version`` is the one version that
        they were asked for.

        ``versions`` are all that there are where ``listing`` has the files of some.
        """
        self.projects[name] = self.project(name).add_pages(listing, pinned_version, versions)

    def project(self, name: str) -> Project:
        """The project ``name``, even if nothing is known of it."""
        if name not in self.projects:
            self.projects[name] = Project(name, self.target, self.base.entry(name), None)
        return self.projects[name]

    def matches(self, name: str, requirements: Sequence[Requirement]) -> Iterator[Choice]:
        """The choices that all requirements allow, best first.

        Raises `DataNeeded`, or the error that was met before.
        """
        requirements = [*requirements, *self.constraints.get(name, ())]
        urls = {item.url for item in requirements if item.url is not None}
        if urls:
            choice = (
                self.direct(name, urls.pop())
                if len(urls) == 1 and common_hashes(requirements) is not None
                else None
            )
            if choice is not None and all(item.allows(choice) for item in requirements):
                yield choice
            return
        if any(item.same is not None for item in requirements):
            same = next(item.same for item in requirements if item.same is not None)
            if all(item.allows(same) for item in requirements):
                yield same
            return
        tried = set()
        if name in self.preferred:
            for choice in self._from_preferred(self.preferred[name], name, requirements):
                tried.add(choice.key)
                yield choice
        yield from (
            choice
            for choice in self._from_project(self._project(name, requirements), requirements)
            if choice.key not in tried
        )

    def _from_preferred(
        self, preferred: Preferred, name: str, requirements: Sequence[Requirement]
    ) -> Iterator[Choice]:
        project, held, version = self.project(name), preferred.held, preferred.version
        allowed = common_hashes(requirements)
        if allowed is None:
            return
        if (
            held is not None
            and not self.is_lost(held)
            and all(item.allows(held) for item in requirements)
        ):
            yield held
        base = project.base
        is_first = base is not None and (preferred.base_first or base.version == version)
        if base is not None and is_first and all(item.allows(base) for item in requirements):
            yield base
        if project.is_base_only or not all(
            item.specifier.contains(version, prereleases=True) for item in requirements
        ):
            return
        self._listed(project, requirements)
        # A lock with a version that was yanked since counts as a pin of exactly that version.
        if isinstance(judged := project.judge(version, pinned=True, hashes=allowed), Choice):
            yield judged

    def is_lost(self, choice: Choice) -> bool:
        """Whether a file is not where it was, or turned out not to fit."""
        return self.project(choice.name).is_rejected(choice) or isinstance(
            self.errors.get(choice.key), GoneError
        )

    def _project(self, name: str, requirements: Sequence[Requirement]) -> Project:
        project = self.project(name)
        if (
            project.base is None
            or self.upgrade
            or not all(item.allows(project.base) for item in requirements)
        ):
            self._listed(project, requirements)
        return project

    def _listed(self, project: Project, requirements: Sequence[Requirement]) -> None:
        """Raise `DataNeeded` unless the index's page of the project was read."""
        if project.listing is None and not project.is_base_only:
            if project.name in self.errors:
                raise self.errors[project.name].with_traceback(None)
            raise DataNeeded(project.name, requirements)

    def _from_project(
        self, project: Project, requirements: Sequence[Requirement]
    ) -> Iterator[Choice]:
        allows_pre = self.allows_prereleases(requirements)
        allowed = common_hashes(requirements)
        if allowed is None:
            return
        found = False
        later: list[Version] = []
        specifiers = {item.limits: item.specifier for item in requirements if item.limits}
        # If a requirement pinned the project, its other versions are unknown.
        stuck = project.pinned_version is not None and all(
            item.pin != project.pinned_version for item in requirements
        )
        for version, choice in project.candidates(specifiers, upgrade=self.upgrade):
            if choice is not None:
                if self._allows_base(choice, requirements):
                    found = True
                    yield choice
                    # It was rejected: now the index's versions are needed.
                    self._listed(project, requirements)
            elif stuck:
                break
            elif version.is_prerelease and not allows_pre:
                later.append(version)
            else:
                for judged in self._judged(project, [version], requirements, allowed):
                    found = True
                    yield judged
        if stuck:
            raise DataNeeded(project.name, requirements)
        # PEP 440: pre-releases are accepted «if no other version satisfies the specifier».
        if not found:
            yield from self._judged(project, later, requirements, allowed)

    def _judged(
        self,
        project: Project,
        versions: Iterable[Version],
        requirements: Sequence[Requirement],
        allowed: frozenset[str],
    ) -> Iterator[Choice]:
        """Those of ``versions`` that can be chosen. Raises `DataNeeded` for one that is unknown."""
        pinned = any(item.pins for item in requirements)
        for version in versions:
            if project.lacks(version):
                raise DataNeeded(project.name, requirements)
            judged = project.judge(version, pinned=pinned, hashes=allowed)
            if isinstance(judged, Choice):
                yield judged

    def _allows_base(self, choice: Choice, requirements: Sequence[Requirement]) -> bool:
        """Whether the base's own version may be chosen.

        Pyodide chose it: a pre-release is as good as any other version, unless ``upgrade``.
        """
        if not all(item.allows(choice) for item in requirements):
            return False
        is_wanted = not self.upgrade or self.allows_prereleases(requirements)
        return is_wanted or not choice.version.is_prerelease

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
        # What is no URL at all is none of http either: «http://[».
        versions = single_file_page(url).versions(name) if is_http(url) else {}
        for version, cut in versions.items():
            for file in cut.files(name, {version}):
                if file.kind == "wheel" and self.target.rank(file.tags) is not None:
                    return Choice(name, version, replace(file, url=url), direct=True)
        return None

    def reject_direct(self, choice: Choice, reason: str) -> None:
        """Count a wheel out that was named by its URL, and turned out to be none for this
        target.
        """
        assert choice.file is not None
        self._direct[choice.name, choice.file.url] = None
        self.fallen[choice.file.url] = reason

    def dependencies(self, pick: Candidate) -> Iterator[Requirement]:
        """The requirements of a candidate. Raises `DataNeeded`, or an earlier fetch's error."""
        choice, extra = pick.choice, pick.extra
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
            raise DataNeeded(choice.name, self.tried.get(choice.name, ()), choice, extra)
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
