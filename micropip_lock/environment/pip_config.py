"""pip's configuration of indexes and find-links, read as pip itself would read it.

Source: https://pip.pypa.io/en/stable/topics/configuration/
"""

from __future__ import annotations

import configparser
import errno
import io
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from .._util.reading import read_named
from ..errors import InputError
from .settings import (
    SYSTEM_FOLDER,
    IndexSettings,
    as_url,
    home,
    windows_folder,
    xdg_system_folders,
    xdg_user_folder,
)

#: ``[install]`` wins over ``[global]``, the environment over both.
_SECTIONS = ("global", "install", ":env:")
_TRUE = frozenset({"y", "yes", "t", "true", "on", "1"})
_BLANKS = re.compile(r"(?<=\S)[^\S\r\n]{2,}")
_FALSE = frozenset({"n", "no", "f", "false", "off", "0"})


def pip_settings(venv: Path | None, environ: Mapping[str, str], cwd: Path) -> IndexSettings:
    """What pip would use in ``venv`` (None: outside of any).

    A later source replaces a key of an earlier one, lists included; pip does not add them up.
    Relative find-links count from ``cwd``. Raises `InputError` for a file that is no pip
    configuration, with its name and line.
    """
    values = _merged(venv, environ, cwd)
    links = values.get("find-links", "").split()
    return IndexSettings(
        # --pypi-url is an old spelling that pip still takes
        default=_index_url(values.get("index-url") or values.get("pypi-url"), cwd),
        extra=tuple(as_url(place, cwd) for place in values.get("extra-index-url", "").split()),
        find_links=tuple(as_url(_with_home(place, environ), cwd) for place in links),
        no_index=_flag(values.get("no-index")),
    )


def config_files(venv: Path | None, environ: Mapping[str, str], cwd: Path) -> list[Path]:
    """The files pip would read, the weakest first; not all of them need to exist."""
    value = environ.get("PIP_CONFIG_FILE")
    if value == os.devnull:
        return []
    told_file = cwd / value if value else None
    files = list(_global_files(environ))
    # «If PIP_CONFIG_FILE is set, user configuration is not loaded»: pip checks that it is there.
    if told_file is None or not told_file.exists():
        files += _user_files(environ)
    if venv is not None:
        # `pyodide venv` writes pip.conf on Windows as well, and its pip reads that.
        files += [
            venv / name
            for name in (("pip.ini", "pip.conf") if sys.platform == "win32" else ("pip.conf",))
        ]
    if told_file is not None:
        files.append(told_file)
    return files


def _global_files(environ: Mapping[str, str]) -> Iterator[Path]:
    if sys.platform == "win32":
        yield windows_folder(environ, "PROGRAMDATA") / "pip" / "pip.ini"
    elif sys.platform == "darwin":
        import platformdirs  # knows Homebrew's folder too

        for folder in platformdirs.site_data_dir("pip", appauthor=False, multipath=True).split(
            os.pathsep
        ):
            yield Path(folder) / "pip.conf"
    else:
        for base in xdg_system_folders(environ):
            yield base / "pip" / "pip.conf"
        yield SYSTEM_FOLDER / "pip.conf"


def _user_files(environ: Mapping[str, str]) -> list[Path]:
    if sys.platform == "win32":
        return [
            home(environ) / "pip" / "pip.ini",
            windows_folder(environ, "APPDATA") / "pip" / "pip.ini",
        ]
    folder = xdg_user_folder(environ) / "pip"
    if sys.platform == "darwin":
        library = home(environ) / "Library" / "Application Support" / "pip"
        folder = library if library.is_dir() else home(environ) / ".config" / "pip"
    return [home(environ) / ".pip" / "pip.conf", folder / "pip.conf"]


def _merged(venv: Path | None, environ: Mapping[str, str], cwd: Path) -> dict[str, str]:
    sections: dict[str, dict[str, str]] = {name: {} for name in _SECTIONS}
    for file in config_files(venv, environ, cwd):
        for section, values in _read(file).items():
            if section in sections:
                sections[section].update(values)
    sections[":env:"].update(
        {_key(name[4:]): value for name, value in environ.items() if name.startswith("PIP_")},
    )
    merged: dict[str, str] = {}
    for values in sections.values():
        # An empty value hides the same section's value of a weaker file, but no other section's.
        merged.update({key: value for key, value in values.items() if value})
    return merged


def _key(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


class _Parser(configparser.RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return _key(optionstr)


def _read(file: Path) -> dict[str, dict[str, str]]:
    parser = _Parser()
    try:
        # One blank for several: configparser takes time by the square of their number.
        parser.read_string(_BLANKS.sub(" ", _text(file)), str(file))
        return {section: dict(parser.items(section)) for section in parser.sections()}
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.EFBIG):
            raise _malformed(file, None, f"cannot be read ({error.strerror})") from error
        return {}  # missing, or not ours to read: pip passes over it as well
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _malformed(file, line, "is not UTF-8") from None
    except configparser.Error as error:
        # Not «from error»: its text quotes the line, which may hold a password.
        raise _malformed(file, _line(error), "is not valid pip configuration") from None


def _text(file: Path) -> str:
    return io.StringIO(
        read_named(file).decode(), newline=None
    ).read()  # every kind of line end, as open() has it


def _line(error: configparser.Error) -> int | None:
    lines = getattr(error, "errors", None)
    return lines[0][0] if lines else getattr(error, "lineno", None)


def _malformed(file: Path, line: int | None, what: str) -> InputError:
    where = f"{file}, line {line}," if line else str(file)
    return InputError(
        f"{where} {what}, so the package indexes in use are unknown. Correct it, or pass "
        f"--index-url and set PIP_CONFIG_FILE={os.devnull}, which switches pip's configuration "
        "files off."
    )


def _index_url(place: str | None, cwd: Path) -> str | None:
    return as_url(place, cwd) if place else None


def _with_home(place: str, environ: Mapping[str, str]) -> str:
    if place == "~" or place.startswith(("~/", "~\\")):
        return str(home(environ) / place[2:])
    return place


def _flag(value: str | None) -> bool:
    word = (value or "no").lower()
    if word not in _TRUE | _FALSE:
        # Anything but a word may be an index URL that slipped into it.
        shown = repr(word) if word.isalpha() else "not yes or no"
        raise InputError(
            f"no-index (PIP_NO_INDEX, or in pip's configuration) is {shown}; pip takes yes/no, "
            "true/false or 1/0."
        )
    return word in _TRUE
