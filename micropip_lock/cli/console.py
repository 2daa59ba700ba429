"""Text for people, on stderr: tables, problems, progress."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from .._util.progress import Progress as Progressing
from .._util.progress import Running, Tally, Transfer, Transfers, cost, count, size
from .._util.text import showable
from .._util.url import shown_within
from ..errors import InputError, MicropipLockError, Problem, ResolutionError, UnlockableError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.table import Table
    from rich.text import Text

    from ..operations.results import ResolveResult
    from ..operations.verify.run import Verdict

_STYLES = {"accepted": "yellow", "metadata": "cyan"}


class Output:
    """Says things on stderr; ``quiet`` keeps everything but errors back."""

    def __init__(self, *, quiet: bool, color: str) -> None:
        self._quiet = quiet
        self._color = color

    @cached_property
    def _console(self) -> Console:
        from rich.console import (
            Console,
        )  # takes a while, and is not needed where nothing is printed

        class Stderr(Console):
            def on_broken_pipe(self) -> None:
                raise BrokenPipeError  # rich would end the process

        terminal = {"auto": None, "always": True, "never": False}[self._color]
        return Stderr(
            stderr=True,
            force_terminal=terminal,
            no_color=self._color == "never",
            highlight=False,
            soft_wrap=False,
        )

    def show(self, *renderables: Text | Table) -> None:
        """Print to stderr, and ignore a failure of that: it must not cost the result."""
        with suppress(OSError):
            for item in renderables:
                self._console.print(item, soft_wrap=True)

    @property
    def width(self) -> int:
        """The columns of the terminal."""
        return self._console.width

    def _print(self, text: str, *, label: str = "", style: str = "") -> None:
        """Print a line as it stands: no markup."""
        from rich.text import Text

        self.show(Text.assemble((label, "bold red"), (showable(text), style)))

    def say(self, text: str) -> None:
        """Print a line."""
        if not self._quiet:
            self._print(text)

    def error(self, error: MicropipLockError) -> None:
        """Print an error, every problem of it with what to do next."""
        first, *rest = str(error).split("\n")
        if isinstance(error, UnlockableError):
            for problem in error.problems:
                self._problem(problem, "bold red")
            self._print(first, style="bold")
            return
        is_explained = isinstance(error, ResolutionError)
        self._print(first if is_explained else f" {first}", label="" if is_explained else "error:")
        for line in rest:
            self._print(line)

    def causes(self, error: BaseException) -> None:
        """Print what led to an error, one line each."""
        cause = _cause(error)
        while cause is not None:
            self._print(f"  caused by {type(cause).__name__}: {shown_within(str(cause))}")
            cause = _cause(cause)

    def warnings(self, warnings: Sequence[Problem]) -> None:
        """Print warnings."""
        if not self._quiet:
            for warning in warnings:
                self._problem(warning, "yellow")

    def _problem(self, problem: Problem, style: str) -> None:
        from rich.text import Text

        code, message = showable(problem.code), showable(problem.message)
        line = Text.assemble((code, style), "  ", (problem.subject, "bold"), "  ", message)
        self.show(line, Text("    " + showable(problem.hint), style="dim"))

    def result(self, result: ResolveResult) -> None:
        """Print the evidence, what was left out, and the totals."""
        if self._quiet:
            return
        from rich.table import Table
        from rich.text import Text

        from .._util.html import whence

        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("package", no_wrap=True)
        table.add_column("version", no_wrap=True)
        table.add_column("from", overflow="ellipsis")  # the one that gives way in a narrow terminal
        table.add_column("proof", no_wrap=True)
        if any(evidence.size for evidence in result.evidence):  # micropip reports none
            table.add_column("size", justify="right", no_wrap=True)
        for evidence in result.evidence:
            proof = Text(evidence.proof, style=_STYLES.get(evidence.proof, "green"))
            words = [
                Text(showable(text))
                for text in (evidence.package, evidence.version, whence(evidence))
            ]
            cells = (*words, proof, Text(size(evidence.size)))
            table.add_row(*cells[: len(table.columns)])
        with suppress(OSError):
            self._console.print(table)
        for note in result.notes:
            self.say(note)
        self.warnings(result.warnings)
        self.say(result.summary)

    def verdict(self, verdict: Verdict, advice: Collection[str]) -> None:
        """Print the errors, then the advice (problems of these codes), then the totals."""
        wrong = [problem for problem in verdict.problems if problem.code not in advice]
        for problem in wrong:
            self._problem(problem, "bold red")
        self.warnings([problem for problem in verdict.problems if problem.code in advice])
        found = f"{count(len(wrong), 'problem')}, {len(verdict.problems) - len(wrong)} advice"
        self.say(
            f"{count(verdict.packages, 'package')} checked: "
            f"{cost(verdict.requests, verdict.bytes)}. {found}."
        )

    @contextmanager
    def progress(self, verb: str) -> Iterator[Progressing | None]:
        """A bar that counts packages, after a label; nothing where there is no terminal."""
        if self._quiet or not self._console.is_terminal:
            yield None
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (
            TextColumn(verb),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[name]}", markup=False),
        )
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(verb, total=None, name="")

            def step(done: int, total: int, package: str) -> None:
                bar.update(task, completed=done, total=total, name=showable(package))

            yield step

    @contextmanager
    def transfers(self) -> Iterator[Transfers | None]:
        """One line for each running download and one for all; plain lines without a terminal."""
        if self._quiet:
            yield None
            return
        if not self._console.is_terminal:
            yield _PlainTransfers(self)
            return
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.table import Column

        columns = (
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            BarColumn(bar_width=20),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True, expand=True) as bar:
            yield Tally(_Bars(bar).draw)


class _Bars:
    """Draws a `Tally` by rich."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._all = bar.add_task("all", total=None)
        self._tasks: dict[Running, TaskID] = {}

    def draw(self, tally: Tally) -> None:
        for item in tally.running:
            if item not in self._tasks:
                self._tasks[item] = self._bar.add_task(showable(item.name), total=None)
            self._bar.update(self._tasks[item], completed=item.received, total=item.size)
        for item in self._tasks.keys() - set(tally.running):
            self._bar.remove_task(self._tasks.pop(item))
        done = f"{count(tally.done, 'file')} done, {len(tally.running)} under way"
        self._bar.update(
            self._all, completed=tally.received, total=tally.total or None, description=done
        )


class _PlainTransfers:
    """Downloads, a line for each that ends."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def begin(self, name: str) -> Transfer:
        return _PlainTransfer(self._output, name)


class _PlainTransfer:
    def __init__(self, output: Output, name: str) -> None:
        self._output, self._name, self._size = output, name, 0

    def expect(self, size: int) -> None:
        """A line says it at the end."""

    def advance(self, count: int) -> None:
        self._size += count

    def end(self, done: bool) -> None:
        self._output.say(f"{self._name}  {size(self._size) if done else 'failed'}")


def _cause(error: BaseException) -> BaseException | None:
    # «raise ... from None» hides what may quote a password.
    return error.__cause__ if error.__suppress_context__ else error.__cause__ or error.__context__


def print_json(document: object) -> None:
    """Print a document on stdout: in ASCII, so that every encoding has it and no character steers
    the terminal.

    Raises `InputError` for what JSON cannot say, and OSError.
    """
    try:
        text = json.dumps(document, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f"The result cannot be written as JSON ({error}). Is the lock nested too deeply?"
        ) from error
    print_text(text + "\n")


def print_text(text: str) -> None:
    """Print text on stdout as in a file: in UTF-8 for every encoding of the terminal."""
    import click

    click.echo(text.encode(errors="backslashreplace"), nl=False)
