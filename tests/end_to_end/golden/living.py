"""What diff, tree and check show of small locks, and diff of two locks of Pyodide itself, letter
for letter.

``python -m tests.end_to_end.golden.living`` writes the texts anew. Read what changed: each has to
be clear to people who see it for the first time.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from micropip_lock import Diff, Lockfile, Tree, check, diff
from micropip_lock.cli import check as cli_check
from micropip_lock.cli import diff as cli_diff
from micropip_lock.cli import tree as cli_tree
from micropip_lock.cli.diff_markdown import to_markdown
from micropip_lock.cli.tree_svg import draw
from micropip_lock.network import drive

from ...support import runtimes
from ...support.freezing import base_document, base_lock, entry
from ...support.installed import installer_target
from ...support.wheels import build_wheel

FOLDER = Path(__file__).parent
INDEX = "https://files.example"


def at(name: str, version: str = "1.0", host: str = INDEX, **changes: Any) -> dict[str, Any]:
    """An entry whose wheel an index has."""
    url = f"{host}/{name}-{version}-py3-none-any.whl"
    own = {"file_name": url, "sha256": f"{sum(map(ord, name + version)):064x}"}
    return entry(name, version, **{**own, **changes})


def printed(lines: Iterable[Text], width: int = 100) -> str:
    """Lines as they are printed to a file."""
    file = io.StringIO()
    console = Console(file=file, width=width, soft_wrap=True, highlight=False, no_color=True)
    for line in lines:
        console.print(line)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def changed() -> Diff:
    """Two locks that differ in every way."""
    same = [at("same"), at("also-same", "2.0")]
    old = base_lock(
        *same,
        at("forged", "3.1", sha256="ab" * 32),
        at("gone", "0.9"),
        at("newer", "1.9", depends=["gone", "same"]),
        at("older", "2.0"),
        at(
            "native",
            "4.0",
            file_name="native-4.0-cp313-cp313-pyodide_2025_0_wasm32.whl",
            sha256="1" * 64,
        ),
        at("moved"),
        at("needs", depends=["same"], imports=["needs", "needs_old"]),
        tool={"micropip-lock": {"proof": "content", "requested": ["newer"]}},
    )
    new = base_lock(
        *same,
        at("forged", "3.1", sha256="cd" * 32),
        at("fresh", "0.1"),
        at("newer", "1.10", depends=["fresh", "same"]),
        at("older", "1.5", host="https://mirror.example"),
        at(
            "native",
            "4.0",
            file_name="native-4.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
            sha256="2" * 64,
        ),
        at("moved", host="https://mirror.example"),
        at("needs", depends=["also-same"], imports=["needs"], install_dir="dynlib"),
        tool={"micropip-lock": {"proof": "content", "requested": ["newer", "fresh"]}},
    )
    return diff(old, new)


def tampered() -> Diff:
    """One file was replaced, and nothing else."""
    return diff(
        base_lock(at("forged", sha256="ab" * 32)), base_lock(at("forged", sha256="cd" * 32))
    )


def pyodide(old: str, new: str) -> Diff:
    """Two releases of Pyodide."""
    return diff(runtimes.base_lock(old), runtimes.base_lock(new))


def grown() -> Tree:
    """A tree with shared packages, a circle, and a hole."""
    lock = Lockfile.from_json(
        base_document(
            entry("app", depends=["web", "shared"]),
            entry("web", "7.1", depends=["template", "shared"]),
            entry("template", "2.11", depends=["markup"]),
            entry("markup", "0.3"),
            entry("shared", "5.0", depends=["deep"]),
            entry("deep", "1.2"),
            entry("tool", "0.1", depends=["shared", "absent"]),
            entry("left", depends=["right"]),
            entry("right", depends=["left"]),
        )
    )
    sizes = {
        "app": 120_000,
        "web": 2_400_000,
        "template": 310_000,
        "markup": 40_000,
        "shared": 900_000,
    }
    sizes |= {"deep": 15_000, "tool": 60_000, "left": 5_000}
    return Tree(lock.packages, sizes, frozenset({"app"}))


def torn() -> str:
    """An environment that does not go together."""
    with tempfile.TemporaryDirectory() as folder:
        wheels = [
            build_wheel(Path(folder), "app", "1.0", requires=["web"]),
            build_wheel(Path(folder), "web", "7.1", requires=["template[fast]<3"]),
            build_wheel(Path(folder), "docs", "4.0", requires=["markup>=2"]),
            build_wheel(Path(folder), "markup", "2.5", requires=["template>=3", "absent>=1"]),
            build_wheel(Path(folder), "template", "2.11", extras={"fast": ["speed>=2"]}),
            build_wheel(Path(folder), "speed", "1.0"),
        ]
        site = installer_target(Path(folder) / "site", *wheels)
        checked = drive(check(path=site, base=base_lock(), offline=True))
        return printed(cli_check.lines(checked.conflicts)).replace(str(site), "site")


def _told(found: Diff) -> str:
    return printed(cli_diff.lines(found, 100))


TEXTS: Mapping[str, Callable[[], str]] = {
    "diff.out": lambda: _told(changed()),
    "diff.md": lambda: to_markdown(changed()),
    "diff-tampered.out": lambda: _told(tampered()),
    "diff-tampered.md": lambda: to_markdown(tampered()),
    "diff-0.29.5-314.0.7.out": lambda: _told(pyodide("0.29.5", "314.0.7")),
    "tree.out": lambda: printed(cli_tree.lines(grown(), None)),
    "tree-inverted.out": lambda: printed(cli_tree.lines(grown(), "shared")),
    "tree.svg": lambda: draw(grown(), None),
    "tree-inverted.svg": lambda: draw(grown(), "shared"),
    "check.out": torn,
}


def main() -> None:
    """Write."""
    for name, text in TEXTS.items():
        (FOLDER / name).write_text(text(), encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
