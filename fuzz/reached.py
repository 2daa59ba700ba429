"""How much of a parser its corpus reaches:

the lines of its modules that were run, of those in functions.
"""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import micropip_lock

from .target import Target

PACKAGE = Path(micropip_lock.__file__).parent


def lines_reached(target: Target) -> list[tuple[str, int, int]]:
    """For each module of a target: its name, the lines that were reached, and all of them."""
    files = {str(PACKAGE / f"{module}.py"): module for module in target.modules}
    lines = {file: set(_lines(Path(file))) for file in files}
    seen: dict[str, set[int]] = {file: set() for file in files}

    def trace(frame: types.FrameType, event: str, argument: object) -> object:
        known = seen.get(frame.f_code.co_filename)
        if known is None:
            return None
        known.add(frame.f_lineno)
        return trace

    corpus = Path(".cache/fuzz") / target.name / "corpus"
    inputs = [*target.seeds, *(path.read_bytes() for path in sorted(corpus.glob("*")))]
    with suppress(RecursionError):
        threading.settrace(trace)  # type: ignore[arg-type]  # its own type differs by version
        sys.settrace(trace)  # type: ignore[arg-type]  # its own type differs by version
        try:
            for data in inputs:
                with suppress(Exception):  # findings are told elsewhere
                    target.run(data)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]  # its own type differs by version
    return [
        (module, len(lines[file] & seen[file]), len(lines[file])) for file, module in files.items()
    ]


def _lines(file: Path) -> Iterator[int]:
    """The lines in functions; those outside of any were run at the import."""
    waiting = [compile(file.read_text(encoding="utf-8"), str(file), "exec")]
    while waiting:
        code = waiting.pop()
        inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        waiting += inner
        if code.co_flags & 0x0002:  # CO_NEWLOCALS: a function, not a module or a class
            yield from (
                line
                for _, _, line in code.co_lines()
                if line is not None and line != code.co_firstlineno
            )
