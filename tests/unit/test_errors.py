from __future__ import annotations

import pytest

from micropip_lock import errors
from micropip_lock.errors import (
    FetchError,
    InputError,
    MicropipLockError,
    Problem,
    ResolutionError,
    UnlockableError,
)


def problem(package: str, code: str = "sdist", message: str = "it was built.") -> Problem:
    return Problem(code, package, "1.0", message, "Install a wheel.")


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name.endswith("Error")])
def test_every_error_is_ours(name: str) -> None:
    assert issubclass(getattr(errors, name), MicropipLockError)


def test_a_problem_says_subject_message_code_and_hint() -> None:
    assert str(problem("demo")) == "demo 1.0: it was built. [sdist]\n  Install a wheel."
    assert str(Problem("mock", "demo", None, "m", "h")).startswith("demo: m [mock]")


def test_a_problem_as_json_has_every_field() -> None:
    assert problem("demo").to_json() == {
        "code": "sdist",
        "package": "demo",
        "version": "1.0",
        "message": "it was built.",
        "hint": "Install a wheel.",
        "url": None,
    }


def test_unlockable_holds_every_problem_in_a_stable_order() -> None:
    found = [problem("b"), problem("a", "vcs"), problem("a", "mock"), problem("a", "mock", "a.")]
    error = UnlockableError(iter(found))
    assert [(item.package, item.code, item.message) for item in error.problems] == [
        ("a", "mock", "a."),
        ("a", "mock", "it was built."),
        ("a", "vcs", "it was built."),
        ("b", "sdist", "it was built."),
    ]
    assert str(error) == str(UnlockableError(reversed(found)))
    assert str(error).startswith("2 packages cannot be locked; nothing was written.\na 1.0: ")
    assert str(UnlockableError(found[:1])).startswith("1 package cannot")


@pytest.mark.parametrize(
    ("codes", "unanswered"),
    [
        (["unreachable"], True),
        (["unreachable", "not-allowed"], True),
        (["unreachable", "sdist"], False),
        (["no-ranges"], False),
    ],
)
def test_unanswered_only_without_any_definite_problem(codes: list[str], unanswered: bool) -> None:
    assert UnlockableError(problem("demo", code) for code in codes).unanswered is unanswered


def test_a_fetch_error_knows_its_url_and_code() -> None:
    error = FetchError("gone", url="https://index.example/a")
    assert (str(error), error.url, error.code) == ("gone", "https://index.example/a", "unreachable")
    assert FetchError("no", url="", reason="not-allowed").code == "not-allowed"


def test_a_notebook_shows_the_message_alone() -> None:
    assert FetchError("gone", url="")._render_traceback_() == ["FetchError: gone"]
    error = UnlockableError([problem("a"), problem("b")])
    assert error._render_traceback_() == [f"UnlockableError: {error}"]
    error.displayed = True  # the problems are shown as a list already
    assert error._render_traceback_() == [
        "UnlockableError: 2 packages cannot be locked; nothing was written."
    ]


@pytest.mark.parametrize("field", ["code", "package", "version", "message", "hint"])
def test_a_problem_is_two_lines(field: str) -> None:
    known = {
        "code": "sdist",
        "package": "demo",
        "version": "1.0",
        "message": "message",
        "hint": "hint",
    }
    lines = str(Problem(**{**known, field: "a\nb\u2028c\x1b[0m\ud800"})).splitlines()
    assert len(lines) == 2 and "a?b?c?[0m?" in "".join(lines)


def test_only_the_one_who_raises_an_error_adds_a_line() -> None:
    evil = "a\nb\u2028c\x1b"
    assert str(InputError(evil, "second")) == "a?b?c?\nsecond"
    assert str(FetchError(evil, url="")) == "a?b?c?"
    assert str(ResolutionError([evil, "", evil])) == "a?b?c?\n\na?b?c?"
    several = [Problem("sdist", evil, evil, evil, evil)]
    assert len(str(UnlockableError(several)).splitlines()) == 3
    assert InputError(evil).args == (evil,)
