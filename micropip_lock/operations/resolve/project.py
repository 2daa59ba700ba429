"""One project for resolve: which versions can be chosen, and why the others are rejected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.utils import BuildTag
from packaging.version import Version

from ..._util.url import is_http
from ...formats.lockfile import LockedPackage
from ...formats.project_page import IndexFile, ProjectPage
from ...formats.target import Target
from ...index.client import Listing
from .version_lists import ParsedVersions, SharedIterator

Kind = Literal[
    "sdist",
    "wheel",
    "python",
    "yanked",
    "prerelease",
    "hash",
    "excluded",
    "metadata",
    "local",
    "tried",
]


#: Project, version, and URL or "base".
ChoiceKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a version was not chosen, as a clause that follows «it»."""

    kind: Kind
    reason: str


@dataclass(eq=False, slots=True)
class Choice:
    """A version that can be locked: a wheel of an index or at a URL, or an entry of the base."""

    name: str
    version: Version
    #: The wheel to read METADATA from; of an entry of the base only where its URL or path is known.
    file: IndexFile | None = None
    index: str | None = None
    entry: LockedPackage | None = None
    #: The requirement itself named its URL.
    direct: bool = False

    @property
    def shown(self) -> str:
        """Name and version, as a sentence has them."""
        return f"{self.name} {self.entry.version if self.entry else self.version}"

    #: What makes it the same choice as another one; it is compared often.
    key: ChoiceKey = field(init=False)

    def __post_init__(self) -> None:
        source = self.file.url if self.file is not None else ""
        if self.entry is not None:
            source = "base"
        self.key = (self.name, str(self.version), source)

    @property
    def sha256(self) -> str | None:
        """The hash that its entry in the lock would have."""
        if self.entry is not None:
            return self.entry.sha256
        return None if self.file is None else self.file.sha256


