"""Progress bars in a notebook; elsewhere only the caller's ``progress`` is called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .._util.progress import Progress, Tally, Transfers
from .._util.text import showable
from ..environment import Screen, live
from ..errors import UnlockableError


@contextmanager
def packages_shown(progress: Progress | None) -> Iterator[Progress | None]:
    """The caller's; else, in a notebook, a bar that counts packages."""
    screen = live() if progress is None else None
    if screen is None:
        yield progress
        return
    from .._util import html as display

    with _closing(screen):
        yield lambda done, total, package: screen.draw(display.bar(done, total, package))


@contextmanager
def transfers_shown(progress: Transfers | None) -> Iterator[Transfers | None]:
    """The caller's; else, in a notebook, a bar for each file on its way."""
    screen = live() if progress is None else None
    if screen is None:
        yield progress
        return
    from .._util import html as display

    with _closing(screen):
        yield Tally(lambda tally: screen.draw(display.transfers(tally)))


@contextmanager
def _closing(screen: Screen) -> Iterator[None]:
    """Leave the problems on the screen when it ends with some, and nothing otherwise."""
    problems = ""
    try:
        yield
    except UnlockableError as error:
        if not error.displayed:
            problems = _problems(error)
            error.displayed = True
        raise
    finally:
        screen.close(problems)


def _problems(error: UnlockableError) -> str:
    from .._util import html as display

    title = showable(error.args[0])
    return display.page(display.problems(error.problems, title))
