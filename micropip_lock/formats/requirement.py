"""One requirement as users write it: PEP 508, the bare URL of a wheel, and the hashes that a file
must have.

Format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from .._util.text import clause
from .._util.url import filename, is_http, shown, shown_within
from ..errors import InputError
from .core_metadata import RequirementError, parse_requirement

__all__ = ["Wanted", "parse_wanted", "quoted", "writable", "written"]

#: No author writes longer requirements or wheel names, but longer values could keep their parsers
#: busy for hours.
_LONGEST_REQUIREMENT = 4096
_LONGEST_FILE_NAME = 255
_LONGEST_QUOTE = 120

# Two characters at least: «C:» is a drive, not a scheme.
_SCHEME = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:", re.IGNORECASE)
_BARE_URL = re.compile(
    r"[a-z][a-z0-9+.-]*://|(https?|file|(git|hg|svn|bzr)(\+[a-z]+)?):", re.IGNORECASE
)
#: The name of a requirement with a URL, up to the URL.
_NAMED = re.compile(r"\s*[\w.-]+\s*(\[[^\[\]]*\])?\s*@(\s+|(?=[A-Za-z][A-Za-z0-9+.-]*:[/\\]))")
_URL_LIKE = re.compile(r"@|:[/\\]|%40|%3a", re.IGNORECASE)
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
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
#: What pip takes after ``--hash=``; and what else it knows as the fragment of a URL.
_STRONG = frozenset({"sha256", "sha384", "sha512"})
_IN_FRAGMENTS = _STRONG | {"md5", "sha1", "sha224"}

_ONLY_WHEELS = (
    "A lock can only name wheels at http(s) URLs: build the wheel, put it on a web server and give "
    "its URL here."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One requirement of the user: ``requirement`` (PEP 508), the ``hashes`` a file must have,
    where it was said.

    The URL of a requirement has no fragment: what it said about hashes is in ``hashes``.
    """

    requirement: Requirement
    #: sha256, lower-case hexadecimal digits; one of them must fit. Empty: any file will do.
    hashes: frozenset[str] = frozenset()
    #: «requirements.txt, line 3», or None when said directly.
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
    # pip: the first word that starts with a hyphen starts the options.
    options = re.search(r"(?:^|\s)-", text)
    head = text[: options.start()].rstrip() if options else text
    if not head:
        raise InputError(_why_empty(text))
    if len(head) > _LONGEST_REQUIREMENT:
        start = quoted(head.partition(":")[0][:80])
        raise InputError(f"{start}... is too long for a requirement. Is a line break missing?")
    requirement, fragment = (
        _url_requirement(head) if _BARE_URL.match(head) else _named_requirement(head)
    )
    found = [
        *_fragment_hashes(fragment),
        *(_option_hashes(text[options.start() :]) if options else ()),
    ]
    return requirement, _sha256_only(found, head)


def _why_empty(text: str) -> str:
    if re.match(r"-e|--editable\b", text):
        return f"An editable requirement (-e) cannot be locked. {_ONLY_WHEELS}"
    if text:
        return f"{_option(text)!r} is an option, not a requirement. Put the requirement before it."
    return "The requirement is empty. Write it as in 'demo>=1.0'."


def _url_requirement(text: str) -> tuple[Requirement, str]:
    # pip: a semicolon can be part of a URL, unless a space follows.
    url, semicolon, marker = text.partition("; ")
    url, _, fragment = url.strip().partition("#")
    name = _wheel_name(url)
    return _requirement(f"{name} @ {url}" + (f" ; {marker}" if semicolon else ""), text), fragment


def _named_requirement(text: str) -> tuple[Requirement, str]:
    place = _EXTRAS.sub("", text.partition(";")[0].rstrip()).lower()
    if "@" not in place and place.endswith((".whl", *_ARCHIVES)):
        # PEP 508 would take it as a name; pip takes it as a file, whether or not there is one.
        raise InputError(f"{quoted(text)} is a local file. {_ONLY_WHEELS}")
    requirement = _requirement(text, text)
    if requirement.url is None:
        return requirement, ""
    url, _, fragment = requirement.url.partition("#")
    name = _wheel_name(url)
    if name != canonicalize_name(requirement.name):
        raise InputError(f"{quoted(text)} names a wheel of {name}. Correct the name or the URL.")
    # parse_requirement hands the same object to everybody, so the fragment is cut from the text.
    return _requirement(text.replace(requirement.url, url, 1), text), fragment


