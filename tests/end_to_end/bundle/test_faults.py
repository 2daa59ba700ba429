"""bundle when something goes wrong, as its user sees it: it ends well after all, or with a clear
error and status.

After any fault, a file of the folder is whole or not there, and a lock is there only with all its
files.
"""

from __future__ import annotations

import asyncio
import builtins
import errno
import io
import json
import os
import random
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256 as hash_of
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from micropip_lock import Lockfile, bundle
from micropip_lock._util.files import TEMPORARY
from micropip_lock.cli.main import micropip_lock
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from ...support.freezing import base_document, quick_fetcher
from ...support.installed import clean_environment
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel, sha256
from ...unit.network.serving import Answer, Asked, Server, ranged

BIG, SMALL = "big-1.0-py3-none-any.whl", "small-1.0-py3-none-any.whl"
DONE = {BIG, SMALL, "pyodide-lock.json"}


class Slow(Server):
    """After a body that is shorter than it claims the connection stays open, until it shall
    ``go_on`` and close.

    With ``reset`` it is reset, as soon as that function says that so many bytes have been seen:
    what is on its way then would be lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reset: Callable[[int], bool] | None = None
        self.go_on = threading.Event()

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        super()._send(handler, answer)
        if answer.length is not None and answer.length > len(answer.body):
            handler.wfile.flush()
            if self.reset is not None:
                first = int(handler.headers.get("Range", "bytes=0-")[6:-1])
                while not self.reset(first + len(answer.body)):
                    time.sleep(0.005)
                # SO_LINGER with zero seconds: close() sends RST instead of FIN
                handler.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                handler.connection.close()
            else:
                self.go_on.wait()


@pytest.fixture
def server() -> Iterator[Slow]:
    with Slow() as running:
        yield running
        running.go_on.set()


@dataclass
class Scene:
    """A lock of two wheels that a server has, and the command that bundles them."""

    folder: Path
    server: Slow
    dest: Path
    bodies: dict[str, bytes] = field(default_factory=dict)

    @property
    def lock(self) -> Path:
        return self.folder / "lock" / "lock.json"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def add(self, name: str, size: int) -> None:
        content = random.Random(name).randbytes(size)
        wheel = build_wheel(
            self.folder / "built", name, "1.0", files={f"{name}.bin": content}, stored=True
        )
        self.bodies[wheel.name] = wheel.read_bytes()
        self.server.answers[f"/{wheel.name}"] = ranged(self.bodies[wheel.name])

    def write_lock(self, **info: str) -> None:
        document = base_document()
        for name in self.bodies:
            wheel = self.folder / "built" / name
            document["packages"][name.partition("-")[0]] = lock_entry(
                wheel, f"{self.server.origin}/{name}"
            )
        self.lock.parent.mkdir(exist_ok=True)
        self.lock.write_text(json.dumps({**document, "info": {**document["info"], **info}}))

    def breaking(self, name: str, size: int, times: int = 1) -> None:
        """Let answers end after so many bytes."""
        whole, left = ranged(self.bodies[name]), [times]

        def answer(asked: Asked) -> Answer:
            good = whole(asked)
            left[0] -= 1
            return (
                good
                if left[0] < 0
                else Answer(good.status, good.body[:size], good.headers, length=len(good.body))
            )

        self.server.answers[f"/{name}"] = answer

    def arguments(self, *options: str | Path) -> list[str]:
        return ["bundle", str(self.lock), str(self.dest), *map(str, options)]

    def run(self, *options: str | Path) -> tuple[int, str]:
        """Exit status, and what is said to people."""
        result = CliRunner().invoke(
            micropip_lock, self.arguments(*options or ("--cache-dir", self.cache))
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stderr

    def ranges(self, name: str = BIG) -> list[str | None]:
        return [asked.headers.get("range") for asked in self.server.log if asked.path == f"/{name}"]

    def names(self) -> set[str]:
        return {
            path.relative_to(self.dest).as_posix()
            for path in self.dest.rglob("*")
            if path.is_file()
        }

    def partial(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.name.endswith(".part")]

    def check(self) -> None:
        """No file is half there, in the folder or in the cache; and no lock without its files."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name in self.bodies:
                assert path.read_bytes() == self.bodies[path.name], path
            if (
                path.is_file()
                and path.parent.parent.name == "wheels"
                and not path.name.startswith(".")
            ):
                assert sha256(path) == path.name
        if (self.dest / "pyodide-lock.json").exists():
            for entry in Lockfile.read(self.dest / "pyodide-lock.json").packages.values():
                assert sha256(self.dest / entry.file_name) == entry.sha256

    def check_done(self) -> None:
        self.check()
        assert self.names() == DONE
        assert self.partial() == []


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait between the tries of the command line's fetcher."""
    defaults = HttpxFetcher.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "delays", (0.0, 0.0))


