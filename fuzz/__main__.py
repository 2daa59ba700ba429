"""Fuzz parsers: ``python -m fuzz [TARGET ...] --seconds N``; ``--big``, ``--minimize`` and
``--report`` look at more.

It needs atheris, which `make fuzz` installs beside the project. What it learns is kept in
.cache/fuzz.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CACHE = Path(".cache/fuzz")
#: MiB that a target may take, the instrumented program included.
MEMORY = 1024
#: Seconds after which libFuzzer takes an input for one that never ends.
HANGS = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 when something was found."""
    from .targets import TARGETS

    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help=f"one of {', '.join(TARGETS)}; all without")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument(
        "--big", type=int, metavar="BYTES", help="try inputs of about this size instead"
    )
    parser.add_argument(
        "--minimize", action="store_true", help="make what was found smaller instead"
    )
    parser.add_argument(
        "--report", action="store_true", help="write the table in docs/fuzzing.md instead"
    )
    given = parser.parse_args(arguments)
    unknown = set(given.target) - TARGETS.keys()
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    names = given.target or list(TARGETS)
    if given.report:
        from .report import write_report

        write_report()
        return 0
    if given.big:
        from .big import try_big

        return int(any(try_big(TARGETS[name], given.big) for name in names))
    if given.minimize:
        return int(any(minimize(name) for name in names))
    return int(any(fuzz(name, given.seconds) for name in names))


def fuzz(name: str, seconds: int) -> bool:
    """Fuzz one target; whether there are findings."""
    from .findings import kept
    from .targets import TARGETS

    target, place = TARGETS[name], CACHE / name
    for folder in ("corpus", "findings", "seeds"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate([*target.seeds, *real_files(name)]):
        (place / "seeds" / str(number)).write_bytes(seed)
    (place / "words").write_text("".join(map(_entry, target.words)), encoding="ascii")
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={target.longest}",
        f"-timeout={HANGS}",
        f"-rss_limit_mb={MEMORY}",
        f"-artifact_prefix={place}/findings/",
        f"-dict={place}/words",
        "-print_final_stats=1",
        "-reload=0",
        str(place / "corpus"),
        str(place / "seeds"),
    ]
    with (place / "log").open("wb") as log:
        ended = subprocess.run(
            [sys.executable, "-m", "fuzz.engine", name, *options],
            stderr=log,
            stdout=log,
            check=False,
        )
    text = (place / "log").read_text(encoding="utf-8", errors="replace")
    run = _statistics(text, ended.returncode)
    history = place / "runs.json"
    runs = json.loads(history.read_bytes()) if history.exists() else []
    history.write_text(json.dumps([*runs, run]), encoding="utf-8")
    found = sorted(path.name for path in kept(name).iterdir() if path.suffix != ".txt")
    if ended.returncode:
        print(f"{name} ended with status {ended.returncode}: see {place / 'log'}")
    print(
        f"{name:18} {run['executions']:>9} executions {run['edges']:>6} edges  {' '.join(found)}",
        flush=True,
    )
    return bool(found)


def real_files(name: str) -> list[bytes]:
    """Files of real packages for a target, as far as the tests have left some beside the
    project.
    """
    from .seeds import from_caches

    return from_caches(name)


def _entry(word: str) -> str:
    raw = word.encode("utf-8", "surrogatepass")
    return '"' + "".join(f"\\x{byte:02x}" for byte in raw) + '"\n' if raw else ""


def _statistics(log: str, status: int) -> dict[str, Any]:
    def number(pattern: str) -> int:
        found = re.findall(pattern, log)
        return int(found[-1]) if found else 0

    return {
        "executions": number(r"stat::number_of_executed_units: (\d+)") or number(r"(?m)^#(\d+)"),
        "seconds": number(r"Done \d+ runs in (\d+) second"),
        "edges": number(r"cov: (\d+)"),
        "corpus": number(r"corp: (\d+)"),
        "memory": number(r"stat::peak_rss_mb: +(\d+)") or number(r"rss: (\d+)Mb"),
        "status": status,
    }


def minimize(name: str) -> bool:
    """Make each finding of a target smaller; those that are gone are removed."""
    from .findings import kept, minimized, trouble
    from .targets import TARGETS

    target, left = TARGETS[name], False
    for path in sorted(kept(name).glob("*.bin")):
        data = path.read_bytes()
        found = trouble(target, data)
        if found is None or found[0] != path.stem:
            path.unlink()
            path.with_suffix(".txt").unlink(missing_ok=True)
            if found is None:
                continue
        key, text = found
        smaller = minimized(
            data, lambda part, key=key: (it := trouble(target, part)) is not None and it[0] == key
        )
        from .findings import keep

        keep(target, key, text, smaller)
        print(f"{name} {key}: {len(data)} -> {len(smaller)} bytes: {smaller[:200]!r}")
        left = True
    return left


if __name__ == "__main__":
    sys.exit(main())
