"""The preferred index: who is asked, who is not, and what is remembered of an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from packaging.version import Version

from micropip_lock.errors import FetchError
from micropip_lock.formats.project_page_parser import parse_page
from micropip_lock.index.client import Indexes, Listing
from micropip_lock.network import NoNetwork, Response, drive

JSON = "application/vnd.pypi.simple.v1+json"
FIRST, SECOND, THIRD = (f"https://{name}.example/simple" for name in ("first", "second", "third"))


def body(*filenames: str, **changes: Any) -> bytes:
    files = [
        {"filename": name, "url": f"https://files.example/{name}", "hashes": {}, **changes}
        for name in filenames
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "files": files}).encode()


class Pages(NoNetwork):
    """Answers with pages by URL, else that there is none."""

    def __init__(self, pages: Mapping[str, bytes | FetchError]) -> None:
        super().__init__(FetchError("not to be called", url=""))
        self.pages = pages
        self.asked: list[str] = []

    async def get(self, url: str, **options: Any) -> Response:
        self.asked.append(url)
        page = self.pages.get(url)
        if isinstance(page, FetchError):
            raise page
        return Response(url, 200 if page is not None else 404, {"content-type": JSON}, page or b"")


def preferred(
    pages: Pages, *index_urls: str, find_links: tuple[str, ...] = (), name: str = "demo"
) -> Listing:
    async def main() -> Listing:
        indexes = Indexes(index_urls, find_links)
        await indexes.open(pages)
        return await indexes.preferred(name, pages)

    return drive(main())


def names(listing: Listing) -> dict[str, tuple[str, ...]]:
    return {index: page.filenames for index, page in listing.pages}


def test_the_first_that_has_the_project_is_the_last_that_is_asked() -> None:
    pages = Pages(
        {f"{SECOND}/demo/": body("demo-1.0.tar.gz"), f"{THIRD}/demo/": body("demo-9.0.tar.gz")}
    )
    found = preferred(pages, FIRST, SECOND, THIRD)
    assert names(found) == {SECOND: ("demo-1.0.tar.gz",)}
    assert pages.asked == [f"{FIRST}/demo/", f"{SECOND}/demo/"]
    assert (found.asked, found.known) == ((FIRST, SECOND), True)


def test_a_project_without_files_is_one_all_the_same() -> None:
    pages = Pages({f"{FIRST}/demo/": body(), f"{SECOND}/demo/": body("demo-9.0.tar.gz")})
    assert names(preferred(pages, FIRST, SECOND)) == {FIRST: ()}
    assert pages.asked == [f"{FIRST}/demo/"]


def test_no_index_knows_it() -> None:
    found = preferred(Pages({}), FIRST, SECOND)
    assert (found.pages, found.asked, found.known) == ((), (FIRST, SECOND), False)


def test_there_is_no_index() -> None:
    assert preferred(Pages({})) == Listing((), (), known=False)


@pytest.mark.parametrize("place", [FIRST, SECOND])
def test_an_index_that_does_not_answer_ends_it(place: str) -> None:
    error = FetchError("no answer", url=place)
    pages = Pages({f"{place}/demo/": error, f"{THIRD}/demo/": body("demo-9.0.tar.gz")})
    with pytest.raises(FetchError) as caught:
        preferred(pages, FIRST, SECOND, THIRD)
    assert caught.value is error
    assert f"{THIRD}/demo/" not in pages.asked


def test_an_answer_that_is_no_page_ends_it() -> None:
    pages = Pages(
        {f"{FIRST}/demo/": b"<html>Welcome</html>", f"{SECOND}/demo/": body("demo-9.0.tar.gz")}
    )
    with pytest.raises(FetchError, match="no project page"):
        preferred(pages, FIRST, SECOND)


def test_links_stand_beside_whichever_index() -> None:
    links = ("https://links.example/", "https://host.example/demo-3.0-py3-none-any.whl")
    pages = Pages(
        {
            f"{SECOND}/demo/": body("demo-1.0.tar.gz"),
            links[0]: body("demo-2.0.tar.gz", "other-1.0.tar.gz"),
        }
    )
    found = preferred(pages, FIRST, SECOND, find_links=links)
    assert names(found) == {
        SECOND: ("demo-1.0.tar.gz",),
        links[0]: ("demo-2.0.tar.gz", "other-1.0.tar.gz"),
        links[1]: ("demo-3.0-py3-none-any.whl",),
    }
    assert found.asked == (FIRST, SECOND)
    assert not preferred(pages, FIRST, find_links=links).known


def test_links_that_do_not_answer_end_it() -> None:
    error = FetchError("no answer", url="")
    pages = Pages({"https://links.example/": error, f"{FIRST}/demo/": body("demo-1.0.tar.gz")})
    with pytest.raises(FetchError, match="no answer"):
        preferred(pages, FIRST, find_links=("https://links.example/",))


def test_no_credentials_in_what_is_found() -> None:
    url = "https://user:hunter2@first.example/simple"
    pages = Pages({f"{url}/demo/": body("demo-1.0.tar.gz")})
    found = preferred(pages, url)
    assert (found.asked, [index for index, _ in found.pages]) == ((FIRST,), [FIRST])
    assert (
        "hunter2" not in Indexes([url], ["https://user:hunter2@links.example/?token=hunter2"]).key
    )


def test_keys_of_different_indexes_differ() -> None:
    several = [
        Indexes([FIRST]),
        Indexes([SECOND]),
        Indexes([FIRST, SECOND]),
        Indexes([SECOND, FIRST]),
        Indexes([FIRST], [SECOND]),
        Indexes([], [FIRST]),
        Indexes([]),
        # What an index shows may depend on who asks.
        Indexes([FIRST.replace("//", "//user:password@")]),
        Indexes([FIRST.replace("//", "//other:password@")]),
        Indexes([f"{FIRST}?token=1"]),
        Indexes([f"{FIRST}?token=2"]),
        Indexes([FIRST], trust_index_file=True),
    ]
    assert len({indexes.key for indexes in several}) == len(several)
    assert Indexes([FIRST]).key == Indexes([f"{FIRST}/"]).key


# -- bytes


def listing(*filenames: str, url: str = f"{FIRST}/demo/", **changes: Any) -> Listing:
    """What one index says of these files."""
    return Listing(((FIRST, parse_page(body(*filenames, **changes), JSON, url)),), (FIRST,))


def test_one_version_comes_through_bytes() -> None:
    told = listing("demo-2.0.tar.gz", "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz", yanked="why")
    data = told.to_bytes("demo", Version("1"))
    assert data is not None
    found = Listing.from_bytes(data)
    assert names(found) == {FIRST: ("demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz")}
    assert found.asked == (FIRST,)
    assert found.offers("demo", [Version("1.0")]) == told.offers("demo", [Version("1.0")])


def test_local_versions_meet_the_same_pin() -> None:
    told = listing(
        "demo-1.0-py3-none-any.whl",
        "demo-1.0+web-py3-none-any.whl",
        "demo-1.0.post1-py3-none-any.whl",
    )

    def kept(version: str) -> set[str]:
        data = told.to_bytes("demo", Version(version))
        assert data is not None
        return {name for _, page in Listing.from_bytes(data).pages for name in page.filenames}

    assert kept("1.0") == {"demo-1.0-py3-none-any.whl", "demo-1.0+web-py3-none-any.whl"}
    assert kept("1.0+web") == {"demo-1.0+web-py3-none-any.whl"}


def test_that_there_is_no_such_version_comes_through_bytes() -> None:
    data = listing("demo-2.0.tar.gz").to_bytes("demo", Version("1.0"))
    assert data is not None
    assert Listing.from_bytes(data).pages == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "https://files.example/demo-1.0.tar.gz?token=hunter2"},
        {"url": "https://user:hunter2@files.example/demo-1.0.tar.gz"},
        {"url": "//user@files.example/demo-1.0.tar.gz"},
    ],
    ids=lambda changes: changes["url"],
)
def test_urls_that_may_hold_secrets_are_not_remembered(changes: dict[str, str]) -> None:
    told = listing("demo-1.0.tar.gz", "demo-2.0.tar.gz", **changes)
    assert told.to_bytes("demo", Version("1.0")) is None
    assert listing("demo-1.0.tar.gz").to_bytes("demo", Version("1.0")) is not None


@pytest.mark.parametrize(
    "url", ["https://host.example/demo/?signature=hunter2", "https://u:hunter2@host.example/"]
)
def test_pages_at_secret_addresses_are_not_remembered(url: str) -> None:
    assert listing("demo-1.0.tar.gz", url=url).to_bytes("demo", Version("1.0")) is None


@pytest.mark.parametrize(
    "escaped", ["?token=hunter2", "&#63;token=hunter2", "&quest;token=hunter2"]
)
def test_queries_in_html_are_found_however_they_are_written(escaped: str) -> None:
    text = (
        "<html><title>Links for demo</title><a "
        f'href="demo-1.0.tar.gz{escaped}">demo-1.0.tar.gz</a></html>'
    )
    told = Listing(((FIRST, parse_page(text.encode(), "text/html", f"{FIRST}/demo/")),), (FIRST,))
    assert told.to_bytes("demo", Version("1.0")) is None
    harmless = text.replace(escaped, "#sha256=" + "a" * 64)
    told = Listing(
        ((FIRST, parse_page(harmless.encode(), "text/html", f"{FIRST}/demo/")),), (FIRST,)
    )
    assert told.to_bytes("demo", Version("1.0")) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"5",
        b"[]",
        b"[1, 2]",
        b"[[], 5]",
        b"[[5], []]",
        b"[[[1, 2]], []]",
        b"{}",
        b"\xff",
        b"[[[]], []]",
    ],
    ids=repr,
)
def test_bytes_that_are_no_listing(data: bytes) -> None:
    with pytest.raises(ValueError):
        Listing.from_bytes(data)
