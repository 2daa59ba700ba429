"""The requirements and candidates that a resolution works with, each for one extra of a package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from packaging.requirements import Requirement as DeclaredRequirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..._util.url import shown
from .project import Choice

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
    #: As its author wrote it, without the marker and without secrets.
    text: str = ""
    #: The only choice that meets it: an extra needs the version of the package that it belongs to.
    same: Choice | None = None
    #: The specifier as text; it and `pins` are read often.
    limits: str = field(init=False)
    #: Whether one version is named exactly, which allows a yanked one (PEP 592).
    pins: bool = field(init=False)
    #: That version.
    pin: Version | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        exact = [item.version for item in self.specifier if _is_exact(item)]
        pin = None
        if len(exact) == 1:
            with suppress(InvalidVersion):  # «===» takes any text
                pin = Version(exact[0])
        object.__setattr__(self, "limits", str(self.specifier))
        object.__setattr__(self, "pins", bool(exact))
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
        if self.url is not None and not _is_at(choice, self.url):
            return False
        if self.hashes and choice.sha256 is not None and choice.sha256 not in self.hashes:
            return False
        if not self.limits:
            return True
        return self.specifier.contains(choice.version, prereleases=True)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A choice, or one extra of it, in a solution."""

    choice: Choice
    extra: str = ""

    @property
    def name(self) -> str:
        """The canonical name of the project."""
        return self.choice.name


#: A requirement, and the candidate that has it; None: the user.
RequirementSource = tuple[Candidate | None, Requirement]


def requirements_of(
    requirement: DeclaredRequirement, hashes: frozenset[str] = frozenset()
) -> Iterator[Requirement]:
    """A declared requirement as one for the package, and one for each of its extras."""
    name = canonicalize_name(requirement.name)
    url = requirement.url.partition("#")[0] if requirement.url else None
    text = _text(requirement)
    for digest in sorted(hashes)[:_MOST_HASHES]:
        text += f" --hash=sha256:{digest[:8]}..."
    for extra in ("", *sorted(map(canonicalize_name, requirement.extras))):
        yield Requirement(
            name,
            requirement.specifier,
            extra=extra,
            url=url,
            hashes=hashes,
            text=text,
        )


def common_hashes(requirements: Iterable[Requirement]) -> frozenset[str] | None:
    """The sha256 that all ``requirements`` allow; empty: any; None: they exclude each other."""
    restrictions = [item.hashes for item in requirements if item.hashes]
    if not restrictions:
        return frozenset()
    return frozenset.intersection(*restrictions) or None


def all_allow(requirements: Iterable[Requirement], choice: Choice) -> bool:
    """Whether ``choice`` meets every one of ``requirements``."""
    return all(item.allows(choice) for item in requirements)


def _is_exact(specifier: Specifier) -> bool:
    if specifier.operator == "==":
        return not specifier.version.endswith(".*")
    return specifier.operator == "==="


def _is_at(choice: Choice, url: str) -> bool:
    return choice.direct and choice.file is not None and choice.file.url == url


def _text(requirement: DeclaredRequirement) -> str:
    """A requirement as messages show it: without marker, and without secrets in its URL."""
    if requirement.url is None:
        text = str(requirement).partition(";")[0].strip()
    else:
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        text = f"{requirement.name}{extras} @ {shown(requirement.url)}"
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
