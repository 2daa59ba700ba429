"""Which names a distribution makes importable, from its files.

Pyodide loads the package that claims the imported name. ``import a.b`` asks for both «a» and
«a.b», ``from a import b`` for «a» only, and the last package that claims a name wins. So a regular
package is claimed by its top-level name, and what lies in a namespace by dotted names, while the
bare namespace goes to one owner.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .errors import Problem
from .installed import InstalledDistribution

#: A dotted name, split.
Name = tuple[str, ...]

_MODULE = re.compile(r"(?P<name>[^./]+)(\.py|\.pyc|(\.[A-Za-z0-9_-]+)?\.so)")


@dataclass(frozen=True, slots=True)
class ModuleTree:
    """The importable files of one distribution."""

    #: Folders with an ``__init__``, and the digest of that file.
    packages: Mapping[Name, str | None]
    #: Modules and extension modules (those that are no ``__init__``).
    modules: Mapping[Name, str | None]

    def names(self, shared: Collection[Name] = ()) -> tuple[set[Name], set[Name]]:
        """The names to claim, and the namespaces on the way to them.

        ``shared`` are regular packages that several distributions have files of: they count as
        namespaces, so that each distribution claims its own part.
        """
        claimed: set[Name] = set()
        namespaces: set[Name] = set()
        for path in (*self.packages, *self.modules):
            for depth in range(1, len(path) + 1):
                prefix = path[:depth]
                if prefix in shared:
                    namespaces.add(prefix)
                elif prefix in self.packages or prefix in self.modules:
                    claimed.add(prefix)
                    break
                else:
                    namespaces.add(prefix)
        # A module beside a folder of the same name: the folder's parts are behind the module.
        return claimed, namespaces - claimed


def module_tree(distribution: InstalledDistribution) -> ModuleTree:
    """Find the modules among the files that RECORD lists in site-packages."""
    packages: dict[Name, str | None] = {}
    modules: dict[Name, str | None] = {}
    for row in distribution.rows:
        if row.leaves_folder:
            continue
        *folders, filename = row.path.split("/")
        match = _MODULE.fullmatch(filename)
        # «foo-1.0.dist-info», «foo.libs» and «node-modules» are no identifiers; __pycache__ is never imported from
        if match is None or not all(map(str.isidentifier, (*folders, match["name"]))) or "__pycache__" in folders:
            continue
        if match["name"] == "__init__":
            if folders:
                packages[tuple(folders)] = row.digest
        else:
            modules[(*folders, match["name"])] = row.digest
    return ModuleTree(packages, modules)


def imports(
    distributions: Sequence[InstalledDistribution], taken: Mapping[str, str]
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """The ``imports`` of each distribution, by canonical name, and `import-collision` warnings.

    ``taken`` maps names that entries of the base claim to the entry's canonical name; a bare
    namespace that is taken, or a regular package of another one, stays with its owner; else it goes to
    the first claimant by name.
    """
    trees = {distribution.key: module_tree(distribution) for distribution in distributions}
    shared = _shared_packages(trees)
    claimed: dict[str, set[Name]] = {}
    claimants: dict[Name, list[str]] = defaultdict(list)
    for distribution in distributions:
        names, namespaces = _announced(distribution, trees[distribution.key]) or trees[distribution.key].names(shared)
        claimed[distribution.key] = names
        for namespace in namespaces:
            claimants[namespace].append(distribution.key)
    warnings = list(_collisions(trees, claimed, shared, taken))
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


def _announced(distribution: InstalledDistribution, tree: ModuleTree) -> tuple[set[Name], set[Name]] | None:
    """What Import-Name and Import-Namespace say (PEP 794), as far as the files bear it out."""
    if distribution.metadata.import_names is None:
        return None
    names = {tuple(text.split(".")) for text in distribution.metadata.import_names}
    spaces = {tuple(text.split(".")) for text in distribution.metadata.import_namespaces or ()}
    folders = {path[:depth] for path in (*tree.packages, *tree.modules) for depth in range(1, len(path))}
    real = {name for name in names if name in tree.packages or name in tree.modules}
    if not real:
        return None
    prefixes = {name[:depth] for name in real for depth in range(1, len(name))}
    # A regular package on the way to an announced name has to be loaded for it as well.
    claimed = real | {prefix for prefix in prefixes if prefix in tree.packages}
    return claimed, ((spaces & folders) | prefixes) - claimed


def _collisions(
    trees: Mapping[str, ModuleTree],
    claimed: Mapping[str, Iterable[Name]],
    shared: Mapping[Name, list[str]],
    taken: Mapping[str, str],
) -> Iterable[Problem]:
    owners: dict[Name, list[str]] = defaultdict(list)
    for key, names in claimed.items():
        for name in names:
            owners[name].append(key)
            if ".".join(name) in taken:
                owners[name].append(taken[".".join(name)])
    for package, keys in shared.items():
        # Equal files are the old way to make a namespace (pkgutil, pkg_resources): nothing is lost.
        if len({trees[key].packages[package] for key in keys}) > 1:
            owners[package].extend(keys)
    for name, keys in sorted(owners.items()):
        several = sorted(set(keys))
        if len(several) > 1:
            yield Problem(
                "import-collision",
                several[0],
                None,
                f"the import name {'.'.join(name)} belongs to {' and to '.join(several)}.",
                "Importing it loads only one of them by itself; load the other one by its package name.",
            )
