"""One suite for every cache: memory, an embedded Valkey, and a Redis where there is one."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from haat.engines.cache import Cache, CacheAway, open_cache
from haat.engines.cache.resp import Refused, decoded, encoded
from tests.valkey import Valkey, until

REDIS = os.environ.get("HAAT_TEST_REDIS_URL", "redis://127.0.0.1:6379/1")


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


def _redis_answers() -> bool:
    where = REDIS.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")
    try:
        socket.create_connection((where[0], int(where[2] or 6379)), timeout=1).close()
    except OSError:
        return False
    return True


@pytest_asyncio.fixture(params=["memory", "valkey", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    if request.param == "redis" and not _redis_answers():
        reason = f"there is no Redis at {REDIS}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    url = {"memory": "memory://", "redis": REDIS}.get(request.param)
    if url is None:
        server = request.getfixturevalue("valkey")
        await server.answers()
        url = server.url
    found = open_cache(url)
    yield found
    await found.aclose()


def name() -> str:
    """A key nobody used before: the Redis may be somebody's."""
    return f"test:{uuid4().hex}"


async def test_keeps_any_bytes_until_their_time(cache: Cache) -> None:
    one, two, missing = name(), name(), name()
    values = {one: b"", two: b"\r\n\x00-\xff" * 50_000}
    read = await cache.get_many([one, two, missing])
    assert read.found == {}
    await cache.set_many(values, ttl_s=0.4, read=read)
    assert (await cache.get_many([missing, two, one])).found == values

    async def over() -> bool:
        return not (await cache.get_many([one, two])).found

    await until(over)


async def test_an_invalidation_beats_what_was_read_before_it(cache: Cache) -> None:
    key, other = name(), name()
    early = await cache.get_many([key])
    await cache.invalidate([key])
    await cache.set_many({key: b"old", other: b"kept"}, ttl_s=60, read=early)
    late = await cache.get_many([key, other])
    assert late.found == {other: b"kept"}
    await cache.set_many({key: b"new"}, ttl_s=60, read=late)
    assert (await cache.get_many([key])).found == {key: b"new"}
    await cache.invalidate([key])
    assert (await cache.get_many([key])).found == {}


async def test_a_slow_reading_does_not_replace_a_later_one(cache: Cache) -> None:
    """The later one was kept after the invalidation, and took the place of its mark."""
    key = name()
    slow = await cache.get_many([key])
    await cache.invalidate([key])
    quick = await cache.get_many([key])
    await cache.set_many({key: b"new"}, ttl_s=60, read=quick)
    await cache.set_many({key: b"old"}, ttl_s=60, read=slow)
    assert (await cache.get_many([key])).found == {key: b"new"}
    later = await cache.get_many([key])
    await cache.set_many({key: b"newer"}, ttl_s=60, read=later)
    assert (await cache.get_many([key])).found == {key: b"newer"}


async def test_many_readers_and_one_writer_never_leave_an_old_value(cache: Cache) -> None:
    """The race itself: the truth changes, its change is announced, readers fill all the time."""
    key, truth, ended = name(), 0, False

    async def reads() -> None:
        while not ended:
            read = await cache.get_many([key])
            if key not in read.found:
                seen = truth
                await asyncio.sleep(0)
                await cache.set_many({key: b"%d" % seen}, ttl_s=60, read=read)
            await asyncio.sleep(0)

    readers = [asyncio.create_task(reads()) for _ in range(8)]
    for step in range(1, 60):
        truth = step
        await cache.invalidate([key])
        await asyncio.sleep(0.001)
        found = (await cache.get_many([key])).found.get(key)
        assert found in (None, b"%d" % step)
    ended = True
    await asyncio.gather(*readers)


async def test_counts_within_a_window(cache: Cache) -> None:
    key = name()
    counts = await asyncio.gather(*(cache.count(key, window_s=30) for _ in range(20)))
    assert sorted(n for n in counts if n is not None) == list(range(1, 21))
    assert await cache.count(key, window_s=30, by=5) == 25
    short = name()
    assert await cache.count(short, window_s=0.2) == 1
    await asyncio.sleep(0.25)  # a window is a time
    assert await cache.count(short, window_s=0.2) == 1


