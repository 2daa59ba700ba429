"""What installers write about the origin of a distribution: PEP 610, PEP 710 and INDEX.

``packaging.direct_url`` validates more than this module needs and exists from packaging 26.1 on,
while the base of Pyodide 0.27 and 0.28 has 24.2, which micropip cannot replace once it is loaded.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Longer ones are no index.
_LONGEST_URL = 4096
#: An http(s) URL without user name, query and fragment, of characters that a URL may have.
_URL = re.compile(r"https?://(?![^/]*@)[!\"$->@-~]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DirectUrl:
    """direct_url.json or provenance_url.json: a URL, what is behind it, and its sha256 if known."""

    url: str
    kind: Literal["archive", "directory", "editable", "vcs"]
    sha256: str | None = None


def parse_direct_url(data: bytes) -> DirectUrl:
    """Parse direct_url.json (PEP 610). Raises ValueError with what is wrong."""
    value = _object(data)
    url = _url(value)
    if isinstance(info := value.get("dir_info"), dict):
        return DirectUrl(url, "editable" if info.get("editable") is True else "directory")
    if isinstance(value.get("vcs_info"), dict):
        return DirectUrl(url, "vcs")
    if isinstance(info := value.get("archive_info"), dict):
        return DirectUrl(url, "archive", _sha256(info))
    raise ValueError("none of archive_info, dir_info and vcs_info is there")


def parse_provenance_url(data: bytes) -> DirectUrl:
    """Parse provenance_url.json (PEP 710, a draft). Raises ValueError with what is wrong."""
    value = _object(data)
    info = value.get("archive_info")
    if not isinstance(info, dict):
        raise ValueError("archive_info is not there")
    return DirectUrl(_url(value), "archive", _sha256(info))


@dataclass(frozen=True, slots=True)
class InstallNote:
    """What `sync` keeps of a lock in provenance_url.json, because no file of an installer has it.

    It proves nothing. It lets a later freeze distinguish requested packages from dependencies.
    """

    #: Requirements that the user requested for this distribution.
    requested: tuple[str, ...] = ()
    #: Extras that are wanted of it, by canonical name.
    extras: tuple[str, ...] = ()
    #: Scheme and host of the indexes that proved the lock.
    indexes: tuple[str, ...] = ()


_NOTE = "micropip-lock"


def provenance_url(url: str, sha256: str, note: InstallNote) -> bytes:
    """Write provenance_url.json (PEP 710, a draft)."""
    value: dict[str, Any] = {"archive_info": {"hashes": {"sha256": sha256}}, "url": url}
    if note != InstallNote():
        value[_NOTE] = {
            name: list(texts) for name in InstallNote.__slots__ if (texts := getattr(note, name))
        }
    # Half of a surrogate pair, which a lock may have, has no UTF-8; Python and JSON escape it in
    # the same way.
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode(errors="backslashreplace")


def parse_install_note(data: bytes) -> InstallNote:
    """Read the install note in provenance_url.json; empty when it is missing or unreadable."""
    try:
        value = _object(data).get(_NOTE)
    except ValueError:
        return InstallNote()
    if not isinstance(value, dict):
        return InstallNote()
    texts = {name: value.get(name, []) for name in InstallNote.__slots__}
    if not all(
        isinstance(items, list) and all(isinstance(item, str) for item in items)
        for items in texts.values()
    ):
        return InstallNote()
    return InstallNote(**{name: tuple(items) for name, items in texts.items()})


def parse_index(data: bytes) -> str | None:
    """Parse INDEX (docs/INDEX.md): one http(s) URL in one line; None when it is anything else."""
    url = data.decode("utf-8", errors="replace").rstrip("\r\n")
    if len(url) > _LONGEST_URL or not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        usable = (
            parts.hostname and parts.port != 0
        )  # raises ValueError for a port that is no number
    except ValueError:
        return None
    return url if usable else None


def is_index(url: str) -> bool:
    """Whether a text may stand in INDEX."""
    return parse_index(url.encode(errors="surrogatepass")) is not None


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    return value


def _url(value: dict[str, Any]) -> str:
    url = value.get("url")
    if not isinstance(url, str) or not url:
        raise ValueError("url is not there")
    try:
        urlsplit(url)
    except ValueError:
        # Its text may quote a password.
        raise ValueError("url is not one") from None
    return url


def _sha256(info: dict[str, Any]) -> str | None:
    """The sha256 of archive_info.

    PEP 610: ``hashes`` is preferred, ``hash`` its deprecated form.
    """
    hashes = info.get("hashes")
    found = hashes.get("sha256") if isinstance(hashes, dict) else None
    if found is None and isinstance(info.get("hash"), str):
        algorithm, _, value = info["hash"].partition("=")
        found = value if algorithm == "sha256" else None
    if found is None:
        return None
    if not isinstance(found, str) or not _SHA256.fullmatch(found.lower()):
        raise ValueError("its sha256 is no sha256")
    return found.lower()
