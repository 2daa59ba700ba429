"""sync in venvs that pip and uv have filled: what they have left there is replaced, removed or
told of.

The venvs are real ones, made for a Pyodide as `pyodide venv` does: pyvenv.cfg names the
distribution, and packages lie in the folder of its Python. The folder of this machine's Python is a
link to that one, so that pip and uv find it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from micropip_lock.cli.main import micropip_lock
from micropip_lock.operations.sync.environment_files import WORK

from ...support import runtimes
from ...support.freezing import NATIVE, base_document
from ...support.index_server import IndexServer
from ...support.installed import clean_environment, uv_command
from ...support.runtimes import lock_entry
from ...support.syncing import SITE, snapshot
from ...support.wheels import build_wheel
from ..bundle.test_faults import is_full, small_disk

HOST = f"python{sys.version_info.major}.{sys.version_info.minor}"
INSTALLERS = ("pip", "uv")


def execute(*command: str | Path, check: bool = True) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert not (check and done.returncode), done.stdout + done.stderr
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said to people."""

    status: int
    text: str


def run(*arguments: str | Path) -> Said:
    """Run a command of the command line."""
    result = CliRunner().invoke(micropip_lock, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stderr)


@dataclass
class Venv:
    """A venv, and an index with wheels for it."""

    prefix: Path
    index: IndexServer

    @property
    def site(self) -> Path:
        return self.prefix / SITE

    def install(self, installer: str, *arguments: str | Path) -> None:
        """With pip or uv, from the index."""
        python = self.prefix / "bin" / "python"
        if installer == "pip":
            command = [sys.executable, "-m", "pip", "--python", python, "install", "--no-cache-dir"]
            command += ["--no-build-isolation", "--index-url", self.index.url]
        else:
            command = [
                uv_command(),
                "pip",
                "install",
                "--python",
                python,
                "--default-index",
                self.index.url,
            ]
            command += [
                "--no-build-isolation",
                *([] if "--cache-dir" in arguments else ["--no-cache"]),
            ]
        execute(*command, "-q", *arguments)

    def uninstall(self, installer: str, *names: str) -> None:
        """With pip or uv."""
        python = self.prefix / "bin" / "python"
        if installer == "pip":
            execute(
                sys.executable, "-m", "pip", "--python", python, "uninstall", "-q", "-y", *names
            )
        else:
            execute(uv_command(), "pip", "uninstall", "-q", "--python", python, *names)

    def add(self, name: str, version: str = "1.0", **options: Any) -> Path:
        """Build a wheel that the index has."""
        return build_wheel(self.index.folder, name, version, **options)

    def lock(self, *wheels: Path) -> Path:
        """A lock of these wheels."""
        entries = {
            wheel.name.partition("-")[0]: lock_entry(wheel, self.index.file_url(wheel.name))
            for wheel in wheels
        }
        path = self.prefix.with_name("lock.json")
        path.write_text(json.dumps({**base_document(), "packages": entries}))
        return path

    def sync(self, *wheels: Path, options: tuple[str, ...] = ()) -> Said:
        """Sync with a lock of these wheels."""
        return run("sync", self.lock(*wheels), "--venv", self.prefix, *options)

    def freeze(self) -> bytes:
        """What freeze writes."""
        path = self.prefix.with_name(f"{self.prefix.name}.json")
        said = run("freeze", "--venv", self.prefix, "--index-url", self.index.url, "-o", path)
        assert said.status == 0, said.text
        return path.read_bytes()

    def files(self) -> dict[str, str]:
        """File -> hash of all that does not belong to the venv itself;

        uv's lock file counts as its.
        """
        found = snapshot(self.prefix)
        own = (
            ".lock",
            "lib64",
            "pyvenv.cfg",
            f"lib/{HOST}",
            "bin/python",
            "bin/activate",
            "bin/Activate",
        )
        return {name: digest for name, digest in found.items() if not name.startswith(own)}

    def names(self) -> set[str]:
        """The same without hashes and .dist-info."""
        return {name.removeprefix(SITE + "/") for name in self.files() if ".dist-info/" not in name}

    def infos(self) -> set[str]:
        return {path.name.removesuffix(".dist-info") for path in self.site.glob("*.dist-info")}


