"""Every target for a short while: its own inputs, changed at random and by what is known to be
hard.

`make fuzz` does the same for longer, guided by coverage. The draws are derandomized, as everywhere
in these tests.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fuzz.mutate import mutated
from fuzz.targets import TARGETS

#: Inputs of each target, and the size in bytes of those that are made to be slow.
EXAMPLES = 40
LARGE = 5_000


@pytest.mark.parametrize("name", TARGETS)
def test_keeps_its_promises_for_changed_inputs(name: str) -> None:
    target = TARGETS[name]

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=EXAMPLES,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.sampled_from(target.seeds), st.integers(0, 2**32), st.binary(max_size=20))
    def check(seed: bytes, number: int, tail: bytes) -> None:
        target.run(mutated(seed, target.kind, target.words, target.seeds, random.Random(number)))
        target.run(tail)

    check()


@pytest.mark.parametrize("name", TARGETS)
def test_keeps_its_promises_for_its_own_inputs(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_keeps_its_promises_for_large_inputs(name: str) -> None:
    for data in TARGETS[name].big(LARGE).values():
        TARGETS[name].run(data)
