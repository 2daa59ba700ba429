"""The credentials for each server: userinfo in URLs, netrc, and answers of a keyring."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .._util.url import origin, without_credentials
from ..errors import MicropipLockError

#: User and password, as far as a URL names them.
_User = tuple[str | None, str | None]

#: URLs, or what finds them out when it matters.
Configured = Iterable[str] | Callable[[], Iterable[str]]


class Credentials:
    """Authorization headers by origin (scheme, host, port).

    What a URL brings goes to its own origin. What netrc and keyrings know goes to the origins that
    the user configured; netrc's also to the very host that it names, over https on the default
    port. A page, a claim or a redirect may name any host and port, so none of them gets more.

    Args:
        use_netrc: Whether there is a netrc to read.
        configured: What the user configured. It is read when a password is wanted, and may grow
          until then.
        origin_of: Gives the origin that a URL leads the connection to.
    """

    def __init__(
        self,
        *,
        use_netrc: bool,
        configured: list[Configured] | None = None,
        origin_of: Callable[[str], str | None] = origin,
    ) -> None:
        self._origin_of = origin_of
        self._by_origin: dict[str, dict[str, _User]] = {}
        self._from_keyring: dict[tuple[str, str | None], str] = {}
        self._netrc: dict[str, str] | None = None if use_netrc else {}
        self._unread = [] if configured is None else configured
        self._configured: set[str | None] = set()

    def take(self, url: str) -> str:
        """The URL without userinfo and fragment; its userinfo is kept for its origin."""
        bare = without_credentials(url)
        try:
            parts = urlsplit(url)
        except ValueError:
            return bare
        home = self._origin_of(bare)
        if home is not None and parts.username is not None:
            password = None if parts.password is None else unquote(parts.password)
            self._by_origin.setdefault(home, {})[bare] = (unquote(parts.username), password)
        return bare

    def header(self, url: str) -> str | None:
        """The Authorization header for a URL, if there is one.

        Index files often live on the origin of their index page, without userinfo of their own.
        Where one origin has several credentials, the ones of the most similar URL count, as in pip.
        """
        home = self._origin_of(url)
        if home is None:
            return None
        user, password = self._user(home, url)
        if user is not None and password is not None:
            return _basic(user, password)
        if (home, user) in self._from_keyring:
            return self._from_keyring[home, user]
        # A name without a password may be a token, which some servers accept instead of one.
        return self._of_netrc(home) if user is None else _basic(user, "")

    def wanting(self, url: str) -> tuple[bool, str | None]:
        """Whether a keyring may have the password for a URL, and the name of the user if one is
        known.
        """
        home = self._origin_of(url)
        if home is None or not self._is_configured(home):
            return False, None
        user, password = self._user(home, url)
        return password is None and (user is not None or self._of_netrc(home) is None), user

    def keep(self, url: str, asked: str | None, login: tuple[str, str]) -> None:
        """Remember a keyring's answer for this user."""
        home = self._origin_of(url)
        if home is not None:
            self._from_keyring[home, asked] = _basic(*login)

    def _user(self, home: str, url: str) -> _User:
        known = self._by_origin.get(home)
        return (
            known[max(known, key=lambda other: _shared_length(other, url))]
            if known
            else (None, None)
        )

    def _is_configured(self, home: str) -> bool:
        while home not in self._configured and self._unread:
            urls = self._unread.pop()
            # A configuration that cannot be read gives no origins; the command that needs it raises
            # the error.
            with suppress(MicropipLockError):
                self._configured.update(map(self._origin_of, urls() if callable(urls) else urls))
        return home in self._configured

    def _host_of(self, host: str) -> str:
        """A host of netrc as it is in an origin."""
        home = self._origin_of(f"https://{_bracketed(host)}")
        return host if home is None else urlsplit(home).hostname or host

    def _of_netrc(self, home: str) -> str | None:
        if self._netrc is None:
            self._netrc = {self._host_of(host): login for host, login in _read_netrc().items()}
        host = urlsplit(home).hostname or ""
        login = self._netrc.get(host)
        if login is None or home == f"https://{_bracketed(host)}" or self._is_configured(home):
            return login
        return None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _shared_length(one: str, other: str) -> int:
    return next(
        (index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        len(one),
    )


def _basic(user: str, password: str) -> str:
    # Half of a surrogate pair has no UTF-8, and is in no password that a server knows.
    return "Basic " + b64encode(f"{user}:{password}".encode(errors="replace")).decode("ascii")


def _read_netrc() -> dict[str, str]:
    import netrc

    names = [os.environ["NETRC"]] if os.environ.get("NETRC") else ["~/.netrc", "~/_netrc"]
    for name in names:
        try:
            path = Path(name).expanduser()
            if not path.is_file():  # a pipe or a device would be read for ever
                continue
            hosts = netrc.netrc(str(path)).hosts
        except (OSError, RuntimeError, ValueError, netrc.NetrcParseError):
            # Missing or unreadable: pip and curl go on without it, too.
            continue
        # «default» is left out: it is for hosts that netrc does not name.
        return {
            host: _basic(login or account or "", password or "")
            for host, (login, account, password) in hosts.items()
            if host != "default"
        }
    return {}
