"""resolve: the same lock and the same errors whatever order answers come in."""

from __future__ import annotations

import random
import types
from collections.abc import Coroutine, Generator, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from micropip_lock import MicropipLockError, resolve
from micropip_lock.network import Response

from ...support.freezing import base_lock
from ...support.memory_index import MemoryIndex
from ...support.resolving import finished, versions
from ...support.wheels import build_wheel

T = TypeVar("T")


class Shuffled(MemoryIndex):
    """Lets answers overtake each other:

    every request waits, and any task that waits may go on next.
    """

    def __init__(self, seed: int, *made: Path) -> None:
        super().__init__(wheels=made)
        self.random = random.Random(seed)
        self.asked: list[str] = []

    async def get(self, url: str, **options: Any) -> Response:
        for _ in range(self.random.randrange(4)):
            await _pause()
        self.asked.append(f"{url} {options.get('byte_range')}")
        return await super().get(url, **options)

    async def gather(self, tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        waiting = dict(enumerate(tasks))
        results: dict[int, T] = {}
        while waiting:
            number = self.random.choice(list(waiting))
            try:
                waiting[number].send(None)
            except StopIteration as stop:
                results[number] = stop.value
                del waiting[number]
            else:
                await _pause()
        return [results[number] for number in sorted(results)]


@types.coroutine
def _pause() -> Generator[None, None, None]:
    yield


def _tangled(folder: Path) -> list[Path]:
    """Chains, diamonds, extras, a cycle, and turns that have to be taken back."""

    def wheel(name: str, number: str, *requires: str, **options: Any) -> Path:
        return build_wheel(folder, name, number, requires=requires, **options)

    return [
        wheel("app", "3.0", "left>=2", "right"),
        wheel("app", "2.0", "left", "right[x]", "space-one"),
        wheel("left", "2.0", "bottom<2", "deep"),
        wheel("left", "1.0", "bottom>=2", "deep"),
        wheel("right", "1.0", "bottom>=2", extras={"x": ["deep[y]"]}),
        wheel("bottom", "3.0", "gone"),
        wheel("bottom", "2.0", "back"),
        wheel("bottom", "1.0"),
        wheel("back", "1.0", "right"),
        wheel("deep", "2.0", "lib<0"),
        wheel("deep", "1.0", "lib", extras={"y": ["lib>=1"]}),
        wheel("lib", "1.0", files={"space/lib.py": ""}),
        wheel("space-one", "1.0", files={"space/one.py": ""}),
    ]


def test_the_bytes_do_not_depend_on_the_order_of_answers(tmp_path: Path) -> None:
    made = _tangled(tmp_path)
    locks, orders = set(), set()
    for seed in range(60):
        index = Shuffled(seed, *made)
        result = finished(
            resolve(["app", "lib"], base=base_lock(tool={}), index_urls=index.url, fetcher=index)
        )
        evidence = [item.to_json() for item in result.evidence]
        locks.add((result.to_json(), str(evidence), str(result.warnings)))
        orders.add(tuple(index.asked))
        assert len(index.asked) == len(set(index.asked))
    assert len(orders) > 20
    assert len(locks) == 1
    assert versions(result) | {"app": "2.0", "bottom": "2.0", "deep": "1.0"} == versions(result)


@pytest.mark.parametrize("broken", ["deep-2.0", "left-1.0", "bottom", "", "lib"])
def test_errors_do_not_depend_on_the_order_of_answers_either(broken: str, tmp_path: Path) -> None:
    made = [
        wheel for wheel in _tangled(tmp_path) if not broken or not wheel.name.startswith(broken)
    ]
    said = set()
    for seed in range(30):
        index = Shuffled(seed, *made)
        task = resolve(
            ["app", "lib", "bottom!=2.0"], base=base_lock(), index_urls=index.url, fetcher=index
        )
        with pytest.raises(MicropipLockError) as caught:
            finished(task)
        said.add(f"{type(caught.value)} {caught.value}")
    assert len(said) == 1
