"""Contestants take turns at one piece of work, and what each of them took is kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.support.installed import clean_environment
from tests.support.runtimes import PROJECT

from .linked import Link

_TIMEOUT = 300  # seconds
_TIMER = Path(__file__).with_name("timer.py")
#: Who takes longer than so many seconds gets so many runs at most; we get them all up to the first.
_FEWER = ((20.0, 2), (8.0, 3))


@dataclass(frozen=True)
class Scratch:
    """A contestant's own folders.

    cache lives as long as the work wants; out is empty before each run.
    """

    cache: Path
    out: Path


@dataclass
class Contestant:
    """Somebody who can do the work.

    command: the whole command line, for folders of its own. wrong: looks at the folder ``out`` and
    what was printed, and says what is wrong with the answer, or nothing. keep: entries of the cache
    that survive when it is emptied. ours: whose ratio to the others is told. prepare: what has to
    lie in ``out`` before. runs: at most so many. remark: what the answer has to add to the note.
    """

    name: str
    command: Callable[[Scratch], Sequence[str]]
    wrong: Callable[[Path, str], str] = lambda out, said: ""
    prepare: Callable[[Path], None] = lambda out: None
    keep: str = ""
    ours: bool = False
    note: str = ""
    remark: Callable[[Path], str] = lambda out: ""
    runs: int = 99
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class Run:
    """What one run took; requests and bytes by kind, as the server counted them."""

    seconds: float
    cpu: float
    memory: int
    requests: dict[str, int]
    bytes: dict[str, int]
    connections: int


@dataclass
class Row:
    """A contestant's runs; failed says why there are none."""

    name: str
    ours: bool
    note: str
    runs: list[Run] = field(default_factory=list)
    failed: str = ""

    @property
    def seconds(self) -> float:
        """Median wall time."""
        return median(run.seconds for run in self.runs)

    @property
    def middle(self) -> Run:
        """The run in the middle."""
        return sorted(self.runs, key=lambda run: run.seconds)[len(self.runs) // 2]

    def to_json(self) -> dict[str, Any]:
        """What is kept of it."""
        said: dict[str, Any] = {"name": self.name, "ours": self.ours, "note": self.note}
        if self.failed:
            return {**said, "failed": self.failed}
        run = self.middle
        return {
            **said,
            "seconds": round(self.seconds, 3),
            "all_seconds": [round(run.seconds, 3) for run in self.runs],
            "cpu": round(median(run.cpu for run in self.runs), 3),
            "memory": max(run.memory for run in self.runs),
            "requests": run.requests,
            "bytes": run.bytes,
            "connections": run.connections,
        }


def compete(
    folder: Path,
    contestants: Sequence[Contestant],
    link: Link | None,
    *,
    runs: int,
    warm: bool = False,
) -> list[Row]:
    """Let everybody do the work ``runs`` times:

    A B C A B C. warm: with the caches of one more run before.
    """
    rows = [Row(one.name, one.ours, one.note) for one in contestants]
    for turn in range(-1 if warm else 0, runs):
        for one, row in zip(contestants, rows, strict=True):
            if row.failed or turn >= _most(one, row, runs):
                continue
            place = folder / "".join(letter if letter.isalnum() else "-" for letter in one.name)
            taken = _run(place, one, link, warm=warm)
            if isinstance(taken, str):
                row.failed = taken
            elif turn >= 0:
                row.runs.append(taken)
                row.note = "; ".join(filter(None, (one.note, one.remark(place / "out"))))
            print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    return rows


def _most(one: Contestant, row: Row, runs: int) -> int:
    """How many runs a contestant gets at most."""
    limits = _FEWER[:1] if one.ours else _FEWER
    return min(
        one.runs,
        runs,
        *(count for limit, count in limits if row.runs and row.seconds > limit),
        runs,
    )


def _run(place: Path, one: Contestant, link: Link | None, *, warm: bool) -> Run | str:
    """One run, or why it did not come to an end."""
    scratch = Scratch(place / "cache", place / "out")
    shutil.rmtree(scratch.out, ignore_errors=True)
    if not warm:
        empty(scratch.cache, one.keep)
    for path in (scratch.cache, scratch.out):
        path.mkdir(parents=True, exist_ok=True)
    one.prepare(scratch.out)
    answer, output, errors = place / "answer.json", place / "output", place / "errors"
    answer.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-I",
        "-S",
        str(_TIMER),
        str(answer),
        str(output),
        str(errors),
        *one.command(scratch),
    ]
    # Bytecode is written, whatever the machine's setting is: that of all lies there after the first
    # run.
    environment = clean_environment(NO_COLOR="1", PYTHONDONTWRITEBYTECODE="", **one.environment)
    if link:
        link.reset()
    process = subprocess.Popen(command, env=environment, cwd=place, start_new_session=True)
    try:
        process.wait(_TIMEOUT)
    except subprocess.TimeoutExpired:
        return f"did not end within {_TIMEOUT} s"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if not answer.exists():
        return "could not be started"
    stats: dict[str, Any] = (
        link.stats() if link else {"requests": {}, "bytes": {}, "connections": 0}
    )
    taken = json.loads(answer.read_bytes())
    status = taken.pop("status")
    if status:
        lines = (
            errors.read_text(errors="replace").strip() or output.read_text(errors="replace").strip()
        ).splitlines()
        said = " ".join(lines[-3:]).replace(str(PROJECT), "...")
        return f"status {status}: {said[-300:]}"
    if wrong := one.wrong(scratch.out, output.read_text(errors="replace")):
        return wrong
    return Run(
        **taken, requests=stats["requests"], bytes=stats["bytes"], connections=stats["connections"]
    )


def empty(cache: Path, keep: str) -> None:
    """Empty a cache, apart from entries whose name begins with ``keep``."""
    if not cache.exists():
        return
    for path in cache.iterdir():
        if keep and path.name.startswith(keep):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
