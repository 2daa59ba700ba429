"""Resolve requirements as a user of the library would, with a small base and without waits between
tries.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from micropip_lock import (
    Lockfile,
    Problem,
    ResolutionError,
    ResolveResult,
    UnlockableError,
    resolve,
)
from micropip_lock.formats.requirement import Wanted

from .freezing import base_lock, quick_fetcher, told
from .index_server import IndexServer
from .loopback import LoopbackServer
from .wheels import build_wheel

T = TypeVar("T")

#: The files of a wheel that is larger than what is read of its end.
BIG: dict[str, bytes | str] = {"big.py": "x = 1\n", "big.dat": os.urandom(60_000)}
LINUX = "cp314-cp314-manylinux_2_28_x86_64"


def wheels(index: IndexServer, name: str, *numbers: str, **options: Any) -> None:
    """Publish versions of a project; ``options`` are build_wheel's."""
    for number in numbers:
        build_wheel(index.folder, name, number, **options)


def resolved(
    *requirements: str | Wanted,
    base: Lockfile | str | Path | None = None,
    index_urls: str | Sequence[str] | None = (),
    fetching: Mapping[str, Any] | None = None,
    **options: Any,
) -> ResolveResult:
    """Resolve; without ``index_urls`` no index is asked.

    ``fetching`` are options of the fetcher.
    """

    async def run() -> ResolveResult:
        fetcher = quick_fetcher(**(fetching or {}))
        chosen = base_lock() if base is None and "surroundings" not in options else base
        try:
            return await resolve(
                requirements, base=chosen, index_urls=index_urls, fetcher=fetcher, **options
            )
        finally:
            await fetcher.aclose()

    return asyncio.run(run())


def versions(result: ResolveResult) -> dict[str, str]:
    """Name -> version of everything locked."""
    return {name: entry.version for name, entry in result.lockfile.packages.items()}


def depends(result: ResolveResult) -> dict[str, tuple[str, ...]]:
    """Name -> what it depends on."""
    return {name: entry.depends for name, entry in result.lockfile.packages.items()}


def codes(result: ResolveResult) -> list[tuple[str, str]]:
    """(package, code) of the warnings, without the loopback addresses that every test here has."""
    return told(result.warnings)


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that lets nothing but others of its own kind go on."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            result: T = stop.value
            return result


def no_solution(*requirements: str | Wanted, **options: Any) -> str:
    """The explanation of requirements that have no solution; it ends with what would help."""
    with pytest.raises(ResolutionError) as caught:
        resolved(*requirements, **options)
    assert caught.value.problems
    for problem in caught.value.problems:
        assert problem.package and problem.message and problem.hint, problem
    text = str(caught.value)
    assert "What would help:\n  " in text
    return text


def unlockable(*requirements: str | Wanted, **options: Any) -> tuple[Problem, ...]:
    """The problems of requirements that have a solution which cannot be locked;

    each of them says what to do.
    """
    with pytest.raises(UnlockableError) as caught:
        resolved(*requirements, **options)
    for problem in caught.value.problems:
        assert len(problem.message) > 10 and len(problem.hint) > 10, problem
    return caught.value.problems


def asked_twice(server: LoopbackServer) -> list[tuple[str, str, str | None]]:
    """Method, path and range of every request that was made more than once."""
    counted = Counter((request.method, request.path, request.range) for request in server.requests)
    return [request for request, times in counted.items() if times > 1]
