"""The surroundings: the environment of a call, and what a running Pyodide can do in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..formats.lockfile import Lockfile


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The installed environment that a call finds itself in, or was pointed at."""

    #: The site-packages folders, in the order of the import path.
    paths: tuple[Path, ...]
    #: The base lock: the running Pyodide's, or that of the distribution a venv was made from.
    base: Lockfile | None = None
    #: Why there is no base, and what to do; None where there is one, or where nothing is known
    #: about that.
    no_base: str | None = None
    #: The version of Python that the folders are for by their own name ("3.14"), where they have
    #: one.
    python: str | None = None
    #: The http(s) folder, with a trailing slash, that relative file names of the base live in.
    base_url: str | None = None
    #: A local folder that may hold wheels of the base.
    base_dir: Path | None = None
    #: Simple repository API roots, most preferred first; may carry credentials.
    index_urls: tuple[str, ...] = ()
    #: Folders, pages or files that hold links to wheels (pip's find-links), as URLs.
    find_links: tuple[str, ...] = ()
    #: The channel, by canonical name, of what this runtime itself loaded or installed since it
    #: started; None outside of a live runtime.
    loaded: Mapping[str, str] | None = None
    #: The folder that it loads and installs into, the only one that ``loaded`` is about.
    loaded_into: Path | None = None
    #: name -> version of distributions that only importlib.metadata knows (no folder on disk).
    in_memory: Mapping[str, str] = field(default_factory=dict)
    #: The origin of the page that runs us (``https://host:port``); None where there is no page.
    page_origin: str | None = None
    #: The sizes of files below a folder, by relative path, where they can be had all at once; some
    #: may be lacking.
    file_sizes: Callable[[Path], Mapping[str, int]] | None = None


class Runtime(Protocol):
    """The running Pyodide as something to install into, by its own loader."""

    @property
    def site(self) -> Path:
        """Its site-packages folder."""

    @property
    def loaded(self) -> Mapping[str, tuple[str, str]]:
        """The name as the runtime spells it, and the channel, of what it has loaded, by canonical
        name.
        """

    def is_default(self, key: str) -> bool:
        """Whether the runtime loaded a package from its own lock."""

    async def load(self, names: Collection[str]) -> None:
        """Load packages of the runtime's own lock.

        A failed download raises nothing: ask `loaded` afterwards.
        """

    async def install(
        self, key: str, wheel: Path, url: str, dist_info: str, files: Mapping[str, bytes]
    ) -> None:
        """Unpack a wheel into site-packages, and add ``files`` to its .dist-info.

        Raises OSError.
        """

    def forgetting(self, key: str) -> AbstractContextManager[None]:
        """Remove a package from the runtime's loadedPackages, unless the block raises."""

    def imported(self, paths: Collection[str]) -> bool:
        """Whether a module of these files (relative to site-packages) is in memory."""


class Screen(Protocol):
    """An output of a notebook that changes."""

    def draw(self, text: str) -> None:
        """Show this HTML instead of what was there."""

    def close(self, text: str) -> None:
        """Leave this HTML behind."""
