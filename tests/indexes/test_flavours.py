"""Every flavour of index: real servers where they exist, and what servers do to HTTP.

Each folder is filled by pip from the very server that it is then frozen with.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.request import ProxyHandler, build_opener

import httpx
import pytest

from micropip_lock import FreezeResult, Problem

from ..support.freezing import freeze_folder, problems_of, proofs, told
from ..support.index_server import Fault, IndexServer
from ..support.installed import installer_target, pip_target
from ..support.replies import JSON_TYPE, Reply
from ..support.wheels import build_wheel, sha256
from ..unit.network.serving import Answer, Asked, Server, ranged
from . import real_servers

CONTENT = {"big": ("index", "content"), "my-app": ("index", "content")}
DOWNLOAD = {"big": ("index", "download"), "my-app": ("index", "download")}
HTML = "text/html; charset=utf-8"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A small application, and a library that is too large to be taken whole in place of its
    end.
    """
    folder = tmp_path_factory.mktemp("wheels")
    return [
        build_wheel(
            folder, "my-app", "1.0", requires=["big"], entry_points={"my-app": "my_app:main"}
        ),
        build_wheel(
            folder, "big", "2.0", files={"big.py": "x = 1\n", "big.dat": os.urandom(60_000)}
        ),
    ]


def fill(site: Path, url: str) -> Path:
    """What pip installs from an index."""
    return pip_target(site, "my-app", index_url=url, platform=None)


def locked(site: Path, url: str, wheels: list[Path], **options: Any) -> FreezeResult:
    """Freeze; what then stands in the lock is checked with another client:

    those URLs give those bytes.
    """
    result = freeze_folder(site, index_urls=url, **options)
    assert {item.package: item.sha256 for item in result.evidence} == {
        "big": sha256(wheels[1]),
        "my-app": sha256(wheels[0]),
    }
    for name, entry in result.lockfile.packages.items():
        assert entry.sha256 == hashlib.sha256(read(entry.file_name)).hexdigest(), name
        assert (
            "#" not in entry.file_name
            and "?" not in entry.file_name
            and ".." not in entry.file_name
        )
    assert {item.index for item in result.evidence} == {url}
    return result


def read(url: str) -> bytes:
    with build_opener(ProxyHandler({})).open(url) as answer:
        body: bytes = answer.read()
    return body


def hints(problems: tuple[Problem, ...]) -> str:
    return " ".join(problem.hint for problem in problems)


def hash_missing(site: Path, url: str) -> None:
    """The verdict where contents prove and nobody gives a sha256."""
    problems = problems_of(site, index_urls=url)
    assert told(problems) == [("big", "hash-missing"), ("my-app", "hash-missing")]
    assert (
        "holds what is installed, but no claim and no index gives its sha256" in problems[0].message
    )
    assert "--download" in hints(problems[:1]) and "--download" in hints(problems[1:])


def no_ranges(problems: tuple[Problem, ...]) -> None:
    """The verdict where a wheel is too large to be taken whole; the small one is proved."""
    assert told(problems) == [("big", "no-ranges")]
    assert "only be read by downloading it whole" in problems[0].message
    assert "--download" in hints(problems) and "--proof metadata" in hints(problems)


# -- real servers


