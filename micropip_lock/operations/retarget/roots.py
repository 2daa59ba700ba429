"""The requirements that a lock was made for, and which of its packages are Pyodide's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from packaging.version import Version

from ..._util.url import is_http
from ...dependencies.extras import DeclaredRequirements
from ...dependencies.inferred_extras import extras_that_explain
from ...dependencies.markers import MarkerEvaluator
from ...errors import FetchError, GoneError, IntegrityError, Problem
from ...formats.core_metadata import CoreMetadata
from ...formats.lockfile import LockedPackage, Lockfile
from ...formats.project_page import IndexFile, single_file_page
from ...formats.requirement import Wanted, parse_wanted
from ...formats.target import Target
from ...index.remote_wheel import NoRangesError
from ...index.wheel_metadata import BrokenMetadataError, Publications
from ...network import Fetcher
from ..base import Base, is_release
from ..lock_provenance import LockProvenance
from ..resolve.project import Choice
from ..resolve.state import Preferred
from ..tree.run import Tree

#: A lock that has three of four packages of a whole distribution was written with all of it, as
#: micropip.freeze() does.
_WHOLE = 0.75
#: Fewer packages are no distribution.
_LEAST = 20
#: What messages call the requirements that a lock records.
_ORIGIN = "what the lock says was asked for"


def is_wheel(entry: LockedPackage) -> bool:
    """Whether an index can have it: no shared library, test suite, or standard library part."""
    return entry.package_type == "package" and entry.file_name.partition("?")[0].endswith(".whl")


def is_pyodides(entry: LockedPackage) -> bool:
    """Whether an entry is one of Pyodide's own distribution, judged by its address."""
    return not is_wheel(entry) or not is_http(entry.file_name) or is_release(entry.file_name)


def has_distribution(lock: Lockfile, base: Base) -> bool:
    """Whether ``lock`` has a whole distribution in it, needed or not."""
    own = {name for name, entry in lock.packages.items() if is_pyodides(entry)}
    there = base.lockfile.packages.keys()
    return len(there) >= _LEAST and len(own & there) >= _WHOLE * len(there)


def preferred(lock: Lockfile, target: Target) -> dict[str, Preferred]:
    """The preferred version of each package, with its very file where that fits ``target``."""
    found = {}
    for name, entry in lock.packages.items():
        try:
            version = Version(entry.version)
        except ValueError:  # shared libraries have versions of their own
            continue
        held = None
        if not is_pyodides(entry):
            file = file_of(name, entry)
            if file is not None and _is_usable(file, target):
                held = Choice(name, version, file)
        found[name] = Preferred(version, held, base_first=is_pyodides(entry))
    return found


def _is_usable(file: IndexFile, target: Target) -> bool:
    """Whether a file of the lock may be locked for ``target`` as it is."""
    if not file.sha256 or "?" in file.url:
        return False
    return target.rank(file.tags) is not None


def file_of(name: str, entry: LockedPackage) -> IndexFile | None:
    """The wheel of an entry as an index would list it.

    None where its URL names none of that project.
    """
    url = entry.file_name.partition("#")[0]
    if not is_http(url):
        return None
    for version, page in single_file_page(url).versions(name).items():
        for file in page.files(name, {version}):
            if file.kind == "wheel":
                return replace(file, url=url, sha256=entry.sha256 or None)
    return None


@dataclass(frozen=True, slots=True)
class Roots:
    """Requirements, and where they are from: ``guessed`` ones are nowhere written down."""

    wanted: tuple[Wanted, ...]
    guessed: tuple[str, ...] = ()
    #: Parts of the old Pyodide that the new one does without; no index can have them.
    gone: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()


