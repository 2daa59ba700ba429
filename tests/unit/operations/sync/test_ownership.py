"""Which packages change together, and which of their files go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from micropip_lock.errors import InputError
from micropip_lock.operations.sync.ownership import FileOwnership, in_groups
from micropip_lock.operations.sync.transaction import Transaction


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": ["a.py"], "b": ["b.py"]}, {"a": ["a.py"], "b": ["b.py"]}, [["a"], ["b"]]),
        ({"a": ["a.py"], "b": ["b.py"]}, {"a": ["b.py"], "b": ["a.py"]}, [["a", "b"]]),
        ({"a": ["x/a.py"], "b": ["b.py"]}, {"b": ["x"], "a": ["a.py"]}, [["a", "b"]]),
        ({"a": ["x"], "b": ["b.py"]}, {"b": ["x/b.py"], "a": ["a.py"]}, [["a", "b"]]),
        ({"a": ["s.py"], "b": ["s.py"]}, {"a": ["s.py"], "b": ["s.py"]}, [["a"], ["b"]]),
        ({"b": ["1"], "c": ["2"]}, {"a": ["1"], "b": ["2"], "c": []}, [["a", "b", "c"]]),
    ],
    ids=["apart", "exchanged", "file for a folder", "folder for a file", "shared", "chained"],
)
def test_groups(
    old: Mapping[str, Sequence[str]],
    new: Mapping[str, Sequence[str]],
    expected: list[list[str]],
    tmp_path: Path,
) -> None:
    transaction = Transaction(tmp_path, tmp_path)
    for package, names in new.items():
        for name in names:
            path = transaction.staged(package) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
    groups = in_groups(transaction, ["gone"], sorted(new), {**old, "gone": ["gone.py"]})
    assert groups == [["gone"], *expected]


def test_a_shared_file_goes_with_its_last_owner(tmp_path: Path) -> None:
    transaction = Transaction(tmp_path, tmp_path)
    ownership = FileOwnership({"a": ["a.py", "shared"], "b": ["b.py", "shared"], "c": ["c.py"]})
    with ownership.changing(["a"], ["b", "c"], transaction) as removable:
        assert removable == ["a.py"]
    ownership.installed.add("b.py")
    with ownership.changing(["b"], ["c"], transaction) as removable:
        assert removable == ["shared"]
    with (
        pytest.raises(InputError, match=r"c: full \(c\.py\).*Done: a, b\. Not done: nothing"),
        ownership.changing(["c"], [], transaction),
    ):
        raise OSError(28, "full", "c.py")
    assert ownership.done == ["a", "b"]
