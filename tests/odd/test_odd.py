"""A sample of the odd distributions; ``python -m tests.odd`` takes all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from micropip_lock import Lockfile

from ..support import runtimes
from ..support.freezing import base_document, entry
from ..support.index_server import IndexServer
from ..support.runtimes import SetupError
from . import distribution
from .check import check, untrue
from .distribution import distributions
from .sets import sets

#: At least one of each kind, and small.
SAMPLE = (
    *(
        "attrs",
        "backoff",
        "backports.tarfile",
        "bidict",
        "black",
        "bottle",
        "celery",
        "discord.py",
        "docutils",
    ),
    *(
        "jaraco.functools",
        "jmespath",
        "jupyterlab_widgets",
        "metomi-isodatetime",
        "nose",
        "pip",
        "pip-api",
    ),
    *(
        "prometheus-client",
        "protobuf",
        "py",
        "pybind11",
        "pytest",
        "python-utils",
        "selenium",
        "setuptools",
        "six",
    ),
    *(
        "sphinxcontrib-applehelp",
        "sphinxcontrib-jsmath",
        "tdigest",
        "testpath",
        "typing_extensions",
        "XlsxWriter",
    ),
    *("zipp", "zope.event"),
)


def test_sample_is_locked_as_its_wheels_say(tmp_path: Path) -> None:
    assert [str(wrong) for wrong in check(distributions(*SAMPLE), tmp_path)] == []


def test_list_is_long_and_pinned() -> None:
    rows = list(distribution.rows())
    assert len(rows) >= 97
    assert len({pin.partition("==")[0].lower() for pin, _, _ in rows}) == len(rows)
    assert all("==" in pin and len(digest) == 64 and oddity for pin, digest, oddity in rows)


def test_no_set_has_a_file_twice(tmp_path: Path) -> None:
    items = distributions(*SAMPLE)
    made = sets(items, tmp_path)
    assert sorted(item.name for one in made for item in one.distributions) == sorted(
        item.name for item in items
    )
    for one in made:
        files = [file for item in one.distributions for file in item.files]
        assert len(files) == len(set(files))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, []),
        ({"imports": []}, ["imports: six is missing"]),
        ({"imports": ["bin.six", "six"]}, ["imports: bin.six is not in the wheel"]),
        ({"depends": ["attrs"]}, ["depends: ['attrs'] instead of []"]),
        ({"sha256": "ab" * 32}, ["another wheel"]),
    ],
    ids=["true", "imports-missing", "imports-false", "depends", "sha256"],
)
def test_untrue_entry_is_found(changes: Mapping[str, object], says: list[str]) -> None:
    (six,) = distributions("six")
    with IndexServer() as index:
        url = index.add(six.path)
        true = entry("six", six.version, file_name=url, sha256=six.sha256)
        lock = Lockfile.from_json(base_document({**true, **changes}))
        found = [text for _, text in untrue(lock, [six], index)]
    assert len(found) == len(says)
    assert all(text.startswith(start) for text, start in zip(found, says, strict=True))


def test_distribution_that_is_not_locked_is_found() -> None:
    (six,) = distributions("six")
    with IndexServer() as index:
        assert list(untrue(Lockfile.from_json(base_document()), [six], index)) == [
            ("six", "is not in the lock")
        ]


def test_without_wheels_and_network_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "WHEELS", tmp_path / "odd")
    monkeypatch.setattr(distribution, "CACHE", tmp_path)
    unreachable = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_NO_INDEX": "1",
    }
    monkeypatch.setattr(distribution, "MACHINE_ENVIRON", runtimes.MACHINE_ENVIRON | unreachable)
    with pytest.raises(
        SetupError, match=r"^the odd distributions are not in .*, and pip cannot bring them:\n"
    ):
        distributions("six")
