"""The cache on Valkey or Redis: one server, not a cluster. One connection for each process.

A value stands as `+microseconds value`, with when its reading began, and an invalidation as
`-microseconds`, for as long as a reading that began before it may still end. Whichever is there,
only what was read later takes its place: a value tells that a slower reading came before it, too.
All times are the server's, in 16 digits.

A server that was started anew has forgotten its invalidations as well: the first to come notes
when that was, and nothing is kept that was read before.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, TypeVar

import structlog

from haat.engines.cache import READ_MAX_S, CacheAway, Heard, Read
from haat.engines.cache.resp import Argument, Connection, Lost, Refused, connect
from haat.engines.endings import end

log = structlog.get_logger()

T = TypeVar("T")

_NOW = "local t = redis.call('TIME') local now = t[1] * 1000000 + t[2] "
_SET = (
    _NOW
    + """
if tonumber(ARGV[1]) < now - tonumber(ARGV[2]) then return 0 end
local since = redis.call('GET', KEYS[1])
if not since then
  redis.call('SET', KEYS[1], string.format('%.0f', now))
  return 0
end
if tonumber(ARGV[1]) <= tonumber(since) then return 0 end
for i = 2, #KEYS do
  local key = KEYS[i]
  local mark = redis.call('GETRANGE', key, 0, 16)
  if mark == '' or tonumber(string.sub(mark, 2)) < tonumber(ARGV[1]) then
    redis.call('SET', key, ARGV[i + 2], 'PX', ARGV[3])
  end
end
return 1"""
)
_SINCE_NOW = _NOW + "return redis.call('SET', KEYS[1], string.format('%.0f', now), 'NX')"
_FORGET = (
    _NOW
    + """
for _, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('-%016.0f', now), 'PX', ARGV[1])
end
return 1"""
)
_COUNT = """
local n = redis.call('INCRBY', KEYS[1], ARGV[1])
if n == tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return n"""
_TOUCH = (
    _NOW
    + """
