"""Runs pip, or pip-compile, as if it ran in Pyodide 314: with its markers, its wheel tags and its
version of Python.

``as_pyodide.py pip ...`` or ``as_pyodide.py pip-compile ...``, with the Python that has them. pip
has options for a foreign platform, but not for its markers, and ``pip lock`` and pip-compile lack
them altogether.
"""

import inspect
import sys
from typing import Any

PYTHON = (3, 14, 2)


def become_pyodide() -> None:
    """Change what pip believes of this interpreter."""
    from pip._internal.models import target_python
    from pip._internal.resolution.resolvelib import candidates
    from pip._internal.utils import compatibility_tags
    from pip._vendor.packaging import markers
    from pip._vendor.packaging.tags import compatible_tags, cpython_tags

    platforms = [f"{name}_2026_0_wasm32" for name in ("pyemscripten", "pyodide")]
    tags = [
        *cpython_tags(PYTHON[:2], abis=["cp314"], platforms=platforms),
        *compatible_tags(PYTHON[:2], interpreter="cp314", platforms=platforms),
    ]
    environment = {
        "implementation_name": "cpython",
        "implementation_version": "3.14.2",
        "os_name": "posix",
        "platform_machine": "wasm32",
        "platform_python_implementation": "CPython",
        "platform_release": "5.0.3",
        "platform_system": "Emscripten",
        "platform_version": "#1",
        "python_full_version": "3.14.2",
        "python_version": "3.14",
        "sys_platform": "emscripten",
    }
    setattr(markers, "default_environment", lambda: dict(environment))  # noqa: B010 - not an assignment that it allows for
    for module in (compatibility_tags, target_python):
        setattr(module, "get_supported", lambda *_, **__: tags)  # noqa: B010 - not an assignment that mypy allows
    for kind in (target_python.TargetPython, candidates.RequiresPythonCandidate):
        setattr(kind, "__init__", _for_our_python(kind.__init__))  # noqa: B010 - not an assignment that mypy allows


def _for_our_python(init: Any) -> Any:
    """A constructor that does not take this interpreter's version where it is told none."""

    def new(self: Any, *arguments: Any, **options: Any) -> None:
        bound = inspect.signature(init).bind(self, *arguments, **options)
        if bound.arguments.get("py_version_info") is None:
            bound.arguments["py_version_info"] = PYTHON
        init(*bound.args, **bound.kwargs)

    return new


def main() -> int:
    """Become it, and run the tool."""
    tool, *arguments = sys.argv[1:]
    become_pyodide()
    if tool == "pip":
        from pip._internal.cli.main import main as run

        return run(arguments)
    from piptools.scripts.compile import cli

    sys.argv = [tool, *arguments]
    cli()
    return 0


if __name__ == "__main__":
    sys.exit(main())
