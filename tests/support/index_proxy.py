"""A poor mirror: the real default index seen through pages that say little.

Pages come from upstream and are written anew; the files stay where upstream has them, by absolute
URL. What pip's configuration calls the index is the upstream, so no host name stands here.
"""

from __future__ import annotations

import functools
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from .index_pages import canonical, html_links, json_entries, json_from_entries, wants_json
from .loopback import LoopbackServer
from .replies import JSON_TYPE, Reply
from .runtimes import MACHINE_ENVIRON

_TIMEOUT = 60  # seconds


@functools.cache
def default_index_url() -> str:
    """The index of pip's configuration, else the one micropip knows; with a slash at the end."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    done = subprocess.run(command, env=MACHINE_ENVIRON, capture_output=True, text=True, check=False)
    found = done.stdout.strip()
    if not found:
        from micropip.package_index import DEFAULT_INDEX_URLS

        found = DEFAULT_INDEX_URLS[0]
    return found.replace("{package_name}", "").rstrip("/") + "/"


class IndexProxy(LoopbackServer):
    """Passes project pages through, poorer.

    Attributes: html_only, core_metadata (keep it), hashes (keep them).
    """

    def __init__(
        self,
        upstream: str | None = None,
        *,
        html_only: bool = True,
        core_metadata: bool = False,
        port: int = 0,
    ) -> None:
        super().__init__(port=port)
        self.upstream = (upstream or default_index_url()).rstrip("/") + "/"
        self.html_only = html_only
        self.core_metadata = core_metadata
        self.hashes = True
        self.cors = False  # mirrors have none
        self._pages: dict[str, list[dict[str, Any]] | int] = {}
        self._page_lock = threading.Lock()

    @property
    def url(self) -> str:
        """The simple root, without a slash at the end."""
        return f"{self.root}/simple"

    def respond(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        """Project pages only; a real index would be too long for a list of all projects."""
        parts = path.strip("/").split("/")
        if len(parts) != 2 or parts[0] != "simple":
            return Reply(404, b"not found\n")
        name = canonical(parts[1])
        if path != f"/simple/{name}/":
            return Reply(301, headers={"Location": f"/simple/{name}/"})
        with self._page_lock:
            if name not in self._pages:
                self._pages[name] = self._fetch(name)
            entries = self._pages[name]
        if isinstance(entries, int):
            return Reply(entries, b"upstream says no\n")
        poorer = [self._poorer(item) for item in entries]
        if not self.html_only and wants_json(headers.get("accept", "")):
            return Reply(200, json_from_entries(name, poorer), JSON_TYPE, compress=True)
        return Reply(200, html_links(name, poorer), "text/html; charset=utf-8", compress=True)

    def offers(self, project: str, url: str) -> dict[str, Any] | None:
        """What the upstream's page, as it was passed on, says of the file at a URL."""
        entries = self._pages.get(canonical(project), [])
        return (
            next((item for item in entries if item["url"] == url), None)
            if isinstance(entries, list)
            else None
        )

    @functools.cached_property
    def _certificates(self) -> ssl.SSLContext:
        """Those of the machine; to read them takes longer than to fetch a page."""
        return ssl.create_default_context()

    def _poorer(self, item: Mapping[str, Any]) -> dict[str, Any]:
        dropped = set()
        if not self.core_metadata:
            dropped |= {"core-metadata", "data-dist-info-metadata"}
        kept = {key: value for key, value in item.items() if key not in dropped}
        return kept if self.hashes else {**kept, "hashes": {}}

    def _fetch(self, name: str) -> list[dict[str, Any]] | int:
        accept = f"{JSON_TYPE}, text/html;q=0.5"
        request = urllib.request.Request(
            urllib.parse.urljoin(self.upstream, f"{name}/"), headers={"Accept": accept}
        )
        try:
            with urllib.request.urlopen(
                request, timeout=_TIMEOUT, context=self._certificates
            ) as response:
                body, base = response.read(), response.geturl()
                if response.headers.get_content_type() == JSON_TYPE:
                    return json_entries(body, base)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 502
        parser = _Links(base)
        parser.feed(body.decode())
        return parser.entries


class _Links(HTMLParser):
    """The links of a PEP 503 page as entries in the JSON form."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.entries: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "base" and found.get("href"):
            self.base = urllib.parse.urljoin(self.base, found["href"] or "")
        if tag != "a" or not found.get("href"):
            return
        url, fragment = urllib.parse.urldefrag(urllib.parse.urljoin(self.base, found["href"] or ""))
        item: dict[str, Any] = {"url": url, "hashes": {}}
        item["filename"] = urllib.parse.unquote(urllib.parse.urlsplit(url).path.rsplit("/", 1)[-1])
        if "=" in fragment:
            item["hashes"] = dict([fragment.split("=", 1)])
        if found.get("data-requires-python"):
            item["requires-python"] = found["data-requires-python"]
        metadata = found.get("data-core-metadata") or found.get("data-dist-info-metadata")
        if metadata:
            item["core-metadata"] = dict([metadata.split("=", 1)]) if "=" in metadata else True
        if "data-yanked" in found:
            item["yanked"] = found["data-yanked"] or True
        self.entries.append(item)
