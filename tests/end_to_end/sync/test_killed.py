"""A sync that is killed at any moment: the next one ends as if nothing had happened, and nothing
else is lost.

A process of its own kills itself at its n-th step: at a file that moves, is removed or is made, a
folder that is made or removed, or a journal that is written. The journal lies in the user's cache
folder; where there can be none, each run ends the same way, though nothing is put back.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from micropip_lock.network import NoNetwork, drive, offline_error
from micropip_lock.operations.sync.environment_files import WORK
from micropip_lock.operations.sync.plan import Plan
from micropip_lock.operations.sync.run import sync
from micropip_lock.operations.sync.transaction import Transaction
from micropip_lock.storage.wheels import WheelStore

from ...support.index_server import IndexServer
from ...support.syncing import SITE, Venv, make_venv, snapshot
from ...support.wheels import sha256

#: The process: it forks for every line that it reads, and the child is dead at the step of that
#: number.
_VICTIM = """
import json, os, signal, sys
from pathlib import Path
from micropip_lock.network import NoNetwork, drive, offline_error
from micropip_lock.operations.sync import unpack as _unpack
from micropip_lock.operations.sync.run import sync
import installer, installer.sources, installer.destinations


def run(lock, site, cache, home, last):
    os.environ["XDG_CACHE_HOME"] = home
    steps = 0

    def counting(function):
        def call(*arguments, **options):
            nonlocal steps
            if any(str(item).startswith((site, home)) for item in arguments):
                if steps == last:
                    os.kill(os.getpid(), signal.SIGKILL)
                steps += 1
            return function(*arguments, **options)

        return call

    for name in ("replace", "rename", "unlink", "rmdir", "mkdir", "open"):
        setattr(os, name, counting(getattr(os, name)))
    for name in ("replace", "unlink", "rmdir", "mkdir", "open"):
        setattr(Path, name, counting(getattr(Path, name)))
    drive(sync(Path(lock), path=site, cache_dir=Path(cache), fetcher=NoNetwork(offline_error)))
    return steps


for line in sys.stdin:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, str(run(*json.loads(line))).encode())
        finally:
            os._exit(0)
    os.close(writer)
    steps = os.read(reader, 100).decode()
    os.close(reader)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([status, int(steps or -1)]), flush=True)
"""


class Scene:
    """An environment before and after; every run of the process starts from the same."""

    def __init__(self, folder: Path, index: IndexServer, process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.process = process
        self.venv = Venv(make_venv(folder / "venv"), index, folder / "cache")
        venv = self.venv
        venv.add(
            "gone",
            files={"gone/__init__.py": "1", "gone/deep/x.py": "1"},
            entry_points={"gone": "gone:main"},
        )
        venv.add("kept", files={"kept.py": "k", "space/__init__.py": "", "space/kept.py": "k"})
        module = {"changed.py": "1", "space/__init__.py": "", "taken.py": "1"}
        venv.add(
            "changed", files=module, entry_points={"run": "changed:main", "old": "changed:main"}
        )
        venv.sync()
        for name in ("notes.txt", "space/notes.txt"):
            (venv.site / name).write_text("mine")
        (venv.site / "fresh").mkdir()
        (venv.site / "fresh" / "data.txt").write_text("unlisted, and in the way")
        self.before = snapshot(venv.prefix)
        package = {"changed/__init__.py": "2", "changed/sub/x.py": "2", "space/changed.py": "2"}
        venv.add(
            "changed",
            "2.0",
            files=package,
            entry_points={"run": "changed:main"},
            data={"data/share/c": "2"},
        )
        venv.add(
            "fresh",
            files={"fresh/__init__.py": "1", "fresh/data.txt": "1", "taken.py": "from another"},
        )
        self.lock = folder / "lock.json"
        venv.lock("kept", "changed", "fresh").write(self.lock)
        for wheel in venv.wheels.values():
            place = WheelStore(venv.cache).place(sha256(wheel))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(wheel.read_bytes())

    def run(self, prefix: Path, last: int) -> tuple[int, int]:
        """Exit status (minus the signal), and how many steps there were if it came to the end."""
        assert self.process.stdin is not None and self.process.stdout is not None
        arguments = [
            str(self.lock),
            str(prefix / SITE),
            str(self.venv.cache),
            os.environ["XDG_CACHE_HOME"],
            last,
        ]
        print(json.dumps(arguments), file=self.process.stdin, flush=True)
        status, steps = json.loads(self.process.stdout.readline())
        return status, steps

    def sync(self, prefix: Path, *, dry_run: bool = False) -> Plan:
        """In this process, without a network."""
        fetcher = NoNetwork(offline_error)
        return drive(
            sync(
                self.lock,
                path=prefix / SITE,
                cache_dir=self.venv.cache,
                fetcher=fetcher,
                dry_run=dry_run,
            )
        )

    def copy(self, name: str) -> Path:
        prefix = self.folder / name
        return shutil.copytree(self.venv.prefix, prefix, symlinks=True)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    command = [sys.executable, "-c", _VICTIM]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with IndexServer() as index, subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        yield Scene(tmp_path_factory.mktemp("killed"), index, process)
        process.stdin.close()


@pytest.fixture(params=["journal", "no journal"])
def journaled(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Whether the user's cache folder can be written to;

    else it is as in a home that is read-only.
    """
    if request.param == "no journal":
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    return bool(request.param == "journal")


