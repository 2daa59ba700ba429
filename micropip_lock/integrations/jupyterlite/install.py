"""Put a frozen lock into a JupyterLite site, and check whether the site's lock still boots."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from ..._util.files import write_output
from ..._util.text import sentence
from ..._util.url import is_http
from ...errors import FetchError, InputError, Problem, UnlockableError
from ...formats.lockfile import LOCK_NAME, LockedPackage, Lockfile
from ...network import Fetcher, default_cache_dir, run_sync
from ...operations.base import Base, load_base
from ...operations.bundle.run import fill
from ...operations.bundle.wheel_supply import hashed
from ...operations.lock_source import local_lock
from ...operations.session import SessionOptions
from ...operations.verify.run import ADVICE, verify
from .kernel import NEEDED, SiteLock, check_own, check_target, complete
from .site import LOCK_URL, Choice, Site

_WHEELS = "wheels"
_OUTCOME = "cannot be put into the site; its lock was left as it was"
_BUNDLE = (
    "Build with --micropip-lock-bundle, which puts the files into the site, or give the lock "
    "absolute URLs."
)


@dataclass(frozen=True, slots=True)
class Order:
    """The user's options: a frozen lock, with or without wheels, and what the kernel loads first.

    ``base``: which Pyodide the site loads, where the site itself does not say. ``prove``: request
    even files that an earlier build has seen.
    """

    lock: Path
    bundled: bool = False
    base: str | Path | None = None
    preload: tuple[str, ...] = ()
    prove: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done: the lock that the kernel reads, files that changed, and what might be worth
    knowing.
    """

    lockfile: Lockfile
    changed: tuple[Path, ...]
    advice: tuple[Problem, ...]
    downloaded: int = 0


def put(site: Site, order: Order) -> Outcome:
    """Put the lock into the site, so that its kernel boots from it.

    Every file that the kernel may load is hashed: those that the site serves itself, and with
    ``bundled`` all others, which are put into it; without, they are downloaded and thrown away.
    What is there already is not touched.

    Raises `InputError` for a lock, a site or a folder that cannot be used, `FetchError` when the
    lock of the site's Pyodide cannot be read, and `UnlockableError` with every problem; then the
    site's lock is as it was.
    """
    source = local_lock(order.lock)
    lock, beside = source.strict(), source.folder
    site.check_writable()
    site.check_settings()
    base = _base(site, order.base)
    check_target(lock, base.lockfile, str(order.lock))
    made = complete(lock, base, site, [*site.own_packages(), *order.preload])
    problems = [*made.problems, *check_own(made, site)]
    faults, advice = _static(made)
    problems += faults
    if order.bundled:
        place, downloaded, failed = _bundle(made, site, beside, problems)
    else:
        place, downloaded, failed = _prove(made, site, order.prove)
    if problems or failed:
        _tidy(site)  # what was brought for nothing is in the cache
        raise UnlockableError([*problems, *failed], _OUTCOME)
    changed = _write(site, place, made, order)
    return Outcome(place, changed, advice, downloaded)


def take_back(site: Site) -> tuple[Path, ...]:
    """Remove what an earlier build put into the site, and return the changed files.

    Raises `InputError`.
    """
    changed = site.choose(None)
    if not site.folder.is_dir():
        return tuple(changed)
    try:
        shutil.rmtree(site.folder)
    except OSError as error:
        raise InputError(f"Cannot remove {site.folder}: {error.strerror or error}.") from error
    return (*changed, site.folder)


