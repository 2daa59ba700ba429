"""The problems of dependencies between distributions, in words."""

from __future__ import annotations

from pathlib import Path

from packaging.requirements import Requirement

from ..errors import Problem
from ..installed.hints import add, leave_out
from .graph import BrokenCycle
from .inferred_extras import Guess
from .package import Package


def missing(
    key: str, version: str | None, requirement: Requirement, beside: Package | None
) -> Problem:
    """The problem of a requirement that no package meets; ``beside``: where to install one.

    Without ``version`` the requirement is the user's.
    """
    wanted = _without_marker(requirement)
    advice = _add(wanted, requirement.name, beside)
    return Problem(
        "missing-dependency",
        key,
        version,
        f"{_subject(version)} {wanted}, which is not installed.",
        f"Install it: {advice}; or {leave_out(requirement.name)}.",
    )


def conflicting(
    key: str,
    version: str | None,
    requirement: Requirement,
    installed: str,
    beside: Package | None,
) -> Problem:
    """The problem of a requirement that the ``installed`` version does not meet."""
    wanted = _without_marker(requirement)
    advice = _add(wanted, requirement.name, beside, replaces=True)
    return Problem(
        "conflicting-dependency",
        key,
        version,
        f"{_subject(version)} {wanted}, but {requirement.name} {installed} is installed.",
        f"Install a version that fits: {advice}; or lock it as it is with allow_broken=True "
        "(--allow-broken).",
    )


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


def _subject(version: str | None) -> str:
    return "it needs" if version else "you asked for"


def _without_marker(requirement: Requirement) -> str:
    return str(requirement).partition(";")[0].strip()


def _add(wanted: str, name: str, beside: Package | None, *, replaces: bool = False) -> str:
    """How to install ``wanted`` where ``beside`` lies."""
    site = beside.site if beside is not None else "venv"
    folder = beside.folder if beside is not None else None
    return add(wanted, name, site, folder or Path(), replaces=replaces)
