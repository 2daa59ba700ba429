"""Markers of requirements, evaluated for one environment.

Source: https://packaging.python.org/en/latest/specifications/dependency-specifiers/ (PEP 508)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from packaging.markers import Marker
from packaging.requirements import Requirement

from ..formats.core_metadata import canonical
from ..formats.target import Target

#: A comparison of the extra, as `packaging` writes it.
_IS_EXTRA = re.compile(r"""\bextra == "([^"]*)"|"([^"]*)" == extra\b""")

#: What `packaging` raises for a marker that makes no sense, depending on its version:
#: UndefinedComparison and InvalidVersion are ValueErrors, UndefinedEnvironmentName is a KeyError.
_SENSELESS = (ValueError, KeyError, TypeError, AttributeError)


class MarkerEvaluator:
    """Evaluates markers in one environment, each of them once for an extra.

    ``environment`` has the variables of PEP 508, and for a pylock.toml the sets ``extras`` and
    ``dependency_groups`` (PEP 751). Extras are given by their canonical names (PEP 685).
    """

    def __init__(self, environment: Mapping[str, str | AbstractSet[str]]) -> None:
        self._environment = environment
        #: By the text of the marker, and the extra.
        self._results: dict[tuple[str, str], bool | None] = {}
        self._extras: dict[str, frozenset[str] | None] = {}

    @classmethod
    def of(cls, target: Target) -> MarkerEvaluator:
        """The evaluator of a Pyodide's own markers."""
        return cls(target.environment)

    def evaluate(self, marker: Marker | None, extra: str = "") -> bool | None:
        """Whether a marker is true, as no marker is; None: it cannot be evaluated."""
        if marker is None:
            return True
        text = _text(marker)
        if text is None:
            return self._evaluate(marker, extra)
        named = self._extras_in(text)
        if named is not None and extra not in named:
            extra = ""  # for this marker all extras that it does not name are the same
        key = (text, extra)
        if key not in self._results:
            self._results[key] = self._evaluate(marker, extra)
        return self._results[key]

    def _evaluate(self, marker: Marker, extra: str) -> bool | None:
        try:
            return bool(marker.evaluate({**self._environment, "extra": extra}))
        except _SENSELESS:
            return None

    def holds(self, requirement: Requirement, extra: str = "") -> bool:
        """Whether the marker of a requirement is true.

        Raises ValueError when it cannot be evaluated.
        """
        result = self.evaluate(requirement.marker, extra)
        if result is None:
            raise ValueError(f"the marker of {str(requirement)[:200]!r} cannot be evaluated")
        return result

    def extras_in(self, marker: Marker | None) -> frozenset[str] | None:
        """The extras that a marker compares for being equal: no other one can make it true.

        None when it does anything else with the extra.
        """
        if marker is None:
            return frozenset()
        text = _text(marker)
        return None if text is None else self._extras_in(text)

    def _extras_in(self, text: str) -> frozenset[str] | None:
        if text not in self._extras:
            found = [match[1] or match[2] or "" for match in _IS_EXTRA.finditer(text)]
            plain = "" not in found and len(found) == text.count("extra")
            self._extras[text] = frozenset(map(canonical, found)) if plain else None
        return self._extras[text]


def _text(marker: Marker) -> str | None:
    """The marker as text; None: `packaging` cannot write it, since a value in it has both kinds of
    quotation marks.
    """
    try:
        return str(marker)
    except ValueError:
        return None
