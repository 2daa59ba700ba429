"""TOML as `tomllib` reads it, within bounds. Specification: https://toml.io/en/v1.0.0"""

from __future__ import annotations

import re
from typing import Any

_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
#: `tomllib` takes memory by the square of the parts of a key; real files have only a few.
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}){{100}}")


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML. Raises ValueError with what is wrong, line and column as far as they are
    known.
    """
    import tomllib  # slow to import in Pyodide

    if found := _LONG_KEY.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ValueError(f"A key of more than 100 parts (at line {line})")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("It is nested too deeply") from error
