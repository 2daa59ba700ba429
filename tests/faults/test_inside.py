"""The cells of the matrix in Pyodide: in Node and in Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ..support import runtimes
from ..support.node_pyodide import NodePyodide
from ..support.session import PyodideSession
from ..support.site_server import SiteServer
from .conftest import RecordCell
from .inside import INSIDE_FAULTS, PLACES, Inside, inside
from .network import NetworkFault
from .server import FaultyIndex

Boot = Callable[[str, Callable[[], PyodideSession]], PyodideSession]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyIndex]:
    with FaultyIndex(tmp_path_factory.mktemp("index"), "127.0.0.1") as server:
        yield server


@pytest.fixture(scope="module", params=PLACES)
def running(
    request: pytest.FixtureRequest,
    index: FaultyIndex,
    shared_pyodide: Boot,
    tmp_path_factory: pytest.TempPathFactory,
) -> Inside:
    """The runtime of a place, for all its cells."""
    place: str = request.param
    if place.startswith("node"):
        session = shared_pyodide(runtimes.VERSIONS[-1], NodePyodide)
    else:
        from ..support.chromium import ChromiumPyodide

        driver, site = request.getfixturevalue("chromium"), request.getfixturevalue("site")
        assert isinstance(site, SiteServer)
        boot: Boot = request.getfixturevalue("shared_chromium")
        name = {"page": "main"}.get(place.partition("-")[0], "worker")
        session = boot(name, lambda: ChromiumPyodide(driver, site, worker=name == "worker"))
    return inside(session, place, tmp_path_factory.mktemp("inside"), index)


@pytest.mark.parametrize("fault", INSIDE_FAULTS, ids=lambda fault: fault.name)
def test_cell(running: Inside, fault: NetworkFault, record_cell: RecordCell) -> None:
    record_cell(fault.name, running.place, running.outcome(fault))