@pytest.fixture(scope="module")
def simple_repository(
    wheels: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("projects")
    for name, wheel in zip(("my-app", "big"), wheels, strict=True):
        (folder / name).mkdir()
        (folder / name / wheel.name).write_bytes(wheel.read_bytes())
    log = tmp_path_factory.mktemp("log") / "simple-repository-server"
    with real_servers.simple_repository_server(str(folder), log) as root:
        yield f"{root}/simple"


def test_simple_repository_server_on_a_folder(
    simple_repository: str, wheels: list[Path], site: Path
) -> None:
    # It gives JSON, relative URLs, ranges, `core-metadata: true`, and no hash of anything.
    fill(site, simple_repository)
    hash_missing(site, simple_repository)
    assert told(problems_of(site, index_urls=simple_repository, proof="metadata")) == [
        ("big", "hash-missing"),
        ("my-app", "hash-missing"),
    ]
    result = locked(site, simple_repository, wheels, download=True)
    assert proofs(result) == DOWNLOAD
    root = simple_repository.removesuffix("/simple")
    assert result.lockfile.packages["big"].file_name == f"{root}/resources/big/{wheels[1].name}"


def test_simple_repository_server_before_an_index(
    index: IndexServer, wheels: list[Path], site: Path, tmp_path: Path
) -> None:
    # It passes upstream's hashes on, and redirects to upstream for the files.
    index.add(*wheels)
    with real_servers.simple_repository_server(f"{index.url}/", tmp_path / "log") as root:
        fill(site, f"{root}/simple")
        index.reset()
        result = freeze_folder(site, index_urls=f"{root}/simple")
        assert proofs(result) == CONTENT
        assert any(request.range and request.status == 206 for request in index.requests)
        assert index.wheel_downloads == 0
        locked(site, f"{root}/simple", wheels)
    assert all(
        entry.file_name.startswith(f"{root}/") for entry in result.lockfile.packages.values()
    )


@pytest.fixture(scope="module")
def pypi(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_servers.pypiserver(
        wheels[0].parent, tmp_path_factory.mktemp("log") / "pypiserver"
    ) as root:
        yield f"{root}/simple"


def test_pypiserver(pypi: str, wheels: list[Path], site: Path) -> None:
    # HTML, absolute paths, sha256, ranges.
    fill(site, pypi)
    result = locked(site, pypi, wheels)
    assert proofs(result) == CONTENT
    packages = pypi.removesuffix("simple") + "packages"
    assert result.lockfile.packages["big"].file_name == f"{packages}/{wheels[1].name}"
    assert result.totals["wheel_bytes"] > 5 * result.bytes


@pytest.mark.parametrize("hashes", ["md5", "off"])
def test_pypiserver_without_sha256(
    hashes: str, wheels: list[Path], site: Path, tmp_path: Path
) -> None:
    with real_servers.pypiserver(wheels[0].parent, tmp_path / "log", hashes=hashes) as root:
        assert ("#" in read(f"{root}/simple/big/").decode().replace("#eee", "")) == (
            hashes == "md5"
        )
        fill(site, f"{root}/simple") if hashes == "md5" else installer_target(site, *wheels)
        hash_missing(site, f"{root}/simple")
        assert proofs(locked(site, f"{root}/simple", wheels, download=True)) == DOWNLOAD


def test_pypiserver_with_a_password(wheels: list[Path], site: Path, tmp_path: Path) -> None:
    with real_servers.pypiserver(
        wheels[0].parent, tmp_path / "log", login=("user", "pass/word")
    ) as root:
        url = f"{root}/simple"
        private = url.replace("//", "//user:pass%2Fword@")
        fill(site, private)
        for wrong in (url, url.replace("//", "//user:password@")):
            problems = problems_of(site, index_urls=wrong)
            assert told(problems) == [("big", "not-allowed"), ("my-app", "not-allowed")]
            assert "credentials" in problems[0].hint and "netrc" in problems[0].hint
        result = freeze_folder(site, index_urls=private)
    assert proofs(result) == CONTENT
    assert result.lockfile.packages["big"].file_name == f"{root}/packages/{wheels[1].name}"


@pytest.fixture(scope="module")
def devpi(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_servers.devpi_server(wheels, tmp_path_factory.mktemp("devpi")) as url:
        yield url


def test_devpi(devpi: str, wheels: list[Path], site: Path) -> None:
    # JSON, URLs relative to the page («../../+f/...»), sha256; no ranges, no hash of METADATA.
    fill(site, devpi)
    no_ranges(problems_of(site, index_urls=devpi))
    no_ranges(problems_of(site, index_urls=devpi, proof="metadata"))
    result = locked(site, devpi, wheels, download=True)
    assert proofs(result) == {"big": ("index", "download"), "my-app": ("index", "content")}
    digest = sha256(wheels[1])
    root = devpi.removesuffix("/+simple")
    assert (
        result.lockfile.packages["big"].file_name
        == f"{root}/+f/{digest[:3]}/{digest[3:16]}/{wheels[1].name}"
    )
    result = locked(site, devpi, wheels, accept_unproved=["big"])
    assert proofs(result) == {"big": ("index", "accepted"), "my-app": ("index", "content")}


def test_a_project_that_a_real_server_does_not_have(
    simple_repository: str, pypi: str, devpi: str, site: Path, tmp_path: Path
) -> None:
    installer_target(site, build_wheel(tmp_path, "unknown", "1.0"))
    for url in (simple_repository, devpi, pypi):
        problems = problems_of(site, index_urls=url)
        assert told(problems) == [("unknown", "no-such-project")]
        assert url in problems[0].message and "--index-url" in problems[0].hint


# -- static folders over Python's own server: no ranges, no JSON, If-Modified-Since


@pytest.fixture(scope="module")
def www(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, Path]]:
    """A folder, the URL that it has, and the log of the server."""
    folder, log = tmp_path_factory.mktemp("www"), tmp_path_factory.mktemp("log") / "http.server"
    with real_servers.http_server(folder, log) as root:
        yield folder, root, log


@pytest.fixture
def static(www: tuple[Path, str, Path], tmp_path: Path) -> tuple[Path, str]:
    """A folder of this test alone, and its URL."""
    (www[0] / tmp_path.name).mkdir()
    return www[0] / tmp_path.name, f"{www[1]}/{tmp_path.name}"


def write_pages(folder: Path, wheels: list[Path], fragment: Callable[[Path], str]) -> None:
    """PEP 503 pages with relative URLs."""
    (folder / "packages").mkdir()
    for name, wheel in zip(("my-app", "big"), wheels, strict=True):
        (folder / "packages" / wheel.name).write_bytes(wheel.read_bytes())
        page = folder / "simple" / name / "index.html"
        page.parent.mkdir(parents=True)
        link = f'<a href="../../packages/{wheel.name}{fragment(wheel)}">{wheel.name}</a>'
        page.write_text(f"<!DOCTYPE html>\n<html><body>\n{link}<br>\n</body></html>\n")


def sha256_fragment(wheel: Path) -> str:
    return f"#sha256={sha256(wheel)}"


def test_a_static_folder(static: tuple[Path, str], wheels: list[Path], site: Path) -> None:
    folder, root = static
    write_pages(folder, wheels, sha256_fragment)
    fill(site, f"{root}/simple")
    result = locked(site, f"{root}/simple", wheels, download=True)
    assert result.lockfile.packages["big"].file_name == f"{root}/packages/{wheels[1].name}"
    # The small wheel came whole in place of its end, so nothing had to be downloaded for it.
    assert proofs(result)["my-app"] == ("index", "content")


@pytest.mark.parametrize(
    "fragment", ["", "#md5=", "#egg=my-app", "#sha256=", "#sha256=0", "#sha512="]
)
def test_a_static_folder_without_usable_hashes(
    fragment: str, static: tuple[Path, str], wheels: list[Path], site: Path
) -> None:
    def written(wheel: Path) -> str:
        content = wheel.read_bytes()
        known = {
            "#md5=": hashlib.md5(content, usedforsecurity=False),
            "#sha512=": hashlib.sha512(content),
        }
        return fragment + (known[fragment].hexdigest() if fragment in known else "")

    folder, root = static
    write_pages(folder, wheels, written)
    installer_target(site, wheels[0])
    problems = problems_of(site, index_urls=f"{root}/simple", allow_broken=True)
    assert told(problems) == [("my-app", "hash-missing")]
    assert "--download" in problems[0].hint
    result = freeze_folder(site, index_urls=f"{root}/simple", allow_broken=True, download=True)
    assert result.lockfile.packages["my-app"].sha256 == sha256(wheels[0])
    assert proofs(result)["my-app"] == ("index", "download")


def test_pages_of_a_static_folder_are_not_read_twice(
    static: tuple[Path, str],
    www: tuple[Path, str, Path],
    wheels: list[Path],
    site: Path,
    tmp_path: Path,
) -> None:
    folder, root = static
    write_pages(folder, wheels, sha256_fragment)
    for page in folder.glob("simple/*/index.html"):
        os.utime(
            page, (0, 0)
        )  # a cache may guess that so old a page stays as it is (RFC 9111, 4.2.2); ours must not
    installer_target(site, *wheels)

    def answers() -> list[str]:
        lines = [
            line for line in www[2].read_text().splitlines() if f"/{folder.name}/simple/" in line
        ]
        return sorted(line.rpartition('" ')[2].split()[0] for line in lines)

    options: dict[str, Any] = {"download": True, "fetching": {"cache_dir": tmp_path / "cache"}}
    first = freeze_folder(site, index_urls=f"{root}/simple", **options)
    assert answers() == ["200", "200"]
    again = freeze_folder(site, index_urls=f"{root}/simple", **options)
    assert answers() == ["200", "200", "304", "304"]
    assert again.to_json() == first.to_json()


# -- an index of ours, as poor as they come: one server and one folder, which pip filled from it


@pytest.fixture(scope="module")
def filled(
    wheels: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[IndexServer, Path]]:
    with IndexServer() as server:
        server.add(*wheels)
        yield server, fill(tmp_path_factory.mktemp("filled") / "site", server.url)


@pytest.fixture
def poor(filled: tuple[IndexServer, Path]) -> Iterator[IndexServer]:
    """The index, which afterwards is as it was."""
    server = filled[0]
    before = {name: value for name, value in vars(server).items() if not name.startswith("_")}
    server.reset()
    yield server
    vars(server).update(before)
    server.faults.clear()


@pytest.fixture
def poor_site(filled: tuple[IndexServer, Path]) -> Path:
    return filled[1]


@pytest.mark.parametrize("hashes", ["md5", "none"])
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "html"])
def test_an_index_without_sha256(
    as_json: bool, hashes: str, poor: IndexServer, wheels: list[Path], poor_site: Path
) -> None:
    poor.hashes = hashes
    poor.json, poor.html = as_json, not as_json
    hash_missing(poor_site, poor.url)
    assert poor.wheel_downloads == 0
    assert proofs(locked(poor_site, poor.url, wheels, download=True)) == DOWNLOAD


