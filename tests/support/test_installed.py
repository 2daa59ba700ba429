"""pip and uv install for Pyodide: its native wheels, its markers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .index_server import IndexServer
from .installed import (
    PYODIDE_0_27,
    PYODIDE_314,
    Platform,
    installer_target,
    pip_report,
    pip_target,
    uv_target,
)
from .runtimes import read_json
from .wheels import build_wheel


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("install", [pip_target, uv_target])
@pytest.mark.parametrize(
    ("platform", "tag"),
    [
        (PYODIDE_314, "cp314-cp314-pyemscripten_2026_0_wasm32"),
        (PYODIDE_314, "cp312-abi3-pyemscripten_2026_0_wasm32"),
        (PYODIDE_0_27, "cp312-cp312-pyodide_2024_0_wasm32"),
    ],
)
def test_installs_for_pyodide(
    install: Callable[..., Path], platform: Platform, tag: str, index: IndexServer, tmp_path: Path
) -> None:
    needs = [
        "inside ; sys_platform == 'emscripten'",
        "outside ; sys_platform != 'emscripten'",
        f"right ; python_version == '{platform.python}'",
    ]
    build_wheel(index.folder, "native", "1.0", tag=tag, requires=needs)
    build_wheel(index.folder, "native", "1.0", tag="cp314-cp314-manylinux_2_17_x86_64")
    for name in ("inside", "outside", "right"):
        build_wheel(index.folder, name, "1.0")
    install(tmp_path, "native", index_url=index.url, platform=platform)
    assert {"native.py", "inside.py", "right.py"} <= names(tmp_path)
    assert "outside.py" not in names(tmp_path)


@pytest.mark.parametrize("install", [pip_target, uv_target])
def test_nothing_of_the_machine_is_asked(
    install: Callable[..., Path], index: IndexServer, tmp_path: Path
) -> None:
    with pytest.raises(Exception, match="six"):
        install(tmp_path, "six", index_url=index.url)
    assert index.paths() == ["/simple/six/"]


def test_installers_leave_their_marks(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    assert "direct_url.json" in names(
        pip_target(tmp_path / "pip", str(wheel)) / "demo-1.0.dist-info"
    )
    assert "uv_cache.json" in names(uv_target(tmp_path / "uv", str(wheel)) / "demo-1.0.dist-info")
    assert "INSTALLER" not in names(
        installer_target(tmp_path / "installer", wheel) / "demo-1.0.dist-info"
    )


def test_report_names_the_wheel(index: IndexServer, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    report = read_json(
        pip_report(tmp_path / "site", tmp_path / "report.json", "demo", index_url=index.url)
    )
    assert report["install"][0]["download_info"]["url"] == index.file_url(wheel.name)
