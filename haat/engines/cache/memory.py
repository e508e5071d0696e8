"""The cache of one process, and the one that keeps nothing."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

from haat.engines.cache import READ_MAX_S, Heard, Read

ENTRIES_MAX = 20_000
_MICRO = 1_000_000


class MemoryCache:
    """Exact within its process; forgets what was kept longest ago when it is full."""

    def __init__(self, *, entries: int = ENTRIES_MAX) -> None:
        self._entries = entries
        self._kept: dict[str, tuple[float, bytes]] = {}  # until when, value
        self._gone: dict[str, int] = {}  # invalidated at
        self._counts: dict[str, tuple[float, int]] = {}
        self._rooms: dict[str, dict[str, float]] = defaultdict(dict)
        self._heard: dict[str, list[Heard]] = defaultdict(list)
        self._last = 0

    def _now(self) -> int:
        """Microseconds that never repeat, so that before and after are never the same."""
        self._last = max(self._last + 1, int(time.monotonic() * _MICRO))
        return self._last

    async def get_many(self, keys: Sequence[str]) -> Read:
        now = self._now()
        found = {}
        for key in keys:
            entry = self._kept.get(key)
            if entry is None:
                continue
            if entry[0] > now:
                found[key] = entry[1]
            else:
                del self._kept[key]
        return Read(found, now)

    async def set_many(self, values: Mapping[str, bytes], *, ttl_s: float, read: Read) -> None:
        now = self._now()
        if read.at < now - READ_MAX_S * _MICRO:
            return
        for key, value in values.items():
            if self._gone.get(key, 0) < read.at:
                self._kept.pop(key, None)  # it goes to the end: the order is that of the keeping
                self._kept[key] = (now + ttl_s * _MICRO, value)
        while len(self._kept) > self._entries:
            del self._kept[next(iter(self._kept))]

    async def invalidate(self, keys: Sequence[str]) -> None:
        now = self._now()
        for key in keys:
            self._kept.pop(key, None)
            self._gone.pop(key, None)
            self._gone[key] = now
        while self._gone:  # those that no reading can still be waiting for
            oldest = next(iter(self._gone))
            if self._gone[oldest] > now - READ_MAX_S * _MICRO:
                break
            del self._gone[oldest]

    async def count(self, key: str, *, window_s: float, by: int = 1) -> int | None:
        now = self._now()
        until, total = self._counts.pop(key, (0.0, 0))
        if until <= now:
            until, total = now + window_s * _MICRO, 0
        self._counts[key] = (until, total + by)
        if len(self._counts) > self._entries:
            over = [name for name, (end, _) in self._counts.items() if end <= now]
            for name in over or [next(iter(self._counts))]:
                del self._counts[name]
        return total + by

    async def touch(self, room: str, member: str, *, ttl_s: float) -> None:
        self._rooms[room][member] = self._now() + ttl_s * _MICRO

    async def present(self, room: str) -> list[str]:
        now = self._now()
        here = {name: until for name, until in self._rooms[room].items() if until > now}
        self._rooms[room] = here
        return sorted(here)

    async def publish(self, channel: str, message: str) -> None:
        for heard in self._heard[channel]:
            heard(message)

    def subscribe(self, channel: str, heard: Heard) -> None:
        self._heard[channel].append(heard)

    async def aclose(self) -> None:
        self._kept.clear()


class NoCache:
    """For several processes without a server to share: a cache of each would not be exact."""

    async def get_many(self, keys: Sequence[str]) -> Read:
        return Read({}, 0)

    async def set_many(self, values: Mapping[str, bytes], *, ttl_s: float, read: Read) -> None:
        return

    async def invalidate(self, keys: Sequence[str]) -> None:
        return

    async def count(self, key: str, *, window_s: float, by: int = 1) -> int | None:
        return None

    async def touch(self, room: str, member: str, *, ttl_s: float) -> None:
        return

    async def present(self, room: str) -> list[str]:
        return []

    async def publish(self, channel: str, message: str) -> None:
        return

    def subscribe(self, channel: str, heard: Heard) -> None:
        return

    async def aclose(self) -> None:
        return
