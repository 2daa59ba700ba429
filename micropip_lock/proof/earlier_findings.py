"""Findings of earlier runs, which stay valid as long as nothing they were proved from has changed.

Equal contents are a question of hashes: of what lies in .dist-info, RECORD first, and of a wheel's
sha256. What an index lists may change (a release is yanked, a file is added), so refresh reads it
again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields

from .._util.url import without_credentials
from ..errors import Problem
from ..formats.target import Target
from ..formats.wheel_modules import WheelModules
from ..installed.distribution import InstalledDistribution
from ..installed.origin import Origin
from ..storage import Facts
from .evidence import BaseWheel, Evidence, Finding, Rules

#: Counted up when the rules of evidence change: what was proved by older ones is proved again.
_RULES = 4

_LASTING = frozenset({"content", "metadata"})


@dataclass(frozen=True, slots=True)
class Proved:
    """Findings by their inputs. ``index_key`` identifies the configured indexes."""

    facts: Facts
    index_key: str
    target: Target
    rules: Rules

    def find(
        self, distribution: InstalledDistribution, origin: Origin, base: BaseWheel | None
    ) -> Finding | None:
        """The evidence that was found for exactly this, at the cost of nothing."""
        data = self.facts.get("proved", self._key(distribution, origin, base))
        if data is None:
            return None
        try:
            evidence, warnings, is_base, modules = json.loads(data)
            return Finding(
                Evidence(**evidence),
                warnings=tuple(Problem(**warning) for warning in warnings),
                is_base=is_base,
                modules=None if modules is None else WheelModules.from_json(modules),
            )
        except (ValueError, TypeError):
            return None

    def keep(
        self,
        distribution: InstalledDistribution,
        origin: Origin,
        base: BaseWheel | None,
        finding: Finding,
    ) -> None:
        """Remember a finding, if it is one that can come out again."""
        evidence = finding.evidence
        if evidence is None or evidence.proof not in _LASTING or _may_hold_secret(evidence.url):
            return
        fields_of_evidence = {**evidence.to_json(), "requests": 0, "bytes": 0}
        warnings = [warning.to_json() for warning in finding.warnings]
        modules = finding.modules.to_json() if finding.modules is not None else None
        data = json.dumps([fields_of_evidence, warnings, finding.is_base, modules]).encode()
        self.facts.put("proved", self._key(distribution, origin, base), data)

    def _key(
        self, distribution: InstalledDistribution, origin: Origin, base: BaseWheel | None
    ) -> str:
        contents = hashlib.sha256()
        for name in sorted(distribution.files):
            contents.update(
                f"{name}\0{len(distribution.files[name])}\0".encode("utf-8", "surrogatepass")
            )
            contents.update(distribution.files[name])
        claims = [[getattr(claim, item.name) for item in fields(claim)] for claim in origin.claims]
        wheel = None if base is None else [base.entry.sha256, base.entry.file_name, base.url]
        target = [getattr(self.target, item.name) for item in fields(self.target)]
        rules = [self.rules.proof, self.rules.check_files, self.rules.download]
        accepted = distribution.key in self.rules.accept_unproved
        named = [distribution.key, distribution.dist_info, contents.hexdigest()]
        return json.dumps(
            [_RULES, self.index_key, target, rules, accepted, named, claims, origin.index, wheel]
        )


def _may_hold_secret(url: str) -> bool:
    return "?" in url or url != without_credentials(url)
