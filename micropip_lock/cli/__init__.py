"""The command line: ``micropip-lock`` and ``python -m micropip_lock``.

Exit status: 0 done; 1 the answer is no; 2 usage, or an input that is missing or unreadable; 3 could not
find out; 130 interrupted. Human text goes to stderr, the result to stdout or to the file of -o.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit. ``arguments`` default to those of the process."""
    try:
        from ._commands import micropip_lock
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.stderr.write(
            f'The command line needs {error.name}, which is not installed: pip install "micropip-lock[host]"\n'
        )
        sys.exit(2)
    micropip_lock.main(args=None if arguments is None else list(arguments), prog_name="micropip-lock")
