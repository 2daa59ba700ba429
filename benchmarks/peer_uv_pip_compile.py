"""pyodide-lock's UvPipCompile, with what it takes to run at all: ``REQUIREMENTS BASE OUT PYTHON
CACHE INDEX``.

As it is, it asks uv for a platform of 2024, takes no wheel of the platform that PEP 783 names, and
refuses a release with two wheels that fit. So uv is given an interpreter instead of a platform, the
comparison of wheel tags is left out, and of two wheels it gets the native one.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pyodide_lock import utils, uv_pip_compile
from pyodide_lock.uv_pip_compile import UvPipCompile

requirements, base, out, python, cache, index = sys.argv[1:]
run_unchanged, resolve_unchanged = subprocess.run, UvPipCompile.resolve_wheel


def run(command: list[str], **options: Any) -> Any:
    """uv, without the platform that it would not know."""
    left = [
        word for word in command if not word.startswith(("--python-platform", "--python-version"))
    ]
    return run_unchanged(left, **options)


def resolve_wheel(self: UvPipCompile, info: dict[str, Any], *others: Any) -> Any:
    """One wheel of those that uv names."""
    wheels = sorted(info.get("wheels", ()), key=lambda wheel: "wasm32" not in wheel["url"])
    return resolve_unchanged(self, {**info, "wheels": wheels[:1]}, *others)


# Its releases for this Python want to know the version of Pyodide, which the locks of newer ones do
# not have.
lock = json.loads(Path(base).read_bytes())
lock["info"].setdefault("version", "314.0.7")
draft = Path(out).with_name("base.json")
draft.write_text(json.dumps(lock))
setattr(uv_pip_compile, "run", run)  # noqa: B010 - not an assignment that mypy allows
setattr(UvPipCompile, "resolve_wheel", resolve_wheel)  # noqa: B010 - not an assignment that mypy allows
setattr(utils, "_check_wheel_compatible", lambda *_, **__: None)  # noqa: B010 - not an assignment that mypy allows
update = UvPipCompile(
    input_path=draft,
    output_path=Path(out),
    wheel_dir=Path(out).parent / "wheels",
    specs=Path(requirements).read_text().split("\n")[:-1],
    extra_uv_args=[
        "--python",
        python,
        "--no-python-downloads",
        "--cache-dir",
        cache,
        "--default-index",
        index,
        "--no-config",
    ],
)
update.update()
