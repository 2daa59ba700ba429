"""freeze, second step: evidence or problems for every distribution of the inventory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from packaging.version import Version

from ...installed.distribution import InstalledDistribution
from ...installed.origin import Origin
from ...proof.candidate import candidate_at, witnessed
from ...proof.evidence import Finding, Rules
from ...storage import NoFacts
from ..context import Context
from ..session import Session
from .inventory import Inventory

if TYPE_CHECKING:
    from ...proof.earlier_findings import Proved


async def prove_all(session: Session, inventory: Inventory, rules: Rules) -> dict[str, Finding]:
    """Prove all distributions: by what the runtime saw, by an earlier freeze, by requests."""
    distributions = inventory.provable()
    findings: dict[str, Finding] = {}

    def found(item: InstalledDistribution, finding: Finding) -> None:
        findings[item.key] = finding
        session.step(len(findings), len(distributions), item.key)

    for item in distributions:
        finding = witnessed(item, inventory.origins[item.key].claims)
        if finding is not None and item.key not in inventory.changed:
            found(item, finding)
    rest = [item for item in distributions if item.key not in findings]
    if rest:
        # Where the runtime saw it all, what talks with the network is not so much as imported.
        await _prove_by_network(session, inventory, rules, rest, found)
    return {item.key: findings[item.key] for item in distributions}


async def _prove_by_network(
    session: Session,
    inventory: Inventory,
    rules: Rules,
    distributions: Sequence[InstalledDistribution],
    found: Callable[[InstalledDistribution, Finding], None],
) -> None:
    """Prove distributions concurrently, each by its own chain of page, sidecar and range."""
    from ...index.client import Indexes
    from ...proof.earlier_findings import Proved

    context = session.context
    fetcher = session.fetcher
    facts = session.facts
    needs_index = not all(_is_seen(inventory.origins[item.key]) for item in distributions)
    indexes = context.indexes() if needs_index else Indexes(())
    proved = Proved(facts, indexes.key, session.target, rules)
    rest = list(distributions)
    if not session.refresh and not isinstance(facts, NoFacts):
        known = _known(rest, inventory, context, proved)
        for item in rest:
            if item.key in known:
                found(item, known[item.key])
        rest = [item for item in rest if item.key not in known]
    if not rest:
        return
    # Not needed where all is known, and slow to import in Pyodide.
    from ...proof.prover import Prover

    await indexes.open(fetcher)
    # In a browser, what another origin does not let a page read is an error on the console.
    if rules.proof == "content" and fetcher.suffix_ranges:
        await indexes.try_documents(fetcher, facts, _needing_index(rest, inventory, context))
    prover = Prover(fetcher, indexes, session.target, rules, facts=facts, proved=proved)

    async def prove(item: InstalledDistribution) -> None:
        base = context.base.wheel(item.key, item.version)
        changed = inventory.changed.get(item.key, ())
        found(item, await prover.prove(item, inventory.origins[item.key], base, changed))

    await fetcher.gather(map(prove, rest))


def _is_seen(origin: Origin) -> bool:
    """Whether the runtime knows the URL and its hash, so that no index request is needed."""
    if not origin.claims:
        return False
    claim = origin.claims[0]
    return claim.witnessed and not candidate_at(claim.url, claim.kind, claim.sha256).had_query


def _known(
    distributions: Sequence[InstalledDistribution],
    inventory: Inventory,
    context: Context,
    proved: Proved,
) -> dict[str, Finding]:
    """The findings of an earlier freeze for distributions that have not changed since."""
    found = {
        item.key: proved.find(
            item, inventory.origins[item.key], context.base.wheel(item.key, item.version)
        )
        for item in distributions
        if item.key not in inventory.changed
    }
    return {key: finding for key, finding in found.items() if finding is not None}


def _needing_index(
    distributions: Sequence[InstalledDistribution], inventory: Inventory, context: Context
) -> list[tuple[str, Version]]:
    """What only an index can prove."""
    return [
        (item.key, next(iter(item.versions)))
        for item in distributions
        if not inventory.origins[item.key].claims
        and context.base.wheel(item.key, item.version) is None
        and len(item.versions) == 1
    ]
