"""The ``imports`` of real distributions, compared with what can really be imported: ``python -m
benchmarks.imports``.

Every distribution that the tests install anyway is looked at: the wheels of
tests/end_to_end/freeze/test_closure.py and tests/runtimes/node, unpacked into one folder, and the
environment of this Python. Each claimed name is looked up and imported, by the Python that the
wheels are for (inside Pyodide) and by this one in a process of its own: what is found has to be a
file of that very distribution. Each top-level name that importlib.metadata reports must be claimed,
or something below it. Prints Markdown; docs/imports.md has it.
"""

from __future__ import annotations

import importlib.machinery
import json
import subprocess
import sys
import sysconfig
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import installer
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from packaging.utils import canonicalize_name

from micropip_lock.installed.import_names import imports
from micropip_lock.installed.modules import describe_installed
from micropip_lock.installed.site_packages import scan
from tests.end_to_end.freeze.test_closure import REQUIREMENTS
from tests.runtimes.node.test_pyodide_lock import REQUIREMENTS as PYODIDE_LOCK
from tests.support.installed import PYODIDE_314
from tests.support.node_pyodide import NodePyodide
from tests.support.runtimes import VERSIONS, emptied_base, real_wheels

#: What a module's file may end in: in Pyodide, and here; the longest first.
ENDINGS = sorted(
    {".cpython-314-wasm32-emscripten.so", *importlib.machinery.all_suffixes()},
    key=len,
    reverse=True,
)

#: Runs where the names are to be imported; FOLDER is on sys.path by then. The last line is its
#: answer.
LOOK = """
import contextlib, importlib, importlib.metadata, importlib.util, io, json, sys, warnings

warnings.simplefilter("ignore")
answer = {"names": {}, "reported": {}}
for name in NAMES:
    places, outcome = [], ""
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            spec = importlib.util.find_spec(name)
            places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations)
            importlib.import_module(name)
    except BaseException as error:
        outcome = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    answer["names"][name] = [places, outcome]
for name, owners in importlib.metadata.packages_distributions().items():
    for owner in owners:
        answer["reported"].setdefault(owner, []).append(name)
answer = json.dumps(answer)
"""


@dataclass
class Names:
    """What is known of the names of one distribution."""

    claimed: tuple[str, ...]
    #: Its files in site-packages.
    paths: frozenset[str]
    #: Top-level names that importlib.metadata reports.
    reported: set[str] = field(default_factory=set)
    #: Name -> by which Python it is found among these files, and by which it is imported.
    found: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    imported: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: Name -> why it cannot be imported.
    why: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def modules(self) -> set[str]:
        """Every module that an import statement could name, by the endings that Python knows."""
        found = set()
        for path in self.paths:
            *folders, filename = path.split("/")
            ending = next((ending for ending in ENDINGS if filename.endswith(ending)), None)
            if ending is None or folders[-1:] == ["__pycache__"]:
                continue
            stem = filename.removesuffix(ending)
            dotted = folders if stem == "__init__" else [*folders, stem]
            if dotted and all(map(str.isidentifier, dotted)):
                found.add(".".join(dotted))
        return found

    def holds(self, place: str, root: str) -> bool:
        """Whether a file, or something in a folder, is of this distribution."""
        path = place.removeprefix(f"{root}/")
        return path in self.paths or any(other.startswith(f"{path}/") for other in self.paths)

    @property
    def wrong(self) -> list[str]:
        """Claimed, and found by no Python."""
        return [name for name in self.claimed if not self.found[name]]

    @property
    def unreachable(self) -> list[str]:
        """Modules that are not claimed, nor anything above them."""
        claims = set(self.claimed)

        def prefixes(name: str) -> set[str]:
            parts = name.split(".")
            return {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}

        return sorted(name for name in self.modules if not claims & prefixes(name))

    @property
    def unclaimed(self) -> list[str]:
        """Reported, and neither claimed nor on the way to a claimed name."""
        tops = {name.partition(".")[0] for name in self.claimed}
        return sorted(self.reported - tops)


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory(prefix="imports-") as temporary:
        folder = install(Path(temporary), *closure())
        wheels = claimed(folder)
        with NodePyodide() as session:
            session.mount(folder, "/closure")
            answer = in_pyodide(
                session, [name for item in wheels.values() for name in item.claimed]
            )
            learn(wheels, "Pyodide", answer, "/closure")
        for key, item in wheels.items():
            learn({key: item}, "host", on_host(item.claimed, folder), str(folder))
    purelib = sysconfig.get_path("purelib")
    own = claimed(Path(purelib))
    for key, item in own.items():
        learn({key: item}, "host", on_host(item.claimed, None), purelib)
    report({"wheels for Pyodide 314": wheels, "this environment": own})


def closure() -> list[Path]:
    """The wheels that the tests install, each project once."""
    folders = [
        real_wheels(*REQUIREMENTS, platform=PYODIDE_314),
        real_wheels(*PYODIDE_LOCK, platform=PYODIDE_314),
    ]
    found: dict[str, Path] = {}
    for folder in (*folders, emptied_base(VERSIONS[-1])):
        for wheel in sorted(folder.glob("*.whl")):
            found.setdefault(wheel.name.partition("-")[0].lower(), wheel)
    return list(found.values())


