"""uv's configuration of indexes and find-links, read as ``uv pip`` would read it.

Sources: https://docs.astral.sh/uv/concepts/configuration-files/ and
https://docs.astral.sh/uv/concepts/indexes/; the order was compared with ``--show-settings`` of uv
0.13.8.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlunsplit

from .._util.reading import read_named
from .._util.url import is_http, shown, split
from ..errors import InputError
from ..formats.toml import parse_toml
from .settings import (
    SYSTEM_FOLDER,
    IndexSettings,
    as_url,
    windows_folder,
    xdg_system_folders,
    xdg_user_folder,
)

_NAMED = re.compile(r"([A-Za-z0-9._-]+)=(.+)")


@dataclass(frozen=True, slots=True)
class _Index:
    url: str
    name: str | None = None
    default: bool = False
    explicit: bool = False
    flat: bool = False


def uv_settings(environ: Mapping[str, str], cwd: Path) -> IndexSettings:
    """What ``uv pip`` would use in ``cwd``.

    Lists of several files add up, the nearest file first. An index marked ``explicit`` is left
    out: uv asks it only for the packages pinned to it. Raises `InputError` for a file that is
    not TOML (name and line) or has a value of the wrong type (name and key).
    """
    files = [_File.read(path, table) for path, table in _files(environ, cwd)]
    indexes = [
        _with_credentials(index, environ)
        for index in _distinct([*_from_environ(environ, cwd), *_from_files(files)])
    ]
    links = environ.get("UV_FIND_LINKS", "").split(",")
    return IndexSettings(
        default=next(
            (index.url for index in indexes if index.default and not index.explicit), None
        ),
        extra=tuple(
            index.url for index in indexes if not (index.default or index.explicit or index.flat)
        ),
        find_links=(
            *(as_url(place.strip(), cwd) for place in links if place.strip()),
            *(index.url for index in indexes if index.flat and not index.explicit),
            *(link for file in files for link in file.urls("find-links")),
        ),
        no_index=next((value for file in files if (value := file.no_index()) is not None), False),
    )


@dataclass(frozen=True, slots=True)
class _File:
    """The uv settings of one file: its own table, and that of ``[pip]``, which wins."""

    path: Path
    tables: tuple[Mapping[str, Any], ...]

    @classmethod
    def read(cls, path: Path, table: Mapping[str, Any]) -> _File:
        pip = table.get("pip", {})
        if not isinstance(pip, dict):
            raise _wrong(path, "pip", "a table")
        return cls(path, (pip, table))

    def urls(self, key: str) -> list[str]:
        """The URLs listed under ``key``, with paths counted from the file's folder."""
        found: list[str] = []
        for table in self.tables:
            value = table.get(key, [])
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise _wrong(self.path, key, "a list of strings")
            found += [as_url(item, self.path.parent) for item in value]
        return found

    def index_url(self, table: int) -> str | None:
        value = self.tables[table].get("index-url")
        if value is not None and not isinstance(value, str):
            raise _wrong(self.path, "index-url", "a string")
        return as_url(value, self.path.parent) if value else None

    def no_index(self) -> bool | None:
        for table in self.tables:
            value = table.get("no-index")
            if value is not None:
                if not isinstance(value, bool):
                    raise _wrong(self.path, "no-index", "true or false")
                return value
        return None

    def indexes(self) -> Iterator[_Index]:
        value = self.tables[1].get("index", [])
        if not isinstance(value, list):
            raise _wrong(self.path, "index", "a list of tables, each below [[index]]")
        for item in value:
            if not isinstance(item, dict) or not isinstance(item.get("url"), str):
                raise _wrong(self.path, "index.url", "a string in every [[index]]")
            name = item.get("name")
            yield _Index(
                url=as_url(item["url"], self.path.parent),
                name=name if isinstance(name, str) else None,
                default=item.get("default") is True,
                explicit=item.get("explicit") is True,
                flat=item.get("format") == "flat",
            )


