"""Locks written by hand, and verify as a user of the library would call it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from micropip_lock import Problem, verify
from micropip_lock.operations.verify.run import ADVICE

from .freezing import base_document, quick_fetcher
from .index_server import IndexServer
from .runtimes import lock_entry

Json = dict[str, Any]


def lock_of(*entries: Mapping[str, Any], **info: Any) -> Json:
    """A lock of these entries; ``info`` replaces keys of its info, None removes them."""
    lock = base_document(*entries)
    lock["info"] = {
        key: value for key, value in {**lock["info"], **info}.items() if value is not None
    }
    return lock


def wheel_entry(
    index: IndexServer,
    wheel: Path,
    *,
    imports: Sequence[str] | None = None,
    depends: Sequence[str] = (),
    **changes: Any,
) -> Json:
    """A true entry for a wheel of an index;

    the canonical name, and one module of that name unless it is told.
    """
    entry = lock_entry(wheel, index.file_url(wheel.name), imports=imports or (), depends=depends)
    if imports is None:
        entry["imports"] = [entry["name"]]
    return {**entry, "name": entry["name"].replace("_", "-"), **changes}


def verified(
    lock: Any,
    *,
    index_urls: str | Sequence[str] | None = (),
    fetching: Mapping[str, Any] | None = None,
    **options: Any,
) -> tuple[Problem, ...]:
    """Verify; without ``index_urls`` no index is asked. ``fetching`` are options of the fetcher."""

    async def run() -> tuple[Problem, ...]:
        fetcher = quick_fetcher(**(fetching or {}))
        try:
            return await verify(lock, index_urls=index_urls, fetcher=fetcher, **options)
        finally:
            await fetcher.aclose()

    problems = asyncio.run(run())
    assert list(problems) == sorted(
        problems, key=lambda item: (item.package, item.code, item.message)
    )
    for problem in problems:
        # Each says what is wrong and what to do, in whole sentences.
        assert len(problem.message) > 10 and problem.message.endswith("."), problem
        assert len(problem.hint) > 10 and (
            problem.hint.endswith(".") or "pip install " in problem.hint
        ), problem
        # A value that is missing is never shown as Python has it; a key may be called so.
        assert " None" not in problem.message, problem
    return problems


def static(lock: Any, **options: Any) -> tuple[Problem, ...]:
    """Verify without asking anybody."""
    return verified(lock, online=False, **options)


def codes(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """(package, code) of each, without the loopback addresses that every test here has."""
    return [
        (problem.package, problem.code) for problem in problems if problem.code != "not-portable"
    ]


def definite(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """The same without advice."""
    return [(problem.package, problem.code) for problem in problems if problem.code not in ADVICE]


def only(problems: Iterable[Problem], code: str) -> Problem:
    """The one problem of this code."""
    (problem,) = [problem for problem in problems if problem.code == code]
    return problem