@pytest.fixture
def scene(tmp_path: Path, server: Slow) -> Scene:
    return make_scene(tmp_path, server)


def make_scene(folder: Path, server: Slow, **sizes: int) -> Scene:
    made = Scene(folder, server, folder / "site")
    for name, size in (sizes or {"big": 300_000, "small": 100}).items():
        made.add(name, size)
    made.write_lock()
    return made


# -- servers


def test_a_slow_server(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may take longer than any single request may: only silence counts."""
    send = Slow._send

    def trickle(self: Slow, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if handler.path != f"/{BIG}":
            send(self, handler, answer)
            return
        handler.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        for start in range(0, len(answer.body), 20_000):
            handler.wfile.write(answer.body[start : start + 20_000])
            time.sleep(0.05)

    monkeypatch.setattr(Slow, "_send", trickle)

    async def run() -> None:
        fetcher = quick_fetcher(idle=5.0, total=0.6)
        try:
            await bundle(scene.lock, scene.dest, fetcher=fetcher)
        finally:
            await fetcher.aclose()

    asyncio.run(run())
    scene.check_done()


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "no cache"])
def test_a_reset_in_the_middle(cached: bool, scene: Scene) -> None:
    # The last bytes may still wait in a buffer.
    scene.server.reset = lambda size: (
        sum(path.stat().st_size for path in scene.partial()) > size - 20_000
    )
    scene.breaking(BIG, 100_000, times=2)
    status, _ = scene.run(*(("--cache-dir", scene.cache) if cached else ("--no-cache",)))
    assert status == 0
    scene.check_done()
    assert scene.ranges()[0] is None
    assert None not in scene.ranges()[1:]


def test_500_then_200(scene: Scene) -> None:
    scene.server.answers[f"/{BIG}"] = [Answer(500), Answer(503), Answer(200, scene.bodies[BIG])]
    assert scene.run()[0] == 0
    scene.check_done()


def altered(body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1])


def from_the_start(body: bytes) -> Callable[[Asked], Answer]:
    """A proxy that breaks off, and then promises the rest but sends the start."""
    whole = ranged(body)

    def answer(asked: Asked) -> Answer:
        good = whole(asked)
        if good.status == 206:
            return Answer(206, body[: len(good.body)], good.headers)
        return Answer(200, body[:100_000], length=len(body))

    return answer


def elsewhere(body: bytes) -> Callable[[Asked], Answer]:
    """The same, with ranges that were not asked for."""

    def answer(asked: Asked) -> Answer:
        if "range" in asked.headers:
            return Answer(206, body[:1000], {"Content-Range": f"bytes 0-999/{len(body)}"})
        return Answer(200, body[:100_000], length=len(body))

    return answer


#: What the server answers for a body -> exit status, and code.
WRONG: Mapping[str, tuple[Callable[[bytes], Any], int, str]] = {
    "one bit": (lambda body: Answer(200, altered(body)), 1, "content-mismatch"),
    "one bit at first": (
        lambda body: [Answer(200, altered(body)), Answer(200, body)],
        1,
        "content-mismatch",
    ),
    "a shorter length": (
        lambda body: Answer(200, body, length=len(body) - 10),
        1,
        "content-mismatch",
    ),
    "cut off": (lambda body: Answer(200, body[:-10]), 1, "content-mismatch"),
    "longer": (lambda body: Answer(200, body + b"more"), 1, "content-mismatch"),
    "another part": (from_the_start, 1, "content-mismatch"),
    "an unasked range": (elsewhere, 3, "unreachable"),
    "half for ever": (lambda body: Answer(200, body[:1000], length=len(body)), 3, "unreachable"),
    "500 for ever": (lambda body: Answer(500), 3, "unreachable"),
}


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "no cache"])
@pytest.mark.parametrize("kind", WRONG)
def test_wrong_answers(kind: str, cached: bool, scene: Scene) -> None:
    answers, expected, code = WRONG[kind]
    scene.server.go_on.set()
    scene.server.answers[f"/{BIG}"] = answers(scene.bodies[BIG])
    options = ("--cache-dir", scene.cache) if cached else ("--no-cache",)
    status, said = scene.run(*options)
    assert status == expected, said
    assert code in said and f"{scene.server.origin}/{BIG}" in said and "no lock was written" in said
    scene.check()
    assert {name for name in scene.names() if not name.startswith(".")} == {SMALL}
    if code == "content-mismatch":
        assert scene.partial() == []
    # When the server is well again, so is the bundle.
    scene.server.answers[f"/{BIG}"] = ranged(scene.bodies[BIG])
    assert scene.run(*options)[0] == 0
    scene.check_done()


@pytest.mark.parametrize("times", [1, 2])
def test_a_break_before_the_first_byte(times: int, scene: Scene) -> None:
    """After the headers it is as bad as in the middle, and as good a reason to try again."""
    scene.server.go_on.set()
    scene.breaking(BIG, 0, times=times)
    assert scene.run()[0] == 0
    assert scene.ranges() == [None] * (times + 1)
    scene.check_done()


def test_a_longer_length(scene: Scene) -> None:
    """All bytes came, and more were announced: the hash decides."""
    body = scene.bodies[BIG]
    scene.server.go_on.set()
    scene.server.answers[f"/{BIG}"] = Answer(200, body, length=len(body) + 10)
    assert scene.run()[0] == 0
    scene.check_done()


# -- the process


@contextmanager
def bundling(scene: Scene, *options: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the small file and some of the large one, whose rest does not come."""
    scene.breaking(BIG, 200_000)
    command = [sys.executable, "-m", "micropip_lock", *scene.arguments(*options)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=clean_environment()
    ) as process:
        while (
            not (scene.dest / SMALL).exists()
            or sum(path.stat().st_size for path in scene.partial()) < 100_000
        ):
            assert process.poll() is None
            time.sleep(0.01)
        yield process
        if process.poll() is None:
            process.kill()


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "no cache"])
def test_interrupted_in_the_middle(cached: bool, scene: Scene) -> None:
    """What has come is kept in the cache, never among the user's files;

    the next run goes on with it.
    """
    options = ("--cache-dir", scene.cache) if cached else ("--no-cache",)
    with bundling(scene, *options) as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert "Interrupted" in said and "Traceback" not in said
    scene.check()
    assert scene.names() == {SMALL}
    left = [path.stat().st_size for path in scene.partial()]
    assert len(left) == (1 if cached else 0)
    scene.server.log.clear()
    assert scene.run(*options)[0] == 0
    assert scene.ranges() == ([f"bytes={left[0]}-"] if cached else [None])
    scene.check_done()


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "no cache"])
def test_killed_in_the_middle(cached: bool, scene: Scene) -> None:
    options = ("--cache-dir", scene.cache) if cached else ("--no-cache",)
    with bundling(scene, *options) as process:
        process.kill()
    scene.check()
    assert {name for name in scene.names() if not name.startswith(".")} == {SMALL}
    (left,) = (path.stat().st_size for path in scene.partial())
    scene.server.log.clear()
    assert scene.run(*options, "--zip")[0] == 0
    # Another user may have put a partial file there: only the cache's are resumed.
    assert scene.ranges() == ([f"bytes={left}-"] if cached else [None])
    scene.check_done()
    assert not [path for path in scene.dest.iterdir() if path.name.startswith(TEMPORARY)]
    with zipfile.ZipFile(f"{scene.dest}.zip") as archive:
        assert set(archive.namelist()) == DONE


