"""`retarget`: the lock of one Pyodide becomes that of another, with as few changes as that
takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..._util.progress import Progress, count
from ...environment import Surroundings
from ...errors import FetchError, InputError, IntegrityError, UnlockableError
from ...formats.lockfile import Lockfile
from ...formats.requirement import Wanted, parse_wanted, writable
from ...formats.target import Target
from ...index.wheel_metadata import Publications
from ...network import Fetcher
from ...storage import Facts
from ..context import ContextOptions
from ..diff import Change, Diff, diff
from ..lock_source import LockInput
from ..resolve.run import Resolution
from ..results import ResolveResult
from ..session import SessionOptions, open_lock, open_session
from .roots import Roots, has_distribution, is_pyodides, preferred, roots_of

#: To say of each of more of Pyodide's own packages that it is now the new one's says nothing.
_MOST_OF_PYODIDE = 20


@dataclass(frozen=True, slots=True, repr=False)
class RetargetResult(ResolveResult):
    """The lock for the other Pyodide, what changed, and why.

    ``changes`` compares it with the old one; ``reasons`` says why, by package. ``requested`` are
    the requirements that it meets; those of ``guessed`` are nowhere written down: they are what
    nothing else in the old lock needs.
    """

    changes: Diff = field(default_factory=lambda: Diff(()))
    reasons: Mapping[str, str] = field(default_factory=dict)
    requested: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """Every change with its reason, and where the requirements are from."""
        mapped = {change.package for change in self.mapped}
        named = [change for change in self.changes.changes if change.package not in mapped]
        notes = [f"{_step(change)}: {self.reason(change.package)}" for change in named]
        if mapped:
            notes.append(f"{count(len(mapped), 'package')} of Pyodide's own: now the new Pyodide's")
        return [*notes, *filter(None, [self.origin])]

    @property
    def mapped(self) -> tuple[Change, ...]:
        """The changes among Pyodide's own packages, where there are too many to list each."""
        found = tuple(change for change in self.changes.changes if _is_mapped(change))
        return found if len(found) > _MOST_OF_PYODIDE else ()

    def reason(self, package: str) -> str:
        """Why a package changed."""
        return self.reasons.get(package, "")

    @property
    def origin(self) -> str:
        """Where the requirements are from, if that had to be guessed."""
        if not self.guessed:
            return ""
        number = f"{len(self.guessed)} of {count(len(self.requested), 'requirement')}"
        return (
            f"{number}: what nothing else in the lock needs, for it does not say what was asked "
            "for."
        )


def _is_mapped(change: Change) -> bool:
    """Whether a package is Pyodide's own before and after."""
    return all(item is None or is_pyodides(item) for item in (change.old, change.new))


def _step(change: Change) -> str:
    """«cbor2 5.6 -> 5.7»."""
    versions = dict.fromkeys(
        item.version if item is not None else "none" for item in (change.old, change.new)
    )
    return f"{change.package} {' -> '.join(versions)}"


async def retarget(
    lockfile: LockInput,
    *,
    base: Lockfile | str | Path | None = None,
    base_url: str | None = None,
    base_dir: str | Path | None = None,
    index_urls: str | Sequence[str] | None = None,
    requested: str | Wanted | Sequence[str | Wanted] = (),
    offline: bool = False,
    refresh: bool = False,
    fetcher: Fetcher | None = None,
    facts: Facts | None = None,
    progress: Progress | None = None,
    surroundings: Surroundings | None = None,
) -> RetargetResult:
    """Lock the requirements of ``lockfile`` for another Pyodide, without downloading a wheel.

    Files that fit there stay. Else the version stays, as another wheel, and where there is none the
    version moves. Packages of the old Pyodide become those of the new one. A lock with a whole
    distribution gets the whole new one.

    * ``lockfile``: a `Lockfile`, a parsed object, the text of one or a file.
    * ``base``: the other Pyodide: a `Lockfile`, a file, a URL or a release ("314.0.7"); None: the
      surroundings'. ``base_url``: where relative file names of it live; ``base_dir``: a local
      Pyodide distribution with its wheels.
    * ``index_urls``: simple repository API roots.
    * ``requested``: the user's requirements. Empty: those that the lock records, else the packages
      in it that no other needs.
    * ``offline``: send no request; ``refresh``: request even what is cached.
    * ``fetcher``, ``facts``, ``progress``, ``surroundings``: as in `resolve`.

    Raises `ResolutionError` with every reason why that is impossible; `UnlockableError` for what
    was chosen and cannot be named truthfully; `InputError` for arguments; `FetchError` and
    `IntegrityError`.
    """
    options = SessionOptions(
        offline=offline, refresh=refresh, fetcher=fetcher, facts=facts, progress=progress
    )
    source = await open_lock(lockfile, options)
    old = source.strict()
    Target.from_info(old.info)  # a lock of what is no Pyodide has no requirements that can be read
    said = [requested] if isinstance(requested, str | Wanted) else requested
    wanted = tuple(item if isinstance(item, Wanted) else parse_wanted(item) for item in said)
    context = ContextOptions(
        with_folders=False,
        base=base,
        base_url=base_url,
        base_dir=base_dir,
        index_urls=index_urls,
        surroundings=surroundings,
    )
    async with open_session(options, context) as session:
        new_base = session.context.base
        whole = not wanted and has_distribution(old, new_base)
        publications = Publications(session.fetcher, session.facts)
        if wanted:
            roots = Roots(wanted)
        else:
            roots = await roots_of(old, new_base, publications, session.fetcher, whole=whole)
        if not roots.wanted and not whole:
            raise InputError(
                "There is nothing to move: the lock has no packages. Name what you need with "
                "resolve."
            )
        task = Resolution(session, roots.wanted)
        return session.costed(await _moved(old, task, roots, publications, whole=whole))


async def _moved(
    old: Lockfile,
    task: Resolution,
    roots: Roots,
    publications: Publications,
    *,
    whole: bool,
) -> RetargetResult:
    preferences = preferred(old, task.session.target)
    state, explorer = await task.begin(preferred=preferences)
    explorer.wheels.publications = publications  # what was read for the requirements is known
    # Not before, for they need resolvelib.
    from ..resolve.search import Conflict, solve
    from .reasons import Reasons, refuse

    try:
        solution = await solve(state, explorer, state.roots)
    except (FetchError, IntegrityError, UnlockableError) as error:
        # A definite no is worth more than an answer that is missing.
        refusal = await refuse(state, explorer, None, old)
        raise refusal or error from (None if refusal is None else error)
    if isinstance(solution, Conflict):
        refusal = await refuse(state, explorer, solution, old)
        assert refusal is not None
        raise refusal
    result = await task.lock(solution, state, explorer, distribution=whole)
    changes = diff(old, result.lockfile)
    reasons = Reasons(state, solution, result.lockfile, distribution=whole)
    return RetargetResult(
        result.lockfile,
        result.evidence,
        (*roots.warnings, *result.warnings),
        changes=changes,
        reasons={change.package: reasons.of(change) for change in changes.changes},
        requested=tuple(str(writable(item.requirement)) for item in roots.wanted),
        guessed=roots.guessed,
    )
