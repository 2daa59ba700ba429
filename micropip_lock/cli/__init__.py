"""The command line: ``micropip-lock`` and ``python -m micropip_lock``.

Exit status: 0 done; 1 the answer is no; 2 usage, or an input that is missing or unreadable; 3 could
not find out; 130 interrupted. Human text goes to stderr, the result to stdout or to the file of -o.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import ModuleType

#: Project pages become hundreds of thousands of small objects, and hardly any is ever garbage: by
#: default Python would look through them again and again.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def run(arguments: Sequence[str] | None = None, *, program: str = "micropip-lock") -> None:
    """Run the command line and exit.

    ``arguments`` default to those of the process; ``program`` is the program's name in its help.
    """
    _open_standard_streams()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    atexit.register(gc.freeze)  # nor would the last collections, on the way out, find any
    # httpx would import its own command line with all of rich and pygments, a third of the time to
    # the first request. None stands for a module that cannot be imported, which httpx expects where
    # rich is not installed.
    sys.modules.setdefault("httpx._main", cast("ModuleType", None))
    try:
        from .main import micropip_lock

        micropip_lock.main(args=None if arguments is None else list(arguments), prog_name=program)
    except KeyboardInterrupt:
        _complain("Interrupted; nothing was written.")
        sys.exit(130)
    except ImportError as error:  # a command brings what it needs when it is used
        missing = isinstance(error, ModuleNotFoundError) and not str(error.name).startswith(
            __name__.partition(".")[0]
        )
        what = (
            f"needs {error.name}, which is not installed"
            if missing
            else f"cannot be loaded ({error})"
        )
        _complain(f'The command line {what}: pip install "micropip-lock[host]"')
        sys.exit(2)


def _open_standard_streams() -> None:
    """Open the standard streams that the caller closed (``>&-``).

    Else a file opened later would get the number of the stream, and its output.

    To write to a closed stdout fails, since the result would be lost; what goes to a closed stderr
    is dropped.
    """
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def _complain(text: str) -> None:
    with suppress(OSError, ValueError):  # stderr may be full, or closed
        sys.stderr.write(f"{text}\n")
