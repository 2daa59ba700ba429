"""Processes, and what they cost: exit status, wall and CPU time, the memory they had at most."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Starts commands, all at once, and waits for each. In a small process of its own, for Linux takes
#: the memory of the parent of a process for the least that this process had.
_LAUNCHER = """
import json, os, subprocess, sys, time
begun, running, found = time.perf_counter(), {}, {}
folder, cwd, commands = json.load(sys.stdin)
for number, command in enumerate(commands):
    with open(f"{folder}/{number}.out", "wb") as out, open(f"{folder}/{number}.err", "wb") as err:
        child = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    running[child.pid] = number
while running:
    pid, status, used = os.wait4(-1, 0)
    cost = time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss
    found[running.pop(pid)] = (os.waitstatus_to_exitcode(status), *cost)
print(json.dumps([found[number] for number in sorted(found)]))
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a process did: ``wall`` and ``cpu`` in seconds, ``memory`` in bytes."""

    status: int
    wall: float
    cpu: float
    memory: int
    stdout: bytes
    stderr: str


def run_all(
    commands: Sequence[Sequence[str]],
    environment: Mapping[str, str],
    timeout: float,
    cwd: Path | None = None,
) -> list[Outcome]:
    """Start all commands at once, and wait for them.

    Raises subprocess.TimeoutExpired when all are stopped.
    """
    with tempfile.TemporaryDirectory(prefix="outcomes-") as temporary:
        folder = Path(temporary)
        launcher = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=dict(environment),
            start_new_session=True,
        )
        try:
            asked = json.dumps(
                [temporary, str(cwd or Path.cwd()), [list(command) for command in commands]]
            )
            answer, _ = launcher.communicate(asked, timeout)
        finally:
            if launcher.poll() is None:
                os.killpg(launcher.pid, signal.SIGKILL)
                launcher.wait()
        return [
            Outcome(
                status,
                wall,
                cpu,
                memory * 1024,
                (folder / f"{number}.out").read_bytes(),
                (folder / f"{number}.err").read_text(encoding="utf-8", errors="replace"),
            )
            for number, (status, wall, cpu, memory) in enumerate(json.loads(answer))
        ]
