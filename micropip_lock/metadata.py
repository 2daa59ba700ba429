"""Core metadata, read leniently: only what a lock needs, and every field but the name may be odd.

Specification: https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from functools import lru_cache

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag, parse_tag
from packaging.utils import BuildTag, canonicalize_name

_BLANK_LINE = re.compile(r"\r?\n\r?\n")
_BUILD = re.compile(r"(\d+)(.*)")
#: Longer values are no requirement or tag set that anybody wrote, but could keep their parsers busy for hours.
_LONGEST_REQUIREMENT = 4096
_LONGEST_TAG = _LONGEST_NAME = 255


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
    """The fields of WHEEL that tell which file was installed (PEP 427)."""

    tags: frozenset[Tag]
    build: BuildTag = ()


def parse_metadata(data: bytes) -> CoreMetadata:
    """Parse METADATA. Raises ValueError when it is not UTF-8, or has no name or version, or a
    Requires-Dist that nobody can read (leaving it out would make a lock that lacks a package)."""
    headers = _headers(data)
    name, version = _one(headers, "Name"), _one(headers, "Version")
    if not name or not version:
        raise ValueError("it has no Name or no Version")
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


def parse_wheel_metadata(data: bytes) -> WheelMetadata:
    """Parse WHEEL. Raises ValueError when it is not UTF-8, or has no Tag."""
    headers = _headers(data)
    texts = _all(headers, "Tag")
    if any(len(text) > _LONGEST_TAG for text in texts):
        raise ValueError("its Tag is too long")
    tags = frozenset(tag for text in texts for tag in parse_tag(text))
    if not tags:
        raise ValueError("it has no Tag")
    build = _BUILD.fullmatch(_one(headers, "Build") or "")
    return WheelMetadata(tags, (int(build[1]), build[2]) if build else ())


@lru_cache(maxsize=4096)
def parse_requirement(text: str) -> Requirement:
    """Parse a requirement (PEP 508). Raises ValueError that shows it."""
    if len(text) > _LONGEST_REQUIREMENT:
        raise ValueError(f"{text[:80]!r}... is too long for a requirement")
    try:
        return Requirement(text)
    except (InvalidRequirement, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{text!r} is no requirement: {reason}") from error


def _headers(data: bytes) -> Message:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 (byte {error.start})") from error
    # What follows the first blank line is the description; parsing it would cost most of the time.
    return HeaderParser().parsestr(_BLANK_LINE.split(text.lstrip("\ufeff"), maxsplit=1)[0])


def _all(headers: Message, name: str) -> list[str]:
    values = [" ".join(str(value).split()) for value in headers.get_all(name, [])]
    return [value for value in values if value]


def _one(headers: Message, name: str) -> str | None:
    return next(iter(_all(headers, name)), None)


def _import_names(headers: Message, name: str) -> tuple[str, ...] | None:
    if headers.get_all(name) is None:
        return None
    # PEP 794: «name ; private» marks a name that is not for users; it is importable all the same.
    names = (text.partition(";")[0].strip() for text in _all(headers, name))
    return tuple(text for text in names if text)
