"""The cases: each fills an index in memory and says what is asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from micropip_lock import ResolutionError, resolve
from micropip_lock.network import drive

from ...support.freezing import base_lock, entry
from ...support.memory_index import MemoryIndex
from ...support.wheels import build_wheel

FOLDER = Path(__file__).parent
LINUX = "cp314-cp314-manylinux_2_28_x86_64"


class Shelf(MemoryIndex):
    """An index in memory, filled by name and version.

    ``said``: file name -> further keys of its page entry.
    """

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, dict[str, Any]] = {}

    def wheel(
        self, name: str, *versions: str, said: dict[str, Any] | None = None, **options: Any
    ) -> None:
        """Add a wheel for each of ``versions``; see `build_wheel`."""
        with tempfile.TemporaryDirectory() as folder:
            for version in versions:
                wheel = build_wheel(Path(folder), name, version, **options)
                self.add(wheel)
                self.said[wheel.name] = dict(said or {})

    def sdist(self, name: str, *versions: str) -> None:
        """Add a source distribution for each of ``versions``; nobody looks into it."""
        self.files.update((f"{name}-{version}.tar.gz", b"sources") for version in versions)

    def _entry(self, filename: str, content: bytes) -> dict[str, Any]:
        return super()._entry(filename, content) | self.said.get(filename, {})


@dataclass
class Case:
    """A set of requirements without a solution."""

    name: str
    fill: Callable[[Shelf], None]
    requirements: Sequence[str]
    constraints: Sequence[str] = ()
    #: Entries of the base.
    base: Sequence[dict[str, Any]] = field(default_factory=tuple)

    @property
    def path(self) -> Path:
        """The file with what is to be said."""
        return FOLDER / f"{self.name}.txt"

    def error(self) -> ResolutionError:
        """The error that the requirements lead to."""
        shelf = Shelf()
        self.fill(shelf)
        base = base_lock(*self.base)
        task = resolve(
            self.requirements,
            base=base,
            constraints=self.constraints,
            index_urls=shelf.url,
            fetcher=shelf,
        )
        try:
            drive(task)
        except ResolutionError as error:
            return error
        raise AssertionError(f"{self.name} has a solution")

    def explanation(self) -> str:
        """What is said, as the file has it."""
        return f"{self.error()}\n"


def _two_roots(shelf: Shelf) -> None:
    shelf.wheel("report", "2.1", "2.0", requires=["tables>=3,<4"])
    shelf.wheel("charts", "5.0", requires=["tables>=4"])
    shelf.wheel("tables", "4.2", "4.1", "4.0", "3.5", "3.4", "3.3", "2.0")


def _two_chains(shelf: Shelf) -> None:
    shelf.wheel("app", "1.0", requires=["web"])
    shelf.wheel("web", "7.1", "7.0", requires=["template<3"])
    shelf.wheel("docs", "4.0", requires=["markup>=2"])
    shelf.wheel("markup", "2.5", requires=["template>=3"])
    shelf.wheel("template", "3.1", "3.0", "2.11", "2.10")


def _only_sdists(shelf: Shelf) -> None:
    shelf.sdist("oldtool", "1.2", "1.1", "1.0")


def _no_wheel_deep_down(shelf: Shelf) -> None:
    shelf.wheel("notebook", "9.0", requires=["kernel>=6"])
    shelf.wheel("kernel", "6.4", requires=["sockets>=25"])
    shelf.wheel("sockets", "27.0", "26.4", "26.3", "26.2", "25.1", tag=LINUX)
    shelf.sdist("sockets", "27.0", "26.4", "26.3", "26.2", "25.1")


def _requires_python(shelf: Shelf) -> None:
    shelf.wheel("classic", "3.0", "2.0", requires_python="<3.13", said={"requires-python": "<3.13"})
    shelf.wheel("classic", "1.0", requires_python="<3.10")  # said in METADATA only


def _yanked_only(shelf: Shelf) -> None:
    shelf.wheel("parser", "1.1", said={"yanked": "loses data on save"})
    shelf.wheel("parser", "1.0", said={"yanked": True})


def _prerelease_in_a_range(shelf: Shelf) -> None:
    shelf.wheel("engine", "2.0rc1", "1.4")


def _misspelt(shelf: Shelf) -> None:
    shelf.wheel("demo", "1.0")


def _unknown_deep_down(shelf: Shelf) -> None:
    shelf.wheel("shop", "2.0", "1.0", requires=["basket"])
    shelf.wheel("basket", "1.0", requires=["company-secrets>=1"])


def _constraint(shelf: Shelf) -> None:
    shelf.wheel("client", "3.0", requires=["transport>=2"])
    shelf.wheel("transport", "2.1", "2.0", "1.9", "1.8")


def _hash(shelf: Shelf) -> None:
    shelf.wheel("vault", "1.0")


def _two_conflicts(shelf: Shelf) -> None:
    shelf.wheel("red", "1.0", requires=["paint<2"])
    shelf.wheel("blue", "1.0", requires=["paint>=2"])
    shelf.wheel("paint", "2.0", "1.0")
    shelf.wheel("left", "1.0", requires=["shoe==1.0"])
    shelf.wheel("right", "1.0", requires=["shoe==2.0"])
    shelf.wheel("shoe", "2.0", "1.0")
    shelf.wheel("fine", "1.0")


NUMPY = entry("numpy", "2.3.3", file_name="numpy-2.3.3-cp314-cp314-pyemscripten_2026_0_wasm32.whl")

CASES = (
    Case("two-roots", _two_roots, ["report", "charts>=4"]),
    Case("two-chains", _two_chains, ["app", "docs"]),
    Case("only-sdists", _only_sdists, ["oldtool"]),
    Case("no-wheel-deep-down", _no_wheel_deep_down, ["notebook"]),
    Case("requires-python", _requires_python, ["classic"]),
    Case("yanked-only", _yanked_only, ["parser>=1"]),
    Case("prerelease-in-a-range", _prerelease_in_a_range, ["engine>=1.5,<2"]),
    Case("misspelt", _misspelt, ["demo", "nunpy"], base=[NUMPY]),
    Case("unknown-deep-down", _unknown_deep_down, ["shop"]),
    Case("constraint", _constraint, ["client"], constraints=["transport<2"]),
    Case("hash", _hash, [f"vault==1.0 --hash=sha256:{'0' * 64}"]),
    Case("two-conflicts", _two_conflicts, ["red", "left", "fine", "blue", "right"]),
)
