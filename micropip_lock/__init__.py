"""Locks of installed Pyodide environments, with proof.

``await micropip_lock.freeze()`` turns what is installed into a pyodide-lock.json that provably
names the very wheels that were installed, without downloading them again.
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
    from .formats.exported import Export
    from .formats.lockfile import LockedPackage, Lockfile, LockInfo
    from .integrations.micropip import disable, enable
    from .operations.bundle.run import BundleResult, bundle
    from .operations.check.run import Checked, check
    from .operations.diff import Diff, diff
    from .operations.exchange.export import export
    from .operations.exchange.import_pylock import import_pylock
    from .operations.freeze.run import freeze, freeze_sync
    from .operations.outdated import Outdated, outdated
    from .operations.resolve.run import resolve
    from .operations.results import FreezeResult, ResolveResult
    from .operations.retarget.run import RetargetResult, retarget
    from .operations.sync.plan import Plan
    from .operations.sync.run import sync
    from .operations.tree.run import Tree, tree
    from .operations.verify.run import verify
    from .proof.evidence import Evidence

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

# Names are looked up when they are used (PEP 562): a page that imports the package pays for nothing
# else.
_HOMES = {
    "BundleResult": "operations.bundle.run",
    "Checked": "operations.check.run",
    "Diff": "operations.diff",
    "Evidence": "proof.evidence",
    "Export": "formats.exported",
    "FreezeResult": "operations.results",
    "LockInfo": "formats.lockfile",
    "LockedPackage": "formats.lockfile",
    "Lockfile": "formats.lockfile",
    "Outdated": "operations.outdated",
    "Plan": "operations.sync.plan",
    "ResolveResult": "operations.results",
    "RetargetResult": "operations.retarget.run",
    "Tree": "operations.tree.run",
    "bundle": "operations.bundle.run",
    "disable": "integrations.micropip",
    "enable": "integrations.micropip",
    "check": "operations.check.run",
    "diff": "operations.diff",
    "export": "operations.exchange.export",
    "freeze": "operations.freeze.run",
    "freeze_sync": "operations.freeze.run",
    "import_pylock": "operations.exchange.import_pylock",
    "outdated": "operations.outdated",
    "resolve": "operations.resolve.run",
    "retarget": "operations.retarget.run",
    "sync": "operations.sync.run",
    "tree": "operations.tree.run",
    "verify": "operations.verify.run",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
