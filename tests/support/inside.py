"""freeze() inside a running Pyodide, and its result brought out as plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .session import PyodideSession

Json = dict[str, Any]


@dataclass(frozen=True)
class Frozen:
    """What a FreezeResult holds, as JSON values."""

    text: str
    evidence: Mapping[str, Json]
    warnings: list[tuple[str, str]]  # code and package
    left_out: list[str]
    totals: Mapping[str, int]
    lock: Json = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lock", json.loads(self.text))

    @property
    def packages(self) -> Mapping[str, Json]:
        """The entries of the lock, by canonical name."""
        packages: Mapping[str, Json] = self.lock["packages"]
        return packages

    def entry(self, name: str) -> Json:
        """One entry of the lock."""
        entry: Json = self.packages[name]
        return entry

    def warnings_of(self, name: str) -> set[str]:
        """The codes of one package's warnings."""
        return {code for code, package in self.warnings if package == name}

    @property
    def proofs(self) -> dict[str, tuple[str, str]]:
        """Claim and proof of each package."""
        return {name: (item["claim"], item["proof"]) for name, item in self.evidence.items()}


class Unlockable(Exception):
    """The UnlockableError from inside."""

    def __init__(self, problems: list[Json]) -> None:
        super().__init__(
            "\n".join(f"{problem['package']}: {problem['message']}" for problem in problems)
        )
        self.problems = problems

    @property
    def codes(self) -> dict[str, str]:
        """The code of each package; where a package has several, they are joined by a space."""
        codes: dict[str, list[str]] = {}
        for problem in self.problems:
            codes.setdefault(problem["package"], []).append(problem["code"])
        return {package: " ".join(sorted(found)) for package, found in codes.items()}


def freeze(session: PyodideSession, *, sync: bool = False, **arguments: Any) -> Frozen:
    """``await freeze(**arguments)``, or freeze_sync from a place where nothing can be awaited.

    ``arguments`` must be JSON-able. Raises Unlockable, and PyodideError for every other exception.
    """
    call = "micropip_lock.freeze_sync" if sync else "await micropip_lock.freeze"
    answer = session.run(
        _CODE.format(call=call, arguments=json.dumps(arguments)), fresh=True, sync=sync
    )
    if "problems" in answer:
        raise Unlockable(answer["problems"])
    return Frozen(
        text=answer["text"],
        evidence={item["package"]: item for item in answer["evidence"]},
        warnings=[(item["code"], item["package"]) for item in answer["warnings"]],
        left_out=[name for name, *_ in answer["left_out"]],
        totals=answer["totals"],
    )


def unlockable(session: PyodideSession, **arguments: Any) -> Unlockable:
    """The error of a freeze that must not succeed."""
    try:
        frozen = freeze(session, **arguments)
    except Unlockable as error:
        return error
    raise AssertionError(f"freeze() wrote a lock of {', '.join(frozen.packages)}")


def problems(session: PyodideSession, **arguments: Any) -> dict[str, str]:
    """The problem codes, by package, of a freeze that must not succeed."""
    return unlockable(session, **arguments).codes


def unpack(session: PyodideSession, wheel: Path, folder: str | None = None) -> None:
    """pyodide.unpackArchive, which leaves no trace of where the wheel came from, and every file the
    wheel ships.

    Into ``folder``, or where packages are installed.
    """
    path = f"/tmp/{wheel.name}"
    session.write(path, wheel.read_bytes())
    session.run(_UNPACK.format(path=path, folder=folder), fresh=True)


_UNPACK = """
import sysconfig
import pyodide_js
from pyodide.ffi import to_js

content = to_js(open({path!r}, "rb").read())
pyodide_js.unpackArchive(content, "wheel", extractDir={folder!r} or sysconfig.get_path("purelib"))
None
"""


_CODE = """
import json
import micropip_lock

try:
    result = {call}(**json.loads({arguments!r}))
except micropip_lock.UnlockableError as error:
    answer = {{"problems": [problem.to_json() for problem in error.problems]}}
else:
    answer = {{
        "text": result.to_json(),
        "evidence": [item.to_json() for item in result.evidence],
        "warnings": [warning.to_json() for warning in result.warnings],
        "left_out": result.left_out,
        "totals": result.totals,
    }}
answer
"""
