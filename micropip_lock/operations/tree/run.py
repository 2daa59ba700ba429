"""`tree`: the dependencies in a lock, its size, and what the removal of a package would save.

A lock has no sizes. They are those of the files themselves, where these are at hand, or what their
servers say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from packaging.utils import canonicalize_name

from ..._util.progress import Progress
from ..._util.url import is_http
from ...dependencies.graph import components, dependants, walk
from ...errors import InputError, Problem
from ...formats.lockfile import LockedPackage
from ...network import Fetcher
from ..lock_provenance import LockProvenance
from ..lock_source import LockInput
from ..session import SessionOptions, open_lock, open_session
from .sizes import request_sizes, sizes_at_hand

#: No tree that people read is deeper.
DEEPEST = 50

#: ``again``: it was drawn before. ``cycle``: it needs, in the end, itself. ``missing``: not in the
#: lock.
Mark = Literal["", "again", "cycle", "missing", "deep"]


@dataclass(frozen=True, slots=True)
class Total:
    """Totals of some packages: their number, the bytes of known sizes, and how many are unknown."""

    packages: int
    bytes: int
    unknown: int = 0

    def __add__(self, other: Total) -> Total:
        return Total(
            self.packages + other.packages, self.bytes + other.bytes, self.unknown + other.unknown
        )

    def to_json(self) -> dict[str, int]:
        """The total as a JSON object."""
        return {"packages": self.packages, "bytes": self.bytes, "unknown": self.unknown}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a drawn tree.

    ``lasts`` says for each level, its own included, whether it is the last one there.
    """

    package: str
    lasts: tuple[bool, ...] = ()
    mark: Mark = ""


@dataclass(frozen=True)
class Tree:
    """The dependency graph.

    Names are canonical; ``sizes`` are bytes, for packages whose size is known.
    """

    packages: Mapping[str, LockedPackage]
    sizes: Mapping[str, int] = field(default_factory=dict)
    #: The user's requirements, as the lock records them.
    requested: frozenset[str] = frozenset()
    #: Servers that did not give a size.
    problems: tuple[Problem, ...] = ()

    @cached_property
    def _depends(self) -> Mapping[str, tuple[str, ...]]:
        """What each package needs directly, sorted."""
        return {key: tuple(sorted(set(entry.depends))) for key, entry in self.packages.items()}

    @cached_property
    def _components(self) -> list[set[str]]:
        """The strongly connected components of the graph, dependencies first."""
        return components(self._depends)

    @cached_property
    def _component_of(self) -> dict[str, int]:
        return {name: number for number, members in enumerate(self._components) for name in members}

    @cached_property
    def dependants(self) -> Mapping[str, tuple[str, ...]]:
        """The packages that need a package directly."""
        return {name: tuple(keys) for name, keys in dependants(self._depends).items()}

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """What nothing else needs; of a circle that nothing else needs its first member."""
        found = []
        for number, members in enumerate(self._components):
            if not self._above(number):
                found.append(min(members, key=lambda name: (name not in self.requested, name)))
        return tuple(sorted(found))

    def _above(self, number: int) -> set[int]:
        """The other components that need a component directly."""
        found: set[int] = set()
        for key in self._components[number]:
            found.update(self._component_of[name] for name in self.dependants.get(key, ()))
        return found - {number}

    @property
    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """The packages that need each other in a circle: no runtime can load them."""
        circles = [tuple(sorted(item)) for item in self._components if len(item) > 1]
        itself = [(key,) for key, entry in self.packages.items() if key in entry.depends]
        return tuple(sorted({*circles, *itself}))

    def total(self, names: Iterable[str] | None = None) -> Total:
        """Some packages together; None: all."""
        chosen = list(self.packages if names is None else names)
        known = [self.sizes[name] for name in chosen if name in self.sizes]
        return Total(len(chosen), sum(known), len(chosen) - len(known))

    def closure(self, name: str, *, invert: bool = False) -> set[str]:
        """A package and all that it loads; with ``invert`` all packages that load it."""
        graph = self.dependants if invert else self._depends
        return {key for key in walk([name], lambda key: graph.get(key, ())) if key in self.packages}

    def spared(self, name: str) -> Total:
        """The total that is removed with a package: itself, and all that only it needs.

        The packages of a cycle are removed together.
        """
        return self._spared[self._component_of[name]]

    @cached_property
    def _spared(self) -> list[Total]:
        """For each component the total of the part of the graph that is reached through it alone
        (dominators).
        """
        requested = {self._component_of[name] for name in self.requested if name in self.packages}
        root = -1  # the parent of packages that no other needs
        parent = {root: root}
        depth = {root: 0}
        for number in reversed(range(len(self._components))):  # dependants first
            ways = [] if number in requested else sorted(self._above(number))
            common = ways[0] if ways else root
            for other in ways[1:]:
                while other != common:
                    if depth[other] > depth[common]:
                        other = parent[other]
                    else:
                        common = parent[common]
            parent[number] = common
            depth[number] = depth[common] + 1
        found = [self.total(members) for members in self._components]
        for number in range(len(found)):
            if parent[number] != root:
                found[parent[number]] += found[number]
        return found

    def _next(self, name: str, invert: bool) -> tuple[str, ...]:
        graph = self.dependants if invert else self._depends
        return graph.get(name, ())

    def find(self, name: str) -> str:
        """The canonical name of a package of the lock.

        Raises `InputError` when it has none of that name.
        """
        key = canonicalize_name(name)
        if key in self.packages:
            return key
        near = get_close_matches(key, self.packages, n=2, cutoff=0.7)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        raise InputError(f"There is no package {key[:80]!r} in the lock.{meant}")

    def rows(self, invert: str | None = None) -> Iterator[Row]:
        """The tree line by line; with ``invert``, the packages that need that package.

        A package that was drawn once is not expanded again.
        """
        starts = self.roots if invert is None else (self.find(invert),)
        drawn: set[str] = set()
        for start in starts:
            # Each item: a package, its position, and its ancestors. Not recursive: chains may be
            # long.
            waiting: list[tuple[str, tuple[bool, ...], tuple[str, ...]]] = [(start, (), ())]
            while waiting:
                name, lasts, above = waiting.pop()
                below = self._next(name, invert is not None)
                mark: Mark = ""
                if name not in self.packages:
                    mark = "missing"
                elif name in above:
                    mark = "cycle"
                elif name in drawn:
                    mark = "again"
                elif below and len(lasts) >= DEEPEST:
                    mark = "deep"
                yield Row(name, lasts, mark)
                if mark == "":
                    drawn.add(name)
                    children = [
                        (child, (*lasts, number == len(below) - 1), (*above, name))
                        for number, child in enumerate(below)
                    ]
                    waiting.extend(reversed(children))

    def to_json(self, invert: str | None = None) -> dict[str, Any]:
        """The tree as a JSON object.

        With ``invert`` of the packages that it is loaded with, else of all.
        """
        names = self.packages if invert is None else self.closure(self.find(invert), invert=True)
        return {
            **({} if invert is None else {"invert": self.find(invert)}),
            "roots": [name for name in self.roots if name in names],
            "packages": {
                name: {
                    "version": self.packages[name].version,
                    "size": self.sizes.get(name),
                    "depends": sorted(set(self.packages[name].depends)),
                    "needed_by": list(self.dependants.get(name, ())),
                    "requested": name in self.requested,
                    "spared": self.spared(name).to_json(),
                }
                for name in sorted(names)
            },
            "cycles": [list(members) for members in self.cycles],
            "problems": [problem.to_json() for problem in self.problems],
            "totals": self.total(names).to_json(),
        }


