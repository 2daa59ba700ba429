"""uv and pip, asked the same question for the same target.

Both work while the test does something else.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from tests.support import foreign_python
from tests.support.installed import PYODIDE_314, clean_environment, uv_command
from tests.support.pip_server import pip_server

_UV_SAYS_NO = ("No solution found", "URL dependencies must be expressed as direct requirements")
_PIP_SAYS_NO = (
    "ResolutionImpossible",
    "No matching distribution",
    "is not a supported wheel on this platform",
)


@dataclass(frozen=True)
class Answer:
    """Versions by canonical name, or None when there is no solution; ``said`` is what was printed.

    files: file name and sha256 by canonical name, where the tool tells.
    """

    versions: dict[str, str] | None
    said: str = field(default="", compare=False)
    files: dict[str, tuple[str, str]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Asked:
    """What a tool is asked."""

    requirements: Sequence[str]
    constraints: Sequence[str]
    index_url: str
    pre: bool = False

    def write(self, folder: Path) -> list[str]:
        """The question as files, and the arguments that name them; uv and pip spell them alike."""
        asked, limits = folder / "requirements.in", folder / "constraints.txt"
        asked.write_text("\n".join(self.requirements))
        limits.write_text("\n".join(self.constraints))
        return [str(asked), "--constraint", str(limits)]


class Uv:
    """``uv pip compile`` for Pyodide 314;

    ``folder`` keeps its cache, and the interpreter that it asks.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        changes = json.dumps(foreign_python.probe_changes(PYODIDE_314.python, PYODIDE_314.year))
        asked = shlex.join([sys.executable, foreign_python.__file__, "probe", changes])
        self._python = folder / "python"
        self._python.write_text(f'#!/bin/sh\nexec {asked} "$@"\n')
        self._python.chmod(0o755)

    def start(self, asked: Asked, folder: Path, *flags: str) -> Callable[[], Answer]:
        """Resolve; ``folder`` is an empty one for the question."""
        command = [
            uv_command(),
            "pip",
            "compile",
            *asked.write(folder),
            "--no-build",
            "--quiet",
            "--no-header",
        ]
        command += [
            "--python",
            str(self._python),
            "--no-python-downloads",
            "--cache-dir",
            str(self._folder / "cache"),
        ]
        command += ["--default-index", asked.index_url, "--no-annotate", *flags]
        command += ["--prerelease", "allow"] if asked.pre else []
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, env=clean_environment(), stdout=pipe, stderr=pipe, text=True
        )

        def answer() -> Answer:
            out, err = process.communicate()
            if process.returncode:
                # uv breaks its lines where the port and the names happen to end
                assert any(text in " ".join(err.split()) for text in _UV_SAYS_NO), err
                return Answer(None, err)
            return Answer(dict(map(_uv_line, out.splitlines())), out)

        return answer


def _uv_line(line: str) -> tuple[str, str]:
    """Name and version of «name==1.0», or of «name @ https://host/name-1.0-py3-none-any.whl»."""
    match = re.fullmatch(r"(\S+?)(?:\[.*\])?(?:==(\S+)| @ \S*/[^/-]+-([^/-]+)-[^/]+)", line)
    assert match, line
    return canonicalize_name(match[1]), match[2] or match[3]


class Pip:
    """``pip install --dry-run --report`` for Pyodide 314."""

    def start(self, asked: Asked, folder: Path) -> Callable[[], Answer]:
        """Resolve; ``folder`` is an empty one for the question."""
        report, output = folder / "report.json", folder / "output.txt"
        arguments = [
            "install",
            "--dry-run",
            "--quiet",
            "--ignore-installed",
            "--report",
            str(report),
        ]
        arguments += [
            *PYODIDE_314.pip_flags,
            "--python-version",
            f"{PYODIDE_314.python}.2",
        ]  # the last one counts
        arguments += ["--index-url", asked.index_url, "--root-user-action=ignore", "--no-cache-dir"]
        arguments += ["--requirement", *asked.write(folder), *(["--pre"] if asked.pre else [])]
        markers = foreign_python.markers(PYODIDE_314.python)
        status = pip_server().start(arguments, output, clean_environment(), markers)

        def answer() -> Answer:
            failed = status()
            said = output.read_text()
            if failed:
                assert any(text in said for text in _PIP_SAYS_NO), said
                return Answer(None, said)
            installed = json.loads(report.read_bytes())["install"]
            versions = {
                canonicalize_name(it["metadata"]["name"]): it["metadata"]["version"]
                for it in installed
            }
            return Answer(versions, said, dict(map(_pip_file, installed)))

        return answer


def _pip_file(item: dict[str, Any]) -> tuple[str, tuple[str, str]]:
    download = item["download_info"]
    file_name = unquote(download["url"].rpartition("/")[2])
    return canonicalize_name(item["metadata"]["name"]), (
        file_name,
        download["archive_info"]["hashes"]["sha256"],
    )
