"""What sync does to each package, decided from what is installed and what the lock says."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..._util import html as display
from ..._util.progress import count
from ..._util.text import showable
from ...errors import Problem, UnlockableError
from ...formats.lockfile import LockedPackage, Lockfile
from ...installed.distribution import InstalledDistribution
from ...installed.site_packages import every, scan
from ...network import Fetcher
from ..bundle.wheel_supply import same_version
from .comparison import Equality
from .target_environment import TargetEnvironment

#: What the error says of packages that cannot be synchronised.
OUTCOME = "cannot be synchronised; nothing was changed"

Action = Literal["install", "replace", "remove", "keep"]

_SIGNS: dict[Action, str] = {"install": "+", "remove": "-", "replace": "~", "keep": "="}


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one package; ``old`` and ``new`` are versions."""

    action: Action
    package: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        versions = " -> ".join(filter(None, dict.fromkeys((self.old, self.new))))
        return showable(f"{_SIGNS[self.action]} {self.package} {versions}")

    def to_json(self) -> dict[str, str | None]:
        """The step as a JSON object."""
        return {"action": self.action, "package": self.package, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """What was done, or with ``dry_run`` would be, by package.

    ``undone`` are the packages that a killed run had left half done, ``imported`` those that
    changed while a running Pyodide had imported them: it goes on with the old ones until it is
    started anew. ``requests`` and ``bytes`` count the requests sent and the bytes received.
    """

    steps: tuple[Step, ...]
    undone: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()
    requests: int = 0
    bytes: int = 0

    @property
    def summary(self) -> str:
        """What was done, in a sentence."""
        if not self.changes:
            return "The environment is what the lock says."
        summary = f"{count(len(self.changes), 'change')} of {count(len(self.steps), 'package')}."
        if self.imported:
            names = ", ".join(self.imported)
            summary += f" Start anew to use the new {names}: the old is in memory."
        return summary

    def __repr__(self) -> str:
        return f"<Plan: {self.summary}>"

    def __str__(self) -> str:
        return "\n".join([*map(str, self.changes), self.summary])

    def _repr_html_(self) -> str:
        return display.page(
            *(display.paragraph(str(step)) for step in self.changes),
            display.paragraph(self.summary),
        )

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that change anything."""
        return tuple(step for step in self.steps if step.action != "keep")


async def make_plan(
    lock: Lockfile,
    environment: TargetEnvironment,
    equality: Equality,
    fetcher: Fetcher,
    *,
    prune: bool,
    interrupted: Collection[str] = (),
) -> tuple[tuple[Step, ...], dict[str, list[InstalledDistribution]]]:
    """The step of each package, and all installed distributions by name.

    ``prune``: remove what the lock has not. ``interrupted``: the packages whose files a killed run
    has moved away, so that a missing RECORD is no problem. Raises `UnlockableError` for packages
    whose files are unknown.
    """
    found, duplicated = _scan(environment)
    distributions: dict[str, list[InstalledDistribution]] = defaultdict(list)
    for item in every(environment.site) if duplicated else found:
        distributions[item.key].append(item)
    installed = {item.key: item for item in found}
    wanted = {
        key: entry for key, entry in lock.packages.items() if entry.file_name.endswith(".whl")
    }
    equality.observe(found)
    # Of a name that is installed twice the owner of each file is unknown: both are replaced.
    compared = [key for key in wanted if key in installed and key not in duplicated]
    answers = await fetcher.gather(
        [equality.is_equal(installed[key], wanted[key]) for key in compared]
    )
    equal = {key for key, is_equal in zip(compared, answers, strict=True) if is_equal}
    removable = installed.keys() - environment.tools if prune else frozenset()
    steps, problems = [], []
    for key in sorted({*installed, *wanted}):
        old, new = installed.get(key), wanted.get(key)
        action = _action(old, new, is_equal=key in equal, is_removable=key in removable)
        old_version = None if old is None else old.version
        new_version = None if new is None else new.version
        steps.append(Step(action, key, old_version, new_version))
        if action in ("remove", "replace") and key not in interrupted:
            problems += [
                _unknown_files(item) for item in distributions[key] if _lacks_record(item, new)
            ]
    if problems:
        raise UnlockableError(problems, OUTCOME)
    return tuple(steps), distributions


def _scan(environment: TargetEnvironment) -> tuple[list[InstalledDistribution], set[str]]:
    """The installed distributions, and the names of those that are installed twice.

    Raises `UnlockableError` for every other problem.
    """
    found, problems = scan([environment.site])
    others = [problem for problem in problems if problem.code != "duplicate"]
    duplicated = {problem.package for problem in problems if problem.code == "duplicate"}
    if others:
        raise UnlockableError(others, OUTCOME)
    return found, duplicated


def _action(
    old: InstalledDistribution | None,
    new: LockedPackage | None,
    *,
    is_equal: bool,
    is_removable: bool,
) -> Action:
    if new is None:
        return "remove" if is_removable else "keep"
    if is_equal:
        return "keep"
    return "install" if old is None else "replace"


def _lacks_record(item: InstalledDistribution, entry: LockedPackage | None) -> bool:
    """Whether no record says which files are those of a distribution.

    An empty .dist-info has none. The files of the version that ``entry`` has are those of its
    wheel.
    """
    if item.rows or _is_empty(item.folder / item.dist_info):
        return False
    if entry is None:
        return True
    with suppress(ValueError):
        return not same_version(item.version, entry.version)
    return True


def _is_empty(folder: Path) -> bool:
    try:
        return not os.listdir(folder)
    except OSError:
        return False


def _unknown_files(item: InstalledDistribution) -> Problem:
    """The problem that the files of a distribution are unknown, so that it cannot be removed."""
    name = item.metadata.name
    return Problem(
        "broken-metadata",
        item.key,
        item.version,
        f"{item.folder / item.dist_info} has no RECORD that can be read, so it is unknown which "
        "files are its own.",
        "Install it again over itself (pip install --ignore-installed --no-deps "
        f"{name}=={item.version}), or remove its files and that folder by hand. Then run sync "
        "again.",
    )
