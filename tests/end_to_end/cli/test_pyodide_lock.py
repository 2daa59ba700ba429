"""``pyodide lock``: the plugin under both kinds of pyodide-cli, typer's on Python 3.11 and click's
on newer ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from micropip_lock.cli.main import micropip_lock

from ...support.index_server import IndexServer
from ...support.pyodide_cli import PYTHONS, find_python, pyodide_command
from ...support.runtimes import PROJECT, SetupError
from .conftest import Done

Pyodide = Callable[..., Done]


@pytest.fixture(scope="module", params=PYTHONS)
def command(request: pytest.FixtureRequest) -> Path:
    """The `pyodide` command, with this checkout installed beside it."""
    return pyodide_command(request.param)


@pytest.fixture
def pyodide(command: Path, clean_machine: Path) -> Pyodide:
    """Run it. ``broken``: modules whose import fails, by the message of the failure."""

    def call(
        *arguments: str | Path,
        cwd: Path = clean_machine,
        broken: tuple[str, ...] = (),
        **environ: str,
    ) -> Done:
        env = {**os.environ, **environ}
        if broken:
            startup = clean_machine / "sitecustomize.py"
            startup.write_text(_BROKEN.format(names=broken))
            env["PYTHONPATH"] = str(clean_machine)
        words = [command, *arguments]
        done = subprocess.run(words, env=env, cwd=cwd, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return call


_BROKEN = """
import sys

class Broken:
    def find_spec(self, name, path=None, target=None):
        if name in {names!r}:
            raise ImportError(name + " cannot be loaded: a library of the system is missing", name=name)

sys.meta_path.insert(0, Broken())
"""


def test_it_is_a_command_of_pyodide(pyodide: Pyodide) -> None:
    done = pyodide("--help")
    assert (done.status, done.err) == (0, "")
    assert "lock  Lock installed Pyodide environments, with proof." in done.out
    assert "micropip-lock" in done.out, "who registered it"


def test_the_same_help(pyodide: Pyodide, command: Path) -> None:
    done = pyodide("lock", "freeze", "--help")
    own = [command.with_name("micropip-lock"), "freeze", "--help"]
    alone = subprocess.run(own, env=os.environ, capture_output=True, text=True, check=True)
    assert (done.status, done.err) == (0, "")
    assert done.out == alone.stdout.replace(
        "Usage: micropip-lock freeze", "Usage: pyodide lock freeze"
    )
    done = pyodide("lock", "--help")
    assert "Usage: pyodide lock [OPTIONS] COMMAND" in done.out
    for name in micropip_lock.list_commands(None):  # type: ignore[arg-type]
        assert f"\n  {name} " in done.out


def test_usage(pyodide: Pyodide) -> None:
    nothing = pyodide("lock")
    assert nothing.status == 2 and "Usage: pyodide lock" in nothing.err
    wrong = pyodide("lock", "freeze", "--melt")
    assert wrong.status == 2 and "--melt" in wrong.err and "pyodide lock freeze" in wrong.err


@pytest.mark.parametrize("where", ["active", "nearest"])
def test_a_whole_run(
    where: str, pyodide: Pyodide, venv: Path, index: IndexServer, command: Path
) -> None:
    """The venv is the active one, else the nearest one of Pyodide though that of the command itself
    is active.
    """
    environ = {"VIRTUAL_ENV": str(venv if where == "active" else command.parent.parent)}
    cwd = venv.parent if where == "nearest" else command.parent
    arguments = ("lock", "freeze", "--index-url", index.url, "-o", venv.parent / "lock.json")
    done = pyodide(*arguments, cwd=cwd, **environ)
    assert (done.status, done.out) == (0, ""), done.err
    assert "2 packages locked" in done.err
    assert set(json.loads((venv.parent / "lock.json").read_bytes())["packages"]) == {"demo", "lib"}
    assert pyodide(*arguments, "--check", cwd=cwd, **environ).status == 0


def test_problems(pyodide: Pyodide, venv: Path, index: IndexServer) -> None:
    """Exit status and the one JSON document are those of micropip-lock."""
    index.remove("demo-1.0-py3-none-any.whl")
    done = pyodide("lock", "freeze", "--venv", venv, "--index-url", index.url, "--json")
    assert (done.status, done.json["error"], done.err) == (1, "no-such-project", "")


def test_a_broken_dependency_does_not_break_pyodide(
    pyodide: Pyodide, command: Path, venv: Path
) -> None:
    broken = (
        "httpx",
        "installer",
        "packaging",
        "platformdirs",
        "resolvelib",
        "tomli_w",
    )
    # Of what is needed here, too, only what this pyodide-cli itself needs is whole.
    broken += ("rich",) if command.parent.parent.name != "cli-0.2.4" else ("click",)
    done = pyodide("--help", broken=broken)
    assert (done.status, done.err) == (0, "")
    assert "lock  Lock installed" in done.out
    done = pyodide("lock", "freeze", "--venv", venv, broken=broken)
    assert (done.status, done.out) == (2, "")
    assert "a library of the system is missing" in done.err
    assert done.err.count("\n") == 1 and 'pip install "micropip-lock[host]"' in done.err


def test_importing_it_is_light(command: Path) -> None:
    """It takes part in every start of `pyodide`, so it brings nothing that pyodide-cli does not
    bring itself.
    """
    code = (
        "import sys, pyodide_cli.app; before = set(sys.modules)\n"
        "import micropip_lock.integrations.pyodide_cli\n"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before} - "
        "set(sys.stdlib_module_names)))\n"
        "print(sorted(name for name in set(sys.modules) - before if "
        "name.startswith('micropip_lock')))"
    )
    python = command.with_name("python")
    done = subprocess.run(
        [python, "-c", code], env=os.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "['micropip_lock']",
        "['micropip_lock', 'micropip_lock.integrations', 'micropip_lock.integrations.pyodide_cli']",
    ]


def test_importing_it_never_fails(clean_machine: Path) -> None:
    """Whatever is missing: with an isolated Python that has nothing but this checkout."""
    code = (
        f"import sys; sys.path.insert(0, {str(PROJECT)!r})\nfrom "
        "micropip_lock.integrations.pyodide_cli import lock\n"
    )
    code += "print(callable(lock)); sys.argv = ['pyodide', 'lock']; lock()"
    words = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(words, cwd=clean_machine, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "True\n")
    assert "needs click, which is not installed" in done.stderr and done.stderr.count("\n") == 1
    assert 'pip install "micropip-lock[host]"' in done.stderr


def test_a_python_that_is_not_there_is_an_error() -> None:
    assert find_python("3.11" if sys.version_info[:2] == (3, 11) else "3.13", "3.12").exists()
    with pytest.raises(SetupError, match=r"Python 3\.1 or 2\.1 is missing.*PYENV_ROOT"):
        find_python("3.1", "2.1")