@pytest.fixture(scope="module")
def wholes(scene: Scene) -> dict[bool, tuple[int, Mapping[str, str]]]:
    """Of runs to the end; see `whole`."""
    return {}


@pytest.fixture
def whole(
    scene: Scene, journaled: bool, wholes: dict[bool, tuple[int, Mapping[str, str]]]
) -> tuple[int, Mapping[str, str]]:
    """How many steps there are, and what is there after the last one."""
    if journaled not in wholes:
        prefix = scene.copy(f"whole-{journaled}")
        status, steps = scene.run(prefix, 10**9)
        assert status == 0 and steps > 0
        wholes[journaled] = steps, snapshot(prefix)
    return wholes[journaled]


KILLS = 50


@pytest.mark.parametrize("number", range(KILLS))
def test_killed(
    number: int, scene: Scene, journaled: bool, whole: tuple[int, Mapping[str, str]]
) -> None:
    steps, after = whole
    assert steps > KILLS
    prefix = scene.copy(f"killed-{number}-{journaled}")
    assert scene.run(prefix, number * steps // KILLS) == (-signal.SIGKILL, -1)
    left = {name: value for name, value in snapshot(prefix).items() if WORK not in Path(name).parts}
    unconcerned = {
        name for name in scene.before if name in after and scene.before[name] == after[name]
    }
    concerned = {"changed", "fresh", "gone", "taken"}

    def is_concerned(name: str) -> bool:
        return any(word in name for word in concerned) or name in (
            "bin/run",
            "bin/old",
            f"{SITE}/space/__init__.py",
        )

    # What is of no changed package never moved, not for a moment.
    for name in unconcerned:
        assert left.get(name) == scene.before[name] or is_concerned(name), name
    pending = Transaction(prefix, prefix / SITE).interrupted()
    assert pending in (((), ("gone",), ("changed", "fresh")) if journaled else ((),))
    assert scene.sync(prefix, dry_run=True).undone == pending
    assert scene.sync(prefix).undone == pending
    assert {name: value for name, value in snapshot(prefix).items() if name in after} == rebased(
        after, prefix
    )
    assert snapshot(prefix).keys() == after.keys()
    assert not (prefix / SITE / WORK).exists()
    assert snapshot(Path(os.environ["XDG_CACHE_HOME"])) == {}


def rebased(after: Mapping[str, str], prefix: Path) -> dict[str, str]:
    """The same; scripts, and RECORDs that have their hashes, name the environment they are in."""
    now = snapshot(prefix)
    return {
        name: now[name] if name.startswith("bin/") or name.endswith("/RECORD") else value
        for name, value in after.items()
    }


@pytest.mark.parametrize("journaled", ["journal"], indirect=True)
def test_each_package_is_old_or_new_once_it_is_undone(
    scene: Scene, whole: tuple[int, Mapping[str, str]]
) -> None:
    """What `Transaction` undoes is undone exactly."""
    steps, after = whole
    seen: set[tuple[str, ...]] = set()
    for number in range(12):
        prefix = scene.copy(f"undone-{number}")
        scene.run(prefix, steps - (number + 1) * steps // 26)
        transaction = Transaction(prefix, prefix / SITE)
        with transaction.opened() as undone:
            seen.add(undone)
        found = rebased(snapshot(prefix), prefix)
        for package, version, later in (
            ("gone", "1.0", None),
            ("changed", "1.0", "2.0"),
            ("fresh", None, "1.0"),
        ):
            infos = {path.name for path in (prefix / SITE).glob(f"{package}-*.dist-info")}
            assert infos in (
                {f"{package}-{version}.dist-info"} if version else set(),
                {f"{package}-{later}.dist-info"} if later else set(),
            ), infos
            there = (
                scene.before
                if infos == ({f"{package}-{version}.dist-info"} if version else set())
                else after
            )
            for name, value in there.items():
                if f"{SITE}/{package}" in name and not name.endswith("/RECORD"):
                    assert found.get(name) == value, name
        assert not transaction.work.exists()
    assert seen - {()}


def test_the_process_is_what_it_seems(scene: Scene, whole: tuple[int, Mapping[str, str]]) -> None:
    """Nothing is left by a run to the end; the environment is the lock."""
    _, after = whole
    assert f"{SITE}/changed/__init__.py" in after and f"{SITE}/changed.py" not in after
    assert f"{SITE}/gone/__init__.py" not in after
    assert not any(WORK in name for name in after)
    assert after[f"{SITE}/notes.txt"] == scene.before[f"{SITE}/notes.txt"]
