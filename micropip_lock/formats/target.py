"""The Pyodide that a lock is for, as wheel tags and as a marker environment.

Wheel tags: PEP 425, and PEP 783 for ``pyemscripten_<abi>_wasm32``. Markers: PEP 508. Both are
computed from the base lock's ``info``, so they are the same inside the runtime and on the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.version import InvalidVersion, Version

from ..errors import InputError
from .lockfile import LockInfo

_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(?:\.[0-9]{1,3})?(?![0-9]).{0,40}")
_EMSCRIPTEN = re.compile(r"emscripten_([0-9]+)_([0-9]+)_([0-9]+)")


@dataclass(frozen=True)
class Target:
    """A Python version, an ABI and a platform: ``3.14.2``, ``2026_0``, ``emscripten_5_0_3``."""

    python: str
    abi: str | None
    platform: str
    arch: str = "wasm32"

    @classmethod
    def from_info(cls, info: LockInfo) -> Target:
        """The target of a lock. Raises `InputError` when its ``info`` does not name a Pyodide."""
        if not _VERSION.fullmatch(info.python) or not _is_version(info.python):
            raise InputError(
                f"info.python: expected a Python version such as 3.14.2, found {info.python!r}."
            )
        if not _EMSCRIPTEN.fullmatch(info.platform):
            raise InputError(
                "info.platform: expected a platform such as emscripten_5_0_3, found "
                f"{info.platform!r}. Is this the lock of a Pyodide release?"
            )
        return cls(info.python, info.abi_version, info.platform, info.arch)

    @property
    def python_version(self) -> tuple[int, int]:
        """Major and minor version of Python."""
        match = _VERSION.fullmatch(self.python)
        assert match is not None  # from_info() has checked it
        return int(match[1]), int(match[2])

    @property
    def platforms(self) -> tuple[str, ...]:
        """Platform tags, best first: PEP 783's, Pyodide's own older one, Emscripten's."""
        names = [f"pyemscripten_{self.abi}", f"pyodide_{self.abi}"] if self.abi else []
        return tuple(f"{name}_{self.arch}" for name in [*names, self.platform])

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """Every supported wheel tag, best first."""
        interpreter = "cp{}{}".format(*self.python_version)
        return (
            *cpython_tags(self.python_version, abis=[interpreter], platforms=self.platforms),
            *compatible_tags(
                self.python_version, interpreter=interpreter, platforms=self.platforms
            ),
        )

    @cached_property
    def _rank(self) -> dict[Tag, int]:
        return {tag: rank for rank, tag in reversed(list(enumerate(self.tags)))}

    def rank(self, tags: Iterable[Tag]) -> int | None:
        """The place of the best of ``tags`` among the supported ones (0 is best), or None."""
        return min((self._rank[tag] for tag in tags if tag in self._rank), default=None)

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment that markers are evaluated in (PEP 508), ``extra`` empty."""
        match = _EMSCRIPTEN.fullmatch(self.platform)
        return {
            "implementation_name": "cpython",
            "implementation_version": self.python,
            "os_name": "posix",
            "platform_machine": self.arch,
            "platform_python_implementation": "CPython",
            "platform_release": ".".join(match.groups()) if match else "",
            "platform_system": "Emscripten",
            "platform_version": "#1",
            "python_full_version": self.python,
            "python_version": "{}.{}".format(*self.python_version),
            "sys_platform": "emscripten",
            "extra": "",
        }

    def __str__(self) -> str:
        return f"Python {self.python}, {self.platforms[0]}"


def _is_version(text: str) -> bool:
    # Markers compare it by PEP 440; a Python built between releases says «3.14.2+», as `packaging`
    # knows.
    try:
        Version(text + "local" if text.endswith("+") else text)
    except InvalidVersion:
        return False
    return True
