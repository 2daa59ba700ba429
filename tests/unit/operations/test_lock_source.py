"""Where a lock may be, and what operations find there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from micropip_lock import FetchError, InputError, Lockfile
from micropip_lock.errors import GoneError
from micropip_lock.formats.lockfile import LOCK_NAME
from micropip_lock.network import NoNetwork, Response, drive
from micropip_lock.operations.lock_source import LockSource, local_lock
from micropip_lock.operations.session import SessionOptions, open_lock

from ...support.freezing import base_document, entry

DOCUMENT = base_document(entry("demo"))
TEXT = json.dumps(DOCUMENT)
LOCK = Lockfile.from_json(TEXT)
URL = "https://index.example/locks/pyodide-lock.json"


class OneAnswer(NoNetwork):
    """Answers each request alike."""

    def __init__(self, answer: Response) -> None:
        super().__init__(FetchError("not to be called", url=""))
        self.answer = answer
        self.asked: list[str] = []

    async def get(self, url: str, **_: object) -> Response:
        self.asked.append(url)
        return self.answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / LOCK_NAME).write_text(TEXT)
    return tmp_path


def test_locks_without_a_file() -> None:
    for lock in (LOCK, DOCUMENT, TEXT, f"\n {TEXT}", LockSource(TEXT)):
        source = local_lock(lock)
        assert source.strict() == LOCK
        assert (source.origin, source.folder) == ("the lock", None)
    assert local_lock(TEXT, "the old lock").origin == "the old lock"


def test_files_and_folders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    path = folder / LOCK_NAME
    for lock in (path, str(path), folder, str(folder)):
        source = local_lock(lock)
        assert source.strict() == LOCK
        assert (source.origin, source.folder) == (str(path), folder)
    source = local_lock(".")
    assert (source.origin, source.folder) == (LOCK_NAME, folder)


@pytest.mark.parametrize("name", ["absent", "x" * 5000, "a\0b", "a/b"])
def test_what_is_not_there(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"^Cannot read "):
        local_lock(folder / name)


def test_a_path_that_begins_with_a_brace(folder: Path) -> None:
    path = folder / "{lock}"
    path.write_text(TEXT)
    assert local_lock(path).strict() == LOCK


def test_a_url_takes_a_fetcher() -> None:
    with pytest.raises(InputError, match=r"^https://index.example/a is a URL, and"):
        local_lock("https://user:password@index.example/a")
    fetcher = OneAnswer(Response(URL, 200, {}, TEXT.encode()))
    source = drive(open_lock(URL, SessionOptions(fetcher=fetcher)))
    assert (source.strict(), source.origin, source.folder) == (LOCK, URL, None)
    assert fetcher.asked == [URL]
    with pytest.raises(FetchError, match="offline"):
        drive(open_lock(URL, SessionOptions(fetcher=fetcher, offline=True)))
    drive(open_lock(LOCK, SessionOptions(fetcher=fetcher)))
    assert fetcher.asked == [URL]


def test_urls_without_a_lock() -> None:
    def failed(answer: Response) -> FetchError:
        with pytest.raises(FetchError) as caught:
            drive(open_lock(URL, SessionOptions(fetcher=OneAnswer(answer))))
        return caught.value

    gone = failed(Response(URL, 404, {}, b""))
    assert isinstance(gone, GoneError)
    assert str(gone) == f"The lock {URL} is not there (404)."
    large = failed(Response(URL, 200, {}, b"{", complete=False))
    assert (str(large), large.reason) == (f"The lock {URL} cannot be read.", "bad-answer")


def test_faults_name_the_source(folder: Path) -> None:
    path = folder / LOCK_NAME
    path.write_text("[]")
    with pytest.raises(InputError) as strict:
        local_lock(folder).strict()
    assert str(strict.value) == f"{path}: expected an object, found []."
    with pytest.raises(InputError) as lenient:
        local_lock(folder).parsed()
    assert str(lenient.value) == (
        f"{path}: expected an object, found []. Is this a pyodide-lock.json?"
    )


def test_keys_that_a_text_has_twice() -> None:
    twice = '{"info": {}, "packages": {"a": {"x": 1, "x": 2}, "a": {}}}'
    assert local_lock(twice).parsed() == ({"info": {}, "packages": {"a": {}}}, ["x", "a"])
    assert local_lock(DOCUMENT).parsed() == (DOCUMENT, [])
    assert local_lock(LOCK).parsed() == (LOCK.to_dict(), [])
