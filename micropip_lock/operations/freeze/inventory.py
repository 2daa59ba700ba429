"""The installed environment as freeze reads it from disk, before any request to an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ...dependencies.edges import Dependencies, Edges
from ...dependencies.graph import reachable
from ...dependencies.package import Package
from ...errors import Problem
from ...formats.lockfile import LockedPackage
from ...formats.target import Target
from ...installed.distribution import CheckFiles, InstalledDistribution
from ...installed.hints import leave_out
from ...installed.origin import Origin, mock, origin
from ...installed.problems import layout, unreadable, wrong_platform
from ..context import Context, scan_environment

if TYPE_CHECKING:
    from ...formats.install_report import Reported

Include = Literal["installed", "distribution"]

#: Installers and build tools: left out unless another package depends on them.
TOOLS = frozenset({"pip", "setuptools", "wheel", "micropip-lock"})


@dataclass(frozen=True, slots=True)
class Selection:
    """What belongs into the lock, and what the user said about it."""

    include: Include = "installed"
    exclude: frozenset[str] = frozenset()
    requested: Sequence[Requirement] = ()
    report: Mapping[str, Reported] = field(default_factory=dict)
    allow_broken: bool = False
    check_files: CheckFiles = "size"


@dataclass(slots=True)
class Inventory:
    """The installed distributions, by canonical name, and their claimed origins."""

    #: Distributions that have to be proved.
    own: dict[str, InstalledDistribution]
    #: Names whose entries are the base's as they stand (docs/evidence.md, rule 1), with what they
    #: need.
    based: set[str]
    origins: dict[str, Origin]
    edges: Edges
    #: name, version and reason of installed distributions that are left out
    left_out: tuple[tuple[str, str | None, str], ...]
    #: ``own``, and of ``based`` what the runtime loaded and what that needs: without the rest of a
    #: whole distribution.
    present: set[str]
    #: Every distribution that is not left out on purpose, those of the base included.
    installed: Mapping[str, InstalledDistribution] = field(default_factory=dict)
    #: Bytes of the installed files of each distribution, as far as RECORD has them.
    sizes: dict[str, int] = field(default_factory=dict)
    #: The files of each distribution that are not as its RECORD says, by canonical name.
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: The problems of those whose WHEEL names no tag of the target. The file name of the wheel
    #: decides, once known.
    misfits: dict[str, Problem] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def provable(self) -> list[InstalledDistribution]:
        """The distributions that are worth a request: they have no definite problem yet."""
        hopeless = self.hopeless
        return [item for key, item in sorted(self.own.items()) if key not in hopeless]

    @property
    def hopeless(self) -> set[str]:
        """The names of what has a problem that no wheel can solve."""
        return {problem.package for problem in self.problems if problem.code not in _ABOUT_OTHERS}


#: These problems are about a package's dependencies; its own proof is still worth having.
_ABOUT_OTHERS = frozenset({"missing-dependency", "conflicting-dependency"})


def read_inventory(context: Context, target: Target, selection: Selection) -> Inventory:
    """Read the folders of ``context`` and sort out what needs proof. Raises `InputError`."""
    found, problems = scan_environment(context.paths, context.site)
    everything = {item.key: item for item in found}
    distributions = {key: item for key, item in everything.items() if key not in selection.exclude}
    origins = {key: _origin(item, context, selection.report) for key, item in distributions.items()}
    problems += _shipped_by_others(distributions, origins)
    problems += _from_memory(context, distributions)
    roots = _based_roots(context, distributions, origins, problems)
    unbased = {key: item for key, item in distributions.items() if not origins[key].is_base}
    closed_by = {**unbased, **dict.fromkeys(selection.exclude)}
    present = context.base.closure(roots, stop=closed_by)
    based = present
    if selection.include == "distribution":
        based = context.base.closure(context.base.lockfile.packages, stop=closed_by)
    edges = _edges(context, unbased, based, target, selection)
    requested = {canonicalize_name(requirement.name) for requirement in selection.requested}
    kept = _kept(unbased, requested | _needed_by_base(context, based), edges)
    own = {key: item for key, item in unbased.items() if key in kept}
    inventory = Inventory(
        own=own,
        based=based,
        origins=origins,
        edges=edges,
        left_out=tuple(_left_out(everything, unbased.keys() - kept, selection.exclude)),
        present={*own, *present},
        installed=distributions,
        sizes={key: item.record.size for key, item in distributions.items()},
    )
    ignored = {*selection.exclude, *(unbased.keys() - kept)}
    inventory.problems = [
        item for item in [*problems, *edges.problems] if item.package not in ignored
    ]
    inventory.warnings = [item for item in edges.warnings if item.package not in ignored]
    there = {key: item for key, item in distributions.items() if key in inventory.present}
    _check_disk(inventory, there, context, target, selection)
    return inventory


def _origin(
    item: InstalledDistribution, context: Context, report: Mapping[str, Reported]
) -> Origin:
    reported = report.get(item.key)
    file = (
        reported.file(item.wheel)
        if reported is not None and reported.version == item.version
        else None
    )
    return origin(
        item, loaded=context.loaded_in(item.folder), report={} if file is None else {item.key: file}
    )


def _shipped_by_others(
    distributions: Mapping[str, InstalledDistribution], origins: dict[str, Origin]
) -> list[Problem]:
    """Claims of one distribution that another one's RECORD lists, whose wheel installed them."""
    problems = []
    for key, item in distributions.items():
        files = {claim.file for claim in origins[key].claims if claim.file and not claim.witnessed}
        paths = {f"{item.dist_info}/{name}": name for name in files}
        for other in distributions.values() if paths else ():
            shipped = [
                name for path, name in paths.items() if other is not item and _lists(other, path)
            ]
            if shipped:
                problems.append(
                    Problem(
                        "forged-claim",
                        key,
                        item.version,
                        f"its {shipped[0]}, which says where it came from, was installed by "
                        f"{other.metadata.name}.",
                        f"Do not trust {other.metadata.name} {other.version}. Remove it, and "
                        "install both again.",
                    )
                )
                origins[key] = Origin()
                break
    return problems


