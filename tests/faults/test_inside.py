"""The cells of the matrix in Pyodide: in Node and in Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ..support.session import PyodideSession
from .conftest import RecordCell
from .inside import INSIDE_FAULTS, PLACES, Inside, inside
from .network import NetworkFault
from .server import FaultyIndex

SharedRunners = Callable[[str, bool], PyodideSession]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyIndex]:
    with FaultyIndex(tmp_path_factory.mktemp("index"), "127.0.0.1") as server:
        yield server


@pytest.fixture(scope="module", params=PLACES)
def running(
    request: pytest.FixtureRequest,
    index: FaultyIndex,
    shared_runners: SharedRunners,
    runtime: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Inside:
    """The runtime of a place, for all its cells."""
    place: str = request.param
    session = shared_runners(runtime, place.startswith("worker"))
    return inside(session, place, tmp_path_factory.mktemp("inside"), index)


@pytest.mark.parametrize("fault", INSIDE_FAULTS, ids=lambda fault: fault.name)
def test_cell(running: Inside, fault: NetworkFault, record_cell: RecordCell) -> None:
    record_cell(fault.name, running.place, running.outcome(fault))