def make_venv(prefix: Path, home: Path | None, *, with_pip: bool = False) -> Path:
    """A venv of the distribution ``home``; without it, one of this machine's Python."""
    venv.create(prefix, symlinks=True, with_pip=with_pip)
    if home is not None:
        site = prefix / SITE
        (prefix / "lib" / HOST).rename(site.parent)
        (prefix / "lib" / HOST).symlink_to(site.parent.name)
        config = prefix / "pyvenv.cfg"
        # The interpreter takes the first home, which it has to find its library from; the site
        # module the last one.
        config.write_text(config.read_text() + f"home = {home}\n")
    return prefix


@pytest.fixture
def home() -> Path:
    """Pyodide 314."""
    return runtimes.runtime(runtimes.VERSIONS[-1])


@pytest.fixture
def made(tmp_path: Path, index: IndexServer, home: Path) -> Callable[..., Venv]:
    """Makes a venv."""

    def make(name: str = "venv", **options: Any) -> Venv:
        return Venv(make_venv(tmp_path / name, home, **options), index)

    return make


WHOLE = {
    "files": {"app/__init__.py": "", "app/old.py": "def main(): print('one')", "space/app.py": ""},
    "requires": ["lib"],
    "entry_points": {"app": "app.old:main", "app-old": "app.old:main"},
    "data": {
        "scripts/tool": "#!python\nprint('tool')\n",
        "data/share/app/x": "x",
        "headers/app.h": "h",
    },
}


@pytest.fixture
def wheels(index: IndexServer) -> dict[str, Path]:
    """app in two versions, what it needs, and what nobody needs; they share a namespace."""
    folder = index.folder
    newer = {"app/__init__.py": "", "app/new.py": "def main(): print('two')", "space/app.py": "2"}
    return {
        "app1": build_wheel(folder, "app", "1.0", **WHOLE),  # type: ignore[arg-type]
        "app2": build_wheel(
            folder,
            "app",
            "2.0",
            files=newer,
            requires=["lib"],
            entry_points={"app": "app.new:main"},
        ),
        "lib": build_wheel(folder, "lib", "1.0", files={"lib.py": "", "space/lib.py": ""}),
        "gone": build_wheel(
            folder, "gone", "1.0", files={"space/gone/x.py": ""}, entry_points={"gone": "lib:main"}
        ),
        "native": build_wheel(folder, "native", "1.0", tag=NATIVE),
    }


# -- what pip and uv have installed


@pytest.mark.parametrize("installer", INSTALLERS)
def test_filled(installer: str, made: Callable[..., Venv], wheels: dict[str, Path]) -> None:
    """Equal packages stay as they are;

    what changes leaves nothing behind, wherever the installer had put it.
    """
    filled = made()
    filled.install(installer, "app==1.0", "gone")
    assert {"bin/app", "bin/app-old", "bin/tool", "bin/gone", "share/app/x"} < filled.names()
    assert any(name.endswith("app/app.h") for name in filled.names())
    before, lock = filled.files(), filled.freeze()
    said = run("sync", filled.prefix.with_name("venv.json"), "--venv", filled.prefix)
    assert said == Said(0, "The environment is what the lock says.\n")
    assert (filled.files(), filled.freeze()) == (before, lock)
    said = filled.sync(wheels["app2"], wheels["lib"], wheels["native"])
    assert said.text.splitlines()[-4:] == [
        "~ app 1.0 -> 2.0",
        "- gone 1.0",
        "+ native 1.0",
        "3 changes made.",
    ]
    app = {"app/__init__.py", "app/new.py", "space/app.py", "bin/app"}
    assert {name for name in filled.names() if not name.endswith(".pyc")} == {
        *app,
        "lib.py",
        "space/lib.py",
        "native.py",
    }
    after = filled.files()
    assert {name: after[name] for name in before if f"{SITE}/lib" in name and name in after} == {
        name: digest for name, digest in before.items() if f"{SITE}/lib" in name
    }
    assert (filled.prefix / "bin" / "app").read_text().startswith(f"#!{filled.prefix}/bin/python\n")


