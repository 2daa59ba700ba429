"""resolve against the machine's default index, and against its wheels on a loopback index that says
everything.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from micropip_lock import ResolveResult, resolve
from micropip_lock._util.progress import size
from micropip_lock.cli.main import micropip_lock
from micropip_lock.network import ByteRange, Response
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from ...support.index_proxy import default_index_url
from ...support.index_server import IndexServer
from ...support.installed import PYODIDE_314
from ...support.node_pyodide import NodePyodide
from ...support.resolving import asked_twice, no_solution, resolved, versions
from ...support.runtimes import emptied_base, localise, read_json, real_wheels, runtime
from ...support.wheels import sha256

RELEASE = "314.0.7"
REQUIREMENTS = ["httpx[http2]", "rich", "boto3", "ruamel.yaml", "pydantic>=2"]


@pytest.fixture
def clean_machine() -> None:
    """Here the machine's own way to its index counts, unlike elsewhere in this folder."""


@pytest.fixture(scope="module")
def base() -> Path:
    return emptied_base(RELEASE) / "pyodide-lock.json"


class Watched(HttpxFetcher):
    """Remembers the answers that brought a whole wheel."""

    def __init__(self) -> None:
        super().__init__()
        self.whole: list[str] = []

    async def get(
        self,
        url: str,
        *,
        accept: str | None = None,
        byte_range: ByteRange | None = None,
        max_bytes: int,
        refresh: bool = False,
    ) -> Response:
        response = await super().get(
            url, accept=accept, byte_range=byte_range, max_bytes=max_bytes, refresh=refresh
        )
        if url.endswith(".whl") and response.status == 200:
            self.whole.append(url)
        return response

    def stream(self, url: str, *, start: int = 0):  # type: ignore[no-untyped-def]
        self.whole.append(url)
        return super().stream(url, start=start)


@pytest.fixture(scope="module")
def live(base: Path) -> tuple[ResolveResult, list[str]]:
    """What the default index gives, and the wheels that were downloaded for it."""

    async def run() -> tuple[ResolveResult, list[str]]:
        fetcher = Watched()
        try:
            result = await resolve(
                REQUIREMENTS, base=base, index_urls=default_index_url(), fetcher=fetcher
            )
        finally:
            await fetcher.aclose()
        return result, fetcher.whole

    return asyncio.run(run())


@pytest.fixture(scope="module")
def pins(live: tuple[ResolveResult, list[str]]) -> list[str]:
    """Every package at its version: what the index has newly tomorrow does not matter."""
    return [f"{name}=={version}" for name, version in versions(live[0]).items()]


@pytest.fixture(scope="module")
def wheels(pins: list[str]) -> Path:
    """The wheels as pip gets them."""
    return real_wheels(*pins, platform=PYODIDE_314)


@pytest.fixture
def loopback(index: IndexServer, wheels: Path) -> IndexServer:
    """The same wheels on an index that says everything."""
    index.add_folder(wheels)
    return index


def test_default_index_without_a_wheel(live: tuple[ResolveResult, list[str]], wheels: Path) -> None:
    result, downloaded = live
    assert downloaded == []
    assert {item.proof for item in result.evidence} == {"metadata"}
    assert {"h2", "httpx", "pydantic-core", "botocore", "ruamel-yaml", "pygments"} <= set(
        result.lockfile.packages
    )
    # pip, which was asked for these very versions, needed nothing else, and got the same files.
    files = {
        entry.file_name.rpartition("/")[2]: entry.sha256
        for entry in result.lockfile.packages.values()
    }
    assert files == {wheel.name: sha256(wheel) for wheel in wheels.glob("*.whl")}
    print(f"\n{result.totals}")


def test_loopback_index_gives_the_same(
    live: tuple[ResolveResult, list[str]], base: Path, loopback: IndexServer
) -> None:
    result = resolved(*REQUIREMENTS, base=base, index_urls=loopback.url)
    assert loopback.wheel_downloads == 0
    assert asked_twice(loopback) == []
    assert versions(result) == versions(live[0])
    for name, entry in result.lockfile.packages.items():
        other = live[0].lockfile.packages[name]
        assert (entry.sha256, entry.imports, entry.depends) == (
            other.sha256,
            other.imports,
            other.depends,
        )
    # One page, one METADATA and one RECORD each: two requests for the RECORD of a wheel with a long
    # one.
    assert (
        3 * len(result.evidence)
        <= result.requests
        == len(loopback.requests)
        <= 3.3 * len(result.evidence)
    )
    assert result.bytes == loopback.bytes < result.totals["wheel_bytes"] * 0.1
    print(f"\n{result.totals}")


