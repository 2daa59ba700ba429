"""The faults of the machine itself: its disks, its clock, and who ends processes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from . import disks

_YEAR = 365 * 86_400.0


@dataclass(frozen=True)
class DiskFault:
    """A disk that cannot be written to."""

    name: str
    meaning: str
    applied: Callable[[Path], AbstractContextManager[None]]

    def allows(self, outcome: str) -> bool:
        """Whether that may become of a command:

        what cannot be written is told, what need not be is no matter.
        """
        return outcome in ("-", "done", "2 input", "out: 2 input; cache: done")


DISK_FAULTS = (
    DiskFault("disk-full", "no room where the result goes, or where the cache is", disks.full),
    DiskFault(
        "read-only",
        "the folder of the result, or that of the cache, cannot be written to",
        disks.read_only,
    ),
)


@dataclass(frozen=True)
class ProcessFault:
    """A signal: the exit status that it leads to, what is said then, and whether temporary files
    may be left.
    """

    name: str
    meaning: str
    number: int
    status: int
    says: str = ""
    leaves: bool = False

    def allows(self, outcome: str) -> bool:
        """Whether that may become of a command."""
        return outcome == str(self.status)


PROCESS_FAULTS = (
    ProcessFault(
        "kill",
        "kill -9, at its first, its last and other steps",
        signal.SIGKILL,
        -signal.SIGKILL,
        leaves=True,
    ),
    ProcessFault(
        "ctrl-c",
        "Ctrl-C, at its first, its last and other steps",
        signal.SIGINT,
        130,
        "Interrupted",
    ),
)


@dataclass(frozen=True)
class ClockFault:
    """A clock that is suddenly ``seconds`` ahead;

    in the middle of a run, when it was read ``from_call`` times.
    """

    name: str
    meaning: str
    seconds: float
    from_call: int = 3

    def allows(self, outcome: str) -> bool:
        """Whether that may become of a command."""
        return outcome == "done"


CLOCK_FAULTS = (
    ClockFault(
        "clock-back", "the clock goes back by a year: within a run, and between two", -_YEAR
    ),
    ClockFault(
        "clock-forward", "the clock goes forward by a year: within a run, and between two", _YEAR
    ),
)


@contextmanager
def jumping(seconds: float, from_call: int) -> Iterator[None]:
    """This machine's clock jumps; not that of the server, which lives in other threads."""
    real, calls = time.time, 0

    def now() -> float:
        nonlocal calls
        if "process_request" in threading.current_thread().name:
            return real()
        calls += 1
        return real() + (seconds if calls > from_call else 0.0)

    with mock.patch.object(time, "time", now):
        yield
