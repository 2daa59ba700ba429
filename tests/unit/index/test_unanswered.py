from __future__ import annotations

from micropip_lock.errors import FetchError, Problem, Reason
from micropip_lock.index.unanswered import HINTS, unanswered

URL = "https://index.example/simple/demo/"


def test_a_request_without_an_answer_is_a_problem() -> None:
    codes: dict[Reason, str] = {
        "no-connection": "unreachable",
        "not-allowed": "not-allowed",
        "bad-answer": "unreachable",
        "gone": "unreachable",
        "offline": "unreachable",
    }
    for reason, code in codes.items():
        error = FetchError("the server answers 503.", url=URL, reason=reason)
        assert unanswered(error, "demo", "1.0") == Problem(
            code, "demo", "1.0", "the server answers 503.", HINTS[code], URL
        )


def test_callers_may_know_better() -> None:
    error = FetchError("no answer", url="")
    hints = {"unreachable": "Wait."}
    assert unanswered(error, "demo", None, hints).url is None
    found = unanswered(error, "demo", None, hints, message="two hosts gave no answer.", url=URL)
    assert found == Problem("unreachable", "demo", None, "two hosts gave no answer.", "Wait.", URL)
