"""The fixtures of `tests/end_to_end`."""

from __future__ import annotations

from tests.end_to_end.conftest import clean_machine, demo, site, venv

__all__ = ["clean_machine", "demo", "site", "venv"]