@pytest.mark.parametrize("ranges", ["no", "ignored"])
def test_an_index_without_ranges(
    ranges: str, poor: IndexServer, wheels: list[Path], poor_site: Path
) -> None:
    poor.ranges = ranges
    no_ranges(problems_of(poor_site, index_urls=poor.url))
    by_metadata = locked(poor_site, poor.url, wheels, proof="metadata")
    assert proofs(by_metadata) == {"big": ("index", "metadata"), "my-app": ("index", "metadata")}
    result = locked(poor_site, poor.url, wheels, download=True)
    assert proofs(result) == {"big": ("index", "download"), "my-app": ("index", "content")}


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A wheel far larger than all buffers between a server and a client on loopback, and a folder
    with it.
    """
    folder = tmp_path_factory.mktemp("huge")
    files: dict[str, bytes | str] = {"huge.py": "", "huge.dat": os.urandom(1 << 20) * 32}
    wheel = build_wheel(folder, "huge", "1.0", files=files, stored=True)
    return wheel, installer_target(folder / "site", wheel)


@pytest.mark.parametrize("ranges", ["no", "ignored"])
@pytest.mark.parametrize("size", [True, False], ids=["size", "no size"])
def test_reading_stops_where_a_range_is_answered_with_everything(
    size: bool, ranges: str, index: IndexServer, huge: tuple[Path, Path]
) -> None:
    wheel, site = huge
    index.add(wheel)
    index.ranges, index.size = ranges, size
    no_ranges_told = problems_of(site, index_urls=index.url)
    assert told(no_ranges_told) == [("huge", "no-ranges")]
    whole = [
        request
        for request in index.requests
        if request.method == "GET" and request.path.startswith("/files/")
    ]
    assert 1 <= len(whole) <= 2 and all(request.range for request in whole)
    # The server finds out a moment later that its client has gone, and notes then how far it
    # came.
    end = time.monotonic() + 20
    while any(request.complete for request in whole) and time.monotonic() < end:
        time.sleep(0.01)
    assert index.wheel_downloads == 0
    assert sum(request.bytes for request in whole) < wheel.stat().st_size / 2


def test_a_server_without_suffix_ranges_is_read_by_others(
    index: IndexServer, huge: tuple[Path, Path]
) -> None:
    wheel, site = huge
    index.add(wheel)
    index.ranges, index.size = "no-suffix", False
    result = freeze_folder(site, index_urls=index.url)
    assert proofs(result) == {"huge": ("index", "content")}
    assert result.bytes <= index.bytes < 1 << 17


# -- Content-Length


class Liar:
    """An index whose answers have a body, and a Content-Length of somebody else's."""

    def __init__(
        self, server: Server, wheel: Path, *, as_json: bool = True, size: int | None = None
    ) -> None:
        self.server = server
        self.wheel = wheel
        self.url = f"{server.origin}/simple"
        self.page_path, self.wheel_path = "/simple/big/", f"/files/{wheel.name}"
        row: dict[str, object] = {"filename": wheel.name, "url": f"../../files/{wheel.name}"}
        row["hashes"] = {"sha256": sha256(wheel)}
        if size is not None:
            row["size"] = size
        link = f'<a href="../../files/{wheel.name}#sha256={sha256(wheel)}">{wheel.name}</a>'
        self.kind = JSON_TYPE if as_json else HTML
        page = (
            json.dumps({"meta": {"api-version": "1.1"}, "files": [row]})
            if as_json
            else f"<html>{link}</html>"
        )
        self.page = page.encode()
        self.answer_page()
        server.answers[self.wheel_path] = ranged(wheel.read_bytes())

    def answer_page(self, more: int = 0) -> None:
        """Claim so many bytes more than the page has."""
        headers = {"Content-Type": self.kind}
        self.server.answers[self.page_path] = Answer(
            200, self.page, headers, length=len(self.page) + more
        )

    def answer_wheel(self, more: int, *, head_only: bool = False, ranges: bool = True) -> None:
        """Claim so many bytes more than an answer for the wheel has."""
        good = ranged(self.wheel.read_bytes())

        def answer(asked: Asked) -> Answer:
            found = good(asked if ranges else Asked(asked.method, asked.path, {}))
            if head_only and asked.method != "HEAD":
                return found
            return Answer(found.status, found.body, found.headers, length=len(found.body) + more)

        self.server.answers[self.wheel_path] = answer


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def big(wheels: list[Path], site: Path) -> Path:
    installer_target(site, wheels[1])
    return wheels[1]


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "html"])
def test_a_page_that_ends_before_its_content_length(
    as_json: bool, server: Server, big: Path, site: Path
) -> None:
    liar = Liar(server, big, as_json=as_json)
    assert proofs(freeze_folder(site, index_urls=liar.url)) == {"big": ("index", "content")}
    liar.answer_page(more=1)
    problems = problems_of(site, index_urls=liar.url)
    assert told(problems) == [("big", "unreachable")]
    assert problems[0].url == f"{liar.url}/big/"
    assert server.paths().count(liar.page_path) == 1 + 3  # it may pass, so it is tried again


