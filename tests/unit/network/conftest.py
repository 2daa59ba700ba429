from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .serving import Server

# What a developer's machine has must not decide a test.
SETTINGS = [
    "NETRC",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
]
PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    for name in [*SETTINGS, *PROXIES, *map(str.lower, PROXIES)]:
        monkeypatch.delenv(name, raising=False)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    # An empty folder: reading the certificates of the whole world takes longer than a test.
    monkeypatch.setenv("SSL_CERT_DIR", str(home))
    return home


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "cache"
