"""The rows of a project page: what a page says of one file, in three forms.

PEP 691 has an object for each file, PEP 503 an anchor tag. Of an object only the values that are
read are kept, as a tuple: for 10 000 files 8 MB instead of 15 MB (tracemalloc). Of an anchor its
text is kept, which is parsed when the file is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: The keys of an object that are read. That of the sidecar may have older names as well.
_KEYS = ("url", "hashes", "size", "yanked", "requires-python", "core-metadata")
_OLDER_NAMES = ("dist-info-metadata", "data-dist-info-metadata")

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_REASON = 200

#: The values of `_KEYS`, or the text of an anchor tag.
Row = tuple[Any, ...] | str


def row_of(file: Mapping[str, Any]) -> Row:
    """The row of an object of PEP 691."""
    return (
        file.get("url"),
        file.get("hashes"),
        file.get("size"),
        file.get("yanked"),
        file.get("requires-python"),
        _core_metadata(file),
    )


def _core_metadata(file: Mapping[str, Any]) -> Any:
    for key in ("core-metadata", *_OLDER_NAMES):
        value = file.get(key)
        if value is not None:
            return value
    return None


def object_of(row: Row) -> dict[str, Any]:
    """The row as an object of PEP 691."""
    if isinstance(row, str):
        # Most indexes answer with JSON; the HTML parser is slow to import in Pyodide.
        from .project_page_html import anchor

        return anchor(row)
    return {key: value for key, value in zip(_KEYS, row, strict=True) if value is not None}


def row_to_json(row: Row) -> Any:
    """The row as a value of JSON."""
    return row if isinstance(row, str) else object_of(row)


def row_from_json(value: object) -> Row:
    """The row that `row_to_json` made a value of. Raises ValueError for any other value."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("url"), str):
        return row_of(value)
    raise ValueError("not a file of a page")


def url_text(row: Row) -> str:
    """A text that contains the URL of the file as the page has it."""
    text = row if isinstance(row, str) else row[0]
    return text if isinstance(text, str) else ""


# -- the values of an object, of which a page may have any type


def text_or_none(value: object) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def size_of(file: Mapping[str, Any]) -> int | None:
    """The size in bytes (PEP 700)."""
    size = file.get("size")
    return size if type(size) is int and size > 0 else None


def sha256_of(file: Mapping[str, Any]) -> str | None:
    """The sha256 in lower-case hexadecimal digits."""
    hashes = file.get("hashes")
    value = hashes.get("sha256") if isinstance(hashes, dict) else None
    if isinstance(value, str) and _SHA256.fullmatch(value.lower()):
        return value.lower()
    return None


def metadata_sha256_of(file: Mapping[str, Any]) -> str | None:
    """The sha256 of the sidecar (PEP 714); "" one without a hash, None: there is no sidecar."""
    value = file.get("core-metadata")
    if isinstance(value, dict):
        digest = value.get("sha256")
        return digest.lower() if isinstance(digest, str) else ""
    return "" if value else None


def yanked_of(file: Mapping[str, Any]) -> str | None:
    """Why the file was yanked (PEP 592), in one short line; None: it was not."""
    value = file.get("yanked")
    if isinstance(value, str):
        # An index can put any text there, and it is shown.
        return " ".join(value.split())[:_LONGEST_REASON]
    return "" if value is True else None
