"""Randomness, from one place: the operating system's, or a seed's in a simulation.

`Context.new_id()` and everything else that draws lots asks `chance()`; what is a secret (sessions,
keys) asks the operating system itself, which no seed can foretell.
"""

import secrets
from contextvars import ContextVar
from random import Random
from typing import Protocol


class Chance(Protocol):
    """Draws lots."""

    def bits(self, count: int) -> int:
        """A whole number below 2 to the power of `count`."""
        ...

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, not including, `limit`."""
        ...

    def bytes(self, count: int) -> bytes: ...


class SystemChance:
    """The operating system's randomness."""

    def bits(self, count: int) -> int:
        return secrets.randbits(count)

    def below(self, limit: int) -> int:
        return secrets.randbelow(limit)

    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)


class SeededChance:
    """The same lots for the same seed. For simulations only: anybody can foretell them."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def bits(self, count: int) -> int:
        return self._random.getrandbits(count)

    def below(self, limit: int) -> int:
        return self._random.randrange(limit)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


# A task's, like its deadline: a simulation sets it for the tasks that it runs.
source: ContextVar[Chance | None] = ContextVar("chance", default=None)
_SYSTEM = SystemChance()


def chance() -> Chance:
    """Where this task's randomness comes from."""
    return source.get() or _SYSTEM
