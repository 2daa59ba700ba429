"""The cells of the matrix: a command meets a fault, and what becomes of it is looked at closely.

After each fault: no traceback, no secret, no file that is half there; what was there stays unless
the command is done; and the next run, when all is well again, ends as if nothing had happened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .machine import (
    CLOCK_FAULTS,
    DISK_FAULTS,
    PROCESS_FAULTS,
    ClockFault,
    DiskFault,
    ProcessFault,
    jumping,
)
from .network import NETWORK_FAULTS, NetworkFault
from .operations import Operation
from .scene import Done, Scene, is_temporary
from .victim import Victim

Fault = NetworkFault | DiskFault | ClockFault | ProcessFault
FAULTS: tuple[Fault, ...] = (*NETWORK_FAULTS, *DISK_FAULTS, *PROCESS_FAULTS, *CLOCK_FAULTS)

#: At how many steps a command is interrupted, from the first to the last.
MOMENTS = 4

#: What may become of a command, beside an exit status with the codes of the problems: the
#: undisturbed answer, perhaps with more requests; nothing at all, for the fault is none for it; and
#: an answer that is not the undisturbed one.
DONE, RETRIED, NOTHING, OTHER = "done", "retried", "-", "another answer"


@dataclass(frozen=True)
class Whole:
    """What an undisturbed run comes to."""

    done: Done
    essence: Any
    before: Mapping[str, str]
    after: Mapping[str, str]
    stages: tuple[str, ...]
    requests: int
    caches: bool


class Matrix:
    """Runs cells in a scene."""

    def __init__(self, scene: Scene, victim: Victim) -> None:
        self.scene = scene
        self.victim = victim
        self._whole: dict[str, Whole] = {}
        self._steps: dict[str, int] = {}

    def outcome(self, operation: Operation, fault: Fault) -> str:
        """What becomes of a command that meets a fault."""
        if isinstance(fault, NetworkFault):
            return self.network(operation, fault)
        if isinstance(fault, DiskFault):
            return self.disk(operation, fault)
        return (
            self.clock(operation, fault)
            if isinstance(fault, ClockFault)
            else self.process(operation, fault)
        )

    def prepare(self, operation: Operation) -> None:
        """The scene as it is before the command."""
        self.scene.reset()
        if operation.warm:
            self.run(operation)
            self.scene.heal()

    def run(self, operation: Operation, *options: str) -> Done:
        """Run the command, and check what never may be."""
        done = self.scene.run(*operation.command(self.scene), *options)
        self.scene.check_secrets(done.text)
        assert "Traceback" not in done.text, done.text
        return done

    def whole(self, operation: Operation) -> Whole:
        """The undisturbed run."""
        if operation.name not in self._whole:
            self.prepare(operation)
            before = self.scene.files()
            done = self.run(operation, "--json")
            requests = self.scene.index.requests
            stages = tuple(self.scene.index.stages())
            caches = any(path.is_file() for path in self.scene.cache.rglob("*"))
            self._whole[operation.name] = Whole(
                done, essence(done), before, self.scene.files(), stages, len(requests), caches
            )
            assert done.status == operation.status, done
            changed = {
                name for name, digest in self.scene.files().items() if before.get(name) != digest
            }
            changed |= before.keys() - self.scene.files().keys()
            assert all(
                any(belongs(name, place) for place in operation.writes) for name in changed
            ), changed
        return self._whole[operation.name]

    def network(self, operation: Operation, fault: NetworkFault) -> str:
        """A command meets a server that fails."""
        whole = self.whole(operation)
        found: dict[str, str] = {}
        fresh, said = False, None
        for where in fault.stages(operation, whole.stages):
            if not fresh:
                self.prepare(operation)
            with fault.applied(self.scene, where):
                done = self.run(operation, "--json")
                found[where] = word = self.judge(operation, done)
                asked = len(self.scene.index.requests)
                assert max(self.scene.pauses, default=0.0) == (fault.pause if asked else 0.0)
                if word not in (DONE, OTHER) and fault.scope != "once" and said is None:
                    said = self.run(operation, "-v")
                    check_said(done, said)
                    self.judge(operation, done)
            self.scene.heal()
            if word == DONE and fault.wastes and asked > whole.requests:
                found[where] = RETRIED
            # What failed has changed nothing, so the next kind of URL may meet the same scene.
            fresh = word not in (DONE, OTHER)
        return joined(found) + self.then(operation) if found else NOTHING

    def disk(self, operation: Operation, fault: DiskFault) -> str:
        """A command meets a disk that it cannot write to:

        where its result goes, and where the cache is.
        """
        whole = self.whole(operation)
        found: dict[str, str] = {}
        for where in ("out", "cache"):
            if not (whole.caches if where == "cache" else operation.writes):
                continue
            self.prepare(operation)
            with fault.applied(self.scene.at(where)):
                done = self.run(operation, "--json")
                word = self.judge(operation, done)
                if done.status != whole.done.status:
                    check_said(done, self.run(operation, "-v"))
            found[where] = word + self.then(operation)
        return joined(found) or NOTHING

    def clock(self, operation: Operation, fault: ClockFault) -> str:
        """The clock jumps while a command runs, is wrong for a second one, and right again for a
        third.
        """
        self.whole(operation)
        self.prepare(operation)
        self.scene.index.cache_control = "max-age=600"
        try:
            for start in (fault.from_call, 0):
                with jumping(fault.seconds, start):
                    word = self.judge(operation, self.run(operation, "--json"), again=start == 0)
                    assert word == DONE, word
            return DONE + self.then(operation)
        finally:
            self.scene.index.cache_control = None

    def process(self, operation: Operation, fault: ProcessFault) -> str:
        """A command is interrupted or killed, at several steps from the first to the last."""
        self.whole(operation)
        steps = self._count(operation)
        found = set()
        for moment in range(MOMENTS):
            self.prepare(operation)
            done = self._signalled(
                operation, fault.number, 1 + moment * (steps - 1) // (MOMENTS - 1)
            )
            if done.status != operation.status:  # else it was too late
                assert done.status == fault.status, done
                assert fault.says in done.err
                found.add(str(fault.status))
            self._check_half_done(operation, fault)
            found.add(self.then(operation, leaves=fault.leaves))
        return "".join(sorted(found, reverse=True)) or DONE

    def _count(self, operation: Operation) -> int:
        """How many steps a command has."""
        if operation.name not in self._steps:
            self.prepare(operation)
            done, steps = self.victim.run(
                self.scene.command(*operation.command(self.scene)), str(self.scene.folder)
            )
            assert (
                self.scene.files() == self.whole(operation).after
                and done.status == operation.status
            ), done
            self._steps[operation.name] = steps
        return self._steps[operation.name]

    def _signalled(self, operation: Operation, number: int, step: int) -> Done:
        arguments = self.scene.command(*operation.command(self.scene))
        done, _ = self.victim.run(arguments, str(self.scene.folder), number, step)
        self.scene.check_secrets(done.text)
        assert "Traceback" not in done.text, done.text
        return done

    def _check_half_done(self, operation: Operation, fault: ProcessFault) -> None:
        """Every file is the old or the new one.

        While sync is killed, what it replaces is in its work folder.
        """
        whole, files = self.whole(operation), self.scene.files()
        self.scene.check_cache()
        for name in {*files, *whole.before, *whole.after}:
            if is_temporary(name):
                assert fault.leaves, f"{name} was left"
                continue
            right = {whole.before.get(name)}
            if any(belongs(name, place) for place in operation.writes):
                right |= {
                    whole.after.get(name),
                    *([None] if fault.leaves and operation.name == "sync" else []),
                }
            assert files.get(name) in right, f"{name} is neither the old nor the new one"

    def judge(
        self, operation: Operation, done: Done, *, again: bool = False, leaves: bool = False
    ) -> str:
        """What became of a run that came to its end, in a word; the files are what they have to be.

        ``again``: an earlier run may have done some of it; ``leaves``: it was killed, and temporary
        files may be left.
        """
        whole, files = self.whole(operation), self.scene.files()
        if leaves:
            files = {name: digest for name, digest in files.items() if not is_temporary(name)}
        assert not [name for name in files if is_temporary(name)], files
        if done.status == whole.done.status:
            # Who runs again finds it done: sync has another plan then.
            same = again or essence(done) == whole.essence
            return DONE if same and files == whole.after else OTHER
        for name, digest in whole.before.items():
            assert name in operation.partial or files.get(name) == digest, f"{name} was changed"
        for name in files.keys() - whole.before.keys():
            assert any(belongs(name, place) for place in operation.grows), f"{name} is new"
            assert files[name] == whole.after[name], f"{name} is not whole"
        codes = {item["code"] for item in problems(done)} - {
            item["code"] for item in problems(whole.done)
        }
        return f"{done.status} {', '.join(sorted(codes)) or error(done)}"

    def then(self, operation: Operation, *, leaves: bool = False) -> str:
        """All is well again: what becomes of the next run, if that is not what it would be
        anyway.
        """
        self.scene.heal()
        self.scene.check_cache()
        word = self.judge(operation, self.run(operation, "--json"), again=True, leaves=leaves)
        return "" if word == DONE else f", and then {word}"


def belongs(name: str, place: str) -> bool:
    """Whether a file is that one, or in that folder."""
    return name == place or name.startswith(f"{place}/")


def document(done: Done) -> Any:
    """What --json printed."""
    return json.loads(done.out)


def problems(done: Done) -> list[Mapping[str, str]]:
    """The problems and warnings of a document."""
    told = document(done)
    return [*told.get("problems", ()), *told.get("warnings", ())]


def error(done: Done) -> str:
    """The code of a document that says what went wrong."""
    return str(document(done).get("error"))


def check_said(told: Done, said: Done) -> None:
    """What went wrong is said to programs and to people: where, and what to do next."""
    listed = problems(told)
    for problem in listed:
        assert len(problem["message"]) > 10 and len(problem["hint"]) > 10, problem
        assert problem["hint"].splitlines()[0] in said.err, problem
    if not listed:
        # Of two files that cannot be written, either may be the first.
        assert len(document(told)["message"]) > 20
        assert document(told)["message"].splitlines()[0].rpartition(": ")[2] in said.err


def essence(done: Done) -> Any:
    """What --json printed: the lock, or everything but what it took."""
    told = document(done)
    return told["lockfile"] if "lockfile" in told else _without(told)


_TAKEN = frozenset({"totals", "requests", "bytes", "source"})


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in _TAKEN}
    return [_without(item) for item in value] if isinstance(value, list) else value


def joined(found: Mapping[str, str]) -> str:
    """One text for what became of a command at each kind of URL."""
    words = set(found.values())
    if len(words) <= 1:
        return "".join(words)
    return "; ".join(f"{where}: {word}" for where, word in found.items())
