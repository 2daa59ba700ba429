"""One project for resolve: which versions can be chosen, and why the others are rejected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, overload

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ..._util.url import is_http
from ...formats.lockfile import LockedPackage
from ...formats.project_page import IndexFile, ProjectPage
from ...formats.target import Target
from ...index.client import Listing

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
        pinned_version: Version | None = None,
        versions: Sequence[str] | None = None,
    ) -> None:
        self.name = name
        self.pinned_version = pinned_version
        self.is_outline = versions is not None
        self.listing = listing
        self.base = None if entry is None else Choice(name, _version(entry.version), entry=entry)
        self._target = target
        self._cut: list[tuple[str, dict[Version, ProjectPage]]] = [
            (index, page.versions(name)) for index, page in (listing.pages if listing else ())
        ]
        listed = {version for _, cut in self._cut for version in cut}
        self.versions: Sequence[Version] = (
            sorted(listed, reverse=True) if versions is None else _Parsed(versions)
        )
        self._judged: dict[tuple[Version, bool, frozenset[str]], Choice | Rejection] = {}
        self._rejected: dict[Version, Rejection] = {}
        self._allowed: dict[frozenset[str], _Allowed] = {}
        #: Which versions meet a specifier, as indices of ``versions``: as far as the resolution
        #: has tested them, and all.
        self._met: dict[str, dict[int, bool]] = {}
        self._places: dict[str, frozenset[int]] = {}

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
        """The versions in the order to try: the base's own first, or with ``upgrade`` at its place
        among the others.

        Those that are not the base's are allowed by all ``specifiers``, which are given by their
        texts.
        """
        base = self.base
        if base is not None and (self.is_base_only or not upgrade):
            yield base.version, base
            base = None
        for version in () if self.is_base_only else self._allowed_by(specifiers):
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
            places = range(len(self.versions))
            met = (
                place
                for place in places
                if all(self._is_met(place, *item) for item in specifiers.items())
            )
            self._allowed[key] = _Allowed(self.versions[place] for place in met)
        return self._allowed[key]

    def _is_met(self, place: int, text: str, specifier: SpecifierSet) -> bool:
        met = self._met.setdefault(text, {})
        if place not in met:
            met[place] = specifier.contains(self.versions[place], prereleases=True)
        return met[place]

    def places(self, text: str, specifier: SpecifierSet) -> frozenset[int]:
        """The indices of ``versions`` that ``specifier`` allows; ``text`` is its text."""
        if text not in self._places:
            places = range(len(self.versions))
            self._places[text] = frozenset(
                place for place in places if self._is_met(place, text, specifier)
            )
        return self._places[text]

    def reject(self, choice: Choice, kind: Kind, reason: str) -> None:
        """Count a version out that turned out to be no choice."""
        self._rejected[choice.version] = Rejection(kind, reason)

    def add_pages(
        self, listing: Listing, pinned_version: Version | None, versions: Sequence[str] | None
    ) -> Project:
        """The same project with pages; what was rejected stays so."""
        entry = None if self.base is None else self.base.entry
        found = Project(self.name, self._target, entry, listing, pinned_version, versions)
        found._rejected = self._rejected
        return found

    def lacks(self, version: Version) -> bool:
        """Whether the files of a version are on a page that was not read again."""
        return self.is_outline and not any(version in cut for _, cut in self._cut)

    def looked_at(self, page: ProjectPage) -> ProjectPage:
        """The examined part of the only page, and its entries for the base's version."""
        ((_, cut),) = self._cut
        judged = {version for version, _, _ in self._judged}
        if self.base is not None:
            judged.add(self.base.version)
        return page.cut_to(
            cut[version] for version in sorted(judged, reverse=True) if version in cut
        )

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
        if (fall := self._rejected.get(version)) is not None:
            return fall
        key = (version, pinned, hashes)
        if key not in self._judged:
            self._judged[key] = self._best(version, pinned, hashes)
        return self._judged[key]

    def _best(self, version: Version, pinned: bool, hashes: frozenset[str]) -> Choice | Rejection:
        files = [
            (index, file)
            for index, cut in self._cut
            if version in cut
            for file in cut[version].files(self.name, {version})
        ]
        best: tuple[int, tuple[object, ...], Choice] | None = None
        falls: list[Rejection] = []
        for index, file in files:
            fall = self._fall(file, pinned, hashes)
            if fall is not None:
                falls.append(fall)
                continue
            rank = self._target.rank(file.tags) or 0
            # PEP 427: the build number is «a tie-breaker if two wheel file names are the same in
            # all other respects».
            if best is None or rank < best[0] or (rank == best[0] and file.build > best[1]):
                best = (rank, file.build, Choice(self.name, version, file, index))
        if best is not None:
            return best[2]
        return min(
            falls,
            key=lambda fall: _NEAREST.index(fall.kind),
            default=Rejection("wheel", "it has no file"),
        )

    def _fall(self, file: IndexFile, pinned: bool, hashes: frozenset[str]) -> Rejection | None:
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
            return Rejection("yanked", f"yanked{f' ({file.yanked})' if file.yanked else ''}")
        if hashes and file.sha256 not in hashes:
            return Rejection("hash", "its sha256 is not one of those you gave")
        if not is_http(file.url):
            return Rejection("local", "only a local file")
        return None


class _Parsed(Sequence[Version]):
    """Versions that are parsed on first access."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._known: dict[int, Version] = {}

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, place: int) -> Version: ...
    @overload
    def __getitem__(self, place: slice) -> list[Version]: ...
    def __getitem__(self, place: int | slice) -> Version | list[Version]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(len(self)))]
        if place not in self._known:
            self._known[place] = Version(self._texts[place])
        return self._known[place]


class _Allowed:
    """Versions that are tested once, and only as far as the caller iterates."""

    def __init__(self, versions: Iterator[Version]) -> None:
        self._found: list[Version] = []
        self._rest = versions

    def __iter__(self) -> Iterator[Version]:
        place = 0
        while place < len(self._found) or self._finds_more():
            yield self._found[place]
            place += 1

    def _finds_more(self) -> bool:
        found = next(self._rest, None)
        if found is not None:
            self._found.append(found)
        return found is not None


#: What came nearest to being chosen says most.
_NEAREST: Sequence[Kind] = ("hash", "local", "yanked", "python", "wheel", "sdist")

_LONGEST_REASON = 100


def needs_python(requires_python: str | None) -> str:
    """The reason for the rejection of a version that `fits_python` refuses."""
    text = str(requires_python)
    return (
        f"needs Python {text if len(text) <= _LONGEST_REASON else f'{text[:_LONGEST_REASON]}...'}"
    )


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