def test_a_json_page_that_is_longer_than_its_content_length(
    server: Server, big: Path, site: Path
) -> None:
    liar = Liar(server, big)
    liar.answer_page(more=-1)
    problems = problems_of(site, index_urls=liar.url)
    assert told(problems) == [("big", "unreachable")]
    assert "broken JSON" in problems[0].message


@pytest.mark.parametrize("more", [-1, 1])
def test_a_part_of_a_wheel_with_another_content_length(
    more: int, server: Server, big: Path, site: Path
) -> None:
    liar = Liar(server, big, size=big.stat().st_size)
    liar.answer_wheel(more)
    problems = problems_of(site, index_urls=liar.url)
    assert told(problems) == [("big", "unreachable")]
    assert problems[0].url == f"{server.origin}{liar.wheel_path}"


@pytest.mark.parametrize("more", [-1, 1])
def test_a_download_with_another_content_length(
    more: int, server: Server, big: Path, site: Path
) -> None:
    liar = Liar(server, big)
    liar.answer_wheel(more, ranges=False)
    problems = problems_of(site, index_urls=liar.url, download=True)
    # One byte too many was never sent: no answer. One byte too few: another file than the hash
    # promises.
    assert told(problems) == [("big", "unreachable" if more > 0 else "content-mismatch")]
    assert problems[0].url == f"{server.origin}{liar.wheel_path}"


