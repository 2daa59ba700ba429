"""What went wrong: told apart by where it was raised, kept with the smallest input that does it."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from .target import Target

#: Seconds of processor time that a short input may take.
SLOW = 1.0


def kept(name: str) -> Path:
    """Where the findings of a target are; nothing of it is committed."""
    return Path(".cache/fuzz") / name / "findings"


def trouble(target: Target, data: bytes) -> tuple[str, str] | None:
    """What is wrong with the way a target takes ``data``:

    a key, and a text for people; None: nothing.
    """
    started = time.process_time()
    try:
        target.run(data)
    except Exception as error:  # whatever it is, it should not have been raised
        frames = traceback.extract_tb(error.__traceback__)
        own = [
            frame
            for frame in frames
            if "micropip_lock" in frame.filename or "/fuzz/" in frame.filename
        ]
        place = own[-1] if own else frames[-1]
        key = f"{type(error).__name__}-{Path(place.filename).stem}-{place.name}"
        if isinstance(error, AssertionError):
            key += "-" + hashlib.sha256(str(error)[:24].encode()).hexdigest()[:6]
        lines = traceback.format_exception(error)
        return key, "".join(line[:2000] for line in lines[:1] + lines[-12:])
    if time.process_time() - started > SLOW:
        again = time.process_time()
        target.run(data)
        took = time.process_time() - again
        if took > SLOW:
            return "slow", f"{took:.1f} seconds of processor time for {len(data)} bytes"
    return None


def keep(target: Target, key: str, text: str, data: bytes) -> None:
    """Keep a finding, unless a smaller input of its kind is known."""
    place = kept(target.name)
    place.mkdir(parents=True, exist_ok=True)
    known = place / f"{key}.bin"
    if not known.exists() or known.stat().st_size > len(data):
        known.write_bytes(data)
        (place / f"{key}.txt").write_text(
            f"{data[:2000]!r}\n{text}", encoding="utf-8", errors="backslashreplace"
        )


def minimized(data: bytes, still: Callable[[bytes], bool], seconds: float = 20) -> bytes:
    """A smaller input of which ``still`` is true:

    ever shorter parts are left out, then bytes made plain.
    """
    deadline = time.monotonic() + seconds
    step = max(1, len(data) // 2)
    while step and time.monotonic() < deadline:
        position, before = 0, len(data)
        while position < len(data) and time.monotonic() < deadline:
            shorter = data[:position] + data[position + step :]
            if still(shorter):
                data = shorter
            else:
                position += step
        step = step // 2 if len(data) == before or step > 1 else step
        if step == 0 or (step == 1 and len(data) == before):
            break
    for position in range(len(data)):
        if time.monotonic() > deadline:
            break
        plain = data[:position] + b"a" + data[position + 1 :]
        if data[position : position + 1].isalnum() and still(plain):
            data = plain
    return data