def _requirement(text: str, said: str) -> Requirement:
    try:
        return parse_requirement(text)
    except RequirementError as error:
        if _PATH.match(text):
            raise InputError(f"{quoted(said)} is a local file or folder. {_ONLY_WHEELS}") from None
        reason = clause(shown_within(error.reason))
        raise InputError(
            f"{quoted(said)} is no requirement: {reason}. Write it as in 'demo>=1.0' or 'demo @ "
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
        kind = (
            "is a source distribution"
            if file_name.lower().endswith(_ARCHIVES)
            else "does not end in .whl"
        )
        raise InputError(f"{quoted(url)} {kind}. {_ONLY_WHEELS}")
    try:
        if len(file_name) > _LONGEST_FILE_NAME:
            raise ValueError(file_name)
        return parse_wheel_filename(file_name)[0]
    except ValueError:
        raise InputError(
            f"The file name of {quoted(url)} is not that of a wheel: "
            "name-version-python-abi-platform.whl. Correct it."
        ) from None


# -- hashes, as pairs of algorithm and digest


def _fragment_hashes(fragment: str) -> Iterator[tuple[str, str]]:
    for item in fragment.split("&"):
        algorithm, _, digest = item.partition("=")
        if algorithm in _IN_FRAGMENTS:
            yield algorithm, digest


def _option_hashes(text: str) -> Iterator[tuple[str, str]]:
    try:
        words = iter(shlex.split(text))
    except ValueError:
        raise InputError(
            "A quotation mark in the options after the requirement is never closed."
        ) from None
    for word in words:
        option, equals, value = word.partition("=")
        if option.startswith("-C") or option == "--config-settings":  # only a build needs it
            if option in ("-C", "--config-settings") and not equals:
                next(words, "")
        elif option == "--hash":
            algorithm, _, digest = (value if equals else next(words, "")).partition(":")
            if algorithm not in _STRONG:
                raise InputError(
                    f"The hash {quoted(algorithm)} is none that pip takes. Write "
                    "--hash=sha256:<digits>."
                )
            yield algorithm, digest
        elif word.startswith("-"):
            raise InputError(
                f"The option {_option(word)!r} cannot follow a requirement. Give it a line of its "
                "own."
            )
        else:
            # A word may be the rest of a password with a blank.
            what = "More text" if re.search(r"\w", word) else quoted(word)
            raise InputError(
                f"{what} stands after the options. Markers and the like belong before --hash."
            )


def _sha256_only(found: list[tuple[str, str]], head: str) -> frozenset[str]:
    digests = [digest for algorithm, digest in found if algorithm == "sha256"]
    if found and not digests:
        raise InputError(
            f"{quoted(head)} has a hash, but none of sha256, which a lock needs. Add "
            "--hash=sha256:..."
        )
    for digest in digests:
        if not _SHA256.fullmatch(digest):
            raise InputError(
                f"{quoted(head)} has a sha256 of {quoted(digest)}, which is not 64 hexadecimal "
                "digits."
            )
    return frozenset(digest.lower() for digest in digests)


# -- what messages show


def quoted(text: str) -> str:
    """A requirement or URL as a message quotes it: without credentials, and cut if it is long."""
    text = _clean(text)
    return repr(text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}...")


def _option(word: str) -> str:
    # No more than the name: "--extra-index-urlhttps://..." is a typing error, and may hold a
    # password.
    return re.split("[^-A-Za-z]", word, maxsplit=1)[0][:_LONGEST_QUOTE]


def _clean(text: str) -> str:
    """The text without credentials, whether it is a requirement, a URL or neither."""
    named = _NAMED.match(text)
    if named is not None:
        return named[0] + shown(text[named.end() :])
    return shown(text) if _URL_LIKE.search(text) else shown_within(text)