@pytest.mark.parametrize("more", [-1, 1, -40_000, 40_000])
def test_a_head_with_another_content_length(
    more: int, server: Server, big: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fetchers in browsers ask for the size first.
    monkeypatch.setattr("micropip_lock.network.httpx_fetcher.HttpxFetcher.suffix_ranges", False)
    liar = Liar(server, big)
    assert proofs(freeze_folder(site, index_urls=liar.url)) == {"big": ("index", "content")}
    liar.answer_wheel(more, head_only=True)
    wrong_size(problems_of(site, index_urls=liar.url), big, more)


def wrong_size(problems: tuple[Problem, ...], wheel: Path, more: int) -> None:
    """The verdict where a size is wrong:

    beyond the end there is nothing to read, and otherwise it is seen.
    """
    if more > 10_000:
        return no_ranges(problems)
    assert told(problems) == [("big", "content-mismatch")]
    assert f"has {wheel.stat().st_size} bytes" in problems[0].message
    assert f"says {wheel.stat().st_size + more}" in problems[0].message
    assert "Installing it again changes nothing." in problems[0].hint
    return None


@pytest.mark.parametrize("more", [-60_000, -1, 1, 60_000_000])
def test_a_page_with_a_wrong_size(more: int, server: Server, big: Path, site: Path) -> None:
    liar = Liar(server, big, size=big.stat().st_size + more)
    wrong_size(problems_of(site, index_urls=liar.url), big, more)


# -- gzip, charsets


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "html"])
def test_compressed_pages(
    as_json: bool, index: IndexServer, wheels: list[Path], site: Path
) -> None:
    index.add(*wheels)
    for minor in range(30):
        build_wheel(index.folder, "big", f"1.{minor}")
    index.json, index.html = as_json, not as_json
    installer_target(site, *wheels)
    pages: dict[bool, int] = {}
    for compressed in (False, True):
        index.gzip = compressed
        index.reset()
        result = locked(site, index.url, wheels)
        assert proofs(result) == CONTENT
        [page] = [request for request in index.requests if request.path == "/simple/big/"]
        pages[compressed] = page.bytes
        assert page.headers["accept-encoding"] == "gzip"
    assert 2 * pages[True] < pages[False]


