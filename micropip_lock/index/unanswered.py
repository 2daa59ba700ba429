"""A request without a usable answer, as a problem of a package."""

from __future__ import annotations

from collections.abc import Mapping

from .._util.text import sentence
from ..errors import FetchError, Problem

#: What to do next, by the code of the problem.
HINTS: Mapping[str, str] = {
    "unreachable": (
        "Try again later, or check the network, the proxy and (in a browser) the server's CORS "
        "headers."
    ),
    "not-allowed": (
        "Give credentials for it: in the index URL, in netrc, in a keyring, or in pip's "
        "configuration."
    ),
}


def unanswered(
    error: FetchError,
    package: str,
    version: str | None,
    hints: Mapping[str, str] = HINTS,
    *,
    message: str | None = None,
    url: str | None = None,
) -> Problem:
    """The problem of a package for which a request got no usable answer.

    ``hints`` has what to do next by the code of the problem. ``message`` is the error as a
    sentence, and ``url`` that of the error, unless the caller knows better ones.
    """
    said = sentence(error) if message is None else message
    return Problem(error.code, package, version, said, hints[error.code], url or error.url or None)