@pytest.mark.parametrize("installer", INSTALLERS)
def test_freeze_after_sync(
    installer: str, made: Callable[..., Venv], wheels: dict[str, Path]
) -> None:
    """A lock of one venv, followed in another one:

    frozen there again it is the same, byte for byte.
    """
    one, two = made("one"), made("two")
    one.install(installer, "app==2.0", "lib")
    two.install(installer, "app==1.0", "lib", "gone")
    lock = one.freeze()
    assert run("sync", one.prefix.with_name("one.json"), "--venv", two.prefix).status == 0
    assert two.freeze() == lock
    assert [name for name in two.names() ^ one.names() if not name.endswith(".pyc")] == []


@pytest.mark.parametrize("installer", INSTALLERS)
def test_installers_go_on_with_what_sync_installed(
    installer: str, made: Callable[..., Venv], wheels: dict[str, Path]
) -> None:
    """Its RECORD is one that pip and uv can work with; scripts of it run."""
    filled = made()
    filled.sync(wheels["app1"], wheels["lib"])
    assert execute(filled.prefix / "bin" / "app") == "one\n"
    assert execute(filled.prefix / "bin" / "tool") == "tool\n"
    filled.install(installer, "gone", "--upgrade", "app")
    assert filled.infos() == {"app-2.0", "gone-1.0", "lib-1.0"}
    assert {"bin/app-old", "bin/tool", "share/app/x", "app/old.py"}.isdisjoint(filled.names())
    assert filled.sync(wheels["app1"]).status == 0
    filled.uninstall(installer, "app")
    assert {name for name in filled.names() if not name.endswith(".pyc")} == set()


@pytest.mark.parametrize("installer", INSTALLERS)
def test_editable(installer: str, made: Callable[..., Venv], tmp_path: Path) -> None:
    """It is replaced by the lock's wheel, or removed; the sources are the user's."""
    filled = made()
    work = tmp_path / "work"
    build_wheel(
        work / "built",
        "demo",
        "1.0",
        files={"__editable__.demo.pth": f"{work}\n"},
        entry_points={"demo": "demo:main"},
    )
    (work / "demo.py").write_text("work of weeks")
    (work / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n'
    )
    (work / "b.py").write_text(
        "import pathlib, shutil\n"
        "def build_editable(folder, config_settings=None, metadata_directory=None):\n"
        "    (wheel,) = pathlib.Path('built').glob('*.whl')\n"
        "    return pathlib.Path(shutil.copy(wheel, folder)).name\n"
    )
    filled.install(installer, "--editable", work)
    assert {"__editable__.demo.pth", "bin/demo"} <= filled.names()
    sources = {path: path.read_bytes() for path in work.glob("*.*")}
    assert filled.sync(filled.add("demo", files={"demo.py": "of the wheel"})).status == 0
    assert filled.names() == {"demo.py"}
    filled.install(installer, "--editable", work)
    assert filled.sync().status == 0
    assert filled.files() == {}
    assert {path: path.read_bytes() for path in sources} == sources


