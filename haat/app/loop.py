"""Which event loop everything runs on, and how often it looks for garbage."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Runs it to its end, on uvloop where there is one for the platform."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def settle_memory() -> None:
    """For a process that has started: what stands now stays, so collections need not walk it; and
    requests leave few cycles behind, so they come seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
