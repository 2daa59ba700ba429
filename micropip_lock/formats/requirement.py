"""One requirement as users write it: PEP 508, the bare URL of a wheel, and the hashes that a file
must have.

Format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from .._util.text import clause
from .._util.url import filename, is_http, shown, shown_within
from ..errors import InputError
from .core_metadata import RequirementError, parse_requirement
from .requirement_hashes import fragment_hashes, option_hashes, sha256_only
from .requirement_text import option_name, quoted

#: No author writes longer requirements or wheel names, but longer values could keep their parsers
#: busy for hours.
_LONGEST_REQUIREMENT = 4096
_LONGEST_FILE_NAME = 255

# Two characters at least: «C:» is a drive, not a scheme.
_SCHEME = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:", re.IGNORECASE)
_BARE_URL = re.compile(
    r"[a-z][a-z0-9+.-]*://|(https?|file|(git|hg|svn|bzr)(\+[a-z]+)?):", re.IGNORECASE
)
_VERSION_CONTROL = re.compile(r"(git|hg|svn|bzr)[+:]", re.IGNORECASE)
_PATH = re.compile(r"[./\\~]|[A-Za-z]:|[\w.-]*[/\\]")
_EXTRAS = re.compile(r"\s*\[[^\[\]]*\]$")
_ARCHIVES = (
    ".zip",
    ".tar.gz",
    ".tgz",
    ".tar",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tar.lz",
    ".tlz",
    ".tar.lzma",
)
_ONLY_WHEELS = (
    "A lock can only name wheels at http(s) URLs: build the wheel, put it on a web server and give "
    "its URL here."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One requirement of the user: PEP 508, and the hashes that a file must have.

    The URL of the requirement has no fragment: the hashes of the fragment are among ``hashes``.
    """

    requirement: Requirement
    #: sha256, lower-case hexadecimal digits; one of them must fit. Empty: any file will do.
    hashes: frozenset[str] = frozenset()
    #: «requirements.txt, line 3»; None: it is from no file.
    origin: str | None = None

    @property
    def name(self) -> str:
        """The canonical name of the project."""
        return canonicalize_name(self.requirement.name)


def writable(requirement: Requirement) -> Requirement:
    """The requirement as it may stand in a file: its URL without user, password, query and
    fragment.

    Where it is not clear which part of the URL is a password, the URL is omitted.
    """
    if requirement.url is None:
        return requirement
    found = Requirement(str(requirement))
    url = shown(requirement.url)
    found.url = None if "..." in url else url
    try:
        return Requirement(str(found))
    except InvalidRequirement:
        found.url = None
        return found


def written(texts: Iterable[str]) -> tuple[str, ...]:
    """The valid requirements among ``texts``, each in a form that may be written again."""
    found = []
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        found.append(text if requirement.url is None else str(writable(requirement)))
    return tuple(found)


def parse_wanted(text: str, origin: str | None = None) -> Wanted:
    """Parse one line of pip's requirements format, without comment: a requirement and its hashes.

    The requirement is one of PEP 508, or the bare http(s) URL of a wheel, which gives the name;
    ``--hash=sha256:...`` may follow, any number of times. ``origin`` says where the text stands,
    for messages.

    Raises `InputError`, which shows no credentials, for what is no requirement, for hashes that a
    lock cannot use, and for what is no wheel at an http(s) URL: local paths, version control,
    source distributions.

    Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
    """
    try:
        requirement, hashes = _parsed(text.strip())
    except InputError as error:
        # Not «from error»: what it repeats of a URL may be more than may be shown.
        raise InputError(f"{origin}: {error}" if origin else str(error)) from None
    return Wanted(requirement, hashes, origin)


def _parsed(text: str) -> tuple[Requirement, frozenset[str]]:
    head, options = _split_options(text)
    if not head:
        raise InputError(_why_empty(text))
    if len(head) > _LONGEST_REQUIREMENT:
        start = quoted(head.partition(":")[0][:80])
        raise InputError(f"{start}... is too long for a requirement. Is a line break missing?")
    if _BARE_URL.match(head):
        requirement, fragment = _url_requirement(head)
    else:
        requirement, fragment = _named_requirement(head)
    hashes = [*fragment_hashes(fragment), *option_hashes(options)]
    return requirement, sha256_only(hashes, head)