#: For each line that it reads it forks, and the child runs the command; it is dead at the step of
#: that number: at a file that is opened, moves, is removed or gets its mode, or a folder that is
#: made.
_VICTIM = """
import json, os, signal, sys
import micropip_lock.operations.bundle.run
import micropip_lock.storage
from micropip_lock.cli import bundle as _bundle
from micropip_lock.cli.main import micropip_lock
from micropip_lock.network import httpx_fetcher as _httpx

def run(arguments, place, last):
    steps = 0

    def see(event, told):
        nonlocal steps
        if event in EVENTS and any(str(item).startswith(place) for item in told):
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)
            steps += 1

    sys.addaudithook(see)
    try:
        micropip_lock(arguments)
    except SystemExit as end:
        return end.code, steps

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.truncate", "os.utime"}
for line in sys.stdin:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, json.dumps(run(*json.loads(line))).encode())
        finally:
            os._exit(0)
    os.close(writer)
    told = os.read(reader, 1000).decode()
    os.close(reader)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(told or json.dumps([status, -1]), flush=True)
"""


class Victim:
    """The process, a server, and what a whole run comes to."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, server: Slow) -> None:
        self.process, self.server = process, server
        self.whole = make_scene(folder, server)
        status, self.steps = self.run(self.whole, 10**9)
        assert (status, self.whole.names()) == (0, DONE)

    def run(self, scene: Scene, last: int) -> tuple[int, int]:
        """Exit status (minus the signal), and the number of steps of a run that came to its end."""
        assert self.process.stdin is not None and self.process.stdout is not None
        arguments = scene.arguments("--cache-dir", scene.cache, "--jobs", "1", "--quiet", "--zip")
        print(json.dumps([arguments, str(scene.folder), last]), file=self.process.stdin, flush=True)
        status, steps = json.loads(self.process.stdout.readline())
        return status, steps


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    command = [sys.executable, "-c", _VICTIM]
    environ = {
        name: value for name, value in clean_environment().items() if "proxy" not in name.lower()
    }
    # No certificates, as in freezing.py: every run would read those of the whole world.
    environ = {name: value for name, value in environ.items() if name != "SSL_CERT_FILE"}
    environ["SSL_CERT_DIR"] = str(tmp_path_factory.mktemp("no-certificates"))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with Slow() as server, subprocess.Popen(command, env=environ, **pipes) as process:  # type: ignore[call-overload]
        yield Victim(process, tmp_path_factory.mktemp("whole"), server)
        process.stdin.close()


KILLS = 24


@pytest.mark.parametrize("number", range(KILLS))
def test_killed_at_any_step(number: int, victim: Victim, tmp_path: Path) -> None:
    """No partial file has the name of a whole one, and the next run ends as if nothing had
    happened.
    """
    assert victim.steps > KILLS
    scene = make_scene(tmp_path, victim.server)
    assert victim.run(scene, number * victim.steps // KILLS) == (-signal.SIGKILL, -1)
    scene.check()
    assert victim.run(scene, 10**9)[0] == 0
    scene.check()
    assert {name for name in scene.names() if not name.startswith(".")} == DONE
    for name in DONE:
        assert (scene.dest / name).read_bytes() == (victim.whole.dest / name).read_bytes()
    assert Path(f"{scene.dest}.zip").read_bytes() == Path(f"{victim.whole.dest}.zip").read_bytes()


# -- what lies where it writes

PLANTED = ("link", "dangling link", "hard link", "pipe")


def plant(kind: str, path: Path, precious: Path) -> None:
    """Lay something where a file is expected."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "hard link":
        path.hardlink_to(precious)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(precious if kind == "link" else precious.with_name("made"))


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize(
    "name",
    ["site/pyodide-lock.json", "site/index.html", "site/app.py", "site.zip", f"site/.{BIG}.part"],
)
def test_what_was_planted(kind: str, name: str, scene: Scene, tmp_path: Path) -> None:
    """Nothing is written through a link, read from a pipe, or packed that lies elsewhere."""
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "app.py").write_text("print()")
    plant(kind, tmp_path / name, precious)
    scene.write_lock(version="314.0.7")
    status, said = scene.run("--no-cache", "--zip", "--page", tmp_path / "app.py")
    assert status == 0, said
    assert precious.read_text() == "mine" and not (tmp_path / "made").exists()
    scene.check()
    for path in [
        *(scene.dest / name for name in (*DONE, "index.html", "app.py")),
        tmp_path / "site.zip",
    ]:
        assert path.is_file() and not path.is_symlink() and path.read_bytes() != b"mine", path


