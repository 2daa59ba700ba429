"""The lock, built from what it is to contain and from the evidence for that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._util.url import is_portable, shown, split
from ..dependencies.edges import break_cycles
from ..errors import Problem
from ..formats.core_metadata import canonical
from ..formats.lockfile import LockedPackage, Lockfile
from ..formats.wheel import WheelDescription
from ..installed.import_names import imports
from ..proof.evidence import Evidence, Finding, Proof
from .base import Base
from .lock_provenance import KEY, LockProvenance
from .verify.entry import wheel_name_fault


@dataclass(frozen=True, slots=True, kw_only=True)
class LockContents:
    """What a lock is built from. Names are canonical.

    ``wheels`` become entries by the evidence of ``findings``; ``based`` are entries of the base as
    they stand; ``present`` is both without the rest of a whole distribution.
    """

    base: Base
    based: Collection[str]
    wheels: Mapping[str, WheelDescription]
    findings: Mapping[str, Finding]
    depends: Mapping[str, Collection[str]]
    present: Collection[str]
    #: Entries of ``based`` whose installed files differ, which the user accepts.
    accepted: Collection[str] = ()
    #: Names that the user leaves out.
    exclude: Collection[str] = ()
    #: Whether a dependency that is not in the lock is only a warning.
    allow_broken: bool = False
    page_origin: str | None = None
    #: For ``tool["micropip-lock"]``: the user's requirements, the indexes, how it was proved.
    provenance: LockProvenance


@dataclass(frozen=True, slots=True)
class BuiltLock:
    """A lock with its evidence, and what is wrong with it.

    With ``problems`` it is no true lock, and may lack entries.
    """

    lockfile: Lockfile
    evidence: tuple[Evidence, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def build_lock(contents: LockContents) -> BuiltLock:
    """Build the lock. Its entries are those of the base, and those that ``findings`` prove."""
    base = contents.base
    based = _based(contents)
    # In order, so that of two entries that claim one import name always the same one has it.
    entries = {name: base.placed(base.lockfile.packages[name]) for name in sorted(based)}
    names, collisions = _imports(contents, entries)
    missing = _Missing(contents)
    depends, cycles = break_cycles(missing.without(_depends(contents, entries)))
    packages = {
        key: replace(entry, depends=tuple(sorted(depends[key]))) for key, entry in entries.items()
    }
    for key, finding in contents.findings.items():
        if finding.evidence is not None:
            needed = tuple(sorted(depends[key]))
            packages[key] = _entry(contents, key, needed, names.get(key, ()))
    evidence = [*_base_evidence(contents, entries), *_wheel_evidence(contents.findings.values())]
    lockfile = Lockfile(
        base.lockfile.info,
        dict(sorted(packages.items())),
        _extra(contents, entries, evidence),
    )
    reached = based - set(contents.based)
    problems = [
        *missing.problems,
        *_unloadable(packages, contents.findings),
        *_with_query(packages),
    ]
    warnings = [
        *missing.warnings,
        *collisions,
        *cycles,
        *_not_portable(packages, {*contents.present, *reached}, contents.page_origin),
    ]
    evidence.sort(key=lambda item: item.package)
    return BuiltLock(lockfile, tuple(evidence), tuple(problems), tuple(warnings))


def _proved_base(contents: LockContents) -> set[str]:
    """The wheels that are the base's own, so that its entries hold for them."""
    return {key for key, finding in contents.findings.items() if finding.is_base}


def _based(contents: LockContents) -> set[str]:
    """The names whose entries are the base's, with what the base's own wheels need."""
    base = contents.base
    stop = dict.fromkeys((*contents.wheels, *contents.exclude))
    found = set(contents.based)
    for key in _proved_base(contents):
        found |= base.closure(base.lockfile.packages[key].depends, stop=stop)
    return found - contents.wheels.keys()


