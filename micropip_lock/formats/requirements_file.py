"""Requirements and constraints files, read as pip reads them.

Format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import codecs
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from optparse import OptionParser
from pathlib import Path
from typing import Any, NoReturn

from .._util.reading import read_named, read_standard_input, reason
from .._util.url import shown
from ..errors import InputError
from .requirement import Wanted, parse_wanted

__all__ = ["RequirementFiles", "read_requirement_files"]

#: More is a loop of symbolic links, not something that people wrote.
_MOST_FILES = 1000
_DEEPEST = 100

#: Standard input, where a file is named.
_STDIN = "-"
_URL = re.compile(r"(https?|file):|[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_COMMENT = re.compile(r"(^|\s)#")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
#: PEP 263, of which pip takes comments that start their line.
_CODING = re.compile(rb"#.*?coding[:=]\s*([-\w.]+)")
# The mark of UTF-16 is the start of that of UTF-32. PowerShell writes UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class RequirementFiles:
    """What requirements and constraints files say together. URLs may carry credentials."""

    requirements: tuple[Wanted, ...]
    constraints: tuple[Wanted, ...]
    #: The index that replaces the one in use; None: that one stays.
    index_url: str | None
    #: Further indexes, in the order they are named.
    extra_index_urls: tuple[str, ...]
    #: Folders, files or pages with links to wheels, as URLs.
    find_links: tuple[str, ...]
    #: ``--no-index``: then `index_url` and `extra_index_urls` are empty.
    no_index: bool
    #: Pre-releases count as well.
    pre: bool
    #: Every package has to have a hash.
    require_hashes: bool = False


def read_requirement_files(
    requirements: Sequence[str | Path], constraints: Sequence[str | Path] = ()
) -> RequirementFiles:
    """Read files as pip does for ``-r`` and ``-c``, and the files that those name; ``-`` is
    standard input.

    Constraints files are read first. As in pip, ``-r`` in one of them adds requirements, not
    constraints; the last ``--index-url`` counts. Unlike in pip, it does not undo an
    ``--extra-index-url`` before it, and what pip would pass over without a word is refused: more
    options beside ``-r`` or ``-c``, ``--hash`` without requirement. What only concerns downloads
    and builds is accepted and changes nothing.

    Raises `InputError`, one line for each problem of each file, for files that cannot be read and
    lines that cannot be used; the message shows no credentials.

    Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
    """
    reader = _Reader()
    for place in constraints:
        reader.read(os.fspath(place), constraint=True)
    for place in requirements:
        reader.read(os.fspath(place), constraint=False)
    if reader.problems:
        raise InputError(*dict.fromkeys(reader.problems))
    return RequirementFiles(
        requirements=tuple(reader.requirements),
        constraints=tuple(reader.constraints),
        index_url=None if reader.no_index else reader.index_url,
        extra_index_urls=() if reader.no_index else tuple(dict.fromkeys(reader.extra_index_urls)),
        find_links=tuple(dict.fromkeys(reader.find_links)),
        no_index=reader.no_index,
        pre=reader.pre,
        require_hashes=reader.require_hashes,
    )


class _Reader:
    """Reads files, and collects their requirements, options and errors."""

    def __init__(self) -> None:
        self.requirements: list[Wanted] = []
        self.constraints: list[Wanted] = []
        self.index_url: str | None = None
        self.extra_index_urls: list[str] = []
        self.find_links: list[str] = []
        self.no_index = False
        self.pre = False
        self.require_hashes = False
        self.problems: list[str] = []
        self._lines: dict[str, list[tuple[int, str]]] = {}
        #: The ``--index-url`` that each file ended with: all that reading it once more would
        #: change.
        self._read: dict[tuple[str, bool], str | None] = {}

    def read(self, place: str, *, constraint: bool) -> None:
        """Read a file that the user named, and those that it names."""
        try:
            self._file(_location(place, None), constraint, {})
        except InputError as error:
            self.problems.append(str(error))

    def _file(self, file: Path, constraint: bool, above: Mapping[str, Path]) -> None:
        name = os.path.normpath(file.absolute())
        chain = {**above, name: file}
        if name in above:
            route = " -> ".join(map(_name, [*above.values(), file]))
            raise InputError(
                f"{_name(file)} leads back to itself: {route}. Remove one of these references."
            )
        if len(chain) > _DEEPEST:
            raise InputError(
                f"More than {_DEEPEST} files name one another, down to {_name(file)}. Put some "
                "together."
            )
        key = (name, constraint)
        if key not in self._read:
            outer, self.index_url = self.index_url, None
            if name not in self._lines:
                self._lines[name] = list(_logical_lines(_text(file)))
            for number, written in self._lines[name]:
                origin = f"{_name(file)}, line {number}"
                try:
                    self._line(_VARIABLE.sub(_variable, written), origin, constraint, chain)
                except InputError as error:
                    self.problems.append(_without_values(str(error), origin, written))
            self._read[key], self.index_url = self.index_url, outer
        self.index_url = self._read[key] or self.index_url

    def _line(self, line: str, origin: str, constraint: bool, chain: dict[str, Path]) -> None:
        file = next(reversed(chain.values()))
        if not line.startswith("-"):
            self._requirement(parse_wanted(line, origin), constraint)
            return
        options = _options(line, origin)
        if options.keys() & {"-r", "-c"}:
            self._nested(options, origin, file, chain)
        elif "-e" in options:
            parse_wanted("-e", origin)  # knows what to say
        else:
            self._settings(options, origin, file)

    def _requirement(self, wanted: Wanted, constraint: bool) -> None:
        if not constraint:
            self.requirements.append(wanted)
        elif wanted.requirement.extras:
            extras = ",".join(sorted(wanted.requirement.extras))
            raise InputError(
                f"{wanted.origin}: A constraint cannot have extras. Write "
                f"{wanted.requirement.name} without [{extras}], and ask for the extra in a "
                "requirement."
            )
        else:
            self.constraints.append(wanted)

    def _nested(
        self,
        options: Mapping[str, Sequence[str]],
        origin: str,
        file: Path,
        chain: Mapping[str, Path],
    ) -> None:
        # pip would read the first file, and ignore the rest of the line
        if sum(map(len, options.values())) > 1:
            raise InputError(
                f"{origin}: -r or -c stands beside other options. Give each a line of its own."
            )
        if len(self._lines) >= _MOST_FILES:  # without origin: reported once
            raise InputError(
                f"{_MOST_FILES} files name still more. Is there a loop of symbolic links?"
            )
        [(option, [place])] = options.items()
        try:
            self._file(_location(place, file), option == "-c", chain)
        except InputError as error:
            raise InputError(f"{origin}: {error}") from error

    def _settings(self, options: Mapping[str, Sequence[str]], origin: str, file: Path) -> None:
        for option, (harmless, why) in _REFUSED.items():
            if not harmless.issuperset(options.get(option, ())):
                raise InputError(f"{origin}: {option} {why}")
        if "--hash" in options:
            raise InputError(
                f"{origin}: --hash without a requirement. Write it behind one, or end the line "
                "before with a backslash."
            )
        for place in options.get("-i", ()):
            self.index_url = _url(place, [Path()], origin)
        self.extra_index_urls += [
            _url(place, [Path()], origin) for place in options.get("--extra-index-url", ())
        ]
        # pip: beside the file that names it, else from where we stand
        self.find_links += [
            _url(place, [file.parent, Path()], origin) for place in options.get("-f", ())
        ]
        self.no_index |= "--no-index" in options
        self.require_hashes |= "--require-hashes" in options
        self.pre |= "--pre" in options or ":all:" in options.get("--all-releases", ())


# -- options

#: By their first spelling: those with a value, those without, and those that change nothing for a
#: lock of wheels.
_WITH_VALUE = (
    ("-r", "--requirement"),
    ("-c", "--constraint"),
    ("-e", "--editable"),
    ("-i", "--index-url", "--pypi-url"),
    ("--extra-index-url",),
    ("-f", "--find-links"),
    ("--hash",),
    ("--no-binary",),
    ("--all-releases",),
    ("--only-final",),
    ("--only-binary",),
    ("--trusted-host",),
    ("--use-feature",),
    ("-C", "--config-settings"),
)
_FLAGS = (
    "--no-index",
    "--pre",
    "--prefer-binary",
    "--require-hashes",
    "--no-require-hashes",
    "--no-cache-dir",
)

_SPELLINGS = [
    spelling
    for spellings in (*_WITH_VALUE, _FLAGS)
    for spelling in spellings
    if spelling[:2] == "--"
]

#: Options that a lock cannot obey: the values that ask for nothing of the kind, and what to say to
#: the others.
_REFUSED = {
    "--no-binary": ({":none:"}, "cannot be obeyed: a lock can only name wheels. Remove it."),
    "--all-releases": (
        {":none:", ":all:"},
        "of single projects cannot be obeyed. Use --pre, or ask for demo>=2.0a1.",
    ),
    "--only-final": (
        {":none:"},
        "cannot be obeyed. Leave --pre away, and exclude versions with a constraint.",
    ),
}


class _OptionError(Exception):
    """An error in the options of a line; its text may quote a password."""


class _OptionParser(OptionParser):
    def error(self, msg: str) -> NoReturn:
        raise _OptionError(msg)


@cache
def _option_parser() -> _OptionParser:
    # Made of optparse because pip uses it: the same abbreviations, «-rfile» and
    # «--requirement=file».
    parser = _OptionParser(add_help_option=False)
    for spellings in _WITH_VALUE:
        parser.add_option(*spellings, dest=spellings[0], action="append")
    for flag in _FLAGS:
        parser.add_option(flag, dest=flag, action="append_const", const="yes")
    return parser


def _options(line: str, origin: str) -> dict[str, list[str]]:
    """The options of a line, by their first spelling.

    Messages show no value: it could be a password.
    """
    try:
        values, rest = _option_parser().parse_args(shlex.split(line))
    except ValueError:
        raise InputError(f"{origin}: A quotation mark is never closed.") from None
    except _OptionError as error:
        raise InputError(
            f"{origin}: {_OPTION.sub(_option, str(error))}. Correct or remove it."
        ) from None
    found: dict[str, Any] = {
        option: given for option, given in vars(values).items() if given is not None
    }
    if rest:
        raise InputError(
            f"{origin}: There is more than the options and their values. Quote values that hold "
            "spaces, and give each requirement a line of its own."
        )
    for option, given in found.items():
        if "" in given:
            raise InputError(f"{origin}: {option} has an empty value.")
    return found


_OPTION = re.compile(r"(?<!\S)-\S*")


def _option(match: re.Match[str]) -> str:
    """The name of an option, without what may be glued to it.

    "--extra-index-urlhttps://user:password@...".
    """
    name = match[0].rstrip(",)")
    known = [spelling for spelling in _SPELLINGS if name.startswith(spelling)]
    name = max(known, key=len) if known else re.split("[^-A-Za-z]", name, maxsplit=1)[0]
    return name + match[0][len(match[0].rstrip(",)")) :]


# -- places


def _location(place: str, named_in: Path | None) -> Path:
    if not place:
        raise InputError("A requirements file has an empty name.")
    if _URL.match(place):
        do = (
            "Name it as a path"
            if place[:5].lower() == "file:"
            else "Download it first, and name the file"
        )
        raise InputError(
            f"{shown(place)} is a URL, and requirements are only read from files. {do}."
        )
    folder = named_in.parent if named_in is not None else Path()
    return Path(place) if place == _STDIN else Path(os.path.normpath(folder / place))


def _name(file: Path) -> str:
    return "standard input" if str(file) == _STDIN else str(file)


def _url(place: str, folders: Sequence[Path], origin: str) -> str:
    """A URL as it stands; a path, from the first of ``folders`` that has it, as a ``file:`` URL."""
    if _URL.match(place):
        return place
    for folder in folders:
        path = Path(os.path.normpath(folder.absolute() / place))
        try:
            if path.exists():
                return path.as_uri()
        except (OSError, ValueError):  # too long, or not a name that a file can have
            continue
    raise InputError(f"{origin}: {shown(place)} is neither a URL nor a file or folder that exists.")


# -- text


def _text(file: Path) -> str:
    name = _name(file)
    try:
        if str(file) == _STDIN:
            data = read_standard_input()
        elif file.is_dir():
            raise InputError(f"{name} is a folder. Name the requirements file in it.")
        else:
            data = read_named(file)
    except OSError as error:
        raise InputError(f"Cannot read {name}: {reason(error)}.") from error
    except ValueError as error:
        raise InputError(f"Cannot read {name!r}: it is no name that a file can have.") from error
    return _decoded(data, name)


def _decoded(data: bytes, name: str) -> str:
    coding = next(filter(None, map(_CODING.match, data.split(b"\n", 2)[:2])), None)
    told = (b"", coding[1].decode("ascii") if coding else "utf-8")
    mark, encoding = next((known for known in _MARKS if data.startswith(known[0])), told)
    try:
        return data[len(mark) :].decode(encoding)
    except LookupError as error:
        raise InputError(
            f"{name}: the encoding {encoding[:80]!r} is unknown. Save the file as UTF-8."
        ) from error
    except UnicodeError as error:
        where = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(
            f"{name} is not {encoding.upper()}{where}. Save it as UTF-8, or name its encoding in "
            "the first line, as in # coding: latin-1"
        ) from error


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, put together where they end in a backslash, by the number of their
    first.
    """
    for number, line in _joined_lines(text):
        comment = _COMMENT.search(line)
        content = (line[: comment.start()] if comment else line).strip()
        if content:
            yield number, content


def _joined_lines(text: str) -> Iterator[tuple[int, str]]:
    first, parts = 1, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        first = first if parts else number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line.strip("\\"))
            continue
        # The blank makes it a comment after any text.
        yield first, "".join([*parts, f" {line}" if is_comment else line])
        parts = []
    if parts:
        yield first, "".join(parts)


def _without_values(message: str, origin: str, written: str) -> str:
    """A message about a line, with its variables as they are written.

    Their values may be secrets.
    """
    place, said = (origin, message[len(origin) :]) if message.startswith(origin) else ("", message)
    for match in _VARIABLE.finditer(written):
        said = said.replace(_variable(match), match[0])
    return place + said


def _variable(match: re.Match[str]) -> str:
    # pip: what is not set, or empty, stays as it is written
    return os.environ.get(match[1]) or match[0]
