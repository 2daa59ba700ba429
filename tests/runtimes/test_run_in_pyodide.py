"""freeze() as any project tests in Pyodide: with pytest-pyodide alone, from the wheel.

In Node and in Chromium, as --runtime says. Nothing but micropip brings micropip_lock here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_pyodide import run_in_pyodide

from micropip_lock import InputError
from tests.support.index_server import IndexServer
from tests.support.own_wheel import build_own_wheel
from tests.support.wheels import build_wheel, sha256


@run_in_pyodide(packages=["micropip", "packaging"])
async def freeze_inside(
    selenium_standalone: Any, index_url: str, names: list[str]
) -> tuple[str, int, list[str]]:
    import micropip

    micropip.set_index_urls(index_url)
    await micropip.install(names)
    import micropip_lock

    result = await micropip_lock.freeze()
    return result.to_json(), result.requests, [name for name, *_ in result.left_out]


def test_freeze(selenium_standalone: Any, index: IndexServer, tmp_path: Path) -> None:
    demo = build_wheel(index.folder, "demo", "1.0", files={"demo/__init__.py": ""})
    index.add(build_own_wheel(tmp_path))
    names = ["micropip-lock", "demo"]
    text, requests, left_out = freeze_inside(selenium_standalone, index.url, names)
    assert requests == 0
    assert left_out == ["micropip-lock"]
    lock = json.loads(text)
    assert set(lock["packages"]) == {"demo", "micropip", "packaging"}
    assert lock["packages"]["demo"]["sha256"] == sha256(demo)
    assert lock["packages"]["demo"]["imports"] == ["demo"]
    assert index.wheel_downloads == 2


@run_in_pyodide(packages=["packaging"])
def project_inside(selenium: Any) -> str:
    import micropip_lock

    assert callable(micropip_lock.freeze)
    return micropip_lock.__file__


def test_the_checkout_is_importable(selenium: Any) -> None:
    assert project_inside(selenium).startswith("/project/micropip_lock/")


@run_in_pyodide(packages=["packaging"])
def read_inside(selenium: Any, lock: dict[str, Any]) -> None:
    import micropip_lock

    micropip_lock.Lockfile.from_json(lock)


def test_an_exception_crosses_over(selenium: Any) -> None:
    with pytest.raises(InputError, match="info: expected an object"):
        read_inside(selenium, {"packages": {}})
