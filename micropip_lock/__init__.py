"""Locks of installed Pyodide environments, with proof.

``await micropip_lock.freeze()`` turns what is installed into a pyodide-lock.json that provably names
the very wheels that were installed, without downloading them again.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .errors import (
        FetchError,
        InputError,
        IntegrityError,
        MicropipLockError,
        Problem,
        ResolutionError,
        SuspensionError,
        UnlockableError,
    )
    from .evidence import Evidence
    from .lockfile import LockedPackage, Lockfile, LockInfo
    from .operations._bundle import BundleResult, bundle
    from .operations._freeze import freeze, freeze_sync
    from .operations._resolve import resolve
    from .operations._result import FreezeResult, ResolveResult
    from .operations._sync import Plan, sync
    from .operations._verify import verify

__all__ = [
    "BundleResult",
    "Evidence",
    "FetchError",
    "FreezeResult",
    "InputError",
    "IntegrityError",
    "LockInfo",
    "LockedPackage",
    "Lockfile",
    "MicropipLockError",
    "Plan",
    "Problem",
    "ResolutionError",
    "ResolveResult",
    "SuspensionError",
    "UnlockableError",
    "bundle",
    "freeze",
    "freeze_sync",
    "resolve",
    "sync",
    "verify",
]

# Names are looked up when they are used (PEP 562): a page that imports the package pays for nothing else.
_HOMES = {
    "BundleResult": "operations._bundle",
    "Evidence": "evidence",
    "FreezeResult": "operations._result",
    "LockInfo": "lockfile",
    "LockedPackage": "lockfile",
    "Lockfile": "lockfile",
    "Plan": "operations._sync",
    "ResolveResult": "operations._result",
    "bundle": "operations._bundle",
    "freeze": "operations._freeze",
    "freeze_sync": "operations._freeze",
    "resolve": "operations._resolve",
    "sync": "operations._sync",
    "verify": "operations._verify",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