def _split_options(text: str) -> tuple[str, str]:
    """The requirement, and the options after it.

    pip: the first word that starts with a hyphen starts the options.
    """
    options = re.search(r"(?:^|\s)-", text)
    if options is None:
        return text, ""
    return text[: options.start()].rstrip(), text[options.start() :]


def _why_empty(text: str) -> str:
    if re.match(r"-e|--editable\b", text):
        return f"An editable requirement (-e) cannot be locked. {_ONLY_WHEELS}"
    if text:
        return (
            f"{option_name(text)!r} is an option, not a requirement. Put the requirement before it."
        )
    return "The requirement is empty. Write it as in 'demo>=1.0'."


def _url_requirement(text: str) -> tuple[Requirement, str]:
    # pip: a semicolon can be part of a URL, unless a space follows.
    url, semicolon, marker = text.partition("; ")
    url, _, fragment = url.strip().partition("#")
    requirement = f"{_wheel_name(url)} @ {url}"
    if semicolon:
        requirement += f" ; {marker}"
    return _requirement(requirement, text), fragment


def _named_requirement(text: str) -> tuple[Requirement, str]:
    bare = _EXTRAS.sub("", text.partition(";")[0].rstrip()).lower()
    if "@" not in bare and bare.endswith((".whl", *_ARCHIVES)):
        # PEP 508 would take it as a name; pip takes it as a file, whether or not there is one.
        raise InputError(f"{quoted(text)} is a local file. {_ONLY_WHEELS}")
    requirement = _requirement(text, text)
    if requirement.url is None:
        return requirement, ""
    url, _, fragment = requirement.url.partition("#")
    name = _wheel_name(url)
    if name != canonicalize_name(requirement.name):
        raise InputError(f"{quoted(text)} names a wheel of {name}. Correct the name or the URL.")
    # Every caller of parse_requirement gets the same object: so the fragment is cut from the text.
    return _requirement(text.replace(requirement.url, url, 1), text), fragment


def _requirement(text: str, original: str) -> Requirement:
    """Parse ``text``; messages quote ``original``."""
    try:
        return parse_requirement(text)
    except RequirementError as error:
        shown_text = quoted(original)
        if _PATH.match(text):
            raise InputError(f"{shown_text} is a local file or folder. {_ONLY_WHEELS}") from None
        reason = clause(shown_within(error.reason))
        raise InputError(
            f"{shown_text} is no requirement: {reason}. Write it as in 'demo>=1.0' or 'demo @ "
            "https://...whl'."
        ) from None


def _wheel_name(url: str) -> str:
    """The canonical name in the file name of a wheel's URL."""
    if _VERSION_CONTROL.match(url):
        raise InputError(f"{quoted(url)} is a version control URL. {_ONLY_WHEELS}")
    if not is_http(url):
        what = "is not an absolute http(s) URL" if _SCHEME.match(url) else "is a local path"
        raise InputError(f"{quoted(url)} {what}. {_ONLY_WHEELS}")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise InputError(
            f"The URL {quoted(url)} holds white space or control characters. Write a space as %20."
        )
    file_name = filename(url)
    if not file_name.endswith(".whl"):
        is_sdist = file_name.lower().endswith(_ARCHIVES)
        kind = "is a source distribution" if is_sdist else "does not end in .whl"
        raise InputError(f"{quoted(url)} {kind}. {_ONLY_WHEELS}")
    if len(file_name) <= _LONGEST_FILE_NAME:
        with suppress(ValueError):
            return parse_wheel_filename(file_name)[0]
    raise InputError(
        f"The file name of {quoted(url)} is not that of a wheel: "
        "name-version-python-abi-platform.whl. Correct it."
    )
