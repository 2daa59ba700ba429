"""The surroundings on the host: a venv, its Pyodide distribution, and the configured indexes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..formats.lockfile import LOCK_NAME, Lockfile
from .base_url import known_base_url
from .micropip import default_index_urls
from .pip_config import pip_settings
from .surroundings import Surroundings
from .uv_config import uv_settings
from .venv import (
    distributions,
    find_venv,
    python_of,
    site_packages,
    without_distribution,
)


def detect(
    *,
    venv: Path | None = None,
    base: bool = True,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
) -> Surroundings:
    """Find out about a venv: its packages, its base lock and the indexes that pip and uv use there.

    Args:
        venv: The venv's folder; None: the active one, else the nearest ``.venv*``, one of Pyodide
          before all others.
        base: False: the caller has a base lock, so the venv's is not read.
        environ: The environment variables that count.
        cwd: The folder that relative paths count from; None: the current one.

    ``base`` and ``base_dir`` of the result are None for a venv that was not made from one Pyodide
    distribution, as ``no_base`` says then. Raises `InputError` when no venv, or no single one, is
    meant, when its site-packages folder is not clear, or when the lock or a configuration file
    cannot be read.
    """
    cwd = Path.cwd() if cwd is None else cwd
    found = find_venv(venv, environ, cwd)
    index_urls, find_links = configured_indexes(found, environ, cwd)
    site = site_packages(found)
    dists = distributions(found) if base else []
    dist = dists[0] if len(dists) == 1 else None
    lock = Lockfile.read(dist / LOCK_NAME) if dist else None
    return Surroundings(
        paths=(site,),
        base=lock,
        no_base=without_distribution(found, dists) if base and lock is None else None,
        python=python_of(site),
        base_url=known_base_url(lock, dist, index_urls) if lock and dist else None,
        base_dir=dist,
        index_urls=index_urls,
        find_links=find_links,
    )


def configured_indexes(
    venv: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The index URLs and the find-links that pip and uv are configured with, credentials included.

    The default index comes first: pip's ``index-url``, else uv's, else micropip's own default
    (nothing when micropip is not installed, or when pip or uv is configured with no-index). Then
    pip's and uv's further ones, each once. ``venv`` adds that venv's pip.conf.
    Raises `InputError` for a configuration file that cannot be understood.
    """
    cwd = Path.cwd() if cwd is None else cwd
    pip, uv = pip_settings(venv, environ, cwd), uv_settings(environ, cwd)
    urls: list[str] = []
    if not pip.no_index:
        urls += [*([pip.default] if pip.default else []), *pip.extra]
    if not uv.no_index:
        own_default = [uv.default] if uv.default else []
        urls = (
            [*urls, *uv.extra, *own_default]
            if urls and pip.default
            else [*own_default, *urls, *uv.extra]
        )
    if not (pip.default or uv.default or pip.no_index or uv.no_index):
        urls = [*default_index_urls(), *urls]
    return _distinct(urls), _distinct([*pip.find_links, *uv.find_links])


def _distinct(urls: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for url in urls:
        found.setdefault(url.rstrip("/"), url)
    return tuple(found.values())
