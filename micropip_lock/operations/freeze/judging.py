"""freeze, third step: what findings mean beside the whole inventory, each cause once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...errors import Problem
from ...formats.core_metadata import parse_filename_tags
from ...formats.target import Target
from ...installed.problems import (
    changed_on_disk,
    layout,
    overwriter,
    overwritten,
    wrong_platform,
)
from ...proof.evidence import Finding, Rules
from .inventory import Inventory


@dataclass(slots=True)
class Judged:
    """The findings, and the problems and warnings of all packages."""

    findings: dict[str, Finding] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def judge(
    inventory: Inventory, findings: Mapping[str, Finding], rules: Rules, target: Target
) -> Judged:
    """Bring the problems together; waive those of changed files that the user accepts."""
    judged = Judged(problems=[*inventory.problems], warnings=[*inventory.warnings])
    for key in sorted(findings):
        finding = _judge_finding(key, findings[key], inventory, target)
        judged.findings[key] = finding
        judged.problems.extend(finding.problems)
        judged.warnings.extend(finding.warnings)
        if _was_spread(key, finding, inventory):
            judged.warnings.append(layout(key, inventory.own[key].version))
    for key in inventory.changed:
        _judge_changed_files(key, inventory, rules, judged)
    return judged


def _was_spread(key: str, finding: Finding, inventory: Inventory) -> bool:
    """Whether pip or uv put modules where Python finds them, and Pyodide will not."""
    is_unspread = finding.modules is not None and finding.modules.unspread
    return is_unspread and not inventory.own[key].lies_unspread


def _judge_finding(key: str, finding: Finding, inventory: Inventory, target: Target) -> Finding:
    """The finding, with what the file name of its wheel and other distributions say about it."""
    if finding.evidence is None:
        if key in inventory.misfits:
            return replace(finding, problems=(inventory.misfits[key],))
        problems = tuple(_with_overwriter(problem, inventory) for problem in finding.problems)
        return replace(finding, problems=problems)
    parsed = parse_filename_tags(finding.evidence.url)
    if finding.is_base or parsed is None or target.rank(parsed[1]) is not None:
        return finding
    problem = wrong_platform(inventory.installed[key], parsed[1], target)
    return Finding(problems=(problem,), explains_files=True)


def _judge_changed_files(key: str, inventory: Inventory, rules: Rules, judged: Judged) -> None:
    """Accept the changed files of a package if the user does, else add their problem."""
    finding = judged.findings.get(key)
    if finding is not None and finding.explains_files:
        return
    is_accepted = key in rules.accept_unproved
    if is_accepted and finding is not None and finding.evidence is not None:
        evidence = replace(finding.evidence, proof="accepted")
        judged.findings[key] = replace(finding, evidence=evidence)
    elif not (is_accepted and key in inventory.based):
        problem = changed_on_disk(inventory.installed[key], inventory.changed[key])
        judged.problems.append(_with_overwriter(problem, inventory))


def _with_overwriter(problem: Problem, inventory: Inventory) -> Problem:
    """The problem of changed files, naming the distribution that overwrote them, if one did."""
    paths = inventory.changed.get(problem.package)
    if problem.code != "files-changed" or not paths:
        return problem
    own = inventory.installed[problem.package]
    other = overwriter(own, paths, inventory.installed.values())
    return problem if other is None else overwritten(own, paths, other)
