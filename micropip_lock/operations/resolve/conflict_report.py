"""The conflict report on a package that a resolution fails at.

It says which packages require which versions, and why each version was rejected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from packaging.version import Version

from ...formats.target import Target
from .project import Choice, Kind, Project, Rejection
from .requirement import Candidate, Requirement, common_hashes
from .search import Conflict
from .state import ResolutionState

#: How many are shown: reasons, versions of one reason, requirements, characters of a reason.
_MOST_REASONS = 6
_MOST_VERSIONS = 3
_MOST_ASKERS = 6
_LONGEST_REASON = 200

#: A requirement and the candidate that has it; None: the user.
_Asker = tuple[Candidate | None, Requirement]


@dataclass(frozen=True, slots=True)
class Section:
    """The section of the report on one package."""

    name: str
    code: str
    summary: str
    lines: list[str]
    helps: list[str]


class ConflictReport:
    """Explains a conflict from the resolution's state, without requests."""

    def __init__(self, state: ResolutionState, conflict: Conflict) -> None:
        self._state = state
        self._conflict = conflict
        self._target: Target = state.target
        self._asked: dict[str, list[_Asker]] = defaultdict(list)
        for parent, requirement in conflict.asked:
            if requirement.same is None:
                self._asked[requirement.name].append((parent, requirement))

    def is_known(self, name: str) -> bool:
        """Whether the base or an index has such a project, or a URL names it."""
        project = self._state.projects.get(name)
        if project is None or any(requirement.url for _, requirement in self._asked[name]):
            return True
        return project.known or project.listing is None

    def names(self) -> list[str]:
        """The packages that failed first, with the newest versions: these explain most."""
        found = [
            requirement.name for _, requirement in self._conflict.first if requirement.same is None
        ]
        found += [
            requirement.same.name
            for _, requirement in self._conflict.first
            if requirement.same is not None
        ]
        return list(dict.fromkeys(found))[:3]

    def block(self, name: str) -> Section:
        """All that is to say about ``name``."""
        project = self._state.projects.get(name)
        askers = self._askers(name)
        if not self.is_known(name):
            return self._unknown(name, askers)
        requirements = [requirement for _, requirement in askers] + self._state.constraints.get(
            name, []
        )
        several = len(askers) + len(self._state.constraints.get(name, ())) > 1
        lines = [
            f"  No version of {name} suits them all:"
            if several
            else f"  {name} has no version that fits:"
        ]
        lines += self._who(name, askers)
        by_url = self._by_url(name, requirements, askers)
        reasons = self._reasons(project, requirements, askers) if project and by_url is None else []
        if by_url is not None:
            lines.append(f"    {by_url[0]}")
        elif reasons:
            lines += ["    versions looked at:", *_table(reasons)]
        kinds = {reason.kind for reason in reasons}
        summary = (
            " ".join(line.strip() for line in lines[:1])
            + " "
            + "; ".join(line.strip() for line in lines[1:])
        )
        helps = by_url[1] if by_url is not None else self._helps(name, reasons, project, askers)
        return Section(name, _code(kinds, len(askers)), summary, lines, helps)

    def _unknown(self, name: str, askers: Sequence[_Asker]) -> Section:
        project = self._state.projects.get(name)
        places = ", ".join(project.listing.asked) if project and project.listing else ""
        where = f" on {places}" if places else ", and there is no index to ask"
        lines = [f"  There is no project {name}{where}."]
        lines += [
            line
            for (parent, _), line in zip(askers, self._who(name, askers), strict=False)
            if parent is not None
        ]
        names = {*self._state.base.lockfile.packages, *self._state.projects} - {name}
        known = [other for other in names if self.is_known(other)]
        near = get_close_matches(name, sorted(known), n=2, cutoff=0.75)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        parent = next((parent for parent, _ in askers if parent is not None), None)
        if parent is None:
            help_ = (
                f"Check the spelling of {name}, or name the index that has it (--index-url).{meant}"
            )
        else:
            help_ = (
                f"Name the index that has {name} (--index-url), or find a version of {parent.name} "
                f"without it.{meant}"
            )
        return Section(name, "no-such-project", lines[0].strip(), lines, [help_])

    def _askers(self, name: str) -> list[_Asker]:
        """The requirements for it when it failed, newest versions first.

        Each is there once for each project.
        """
        failed = [
            (parent, requirement)
            for parent, requirement in self._conflict.first
            if requirement.name == name and requirement.same is None
        ]
        found: dict[tuple[str | None, str], _Asker] = {}
        for parent, requirement in failed or self._asked[name]:
            found.setdefault(
                (None if parent is None else parent.name, requirement.text), (parent, requirement)
            )
        return list(found.values())

    def _who(self, name: str, askers: Sequence[_Asker]) -> list[str]:
        lines = []
        for parent, requirement in askers[:_MOST_ASKERS]:
            if parent is None:
                lines.append(f"    you asked for {requirement.text}")
                continue
            lines.append(
                f"    {self._versions_of(parent, requirement)} "
                f"{requirement.text}{self._because_of(parent)}"
            )
        if len(askers) > _MOST_ASKERS:
            lines.append(f"    and {len(askers) - _MOST_ASKERS} more ask for it")
        lines += [
            f"    your constraint is {item.text}" for item in self._state.constraints.get(name, [])
        ]
        return lines

    def _versions_of(self, parent: Candidate, requirement: Requirement) -> str:
        """«rich 15.0, 14.2 and 8 more need»: all versions that have the same requirement."""
        same = [
            other.choice.version
            for other, wanted in self._asked[requirement.name]
            if other is not None and other.name == parent.name and wanted.text == requirement.text
        ]
        versions = sorted({parent.choice.version, *same}, reverse=True)
        verb = "needs" if len(versions) == 1 else "need"
        extra = f"[{parent.extra}]" if parent.extra else ""
        return f"{parent.name}{extra} {_some(versions)} {verb}"

    def _because_of(self, pick: Candidate) -> str:
        return f"; {self._because(pick)}"

    def _because(self, pick: Candidate | None) -> str:
        """The shortest chain from the user's requirements to the candidate ``pick``."""
        if pick is None:
            return "you asked for it"
        chain: list[str] = []
        seen = {pick.name}
        current: Candidate = pick
        while True:
            parents = [
                (parent, requirement)
                for parent, requirement in self._asked[current.name]
                if requirement.allows(current.choice)
            ]
            root = next((requirement for parent, requirement in parents if parent is None), None)
            if root is not None:
                chain.append(f"you asked for {root.text}")
                break
            step = next(
                (
                    (parent, requirement)
                    for parent, requirement in parents
                    if parent and parent.name not in seen
                ),
                None,
            )
            if step is None or step[0] is None:
                break
            chain.append(f"{step[0].choice.shown} needs {step[1].text}")
            current = step[0]
            seen.add(current.name)
        return ", and ".join(chain)

    def _reasons(
        self, project: Project, requirements: Sequence[Requirement], askers: Sequence[_Asker]
    ) -> list[_Reason]:
        """Why each version was rejected: each reason once, the newest versions first."""
        found: dict[tuple[Kind, str], list[str]] = defaultdict(list)
        if project.base is not None and project.base.entry is not None:
            # The same version on an index has a rejection of its own.
            found[self._base_reason(project.base, requirements, askers)].append(
                f"{project.base.entry.version} of Pyodide's own"
            )
        for version in project.versions:
            found[self._reason(project, version, requirements, askers)].append(str(version))
        if _PASSED_OVER in found and ("tried", _NEEDS) not in found:
            # PEP 440: where no other version is allowed pre-releases are, so these were tried.
            found["tried", _NEEDS] = found.pop(_PASSED_OVER)
        return [_Reason(kind, text, versions) for (kind, text), versions in found.items()]

    def _base_reason(
        self, base: Choice, requirements: Sequence[Requirement], askers: Sequence[_Asker]
    ) -> tuple[Kind, str]:
        out = next((item for item in requirements if not item.allows(base)), None)
        if out is None:
            return "tried", _NEEDS
        if not out.specifier or out.specifier.contains(base.version, prereleases=True):
            return "hash", _OTHER_HASH
        return "excluded", self._excluder(out, askers)

    def _reason(
        self,
        project: Project,
        version: Version,
        requirements: Sequence[Requirement],
        askers: Sequence[_Asker],
    ) -> tuple[Kind, str]:
        for requirement in requirements:
            if requirement.specifier and not requirement.specifier.contains(
                version, prereleases=True
            ):
                return "excluded", self._excluder(requirement, askers) + _surprise(
                    requirement, version
                )
        hashes = common_hashes(requirements)
        if hashes is None:
            return "hash", "the hashes that you gave exclude each other"
        judged = project.judge(
            version, pinned=any(item.pins for item in requirements), hashes=hashes
        )
        if isinstance(judged, Rejection):
            return judged.kind, judged.reason[:_LONGEST_REASON]
        if version.is_prerelease and not self._state.allows_prereleases(requirements):
            return _PASSED_OVER
        return "tried", _NEEDS

    def _excluder(self, requirement: Requirement, askers: Sequence[_Asker]) -> str:
        for parent, other in askers:
            if other is requirement:
                return (
                    f"not {requirement.text}, which you asked for"
                    if parent is None
                    else f"not {requirement.text} ({parent.name})"
                )
        return f"not {requirement.text}, your constraint"

    def _by_url(
        self, name: str, requirements: Sequence[Requirement], askers: Sequence[_Asker]
    ) -> tuple[str, list[str]] | None:
        """The problem of the URLs in the requirements, with a hint; None where there are none."""
        urls = list(dict.fromkeys(item.url for item in requirements if item.url is not None))
        if not urls:
            return None
        if len(urls) > 1:
            return "these are different wheels, of which only one can be locked", []
        if common_hashes(requirements) is None:
            return "the hashes that you gave exclude each other", [
                f"Give the sha256 that the wheel of {name} has."
            ]
        choice = self._state.direct(name, urls[0])
        if choice is not None:
            out = next((item for item in requirements if not item.allows(choice)), None)
            return (
                f"the URL names {choice.version}: {self._excluder(out, askers) if out else _NEEDS}",
                [],
            )
        reason = _NO_SUCH_WHEEL
        if (fall := self._state.rejected_urls.get(urls[0])) is not None:
            reason += f": it {fall}"
        parent = next(
            (
                parent
                for parent, requirement in askers
                if requirement.url is not None and parent is not None
            ),
            None,
        )
        if parent is not None:
            return reason, [
                f"Find a version of {parent.name} that needs no such URL, or tell its authors."
            ]
        platform = f"{self._target.platforms[0]}, or pure Python"
        return reason, [
            f"Name the http(s) URL of a wheel of {name} for Python {self._target.python} "
            f"({platform})."
        ]

    def _allow(
        self,
        choice: Choice,
        what: str,
        requirements: Sequence[Requirement],
        askers: Sequence[_Asker],
    ) -> Iterable[str]:
        """What to do to get ``choice``, if one requirement alone keeps it out."""
        out = [item for item in requirements if not item.allows(choice)]
        if len(out) == 1:
            parent = next((parent for parent, requirement in askers if requirement is out[0]), None)
            if parent is None:
                yield f"{choice.shown} is {what}: allow that version."
            else:
                yield f"Find a version of {parent.name} that works with {choice.shown}, {what}."

    def _newest(self, project: Project) -> Choice | None:
        judged = (
            project.judge(version) for version in project.versions if not version.is_prerelease
        )
        return next((item for item in judged if isinstance(item, Choice)), None)

    def _helps(
        self,
        name: str,
        reasons: Sequence[_Reason],
        project: Project | None,
        askers: Sequence[_Asker],
    ) -> list[str]:
        newest = {reason.kind: reason.versions[0] for reason in reversed(reasons)}
        helps: list[str] = []
        if project is not None and "excluded" in newest and len(askers) < 2:
            helps += self._allowing_helps(project, askers)
        platform = self._target.platforms[0]
        texts: dict[Kind, str] = {
            "wheel": f"Ask the authors of {name} for a wheel for {platform}, build one and name it "
            f'by URL ("{name} @ https://..."), or use a Pyodide whose distribution has it.',
            "sdist": f"Pyodide cannot build from source: build a wheel of {name}, put it on a web "
            f'server, and name it by URL ("{name} @ https://....whl").',
            "python": "Use a Pyodide with another Python (--base); this one has Python "
            f"{self._target.python}.",
            "prerelease": "Allow pre-releases with --pre, or name this one: "
            f"{name}=={newest.get('prerelease')}",
            "yanked": "What was yanked is only taken when it is named exactly: "
            f"{name}=={newest.get('yanked')}",
            "hash": f"Give the sha256 of a wheel of {name} that fits {platform}, or none.",
            "metadata": f"Tell the authors of {name} that its METADATA cannot be used, or allow "
            "other versions.",
            "local": f"Put the wheel of {name} on a web server: a local file is only on this "
            "machine.",
        }
        if "wheel" in newest:
            del texts["sdist"]
        return helps + [text for kind, text in texts.items() if kind in newest]

    def _allowing_helps(self, project: Project, askers: Sequence[_Asker]) -> Iterable[str]:
        """The requirements to relax for the base's version, and for the newest usable one."""
        requirements = [requirement for _, requirement in askers]
        requirements += self._state.constraints.get(project.name, [])
        base, usable = project.base, self._newest(project)
        if base is not None:
            yield from self._allow(
                base, "what Pyodide's own distribution has", requirements, askers
            )
        if usable is not None and (base is None or usable.version > base.version):
            yield from self._allow(
                usable, "the newest that fits this Pyodide", requirements, askers
            )


