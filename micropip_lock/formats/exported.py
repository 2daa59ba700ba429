"""The wheels of a lock, as the files of other installers name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.version import Version

from ..errors import Problem
from .target import Target


@dataclass(frozen=True, slots=True)
class ExportedWheel:
    """One wheel: ``url``, or else ``path``, relative to the folder of the lock.

    ``size`` is in bytes, if known.
    """

    name: str
    version: Version
    filename: str
    sha256: str
    url: str | None = None
    path: str | None = None
    size: int | None = None
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """The wheels of a lock by name, the Pyodide they are for, and omissions and limits."""

    target: Target
    wheels: tuple[ExportedWheel, ...]
    warnings: tuple[Problem, ...] = ()


def without_url(exported: Export) -> Iterable[Problem]:
    """The wheels that are only named relative to the lock."""
    for wheel in exported.wheels:
        if wheel.url is None:
            yield Problem(
                "local-file",
                wheel.name,
                str(wheel.version),
                f"{wheel.path} is named relative to the lock, so it has no URL.",
                "Pass base_url= (--base-url), the folder it can be loaded from, or export without "
                "--urls.",
            )
