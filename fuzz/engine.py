"""One target under libFuzzer, in a process of its own: ``python -m fuzz.engine NAME ...libFuzzer's
options``.

Nothing of what is fuzzed is imported before it is instrumented.
"""

from __future__ import annotations

import random
import sys

#: Whose branches guide the fuzzer: ours, and those of the pure Python that parses for us.
GUIDES = [
    "micropip_lock",
    "packaging",
    "tomllib",
    "html",
    "configparser",
    "email",
    "netrc",
    "shlex",
    "optparse",
    "installer",
]


def main(name: str, options: list[str]) -> None:
    """Fuzz until libFuzzer has enough; it ends the process."""
    import atheris

    with atheris.instrument_imports(include=GUIDES):
        from .findings import keep, trouble
        from .mutate import mutated
        from .targets import TARGETS
    target = TARGETS[name]

    def test(data: bytes) -> None:
        found = trouble(target, data)
        if found is not None:
            keep(target, *found, data)

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.4:
            plain: bytes = atheris.Mutate(data, longest)
            return plain
        return mutated(bytes(data), target.kind, target.words, target.seeds, rng)[:longest]

    atheris.Setup([sys.argv[0], *options], test, custom_mutator=mutate, internal_libfuzzer=True)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
