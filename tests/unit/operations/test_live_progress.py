"""Work that is shown in a notebook, and left to whom the caller names."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import Problem, UnlockableError
from micropip_lock import environment as surroundings
from micropip_lock.environment import notebook as _notebook
from micropip_lock.operations.live_progress import packages_shown, transfers_shown

from ...support.freezing import problems_of


class Handle:
    """What IPython gives for an output that can change."""

    def __init__(self, shown: list[str]) -> None:
        self.shown = shown

    def update(self, html: str) -> None:
        self.shown.append(html)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a notebook shows, one after the other; no time passes between two drawings."""
    found: list[str] = []

    def display(html: str, display_id: bool = False) -> Handle | None:
        found.append(html)
        return Handle(found) if display_id else None

    ipython, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel="a kernel")  # type: ignore[attr-defined]
    module.display, module.HTML = display, str  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(_notebook, "_PAUSE", -1.0)
    return found


def test_packages(shown: list[str]) -> None:
    with packages_shown(None) as step:
        assert step is not None
        step(1, 2, "demo")
    assert "1 of 2 demo" in shown[0]
    assert shown[1:] == [""]


def test_transfers(shown: list[str]) -> None:
    with transfers_shown(None) as transfers:
        assert transfers is not None
        item = transfers.begin("demo.whl")
        item.expect(10)
        item.advance(4)
        item.end(True)
    assert "demo.whl 4 B" in shown[2]
    assert shown[-1] == ""


def test_nothing_appears_for_what_takes_no_time(
    shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_notebook, "_PAUSE", 3600.0)
    with packages_shown(None) as step:
        assert step is not None
        step(1, 2, "demo")
    assert shown == []


def test_problems_stay(shown: list[str]) -> None:
    error = UnlockableError([Problem("sdist", "demo", "1.0", "it was built.", "Take a wheel.")])
    with pytest.raises(UnlockableError), packages_shown(None) as step:
        assert step is not None
        step(1, 2, "demo")
        raise error
    assert "Take a wheel." in shown[-1]
    assert error.displayed


def test_a_freeze_in_a_notebook(shown: list[str], tmp_path: Path) -> None:
    (tmp_path / "old.egg-info").mkdir()
    (problem,) = problems_of(tmp_path)
    assert problem.hint in shown[-1].replace("&quot;", '"').replace("&#x27;", "'")


@pytest.mark.parametrize(
    "shell", [None, types.SimpleNamespace(kernel=None), types.SimpleNamespace()]
)
def test_no_notebook(shell: Any, shown: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    assert surroundings.live() is None
    with packages_shown(None) as step, transfers_shown(None) as transfers:
        assert (step, transfers) == (None, None)


def test_the_callers_own(shown: list[str]) -> None:
    def own(done: int, total: int, package: str) -> None:
        raise AssertionError

    with packages_shown(own) as step:
        assert step is own
    assert shown == []
