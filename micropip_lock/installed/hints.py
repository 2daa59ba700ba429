"""What to do about an installed distribution, in commands that work where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .site import Site

if TYPE_CHECKING:
    from .distribution import InstalledDistribution


#: The platform of a folder is no setting of it.
_PLATFORM = "(with the --platform options the folder was made with)"


def reinstall(distribution: InstalledDistribution) -> str:
    """How to install the published wheel of ``distribution`` again, as a sentence."""
    has_record = "RECORD" in distribution.files
    requirement = f"{distribution.metadata.name}=={distribution.version}"
    return install(requirement, distribution.site, distribution.folder, has_record=has_record)


def install(requirement: str, site: Site, folder: Path, *, has_record: bool = True) -> str:
    """How to install ``requirement`` over what is installed in ``folder``, as a sentence.

    pip refuses to replace a distribution that has no RECORD, unless it ignores it.
    """
    if site == "runtime":
        name = requirement.partition("==")[0]
        return (
            f'Install it again: micropip.uninstall("{name}"), then await '
            f'micropip.install("{requirement}").'
        )
    command = "pip install --only-binary=:all: --no-deps"
    if site == "folder":
        options = f"--upgrade --target {folder} {requirement}"
        return f"Install it again: {command} {options} {_PLATFORM}."
    replacing = "--force-reinstall" if has_record else "--ignore-installed"
    return f"Install it again: {command} {replacing} {requirement}"


def add(requirement: str, name: str, site: Site, folder: Path, *, replaces: bool = False) -> str:
    """How to install what ``requirement`` asks for beside the distributions in ``folder``, as the
    start of a sentence.

    ``replaces``: another version of ``name`` is installed there.
    """
    if site == "runtime":
        first = f'micropip.uninstall("{name}"), then ' if replaces else ""
        return f'{first}await micropip.install("{requirement}")'
    if site == "folder":
        upgrade = "--upgrade " if replaces else ""
        return f"pip install {upgrade}--target {folder} {requirement!r} {_PLATFORM}"
    return f"pip install {requirement!r}"


def leave_out(name: str) -> str:
    """How to leave a package out of the lock, as the end of a sentence."""
    return f"leave it out on purpose: exclude={name} (--exclude {name})"
