"""What a lock of ours says of itself: ``tool["micropip-lock"]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .._util.url import shown
from ..formats.direct_url import is_index
from ..formats.lockfile import Lockfile
from ..formats.requirement import written

KEY = "micropip-lock"


@dataclass(frozen=True, slots=True)
class LockProvenance:
    """The lock's requirements, the indexes that proved it, and how; empty where a lock has none."""

    #: Requirements by canonical name.
    requested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Scheme and host.
    indexes: tuple[str, ...] = ()
    proof: str | None = None

    @classmethod
    def by(cls, lock: Lockfile) -> LockProvenance:
        """Read the lock provenance; what another tool wrote there and is invalid is ignored."""
        tool = lock.extra.get("tool")
        own = tool.get(KEY) if isinstance(tool, Mapping) else None
        if not isinstance(own, Mapping):
            return cls()
        requested: dict[str, tuple[str, ...]] = {}
        for text in written(_texts(own.get("requested"))):
            name = canonicalize_name(Requirement(text).name)
            requested[name] = (*requested.get(name, ()), text)
        indexes = tuple(filter(is_index, _texts(own.get("indexes"))))
        proof = own.get("proof")
        return cls(requested, indexes, proof if isinstance(proof, str) else None)


def writable_extra(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    """The unknown keys of a lock, with what was asked for, and the indexes, as they may be written
    again.
    """
    tool = extra.get("tool")
    own = tool.get(KEY) if isinstance(tool, Mapping) else None
    if not isinstance(tool, Mapping) or not isinstance(own, Mapping):
        return extra
    cleaned: dict[str, Any] = dict(own)
    if "requested" in own:
        cleaned["requested"] = list(written(_texts(own["requested"])))
    if "indexes" in own:
        cleaned["indexes"] = list(map(shown, _texts(own["indexes"])))
    return {**extra, "tool": {**tool, KEY: cleaned}}


def _texts(value: object) -> list[str]:
    return (
        [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []
    )
