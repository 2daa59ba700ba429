"""Locks between processes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from micropip_lock._util.locking import lock, locked_folder


def test_a_locked_folder(tmp_path: Path) -> None:
    with locked_folder(tmp_path) as first, locked_folder(tmp_path) as second:
        assert (first, second) == (True, False)
    with locked_folder(tmp_path) as again:
        assert again


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    """The other one lets go only after this one has tried once, in vain."""
    first, second = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    assert lock(first)
    assert not lock(second)
    threading.Timer(0.05, os.close, [first]).start()
    assert lock(second, timeout=60)
    os.close(second)


def test_a_lock_is_not_waited_for_longer_than_its_timeout(tmp_path: Path) -> None:
    with locked_folder(tmp_path):
        descriptor = os.open(tmp_path, os.O_RDONLY)
        assert not lock(descriptor, timeout=0.01)
        os.close(descriptor)
