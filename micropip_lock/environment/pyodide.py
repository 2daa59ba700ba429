"""The surroundings inside Pyodide: the import path, and what the runtime itself was loaded with.

Written against Pyodide 0.27.7, 0.28.3, 0.29.5 and 314.0.7. The modules of the runtime are imported
by the functions that need them, so that the rest can be tested anywhere.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from packaging.utils import canonicalize_name

from ..formats.lockfile import Lockfile
from .loaded import loaded, own_site
from .micropip import current_index_urls, default_index_urls
from .surroundings import Surroundings


def detect() -> Surroundings:
    """Find out about the running Pyodide.

    ``index_urls`` is filled only when micropip has been imported already; when the network turns
    out to be needed, `configured_indexes` imports it. ``base_dir`` stays None: in Node the
    distribution is a folder of the host, which the runtime's own file system does not show. For the
    Python of a venv both are as on the host, which shows its disk. Raises `InputError` when the
    runtime's lock has a value of the wrong type, or a configuration file of pip or uv cannot be
    understood.
    """
    import js
    import pyodide_js

    location = getattr(js, "location", None)  # pages and workers have one, Node has none
    found = Surroundings(
        paths=import_folders(sys.path),
        base=_base(pyodide_js, js.JSON),
        base_url=_base_url(pyodide_js, _text(location, "href")),
        index_urls=current_index_urls(),
        loaded={key: channel for key, (_, channel) in loaded(pyodide_js).items()},
        loaded_into=own_site(),
        in_memory=in_memory(sys.meta_path),
        page_origin=_origin(_text(location, "origin")),
        file_sizes=file_sizes,
    )
    if sys.prefix == sys.base_prefix:
        return found
    from . import (
        pyodide_venv,
    )  # what the host has for venvs is not needed anywhere else

    return pyodide_venv.completed(found, _text(pyodide_js._api.config, "cdnUrl"))


def configured_indexes() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The index URLs and find-links: for the Python of a venv those of pip and uv, else micropip's.

    Raises `InputError` for a configuration file that cannot be understood.
    """
    if sys.prefix == sys.base_prefix:
        return default_index_urls(), ()
    from . import pyodide_venv

    return pyodide_venv.configured_indexes()


def import_folders(path: Iterable[str]) -> tuple[Path, ...]:
    """The folders of an import path that exist, in order and each once; ``""`` is the current one.

    They are those that `importlib.metadata` would search, without zip files: no installer puts
    distributions into one.
    """
    context = Path.cwd()
    folders = (context / entry for entry in path if isinstance(entry, str))
    return tuple(dict.fromkeys(folder for folder in folders if folder.is_dir()))


def in_memory(meta_path: Iterable[Any]) -> dict[str, str]:
    """Canonical name -> version of distributions that a finder makes up without a folder.

    micropip's in-memory mock packages are such. The standard finder is not used: it finds only
    folders, and would parse every METADATA. Nor are objects counted that stem from a folder.
    """
    found: dict[str, str] = {}
    for finder in meta_path:
        search = getattr(finder, "find_distributions", None)
        if finder is PathFinder or search is None:
            continue
        from importlib.metadata import (
            DistributionFinder,
        )  # takes 0.2 s in Pyodide, and is seldom needed

        for distribution in search(DistributionFinder.Context()):
            if getattr(distribution, "_path", None) is None and (
                name := distribution.metadata["Name"]
            ):
                found.setdefault(canonicalize_name(name), distribution.version)
    return found


#: Emscripten's file system in memory is a tree of JavaScript objects: a folder has its
#: ``contents``, and a file ``usedBytes``, which is the size that stat() gives. What is mounted
#: there is of another kind, and passed over.
_WALK = """(FS, path) => {
  const found = [];
  const walk = (folder, prefix) => {
    for (const [name, node] of Object.entries(folder.contents)) {
      if (node.mounted) continue;
      if (FS.isDir(node.mode) && node.contents) walk(node, `${prefix}${name}/`);
      else if (FS.isFile(node.mode) && Number.isInteger(node.usedBytes))
        found.push(prefix + name, node.usedBytes);
    }
  };
  try {
    const { node } = FS.lookupPath(path, { follow: true });
    if (FS.isDir(node.mode) && node.contents) walk(node, "");
  } catch {
    return ""; // there is no such folder, or it is of another kind
  }
  return found.join("\\0");
}"""


def file_sizes(folder: Path) -> dict[str, int]:
    """The sizes of the files below ``folder`` that are in memory, by relative path.

    Asking the file system for one after the other takes ten times as long. Nothing where the page
    forbids eval().
    """
    import pyodide_js
    from pyodide.code import run_js
    from pyodide.ffi import JsException

    try:
        found = run_js(_WALK)(pyodide_js.FS, str(folder)).split("\0")
    except JsException:
        return {}
    return dict(zip(found[::2], map(int, found[1::2]), strict=False))


def _base(pyodide_js: Any, javascript_json: Any) -> Lockfile:
    api = pyodide_js._api
    # 0.28 and newer keep the lock whole, older ones in two parts. JSON text, not to_py(): a null
    # becomes None in every version, and it takes no longer (15-20 ms against 15-30 ms).
    if getattr(api, "lockfile", None) is not None:
        return _parsed(javascript_json.stringify(api.lockfile))
    info, packages = map(javascript_json.stringify, (api.lockfile_info, api.lockfile_packages))
    return _parsed(f'{{"info": {info}, "packages": {packages}}}')


@lru_cache(maxsize=1)  # the runtime hardly ever gets another one while it lives
def _parsed(text: str) -> Lockfile:
    return Lockfile.from_json(json.loads(text), "the running Pyodide's lock")


def _base_url(pyodide_js: Any, page: str) -> str | None:
    config = pyodide_js._api.config
    if hasattr(pyodide_js, "lockfileBaseUrl"):
        # The package manager resolves file names against packageBaseUrl, and against the page when
        # that is not set (lockFileContents alone). `lockfileBaseUrl` is a folder of wheels already
        # fetched when the caller named a packageCacheDir, so it comes second.
        value = [_text(config, "packageBaseUrl"), _text(pyodide_js, "lockfileBaseUrl")]
    else:
        value = [_text(config, "indexURL")]  # up to 0.27 the only folder there is
    urls = [url for url in value if url] or [page]
    # Joining "." drops the name of a file after the last slash, and a query.
    folders = (urljoin(urljoin(page, url), ".") for url in urls)
    return next((url for url in folders if urlsplit(url).scheme in ("http", "https")), None)


def _origin(value: str) -> str | None:
    # Pages from disk and sandboxed frames have the opaque origin, which is spelt "null".
    return value if value.startswith(("http://", "https://")) else None


def _text(owner: Any, name: str) -> str:
    value = getattr(owner, name, None)
    return value if isinstance(value, str) else ""
