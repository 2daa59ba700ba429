"""What a pylock.toml installs on a Pyodide: which of its packages, and which wheel of each.

https://packaging.python.org/en/latest/specifications/pylock-toml/#installing. Unlike
`packaging.pylock`, which stops at the first package that cannot be installed, this module reports
all of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion

from ..._util.url import before_query, is_http, shown
from ...dependencies.markers import MarkerEvaluator
from ...errors import InputError, Problem
from ...formats.lockfile import LockedPackage
from ...formats.project_page import IndexFile, single_file_page
from ...formats.target import Target
from ...proof.hashes import Hashes
from ..base import Base
from ..bundle.wheel_supply import same_version
from ..resolve.project import needs_python
from ..verify.entry import wheel_name_fault

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock


@dataclass(frozen=True, slots=True)
class Selected:
    """A package to lock: a wheel at a URL, or the base's own entry, which is the very same file."""

    name: str
    version: str
    file: IndexFile | None = None
    entry: LockedPackage | None = None
    #: The index whose page lists the file, as far as the pylock says.
    index: str | None = None


def select(
    pylock: Pylock,
    base: Base,
    target: Target,
    *,
    extras: Collection[str] = (),
    groups: Collection[str] | None = None,
) -> tuple[list[Selected], list[Problem]]:
    """The packages for ``target``, and why others cannot be locked.

    Raises `InputError` for extras it does not have.
    """
    markers = MarkerEvaluator({**target.environment, **_requested(pylock, extras, groups)})
    problems = list(_unfit(pylock, markers, target))
    chosen: dict[str, Package] = {}
    for package in pylock.packages:
        applies = _applies(package, markers)
        if isinstance(applies, Problem):
            problems.append(applies)
        elif applies and package.name in chosen:
            problems.append(
                _problem(
                    "duplicate",
                    package,
                    "the pylock selects two entries of it for this Pyodide.",
                    _ASK,
                )
            )
        elif applies:
            chosen[package.name] = package
    found = [_choose(package, base, target) for package in chosen.values()]
    problems += [item for item in found if isinstance(item, Problem)]
    return [item for item in found if isinstance(item, Selected)], problems


def _requested(
    pylock: Pylock, extras: Collection[str], groups: Collection[str] | None
) -> dict[str, frozenset[str]]:
    """``extras`` and ``dependency_groups``, for markers."""
    wanted = pylock.default_groups or () if groups is None else groups
    known = {
        "extra": pylock.extras or (),
        "group": (*(pylock.dependency_groups or ()), *(pylock.default_groups or ())),
    }
    for what, names in (("extra", extras), ("group", groups or ())):
        for name in names:
            if name not in known[what]:
                there = ", ".join(sorted(known[what])[:20]) or "none"
                raise InputError(f"The pylock has no {what} {name[:80]!r}; it has {there}.")
    return {"extras": frozenset(extras), "dependency_groups": frozenset(wanted)}


def _unfit(pylock: Pylock, markers: MarkerEvaluator, target: Target) -> Iterable[Problem]:
    """Why the whole file is for something else."""
    if not _allows(pylock.requires_python, target):
        yield Problem(
            "wrong-platform",
            _WHOLE,
            None,
            f"the pylock {needs_python(str(pylock.requires_python))}.",
            _ASK,
        )
    if pylock.environments and not any(map(markers.evaluate, pylock.environments)):
        environments = "; ".join(str(marker)[:200] for marker in pylock.environments[:3])
        yield Problem(
            "wrong-platform",
            _WHOLE,
            None,
            f"the pylock is for other environments: {environments}.",
            _ASK,
        )


def _applies(package: Package, markers: MarkerEvaluator) -> bool | Problem:
    applies = markers.evaluate(package.marker)
    if applies is not None:
        return applies
    return _problem(
        "broken-metadata",
        package,
        f"the marker {str(package.marker)[:200]!r} cannot be evaluated.",
        "Write the pylock again, or tell the authors of its tool.",
    )


def _allows(specifier: SpecifierSet | None, target: Target) -> bool:
    return specifier is None or specifier.contains(target.python.rstrip("+"), prereleases=True)


def _choose(package: Package, base: Base, target: Target) -> Selected | Problem:
    if package.vcs is not None:
        return _problem(
            "vcs", package, "it is taken from version control, so there is no wheel.", _PUBLISH
        )
    if package.directory is not None:
        code = "editable" if package.directory.editable else "local-directory"
        hint = f"{_PUBLISH} To leave the project itself out: uv export --no-emit-project."
        return _problem(
            code, package, "it is built from a folder on the machine of the pylock.", hint
        )
    if not _allows(package.requires_python, target):
        return _problem(
            "no-matching-wheel", package, f"it {needs_python(str(package.requires_python))}.", _ASK
        )
    entry = base.entry(package.name)
    files = [package.archive] if package.archive is not None else list(package.wheels or ())
    # The very file of the base: Pyodide has it already, and knows more of it than its METADATA
    # says.
    if entry is not None and _is_of_base(package, files, entry):
        return Selected(package.name, entry.version, entry=entry)
    wheels = []
    for file in files:
        wheel = _at_url(file, package.name)
        if wheel is not None:
            wheels.append((file, wheel))
    best = _best(wheels, target)
    if best is None:
        return _no_wheel(package, files, wheels, entry, target)
    file, found = best
    conflict = _hash_conflict(package, base, wheels, found)
    if conflict is not None:
        return conflict
    if package.version not in (None, found.version):
        # `packaging` compares the name that the pylock gives beside the URL, if there is one.
        message = f"{found.filename[:200]} is no wheel of this version."
        return _problem("file-name", package, message, _CHECK, found.url)
    version = str(found.version)
    return Selected(
        package.name,
        version,
        replace(found, sha256=_sha256(file), size=file.size),
        index=package.index,
    )