def test_boots_from_the_lock(
    live: tuple[ResolveResult, list[str]], fresh_pyodide: Callable[..., NodePyodide], tmp_path: Path
) -> None:
    """A runtime that loads it fetches by its URLs and compares its hashes;

    Node can do neither, so that is done here.
    """
    packages = live[0].lockfile.packages
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    for entry in packages.values():
        place = fetched / entry.file_name.rpartition("/")[2]
        with (
            urllib.request.urlopen(entry.file_name, timeout=60) as response,
            place.open("wb") as file,
        ):
            shutil.copyfileobj(response, file)
        assert sha256(place) == entry.sha256
    lock = localise(json.loads(live[0].to_json()), tmp_path / "lock", fetched)
    booted = fresh_pyodide(RELEASE, lock=lock)
    loaded = booted.load_packages_from_imports("import httpx, rich, boto3, ruamel.yaml, pydantic")
    assert {item["version"] for item in loaded} <= {entry.version for entry in packages.values()}
    booted.load_packages(list(packages))
    for name, entry in packages.items():
        assert entry.imports, name
        booted.run("\n".join(f"import {item}" for item in entry.imports))
    code = """
    import io
    import pydantic, ruamel.yaml

    class Point(pydantic.BaseModel):
        x: int

    text = io.StringIO()
    ruamel.yaml.YAML().dump(Point(x="3").model_dump(), text)
    text.getvalue()
    """
    assert booted.run(code) == "x: 3\n"


# -- the command, twice


def command(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(micropip_lock, ["resolve", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def ask(base: Path, loopback: IndexServer, tmp_path: Path) -> Callable[..., Result]:
    """Run the command against the loopback index, with a cache of its own;

    what it asked for is in the index's log.
    """

    def run(*arguments: str) -> Result:
        loopback.reset()
        place = ("--base", base, "--index-url", loopback.url, "--cache-dir", tmp_path / "cache")
        return command(*arguments, *place, "-o", tmp_path / "pyodide-lock.json")

    return run


def last_line(result: Result) -> str:
    return result.stderr.splitlines()[-1]


def test_command_tells_what_it_cost(
    ask: Callable[..., Result], loopback: IndexServer, wheels: Path
) -> None:
    line = last_line(ask(*REQUIREMENTS))
    files = list(wheels.glob("*.whl"))
    spared = size(sum(file.stat().st_size for file in files))
    read = f"{len(loopback.requests)} requests, {size(loopback.bytes)} read"
    assert line == f"{len(files)} packages locked: {read} instead of {spared} of wheels."
    print(f"\n{line}")


def test_second_run_asks_nobody_while_pages_are_fresh(
    ask: Callable[..., Result], loopback: IndexServer, tmp_path: Path
) -> None:
    loopback.cache_control = "max-age=600"
    ask(*REQUIREMENTS)
    first = (tmp_path / "pyodide-lock.json").read_bytes()
    assert loopback.requests != []
    line = last_line(ask(*REQUIREMENTS))
    assert loopback.requests == []
    assert re.search(r"locked: no request\b", line)
    assert (tmp_path / "pyodide-lock.json").read_bytes() == first


def test_second_run_of_pins_asks_nobody_at_all(
    ask: Callable[..., Result], loopback: IndexServer, pins: list[str], tmp_path: Path
) -> None:
    pinned = [*pins, "httpx[http2]"]
    assert loopback.cache_control is None and not loopback.etag
    ask(*pinned)
    first = (tmp_path / "pyodide-lock.json").read_bytes()
    line = last_line(ask(*pinned))
    assert loopback.requests == []
    assert "no request" in line
    assert (tmp_path / "pyodide-lock.json").read_bytes() == first
    # Pages without freshness are asked for again where a version has to be chosen, and nothing else
    # is.
    ask(*REQUIREMENTS)
    assert {path.split("/")[1] for path in loopback.paths()} == {"simple"}
    assert read_json(tmp_path / "pyodide-lock.json")["packages"] == json.loads(first)["packages"]
    # Whoever wants to know of yanks and removals has all pages read anew.
    ask(*pinned, "--refresh")
    assert sorted(loopback.paths()) == sorted(f"/simple/{pin.partition('==')[0]}/" for pin in pins)
    assert (tmp_path / "pyodide-lock.json").read_bytes() == first


# -- a whole distribution as the base


def test_sphinx_takes_from_the_base_what_the_base_has() -> None:
    """markupsafe has no wheel for this Pyodide on the index;

    the base has it, and some more that sphinx needs.
    """
    base = runtime(RELEASE) / "pyodide-lock.json"
    known = read_json(base)["packages"]
    result = resolved("sphinx", base=base, index_urls=default_index_url())
    from_base = {item.package for item in result.evidence if item.proof == "base"}
    assert {"markupsafe", "jinja2", "requests"} <= from_base
    for name, entry in result.lockfile.packages.items():
        assert set(entry.depends) <= set(result.lockfile.packages)
        if name in from_base:
            assert (entry.version, entry.sha256) == (known[name]["version"], known[name]["sha256"])
        elif name in known:  # only because somebody does not want the base's
            pin = f"{name}=={known[name]['version']}"
            no_solution("sphinx", constraints=[pin], base=base, index_urls=default_index_url())
    assert "sphinx" not in from_base
    print(f"\n{result.totals}")
