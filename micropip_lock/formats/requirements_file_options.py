"""The options on a line of a requirements file, parsed as pip parses them."""

from __future__ import annotations

import re
import shlex
from functools import cache
from itertools import chain
from optparse import OptionParser
from typing import NoReturn

from ..errors import InputError

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

_SPELLINGS = [item for item in chain(*_WITH_VALUE, _FLAGS) if item.startswith("--")]

#: Options that a lock cannot obey: the values that ask for nothing of the kind, and the message for
#: others.
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

_OPTION = re.compile(r"(?<!\S)-\S*")


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


def parse_options(line: str, origin: str) -> dict[str, list[str]]:
    """The values of the options on a line, by the first spelling of each.

    Raises `InputError` for what pip does not take; the message shows no value, which could be a
    password. ``origin`` says where the line stands.
    """
    try:
        values, rest = _option_parser().parse_args(shlex.split(line))
    except ValueError:
        raise InputError(f"{origin}: A quotation mark is never closed.") from None
    except _OptionError as error:
        text = _OPTION.sub(_name_only, str(error))
        raise InputError(f"{origin}: {text}. Correct or remove it.") from None
    found: dict[str, list[str]] = {
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


def refuse_unlockable(options: dict[str, list[str]], origin: str) -> None:
    """Raise `InputError` for an option that a lock cannot obey."""
    for option, (harmless, message) in _REFUSED.items():
        if not harmless.issuperset(options.get(option, ())):
            raise InputError(f"{origin}: {option} {message}")


def _name_only(match: re.Match[str]) -> str:
    """The name of an option, without a value that follows it directly.

    "--extra-index-urlhttps://user:password@...".
    """
    word = match[0].rstrip(",)")
    known = [spelling for spelling in _SPELLINGS if word.startswith(spelling)]
    name = max(known, key=len) if known else re.split("[^-A-Za-z]", word, maxsplit=1)[0]
    return name + match[0][len(word) :]
