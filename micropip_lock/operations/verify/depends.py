"""Check the edges of a lock against METADATA: every requirement is in the lock and is loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..._util.url import shown
from ...dependencies.edges import components, fits
from ...errors import Problem
from ...formats.core_metadata import CoreMetadata
from ...formats.target import Target
from ..resolve.state import holds
from .entry import Entry
from .online import Look


@dataclass(frozen=True, slots=True)
class Ask:
    """A requirement of a package: ``through`` is the other package whose extra adds it, if any."""

    requirement: Requirement
    through: str = ""

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def words(self) -> str:
        """The requirement as part of a sentence."""
        wanted = text_of(self.requirement)
        return (
            f"it needs {wanted} for the extra {self.through},"
            if self.through
            else f"it needs {wanted},"
        )


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


def check_depends(
    looks: Iterable[Look], entries: Mapping[str, Entry], target: Target
) -> Iterator[Problem]:
    """Compare ``depends`` with the METADATA of every package that has one.

    A distribution's own packages are left out: their ``depends`` are Pyodide's decision.
    """
    known = {
        look.entry.key: look.metadata
        for look in looks
        if look.metadata is not None and not look.is_base
    }
    asks: dict[str, list[Ask]] = {}
    for key, metadata in known.items():
        try:
            asks[key] = list(asks_of(key, known, target))
        except ValueError as error:
            yield entries[key].problem(
                "broken-metadata",
                f"METADATA: {error}.",
                f"Lock a version of {metadata.name} with correct metadata, or tell its authors.",
            )
    together = _circles(asks, entries)
    for key, made in asks.items():
        yield from _check(entries[key], made, entries, together.get(key, ()))


def asks_of(key: str, known: Mapping[str, CoreMetadata], target: Target) -> Iterator[Ask]:
    """Every requirement of a package, and those of the extras that it requires of other packages.

    Raises ValueError for an invalid marker.
    """
    waiting = [(key, "")]
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        for requirement in known[name].requires:
            if not holds(requirement, target.environment, extra):
                continue
            # Requirements that hold without the extra are those of that package itself.
            if extra and holds(requirement, target.environment, ""):
                continue
            ask = Ask(requirement, f"{name}[{extra}]" if extra else "")
            more = {
                (ask.name, canonicalize_name(other))
                for other in requirement.extras
                if ask.name in known
            }
            waiting.extend(sorted(more - seen))
            seen |= more
            if ask.name != key:
                yield ask


def _closure(key: str, entries: Mapping[str, Entry]) -> set[str]:
    """Everything that is loaded with a package, itself included."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        name = waiting.pop()
        if name not in found and name in entries:
            found.add(name)
            waiting.extend(entries[name].depends)
    return found


def _circles(
    asks: Mapping[str, Iterable[Ask]], entries: Mapping[str, Entry]
) -> dict[str, set[str]]:
    """The packages that need each other in a circle, which a lock has to break; each with all of
    its circle.

    Only those of which one loads all the others: then nothing was lost by breaking it.
    """
    graph = {key: set(entry.depends) for key, entry in entries.items()}
    for key, made in asks.items():
        graph[key] |= {ask.name for ask in made}
    found: dict[str, set[str]] = {}
    for component in components(graph):
        if len(component) > 1 and any(
            component <= _closure(member, entries) for member in component
        ):
            found.update(dict.fromkeys(component, component))
    return found


def _check(
    entry: Entry, asks: Iterable[Ask], entries: Mapping[str, Entry], together: Collection[str]
) -> Iterator[Problem]:
    told = {
        name for name in entry.depends if name not in entries
    }  # these are reported without METADATA
    direct = set(entry.depends) | {entry.key}
    loaded: set[str] | None = (
        None  # all that is loaded with it: much in a deep lock, and seldom the question
    )
    for ask in asks:
        other = entries.get(ask.name)
        if other is None:
            if ask.name not in told:
                told.add(ask.name)
                yield entry.problem(
                    "missing-dependency",
                    f"{ask.words} which is not in the lock.",
                    f"Install {ask.name} and freeze again; if the page provides it in another "
                    "way, nothing is wrong.",
                    entry.url,
                )
            continue
        if other.version is not None and not fits(ask.requirement, other.version):
            yield entry.problem(
                "conflicting-dependency",
                f"{ask.words} but the lock has {ask.name} {other.version}.",
                f"Install a version of {ask.name} that fits, and freeze again.",
                entry.url,
            )
        if ask.name in direct or ask.name in together or ask.name in told:
            continue
        loaded = _closure(entry.key, entries) if loaded is None else loaded
        if ask.name not in loaded:
            told.add(ask.name)
            yield entry.problem(
                "lost-dependency",
                f"{ask.words} and the lock has it, but loading {entry.key} does not load it.",
                f"Add {ask.name} to the depends of {entry.key}, or freeze again.",
                entry.url,
            )