def _best(wheels: Sequence[tuple[Any, IndexFile]], target: Target) -> tuple[Any, IndexFile] | None:
    """The wheel that resolve would choose: the best tag, and with it the highest build number."""
    fitting: list[tuple[int, Any, IndexFile]] = []
    for file, wheel in wheels:
        rank = target.rank(wheel.tags)
        if rank is not None:
            fitting.append((rank, file, wheel))
    if not fitting:
        return None
    best_rank = min(rank for rank, _, _ in fitting)
    candidates = [(file, wheel) for rank, file, wheel in fitting if rank == best_rank]
    return max(candidates, key=lambda item: item[1].build)


def _is_of_base(package: Package, files: Sequence[Any], entry: LockedPackage) -> bool:
    """Whether a file of the pylock is that of the base, at the version that the pylock selects."""
    if package.version is not None:
        try:
            if not same_version(str(package.version), entry.version):
                return False
        except InvalidVersion:
            return False
    return bool(entry.sha256) and any(_sha256(file) == entry.sha256 for file in files)


def _is_loadable(url: str) -> bool:
    return is_http(url) and not any(letter.isspace() or not letter.isprintable() for letter in url)


def _at_url(file: Any, name: str) -> IndexFile | None:
    """A file of a pylock as one of an index, if it is a wheel of ``name`` that can be requested."""
    url = (file.url or "").partition("#")[0]
    if not _is_loadable(url):
        return None
    for version, cut in single_file_page(url).versions(name).items():
        for found in cut.files(name, {version}):
            if found.kind == "wheel":
                return replace(found, url=url)
    return None


_SHA256 = re.compile(r"[0-9a-f]{64}")


def _sha256(file: Any) -> str | None:
    text = str(file.hashes.get("sha256", "")).lower()
    return text if _SHA256.fullmatch(text) else None


def _no_wheel(
    package: Package,
    files: Sequence[Any],
    wheels: Sequence[Any],
    entry: LockedPackage | None,
    target: Target,
) -> Problem:
    """Why no file of a package can be locked, and what may help."""
    version = "" if package.version is None else f"=={package.version}"
    hint = "Write the pylock anew for this Pyodide, with a version that has such a wheel."
    if entry is not None:
        hint = (
            f"The base has its own {package.name} {entry.version}, which is another file than the "
            "pylock names: "
            f'micropip-lock resolve "{package.name}{version}" takes it.'
        )
    if wheels:
        none = f"none of its {len(wheels)} wheels fits"
        if len(wheels) == 1:
            none = "its one wheel not fits"
        message = f"{none} this Pyodide ({target.platforms[0]}, or pure Python)."
        return _problem("no-matching-wheel", package, message, hint)
    if package.wheels or (package.archive is not None and _is_wheel(package.archive)):
        misnamed = next((fault for file in files if (fault := _name_fault(file, package))), None)
        if misnamed is not None:
            return _problem(
                "file-name",
                package,
                misnamed,
                "Name a URL that ends in the file name of the wheel.",
            )
        places = next((shown(file.path or file.url or "") for file in files), "")
        message = f"its wheel is at {places[:200]}, where only its own machine can load it."
        return _problem(
            "local-file",
            package,
            message,
            "Publish the wheel on an index, and write the pylock anew.",
        )
    what = (
        "an archive of source code"
        if package.archive is not None
        else "only source code (an sdist)"
    )
    return _problem(
        "sdist", package, f"the pylock has {what} of it, no wheel.", hint if entry else _PUBLISH
    )


def _name_fault(file: Any, package: Package) -> str | None:
    """Why the runtime cannot load a wheel, by its file name; None: the name is no reason."""
    if not _is_loadable(file.url or ""):
        return None
    version = None if package.version is None else str(package.version)
    return wheel_name_fault(shown(file.url), package.name, version)


def _is_wheel(archive: Any) -> bool:
    return before_query(archive.path or archive.url or "").endswith(".whl")


def _hash_conflict(
    package: Package, base: Base, wheels: Sequence[tuple[Any, IndexFile]], found: IndexFile
) -> Problem | None:
    """Why the sha256 of the wheel ``found`` is not certain.

    The base and the pylock do not give the same one.
    """
    hashes = Hashes()
    base.note_hash(package.name, hashes)
    if hashes.of(found.url) and not any(_sha256(file) for file, wheel in wheels if wheel is found):
        message = "the pylock gives no sha256 of the base's file, which may be another one now."
        return _problem("hash-conflict", package, message, _CHECK, found.url)
    for file, wheel in wheels:
        hashes.note(wheel.url, _sha256(file), "the pylock")
    return hashes.conflict(package.name, str(found.version), found.url)


def _problem(
    code: str, package: Package, message: str, hint: str, url: str | None = None
) -> Problem:
    version = None if package.version is None else str(package.version)
    return Problem(code, package.name, version, message, hint, None if url is None else shown(url))


#: What a problem is filed under that concerns the whole file.
_WHOLE = "pyodide"
_ASK = (
    "Write the pylock anew for the Python of this Pyodide, or name the Pyodide that it is for with "
    "base= (--base)."
)
_PUBLISH = "Publish a wheel of it, and write the pylock anew."
_CHECK = "Check which file you meant; it may have been replaced."
