"""Passwords of the user's keyring, for a server that wants one and has none from another source.

As pip does: the importable `keyring` library, else the `keyring` command on PATH, and neither
before a server answers 401. This module never prompts the user, and every failure of a keyring
means «no credentials».
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from urllib.parse import urljoin, urlsplit

from .._util.url import origin, without_query

#: User and password.
Login = tuple[str, str]

#: Queries one keyring for a service; the user is None where the URL names none.
Provider = Callable[[str, "str | None"], "Login | None"]

_RELEASE_DOCUMENT = re.compile(r"(.+/)pypi/[^/]+/[^/]+/json")

#: Seconds for one call of the command; a keyring that is locked may have to wait for its owner.
_SECONDS = 60.0


class Keyring:
    """Asks the keyring at most once for each origin and user, and for one at a time."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._providers = _providers(environ)
        self._known: dict[tuple[str, str | None], Login | None] = {}
        self._lock = asyncio.Lock()

    async def login(self, url: str, user: str | None) -> Login | None:
        """User and password for the server of ``url``, as ``user`` if that is known."""
        home = origin(url)
        if home is None:
            return None
        async with self._lock:
            if (home, user) not in self._known:
                # A keyring may wait for its owner to unlock it; other requests go on meanwhile.
                self._known[home, user] = await asyncio.to_thread(self._look_up, url, user)
            return self._known[home, user]

    def _look_up(self, url: str, user: str | None) -> Login | None:
        for provider in self._providers:
            for service in _services(url):
                try:
                    found = provider(service, user)
                except Exception:  # backends raise any exception, and its text may hold secrets
                    break
                if found is not None:
                    return found
        return None


def _services(url: str) -> Iterator[str]:
    """The names that a password may be kept under, the closest one first.

    pip and uv query the index URL (pip with a slash at the end) and then the host. An index has its
    project pages right below it (PEP 503), so the folder that contains the page is the index.
    """
    page = without_query(url)
    folder = urljoin(page, ".." if page.endswith("/") else ".")
    if match := _RELEASE_DOCUMENT.fullmatch(page):
        folder = f"{match[1]}simple/"  # it lies beside the index
    host = urlsplit(folder).netloc
    yield folder
    yield folder.rstrip("/")
    if not host.startswith("-"):
        yield host


def _providers(environ: Mapping[str, str]) -> tuple[Provider, ...]:
    """What PIP_KEYRING_PROVIDER or UV_KEYRING_PROVIDER say; pip's default is «auto»."""
    value = environ.get("PIP_KEYRING_PROVIDER") or environ.get("UV_KEYRING_PROVIDER") or "auto"
    if value == "import":
        return (_library,)
    if value == "subprocess":
        return (_command,)
    # «auto» respects --no-input, because a keyring may ask for its own password.
    silent = environ.get("PIP_NO_INPUT", "").lower() in ("1", "true", "t", "yes", "y", "on")
    return () if value != "auto" or silent else (_library, _command)


def _library(service: str, user: str | None) -> Login | None:
    keyring = import_module("keyring")
    # Older ones cannot be queried without a user.
    if hasattr(keyring, "get_credential"):
        credential = keyring.get_credential(service, user)
        return None if credential is None else _login(credential.username, credential.password)
    return None if user is None else _login(user, keyring.get_password(service, user))


def _command(service: str, user: str | None) -> Login | None:
    command = shutil.which("keyring")
    if command is None or (user is not None and user.startswith("-")):
        return None
    if user is None:
        printed = _run([command, "--mode", "creds", "--output", "json", "get", service])
        if printed is None:
            return None
        found = json.loads(printed)
        return _login(found["username"], found["password"])
    # Without --mode, which older ones do not have.
    return _login(user, _run([command, "get", service, user]))


def _run(command: list[str]) -> str | None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=_SECONDS,
        check=False,
    )
    return None if done.returncode else done.stdout.decode().rstrip("\r\n")


def _login(user: object, password: object) -> Login | None:
    if isinstance(user, str) and isinstance(password, str) and password:
        return user, password
    return None
