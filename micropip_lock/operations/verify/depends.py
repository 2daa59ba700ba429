"""Check the edges of a lock against METADATA: every requirement is in the lock and is loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..._util.url import shown
from ...dependencies.extras import ActiveRequirement, fits, requirements_of_others
from ...dependencies.graph import cycles, reachable
from ...dependencies.markers import MarkerEvaluator
from ...errors import Problem
from ...formats.target import Target
from .entry import Entry
from .online import EntryReport


def text_of(requirement: Requirement) -> str:
    """A requirement without its marker, and without what may be secret in a URL."""
    if requirement.url is None:
        return str(requirement).partition(";")[0].strip()
    extras = (
        f"[{','.join(sorted(map(canonicalize_name, requirement.extras)))}]"
        if requirement.extras
        else ""
    )
    return f"{requirement.name}{extras} @ {shown(requirement.url)}"


def needs(item: ActiveRequirement) -> str:
    """A requirement as a part of a sentence, with the extra of a package that adds it."""
    extra = f" for the extra {item.package}[{item.extra}]" if item.extra else ""
    return f"it needs {text_of(item.requirement)}{extra}"


def check_depends(
    reports: Iterable[EntryReport], entries: Mapping[str, Entry], target: Target
) -> Iterator[Problem]:
    """Compare ``depends`` with the METADATA of every package that has one.

    A distribution's own packages are left out: their ``depends`` are Pyodide's decision.
    """
    known = {
        report.entry.key: report.metadata
        for report in reports
        if report.metadata is not None and not report.is_base
    }
    required, errors = requirements_of_others(known, MarkerEvaluator.of(target))
    for key, error in errors.items():
        name = known[key].name
        yield entries[key].problem(
            "broken-metadata",
            f"METADATA: {error}.",
            f"Lock a version of {name} with correct metadata, or tell its authors.",
        )
    depends = {key: entry.depends for key, entry in entries.items()}
    together = _broken_cycles(required, depends)
    for key, requirements in required.items():
        yield from _check(entries[key], requirements, entries, depends, together.get(key, ()))


def _broken_cycles(
    required: Mapping[str, Iterable[ActiveRequirement]], depends: Mapping[str, Collection[str]]
) -> dict[str, set[str]]:
    """The packages that need each other in a cycle, which a lock has to break; each with all of
    its cycle.

    Only those of which one loads all the others: then nothing was lost by breaking it.
    """
    graph = {key: set(names) for key, names in depends.items()}
    for key, requirements in required.items():
        graph[key] |= {item.name for item in requirements}
    found: dict[str, set[str]] = {}
    for cycle in cycles(graph):
        if any(cycle <= reachable([member], depends) for member in cycle):
            found.update(dict.fromkeys(cycle, cycle))
    return found


def _check(
    entry: Entry,
    requirements: Iterable[ActiveRequirement],
    entries: Mapping[str, Entry],
    depends: Mapping[str, Collection[str]],
    together: Collection[str],
) -> Iterator[Problem]:
    # What the lock itself lacks is reported without METADATA.
    reported = {name for name in entry.depends if name not in entries}
    direct = {entry.key, *entry.depends, *together}
    # All that is loaded with it: much in a deep lock, and seldom needed.
    loaded: set[str] | None = None
    for item in requirements:
        other = entries.get(item.name)
        if other is None:
            if item.name not in reported:
                reported.add(item.name)
                yield entry.problem(
                    "missing-dependency",
                    f"{needs(item)}, which is not in the lock.",
                    f"Install {item.name} and freeze again; if the page provides it in another "
                    "way, nothing is wrong.",
                    entry.url,
                )
            continue
        if other.version is not None and not fits(item.requirement, other.version):
            yield entry.problem(
                "conflicting-dependency",
                f"{needs(item)}, but the lock has {item.name} {other.version}.",
                f"Install a version of {item.name} that fits, and freeze again.",
                entry.url,
            )
        if item.name in direct or item.name in reported:
            continue
        loaded = reachable([entry.key], depends) if loaded is None else loaded
        if item.name not in loaded:
            reported.add(item.name)
            yield entry.problem(
                "lost-dependency",
                f"{needs(item)}, and the lock has it, but loading {entry.key} does not load it.",
                f"Add {item.name} to the depends of {entry.key}, or freeze again.",
                entry.url,
            )
