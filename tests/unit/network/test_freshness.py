"""How long an answer may be used again."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from micropip_lock.network.freshness import fresh_until, may_be_stored

NOW = 1_800_000_000.0


def http(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": 'public, Max-Age="600"', "date": http(0)}, 600),
        ({"cache-control": "max-age=600", "date": http(-100)}, 500),
        ({"cache-control": "max-age=600", "date": http(-100), "age": "250"}, 350),
        ({"cache-control": "max-age=600", "age": "700"}, -100),
        ({"cache-control": "max-age=600", "date": http(3600)}, 600),
        ({"cache-control": "max-age=600", "expires": http(9), "date": http(0)}, 600),
        ({"cache-control": "max-age=600, must-revalidate"}, 600),
        ({"cache-control": "private, max-age=600, s-maxage=0"}, 600),
        ({"cache-control": "max-age=600", "vary": "Accept, Accept-Encoding"}, 600),
        ({"expires": http(50), "date": http(0)}, 50),
        ({"expires": http(50), "date": http(-20)}, 50),
        ({"cache-control": "max-age=0"}, 0),
        ({"cache-control": "max-age=600", "age": "old", "date": "yesterday"}, 600),
    ],
    ids=str,
)
def test_an_answer_stays_fresh(headers: dict[str, str], left: float) -> None:
    found = fresh_until(headers, NOW)
    assert found is not None
    assert found - NOW == pytest.approx(left)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cache-control": "no-cache, max-age=600"},
        {"cache-control": "no-store"},
        {"cache-control": 'no-cache="set-cookie", max-age=600'},
        {"cache-control": "s-maxage=600"},
        {"cache-control": "max-age=soon"},
        {"cache-control": "max-age=-1"},
        {"cache-control": "max-age=600", "vary": "*"},
        {"expires": "0", "date": http(0)},
        {"expires": http(50)},
        {"date": http(0), "last-modified": http(-86400)},
    ],
    ids=str,
)
def test_an_answer_that_is_never_fresh(headers: dict[str, str]) -> None:
    assert fresh_until(headers, NOW) is None


def test_what_may_be_stored() -> None:
    for directives in ("", "private", "no-cache, max-age=0", "public, must-revalidate"):
        assert may_be_stored(200, {"cache-control": directives})
    for directives in ("no-store", "private, No-Store", "max-age=600,no-store"):
        assert not may_be_stored(200, {"cache-control": directives})
    assert may_be_stored(200, {})


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_temporary_redirect_has_to_say_that_it_may_be_stored(status: int) -> None:
    for directives in ("", "no-cache", "must-revalidate", "s-maxage=600", "max-age=60, no-store"):
        assert not may_be_stored(status, {"cache-control": directives})
    for directives in ("max-age=600", "private", "public, no-cache"):
        assert may_be_stored(status, {"cache-control": directives})
    assert may_be_stored(status, {"expires": http(60)})
    assert may_be_stored(301, {}) and may_be_stored(308, {})
