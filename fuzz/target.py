"""What is fuzzed: a function that is given bytes, and knows what may come of them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["text", "json", "toml", "zip", "bytes"]


class BrokenPromise(AssertionError):
    """A parser did not keep what it promises."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parser, or a few that go together.

    ``run`` raises what should never be raised. ``reads`` says what the bytes are, ``modules`` are
    the parser's own.
    """

    name: str
    reads: str
    run: Callable[[bytes], None]
    modules: tuple[str, ...]
    #: How the structure of an input is changed.
    kind: Kind
    #: Small inputs of every shape.
    seeds: Sequence[bytes]
    #: What stands in such files.
    words: Sequence[str] = ()
    #: Size -> inputs of about that size, by what they are, that are made to be slow or deep.
    big: Callable[[int], Mapping[str, bytes]] = lambda size: {}
    #: The longest input that is tried.
    longest: int = 8192


@contextmanager
def only(*errors: type[Exception], most: int = 1 << 20) -> Iterator[None]:
    """Let these errors pass, and no other; each has to say something, in ``most`` characters."""
    try:
        yield
    except errors as error:
        promise(bool(str(error).strip()), "an error says nothing")
        promise(len(str(error)) <= most, "an error says too much")


def promise(kept: bool, what: str) -> None:
    """Raise `BrokenPromise` unless ``kept``."""
    if not kept:
        raise BrokenPromise(what)


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder, in memory where that is possible."""
    state = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        dir=state if sys.platform == "linux" and state.is_dir() else None
    ) as name:
        yield Path(name)
