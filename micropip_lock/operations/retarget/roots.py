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
        file = None if is_pyodides(entry) else file_of(name, entry)
        held = None
        if (
            file is not None
            and file.sha256
            and "?" not in file.url
            and target.rank(file.tags) is not None
        ):
            held = Choice(name, version, file)
        found[name] = Preferred(version, held, base_first=is_pyodides(entry))
    return found


def file_of(name: str, entry: LockedPackage) -> IndexFile | None:
    """The wheel of an entry as an index would list it.

    None where its URL names none of that project.
    """
    url = entry.file_name.partition("#")[0]
    for version, page in single_file_page(url).versions(name).items() if is_http(url) else ():
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
    requested = LockProvenance.by(lock).requested
    graph = Tree(lock.packages, requested=frozenset(requested))
    covered: set[str] = set()
    for asked in requested:
        if asked not in covered:
            covered |= graph.closure(asked)
    own = {name: entry for name, entry in lock.packages.items() if not is_pyodides(entry)}
    considered = own if whole else lock.packages
    rest = {name: entry for name, entry in considered.items() if name not in covered}
    loose = Tree(rest).roots
    gone = tuple(
        name for name in loose if name not in base.lockfile.packages and not is_wheel(rest[name])
    )
    loose = tuple(name for name in loose if name not in gone)
    # A wheel beside the lock that the new Pyodide does not have is as likely the user's, as in a
    # bundle.
    theirs = {
        name: item for name, item in rest.items() if name in own or _is_homeless(name, item, base)
    }
    extras, warnings = await _extras(theirs, lock, publications, fetcher, loose)
    guessed = [
        f"{name}[{','.join(sorted(extras[name]))}]" if extras.get(name) else name for name in loose
    ]
    guessed += [
        f"{name}[{','.join(sorted(asked))}]"
        for name, asked in sorted(extras.items())
        if name not in loose
    ]
    texts = [text for name in sorted(requested) for text in requested[name]]
    wanted = (parse_wanted(text, "what the lock says was asked for") for text in texts)
    return Roots((*wanted, *map(parse_wanted, guessed)), tuple(guessed), gone, tuple(warnings))


def _is_homeless(name: str, entry: LockedPackage, base: Base) -> bool:
    return is_wheel(entry) and name not in base.lockfile.packages


async def _extras(
    packages: Mapping[str, LockedPackage],
    lock: Lockfile,
    publications: Publications,
    fetcher: Fetcher,
    roots: Collection[str],
) -> tuple[dict[str, set[str]], list[Problem]]:
    """The extras of ``packages`` that no package requires, so the user must have requested them."""
    markers = MarkerEvaluator.of(Target.from_info(lock.info))

    async def read(name: str) -> tuple[str, CoreMetadata | FetchError | None]:
        file = file_of(name, packages[name])
        try:
            return name, None if file is None else await publications.metadata(file, name)
        except (BrokenMetadataError, NoRangesError, GoneError, IntegrityError):
            return name, None
        except FetchError as error:
            return name, error

    # What needs nothing was locked without extras.
    said = await fetcher.gather([read(name) for name, entry in packages.items() if entry.depends])
    for _, item in said:
        if isinstance(item, FetchError):
            raise item
    metadata = {name: item for name, item in said if isinstance(item, CoreMetadata)}
    found = {
        name: set(extras_that_explain(item, frozenset(packages[name].depends), markers))
        for name, item in metadata.items()
    }
    asked: dict[str, set[str]] = defaultdict(set)
    for name, item in metadata.items():
        for requirement in DeclaredRequirements.lenient(item, markers).active(found[name]):
            asked[Wanted(requirement).name] |= requirement.extras
    warnings = [_unknown(name, packages[name].version) for name, item in said if item is None]
    return {
        name: extras
        for name, all_ in found.items()
        if (extras := all_ if name in roots else all_ - asked[name])
    }, warnings


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
