"""An installer's output or input: pip's installation report, or the pylock.toml it installed from.

Formats: https://pip.pypa.io/en/stable/reference/installation-report/, version 1, and PEP 751. Both
are only claims about what is installed, so no more is read of them than is claimed: names,
versions, URLs and hashes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from .._util.reading import read_bytes
from ..errors import InputError
from .core_metadata import WheelMetadata, parse_filename_tags, parse_requirement
from .direct_url import DirectUrl, parse_direct_url
from .toml import parse_toml


@dataclass(frozen=True, slots=True)
class Reported:
    """One item of ``install``: ``download`` is its ``download_info``, in PEP 610's terms.

    A pylock names every wheel of a package instead, in ``wheels``, of which one was installed.
    """

    name: str
    version: str
    download: DirectUrl | None
    requested: bool
    extras: tuple[str, ...]
    wheels: tuple[DirectUrl, ...] = ()

    def file(self, wheel: WheelMetadata) -> DirectUrl | None:
        """The file that was installed, given the installed WHEEL; None when that is unknown."""
        if self.download is not None:
            return self.download
        fitting = [
            item
            for item in self.wheels
            if parse_filename_tags(item.url) == (wheel.build, wheel.tags)
        ]
        return fitting[0] if len(fitting) == 1 else None


def read_report(report: Mapping[str, Any] | str | Path) -> dict[str, Reported]:
    """Read a report from a file, or from an already parsed object; by canonical name. A file
    ``*.toml`` is a pylock.

    Raises `InputError` when it is no report of format version 1, and no pylock of PEP 751.
    """
    if isinstance(report, Mapping):
        return _reported(report, "the report")
    is_toml = Path(report).suffix == ".toml"
    data = read_bytes(report)
    try:
        value = parse_toml(data.decode()) if is_toml else json.loads(data)
    except (ValueError, RecursionError) as error:
        what = (
            f"The pylock {report} is not valid TOML"
            if is_toml
            else f"The report {report} is not valid JSON"
        )
        raise InputError(f"{what} ({error}). Is the file whole?") from error
    if is_toml:
        return {canonicalize_name(item.name): item for item in _packages(value, str(report))}
    return _reported(value, str(report))


def _reported(value: object, where: str) -> dict[str, Reported]:
    if not isinstance(value, Mapping) or not isinstance(value.get("install"), list):
        raise InputError(f"{where} is not an installation report of pip: it has no list «install».")
    # pip: «Consumers should fail on an unknown major version»; there has only ever been "0" and
    # "1".
    if value.get("version") not in ("0", "1"):
        raise InputError(f"{where} has version {value.get('version')!r}; this reads version 1.")
    items = [
        _item(item, f"{where}: install[{number}]") for number, item in enumerate(value["install"])
    ]
    return {canonicalize_name(item.name): item for item in items}


def _item(value: object, where: str) -> Reported:
    try:
        if not isinstance(value, Mapping):
            raise TypeError("it is no object")
        metadata = value["metadata"]
        extras = value.get("requested_extras", [])
        name = metadata["name"]
        version = metadata["version"]
        if not all(isinstance(text, str) for text in [name, version, *extras]):
            raise TypeError("a name, a version or an extra is no text")
        if parse_requirement(f"{name}[{','.join(extras)}]").name != name:
            raise ValueError(f"{name[:80]!r} is no name")
        download = parse_direct_url(json.dumps(value["download_info"]).encode())
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{where} is not what pip writes ({type(error).__name__}: {error})."
        ) from error
    return Reported(name, version, download, value.get("requested") is True, tuple(extras))


def _packages(value: Mapping[str, Any], where: str) -> Iterator[Reported]:
    """The packages of a pylock that have a version and wheels.

    Anything else claims nothing that could be proved.
    """
    packages = value.get("packages")
    # PEP 751: a major version that is not supported «MUST» be refused; a minor one need not be.
    if not str(value.get("lock-version", "")).startswith("1.") or not isinstance(packages, list):
        what = "it has no list «packages», or another lock-version"
        raise InputError(f"{where} is no pylock of PEP 751, version 1: {what}.")
    for number, package in enumerate(packages):
        try:
            name = package["name"]
            version = package.get("version")
            wheels = package.get("wheels", [])
            if parse_requirement(name).name != name:
                raise ValueError(f"{name[:80]!r} is no name")
            files = [_wheel(item) for item in wheels if isinstance(item.get("url"), str)]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            what = f"{type(error).__name__}: {error}"
            raise InputError(
                f"{where}: packages[{number}] is not what PEP 751 has there ({what})."
            ) from error
        if isinstance(version, str):
            yield Reported(name, version, None, False, (), tuple(files))


def _wheel(item: Mapping[str, Any]) -> DirectUrl:
    return parse_direct_url(
        json.dumps({"url": item["url"], "archive_info": {"hashes": item["hashes"]}}).encode()
    )
