"""Ending tasks for good."""

import asyncio
from collections.abc import Iterable
from typing import Any


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels until they have ended, however they end.

    Once is not enough: before Python 3.12 `asyncio.wait_for`, which connection pools wait with, may
    swallow a cancellation that comes just as what it waits for does.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=1)
        for task in done:
            if not task.cancelled():
                task.exception()  # looked at, so that asyncio does not complain of it
