from __future__ import annotations

import pytest

from micropip_lock.errors import InputError
from micropip_lock.formats.json_values import as_texts, describe, expected, is_text, parse_json


@pytest.mark.parametrize("text", ["", "{", "NaN", "1e999", "[-Infinity]", "[" * 100_000])
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(InputError, match=r"^the file is not valid JSON"):
        parse_json(text, "the file")


def test_the_pairs_of_each_object() -> None:
    found: list[tuple[str, object]] = []

    def make(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found.extend(pairs)
        return dict(pairs)

    assert parse_json(b'{"a": 1, "a": {"b": 2}}', "it", make) == {"a": {"b": 2}}
    assert found == [("b", 2), ("a", 1), ("a", {"b": 2})]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "nothing"),
        ("x", '"x"'),
        ([1], "[1]"),
        ({"a": object}, '{"a": "<class \'object\'>"}'),
        ({(1, 2): 3}, "dict"),
        ("x" * 70, '"' + "x" * 56 + "..."),
    ],
)
def test_values_in_messages(value: object, shown: str) -> None:
    assert describe(value) == shown
    assert expected("a text", value) == f"expected a text, found {shown}"


def test_texts() -> None:
    assert is_text("x") and not is_text("") and not is_text(None) and not is_text(b"x")
    assert as_texts(["a", ""]) == as_texts(("a", "")) == ("a", "")
    assert as_texts([]) == ()
    for value in (None, "a", ["a", 1], {"a": "b"}):
        assert as_texts(value) is None
