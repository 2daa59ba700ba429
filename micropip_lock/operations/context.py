"""The environment, base and indexes of a freeze: the caller's arguments, else the surroundings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import environment
from ..environment import Surroundings
from ..errors import InputError, Problem
from ..formats.lockfile import Lockfile, LockInfo
from ..installed.distribution import InstalledDistribution
from ..installed.site import Site
from ..installed.site_packages import scan
from ..network import Fetcher
from .base import Base, load_base

if TYPE_CHECKING:
    from ..index.client import Indexes


@dataclass(frozen=True, slots=True)
class Context:
    """Folders, base and indexes; ``loaded`` is None unless this is a live runtime.

    ``loaded`` is what that runtime itself loaded or installed since it started, into the folder
    ``loaded_into``.
    """

    paths: tuple[Path, ...]
    base: Base
    #: None: as pip and uv, or inside Pyodide micropip, are configured.
    index_urls: tuple[str, ...] | None
    #: None: those that are configured beside the index URLs.
    find_links: tuple[str, ...] | None = None
    #: Whether to search indexes that only an INDEX file names.
    trust_index_file: bool = False
    loaded: Mapping[str, str] | None = None
    loaded_into: Path | None = None
    in_memory: Mapping[str, str] | None = None
    page_origin: str | None = None
    #: What the folders belong to.
    site: Site = "venv"
    file_sizes: Callable[[Path], Mapping[str, int]] | None = None

    def loaded_in(self, folder: Path) -> Mapping[str, str] | None:
        """The runtime's own packages in a folder; None where its list does not cover the folder."""
        return self.loaded if folder == self.loaded_into else None

    def sizes_below(self, folder: Path) -> Mapping[str, int]:
        """The sizes of files below a folder, as far as they are known at once."""
        return self.file_sizes(folder) if self.file_sizes is not None else {}

    def indexes(self) -> Indexes:
        """The indexes to search. Their configuration is read only now, when it is needed."""
        from ..index.client import Indexes

        index_urls = self.index_urls
        find_links = self.find_links
        if index_urls is None:
            index_urls, configured = environment.configured_indexes()
            find_links = configured if find_links is None else find_links
        return Indexes(index_urls, find_links or (), trust_index_file=self.trust_index_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextOptions:
    """The arguments that say which environment, base and indexes an operation works with.

    ``surroundings``: those of the caller; None: those that run this call. What else is None is
    taken from there.
    """

    #: Whether the operation reads installed packages, or only base and indexes.
    with_folders: bool
    path: str | Path | Sequence[str | Path] | None = None
    base: Lockfile | str | Path | None = None
    base_url: str | None = None
    base_dir: str | Path | None = None
    index_urls: str | Sequence[str] | None = None
    find_links: Sequence[str] | None = None
    trust_index_file: bool = False
    surroundings: Surroundings | None = None


async def find_context(options: ContextOptions, fetcher: Fetcher) -> Context:
    """Complete the arguments of an operation by the surroundings.

    Raises `InputError` when a folder or the base is missing, and `FetchError`.
    """
    if options.with_folders:
        return await _with_folders(options, fetcher)
    return await _without_folders(options, fetcher)


async def _with_folders(options: ContextOptions, fetcher: Fetcher) -> Context:
    path = options.path
    detected = options.surroundings
    if detected is None and (path is None or options.base is None):
        detected = _detected(path)
    if detected is None:
        detected = Surroundings(paths=())
        configured = None
    else:
        # In a live runtime nothing is known while micropip has not been imported.
        configured = detected.index_urls or (None if detected.loaded is not None else ())
    # The runtime's list of what it loaded is about its own folder, not about those that are named.
    loaded = detected.loaded if path is None else None
    if path is not None:
        # Of the detected environment only the base is used, if it has one.
        detected = replace(detected, no_base=None)
    paths = detected.paths if path is None else _folders(path)
    base = await _base(options, detected, fetcher)
    if path is None and options.base is not None and detected.loaded is None:
        _check_fit(detected, base.lockfile.info)
    return Context(
        paths=paths,
        base=base,
        index_urls=_index_urls(options, configured),
        find_links=_find_links(options, detected),
        trust_index_file=options.trust_index_file,
        loaded=loaded,
        loaded_into=detected.loaded_into,
        in_memory=detected.in_memory if loaded is not None else None,
        page_origin=detected.page_origin,
        site=site_of(path, loaded),
        file_sizes=detected.file_sizes,
    )


async def _without_folders(options: ContextOptions, fetcher: Fetcher) -> Context:
    detected = options.surroundings
    if detected is None and _needs_surroundings(options):
        detected = _detected(())
    if detected is None:
        detected = Surroundings(paths=())
    return Context(
        paths=(),
        base=await _base(options, detected, fetcher),
        index_urls=_index_urls(options, detected.index_urls or None),
        find_links=_find_links(options, detected),
        page_origin=detected.page_origin,
    )


def _needs_surroundings(options: ContextOptions) -> bool:
    """Whether they have to be detected, which takes a while on the host, for base or indexes."""
    return options.base is None or options.index_urls is None or environment.in_memory()


def site_of(path: object, live: object) -> Site:
    """What the folders belong to, which decides how something is installed into them again."""
    if path is not None:
        return "folder"
    return "venv" if live is None else "runtime"


def scan_environment(
    paths: Sequence[Path], site: Site
) -> tuple[list[InstalledDistribution], list[Problem]]:
    """What is installed in ``paths``, which belong to ``site``, as `site_packages.scan` returns it.

    Folders without a single distribution are no environment, unless it is the running one: a new
    Pyodide has nothing but its own packages, or not even these. Raises `InputError`.
    """
    found, problems = scan(paths, site)
    if not (found or problems or site == "runtime"):
        raise InputError(*map(_no_environment, paths))
    return found, problems


def _no_environment(folder: Path) -> str:
    patterns = ("lib/python3.*/site-packages", "Lib/site-packages")
    below = sorted(
        str(path) for pattern in patterns for path in folder.glob(pattern) if path.is_dir()
    )
    if below:
        return f"no .dist-info in {folder}; did you mean {' or '.join(below)}?"
    way_out = (
        "install packages there first, or name another folder (path=, --path DIR, --venv DIR)."
    )
    return f"no .dist-info in {folder}: {way_out}"


def _detected(path: object) -> Surroundings | None:
    try:
        return environment.detect()
    except InputError:
        if path is None:
            raise
        # Folders were named and no venv is near: only the base is missing, which is said later.
        return None


async def _base(options: ContextOptions, detected: Surroundings, fetcher: Fetcher) -> Base:
    base_dir = Path(options.base_dir) if options.base_dir is not None else None
    if options.base is not None:
        return await load_base(options.base, fetcher, base_url=options.base_url, base_dir=base_dir)
    if detected.base is None:
        raise InputError(
            detected.no_base
            or "Which Pyodide is the lock for? Nothing here says so: this is no Pyodide "
            "environment. Name a release (base='314.0.7', --base 314.0.7) or its pyodide-lock.json."
        )
    return await load_base(
        detected.base,
        fetcher,
        base_url=options.base_url or detected.base_url,
        base_dir=base_dir or detected.base_dir,
    )


def _check_fit(detected: Surroundings, info: LockInfo) -> None:
    """Refuse a base of another Python or ABI than that of the environment. Raises `InputError`."""
    own = detected.base.info if detected.base is not None else None
    python = own.python if own is not None else detected.python
    same_python = python is None or python.split(".")[:2] == info.python.split(".")[:2]
    same_abi = (
        own is None
        or None in (own.abi_version, info.abi_version)
        or own.abi_version == info.abi_version
    )
    if same_python and same_abi:
        return
    made_for = f"Python {python}" if own is None else f"Python {python}, ABI {own.abi_version}"
    way_out = (
        "" if own is None else "leave the base out to lock for the Pyodide of this environment, or "
    )
    raise InputError(
        f"The base is for Python {info.python}, ABI {info.abi_version}; {detected.paths[0]} is for "
        f"{made_for}. What is installed there was chosen for that one: {way_out}install it anew in "
        "a venv of the base's Pyodide (pyodide venv DIR)."
    )


def _index_urls(
    options: ContextOptions, configured: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    urls = options.index_urls
    if urls is None:
        return configured
    return (urls,) if isinstance(urls, str) else tuple(urls)


def _find_links(options: ContextOptions, detected: Surroundings) -> tuple[str, ...] | None:
    if options.find_links is not None:
        return tuple(options.find_links)
    if options.index_urls is not None:
        return ()
    return detected.find_links or None


def _folders(path: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    folders = tuple(map(Path, [path] if isinstance(path, str | Path) else path))
    if not folders:
        raise InputError(
            "path=[] names no folder. Leave it out to freeze the environment that is around."
        )
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"The folder {folder} does not exist.")
    return folders
