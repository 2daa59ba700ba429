"""What a user is told to do about what is installed, in commands that work there."""

from __future__ import annotations

from pathlib import Path

import pytest

from micropip_lock.installed.hints import Site, add, leave_out

FOLDER = Path("libs")
TARGET = "--target libs 'rich>=14' (with the --platform options the folder was made with)"


@pytest.mark.parametrize(
    ("site", "replaces", "expected"),
    [
        ("venv", False, "pip install 'rich>=14'"),
        ("venv", True, "pip install 'rich>=14'"),
        ("folder", False, f"pip install {TARGET}"),
        ("folder", True, f"pip install --upgrade {TARGET}"),
        ("runtime", False, 'await micropip.install("rich>=14")'),
        ("runtime", True, 'micropip.uninstall("rich"), then await micropip.install("rich>=14")'),
    ],
)
def test_requirement_is_installed_where_the_others_lie(
    site: Site, replaces: bool, expected: str
) -> None:
    assert add("rich>=14", "rich", site, FOLDER, replaces=replaces) == expected


def test_package_is_left_out_in_python_and_on_the_command_line() -> None:
    assert leave_out("rich") == "leave it out on purpose: exclude=rich (--exclude rich)"
