"""pyodide-lock.json: read strictly, kept whole, written canonically.

Format: https://pyodide.org/en/stable/development/lockfile.html and what the runtime itself
demands (canonical keys, ``imports`` and ``depends`` as arrays). Keys that this module does not
know are kept as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from packaging.utils import canonicalize_name

from .._util.files import write_output
from .._util.reading import read_bytes
from ..errors import InputError
from .core_metadata import canonical
from .json_values import as_texts, describe, expected, is_text, parse_json

#: The name of a lock in its folder, and in a Pyodide distribution.
LOCK_NAME = "pyodide-lock.json"

#: PEP 508: the name of a project.
_PROJECT_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class LockInfo:
    """For which Pyodide the lock is: the ``info`` object.

    Up to Pyodide 0.27 the runtime compares ``version`` with its own; from 0.28 on it compares
    ``abi_version``, and ``version`` is absent from 0.29.4 on.
    """

    python: str
    platform: str
    arch: str
    abi_version: str | None = None
    version: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, value: object, where: str) -> Self:
        """Read the ``info`` object. Raises `InputError` with the dotted path of what is wrong."""
        data = _object(value, where)
        return cls(
            python=_string(data, "python", where),
            platform=_string(data, "platform", where),
            arch=_string(data, "arch", where),
            abi_version=_optional_string(data, "abi_version", where),
            version=_optional_string(data, "version", where),
            extra=_rest(data, {"python", "platform", "arch", "abi_version", "version"}),
        )

    def to_dict(self) -> dict[str, Any]:
        """The ``info`` object, without the optional keys that are not set."""
        known = {
            "python": self.python,
            "platform": self.platform,
            "arch": self.arch,
            "abi_version": self.abi_version,
            "version": self.version,
        }
        return {**self.extra, **{key: value for key, value in known.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One entry of ``packages``.

    ``file_name`` is a URL or a name relative to the folder the runtime loads from; ``depends``
    holds canonical names; ``install_dir`` is ``site`` or ``dynlib``.
    """

    name: str
    version: str
    file_name: str
    sha256: str
    imports: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    install_dir: str = "site"
    package_type: str = "package"
    unvendored_tests: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, value: object, where: str) -> Self:
        """Read one entry; ``depends`` becomes canonical. Raises `InputError`."""
        data = _object(value, where)
        tests = data.get("unvendored_tests", False)
        if not isinstance(tests, bool):
            raise InputError(f"{where}.unvendored_tests: {expected('true or false', tests)}.")
        return cls(
            name=_string(data, "name", where),
            version=_string(data, "version", where),
            file_name=_string(data, "file_name", where),
            # unpublished local builds have null; no runtime can load such an entry
            sha256=""
            if data.get("sha256") in (None, "")
            else _string(data, "sha256", where).lower(),
            imports=_strings(data, "imports", where),
            depends=tuple(canonical(name) for name in _strings(data, "depends", where)),
            install_dir=_optional_string(data, "install_dir", where) or "site",
            package_type=_optional_string(data, "package_type", where) or "package",
            unvendored_tests=tests,
            extra=_rest(data, _PACKAGE_KEYS),
        )

    def to_dict(self) -> dict[str, Any]:
        """The entry, with every key the runtime and pyodide-lock expect."""
        return {
            **self.extra,
            "name": self.name,
            "version": self.version,
            "file_name": self.file_name,
            "install_dir": self.install_dir,
            "sha256": self.sha256,
            "package_type": self.package_type,
            "imports": list(self.imports),
            "depends": list(self.depends),
            "unvendored_tests": self.unvendored_tests,
        }


@dataclass(frozen=True, slots=True)
class Lockfile:
    """A whole pyodide-lock.json. ``packages`` is keyed by canonical name."""

    info: LockInfo
    packages: Mapping[str, LockedPackage]
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: str | bytes | Mapping[str, Any], origin: str = "the lock") -> Self:
        """Read a lock from JSON text or from an already parsed object.

        ``origin`` names the source in messages. Raises `InputError` when the text is no JSON, a
        value has the wrong type, a key is no name of a project (PEP 508), or two keys are one
        canonical name.
        """
        where = origin
        lock = _object(parse_json(data, origin) if isinstance(data, str | bytes) else data, where)
        packages: dict[str, LockedPackage] = {}
        for key, value in _object(lock.get("packages"), f"{where}: packages").items():
            if not is_project_name(key):
                raise InputError(
                    f"{where}: packages has the key {describe(key)}, which is no name of a project."
                )
            name = canonicalize_name(key)
            if name in packages:
                raise InputError(
                    f"{where}: packages.{key} names the same package as another key ({name})."
                )
            packages[name] = LockedPackage.from_dict(value, f"{where}: packages.{key}")
        return cls(
            info=LockInfo.from_dict(lock.get("info"), f"{where}: info"),
            packages=packages,
            extra=_rest(lock, {"info", "packages"}),
        )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a lock from a file.

        Raises `InputError` when it is missing, unreadable or no lock.
        """
        return cls.from_json(read_bytes(path), str(path))

    def to_dict(self) -> dict[str, Any]:
        """The lock as a JSON object."""
        return {
            **self.extra,
            "info": self.info.to_dict(),
            "packages": {name: package.to_dict() for name, package in self.packages.items()},
        }

    def to_json(self, *, compact: bool = False) -> str:
        """Canonical JSON: sorted keys, two spaces, a final newline; one line with ``compact``.

        Raises `InputError` when an unknown key holds what JSON cannot say, or is nested too deeply.
        """
        indent, separators = (None, (",", ":")) if compact else (2, None)
        try:
            text = json.dumps(
                self.to_dict(),
                sort_keys=True,
                indent=indent,
                separators=separators,
                ensure_ascii=False,
                allow_nan=False,
            )
        except (ValueError, TypeError, RecursionError) as error:
            raise InputError(f"The lock cannot be written as JSON ({error}).") from error
        # Lone surrogates have no UTF-8, and other characters would steer the terminal that shows
        # the lock.
        return _INVISIBLE.sub(_escaped, text) + "\n"

    def write(self, path: str | Path, *, compact: bool = False) -> None:
        """Write the lock to ``path``, whole or not at all. Raises `InputError` when that fails."""
        write_output(Path(path), self.to_json(compact=compact).encode())


def is_project_name(text: object) -> bool:
    """Whether a text is the name of a project, canonical or not (PEP 508)."""
    return isinstance(text, str) and _PROJECT_NAME.fullmatch(text) is not None


#: Controls, bidirectional marks, line ends of Unicode and lone surrogates.
_INVISIBLE = re.compile(
    "[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


_PACKAGE_KEYS = {
    "name",
    "version",
    "file_name",
    "install_dir",
    "sha256",
    "package_type",
    "imports",
    "depends",
    "unvendored_tests",
}


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: {expected('an object', value)}.")
    return value


def _string(data: Mapping[str, Any], key: str, where: str) -> str:
    value = data.get(key)
    if not is_text(value):
        raise InputError(f"{where}.{key}: {expected('a text', value)}.")
    return value


def _optional_string(data: Mapping[str, Any], key: str, where: str) -> str | None:
    return None if data.get(key) is None else _string(data, key, where)


def _strings(data: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    texts = as_texts(data.get(key))
    if texts is None:
        raise InputError(f"{where}.{key}: {expected('an array of texts', data.get(key))}.")
    return texts


def _rest(data: Mapping[str, Any], known: set[str]) -> Mapping[str, Any]:
    return {key: value for key, value in data.items() if key not in known}