@pytest.mark.parametrize("kind", PLANTED)
def test_what_lies_at_the_name_of_a_wheel_is_not_replaced(
    kind: str, scene: Scene, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    plant(kind, scene.dest / BIG, precious)
    before = (scene.dest / BIG).lstat()
    status, said = scene.run("--no-cache")
    assert status == 1 and f"would replace {scene.dest / BIG}" in said
    assert (scene.dest / BIG).lstat().st_ino == before.st_ino
    assert precious.read_text() == "mine" and not (tmp_path / "made").exists()
    assert not (scene.dest / "pyodide-lock.json").exists()


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize(
    "name",
    [
        "facts.sqlite3",
        "facts.sqlite3-shm",
        "facts.sqlite3-wal",
        "wheels",
        "wheel",
        "part",
    ],
)
def test_what_was_planted_in_the_cache(kind: str, name: str, scene: Scene, tmp_path: Path) -> None:
    """As a cache that was restored from elsewhere may have it."""
    precious = tmp_path / "precious"
    precious.write_text("mine")
    digest = hash_of(scene.bodies[BIG]).hexdigest()
    places = {"wheel": f"wheels/{digest[:2]}/{digest}", "part": f"wheels/parts/.{digest}.part"}
    scene.cache.mkdir()
    plant(kind, scene.cache / places.get(name, name), precious)
    status, said = scene.run()
    assert status == 0, said
    assert precious.read_text() == "mine" and not (tmp_path / "made").exists()
    scene.check_done()


def test_a_folder_of_the_cache_that_leads_elsewhere(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    scene.cache.mkdir()
    (scene.cache / "wheels").symlink_to(tmp_path / "elsewhere")
    assert scene.run()[0] == 0
    assert list((tmp_path / "elsewhere").iterdir()) == []
    scene.check_done()


def test_a_link_is_not_packed(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    scene.dest.mkdir()
    (scene.dest / "notes").symlink_to(tmp_path / "precious")
    status, said = scene.run("--no-cache", "--zip")
    assert status == 2 and f"{scene.dest / 'notes'} is a symbolic link" in said
    assert not Path(f"{scene.dest}.zip").exists()
    assert scene.run("--no-cache")[0] == 0


# -- places


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Callable[[], None]]:
    """A folder with room for so many bytes; the value makes room for more.

    Where nothing may be mounted no file may be larger than half of it.
    """
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def grow() -> None:
        if mounted:
            subprocess.run(["mount", "-o", "remount,size=10m", str(folder)], check=True)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    if not mounted:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))
    try:
        yield grow
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


