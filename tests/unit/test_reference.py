"""docs/reference/ against the code: no name, option or code is missing there, and none is invented."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

import micropip_lock
from micropip_lock.operations.diff import KINDS
from micropip_lock.operations.verify.run import ADVICE
from micropip_lock.proof.evidence import WAIVABLE, HashSource, Proof
from tools import reference
from tools.problem_codes import problem_codes

ROOT = Path(micropip_lock.__file__).parents[1]
DOCS = ROOT / "docs"
PYTHON = reference.PYTHON.read_text(encoding="utf-8")
COMMANDS = reference.COMMANDS.read_text(encoding="utf-8")
CODES = (DOCS / "reference" / "problem-codes.md").read_text(encoding="utf-8")

#: The value of the verdict that is no problem.
NO_PROBLEM = "equal"
#: The operations of problem-codes.md, by the folder or module that only they use.
OPERATIONS = {
    "operations/freeze/": "freeze",
    "operations/resolve/": "resolve",
    "operations/retarget/": "retarget",
    "operations/verify/": "verify",
    "operations/check/": "check",
    "operations/bundle/": "bundle",
    "operations/sync/": "sync",
    "operations/tree/": "tree",
    "operations/outdated": "outdated",
    "operations/exchange/export": "export",
    "operations/exchange/import_pylock": "import",
    "operations/exchange/selection": "import",
    "integrations/jupyterlite/": "jupyterlite",
}


def sections(text: str) -> dict[str, str]:
    """The sections of a page whose headings are code, by that code.

    No two of them may be the same.
    """
    parts = re.split(r"^### `(.+)`$", text, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert len(found) == len(parts[1::2])
    return {name: re.split(r"^## ", body, flags=re.MULTILINE)[0] for name, body in found.items()}


def rows(text: str) -> list[list[str]]:
    """The cells of all tables of a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in lines
    ]


def first_cells(text: str) -> list[str]:
    """The code in the first cell of each row, without arguments."""
    return [re.sub(r"\(.*\)$", "", row[0].strip("`")) for row in rows(text)]


# -- Python

NAMES = sections(PYTHON)
COMMON = first_cells(PYTHON.partition("## Operations")[0])


def test_every_public_name_has_a_section_and_no_other() -> None:
    assert sorted(NAMES) == sorted(micropip_lock.__all__)


def test_signatures_are_current() -> None:
    assert reference.renewed_python(PYTHON) == PYTHON, "write them anew with `make docs`"


@pytest.mark.parametrize("name", micropip_lock.__all__)
def test_every_section_begins_with_its_signature(name: str) -> None:
    assert NAMES[name].startswith(f"\n\n```python\n{reference.signature(name)}\n```\n")
    assert len(NAMES[name].splitlines()) > 4


def functions() -> list[str]:
    return [name for name in micropip_lock.__all__ if name.islower()]


@pytest.mark.parametrize("name", functions())
def test_every_argument_is_explained(name: str) -> None:
    parameters = set(inspect.signature(getattr(micropip_lock, name)).parameters)
    explained = first_cells(NAMES[name])
    assert len(explained) == len(set(explained))
    assert set(explained) <= parameters
    assert parameters - set(explained) <= set(COMMON)


def test_common_arguments_are_arguments_of_several_functions() -> None:
    used = [
        parameter
        for name in functions()
        for parameter in inspect.signature(getattr(micropip_lock, name)).parameters
    ]
    assert {name for name in COMMON if used.count(name) < 2} == set()


def attributes(value: type) -> set[str]:
    """The public attributes that a class adds to its bases in this package."""
    fields = (
        {item.name for item in dataclasses.fields(value)}
        if dataclasses.is_dataclass(value)
        else set()
    )
    own = {name for name in vars(value) if not name.startswith("_")}
    if issubclass(value, Exception):
        own |= set(vars(_made(value)))
    inherited: set[str] = set()
    for base in value.__bases__:
        if dataclasses.is_dataclass(base):
            inherited |= attributes(base)
    changed = {name for name in own & inherited if name not in fields}
    return {name for name in (fields | own) - inherited | changed if not name.startswith("_")}


def _made(value: type[BaseException]) -> BaseException:
    """An error, for the attributes that it gets when it is made."""
    if value is micropip_lock.FetchError:
        return micropip_lock.FetchError("no answer", url="https://index.example/simple")
    if value in (micropip_lock.UnlockableError, micropip_lock.ResolutionError):
        return value([])
    return value("a line")


@pytest.mark.parametrize("name", [name for name in micropip_lock.__all__ if not name.islower()])
def test_every_attribute_is_explained(name: str) -> None:
    explained = first_cells(NAMES[name])
    assert len(explained) == len(set(explained))
    assert set(explained) == attributes(getattr(micropip_lock, name))


