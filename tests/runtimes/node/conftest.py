"""The shared runtimes, with what everybody has loaded who uses micropip_lock: packaging."""

from __future__ import annotations

import pytest

from tests.support.node_pyodide import NodePyodide
from tests.support.runner_session import RunnerSession


@pytest.fixture
def pyodide(pyodide: NodePyodide) -> NodePyodide:
    """Each supported Pyodide in Node, one after the other."""
    pyodide.load_packages(["packaging"])
    return pyodide


@pytest.fixture
def pyodide314(pyodide314: RunnerSession) -> RunnerSession:
    """The newest Pyodide in each --runtime of pytest-pyodide."""
    pyodide314.load_packages(["packaging"])
    return pyodide314


@pytest.fixture
def node314(node314: NodePyodide) -> NodePyodide:
    """The newest Pyodide in our own Node."""
    node314.load_packages(["packaging"])
    return node314