class Encoded(IndexServer):
    """Says another Content-Type, and writes pages in that charset;

    files lie in a folder with an umlaut.
    """

    kind = HTML
    codec = "utf-8"

    def respond(self, method: str, path: str, headers: object) -> Reply:
        reply = super().respond(method, path.replace("/fües/", "/files/"), headers)  # type: ignore[arg-type]
        if reply.compress:
            text = reply.body.decode().replace("/files/", "/fües/")
            reply.body, reply.content_type = text.encode(self.codec), self.kind
        return reply


@pytest.mark.parametrize(
    ("kind", "codec"),
    [
        ("text/html", "utf-8"),
        ("TEXT/HTML;CHARSET=UTF-8", "utf-8"),
        ('text/html; charset="iso-8859-1"', "iso-8859-1"),
        ("text/html; charset=windows-1252; profile=x", "windows-1252"),
        ("text/html; charset=no-such-charset", "utf-8"),
        ("application/vnd.pypi.simple.v1+html; charset=utf-8", "utf-8"),
        ("application/vnd.pypi.simple.v1+json; charset=utf-8", "utf-8"),
        ("application/vnd.pypi.simple.v1+json;charset=UTF-8;v=1", "utf-8"),
        ("application/json", "utf-8"),
        ("text/plain; charset=utf-8", "utf-8"),
    ],
)
def test_content_types_and_charsets(kind: str, codec: str, wheels: list[Path], site: Path) -> None:
    with Encoded() as index:
        index.add(*wheels)
        index.kind, index.codec = kind, codec
        index.html = "html" in kind.lower()
        index.json = not index.html
        installer_target(site, *wheels)
        result = freeze_folder(site, index_urls=index.url)
        assert proofs(result) == CONTENT
        asked = [
            request.path for request in index.requests if request.path.endswith(wheels[1].name)
        ]
    assert set(asked) == {f"/f%C3%BCes/{wheels[1].name}"}
    # A lock may say «ü» as it stands: it is a browser that makes a request of it, and JSON has all
    # letters.
    written = result.lockfile.packages["big"].file_name
    assert str(httpx.URL(written)) == f"{index.root}/f%C3%BCes/{wheels[1].name}"


