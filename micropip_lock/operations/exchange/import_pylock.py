"""`import_pylock`: make a lock from another tool's pylock.toml, if all its packages have wheels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ... import environment
from ..._util.progress import Progress
from ..._util.text import sentence
from ..._util.url import bare_url, is_http, shown
from ...dependencies.edges import Dependencies, Edges
from ...dependencies.package import Package
from ...dependencies.wording import Wording
from ...environment import Surroundings
from ...errors import FetchError, GoneError, IntegrityError, Problem, UnlockableError
from ...formats.lockfile import Lockfile
from ...formats.project_page import IndexFile
from ...formats.wheel import WheelDescription
from ...index.client import Indexes, Listing, Offer
from ...index.remote_wheel import NoRangesError
from ...index.unanswered import HINTS, unanswered
from ...index.wheel_metadata import BrokenMetadataError, Publications, wrong_record
from ...installed.problems import layouts
from ...network import Fetcher
from ...proof.candidate import candidate_at
from ...proof.evidence import Evidence, Finding
from ...proof.hashes import NAME_INDEX, Hashes, claimed_hash
from ...storage import Facts
from ..context import ContextOptions
from ..lock_builder import LockContents, build_lock
from ..lock_provenance import LockProvenance
from ..resolve.project import fits_python, needs_python
from ..results import ResolveResult, in_order
from ..session import Session, SessionOptions, open_session
from .selection import Selected, select

if TYPE_CHECKING:
    from packaging.pylock import Pylock


async def import_pylock(
    pylock: Pylock,
    *,
    base: Lockfile | str | Path | None = None,
    base_url: str | None = None,
    base_dir: str | Path | None = None,
    index_urls: str | Sequence[str] | None = None,
    extras: Collection[str] = (),
    groups: Collection[str] | None = None,
    offline: bool = False,
    refresh: bool = False,
    fetcher: Fetcher | None = None,
    facts: Facts | None = None,
    progress: Progress | None = None,
    surroundings: Surroundings | None = None,
) -> ResolveResult:
    """Lock the very files that a pylock.toml (PEP 751) names for a Pyodide, without downloading a
    wheel.

    * ``pylock``: as `packaging.pylock` has it; `micropip_lock.formats.pylock.read_pylock` reads
      one.
    * ``base``: a `Lockfile`, a file, a URL or a release ("314.0.7"); ``base_url``: where relative
      file names of the base live; ``base_dir``: a local Pyodide distribution that holds wheels of
      the base.
    * ``index_urls``: whose pages to compare hashes with; None: that of each package, where the
      pylock names it, else as pip and uv, or inside Pyodide micropip, are configured.
    * ``extras``, ``groups``: of the pylock, to lock as well; ``groups`` None: its default groups.
    * ``offline``: send no request; ``refresh``: request even what is cached, for yanks and
      removals.
    * ``fetcher``: makes the requests (stays open); ``facts``: remembers what cannot change;
      ``progress``: is called as (done, total, package); ``surroundings``: an environment that gives
      base and indexes instead of the one that runs this code.

    Raises `UnlockableError` with every reason why a package cannot be locked, `InputError` for
    arguments, and `FetchError` when the base cannot be had.
    """
    options = SessionOptions(
        offline=offline, refresh=refresh, fetcher=fetcher, facts=facts, progress=progress
    )
    context = ContextOptions(
        with_folders=False,
        base=base,
        base_url=base_url,
        base_dir=base_dir,
        index_urls=index_urls,
        surroundings=surroundings,
    )
    async with open_session(options, context) as session:
        selected, problems = select(
            pylock, session.context.base, session.target, extras=extras, groups=groups
        )
        pages = _Pages(session, given=index_urls is not None)
        task = _Import(session, pages, Publications(session.fetcher, session.facts))
        return session.costed(await task.run(selected, problems))


class _Pages:
    """What the indexes of a package list.

    An index that gives no answer is no objection: the pylock gives a hash.
    """

    def __init__(self, session: Session, *, given: bool) -> None:
        self._context = session.context
        self._fetcher = session.fetcher
        self._given = given
        self._configured: Indexes | None = None
        self._named: dict[str, Indexes] = {}

    async def open(self) -> None:
        """Read the find-links places."""
        self._configured = self._context.indexes()
        await self._configured.open(self._fetcher)

    async def listing(self, item: Selected) -> Listing:
        """What the index that the pylock names lists of a package, else what every configured index
        does.
        """
        assert self._configured is not None
        indexes = self._configured
        if item.index is not None and is_http(item.index) and not self._given:
            if item.index not in self._named:
                self._named[item.index] = Indexes([self._with_credentials(item.index)])
            indexes = self._named[item.index]
        return await indexes.answering(item.name, self._fetcher)

    def _with_credentials(self, index: str) -> str:
        """The configured URL of an index, which may have what a pylock must not have."""
        wanted = shown(index).rstrip("/")
        configured = self._context.index_urls
        urls = environment.configured_indexes()[0] if configured is None else configured
        return next((url for url in urls if shown(url).rstrip("/") == wanted), index)


@dataclass(slots=True)
class _Import:
    session: Session
    pages: _Pages
    publications: Publications
    done: int = 0
    warnings: list[Problem] = field(default_factory=list)

    async def run(self, selected: Sequence[Selected], problems: Sequence[Problem]) -> ResolveResult:
        """The lock, as resolve writes it.

        Raises `UnlockableError` with ``problems`` and all others.
        """
        own = [item for item in selected if item.entry is None]
        if own:
            await self.pages.open()
        found = await self.session.fetcher.gather([self._read(item, len(own)) for item in own])
        read = {
            item.name: one for item, one in zip(own, found, strict=True) if isinstance(one, _Read)
        }
        broken = [*problems, *(one for one in found if isinstance(one, Problem))]
        names = {item.name for item in selected if item.entry is not None}
        based = self.session.context.base.closure(names, stop=dict.fromkeys(read))
        self.warnings += [self._added(name) for name in sorted(based - names)]
        wheels = {name: one.wheel for name, one in read.items()}
        edges = self._edges(wheels, based, {problem.package for problem in broken})
        problems = [*edges.problems, *layouts(wheels)]
        if broken:
            raise UnlockableError([*broken, *map(_with_pylock_hint, problems)])
        depended = {name for needed in edges.depends.values() for name in needed}
        contents = LockContents(
            base=self.session.context.base,
            based=based,
            wheels=wheels,
            findings={name: Finding(one.evidence) for name, one in read.items()},
            depends=edges.depends,
            present={*wheels, *based},
            page_origin=self.session.context.page_origin,
            provenance=LockProvenance.of(sorted({*wheels, *names} - depended), proof="metadata"),
        )
        lock = build_lock(contents)
        problems += lock.problems
        if problems:
            raise UnlockableError(map(_with_pylock_hint, problems))
        warnings = [*self.warnings, *edges.warnings, *lock.warnings]
        return ResolveResult(
            lock.lockfile, lock.evidence, in_order(map(_with_pylock_hint, warnings))
        )

    def _edges(
        self, wheels: Mapping[str, WheelDescription], based: set[str], broken: set[str]
    ) -> Edges:
        """Who needs whom.

        No requirement for a package of ``broken`` counts as unmet: its problem is reported already.
        """
        packages = {name: Package(wheel.metadata) for name, wheel in wheels.items()}
        entries = {name: self.session.context.base.lockfile.packages[name] for name in based}
        dependencies = Dependencies(
            packages,
            {name: entry.version for name, entry in entries.items()},
            self.session.target,
            exclude=broken,
            wording=_WORDING,
        )
        return dependencies.edges(
            other_edges={name: entry.depends for name, entry in entries.items()}
        )

    async def _read(self, item: Selected, total: int) -> _Read | Problem:
        """Read the METADATA and the evidence of a wheel."""
        try:
            return await self._compared(item)
        except BrokenMetadataError as error:
            return _problem(
                "broken-metadata", item, f"its METADATA cannot be used: {error}.", _TELL
            )
        except NoRangesError:
            return _problem(
                "no-ranges",
                item,
                "its list of files takes a whole download: the server knows no ranges.",
                _OTHER,
            )
        except IntegrityError as error:
            return _problem("content-mismatch", item, sentence(error), _TELL)
        except GoneError as error:
            return _problem("gone", item, sentence(error), _ANEW)
        except FetchError as error:
            return unanswered(error, item.name, item.version, _UNANSWERED, url=_url(item))
        finally:
            self.done += 1
            self.session.step(self.done, total, item.name)

    async def _compared(self, item: Selected) -> _Read | Problem:
        file = item.file
        assert file is not None
        candidate = candidate_at(file.url, "pylock", file.sha256)
        if candidate.had_query:
            message = (
                f"the pylock gives {candidate.url} a query, which may be a secret, and which the "
                "runtime cannot load."
            )
            return _problem("query-needed", item, message, "Publish the wheel at a plain URL.")
        hashes = Hashes()
        listing = await self.pages.listing(item)
        offers = hashes.note_listing(listing, item.name, {file.version})
        hashes.note_url(listing, file.url)
        is_claimed = not hashes.of(file.url)
        hashes.note(file.url, file.sha256, "the pylock")
        conflict = hashes.conflict(item.name, item.version, file.url)
        if conflict is not None:
            return conflict
        sha256 = next(iter(hashes.of(file.url)), None)
        if sha256 is None:
            message = (
                "neither the pylock nor an index gives a sha256, which is what Pyodide compares "
                "files by."
            )
            return _problem(
                "hash-missing",
                item,
                message,
                "Write the pylock anew, from an index that gives sha256.",
            )
        if is_claimed:
            self.warnings.append(
                claimed_hash(item.name, item.version, file.url, "the pylock", NAME_INDEX)
            )
        offer = _offer_at(candidate.url, offers)
        if offer is None:
            return await self._at(item, replace(file, sha256=sha256), None, is_claimed)
        listed = replace(offer.file, url=file.url, sha256=sha256, size=offer.file.size or file.size)
        return await self._at(item, listed, offer.index, is_claimed)

    async def _at(
        self, item: Selected, file: IndexFile, index: str | None, is_claimed: bool
    ) -> _Read | Problem:
        """The wheel ``file``, which ``index`` lists."""
        assert file.sha256 is not None
        metadata = await self.publications.metadata(file, item.name)
        if not fits_python(metadata.requires_python, self.session.target):
            return _problem(
                "no-matching-wheel", item, f"it {needs_python(metadata.requires_python)}.", _ANEW
            )
        summary = await self.publications.summary(file, item.name)
        if file.yanked is not None:
            reason = f" ({file.yanked})" if file.yanked else ""
            self.warnings.append(
                _problem("yanked", item, f"this version was yanked from {index}{reason}.", _ANEW)
            )
        if summary.wrong_rows:
            self.warnings.append(
                wrong_record(item.name, metadata.version, summary.wrong_rows, file.url)
            )
        evidence = Evidence(
            package=item.name,
            version=metadata.version,
            claim="pylock",
            proof="metadata",
            url=candidate_at(file.url, "pylock", file.sha256).url,
            sha256=file.sha256,
            size=file.size,
            index=index,
            hash_from="claim" if is_claimed else "index",
        )
        return _Read(summary.with_metadata(metadata), evidence)

    def _added(self, name: str) -> Problem:
        entry = self.session.context.base.lockfile.packages[name]
        return Problem(
            "added-by-base",
            name,
            entry.version,
            "the pylock does not have it, but a package of the base needs it.",
            "Nothing has to be done: Pyodide loads it with the package that needs it.",
        )


@dataclass(frozen=True, slots=True)
class _Read:
    wheel: WheelDescription
    evidence: Evidence


def _offer_at(url: str, offers: Sequence[Offer]) -> Offer | None:
    """The first of ``offers`` that is the file at ``url``.

    One that needs its query is another file.
    """
    for offer in offers:
        listed = candidate_at(offer.file.url, "index", offer.file.sha256)
        if bare_url(listed.url) == bare_url(url) and not listed.had_query:
            return offer
    return None


def _with_pylock_hint(problem: Problem) -> Problem:
    """The problem of a requirement, with the hint for a pylock."""
    return replace(problem, hint=_HINTS.get(problem.code, problem.hint))


def _problem(code: str, item: Selected, message: str, hint: str) -> Problem:
    return Problem(code, item.name, item.version, message, hint, _url(item))


def _url(item: Selected) -> str | None:
    return shown(item.file.url) if item.file else None


_UNANSWERED = dict.fromkeys(HINTS, "Try again later.")
_WORDING = Wording(missing="the pylock does not have for this Pyodide", present="is in the pylock")
_ANEW = "Write the pylock anew for the Python of this Pyodide."
_HINTS = {
    "missing-dependency": _ANEW,
    "conflicting-dependency": _ANEW,
    "extra-guessed": (
        "A pylock does not say which extras were asked for. To say so, use resolve instead."
    ),
}
_OTHER = "Use an index with range requests, or tell its owner."
_TELL = "Name another version in the pylock, or tell its authors."
