"""Who we are to which server: userinfo in URLs, and netrc."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..url import origin, without_credentials


class Credentials:
    """Authorization headers by origin. Each is sent to its own origin (scheme, host, port) only."""

    def __init__(self, *, use_netrc: bool) -> None:
        self._by_origin: dict[str, dict[str, str]] = {}
        self._netrc: dict[str, str] | None = None if use_netrc else {}

    def take(self, url: str) -> str:
        """The URL without userinfo and fragment; its userinfo is kept for its origin."""
        bare = without_credentials(url)
        try:
            parts = urlsplit(url)
        except ValueError:
            return bare
        home = origin(url)
        if home is not None and parts.username is not None:
            header = _basic(unquote(parts.username), unquote(parts.password or ""))
            self._by_origin.setdefault(home, {})[bare] = header
        return bare

    def header(self, url: str) -> str | None:
        """The Authorization header for a URL, if there is one.

        Index files often live on the origin of their index page, without userinfo of their own.
        Where one origin has several credentials, the ones of the most similar URL count, as in pip.
        """
        home = origin(url)
        if home is None:
            return None
        known = self._by_origin.get(home)
        if known:
            return known[max(known, key=lambda other: _shared_length(other, url))]
        if self._netrc is None:
            self._netrc = _read_netrc()
        return self._netrc.get(urlsplit(url).hostname or "")


def _shared_length(one: str, other: str) -> int:
    return next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def _read_netrc() -> dict[str, str]:
    import netrc

    names = [os.environ["NETRC"]] if os.environ.get("NETRC") else ["~/.netrc", "~/_netrc"]
    for name in names:
        try:
            hosts = netrc.netrc(str(Path(name).expanduser())).hosts
        except (OSError, RuntimeError, ValueError, netrc.NetrcParseError):
            # Missing, unreadable or not ours to judge: pip and curl go on without it, too.
            continue
        # «default» is left out: it would go to every server that an index names.
        return {
            host.lower(): _basic(login or account or "", password or "")
            for host, (login, account, password) in hosts.items()
            if host != "default"
        }
    return {}
