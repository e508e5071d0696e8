"""One bad row keeps no other waiting: what is refused together is tried row by row."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from haat.kernel.errors import Problem, Unavailable

T = TypeVar("T")


async def together_or_apart(items: Sequence[T], work: Callable[[list[T]], Awaitable[None]]) -> None:
    """All at once, and when that is refused each by itself. Raises the first refusal when all were
    tried; Unavailable at once, as nobody would get any further."""
    try:
        await work(list(items))
    except Unavailable:
        raise
    except Problem:
        if len(items) < 2:
            raise
        await each(items, lambda item: work([item]))


async def each(items: Sequence[T], work: Callable[[T], Awaitable[None]]) -> None:
    """One after the other. Raises the first refusal when all were tried; Unavailable at once."""
    first: Problem | None = None
    for item in items:
        try:
            await work(item)
        except Unavailable:
            raise
        except Problem as problem:
            structlog.get_logger().error("refused", code=problem.code, why=str(problem)[:200])
            first = first or problem
    if first is not None:
        raise first
