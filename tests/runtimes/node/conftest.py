"""The shared runtimes, with what everybody has loaded who uses micropip_lock: packaging."""

from __future__ import annotations

import pytest

from tests.support.node_pyodide import NodePyodide


@pytest.fixture
def pyodide(pyodide: NodePyodide) -> NodePyodide:
    """Each supported Pyodide in Node, one after the other."""
    pyodide.load_packages(["packaging"])
    return pyodide


@pytest.fixture
def pyodide314(pyodide314: NodePyodide) -> NodePyodide:
    """The newest Pyodide in Node."""
    pyodide314.load_packages(["packaging"])
    return pyodide314