def _lists(item: InstalledDistribution, path: str) -> bool:
    """Whether RECORD lists a file of this site-packages folder, also by a path that leaves it and
    comes back.
    """
    if path in item.record.entries:
        return True
    return any(row.leaves_folder and row.path.endswith(f"/{path}") for row in item.rows)


def _from_memory(
    context: Context, distributions: Mapping[str, InstalledDistribution]
) -> list[Problem]:
    """Mocks that exist in memory only, and names that the runtime loaded and that left no trace."""
    in_memory = context.in_memory or {}
    problems = [
        mock(name, version) for name, version in in_memory.items() if name not in distributions
    ]
    for name, channel in (context.loaded or {}).items():
        known = name in distributions or name in in_memory
        if not known and not (
            channel == "default channel" and context.base.entry(name) is not None
        ):
            problems.append(
                Problem(
                    "broken-metadata",
                    name,
                    None,
                    "the runtime loaded it, but it has no .dist-info folder, and it is not of the "
                    "base.",
                    f"Load it from a wheel (micropip.install), or {leave_out(name)}.",
                )
            )
    return problems


def _based_roots(
    context: Context,
    distributions: Mapping[str, InstalledDistribution],
    origins: Mapping[str, Origin],
    problems: list[Problem],
) -> set[str]:
    """The names that the runtime itself loaded from the base."""
    roots = set()
    for key, item in distributions.items():
        if origins[key].is_base:
            entry = context.base.entry(key)
            if entry is not None and entry.version == item.version:
                roots.add(key)
            else:
                problems.append(_base_mismatch(item, entry))
    # Shared libraries and bare archives have no .dist-info.
    loaded = (context.loaded or {}).items()
    return roots | {
        name
        for name, channel in loaded
        if channel == "default channel" and name not in distributions
    }


def _base_mismatch(item: InstalledDistribution, entry: LockedPackage | None) -> Problem:
    other = f"has {entry.version}" if entry is not None else "does not have it"
    return Problem(
        "base-mismatch",
        item.key,
        item.version,
        f"Pyodide loaded it from its distribution, but the base lock {other}.",
        "Use the lock that this Pyodide booted from as base, or leave base out.",
    )


def _needed_by_base(context: Context, based: Iterable[str]) -> set[str]:
    return {name for key in based for name in context.base.lockfile.packages[key].depends}


def _edges(
    context: Context,
    unbased: Mapping[str, InstalledDistribution],
    based: Iterable[str],
    target: Target,
    selection: Selection,
) -> Edges:
    entries = {name: context.base.lockfile.packages[name] for name in based}
    requested = list(selection.requested)
    requested.extend(
        Requirement(f"{item.name}[{','.join(item.extras)}]")
        for item in selection.report.values()
        if item.requested and canonicalize_name(item.name) in unbased
    )
    versions = {name: entry.version for name, entry in entries.items()}
    packages = {key: Package.installed(item) for key, item in unbased.items()}
    dependencies = Dependencies(
        packages, versions, target, requested=requested, exclude=selection.exclude
    )
    return dependencies.edges(
        allow_broken=selection.allow_broken,
        other_edges={name: entry.depends for name, entry in entries.items()},
    )


def _kept(unbased: Mapping[str, InstalledDistribution], needed: set[str], edges: Edges) -> set[str]:
    """Everything but the tools, and the tools that something depends on."""
    roots = [key for key in unbased if key not in TOOLS or key in needed]
    return reachable(roots, {key: edges.depends[key] for key in unbased})


def _left_out(
    everything: Mapping[str, InstalledDistribution], tools: Iterable[str], exclude: Iterable[str]
) -> Iterable[tuple[str, str | None, str]]:
    reasons = dict.fromkeys(tools, "a tool that nothing depends on")
    reasons.update((name, "left out on purpose") for name in exclude if name in everything)
    for name in sorted(reasons):
        yield name, everything[name].version, reasons[name]


def _check_disk(
    inventory: Inventory,
    distributions: Mapping[str, InstalledDistribution],
    context: Context,
    target: Target,
    selection: Selection,
) -> None:
    sizes = {}
    if selection.check_files == "size":
        sizes = {
            folder: context.sizes_below(folder)
            for folder in {item.folder for item in distributions.values()}
        }
    hopeless = inventory.hopeless
    for key, item in sorted(distributions.items()):
        if inventory.origins[key].problems:
            inventory.problems.extend(inventory.origins[key].problems)
        elif key in hopeless:
            continue
        elif item.faults:
            inventory.problems.append(unreadable(item))
        else:
            is_base = inventory.origins[key].is_base
            if not is_base and item.lies_unspread:
                inventory.problems.append(layout(key, item.version))
            changed = item.changed_files(
                selection.check_files, compiled=is_base, sizes=sizes.get(item.folder)
            )
            if changed:
                inventory.changed[key] = tuple(changed)
            is_edited = f"{item.dist_info}/WHEEL" in changed
            if not (is_base or is_edited) and target.rank(item.wheel.tags) is None:
                inventory.misfits[key] = wrong_platform(item, item.wheel.tags, target)
