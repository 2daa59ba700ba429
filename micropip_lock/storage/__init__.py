"""Facts that cannot change, kept on the host from one run to the next.

A fact is, say, the METADATA of the wheel with this URL and this sha256.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol

from .._util.private_files import check_private

__all__ = ["Facts", "NoFacts", "facts_in"]


class Facts(Protocol):
    """A store of facts that cannot change. Neither method raises."""

    def get(self, kind: str, key: str) -> bytes | None:
        """The fact of that kind about ``key``; None when it is not known."""

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Remember a fact that can never change."""

    def close(self) -> None:
        """Write what waits to be written."""


class NoFacts:
    """Remembers nothing."""

    def get(self, kind: str, key: str) -> bytes | None:
        """None."""
        return None

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Forget it."""

    def close(self) -> None:
        """Nothing to write."""


def facts_in(cache_dir: Path | None) -> Facts:
    """The facts in a cache folder; without a folder, and in Pyodide, none are known and none are
    kept.

    Raises `InputError` for a folder that others can write to.
    """
    if cache_dir is None or sys.platform == "emscripten":
        return NoFacts()
    check_private(cache_dir)
    from .facts import (
        FactStore,
    )  # its imports take a while, which only runs that use it should pay for

    return FactStore(cache_dir)
