"""The wheels: requirements.txt says which, pip downloads them once into .cache/odd.

Each is pinned by version and sha256, so what is found today is found tomorrow.
"""

from __future__ import annotations

import configparser
import email.message
import email.parser
import functools
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from ..support.runtimes import CACHE, MACHINE_ENVIRON, SetupError
from ..support.wheels import sha256

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
WHEELS = CACHE / "odd"
#: The last pip that downloads a wheel with an invalid Requires-Dist.
_LENIENT_PIP = "pip==24.0"


@dataclass(frozen=True)
class Distribution:
    """One wheel of the list. ``oddity`` says why it is there."""

    path: Path
    sha256: str
    oddity: str = ""

    @functools.cached_property
    def name(self) -> str:
        """The canonical name."""
        return str(parse_wheel_filename(self.path.name)[0])

    @functools.cached_property
    def version(self) -> str:
        """The version of the file name."""
        return str(parse_wheel_filename(self.path.name)[1])

    @property
    def pin(self) -> str:
        """``name==version``"""
        return f"{self.name}=={self.version}"

    @functools.cached_property
    def members(self) -> tuple[str, ...]:
        """What the archive holds, without folders."""
        with zipfile.ZipFile(self.path) as archive:
            return tuple(name for name in archive.namelist() if not name.endswith("/"))

    @functools.cached_property
    def dist_info(self) -> str:
        """The folder of METADATA, with a slash."""
        (found,) = {
            name.split("/")[0] for name in self.members if name.split("/")[0].endswith(".dist-info")
        }
        return f"{found}/"

    @functools.cached_property
    def metadata(self) -> email.message.Message:
        """METADATA."""
        with zipfile.ZipFile(self.path) as archive:
            return email.parser.BytesParser().parsebytes(archive.read(f"{self.dist_info}METADATA"))

    @functools.cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """Requires-Dist, without what PEP 508 does not know."""
        found = []
        for line in self.metadata.get_all("Requires-Dist", []):
            try:
                found.append(Requirement(line))
            except InvalidRequirement:
                continue
        return tuple(found)

    @functools.cached_property
    def modules(self) -> frozenset[str]:
        """What can be imported, relative to site-packages:

        files at the root and below .data/purelib|platlib.
        """
        return frozenset(_in_site_packages(self.members))

    @functools.cached_property
    def files(self) -> frozenset[str]:
        """Every path that another distribution may want as well, those of its scripts among
        them.
        """
        scripts = {f"bin/{name}" for name in (*self._script_files(), *self._entry_points())}
        return (
            frozenset(name for name in self.modules if not name.startswith(self.dist_info))
            | scripts
        )

    def _script_files(self) -> Iterator[str]:
        for name in self.members:
            head, found, script = name.partition(".data/scripts/")
            if found and "/" not in head:
                yield script

    def _entry_points(self) -> Iterator[str]:
        path = f"{self.dist_info}entry_points.txt"
        if path not in self.members:
            return
        parser = configparser.ConfigParser(delimiters=("=",), strict=False, interpolation=None)
        # The names of scripts keep their case; configparser has no other way to say so.
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        with zipfile.ZipFile(self.path) as archive:
            parser.read_string(archive.read(path).decode())
        for group in {"console_scripts", "gui_scripts"} & set(parser.sections()):
            yield from parser[group]


def _in_site_packages(members: Sequence[str]) -> Iterator[str]:
    for name in members:
        first, _, rest = name.partition("/")
        if not first.endswith(".data"):
            yield name
            continue
        scheme, _, path = rest.partition("/")
        if scheme in ("purelib", "platlib"):
            yield path


def distributions(*names: str) -> list[Distribution]:
    """Those of the list that have these names, or all; downloaded.

    Raises LookupError for a name that is not in the list, and SetupError when a wheel is neither
    here nor on the machine's index.
    """
    wanted = {canonicalize_name(name) for name in names}
    chosen = [row for row in rows() if not wanted or _project(row) in wanted]
    unknown = wanted - set(map(_project, chosen))
    if unknown:
        raise LookupError(f"not in {REQUIREMENTS.name}: {', '.join(sorted(unknown))}")
    present = _present()
    missing = [row for row in chosen if row[1] not in present]
    if missing:
        _download(missing)
        present = _present()
    return [Distribution(present[digest], digest, oddity) for _, digest, oddity in chosen]


def _project(row: tuple[str, str, str]) -> str:
    return canonicalize_name(row[0].partition("==")[0])


def _present() -> dict[str, Path]:
    return {sha256(path): path for path in WHEELS.glob("*.whl")}


def rows() -> Iterator[tuple[str, str, str]]:
    """Pin, sha256 and oddity of each line."""
    for line in REQUIREMENTS.read_text().splitlines():
        requirement, _, oddity = line.partition("  # ")
        pin, _, digest = requirement.partition(" --hash=sha256:")
        if digest:
            yield pin, digest.strip(), oddity


def _download(rows: Sequence[tuple[str, str, str]]) -> None:
    """Let pip bring these wheels, and check their hashes."""
    lenient = WHEELS / "pip"
    if not sorted(lenient.glob("pip-*.whl")):
        _pip("download", "--quiet", "--no-deps", "--dest", str(lenient), _LENIENT_PIP)
    (pip,) = sorted(lenient.glob("pip-*.whl"))
    wanted = lenient / "requirements.txt"
    wanted.write_text("".join(f"{pin} --hash=sha256:{digest}\n" for pin, digest, _ in rows))
    flags = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--require-hashes"]
    _pip(
        "download", "--quiet", *flags, "--dest", str(WHEELS), "-r", str(wanted), PYTHONPATH=str(pip)
    )


def _pip(*arguments: str, **environ: str) -> None:
    """Run pip with the machine's settings."""
    command = [sys.executable, "-m", "pip", *arguments, "--cache-dir", str(CACHE / "pip")]
    done = subprocess.run(
        command, env=MACHINE_ENVIRON | environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise SetupError(
            f"the odd distributions are not in {os.path.relpath(WHEELS)}, and pip cannot bring "
            f"them:\n{said}"
        )