def _imports(
    contents: LockContents, entries: Mapping[str, LockedPackage]
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """The import names of the wheels that are not the base's own, and collisions."""
    proved_base = _proved_base(contents)
    claiming = dict(entries)
    for key in proved_base:
        claiming[key] = contents.base.lockfile.packages[key]
    taken = {name: key for key, entry in claiming.items() for name in entry.imports}
    own = sorted(contents.wheels.keys() - proved_base)
    return imports({key: contents.wheels[key] for key in own}, taken)


def _depends(contents: LockContents, entries: Mapping[str, LockedPackage]) -> dict[str, set[str]]:
    """The edges of all packages: Requires-Dist, and what entries of the base need besides."""
    depends = {}
    proved_base = _proved_base(contents)
    for key in contents.wheels:
        depends[key] = set(contents.depends[key])
        if key in proved_base:
            # Shared libraries, for instance.
            depends[key].update(contents.base.lockfile.packages[key].depends)
    for key, entry in entries.items():
        depends[key] = {*entry.depends, *contents.depends.get(key, ())}
    return depends


def _entry(
    contents: LockContents, key: str, depends: tuple[str, ...], import_names: tuple[str, ...]
) -> LockedPackage:
    finding = contents.findings[key]
    assert finding.evidence is not None
    if finding.is_base:
        entry = contents.base.placed(contents.base.lockfile.packages[key])
        return replace(entry, depends=depends)
    metadata = contents.wheels[key].metadata
    return LockedPackage(
        name=metadata.name,
        version=metadata.version,
        file_name=finding.evidence.url,
        sha256=finding.evidence.sha256,
        imports=import_names,
        depends=depends,
    )


class _Missing:
    """Edges to names that are not in the lock: the runtime would reject it whole."""

    def __init__(self, contents: LockContents) -> None:
        self._contents = contents
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def without(self, depends: Mapping[str, set[str]]) -> dict[str, set[str]]:
        """The other edges."""
        for key, names in depends.items():
            for name in sorted(names - depends.keys() - self._checked(key)):
                self._add(key, name)
        return {key: names & depends.keys() for key, names in depends.items()}

    def _checked(self, key: str) -> set[str]:
        """The names of Requires-Dist, which were compared with the packages already."""
        wheel = self._contents.wheels.get(key)
        if wheel is None:
            return set()
        return {canonical(requirement.name) for requirement in wheel.metadata.requires}

    def _add(self, key: str, name: str) -> None:
        if name in self._contents.exclude:
            message = f"it needs {name}, which is left out."
            hint = f"The page has to provide {name} in another way."
            self.warnings.append(Problem("excluded-dependency", key, None, message, hint))
            return
        message = f"the base lock says it needs {name}, but has no such entry."
        hint = "Use the whole lock of a Pyodide release as base."
        problem = Problem("missing-dependency", key, None, message, hint)
        if self._contents.allow_broken:
            self.warnings.append(problem)
        else:
            self.problems.append(problem)


def _base_evidence(
    contents: LockContents, entries: Mapping[str, LockedPackage]
) -> Iterator[Evidence]:
    """The evidence for the base's entries, without the rest of a whole distribution."""
    present = set(contents.present)
    based = set(contents.based)
    for key, entry in sorted(entries.items()):
        if key in based and key not in present:
            continue
        proof: Proof = "accepted" if key in contents.accepted else "base"
        yield Evidence(key, entry.version, "base", proof, entry.file_name, entry.sha256)


def _wheel_evidence(findings: Iterable[Finding]) -> Iterator[Evidence]:
    for finding in findings:
        if finding.evidence is not None:
            yield finding.evidence


# -- problems that show only in the whole lock


def _unloadable(
    packages: Mapping[str, LockedPackage], findings: Mapping[str, Finding]
) -> Iterator[Problem]:
    """File names that the runtime cannot load. Those of the base are its own matter."""
    for key, finding in findings.items():
        if finding.evidence is None or finding.is_base:
            continue
        entry = packages[key]
        fault = wheel_name_fault(entry.file_name, key, entry.version)
        if fault is not None:
            hint = "Use an index, or a URL, that ends in the file name of the wheel."
            yield Problem("file-name", key, entry.version, fault, hint, shown(entry.file_name))


def _with_query(packages: Mapping[str, LockedPackage]) -> Iterator[Problem]:
    """Entries of the base whose URL has a query.

    Those of other wheels lost theirs when they were proved.
    """
    for key, entry in packages.items():
        if not split(entry.file_name).query:
            continue
        url = shown(entry.file_name)
        message = (
            f"the base gives {url} a query, which may be a secret, and which the runtime cannot "
            "load."
        )
        hint = (
            "Use a base whose URLs have no query (--base): `micropip-lock bundle` makes one of "
            "this base, with its wheels, in a folder. If the server does not need the query, "
            "remove it from the base."
        )
        yield Problem("query-needed", key, entry.version, message, hint, url)


def _not_portable(
    packages: Mapping[str, LockedPackage], named: Collection[str], page_origin: str | None
) -> Iterator[Problem]:
    """File names that do not hold elsewhere: a problem for each of ``named``, one for the rest."""
    rest = 0
    for key, entry in packages.items():
        if is_portable(entry.file_name, page_origin):
            continue
        if key in named:
            yield _only_here(key, entry)
        else:
            rest += 1
    if rest:
        yield Problem(
            "not-portable",
            "pyodide",
            None,
            f"{rest} more entries of the base keep names that are relative to the lock.",
            "Pass base_url= (--base-url), the folder they can be loaded from, or put the lock "
            "beside them.",
        )


def _only_here(key: str, entry: LockedPackage) -> Problem:
    url = shown(entry.file_name)
    if split(entry.file_name).scheme:
        message = f"only this machine or network can load {url}."
        hint = "Install it from a public index, or bundle the wheels with the lock."
        return Problem("not-portable", key, entry.version, message, hint, url)
    message = f"its file name {url} is relative to the lock."
    hint = (
        "Pass base_url= (--base-url), the folder it can be loaded from, or put the lock beside it."
    )
    return Problem("not-portable", key, entry.version, message, hint)


# -- unknown keys, and what the lock says of itself


def _extra(
    contents: LockContents,
    entries: Mapping[str, LockedPackage],
    evidence: Iterable[Evidence],
) -> Mapping[str, Any]:
    """The base's unknown keys; in ``tool``, where the base has it, the lock provenance.

    What an earlier freeze said there of entries that are the base's as they stand still holds:
    this freeze did not prove them again.
    """
    base = contents.base.lockfile
    tool = base.extra.get("tool")
    if not isinstance(tool, Mapping):
        return base.extra
    own = contents.provenance.with_indexes(item.index for item in evidence if item.index)
    if entries:
        own = own.merged(LockProvenance.by(base), entries)
    return {**base.extra, "tool": {**tool, KEY: own.to_json()}}