def test_a_charset_that_nobody_uses(wheels: list[Path], site: Path) -> None:
    with Encoded(json=False) as index:
        index.add(*wheels)
        index.kind, index.codec = "text/html; charset=utf-16", "utf-16"
        installer_target(site, wheels[1])
        problems = problems_of(site, index_urls=index.url)
    assert told(problems) == [("big", "unreachable")]
    assert "no project page" in problems[0].message


# -- redirects


def test_a_page_redirected_to_another_host(
    index: IndexServer, other_index: IndexServer, wheels: list[Path], site: Path
) -> None:
    other_index.add(*wheels)
    other_index.relative = True
    for status in (301, 302, 303, 307, 308):
        for name in ("big", "my-app"):
            place = f"{other_index.url}/{name}/"
            index.faults[f"/simple/{name}/"] = Fault(
                "status", status=status, headers={"Location": place}
            )
        if not site.exists():
            fill(site, index.url)
        index.reset()
        result = locked(site, index.url, wheels)
        assert proofs(result) == CONTENT
        # «../../files/» is relative to where the page came from in the end.
        assert result.lockfile.packages["big"].file_name == other_index.file_url(wheels[1].name)
        assert {
            request.status for request in index.requests if request.path.startswith("/simple/")
        } == {status}


def test_a_relative_redirect(index: IndexServer, wheels: list[Path], site: Path) -> None:
    index.add(*wheels)
    index.relative = True
    for name in ("big", "my-app"):
        index.faults[f"/old/{name}/"] = Fault(
            "status", status=301, headers={"Location": f"../../simple/{name}/"}
        )
    installer_target(site, *wheels)
    result = locked(site, f"{index.root}/old", wheels)
    assert result.lockfile.packages["big"].file_name == index.file_url(wheels[1].name)


