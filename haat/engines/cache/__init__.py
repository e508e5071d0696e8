"""What may be forgotten: copies of answers, counts, who is here. The port and its adapters by URL.

`memory://` for one process, `valkey://` (or `redis://`, `valkeys://`, `rediss://`) for several, and
`none://`, which keeps nothing. Nothing here is the only copy of anything.

    read = await cache.get_many([f"product:{id}" for id in ids])
    missing = [id for id in ids if f"product:{id}" not in read.found]
    ... look these up ...
    await cache.set_many({f"product:{id}": encoded}, ttl_s=600, read=read)
    # and where the fact is heard that changes one:
    await cache.invalidate([f"product:{event.product_id}"])

A value that was looked up before an invalidation and arrives after it is not kept: `read` says when
the looking began, by the cache's own clock.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from haat.kernel.errors import Unavailable

READ_MAX_S = 5.0  # between `get_many` and the `set_many` that belongs to it; later is refused
Heard = Callable[[str], None]


class CacheAway(Unavailable, code="cache_away"):
    """The cache does not answer; try again."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was there, and when that was by the cache's own clock, in microseconds. 0 when the cache
    did not answer: what is found out after that is not kept."""

    found: Mapping[str, bytes]
    at: int


class Cache(Protocol):
    """Keys are plain text such as 'product:0190…'; values are bytes.

    When the server is away, reads find nothing, writes do nothing and counts are unknown, each with
    one line in the log a while; `invalidate` alone raises, so that the reaction which calls it
    comes again.
    """

    async def get_many(self, keys: Sequence[str]) -> Read: ...

    async def set_many(self, values: Mapping[str, bytes], *, ttl_s: float, read: Read) -> None:
        """Keeps these for so long, except keys that were invalidated since `read`."""
        ...

    async def invalidate(self, keys: Sequence[str]) -> None:
        """Forgets these, and whatever is being looked up for them now. CacheAway."""
        ...

    async def count(self, key: str, *, window_s: float, by: int = 1) -> int | None:
        """Adds to a counter that begins anew every `window_s`; how much it is now. None when that
        is not known: a limit then lets the request pass."""
        ...

    async def touch(self, room: str, member: str, *, ttl_s: float) -> None:
        """`member` is in `room` for so long from now, unless touched again."""
        ...

    async def present(self, room: str) -> list[str]:
        """Who is in that room now, sorted."""
        ...

    async def publish(self, channel: str, message: str) -> None:
        """Tells every subscriber of every process, once or not at all."""
        ...

    def subscribe(self, channel: str, heard: Heard) -> None:
        """`heard` is called with each message, in the event loop; it must not raise. After a
        connection was lost it is called with '': something may have been missed."""
        ...

    async def aclose(self) -> None: ...


def open_cache(url: str) -> Cache:
    """The cache at this URL; connects when it is first used. ValueError for an unknown scheme."""
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        from haat.engines.cache.memory import MemoryCache

        return MemoryCache()
    if scheme == "none":
        from haat.engines.cache.memory import NoCache

        return NoCache()
    if scheme in ("valkey", "redis", "valkeys", "rediss"):
        from haat.engines.cache.server import ServerCache

        return ServerCache(url)
    raise ValueError(f"there is no cache for {scheme!r}: memory, none, valkey or redis")


__all__ = ["READ_MAX_S", "Cache", "CacheAway", "Read", "open_cache"]
