"""The benchmarks' own parts: the index and its count, the floor, the tables and the pictures."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import plot, report
from benchmarks.aims import aims
from benchmarks.corpus import keep_wheel, write_page
from benchmarks.floors import Floor, proof_bytes
from benchmarks.link import read_line
from benchmarks.linked import Link

from ..support.wheels import build_wheel, sha256, wheel_member

JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"), "Small.Thing", "1.0")


@pytest.fixture(scope="module")
def link(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Link]:
    root = tmp_path_factory.mktemp("index")
    keep_wheel(root / "files" / "small-thing", wheel)
    (root / "fat").mkdir()
    row = {
        "filename": wheel.name,
        "url": f"/packages/aa/bb/{wheel.name}",
        "hashes": {"sha256": sha256(wheel)},
        "size": wheel.stat().st_size,
        "upload-time": "2026-01-01T00:00:00.000000Z",
        "requires-python": ">=3.8",
        "core-metadata": {"sha256": "0" * 64},
        "yanked": "eats <files>",
    }
    write_page(root / "fat" / "small-thing.json", "small-thing", [row])
    with Link(root) as running:
        yield running


def get(link: Link, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", link.port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", path, headers={"Accept-Encoding": "identity", **named})
    response = connection.getresponse()
    said = {name.lower(): value for name, value in response.getheaders()}
    body = response.read()
    connection.close()
    return response.status, said, body


class TestLink:
    def test_pages_and_files_are_counted_by_kind(self, link: Link, wheel: Path) -> None:
        link.set(latency=0, bandwidth=10_000_000, connect=0, releases=True)
        status, headers, body = get(
            link, "/simple/small-thing/", Accept=JSON, Accept_Encoding="gzip"
        )
        assert (status, headers["content-type"], headers["content-encoding"]) == (200, JSON, "gzip")
        (file,) = json.loads(gzip.decompress(body))["files"]
        assert file["url"] == f"{link.root}/packages/aa/bb/{wheel.name}"
        path = file["url"].removeprefix(link.root)
        assert get(link, path)[2] == wheel.read_bytes()
        assert get(link, f"{path}.metadata")[2] == wheel_member(wheel, "METADATA")
        status, headers, tail = get(link, path, Range="bytes=-22")
        assert (status, tail) == (206, wheel.read_bytes()[-22:])
        size = wheel.stat().st_size
        assert headers["content-range"] == f"bytes {size - 22}-{size - 1}/{size}"
        stats = link.stats()
        assert stats["requests"] == {"page": 1, "wheel": 1, "sidecar": 1, "range": 1}
        assert stats["bytes"]["page"] == len(body)
        assert stats["bytes"]["range"] == 22
        assert stats["connections"] == 4

    def test_html_for_whoever_takes_anything(self, link: Link, wheel: Path) -> None:
        status, headers, body = get(link, "/simple/small-thing/", Accept="*/*")
        assert (status, headers["content-type"]) == (200, "application/vnd.pypi.simple.v1+html")
        assert f"{wheel.name}#sha256={sha256(wheel)}".encode() in body
        assert b'data-yanked="eats &lt;files&gt;"' in body

    def test_what_has_not_changed_is_not_sent_again(self, link: Link) -> None:
        _, headers, _ = get(link, "/simple/small-thing/", Accept=JSON)
        status, _, body = get(
            link, "/simple/small-thing/", Accept=JSON, If_None_Match=headers["etag"]
        )
        assert (status, body) == (304, b"")

    def test_document_of_a_release_can_be_missing(self, link: Link, wheel: Path) -> None:
        link.set(latency=0, bandwidth=0, releases=True)
        status, _, body = get(link, "/pypi/small-thing/1.0/json")
        (file,) = json.loads(body)["urls"]
        assert (status, file["digests"]["sha256"], file["yanked"]) == (200, sha256(wheel), True)
        link.set(releases=False)
        assert get(link, "/pypi/small-thing/1.0/json")[0] == 404
        assert link.stats()["missing"] == ["/pypi/small-thing/1.0/json"]

    def test_other_spellings_are_sent_on(self, link: Link) -> None:
        status, headers, _ = get(link, "/simple/Small.Thing/")
        assert (status, headers["location"]) == (301, "/simple/small-thing/")


def test_line_is_milliseconds_and_megabytes() -> None:
    assert dict(read_line("40/4")) == {"latency": 0.04, "bandwidth": 4e6}
    with pytest.raises(ValueError, match="such as 40/4"):
        dict(read_line("40 ms"))


class TestFloor:
    def test_bytes_and_one_answer(self) -> None:
        assert Floor(100, 8_000_000, 1).seconds(latency=0.04, bandwidth=4e6) == pytest.approx(2.04)

    def test_requests_that_wait_for_one_another(self) -> None:
        assert Floor(8, 1000, 8).seconds(latency=0.1, bandwidth=4e6, connect=0.5) == pytest.approx(
            1.3
        )

    def test_requests_share_the_connections(self) -> None:
        assert Floor(1000, 0, 1).seconds(latency=0.1, bandwidth=0) == pytest.approx(2.0)

    def test_proof_is_the_end_of_a_wheel(self, wheel: Path) -> None:
        assert 0 < proof_bytes(wheel) < wheel.stat().st_size


def work(*rows: dict[str, Any]) -> dict[str, Any]:
    floor = {"requests": 200, "bytes": 8_000_000, "depth": 2, "seconds": 2.0}
    return {
        "title": "freeze",
        "line": "40/4",
        "model": {"connect": 0, "bandwidth": 4e6},
        "warm": False,
        "floor": floor,
        "rows": list(rows),
    }


def row(name: str, seconds: float, *, ours: bool = False) -> dict[str, Any]:
    counted = {
        "requests": {"page": 100, "range": 120},
        "bytes": {"page": 8_000_000, "range": 2_000_000},
    }
    taken = {"seconds": seconds, "all_seconds": [seconds], "cpu": 1.0, "memory": 50_000_000}
    return {"name": name, "ours": ours, "note": "", **taken, **counted, "connections": 9}


class TestReport:
    def test_ratios_to_ours_and_to_the_floor(self) -> None:
        text = report.table(work(row("us", 2.5, ours=True), row("them", 5.0)))
        assert "| **us** | 2.50 | 1.00 x | 1.25 x | 220 | 10.00 | 1.00 | 50 | 1 |  |" in text
        assert "| them | 5.00 | 2.00 x | 2.50 x |" in text
        assert "| *the floor* | 2.00 | 0.80 x |" in text

    def test_who_fails_has_a_row_that_says_so(self) -> None:
        failed = {"name": "them", "ours": False, "note": "", "failed": "status 1: a|b\nc"}
        text = report.table(work(row("us", 2.5, ours=True), failed))
        assert "| them | - | - | - | - | - | - | - | - | failed: status 1: a/b c |" in text

    def test_aims_are_met_or_missed(self) -> None:
        peers = (row("uv pip compile --no-deps", 1.0), row("uv with hashes", 2.4))
        results = {
            "works": {"freeze-pages": work(row("us", 2.5, ours=True), *peers)},
            "corpus": {"wheels": 50_000_000, "pages": 6_000_000, "distributions": 100},
        }
        said = {aim.asks.partition(":")[2].strip(): (aim.met, aim.reached) for aim in aims(results)}
        assert said["at most 1.25 times the floor"] == (True, "2.50 s, floor 2.00 s: 1.25 x")
        assert said["at most 5 % of the wheels' bytes beyond the pages"] == (True, "4.0%")
        assert said["at most 2.6 requests a package"] == (True, "2.20")
        assert said["faster than every peer that yields hashes"] == (
            False,
            "2.50 s, uv with hashes 2.40 s: 1.04 x; the bytes of the proof alone take 0.50 s",
        )


class TestPlot:
    def test_pictures_are_well_formed(self) -> None:
        rows = [
            plot.Bar("us & <them>", 1.5, ours=True),
            plot.Bar("failed", None, remark="status 1"),
        ]
        for picture in (
            plot.bars("freeze <b>", rows, mark=1.0),
            plot.growth("growth", {"freeze": [(10, 0.5), (100, 4.0)]}, across="n", up="s"),
        ):
            assert ElementTree.fromstring(picture).tag.endswith("svg")

    @pytest.mark.parametrize("power", [1, 2])
    def test_slope_is_the_exponent(self, power: int) -> None:
        assert plot.slope([(x, 3.0 * x**power) for x in (10, 30, 100, 300, 1000)]) == pytest.approx(
            power
        )
