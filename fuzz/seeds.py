"""Real files to start from:

of the wheels and Pyodides that the tests have left in .cache, as far as they are there.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

_MOST = 60
_LONGEST = 6000


def from_caches(name: str) -> list[bytes]:
    """Files of a target's kind, smallest first."""
    makers = {
        "metadata": lambda: _members("METADATA"),
        "wheel-file": lambda: _members("WHEEL"),
        "record": lambda: _members("RECORD"),
        "dist-info": _dist_infos,
        "zip-tail": lambda: _wheels(b""),
        "whole-wheel": lambda: _wheels(b""),
        "remote-wheel": lambda: _wheels(bytes(16)),
        "lock": _locks,
        "verify": _locks,
        "lock-use": _locks,
        "pyvenv-cfg": lambda: (
            path.read_bytes() for path in sorted(Path(".cache").glob("cli-*/pyvenv.cfg"))
        ),
        "direct-url": lambda: (
            path.read_bytes() for path in Path(sys.prefix).rglob("*.dist-info/direct_url.json")
        ),
        "pip-config": lambda: (
            path.read_bytes() for path in sorted(Path(".cache").glob("cli-*/pip.conf"))
        ),
    }
    found = sorted(
        set(makers[name]()) if name in makers else (), key=lambda data: (len(data), data)
    )
    return [
        data
        for data in found
        if len(data) <= (14000 if "wheel" in name or "zip" in name else _LONGEST)
    ][:_MOST]


def _files() -> Iterator[Path]:
    yield from sorted(Path(".cache/wheels").glob("*/*.whl"))


def _members(wanted: str) -> Iterator[bytes]:
    for path in _files():
        with zipfile.ZipFile(path) as archive:
            for item in archive.infolist():
                if item.filename.endswith(f".dist-info/{wanted}") and item.filename.count("/") == 1:
                    yield archive.read(item)[:_LONGEST]


def _dist_infos() -> Iterator[bytes]:
    for path in _files():
        with zipfile.ZipFile(path) as archive:
            parts = {
                item.filename.rpartition("/")[2]: archive.read(item)
                for item in archive.infolist()
                if ".dist-info/" in item.filename and item.filename.count("/") == 1
            }
        names = ("METADATA", "WHEEL", "RECORD", "entry_points.txt")
        yield b"".join(
            b"=== %b\n%b\n" % (name.encode(), parts[name]) for name in names if name in parts
        )


def _wheels(before: bytes) -> Iterator[bytes]:
    """Small wheels as they are; of larger ones what ends up in .dist-info."""
    for path in _files():
        if path.stat().st_size <= 14000:
            yield before + path.read_bytes()
            continue
        made = io.BytesIO()
        with (
            zipfile.ZipFile(path) as archive,
            zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as small,
        ):
            for item in archive.infolist():
                if ".dist-info/" in item.filename:
                    small.writestr(item, archive.read(item))
        yield before + made.getvalue()


def _locks() -> Iterator[bytes]:
    """The head of each release's lock, with a few of its packages."""
    for path in sorted(Path(".cache/pyodide").rglob("pyodide-lock.json")):
        lock = json.loads(path.read_bytes())
        names = sorted(lock["packages"])
        for start in range(0, len(names), max(1, len(names) // 6)):
            packages = {name: lock["packages"][name] for name in names[start : start + 4]}
            yield json.dumps({**lock, "packages": packages}).encode()
