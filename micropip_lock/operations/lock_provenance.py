"""What a lock of ours says of itself: ``tool["micropip-lock"]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .._util.url import shown, site
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
        proof = own.get("proof")
        return cls.of(
            written(_texts(own.get("requested"))),
            indexes=filter(is_index, _texts(own.get("indexes"))),
            proof=proof if isinstance(proof, str) else None,
        )

    @classmethod
    def of(
        cls, requested: Iterable[str], *, indexes: Iterable[str] = (), proof: str | None = None
    ) -> LockProvenance:
        """The lock provenance with these requirements, which are valid, in any order."""
        by_name: dict[str, tuple[str, ...]] = {}
        for text in requested:
            name = canonicalize_name(Requirement(text).name)
            by_name[name] = (*by_name.get(name, ()), text)
        return cls(by_name, tuple(indexes), proof)

    def with_indexes(self, urls: Iterable[str]) -> LockProvenance:
        """The same with further indexes."""
        return replace(self, indexes=(*self.indexes, *urls))

    def merged(self, earlier: LockProvenance, names: Iterable[str]) -> LockProvenance:
        """The same with what an earlier lock says of the entries ``names``, which were taken over.

        Its entries are proved as well as they were there.
        """
        kept = [text for name in names for text in earlier.requested.get(name, ())]
        own = [text for texts in self.requested.values() for text in texts]
        return LockProvenance.of(
            [*own, *kept],
            indexes=(*self.indexes, *earlier.indexes),
            proof="metadata" if earlier.proof == "metadata" else self.proof,
        )

    def to_json(self) -> dict[str, Any]:
        """The lock provenance as ``tool["micropip-lock"]`` holds it; indexes by scheme and host."""
        texts = {text for several in self.requested.values() for text in several}
        origins = set(map(site, self.indexes))
        return {"requested": sorted(texts), "indexes": sorted(origins), "proof": self.proof}


def writable_extra(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    """The unknown keys of a lock, with what was requested, and the indexes, as they may be written
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
