"""The resolution: resolvelib decides from memory, and each time that it lacks something, that is fetched."""

from __future__ import annotations

from dataclasses import dataclass

from resolvelib import ResolutionImpossible, ResolutionTooDeep, Resolver

from ..errors import ResolutionError
from ._explore import Explorer
from ._memory import Ask, Memory, Missing, Pick
from ._provider import Provider, Reporter

_MOST_ROUNDS = 200_000


@dataclass(frozen=True, slots=True)
class Solution:
    """What was chosen, by identifier (``name`` or ``name[extra]``)."""

    picks: dict[str, Pick]


@dataclass(frozen=True, slots=True)
class Conflict:
    """No solution: the last asks that could not all be met, by whom; and everything that was asked on the way."""

    causes: tuple[tuple[Pick | None, Ask], ...]
    #: The same of the first conflict that was met, with the newest versions.
    first: tuple[tuple[Pick | None, Ask], ...]
    asked: tuple[tuple[Pick | None, Ask], ...]


async def solve(memory: Memory, explorer: Explorer, roots: tuple[Ask, ...]) -> Solution | Conflict:
    """Choose versions for ``roots`` and all that they need. Raises what made something unavailable that is needed.

    resolvelib starts anew after each fetch. That costs milliseconds, and gives the same answer whatever
    order the bytes came in.
    """
    await explorer.explore(roots)
    while True:
        reporter = Reporter()
        try:
            result = Resolver(Provider(memory, roots), reporter).resolve(roots, max_rounds=_MOST_ROUNDS)
        except Missing as missing:
            await explorer.learn(missing)
        except ResolutionImpossible as error:
            if not await explorer.complete():
                causes = tuple((cause.parent, cause.requirement) for cause in error.causes)
                return Conflict(causes, reporter.first or causes, tuple(reporter.asked))
        except ResolutionTooDeep as error:
            raise ResolutionError(
                f"No solution was found in {_MOST_ROUNDS} steps. Pin the packages that you know the versions of."
            ) from error
        else:
            return Solution(dict(result.mapping))
