"""The problems of installed distributions, and of wheels that cannot be installed so, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.tags import Tag

from .._util.text import first_few
from ..errors import Problem
from ..formats.target import Target
from ..formats.wheel import WheelDescription
from .distribution import InstalledDistribution
from .hints import reinstall


def unreadable(item: InstalledDistribution) -> Problem:
    """The problem of a distribution whose .dist-info cannot be read."""
    hint = reinstall(item)
    if item.faults_are_shipped:
        hint = (
            "Its publisher made it so, and installing it again changes nothing: install another "
            "version."
        )
    return Problem(
        "broken-metadata",
        item.key,
        item.version,
        f"{item.dist_info} cannot be read: {'; '.join(item.faults)}.",
        hint,
    )


def wrong_platform(item: InstalledDistribution, tags: Iterable[Tag], target: Target) -> Problem:
    """The problem of a wheel that does not run on the target."""
    named = ", ".join(sorted(map(str, tags))[:3])
    return Problem(
        "wrong-platform",
        item.key,
        item.version,
        f"its wheel is for {named}, which does not run on {target}.",
        "Install the wheel for Pyodide, with pip of the Pyodide venv, or lock for the Pyodide it "
        "was made for.",
    )


def layout(key: str, version: str) -> Problem:
    """The problem of modules that Pyodide leaves where Python does not find them."""
    return Problem(
        "layout",
        key,
        version,
        "its modules lie in .data/purelib or .data/platlib, where Python does not find them: "
        "Pyodide unpacks wheels as they are.",
        "Ask its authors for a wheel that has its modules at the root.",
    )


def layouts(wheels: Mapping[str, WheelDescription]) -> Iterator[Problem]:
    """The problems of wheels, by canonical name, whose modules Python would not find."""
    for key, wheel in wheels.items():
        if wheel.modules.unspread:
            yield layout(key, wheel.metadata.version)


def changed_on_disk(item: InstalledDistribution, paths: Sequence[str]) -> Problem:
    """The problem of a distribution whose files have changed since its installation."""
    return Problem(
        "files-changed",
        item.key,
        item.version,
        f"files are missing or were edited after it was installed: {first_few(paths)}.",
        reinstall(item),
    )


def overwriter(
    item: InstalledDistribution, paths: Sequence[str], others: Iterable[InstalledDistribution]
) -> InstalledDistribution | None:
    """The other distribution whose files those at ``paths`` are; None when there is none."""
    for other in others:
        if other is not item and all(_is_of(other, path) for path in paths):
            return other
    return None


def overwritten(
    item: InstalledDistribution, paths: Sequence[str], other: InstalledDistribution
) -> Problem:
    """The problem of two distributions that have files of one name."""
    named = f"{other.metadata.name} {other.version}"
    return Problem(
        "files-changed",
        item.key,
        item.version,
        f"{named} has overwritten files of it: {first_few(paths)}.",
        f"The two cannot be installed together as they are: uninstall {other.metadata.name} or "
        f"{item.metadata.name}, and install the other one again.",
    )


def _is_of(item: InstalledDistribution, path: str) -> bool:
    """Whether the file at ``path`` is the one that a distribution's RECORD lists."""
    if path not in item.record.entries:
        return False
    row = item.record.row(path)
    return row.strong and item.site_files.digest(path, row.algorithm or "") == row.digest
