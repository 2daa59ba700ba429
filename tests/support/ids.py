"""Names of parametrised tests."""

from __future__ import annotations


def short(value: object) -> str:
    """``ids=short``: pytest would put a megabyte of hostile input into the name, and into an
    environment variable.

    The same in every process, or pytest-xdist refuses to run: sets in order.
    """
    return ascii(sorted(value) if isinstance(value, set | frozenset) else value)[:40]
