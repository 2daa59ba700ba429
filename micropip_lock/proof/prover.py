"""Proof that one wheel at one URL is what is installed: the rules of docs/evidence.md, in order.

`by_claims` has rules 2 and 3, `by_indexes` rules 4 and 5; rule 1 needs no proof. Nothing here
raises for a package that cannot be proved: the answer is a `Finding` with problems, so that all
packages are examined and reported together.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.target import Target
from ..index.client import Indexes
from ..installed.distribution import InstalledDistribution
from ..installed.origin import Origin
from ..network import Fetcher
from ..network.meter import Meter
from ..storage import Facts
from .by_claims import prove_by_claims
from .by_indexes import prove_by_indexes
from .case import Case, Sources
from .earlier_findings import Proved
from .evidence import BaseWheel, Finding, Rules


class Prover:
    """Proves distributions, one after the other or many at once. It keeps no state of theirs.

    ``facts`` are what is known of wheels, ``proved`` the findings that may be taken over.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        indexes: Indexes,
        target: Target,
        rules: Rules,
        *,
        facts: Facts | None = None,
        proved: Proved | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._proved = proved
        self._sources = Sources(indexes, target, rules, facts)

    async def prove(
        self,
        distribution: InstalledDistribution,
        origin: Origin,
        base: BaseWheel | None = None,
        changed: Sequence[str] = (),
    ) -> Finding:
        """Prove ``distribution`` by its claims, else by the base's own wheel, else by the indexes.

        ``changed`` are its files that are not as its RECORD says.
        """
        case = Case(distribution, self._sources, Meter(self._fetcher), base, changed)
        if origin.claims:
            finding = await prove_by_claims(case, origin.claims)
        else:
            finding = await prove_by_indexes(case, origin.index)
        is_lasting = case.cacheable and not (changed or self._sources.base_is_down)
        if self._proved is not None and is_lasting:
            self._proved.keep(distribution, origin, base, finding)
        return finding
