"""What the running Pyodide itself loaded or installed since it started: rule 0 of the evidence.

``pyodide_js.loadedPackages`` alone is no proof. At the end of its start the runtime adds every
.dist-info that lies in its site-packages (``pyodide._package_loader.init_loaded_packages``), with a
channel that it reads from the files in there, and any wheel can ship those. Read and measured in
Pyodide 0.27.7, 0.28.3, 0.29.5 and 314.0.7.
"""

from __future__ import annotations

import site
from math import inf
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name


def own_site() -> Path:
    """The folder that the runtime and micropip install into; both take the first one."""
    return Path(site.getsitepackages()[0])


def loaded(pyodide_js: Any) -> dict[str, tuple[str, str]]:
    """The name as the runtime spells it, and the channel, of what it loaded or installed itself, by
    canonical name.
    """
    from_disk = names_from_disk(pyodide_js)
    return {key: found for key, found in listed(pyodide_js).items() if key not in from_disk}


def listed(pyodide_js: Any) -> dict[str, tuple[str, str]]:
    """The runtime's list as it stands, which has what lay on the disk as well."""
    found: dict[str, tuple[str, str]] = {}
    for name, channel in pyodide_js.loadedPackages.to_py().items():
        found[canonicalize_name(name)] = (name, channel)
    return found


def names_from_disk(pyodide_js: Any) -> frozenset[str]:
    """The canonical names that the runtime read from .dist-info folders which it did not make."""
    witness = _Witness(pyodide_js)
    names: set[str] = set()
    for folder in own_site().glob("*.dist-info"):
        if not witness.made(folder):
            names.add(folder.name.removesuffix(".dist-info").rpartition("-")[0])
            names.add(_name_in_metadata(folder))
    return frozenset(map(canonicalize_name, names))


def _name_in_metadata(dist_info: Path) -> str:
    """The name as the runtime reads it: the first line of METADATA that begins with «Name:»."""
    try:
        with (dist_info / "METADATA").open(encoding="utf-8", errors="replace") as file:
            return next((line[5:].strip() for line in file if line.startswith("Name:")), "")
    except OSError:
        return ""


class _Witness:
    """Finds by the file system which folders this runtime made.

    Emscripten numbers the nodes of all its file systems in the order in which it meets them.
    Nothing changes a number later, while times can be set. Right after it has read site-packages
    the runtime makes /dev/stdin, /dev/stdout and /dev/stderr anew: what has a lower number was
    there by then.
    """

    def __init__(self, pyodide_js: Any) -> None:
        self._fs = pyodide_js.FS
        self._memory = self._fs.filesystems.MEMFS
        self.host = getattr(self._fs.filesystems, "NODEFS", None)
        # Only fsInit can fill the file system before Python starts. Without it site-packages was
        # empty, and what was loaded before the start was over (loadPyodide({packages})) is the
        # runtime's own.
        self._began_empty = not getattr(pyodide_js._api.config, "fsInit", None)
        self._streams = self._standard_streams()
        self._first_number = min((node.id for node in self._streams.values()), default=inf)

    def made(self, folder: Path) -> bool:
        """Whether this runtime made ``folder``; False where that cannot be known."""
        node = self._node(folder)
        if node is None:
            return False
        kind = node.mount.type
        if kind == self._memory:
            return bool(self._began_empty or node.id > self._first_number)
        # The number of a file of the host shows when the runtime first saw it: the folder may have
        # been mounted later.
        if kind == self.host:
            return bool(node.id > self._first_number and self._changed_since_start(folder))
        return False  # such as IDBFS, which is filled from a store at any time

    def _changed_since_start(self, folder: Path) -> bool:
        """By the host's clock; no archive sets this time."""
        start = min((stream.stat().st_ctime for stream in self._streams), default=inf)
        return folder.stat().st_ctime > start

    def _standard_streams(self) -> dict[Path, Any]:
        """Those that the runtime made: devices. Before, links have these names."""
        nodes = {
            path: self._node(path)
            for path in map(Path, ("/dev/stdin", "/dev/stdout", "/dev/stderr"))
        }
        return {
            path: node
            for path, node in nodes.items()
            if node is not None and self._fs.isChrdev(node.mode)
        }

    def _node(self, path: Path) -> Any:
        from pyodide.ffi import JsException

        try:
            return self._fs.lookupPath(str(path)).node
        except JsException:
            return None
