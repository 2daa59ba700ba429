"""A lock with its faults: what the runtime reads of it, and what is wrong with that.

`Lockfile` is strict and stops at the first fault. This reader reports every fault, and keeps the
rest of the lock for further checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name

from ...errors import InputError, Problem
from ...formats.json_values import as_texts, expected, is_text
from ...formats.lockfile import LockInfo, is_project_name
from ...formats.target import Target
from ..lock_source import LockSource
from .entry import WHOLE, Entry

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_DIGITS = "64 hexadecimal digits and nothing before them"
#: pyodide-lock requires them; the runtime does not read them.
_EXPECTED = ("install_dir", "package_type", "unvendored_tests")


@dataclass(slots=True)
class Lock:
    """What could be read of a lock, and what could not."""

    entries: dict[str, Entry] = field(default_factory=dict)
    #: None when ``info`` does not name a Pyodide.
    target: Target | None = None
    problems: list[Problem] = field(default_factory=list)

    def fault(
        self, key: str, message: str, hint: str, *, code: str = "schema", version: str | None = None
    ) -> None:
        """Add a problem."""
        self.problems.append(Problem(code, key, version, message, hint))


def read_lock(source: LockSource) -> Lock:
    """Read a lock with all its faults. Raises `InputError` for what is no object of JSON."""
    data, repeated = source.parsed()
    lock = Lock()
    lock.target = _target(data.get("info"), lock)
    packages = data.get("packages")
    if not isinstance(packages, Mapping):
        lock.fault(
            WHOLE,
            f"packages: {expected('an object', packages)}.",
            "Is this a pyodide-lock.json? Freeze the environment again.",
        )
        return lock
    for key, value in packages.items():
        entry = _entry(str(key), value, lock)
        if entry.key in lock.entries:
            lock.fault(
                entry.key,
                f"two keys of packages name it; {key!r} is one of them.",
                "Remove the one that is not meant: the runtime knows a package by its canonical "
                "name only.",
                code="duplicate",
            )
        if key == entry.key or entry.key not in lock.entries:
            lock.entries[entry.key] = entry
    for key in repeated:
        name = canonicalize_name(key)
        lock.fault(
            name if name in lock.entries else WHOLE,
            f"the key {key!r} stands more than once in one object; readers take the last, and "
            "forget the others.",
            "Remove all but one.",
            code="duplicate",
        )
    return lock


def _target(info: object, lock: Lock) -> Target | None:
    hint = "Freeze again with the lock of the Pyodide release as base: it has the right values."
    if not isinstance(info, Mapping):
        lock.fault(WHOLE, f"info: {expected('an object', info)}.", hint)
        return None
    before = len(lock.problems)
    for key in ("python", "platform", "arch"):
        if not is_text(info.get(key)):
            lock.fault(WHOLE, f"info.{key}: {expected('a text', info.get(key))}.", hint)
    # The runtime boots only if one of the two is its own: the version up to 0.27 (Python 3.12), the
    # ABI from 0.28 on.
    python = info.get("python")
    is_old = isinstance(python, str) and re.match(r"3\.(\d|1[0-2])(?!\d)", python) is not None
    for key, needed in (("version", is_old), ("abi_version", not is_old)):
        value = info.get(key)
        if (needed or value is not None) and not is_text(value):
            why = ", without which Pyodide does not boot" if needed else ""
            lock.fault(WHOLE, f"info.{key}: {expected(f'a text{why}', value)}.", hint)
    try:
        return Target.from_info(LockInfo.from_dict(info, "info"))
    except InputError as error:
        if len(lock.problems) == before:
            lock.fault(WHOLE, f"{str(error).rstrip('.?')}.", hint)
        return None


def _entry(key: str, value: object, lock: Lock) -> Entry:
    name = canonicalize_name(key)
    where = f"packages.{key}"
    if not is_project_name(key):
        lock.fault(
            name,
            f"the key {key!r} is no name of a project (PEP 508).",
            "Remove it, or freeze again.",
        )
    elif name != key:
        lock.fault(
            name,
            f"the key {key!r} is not canonical, so the runtime never finds it.",
            f"Write it as {name!r}.",
        )
    if not isinstance(value, Mapping):
        lock.fault(name, f"{where}: {expected('an object', value)}.", "Freeze again.")
        return Entry(name)
    version = value["version"] if is_text(value.get("version")) else None
    faults = [*_odd_texts(name, value), *_odd_lists(value)]
    for message, hint in faults:
        lock.fault(name, f"{where}.{message}", hint, version=version)
    if missing := [item for item in _EXPECTED if item not in value]:
        lock.fault(
            name,
            f"it lacks {', '.join(missing)}, which pyodide-lock and tools that build on it expect.",
            'Add them; for a wheel: "install_dir": "site", "package_type": "package", '
            '"unvendored_tests": false.',
            code="incomplete",
            version=version,
        )
    return Entry(
        name,
        version,
        value["file_name"] if is_text(value.get("file_name")) else None,
        _sha256(name, version, value.get("sha256"), lock),
        as_texts(value.get("imports")),
        tuple(canonicalize_name(item) for item in as_texts(value.get("depends")) or ()),
        value["package_type"] if is_text(value.get("package_type")) else "package",
    )


def _odd_texts(name: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The errors in the plain values of an entry, with hints."""
    for key in ("name", "version", "file_name", "install_dir", "package_type"):
        if (key not in _EXPECTED or key in value) and not is_text(value.get(key)):
            yield (
                f"{key}: {expected('a text', value.get(key))}.",
                f"Write its {key}, or freeze again.",
            )
    if is_text(value.get("name")) and canonicalize_name(value["name"]) != name:
        yield (
            f"name: {expected(repr(name), value['name'])}.",
            "Correct the name or the key.",
        )
    if not isinstance(value.get("unvendored_tests", False), bool):
        found = value["unvendored_tests"]
        yield (
            f"unvendored_tests: {expected('true or false', found)}.",
            "Write false for a wheel of an index.",
        )


def _odd_lists(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, effect in (
        ("imports", "Pyodide does not boot with it"),
        ("depends", "the package cannot be loaded"),
    ):
        if as_texts(value.get(key)) is None:
            yield (
                f"{key}: {expected('an array of texts', value.get(key))}; {effect}.",
                f'Write "{key}": [] at least, or freeze again.',
            )


def _sha256(name: str, version: str | None, value: object, lock: Lock) -> str | None:
    if value is None or value == "":
        lock.fault(
            name,
            "it has no sha256, so browsers refuse to load it.",
            "Freeze again, or write the sha256 of its file.",
            code="hash-missing",
            version=version,
        )
    elif not isinstance(value, str) or not _SHA256.fullmatch(value):
        lock.fault(
            name,
            f"packages.{name}.sha256: {expected(_DIGITS, value)}.",
            "Write the sha256 of its file in hexadecimal digits.",
            version=version,
        )
    else:
        return value.lower()
    return None
