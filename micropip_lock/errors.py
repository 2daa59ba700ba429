"""What can go wrong, as values and as exceptions.

::

    MicropipLockError
      x UnlockableError     packages that no true lock can name; carries every Problem
      x ResolutionError     requirements without a solution
      x InputError          an argument, a file or a folder that cannot be used
      x FetchError          a request that got no usable answer; carries the reason
      x IntegrityError      bytes that are not the bytes that were promised
      x SuspensionError     a synchronous call that would have to wait
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ._util.text import showable
from ._util.url import shown, shown_within

__all__ = [
    "FetchError",
    "InputError",
    "IntegrityError",
    "MicropipLockError",
    "Problem",
    "ResolutionError",
    "SuspensionError",
    "UnlockableError",
]

#: Why a request got no usable answer:
#:
#: * ``no-connection``: host unknown, connection refused or broken, TLS, time-out
#: * ``not-allowed``: 401, 403, a file that may not be read
#: * ``bad-answer``: another status, an answer cut or of the wrong kind, a URL that cannot be
#:   requested
#: * ``gone``: 404, 410, a file that does not exist
#: * ``offline``: not in the cache, and no request may be sent
Reason = Literal["no-connection", "not-allowed", "bad-answer", "gone", "offline"]

#: Problems of these codes say «could not find out», not «no»: an answer was not to be had.
UNANSWERED = frozenset({"unreachable", "not-allowed"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of one package, with a hint.

    ``code`` is one of the fixed words of the contract (``sdist``, ``content-mismatch`` ...),
    ``package`` a canonical name, ``message`` says what is wrong and where, ``hint`` what to do
    next. ``url``, and the URLs within ``message`` and ``hint``, carry no credentials, query or
    fragment.
    """

    code: str
    package: str
    version: str | None
    message: str
    hint: str
    url: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", shown_within(self.message))
        object.__setattr__(self, "hint", shown_within(self.hint))
        if self.url is not None:
            object.__setattr__(self, "url", shown(self.url))

    def __str__(self) -> str:
        """Two lines, for all values of the fields."""
        return "\n".join(self.lines)

    @property
    def subject(self) -> str:
        """The package, and its version if that is known, fit to be shown."""
        return showable(f"{self.package} {self.version}" if self.version else self.package)

    @property
    def lines(self) -> tuple[str, str]:
        """The message and the hint, each in one line without control characters."""
        return (
            f"{self.subject}: {showable(self.message)} [{showable(self.code)}]",
            f"  {showable(self.hint)}",
        )

    def to_json(self) -> dict[str, str | None]:
        """The problem as a JSON object, with every field."""
        return {
            "code": self.code,
            "package": self.package,
            "version": self.version,
            "message": self.message,
            "hint": self.hint,
            "url": self.url,
        }


class MicropipLockError(Exception):
    """The root of every error that this package raises on purpose.

    It is made of lines. Text of a lock, a package or a server never adds one: `str` makes each line
    fit to be shown. URLs in it carry no credentials.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__(*map(shown_within, lines))

    def __str__(self) -> str:
        return "\n".join(map(showable, self.args))

    def _render_traceback_(self) -> list[str]:
        """What IPython prints: the message says it all."""
        return [f"{type(self).__name__}: {self}"]


class UnlockableError(MicropipLockError):
    """Some packages cannot be locked truthfully; nothing was written.

    ``problems`` holds every problem of every package, ordered by package and code; ``outcome`` is
    what the message says of the packages.
    """

    def __init__(
        self, problems: Iterable[Problem], outcome: str = "cannot be locked; nothing was written"
    ) -> None:
        self.problems = tuple(
            sorted(problems, key=lambda problem: (problem.package, problem.code, problem.message))
        )
        packages = len({problem.package for problem in self.problems})
        count = "1 package" if packages == 1 else f"{packages} packages"
        super().__init__(
            f"{count} {outcome}.", *(line for problem in self.problems for line in problem.lines)
        )

    #: Whether a notebook shows the problems already.
    displayed = False

    def _render_traceback_(self) -> list[str]:
        shown = self.args[0] if self.displayed else str(self)
        return [f"{type(self).__name__}: {shown}"]

    @property
    def unanswered(self) -> bool:
        """Whether nothing definite was found: every problem is a missing answer."""
        return all(problem.code in UNANSWERED for problem in self.problems)


class ResolutionError(MicropipLockError):
    """The requirements have no solution.

    ``lines`` say why; ``problems`` holds what each package has to do with it, the most telling
    first.
    """

    def __init__(self, lines: Iterable[str], problems: Iterable[Problem] = ()) -> None:
        super().__init__(*lines)
        self.problems = tuple(problems)


class InputError(MicropipLockError):
    """An argument, a file or a folder cannot be used as it is.

    The message says why and what to do.
    """


class FetchError(MicropipLockError):
    """A request got no usable answer.

    ``reason`` says why, ``code`` is the problem's code that goes with it: ``not-allowed``, or
    ``unreachable`` for every other reason. ``url`` is shown without credentials.
    """

    def __init__(self, message: str, *, url: str, reason: Reason = "bad-answer") -> None:
        super().__init__(message)
        self.url = shown(url)
        self.reason: Reason = reason

    @property
    def code(self) -> Literal["unreachable", "not-allowed"]:
        """The code of the problem that this error makes."""
        return "not-allowed" if self.reason == "not-allowed" else "unreachable"


class GoneError(FetchError):
    """The server answers that there is no such file: 404 or 410."""

    def __init__(self, message: str, *, url: str) -> None:
        super().__init__(message, url=url, reason="gone")


class IntegrityError(MicropipLockError):
    """Bytes differ from what their hash, their size or their container promised."""


class SuspensionError(MicropipLockError):
    """A synchronous call would have to wait for the network; the message says what to await."""
