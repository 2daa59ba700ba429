"""What test_pytest_pyodide.py lets pytest-pyodide run: a test as projects that test in Pyodide
write theirs.

Not collected from here: it is copied, as test_inner.py, into a folder with a configuration of its
own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pytest_pyodide import run_in_pyodide


@run_in_pyodide(packages=["micropip", "packaging"], pytest_assert_rewrites=False)
async def freeze_inside(
    selenium_standalone: Any, index_url: str, names: list[str]
) -> tuple[str, int, list[str]]:
    import micropip

    micropip.set_index_urls(index_url)
    await micropip.install(names)
    import micropip_lock

    result = await micropip_lock.freeze()
    return result.to_json(), result.requests, [name for name, *_ in result.left_out]


@pytest.mark.driver_timeout(120)
def test_freeze(selenium_standalone: Any) -> None:
    text, requests, left_out = freeze_inside(
        selenium_standalone, os.environ["INDEX_URL"], ["micropip-lock", "demo"]
    )
    assert requests == 0
    assert left_out == ["micropip-lock"]
    Path("frozen.json").write_text(text)
