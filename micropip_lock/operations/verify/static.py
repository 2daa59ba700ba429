"""Checks of a lock by itself, without requests: file names, hashes, edges and import names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion

from ..._util.url import is_portable, origin, shown, writable
from ...dependencies.graph import cycles
from ...errors import Problem
from ...formats.target import Target
from .entry import LONGEST_FILENAME, Entry, about, listed, wheel_name_fault
from .lock_reader import Lock

#: What the runtime unpacks, by the end of the file name.
_ARCHIVES = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2")
_SDIST = re.compile(r"(?P<name>.+)-(?P<version>\d[^-]*)\.(tar\.gz|tgz|tar\.bz2|tbz2)")


def check_static(lock: Lock, page_origin: str | None = None) -> Iterator[Problem]:
    """Every fault that shows in the lock itself, beside those that were met when it was read."""
    entries = lock.entries
    for entry in entries.values():
        if entry.file_name is not None:
            yield from _file_name(entry, lock.target)
    yield from _not_portable(entries.values(), page_origin)
    for entry in entries.values():
        yield from _dangling(entry, entries)
    yield from _cycles(entries.values())
    yield from _collisions(entries.values())


# -- file names


def _file_name(entry: Entry, target: Target | None) -> Iterator[Problem]:
    name = entry.file_name or ""
    if entry.place == "local":
        # Its path on that machine is private.
        yield entry.problem(
            "local-file",
            "its file name is a place on one machine "
            f"({entry.scheme and entry.scheme + ':'}.../{entry.filename}).",
            "Install the wheel from an index or an https URL and freeze again, or write its https "
            "URL.",
        )
    elif entry.place == "nowhere":
        what = f"its file name ({entry.scheme}:...) is neither a relative path nor an http(s) URL"
        yield _unfit(entry, what, "Write the https URL of the wheel.")
        return
    bare, _, fragment = name.partition("#")
    if writable(bare) != bare:
        yield entry.problem(
            "credentials",
            "its file name holds a user name or a password, for everybody to read.",
            "Remove it, and change the password. A lock works only with files that need none.",
            entry.url,
        )
    if "?" in bare:
        yield entry.problem(
            "query-needed",
            f"its file name has a query after {entry.filename}: the runtime cannot load it, and "
            "it may be a secret.",
            "Write the URL without the query. If the server needs it, publish the wheel at a "
            "plain URL.",
            entry.url,
        )
    if fragment or name.endswith("#"):
        hint = "Write the URL without what follows the #."
        yield _unfit(entry, f"its file name ends in a #fragment after {entry.filename}", hint)
    yield from _archive(entry, target)


def _unfit(entry: Entry, what: str, hint: str) -> Problem:
    return entry.problem("file-name", f"{what}, and the runtime cannot load that.", hint, entry.url)


def _archive(entry: Entry, target: Target | None) -> Iterator[Problem]:
    """Whether the last part of the file name is one that the runtime takes for this package."""
    filename = entry.filename
    if not filename.endswith(_ARCHIVES) or len(filename) > LONGEST_FILENAME:
        yield _unfit(
            entry,
            f"its file name ends in {filename[:80]!r}, which is no archive",
            "Name a wheel (.whl).",
        )
    elif filename.endswith(".whl"):
        yield from _wheel(entry, target)
    # Shared libraries and unvendored tests of a distribution are archives, too, but are not named
    # like an sdist.
    elif (match := _SDIST.fullmatch(filename)) and canonicalize_name(match["name"]) == entry.key:
        yield entry.problem(
            "sdist",
            f"its file {filename} is an sdist, which would be unpacked without being built.",
            "Lock a version that has a wheel, or build and publish one.",
            entry.url,
        )


def _wheel(entry: Entry, target: Target | None) -> Iterator[Problem]:
    fault = wheel_name_fault(shown(entry.file_name or ""), entry.key, entry.version)
    if fault is not None:
        hint = "Correct the entry, or name the file of this package and version."
        yield entry.problem("file-name", fault, hint, entry.url)
    try:
        tags = parse_wheel_filename(entry.filename)[3]
    except (InvalidWheelFilename, InvalidVersion):
        return
    if target is not None and target.rank(tags) is None and not _unknown_abi(tags, target):
        found = ", ".join(sorted(map(str, tags))[:3])
        yield entry.problem(
            "wrong-platform",
            f"its wheel is for {found}, which does not run on {target}.",
            "Lock the wheel for this Pyodide, or make the lock for the Pyodide that the wheel is "
            "for.",
            entry.url,
        )


def _unknown_abi(tags: Iterable[Tag], target: Target) -> bool:
    """Whether the tags are for a Pyodide while the lock does not say for which it is."""
    return target.abi is None and any(
        tag.platform.startswith(("pyodide_", "pyemscripten_")) for tag in tags
    )


def _not_portable(entries: Iterable[Entry], page_origin: str | None) -> Iterator[Problem]:
    relative: list[str] = []
    places: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        if entry.url is not None and not is_portable(entry.url, page_origin):
            places[origin(entry.url) or ""].append(entry.key)
        elif entry.file_name and entry.place == "relative":
            relative.append(entry.key)
    if relative:
        yield Problem(
            "not-portable",
            about(relative),
            None,
            f"{_count(relative, 'file name is', 'file names are')} relative to the lock "
            f"({listed(relative)}).",
            "Put the lock beside these files, or give loadPyodide a packageBaseUrl; they "
            "cannot be checked from here.",
        )
    for place, keys in sorted(places.items()):
        yield Problem(
            "not-portable",
            about(keys),
            None,
            f"only this machine or network can load {_count(keys, 'file', 'files')} from {place} "
            f"({listed(keys)}).",
            "Install from a public index and freeze again, or bundle the wheels with the lock.",
            place,
        )


def _count(names: Sequence[str], one: str, several: str) -> str:
    return f"{len(names)} {one if len(names) == 1 else several}"


# -- edges and import names


def _dangling(entry: Entry, entries: Collection[str]) -> Iterator[Problem]:
    for name in sorted(set(entry.depends) - set(entries)):
        yield entry.problem(
            "missing-dependency",
            f"it depends on {name}, which is not in the lock; so it cannot be loaded at all.",
            f"Install {name} and freeze again, or remove it from depends if the page provides it "
            "in another way.",
        )


def _cycles(entries: Iterable[Entry]) -> Iterator[Problem]:
    graph = {entry.key: set(entry.depends) for entry in entries}
    for key, names in graph.items():
        if key in names:
            yield Problem(
                "cycle",
                key,
                None,
                "it depends on itself; whoever loads it waits for ever.",
                f"Remove {key} from its own depends, or freeze again.",
            )
    for members in map(sorted, cycles(graph)):
        yield Problem(
            "cycle",
            members[0],
            None,
            f"{', '.join(members)} depend on each other; loading one of them waits for ever.",
            "Freeze again: cycles are broken there, so that one member loads the others.",
        )


def _collisions(entries: Iterable[Entry]) -> Iterator[Problem]:
    owners: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        for name in set(entry.imports or ()):
            owners[name].append(entry.key)
    shared: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, keys in owners.items():
        if len(keys) > 1:
            shared[tuple(sorted(keys))].append(name)
    for several, names in sorted(shared.items()):
        yield Problem(
            "import-collision",
            several[0],
            None,
            f"the import name {listed(names)} is claimed by {' and by '.join(several)}.",
            "Importing it loads only the last of them; load the other one by its package name. "
            "For a namespace, claim the dotted names below it.",
        )
