"""The group of commands, and what they have in common: options, errors, exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import click

from .. import __version__
from .._util.text import showable
from .._util.url import shown_within
from ..errors import (
    FetchError,
    InputError,
    MicropipLockError,
    Problem,
    ResolutionError,
    UnlockableError,
)
from ..network import Fetcher, default_cache_dir, run_sync
from ..storage import Facts, facts_in
from .console import Output, print_json

T = TypeVar("T")

DONE, NO, USAGE, UNANSWERED, INTERRUPTED = 0, 1, 2, 3, 130


@dataclass(frozen=True, slots=True)
class Common:
    """The options that every command has."""

    json: bool
    quiet: bool
    verbose: bool
    offline: bool
    refresh: bool
    no_cache: bool
    cache_dir: Path | None
    jobs: int | None
    color: str

    def output(self) -> Output:
        """The console for text for people."""
        return Output(quiet=self.quiet, color=self.color)

    def run(self, make: Callable[[Fetcher], Coroutine[Any, Any, T]]) -> T:
        """Run ``make(fetcher)`` to its end, with the fetcher for these options."""
        return run_sync(
            make, offline=self.offline, refresh=self.refresh, cache_dir=self.cache, jobs=self.jobs
        )

    def call(
        self,
        label: str,
        operation: Callable[..., Coroutine[Any, Any, T]],
        *arguments: Any,
        **options: Any,
    ) -> T:
        """Run an operation to its end, with fetcher, facts and progress for these options.

        ``label`` says beside the progress what is done.
        """
        with self.output().progress(label) as progress, self.facts() as facts:
            return self.run(
                lambda fetcher: operation(
                    *arguments,
                    refresh=self.refresh,
                    fetcher=fetcher,
                    facts=facts,
                    progress=progress,
                    **options,
                )
            )

    @contextmanager
    def facts(self) -> Iterator[Facts]:
        """The store of facts in the cache folder of these options."""
        facts = facts_in(self.cache)
        try:
            yield facts
        finally:
            facts.close()

    @property
    def cache(self) -> Path | None:
        """The folder of the cache for these options; None: none."""
        return None if self.no_cache else self.cache_dir or default_cache_dir()


_COMMON = (
    click.option("--json", "json", is_flag=True, help="Print one JSON document instead of text."),
    click.option("-q", "--quiet", is_flag=True, help="Print no text but errors."),
    click.option("-v", "--verbose", is_flag=True, help="Show the causes of errors."),
    click.option("--offline", is_flag=True, help="Ask the cache only, never the network."),
    click.option("--refresh", is_flag=True, help="Ask the servers even what the cache knows."),
    click.option("--no-cache", is_flag=True, help="Neither read nor write the cache."),
    click.option(
        "--cache-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="The folder of the cache.",
    ),
    click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="Requests at a time."),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="Colours.",
    ),
)


def command(
    function: Callable[..., int], *, interrupted: str = "nothing was written"
) -> Callable[..., None]:
    """Give a command the common options as ``common``, and turn errors into text and exit status.

    ``interrupted`` is what Ctrl-C leaves.
    """

    @wraps(function)
    def run(**arguments: Any) -> None:
        common = Common(**{item.name: arguments.pop(item.name) for item in fields(Common)})
        try:
            status = function(common=common, **arguments)
        except MicropipLockError as error:
            status = _report(error, common)
        except KeyboardInterrupt:
            common.output().say(f"Interrupted; {interrupted}.")
            status = INTERRUPTED
        except BrokenPipeError:  # the process that reads the output has ended
            _forget_stdout()
            status = NO
        raise SystemExit(status)

    for option in reversed(_COMMON):
        run = option(run)
    return run


def _report(error: MicropipLockError, common: Common) -> int:
    problems = error.problems if isinstance(error, UnlockableError | ResolutionError) else ()
    if common.json:
        code = problems[0].code if problems else _code(error)
        document = {
            "error": code,
            "message": str(error),
            "problems": [problem.to_json() for problem in problems],
        }
        print_json(document)
    else:
        common.output().error(error)
    if common.verbose:
        common.output().causes(error)
    return _status(error)


def _code(error: MicropipLockError) -> str:
    if isinstance(error, FetchError):
        return error.code
    return "input" if isinstance(error, InputError) else "error"


def _status(error: MicropipLockError) -> int:
    if isinstance(error, UnlockableError):
        return UNANSWERED if error.unanswered else NO
    if isinstance(error, FetchError):
        return UNANSWERED
    return USAGE if isinstance(error, InputError) else NO


def warnings_to_json(warnings: tuple[Problem, ...]) -> list[dict[str, str | None]]:
    """Warnings as JSON objects."""
    return [warning.to_json() for warning in warnings]


def _forget_stdout() -> None:
    """Let the rest go to nowhere: Python would try to write it at exit, and complain once more."""
    with suppress(OSError, ValueError):  # tests have no file there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _showable() -> Iterator[None]:
    """click quotes what it cannot use, which may be a URL with a password."""
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = shown_within(error.message)  # final, as far as type checkers know
        raise


def _complain(text: str) -> None:
    with suppress(OSError):  # stderr may be full as well
        click.echo(showable(text), err=True)


class _Commands(click.Group):
    """The commands, each imported when it is used: they bring much that the others do not need."""

    #: The module and the function of each command.
    _COMMANDS: ClassVar = {
        "bundle": ("bundle", "bundle_command"),
        "cache": ("cache", "cache"),
        "check": ("check", "check_command"),
        "diff": ("diff", "diff_command"),
        "export": ("export", "export_command"),
        "freeze": ("freeze", "freeze_command"),
        "import": ("import_pylock", "import_command"),
        "outdated": ("outdated", "outdated_command"),
        "resolve": ("resolve", "resolve_command"),
        "retarget": ("retarget", "retarget_command"),
        "sync": ("sync", "sync_command"),
        "tree": ("tree", "tree_command"),
        "verify": ("verify", "verify_command"),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._COMMANDS)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and say it where stdout cannot be written to."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            _forget_stdout()
            place = "the output" if error.filename is None else shown_within(str(error.filename))
            _complain(f"error: Cannot write {place}: {error.strerror or error}.")
            sys.exit(USAGE)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C may come before it has begun."""
        try:
            with _showable():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            _complain("Interrupted; nothing was written.")
            sys.exit(INTERRUPTED)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the command line."""
        with _showable():
            return super().make_context(*args, **kwargs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._COMMANDS:
            return None
        module, function = self._COMMANDS[cmd_name]
        found: click.Command = getattr(import_module(f".{module}", __package__), function)
        return found


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="micropip-lock")
def micropip_lock() -> None:
    """Lock installed Pyodide environments, with proof."""