async def roots_of(
    lock: Lockfile, base: Base, publications: Publications, fetcher: Fetcher, *, whole: bool
) -> Roots:
    """The requirements that ``lock`` records, and all other packages in it that none needs.

    Where it records none, its graph decides. Of packages that it does not mention, METADATA shows
    which extras they were locked with. ``whole``: Pyodide's own packages are there in any case, and
    the user did not request them.
    """
    recorded = LockProvenance.by(lock).requested
    rest = _not_needed_by(recorded, lock, whole=whole)
    unneeded = Tree(rest).roots
    gone = tuple(name for name in unneeded if _is_gone(name, rest[name], base))
    roots = [name for name in unneeded if name not in gone]
    users = {name: entry for name, entry in rest.items() if _is_users(name, entry, base)}
    extras, warnings = await _extras(users, lock, publications, fetcher, roots)
    guessed = [_with_extras(name, extras.get(name, ())) for name in roots]
    others = sorted(extras.keys() - set(roots))
    guessed += [_with_extras(name, extras[name]) for name in others]
    wanted: list[Wanted] = []
    for name in sorted(recorded):
        wanted += [parse_wanted(text, _ORIGIN) for text in recorded[name]]
    wanted += map(parse_wanted, guessed)
    return Roots(tuple(wanted), tuple(guessed), gone, tuple(warnings))


def _not_needed_by(
    recorded: Collection[str], lock: Lockfile, *, whole: bool
) -> dict[str, LockedPackage]:
    """The packages that the ``recorded`` ones do not need; Pyodide's own not if ``whole``."""
    graph = Tree(lock.packages, requested=frozenset(recorded))
    needed: set[str] = set()
    for name in recorded:
        if name not in needed:
            needed |= graph.closure(name)
    rest = {}
    for name, entry in lock.packages.items():
        if name in needed or (whole and is_pyodides(entry)):
            continue
        rest[name] = entry
    return rest


def _is_gone(name: str, entry: LockedPackage, base: Base) -> bool:
    """Whether it is a part of the old Pyodide that the new one does without."""
    return name not in base.lockfile.packages and not is_wheel(entry)


def _is_users(name: str, entry: LockedPackage, base: Base) -> bool:
    """Whether it is a package of the user, not of Pyodide.

    A wheel beside the lock that the new Pyodide does not have is as likely the user's, as in a
    bundle.
    """
    if not is_pyodides(entry):
        return True
    return is_wheel(entry) and name not in base.lockfile.packages


def _with_extras(name: str, extras: Collection[str]) -> str:
    return f"{name}[{','.join(sorted(extras))}]" if extras else name


async def _extras(
    packages: Mapping[str, LockedPackage],
    lock: Lockfile,
    publications: Publications,
    fetcher: Fetcher,
    roots: Collection[str],
) -> tuple[dict[str, set[str]], list[Problem]]:
    """The extras of ``packages`` that no package requires, so the user must have requested them."""

    async def read(name: str) -> tuple[str, CoreMetadata | FetchError | None]:
        file = file_of(name, packages[name])
        if file is None:
            return name, None
        try:
            return name, await publications.metadata(file, name)
        except (BrokenMetadataError, NoRangesError, GoneError, IntegrityError):
            return name, None
        except FetchError as error:
            return name, error

    # What needs nothing was locked without extras.
    found = await fetcher.gather([read(name) for name, entry in packages.items() if entry.depends])
    metadata: dict[str, CoreMetadata] = {}
    warnings: list[Problem] = []
    for name, item in found:
        if isinstance(item, FetchError):
            raise item
        if item is None:
            warnings.append(_unknown(name, packages[name].version))
        else:
            metadata[name] = item
    return _not_required(metadata, packages, lock, roots), warnings


def _not_required(
    metadata: Mapping[str, CoreMetadata],
    packages: Mapping[str, LockedPackage],
    lock: Lockfile,
    roots: Collection[str],
) -> dict[str, set[str]]:
    """The extras that explain the edges of ``packages``, unless another package requires them."""
    markers = MarkerEvaluator.of(Target.from_info(lock.info))
    explaining: dict[str, set[str]] = {}
    required: dict[str, set[str]] = defaultdict(set)
    for name, item in metadata.items():
        explaining[name] = set(extras_that_explain(item, packages[name].depends, markers))
        declared = DeclaredRequirements.lenient(item, markers)
        for requirement in declared.active(explaining[name]):
            required[Wanted(requirement).name] |= requirement.extras
    found = {}
    for name, extras in explaining.items():
        remaining = extras if name in roots else extras - required[name]
        if remaining:
            found[name] = remaining
    return found


def _unknown(name: str, version: str) -> Problem:
    return Problem(
        "extra-guessed",
        name,
        version,
        "which of its extras the lock was made with is not known: its METADATA cannot be read. "
        "None is assumed.",
        f'If it has extras, name all that you ask for: requested=["{name}[extra]", ...] '
        "(--requested).",
    )
