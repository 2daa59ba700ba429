"""Writes what was measured: docs/benchmarks.md, its pictures, and the numbers as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.runtimes import PROJECT

from . import plot
from .aims import aims

__all__ = ["aims", "processors", "read", "table", "write"]

FOLDER = PROJECT / "docs" / "benchmarks"
PAGE = PROJECT / "docs" / "benchmarks.md"
_EMPTY: dict[str, Any] = {"works": {}}


def read() -> dict[str, Any]:
    """What was measured before."""
    try:
        found: dict[str, Any] = json.loads((FOLDER / "results.json").read_bytes())
    except (OSError, ValueError):
        return dict(_EMPTY)
    return found


def processors() -> int:
    """How many there are to run on."""
    return len(os.sched_getaffinity(0))


#: Why some aims are hard, or out of reach.
_LIMITS = """### What holds it back

- *freeze, pages only, beside peers that yield hashes*: out of reach. They read the pages and look at nothing that is
  installed; the ends of the wheels are 3 MB more, so that the floor of the proof lies above the time of uv.
- *freeze, pages only, beside the floor*: one process parses 32 MB of JSON and 24 000 rows of RECORD twice, and its
  HTTP client is Python, too: two seconds of processor time, of which a third of a second comes before the first
  request. The floor knows no processor.
- *re-freeze beside pip freeze*: pip reads 100 METADATA files. A re-freeze reads every RECORD and compares the sizes
  of 24 000 installed files, at two microseconds and more for each, imports asyncio and SQLite, and prints a table
  (`-q` saves a tenth of a second). Without a look at the files it could not say that nothing has changed.
- *resolve beside uv*: RECORD of each wheel is read as well, for the import names that a lock has to have: 138
  requests more, though fewer bytes; and Python has to start.
- *freeze in Pyodide beside micropip.freeze()*: that one looks at no file. Here the sizes of 8 000 files are compared.
"""


def write(results: dict[str, Any]) -> None:
    """Write everything anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    for key, work in results["works"].items():
        (FOLDER / f"{key}.svg").write_text(_bars(work))
    if "growth" in results:
        (FOLDER / "growth.svg").write_text(_growth(results["growth"]))
    if "memory" in results:
        (FOLDER / "memory.svg").write_text(_memory(results["memory"]))
    PAGE.write_text("\n".join(_page(results)))


# -- pictures


def _bars(work: dict[str, Any]) -> str:
    rows = []
    for row in work["rows"]:
        failed = row.get("failed", "")
        rows.append(plot.Bar(row["name"], row.get("seconds"), row["ours"], failed))
    floor = work.get("floor", {}).get("seconds")
    return plot.bars(f"{work['title']} ({_line(work)})", rows, mark=floor)


def _growth(growth: dict[str, Any]) -> str:
    lines = {}
    for name, rows in growth.items():
        points = [(row["size"], row["seconds"]) for row in rows if "seconds" in row]
        if points:
            lines[name] = points
    return plot.growth(
        "How cost grows (in brackets the slope at the end; 1 is linear)",
        lines,
        across="distributions",
        up="seconds",
    )


def _memory(memory: list[dict[str, Any]]) -> str:
    rows = [
        plot.Bar(f"one wheel of {row['megabytes']} MB", row.get("memory", 0) / 1e6, ours=True)
        for row in memory
    ]
    return plot.bars("Most memory of bundle, by the size of the wheel", rows, unit="MB")


# -- tables


def table(work: dict[str, Any], *, markdown: bool = True) -> str:
    """One work, as Markdown or in columns for a terminal."""
    head = [
        "",
        "seconds",
        "of ours",
        "of the floor",
        "requests",
        "MB",
        "CPU s",
        "memory MB",
        "runs",
        "",
    ]
    lines = [head, *_cells(work)]
    if markdown:
        rule = ["---", *["---:"] * 8, "---"]
        return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines[1:]])
    widths = [max(len(line[place]) for line in lines) for place in range(len(head) - 1)]
    said = []
    for line in lines:
        padded = [cell.rjust(wide) for cell, wide in zip(line[1:-1], widths[1:], strict=True)]
        remark = line[-1] if line[-1].startswith("failed") else ""
        said.append("  ".join([line[0].strip("*").ljust(widths[0]), *padded, remark]).rstrip())
    return "\n".join(said)