_PASSED_OVER: tuple[Kind, str] = ("prerelease", "a pre-release")
_NEEDS = "what it needs cannot be had"
_OTHER_HASH = "its sha256 is not one of those you gave"
_NO_SUCH_WHEEL = "the URL names no wheel of it that fits this Pyodide"


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why some versions were rejected; newest first."""

    kind: Kind
    text: str
    versions: list[str]


def _surprise(requirement: Requirement, version: Version) -> str:
    """What is not obvious: PEP 440, «<V MUST NOT allow a pre-release of the specified version»."""
    for item in requirement.specifier:
        if (
            item.operator == "<"
            and version.is_prerelease
            and not item.contains(version, prereleases=True)
        ):
            limit = Version(item.version)
            if version < limit:
                return f"; a pre-release of {limit} does not count as less than {limit}"
    return ""


def _table(reasons: Sequence[_Reason]) -> Iterable[str]:
    for reason in reasons[:_MOST_REASONS]:
        yield f"      {_some(reason.versions)}: {reason.text}"
    if rest := sum(len(reason.versions) for reason in reasons[_MOST_REASONS:]):
        yield f"      and {rest} older ones"


#: The code of a conflict by what came nearest to being chosen, the most telling first.
_CODES: Sequence[tuple[Kind, str]] = (
    ("tried", "conflicting-dependency"),
    ("prerelease", "no-such-version"),
    ("wheel", "no-matching-wheel"),
    ("python", "no-matching-wheel"),
    ("sdist", "sdist"),
    ("hash", "hash-conflict"),
    ("local", "local-file"),
    ("metadata", "broken-metadata"),
    ("yanked", "no-such-version"),
)


def _code(kinds: Iterable[Kind], askers: int) -> str:
    found = set(kinds)
    others = "conflicting-dependency" if askers > 1 or not found else "no-such-version"
    return next((code for kind, code in _CODES if kind in found), others)


def _some(versions: Sequence[object]) -> str:
    """«3.0, 2.9, 2.8 and 12 more»."""
    shown = ", ".join(map(str, versions[:_MOST_VERSIONS]))
    rest = len(versions) - _MOST_VERSIONS
    return f"{shown} and {rest} more" if rest > 0 else shown
