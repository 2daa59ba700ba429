"""One kind of install: how it comes about, and what freeze has to say of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from micropip_lock import FreezeResult, Problem

from ..support.index_server import IndexServer
from ..support.installed import installer_target, pip_target, uv_target
from ..support.wheels import build_wheel


@dataclass(frozen=True)
class Verdict:
    """The outcome of a freeze:

    a proof, or problem codes; and the codes of warnings, loopback addresses aside.
    """

    text: str
    hints: str = ""

    @classmethod
    def of(cls, result: FreezeResult) -> Verdict:
        """The verdict of a lock."""
        proofs = sorted({item.proof for item in result.evidence})
        codes = sorted({warning.code for warning in result.warnings} - {"not-portable"})
        warned = f", warns {', '.join(codes)}" if codes else ""
        return cls(
            f"locked by {', '.join(proofs)}{warned}",
            " ".join(item.hint for item in result.warnings),
        )

    @classmethod
    def refused(cls, problems: tuple[Problem, ...]) -> Verdict:
        """The verdict of a refusal."""
        codes = sorted({problem.code for problem in problems})
        return cls(", ".join(codes), " ".join(problem.hint for problem in problems))


class Zoo:
    """A folder to install into, an index to install from, and what freeze is told."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = place / "site"
        self._stack = contextlib.ExitStack()
        self.index = self._stack.enter_context(IndexServer())
        self.index_urls = [self.index.url]
        #: Arguments of freeze beside path, base and index_urls.
        self.options: dict[str, Any] = {}
        #: Entries of the base lock, as JSON.
        self.base: list[dict[str, Any]] = []

    def close(self) -> None:
        """Stop the servers."""
        self._stack.close()

    def another_index(self) -> IndexServer:
        """One more index, which freeze asks after the first."""
        index = self._stack.enter_context(IndexServer())
        self.index_urls.append(index.url)
        return index

    def wheel(
        self, name: str = "animal", version: str = "1.0", *, listed: bool = True, **parts: Any
    ) -> Path:
        """Build a wheel and, unless it is not ``listed``, put it on the index."""
        wheel = build_wheel(self.place / "wheels", name, version, **parts)
        if listed:
            self.index.add(wheel)
        return wheel

    def pip(self, *requirements: str, flags: tuple[str, ...] = (), offline: bool = False) -> None:
        """``pip install --target`` with this machine's Python."""
        index_url = None if offline else self.index.url
        pip_target(self.folder, *requirements, index_url=index_url, platform=None, flags=flags)

    def uv(self, *requirements: str, flags: tuple[str, ...] = ()) -> None:
        """``uv pip install --target``."""
        uv_target(self.folder, *requirements, index_url=self.index.url, platform=None, flags=flags)

    def installer(self, *wheels: Path) -> None:
        """``python -m installer``."""
        installer_target(self.folder, *wheels)

    def info(self, name: str, dist_info: str = "animal-1.0.dist-info") -> Path:
        """A file of an installed .dist-info."""
        return self.folder / dist_info / name


@dataclass(frozen=True)
class Case:
    """``build`` fills the zoo;

    ``verdict`` is that of docs/evidence.md, ``hint`` a part of what it says to do.
    """

    title: str
    verdict: str
    hint: str = ""
    build: Callable[[Zoo], None] = field(default=lambda zoo: None, repr=False)
    #: Depends, by package, that the lock has to have; None: not looked at.
    depends: dict[str, list[str]] | None = None


CASES: list[Case] = []


def case(
    title: str, verdict: str, hint: str = "", depends: dict[str, list[str]] | None = None
) -> Callable[[Callable[[Zoo], None]], Callable[[Zoo], None]]:
    """Add the decorated function to the cases."""

    def add(build: Callable[[Zoo], None]) -> Callable[[Zoo], None]:
        CASES.append(Case(title, verdict, hint, build, depends))
        return build

    return add
