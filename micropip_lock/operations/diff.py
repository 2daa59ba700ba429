"""`diff`: what differs between two locks, package by package, without any request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from packaging.version import Version

from .._util.url import is_http, origin, shown, shown_filename
from ..errors import InputError
from ..formats.lockfile import LockedPackage
from .lock_source import LockInput, local_lock

#: What happened to a package, the most alarming first; one that changed in several ways has the
#: first of them. ``bytes``: same version, same file name, other sha256. ``file``: same version,
#: another file of it, as another Pyodide needs. ``url``: the same file from elsewhere. ``details``:
#: only what it needs, what it provides, or further keys.
Kind = Literal["bytes", "removed", "added", "version", "file", "url", "details"]
KINDS: tuple[Kind, ...] = ("bytes", "removed", "added", "version", "file", "url", "details")

_INFO = ("version", "abi_version", "python", "platform", "arch")
#: How deep a changed key is named; below that only its parent is.
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Names:
    """Names that came and names that went, sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


@dataclass(frozen=True, slots=True)
class Change:
    """One package that differs; ``old`` is None when it was added, ``new`` when it was removed."""

    package: str
    kind: Kind
    old: LockedPackage | None
    new: LockedPackage | None

    @property
    def direction(self) -> Literal["up", "down", ""]:
        """Whether the version is a later or an earlier one; empty where that is unknown."""
        if self.old is None or self.new is None:
            return ""
        try:
            old = Version(self.old.version)
            new = Version(self.new.version)
        except ValueError:  # no version, or more digits than Python converts
            return ""
        if old == new:
            return ""
        return "up" if new > old else "down"

    @property
    def depends(self) -> Names:
        """The packages that it needs now and did not, and the other way round."""
        return self._names("depends")

    @property
    def imports(self) -> Names:
        """The import names that it claims now and did not, and the other way round."""
        return self._names("imports")

    def _names(self, key: str) -> Names:
        old, new = (
            set(getattr(item, key)) if item is not None else set() for item in (self.old, self.new)
        )
        if self.old is None or self.new is None:
            return Names((), ())
        return Names(tuple(sorted(new - old)), tuple(sorted(old - new)))

    @property
    def places(self) -> tuple[str, str] | None:
        """The old and the new server, where they differ; empty for a file beside the lock."""
        if self.old is None or self.new is None:
            return None
        old, new = (_place(item.file_name) for item in (self.old, self.new))
        return None if old == new else (old, new)

    @property
    def keys(self) -> tuple[str, ...]:
        """The further keys of the entry that differ, such as ``install_dir``."""
        if self.old is None or self.new is None:
            return ()
        plain = ("name", "install_dir", "package_type", "unvendored_tests")
        found = [key for key in plain if getattr(self.old, key) != getattr(self.new, key)]
        return (*found, *_other_keys(self.old.extra, self.new.extra))

    def to_json(self) -> dict[str, Any]:
        """The change as a JSON object. URLs are shown without credentials, query and fragment."""
        return {
            "package": self.package,
            "kind": self.kind,
            "old": _brief(self.old),
            "new": _brief(self.new),
            "depends": {"added": self.depends.added, "removed": self.depends.removed},
            "imports": {"added": self.imports.added, "removed": self.imports.removed},
            "keys": self.keys,
        }


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of ``info`` that differs; None where it is not set."""

    key: str
    old: str | None
    new: str | None

    def to_json(self) -> dict[str, str | None]:
        """The setting as a JSON object."""
        return {"key": self.key, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between two locks.

    ``changes`` are ordered by name, ``base`` says how the Pyodide differs that they are for,
    ``other`` names the keys outside of the packages that differ, as
    ``tool.micropip-lock.requested``. ``unchanged`` counts packages.
    """

    changes: tuple[Change, ...]
    base: tuple[Setting, ...] = ()
    other: tuple[str, ...] = ()
    unchanged: int = 0

    @property
    def equal(self) -> bool:
        """Whether the two say the same."""
        return not (self.changes or self.base or self.other)

    def of(self, kind: Kind) -> tuple[Change, ...]:
        """The changes of one kind."""
        return tuple(change for change in self.changes if change.kind == kind)

    @property
    def totals(self) -> dict[str, int]:
        """How many packages changed, by kind, and how many did not."""
        counted = Counter(change.kind for change in self.changes)
        return {**{kind: counted[kind] for kind in KINDS}, "unchanged": self.unchanged}

    def to_json(self) -> dict[str, Any]:
        """The whole as a JSON object."""
        return {
            "equal": self.equal,
            "base": [setting.to_json() for setting in self.base],
            "other": list(self.other),
            "packages": [change.to_json() for change in self.changes],
            "totals": self.totals,
        }


