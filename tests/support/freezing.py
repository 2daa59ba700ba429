"""Freeze a folder as a user of the library would, with a small base and without waits between
tries.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import FreezeResult, Lockfile, Problem, UnlockableError, freeze
from micropip_lock.environment import Surroundings
from micropip_lock.network.httpx_fetcher import HttpxFetcher

#: Pyodide 314's own ``info``.
INFO = {
    "python": "3.14.2",
    "platform": "emscripten_5_0_3",
    "arch": "wasm32",
    "abi_version": "2026_0",
}
NATIVE = "cp314-cp314-pyemscripten_2026_0_wasm32"
#: Of the distribution that tests install when one is enough.
DIST_INFO = "demo-1.0.dist-info"


def base_document(*entries: Mapping[str, Any], **extra: Any) -> dict[str, Any]:
    """A base lock of these entries, as JSON."""
    return {**extra, "info": INFO, "packages": {entry["name"]: dict(entry) for entry in entries}}


def base_lock(*entries: Mapping[str, Any], **extra: Any) -> Lockfile:
    """The same, parsed."""
    return Lockfile.from_json(base_document(*entries, **extra))


def entry(
    name: str, version: str = "1.0", *, depends: Sequence[str] = (), **changes: Any
) -> dict[str, Any]:
    """An entry of a base whose wheel nobody has."""
    return {
        "name": name,
        "version": version,
        "file_name": f"{name}-{version}-py3-none-any.whl",
        "install_dir": "site",
        "sha256": f"{sum(name.encode()):064x}",
        "package_type": "package",
        "imports": [name],
        "depends": list(depends),
        "unvendored_tests": False,
        **changes,
    }


_SETTINGS = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NETRC")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def forget_machine(monkeypatch: pytest.MonkeyPatch, empty: Path) -> None:
    """No proxy, no netrc, and no certificates:

    reading those of the whole world takes longer than a test.
    """
    for name in (*_SETTINGS, *_PROXIES, *map(str.lower, _PROXIES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(empty))
    monkeypatch.setenv("HOME", str(empty))


def quick_fetcher(**options: Any) -> HttpxFetcher:
    """The host's fetcher, with two tries more and no time between them."""
    return HttpxFetcher(**{"delays": (0.0, 0.0), "idle": 5.0, **options})


def freeze_folder(
    folder: Path | Sequence[Path] | None,
    *,
    base: Lockfile | str | Path | None = None,
    index_urls: str | Sequence[str] | None = (),
    fetching: Mapping[str, Any] | None = None,
    **options: Any,
) -> FreezeResult:
    """Freeze; without ``index_urls`` no index is asked. ``fetching`` are options of the fetcher."""

    async def run() -> FreezeResult:
        fetcher = quick_fetcher(**(fetching or {}))
        try:
            chosen = base_lock() if base is None and "surroundings" not in options else base
            return await freeze(
                path=folder, base=chosen, index_urls=index_urls, fetcher=fetcher, **options
            )
        finally:
            await fetcher.aclose()

    return asyncio.run(run())


def problems_of(folder: Path | Sequence[Path] | None, **options: Any) -> tuple[Problem, ...]:
    """The problems of a folder that cannot be frozen; each of them says what to do."""
    with pytest.raises(UnlockableError) as caught:
        freeze_folder(folder, **options)
    assert caught.value.problems
    for problem in caught.value.problems:
        assert len(problem.message) > 10, problem
        assert len(problem.hint) > 10 and "{" not in problem.hint, problem
        assert problem.hint in str(caught.value)
    return caught.value.problems


def told(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """(package, code) of each, without the loopback addresses that every test here has."""
    return [
        (problem.package, problem.code) for problem in problems if problem.code != "not-portable"
    ]


def proofs(result: FreezeResult) -> dict[str, tuple[str, str]]:
    """Name -> claim and proof."""
    return {item.package: (item.claim, item.proof) for item in result.evidence}


def rewrite_record(folder: Path, dist_info: str, old: str, new: str) -> None:
    """Replace text in the RECORD of an installed distribution."""
    record = folder / dist_info / "RECORD"
    data = record.read_bytes()
    assert old.encode() in data
    record.write_bytes(data.replace(old.encode(), new.encode()))


def claim(site: Path, **files: str) -> None:
    """Write provenance files into the .dist-info of demo, with ``_json`` for ``.json``."""
    for name, text in files.items():
        (site / DIST_INFO / name.replace("_json", ".json")).write_text(text)


def archive(url: str, sha: str | None = None) -> str:
    """The direct_url.json of a wheel."""
    return json.dumps({"url": url, "archive_info": {"hashes": {"sha256": sha}} if sha else {}})


def live(site: Path, *entries: dict[str, Any], **more: Any) -> Surroundings:
    """The surroundings of a running Pyodide, with a base of these entries."""
    return Surroundings(
        paths=(site,), base=base_lock(*entries), loaded_into=site, **{"loaded": {}, **more}
    )


def not_utf_8(dist_info: Path) -> None:
    """Damage METADATA."""
    text = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0Ü\n"
    (dist_info / "METADATA").write_bytes(text.encode("latin-1"))
