"""Every case of the zoo: the verdict by code, the hint by its text, and nothing but a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..support.index_server import IndexServer
from ..support.node_pyodide import NodePyodide
from ..support.runtimes import PROJECT
from . import cases, pyodide_cases
from .case import CASES, Case
from .pyodide_case import PYODIDE_CASES, Build
from .pyodide_case import verdict as verdict_inside
from .run import page_tables, verdict

assert cases and pyodide_cases  # importing them fills the lists


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_on_the_host(case: Case, tmp_path: Path) -> None:
    found, result = verdict(case, tmp_path)
    assert found.text == case.verdict
    assert case.hint in found.hints
    if case.depends is not None:
        assert result is not None
        packages = result.lockfile.packages
        assert {name: list(entry.depends) for name, entry in packages.items()} == case.depends


@pytest.mark.parametrize(
    ("case", "build"), PYODIDE_CASES, ids=[case.title for case, _ in PYODIDE_CASES]
)
def test_in_pyodide(case: Case, build: Build, node314: NodePyodide, index: IndexServer) -> None:
    found = verdict_inside(build, node314, index)
    assert found.text == case.verdict
    assert case.hint in found.hints


def test_the_documented_tables_are_those_of_the_cases() -> None:
    page = (PROJECT / "docs" / "evidence.md").read_text()
    assert page == page_tables(page), "write them anew with: python -m tests.zoo --write"
