"""What ``import micropip_lock`` costs a page:

no library of the host, and nothing that is not needed yet.
"""

from __future__ import annotations

from tests.support.node_pyodide import NodePyodide
from tests.support.runner_session import RunnerSession

HOST = {
    "click",
    "h2",
    "httpcore",
    "httpx",
    "micropip",
    "platformdirs",
    "rich",
    "sqlite3",
    "ssl",
}
#: What proves, asks for wheels or shows results: not needed where micropip installed everything.
UNUSED = (
    "_util.html",
    "index.client",
    "index.remote_wheel",
    "proof.prover",
    "formats.install_report",
)
#: What only the host needs.
HOST_SIDE = (
    *("environment.host", "environment.venv", "environment.pip_config", "environment.uv_config"),
    *("network.httpx_fetcher", "network.cache", "formats.project_page_html", "cli"),
    *("storage.database", "storage.facts", "storage.maintenance", "storage.wheels"),
)
NEW = """
import sys
before = set(sys.modules)
{code}
sorted(set(sys.modules) - before)
"""


def modules(session: NodePyodide, code: str) -> set[str]:
    """The modules that are imported by ``code``, and were not before."""
    return set(session.run(NEW.format(code=code), fresh=True))


def test_import_loads_nothing(pyodide314: RunnerSession) -> None:
    assert modules(pyodide314, "import micropip_lock") == {"micropip_lock"}


def test_freeze_loads_no_host_library(pyodide314: RunnerSession) -> None:
    loaded = modules(pyodide314, "import micropip_lock; micropip_lock.freeze")
    loaded |= modules(
        pyodide314, "await micropip_lock.freeze()".join(["import micropip_lock; ", ""])
    )
    assert not {name.partition(".")[0] for name in loaded} & HOST
    own = {name for name in loaded if name.startswith("micropip_lock.")}
    assert "micropip_lock.environment.pyodide" in own
    assert own.isdisjoint(f"micropip_lock.{name}" for name in HOST_SIDE)
    # Nothing has to be proved here, so nothing is loaded that would ask for it, or show it in a
    # notebook.
    assert own.isdisjoint(f"micropip_lock.{name}" for name in UNUSED)
    assert loaded.isdisjoint({"csv", "email", "html", "tomllib"})
