"""The base lock: where it comes from, which of its entries belong into a new lock, and their
URLs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from .._util.url import is_http, join, origin, shown, split, writable
from ..dependencies.graph import reachable
from ..errors import InputError
from ..formats.lockfile import LOCK_NAME, LockedPackage, Lockfile
from ..network import Fetcher
from ..network.meter import Meter
from ..proof.candidate import is_harmless
from ..proof.evidence import THE_BASE, BaseWheel
from .lock_source import fetch_lock, local_lock

if TYPE_CHECKING:
    from ..proof.hashes import Hashes

#: Where Pyodide's releases are, as the runtime's own default has it.
CDN = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"
_RELEASE = re.compile(r"\d+\.\d+\.\d+([a-z0-9.-]*)")


@dataclass(frozen=True, slots=True)
class Base:
    """A base lock; its wheels are at ``url`` (http or https), in ``folder``, or not known."""

    lockfile: Lockfile
    url: str | None = None
    folder: Path | None = None

    def entry(self, name: str) -> LockedPackage | None:
        """The entry of ``name`` (canonical)."""
        return self.lockfile.packages.get(name)

    def placed(self, entry: LockedPackage) -> LockedPackage:
        """The entry with an absolute file name where that can be known, without credentials.

        A query that says only the sha256 of the entry is dropped; any other stays, and cannot be
        written.
        """
        name = entry.file_name
        if not is_http(name) and self.url is not None:
            name = join(self.url, name)
        name = writable(name)
        parts = split(name)
        if "?" in name and is_harmless(parts.query, entry.sha256):
            name = parts._replace(query="").geturl()
        return replace(entry, file_name=name)

    def wheel(self, name: str, version: str) -> BaseWheel | None:
        """Where to read the base's own wheel of ``name``, if it has that version and can be read at
        all.
        """
        entry = self.entry(name)
        if entry is None or entry.version != version:
            return None
        entry = self.placed(entry)
        if not entry.file_name.endswith(".whl"):
            return None
        if self.folder is not None:
            local = self.folder / entry.file_name.rpartition("/")[2]
            if local.is_file():
                return BaseWheel(entry, local.absolute().as_uri(), local=True)
        return BaseWheel(entry, entry.file_name, local=False) if is_http(entry.file_name) else None

    def note_hash(self, name: str, hashes: Hashes) -> None:
        """Note the sha256 of the base's own file of ``name`` (canonical), where its URL is
        known.
        """
        entry = self.entry(name)
        url = "" if entry is None else self.placed(entry).file_name
        if entry is not None and is_http(url):
            hashes.note(url, entry.sha256 or None, THE_BASE)

    def closure(self, names: Iterable[str], stop: Mapping[str, object]) -> set[str]:
        """``names`` and every entry reached from them through ``depends``, not going through
        ``stop``.
        """
        packages = self.lockfile.packages
        graph = {name: packages[name].depends for name in packages.keys() - stop.keys()}
        return reachable(names, graph)


async def load_base(
    base: Lockfile | str | Path,
    fetcher: Fetcher,
    *,
    base_url: str | None = None,
    base_dir: Path | None = None,
) -> Base:
    """Load a base from a lock, a file, a URL or a release number such as ``314.0.7``.

    Raises `InputError` when it is none of these or no lock, and `FetchError`.
    """
    if base_url is not None and not is_http(base_url):
        raise InputError(f"The base URL {shown(base_url)!r} is not an http or https URL.")
    folder_url = base_url if base_url is None or base_url.endswith("/") else base_url + "/"
    if isinstance(fetcher, Meter):
        # Unlike an index, a base is no server that the user has a password for: none is sent there
        # in clear text.
        fetcher.configure(
            [url for url in (base_url, base) if isinstance(url, str) and _is_https(url)]
        )
    if base_dir is not None and not base_dir.is_dir():
        raise InputError(f"The base folder {base_dir} does not exist.")
    if isinstance(base, Lockfile):
        return Base(base, folder_url, base_dir)
    text = str(base)
    if is_http(text):
        source = await fetch_lock(text, fetcher, "base lock")
        return Base(source.strict(), folder_url or urljoin(text, "."), base_dir)
    if _RELEASE.fullmatch(text) and not Path(text).exists():
        release = CDN.format(version=text)
        source = await fetch_lock(release + LOCK_NAME, fetcher, "base lock")
        return Base(source.strict(), folder_url or release, base_dir)
    source = local_lock(Path(base))
    return Base(source.strict(), folder_url, base_dir or source.folder)


def _is_https(url: str) -> bool:
    return (origin(url) or "").startswith("https://")


def is_release(url: str) -> bool:
    """Whether a URL looks like one of the distribution of a Pyodide release."""
    return url.startswith(CDN.partition("{")[0])
