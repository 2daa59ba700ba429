"""The problems of dependencies between distributions, in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from ..errors import Problem
from ..installed.hints import add, leave_out
from .graph import BrokenCycle
from .inferred_extras import Guess
from .package import Package
from .wording import Wording


@dataclass(frozen=True, slots=True)
class Unmet:
    """A requirement of a package that is not met; without ``version`` it is the user's."""

    package: str
    version: str | None
    requirement: Requirement
    #: Where what meets it would be installed.
    beside: Package | None
    wording: Wording

    @property
    def _wanted(self) -> str:
        """The requirement without its marker."""
        return str(self.requirement).partition(";")[0].strip()

    def problem(self, code: str, unmet_because: str, hint: str) -> Problem:
        """The problem: ``unmet_because`` completes the sentence that names the requirement."""
        subject = "it needs" if self.version else "you asked for"
        message = f"{subject} {self._wanted}, {unmet_because}."
        return Problem(code, self.package, self.version, message, hint)

    def advice(self, *, replaces: bool = False) -> str:
        """How to install what meets it."""
        site = self.beside.site if self.beside is not None else "venv"
        folder = self.beside.folder if self.beside is not None else None
        name = self.requirement.name
        return add(self._wanted, name, site, folder or Path(), replaces=replaces)


def missing(unmet: Unmet) -> Problem:
    """The problem of a requirement that no package meets."""
    hint = f"Install it: {unmet.advice()}; or {leave_out(unmet.requirement.name)}."
    return unmet.problem("missing-dependency", f"which {unmet.wording.missing}", hint)


def conflicting(unmet: Unmet, installed: str) -> Problem:
    """The problem of a requirement that the ``installed`` version does not meet."""
    because = f"but {unmet.requirement.name} {installed} {unmet.wording.present}"
    hint = (
        f"Install a version that fits: {unmet.advice(replaces=True)}; or lock it as it is with "
        "allow_broken=True (--allow-broken)."
    )
    return unmet.problem("conflicting-dependency", because, hint)


def excluded(key: str, version: str, requirement: Requirement, name: str) -> Problem:
    """The warning of a requirement for a package that is left out on purpose."""
    return Problem(
        "excluded-dependency",
        key,
        version,
        f"it needs {requirement}, which is left out on purpose.",
        f"The page has to provide {name} in another way, or importing {key} may fail.",
    )


def senseless_marker(key: str, version: str, requirement: Requirement) -> Problem:
    """The problem of a marker that compares what cannot be compared."""
    return Problem(
        "broken-metadata",
        key,
        version,
        f"METADATA: the marker of {str(requirement)[:200]!r} cannot be evaluated.",
        "Install a version with correct metadata, or tell its authors.",
    )


def guessed_extra(guess: Guess, version: str, name: str) -> Problem:
    """The warning of a guess: ``name`` is a package that it explains."""
    key, extra = guess.package, guess.extra
    return Problem(
        "extra-guessed",
        key,
        version,
        f"nothing asks for {name} but its extra {extra!r}, so {key}[{extra}] is taken to be "
        "wanted.",
        f'Say so with --requested "{key}[{extra}]", or that {name} is wanted for itself '
        f"with --requested {name}.",
    )


def broken_cycle(cycle: BrokenCycle) -> Problem:
    """The warning of a cycle that was broken."""
    return Problem(
        "cycle",
        cycle.root,
        None,
        f"{', '.join(cycle.members)} depend on each other; Pyodide would wait for ever, so "
        f"{cycle.root} now loads the others.",
        f"Load {cycle.root} to get all of them: another one by itself no longer loads the rest.",
    )
