"""Large inputs of every kind that is known to make parsers slow, deep or fat."""

from __future__ import annotations

import resource
import time

from .findings import trouble
from .target import Target

#: Seconds of processor time, and bytes of memory for each byte of input, that a large input may
#: take.
SECONDS_PER_MEGABYTE = 4.0
MOST_MEMORY = 200


def try_big(target: Target, size: int) -> bool:
    """Run every large input; whether one was taken badly."""
    bad = False
    for name, data in target.big(size).items():
        started, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = trouble(target, data) if len(data) < 100_000 else _once(target, data)
        took = time.process_time() - started
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        allowed = max(1.0, SECONDS_PER_MEGABYTE * len(data) / 1e6)
        if found is not None:
            verdict = f"{found[0]}\n{found[1]}"
        elif took > allowed:
            verdict = "SLOW"
        elif grown > max(MOST_MEMORY * len(data), 64 << 20):
            verdict = "FAT"
        else:
            verdict = "ok"
        bad |= verdict != "ok"
        print(
            f"{target.name:18} {name:28} {len(data):>10} bytes {took:7.2f} s {grown >> 20:>5} MiB "
            f" {verdict}",
            flush=True,
        )
    return bad


def _once(target: Target, data: bytes) -> tuple[str, str] | None:
    try:
        target.run(data)
    except Exception as error:  # whatever it is, it should not have been raised
        import traceback

        return type(error).__name__, "".join(
            line[:1000] for line in traceback.format_exception(error)[-6:]
        )
    return None
