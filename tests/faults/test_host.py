"""The cells of the matrix on the host: every command meets every fault."""

from __future__ import annotations

from typing import NoReturn

import pytest

from micropip_lock.cli.main import _Commands

from .conftest import RecordCell
from .matrix import FAULTS, Fault, Matrix
from .operations import OPERATIONS, Operation
from .table import documented, short


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_cell(operation: Operation, fault: Fault, matrix: Matrix, record_cell: RecordCell) -> None:
    found = matrix.outcome(operation, fault)
    assert fault.allows(found), found
    record_cell(fault.name, operation.name, short(found))


def test_the_page_has_no_other_cells() -> None:
    columns = {operation.name for operation in OPERATIONS}
    host = {cell for cell in documented() if cell[1] in columns}
    assert host == {(fault.name, operation.name) for fault in FAULTS for operation in OPERATIONS}


@pytest.mark.parametrize(
    "command", ["diff", "diff --json", "freeze", "freeze --json", "export", "help"]
)
def test_no_room_for_stdout(command: str, matrix: Matrix) -> None:
    """As in ``micropip-lock freeze > lock.json`` on a full disk."""
    made = matrix.scene
    made.reset()
    lock = str(made.at("lock.json"))
    arguments = {
        "diff": ["diff", lock, str(made.at("out/out.json"))],
        "freeze": [
            "freeze",
            "--venv",
            str(made.at("venv")),
            "--index-url",
            made.index.url_with_password,
        ],
        "export": ["export", lock, "--format", "requirements"],
        "help": ["freeze", "--help"],
    }
    name, *options = command.split()
    before = made.files()
    done, _ = matrix.victim.run([*made.command(*arguments[name], *options)], stdout="/dev/full")
    assert done.status == 2, done
    assert done.err.endswith("error: Cannot write the output: No space left on device.\n")
    assert "Traceback" not in done.err
    assert made.files() == before


def test_ctrl_c_before_a_command_begins(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its module is imported when it is asked for, and that takes a while."""

    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(_Commands, "get_command", interrupted)
    done = matrix.scene.run("diff")
    assert (done.status, done.err) == (130, "Interrupted; nothing was written.\n")
