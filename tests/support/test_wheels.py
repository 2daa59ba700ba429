"""The wheel builder builds wheels that installers take, and builds them the same every time."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from . import wheels
from .index_server import IndexServer
from .installed import pip_target


def test_bytes_do_not_depend_on_the_day(tmp_path: Path) -> None:
    first = wheels.build_wheel(
        tmp_path / "a", "Demo.Name", "1.0", requires=["rich"], extras={"x": ["six"]}
    )
    second = wheels.build_wheel(
        tmp_path / "b", "Demo.Name", "1.0", requires=["rich"], extras={"x": ["six"]}
    )
    assert first.name == "demo_name-1.0-py3-none-any.whl"
    assert first.read_bytes() == second.read_bytes()


def test_repacked_wheel_has_the_same_record(tmp_path: Path) -> None:
    wheel = wheels.build_wheel(tmp_path / "a", "demo", "1.0", files={"demo.py": "x = 1\n" * 100})
    again = wheels.repack(wheel, tmp_path / "b")
    assert wheels.sha256(wheel) != wheels.sha256(again)
    assert wheels.wheel_member(wheel, "RECORD") == wheels.wheel_member(again, "RECORD")


def test_pip_installs_everything_a_wheel_can_hold(tmp_path: Path) -> None:
    with IndexServer() as index:
        wheels.build_wheel(
            index.folder,
            "demo",
            "1.0",
            data={
                "scripts/run": "#!python\nprint(1)\n",
                "purelib/more.py": "",
                "data/share/x": "y",
            },
            entry_points={"demo": "demo:main"},
            dist_info_files={"direct_url.json": "{}"},
            build="7",
            tag="py2.py3-none-any",
        )
        pip_target(tmp_path, "demo", index_url=index.url, platform=None)
    installed = {path.name for path in tmp_path.rglob("*")}
    assert {"demo.py", "run", "more.py", "x", "direct_url.json", "demo-1.0.dist-info"} <= installed


def test_sdist_builds_offline(tmp_path: Path) -> None:
    sdist = wheels.build_sdist(tmp_path, "demo", "1.0")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-index",
        "--no-deps",
        "-w",
        str(tmp_path),
        str(sdist),
    ]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(tmp_path / "demo-1.0-py3-none-any.whl") as archive:
        assert "demo.py" in archive.namelist()