async def tree(
    lockfile: LockInput,
    *,
    sizes: bool = False,
    base_dir: str | Path | None = None,
    offline: bool = False,
    refresh: bool = False,
    fetcher: Fetcher | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> Tree:
    """The dependency tree of a lock of any tool, and the size of its packages.

    Sizes are those of the files beside the lock and in ``base_dir`` (a local Pyodide distribution),
    by name, and of those in the cache, by sha256. Other sizes are unknown, and no request is made,
    unless ``sizes`` is given: then the servers that have the files are asked for the size alone.

    * ``lockfile``: a `Lockfile`, a parsed object, the text of one, a file, a folder or a URL.
    * ``offline``: make no request; ``fetcher``: makes the requests (stays open); ``cache_dir``: the
      folder of the cache (None with a fetcher: none); ``progress``: is called as (done, total,
      package).

    Raises `InputError` for a lock or a folder that cannot be used.
    """
    options = SessionOptions(
        offline=offline, refresh=refresh, fetcher=fetcher, cache_dir=cache_dir, progress=progress
    )
    source = await open_lock(lockfile, options)
    lock = source.strict()
    folders = [] if source.folder is None else [source.folder]
    if base_dir is not None:
        folders.append(Path(base_dir))
        if not folders[-1].is_dir():
            raise InputError(f"The folder {base_dir} does not exist.")
    known = sizes_at_hand(lock, folders, options.cache_folder)
    problems: tuple[Problem, ...] = ()
    wanted = {key: entry.file_name for key, entry in lock.packages.items() if key not in known}
    if sizes and any(map(is_http, wanted.values())):
        async with open_session(options) as session:
            on_servers, problems = await request_sizes(session, wanted)
        known |= on_servers
    return Tree(
        lock.packages,
        known,
        frozenset(LockProvenance.by(lock).requested) & lock.packages.keys(),
        problems,
    )
