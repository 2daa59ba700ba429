"""What is said about requirements that have no solution, word for word.

``python -m tests.end_to_end.golden`` writes the texts anew; read what changed before it is
committed.
"""

from __future__ import annotations

import pytest

from .cases import CASES, FOLDER, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_explanation(case: Case) -> None:
    assert case.explanation() == case.path.read_text(), (
        "if this is meant: python -m tests.end_to_end.golden"
    )


def test_every_text_is_that_of_a_case() -> None:
    assert sorted(FOLDER.glob("*.txt")) == sorted(case.path for case in CASES)
