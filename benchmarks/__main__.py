"""micropip_lock beside its peers, over a model of a line: ``python -m benchmarks [WORK...]`` writes
docs/benchmarks.md.

Works: freeze refreeze resolve bundle sync pyodide growth; all of them without any. What is not run
again stays as the last run left it in docs/benchmarks/results.json.
"""

from __future__ import annotations

import argparse
import platform
import time
from datetime import UTC, datetime
from statistics import median
from typing import Any

from . import copies, corpus, freeze_in_pyodide, growth, import_time, report
from .bare import fetch_all
from .inputs import FOLDER, Inputs
from .link import read_line
from .linked import Link
from .measure import compete
from .works import WORKS, Work

GROUPS = ("freeze", "refreeze", "resolve", "bundle", "sync", "pyodide", "growth")


def run_work(work: Work, inputs: Inputs, runs: int, line: str) -> dict[str, Any]:
    """One table."""
    link = inputs.link
    contestants = work.contestants(inputs)
    floor = work.floor(inputs) if work.floor else None
    model = {
        "latency": 0.0,
        "bandwidth": 0.0,
        "connect": 0.0,
        "releases": True,
        **dict(read_line(line)),
    }
    model.update(work.settings)
    link.set(**model)
    rows = compete(FOLDER / "run", contestants, link, runs=min(runs, work.runs), warm=work.warm)
    said: dict[str, Any] = {"title": work.title, "line": line, "model": model, "warm": work.warm}
    if floor:
        seconds = floor.seconds(
            **{name: model[name] for name in ("latency", "bandwidth", "connect")}
        )
        said["floor"] = {**floor.to_json(), "seconds": round(seconds, 3)}
    return {**said, "rows": [row.to_json() for row in rows]}


def run_pyodide(runs: int) -> dict[str, Any]:
    """What happens inside Pyodide, where no process can be timed from outside."""
    frozen, imported = freeze_in_pyodide.measure(runs), import_time.measure(runs)
    return {
        "freeze": {
            name: {"first": times[0], "seconds": median(times[1:])}
            for name, times in frozen.items()
        },
        "import": {name: {"seconds": median(times)} for name, times in imported.items()},
        "runs": runs,
    }


def _write(results: dict[str, Any], runs: int) -> None:
    """Write the page; after each work, so that nothing that was measured is lost."""
    results["machine"] = {
        "python": platform.python_version(),
        "processors": report.processors(),
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
        "runs": runs,
    }
    results["works"] = {
        work.key: results["works"][work.key] for work in WORKS if work.key in results["works"]
    }
    report.write(results)


def main() -> None:
    """Run what is asked for, and write everything down."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "works", nargs="*", choices=[*GROUPS, *(work.key for work in WORKS), []], metavar="WORK"
    )
    parser.add_argument(
        "--runs", type=int, default=5, help="runs of each contestant; slow ones get fewer"
    )
    parser.add_argument(
        "--link", metavar="40/4", help="milliseconds a request / megabytes a second, for all works"
    )
    parser.add_argument("--quick", action="store_true", help="one run of each, two sizes of growth")
    options = parser.parse_args()
    wanted = set(options.works or GROUPS)
    runs = 1 if options.quick else options.runs
    corpus.build()
    results = report.read()
    started = time.perf_counter()
    with Link(corpus.FOLDER) as link:
        inputs = Inputs(link)
        _ = inputs.tools, inputs.lock
        results["corpus"] = {
            "distributions": len(inputs.pins),
            "asked": len(corpus.REQUIREMENTS),
            **inputs.sizes,
            "bare": fetch_all(link, inputs, runs),
        }
        for work in WORKS:
            if wanted & {work.key, work.group}:
                print(work.title, flush=True)
                results["works"][work.key] = run_work(work, inputs, runs, options.link or work.line)
                print(report.table(results["works"][work.key], markdown=False), flush=True)
                _write(results, runs)
        if "growth" in wanted:
            print("growth", flush=True)
            sizes = copies.SIZES[:3] if options.quick else copies.SIZES
            results["growth"] = growth.operations(inputs, runs=min(runs, 3), sizes=sizes)
            results["memory"] = growth.bundle_memory(inputs)
    if "pyodide" in wanted:
        print("in Pyodide", flush=True)
        results["pyodide"] = run_pyodide(min(runs, 5))
    _write(results, runs)
    for aim in report.aims(results):
        print(f"{'met   ' if aim.met else 'MISSED'}  {aim.asks}: {aim.reached}")
    print(f"{time.perf_counter() - started:.0f} s; docs/benchmarks.md is written.")


if __name__ == "__main__":
    main()
