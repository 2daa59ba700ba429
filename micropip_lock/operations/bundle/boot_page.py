"""A static page that boots a bundle: one file beside the lock, for any web server."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path

from ..._util.files import copy_file, write_file
from ..._util.reading import read_bytes
from ..._util.url import is_http
from ...errors import InputError
from ...formats.lockfile import LOCK_NAME, Lockfile
from ..base import CDN

PAGE_NAME = "index.html"
_RUNTIME_FOLDER = "pyodide"
#: The files of Pyodide's runtime that a page loads.
RUNTIME_FILE = re.compile(r"pyodide\.(mjs|js)|pyodide\.asm\.(mjs|js|wasm)|python_stdlib\.zip")
_RELEASE_URL = re.compile(r".*/pyodide/v(\d+\.\d+\.\d+[a-z0-9.-]*)/full/[^/]+")


@dataclass(frozen=True, slots=True)
class Page:
    """A page that can be written.

    ``runtime`` are the files that it loads, if they lie in a local folder.
    """

    packages: tuple[str, ...]
    runtime: tuple[Path, ...]
    #: Where the page finds it: an absolute URL, or a folder beside it.
    runtime_url: str
    script: str | None = None
    source: bytes = b""

    def write(self, folder: Path) -> Path:
        """Write index.html into ``folder``, and what it loads. Raises `InputError`."""
        _copy(self.runtime, folder / _RUNTIME_FOLDER)
        if self.script is not None:
            write_file(folder / self.script, self.source)
        place = folder / PAGE_NAME
        write_file(place, self._html().encode())
        return place

    def _html(self) -> str:
        config = {"runtime": self.runtime_url, "packages": self.packages, "script": self.script}
        values = {
            # «</script>» inside of a name would end the script.
            "config": json.dumps(config).replace("<", "\\u003c"),
            "title": escape(self.script or "Python"),
        }
        text = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
        return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], text)


def prepare_page(lock: Lockfile, page: bool | str | Path, distributions: Sequence[Path]) -> Page:
    """A page that boots ``lock``, and runs the Python file ``page``, or (True) a console.

    The runtime is copied from the first of ``distributions`` that has it; else the page loads it
    from where Pyodide's releases are. Raises `InputError` when nothing says which release that is,
    or a file cannot be read.
    """
    packages = tuple(sorted(lock.packages))
    runtime = _runtime(distributions)
    url = f"{_RUNTIME_FOLDER}/" if runtime else _release(lock)
    if page is True:
        return Page(packages, runtime, url)
    script = Path(str(page))
    if script.name in (PAGE_NAME, LOCK_NAME):
        raise InputError(
            f"{script} cannot be run by the page: the bundle has a file of that name. Rename it."
        )
    return Page(packages, runtime, url, script.name, read_bytes(script))


def _runtime(distributions: Sequence[Path]) -> tuple[Path, ...]:
    for distribution in distributions:
        found = [
            item for item in sorted(distribution.iterdir()) if RUNTIME_FILE.fullmatch(item.name)
        ]
        if {"pyodide.mjs", "pyodide.asm.wasm", "python_stdlib.zip"} <= {
            item.name for item in found
        }:
            return tuple(found)
    return ()


def _copy(runtime: Sequence[Path], target: Path) -> None:
    try:
        for item in runtime:
            place = target / item.name
            if place.exists() and item.samefile(place):
                continue
            if target.is_symlink():
                raise InputError(
                    f"{target} is a symbolic link, and the runtime would be copied to where it "
                    "leads."
                )
            target.mkdir(exist_ok=True)
            copy_file(item, place)
    except OSError as error:
        raise InputError(
            f"Cannot copy the runtime to {target}: {error.strerror or error}."
        ) from error


def _release(lock: Lockfile) -> str:
    urls = [entry.file_name for entry in lock.packages.values() if is_http(entry.file_name)]
    versions = {match[1] for url in urls if (match := _RELEASE_URL.fullmatch(url))}
    if lock.info.version:
        versions = {lock.info.version}
    if len(versions) != 1:
        raise InputError(
            "Which Pyodide shall the page load? The lock does not say. Name a folder that has it: "
            "base_dir= (--base-dir), such as node_modules/pyodide or an unpacked release."
        )
    return CDN.format(version=versions.pop())
