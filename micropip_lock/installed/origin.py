"""The claims that the files of a distribution make about its origin.

A claim only says where to search. It is proved by `proof.prover` (a wheel of the same contents at
the claimed URL) or, in a live runtime, by the runtime's own record of its installs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

from .._util.url import is_http, shown, shown_filename
from ..errors import Problem
from ..formats.direct_url import DirectUrl, parse_direct_url, parse_index, parse_provenance_url
from .distribution import InstalledDistribution
from .hints import leave_out, reinstall

ClaimKind = Literal[
    "base", "micropip", "direct-url", "provenance-url", "report", "pyodide-source", "index"
]

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that a distribution is the wheel at ``url``.

    ``file`` is the file of .dist-info that says so; a wheel that ships this file makes the claim
    itself.
    """

    kind: ClaimKind
    url: str
    sha256: str | None = None
    file: str | None = None
    #: The runtime saw the install happen: no further proof is needed.
    witnessed: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known without a request: problems that end the search, or the claims to prove.

    Without problems and claims the indexes have to be searched, ``index`` first when it is set.
    """

    problems: tuple[Problem, ...] = ()
    claims: tuple[Claim, ...] = ()
    index: str | None = None
    #: Proved by the running runtime to be the base's own (rule 1).
    is_base: bool = False


def origin(
    distribution: InstalledDistribution,
    *,
    loaded: Mapping[str, str] | None = None,
    report: Mapping[str, DirectUrl] | None = None,
) -> Origin:
    """Read what ``distribution`` says of itself.

    ``loaded`` is the runtime's own list of what it loaded into this folder since it started, by
    canonical name (None: it is a folder as any other); ``report`` is what pip's installation report
    says, by canonical name.
    """
    installer = distribution.installer
    if installer.startswith("micropip") and "mock" in installer:
        return Origin(problems=(mock(distribution.key, distribution.version),))
    if (
        loaded is not None
        and installer == "pyodide.loadPackage"
        and loaded.get(distribution.key) == "default channel"
    ):
        return Origin(is_base=True)
    if loaded is not None and installer == "micropip" and distribution.key in loaded:
        claim = _micropip_claim(distribution, witnessed=True)
        if claim is not None:
            return _only_remote(distribution, [claim])
    return _claims(distribution, report or {})


def _claims(distribution: InstalledDistribution, report: Mapping[str, DirectUrl]) -> Origin:
    if distribution.installer == "conda":
        return Origin(
            problems=(
                _problem(
                    distribution,
                    "foreign-installer",
                    "conda installed it, from a package that is no wheel.",
                    f"It has to come from a wheel. {reinstall(distribution)}",
                ),
            )
        )
    claims: list[Claim] = []
    if distribution.key in report:
        claims.append(
            Claim("report", report[distribution.key].url, report[distribution.key].sha256)
        )
    for item in _url_claims(distribution):
        if isinstance(item, Problem):
            return Origin(problems=(item,))
        claims.append(item)
    if "uv_build.json" in distribution.files:
        return Origin(problems=(_sdist(distribution, "uv built it from source (uv_build.json)."),))
    source = distribution.text("PYODIDE_SOURCE")
    if "/" in source and not claims:
        claims.append(Claim("pyodide-source", source, None, "PYODIDE_SOURCE"))
    if (claim := _micropip_claim(distribution)) and not [
        known for known in claims if known.kind != "pyodide-source"
    ]:
        claims = [claim]  # it says the same as PYODIDE_SOURCE, and the hash as well
    if claims:
        return _only_remote(distribution, claims)
    return Origin(
        index=parse_index(distribution.files["INDEX"]) if "INDEX" in distribution.files else None
    )


def _url_claims(distribution: InstalledDistribution) -> Iterator[Claim | Problem]:
    """The claims of direct_url.json (PEP 610) and provenance_url.json (PEP 710)."""
    kind: ClaimKind
    for name, kind, parse in (
        ("direct_url.json", "direct-url", parse_direct_url),
        ("provenance_url.json", "provenance-url", parse_provenance_url),
    ):
        if name not in distribution.files:
            continue
        try:
            value = parse(distribution.files[name])
        except ValueError as error:
            hint = reinstall(distribution)
            yield _problem(distribution, "broken-metadata", f"{name}: {error}.", hint)
            return
        if value.kind != "archive":
            yield _not_an_archive(distribution, value)
            return
        yield Claim(kind, value.url, value.sha256, name)


def _micropip_claim(
    distribution: InstalledDistribution, *, witnessed: bool = False
) -> Claim | None:
    url, sha256 = distribution.text("PYODIDE_URL"), distribution.text("PYODIDE_SHA256").lower()
    if not url or (witnessed and not _SHA256.fullmatch(sha256)):
        return None
    return Claim(
        "micropip", url, sha256 if _SHA256.fullmatch(sha256) else None, "PYODIDE_URL", witnessed
    )


def _only_remote(distribution: InstalledDistribution, claims: list[Claim]) -> Origin:
    """The claims, unless one is a place that no other machine can load from."""
    for claim in claims:
        if not is_http(claim.url):
            return Origin(problems=(local_file(distribution, claim.url),))
        if not unquote(urlsplit(claim.url).path).endswith(".whl"):
            return Origin(
                problems=(
                    _sdist(
                        distribution, f"it was built from {shown(claim.url)}, which is no wheel."
                    ),
                )
            )
    return Origin(claims=tuple(claims))


def _problem(
    distribution: InstalledDistribution, code: str, message: str, hint: str, url: str | None = None
) -> Problem:
    filled = hint.format(name=distribution.metadata.name, version=distribution.version)
    return Problem(code, distribution.key, distribution.version, message, filled, url)


def mock(key: str, version: str) -> Problem:
    """The problem of a micropip mock package."""
    return Problem(
        "mock",
        key,
        version,
        "it is a mock package of micropip: there is no wheel behind it.",
        f"Remove the mock with micropip.remove_mock_package({key!r}), or {leave_out(key)}",
    )


def local_file(distribution: InstalledDistribution, url: str) -> Problem:
    """The problem of a wheel that only this machine has."""
    filename = shown(unquote(shown_filename(url)))
    return _problem(
        distribution,
        "local-file",
        f"it was installed from a local file ({filename}), which no other machine can load.",
        "Publish the wheel on an index or at an https URL and install it from there.",
    )


def _not_an_archive(distribution: InstalledDistribution, value: DirectUrl) -> Problem:
    if value.kind == "vcs":
        what = f"it was installed from version control ({shown(value.url)})."
        return _problem(distribution, "vcs", what, _PUBLISH)
    if value.kind == "editable":
        return _problem(
            distribution, "editable", "it is an editable install of a local folder.", _PUBLISH
        )
    return _problem(
        distribution, "local-directory", "it was installed from a local folder.", _PUBLISH
    )


_PUBLISH = (
    "Build a wheel (python -m build --wheel), publish it on an index, and install "
    "{name}=={version} from there."
)


def _sdist(distribution: InstalledDistribution, message: str) -> Problem:
    return _problem(
        distribution,
        "sdist",
        message + " What was built here exists nowhere else.",
        f"Publish a wheel of it, or take the index's. {reinstall(distribution)}",
    )
