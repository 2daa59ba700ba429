"""Which packages of an environment change together, and which of their files are removed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath

from ...errors import InputError
from .transaction import Transaction


def in_groups(
    transaction: Transaction,
    removed: Iterable[str],
    changing: Sequence[str],
    files: Mapping[str, Sequence[str]],
) -> list[list[str]]:
    """The packages that change in one step: several, where one takes paths of another's files."""
    # Removals first, to make room for new files.
    groups = [[package] for package in removed]
    file_owners: dict[str, set[str]] = defaultdict(set)
    folder_owners: dict[str, set[str]] = defaultdict(set)
    for package in changing:
        for name in files.get(package, ()):
            file_owners[name].add(package)
            for parent in PurePosixPath(name).parents:
                folder_owners[str(parent)].add(package)
    group_of = {package: [package] for package in changing}
    for package in changing:
        for name in transaction.incoming(package):
            displaced = set(folder_owners.get(name, ()))
            for parent in PurePosixPath(name).parents:
                displaced.update(file_owners.get(str(parent), ()))
            if package not in file_owners.get(name, ()):
                displaced.update(file_owners.get(name, ()))
            for other in displaced:
                _merge(group_of, package, other)
    groups += [sorted(group) for package, group in group_of.items() if package == min(group)]
    return groups


def _merge(group_of: dict[str, list[str]], package: str, other: str) -> None:
    """Make the groups of two packages one."""
    group, absorbed = group_of[package], group_of[other]
    if group is absorbed:
        return
    group.extend(absorbed)
    for member in absorbed:
        group_of[member] = group


class FileOwnership:
    """Tracks which distributions own the remaining files, and which packages are done."""

    def __init__(self, files: Mapping[str, Sequence[str]]) -> None:
        self._files = files
        self._owners = Counter(name for names in files.values() for name in names)
        #: The packages that are what the lock says by now.
        self.done: list[str] = []
        #: The files of the packages that were installed so far.
        self.installed: set[str] = set()

    @contextmanager
    def changing(
        self, group: Sequence[str], remaining: Sequence[str], transaction: Transaction
    ) -> Iterator[list[str]]:
        """Yields the old files of a group that may be removed; the caller changes the group.

        Raises `InputError` that says which packages are done and which are not, when that raises
        OSError.
        """
        old = Counter(name for package in group for name in self._files.get(package, ()))
        try:
            # A file that another package has as well stays, and so does one that was just
            # installed.
            yield [
                name
                for name, count in old.items()
                if self._owners[name] == count and name not in self.installed
            ]
        except OSError as error:
            raise InputError(
                f"{', '.join(group)}: {error.strerror or error} ({error.filename}). "
                f"{transaction.outcome} Done: {', '.join(self.done) or 'nothing'}. Not done: "
                f"{', '.join(remaining) or 'nothing'}. Put that right and run sync again."
            ) from error
        self._owners.subtract(old)
        self.done.extend(group)
