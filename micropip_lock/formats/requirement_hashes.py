"""The hashes beside a requirement: in the fragment of its URL, and in ``--hash`` options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from ..errors import InputError
from .requirement_text import option_name, quoted

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
#: The algorithms that pip takes after ``--hash=``, and further ones in the fragment of a URL.
_STRONG = frozenset({"sha256", "sha384", "sha512"})
_IN_FRAGMENTS = _STRONG | {"md5", "sha1", "sha224"}


def fragment_hashes(fragment: str) -> Iterator[tuple[str, str]]:
    """Algorithm and digest of each hash in the fragment of a URL."""
    for item in fragment.split("&"):
        algorithm, _, digest = item.partition("=")
        if algorithm in _IN_FRAGMENTS:
            yield algorithm, digest


def option_hashes(text: str) -> Iterator[tuple[str, str]]:
    """Algorithm and digest of each ``--hash`` in the options after a requirement.

    Raises `InputError` for other options than those that only a build needs.
    """
    try:
        words = iter(shlex.split(text))
    except ValueError:
        raise InputError(
            "A quotation mark in the options after the requirement is never closed."
        ) from None
    for word in words:
        option, equals, value = word.partition("=")
        if option == "--hash":
            algorithm, _, digest = (value if equals else next(words, "")).partition(":")
            if algorithm not in _STRONG:
                raise InputError(
                    f"The hash {quoted(algorithm)} is none that pip takes. Write "
                    "--hash=sha256:<digits>."
                )
            yield algorithm, digest
        elif option in ("-C", "--config-settings"):
            if not equals:
                next(words, "")
        elif not option.startswith("-C"):  # «-Ckey=value» is for builds as well
            raise InputError(_why_refused(word))


def _why_refused(word: str) -> str:
    if word.startswith("-"):
        return (
            f"The option {option_name(word)!r} cannot follow a requirement. Give it a line of its "
            "own."
        )
    # A word may be the rest of a password with a blank.
    what = "More text" if re.search(r"\w", word) else quoted(word)
    return f"{what} stands after the options. Markers and the like belong before --hash."


def sha256_only(hashes: Iterable[tuple[str, str]], requirement: str) -> frozenset[str]:
    """The sha256 among pairs of algorithm and digest, in lower case.

    Raises `InputError` if there are only other hashes, or a digest is none.
    """
    found = list(hashes)
    digests = [digest for algorithm, digest in found if algorithm == "sha256"]
    if found and not digests:
        raise InputError(
            f"{quoted(requirement)} has a hash, but none of sha256, which a lock needs. Add "
            "--hash=sha256:..."
        )
    for digest in digests:
        if not _SHA256.fullmatch(digest):
            raise InputError(
                f"{quoted(requirement)} has a sha256 of {quoted(digest)}, which is not 64 "
                "hexadecimal digits."
            )
    return frozenset(digest.lower() for digest in digests)