def install(place: Path, *wheels: Path) -> Path:
    """Install as into a virtual environment, with scripts and data outside of site-packages;

    returns that folder.
    """
    scheme = {name: str(place / name) for name in ("scripts", "headers", "data")}
    scheme |= {name: str(place / "site-packages") for name in ("purelib", "platlib")}
    target = SchemeDictionaryDestination(scheme, interpreter=sys.executable, script_kind="posix")
    for wheel in wheels:
        with WheelFile.open(wheel) as source:
            installer.install(source=source, destination=target, additional_metadata={})
    return place / "site-packages"


def claimed(folder: Path) -> dict[str, Names]:
    """What micropip_lock claims for each distribution of a folder, and which modules it holds."""
    distributions, problems = scan([folder])
    assert not problems, problems
    names, _ = imports({item.key: describe_installed(item) for item in distributions}, {})
    return {item.key: Names(names[item.key], item.module_paths) for item in distributions}


def in_pyodide(session: NodePyodide, names: Sequence[str]) -> Any:
    code = (
        "import sys; sys.path.insert(0, '/closure'); sys.dont_write_bytecode = True\nNAMES = "
        f"{list(names)!r}\n"
    )
    return json.loads(session.run(f"{code}\n{LOOK}\nanswer", timeout=600))


def on_host(names: Sequence[str], folder: Path | None) -> Any:
    """The same in a process of its own;

    with a folder, nothing but that and the standard library is seen.
    """
    path = "" if folder is None else f"sys.path.insert(0, {str(folder)!r})\n"
    code = (
        f"import sys; sys.dont_write_bytecode = True\n{path}NAMES = "
        f"{list(names)!r}\n{LOOK}\nprint(answer)"
    )
    flags = ["-I"] if folder is None else ["-I", "-S"]
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def learn(items: Mapping[str, Names], where: str, answer: Any, root: str) -> None:
    """Note an answer of `LOOK`, for which the distributions are in the folder ``root``."""
    reported: dict[str, list[str]] = {
        canonicalize_name(name): tops for name, tops in answer["reported"].items()
    }
    for key, item in items.items():
        item.reported |= set(reported.get(key, []))
        for name in item.claimed:
            places, outcome = answer["names"][name]
            if any(item.holds(place, root) for place in places):
                item.found[name].add(where)
            if not outcome:
                item.imported[name].add(where)
            else:
                item.why[name][where] = outcome


def report(groups: Mapping[str, Mapping[str, Names]]) -> None:
    """Print Markdown."""
    everything = [item for items in groups.values() for item in items.values()]
    row(
        "",
        "distributions",
        "names claimed",
        "found",
        "imported",
        "names reported",
        "claimed",
        "modules",
        "claimed",
    )
    row(*["---"] * 9)
    for title, items in [
        *((title, list(group.values())) for title, group in groups.items()),
        ("all", everything),
    ]:
        row(title, len(items), *counts(items))
    claims, found, imported, reported, known, files, reached = counts(everything)
    print(
        f"\n* Precision {percent(found, claims)}: claimed names that are found; imported: "
        f"{percent(imported, claims)}."
    )
    print(
        f"* Recall {percent(known, reported)}: names that importlib.metadata reports, claimed "
        "directly or below."
    )
    print(
        f"* Of the modules {percent(reached, files)} are claimed, or have a claimed name above "
        "them."
    )
    exceptions(groups)


def counts(items: Sequence[Names]) -> tuple[int, int, int, int, int, int, int]:
    """Names claimed, found, imported;

    names reported, and claimed of these; modules, and claimed of these.
    """
    claims = [(item, name) for item in items for name in item.claimed]
    reported, files = (
        sum(len(item.reported) for item in items),
        sum(len(item.modules) for item in items),
    )
    return (
        len(claims),
        sum(bool(item.found[name]) for item, name in claims),
        sum(bool(item.imported[name]) for item, name in claims),
        reported,
        reported - sum(len(item.unclaimed) for item in items),
        files,
        files - sum(len(item.unreachable) for item in items),
    )


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} % ({part} of {whole})"


def exceptions(groups: Mapping[str, Mapping[str, Names]]) -> None:
    """Every name that is not as it should be, with what Python says."""
    everything = [(key, item) for items in groups.values() for key, item in items.items()]
    listed(
        "Claimed, not found", (f"{key}: {name}" for key, item in everything for name in item.wrong)
    )
    listed(
        "Reported, not claimed",
        (f"{key}: {name}" for key, item in everything for name in item.unclaimed),
    )
    listed(
        "Modules without a claimed name",
        (f"{key}: {name}" for key, item in everything for name in item.unreachable),
    )
    print("\nFound, and not imported:\n")
    row("distribution", "name", "Python says")
    row(*["---"] * 3)
    for key, item in everything:
        for name in item.claimed:
            if item.found[name] and not item.imported[name]:
                row(
                    key, name, "; ".join(f"{where}: {why}" for where, why in item.why[name].items())
                )


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")


def listed(title: str, found: Iterable[str]) -> None:
    print(f"\n{title}: ", end="")
    print(", ".join(f"`{line}`" for line in found) or "none.")


if __name__ == "__main__":
    main()
