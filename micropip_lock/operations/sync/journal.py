"""The journal of sync: which files it moves, so that the next sync can undo a killed one.

A wheel can put a file anywhere into the environment (``.data/data`` is sys.prefix), and with ``pip
install --user`` anywhere below ~/.local. So the journal lies in the cache folder of the user, for
each environment in a file of its own, and the files that were moved lie in a folder whose name only
that journal has.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._util.files import discard_leftovers, is_plain_file, new_file
from ..._util.private_files import check_private, keep_own, make_private
from ..._util.reading import read_regular
from ...errors import InputError
from ...network import default_cache_dir

#: The folder of journals in the cache folder.
FOLDER = "sync"

_RUN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Moves:
    """The files that one step of a sync moves.

    Their paths are relative to the prefix, with ``/``.
    """

    #: Names the folder of the run.
    run: str
    packages: tuple[str, ...]
    #: The files that are removed or replaced; each is kept under its number.
    outgoing: tuple[str, ...]
    #: The new files, by the name of the folder that they are staged in.
    incoming: Mapping[str, tuple[str, ...]]


class Journal:
    """The journal of one environment: it exists while a package is half done, and only then.

    Without a cache folder of this user alone, outside of the environment, none is kept or read: in
    Pyodide, in a read-only home, in a home that is the environment.
    """

    def __init__(self, prefix: Path, site: Path) -> None:
        self._environment = {"prefix": str(prefix), "site": str(site)}
        cache = default_cache_dir()
        is_outside = cache is not None and not cache.resolve().is_relative_to(prefix.resolve())
        self._cache = cache if is_outside else None
        name = hashlib.sha256(os.fsencode(site)).hexdigest()
        self.path = self._cache / FOLDER / f"{name}.json" if self._cache is not None else None

    def write(self, moves: Moves) -> bool:
        """Keep these moves; whether that was possible."""
        document = {
            **self._environment,
            "run": moves.run,
            "packages": moves.packages,
            "out": moves.outgoing,
            "in": dict(moves.incoming),
        }
        if self.path is None or self._cache is None:
            return False
        try:
            make_private(self._cache)
            make_private(self.path.parent)
            with new_file(self.path, private=True) as file:
                file.write(json.dumps(document).encode())
        except (OSError, InputError):
            return False
        return True

    def read(self) -> Moves | None:
        """The moves of a sync that was killed. Raises `InputError` when the journal is none."""
        path = self.path
        if path is None or self._cache is None or not self._is_private(path):
            return None
        try:
            return self._moves(json.loads(read_regular(path)))
        except (OSError, ValueError, RecursionError) as error:
            raise self._unreadable(path) from error

    def remove(self) -> None:
        """Forget the moves. Raises OSError."""
        if self.path is not None:
            with suppress(FileNotFoundError, NotADirectoryError):
                self.path.unlink()

    def leave(self) -> None:
        """Remove the folders that only the journal needed."""
        if self.path is not None:
            discard_leftovers(self.path.parent)
            with suppress(OSError):  # something else is in it
                self.path.parent.rmdir()
                self.path.parent.parent.rmdir()

    def _is_private(self, path: Path) -> bool:
        try:
            for folder in (path.parent.parent, path.parent):
                check_private(folder)
            keep_own(path)
        except (OSError, InputError):
            return False
        return is_plain_file(path)

    def _moves(self, value: Any) -> Moves:
        """The moves of a document.

        Raises ValueError when they are not of this environment, or lead out of it.
        """
        if not isinstance(value, dict):
            raise ValueError("it is no object")
        if any(value.get(key) != text for key, text in self._environment.items()):
            raise ValueError("it is of another environment")
        run, incoming = value.get("run"), value.get("in")
        if not isinstance(run, str) or not _RUN.fullmatch(run):
            raise ValueError("it names no run")
        if not isinstance(incoming, dict) or not all(map(str.isdecimal, incoming)):
            raise ValueError("it does not say what comes")
        return Moves(
            run,
            _texts(value.get("packages")),
            _paths(value.get("out")),
            {number: _paths(names) for number, names in incoming.items()},
        )

    def _unreadable(self, path: Path) -> InputError:
        return InputError(
            f"{path} says what an interrupted sync was doing to {self._environment['site']}, and "
            "cannot be read. Remove it, and run sync again: what is not as the lock says is then "
            "installed anew."
        )


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("it has no list of names where one is expected")
    return tuple(value)


def _paths(value: object) -> tuple[str, ...]:
    """Names of files below the folder that they count from, plainly. Raises ValueError."""
    names = _texts(value)
    for name in names:
        if "\0" in name or not {"", ".", ".."}.isdisjoint(name.split("/")):
            raise ValueError(f"{name!r} leads to elsewhere")
    return names