@pytest.mark.parametrize("name", [name for name in micropip_lock.__all__ if not name.islower()])
def test_methods_are_explained_with_their_arguments(name: str) -> None:
    value = getattr(micropip_lock, name)
    for row in rows(NAMES[name]):
        call = re.fullmatch(r"`(\w+)\((.*)\)`", row[0])
        if call is None:
            attribute = inspect.getattr_static(value, row[0].strip("`"), None)
            assert not inspect.isfunction(attribute), row[0]
            continue
        parameters = [
            item for item in inspect.signature(getattr(value, call[1])).parameters if item != "self"
        ]
        assert [item for item in call[2].split(", ") if item] == parameters


# -- the command line


def test_every_command_has_a_section_and_no_other() -> None:
    assert sorted(sections(COMMANDS)) == sorted(name for name, _ in reference.commands())


def test_options_are_current() -> None:
    assert reference.renewed_commands(COMMANDS) == COMMANDS, "write them anew with `make docs`"
    listed = re.findall(r"<!-- options: ([\w -]+) -->", COMMANDS)
    assert sorted(listed) == sorted(["common", *(name for name, _ in reference.commands())])


def test_every_option_is_listed_and_none_that_does_not_exist() -> None:
    shared = set(first_flags(COMMANDS.partition("## Commands")[0]))
    every = {"--help", "-h", "--version"}
    for name, command in reference.commands():
        flags = {flag for item in command.params for flag in item.opts if flag.startswith("-")}
        assert {*first_flags(sections(COMMANDS)[name])} | shared == flags, name
        every |= flags
    for page in (COMMANDS, CODES):
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) <= every


def first_flags(text: str) -> list[str]:
    """The options in the first cells of tables, without their values."""
    cells = [row[0].strip("`") for row in rows(text)]
    return [flag for cell in cells for flag in re.findall(r"(?:^|, )(--?[a-z][a-z-]*)", cell)]


def test_every_command_has_its_exit_statuses() -> None:
    table = COMMANDS.partition("## Options of every command")[0]
    told = [cell for cell in first_cells(table) if not cell.isdigit()]
    assert sorted(told) == sorted({name.split()[0] for name, _ in reference.commands()})


# -- problem codes


@cache
def found_codes() -> dict[str, set[str]]:
    return {code: where for code, where in problem_codes().items() if code != NO_PROBLEM}


def test_every_code_is_listed_once_and_no_other() -> None:
    assert sorted(first_cells(CODES)) == sorted(found_codes())


def operations_of(where: set[str]) -> Iterator[str]:
    for module in where:
        yield from (name for start, name in OPERATIONS.items() if module.startswith(start))


def test_every_code_names_the_operations_that_give_it() -> None:
    named = {row[0].strip("`"): set(row[2].split(", ")) for row in rows(CODES)}
    assert set().union(*named.values()) <= set(OPERATIONS.values())
    for code, where in found_codes().items():
        assert set(operations_of(where)) <= named[code], code


def test_the_search_for_codes_finds_all_ways_to_give_one() -> None:
    found = found_codes()
    assert "operations/verify/static.py" in found["cycle"]  # a constant
    assert "operations/verify/lock_reader.py" in found["incomplete"]  # by keyword
    assert "operations/exchange/selection.py" in found["editable"]  # by a variable
    assert "operations/resolve/conflict_report.py" in found["no-such-version"]  # from a table
    assert "operations/verify/online.py" in found["archived"]  # a key of a table
    assert "proof/problems.py" in found["weak-record"]  # a member of an enumeration
    assert not {"tried", "wheel", "python"} & set(found)


def test_advice_and_what_can_be_waived_are_said() -> None:
    meanings = {row[0].strip("`"): row[1] for row in rows(CODES)}
    assert {code for code, text in meanings.items() if "dvice" in text} == ADVICE
    sentence = next(line for line in CODES.splitlines() if "--accept-unproved NAME" in line)
    assert set(re.findall(r"`([a-z-]+)`", sentence)) == WAIVABLE


# -- JSON Schemas


def test_schemas_have_every_code_and_every_kind_of_proof() -> None:
    path = DOCS / "reference" / "schemas" / "definitions.json"
    found = json.loads(path.read_text(encoding="utf-8"))["$defs"]
    evidence = found["evidence"]["properties"]
    assert found["code"]["enum"] == sorted(found_codes())
    assert evidence["proof"]["enum"] == list(get_args(Proof))
    assert evidence["hash_from"]["enum"] == list(get_args(HashSource))
    assert found["change"]["properties"]["kind"]["enum"] == list(KINDS)
