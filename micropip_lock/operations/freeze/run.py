"""freeze: an installed environment in, a true lock out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..._util.progress import Progress
from ...environment import Surroundings
from ...errors import InputError, UnlockableError
from ...formats.lockfile import Lockfile
from ...formats.requirement import writable
from ...formats.requirement_text import quoted
from ...installed.distribution import CheckFiles
from ...network import Fetcher, default_cache_dir, run_sync
from ...proof.evidence import Rules
from ...storage import Facts, facts_in
from ..context import ContextOptions
from ..lock_builder import build_lock
from ..results import FreezeResult, in_order
from ..session import Session, SessionOptions, open_session
from .contents import lock_contents
from .inventory import Include, Selection, read_inventory
from .judging import judge
from .proving import prove_all

if TYPE_CHECKING:
    from ...formats.install_report import Reported

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
    surroundings: the running Pyodide, or the virtual environment.

    * ``path``: site-packages folders; ``base``: a `Lockfile`, a file, a URL or a release
      ("314.0.7"); ``base_url``: where relative file names of the base live; ``base_dir``: a local
      Pyodide distribution that holds wheels of the base; ``index_urls``: simple repository API
      roots.
    * ``include``: "installed", or "distribution" for the whole base, too. ``exclude``: names left
      out on purpose. ``requested``: the user's requirements, for their extras.
    * ``report``: pip's installation report (parsed, or a file), or the pylock.toml that the
      environment was made from; its claims are then proved.
    * ``proof``: "content", or "metadata" to take the index's word for equal METADATA, tags and
      build. ``check_files``: installed files against the installed RECORD by "size", by "hash", or
      "off".
    * ``accept_unproved``: names for which a missing proof is waived where URL and sha256 are known.
      ``download``: allow wheels to be downloaded where range requests cannot decide.
    * ``offline``: make no request; ``refresh``: request even what is cached; ``strict``:
      warnings become problems; ``allow_broken``: unmet requirements become warnings;
      ``trust_index_file``: search indexes that only an INDEX file names.
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
    """site-packages, then proofs, then the lock: no step reaches back."""
    inventory = read_inventory(session.context, session.target, selection)
    findings = await prove_all(session, inventory, rules)
    judged = judge(inventory, findings, rules, session.target)
    contents = lock_contents(session.context, inventory, judged.findings, selection, rules)
    lock = build_lock(contents)
    warnings = [*judged.warnings, *lock.warnings]
    problems = [*judged.problems, *lock.problems, *(warnings if strict else ())]
    if problems:
        raise UnlockableError(problems)
    evidence = tuple(
        replace(item, installed_size=inventory.sizes.get(item.package)) for item in lock.evidence
    )
    return FreezeResult(lock.lockfile, evidence, in_order(warnings), left_out=inventory.left_out)


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