redis.call('ZADD', KEYS[1], 'GT', string.format('%.0f', now + ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], math.ceil((tonumber(last[2]) - now) / 1000))
return 1"""
)
_PRESENT = _NOW + "return redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf')"

_PREFIX = "haat:"
_SINCE = "since"
_MARK_BYTES = 17
_TRY_AGAIN_S = 1.0
_SAY_AGAIN_S = 30.0
_AWAY = (OSError, TimeoutError, Lost, Refused)


class _Resting(Lost):
    """It failed a moment ago; nobody has asked it since."""


class ServerCache:
    """Any number of processes may each have one, on the same server."""

    def __init__(self, url: str, *, timeout_s: float = 0.5) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._away_until = 0.0
        self._said_at = -_SAY_AGAIN_S
        self._heard: dict[str, list[Heard]] = defaultdict(list)
        self._listening: asyncio.Task[None] | None = None
        self._ears: Connection | None = None

    async def get_many(self, keys: Sequence[str]) -> Read:
        if not keys:
            return Read({}, 0)
        try:
            when, values = await self._ask(["TIME"], ["MGET", *(_PREFIX + key for key in keys)])
        except _AWAY as error:
            return self._without(error, Read({}, 0))
        found = {
            key: value[_MARK_BYTES:]
            for key, value in zip(keys, values, strict=True)
            if value is not None and value[:1] == b"+"
        }
        return Read(found, int(when[0]) * 1_000_000 + int(when[1]))

    async def set_many(self, values: Mapping[str, bytes], *, ttl_s: float, read: Read) -> None:
        if not values or not read.at:
            return
        longest = int(READ_MAX_S * 1_000_000)
        rest: list[Argument] = [read.at, longest, _ms(ttl_s)]
        rest += [b"+%016d%b" % (read.at, value) for value in values.values()]
        try:
            await self._run(_SET, [_SINCE, *values], *rest)
        except _AWAY as error:
            self._without(error, None)

    async def invalidate(self, keys: Sequence[str]) -> None:
        if not keys:
            return
        try:
            await self._run(_FORGET, keys, _ms(READ_MAX_S + 1))
        except _AWAY as error:
            self._without(error, None)
            raise CacheAway from error

    async def count(self, key: str, *, window_s: float, by: int = 1) -> int | None:
        try:
            return int(await self._run(_COUNT, [f"count:{key}"], by, _ms(window_s)))
        except _AWAY as error:
            return self._without(error, None)

    async def touch(self, room: str, member: str, *, ttl_s: float) -> None:
        try:
            await self._run(_TOUCH, [f"room:{room}"], member, int(ttl_s * 1_000_000))
        except _AWAY as error:
            self._without(error, None)

    async def present(self, room: str) -> list[str]:
        try:
            members = await self._run(_PRESENT, [f"room:{room}"])
        except _AWAY as error:
            return self._without(error, [])
        return sorted(member.decode() for member in members)

    async def publish(self, channel: str, message: str) -> None:
        try:
            await self._ask(["PUBLISH", _PREFIX + channel, message])
        except _AWAY as error:
            self._without(error, None)

    def subscribe(self, channel: str, heard: Heard) -> None:
        self._heard[channel].append(heard)
        if self._listening is None:
            self._listening = asyncio.get_running_loop().create_task(self._listen())
        elif self._ears is not None:
            self._ears.close()  # it comes back with this channel, too

    async def aclose(self) -> None:
        if self._listening is not None:
            await end([self._listening])
        for connection in (self._connection, self._ears):
            if connection is not None:
                connection.close()

    # -- the connection ------------------------------------------------------------------------

    async def _run(self, script: str, keys: Sequence[str], *rest: Argument) -> Any:
        names = [_PREFIX + key for key in keys]
        return (await self._ask(["EVAL", script, len(names), *names, *rest]))[0]

    async def _ask(self, *commands: Sequence[Argument]) -> list[Any]:
        """Raises one of _AWAY. After a failure nobody tries for a second."""
        connection = self._connection
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                if connection is None or connection.is_over:
                    connection = await self._connected()
                return await connection.ask(*commands)
        except _Resting:
            raise
        except (OSError, TimeoutError):
            self._away_until = monotonic() + _TRY_AGAIN_S
            if connection is not None:
                connection.close()
            raise

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None or self._connection.is_over:
                if monotonic() < self._away_until:
                    raise _Resting("the cache does not answer")
                connection = await connect(self._url, timeout_s=self._timeout_s)
                try:
                    await connection.ask(["EVAL", _SINCE_NOW, 1, _PREFIX + _SINCE])
                except BaseException:
                    connection.close()
                    raise
                self._connection = connection
            return self._connection

    def _without(self, error: BaseException, answer: T) -> T:
        """Goes on without the server, and says so every half minute."""
        if monotonic() - self._said_at >= _SAY_AGAIN_S:
            self._said_at = monotonic()
            log.warning("cache_away", error=f"{type(error).__name__}: {error}"[:200])
        return answer

    # -- what others say -----------------------------------------------------------------------

    async def _listen(self) -> None:
        """Holds a connection of its own for messages, and takes another when it breaks."""
        while True:
            try:
                self._ears = await connect(self._url, pushed=self._pushed)
                channels = list(self._heard)
                await self._ears.ask(["SUBSCRIBE", *(_PREFIX + name for name in channels)])
                for name in channels:
                    self._tell(name, "")  # something may have been said meanwhile
                await self._ears.over.wait()
            except _AWAY as error:
                self._without(error, None)
                await asyncio.sleep(_TRY_AGAIN_S)

    def _pushed(self, message: Any) -> None:
        if isinstance(message, list) and len(message) == 3 and message[0] == b"message":
            self._tell(message[1].decode().removeprefix(_PREFIX), message[2].decode())

    def _tell(self, channel: str, message: str) -> None:
        for heard in self._heard.get(channel, ()):
            heard(message)


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
