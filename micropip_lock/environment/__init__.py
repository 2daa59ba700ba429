"""Where the code runs: what `freeze()` asks when it is not told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..errors import InputError
from ..formats.lockfile import Lockfile

__all__ = [
    "Runtime",
    "Screen",
    "Surroundings",
    "configured_indexes",
    "default_index_urls",
    "in_memory",
    "live",
    "look",
    "object_url",
    "runtime",
]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The installed environment that a call finds itself in, or was pointed at."""

    #: The site-packages folders, in the order of the import path.
    paths: tuple[Path, ...]
    #: The base lock: the running Pyodide's, or that of the distribution a venv was made from.
    base: Lockfile | None = None
    #: Why there is no base, and what to do; None where there is one, or where nothing is known about that.
    no_base: str | None = None
    #: The version of Python that the folders are for by their own name ("3.14"), where they have one.
    python: str | None = None
    #: The http(s) folder, with a trailing slash, that relative file names of the base live in.
    base_url: str | None = None
    #: A local folder that may hold wheels of the base.
    base_dir: Path | None = None
    #: Simple repository API roots, most preferred first; may carry credentials.
    index_urls: tuple[str, ...] = ()
    #: Folders, pages or files that hold links to wheels (pip's find-links), as URLs.
    find_links: tuple[str, ...] = ()
    #: The channel, by canonical name, of what this runtime itself loaded or installed since it started; None outside
    #: of a live runtime.
    loaded: Mapping[str, str] | None = None
    #: The folder that it loads and installs into, the only one that ``loaded`` is about.
    loaded_into: Path | None = None
    #: name -> version of distributions that only importlib.metadata knows (no folder on disk).
    in_memory: Mapping[str, str] = field(default_factory=dict)
    #: The origin of the page that runs us (``https://host:port``); None where there is no page.
    page_origin: str | None = None
    #: The sizes of files below a folder, by relative path, where they can be had all at once; some may be lacking.
    file_sizes: Callable[[Path], Mapping[str, int]] | None = None


class Runtime(Protocol):
    """The running Pyodide as something to install into, by its own loader."""

    @property
    def site(self) -> Path:
        """Its site-packages folder."""

    @property
    def loaded(self) -> Mapping[str, tuple[str, str]]:
        """The name as the runtime spells it, and the channel, of what it has loaded, by canonical name."""

    def is_default(self, key: str) -> bool:
        """Whether the runtime loaded a package from its own lock."""

    async def load(self, names: Collection[str]) -> None:
        """Load packages of the runtime's own lock. A failed download raises nothing: ask `loaded` afterwards."""

    async def install(self, key: str, wheel: Path, url: str, dist_info: str, files: Mapping[str, bytes]) -> None:
        """Unpack a wheel into site-packages, and add ``files`` to its .dist-info. Raises OSError."""

    def forgetting(self, key: str) -> AbstractContextManager[None]:
        """Take a package off the runtime's list of what it has loaded, unless what is done meanwhile fails."""

    def imported(self, paths: Collection[str]) -> bool:
        """Whether a module of these files (relative to site-packages) is in memory."""


def runtime() -> Runtime | None:
    """The Pyodide that runs this call; None on the host."""
    if sys.platform != "emscripten":
        return None
    from . import runtime as _runtime

    return _runtime.Runtime()


class Screen(Protocol):
    """An output of a notebook that changes."""

    def draw(self, text: str) -> None:
        """Show this HTML instead of what was there."""

    def close(self, text: str) -> None:
        """Leave this HTML behind."""


def live() -> Screen | None:
    """An output of the notebook that runs this call; None anywhere else."""
    from . import notebook as _notebook

    return _notebook.live()


def in_memory() -> bool:
    """Whether files are in the memory of a runtime, where nobody else sees them."""
    return sys.platform == "emscripten"


def object_url(content: bytes, kind: str) -> str | None:
    """A URL of this page or worker that stands for some bytes while it lives; None where there is no such thing."""
    if sys.platform != "emscripten":
        return None
    import js
    from pyodide.ffi import to_js

    if not hasattr(js, "URL") or not hasattr(js.URL, "createObjectURL"):
        return None
    options = to_js({"type": kind}, dict_converter=js.Object.fromEntries)
    url: str = js.URL.createObjectURL(js.Blob.new(to_js([to_js(content)]), options))
    return url


def look(venv: Path | None = None) -> Surroundings:
    """The surroundings that this call finds itself in: the running Pyodide's, or those of a venv.

    ``venv`` names one on the host; None: the active one, else the nearest. Raises `InputError`
    when they cannot be made out, or when a venv is named inside Pyodide.
    """
    if sys.platform != "emscripten":
        from . import host as _host

        return _host.look(venv=venv)
    if venv is not None:
        raise InputError("A venv cannot be named inside Pyodide. Leave it out, or pass the folders as path=...")
    from . import pyodide as _pyodide

    return _pyodide.look()


def default_index_urls() -> tuple[str, ...]:
    """micropip's index URLs, importing micropip when needed; nothing when it is not installed.

    For the moment when ``Surroundings.index_urls`` is empty and the network turns out to be needed.
    """
    from . import micropip as _micropip

    return _micropip.default_index_urls()


def configured_indexes(venv: Path | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The index URLs and find-links that pip and uv are configured with on this host, or micropip in Pyodide.

    For packages that lie in plain folders instead of a venv. ``venv`` adds the pip.conf of one; the Python of a
    `pyodide venv` adds its own. Raises `InputError` for a configuration file that cannot be understood.
    """
    if sys.platform == "emscripten":
        from . import pyodide as _pyodide

        return _pyodide.configured_indexes()
    from . import host as _host

    return _host.configured_indexes(venv)
