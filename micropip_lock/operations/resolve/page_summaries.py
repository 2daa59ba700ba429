"""The outline of a project page in the cache: all versions that it lists, and the files of some.

Most of a page is about versions that no resolution chooses. As long as the page is fresh by the
rules of HTTP its outline replaces it; a resolution that needs more reads the page.

With a full cache a resolution of apache-airflow takes 1.8 times the CPU time without outlines, one
of celery and django-celery-beat 2.7 times (``python -m benchmarks.gains``).
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass

from ...index.client import Listing
from ...storage import Facts
from .project import Project

_KIND = "outline"


@dataclass(frozen=True, slots=True)
class Outline:
    """``listing`` has the files of the examined versions, ``versions`` are all, newest first."""

    listing: Listing
    versions: tuple[str, ...]


class Outlines:
    """The outlines of the pages of one set of indexes, which ``key`` identifies."""

    def __init__(self, facts: Facts, key: str) -> None:
        self._facts = facts
        self._key = key

    def find(self, name: str) -> Outline | None:
        """The outline of the page of ``name`` (canonical), if the page is still fresh."""
        data = self._facts.get(_KIND, f"{self._key} {name}")
        with suppress(ValueError, TypeError):
            until, versions, listing = json.loads(data or b"")
            if time.time() < until:
                return Outline(Listing.from_json(listing), tuple(map(str, versions)))
        return None

    def keep(self, project: Project) -> None:
        """Remember the examined versions of a project, if its page may be used again."""
        listing = project.listing
        # That an index does not have a project, or what find-links places have, is asked each time.
        if listing is None or len(listing.asked) != 1 or len(listing.pages) != 1:
            return
        ((index, page),) = listing.pages
        kept = Listing(((index, project.examined_part(page)),), listing.asked)
        if page.fresh_until is None or not kept.may_be_kept:
            return
        value = [page.fresh_until, list(map(str, project.versions)), kept.to_json()]
        self._facts.put(_KIND, f"{self._key} {project.name}", json.dumps(value).encode())
