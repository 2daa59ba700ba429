"""The wheel of this checkout, built as a release is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from . import runtimes


def build_own_wheel(folder: Path) -> Path:
    """Build micropip_lock's own wheel into ``folder``;

    the build backend comes from the machine's index.
    """
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(folder),
    ]
    command += ["--cache-dir", str(runtimes.CACHE / "pip"), str(runtimes.PROJECT)]
    done = subprocess.run(
        command, env=runtimes.MACHINE_ENVIRON, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise runtimes.SetupError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    (wheel,) = folder.glob("micropip_lock-*.whl")
    return wheel
