"""Core metadata, read leniently: only what a lock needs, and every field but the name may be odd.

Specification: https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.tags import Tag, parse_tag
from packaging.utils import BuildTag, canonicalize_name, parse_wheel_filename

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(r"\r\n|\r|\n")
_FIELD_NAME = re.compile(r"[!-9;-~]+")
_BUILD = re.compile(r"(\d+)(.*)")
#: No author writes longer requirements or tag sets, but longer values could keep their parsers busy
#: for hours.
_LONGEST_REQUIREMENT = 4096
_LONGEST_TAG = _LONGEST_NAME = 255
#: What stands before the description; the longest real ones have some 60 kB.
_LONGEST_HEADERS = 2**20

#: `packaging.utils.canonicalize_name` for where the same names come up again and again.
canonical = lru_cache(maxsize=16384)(canonicalize_name)


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """The fields of METADATA that a lock is made from."""

    name: str
    version: str
    requires: tuple[Requirement, ...] = ()
    #: Canonical names of Provides-Extra.
    extras: frozenset[str] = frozenset()
    #: PEP 794, private ones included; None when the field is absent.
    import_names: tuple[str, ...] | None = None
    import_namespaces: tuple[str, ...] | None = None
    requires_python: str | None = None


@dataclass(frozen=True, slots=True)
class WheelMetadata:
    """The fields of WHEEL that identify the wheel that was installed (PEP 427)."""

    tags: frozenset[Tag]
    build: BuildTag = ()


def parse_metadata(data: bytes) -> CoreMetadata:
    """Parse METADATA. Raises ValueError when it has no name or version, or a Requires-Dist that is
    no requirement (leaving it out would make a lock that lacks a package).
    """
    return _core_metadata(_header_text(data))


@lru_cache(maxsize=512)  # a notebook freezes again and again
def _core_metadata(text: str) -> CoreMetadata:
    headers = _headers(text)
    name = _one(headers, "Name")
    version = _one(headers, "Version")
    if not name or not version:
        raise ValueError("it has no Name or no Version")
    if "\ufffd" in name + version:
        raise ValueError("its Name or its Version is not UTF-8")
    if len(name) + len(version) > _LONGEST_NAME:
        raise ValueError("its Name or its Version is longer than a file name can be")
    return CoreMetadata(
        name=name,
        version=version,
        requires=tuple(parse_requirement(text) for text in _all(headers, "Requires-Dist")),
        extras=frozenset(canonicalize_name(text) for text in _all(headers, "Provides-Extra")),
        import_names=_import_names(headers, "Import-Name"),
        import_namespaces=_import_names(headers, "Import-Namespace"),
        requires_python=_one(headers, "Requires-Python"),
    )


@lru_cache(maxsize=256)  # most wheels of an environment have the very same one
def parse_wheel_metadata(data: bytes) -> WheelMetadata:
    """Parse WHEEL. Raises ValueError when it has no Tag."""
    headers = _headers(_header_text(data))
    texts = _all(headers, "Tag")
    if any(len(text) > _LONGEST_TAG for text in texts):
        raise ValueError("its Tag is too long")
    tags = frozenset(tag for text in texts for tag in parse_tag(text))
    if not tags:
        raise ValueError("it has no Tag")
    build = _BUILD.fullmatch(_one(headers, "Build") or "")
    return WheelMetadata(tags, (int(build[1]), build[2]) if build else ())


def parse_filename_tags(url: str) -> tuple[BuildTag, frozenset[Tag]] | None:
    """The build number and the tags in the file name of a wheel at ``url`` (PEP 427).

    None when it is no such name.
    """
    try:
        filename = unquote(urlsplit(url).path.rpartition("/")[2])
        # No file system has longer names; a compressed tag set of more could stand for millions of
        # tags.
        return parse_wheel_filename(filename)[2:] if len(filename) <= _LONGEST_NAME else None
    except ValueError:  # no name of a wheel, no URL, or more digits than Python converts
        return None


class RequirementError(ValueError):
    """A text is no requirement; the message shows it. ``reason`` says why, in one line."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@lru_cache(maxsize=4096)
def parse_requirement(text: str) -> Requirement:
    """Parse a requirement (PEP 508). Raises `RequirementError`."""
    if len(text) > _LONGEST_REQUIREMENT:
        message = f"{text[:80]!r}... is too long for a requirement"
        raise RequirementError(message, "it is too long")
    try:
        requirement = Requirement(text)
        # `packaging` parses a marker with both kinds of quotation marks, and cannot write it.
        str(requirement.marker)
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise RequirementError(f"{text!r} is no requirement: {reason}", reason) from error
    return requirement


#: By the name of the field in lower case its values, each as the lines it was folded into.
_Headers = Mapping[str, Sequence[Sequence[str]]]


def _header_text(data: bytes) -> str:
    # What follows the first blank line is the description; parsing it would cost most of the time.
    headers = _BLANK_LINE.split(data.removeprefix(codecs.BOM_UTF8), maxsplit=1)[0]
    if len(headers) > _LONGEST_HEADERS:
        raise ValueError(f"its header is longer than {_LONGEST_HEADERS} bytes")
    # Old tools wrote names of authors in any encoding; in the fields that count only ASCII is
    # valid.
    return headers.decode("utf-8", "replace")


def _headers(text: str) -> _Headers:
    """The header fields, as `email.parser` finds them.

    `email.parser` takes three times as long, and longer to import.
    """
    fields: dict[str, list[list[str]]] = {}
    value: list[str] = []
    for line in _LINE_END.split(text):
        name, colon, rest = line.partition(":")
        key = _field(name) if colon else None
        if key is not None:
            value = [rest]
            fields.setdefault(key, []).append(value)
        elif line.startswith((" ", "\t")):
            value.append(line)  # a folded line belongs to the field before it
        elif line.startswith("From ") or (colon and not name):
            value = []  # a mailbox's envelope, or nothing that has a name
        else:
            break
    return fields


@lru_cache(maxsize=256)
def _field(name: str) -> str | None:
    """The name of a field in lower case.

    None when it is none (RFC 822, 3.1.2, as the standard library reads it).
    """
    return name.lower() if _FIELD_NAME.fullmatch(name) else None


def _all(headers: _Headers, name: str) -> list[str]:
    values = (" ".join(" ".join(lines).split()) for lines in headers.get(name.lower(), ()))
    return [value for value in values if value]


def _one(headers: _Headers, name: str) -> str | None:
    return next(iter(_all(headers, name)), None)


def _import_names(headers: _Headers, name: str) -> tuple[str, ...] | None:
    if name.lower() not in headers:
        return None
    # PEP 794: «name ; private» marks a name that is not for users; it is importable all the same.
    names = (text.partition(";")[0].strip() for text in _all(headers, name))
    return tuple(text for text in names if text)
