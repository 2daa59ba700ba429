"""Freeze a case, and write the tables of all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from micropip_lock import FreezeResult, UnlockableError

from ..support.freezing import base_lock, freeze_folder
from .case import CASES, Case, Verdict, Zoo
from .pyodide_case import PYODIDE_CASES


def verdict(case: Case, place: Path) -> tuple[Verdict, FreezeResult | None]:
    """Build the case in ``place`` and freeze it."""
    zoo = Zoo(place)
    try:
        case.build(zoo)
        try:
            result = freeze_folder(
                zoo.folder, base=base_lock(*zoo.base), index_urls=zoo.index_urls, **zoo.options
            )
        except UnlockableError as error:
            return Verdict.refused(error.problems), None
        return Verdict.of(result), result
    finally:
        zoo.close()


def page_tables(page: str) -> str:
    """A Markdown page with the tables of both zoos in the place of the ones that it has."""
    tables = iter(
        [_table("on the host", CASES), _table("in Pyodide", [case for case, _ in PYODIDE_CASES])]
    )
    return re.sub(
        r"\| (on the host|in Pyodide) \| verdict \|\n(\|.*\n)+", lambda match: next(tables), page
    )


def _table(title: str, cases: Iterable[Case]) -> str:
    rows = [f"| {case.title} | {_marked(case.verdict)} |" for case in cases]
    return "\n".join([f"| {title} | verdict |", "|---|---|", *rows]) + "\n"


def _marked(verdict: str) -> str:
    return (
        verdict
        if verdict.startswith("locked")
        else ", ".join(f"`{code}`" for code in verdict.split(", "))
    )
