"""What processes remember, and how they are told that it changed."""

from uuid import UUID, uuid4

import pytest

from haat.engines.cache import Cache, open_cache
from haat.engines.cache import remembered as module
from haat.engines.cache.remembered import Remembered

ONE, TWO = uuid4(), uuid4()


@pytest.fixture
async def cache() -> Cache:
    return open_cache("memory://")


def on(cache: Cache, channel: str = "things", kept_s: float = 60.0) -> Remembered[int | None]:
    return Remembered(cache, channel, kept_s=kept_s)


def put(some: Remembered[int | None], **values: int | None) -> None:
    names = {"one": ONE, "two": TWO}
    _, look = some.known([])
    some.keep({names[name]: value for name, value in values.items()}, look)


def known(some: Remembered[int | None]) -> dict[UUID, int | None]:
    return some.known([ONE, TWO])[0]


async def test_what_was_looked_up_is_known(cache: Cache) -> None:
    some = on(cache)
    assert known(some) == {}
    put(some, one=1, two=None)
    assert known(some) == {ONE: 1, TWO: None}


async def test_a_change_is_told_to_every_process(cache: Cache) -> None:
    here, there, others = on(cache), on(cache), on(cache, "other things")
    for some in (here, there, others):
        put(some, one=1, two=2)
    await here.changed([ONE])
    assert known(here) == known(there) == {TWO: 2}
    assert known(others) == {ONE: 1, TWO: 2}


async def test_what_was_read_before_a_change_is_not_kept_after_it(cache: Cache) -> None:
    here, there = on(cache), on(cache)
    looks = [some.known([ONE])[1] for some in (here, there)]
    await here.changed([ONE])
    for some, look in zip((here, there), looks, strict=True):
        some.keep({ONE: 1}, look)
        assert known(some) == {}
        put(some, one=2)
        assert known(some) == {ONE: 2}


async def test_after_a_lost_connection_nothing_is_known(cache: Cache) -> None:
    some = on(cache)
    put(some, one=1, two=2)
    await cache.publish("things", "")
    assert known(some) == {}


async def test_without_a_cache_the_writer_knows_and_time_tells_the_others() -> None:
    cache = open_cache("none://")
    here, there, late = on(cache), on(cache), on(cache, kept_s=0.0)
    for some in (here, there, late):
        put(some, one=1)
    await here.changed([ONE])
    assert (known(here), known(there), known(late)) == ({}, {ONE: 1}, {})


async def test_it_does_not_grow_without_end(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENTRIES_MAX", 10)
    some = on(cache)
    for _ in range(25):
        _, look = some.known([])
        some.keep({uuid4(): 1}, look)
    assert len(some._kept) <= 11
