"""A thousand random locks, one after the other in environments that are also damaged: each ends
exactly as it says.

Packages share files, take them over from each other, become modules and packages, and bring scripts
and data.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256 as hash_of
from pathlib import Path

import pytest

from micropip_lock import Lockfile, Plan
from micropip_lock.network import NoNetwork, drive, offline_error
from micropip_lock.operations.sync.run import sync
from micropip_lock.storage.wheels import WheelStore

from ...support.freezing import base_document
from ...support.runtimes import lock_entry
from ...support.syncing import OWN, SITE, Venv, expected_files, install, make_venv, snapshot
from ...support.wheels import build_wheel, sha256

ENVIRONMENTS, PLANS = 20, 50
NAMES = ("alpha", "beta", "gamma")


@dataclass(frozen=True)
class Wheel:
    name: str
    path: Path
    files: dict[str, str | None]
    entry: dict[str, object]

    @cached_property
    def folders(self) -> set[str]:
        return {parent.as_posix() for name in self.files for parent in Path(name).parents}

    def fits(self, others: list[Wheel]) -> bool:
        """Whether every file can be in one environment with those of the others."""
        for other in others:
            for name in self.files.keys() & other.files.keys():
                if self.files[name] is None or self.files[name] != other.files[name]:
                    return False
            if not self.folders.isdisjoint(other.files) or not other.folders.isdisjoint(self.files):
                return False
        return True


def draw(chance: random.Random, name: str, number: int) -> dict[str, object]:
    """The arguments of build_wheel for one variant of a package."""
    shapes = (
        {f"{name}.py": f"{number}"},
        {f"{name}/__init__.py": f"{number}", f"{name}/data/x.txt": "x"},
        {},
    )
    files = dict(chance.choice(shapes)) | {f"{name}_{number}.txt": f"{number}"}
    if chance.random() < 0.6:
        files["space/__init__.py"] = ""  # every package has the same
        files[f"space/{name}.py"] = f"{number}"
    if chance.random() < 0.4:
        files[f"moving/{chance.randrange(3)}.py"] = chance.choice(["one", "two"])  # whoever has it
    if chance.random() < 0.2:
        files["thing" if chance.random() < 0.5 else "thing/inner.txt"] = "a file or a folder"
    points = {
        f"run-{name}" if chance.random() < 0.5 else f"run-{chance.randrange(3)}": f"{name}:main"
    }
    data = {f"data/share/{name}.txt": "x", "scripts/tool": "#!python\n", "headers/x.h": "h"}
    return {
        "files": files,
        "entry_points": points if chance.random() < 0.4 else None,
        "data": {key: value for key, value in data.items() if chance.random() < 0.3},
    }


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Wheel]:
    """Ten variants of each package."""
    folder, chance = tmp_path_factory.mktemp("wheels"), random.Random(14)
    made = []
    for name in NAMES:
        for number in range(10):
            version = f"1.{number // 2}"  # two wheels of each version
            path = build_wheel(
                folder / f"{name}{number}", name, version, **draw(chance, name, number)
            )
            entry = lock_entry(path, f"http://127.0.0.1:9/{number}/{path.name}")
            made.append(Wheel(name, path, expected_files([path]), entry))
    return made


@pytest.fixture(scope="module")
def store(wheels: list[Wheel], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that has them all."""
    folder = tmp_path_factory.mktemp("cache")
    for wheel in wheels:
        place = WheelStore(folder).place(sha256(wheel.path))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wheel.path, place)
    return folder


def choose(chance: random.Random, wheels: list[Wheel], there: list[Wheel]) -> list[Wheel]:
    """Another lock, with some of what is there already."""
    chosen = [wheel for wheel in there if chance.random() < 0.8]
    for name in chance.sample(NAMES, chance.randrange(len(NAMES) + 1)):
        options = [wheel for wheel in wheels if wheel.name == name and wheel.fits(chosen)]
        if any(wheel.name == name for wheel in chosen):
            continue
        if options:
            chosen.append(chance.choice(options))
    return chosen


def lock_of(chosen: list[Wheel]) -> Lockfile:
    return Lockfile.from_json(
        {**base_document(), "packages": {wheel.name: wheel.entry for wheel in chosen}}
    )


