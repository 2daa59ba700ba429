"""`enable`: micropip.freeze() gives a true lock, for notebooks and tools that know only micropip.

micropip's function is a plain one without arguments and returns the lock as a str; so does this. It
needs no network for what micropip installed itself, and else the network access that the
surroundings offer: see `freeze_sync`.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from ..errors import InputError
from ..operations.freeze.run import freeze_sync

#: On our function, the one that it stands in for.
_ORIGINAL = "__micropip_lock_original__"


def enable() -> None:
    """Make ``micropip.freeze()`` return the lock of micropip_lock, as a str, with the whole
    distribution in it.

    Call it as often as you like; `disable` undoes it. The function raises what `freeze_sync`
    raises: where it would have to wait for the network, `SuspensionError` says what to await
    instead. Raises `InputError` where there is no micropip.
    """
    micropip = _micropip()
    original = micropip.freeze
    if hasattr(original, _ORIGINAL):
        return

    @wraps(original)
    def freeze() -> str:
        return freeze_sync(include="distribution").to_json()

    setattr(freeze, _ORIGINAL, original)
    micropip.freeze = freeze


def disable() -> None:
    """Give micropip its own ``freeze()`` back. Raises `InputError` where there is no micropip."""
    micropip = _micropip()
    micropip.freeze = getattr(micropip.freeze, _ORIGINAL, micropip.freeze)


def _micropip() -> Any:
    try:
        import micropip
    except ModuleNotFoundError as error:
        raise InputError(
            'There is no micropip here. Load it first: await pyodide_js.loadPackage("micropip")'
        ) from error
    return micropip
