"""The file names of a project page: of which project and version a file is."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from packaging.tags import Tag
from packaging.utils import (
    BuildTag,
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

#: No file system has longer names; a compressed tag set of more could stand for millions of tags.
_LONGEST_FILENAME = 255


class ParsedName(NamedTuple):
    """What the name of a wheel or sdist says."""

    kind: Literal["wheel", "sdist"]
    version: Version
    build: BuildTag = ()
    tags: frozenset[Tag] = frozenset()


def parse_file_name(filename: str, name: str) -> ParsedName | None:
    """Parse the file name of a wheel or sdist of ``name`` (canonical); None for any other file."""
    if len(filename) > _LONGEST_FILENAME:
        return None
    try:
        if filename.endswith(".whl"):
            found, version, build, tags = parse_wheel_filename(filename)
            parsed = ParsedName("wheel", version, build, tags)
        else:
            # parse_sdist_filename() knows .tar.gz and .zip; old releases use these too
            stem = re.sub(r"\.(tgz|tar\.bz2|tar\.xz|tar\.Z|tar)$", ".tar.gz", filename)
            found, version = parse_sdist_filename(stem)
            parsed = ParsedName("sdist", version)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
    return parsed if found == name else None


# -- the fast path: versions without the rest of the names
#
# A page may have tens of thousands of files, of which a resolution wants a few. `version_of` takes
# a fifth of the time of `parse_file_name` (timeit of both on 10 000 names, CPython 3.11). Both find
# the same version in a valid name; only `version_of` finds one if build or tags are invalid.
# tests/unit/formats/test_project_page_twin.py compares pages that are read in both ways.


def version_of(filename: str, name: str) -> Version | None:
    """The version of a file of ``name`` (canonical); None where it is no file of the project."""
    if filename.endswith(".whl"):
        parts = filename.split("-", 2)
        if len(parts) < 3 or _canonical(parts[0]) != name:
            return None
        return parse_version(parts[1])
    if not filename.endswith(".tar.gz"):
        parsed = parse_file_name(filename, name)
        return None if parsed is None else parsed.version
    project, _, version = filename.removesuffix(".tar.gz").rpartition("-")
    if len(filename) > _LONGEST_FILENAME or _canonical(project) != name:
        return None
    return parse_version(version)


def may_have_version(filename: str, versions: frozenset[Version]) -> bool:
    """False for a wheel that is of none of ``versions``, found without parsing all of its name."""
    if not filename.endswith(".whl"):
        return True
    parts = filename.split("-", 2)
    return len(parts) == 3 and parse_version(parts[1]) in versions


def release_part(filename: str) -> str:
    """The part of a file name with name and version: the same text for all wheels of a release."""
    if not filename.endswith(".whl"):
        return filename
    end = filename.find("-", filename.find("-") + 1)
    return f"{filename[:end]}.whl"


@lru_cache(maxsize=65536)
def parse_version(text: str) -> Version | None:
    """The version, or None for a text that is none."""
    try:
        return Version(text)
    except ValueError:  # InvalidVersion, or more digits than Python converts
        return None


@lru_cache(maxsize=1024)
def _canonical(name: str) -> str:
    return canonicalize_name(name)