def _files(environ: Mapping[str, str], cwd: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The files uv would merge, the strongest first, each with its table of uv settings."""
    if value := environ.get("UV_CONFIG_FILE"):
        table = _toml(cwd / value)
        if table is None:
            raise InputError(
                f"UV_CONFIG_FILE names {shown(value)}, which cannot be read. Correct the path, or "
                "unset it."
            )
        yield cwd / value, table
        return
    if environ.get("UV_NO_CONFIG", "").lower() in ("1", "true", "t", "yes", "y", "on"):
        return
    if (found := _project(cwd)) is not None:
        yield found
    if sys.platform == "win32":
        places = [windows_folder(environ, "APPDATA")], [windows_folder(environ, "PROGRAMDATA")]
    else:
        places = [xdg_user_folder(environ)], [*xdg_system_folders(environ), SYSTEM_FOLDER]
    for folders in places:
        for path in (folder / "uv" / "uv.toml" for folder in folders):
            if (table := _toml(path)) is not None:
                yield path, table
                break


def _project(cwd: Path) -> tuple[Path, Mapping[str, Any]] | None:
    """The nearest ``uv.toml``, or ``pyproject.toml`` with a ``[tool.uv]``, in ``cwd`` or above."""
    folder = cwd.absolute()
    for parent in (folder, *folder.parents):
        path = parent / "uv.toml"
        if (table := _toml(path)) is not None:
            return path, table
        path = parent / "pyproject.toml"
        tool = (_toml(path) or {}).get("tool")
        if isinstance(tool, dict) and isinstance(tool.get("uv"), dict):
            return path, tool["uv"]
    return None


def _toml(path: Path) -> dict[str, Any] | None:
    try:
        return parse_toml(read_named(path).decode())
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.EFBIG):
            raise InputError(
                f"Cannot read {path}: {error.strerror}. Correct it, or set UV_NO_CONFIG=1."
            ) from error
        return None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}, is not UTF-8, as TOML must be. Save it as UTF-8."
        ) from error
    except ValueError as error:
        raise InputError(
            f"{path} is not valid TOML: {error}. Correct it, or pass --index-url and set "
            "UV_NO_CONFIG=1, which switches uv's configuration files off."
        ) from error


def _from_environ(environ: Mapping[str, str], cwd: Path) -> Iterator[_Index]:
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        single = variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
        value = environ.get(variable, "").strip()
        items = value.split()
        if single and value:
            items = [value]
        for item in items:
            named = _NAMED.fullmatch(item)
            name, place = named.groups() if named else (None, item)
            yield _Index(as_url(place, cwd), name, default=single)


def _from_files(files: list[_File]) -> Iterator[_Index]:
    for file in files:
        yield from file.indexes()
    for file in files:
        yield from map(_Index, file.urls("extra-index-url"))
    for table in (0, 1):
        for file in files:
            if url := file.index_url(table):
                yield _Index(url, default=True)


def _distinct(indexes: list[_Index]) -> Iterator[_Index]:
    """Of several indexes of one name only the first counts."""
    names: set[str] = set()
    for index in indexes:
        if index.name is None or index.name not in names:
            yield index
        if index.name is not None:
            names.add(index.name)


def _with_credentials(index: _Index, environ: Mapping[str, str]) -> _Index:
    """Apply ``UV_INDEX_<NAME>_USERNAME`` and ``_PASSWORD``, which belong to a named index."""
    if index.name is None:
        return index
    prefix = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", index.name.upper())
    user, password = (environ.get(f"{prefix}_{end}", "") for end in ("USERNAME", "PASSWORD"))
    if not (user or password) or not is_http(index.url):
        return index
    parts = split(index.url)
    secret = (
        f"{quote(user, safe='')}:{quote(password, safe='')}" if password else quote(user, safe="")
    )
    url = urlunsplit(parts._replace(netloc=f"{secret}@{parts.netloc.rpartition('@')[2]}"))
    return _Index(url, index.name, index.default, index.explicit, index.flat)


def _wrong(path: Path, key: str, expected: str) -> InputError:
    return InputError(
        f"{path}: {key} must be {expected}. Correct it as uv's documentation of settings says."
    )
