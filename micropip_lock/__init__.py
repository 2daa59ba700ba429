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
    from .hosts.micropip import disable, enable
    from .lockfile import LockedPackage, Lockfile, LockInfo
    from .operations._bundle import BundleResult, bundle
    from .operations._check import Checked, check
    from .operations._diff import Diff, diff
    from .operations._export import Export, export
    from .operations._freeze import freeze, freeze_sync
    from .operations._import import import_pylock
    from .operations._outdated import Outdated, outdated
    from .operations._plan import Plan
    from .operations._resolve import resolve
    from .operations._result import FreezeResult, ResolveResult
    from .operations._retarget import RetargetResult, retarget
    from .operations._sync import sync
    from .operations._tree import Tree, tree
    from .operations._verify import verify

__all__ = [
    "BundleResult",
    "Checked",
    "Diff",
    "Evidence",
    "Export",
    "FetchError",
    "FreezeResult",
    "InputError",
    "IntegrityError",
    "LockInfo",
    "LockedPackage",
    "Lockfile",
    "MicropipLockError",
    "Outdated",
    "Plan",
    "Problem",
    "ResolutionError",
    "ResolveResult",
    "RetargetResult",
    "SuspensionError",
    "Tree",
    "UnlockableError",
    "bundle",
    "check",
    "diff",
    "disable",
    "enable",
    "export",
    "freeze",
    "freeze_sync",
    "import_pylock",
    "outdated",
    "resolve",
    "retarget",
    "sync",
    "tree",
    "verify",
]

# Names are looked up when they are used (PEP 562): a page that imports the package pays for nothing else.
_HOMES = {
    "BundleResult": "operations._bundle",
    "Checked": "operations._check",
    "Diff": "operations._diff",
    "Evidence": "evidence",
    "Export": "operations._export",
    "FreezeResult": "operations._result",
    "LockInfo": "lockfile",
    "LockedPackage": "lockfile",
    "Lockfile": "lockfile",
    "Outdated": "operations._outdated",
    "Plan": "operations._plan",
    "ResolveResult": "operations._result",
    "RetargetResult": "operations._retarget",
    "Tree": "operations._tree",
    "bundle": "operations._bundle",
    "disable": "hosts.micropip",
    "enable": "hosts.micropip",
    "check": "operations._check",
    "diff": "operations._diff",
    "export": "operations._export",
    "freeze": "operations._freeze",
    "freeze_sync": "operations._freeze",
    "import_pylock": "operations._import",
    "outdated": "operations._outdated",
    "resolve": "operations._resolve",
    "retarget": "operations._retarget",
    "sync": "operations._sync",
    "tree": "operations._tree",
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
