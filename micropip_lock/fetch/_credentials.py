"""Who we are to which server: userinfo in URLs, netrc, and what a keyring knew."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..url import origin, without_credentials

#: User and password, as far as a URL names them.
_User = tuple[str | None, str | None]


class Credentials:
    """Authorization headers by origin. Each is sent to its own origin (scheme, host, port) only."""

    def __init__(self, *, use_netrc: bool) -> None:
        self._by_origin: dict[str, dict[str, _User]] = {}
        self._from_keyring: dict[tuple[str, str | None], str] = {}
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
            password = None if parts.password is None else unquote(parts.password)
            self._by_origin.setdefault(home, {})[bare] = (unquote(parts.username), password)
        return bare

    def header(self, url: str) -> str | None:
        """The Authorization header for a URL, if there is one.

        Index files often live on the origin of their index page, without userinfo of their own.
        Where one origin has several credentials, the ones of the most similar URL count, as in pip.
        """
        home = origin(url)
        if home is None:
            return None
        user, password = self._user(home, url)
        if user is not None and password is not None:
            return _basic(user, password)
        if (home, user) in self._from_keyring:
            return self._from_keyring[home, user]
        # A name without a password may be a token, which some servers take in its place.
        return self._of_netrc(url) if user is None else _basic(user, "")

    def wanting(self, url: str) -> tuple[bool, str | None]:
        """Whether there is no password for a URL, and the name of the user if one is known."""
        home = origin(url)
        if home is None:
            return False, None
        user, password = self._user(home, url)
        return password is None and (user is not None or self._of_netrc(url) is None), user

    def keep(self, url: str, asked: str | None, login: tuple[str, str]) -> None:
        """Remember what a keyring answered when it was asked for this user."""
        home = origin(url)
        if home is not None:
            self._from_keyring[home, asked] = _basic(*login)

    def _user(self, home: str, url: str) -> _User:
        known = self._by_origin.get(home)
        return known[max(known, key=lambda other: _shared_length(other, url))] if known else (None, None)

    def _of_netrc(self, url: str) -> str | None:
        if self._netrc is None:
            self._netrc = _read_netrc()
        return self._netrc.get(urlsplit(url).hostname or "")


def _shared_length(one: str, other: str) -> int:
    return next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))


def _basic(user: str, password: str) -> str:
    # Half of a surrogate pair has no UTF-8, and is in no password that a server knows.
    return "Basic " + b64encode(f"{user}:{password}".encode(errors="replace")).decode("ascii")


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
