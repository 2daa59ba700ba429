"""Which names a distribution makes importable, from the files of its wheel.

Pyodide loads the package that claims the imported name. ``import a.b`` asks for both «a» and
«a.b», ``from a import b`` for «a» only, and the last package that claims a name wins. So a regular
package is claimed by its top-level name, and what lies in a namespace by dotted names, while the
bare namespace goes to one owner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from ..errors import Problem
from ..formats.core_metadata import CoreMetadata
from ..formats.wheel import WheelDescription
from ..formats.wheel_modules import MODULE, Name, folder_name, in_site_packages


def wheel_names(wheel: WheelDescription) -> set[str]:
    """Every importable name of a wheel: modules, packages, and folders as namespaces."""
    paths = [path for path, _ in in_site_packages(wheel.members, wheel.dist_info)]
    tree = ModuleTree(paths)
    folders = {folder_name(path.rpartition("/")[0]) or () for path in paths}
    prefixes = {folder[:depth] for folder in folders for depth in range(1, len(folder) + 1)}
    return set(map(".".join, prefixes | tree.modules))


class ModuleTree:
    """The modules among the files of one distribution."""

    def __init__(self, paths: Collection[str]) -> None:
        self._paths = paths
        inits = sorted(path for path in paths if "__init__." in path)
        #: Folders with an ``__init__``, and the path of that file.
        self.packages: dict[Name, str] = {}
        for path in inits:
            folder, _, filename = path.rpartition("/")
            name = folder_name(folder)
            match = MODULE.fullmatch(filename)
            if name and match is not None and match["name"] == "__init__":
                self.packages[name] = path

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
            regular = self._first_regular(prefixes, folders, shared)
            if regular is not None:
                claimed.add(regular)
                namespaces.update(prefixes[: len(regular) - 1])
                continue
            modules = {(*folder, stem) for stem in stems}
            if modules or folder in self.packages:
                namespaces.update(prefixes)
            claimed |= modules.difference(shared)
            namespaces |= modules.intersection(shared)
        # A module beside a folder of the same name: the folder's parts are behind the module.
        return claimed, namespaces - claimed

    def _first_regular(
        self,
        prefixes: Iterable[Name],
        folders: Mapping[Name, Collection[str]],
        shared: Collection[Name],
    ) -> Name | None:
        """The first of the folders on the way to one that is a regular package, or lies beside a
        module of its name; None: there is no such.
        """
        for prefix in prefixes:
            if prefix in shared:
                continue
            if prefix in self.packages or prefix[-1] in folders.get(prefix[:-1], ()):
                return prefix
        return None


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
        name = folder_name(folder)
        if name is None:
            continue
        matches = map(MODULE.fullmatch, filenames)
        stems = {match["name"] for match in matches if match is not None}
        found[name] = {stem for stem in stems if stem.isidentifier() and stem != "__init__"}
    return found


def imports(
    wheels: Mapping[str, WheelDescription], taken: Mapping[str, str]
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """The ``imports`` of each wheel, by canonical name, and `import-collision` warnings.

    METADATA and modules of the ``wheels`` are read. ``taken`` maps names that entries of the base
    claim to the entry's canonical name; a bare namespace that is taken, or a regular package of
    another one, stays with its owner; else it goes to the first claimant by name.
    """
    trees = {key: ModuleTree(wheel.modules.files) for key, wheel in wheels.items()}
    shared = _shared_packages(trees)
    claimed: dict[str, set[Name]] = {}
    claimants: dict[Name, list[str]] = defaultdict(list)
    for key, wheel in wheels.items():
        announced = _announced(wheel.metadata, trees[key])
        names, namespaces = announced or trees[key].names(shared)
        claimed[key] = names
        for namespace in namespaces:
            claimants[namespace].append(key)
    warnings = list(_collisions(claimed, _lost(shared, wheels, trees), taken))
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


def _lost(
    shared: Mapping[Name, Sequence[str]],
    wheels: Mapping[str, WheelDescription],
    trees: Mapping[str, ModuleTree],
) -> dict[Name, Sequence[str]]:
    """The ``shared`` packages whose ``__init__`` differs among their owners.

    Equal files are the old way to make a namespace (pkgutil, pkg_resources).
    """
    found: dict[Name, Sequence[str]] = {}
    for package, keys in shared.items():
        checksums = {wheels[key].modules.files.get(trees[key].packages[package]) for key in keys}
        if len(checksums) > 1:
            found[package] = keys
    return found


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
