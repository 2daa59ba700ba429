"""Sequences of versions that do their work only as far as a resolution reads them.

A project may have thousands of versions, of which a resolution needs the first few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from packaging.version import Version


class ParsedVersions(Sequence[Version]):
    """Versions that are parsed on first access."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._parsed: dict[int, Version] = {}

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> Version: ...
    @overload
    def __getitem__(self, index: slice) -> list[Version]: ...
    def __getitem__(self, index: int | slice) -> Version | list[Version]:
        if isinstance(index, slice):
            return [self[item] for item in range(*index.indices(len(self)))]
        if index not in self._parsed:
            self._parsed[index] = Version(self._texts[index])
        return self._parsed[index]


class SharedIterator:
    """The versions of an iterator, for any number of loops: each is computed once."""

    def __init__(self, versions: Iterator[Version]) -> None:
        self._found: list[Version] = []
        self._rest = versions

    def __iter__(self) -> Iterator[Version]:
        index = 0
        while index < len(self._found) or self._find_next():
            yield self._found[index]
            index += 1

    def _find_next(self) -> bool:
        found = next(self._rest, None)
        if found is None:
            return False
        self._found.append(found)
        return True