def test_a_wheel_redirected_elsewhere(
    index: IndexServer, other_index: IndexServer, wheels: list[Path], site: Path
) -> None:
    index.add(*wheels)
    index.core_metadata = "off"
    other_index.add(*wheels)
    for wheel in wheels:
        target = f"{other_index.file_url(wheel.name)}?Signature=s3cret-for-an-hour"
        index.faults[f"/files/{wheel.name}"] = Fault("redirect", location=target)
    fill(site, index.url)
    other_index.reset()
    result = freeze_folder(site, index_urls=index.url)
    assert proofs(result) == CONTENT
    assert other_index.wheel_downloads == 0 and any(
        request.status == 206 for request in other_index.requests
    )
    written = result.to_json() + str(result.evidence) + str(result.warnings)
    assert result.lockfile.packages["big"].file_name == index.file_url(wheels[1].name)
    assert other_index.root not in written and "s3cret" not in written
    downloaded = locked(site, index.url, wheels, download=True)
    assert downloaded.to_json() == result.to_json()


def test_a_redirect_brings_no_password_to_another_host(
    index: IndexServer, other_index: IndexServer, wheels: list[Path], site: Path
) -> None:
    other_index.add(*wheels)
    installer_target(site, wheels[1])
    index.auth = ("user", "password")
    index.faults["/simple/big/"] = Fault("redirect", location=f"{other_index.url}/big/")
    assert proofs(freeze_folder(site, index_urls=index.url_with_password)) == {
        "big": ("index", "content")
    }
    assert all("authorization" in request.headers for request in index.requests)
    assert other_index.requests
    assert not any("authorization" in request.headers for request in other_index.requests)


# -- ETag


@pytest.mark.parametrize("cache_control", [None, "max-age=0", "no-cache", "max-age=600"])
def test_an_etag_spares_the_pages(
    cache_control: str | None, index: IndexServer, wheels: list[Path], site: Path, tmp_path: Path
) -> None:
    index.add(*wheels)
    index.etag, index.cache_control = True, cache_control
    installer_target(site, *wheels)
    fetching: dict[str, Any] = {"cache_dir": tmp_path / "cache"}
    index.reset()
    first = freeze_folder(site, index_urls=index.url, fetching=fetching)
    assert pages(index) == {"/simple/big/": 200, "/simple/my-app/": 200}
    index.reset()
    again = freeze_folder(site, index_urls=index.url, fetching=fetching)
    fresh = cache_control == "max-age=600"
    assert pages(index) == ({} if fresh else {"/simple/big/": 304, "/simple/my-app/": 304})
    assert again.to_json() == first.to_json()
    assert again.bytes < first.bytes

    # What the index says later is seen, unless it said that nothing would change.
    index.remove(wheels[1].name)
    other = build_wheel(tmp_path / "other", "big", "2.0", files={"big.py": "x = 2\n"})
    index.add(other)
    index.reset()
    fetching["refresh"] = fresh
    assert told(problems_of(site, index_urls=index.url, fetching=fetching)) == [
        ("big", "content-mismatch")
    ]
    assert pages(index) == {"/simple/big/": 200, "/simple/my-app/": 304}


def pages(index: IndexServer) -> dict[str, int]:
    return {
        request.path: request.status
        for request in index.requests
        if request.path.startswith("/simple/")
    }


def test_relative_urls_are_joined_as_a_browser_does(
    index: IndexServer, wheels: list[Path], site: Path
) -> None:
    name = wheels[1].name
    installer_target(site, wheels[1])
    index.add(*wheels)
    for url in (
        f"../../files/{name}",
        f"/files/{name}",
        f"//127.0.0.1:{index.port}/files/{name}",
        f"./../../files/./{name}",
        f"../../../../files/{name}",
    ):
        index.overrides[name] = {"url": url}
        for index.json in (True, False):
            result = freeze_folder(site, index_urls=index.url)
            assert proofs(result) == {"big": ("index", "content")}
            assert result.lockfile.packages["big"].file_name == urljoin(
                index.root, f"/files/{name}"
            ), url
