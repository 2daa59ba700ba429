"""freeze() beside micropip.freeze(), for 100 packages that micropip installed into one Pyodide.

The packages have the size and the metadata of ordinary ones. The whole base lock is loaded, as on a
page. The two take turns; the first call of each is told apart, for it imports what it needs and,
with micropip, writes into site-packages.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.node_pyodide import NodePyodide
from tests.support.wheels import build_wheel

PACKAGES = 100
FILES = 80
ROUNDS = 5
_CODE = """
from time import perf_counter
{imports}
start = perf_counter()
result = {call}
taken = perf_counter() - start
[taken, {requests}]
"""
_OURS = _CODE.format(
    imports="import micropip_lock",
    call="await micropip_lock.freeze()",
    requests='result.totals["requests"]',
)
_MICROPIPS = _CODE.format(imports="import micropip", call="micropip.freeze()", requests="0")


def build_packages(folder: Path) -> list[str]:
    """Build them; each needs two of those before, and has extras, markers, a script and a long
    description.
    """
    names = [f"package-{number:03}" for number in range(PACKAGES)]
    for number, name in enumerate(names):
        module = name.replace("-", "_")
        files = {
            f"{module}/{'' if part % 4 else 'inner/'}module_{part}.py": (
                f'"""Part {part}."""\n\nVALUE = {part}\n'
            )
            * 20
            for part in range(FILES - 2)
        }
        files |= {f"{module}/__init__.py": "", f"{module}/inner/__init__.py": ""}
        requires = [
            f"{other}>=1,<2" for other in (*names[:number][-1:], *names[: number // 2][-1:])
        ]
        build_wheel(
            folder,
            name,
            f"1.{number}",
            files=files,
            requires=[
                *requires,
                "colorama>=0.4; sys_platform == 'win32'",
                "tomli>=2; python_version < '3.11'",
            ],
            extras={
                "test": ["pytest>=8", "coverage[toml]"],
                "docs": ["sphinx>=7", "furo; python_version >= '3.9'"],
            },
            metadata_extra="\n".join(
                f"Classifier: Programming Language :: Python :: 3.{minor}" for minor in range(9, 15)
            ),
            entry_points={name: f"{module}:main"},
        )
    return names


def measure(rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds of each call by what was called; the first of each is told apart."""
    lock = runtimes.base_lock(runtimes.VERSIONS[-1])
    with IndexServer() as index, NodePyodide(lock=lock, timeout=600) as session:
        names = build_packages(index.folder)
        session.use_project()
        session.load_packages(["packaging"])
        session.install(*names, index_url=index.url)
        index.reset()
        ours, micropips = [], []
        for _ in range(rounds + 1):
            ours.append(session.run(_OURS, fresh=True))
            micropips.append(session.run(_MICROPIPS, fresh=True))
        if index.requests or any(count for _, count in ours):
            raise SystemExit("freeze() asked the network for what micropip had installed.")
    taken = {"micropip.freeze()": micropips, "micropip_lock.freeze()": ours}
    return {what: [seconds for seconds, _ in measured] for what, measured in taken.items()}


def main() -> None:
    """Measure, and print the ratio."""
    taken = measure()
    print(
        f"Freezing {PACKAGES} packages of {FILES} files each in Pyodide {runtimes.VERSIONS[-1]} in "
        "Node, no request"
    )
    unit = median(taken["micropip.freeze()"][1:])
    for what, measured in taken.items():
        middle = median(measured[1:])
        ratio = f"{middle / unit:5.2f} times micropip.freeze()"
        print(
            f"  {what:24} {middle * 1000:6.0f} ms   {ratio}   (first call {measured[0] * 1000:.0f} "
            "ms)"
        )


if __name__ == "__main__":
    main()
