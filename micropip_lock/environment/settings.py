"""The common parts of the configuration readers: their result, and the configuration folders."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: Where Unix keeps what holds for all users.
SYSTEM_FOLDER = Path("/etc")

# Two characters at least: «C:» is a drive, not a scheme.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """The index settings of one package manager. URLs may carry credentials."""

    #: The index that replaces the built-in one; None: the built-in one stays.
    default: str | None = None
    #: Further indexes, in the order they are configured.
    extra: tuple[str, ...] = ()
    #: Folders, files or pages with links to wheels, as URLs.
    find_links: tuple[str, ...] = ()
    #: Whether no index may be used (pip's and uv's no-index).
    no_index: bool = False


def as_url(place: str, folder: Path) -> str:
    """A URL as it stands; a path, relative to ``folder``, as a ``file:`` URL."""
    if _SCHEME.match(place):
        return place
    path = Path(os.path.normpath(folder.absolute() / place))
    if "@" in place and not os.path.exists(path):  # noqa: PTH110 (it raises nothing for a name that is too long)
        return place  # a URL without its scheme: as a path, it would show its password
    return path.as_uri()


def home(environ: Mapping[str, str]) -> Path:
    """The user's home folder, by the environment that was handed in before the process's own."""
    value = environ.get("USERPROFILE" if sys.platform == "win32" else "HOME")
    return Path(value) if value else Path.home()


def windows_folder(environ: Mapping[str, str], variable: str) -> Path:
    """The folder for roaming user settings (``APPDATA``) or those of all users
    (``PROGRAMDATA``).
    """
    if value := environ.get(variable):
        return Path(value)
    import platformdirs  # finds the folders of Windows itself

    if variable == "APPDATA":
        return Path(platformdirs.user_config_dir(appauthor=False, roaming=True))
    return Path(platformdirs.site_config_dir(appauthor=False))


def xdg_user_folder(environ: Mapping[str, str]) -> Path:
    """``XDG_CONFIG_HOME``, or ``~/.config`` (XDG Base Directory Specification)."""
    value = environ.get("XDG_CONFIG_HOME")
    return Path(value) if value else home(environ) / ".config"


def xdg_system_folders(environ: Mapping[str, str]) -> list[Path]:
    """The folders of ``XDG_CONFIG_DIRS``, or ``/etc/xdg`` (XDG Base Directory Specification)."""
    value = environ.get("XDG_CONFIG_DIRS")
    return (
        [Path(folder) for folder in value.split(os.pathsep) if folder]
        if value
        else [SYSTEM_FOLDER / "xdg"]
    )
