"""Project pages of several indexes, find-links, and what no index may hide."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from packaging.version import Version

from micropip_lock.errors import FetchError
from micropip_lock.index.client import MAX_PAGE, Indexes, Listing, project_url
from micropip_lock.network import Fetcher

from ...support.freezing import forget_machine, quick_fetcher
from ...support.index_server import Fault, IndexServer
from ...support.wheels import build_sdist, build_wheel, sha256

T = TypeVar("T")
ONE = frozenset({Version("1.0")})


@pytest.fixture(autouse=True)
def clean_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    forget_machine(monkeypatch, tmp_path_factory.mktemp("empty"))


@pytest.fixture
def second() -> Iterator[IndexServer]:
    with IndexServer() as server:
        yield server


def run(work: Callable[[Fetcher], Awaitable[T]]) -> T:
    async def main() -> T:
        fetcher = quick_fetcher()
        try:
            return await work(fetcher)
        finally:
            await fetcher.aclose()

    return asyncio.run(main())


def listing(indexes: Indexes, name: str = "demo", *, first: str | None = None) -> Listing:
    async def work(fetcher: Fetcher) -> Listing:
        await indexes.open(fetcher)
        return await indexes.project(name, fetcher, first=first)

    return run(work)


@pytest.mark.parametrize(
    ("index_url", "expected"),
    [
        ("https://index.example/simple", "https://index.example/simple/demo/"),
        ("https://index.example", "https://index.example/demo/"),
        ("https://index.example/{package_name}/page.json", "https://index.example/demo/page.json"),
        ("https://u:p@index.example/simple", "https://u:p@index.example/simple/demo/"),
    ],
)
def test_the_page_of_a_project(index_url: str, expected: str) -> None:
    assert project_url(index_url, "demo") == expected


def test_a_slash_at_the_end_and_repetition_make_no_second_index(index: IndexServer) -> None:
    build_wheel(index.folder, "demo", "1.0")
    found = listing(Indexes([index.url + "/", index.url, index.url + "/"]))
    assert found.asked == (index.url,)
    assert index.paths() == ["/simple/demo/"]


def test_files_of_the_first_index_come_first_and_each_url_once(
    index: IndexServer, second: IndexServer
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    second.add(
        wheel,
        build_wheel(second.folder, "demo", "1.0", build="1"),
        build_sdist(second.folder, "demo", "1.0"),
    )
    build_wheel(index.folder, "demo", "2.0")
    offers = listing(Indexes([index.url, second.url])).offers("demo", ONE)
    assert [offer.index for offer in offers] == [index.url, second.url, second.url, second.url]
    assert offers[0].file.url == index.file_url(wheel.name)
    assert {offer.file.kind for offer in offers} == {"wheel", "sdist"}
    # the same files by another way to the same place
    index.faults["/mirror/demo/"] = Fault("redirect", location=f"{index.url}/demo/")
    twice = listing(Indexes([index.url, index.root + "/mirror"]))
    assert len(twice.pages) == 2
    assert len(twice.offers("demo", ONE)) == 1


def test_an_index_without_the_project_leaves_it_to_the_others(
    index: IndexServer, second: IndexServer
) -> None:
    build_wheel(second.folder, "demo", "1.0")
    for status in (404, 410):
        index.faults["/simple/"] = Fault("status", status=status)
        found = listing(Indexes([index.url, second.url]))
        assert found.known
        assert [name for name, _ in found.pages] == [second.url]
        assert found.asked == (index.url, second.url)
    nothing = listing(Indexes([index.url]))
    assert (nothing.known, nothing.pages) == (False, ())


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("status", status=500), "unreachable"),
        (Fault("status", status=503), "unreachable"),
        (Fault("status", status=400), "unreachable"),
        (Fault("status", status=401), "not-allowed"),
        (Fault("status", status=403), "not-allowed"),
        (Fault("reset"), "unreachable"),
        (Fault("truncate"), "unreachable"),
        (Fault("html"), "unreachable"),
        (Fault("broken-json"), "unreachable"),
        (Fault("redirect-loop"), "unreachable"),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else str(value),
)
def test_anything_but_no_such_project_is_an_error(
    fault: Fault, code: str, index: IndexServer, second: IndexServer
) -> None:
    for server in (index, second):
        build_wheel(server.folder, "demo", "1.0")
    second.faults["/simple/demo/"] = fault
    with pytest.raises(FetchError) as caught:
        listing(Indexes([index.url, second.url]))
    assert caught.value.code == code
    assert caught.value.url == f"{second.url}/demo/"


def test_a_page_larger_than_any_is_refused(index: IndexServer) -> None:
    index.faults["/simple/demo/"] = Fault("huge", size=MAX_PAGE + 1)
    with pytest.raises(FetchError, match="more than 40 MiB"):
        listing(Indexes([index.url]))


def test_the_hash_of_a_url_is_that_of_this_very_url(
    index: IndexServer, second: IndexServer
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    second.add(wheel)
    second.hashes = "none"
    found = listing(Indexes([second.url, index.url]))
    assert found.hashes_of(index.file_url(wheel.name)) == {sha256(wheel): index.url}
    assert found.hashes_of(second.file_url(wheel.name)) == {}
    assert found.hashes_of("https://files.example/" + wheel.name) == {}


def test_what_is_named_first_comes_first(index: IndexServer, second: IndexServer) -> None:
    indexes = Indexes([index.url, second.url])
    assert listing(indexes, first=second.url).asked == (second.url, index.url)
    assert listing(indexes, first=second.url + "/").asked == (second.url, index.url)
    assert listing(indexes, first="https://index.example/simple").asked == (index.url, second.url)


def test_what_is_named_first_is_found_behind_credentials(index: IndexServer) -> None:
    index.auth = ("user", "hunter2")
    build_wheel(index.folder, "demo", "1.0")
    found = listing(Indexes([index.url_with_password]), first=index.url)
    assert found.asked == (index.url,)
    assert "hunter2" not in str(found.offers("demo", ONE))


def test_an_unknown_index_is_asked_only_when_trusted(
    index: IndexServer, second: IndexServer
) -> None:
    found = listing(Indexes([index.url], trust_index_file=True), first=second.url)
    assert found.asked == (second.url, index.url)
    second.reset()
    listing(Indexes([index.url]), first=second.url)
    assert second.requests == []


def test_find_links_come_last_and_are_read_once(index: IndexServer, tmp_path: Path) -> None:
    build_wheel(index.folder, "demo", "1.0")
    local = build_wheel(tmp_path / "links", "demo", "1.0", build="1")
    links = [
        f"{index.url}/demo/",
        (tmp_path / "links").as_uri(),
        local.as_uri(),
        f"{index.root}/nowhere",
    ]
    indexes = Indexes([index.url], links)
    assert indexes

    async def work(fetcher: Fetcher) -> list[Listing]:
        await indexes.open(fetcher)
        return [await indexes.project(name, fetcher) for name in ("demo", "other", "demo")]

    demo, other, _ = run(work)
    assert [offer.file.url for offer in demo.offers("demo", ONE)] == [
        index.file_url("demo-1.0-py3-none-any.whl"),
        local.as_uri(),
    ]
    assert not other.known
    assert other.offers("other", ONE) == []
    assert index.paths().count("/nowhere") == 1


def test_links_alone_are_something_to_ask(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    indexes = Indexes([], [wheel.as_uri()])
    assert indexes
    (offer,) = listing(indexes).offers("demo", ONE)
    assert (offer.file.url, offer.index) == (wheel.as_uri(), wheel.as_uri())
    assert not Indexes([])


def test_a_broken_place_of_links_is_told_for_each_project(index: IndexServer) -> None:
    index.faults["/links"] = Fault("status", status=500)
    indexes = Indexes([index.url], [index.root + "/links"])

    async def work(fetcher: Fetcher) -> None:
        await indexes.open(fetcher)
        for name in ("demo", "other"):
            with pytest.raises(FetchError, match="/links"):
                await indexes.project(name, fetcher)

    run(work)


def test_a_folder_as_index(tmp_path: Path) -> None:
    """A file: index has project folders, as pyodide-build writes them."""
    wheel = build_wheel(tmp_path / "index" / "demo", "demo", "1.0")
    found = listing(Indexes([(tmp_path / "index").as_uri()]))
    assert [offer.file.url for offer in found.offers("demo", ONE)] == [wheel.as_uri()]
    assert not listing(Indexes([(tmp_path / "index").as_uri()]), "other").known
