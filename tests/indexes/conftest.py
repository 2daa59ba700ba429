from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from micropip_lock.cli.main import micropip_lock
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from ..support.freezing import base_document


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def codes(self) -> dict[str, str]:
        """Package -> code of each problem of a ``--json`` answer."""
        return {problem["package"]: problem["code"] for problem in self.json["problems"]}


Run = Callable[..., Done]


@pytest.fixture(autouse=True, scope="module")
def without_proxy() -> Iterator[None]:
    """For the servers and folders that a whole module uses, too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        yield


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch, make_folder: Callable[[str], Path]) -> Path:
    """No settings, no wait between tries, and no certificates:

    reading those takes longer than a test.
    """
    home = make_folder("home")
    for name in ("SSL_CERT_FILE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(home))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("COLUMNS", "200")
    defaults = HttpxFetcher.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "delays", (0.0, 0.0))
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder for installs; it does not exist yet."""
    return tmp_path / "site"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The file of a base without packages.

    It has ``tool``, so the lock tells there how it was made.
    """
    path = tmp_path / "base.json"
    path.write_text(json.dumps(base_document(tool={})))
    return path


@pytest.fixture
def freeze(base: Path, site: Path) -> Run:
    """``micropip-lock freeze`` of the site;

    exceptions that are no exit would be tracebacks, so they are raised.
    """

    def call(*arguments: str | Path, indexes: tuple[str, ...]) -> Done:
        told = ["freeze", "--path", str(site), "--base", str(base)]
        told += [word for url in indexes for word in ("--index-url", url)]
        result = CliRunner().invoke(micropip_lock, [*told, *map(str, arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    return call