def diff(
    old: LockInput,
    new: LockInput,
) -> Diff:
    """What differs between two locks of any tool. The order of names in a lock means nothing.

    Each is a `Lockfile`, a parsed object, the text of one (what micropip.freeze() returns), a file
    or a folder that has a pyodide-lock.json. Raises `InputError` for what is missing, unreadable
    or no lock.
    """
    before = local_lock(old, "the old lock").strict()
    after = local_lock(new, "the new lock").strict()
    changes = []
    names = sorted({*before.packages, *after.packages})
    for name in names:
        was = before.packages.get(name)
        now = after.packages.get(name)
        kind = _kind(name, was, now)
        if kind is not None:
            changes.append(Change(name, kind, was, now))
    settings = [Setting(key, getattr(before.info, key), getattr(after.info, key)) for key in _INFO]
    other = [f"info.{key}" for key in _other_keys(before.info.extra, after.info.extra)]
    return Diff(
        tuple(changes),
        tuple(item for item in settings if item.old != item.new),
        (*other, *_other_keys(before.extra, after.extra)),
        len(names) - len(changes),
    )


def _kind(name: str, old: LockedPackage | None, new: LockedPackage | None) -> Kind | None:
    if old is None or new is None:
        return "added" if old is None else "removed"
    if (
        old == new and not old.extra
    ):  # the common case; of further keys Python would take 1 and true for equal
        return None
    if old.version != new.version:
        return "version"
    if old.sha256 != new.sha256:
        return "bytes" if _filename(old) == _filename(new) else "file"
    if old.file_name != new.file_name:
        return "url"
    change = Change(name, "details", old, new)
    return "details" if change.depends or change.imports or change.keys else None


def _filename(entry: LockedPackage) -> str:
    return shown_filename(entry.file_name)


def _place(file_name: str) -> str:
    return (origin(file_name) or "") if is_http(file_name) else ""


def _brief(entry: LockedPackage | None) -> dict[str, str | None] | None:
    if entry is None:
        return None
    return {
        "version": entry.version,
        "file_name": shown(entry.file_name),
        "sha256": entry.sha256 or None,
    }


def _other_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """The dotted keys under which two objects differ.

    Values may be secret, so they are not returned.
    """
    return tuple(sorted(_walk(old, new, ())))


def _walk(old: Mapping[str, Any], new: Mapping[str, Any], where: tuple[str, ...]) -> Iterator[str]:
    for key in {*old, *new}:
        was = old.get(key, {})
        now = new.get(key, {})
        path = (*where, key)
        if isinstance(was, Mapping) and isinstance(now, Mapping) and len(path) < _DEEPEST:
            # What is empty and what is absent say the same.
            yield from _walk(was, now, path)
        elif _text(was) != _text(now):
            yield ".".join(path)


def _text(value: object) -> str:
    """A value of JSON as a text: for Python 1, 1.0 and True are one."""
    try:
        return json.dumps(value, sort_keys=True, default=repr)
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"A value of the lock cannot be compared ({error}). Is it nested too deeply?"
        ) from error