class Project:
    """The versions of one project. ``listing`` None: no index was needed, the base has a match.

    Where the page itself was not read again, ``pinned_version`` is the one version that is known,
    or ``versions`` are all that it lists (newest first), of which ``listing`` has the files of
    some.
    """

    def __init__(
        self,
        name: str,
        target: Target,
        entry: LockedPackage | None,
        listing: Listing | None,
        *,
        pinned_version: Version | None = None,
        versions: Sequence[str] | None = None,
    ) -> None:
        self.name = name
        self.pinned_version = pinned_version
        self.is_outline = versions is not None
        self.listing = listing
        self.base = None if entry is None else Choice(name, _version(entry.version), entry=entry)
        self._target = target
        pages = listing.pages if listing is not None else ()
        #: Of each index: the part of its page on each version.
        self._parts: list[tuple[str, dict[Version, ProjectPage]]] = [
            (index, page.versions(name)) for index, page in pages
        ]
        self.versions: Sequence[Version]
        if versions is None:
            self.versions = sorted(set[Version]().union(*self._listed()), reverse=True)
        else:
            self.versions = ParsedVersions(versions)
        self._judged: dict[tuple[Version, bool, frozenset[str]], Choice | Rejection] = {}
        self._rejected: dict[Version, Rejection] = {}
        #: By the texts of specifiers: the versions that meet all of them.
        self._allowed: dict[frozenset[str], SharedIterator] = {}
        #: By the text of a specifier: whether a version, given by its index, meets it.
        self._meets: dict[str, dict[int, bool]] = {}
        #: By the text of a specifier: the indices of all versions that meet it.
        self._indices: dict[str, frozenset[int]] = {}

    def _listed(self) -> Iterator[Iterable[Version]]:
        """The versions on the page of each index."""
        for _, part_of in self._parts:
            yield part_of.keys()

    @property
    def known(self) -> bool:
        """Whether the base or an index has such a project at all."""
        return self.base is not None or (
            self.listing is not None and (self.listing.known or bool(self.versions))
        )

    @property
    def is_base_only(self) -> bool:
        """Whether no index can have it: a shared library, test suite, or standard library part."""
        entry = None if self.base is None else self.base.entry
        return entry is not None and (
            entry.package_type != "package" or not entry.file_name.endswith(".whl")
        )

    def candidates(
        self, specifiers: Mapping[str, SpecifierSet], *, upgrade: bool
    ) -> Iterator[tuple[Version, Choice | None]]:
        """The versions in the order to try: the base's own first, or with ``upgrade`` among
        the others.

        Those that are not the base's are allowed by all ``specifiers``, which are given by their
        texts.
        """
        base = self.base
        if base is not None and (self.is_base_only or not upgrade):
            yield base.version, base
            base = None
        if self.is_base_only:
            return
        for version in self._allowed_by(specifiers):
            if base is not None and base.version >= version:
                yield base.version, base
                base = None
            yield version, None
        if base is not None:
            yield base.version, base

    def _allowed_by(self, specifiers: Mapping[str, SpecifierSet]) -> Iterable[Version]:
        """The versions that meet all ``specifiers``; cached, as a resolution tests them often."""
        key = frozenset(specifiers)
        if key not in self._allowed:
            self._allowed[key] = SharedIterator(self._meeting(dict(specifiers)))
        return self._allowed[key]

    def _meeting(self, specifiers: Mapping[str, SpecifierSet]) -> Iterator[Version]:
        for index in range(len(self.versions)):
            if all(self._is_met(index, *item) for item in specifiers.items()):
                yield self.versions[index]

    def _is_met(self, index: int, text: str, specifier: SpecifierSet) -> bool:
        """Whether the version at ``index`` meets a specifier; computed once for each."""
        known = self._meets.setdefault(text, {})
        if index not in known:
            known[index] = specifier.contains(self.versions[index], prereleases=True)
        return known[index]

    def indices(self, text: str, specifier: SpecifierSet) -> frozenset[int]:
        """The indices of ``versions`` that ``specifier`` allows; ``text`` is its text."""
        if text not in self._indices:
            self._indices[text] = frozenset(
                index for index in range(len(self.versions)) if self._is_met(index, text, specifier)
            )
        return self._indices[text]

    def reject(self, choice: Choice, kind: Kind, reason: str) -> None:
        """Reject the version of ``choice``; ``reason`` is a clause that follows «it»."""
        self._rejected[choice.version] = Rejection(kind, reason)

    def add_pages(
        self, listing: Listing, pinned_version: Version | None, versions: Sequence[str] | None
    ) -> Project:
        """The same project with pages; rejected versions stay rejected."""
        found = Project(
            self.name,
            self._target,
            None if self.base is None else self.base.entry,
            listing,
            pinned_version=pinned_version,
            versions=versions,
        )
        found._rejected = self._rejected
        return found

    def lacks(self, version: Version) -> bool:
        """Whether the files of a version are on a page that was not read again."""
        return self.is_outline and not any(version in listed for listed in self._listed())

    def examined_part(self, page: ProjectPage) -> ProjectPage:
        """The part of the only page on the judged versions and on the base's version."""
        ((_, part_of),) = self._parts
        versions = {version for version, _, _ in self._judged}
        if self.base is not None:
            versions.add(self.base.version)
        listed = [version for version in versions if version in part_of]
        return page.cut_to(part_of[version] for version in sorted(listed, reverse=True))

    def is_rejected(self, choice: Choice) -> bool:
        """Whether `reject` was called for it."""
        return not choice.direct and choice.entry is None and choice.version in self._rejected

    def judge(
        self, version: Version, *, pinned: bool = False, hashes: frozenset[str] = frozenset()
    ) -> Choice | Rejection:
        """The wheel to take for ``version``, or why there is none.

        ``pinned``: a requirement names this very version, which PEP 592 requires before a yanked
        file may be used. ``hashes``: the only files that are allowed, by sha256; empty allows any.
        """
        rejected = self._rejected.get(version)
        if rejected is not None:
            return rejected
        key = (version, pinned, hashes)
        if key not in self._judged:
            self._judged[key] = self._best(version, pinned, hashes)
        return self._judged[key]

    def _best(self, version: Version, pinned: bool, hashes: frozenset[str]) -> Choice | Rejection:
        best: Choice | None = None
        best_rank: tuple[int, BuildTag] | None = None
        rejections: list[Rejection] = []
        for index, file in self._files(version):
            rejection = self._rejection(file, pinned, hashes)
            if rejection is not None:
                rejections.append(rejection)
                continue
            rank = (self._target.rank(file.tags) or 0, file.build)
            if best_rank is None or _is_better(rank, best_rank):
                best_rank = rank
                best = Choice(self.name, version, file, index)
        if best is not None:
            return best
        if not rejections:
            return Rejection("wheel", "it has no file")
        return min(rejections, key=lambda rejection: _NEAREST.index(rejection.kind))

    def _files(self, version: Version) -> Iterator[tuple[str, IndexFile]]:
        """The files of a version, each with its index."""
        for index, part_of in self._parts:
            if version in part_of:
                for file in part_of[version].files(self.name, {version}):
                    yield index, file

    def _rejection(self, file: IndexFile, pinned: bool, hashes: frozenset[str]) -> Rejection | None:
        """Why a file cannot be chosen; None where it can."""
        if file.kind == "sdist":
            return Rejection("sdist", "only source code (an sdist), no wheel")
        if self._target.rank(file.tags) is None:
            return Rejection(
                "wheel",
                f"no wheel that fits this Pyodide ({self._target.platforms[0]}, or pure Python)",
            )
        if not fits_python(file.requires_python, self._target):
            return Rejection("python", needs_python(file.requires_python))
        if file.yanked is not None and not pinned:
            return Rejection("yanked", f"yanked ({file.yanked})" if file.yanked else "yanked")
        if hashes and file.sha256 not in hashes:
            return Rejection("hash", "its sha256 is not one of those you gave")
        if not is_http(file.url):
            return Rejection("local", "only a local file")
        return None


def _is_better(rank: tuple[int, BuildTag], other: tuple[int, BuildTag]) -> bool:
    """Whether a wheel with this rank of its tags and this build number comes before another.

    PEP 427: the build number is «a tie-breaker if two wheel file names are the same in all other
    respects».
    """
    if rank[0] != other[0]:
        return rank[0] < other[0]
    return rank[1] > other[1]


#: Of a version whose files are all rejected, the reason of the file that is nearest to a choice.
_NEAREST: Sequence[Kind] = ("hash", "local", "yanked", "python", "wheel", "sdist")

_LONGEST_REASON = 100


def needs_python(requires_python: str | None) -> str:
    """The reason for the rejection of a version that `fits_python` refuses."""
    text = str(requires_python)
    if len(text) > _LONGEST_REASON:
        text = f"{text[:_LONGEST_REASON]}..."
    return f"needs Python {text}"


def fits_python(requires_python: str | None, target: Target) -> bool:
    """Whether Requires-Python allows the target's Python; an invalid one allows any, as in pip."""
    if requires_python is None:
        return True
    try:
        return SpecifierSet(requires_python).contains(target.python.rstrip("+"), prereleases=True)
    except ValueError:  # InvalidSpecifier, or more digits than Python converts
        return True


def _version(text: str) -> Version:
    try:
        return Version(text)
    except ValueError:  # «1.1.1w»: shared libraries have versions of their own
        return Version("0")
