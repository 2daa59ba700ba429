"""pylock.toml (PEP 751), read and written by `packaging.pylock`, which came with packaging 26.

Specification: https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from .._util.reading import read_bytes
from .._util.url import shown_within
from ..errors import InputError
from .exported import Export, ExportedWheel
from .target import Target
from .toml import parse_toml

if TYPE_CHECKING:
    from packaging.pylock import Pylock

_LONGEST_REASON = 300
_WORD = re.compile(r"\w+")


def read_pylock(path: str | Path) -> Pylock:
    """Read a pylock.toml. Raises `InputError` when it is missing, unreadable or not valid."""
    return parse_pylock(read_bytes(path), str(path))


def parse_pylock(data: bytes, origin: str = "the pylock") -> Pylock:
    """Read the bytes of a pylock.toml; ``origin`` names them in messages. Raises `InputError`."""
    library = _library()
    try:
        value = parse_toml(data.decode())
    except ValueError as error:
        raise InputError(
            f"{origin} is not valid TOML ({_reason(error)}). Is the file whole?"
        ) from error
    try:
        found: Pylock = library.Pylock.from_dict(value)
    except library.PylockUnsupportedVersionError as error:
        raise InputError(f"{origin}: {_reason(error)}; this reads version 1.") from error
    except (library.PylockValidationError, ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"{origin} is no valid pylock.toml (PEP 751): {_reason(error)}."
        ) from error
    return found


def to_pylock(exported: Export, *, lock_folder: str = "") -> str:
    """The wheels as the text of a pylock.toml, for the target of the lock and no other.

    ``lock_folder``: from the folder of the pylock.toml to that of the lock, which relative file
    names count from. Raises `InputError`.
    """
    library = _library()
    try:
        import tomli_w
    except ModuleNotFoundError as error:
        raise InputError(
            "Writing a pylock.toml needs tomli-w, which is not installed: pip install tomli-w."
        ) from error
    packages = [_package(wheel, library, lock_folder) for wheel in exported.wheels]
    found = library.Pylock(
        lock_version=Version("1.0"),
        environments=[_environment(exported.target)],
        requires_python=_requires_python(exported.target),
        created_by="micropip-lock",
        packages=packages,
    )
    found.validate()
    return tomli_w.dumps(found.to_dict())


def _library() -> Any:
    try:
        from packaging import pylock
    except ImportError as error:
        raise InputError(_TOO_OLD) from error
    # 26.0 knows neither file names nor what they have to agree with.
    if not hasattr(pylock, "PylockSelectError"):
        raise InputError(_TOO_OLD)
    return pylock


_TOO_OLD = (
    "pylock.toml needs packaging 26.1 or newer, and an older one is loaded. On the host: pip "
    "install "
    '"packaging>=26.1"; a Pyodide that brings an older one cannot replace it, so do it on the host.'
)


def _reason(error: Exception) -> str:
    """What a library says of a file, cut where it is long, and without what may be a password."""
    text = " ".join(shown_within(str(error)).split()) or type(error).__name__
    return text.rstrip(".") if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."


def _environment(target: Target) -> Marker:
    """The environment marker of the pylock; only the wheel tags say which Pyodide it is for."""
    environment = target.environment
    names = ("implementation_name", "python_version", "sys_platform", "platform_machine")
    if not _WORD.fullmatch(target.arch):
        raise InputError(f"info.arch: expected a word such as wasm32, found {target.arch[:80]!r}.")
    return Marker(" and ".join(f'{name} == "{environment[name]}"' for name in names))


def _requires_python(target: Target) -> SpecifierSet:
    major, minor = target.python_version
    version = Version(target.python.rstrip("+"))
    if version.is_prerelease:  # «==3.15.*» means the final ones
        return SpecifierSet(f">={version},<{major}.{minor + 1}")
    return SpecifierSet(f"=={major}.{minor}.*")


def _package(wheel: ExportedWheel, library: Any, lock_folder: str) -> Any:
    path = (
        None if wheel.path is None else posixpath.normpath(posixpath.join(lock_folder, wheel.path))
    )
    file = library.PackageWheel(
        name=wheel.filename,
        url=wheel.url,
        path=path,
        size=wheel.size,
        hashes={"sha256": wheel.sha256},
    )
    return library.Package(name=wheel.name, version=wheel.version, index=wheel.index, wheels=[file])
