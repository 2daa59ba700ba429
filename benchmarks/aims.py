"""What each aim asks, and what was reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import plot


@dataclass(frozen=True)
class Aim:
    """One line of the table."""

    asks: str
    reached: str
    met: bool


def aims(results: dict[str, Any]) -> list[Aim]:
    """Every aim of which there are figures."""
    return [
        *_freeze(results),
        *_refreeze(results),
        *_resolve(results),
        *_bundle(results),
        *_inside(results),
        *_grown(results),
    ]


def _rows(results: dict[str, Any], work: str) -> dict[str, dict[str, Any]]:
    """The rows that have figures; ours by the name «ours»."""
    found = results["works"].get(work, {}).get("rows", [])
    return {"ours" if row["ours"] else row["name"]: row for row in found if "seconds" in row}


def _beside(asks: str, ours: float, peer: float, limit: float, name: str) -> Aim:
    """ours, at most so many times a peer's."""
    return Aim(
        asks, f"{ours:.2f} s, {name} {peer:.2f} s: {ours / peer:.2f} x", ours <= peer * limit
    )


def _freeze(results: dict[str, Any]) -> Iterator[Aim]:
    peer, released, rows = (
        "uv pip compile --no-deps",
        _rows(results, "freeze-releases"),
        _rows(results, "freeze-pages"),
    )
    # Peers read the pages alone, so what they took there counts in both cases.
    both = sorted([*rows.items(), *released.items()], key=lambda item: -item[1]["seconds"])
    peers = {name: row["seconds"] for name, row in both if name not in ("ours", peer)}
    best = min(peers, key=lambda name: peers[name], default="")
    if "ours" in released and peer in released:
        ours = released["ours"]["seconds"]
        asks = "freeze, documents of a release: faster than"
        yield _beside(f"{asks} `{peer}`", ours, released[peer]["seconds"], 1, "uv")
        if best:
            yield _beside(f"{asks} every peer that yields hashes", ours, peers[best], 1, best)
    if "ours" not in rows:
        return
    ours, floor, corpus = rows["ours"], results["works"]["freeze-pages"]["floor"], results["corpus"]
    asks = "freeze, pages only: at most 1.25 times the floor"
    yield _beside(asks, ours["seconds"], floor["seconds"], 1.25, "floor")
    beyond = (
        sum(count for kind, count in ours["bytes"].items() if kind != "page") / corpus["wheels"]
    )
    yield Aim(
        "freeze: at most 5 % of the wheels' bytes beyond the pages", f"{beyond:.1%}", beyond <= 0.05
    )
    each = sum(ours["requests"].values()) / corpus["distributions"]
    yield Aim("freeze: at most 2.6 requests a package", f"{each:.2f}", each <= 2.6)
    if best:
        asks = "freeze, pages only: faster than every peer that yields hashes"
        aim = _beside(asks, ours["seconds"], peers[best], 1, best)
        proofs = (floor["bytes"] - corpus["pages"]) / results["works"]["freeze-pages"]["model"][
            "bandwidth"
        ]
        limit = f"; the bytes of the proof alone take {proofs:.2f} s" if not aim.met else ""
        yield Aim(aim.asks, aim.reached + limit, aim.met)


def _refreeze(results: dict[str, Any]) -> Iterator[Aim]:
    rows = _rows(results, "refreeze")
    if "ours" in rows:
        count = sum(rows["ours"]["requests"].values())
        yield Aim("re-freeze: no request", str(count), count == 0)
    if "ours" in rows and "pip freeze" in rows:
        asks = "re-freeze: not slower than pip freeze"
        yield _beside(asks, rows["ours"]["seconds"], rows["pip freeze"]["seconds"], 1, "pip freeze")


def _resolve(results: dict[str, Any]) -> Iterator[Aim]:
    pip = "pip install --dry-run --report"
    rows = _rows(results, "resolve")
    if "ours" in rows:
        ours = rows["ours"]["seconds"]
        if "uv pip compile" in rows:
            yield _beside(
                "resolve, cold: not slower than uv",
                ours,
                rows["uv pip compile"]["seconds"],
                1,
                "uv",
            )
        if pip in rows:
            yield _beside(
                "resolve, cold: at least 4 times faster than pip",
                ours,
                rows[pip]["seconds"],
                1 / 4,
                "pip",
            )
    rows = _rows(results, "resolve-warm")
    if "ours" in rows:
        ours, count = rows["ours"]["seconds"], sum(rows["ours"]["requests"].values())
        yield Aim("resolve, warm: no request", str(count), count == 0)
        if pip in rows:
            yield _beside(
                "resolve, warm: at most a third of pip", ours, rows[pip]["seconds"], 1 / 3, "pip"
            )
        yield Aim("resolve, warm: well under 800 ms", f"{ours * 1000:.0f} ms", ours < 0.8)


def _bundle(results: dict[str, Any]) -> Iterator[Aim]:
    rows = _rows(results, "bundle")
    if "ours" not in rows:
        return
    ours, model = rows["ours"]["seconds"], results["works"]["bundle"]["model"]
    share = results["corpus"]["wheels"] / model["bandwidth"] / ours
    yield Aim("bundle: at least 95 % of the bandwidth", f"{share:.1%}", share >= 0.95)
    if "uv pip install --target" in rows:
        yield _beside(
            "bundle: not slower than uv", ours, rows["uv pip install --target"]["seconds"], 1, "uv"
        )


def _inside(results: dict[str, Any]) -> Iterator[Aim]:
    if "pyodide" not in results:
        return
    frozen, imported = results["pyodide"]["freeze"], results["pyodide"]["import"]
    for asks, ours, peer in (
        (
            "in Pyodide: freeze not slower than micropip.freeze()",
            frozen["micropip_lock.freeze()"],
            frozen["micropip.freeze()"],
        ),
        (
            "in Pyodide: import not slower than micropip's",
            imported["import micropip_lock"],
            imported["import micropip"],
        ),
        (
            "in Pyodide: import with all that freeze needs, not slower than micropip's",
            imported["import micropip_lock; micropip_lock.freeze"],
            imported["import micropip"],
        ),
    ):
        reached = f"{ours['seconds'] * 1000:.0f} ms, micropip {peer['seconds'] * 1000:.0f} ms"
        yield Aim(
            asks,
            f"{reached}: {ours['seconds'] / peer['seconds']:.2f} x",
            ours["seconds"] <= peer["seconds"],
        )


def _grown(results: dict[str, Any]) -> Iterator[Aim]:
    for name, rows in results.get("growth", {}).items():
        points = [(row["size"], row["seconds"]) for row in rows if "seconds" in row]
        if len(points) > 1:
            slope = plot.slope(points)
            yield Aim(
                f"growth of {name}: linear (a slope of 1, at most 1.15)",
                f"{slope:.2f}",
                slope <= 1.15,
            )
    memory = [row["memory"] for row in results.get("memory", []) if "memory" in row]
    if memory:
        reached = " / ".join(f"{size / 1e6:.0f}" for size in memory)
        yield Aim(
            "memory of bundle flat in the size of a wheel",
            f"{reached} MB",
            memory[-1] <= memory[0] * 1.25 + 4e6,
        )
