"""The table of docs/fuzzing.md, from what the runs have left in .cache/fuzz."""

from __future__ import annotations

import json
from pathlib import Path

from .reached import lines_reached
from .targets import TARGETS

DOCUMENT = Path("docs/fuzzing.md")
BEGIN, END = "<!-- begin of the table -->\n", "<!-- end of the table -->\n"


def write_report() -> None:
    """Replace the table; targets that never ran have none of the numbers."""
    rows = [
        "| target | what is read | executions | seconds | per second | edges | corpus | lines "
        "reached |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    executions = seconds = 0
    for name, target in TARGETS.items():
        history = Path(".cache/fuzz") / name / "runs.json"
        runs = json.loads(history.read_bytes()) if history.exists() else []
        count, took = sum(run["executions"] for run in runs), sum(run["seconds"] for run in runs)
        executions, seconds = executions + count, seconds + took
        edges = max((run["edges"] for run in runs), default=0)
        corpus = sum(1 for _ in (history.parent / "corpus").glob("*"))
        reached = ", ".join(
            f"{module} {known} of {total}" for module, known, total in lines_reached(target)
        )
        speed = round(count / took) if took else 0
        rows.append(
            f"| {name} | {target.reads} | {count:,} | {took:,} | {speed:,} | {edges:,} | "
            f"{corpus:,} | {reached} |"
        )
    rows.append(f"| **all** | | **{executions:,}** | **{seconds:,}** | | | | |")
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + BEGIN + "\n".join(rows) + "\n" + END + after, encoding="utf-8")
    print("\n".join(rows))
