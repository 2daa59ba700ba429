"""The problems and warnings of a chosen wheel, in words."""

from __future__ import annotations

from ..._util.url import shown
from ...errors import Problem
from .project import Choice


def yanked(choice: Choice) -> Problem | None:
    """The warning that the files of a version were yanked (PEP 592); None: they were not."""
    file = choice.file
    if file is None or file.yanked is None:
        return None
    reason = f" ({file.yanked})" if file.yanked else ""
    return Problem(
        "yanked",
        choice.name,
        str(choice.version),
        f"this version was yanked from {choice.index}{reason}.",
        "It is locked because you ask for exactly this version; another one may be better.",
        shown(file.url),
    )


def query_needed(choice: Choice, url: str) -> Problem:
    """A URL with a query, which no lock may have."""
    subject = "the index gives"
    hint = "Use an index whose files have plain URLs."
    if choice.direct:
        subject = "you give"
        hint = "Publish the wheel at a plain URL."
    return Problem(
        "query-needed",
        choice.name,
        str(choice.version),
        f"{subject} {url} a query, which may be a secret, and which the runtime cannot load.",
        hint,
        url,
    )


def hash_required(choice: Choice, url: str) -> Problem:
    """A package for which the requirements give no hash, where every one has to have one."""
    return Problem(
        "hash-missing",
        choice.name,
        str(choice.version),
        "every package has to have a hash (--require-hashes), and the requirements give none for "
        "it.",
        f"Add a line with its version and hash: {choice.name}=={choice.version} --hash=sha256:...",
        url,
    )


def hash_missing(choice: Choice, url: str) -> Problem:
    """A wheel whose sha256 is not known."""
    return Problem(
        "hash-missing",
        choice.name,
        str(choice.version),
        f"no index gives a sha256 for {shown(url)}.",
        'Use an index that gives hashes, or name the wheel itself: "name @ URL --hash=sha256:...".',
        shown(url),
    )


def hash_conflict(choice: Choice, sha256: str) -> Problem:
    """A wheel whose sha256 is none of those that the user gave."""
    url = shown(choice.file.url) if choice.file else ""
    return Problem(
        "hash-conflict",
        choice.name,
        str(choice.version),
        f"{url} has the sha256 {sha256}, which is not one of those you gave.",
        "Check which file you meant; it may have been replaced.",
        url,
    )
