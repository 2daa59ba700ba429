"""micropip's settings: the only module that imports micropip's modules for them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


def current_index_urls() -> tuple[str, ...]:
    """The index URLs of a micropip that is already imported, as `micropip.set_index_urls` left
    them.

    A URL may hold ``{package_name}``, which stands for the project's name. Nothing when micropip
    has not been imported: importing it costs time, which only a need for the network justifies.
    """
    singleton = getattr(sys.modules.get("micropip"), "_package_manager_singleton", None)
    urls = getattr(singleton, "index_urls", ())
    return _spelled_out([urls] if isinstance(urls, str) else urls)


def default_index_urls() -> tuple[str, ...]:
    """The index URLs micropip uses, importing it when needed: its setting if changed, else its
    default.

    Nothing when micropip is not installed.
    """
    try:
        from micropip import package_index
    except ImportError:
        return ()
    return current_index_urls() or _spelled_out(package_index.DEFAULT_INDEX_URLS)


def _spelled_out(urls: Iterable[str]) -> tuple[str, ...]:
    # Users may write micropip's own short name for its default index instead of the URL.
    package_index: Any = sys.modules.get("micropip.package_index")
    short = getattr(package_index, "PYPI", None)
    return tuple(getattr(package_index, "PYPI_URL", url) if url == short else url for url in urls)
