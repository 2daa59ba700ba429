"""One entry of a lock as `verify` sees it: as far as it can be read."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from urllib.parse import unquote

from packaging.utils import InvalidWheelFilename, is_normalized_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from ..._util.text import first_few
from ..._util.url import is_http, shown_filename, without_query
from ...errors import Problem

#: What a problem of the whole lock, or of many packages together, is filed under.
WHOLE = "pyodide"

#: Longer ones are no file names; a compressed tag set of more could stand for millions of tags.
LONGEST_FILENAME = 255

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


@dataclass(frozen=True)
class Entry:
    """One entry of a lock, as far as it can be read: None and empty where it cannot."""

    #: The canonical name.
    key: str
    version: str | None = None
    file_name: str | None = None
    #: Lower-case hex.
    sha256: str | None = None
    #: None when it is no array of texts.
    imports: tuple[str, ...] | None = None
    #: Canonical names.
    depends: tuple[str, ...] = ()
    package_type: str = "package"

    @cached_property
    def scheme(self) -> str:
        """The scheme of the file name, in lower case; empty for a path, drive letters included."""
        match = None if _DRIVE.match(self.file_name or "") else _SCHEME.match(self.file_name or "")
        return match[1].lower() if match else ""

    @cached_property
    def place(self) -> Literal["http", "relative", "local", "nowhere"]:
        """Where the file is: on a server, beside the lock, on one machine, or not loadable."""
        name = self.file_name or ""
        if self.url is not None:
            return "http"
        if self.scheme:
            return "local" if self.scheme in ("emfs", "file") else "nowhere"
        # A page knows «//host/file», but «/folder/file» is what micropip writes in Node: a path of
        # that machine.
        is_path = name.startswith(("/", "\\")) and not name.startswith("//")
        return "local" if is_path or _DRIVE.match(name) else "relative"

    @cached_property
    def url(self) -> str | None:
        """Its file's http(s) URL, if any, without credentials, query and fragment."""
        name = self.file_name or ""
        return without_query(name) if is_http(name) else None

    @cached_property
    def folder(self) -> str:
        """The URL of the folder that its file lies in, with the slash."""
        return f"{(self.url or '').rpartition('/')[0]}/"

    @cached_property
    def filename(self) -> str:
        """The name of its file: the last part of the path, fit to be shown."""
        return unquote(shown_filename(self.file_name or ""))

    @property
    def is_plain(self) -> bool:
        """Whether the URL is all that the file name says: no query was cut off."""
        return self.url == self.file_name

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel with modules, rather than a shared library, a test suite or the
        like.
        """
        return self.package_type == "package" and self.filename.endswith(".whl")

    @cached_property
    def versions(self) -> frozenset[Version]:
        """The versions that an index may list it under.

        The entry may lack the file name's local part.
        """
        found = set()
        if self.version is not None and (version := as_version(self.version)) is not None:
            found.add(version)
        with contextlib.suppress(InvalidWheelFilename, InvalidVersion):
            if len(self.filename) <= LONGEST_FILENAME:
                found.add(parse_wheel_filename(self.filename)[1])
        return frozenset(found)

    def problem(self, code: str, message: str, hint: str, url: str | None = None) -> Problem:
        """A problem of this entry."""
        return Problem(code, self.key, self.version, message, hint, url)


def wheel_name_fault(file_name: str, key: str, version: str | None) -> str | None:
    """Why Pyodide does not load the file of this URL or path as the wheel of a package; None when
    it does.

    Pyodide reads the project from the last part of the URL as it stands, without decoding it.
    """
    last = file_name.rpartition("/")[2]
    filename = unquote(last)
    project = last.partition("-")[0]
    try:
        if (
            len(filename) > LONGEST_FILENAME
            or not last.endswith(".whl")
            or not filename.startswith(project + "-")
        ):
            raise InvalidWheelFilename(filename)
        found, in_name, _, _ = parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidVersion):
        return (
            f"its file name {filename[:80]!r} is not that of a wheel, and the runtime cannot load "
            "that."
        )
    if found != key or not is_normalized_name(key) or not _same_version(in_name, version):
        own = f"{key} {version}" if version else key
        return f"its file {filename} is {found} {in_name}, but the entry says {own}."
    return None


def _same_version(version: Version, text: str | None) -> bool:
    if text is None:  # that is reported as such
        return True
    own = as_version(text)
    if own is None or own == version:
        return own is not None
    # The entry is made from METADATA: one of it and the file name may lack the local part.
    return own.public == version.public and None in (own.local, version.local)


def as_version(text: str) -> Version | None:
    """The version that a text is, by PEP 440."""
    try:
        return Version(text)
    except ValueError:  # InvalidVersion, or more digits than Python converts
        return None


def listed(names: Collection[str]) -> str:
    """Some names as a sentence has them, in order."""
    return first_few(sorted(names))


def about(names: Collection[str]) -> str:
    """What a problem is filed under that concerns these packages."""
    return next(iter(names)) if len(names) == 1 else WHOLE