def look(site: Site) -> Lockfile | None:
    """Check the lock in a site without a request; None: the site has none.

    Raises `InputError` and `UnlockableError` as `put` does.
    """
    chosen = site.chosen()
    if not chosen:
        return None
    lock = Lockfile.read(site.lock)
    problems = [item for item in _verify(lock) if item.code not in ADVICE]
    for key, entry in lock.packages.items():
        if is_http(entry.file_name):
            continue
        if hashed(site.folder / entry.file_name, entry.sha256) is None:
            message = (
                f"{entry.file_name} in {site.folder} is missing, or has another sha256 than the "
                "lock."
            )
            problems.append(Problem("content-mismatch", key, entry.version, message, _AGAIN))
    names = {
        canonicalize_name(name)
        for name in NEEDED
        if name != "piplite" or not site.piplite_is_elsewhere()
    }
    names.update(map(canonicalize_name, site.own_packages()))
    for name in sorted(names - lock.packages.keys()):
        message = "it is loaded when the kernel starts, and the site's lock does not have it."
        problems.append(Problem("missing-dependency", name, None, message, _AGAIN))
    if problems:
        raise UnlockableError(problems, "in the site's lock are wrong")
    url = _lock_url(site.lock.read_bytes())
    for item, settings in chosen:
        if settings["loadPyodideOptions"]["lockFileURL"] != url:
            raise InputError(
                f"{item.path} names another state of {site.lock} than the one that is there. "
                f"{_AGAIN}"
            )
    place = site.runtime_lock()
    if isinstance(place, Path):
        check_target(lock, Lockfile.read(place), str(site.lock))
    return lock


_AGAIN = "Build again with --micropip-lock."


def _base(site: Site, base: str | Path | None) -> Base:
    """The lock of the Pyodide that the site loads."""
    place = base if base is not None else site.runtime_lock()
    if isinstance(place, Path) and not place.is_file():
        raise InputError(
            f"The Pyodide of the site has no lock: {place} is missing. Put a whole distribution "
            "into static/pyodide, or build with --pyodide."
        )

    async def load(fetcher: Fetcher) -> Base:
        return await load_base(place, fetcher)

    try:
        return run_sync(load, cache_dir=default_cache_dir())
    except FetchError as error:
        raise FetchError(
            f"{sentence(error)} So it is unknown whether the site's Pyodide can boot from "
            "the lock. Try again, or put that Pyodide into static/pyodide (or --pyodide), or "
            "name its lock: --MicropipLockAddon.base=FILE.",
            url=error.url,
            reason=error.reason,
        ) from error


def _static(made: SiteLock) -> tuple[list[Problem], tuple[Problem, ...]]:
    """What the lock says against itself, as problems and as advice.

    Relative names are what a site wants.
    """
    rest, packages = made.rest.packages, made.lockfile.packages
    # That the kernel needs it is reported; its dependants are of no interest then.
    missing = {item.package for item in made.problems if item.code == "missing-dependency"}
    waiting = {
        key
        for key, entry in packages.items()
        if {*entry.depends} - packages.keys() <= missing and missing
    }
    found = [
        item
        for item in _verify(made.lockfile)
        if item.code != "missing-dependency" or item.package not in waiting
    ]
    advice = tuple(
        item
        for item in found
        if item.code in ADVICE and (item.package in rest or item.code != "not-portable")
    )
    return [item for item in found if item.code not in ADVICE], advice


def _verify(lock: Lockfile) -> tuple[Problem, ...]:
    async def check(fetcher: Fetcher) -> tuple[Problem, ...]:
        return await verify(lock, online=False, fetcher=fetcher)

    return run_sync(check, offline=True)


Placed = tuple[Lockfile, int, Sequence[Problem]]


def _bundle(made: SiteLock, site: Site, beside: Path | None, problems: Sequence[Problem]) -> Placed:
    """Bring the files that the site lacks into it."""
    rest = made.rest
    if not rest.packages:
        return made.lockfile, 0, ()
    folder = site.folder / _folder_for(rest, site)
    # Nothing is put into a site that cannot have the lock anyway.
    with tempfile.TemporaryDirectory() as elsewhere:
        result = _supply(rest, Path(elsewhere) if problems else folder, beside, default_cache_dir())
    if isinstance(result, UnlockableError):
        return made.lockfile, 0, result.problems
    local, downloaded = result
    (folder / LOCK_NAME).unlink(missing_ok=True)
    placed = {
        key: replace(entry, file_name=f"{folder.name}/{entry.file_name}")
        for key, entry in local.packages.items()
    }
    return replace(made.lockfile, packages={**made.lockfile.packages, **placed}), downloaded, ()


