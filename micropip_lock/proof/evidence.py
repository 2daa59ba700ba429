"""Evidence: the values that say why an entry of a lock is true, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import Problem
from ..formats.lockfile import LockedPackage
from ..formats.wheel_modules import WheelModules
from ..installed.distribution import CheckFiles

Proof = Literal["base", "installer", "content", "metadata", "download", "accepted"]
#: The source of a sha256: the base lock, micropip in this runtime, a claim alone, a page of an
#: index, or the bytes.
HashSource = Literal["base", "installer", "claim", "index", "download"]

#: The problems that `accept_unproved` may waive.
WAIVABLE = frozenset({"unreachable", "not-allowed", "no-ranges", "files-changed", "weak-record"})

#: The source of a sha256 that the base's own entry gives.
THE_BASE = "the base"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an entry of the lock is true.

    ``claim`` is the source of the wheel's URL, ``proof`` what showed that it is this wheel.
    ``size`` is the wheel's in bytes, if known; ``requests`` and ``bytes`` are what the proof cost;
    ``index`` is the index that offers the wheel, without credentials; ``hash_from`` is the source
    of the sha256.
    """

    package: str
    version: str
    claim: str
    proof: Proof
    url: str
    sha256: str
    size: int | None = None
    index: str | None = None
    requests: int = 0
    bytes: int = 0
    hash_from: HashSource = "base"
    #: Bytes of the installed files, as RECORD has them.
    installed_size: int | None = None

    def to_json(self) -> dict[str, str | int | None]:
        """The evidence as a JSON object, with the fields of the contract."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "installed_size"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What came out for one package: evidence, or problems."""

    evidence: Evidence | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    #: The evidence is for the base's own entry.
    is_base: bool = False
    #: The wheel was compared with the files on disk, so that nothing remains to be said of those
    #: that changed.
    explains_files: bool = False
    #: The modules of the wheel; None where it was not read.
    modules: WheelModules | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """How much proof is required, and the means that are allowed for it."""

    proof: Literal["content", "metadata"] = "content"
    check_files: CheckFiles = "size"
    accept_unproved: frozenset[str] = frozenset()
    download: bool = False


@dataclass(frozen=True, slots=True)
class BaseWheel:
    """A wheel of the base: its entry, where to read it, and whether that is a local copy."""

    entry: LockedPackage
    url: str
    local: bool
