"""A download on loopback:

what breaks is gone on with, and nothing but the right bytes is ever in its place.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from micropip_lock.errors import FetchError, InputError, IntegrityError
from micropip_lock.index.download import download

from ...support.freezing import forget_machine, quick_fetcher
from ..network.serving import Answer, Asked, Server, ranged

BODY = random.Random(1).randbytes(300_000)
HASH = sha256(BODY).hexdigest()
OTHER = random.Random(2).randbytes(300_000)
BROKEN = Answer(500, b"broken")


@pytest.fixture(autouse=True)
def clean_machine(monkeypatch: pytest.MonkeyPatch, make_folder: Callable[[str], Path]) -> None:
    forget_machine(monkeypatch, make_folder("empty"))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "file.whl"


def part(place: Path) -> Path:
    """What a broken download leaves for the next one."""
    parts = place.parent.parent / "parts"
    parts.mkdir(exist_ok=True)
    return parts / f".{HASH}.part"


def left(place: Path) -> list[str]:
    """What lies in the folder, and beside it in the folder for parts."""
    folders = (place.parent, part(place).parent)
    return sorted(item.name for folder in folders if folder.is_dir() for item in folder.iterdir())


def bring(
    server: Server, place: Path, fetching: dict[str, Any] | None = None, **options: Any
) -> int:
    options = {"parts": part(place).parent, **options}

    async def run() -> int:
        fetcher = quick_fetcher(**(fetching or {}))
        try:
            return await download(fetcher, f"{server.origin}/file", HASH, place, **options)
        finally:
            await fetcher.aclose()

    return asyncio.run(run())


def breaking(body: bytes, *pieces: int) -> Callable[[Asked], Answer]:
    """A server with ranges whose answers end after so many bytes; then it is well."""
    whole, sizes = ranged(body), list(pieces)

    def answer(asked: Asked) -> Answer:
        good = whole(asked)
        if not sizes:
            return good
        return Answer(good.status, good.body[: sizes.pop(0)], good.headers, length=len(good.body))

    return answer


def ranges(server: Server) -> list[str | None]:
    return [asked.headers.get("range") for asked in server.log]


def test_whole(server: Server, place: Path) -> None:
    server.answers["/file"] = ranged(BODY)
    came: list[int] = []
    assert bring(server, place, advance=came.append) == len(BODY)
    assert place.read_bytes() == BODY
    assert sum(came) == len(BODY)
    assert left(place) == ["file.whl"]


@pytest.mark.parametrize(("cached", "mode"), [(True, 0o600), (False, 0o644)])
def test_who_may_read_it(cached: bool, mode: int, server: Server, place: Path) -> None:
    server.answers["/file"] = ranged(BODY)
    bring(server, place, parts=part(place).parent if cached else None)
    assert place.stat().st_mode & 0o777 == mode


def test_an_empty_file(server: Server, place: Path) -> None:
    server.answers["/file"] = Answer(200, b"")

    async def run() -> int:
        fetcher = quick_fetcher()
        try:
            return await download(fetcher, f"{server.origin}/file", sha256(b"").hexdigest(), place)
        finally:
            await fetcher.aclose()

    assert asyncio.run(run()) == 0
    assert place.read_bytes() == b""


def test_breaks_are_gone_on_with(server: Server, place: Path) -> None:
    server.answers["/file"] = breaking(BODY, 100_000, 50_000, 1)
    came: list[int] = []
    assert bring(server, place, advance=came.append) == len(BODY)
    assert place.read_bytes() == BODY
    assert ranges(server) == [None, "bytes=100000-", "bytes=150000-", "bytes=150001-"]
    assert sum(came) == len(BODY)


def test_a_server_that_ignores_ranges(server: Server, place: Path) -> None:
    answers = [Answer(200, BODY[:90_000], length=len(BODY)), Answer(200, BODY)]
    server.answers["/file"] = list(answers)
    bring(server, place)
    assert place.read_bytes() == BODY
    assert ranges(server) == [None, "bytes=90000-"]


@pytest.mark.parametrize("status", [416, 400, 501])
def test_a_server_that_refuses_ranges(server: Server, place: Path, status: int) -> None:
    tries = [0]

    def answer(asked: Asked) -> Answer:
        tries[0] += 1
        if "range" in asked.headers:
            return Answer(status, b"no ranges here")
        return Answer(200, BODY[:90_000], length=len(BODY)) if tries[0] == 1 else Answer(200, BODY)

    server.answers["/file"] = answer
    came: list[int] = []
    bring(server, place, advance=came.append)
    assert place.read_bytes() == BODY
    assert sum(came) == len(BODY)
    assert ranges(server) == [None, "bytes=90000-", None]


def test_a_break_without_end(server: Server, place: Path) -> None:
    server.answers["/file"] = breaking(BODY, *([10] * 100))
    with pytest.raises(FetchError) as caught:
        bring(server, place)
    assert "broke" in str(caught.value)
    assert len(server.log) < 40
    assert not place.exists()


def test_a_later_run_goes_on(server: Server, place: Path) -> None:
    answers = [Answer(200, BODY[:200_000], length=len(BODY)), BROKEN]
    server.answers["/file"] = answers
    with pytest.raises(FetchError):
        bring(server, place)
    assert left(place) == [part(place).name]
    assert part(place).read_bytes() == BODY[:200_000]
    server.answers["/file"] = ranged(BODY)
    server.log.clear()
    bring(server, place)
    assert place.read_bytes() == BODY
    assert ranges(server) == ["bytes=200000-"]
    assert left(place) == ["file.whl"]


@pytest.mark.parametrize("fetching", [{}, {"offline": True}], ids=["broken", "offline"])
def test_no_answer_loses_nothing(server: Server, place: Path, fetching: dict[str, Any]) -> None:
    part(place).write_bytes(BODY[:1000])
    server.answers["/file"] = BROKEN
    with pytest.raises(FetchError):
        bring(server, place, fetching)
    assert part(place).read_bytes() == BODY[:1000]


def test_a_partial_file_that_was_whole(server: Server, place: Path) -> None:
    part(place).write_bytes(BODY)
    assert bring(server, place) == len(BODY)
    assert server.log == []
    assert place.read_bytes() == BODY


@pytest.mark.parametrize(
    "rest", [OTHER[:1000], OTHER, OTHER * 2, BODY + b"more"], ids=["some", "all", "more", "longer"]
)
def test_a_partial_file_of_another_file(server: Server, place: Path, rest: bytes) -> None:
    part(place).write_bytes(rest)
    server.answers["/file"] = ranged(BODY)
    came: list[int] = []
    assert bring(server, place, advance=came.append) == len(BODY)
    assert place.read_bytes() == BODY
    assert sum(came) == len(BODY)


def test_500_then_200(server: Server, place: Path) -> None:
    server.answers["/file"] = [BROKEN, Answer(503), Answer(200, BODY)]
    bring(server, place)
    assert place.read_bytes() == BODY
    assert len(server.log) == 3


@pytest.mark.parametrize(
    "body",
    [OTHER, BODY[:-1], BODY + b"x", b"", b"<html>sorry</html>"],
    ids=["other", "shorter", "longer", "no", "page"],
)
def test_wrong_bytes(server: Server, place: Path, body: bytes) -> None:
    """Also of a length that the server believes in."""
    server.answers["/file"] = Answer(200, body)
    with pytest.raises(IntegrityError) as caught:
        bring(server, place)
    assert HASH in str(caught.value) and sha256(body).hexdigest() in str(caught.value)
    assert left(place) == []
    assert len(server.log) == 1


def test_wrong_bytes_leave_what_is_there(server: Server, place: Path) -> None:
    place.parent.mkdir()
    place.write_bytes(b"an older file of that name")
    server.answers["/file"] = Answer(200, OTHER)
    with pytest.raises(IntegrityError):
        bring(server, place)
    assert place.read_bytes() == b"an older file of that name"


@pytest.mark.parametrize("status", [404, 403, 500])
def test_refusals_leave_nothing(server: Server, place: Path, status: int) -> None:
    server.answers["/file"] = Answer(status)
    with pytest.raises(FetchError) as caught:
        bring(server, place)
    assert caught.value.code == ("not-allowed" if status == 403 else "unreachable")
    assert left(place) == []


def test_a_server_without_ranges_that_may_not_be_asked_any_more(
    server: Server, place: Path
) -> None:
    part(place).write_bytes(BODY[:1000])
    server.answers["/file"] = Answer(403)
    with pytest.raises(FetchError) as caught:
        bring(server, place)
    assert caught.value.code == "not-allowed"
    assert len(server.log) == 1
    assert part(place).read_bytes() == BODY[:1000]


def test_two_at_a_time(server: Server, place: Path) -> None:
    """While another process writes the partial file, a second one has its own."""
    server.answers["/file"] = ranged(BODY)
    with part(place).open("ab") as other:
        other.write(b"of somebody else")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        bring(server, place)
        assert part(place).read_bytes() == b"of somebody else"
    assert place.read_bytes() == BODY
    assert left(place) == [part(place).name, "file.whl"]


def test_two_at_a_time_that_fail(server: Server, place: Path) -> None:
    server.answers["/file"] = breaking(BODY, *([10] * 100))
    with part(place).open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(FetchError):
            bring(server, place)
    assert left(place) == [part(place).name]


def test_what_a_check_refuses_is_not_there(server: Server, place: Path) -> None:
    server.answers["/file"] = ranged(BODY)
    seen: list[bytes] = []

    def check(path: Path) -> None:
        seen.append(path.read_bytes())
        assert not place.exists()
        raise IntegrityError("no")

    with pytest.raises(IntegrityError):
        bring(server, place, check=check)
    assert seen == [BODY]
    assert left(place) == []


def test_without_a_folder_for_parts_nothing_is_left(server: Server, place: Path) -> None:
    """Nor is a partial file resumed that lies beside the place:

    another user may have put it there.
    """
    server.answers["/file"] = breaking(BODY, *([10] * 100))
    with pytest.raises(FetchError):
        bring(server, place, parts=None)
    assert left(place) == []
    guessed = place.with_name(f".{place.name}.part")
    guessed.write_bytes(BODY[:1000])
    server.answers["/file"] = ranged(BODY)
    server.log.clear()
    bring(server, place, parts=None)
    assert ranges(server) == [None]
    assert (place.read_bytes(), guessed.read_bytes()) == (BODY, BODY[:1000])


def plant(kind: str, path: Path, precious: Path) -> None:
    """Lay something where a file is expected."""
    if kind == "link":
        path.symlink_to(precious)
    elif kind == "dangling link":
        path.symlink_to(precious.with_name("made"))
    elif kind == "hard link":
        path.hardlink_to(precious)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()


@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "pipe", "folder"])
@pytest.mark.parametrize("where", ["part", "place"])
def test_what_was_planted(
    kind: str, where: str, server: Server, place: Path, tmp_path: Path
) -> None:
    """A file is made, nothing is written through what lies there, and no pipe is waited for."""
    precious = tmp_path / "precious"
    precious.write_bytes(BODY[:1000])
    place.parent.mkdir()
    plant(kind, part(place) if where == "part" else place, precious)
    server.answers["/file"] = ranged(BODY)
    if (kind, where) == ("folder", "place"):
        with pytest.raises(InputError):
            bring(server, place)
        return
    bring(server, place)
    assert place.read_bytes() == BODY and not place.is_symlink()
    assert precious.read_bytes() == BODY[:1000]
    assert not (tmp_path / "made").exists()


# -- places that cannot be written


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with room for 64 kB;

    where nothing may be mounted, one whose files cannot be written to their end.
    """
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:

        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
    yield folder
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(server: Server, small_disk: Path) -> None:
    server.answers["/file"] = ranged(BODY)
    with pytest.raises(InputError) as caught:
        bring(server, small_disk / "deep" / "file.whl")
    assert "No space left" in str(caught.value)
    assert left(small_disk / "deep" / "file.whl") == []


def test_a_file_where_the_folder_should_be(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError) as caught:
        bring(server, tmp_path / "file" / "file.whl")
    assert "Cannot write" in str(caught.value)
    assert server.log == []


def test_a_folder_where_the_file_should_be(server: Server, place: Path) -> None:
    server.answers["/file"] = ranged(BODY)
    place.mkdir(parents=True)
    with pytest.raises(InputError):
        bring(server, place)
    assert place.is_dir()