def _cells(work: dict[str, Any]) -> Iterator[list[str]]:
    floor = work.get("floor")
    ours = next((row["seconds"] for row in work["rows"] if row["ours"] and "seconds" in row), None)
    for row in work["rows"]:
        if "failed" in row:
            said = row["failed"].replace("|", "/").replace("\n", " ")[:160]
            yield [row["name"], *["-"] * 8, f"failed: {said}"]
            continue
        seconds = row["seconds"]
        yield [
            f"**{row['name']}**" if row["ours"] else row["name"],
            f"{seconds:.2f}",
            f"{seconds / ours:.2f} x" if ours else "-",
            f"{seconds / floor['seconds']:.2f} x" if floor and floor["seconds"] else "-",
            str(sum(row["requests"].values())),
            f"{sum(row['bytes'].values()) / 1e6:.2f}",
            f"{row['cpu']:.2f}",
            f"{row['memory'] / 1e6:.0f}",
            str(len(row["all_seconds"])),
            row["note"],
        ]
    if floor:
        name, count, megabytes = (
            "*the floor*",
            str(floor["requests"]),
            f"{floor['bytes'] / 1e6:.2f}",
        )
        ratio = f"{floor['seconds'] / ours:.2f} x" if ours else "-"
        yield [
            name,
            f"{floor['seconds']:.2f}",
            ratio,
            "1.00 x",
            count,
            megabytes,
            "-",
            "-",
            "-",
            floor.get("of", ""),
        ]


def _line(work: dict[str, Any]) -> str:
    latency, _, bandwidth = work["line"].partition("/")
    connect = work["model"].get("connect", 0.0)
    set_up = f", {connect * 1000:.0f} ms a connection" if connect else ""
    return f"{latency} ms a request, {bandwidth} MB/s{set_up}"


# -- the page


@dataclass(frozen=True)
class _Text:
    """The paragraphs that are always the same."""

    head: str = """# Benchmarks

How long micropip_lock takes beside tools that do the same work or a part of it, and how far it is from what the network
allows. One command measures everything in one run and writes this page:

```console
$ make bench                                    # or python -m benchmarks
$ python -m benchmarks freeze resolve --runs 7  # some works; the rest of this page stays
$ python -m benchmarks --quick                  # one run of each
```

Ratios are what counts: the times are those of one machine, and all tools of a table take turns on it.
"""
    model: str = """## What is measured

The inputs are {count} real distributions, {wheels:.1f} MB of wheels, as pip resolves them for Pyodide 314 from {asked}
requirements. The index on loopback serves their real project pages, with every file of every version:
{pages:.2f} MB gzipped. A mirror that speaks HTML alone does not tell sizes, upload times, core-metadata hashes and
provenance of the files that are not downloaded, so these are made up, with the usual length.

The line is a model: each request waits for the latency, the first one of a connection also for its set-up, and all
bodies share the bandwidth. HTTP/1.1; requests and bytes (of the bodies, as sent) are counted by the server. Each figure
is the wall time of a whole process, imports included, median of the runs in the table; the tools take turns (A B C A B
C). Peers that take more than 8 s get 3 runs, what takes more than 20 s one or two. Cold: an empty cache before each run
(uv keeps what it knows of its interpreter). Each answer is compared with what is expected: the versions, and the hashes
where there are any. pip, pip lock and pip-compile get the markers and tags of Pyodide instead of this machine's.

The floor is the least that the model allows, for a client that itself takes no time:

    floor = connect + max(latency + bytes / bandwidth, depth × latency, requests / connections × latency)

with 50 connections, the bytes that are needed (pages or documents of a release; of each wheel the zip directory and
RECORD), and depth requests that have to wait for one another. A client that fetches and does nothing else comes so near
to it on this server:

| what | MB | seconds | floor | of the floor |
|---|---:|---:|---:|---:|
{bare}
"""
    growth: str = """## Growth

10 to 1000 distributions over the main line; they are copies of ten real ones under other names, with pages as long as
the real ones (`benchmarks/copies.py`), so only their number differs. Seconds, medians of 3 runs up to 100 and
of one run above; in brackets megabytes of memory at most.

{table}

The slope at the end (from about a tenth of the largest size to the largest; 1 is linear): {slopes}.

![growth](benchmarks/growth.svg)

`bundle` of one wheel of {sizes} MB takes {memory} MB of memory at most.

![memory](benchmarks/memory.svg)
"""


