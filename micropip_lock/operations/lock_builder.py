"""The lock, put together from an environment and what was found out about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._util.url import is_portable, shown, site, split
from ..dependencies.edges import asked_for, break_cycles
from ..errors import Problem
from ..formats.core_metadata import CoreMetadata, WheelMetadata, canonical
from ..formats.direct_url import is_index
from ..formats.lockfile import LockedPackage, Lockfile
from ..formats.requirement import writable, written
from ..installed.distribution import InstalledDistribution
from ..installed.import_names import Importable, imports, installed_modules
from ..proof.evidence import Evidence, Finding, Proof
from .base import Base
from .context import Context
from .freeze.inventory import Environment, Selection, layout
from .lock_provenance import KEY, LockProvenance
from .verify.entry import wheel_name_fault


def assemble(
    environment: Environment,
    findings: Mapping[str, Finding],
    context: Context,
    selection: Selection,
    proof: str,
) -> tuple[Lockfile, list[Evidence]]:
    """Make the lock. Problems and warnings that show only now are added to ``environment``.

    Entries without evidence are in it as well: a lock with such holes is never handed out, since
    their problems are in the environment.
    """
    base = context.base
    proved_base = {key for key, finding in findings.items() if finding.is_base}
    based = set(environment.based)
    for key in proved_base:
        based |= base.closure(
            base.lockfile.packages[key].depends,
            stop=dict.fromkeys((*environment.own, *selection.exclude)),
        )
    entries = {
        name: base.placed(base.lockfile.packages[name]) for name in based - environment.own.keys()
    }
    taken = {
        name: key
        for key, entry in {**entries, **_of(base, proved_base)}.items()
        for name in entry.imports
    }
    own = sorted(environment.own.keys() - proved_base)
    names, collisions = imports(
        [_importable(environment.own[key], findings.get(key)) for key in own], taken
    )
    environment.warnings.extend(collisions)
    depends = {
        **{
            key: environment.edges.depends[key] | _base_depends(base, key, proved_base)
            for key in environment.own
        },
        **{
            key: set(entry.depends) | environment.edges.depends.get(key, set())
            for key, entry in entries.items()
        },
    }
    depends, cycles = break_cycles(_closed(depends, environment, selection))
    environment.warnings.extend(cycles)
    packages = {
        key: replace(entry, depends=tuple(sorted(depends[key]))) for key, entry in entries.items()
    }
    for key, finding in findings.items():
        if finding.evidence is not None:
            packages[key] = _entry(
                environment, key, finding, base, names.get(key, ()), tuple(sorted(depends[key]))
            )
    environment.problems.extend(_unloadable(packages, findings))
    environment.problems.extend(_with_query(packages))
    environment.warnings.extend(_unspread(environment, findings))
    evidence = [
        *_base_evidence(entries, environment),
        *(item.evidence for item in findings.values() if item.evidence),
    ]
    environment.warnings.extend(
        _not_portable(packages, environment.present | based - environment.based, context)
    )
    lockfile = Lockfile(
        base.lockfile.info,
        dict(sorted(packages.items())),
        _extra(base.lockfile, entries, environment, selection, evidence, proof),
    )
    return lockfile, sorted(evidence, key=lambda item: item.package)


def not_installed(metadata: CoreMetadata) -> InstalledDistribution:
    """A distribution of which METADATA is all that is known, as `Environment` and `Dependencies`
    take it.
    """
    return InstalledDistribution(Path(), "", {}, metadata, WheelMetadata(frozenset()), ())


def _importable(item: InstalledDistribution, finding: Finding | None) -> Importable:
    """The modules of the wheel where it was read, else those that are installed."""
    if finding is None or finding.modules is None:
        return installed_modules(item)
    return finding.modules.importable(item.key, item.metadata)


def _of(base: Base, names: Iterable[str]) -> dict[str, LockedPackage]:
    return {name: base.lockfile.packages[name] for name in names}


def _base_depends(base: Base, key: str, proved_base: Collection[str]) -> set[str]:
    """What the base's entry needs beside Requires-Dist: shared libraries, for instance."""
    return set(base.lockfile.packages[key].depends) if key in proved_base else set()


def _entry(
    environment: Environment,
    key: str,
    finding: Finding,
    base: Base,
    import_names: Sequence[str],
    depends: tuple[str, ...],
) -> LockedPackage:
    evidence, item = finding.evidence, environment.own[key]
    assert evidence is not None
    if finding.is_base:
        return replace(base.placed(base.lockfile.packages[key]), depends=depends)
    return LockedPackage(
        name=item.metadata.name,
        version=item.version,
        file_name=evidence.url,
        sha256=evidence.sha256,
        imports=tuple(import_names),
        depends=depends,
    )


def _unloadable(
    packages: Mapping[str, LockedPackage], findings: Mapping[str, Finding]
) -> Iterable[Problem]:
    """File names that the runtime cannot load. Those of the base are its own matter."""
    for key, finding in findings.items():
        if finding.evidence is None or finding.is_base:
            continue
        entry = packages[key]
        fault = wheel_name_fault(entry.file_name, key, entry.version)
        if fault is not None:
            hint = "Use an index, or a URL, that ends in the file name of the wheel."
            yield Problem("file-name", key, entry.version, fault, hint, shown(entry.file_name))


