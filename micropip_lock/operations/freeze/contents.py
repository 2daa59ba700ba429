"""freeze, last step: what the lock is built from."""

from __future__ import annotations

from collections.abc import Mapping

from ...dependencies.package import is_requested
from ...formats.direct_url import is_index
from ...formats.lockfile import is_project_name
from ...formats.requirement import writable, written
from ...formats.wheel import WheelDescription
from ...installed.distribution import InstalledDistribution
from ...installed.modules import describe_installed
from ...proof.evidence import Finding, Rules
from ..context import Context
from ..lock_builder import LockContents
from ..lock_provenance import LockProvenance
from .inventory import Inventory, Selection


def lock_contents(
    context: Context,
    inventory: Inventory,
    findings: Mapping[str, Finding],
    selection: Selection,
    rules: Rules,
) -> LockContents:
    """What the lock is built from."""
    wheels = {key: _description(item, findings.get(key)) for key, item in inventory.own.items()}
    return LockContents(
        base=context.base,
        based=inventory.based,
        wheels=wheels,
        findings=findings,
        depends=inventory.edges.depends,
        present=inventory.present,
        accepted=inventory.changed,
        exclude=selection.exclude,
        allow_broken=selection.allow_broken,
        page_origin=context.page_origin,
        provenance=_provenance(inventory, selection, rules),
    )


def _description(item: InstalledDistribution, finding: Finding | None) -> WheelDescription:
    """The wheel with the modules that were read in it, else with those that are installed."""
    if finding is not None and finding.is_base:
        return WheelDescription.of(item.metadata)
    if finding is None or finding.modules is None:
        return describe_installed(item)
    return WheelDescription.of(item.metadata, finding.modules)


def _provenance(inventory: Inventory, selection: Selection, rules: Rules) -> LockProvenance:
    """What the user requested, as far as arguments, installers and `sync` say so."""
    requested = {str(writable(requirement)) for requirement in selection.requested}
    indexes: list[str] = []
    names: set[str] = set()
    for key, item in inventory.own.items():
        reported = selection.report.get(key)
        if item.note is not None:
            requested.update(written(item.note.requested))
            indexes.extend(filter(is_index, item.note.indexes))
        elif is_requested(item):
            names.add(key)
        if reported is not None and reported.requested:
            names.add(key)
    # A .dist-info folder may have a name that no project can have.
    requested.update(filter(is_project_name, names))
    return LockProvenance.of(sorted(requested), indexes=indexes, proof=rules.proof)
