"""Which URL is written for a candidate, and which of several offers are looked at."""

from __future__ import annotations

import pytest
from packaging.version import Version

from micropip_lock.formats.project_page import IndexFile
from micropip_lock.index.client import Offer
from micropip_lock.proof.candidate import candidate_at
from micropip_lock.proof.examination import distinct

WHEEL = "https://files.example/demo-1.0-py3-none-any.whl"
A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("url", "had_query"),
    [
        (WHEEL, False),
        (f"{WHEEL}#sha256={A}", False),
        (f"{WHEEL}?sha256={A}", False),
        (f"{WHEEL}?sha256={B}", True),
        (f"{WHEEL}?sha256={A}&token=x", True),
        (f"{WHEEL}?token=", True),
        (WHEEL.replace("//", "//user:password@") + "#x", False),
    ],
)
def test_a_candidate_has_neither_credentials_nor_query(url: str, had_query: bool) -> None:
    candidate = candidate_at(url, "direct-url", A)
    # A hash belongs to the URL it came with.
    assert (candidate.url, candidate.had_query, candidate.sha256) == (
        WHEEL,
        had_query,
        None if had_query else A,
    )


def offer(url: str, sha256: str | None, index: str = "https://index.example/simple") -> Offer:
    return Offer(
        IndexFile("demo-1.0-py3-none-any.whl", url, Version("1.0"), "wheel", sha256=sha256), index
    )


def test_one_wheel_is_looked_at_once_and_where_others_can_load_it() -> None:
    local = WHEEL.replace("https://files.example", "file:///mirror")
    second = WHEEL.replace("files", "mirror")
    found = distinct([offer(local, A), offer(WHEEL, A), offer(second, A), offer(second, B)])
    assert [(candidate.url, candidate.sha256) for candidate in found] == [(WHEEL, A), (second, B)]


def test_wheels_without_a_hash_are_told_apart_by_url() -> None:
    second = WHEEL.replace("files", "mirror")
    found = distinct([offer(WHEEL, None), offer(second, None), offer(WHEEL, None)])
    assert [candidate.url for candidate in found] == [WHEEL, second]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/pypi/./x.whl?sha256=" + "a" * 64, "https://a.example/pypi/x.whl"),
        ("https://a.example/././b/./x.whl", "https://a.example/b/x.whl"),
        ("https://a.example/b/../x.whl", "https://a.example/b/../x.whl"),
        ("https://a.example/b/.x.whl", "https://a.example/b/.x.whl"),
    ],
)
def test_segments_that_mean_nothing_are_not_written(url: str, expected: str) -> None:
    candidate = candidate_at(url, "micropip", "a" * 64)
    assert (candidate.url, candidate.had_query) == (expected, False)