def _with_query(packages: Mapping[str, LockedPackage]) -> Iterable[Problem]:
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


def _unspread(environment: Environment, findings: Mapping[str, Finding]) -> list[Problem]:
    """Warnings of wheels that were spread by their installer, and will not be by Pyodide."""
    told = {problem.package for problem in environment.problems if problem.code == "layout"}
    keys = [
        key
        for key, finding in findings.items()
        if finding.modules is not None and finding.modules.unspread
    ]
    return [layout(key, environment.own[key].version) for key in keys if key not in told]


def _closed(
    depends: Mapping[str, set[str]], environment: Environment, selection: Selection
) -> dict[str, set[str]]:
    """The edges without those to names that are not in the lock.

    The runtime would reject it whole.
    """
    broken = environment.warnings if selection.allow_broken else environment.problems
    for key, names in depends.items():
        # Requires-Dist was checked against the installed packages; the base lock alone gives the
        # rest.
        own = environment.own.get(key)
        checked = (
            {canonical(item.name) for item in own.metadata.requires} if own is not None else set()
        )
        for name in sorted(name for name in names - checked if name not in depends):
            if name in selection.exclude:
                what, hint = (
                    "excluded-dependency",
                    f"The page has to provide {name} in another way.",
                )
                environment.warnings.append(
                    Problem(what, key, None, f"it needs {name}, which is left out.", hint)
                )
            else:
                broken.append(
                    Problem(
                        "missing-dependency",
                        key,
                        None,
                        f"the base lock says it needs {name}, but has no such entry.",
                        "Use the whole lock of a Pyodide release as base.",
                    )
                )
    return {key: {name for name in names if name in depends} for key, names in depends.items()}


def _base_evidence(
    entries: Mapping[str, LockedPackage], environment: Environment
) -> Iterable[Evidence]:
    for key in sorted(entries.keys() & environment.present | entries.keys() - environment.based):
        entry = entries[key]
        proof: Proof = "accepted" if key in environment.changed else "base"
        yield Evidence(key, entry.version, "base", proof, entry.file_name, entry.sha256)


def _not_portable(
    packages: Mapping[str, LockedPackage], told: Collection[str], context: Context
) -> Iterable[Problem]:
    rest = []
    for key, entry in packages.items():
        if is_portable(entry.file_name, context.page_origin):
            continue
        if key in told:
            yield _only_here(key, entry)
        else:
            rest.append(key)
    if rest:
        yield Problem(
            "not-portable",
            "pyodide",
            None,
            f"{len(rest)} more entries of the base keep names that are relative to the lock.",
            "Pass base_url= (--base-url), the folder they can be loaded from, or put the lock "
            "beside them.",
        )


def _only_here(key: str, entry: LockedPackage) -> Problem:
    relative = not split(entry.file_name).scheme
    if relative:
        message = f"its file name {shown(entry.file_name)} is relative to the lock."
        hint = (
            "Pass base_url= (--base-url), the folder it can be loaded from, or put the lock beside "
            "it."
        )
    else:
        message = f"only this machine or network can load {shown(entry.file_name)}."
        hint = "Install it from a public index, or bundle the wheels with the lock."
    return Problem(
        "not-portable",
        key,
        entry.version,
        message,
        hint,
        None if relative else shown(entry.file_name),
    )


def _extra(
    base: Lockfile,
    based: Collection[str],
    environment: Environment,
    selection: Selection,
    evidence: Sequence[Evidence],
    proof: str,
) -> Mapping[str, Any]:
    """The base's unknown keys; in ``tool``, where the base has it, what this lock was made from.

    What an earlier freeze said there of entries that are the base's as they stand still holds:
    this freeze did not prove them again.
    """
    if not isinstance(base.extra.get("tool"), Mapping):
        return base.extra
    requested = {str(writable(requirement)) for requirement in selection.requested}
    notes = {key: item.note for key, item in environment.own.items() if item.note is not None}
    requested |= {
        key for key, item in environment.own.items() if asked_for(item) and key not in notes
    }
    requested |= {text for note in notes.values() for text in written(note.requested)}
    requested |= {
        key for key, item in selection.report.items() if item.requested and key in environment.own
    }
    earlier = LockProvenance.by(base) if based else LockProvenance()
    requested |= {text for name in based for text in earlier.requested.get(name, ())}
    asked = {item.index for item in evidence if item.index}
    asked |= {url for note in notes.values() for url in note.indexes if is_index(url)}
    indexes = {site(url) for url in (*asked, *earlier.indexes)}
    if earlier.proof == "metadata":
        proof = "metadata"
    own = {"requested": sorted(requested), "indexes": sorted(indexes), "proof": proof}
    return {**base.extra, "tool": {**base.extra["tool"], KEY: own}}