@pytest.mark.parametrize("mode", ["symlink", "hardlink"])
def test_files_that_are_links_into_the_cache_of_uv(
    mode: str, made: Callable[..., Venv], wheels: dict[str, Path], tmp_path: Path
) -> None:
    """Other environments have the same files: not a byte of them changes."""
    filled, cache = made(), tmp_path / "uv"
    filled.install("uv", "--cache-dir", cache, "--link-mode", mode, "app==1.0")
    assert (filled.site / "lib.py").is_symlink() is (mode == "symlink")
    before = snapshot(cache)
    assert filled.sync(wheels["app2"], wheels["lib"]).text.splitlines()[-2:] == [
        "~ app 1.0 -> 2.0",
        "1 change made.",
    ]
    assert filled.sync().status == 0
    assert filled.files() == {}
    assert snapshot(cache) == before


@pytest.mark.parametrize("way", ["link", "relative"])
def test_ways_to_name_a_venv(
    way: str,
    made: Callable[..., Venv],
    wheels: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filled = made()
    filled.install("uv", "app==1.0")
    if way == "link":
        named = tmp_path / "link"
        named.symlink_to(filled.prefix)
    else:
        (tmp_path / "deep").mkdir()
        monkeypatch.chdir(tmp_path / "deep")
        named = Path("../venv")
    lock = filled.lock(wheels["app2"], wheels["lib"])
    assert run("sync", lock, "--venv", named).status == 0
    assert run("sync", lock, "--venv", named).text == "The environment is what the lock says.\n"
    assert {"bin/app-old", "bin/tool", "share/app/x"}.isdisjoint(filled.names())
    assert run("sync", filled.lock(), "--path", named / SITE).status == 0
    assert filled.files() == {}


# -- what nobody knows the files of


def forget(filled: Venv, how: str) -> None:
    record = filled.site / "gone-1.0.dist-info" / "RECORD"
    if how == "missing":
        record.unlink()
    else:
        record.write_bytes({"empty": b"", "broken": b'\xff"'}[how])


@pytest.mark.parametrize("how", ["missing", "empty", "broken"])
def test_no_record(how: str, made: Callable[..., Venv], wheels: dict[str, Path]) -> None:
    """As pip and uv do, sync refuses to remove what would leave its modules behind;

    and says what helps.
    """
    filled = made()
    filled.install("uv", "gone", "lib")
    forget(filled, how)
    before = filled.files()
    newer = build_wheel(filled.index.folder, "gone", "2.0")
    for chosen in ([wheels["lib"]], [wheels["lib"], newer]):
        for options in ((), ("--dry-run",)):
            said = filled.sync(*chosen, options=options)
            assert said.status == 1
            assert (
                "broken-metadata" in said.text and "gone-1.0.dist-info has no RECORD" in said.text
            )
            assert "pip install --ignore-installed --no-deps gone==1.0" in said.text
            assert filled.files() == before
            assert not (filled.site / WORK).exists()
    assert filled.sync(wheels["lib"], options=("--no-prune",)).status == 0
    assert filled.files() == before
    # The wheel of the same version has the same files: that is a repair.
    assert filled.sync(wheels["lib"], wheels["gone"]).status == 0
    assert filled.sync().status == 0
    assert filled.files() == {}


def test_no_record_and_what_is_advised(made: Callable[..., Venv], wheels: dict[str, Path]) -> None:
    filled = made()
    filled.install("pip", "gone")
    forget(filled, "missing")
    assert filled.sync().status == 1
    filled.install("pip", "--ignore-installed", "--no-deps", "gone==1.0")
    assert filled.sync().status == 0
    assert filled.files() == {}


@pytest.mark.parametrize("content", ["notes.txt", "__pycache__/x.cpython-314.pyc"])
def test_a_folder_in_the_way_of_a_file(content: str, made: Callable[..., Venv]) -> None:
    """What lies in it is nobody's: it stays, and the error names it."""
    filled = made()
    filled.install("uv", filled.add("other"))
    place = filled.site / "thing" / content
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    before = filled.files()
    said = filled.sync(filled.add("demo", files={"demo.py": "", "thing": ""}), filled.add("other"))
    assert said.status == 2
    assert (
        f"({filled.site / 'thing'})" in said.text
        and "in the way" in said.text
        and WORK not in said.text
    )
    assert filled.files() == before
    shutil.rmtree(filled.site / "thing")
    assert (
        filled.sync(
            filled.add("demo", files={"demo.py": "", "thing": ""}), filled.add("other")
        ).status
        == 0
    )
    assert (filled.site / "thing").is_file()


def test_an_empty_folder_in_the_way_of_a_file(made: Callable[..., Venv]) -> None:
    filled = made()
    (filled.site / "thing").mkdir()
    assert filled.sync(filled.add("demo", files={"demo.py": "", "thing": ""})).status == 0
    assert (filled.site / "thing").is_file()


# -- the tools of the venv


def test_tools(made: Callable[..., Venv], wheels: dict[str, Path]) -> None:
    """A pip that came with the venv works after each sync, for any file that a wheel would put into its
    place.
    """
    filled = made(with_pip=True)
    before = filled.files()
    assert filled.sync(wheels["lib"]).status == 0
    for options in (
        {"files": {"evil.py": "", "pip/__init__.py": "evil"}},
        {"entry_points": {"pip": "evil:main"}},
        {"data": {"scripts/pip": "#!python\n"}},
    ):
        said = filled.sync(wheels["lib"], filled.add("evil", **options))
        assert said.status == 1, options
        assert (
            "content-mismatch" in said.text
            and "belongs to pip" in said.text
            and "nothing was changed" in said.text
        )
        assert {name: digest for name, digest in filled.files().items() if name in before} == before
        assert filled.infos() >= {"lib-1.0"} and "evil-1.0" not in filled.infos()
    assert filled.sync().status == 0
    assert filled.files() == before
    assert execute(filled.prefix / "bin" / "pip", "--version").startswith("pip ")


# -- Ctrl-C, and a full disk

_INTERRUPTED = """
import os, signal, sys
from micropip_lock.cli import sync as _sync
from micropip_lock.cli.main import micropip_lock

steps = 0

def see(event, told):
    global steps
    if event == "os.rename" and "site-packages/lib" in str(told[1]):
        steps += 1
        if steps <= int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(see)
micropip_lock(sys.argv[2:])
"""


@pytest.mark.parametrize("times", [1, 2])
def test_interrupted(times: int, made: Callable[..., Venv], wheels: dict[str, Path]) -> None:
    """Once: it comes to its end.

    Twice: at once. Either way packages are whole, and no output says that none changed.
    """
    filled = made()
    filled.install("uv", "gone")
    lock = filled.lock(wheels["app1"], wheels["lib"])
    command = [
        sys.executable,
        "-c",
        _INTERRUPTED,
        str(times),
        "sync",
        str(lock),
        "--venv",
        str(filled.prefix),
    ]
    done = subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert "Interrupted" in done.stderr and "Traceback" not in done.stderr
    assert "nothing was written" not in done.stderr and "run sync again" in done.stderr
    assert filled.infos() == ({"app-1.0", "lib-1.0"} if times == 1 else {"app-1.0"})
    assert (filled.site / "lib.py").exists() is (times == 1)
    assert not (filled.site / WORK).exists()
    assert run("sync", lock, "--venv", filled.prefix).status == 0
    assert filled.infos() == {"app-1.0", "lib-1.0"}


def test_a_full_disk(index: IndexServer, home: Path, tmp_path: Path) -> None:
    """Nothing is changed, and nothing is left that takes up room."""
    elsewhere = Venv(tmp_path / "elsewhere", index)
    older = elsewhere.add("demo")
    lock = elsewhere.lock(
        elsewhere.add("demo", "2.0", files={"demo.py": "2", "demo.bin": bytes(2**18)})
    )
    with small_disk(tmp_path / "small", 2**18) as grow:
        filled = Venv(make_venv(tmp_path / "small" / "venv", home), index)
        filled.install("uv", older)
        before = filled.files()
        said = run("sync", lock, "--venv", filled.prefix)
        assert (said.status, is_full(said.text)) == (2, True), said.text
        assert filled.files() == before
        assert not (filled.site / WORK).exists()
        grow()
        assert run("sync", lock, "--venv", filled.prefix).status == 0
        assert filled.names() == {"demo.py", "demo.bin"}


# -- environments that the lock is not for


def test_a_venv_of_this_machine(
    index: IndexServer, wheels: dict[str, Path], tmp_path: Path
) -> None:
    """What is in it is the developer's, and wheels of Pyodide do not run there."""
    plain = Venv(make_venv(tmp_path / "plain", None), index)
    plain.install("uv", "gone")
    site = plain.prefix / "lib" / HOST / "site-packages"
    before = snapshot(plain.prefix)
    lock = plain.lock(wheels["lib"])
    for options in (
        ("--venv", plain.prefix),
        ("--path", site),
        ("--venv", plain.prefix, "--dry-run"),
    ):
        said = run("sync", lock, *options)
        assert said.status == 2
        assert str(plain.prefix) in said.text and "no venv of Pyodide" in said.text
        assert "pyodide venv" in said.text and "--path" in said.text
    assert snapshot(plain.prefix) == before


def test_a_venv_whose_pyodide_has_gone(
    made: Callable[..., Venv], wheels: dict[str, Path], tmp_path: Path
) -> None:
    filled = made()
    filled.install("uv", "gone")
    before = filled.files()
    config = filled.prefix / "pyvenv.cfg"
    config.write_text(config.read_text() + f"home = {tmp_path / 'removed'}\n")
    said = filled.sync(wheels["lib"])
    assert said.status == 2 and "no venv of Pyodide" in said.text
    assert filled.files() == before


@pytest.mark.parametrize("version", runtimes.VERSIONS[:-1])
def test_a_venv_of_another_pyodide(
    version: str, index: IndexServer, wheels: dict[str, Path], tmp_path: Path
) -> None:
    other = Venv(make_venv(tmp_path / "other", runtimes.runtime(version)), index)
    own = runtimes.base_lock(version)["info"]
    lock = other.lock(wheels["lib"])
    before = snapshot(other.prefix)
    for options in (
        ("--venv", other.prefix),
        ("--path", other.site),
        ("--venv", other.prefix, "--dry-run"),
    ):
        said = run("sync", lock, *options)
        assert said.status == 2
        assert (
            own["python"] in said.text and own["abi_version"] in said.text and "2026_0" in said.text
        )
        assert "new environment" in said.text and "new lock" in said.text
    assert snapshot(other.prefix) == before
    # How to go on: with a lock for this one.
    document = json.loads(lock.read_text())
    lock.write_text(json.dumps({**document, "info": own}))
    assert run("sync", lock, "--venv", other.prefix).status == 0
    assert other.infos() == {"lib-1.0"}


def test_folders_that_are_in_no_venv(
    index: IndexServer, wheels: dict[str, Path], tmp_path: Path
) -> None:
    """A folder of another Python is refused by its name; one that says nothing is filled."""
    of_host = tmp_path / "lib" / "python3.9" / "site-packages"
    plain = tmp_path / "anywhere"
    for folder in (of_host, plain):
        execute(
            uv_command(),
            "pip",
            "install",
            "-q",
            "--no-cache",
            "--no-index",
            "--target",
            folder,
            wheels["gone"],
        )
    before = snapshot(of_host)
    lock = Venv(tmp_path / "venv", index).lock(wheels["lib"])
    said = run("sync", lock, "--path", of_host)
    assert said.status == 2 and "Python 3.9" in said.text and "3.14" in said.text
    assert snapshot(of_host) == before
    assert run("sync", lock, "--path", plain).status == 0
    assert {path.name for path in plain.iterdir()} - {".lock"} == {
        "lib.py",
        "space",
        "lib-1.0.dist-info",
    }
    assert os.listdir(plain / "space") == ["lib.py"]