def _page(results: dict[str, Any]) -> Iterator[str]:
    text = _Text()
    machine, corpus = results["machine"], results["corpus"]
    yield text.head
    yield (
        f"Measured {machine['when']}, Python {machine['python']}, {machine['processors']} "
        "processors.\n"
    )
    yield "## Aims\n"
    yield "| aim | reached | |\n|---|---|---|"
    for aim in aims(results):
        yield f"| {aim.asks} | {aim.reached} | {'met' if aim.met else '**missed**'} |"
    yield ""
    yield _LIMITS
    bare = "\n".join(
        f"| {row['kind']} | {row['bytes'] / 1e6:.2f} | {row['seconds']:.2f} | {row['floor']:.2f} "
        f"| {row['seconds'] / row['floor']:.2f} x |"
        for row in corpus["bare"]
    )
    yield text.model.format(
        count=corpus["distributions"],
        wheels=corpus["wheels"] / 1e6,
        asked=corpus["asked"],
        pages=corpus["pages"] / 1e6,
        bare=bare,
    )
    for key, work in results["works"].items():
        yield f"## {work['title'][0].upper()}{work['title'][1:]}\n\nThe line: {_line(work)}.\n"
        yield table(work)
        yield f"\n![{work['title']}](benchmarks/{key}.svg)\n"
    if "pyodide" in results:
        yield from _pyodide(results["pyodide"])
    if "growth" in results and "memory" in results:
        yield from _growth_text(text.growth, results)


def _pyodide(pyodide: dict[str, Any]) -> Iterator[str]:
    yield (
        "## Inside Pyodide\n\nPyodide in Node; 100 packages that micropip installed, with no "
        "request.\n"
    )
    yield "| call | first, ms | later, ms | of micropip's |\n|---|---:|---:|---:|"
    unit = pyodide["freeze"]["micropip.freeze()"]["seconds"]
    for name, row in pyodide["freeze"].items():
        ratio = f"{row['seconds'] / unit:.2f} x"
        yield f"| `{name}` | {row['first'] * 1000:.0f} | {row['seconds'] * 1000:.0f} | {ratio} |"
    yield (
        "\nEach import in a fresh runtime, without bytecode.\n\n| statement | ms | of micropip's "
        "|\n|---|---:|---:|"
    )
    unit = pyodide["import"]["import micropip"]["seconds"]
    for name, row in pyodide["import"].items():
        yield f"| `{name}` | {row['seconds'] * 1000:.0f} | {row['seconds'] / unit:.2f} x |"
    yield ""


def _growth_text(text: str, results: dict[str, Any]) -> Iterator[str]:
    growth, memory = results["growth"], results["memory"]
    sizes = [row["size"] for row in next(iter(growth.values()))]
    lines = ["| | " + " | ".join(map(str, sizes)) + " |", "|---|" + "---:|" * len(sizes)]
    slopes = []
    for name, rows in growth.items():
        cells = [
            f"{row['seconds']:.2f} ({row['memory'] / 1e6:.0f})" if "seconds" in row else "failed"
            for row in rows
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        points = [(row["size"], row["seconds"]) for row in rows if "seconds" in row]
        slopes.append(f"{name} {plot.slope(points):.2f}" if points else f"{name} -")
    yield text.format(
        table="\n".join(lines),
        slopes=", ".join(slopes),
        sizes=", ".join(str(row["megabytes"]) for row in memory),
        memory=", ".join(
            f"{row['memory'] / 1e6:.0f}" if "memory" in row else "-" for row in memory
        ),
    )
