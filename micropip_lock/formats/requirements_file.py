"""Requirements and constraints files, read as pip reads them.

Format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .._util.url import shown
from ..errors import InputError
from .requirement import Wanted, parse_wanted
from .requirements_file_options import parse_options, refuse_unlockable
from .requirements_file_text import (
    STDIN,
    display_name,
    logical_lines,
    read_text,
    with_values,
    without_values,
)

__all__ = ["RequirementFiles", "read_requirement_files"]

#: More is a loop of symbolic links, not something that people wrote.
_MOST_FILES = 1000
_DEEPEST = 100

_URL = re.compile(r"(https?|file):|[a-z][a-z0-9+.-]+://", re.IGNORECASE)


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
    for path in constraints:
        reader.read(os.fspath(path), constraint=True)
    for path in requirements:
        reader.read(os.fspath(path), constraint=False)
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
        #: The ``--index-url`` that each file ended with, the only effect of reading it again.
        self._read: dict[tuple[str, bool], str | None] = {}

    def read(self, path: str, *, constraint: bool) -> None:
        """Read a file that the user named, and those that it names."""
        try:
            self._file(_location(path, None), constraint, {})
        except InputError as error:
            self.problems.append(str(error))

    def _file(self, file: Path, constraint: bool, above: Mapping[str, Path]) -> None:
        """Read a file once; ``above`` are the files that lead to it, by their absolute paths."""
        name = os.path.normpath(file.absolute())
        if name in above:
            route = " -> ".join(map(display_name, [*above.values(), file]))
            raise InputError(
                f"{display_name(file)} leads back to itself: {route}. Remove one of these "
                "references."
            )
        chain = {**above, name: file}
        if len(chain) > _DEEPEST:
            raise InputError(
                f"More than {_DEEPEST} files name one another, down to {display_name(file)}. Put "
                "some together."
            )
        key = (name, constraint)
        if key not in self._read:
            outer = self.index_url
            self.index_url = None
            if name not in self._lines:
                self._lines[name] = list(logical_lines(read_text(file)))
            self._read_lines(self._lines[name], constraint, chain)
            self._read[key] = self.index_url
            self.index_url = outer
        self.index_url = self._read[key] or self.index_url

    def _read_lines(
        self, lines: Sequence[tuple[int, str]], constraint: bool, chain: dict[str, Path]
    ) -> None:
        file = next(reversed(chain.values()))
        for number, line in lines:
            origin = f"{display_name(file)}, line {number}"
            try:
                self._line(with_values(line), origin, constraint, chain)
            except InputError as error:
                # The name of the file is shown as it is.
                message = str(error)
                start = origin if message.startswith(origin) else ""
                rest = message.removeprefix(start)
                self.problems.append(start + without_values(rest, line))

    def _line(self, line: str, origin: str, constraint: bool, chain: dict[str, Path]) -> None:
        file = next(reversed(chain.values()))
        if not line.startswith("-"):
            self._requirement(parse_wanted(line, origin), constraint)
            return
        options = parse_options(line, origin)
        if options.keys() & {"-r", "-c"}:
            self._nested(options, origin, file, chain)
        elif "-e" in options:
            parse_wanted("-e", origin)  # raises the error for it
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
        options: dict[str, list[str]],
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
        [(option, [path])] = options.items()
        try:
            self._file(_location(path, file), option == "-c", chain)
        except InputError as error:
            raise InputError(f"{origin}: {error}") from error

    def _settings(self, options: dict[str, list[str]], origin: str, file: Path) -> None:
        refuse_unlockable(options, origin)
        if "--hash" in options:
            raise InputError(
                f"{origin}: --hash without a requirement. Write it behind one, or end the line "
                "before with a backslash."
            )
        current = Path()
        for value in options.get("-i", ()):
            self.index_url = _url(value, [current], origin)
        for value in options.get("--extra-index-url", ()):
            self.extra_index_urls.append(_url(value, [current], origin))
        for value in options.get("-f", ()):
            # pip: beside the file that names it, else in the current folder
            self.find_links.append(_url(value, [file.parent, current], origin))
        self.no_index |= "--no-index" in options
        self.require_hashes |= "--require-hashes" in options
        self.pre |= "--pre" in options or ":all:" in options.get("--all-releases", ())


def _location(path: str, named_in: Path | None) -> Path:
    """The file at ``path``, which is relative to the file that names it."""
    if not path:
        raise InputError("A requirements file has an empty name.")
    if _URL.match(path):
        is_file = path[:5].lower() == "file:"
        do = "Name it as a path" if is_file else "Download it first, and name the file"
        raise InputError(
            f"{shown(path)} is a URL, and requirements are only read from files. {do}."
        )
    if path == STDIN:
        return Path(path)
    folder = named_in.parent if named_in is not None else Path()
    return Path(os.path.normpath(folder / path))


def _url(value: str, folders: Sequence[Path], origin: str) -> str:
    """A URL as it is; a path, from the first of ``folders`` that has it, as a ``file:`` URL."""
    if _URL.match(value):
        return value
    for folder in folders:
        path = Path(os.path.normpath(folder.absolute() / value))
        try:
            if path.exists():
                return path.as_uri()
        except (OSError, ValueError):  # too long, or not a name that a file can have
            continue
    raise InputError(f"{origin}: {shown(value)} is neither a URL nor a file or folder that exists.")
