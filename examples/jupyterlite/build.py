"""Build a JupyterLite site whose kernel starts with exactly the packages of a lock.

The kernel asks no server but the site's.

    pip install "micropip-lock[jupyterlite]"
    python examples/jupyterlite/build.py [--renew] [--index-url URL] [options of jupyter lite build]

The lock is made from requirements.txt when there is none; keep it under version control, and make
it anew with ``--renew``. One that was frozen in a notebook, saved as pyodide-lock.json here, does
as well. A Pyodide in static/pyodide becomes part of the site; else the site loads the release that
the kernel is made for.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

HERE = Path(__file__).resolve().parent
LOCK = HERE / "pyodide-lock.json"


def main() -> int:
    """Lock, then build; the exit status of what failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--renew", action="store_true", help="make the lock anew")
    parser.add_argument(
        "--index-url", help="the index to resolve with, if not the one that pip is configured with"
    )
    options, others = parser.parse_known_args()
    own = HERE / "static" / "pyodide" / "pyodide-lock.json"
    if options.renew or not LOCK.exists():
        command = ["micropip_lock", "resolve", "-r", "requirements.txt", "-o", LOCK.name]
        command += ["--base", str(own) if own.exists() else PYODIDE_VERSION]
        command += ["--index-url", options.index_url] if options.index_url else []
        if status := run(*command):
            return status
    return run("jupyterlite_core", "build", *others)


def run(*command: str) -> int:
    """Run a module of this Python in this folder."""
    return subprocess.run([sys.executable, "-m", *command], cwd=HERE, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
