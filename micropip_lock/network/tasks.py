"""Many coroutines, with an event loop and without one."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_turn(tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run ``tasks`` one after the other; the ones after a failed one are closed."""
    waiting = list(tasks)[::-1]
    results: list[T] = []
    try:
        while waiting:
            results.append(await waiting.pop())
    finally:
        for task in reversed(waiting):
            task.close()
    return results


async def concurrently(tasks: Iterable[Coroutine[Any, Any, T]], jobs: int) -> list[T]:
    """Run ``tasks``, at most ``jobs`` at a time; results in the order of the tasks.

    On an error or cancellation the running ones are cancelled and awaited, the waiting ones closed.
    """
    import asyncio

    waiting = list(enumerate(tasks))[::-1]
    results: dict[int, T] = {}

    async def work() -> None:
        while waiting:
            index, task = waiting.pop()
            results[index] = await task

    workers = [asyncio.ensure_future(work()) for _ in range(min(jobs, len(waiting)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for _, task in reversed(waiting):
            task.close()
    return [results[index] for index in range(len(results))]
