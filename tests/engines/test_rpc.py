"""One suite for every transport of `haat.engines.rpc`: what holds locally holds over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from haat.engines.rpc import loopback
from haat.kernel.clock import SettableClock
from haat.kernel.context import SYSTEM, Context, open_transaction
from haat.kernel.errors import Forbidden, NotFound, Timeout, Unauthenticated
from haat.kernel.ids import DerivedIds
from haat.kernel.money import Money
from tests.engines.hats import Doors, Hat, Hats, HatsGone, HatsService, guest, person


@pytest.fixture(params=["local", "loopback", "http"])
async def doors(request: pytest.FixtureRequest) -> AsyncIterator[Doors]:
    made = Doors(request.param)
    yield made
    await made.http.aclose()


async def test_results_are_the_same(doors: Doors) -> None:
    hats, id = doors.door(None), uuid4()
    price = Money(minor=1299, currency="USD")
    at = datetime(2026, 1, 2, tzinfo=UTC)
    hat = await hats.hat(guest(), id=id, price=price, tags=["ä", "\u0000", "🎩"])
    assert hat == Hat(id=id, price=price, made_at=at, tags=("ä", "\u0000", "🎩"))
    page = await hats.hats(guest())
    assert [h.id.int for h in page.items] == [0, 1]
    assert isinstance(page.items[0], Hat)
    assert page.next is not None
    assert (await hats.hats(guest(), count=1)).next is None
    assert await hats.found(guest(), ids=[id]) == {id: None}
    await hats.wear(guest(), id=id)
    assert doors.service.worn == [id]


async def test_the_context_arrives(doors: Doors) -> None:
    ctx = replace(
        person("a", "b"), vendor_id=uuid4(), deadline=guest().now() + timedelta(seconds=5)
    )
    seen = await doors.door("checkout").seen(ctx)
    assert (seen.actor, seen.person, seen.vendor_id) == ("person", ctx.actor.id, ctx.vendor_id)
    assert (seen.scopes, seen.caller) == (["a", "b"], "checkout")
    assert (seen.request_id, seen.correlation_id) == ("r-1", "c-1")
    assert 4 < seen.left_s <= 5
    seen = await doors.door(None).seen(replace(guest(), actor=SYSTEM))
    assert (seen.actor, seen.person, seen.caller) == ("system", None, None)
    assert 9 < seen.left_s <= 10


async def test_derived_ids_repeat(doors: Doors) -> None:
    def ctx() -> Context:
        return replace(guest(), ids=DerivedIds(UUID(int=7)))

    first, again = await doors.door("x").seen(ctx()), await doors.door("x").seen(ctx())
    assert first.ids == again.ids
    assert len(set(first.ids)) == 2
    assert (await doors.door("x").seen(guest())).ids != first.ids


async def test_a_problem_is_raised_as_its_own_class_with_its_data(doors: Doors) -> None:
    hats, id = doors.door(None), uuid4()
    await hats.wear(guest(), id=id)
    with pytest.raises(HatsGone) as caught:
        await hats.wear(guest(), id=id)
    problem = caught.value
    assert problem.detail == "That hat is on a head."
    assert problem.data == {"id": str(id), "left": [{"count": 0}]}
    assert (problem.code, problem.status) == ("test_hats_gone", 409)
    with pytest.raises(NotFound):
        await hats.wear(guest(), id=UUID(int=0))


async def test_the_method_ends_at_its_own_limit(doors: Doors) -> None:
    with pytest.raises(Timeout):
        await doors.door("x").wait(guest(), seconds=5)
    assert doors.service.cancelled == 1
    await doors.door("x").wait(guest(), seconds=0.01)


async def test_the_callers_deadline_counts_where_it_is_earlier(doors: Doors) -> None:
    hats, ctx = doors.door(None), guest()
    with pytest.raises(Timeout):
        await hats.wait(ctx.within(0.05), seconds=0.1)
    with pytest.raises(Timeout):
        await hats.seen(replace(ctx, deadline=ctx.now() - timedelta(seconds=1)))


async def test_scopes_bind_gateways(doors: Doors) -> None:
    hats = doors.door(None)
    with pytest.raises(Unauthenticated):
        await hats.mine(guest())
    with pytest.raises(Unauthenticated):
        await hats.stock(guest(), count=1)
    with pytest.raises(Forbidden):
        await hats.stock(person("vendor:orders"), count=1)
    for ctx in (guest(), person("internal"), replace(guest(), actor=SYSTEM)):
        with pytest.raises(Forbidden):
            await hats.inner(ctx)
    ctx = person("person", "vendor:stock")
    assert await hats.mine(ctx) == str(ctx.actor.id)
    assert await hats.stock(ctx, count=1) == 2


async def test_what_acts_for_a_vendor_alone_is_nobody_elsewhere(doors: Doors) -> None:
    """An API key holds rights in a store, not "person": it never does anything as who made it."""
    key = replace(person("vendor:stock"), scopes=frozenset({"vendor:stock"}))
    hats = doors.door(None)
    assert await hats.stock(key, count=1) == 2
    with pytest.raises(Forbidden):
        await hats.mine(key)


async def test_scopes_do_not_bind_modules(doors: Doors) -> None:
    hats = doors.door("checkout")
    assert await hats.stock(guest(), count=1) == 2
    assert await hats.inner(guest()) == "inside"


async def test_no_call_leaves_a_transaction(doors: Doors) -> None:
    held = open_transaction.set("orders")
    try:
        with pytest.raises(AssertionError, match=r"hats\.seen was called inside .* orders"):
            await doors.door("orders").seen(guest())
    finally:
        open_transaction.reset(held)


async def test_many_at_once(doors: Doors) -> None:
    hats = doors.door(None)
    ctx = person("vendor:stock")
    found = await asyncio.gather(*(hats.stock(ctx, count=n) for n in range(50)))
    assert found == list(range(1, 51))


async def test_the_proxy_is_a_contract(doors: Doors) -> None:
    hats = doors.door(None)
    assert isinstance(hats, Hats)
    assert hats.contract_name == "hats"


async def test_loopback_keeps_the_callers_clock() -> None:
    clock = SettableClock(datetime(2020, 1, 1, tzinfo=UTC))
    seen = await loopback(Hats, HatsService(), caller="x").seen(Context(clock=clock))
    assert seen.left_s == 10
