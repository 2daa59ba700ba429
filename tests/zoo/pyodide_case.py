"""One kind of install inside Pyodide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..support.index_server import IndexServer
from ..support.inside import Unlockable, freeze
from ..support.session import PyodideSession
from .case import Case, Verdict


@dataclass(frozen=True)
class Cage:
    """A running Pyodide, and an index to install from."""

    session: PyodideSession
    index: IndexServer


Build = Callable[[Cage], None]
PYODIDE_CASES: list[tuple[Case, Build]] = []


def case(title: str, verdict: str, hint: str = "") -> Callable[[Build], Build]:
    """Add the decorated function to the cases."""

    def add(build: Build) -> Build:
        PYODIDE_CASES.append((Case(title, verdict, hint), build))
        return build

    return add


def verdict(build: Build, session: PyodideSession, index: IndexServer) -> Verdict:
    """Build the case and freeze the runtime; the base's own packages aside."""
    session.load_packages(["packaging"])
    build(Cage(session, index))
    try:
        frozen = freeze(session, index_urls=index.url)
    except Unlockable as error:
        codes = sorted({problem["code"] for problem in error.problems})
        return Verdict(", ".join(codes), " ".join(problem["hint"] for problem in error.problems))
    proofs = sorted({proof for _, proof in frozen.proofs.values()} - {"base"})
    return Verdict(f"locked by {', '.join(proofs)}")
