"""Where the code runs: the defaults of `freeze()` for arguments that the caller omits."""

from __future__ import annotations

import sys
from pathlib import Path

from ..errors import InputError
from .surroundings import Runtime, Screen, Surroundings

__all__ = [
    "Runtime",
    "Screen",
    "Surroundings",
    "configured_indexes",
    "current_runtime",
    "default_index_urls",
    "detect",
    "in_memory",
    "live",
    "object_url",
]


def current_runtime() -> Runtime | None:
    """The Pyodide that runs this call; None on the host."""
    if sys.platform != "emscripten":
        return None
    from . import runtime

    return runtime.Runtime()


def live() -> Screen | None:
    """An output of the notebook that runs this call; None anywhere else."""
    from . import notebook

    return notebook.live()


def in_memory() -> bool:
    """Whether files are in the memory of a runtime, where no other process sees them."""
    return sys.platform == "emscripten"


def object_url(content: bytes, kind: str) -> str | None:
    """A URL of this page or worker that stands for some bytes while it lives.

    None where there is no such thing.
    """
    if sys.platform != "emscripten":
        return None
    import js
    from pyodide.ffi import to_js

    if not hasattr(js, "URL") or not hasattr(js.URL, "createObjectURL"):
        return None
    options = to_js({"type": kind}, dict_converter=js.Object.fromEntries)
    url: str = js.URL.createObjectURL(js.Blob.new(to_js([to_js(content)]), options))
    return url


def detect(venv: Path | None = None) -> Surroundings:
    """The surroundings that this call finds itself in: the running Pyodide's, or those of a venv.

    ``venv`` names one on the host; None: the active one, else the nearest. Raises `InputError`
    when they cannot be made out, or when a venv is named inside Pyodide.
    """
    if sys.platform != "emscripten":
        from . import host

        return host.detect(venv=venv)
    if venv is not None:
        raise InputError(
            "A venv cannot be named inside Pyodide. Leave it out, or pass the folders as path=..."
        )
    from . import pyodide

    return pyodide.detect()


def default_index_urls() -> tuple[str, ...]:
    """micropip's index URLs, importing micropip when needed; nothing when it is not installed.

    For the moment when ``Surroundings.index_urls`` is empty and the network turns out to be needed.
    """
    from . import micropip

    return micropip.default_index_urls()


def configured_indexes(venv: Path | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The index URLs and find-links that pip and uv are configured with on this host, or micropip
    in Pyodide.

    For packages that lie in plain folders instead of a venv. ``venv`` adds the pip.conf of one; the
    Python of a `pyodide venv` adds its own. Raises `InputError` for a configuration file that
    cannot be understood.
    """
    if sys.platform == "emscripten":
        from . import pyodide

        return pyodide.configured_indexes()
    from . import host

    return host.configured_indexes(venv)
