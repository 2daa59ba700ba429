"""Indexes, bases and file names that are no URLs: a message, whichever command is given them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ...support.freezing import base_document, entry
from ...support.index_server import IndexServer
from .conftest import Done, Run

URLS = [
    "http://[",
    "http://[x]/simple",
    "http://index.example]/simple",
    "http://index.example:port/simple",
    "http://index.example:99999/simple",
    "http://index.example:-1/simple",
    "http://index example/simple",
    " http://127.0.0.1:1/simple",
    "http://127.0.0.1:1/a\nb/simple",
    "http://127.0.0.1:1/\0/simple",
    "http://127.0.0.1:1/\udcff/simple",
    "http://a\u2100b.example/simple",
    "http://\u0130.example/simple",
    "http://xn--a.example/simple",
    f"http://{'a' * 70}.example/simple",
    "http://a..example/simple",
    "http:///simple",
    "http://",
    "https:index",
    "file://host/simple",
    "file:///\0",
    "index",
    "",
]


def told(done: Done) -> None:
    """It ended with a reason, unless nothing was asked for."""
    assert done.status in (0, 1, 2, 3)
    assert done.out + done.err


@pytest.fixture
def lock(index: IndexServer, site: Path, tmp_path: Path) -> Path:
    """A lock of two packages."""
    path = tmp_path / "pyodide-lock.json"
    entries = (
        entry(name, file_name=index.file_url(f"{name}-1.0-py3-none-any.whl"))
        for name in ("demo", "other")
    )
    path.write_text(json.dumps(base_document(*entries)))
    return path


@pytest.mark.parametrize("url", URLS)
def test_an_index(url: str, run: Run, base: Path, site: Path, lock: Path, tmp_path: Path) -> None:
    pylock = tmp_path / "pylock.toml"
    assert run("export", lock, "--format", "pylock", "-o", pylock).status in (0, 1)
    for flags in ((), ("--json",)):
        options = ("--index-url", url, "--no-cache", *flags)
        told(run("freeze", "--path", site, "--base", base, *options))
        told(run("resolve", "demo", "other", "--base", base, *options))
        told(run("verify", lock, *options))
        told(run("outdated", lock, *options))
        told(run("retarget", lock, "--base", base, *options))
        told(run("import", pylock, "--base", base, *options))


@pytest.mark.parametrize("url", URLS)
def test_a_base(url: str, run: Run, base: Path, site: Path, lock: Path) -> None:
    for options in (("--base", url), ("--base", base, "--base-url", url)):
        told(
            run(
                "freeze",
                "--path",
                site,
                *options,
                "--index-url",
                "https://index.invalid/simple",
                "--offline",
            )
        )
        told(
            run(
                "resolve",
                "demo",
                *options,
                "--index-url",
                "https://index.invalid/simple",
                "--offline",
            )
        )
    told(run("export", lock, "--format", "requirements", "--base-url", url))


@pytest.mark.parametrize("url", URLS)
def test_what_pip_and_uv_are_told(
    url: str, run: Run, base: Path, site: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "\0" in url:
        return  # no environment has it
    for variables in (
        ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"),
        ("UV_INDEX", "UV_FIND_LINKS"),
    ):
        with monkeypatch.context() as context:
            for name in variables:
                context.setenv(name, url)
            if "PIP_INDEX_URL" not in variables:
                context.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
            told(run("outdated", lock, "--no-cache"))
            told(run("freeze", "--path", site, "--base", base, "--no-cache", "--json"))


@pytest.mark.parametrize("url", URLS)
def test_a_file_name(
    url: str, run: Run, base: Path, site: Path, index: IndexServer, tmp_path: Path
) -> None:
    lock = tmp_path / "bad.json"
    names = {"demo": url, "other": f"{url}/other-1.0-py3-none-any.whl"}
    lock.write_text(
        json.dumps(
            base_document(*(entry(key, file_name=name or "x") for key, name in names.items()))
        )
    )
    options = ("--index-url", index.url, "--no-cache")
    told(run("verify", lock, *options))
    told(run("bundle", lock, tmp_path / "bundle", "--no-cache"))
    told(run("sync", lock, "--path", site, "--no-cache", "--dry-run"))
    told(run("diff", lock, base))
    told(run("tree", lock, "--sizes", "--no-cache"))
    told(run("check", lock, "--no-cache"))
    told(run("outdated", lock, *options))
    told(run("retarget", lock, "--base", base, *options))
    told(run("export", lock, "--format", "pylock", "--base-url", "https://files.example/"))
    told(run("freeze", "--path", site, "--base", lock, "--include", "distribution", *options))
    told(run("resolve", "demo", "--base", lock, "--base-url", "https://files.example/", *options))
