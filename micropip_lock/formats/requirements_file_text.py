"""The text of requirements files: encodings, comments, continued lines, variables, as in pip."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path

from .._util.reading import read_named, read_standard_input, reason
from ..errors import InputError

#: Standard input, where a file is named.
STDIN = "-"

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


def display_name(file: Path) -> str:
    """The file as messages name it."""
    return "standard input" if str(file) == STDIN else str(file)


def read_text(file: Path) -> str:
    """The decoded content of a file or of standard input. Raises `InputError`."""
    name = display_name(file)
    try:
        if str(file) == STDIN:
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
    mark, encoding = _mark_and_encoding(data)
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


def _mark_and_encoding(data: bytes) -> tuple[bytes, str]:
    """The byte order mark, and the encoding that it or a comment (PEP 263) names."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return mark, encoding
    for line in data.split(b"\n", 2)[:2]:
        coding = _CODING.match(line)
        if coding is not None:
            return b"", coding[1].decode("ascii")
    return b"", "utf-8"


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines with content, each with its number, without comments and surrounding blanks.

    Lines that end in a backslash are joined with the next one, under the number of the first.
    """
    for number, line in _joined_lines(text):
        comment = _COMMENT.search(line)
        content = line[: comment.start()] if comment is not None else line
        content = content.strip()
        if content:
            yield number, content


def _joined_lines(text: str) -> Iterator[tuple[int, str]]:
    first = 1
    parts: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not parts:
            first = number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            parts.append(line.strip("\\"))
            continue
        # The blank makes it a comment after any text.
        parts.append(f" {line}" if is_comment else line)
        yield first, "".join(parts)
        parts = []
    if parts:
        yield first, "".join(parts)


def with_values(line: str) -> str:
    """The line with the values of its environment variables."""
    return _VARIABLE.sub(_value, line)


def without_values(message: str, line: str) -> str:
    """A message about a line, with the variables of ``line`` as they are written.

    Their values may be secrets.
    """
    for variable in _VARIABLE.finditer(line):
        message = message.replace(_value(variable), variable[0])
    return message


def _value(variable: re.Match[str]) -> str:
    # pip: what is not set, or empty, stays as it is written
    return os.environ.get(variable[1]) or variable[0]
