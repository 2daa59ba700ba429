"""resolve() inside a running Pyodide, and its result brought out as plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.session import PyodideSession

Json = dict[str, Any]


@dataclass(frozen=True)
class Resolved:
    """What a ResolveResult holds, as JSON values;

    or the error that came instead, with its problems.
    """

    text: str = ""
    evidence: tuple[Json, ...] = ()
    warnings: tuple[Json, ...] = ()
    totals: Json | None = None
    error: str = ""
    message: str = ""
    problems: tuple[Json, ...] = ()

    @property
    def lock(self) -> Json:
        """The lock."""
        lock: Json = json.loads(self.text)
        return lock

    @property
    def versions(self) -> dict[str, str]:
        """Name -> version of everything locked."""
        return {name: entry["version"] for name, entry in self.lock["packages"].items()}


def resolve_inside(
    session: PyodideSession,
    *requirements: str,
    base: Json | None = None,
    timeout: float | None = None,
    **options: Any,
) -> Resolved:
    """``await resolve(...)``;

    ``base``: the contents of a lock, None: the runtime's own. All must be JSON-able.
    """
    question = json.dumps({"requirements": requirements, "base": base, "options": options})
    return Resolved(**session.run(_CODE.format(question=question), fresh=True, timeout=timeout))


_CODE = """
import json
import micropip_lock

question = json.loads({question!r})
base = question["base"] and micropip_lock.Lockfile.from_json(question["base"])
try:
    result = await micropip_lock.resolve(question["requirements"], base=base, **question["options"])
except micropip_lock.MicropipLockError as error:
    problems = [problem.to_json() for problem in getattr(error, "problems", ())]
    answer = {{"error": type(error).__name__, "message": str(error), "problems": problems}}
else:
    answer = {{
        "text": result.to_json(),
        "evidence": [item.to_json() for item in result.evidence],
        "warnings": [warning.to_json() for warning in result.warnings],
        "totals": result.totals,
    }}
answer
"""
