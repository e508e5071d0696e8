"""Identifiers: UUIDv7 for what is born, UUIDv5 for what follows from something that exists.

A follower's id is derived from its parent's, so that sending the same step twice names the same
row. Source of both layouts: RFC 9562, sections 5.5 and 5.7.
"""

from hashlib import sha1
from typing import Protocol
from uuid import UUID, SafeUUID

from haat.kernel.chance import chance
from haat.kernel.clock import Clock

_set = object.__setattr__  # of a UUID, which lets nobody change it afterwards
_VERSION_5 = 5 << 76 | 0b10 << 62
_FREE = ~(0xF << 76 | 0b11 << 62)


class Ids(Protocol):
    """Gives birth to ids."""

    def new(self) -> UUID: ...


def uuid7(unix_ms: int, random_bits: int) -> UUID:
    """UUIDv7 of a time in milliseconds since 1970 and 74 random bits."""
    rand_a = (random_bits >> 62) & 0xFFF
    rand_b = random_bits & ((1 << 62) - 1)
    value = (unix_ms & ((1 << 48) - 1)) << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b
    return _made(value)


def derive(parent: UUID, leg: str) -> UUID:
    """The id of the step called `leg` that follows from `parent`: always the same one.

    What `uuid5` does, without the checks of `UUID(...)`: an import derives ten for each product.
    """
    digest = sha1(parent.bytes + leg.encode(), usedforsecurity=False).digest()
    return _made(int.from_bytes(digest[:16], "big") & _FREE | _VERSION_5)


def _made(value: int) -> UUID:
    """`UUID(int=value)` of a number that fits."""
    found = object.__new__(UUID)
    _set(found, "int", value)
    _set(found, "is_safe", SafeUUID.unknown)
    return found


class RandomIds:
    """Time-ordered ids from the clock and the task's randomness."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new(self) -> UUID:
        return uuid7(int(self._clock.now().timestamp() * 1000), chance().bits(74))


class DerivedIds:
    """Ids that repeat when the same request is repeated (Idempotency-Key, seeded runs)."""

    def __init__(self, seed: UUID) -> None:
        self._seed = seed
        self._count = 0

    def new(self) -> UUID:
        self._count += 1
        return derive(self._seed, str(self._count))
