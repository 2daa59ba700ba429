"""What is read of the environment inside Pyodide, in Node."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import runtimes
from tests.support.node_pyodide import NodePyodide
from tests.support.session import PROJECT_PATH


@pytest.fixture
def pyodide(pyodide: NodePyodide) -> NodePyodide:
    """Each supported Pyodide, with micropip_lock behind everything that it has itself."""
    pyodide.load_packages(["packaging"])
    pyodide.run(
        f"import sys; sys.path.remove({PROJECT_PATH!r}); sys.path.append({PROJECT_PATH!r})",
        fresh=True,
    )
    return pyodide


def test_node(pyodide: NodePyodide) -> None:
    found = pyodide.run(
        """
        import sys
        from micropip_lock.environment import detect
        found = detect()
        {
            "paths": [str(path) for path in found.paths],
            "base": {name: entry.file_name for name, entry in found.base.packages.items()},
            "abi": found.base.info.abi_version,
            "tool": "tool" in found.base.extra,
            "others": [found.base_url, found.base_dir, found.page_origin],
            "index_urls": found.index_urls,
            "loaded": dict(found.loaded),
            "in_memory": dict(found.in_memory),
            "micropip imported": "micropip" in sys.modules,
        }
        """,
        fresh=True,
    )
    lock = runtimes.base_lock(pyodide.version)
    assert found["paths"][0] == "/home/pyodide"
    assert any(path.endswith("/site-packages") for path in found["paths"])
    assert not any(path.endswith(".zip") for path in found["paths"])
    assert set(found["base"]) == set(runtimes.KEPT)
    assert found["abi"] == lock["info"]["abi_version"]
    assert found["tool"] is ("tool" in lock)
    assert found["others"] == [None, None, None]
    assert found["loaded"] == {"packaging": "default channel"}
    assert found["index_urls"] == []
    assert found["in_memory"] == {}
    assert not found["micropip imported"]


def test_sizes_of_files_in_memory_are_those_that_stat_gives(pyodide: NodePyodide) -> None:
    found = pyodide.run(
        """
        import os, sysconfig
        from pathlib import Path
        from pyodide.code import run_js
        import micropip_lock
        from micropip_lock.environment import detect
        site = Path(sysconfig.get_path("purelib"))
        (site / "odd/inner").mkdir(parents=True)
        (site / "odd/inner/grown.txt").write_text("1")
        with (site / "odd/inner/grown.txt").open("a") as file:
            file.write("é" * 5000)
        (site / "odd/empty").touch()
        (site / "odd/link").symlink_to(site / "odd/inner")
        (site / "odd/link.txt").symlink_to(site / "odd/inner/grown.txt")
        sizes = detect().file_sizes(site)
        stats = {
            Path(folder, name).relative_to(site).as_posix(): Path(folder, name).stat().st_size
            for folder, _, names in os.walk(site) for name in names if not Path(folder, name).is_symlink()
        }
        run_js("globalThis.realEval = globalThis.eval; globalThis.eval = () => { throw new EvalError('not here') }")
        try:
            forbidden = detect().file_sizes(site)
        finally:
            import js
            js.eval = js.realEval
        {
            "equal": sizes == stats,
            "grown": sizes["odd/inner/grown.txt"],
            "count": len(sizes),
            "through a link": detect().file_sizes(site / "odd/link"),
            "mounted": detect().file_sizes(Path(micropip_lock.__file__).parent),
            "around what is mounted": detect().file_sizes(Path(micropip_lock.__file__).parent.parent),
            "missing": detect().file_sizes(site / "missing"),
            "forbidden": forbidden,
        }
        """,
        fresh=True,
    )
    assert found.pop("count") > 20
    assert found == {
        "equal": True,
        "grown": 10001,
        "through a link": {"grown.txt": 10001},
        "mounted": {},
        "around what is mounted": {},
        "missing": {},
        "forbidden": {},
    }


#: What a browser would have told the runtime, and the folder that follows from it.
BROWSERS = [
    (
        {"packageBaseUrl": "https://cdn.example/v1/", "indexURL": "https://cdn.example/v1/"},
        "https://cdn.example/v1/",
    ),
    (
        {"packageBaseUrl": "/static/py/", "indexURL": "/static/py/"},
        "https://page.example/static/py/",
    ),
    ({}, "https://page.example/docs/"),
]


@pytest.mark.parametrize(("config", "expected"), BROWSERS)
def test_base_url_in_a_browser(pyodide: NodePyodide, config: dict[str, str], expected: str) -> None:
    found = pyodide.run(
        f"""
        import js, pyodide_js
        from types import SimpleNamespace
        from micropip_lock.environment import detect
        config = pyodide_js._api.config
        told = {config!r}
        names = ("packageBaseUrl", "packageCacheDir", "indexURL")
        before = {{name: getattr(config, name, None) for name in names}}
        js.eval("globalThis.location = {{href: 'https://page.example/docs/a.html?x=/y', origin: 'https://page.example'}}")
        try:
            for name in names:
                setattr(config, name, told.get(name, ""))
            found = detect()
        finally:
            js.eval("delete globalThis.location")
            for name, value in before.items():
                setattr(config, name, value)
        [found.base_url, found.page_origin]
        """,
        fresh=True,
    )
    assert found == [expected, "https://page.example"]


def test_micropips_setting_and_mocks(pyodide: NodePyodide) -> None:
    pyodide.load_packages(["micropip"])
    found = pyodide.run(
        """
        import micropip
        from micropip_lock.environment import default_index_urls, detect
        untouched = default_index_urls() == detect().index_urls
        before = micropip._package_manager_singleton.index_urls
        micropip.set_index_urls(["https://index.example/simple"])
        micropip.add_mock_package("In.Memory", "1.2.0")
        micropip.add_mock_package("on-disk", "1", persistent=True)
        try:
            found = detect()
        finally:
            micropip.set_index_urls(before)
            micropip.remove_mock_package("In.Memory")
        [untouched, found.index_urls, dict(found.in_memory), dict(found.loaded)]
        """,
        fresh=True,
    )
    channels = {"micropip": "default channel", "packaging": "default channel"}
    assert found == [True, ["https://index.example/simple"], {"in-memory": "1.2.0"}, channels]


def test_the_python_of_a_venv(pyodide: NodePyodide, tmp_path: Path) -> None:
    """It reads what pip and uv read on the host:

    the venv's own configuration, the user's, and the environment.
    """
    venv, dist, home = tmp_path / "venv", tmp_path / "xbuildenv" / "dist", tmp_path / "home"
    for folder in (venv, dist, home / ".config" / "pip"):
        folder.mkdir(parents=True)
    runtimes.write_json(dist / "pyodide-lock.json", {"packages": {}})
    (venv / "pyvenv.cfg").write_text("home = /mnt/machine/xbuildenv/dist\n")
    (venv / "pip.conf").write_text("[global]\nindex-url = https://index.example/venv\n")
    (home / ".config" / "pip" / "pip.conf").write_text(
        "[global]\nfind-links = https://index.example/links\n"
    )
    pyodide.mount(tmp_path, "/mnt/machine")
    found = pyodide.run(
        """
        import js, os, sys
        import pyodide_js
        from micropip_lock import environment
        config = pyodide_js._api.config
        before = sys.prefix, js.process.env.HOME, getattr(config, "cdnUrl", None)
        sys.prefix, js.process.env.HOME = "/mnt/machine/venv", "/mnt/machine/home"
        config.cdnUrl = "https://cdn.example/v1/full/"
        os.environ["UV_INDEX"] = "https://index.example/uv"
        try:
            found = environment.detect()
            configured = environment.configured_indexes()
        finally:
            sys.prefix, js.process.env.HOME, config.cdnUrl = before
        {
            "index_urls": found.index_urls,
            "find_links": found.find_links,
            "the same": configured == (found.index_urls, found.find_links),
            "base": [found.base_url, str(found.base_dir)],
            "live": found.loaded is not None,
        }
        """,
        fresh=True,
    )
    assert found == {
        "index_urls": ["https://index.example/venv", "https://index.example/uv"],
        "find_links": ["https://index.example/links"],
        "the same": True,
        "base": ["https://cdn.example/v1/full/", "/mnt/machine/xbuildenv/dist"],
        "live": True,
    }


def test_a_venv_cannot_be_named_inside(pyodide: NodePyodide) -> None:
    message = pyodide.run(
        """
        from pathlib import Path
        from micropip_lock.errors import InputError
        from micropip_lock.environment import detect
        try:
            detect(Path("x"))
        except InputError as error:
            message = str(error)
        message
        """,
        fresh=True,
    )
    assert "inside Pyodide" in message