def synced(venv: Venv, chosen: list[Wheel], *, dry_run: bool = False) -> Plan:
    fetcher = NoNetwork(offline_error)
    return drive(
        sync(
            lock_of(chosen), path=venv.site, cache_dir=venv.cache, fetcher=fetcher, dry_run=dry_run
        )
    )


@cache
def digest(text: str) -> str:
    return hash_of(text.encode()).hexdigest()


def disturb(  # noqa: C901  # one branch for each thing that happens to an environment
    chance: random.Random, venv: Venv, there: list[Wheel], wheels: list[Wheel]
) -> None:
    """What users and other installers do to an environment."""
    kind = chance.randrange(6)
    if kind == 0 and there:  # damage that changes sizes
        name = chance.choice(sorted(chance.choice(there).files))
        if (venv.prefix / name).is_file() and not name.endswith(
            ("provenance_url.json", "INSTALLER", "/RECORD")
        ):
            (venv.prefix / name).unlink()
    elif kind == 1 and there:  # installed again by somebody who tells nothing
        wheel = chance.choice(there)
        for name in wheel.files:
            (venv.prefix / name).unlink(missing_ok=True)
        install(venv, wheel.path)
    elif kind == 2:  # a package that no lock has
        missing = [
            wheel
            for wheel in wheels
            if wheel.name not in {item.name for item in there} and wheel.fits(there)
        ]
        if missing:
            wheel = chance.choice(missing)
            if not any(
                (venv.prefix / name).exists() and "space/__init__" not in name
                for name in wheel.files
            ):
                for name in wheel.files:
                    (venv.prefix / name).unlink(missing_ok=True)
                install(venv, wheel.path)
    elif kind == 3 and there:  # bytecode
        for wheel in there:
            for name in wheel.files:
                if name.startswith(SITE) and name.endswith(".py"):
                    source = venv.prefix / name
                    (source.parent / "__pycache__").mkdir(exist_ok=True)
                    (source.parent / "__pycache__" / f"{source.stem}.cpython-314.pyc").write_bytes(
                        b"code"
                    )


def check(venv: Venv, chosen: list[Wheel], mine: dict[str, str]) -> None:
    """Every file of every wheel is there with its hash, and nothing else."""
    expected: dict[str, str | None] = {}
    for wheel in chosen:
        expected |= wheel.files
    found = {
        name: value for name, value in snapshot(venv.prefix).items() if "__pycache__" not in name
    }
    # Some installers say that it was them, and from where a wheel is.
    differing = found.keys() ^ {*expected, *OWN, *mine}
    assert {
        name
        for name in differing
        if not name.endswith((".dist-info/INSTALLER", "/provenance_url.json"))
    } == set()
    for name, value in {**expected, **mine}.items():
        assert value in (None, found.get(name)), name
    for path in venv.prefix.rglob("__pycache__/*.pyc"):
        source = path.parent.parent / f"{path.name.partition('.')[0]}.py"
        assert source.exists(), path
    empty = [path for path in venv.prefix.rglob("*") if path.is_dir() and not any(path.iterdir())]
    assert {path.relative_to(venv.prefix).as_posix() for path in empty} <= {SITE}


@pytest.mark.parametrize("seed", range(ENVIRONMENTS))
def test_random_plans(seed: int, wheels: list[Wheel], store: Path, tmp_path: Path) -> None:
    chance = random.Random(seed)
    venv = Venv(make_venv(tmp_path / "venv"), None, store)  # type: ignore[arg-type]
    mine: dict[str, str] = {}
    there: list[Wheel] = []
    for number in range(PLANS):
        if chance.random() < 0.1:
            name = f"{SITE}/{chance.choice(['space', 'alpha', 'beta', '.'])}/notes-{number}.txt"
            path = venv.prefix / name
            if not path.parent.is_file():
                path.parent.mkdir(exist_ok=True)
                path.write_text("mine")
                mine[path.relative_to(venv.prefix).as_posix()] = digest("mine")
        disturb(chance, venv, there, wheels)
        chosen = choose(chance, wheels, there)
        planned = synced(venv, chosen, dry_run=True) if number % 10 == 1 else None
        done = synced(venv, chosen)
        assert planned is None or done.steps == planned.steps
        check(venv, chosen, mine)
        if number % 10 == 0:
            again = synced(venv, chosen)
            assert again.changes == ()
        there = chosen
