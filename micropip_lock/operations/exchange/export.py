"""`export`: the wheels of a lock, as other installers name them, for every output format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, unquote

from packaging.utils import parse_wheel_filename

from ..._util.text import first_few
from ..._util.url import before_query, filename, is_http, join, shown, writable
from ...dependencies.graph import dependants
from ...errors import InputError, Problem, UnlockableError
from ...formats.exported import Export, ExportedWheel
from ...formats.lockfile import LockedPackage
from ...formats.target import Target
from ...proof.candidate import candidate_at
from ...proof.evidence import Evidence
from ..base import is_release
from ..lock_source import LockInput, local_lock
from ..verify.entry import wheel_name_fault


def export(
    lockfile: LockInput,
    *,
    base_url: str | None = None,
    evidence: Sequence[Evidence] = (),
) -> Export:
    """The wheels of a lock, for `micropip_lock.formats` to write in another format; no requests.

    * ``lockfile``: a `Lockfile`, a parsed object, the text of one, a file or a folder.
    * ``base_url``: where relative file names of the lock live; without it they stay relative.
    * ``evidence``: of the freeze or resolve that made the lock, which knows indexes and sizes.

    Shared libraries and other entries that are no wheels are left out, each with a warning. Raises
    `UnlockableError` with every entry that no other format can name truthfully, and `InputError`.
    """
    lock = local_lock(lockfile).strict()
    if base_url is not None and not is_http(base_url):
        raise InputError(f"The base URL {shown(base_url)!r} is not an http or https URL.")
    folder_url = base_url if base_url is None or base_url.endswith("/") else base_url + "/"
    target = Target.from_info(lock.info)
    known = {item.sha256: item for item in evidence}
    wheels: list[ExportedWheel] = []
    problems: list[Problem] = []
    warnings: list[Problem] = []
    users = _users(lock.packages)
    for key, entry in sorted(lock.packages.items()):
        if not _is_wheel(entry):
            warnings.append(_left_out(key, entry, users.get(key, ())))
            continue
        found = _wheel(key, entry, folder_url, known)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            wheels.append(found)
    if problems:
        raise UnlockableError(problems, "cannot be exported; nothing was written")
    return Export(target, tuple(wheels), tuple(warnings))


def not_on_index(exported: Export) -> Iterable[Problem]:
    """The wheels of Pyodide's own releases: no index has them under their name and hash."""
    for wheel in exported.wheels:
        if wheel.url is not None and is_release(wheel.url):
            yield Problem(
                "not-on-index",
                wheel.name,
                str(wheel.version),
                "Pyodide built this file itself, so that no index has one with this hash.",
                "Export URLs (--urls) to install it, or lock the index's wheel instead.",
                shown(wheel.url),
            )


def relative(exported: Export) -> Iterable[Problem]:
    """The warning that some wheels must be at their relative paths beside the lock."""
    paths = [wheel.path for wheel in exported.wheels if wheel.path is not None]
    if paths:
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield Problem(
            "not-portable",
            "pyodide",
            None,
            f"{paths[0]}{more} are named relative to the lock, and have to be there when they are "
            "installed."
            if more
            else f"{paths[0]} is named relative to the lock, "
            "and has to be there when it is installed.",
            "Pass base_url= (--base-url), the folder they can be loaded from, or bundle the lock.",
        )


_SHA256 = re.compile(r"[0-9a-f]{64}")
#: What may stand in a URL as it is; not «$», «{» and «\\», which pip gives a meaning in its files.
_IN_URLS = "/:?&=%+,;@!~*'()[]"


def _is_wheel(entry: LockedPackage) -> bool:
    return filename(entry.file_name).endswith(".whl")


def _wheel(
    key: str, entry: LockedPackage, folder_url: str | None, known: Mapping[str, Evidence]
) -> ExportedWheel | Problem:
    name = entry.file_name
    wheel_name = filename(name)
    if any(letter.isspace() or not letter.isprintable() for letter in name):
        return _problem(
            "file-name", key, entry, "its file name has characters that no URL has.", _TELL
        )
    fault = wheel_name_fault(before_query(name), key, entry.version)
    if fault is not None:
        return _problem("file-name", key, entry, fault, _TELL)
    version = parse_wheel_filename(wheel_name)[1]
    if not _SHA256.fullmatch(entry.sha256):
        return _problem("hash-missing", key, entry, "the lock gives no sha256 for it.", _AGAIN)
    if not is_http(name):
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\]", unquote(name)):
            message = f"{shown(name)} is a place that only the lock's own page or machine knows."
            return _problem("local-file", key, entry, message, _BASE_URL)
        if folder_url is not None:
            name = join(folder_url, name)
    about = known.get(entry.sha256)
    index, size = (None, None) if about is None else (about.index, about.size)
    if not is_http(name):
        path = unquote(before_query(writable(name)))
        return ExportedWheel(
            key, version, wheel_name, entry.sha256, path=path, size=size, index=index
        )
    candidate = candidate_at(name, "lock", entry.sha256)
    if candidate.had_query:
        message = f"{candidate.url} has a query, which may be a secret."
        return _problem("query-needed", key, entry, message, "Publish the wheel at a plain URL.")
    url = quote(candidate.url, safe=_IN_URLS)
    return ExportedWheel(key, version, wheel_name, entry.sha256, url=url, size=size, index=index)


def _users(packages: Mapping[str, LockedPackage]) -> dict[str, list[str]]:
    """The wheels that need a package, by its name."""
    return dependants({key: entry.depends for key, entry in packages.items() if _is_wheel(entry)})


def _left_out(key: str, entry: LockedPackage, users: Sequence[str]) -> Problem:
    message = (
        f"{filename(entry.file_name)[:200]} is no wheel, so that no installer takes it: it is left "
        "out."
    )
    if users:
        verb = "needs" if len(users) == 1 else "need"
        message += f" {first_few(users)} {verb} it."
    hint = "Load it with Pyodide itself, from the lock."
    return _problem("not-a-wheel", key, entry, message, hint)


_TELL = "Check the lock with micropip-lock verify."
_AGAIN = "Freeze or resolve again: what that writes has a sha256 for every entry."
_BASE_URL = "Bundle the lock, or lock the package from an index."


def _problem(code: str, key: str, entry: LockedPackage, message: str, hint: str) -> Problem:
    url = shown(entry.file_name) if is_http(entry.file_name) else None
    return Problem(code, key, entry.version, message, hint, url)
