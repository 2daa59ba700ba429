"""Let pip and uv install for a Pyodide of which this machine has no interpreter.

Run as a script: ``foreign_python.py pip MARKERS ...`` is pip that evaluates markers for the target,
as the pip of a ``pyodide venv`` does; ``foreign_python.py probe CHANGES ...`` is the interpreter
that uv asks about itself, with changes to what it says. uv 0.13's --python-platform knows no
Pyodide newer than 2025.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


def markers(python: str) -> dict[str, str]:
    """The marker environment (PEP 508) inside a Pyodide with this Python ("3.14")."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.2",
        "os_name": "posix",
        "platform_machine": "wasm32",
        "platform_python_implementation": "CPython",
        "platform_release": "4.0.9",
        "platform_system": "Emscripten",
        "platform_version": "#1",
        "python_full_version": f"{python}.2",
        "python_version": python,
        "sys_platform": "emscripten",
    }


def probe_changes(python: str, year: int) -> dict[str, Any]:
    """What a Pyodide of the platform ``pyemscripten_<year>_0`` would tell uv about itself."""
    operating_system = {"name": "pyemscripten", "major": year, "minor": 0}
    return {
        "markers": markers(python),
        "os": operating_system,
        "arch": "wasm32",
        "manylinux_compatible": False,
    }


def pip(changes: dict[str, str] | None, arguments: list[str]) -> int:
    """pip in this process, with these markers or, for None, its own; returns the exit status."""
    from pip._internal.cli.main import main
    from pip._vendor.packaging import markers as pip_markers

    if changes is not None:
        setattr(pip_markers, "default_environment", lambda: dict(changes))  # noqa: B010 - not an assignment that pip allows for
    return main(arguments)


def _probe(changes: dict[str, Any], arguments: list[str]) -> int:
    done = subprocess.run(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    try:
        said = json.loads(done.stdout)
    except json.JSONDecodeError:  # not the question about itself, but some other script
        print(done.stdout, end="")
        return done.returncode
    print(json.dumps(said | changes))
    return done.returncode


if __name__ == "__main__":
    what, changes, *rest = sys.argv[1:]
    sys.exit({"pip": pip, "probe": _probe}[what](json.loads(changes), rest))
