"""enable(): micropip.freeze() keeps its signature, and gives a true lock, in every supported
Pyodide.
"""

from __future__ import annotations

import json

import pytest

from tests.support.index_server import IndexServer
from tests.support.node_pyodide import NodePyodide
from tests.support.runner_session import RunnerSession
from tests.support.session import PyodideError
from tests.support.wheels import build_wheel


@pytest.fixture
def installed(pyodide: NodePyodide, index: IndexServer) -> NodePyodide:
    """A package without top_level.txt, which micropip's own freeze() makes useless."""
    build_wheel(index.folder, "bare", "1.0", files={"bare/__init__.py": "value = 1\n"})
    pyodide.install("bare", index_url=index.url)
    index.reset()
    return pyodide


def test_the_same_as_freeze(installed: NodePyodide, index: IndexServer) -> None:
    text, awaited = installed.run("""
        import micropip, micropip_lock
        micropip_lock.enable()
        text = micropip.freeze()
        awaited = (await micropip_lock.freeze(include="distribution")).to_json()
        [text, awaited]
    """)
    assert text == awaited
    lock = json.loads(text)
    assert lock["packages"]["bare"]["imports"] == ["bare"]
    assert {"packaging", "micropip"} <= lock["packages"].keys()
    assert index.requests == []


def test_from_where_nothing_can_be_awaited(installed: NodePyodide) -> None:
    installed.run("import micropip, micropip_lock; micropip_lock.enable()")
    text = installed.run("micropip.freeze()", sync=True)
    assert json.loads(text)["packages"]["bare"]["imports"] == ["bare"]


def test_it_can_be_undone_and_repeated(installed: NodePyodide) -> None:
    seen = installed.run("""
        import inspect, micropip, micropip_lock
        before = micropip.freeze
        micropip_lock.disable()
        seen = [micropip.freeze is before]
        micropip_lock.enable()
        ours = micropip.freeze
        micropip_lock.enable()
        seen += [micropip.freeze is ours, ours is not before]
        seen += [str(inspect.signature(ours)) == str(inspect.signature(before))]
        seen += [ours.__name__, ours.__doc__ == before.__doc__]
        micropip_lock.disable()
        micropip_lock.disable()
        [*seen, micropip.freeze is before]
    """)
    assert seen == [True, True, True, True, "freeze", True, True]


def test_problems_are_told_as_by_freeze(installed: NodePyodide) -> None:
    with pytest.raises(PyodideError, match=r"mocked 1\.0: it is a mock package"):
        installed.run("""
            import micropip, micropip_lock
            micropip.add_mock_package("mocked", "1.0")
            micropip_lock.enable()
            micropip.freeze()
        """)


def test_without_micropip(pyodide314: RunnerSession) -> None:
    with pytest.raises(PyodideError, match=r"There is no micropip here\. Load it first"):
        pyodide314.run("import micropip_lock; micropip_lock.enable()")


def test_in_a_new_page(pyodide: NodePyodide) -> None:
    """Nothing was installed yet:

    the lock is the distribution's, as with micropip's own freeze().
    """
    text, names = pyodide.run("""
        import json, pyodide_js, micropip_lock
        await pyodide_js.loadPackage("micropip")
        import micropip
        names = sorted(json.loads(micropip.freeze())["packages"])
        micropip_lock.enable()
        [micropip.freeze(), names]
    """)
    assert sorted(json.loads(text)["packages"]) == names and "micropip" in names
