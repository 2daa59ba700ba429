"""How problems of requirements name the set of packages that is checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """The ends of two sentences; the defaults are those for an environment.

    ``missing`` follows "which", ``present`` follows a name and its version.
    """

    missing: str = "is not installed"
    present: str = "is installed"
