"""What a process remembers for some seconds of things that are few, small and seldom change.

    rates: Remembered[int] = Remembered(cache, "vendors.rates", kept_s=5.0)
    known, look = rates.known(ids)
    ... look up what is missing ...
    rates.keep(found, look)
    # the writer, after its commit and before it answers:
    await rates.changed([id])

Every process is told of a change by a message over the cache. One that the message does not reach
(the writer died before it sent it, the cache is away, or there is none) finds out when the seconds
are over: so this is for what may be that old, and the owner says so.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar
from uuid import UUID

from haat.engines.cache import Cache

V = TypeVar("V")
ENTRIES_MAX = 10_000


class Remembered(Generic[V]):
    """Values by id, in this process."""

    def __init__(self, cache: Cache, channel: str, *, kept_s: float) -> None:
        self._cache = cache
        self._channel = channel
        self._kept_s = kept_s
        self._kept: dict[UUID, tuple[float, V]] = {}  # until when, value
        self._turn = 0  # how often something was said to have changed
        cache.subscribe(channel, self._heard)

    def known(self, ids: Iterable[UUID]) -> tuple[dict[UUID, V], tuple[int, float]]:
        """Those that are remembered, and what `keep` wants to know of this look."""
        # The loop's clock: staleness is about this process, not about the market's time.
        now, kept = asyncio.get_running_loop().time(), self._kept
        found = {id: one[1] for id in ids if (one := kept.get(id)) is not None and one[0] > now}
        return found, (self._turn, now)

    def keep(self, values: Mapping[UUID, V], look: tuple[int, float]) -> None:
        """Remembers what was looked up since `look`, unless something changed meanwhile."""
        turn, began = look
        if turn != self._turn:
            return
        if len(self._kept) > ENTRIES_MAX:
            self._kept.clear()
        until = began + self._kept_s
        for id, value in values.items():
            self._kept[id] = until, value

    async def changed(self, ids: Iterable[UUID]) -> None:
        """These have changed: forgotten here now, and everywhere else in a moment."""
        message = ",".join(map(str, ids))
        self._heard(message)
        await self._cache.publish(self._channel, message)

    def _heard(self, message: str) -> None:
        """Ids that changed; '' after messages may have been lost, or nobody knows which."""
        self._turn += 1
        if not message:
            self._kept.clear()
        for id in filter(None, message.split(",")):
            self._kept.pop(UUID(id), None)
