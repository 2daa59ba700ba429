"""pip's installation report: what ``pip install --report`` says it installed, and from where.

Format: https://pip.pypa.io/en/stable/reference/installation-report/, version 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from .direct_url import DirectUrl, parse_direct_url
from .errors import InputError
from .metadata import parse_requirement


@dataclass(frozen=True, slots=True)
class Reported:
    """One item of ``install``: ``download`` is its ``download_info``, in PEP 610's terms."""

    name: str
    version: str
    download: DirectUrl
    requested: bool
    extras: tuple[str, ...]


def read_report(report: Mapping[str, Any] | str | Path) -> dict[str, Reported]:
    """Read a report from a file, or from an already parsed object; by canonical name.

    Raises `InputError` when it is no report of format version 1.
    """
    if isinstance(report, Mapping):
        return _reported(report, "the report")
    try:
        value = json.loads(Path(report).read_bytes())
    except OSError as error:
        raise InputError(f"Cannot read the report {report}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"The report {report} is not valid JSON ({error}). Is the file whole?") from error
    return _reported(value, str(report))


def _reported(value: object, where: str) -> dict[str, Reported]:
    if not isinstance(value, Mapping) or not isinstance(value.get("install"), list):
        raise InputError(f"{where} is not an installation report of pip: it has no list «install».")
    # pip: «Consumers should fail on an unknown major version»; there has only ever been "0" and "1".
    if value.get("version") not in ("0", "1"):
        raise InputError(f"{where} has version {value.get('version')!r}; this reads version 1.")
    items = [_item(item, f"{where}: install[{number}]") for number, item in enumerate(value["install"])]
    return {canonicalize_name(item.name): item for item in items}


def _item(value: object, where: str) -> Reported:
    try:
        if not isinstance(value, Mapping):
            raise TypeError("it is no object")
        metadata, extras = value["metadata"], value.get("requested_extras", [])
        name, version = metadata["name"], metadata["version"]
        if not all(isinstance(text, str) for text in [name, version, *extras]):
            raise TypeError("a name, a version or an extra is no text")
        if parse_requirement(f"{name}[{','.join(extras)}]").name != name:
            raise ValueError(f"{name[:80]!r} is no name")
        download = parse_direct_url(json.dumps(value["download_info"]).encode())
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{where} is not what pip writes ({type(error).__name__}: {error}).") from error
    return Reported(name, version, download, value.get("requested") is True, tuple(extras))
