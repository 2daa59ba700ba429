"""The surroundings in the Python of a `pyodide venv`.

Node shows it the disk, so they are read as on the host.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from .._util.url import is_http
from . import host
from .base_url import known_base_url
from .surroundings import Surroundings
from .venv import distributions


def completed(found: Surroundings, cdn: str) -> Surroundings:
    """``found`` with what the host finds out about this venv: its indexes, and the Pyodide that it
    was made from.

    ``cdn`` is where the runtime downloads base wheels from that the disk has not; "" when it does
    not say. Raises `InputError` for a configuration file that cannot be understood.
    """
    index_urls, find_links = configured_indexes()
    dists = distributions(Path(sys.prefix))
    dist = dists[0] if len(dists) == 1 else None
    base_url = found.base_url
    if base_url is None and found.base is not None and dist is not None:
        base_url = known_base_url(found.base, dist, index_urls)
    if base_url is None and is_http(cdn):
        base_url = cdn
    return replace(
        found, base_url=base_url, base_dir=dist, index_urls=index_urls, find_links=find_links
    )


def configured_indexes() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The index URLs and find-links of pip and uv for this venv. Raises `InputError`."""
    return host.configured_indexes(Path(sys.prefix), _environ())


def _environ() -> dict[str, str]:
    """The environment variables, with the user's home folder.

    Pyodide's `python` gives the current folder as HOME.
    """
    import js

    environ = getattr(getattr(js, "process", None), "env", None)
    home = getattr(environ, "HOME", None)
    return {**os.environ, "HOME": home} if isinstance(home, str) else dict(os.environ)
