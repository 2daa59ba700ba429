"""What the short cuts of `resolve` gain: each resolution with one of them, and without it.

``python -m benchmarks.gains`` prints CPU times with a full cache, so that the index on loopback is
asked nothing meanwhile, and their ratios. The projects are those of tests/resolve.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from unittest import mock

from micropip_lock import ResolutionError
from micropip_lock.operations.resolve import search
from micropip_lock.operations.resolve.page_summaries import Outlines
from micropip_lock.storage import facts_in
from tests.resolve.data import ResolveIndex
from tests.support.replies import JSON_TYPE, Reply
from tests.support.resolving import resolved

ROUNDS = 2

#: Old releases that each page gets besides, with a wheel and an sdist: about as many as usual.
OLD = 60

OUTLINES = mock.patch.multiple(
    Outlines, find=lambda self, name: None, keep=lambda self, project: None
)
PRUNING = mock.patch.object(search, "hopeless", lambda state, roots: set())

CASES = (
    ("outlines", OUTLINES, ("apache-airflow",)),
    ("outlines", OUTLINES, ("celery[redis]", "django-celery-beat")),
    ("pruning", PRUNING, ("boto3", "urllib3<1.25")),
)


class LongIndex(ResolveIndex):
    """The same projects on pages of a usual length."""

    def respond(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        """Route a request."""
        reply = super().respond(method, path, headers)
        if reply.status != 200 or reply.content_type != JSON_TYPE:
            return reply
        page = json.loads(reply.body)
        name = page.get("name", "").replace("-", "_")
        for number in range(OLD):
            for ending in ("-py3-none-any.whl", ".tar.gz"):
                file = f"{name}-0.dev{number}{ending}"
                page["files"].append(
                    {"filename": file, "url": self.file_url(file), "hashes": {"sha256": "ab" * 32}}
                )
        reply.body = json.dumps(page).encode()
        return reply


def cpu(index: ResolveIndex, cache: Path, requirements: tuple[str, ...]) -> float:
    """Seconds of CPU time of one resolution."""
    facts = facts_in(cache)
    start = time.process_time()
    with suppress(ResolutionError):
        resolved(*requirements, index_urls=index.url, facts=facts, fetching={"cache_dir": cache})
    facts.close()
    return time.process_time() - start


def main() -> None:
    """Print a line a case."""
    with tempfile.TemporaryDirectory() as folder, LongIndex(Path(folder, "wheels")) as index:
        index.cache_control = "max-age=86400"
        for number, (name, without, requirements) in enumerate(CASES):
            cache = Path(folder, f"cache-{number}")
            with without:
                cpu(index, cache, requirements)
            cpu(index, cache, requirements)
            seconds, others = [], []
            for _ in range(ROUNDS):
                seconds.append(cpu(index, cache, requirements))
                with without:
                    others.append(cpu(index, cache, requirements))
            best, other = min(seconds), min(others)
            print(
                f"{name}: {' '.join(requirements)}: {best:.2f} s, without {other:.2f} s, "
                f"ratio {other / best:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
