"""What a killed sync left half done: found by its journal, and moved back."""

from __future__ import annotations

import errno
from pathlib import Path

from ..._util.files import is_plain_folder
from .environment_files import LINK_OUT, EnvironmentFiles, ResolvedPrefix, exists, move
from .journal import Journal, Moves


def interrupted(journal: Journal, reserved: Path) -> Moves | None:
    """The moves of a killed run whose files are still in ``reserved``, the work folder.

    Raises `InputError` when the journal cannot be read.
    """
    moves = journal.read()
    if moves is None:
        return None
    has_files = is_plain_folder(reserved) and is_plain_folder(reserved / moves.run)
    return moves if has_files else None


def undo(moves: Moves, files: EnvironmentFiles, work: Path) -> None:
    """Move everything back, from and to ``work``, the folder of the run.

    Raises OSError where that cannot be done; it can then be tried again.
    """
    prefix = ResolvedPrefix(files.prefix)
    incoming = [(number, name) for number, names in moves.incoming.items() for name in names]
    arrived = [(number, name) for number, name in incoming if prefix.contains(name)]
    for number, name in arrived:
        staged = f"{work}/new/{number}/{name}"
        # What is no longer staged has been moved; back to where it was, so that this may be
        # done twice.
        if not exists(staged):
            move(f"{files.prefix}/{name}", staged)
    files.remove_emptied_folders([name for _, name in arrived])
    prefix = ResolvedPrefix(files.prefix)
    for position, name in enumerate(moves.outgoing):
        if not prefix.contains(name):
            raise OSError(errno.EPERM, LINK_OUT, f"{files.prefix}/{name}")
        move(f"{work}/old/{position}", f"{files.prefix}/{name}")
