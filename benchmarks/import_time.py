"""How long ``import micropip_lock`` takes in Pyodide, beside ``import micropip``.

Each import happens in a runtime of its own that has done nothing else, with all files in Pyodide's
own file system and without bytecode, as after micropip.install. The runtimes take turns, so that a
busy machine slows all alike.
"""

from __future__ import annotations

from statistics import median

from tests.support import runtimes
from tests.support.node_pyodide import NodePyodide

ROUNDS = 5
STATEMENTS = (
    "import micropip",
    "import micropip_lock",
    "import micropip_lock; micropip_lock.freeze",
)
_CODE = """
import sys
from time import perf_counter
sys.dont_write_bytecode = True
start = perf_counter()
{statement}
perf_counter() - start
"""


def seconds(statement: str) -> float:
    """How long a statement takes in a fresh runtime."""
    with NodePyodide() as session:
        session.load_packages(["micropip", "packaging"])
        site = session.run("import sysconfig; sysconfig.get_path('purelib')", fresh=True)
        for file in sorted((runtimes.PROJECT / "micropip_lock").rglob("*.py")):
            session.write(
                f"{site}/{file.relative_to(runtimes.PROJECT).as_posix()}", file.read_bytes()
            )
        taken: float = session.run(_CODE.format(statement=statement), fresh=True)
        return taken


def measure(rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds by statement."""
    taken: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for _ in range(rounds):
        for statement, times in taken.items():
            times.append(seconds(statement))
    return taken


def main() -> None:
    """Measure, and print a table."""
    taken = measure()
    print(
        f"Import in Pyodide {runtimes.VERSIONS[-1]} in Node, median of {ROUNDS} fresh runtimes each"
    )
    unit = median(taken[STATEMENTS[0]])
    for statement, times in taken.items():
        middle = median(times)
        print(
            f"  {statement:44} {middle * 1000:6.0f} ms   {middle / unit:5.2f} times import micropip"
        )


if __name__ == "__main__":
    main()
