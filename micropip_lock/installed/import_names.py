"""Which names a distribution makes importable, from the files of its wheel.

Only files that an installer puts into site-packages count: members at the root of the wheel, and
below ``.data/purelib`` and ``.data/platlib``; never scripts, data and headers, and never what
RECORD alone lists.

Pyodide loads the package that claims the imported name. ``import a.b`` asks for both «a» and
«a.b», ``from a import b`` for «a» only, and the last package that claims a name wins. So a regular
package is claimed by its top-level name, and what lies in a namespace by dotted names, while the
bare namespace goes to one owner.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ..errors import Problem
from ..formats.core_metadata import CoreMetadata
from ..formats.zip_directory import Member
from .distribution import InstalledDistribution

#: No module lies deeper; each folder on the way to one is a name of its own.
_DEEPEST = 64
#: A dotted name, split.
Name = tuple[str, ...]

_MODULE = re.compile(r"(?P<name>[^./]+)(\.py|\.pyc|(\.[A-Za-z0-9_-]+)?\.so)")

#: The folders of ``.data`` whose files go into site-packages (PEP 427).
_SPREAD = frozenset({"purelib", "platlib"})
#: They unpack a wheel as it is, so what lies in site-packages is what lies in the wheel.
_UNPACKERS = frozenset({"micropip", "pyodide.loadPackage"})
#: Where others put scripts, headers and data when the scheme's root is site-packages itself (uv
#: --target).
_SCHEME_FOLDERS = frozenset({"bin", "scripts", "include", "share", "etc"})


@dataclass(frozen=True, slots=True)
class Importable:
    """What `imports` has to know of one distribution.

    * ``files``: paths below site-packages; those that are no modules do not matter.
    * ``checksum``: path -> CRC-32 of a file, None when it cannot be read.
    """

    key: str
    metadata: CoreMetadata
    files: Collection[str]
    checksum: Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class WheelModules:
    """The modules of a wheel.

    * ``files``: where an installer puts each of them, below site-packages -> CRC-32.
    * ``unspread``: files lie below ``.data/purelib`` or ``.data/platlib``, where Pyodide leaves
      them.
    """

    files: Mapping[str, int]
    unspread: bool = False

    def to_json(self) -> list[Any]:
        """The modules for a cache."""
        return [dict(self.files), self.unspread]

    @classmethod
    def from_json(cls, value: Any) -> WheelModules:
        """The modules that `to_json` gave. Raises TypeError or ValueError for anything else."""
        files, unspread = value
        return cls(dict(files), bool(unspread))

    def importable(self, key: str, metadata: CoreMetadata) -> Importable:
        """The wheel of ``key`` (canonical), for `imports`."""
        return Importable(key, metadata, self.files, self.files.get)


def wheel_modules(members: Iterable[Member], dist_info: str) -> WheelModules:
    """The modules among the members of a wheel whose .dist-info folder is ``dist_info``."""
    placed = list(_placed(members, dist_info))
    files = {path: member.crc for path, member in placed if _is_module(path)}
    return WheelModules(files, any(path != member.name for path, member in placed))


def wheel_names(members: Iterable[Member], dist_info: str) -> set[str]:
    """Every importable name of a wheel: modules, packages, and folders as namespaces."""
    paths = [path for path, _ in _placed(members, dist_info)]
    tree = ModuleTree(paths)
    folders = {_folder_name(path.rpartition("/")[0]) or () for path in paths}
    prefixes = {folder[:depth] for folder in folders for depth in range(1, len(folder) + 1)}
    return set(map(".".join, prefixes | tree.modules))


def _placed(members: Iterable[Member], dist_info: str) -> Iterator[tuple[str, Member]]:
    """The files that an installer puts into site-packages, each with its path there."""
    data_folder = dist_info.removesuffix(".dist-info") + ".data"
    for member in members:
        path = member.name
        if member.is_folder:
            continue
        if path.startswith(data_folder + "/"):
            scheme, _, path = path.removeprefix(data_folder + "/").partition("/")
            if scheme not in _SPREAD:
                continue
        yield path, member


def installed_modules(distribution: InstalledDistribution) -> Importable:
    """What is installed, where no wheel was read: rows of RECORD whose files are there.

    A row does not say whether a file in ``bin/`` or ``share/`` is a script or data. Where the
    installer spreads wheels, such a folder counts only with an ``__init__``.
    """
    folder, paths = distribution.folder, distribution.record.sizes
    inits = [
        path for path in paths if "/__init__." in path and path.count("/") == 1 and _is_module(path)
    ]
    packages = {path.partition("/")[0] for path in inits if (folder / path).is_file()}
    left_out = frozenset() if distribution.installer in _UNPACKERS else _SCHEME_FOLDERS
    below = tuple(f"{package}/" for package in packages)
    # What lies in a regular package is imported through it, so nothing else there has to be looked
    # at.
    files = [
        path
        for path in paths
        if path.startswith(below)
        or (
            _is_module(path)
            and path.partition("/")[0].lower() not in left_out
            and (folder / path).is_file()
        )
    ]
    return Importable(
        distribution.key, distribution.metadata, files, lambda path: _crc(folder / path)
    )


def _crc(path: Path) -> int | None:
    try:
        return zlib.crc32(path.read_bytes())
    except OSError:
        return None


class ModuleTree:
    """The modules among the files of one distribution."""

    def __init__(self, paths: Collection[str]) -> None:
        self._paths = paths
        inits = sorted(path for path in paths if "__init__." in path)
        #: Folders with an ``__init__``, and the path of that file.
        self.packages = {
            name: path
            for path in inits
            if (name := _folder_name(path.rpartition("/")[0]))
            and (match := _MODULE.fullmatch(path.rpartition("/")[2]))
            and match["name"] == "__init__"
        }

    @cached_property
    def modules(self) -> frozenset[Name]:
        """Modules and extension modules (those that are no ``__init__``)."""
        folders = _by_folder(self._paths)
        return frozenset((*name, stem) for name, stems in folders.items() for stem in stems)

    def names(self, shared: Collection[Name] = ()) -> tuple[set[Name], set[Name]]:
        """The names to claim, and the namespaces on the way to them.

        ``shared`` are regular packages that several distributions have files of: they count as
        namespaces, so that each distribution claims its own part.
        """
        # All that is below a regular package comes with it: those files need not be looked at.
        claimed: set[Name] = {
            name for name in self.packages if len(name) == 1 and name not in shared
        }
        below = tuple(f"{name[0]}/" for name in claimed)
        folders = _by_folder(path for path in self._paths if not path.startswith(below))
        namespaces: set[Name] = set()
        for folder, stems in folders.items():
            prefixes = [folder[:depth] for depth in range(1, len(folder) + 1)]
            for depth, prefix in enumerate(prefixes):
                if prefix not in shared and (
                    prefix in self.packages or prefix[-1] in folders.get(prefix[:-1], ())
                ):
                    claimed.add(prefix)
                    namespaces.update(prefixes[:depth])
                    break
            else:
                modules = {(*folder, stem) for stem in stems}
                if modules or folder in self.packages:
                    namespaces.update(prefixes)
                claimed |= modules.difference(shared)
                namespaces |= modules.intersection(shared)
        # A module beside a folder of the same name: the folder's parts are behind the module.
        return claimed, namespaces - claimed


def _by_folder(paths: Iterable[str]) -> dict[Name, set[str]]:
    """The modules of each folder that has any file and that something could be imported from,
    without ``__init__``.
    """
    files: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        folder, _, filename = path.rpartition("/")
        files[folder].append(filename)
    found = {}
    for folder, filenames in files.items():
        if (name := _folder_name(folder)) is not None:
            stems = {
                match["name"] for match in map(_MODULE.fullmatch, filenames) if match is not None
            }
            found[name] = {stem for stem in stems if stem.isidentifier() and stem != "__init__"}
    return found


@lru_cache(maxsize=4096)
def _folder_name(folder: str) -> Name | None:
    """The dotted name of a folder; None where nothing can be imported from."""
    parts = tuple(folder.split("/")) if folder else ()
    # «foo-1.0.dist-info», «foo.libs» and «node-modules» are no identifiers; __pycache__ is never
    # imported from
    usable = (
        len(parts) <= _DEEPEST and "__pycache__" not in parts and all(map(str.isidentifier, parts))
    )
    return parts if usable else None


def _is_module(path: str) -> bool:
    folder, _, filename = path.rpartition("/")
    match = _MODULE.fullmatch(filename)
    return match is not None and match["name"].isidentifier() and _folder_name(folder) is not None


def imports(
    distributions: Sequence[Importable], taken: Mapping[str, str]
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """The ``imports`` of each distribution, by canonical name, and `import-collision` warnings.

    ``taken`` maps names that entries of the base claim to the entry's canonical name; a bare
    namespace that is taken, or a regular package of another one, stays with its owner; else it goes
    to the first claimant by name.
    """
    trees = {item.key: ModuleTree(item.files) for item in distributions}
    shared = _shared_packages(trees)
    claimed: dict[str, set[Name]] = {}
    claimants: dict[Name, list[str]] = defaultdict(list)
    for item in distributions:
        names, namespaces = _announced(item.metadata, trees[item.key]) or trees[item.key].names(
            shared
        )
        claimed[item.key] = names
        for namespace in namespaces:
            claimants[namespace].append(item.key)
    # Equal files are the old way to make a namespace (pkgutil, pkg_resources): nothing is lost.
    checksums = {item.key: item.checksum for item in distributions}
    lost = {
        package: keys
        for package, keys in shared.items()
        if len({checksums[key](trees[key].packages[package]) for key in keys}) > 1
    }
    warnings = list(_collisions(claimed, lost, taken))
    # To others it may be a regular package or a module; then «import» has to load those.
    owned = {name for names in claimed.values() for name in names}
    for namespace, keys in claimants.items():
        if namespace not in owned and ".".join(namespace) not in taken:
            claimed[min(keys)].add(namespace)
    return {key: tuple(sorted(map(".".join, names))) for key, names in claimed.items()}, warnings


def _shared_packages(trees: Mapping[str, ModuleTree]) -> dict[Name, list[str]]:
    owners: dict[Name, list[str]] = defaultdict(list)
    for key, tree in trees.items():
        for package in tree.packages:
            owners[package].append(key)
    return {package: keys for package, keys in owners.items() if len(keys) > 1}


def _announced(metadata: CoreMetadata, tree: ModuleTree) -> tuple[set[Name], set[Name]] | None:
    """What Import-Name and Import-Namespace say (PEP 794), as far as the files bear it out."""
    if metadata.import_names is None:
        return None
    names = {tuple(text.split(".")) for text in metadata.import_names}
    spaces = {tuple(text.split(".")) for text in metadata.import_namespaces or ()}
    folders = {
        path[:depth] for path in (*tree.packages, *tree.modules) for depth in range(1, len(path))
    }
    real = {name for name in names if name in tree.packages or name in tree.modules}
    if not real:
        return None
    prefixes = {name[:depth] for name in real for depth in range(1, len(name))}
    # A regular package on the way to an announced name has to be loaded for it as well.
    claimed = real | {prefix for prefix in prefixes if prefix in tree.packages}
    return claimed, ((spaces & folders) | prefixes) - claimed


def _collisions(
    claimed: Mapping[str, Iterable[Name]],
    lost: Mapping[Name, Iterable[str]],
    taken: Mapping[str, str],
) -> Iterable[Problem]:
    """Warnings about names of several owners.

    ``lost`` are packages whose ``__init__`` differs among its owners.
    """
    owners: dict[Name, list[str]] = defaultdict(list)
    for key, names in claimed.items():
        for name in names:
            owners[name].append(key)
            if ".".join(name) in taken:
                owners[name].append(taken[".".join(name)])
    for package, keys in lost.items():
        owners[package].extend(keys)
    for name, keys in sorted(owners.items()):
        several = sorted(set(keys))
        if len(several) > 1:
            yield Problem(
                "import-collision",
                several[0],
                None,
                f"the import name {'.'.join(name)} belongs to {' and to '.join(several)}.",
                "Importing it loads only one of them by itself; load the other one by its package "
                "name.",
            )
