"""What a drill says: what it saw, and why it is red or was not run."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
LOOK_S = 0.1


class Broken(Exception):
    """A guard does not hold. The text is the cause: what was seen, and where to look."""


class NotRun(Exception):
    """The drill cannot be run here; the text says why."""


@dataclass(slots=True)
class Notes:
    """The evidence of one drill, a sentence each."""

    lines: list[str] = field(default_factory=list)

    def saw(self, line: str) -> None:
        self.lines.append(line)


async def until(
    look: Callable[[], Awaitable[T | None]], within_s: float, otherwise: Callable[[], str]
) -> T:
    """What `look` finds, once it finds something. Broken with `otherwise` when it does not."""
    ends = time.monotonic() + within_s
    while True:
        found = await look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > ends:
            raise Broken(otherwise())
        await asyncio.sleep(LOOK_S)