def _folder_for(rest: Lockfile, site: Site) -> str:
    """Where wheels go: where they are, unless one would replace another that the earlier lock still
    needs.
    """
    old = {entry.file_name: entry.sha256 for entry in _earlier(site)}
    used = sorted({name.partition("/")[0] for name in old if name.startswith(_WHEELS)})
    new = {entry.file_name.rpartition("/")[2]: entry.sha256 for entry in rest.packages.values()}
    for folder in (*used, _WHEELS):
        if all(old.get(f"{folder}/{name}", sha256) == sha256 for name, sha256 in new.items()):
            return folder
    return f"{_WHEELS}-{hashlib.sha256(rest.to_json().encode()).hexdigest()[:12]}"


def _prove(made: SiteLock, site: Site, always: bool) -> Placed:
    """See that the files that the site lacks are where the lock says, and what it says."""
    rest = {key: entry for key, entry in made.rest.packages.items() if key not in made.trusted}
    problems = [
        Problem(
            "local-file",
            key,
            entry.version,
            f"its file name {entry.file_name} is relative to the lock, and the site has no such "
            "file.",
            _BUNDLE,
        )
        for key, entry in rest.items()
        if not is_http(entry.file_name)
    ]
    remote = {key: entry for key, entry in rest.items() if is_http(entry.file_name)}
    seen = site.lock.is_file() and site.lock.read_bytes() == made.lockfile.to_json().encode()
    if not remote or (seen and not always):
        return made.lockfile, 0, problems
    with tempfile.TemporaryDirectory() as folder:
        result = _supply(replace(made.lockfile, packages=remote), Path(folder), None, None)
    if isinstance(result, UnlockableError):
        return made.lockfile, 0, [*problems, *result.problems]
    return made.lockfile, result[1], problems


def _supply(
    lock: Lockfile, folder: Path, beside: Path | None, cache_dir: Path | None
) -> tuple[Lockfile, int] | UnlockableError:
    async def bring(fetcher: Fetcher) -> tuple[Lockfile, int] | UnlockableError:
        try:
            folders = () if beside is None else (beside,)
            options = SessionOptions(fetcher=fetcher, cache_dir=cache_dir)
            result = await fill(lock, folder, folders, options)
        except UnlockableError as error:
            return error
        return result.lockfile, sum(item.source == "downloaded" for item in result.files)

    return run_sync(bring, cache_dir=cache_dir)


def _write(site: Site, lock: Lockfile, made: SiteLock, order: Order) -> tuple[Path, ...]:
    """Write the lock, then the files that name it; last remove what the lock does not name."""
    changed: list[Path] = []
    data = lock.to_json().encode()
    if not site.lock.is_file() or site.lock.read_bytes() != data:
        try:
            site.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"Cannot make the folder {site.folder}: {error.strerror or error}."
            ) from error
        write_output(site.lock, data)
        changed.append(site.lock)
    changed += site.choose(Choice(_lock_url(data), made.kernel, order.bundled))
    changed += _tidy(site)
    return tuple(changed)


def _lock_url(data: bytes) -> str:
    # As the kernel does with its own indexes: a browser that keeps an older lock must not mix it
    # with newer wheels.
    return f"{LOCK_URL}?sha256={hashlib.sha256(data).hexdigest()}"


def _earlier(site: Site) -> Collection[LockedPackage]:
    """The entries of the lock that the site has, as far as it can be read."""
    try:
        return Lockfile.read(site.lock).packages.values()
    except InputError:
        return ()


def _tidy(site: Site) -> list[Path]:
    """Remove what the lock of the site does not name, such as the wheels of earlier builds."""
    kept = {site.lock, *(site.folder / entry.file_name for entry in _earlier(site))}
    removed = []
    try:
        for path in sorted(site.folder.rglob("*"), reverse=True):
            if path.is_file() and path not in kept:
                path.unlink()
                removed.append(path)
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    except OSError as error:
        raise InputError(
            f"Cannot remove files of an earlier build in {site.folder}: {error.strerror}."
        ) from error
    return removed
