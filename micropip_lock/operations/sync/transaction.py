"""Change an environment package by package: each is always wholly the old or the new one.

New files are staged in a work folder inside site-packages, on the same file system, and moved out
of it by renaming, whole folders at once where none exist yet. Before the first move of a package a
journal says which files will be moved; a later run finds the journal of a killed one, and moves
each of them back. Where no journal can be kept the next sync makes it what its lock says: RECORD
goes last and comes first, so the owner of every file of a half done package is known.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..._util.files import remove
from ..._util.locking import locked_folder
from ...errors import InputError
from .environment_files import WORK, EnvironmentFiles, files_below, is_below, move, move_tree
from .journal import Journal, Moves
from .recovery import interrupted, undo


class Transaction:
    """The work folder of an environment, for this process alone.

    ``prefix`` is the folder that everything of the environment lies in, ``site`` its site-packages.
    Paths of files are relative to ``prefix``, with ``/``.
    """

    def __init__(self, prefix: Path, site: Path) -> None:
        self.prefix = prefix
        self._site = site
        self._files = EnvironmentFiles(prefix, site)
        self._reserved = site / WORK
        self._run = secrets.token_hex(16)
        self._journal = Journal(prefix, site)
        self._pending: Moves | None = None
        self._is_journaled = False
        self._numbers: dict[str, str] = {}

    @property
    def work(self) -> Path:
        """The folder of this run, whose name no wheel can know."""
        return self._reserved / self._run

    @contextmanager
    def opened(self) -> Iterator[tuple[str, ...]]:
        """Lock the environment, undo what a killed run left half done, and make the work folder.

        The value is the names of the packages for which something was undone.

        Raises `InputError` when another process works on this environment, or nothing can be
        written there.
        """
        try:
            with locked_folder(self._site) as is_alone:
                if not is_alone:
                    raise InputError(
                        f"Another process is changing {self.prefix}. Try again when it has ended."
                    )
                undone = self._recover()
                self._make()
                try:
                    yield undone
                finally:
                    if not self.pending:
                        shutil.rmtree(self._reserved, ignore_errors=True)
                    self._journal.leave()
        except OSError as error:
            raise InputError(
                f"Cannot change {self.prefix}: {error.strerror or error} ({error.filename})."
            ) from error

    def interrupted(self) -> tuple[str, ...]:
        """The packages that a killed run left half done, which `opened` would undo.

        Raises `InputError` when the journal cannot be read.
        """
        moves = interrupted(self._journal, self._reserved)
        return () if moves is None else moves.packages

    @property
    def is_clean(self) -> bool:
        """Whether no earlier run has left files in the work folder."""
        return not os.path.lexists(self._reserved) and self._journal.read() is None

    @property
    def pending(self) -> bool:
        """Whether a package is half done."""
        return self._pending is not None

    @property
    def outcome(self) -> str:
        """The state after a step that failed, as a sentence of an error message."""
        if self._pending is None:
            return "It is as it was before."
        if self._is_journaled:
            return "The next sync puts it back as it was."
        return "The next sync makes it what its lock says."

    def staged(self, package: str) -> Path:
        """The folder for the new files of a package, laid out like ``prefix``."""
        return self.work / "new" / self._number(package)

    def downloads(self, package: str) -> Path:
        """The folder for the wheel of a package."""
        return self.work / "wheels" / self._number(package)

    def incoming(self, package: str) -> list[str]:
        """The files that are staged for a package."""
        return sorted(files_below(str(self.staged(package))))

    def apply(self, packages: Sequence[str], old: Iterable[str]) -> list[str]:
        """Replace the files ``old`` by those staged for ``packages``, in one step.

        Returns the new files.
        """
        incoming = {package: self.incoming(package) for package in packages}
        with self.exchanging(incoming, old) as new:
            for package, names in incoming.items():
                self._move_record(self.staged(package), names)
            for package in incoming:
                move_tree(str(self.staged(package)), str(self.prefix))
        return new

    @contextmanager
    def exchanging(
        self, incoming: Mapping[str, Sequence[str]], old: Iterable[str]
    ) -> Iterator[list[str]]:
        """Move ``old`` files out while the caller moves the ``incoming`` in; yields the new files.

        On any error everything is put back. What is in the way of a new file is moved out like an
        old one: a file, a file where a folder has to be, a symbolic link that leads out of the
        environment.
        """
        new = sorted({name for names in incoming.values() for name in names})
        barriers = self._files.barriers(new)
        inside = [name for name in new if not is_below(name, barriers)] if barriers else new
        self._files.check_environment(inside)
        outgoing = dict.fromkeys([*old, *barriers, *self._files.existing(inside)])
        moves = Moves(
            self._run,
            tuple(incoming),
            tuple(sorted(outgoing, key=self._files.is_record)),
            {self._number(package): tuple(names) for package, names in incoming.items()},
        )
        self._begin(moves)
        try:
            trash = self.work / "old"
            trash.mkdir(exist_ok=True)
            for number, name in enumerate(moves.outgoing):
                move(f"{self.prefix}/{name}", f"{trash}/{number}")
            self._files.remove_emptied_folders(moves.outgoing)
            self._files.remove_folders_at(new)
            yield new
        except BaseException:
            self._undo(moves)
            raise
        self._end()
        for folder in (trash, *map(self.staged, incoming)):
            shutil.rmtree(folder, ignore_errors=True)

    def _number(self, package: str) -> str:
        """The folder name of a package: a number, because the package's name comes from a lock."""
        return self._numbers.setdefault(package, str(len(self._numbers)))

    def _make(self) -> None:
        """Make the work folder, where a killed run may have left its own."""
        remove(self._reserved)
        # Of a run that kept no journal the last step of removing a package may be missing.
        for name in os.listdir(self._site):
            if name.endswith(".dist-info"):
                with suppress(OSError):  # it is not empty
                    os.rmdir(self._site / name)
        for folder in (self._reserved, self.work):
            folder.mkdir(mode=0o700)

    def _begin(self, moves: Moves) -> None:
        self._is_journaled = self._journal.write(moves)
        self._pending = moves

    def _end(self) -> None:
        if self._is_journaled:
            self._journal.remove()
        self._pending = None

    def _recover(self) -> tuple[str, ...]:
        moves = interrupted(self._journal, self._reserved)
        if moves is None:
            with suppress(OSError):
                self._journal.remove()  # of an earlier environment in the same folder
            return ()
        self._is_journaled = True
        self._undo(moves)
        return moves.packages

    def _move_record(self, staged: Path, names: Iterable[str]) -> None:
        """Move what lists the files of a package before any of them."""
        for name in names:
            if self._files.is_record(name):
                folder = name.rpartition("/")[0]
                whole = name if os.path.lexists(self.prefix / folder) else folder
                os.replace(staged / whole, self.prefix / whole)

    def _undo(self, moves: Moves) -> None:
        """Move everything back. On OSError the moves stay pending."""
        undo(moves, self._files, self._reserved / moves.run)
        self._end()
