"""What sync does to each package: the values that it plans with, and gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..._util import html as display
from ..._util.progress import count
from ..._util.text import showable

Action = Literal["install", "replace", "remove", "keep"]

_SIGNS: dict[Action, str] = {"install": "+", "remove": "-", "replace": "~", "keep": "="}


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one package; ``old`` and ``new`` are versions."""

    action: Action
    package: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        versions = " -> ".join(filter(None, dict.fromkeys((self.old, self.new))))
        return showable(f"{_SIGNS[self.action]} {self.package} {versions}")

    def to_json(self) -> dict[str, str | None]:
        """The step as a JSON object."""
        return {"action": self.action, "package": self.package, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """What was done, or with ``dry_run`` would be, by package.

    ``undone`` names what a killed run had left half done. ``imported`` are the packages that
    changed while a running Pyodide had imported them: it goes on with the old ones until it is
    started anew. ``requests`` and ``bytes`` count the requests sent and the bytes received.
    """

    steps: tuple[Step, ...]
    undone: str | None = None
    imported: tuple[str, ...] = ()
    requests: int = 0
    bytes: int = 0

    @property
    def summary(self) -> str:
        """What was done, in a sentence."""
        if not self.changes:
            return "The environment is what the lock says."
        told = (
            f" Start anew to use the new {', '.join(self.imported)}: the old is in memory."
            if self.imported
            else ""
        )
        return f"{count(len(self.changes), 'change')} of {count(len(self.steps), 'package')}.{told}"

    def __repr__(self) -> str:
        return f"<Plan: {self.summary}>"

    def __str__(self) -> str:
        return "\n".join([*map(str, self.changes), self.summary])

    def _repr_html_(self) -> str:
        return display.page(
            *(display.paragraph(str(step)) for step in self.changes),
            display.paragraph(self.summary),
        )

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that change anything."""
        return tuple(step for step in self.steps if step.action != "keep")