async def test_knows_who_is_present(cache: Cache) -> None:
    room = name()
    await cache.touch(room, "ada", ttl_s=30)
    await cache.touch(room, "bob", ttl_s=0.2)
    await cache.touch(room, "ada", ttl_s=1)  # never shortens what was said
    assert "ada" in await cache.present(room)

    async def alone() -> bool:
        return await cache.present(room) == ["ada"]

    await until(alone)


async def test_tells_every_subscriber(cache: Cache) -> None:
    channel = name()
    heard: list[list[str]] = [[], []]
    for one in heard:
        cache.subscribe(channel, one.append)

    async def listening() -> bool:
        await cache.publish(channel, "here")
        return all("here" in one for one in heard)

    async def told() -> bool:
        return all(one[-1] == "last" for one in heard)

    await until(listening)
    await cache.publish(channel, "last")
    await until(told)


async def test_a_server_that_is_away_is_a_miss(tmp_path: Path) -> None:
    server = Valkey(tmp_path)
    cache, key = open_cache(server.url), name()
    try:
        assert (await cache.get_many([key])).found == {}
        assert await cache.count(key, window_s=1) is None
        assert await cache.present("room") == []
        await cache.publish("channel", "nobody")
        with pytest.raises(CacheAway):
            await cache.invalidate([key])
        server.start()
        await server.answers()

        async def back() -> bool:
            return (await cache.get_many([key])).at > 0

        await until(back)
        read = await cache.get_many([key])
        await cache.set_many({key: b"1"}, ttl_s=60, read=read)
        assert (await cache.get_many([key])).found == {key: b"1"}
        server.stop()
        assert (await cache.get_many([key])).found == {}
        await cache.set_many({key: b"2"}, ttl_s=60, read=read)
    finally:
        await cache.aclose()
        server.stop()


async def test_a_server_started_anew_keeps_nothing_read_before(tmp_path: Path) -> None:
    """With its memory went the invalidations that a reading of before would have met."""
    server, key = Valkey(tmp_path), name()
    server.start()
    await server.answers()
    reader, writer = open_cache(server.url), open_cache(server.url)
    try:
        early = await reader.get_many([key])
        await writer.invalidate([key])
        server.stop()
        server.start()
        await server.answers()

        async def back() -> bool:
            return (await reader.get_many([key])).at > 0

        await until(back)
        await reader.set_many({key: b"old"}, ttl_s=60, read=early)
        late = await writer.get_many([key])
        assert late.found == {}
        await reader.set_many({key: b"new"}, ttl_s=60, read=await reader.get_many([key]))
        assert (await reader.get_many([key])).found == {key: b"new"}
    finally:
        await reader.aclose()
        await writer.aclose()
        server.stop()


async def test_a_wrong_password_is_a_miss_too(valkey: Valkey) -> None:
    await valkey.answers()
    cache = open_cache("valkey://:wrong@" + valkey.url.rpartition("@")[2])
    assert (await cache.get_many(["any"])).at == 0
    await cache.aclose()


async def test_keeps_nothing_without_a_place() -> None:
    cache = open_cache("none://")
    read = await cache.get_many(["a"])
    await cache.set_many({"a": b"1"}, ttl_s=60, read=read)
    await cache.invalidate(["a"])
    assert (await cache.get_many(["a"])).found == {}
    assert await cache.count("a", window_s=1) is None
    with pytest.raises(ValueError, match="memcached"):
        open_cache("memcached://x")


def test_speaks_resp() -> None:
    assert encoded(["SET", b"\xff", 7]) == b"*3\r\n$3\r\nSET\r\n$1\r\n\xff\r\n$1\r\n7\r\n"
    data = b"*4\r\n$-1\r\n:5\r\n+OK\r\n$2\r\n\r\n\r\n"
    assert decoded(data) == ([None, 5, b"OK", b"\r\n"], len(data))
    refused, _ = decoded(b"-ERR no\r\n")
    assert isinstance(refused, Refused)
    with pytest.raises(ValueError, match="RESP"):
        decoded(b"HTTP/1.1 400\r\n")
