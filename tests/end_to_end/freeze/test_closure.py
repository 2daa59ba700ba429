"""Some 85 real distributions, five of them native, as pip and uv install them: every one proved by
content.

The wheels are the machine's default index's; what is installed is frozen against that index itself,
against the same through a mirror that knows HTML alone, and against an index on loopback that has
everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from micropip_lock import FreezeResult, freeze

from ...support.index_proxy import IndexProxy, default_index_url
from ...support.index_server import IndexServer
from ...support.installed import PYODIDE_314, pip_target, uv_target
from ...support.runtimes import real_wheels, runtime
from ...support.wheels import sha256

# fmt: off
REQUIREMENTS = [
    "httpx[http2]", "rich", "boto3", "pydantic", "ruamel.yaml", "openai", "textual", "fastapi", "ipython", "tox",
    "pytest", "jaraco.functools", "jaraco.context", "google-api-core", "networkx", "msgspec", "cbor2",
]
# fmt: on
NATIVE = {"pydantic-core", "msgspec", "cbor2", "jiter"}


@pytest.fixture(autouse=True)
def clean_machine() -> None:
    """The default index of this machine is what is asked here, with its settings and certificates."""


@pytest.fixture(scope="module")
def wheels() -> Path:
    return real_wheels(*REQUIREMENTS, platform=PYODIDE_314)


@pytest.fixture(scope="module")
def loopback(wheels: Path) -> Iterator[IndexServer]:
    with IndexServer() as index:
        index.add_folder(wheels)
        yield index


@pytest.fixture(scope="module")
def mirror() -> Iterator[IndexProxy]:
    """It asks the default index for each page once."""
    with IndexProxy(html_only=True, core_metadata=False) as proxy:
        yield proxy


@pytest.fixture(scope="module", params=[pip_target, uv_target], ids=["pip", "uv"])
def folder(
    request: pytest.FixtureRequest, loopback: IndexServer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    installed: Path = request.param(
        tmp_path_factory.mktemp("target"), *REQUIREMENTS, index_url=loopback.url
    )
    return installed


def frozen(folder: Path, index_url: str) -> FreezeResult:
    base = runtime("314.0.7") / "pyodide-lock.json"
    return asyncio.run(freeze(path=folder, base=base, index_urls=index_url))


def check(result: FreezeResult, folder: Path, wheels: Path) -> None:
    """Every distribution of the folder is proved, and names the very wheel that was downloaded."""
    assert {item.proof for item in result.evidence} == {"content"}
    assert len(result.evidence) == len(list(folder.glob("*.dist-info"))) >= 80
    hashes = {wheel.name: sha256(wheel) for wheel in wheels.glob("*.whl")}
    for entry in result.lockfile.packages.values():
        assert entry.sha256 == hashes[entry.file_name.rpartition("/")[2]]
    native = [entry for entry in result.lockfile.packages.values() if "wasm32" in entry.file_name]
    assert {entry.name.replace("_", "-") for entry in native} >= NATIVE


def test_index_with_everything_is_read_without_a_wheel(
    folder: Path, wheels: Path, loopback: IndexServer
) -> None:
    loopback.reset()
    result = frozen(folder, loopback.url)
    check(result, folder, wheels)
    assert loopback.wheel_downloads == 0
    # Tails, as a share of the wheels; a small wheel is a tail as a whole.
    tails = sum(request.bytes for request in loopback.requests if request.status == 206)
    assert tails < result.totals["wheel_bytes"] * 0.05
    assert result.requests == len(loopback.requests) <= 2.2 * len(result.evidence)
    print(f"\n{result.totals}, of which tails {tails}")
    assert frozen(folder, loopback.url).to_json() == result.to_json()


def test_default_index_and_its_poor_mirror_give_one_lock(
    folder: Path, wheels: Path, mirror: IndexProxy
) -> None:
    poor = frozen(folder, mirror.url)
    check(poor, folder, wheels)
    for item in poor.evidence:
        offered = mirror.offers(item.package, item.url)
        assert offered is not None and offered["hashes"]["sha256"] == item.sha256
    real = frozen(folder, default_index_url())
    check(real, folder, wheels)
    assert real.lockfile.packages == poor.lockfile.packages
