"""Central directory and RECORD of a wheel that stays where it is, and of one that is downloaded."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from micropip_lock.errors import FetchError, IntegrityError
from micropip_lock.formats.record import parse_record
from micropip_lock.formats.wheel import WheelDescription
from micropip_lock.formats.wheel_archive import inspect_wheel
from micropip_lock.index.downloaded_wheel import download_wheel
from micropip_lock.index.remote_wheel import (
    SMALL_WHEEL,
    NoRangesError,
    expected_tail,
    read_wheel,
)
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from ...support.freezing import forget_machine, quick_fetcher
from ...support.index_server import Fault, IndexServer
from ...support.raw_zip import Entry, raw_zip, wheel_entries
from ...support.wheels import (
    build_sdist,
    build_wheel,
    repack,
    sha256,
    wheel_member,
    with_unicode_path,
)

RANDOM = os.urandom(100_000)
FILES: dict[str, bytes | str] = {"demo/__init__.py": "x = 1\n", "demo/data.bin": RANDOM}


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch, make_folder: Callable[[str], Path]) -> None:
    forget_machine(monkeypatch, make_folder("empty"))


class NoSuffix(HttpxFetcher):
    """As in a browser, where «the last n bytes» costs a preflight."""

    suffix_ranges = False


def run(work: Callable[[Any], Any], kind: type[HttpxFetcher] = HttpxFetcher) -> WheelDescription:
    async def main() -> WheelDescription:
        fetcher = quick_fetcher() if kind is HttpxFetcher else kind(delays=(0.0,), idle=5.0)
        try:
            contents: WheelDescription = await work(fetcher)
            return contents
        finally:
            await fetcher.aclose()

    return asyncio.run(main())


def read(
    index: IndexServer,
    wheel: Path,
    *,
    name: str = "demo",
    size: int | None = None,
    tail: int = 2000,
    kind: type[HttpxFetcher] = HttpxFetcher,
) -> WheelDescription:
    return run(
        lambda fetcher: read_wheel(fetcher, index.file_url(wheel.name), name, size=size, tail=tail),
        kind,
    )


def download(index: IndexServer, wheel: Path, name: str = "demo") -> WheelDescription:
    return run(lambda fetcher: download_wheel(fetcher, index.file_url(wheel.name), name))


def bytes_asked(index: IndexServer) -> int:
    return sum(request.bytes for request in index.requests)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("kind", [HttpxFetcher, NoSuffix])
@pytest.mark.parametrize("tail", [30, 300, 2000, 10_000, 200_000])
def test_the_end_of_a_wheel_tells_its_contents(
    tail: int, kind: type[HttpxFetcher], known: bool, index: IndexServer
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=FILES)
    size = wheel.stat().st_size
    contents = read(index, wheel, size=size if known else None, tail=tail, kind=kind)
    assert contents.size == size
    assert contents.dist_info == "demo-1.0.dist-info"
    assert contents.record == parse_record(wheel_member(wheel, "RECORD"))
    with zipfile.ZipFile(wheel) as archive:
        expected = [(item.filename, item.file_size, item.CRC) for item in archive.infolist()]
    assert [(member.name, member.size, member.crc) for member in contents.members] == expected
    assert (contents.sha256, contents.true_rows) == (None, None)
    if tail < 20_000:
        assert bytes_asked(index) < 70_000 + tail
        assert index.wheel_downloads == 0
    assert [request.method for request in index.requests].count("HEAD") == (
        kind is NoSuffix and not known
    )


def test_what_is_expected_to_be_enough_is(index: IndexServer) -> None:
    files: dict[str, Any] = {f"demo/module_{number}.py": f"x = {number}\n" for number in range(300)}
    wheel = build_wheel(index.folder, "demo", "1.0", files={**files, "demo/data.bin": RANDOM})
    tail = expected_tail(parse_record(wheel_member(wheel, "RECORD")))
    read(index, wheel, tail=tail)
    assert len(index.requests) == 1
    assert bytes_asked(index) < wheel.stat().st_size / 2


def test_a_record_far_from_the_end_costs_one_request_more(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=FILES)
    with zipfile.ZipFile(wheel) as archive:
        members = {item.filename: archive.read(item) for item in archive.infolist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in sorted(members, key=lambda name: not name.endswith("RECORD")):
            archive.writestr(name, members[name])
    contents = read(index, wheel)
    assert contents.record == parse_record(members["demo-1.0.dist-info/RECORD"])
    assert len(index.requests) == 2
    assert bytes_asked(index) < 10_000


@pytest.mark.parametrize("comment", [b"c", b"x" * 3000, b"y" * 65_535], ids=len)
def test_a_comment_behind_the_zip(comment: bytes, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=FILES)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.comment = comment
    assert read(index, wheel, tail=500).dist_info == "demo-1.0.dist-info"


@pytest.mark.parametrize("mode", ["no", "ignored"])
def test_a_small_wheel_may_arrive_whole(mode: str, index: IndexServer) -> None:
    index.ranges = mode
    wheel = build_wheel(index.folder, "demo", "1.0")
    assert wheel.stat().st_size < SMALL_WHEEL
    contents = read(index, wheel, tail=500)
    assert contents.dist_info == "demo-1.0.dist-info"
    assert contents.sha256 is None


@pytest.mark.parametrize("mode", ["no", "ignored"])
@pytest.mark.parametrize("kind", [HttpxFetcher, NoSuffix])
def test_no_ranges(kind: type[HttpxFetcher], mode: str, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=FILES)
    index.ranges = mode
    for size in (None, wheel.stat().st_size):
        with pytest.raises(NoRangesError):
            read(index, wheel, size=size, kind=kind)


def test_a_server_without_suffix_ranges_is_asked_for_the_size(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=FILES)
    index.ranges = "no-suffix"
    assert read(index, wheel).size == wheel.stat().st_size
    assert "HEAD" in [request.method for request in index.requests]


def test_a_size_that_the_index_has_wrong_is_an_error(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=FILES)
    for wrong in (wheel.stat().st_size - 1, wheel.stat().st_size + 1, 10, 10**9):
        with pytest.raises((IntegrityError, NoRangesError, FetchError)):
            read(index, wheel, size=wrong)


def test_a_wheel_that_is_gone(index: IndexServer) -> None:
    for kind in (HttpxFetcher, NoSuffix):
        with pytest.raises(FetchError, match="404"):
            read(index, Path("demo-1.0-py3-none-any.whl"), kind=kind)


def test_a_refusal_is_no_reason_to_ask_again(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    index.faults["/files/"] = Fault("status", status=403)
    with pytest.raises(FetchError) as caught:
        read(index, wheel)
    assert caught.value.code == "not-allowed"
    assert len(index.requests) == 1


def test_a_server_that_is_gone_is_not_asked_for_the_size(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    index.faults["/files/"] = Fault("reset")
    with pytest.raises(FetchError):
        read(index, wheel)
    assert {request.method for request in index.requests} == {"GET"}


def _append(wheel: Path, *names: str) -> None:
    with zipfile.ZipFile(wheel, "a") as archive:
        for name in names:
            archive.writestr(name, "demo.py,,\n")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda wheel: wheel.write_bytes(b""), "zip|no wheel|bytes"),
        (lambda wheel: wheel.write_bytes(RANDOM), "zip"),
        (lambda wheel: wheel.write_bytes(wheel.read_bytes()[:-10]), "zip"),
        (lambda wheel: wheel.write_bytes(b"MZ" + wheel.read_bytes()), "central directory"),
        (lambda wheel: wheel.write_bytes(wheel.read_bytes() + b"\0" * 70_000), "zip"),
        (lambda wheel: _append(wheel, "evil-1.0.dist-info/RECORD"), "2 RECORDs"),
    ],
)
def test_what_is_no_wheel(
    damage: Callable[[Path], Any], says: str, index: IndexServer, tmp_path: Path
) -> None:
    index.add(build_wheel(tmp_path, "demo", "1.0", files=FILES))
    wheel = tmp_path / "demo-1.0-py3-none-any.whl"
    index.files()  # the server reads METADATA before it is damaged
    damage(wheel)
    index.faults[f"/files/{wheel.name}"] = Fault("redirect", location=f"{index.root}/raw")
    index.faults["/raw"] = Fault("body", body=wheel.read_bytes())
    with pytest.raises((IntegrityError, FetchError), match=says):
        read(index, wheel, tail=200_000)
    if wheel.stat().st_size:
        with pytest.raises(IntegrityError, match=says):
            download(index, wheel)


def test_an_sdist_is_no_wheel(index: IndexServer) -> None:
    sdist = build_sdist(index.folder, "demo", "1.0")
    with pytest.raises(IntegrityError):
        read(index, sdist)


def test_a_wheel_of_another_project(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "other.name", "1.0")
    with pytest.raises(IntegrityError, match="a wheel of other_name"):
        read(index, wheel)
    assert read(index, wheel, name="other-name").dist_info == "other_name-1.0.dist-info"


def test_a_wheel_without_record(index: IndexServer, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    with zipfile.ZipFile(wheel) as archive:
        members = {item.filename: archive.read(item) for item in archive.infolist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            if not name.endswith("RECORD"):
                archive.writestr(name, content)
    for ask in (read, download):
        with pytest.raises(IntegrityError, match="no RECORD"):
            ask(index, wheel)


@pytest.mark.parametrize("record", [b"\xff\xfe", b'"demo.py', b"demo.py,,many\n", b",,\n"])
def test_a_broken_record(record: bytes, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", record=lambda rows: record)
    with pytest.raises(IntegrityError):
        read(index, wheel)
    with pytest.raises(IntegrityError):
        download(index, wheel)


def test_it_knows_what_the_wheel_ships_listed_or_not(index: IndexServer) -> None:
    wheel = build_wheel(
        index.folder,
        "demo",
        "1.0",
        dist_info_files={"PYODIDE_URL": "x"},
        record=lambda rows: [row for row in rows if "PYODIDE_URL" not in row[0]],
    )
    for contents in (read(index, wheel), download(index, wheel)):
        assert contents.ships("PYODIDE_URL")
        assert not contents.ships("direct_url.json")


# -- downloaded


def test_a_download_has_a_hash_and_true_rows(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=FILES)
    contents = download(index, wheel)
    assert (contents.sha256, contents.size, contents.wrong_rows) == (
        sha256(wheel),
        wheel.stat().st_size,
        (),
    )
    assert contents.true_rows is not None
    assert {row.path for row in contents.true_rows} == {*FILES} | {
        "demo-1.0.dist-info/METADATA",
        "demo-1.0.dist-info/WHEEL",
    }
    assert all(row.strong for row in contents.true_rows)


def test_a_download_is_equal_however_it_was_packed(index: IndexServer, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=FILES)
    first = download(index, wheel)
    again = repack(wheel, tmp_path / "b")
    index.remove(wheel.name)
    index.add(again)
    second = download(index, again)
    assert first.sha256 != second.sha256
    assert first.true_rows == second.true_rows


def test_a_wheel_whose_record_is_wrong(index: IndexServer) -> None:
    wheel = build_wheel(
        index.folder,
        "demo",
        "1.0",
        record=lambda rows: [
            (path, "sha256=" + "A" * 43 if path == "demo.py" else old, n) for path, old, n in rows
        ],
    )
    contents = download(index, wheel)
    assert contents.wrong_rows == ("demo.py",)
    (row,) = [row for row in contents.true_rows or () if row.path == "demo.py"]
    assert row.digest != "A" * 43  # what the bytes are, not what RECORD says


def test_rows_without_a_hash_are_no_contradiction(index: IndexServer) -> None:
    wheel = build_wheel(
        index.folder, "demo", "1.0", record=lambda rows: [(path, "", "") for path, _, _ in rows]
    )
    contents = download(index, wheel)
    assert contents.wrong_rows == ()
    assert all(row.strong for row in contents.true_rows or ())


def test_a_truncated_download_is_an_error(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=FILES)
    index.faults["/files/"] = Fault("truncate")
    with pytest.raises(FetchError):
        download(index, wheel)


def test_a_broken_member_is_found_by_downloading(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files={"demo.py": "x = 1\n"}, stored=True)
    index.files()
    data = wheel.read_bytes().replace(b"x = 1\n", b"x = 2\n")
    index.faults["/files/"] = Fault("body", body=data)
    with pytest.raises(IntegrityError, match="unpacked"):
        download(index, wheel)


# -- whole wheels


def inspected(wheel: bytes) -> WheelDescription:
    return inspect_wheel(io.BytesIO(wheel), len(wheel), "0" * 64, "demo")


def test_small_and_large_members_in_any_order() -> None:
    large = Entry("large.bin", hashlib.shake_256(b"large").digest(2**20 + 7))
    stored = Entry("stored.bin", hashlib.shake_256(b"stored").digest(600_000), method=0)
    empty = Entry("large.txt", bytes(3 * 2**20))  # of few bytes
    small = [
        Entry(f"pkg/{number}.py", b"x = %d\n" % number, descriptor=number % 2 > 0)
        for number in range(50)
    ]
    entries = wheel_entries(
        *small[:25], large, stored, replace(stored, name="more.bin"), *small[25:], empty
    )
    for order in (entries, [entries[-1], *reversed(entries[:-1])]):
        contents = inspected(raw_zip(order))
        assert not contents.wrong_rows
        assert sorted(row.path for row in contents.true_rows or ()) == sorted(
            str(entry.name) for entry in entries[:-1]
        )


@pytest.mark.parametrize("size", [10, 2**20 + 1], ids=["small", "large"])
@pytest.mark.parametrize(
    "lie",
    [{"crc": 1}, {"flags": 0x820}, {"local_name": "DATA.bin"}],
    ids=["crc", "patched", "local name"],
)
def test_lies_about_small_and_large_members(size: int, lie: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match=r"unpacked|is a patch"):
        inspected(
            raw_zip(wheel_entries(Entry("data.bin", hashlib.shake_256(b"x").digest(size), **lie)))
        )


def test_two_names(tmp_path: Path) -> None:
    """Python 3.12 and later believe Info-ZIP's field of a name in Unicode."""
    made = build_wheel(tmp_path, "demo", "1.0", files={"demo.py": "x = 1\n"})
    wheel = with_unicode_path(made, tmp_path / "odd", "demo.py", "evil.py").read_bytes()
    with pytest.raises(IntegrityError, match=r"two names, 'demo\.py' and 'evil\.py'"):
        inspected(wheel)
