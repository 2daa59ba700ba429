"""The locks that Pyodide's releases ship are read and written without a loss."""

from __future__ import annotations

import json

import pytest

from micropip_lock import Lockfile

from ..support.runtimes import VERSIONS, base_lock


@pytest.mark.parametrize("version", VERSIONS)
def test_base_locks_lose_nothing(version: str) -> None:
    before = base_lock(version)
    lockfile = Lockfile.from_json(json.dumps(before))
    after = json.loads(lockfile.to_json())
    assert after["info"] == before["info"]
    assert {key: after[key] for key in after if key != "packages"} == {
        k: before[k] for k in before if k != "packages"
    }
    assert after["packages"].keys() == before["packages"].keys()
    for name, package in before["packages"].items():
        package["depends"] = after["packages"][name]["depends"]  # canonical now
        assert after["packages"][name] == {
            "package_type": "package",
            "unvendored_tests": False,
            **package,
        }
    assert Lockfile.from_json(lockfile.to_json()) == lockfile


def test_base_lock_314_keeps_tool() -> None:
    assert "tool" in Lockfile.from_json(base_lock("314.0.7")).extra
