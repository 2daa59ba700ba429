"""Standard streams that are closed, full or no longer read:

no traceback, and no success without a result.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ...support.freezing import base_document, entry
from ...support.index_server import IndexServer
from .test_freeze import environment

MODULE = f"{sys.executable} -m micropip_lock"


def shell(command: str, folder: Path) -> tuple[int, str, str]:
    """Run a line of bash, in which ``lock`` is the command line."""
    line = f'set -o pipefail; lock() {{ {MODULE} "$@"; }}; {command}'
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A lock that does not fit into a pipe, and one without packages."""
    names = [f"package-{number}" for number in range(1000)]
    (tmp_path / "many.json").write_text(json.dumps(base_document(*map(entry, names))))
    (tmp_path / "none.json").write_text(json.dumps(base_document()))
    return tmp_path


@pytest.mark.parametrize(
    "command", ["tree many.json", "tree many.json --json", "diff many.json none.json --markdown"]
)
@pytest.mark.parametrize("stream", [">/dev/full", ">&- <&-"])
def test_a_result_that_is_lost_is_no_success(command: str, stream: str, folder: Path) -> None:
    status, _, err = shell(f"lock {command} {stream}", folder)
    assert status == 2 and "error: Cannot write the output: " in err


def test_a_result_and_a_complaint_that_are_lost(folder: Path) -> None:
    assert shell("lock tree many.json >&- 2>&-", folder)[0] == 2
    assert shell("lock tree many.json >/dev/full 2>/dev/full", folder)[0] == 2


@pytest.mark.parametrize("command", ["tree many.json", "export many.json --format requirements"])
def test_a_reader_that_ends_early(command: str, folder: Path) -> None:
    status, _, _ = shell(f"lock {command} | true", folder)
    assert status == 1


def test_help_is_a_result_as_well(folder: Path) -> None:
    assert [
        shell(f"lock --help {stream}", folder)[0] for stream in (">&-", ">/dev/full", "| true")
    ] == [2, 2, 1]


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full", "2> >(true)", "<&- 2>&-"])
def test_what_is_said_on_the_way_may_be_lost(
    stream: str, base: Path, site: Path, index: IndexServer, folder: Path
) -> None:
    freeze = f"lock freeze --path {site} --base {base} --index-url {index.url}"
    status, out, _ = shell(f"{freeze} {stream}", folder)
    assert status == 0 and json.loads(out)["packages"].keys() == {"demo", "lib"}
    status, _, _ = shell(f"{freeze} -o new.json >&- {stream}", folder)
    assert status == 0 and (folder / "new.json").read_text() == out
    assert shell(f"lock tree gone.json {stream}", folder)[0] == 2
    assert shell(f"lock nonsense {stream}", folder)[0] == 2


def test_a_full_device_is_no_place_for_a_lock(
    base: Path, site: Path, index: IndexServer, folder: Path
) -> None:
    freeze = f"lock freeze --path {site} --base {base} --index-url {index.url}"
    status, _, err = shell(f"{freeze} -o /dev/full", folder)
    assert status == 2 and "Cannot write /dev/full: No space left on device." in err


@pytest.mark.parametrize(
    "command",
    [
        "diff - none.json",
        "export - --format pylock",
        "outdated -",
        "retarget - --base none.json",
        "import - --base none.json",
        "resolve -r - --base none.json",
    ],
)
def test_a_closed_stdin(command: str, folder: Path) -> None:
    status, out, err = shell(f"lock {command} <&-", folder)
    assert (status, out) == (2, "") and "There is no standard input" in err


def test_the_pipe_of_a_shell_is_a_file(
    base: Path, index: IndexServer, site: Path, folder: Path
) -> None:
    command = (
        f"lock resolve -r <(sleep 0.5; echo demo) --base <(cat {base}) --index-url {index.url}"
    )
    status, out, _ = shell(command, folder)
    assert status == 0 and json.loads(out)["packages"].keys() == {"demo", "lib"}
