"""Text of others that is fit to be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropip_lock._util.text import sentence, showable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("demo 1.0", "demo 1.0"),
        ("größer 🎉 «x»", "größer 🎉 «x»"),
        ("1.0\r\n::error::x", "1.0??::error::x"),
        ("a\x1b[31mb\x9b0m\x07", "a?[31mb?0m?"),
        ("a\u2028b\u2029c\x85d\x0bd", "a?b?c?d?d"),
        ("\u202eexe.py\u2066\u200f", "?exe.py??"),
        ("\ud800\udcff\0\x7f", "????"),
        ("", ""),
    ],
)
def test_showable(text: str, shown: str) -> None:
    assert showable(text) == shown


def test_a_long_text_is_cut() -> None:
    assert showable("abc", longest=3) == "abc"
    assert showable("ab\ncdef", longest=4) == "ab?c..."


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_is_one_line_that_can_be_encoded(text: str) -> None:
    shown = showable(text)
    assert len(shown.encode().splitlines()) == len(shown.splitlines()) == min(len(text), 1)
    assert showable(shown) == shown and shown.isprintable()


@pytest.mark.parametrize("message", ["it is gone", "it is gone.", "it is gone..."])
def test_a_sentence_has_one_full_stop(message: str) -> None:
    assert sentence(ValueError(message)) == "it is gone."