FULL = ("No space left on device", "File too large")


def is_full(said: str) -> bool:
    return any(text in said for text in FULL)


@pytest.mark.parametrize("full", ["folder", "cache", "copy"])
def test_a_full_disk(full: str, scene: Scene, tmp_path: Path) -> None:
    """Of the folder, of the cache, or of the folder while the cache has the file."""
    options = ("--no-cache",) if full == "folder" else ("--cache-dir", scene.cache)
    if full == "copy":
        assert scene.run()[0] == 0
        scene.dest = tmp_path / "other"
    with small_disk(scene.cache if full == "cache" else scene.dest, 65536) as grow:
        status, said = scene.run(*options)
        assert (status, is_full(said)) == (2, True), said
        scene.check()
        assert BIG not in scene.names() and "pyodide-lock.json" not in scene.names()
        assert scene.partial() == []
        grow()
        assert scene.run(*options)[0] == 0
        scene.check_done()


@pytest.mark.parametrize("what", ["lock", "zip"])
def test_a_disk_that_is_full_at_the_end(what: str, tmp_path: Path, server: Slow) -> None:
    """The files are there, and the lock or the zip does not fit."""
    scene = make_scene(tmp_path, server, big=24_000, small=12_000)
    if what == "lock":
        scene.write_lock(note="x" * 100_000)
    with small_disk(tmp_path / "small", 65536) as grow:
        scene.dest = tmp_path / "small" / "site"
        packed = Path(f"{scene.dest}.zip")
        status, said = scene.run("--no-cache", "--zip")
        assert (status, is_full(said)) == (2, True), said
        scene.check()
        assert scene.partial() == []
        assert not packed.exists()
        assert ("pyodide-lock.json" in scene.names()) is (what == "zip")
        grow()
        assert scene.run("--no-cache", "--zip")[0] == 0
        scene.check_done()
        with zipfile.ZipFile(packed) as archive:
            assert archive.testzip() is None and set(archive.namelist()) == DONE


@contextmanager
def read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder without permission to write;

    where nothing may be mounted, one in which nothing can be opened to write.
    """
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "ro,mode=700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False

    def refusing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *arguments: Any, **options: Any) -> Any:
            reading = arguments[:1] in (("r",), ("rb",)) or (
                function is not os.mkdir and not arguments
            )
            if str(path).startswith(str(folder)) and not reading:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            return function(path, *arguments, **options)

        return call

    with monkeypatch.context() as patch:
        if not mounted:
            for module, name in ((builtins, "open"), (io, "open"), (os, "open"), (os, "mkdir")):
                patch.setattr(module, name, refusing(getattr(module, name)))
        try:
            yield
        finally:
            if mounted:
                subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("deep", [False, True], ids=["there", "to be made"])
@pytest.mark.parametrize("cached", [True, False], ids=["cached", "no cache"])
def test_a_read_only_folder(
    cached: bool, deep: bool, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = scene.dest
    if deep:
        scene.dest = target / "deep" / "site"
    with read_only(target, monkeypatch):
        status, said = scene.run(*(("--cache-dir", scene.cache) if cached else ("--no-cache",)))
        assert status == 2
        assert str(scene.dest) in said and "Read-only file system" in said
        assert list(target.iterdir()) == []
        scene.check()
    assert scene.run()[0] == 0
    scene.check_done()


def test_a_read_only_cache(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is of no use, and no harm."""
    with read_only(scene.cache, monkeypatch):
        assert scene.run()[0] == 0
        scene.check_done()
