"""freeze: an installed environment in, a true lock out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ..._util.progress import Progress
from ...dependencies.package import is_requested
from ...environment import Surroundings
from ...errors import InputError, Problem, UnlockableError
from ...formats.core_metadata import parse_filename_tags
from ...formats.direct_url import is_index
from ...formats.lockfile import Lockfile
from ...formats.requirement import writable, written
from ...formats.requirement_text import quoted
from ...formats.target import Target
from ...formats.wheel import WheelDescription
from ...installed.distribution import CheckFiles, InstalledDistribution
from ...installed.modules import describe_installed
from ...installed.origin import Origin
from ...network import Fetcher, default_cache_dir, run_sync
from ...proof.candidate import candidate_at, witnessed
from ...proof.evidence import Finding, Rules
from ...storage import Facts, NoFacts, facts_in
from ..context import Context, ContextOptions
from ..lock_builder import LockContents, build_lock
from ..lock_provenance import LockProvenance
from ..results import FreezeResult, in_order
from ..session import Session, SessionOptions, open_session
from .inventory import (
    Include,
    Inventory,
    Selection,
    changed_on_disk,
    layout,
    overwriter,
    overwritten,
    read_inventory,
    wrong_platform,
)

if TYPE_CHECKING:
    from ...formats.install_report import Reported
    from ...proof.earlier_findings import Proved

Proof = Literal["content", "metadata"]


async def freeze(
    *,
    path: str | Path | Sequence[str | Path] | None = None,
    base: Lockfile | str | Path | None = None,
    base_url: str | None = None,
    base_dir: str | Path | None = None,
    index_urls: str | Sequence[str] | None = None,
    include: Include = "installed",
    exclude: Collection[str] = (),
    requested: Sequence[str] = (),
    report: Mapping[str, Any] | str | Path | None = None,
    proof: Proof = "content",
    check_files: CheckFiles = "size",
    accept_unproved: Collection[str] = (),
    download: bool = False,
    offline: bool = False,
    refresh: bool = False,
    strict: bool = False,
    allow_broken: bool = False,
    trust_index_file: bool = False,
    fetcher: Fetcher | None = None,
    facts: Facts | None = None,
    progress: Progress | None = None,
    surroundings: Surroundings | None = None,
) -> FreezeResult:
    """Lock what is installed, with proof that every entry is the very wheel that was installed.

    The same call inside Pyodide and on the host. Everything that is not given is taken from the
    surroundings: the running Pyodide, or the virtual inventory.

    * ``path``: site-packages folders; ``base``: a `Lockfile`, a file, a URL or a release
      ("314.0.7"); ``base_url``: where relative file names of the base live; ``base_dir``: a local
      Pyodide distribution that holds wheels of the base; ``index_urls``: simple repository API
      roots.
    * ``include``: "installed", or "distribution" for the whole base, too. ``exclude``: names left
      out on purpose. ``requested``: requirements that were asked for, for their extras.
    * ``report``: pip's installation report (parsed, or a file), or the pylock.toml that the
      environment was made from; its claims are then proved.
    * ``proof``: "content", or "metadata" to take the index's word for equal METADATA, tags and
      build. ``check_files``: installed files against the installed RECORD by "size", by "hash", or
      "off".
    * ``accept_unproved``: names for which a missing proof is waived where URL and sha256 are known.
      ``download``: allow wheels to be downloaded where range requests cannot decide.
    * ``offline``: never ask the network; ``refresh``: request even what is cached; ``strict``:
      warnings become problems; ``allow_broken``: unmet requirements become warnings;
      ``trust_index_file``: ask indexes that only an INDEX file names.
    * ``fetcher``: makes the requests (stays open); ``facts``: remembers what cannot change;
      ``progress``: is called as (done, total, package) (None: in a notebook a bar shows it);
      ``surroundings``: the environment to read instead of the one that runs this code.

    Raises `UnlockableError` with every problem of every package, `InputError` for arguments, files
    and folders that cannot be used, and `FetchError` when the base cannot be had. Nothing is
    written.
    """
    rules = Rules(
        proof=_one_of("proof", proof, Proof),
        check_files=_one_of("check_files", check_files, CheckFiles),
        accept_unproved=frozenset(map(canonicalize_name, accept_unproved)),
        download=download,
    )
    selection = Selection(
        include=_one_of("include", include, Include),
        exclude=frozenset(map(canonicalize_name, exclude)),
        requested=tuple(map(_requirement, requested)),
        report={} if report is None else _report(report),
        allow_broken=allow_broken,
        check_files=check_files,
    )
    options = SessionOptions(
        offline=offline, refresh=refresh, fetcher=fetcher, facts=facts, progress=progress
    )
    context = ContextOptions(
        with_folders=True,
        path=path,
        base=base,
        base_url=base_url,
        base_dir=base_dir,
        index_urls=index_urls,
        trust_index_file=trust_index_file,
        surroundings=surroundings,
    )
    async with open_session(options, context) as session:
        return session.costed(await _freeze(session, selection, rules, strict=strict))


async def _freeze(
    session: Session, selection: Selection, rules: Rules, *, strict: bool
) -> FreezeResult:
    """site-packages, then claims, then proofs, then the lock: no step reaches back."""
    inventory = read_inventory(session.context, session.target, selection)
    findings = await _prove(session, inventory, rules)
    _collect(inventory, findings, rules, session.target)
    contents = _contents(session.context, inventory, findings, selection, rules)
    lock = build_lock(contents)
    warnings = [*inventory.warnings, *lock.warnings]
    problems = [*inventory.problems, *lock.problems, *(warnings if strict else ())]
    if problems:
        raise UnlockableError(problems)
    evidence = tuple(
        replace(item, installed_size=inventory.sizes.get(item.package)) for item in lock.evidence
    )
    return FreezeResult(lock.lockfile, evidence, in_order(warnings), left_out=inventory.left_out)


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


def _asked_for(
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


async def _prove(session: Session, inventory: Inventory, rules: Rules) -> dict[str, Finding]:
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
        await indexes.try_documents(fetcher, facts, _asked_for(rest, inventory, context))
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


def _contents(
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
    for key, item in inventory.own.items():
        reported = selection.report.get(key)
        if item.note is not None:
            requested.update(written(item.note.requested))
            indexes.extend(filter(is_index, item.note.indexes))
        elif is_requested(item):
            requested.add(key)
        if reported is not None and reported.requested:
            requested.add(key)
    return LockProvenance.of(sorted(requested), indexes=indexes, proof=rules.proof)


def _collect(
    inventory: Inventory, findings: dict[str, Finding], rules: Rules, target: Target
) -> None:
    """Bring problems together, each cause once."""
    for key in sorted(findings):
        finding = _judged(key, findings[key], inventory, target)
        findings[key] = finding
        inventory.problems.extend(finding.problems)
        inventory.warnings.extend(finding.warnings)
        installed = inventory.own[key]
        # pip and uv put the modules where Python finds them; Pyodide will not.
        is_spread = finding.modules is not None and finding.modules.unspread
        if is_spread and not installed.lies_unspread:
            inventory.warnings.append(layout(key, installed.version))
    for key, paths in inventory.changed.items():
        found = findings.get(key)
        if found is not None and found.explains_files:
            continue
        is_accepted = key in rules.accept_unproved
        if is_accepted and found is not None and found.evidence is not None:
            findings[key] = replace(found, evidence=replace(found.evidence, proof="accepted"))
        elif not (is_accepted and key in inventory.based):
            problem = changed_on_disk(inventory.installed[key], paths)
            inventory.problems.append(_named(problem, inventory))


def _judged(key: str, finding: Finding, inventory: Inventory, target: Target) -> Finding:
    """The finding of one distribution, with what its wheel's file name and other distributions say
    about it.
    """
    if finding.evidence is None:
        if key in inventory.misfits:
            return replace(finding, problems=(inventory.misfits[key],))
        return replace(
            finding, problems=tuple(_named(problem, inventory) for problem in finding.problems)
        )
    parsed = parse_filename_tags(finding.evidence.url)
    if finding.is_base or parsed is None or target.rank(parsed[1]) is not None:
        return finding
    problem = wrong_platform(inventory.installed[key], parsed[1], target)
    return Finding(problems=(problem,), explains_files=True)


def _named(problem: Problem, inventory: Inventory) -> Problem:
    """The problem of changed files, naming the distribution that overwrote them, where there is
    one.
    """
    paths = inventory.changed.get(problem.package)
    if problem.code != "files-changed" or not paths:
        return problem
    other = overwriter(inventory.installed[problem.package], paths, inventory.installed.values())
    return (
        problem
        if other is None
        else overwritten(inventory.installed[problem.package], paths, other)
    )


def freeze_sync(**arguments: Any) -> FreezeResult:
    """`freeze` as a plain function, where nothing has to be awaited.

    That is: no network is needed, or a web worker's synchronous XMLHttpRequest is there, or
    WebAssembly stack switching, or (on the host) no event loop is running. Takes the arguments of
    `freeze`; raises `SuspensionError` where it would have to wait.
    """
    if arguments.get("fetcher") is not None:
        raise InputError("freeze_sync() finds its own fetcher; pass fetcher= to `await freeze()`.")
    cache_dir = default_cache_dir()
    facts = arguments.get("facts") or facts_in(cache_dir)
    try:
        return run_sync(
            # Offline is the fetcher's business then: it may know the answers from its cache.
            lambda fetcher: freeze(
                **{**arguments, "fetcher": fetcher, "facts": facts, "offline": False}
            ),
            offline=bool(arguments.get("offline")),
            refresh=bool(arguments.get("refresh")),
            cache_dir=cache_dir,
        )
    finally:
        if arguments.get("facts") is None:
            facts.close()


def _report(report: Mapping[str, Any] | str | Path) -> Mapping[str, Reported]:
    from ...formats.install_report import read_report  # needed by few

    return read_report(report)


def _one_of(name: str, value: str, choices: Any) -> Any:
    if value not in get_args(choices):
        raise InputError(
            f"{name}={value!r} is not one of {', '.join(map(repr, get_args(choices)))}."
        )
    return value


def _requirement(text: str) -> Requirement:
    try:
        return writable(Requirement(text))
    except InvalidRequirement as error:
        # Not «from error»: it quotes the text.
        reason = str(error).splitlines()[0]
        raise InputError(f"requested: {quoted(text)} is no requirement ({reason}).") from None
