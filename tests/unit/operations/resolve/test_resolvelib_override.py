"""What `CompleteResolution` relies on in resolvelib, and what it adds."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path
from typing import Any

import pytest
import resolvelib
from packaging.requirements import Requirement as DeclaredRequirement
from resolvelib import BaseReporter
from resolvelib.resolvers import Resolution
from resolvelib.structs import State

import micropip_lock
from micropip_lock.operations.resolve.resolvelib_override import CompleteResolution

from .test_search import chosen, is_solution, shelf_of, solved

#: The private methods that are overridden, with their parameters.
OVERRIDDEN = {
    "_backjump": ["self", "causes"],
    "_get_preference": ["self", "name"],
    "_is_current_pin_satisfying": ["self", "name", "criterion"],
    "_push_new_state": ["self"],
    "_remove_information_from_criteria": ["self", "criteria", "parents"],
}


def test_these_private_methods_are_overridden_and_no_others() -> None:
    names = {
        name
        for name in vars(CompleteResolution)
        if inspect.isfunction(vars(CompleteResolution)[name])
    }
    assert names - {"__init__"} == OVERRIDDEN.keys()


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_resolvelib_has_the_method_with_these_parameters(name: str) -> None:
    method = getattr(Resolution, name, None)
    assert method is not None, f"resolvelib {resolvelib.__version__} has no Resolution.{name}"
    assert list(inspect.signature(method).parameters) == OVERRIDDEN[name]


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_resolvelib_calls_the_method(name: str) -> None:
    calls = [
        line
        for _, function in inspect.getmembers(Resolution, inspect.isfunction)
        for line in inspect.getsource(function).splitlines()
        if f"self.{name}" in line
    ]
    assert calls


def test_resolvelib_has_the_attributes_that_are_read() -> None:
    provider: Any = None
    search = Resolution(provider, BaseReporter())
    assert search._optimistic_backjumping_ratio > 0
    assert search._states == []
    assert {"mapping", "criteria"} <= set(State._fields)


def test_no_version_that_was_not_tried_is_installed() -> None:
    text = (Path(micropip_lock.__file__).parents[1] / "pyproject.toml").read_text("utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    found = [
        requirement
        for extra in extras.values()
        for requirement in map(DeclaredRequirement, extra)
        if requirement.name == "resolvelib"
    ]
    assert len(found) == 2
    for requirement in found:
        assert "1.2.1" in requirement.specifier
        assert "1.3" not in requirement.specifier
        assert "2.0" not in requirement.specifier


def test_a_pin_is_undone_together_with_its_requirements(tmp_path: Path) -> None:
    """Without `_remove_information_from_criteria` the answer has a 1.0, and b 2.0, which needs
    a>=2.
    """
    world = {
        "a": {
            "1.0": ["b<=2"],
            "2.0": ["c!=2.0", "d<2", "e"],
            "3.0": ["c>=3", "e!=2.0"],
        },
        "b": {"1.0": ["a<=2"], "2.0": ["a>=2"]},
        "c": {
            "1.0": ["b>=2", "d>=2", "e<=2"],
            "2.0": ["a>=3", "b<2", "e==1.0"],
            "3.0": ["a<=2", "b!=2.0", "e"],
        },
        "d": {"1.0": [], "2.0": ["a<2"], "3.0": ["a!=2.0"]},
        "e": {"1.0": ["c<=2", "d>=2"]},
    }
    found, _ = solved(shelf_of(world, tmp_path), "a", "b")
    assert is_solution(world, ["a", "b"], chosen(found))
