"""The notebook that runs us, if one does: an output that changes while work is under way."""

from __future__ import annotations

import sys
import time
from typing import Any

#: Seconds between two drawings: each is a message to the page.
_PAUSE = 0.1


class Live:
    """One output area, which appears only when the work takes a while."""

    def __init__(self, display: Any, html: Any) -> None:
        self._display, self._html = display, html
        self._handle: Any = None
        self._drawn = time.monotonic()

    def draw(self, text: str) -> None:
        """Show this HTML instead of what was there, unless something was shown just now."""
        if time.monotonic() < self._drawn + _PAUSE:
            return
        self._drawn = time.monotonic()
        if self._handle is None:
            self._handle = self._display(self._html(text), display_id=True)
        else:
            self._handle.update(self._html(text))

    def close(self, text: str) -> None:
        """Leave this HTML behind."""
        if self._handle is not None:
            self._handle.update(self._html(text))
        elif text:
            self._display(self._html(text))


def live() -> Live | None:
    """An output of the notebook that runs this; None anywhere else."""
    # Where IPython is not yet imported there is no notebook, and it is slow to import.
    ipython = sys.modules.get("IPython")
    shell = (
        ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    )
    # A terminal shows no HTML. Notebook kernels have a `kernel`, in Pyodide as on the host.
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    from IPython.display import HTML, display

    return Live(display, HTML)
