"""Quotes and placing, on PostgreSQL: prices, rights, repeats, races."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from haat.domains.goods.inventory.api import OutOfStock
from haat.domains.money.payments.api import Method
from haat.domains.trade.cart.api import NotBuyable
from haat.domains.trade.checkout.api import CartEmpty, CheckoutOver, QuoteExpired
from haat.domains.trade.checkout.proof import prove
from haat.domains.trade.shipping.api import NoShipping
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.trade.buying import ADDRESS, CATEGORIES, outcome
from tests.domains.trade.market_day import Day, card
from tests.domains.trade.tills import NOW, usd


@pytest_asyncio.fixture(loop_scope="session")
async def day(database_of: DatabaseOf) -> Day:
    found = Day(await database_of("checkout"), await database_of("settlement"))
    await found.forget()
    return found


async def test_a_quote_of_two_vendors(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    one, two = world.ids().new(), world.ids().new()
    offers = [
        world.offer(vendor=one, price=1999),
        world.offer(vendor=one, price=333, tax_class="food"),
        world.offer(vendor=two, price=500, tax_class="none"),
    ]
    quote = await day.quote(ctx, *offers, quantity=3)
    first, second = quote.groups
    assert [len(first.lines), len(second.lines)] == [2, 1]
    assert [line.tax for line in first.lines] == [usd(600), usd(50)]
    assert (first.shipping_tax, first.totals.tax) == (usd(49), usd(699))
    assert first.totals.total == usd(5997 + 999 + 490 + 699)
    assert first.commission == usd(180 + 30)
    assert first.net == usd(5997 + 999 + 490 - 210)
    assert second.totals.total == usd(1500 + 490 + 49)
    assert quote.totals.total == first.totals.total + second.totals.total
    assert quote.expires_at - quote.created_at == timedelta(minutes=15)
    assert await day.checkout.read_quote(ctx, id=quote.id) == quote


async def test_prices_that_include_tax(day: Day) -> None:
    day.world.market.inclusive = True
    offer = day.world.offer(vendor=day.world.ids().new(), price=1100)
    quote = await day.quote(day.world.guest(), offer)
    [group] = quote.groups
    assert quote.prices_include_tax
    assert (group.totals.total, group.lines[0].tax) == (usd(1590), usd(100))
    assert group.commission == usd(30)  # 3 % of the price without its tax
    assert group.net == usd(1590 - 30 - 100 - group.shipping_tax.minor)


async def test_what_commission_is_asked_for(day: Day) -> None:
    """One call for goods and shipping; what it answers is frozen in quote and order."""
    world = day.world
    world.commissions.tax_bp, world.commissions.shipping_bp = 2000, 1000
    offers = [world.offer(vendor=world.ids().new(), price=price) for price in (1999, 500)]
    quote = await day.quote(world.guest(), *offers, quantity=2)
    [asked] = world.commissions.asked
    assert [sale.kind for sale in asked] == ["goods", "shipping"] * 2
    goods, shipping = asked[:2]
    assert (goods.unit_price, goods.quantity, goods.base) == (usd(1999), 2, usd(3998))
    assert goods.category_path == CATEGORIES
    assert (shipping.base, shipping.category_path, shipping.product_id) == (usd(490), [], None)
    [group, _] = quote.groups
    [line] = group.lines
    assert (line.commission, line.commission_tax) == (usd(120), usd(24))
    assert (line.terms.rate_bp, line.terms.base_minor) == (300, 3998)
    assert (group.shipping_commission, group.shipping_commission_tax) == (usd(49), usd(10))
    assert (group.commission, group.commission_tax) == (usd(169), usd(34))
    assert group.net == usd(3998 + 490 - 169 - 34)
    await day.place(world.guest(), quote)
    part = world.orders.drafts[quote.id].vendor_orders[0]
    assert part.lines[0].terms == line.terms
    assert part.lines[0].category_path == CATEGORIES
    assert (part.shipping_terms, part.net) == (group.shipping_terms, group.net)
    await day.deliver(quote.id)
    earned = world.payouts.expected[part.id]
    kinds = [(one.kind, one.gross, one.net) for one in earned.lines]
    assert kinds == [
        ("goods", usd(4398), usd(3998 - 144)),
        ("shipping", usd(539), usd(490 - 59)),
    ]


async def test_the_same_quote_again(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    offer = world.offer(vendor=world.ids().new())
    cart = world.ids().new()
    world.cart.carts[cart] = {offer: 2}
    id = ctx.new_id()
    quote = await day.quote(ctx, id=id, items=None, cart_id=cart)
    assert quote.cart_id == cart
    world.clock.advance(timedelta(minutes=1))
    assert await day.quote(ctx, id=id, items=None, cart_id=cart) == quote
    world.cart.carts[cart] = {}
    assert await day.quote(ctx, id=id, items=None, cart_id=cart) == quote
    with pytest.raises(CartEmpty):
        await day.quote(ctx, items=None, cart_id=cart)


async def test_choosing_how_to_ship(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    vendor = world.ids().new()
    offer = world.offer(vendor=vendor)
    assert (await day.quote(ctx, offer)).totals.shipping == usd(490)
    dear = (await day.quote(ctx, offer)).groups[0].shipping_options[1].method_id
    quote = await day.quote(ctx, offer, shipping={vendor: dear})
    assert quote.totals.shipping == usd(980)
    with pytest.raises(Invalid) as caught:
        await day.quote(ctx, offer, shipping={vendor: ctx.new_id()})
    assert caught.value.fields[0].path == f"shipping.{vendor}"


async def test_what_cannot_be_quoted(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    offer = world.offer(vendor=world.ids().new(), stock=2)
    with pytest.raises(OutOfStock) as short:
        await day.quote(ctx, offer, quantity=3)
    assert short.value.data["offers"] == [{"offerId": str(offer), "available": 2}]
    with pytest.raises(NotBuyable):
        await day.quote(ctx, ctx.new_id())
    with pytest.raises(NoShipping):
        await day.quote(ctx, offer, ship_to=ADDRESS.model_copy(update={"country": "AQ"}))
    with pytest.raises(Invalid) as caught:
        await day.quote(ctx, offer, email=None)
    assert caught.value.fields[0].path == "email"


async def test_whose_quote_it_is(day: Day) -> None:
    world = day.world
    ada, bob = world.ids().new(), world.ids().new()
    world.identity.emails[ada] = "ada@example.org"
    offer = world.offer(vendor=world.ids().new())
    quote = await day.quote(world.person(ada), offer, email=None)
    assert (quote.person_id, quote.email) == (ada, "ada@example.org")
    for other in (world.person(bob), world.guest()):
        with pytest.raises(NotFound):
            await day.checkout.read_quote(other, id=quote.id)
        with pytest.raises(NotFound):
            await day.place(other, quote)
        with pytest.raises(NotFound):
            await day.quote(other, offer, id=quote.id)
    placement = await day.place(world.person(ada), quote)
    assert (placement.status, placement.order_link) == ("placed", None)
    for other in (world.person(bob), world.guest()):
        with pytest.raises(NotFound):
            await day.resume(other, quote)
    with pytest.raises(NotFound):
        await day.checkout.resume(world.guest(), id=world.ids().new())


async def test_a_guest_buys(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    cart = world.ids().new()
    offers = [world.offer(vendor=world.ids().new()) for _ in range(2)]
    world.cart.carts[cart] = dict.fromkeys(offers, 1)
    quote = await day.quote(ctx, items=None, cart_id=cart)
    placement = await day.place(ctx, quote)
    assert placement.status == "placed"
    assert placement.order_id == quote.id
    assert placement.order_link == f"/orders/link/signed-{quote.id}"
    draft = world.orders.drafts[quote.id]
    assert {part.id for part in draft.vendor_orders} == {
        derive(quote.id, f"vendor-order:{group.vendor_id}") for group in quote.groups
    }
    later = world.offer(vendor=world.ids().new())
    world.cart.carts[cart][later] = 1  # put in after the quote: stays
    await day.deliver(quote.id)
    await day.deliver(quote.id)  # twice is once
    assert world.cart.carts[cart] == {later: 1}
    assert await day.need_consistent(quote) == "placed"
    assert await day.place(ctx, quote) == placement
    assert await day.resume(ctx, quote) == placement
    assert await prove(day.checkout_db) == []


async def test_twenty_clicks_at_once(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    world.payments.slow_s = 0.1
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))
    answers = await asyncio.gather(*(day.place(ctx, quote) for _ in range(20)))
    assert {(one.status, one.order_number) for one in answers} == {("placed", "H-1")}
    await day.deliver(quote.id)
    assert await day.need_consistent(quote) == "placed"


async def test_more_buyers_than_goods(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    offer = world.offer(vendor=world.ids().new(), stock=3)
    quotes = [await day.quote(ctx, offer) for _ in range(10)]
    answers: list[Any] = await asyncio.gather(*(outcome(day.place(ctx, q)) for q in quotes))
    placed = [a for a in answers if not isinstance(a, OutOfStock)]
    assert [one.status for one in placed] == ["placed"] * 3
    lost = next(q for q, a in zip(quotes, answers, strict=True) if isinstance(a, OutOfStock))
    assert await day.need_consistent(lost) == "undone"
    with pytest.raises(OutOfStock):  # the second click hears what the first one heard
        await day.place(ctx, lost)
    assert (await day.resume(ctx, lost)).status == "undone"
    await day.deliver(*(q.id for q in quotes))
    assert world.inventory.on_hand[offer] == 0
    assert world.payouts.batches == [3]
    assert world.orders.paid_calls == [3]


async def test_a_declined_card(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))
    answers = [await day.place(ctx, quote, "decline"), await day.place(ctx, quote, "ok")]
    assert [(a.status, a.decline_code) for a in answers] == [("declined", "do_not_honor")] * 2
    assert await day.need_consistent(quote) == "declined"


async def test_an_expired_quote_leaves_no_trace(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))
    world.clock.advance(timedelta(minutes=15))
    with pytest.raises(QuoteExpired):
        await day.place(ctx, quote)
    assert await day.state(quote.id) is None
    assert not world.inventory.held
    assert not world.payments.known
    assert (await day.checkout.read_quote(ctx, id=quote.id)) == quote


async def test_old_quotes_are_forgotten(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    placed, old = [await day.quote(ctx, world.offer(vendor=ctx.new_id())) for _ in range(2)]
    await day.place(ctx, placed)
    world.clock.advance(timedelta(days=1))
    fresh = await day.quote(ctx, world.offer(vendor=ctx.new_id()))
    world.clock.advance(timedelta(minutes=16))
    assert await day.checkout.forget_quotes(world.system()) >= 1
    for quote in (placed, fresh):
        assert await day.checkout.read_quote(ctx, id=quote.id) == quote
    with pytest.raises(NotFound):
        await day.checkout.read_quote(ctx, id=old.id)


async def test_a_placed_quote_does_not_expire(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))
    placement = await day.place(ctx, quote)
    world.clock.advance(timedelta(minutes=20))
    assert await day.place(ctx, quote) == placement


async def test_customer_and_webhook_return_at_once(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))
    parked = await day.place(ctx, quote, "3ds")
    assert (parked.status, parked.next_action_url) == ("needs_action", "https://pay.example/3ds")
    assert await day.resume(ctx, quote) == parked  # nothing has changed
    world.payments.approve(card(quote.id))
    world.payments.slow_s = 0.05
    answers: list[Any] = await asyncio.gather(
        day.resume(ctx, quote),
        *(day.payment_updated(quote, "authorized") for _ in range(5)),
        day.resume(ctx, quote),
    )
    assert (answers[0].status, answers[-1].status) == ("placed", "placed")
    await day.deliver(quote.id)
    assert await day.need_consistent(quote) == "placed"


async def test_a_webhook_is_lost(day: Day) -> None:
    """The timer asks the provider by itself."""
    world, ctx = day.world, day.world.guest()
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))
    await day.place(ctx, quote, None)
    world.payments.approve(card(quote.id))
    world.clock.advance(timedelta(seconds=61))
    await day.timers()
    assert await day.state(quote.id) == "placed"


async def test_approved_too_late(day: Day) -> None:
    """The goods went back on sale; the money that was held meanwhile is given back."""
    world, ctx = day.world, day.world.guest()
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))
    await day.place(ctx, quote, "3ds")
    world.clock.advance(timedelta(minutes=16))
    world.payments.approve(card(quote.id))
    await day.payment_updated(quote, "authorized")
    assert (await day.resume(ctx, quote)).status == "expired"
    assert world.payments.known[card(quote.id)].status == "voided"
    assert await day.need_consistent(quote) == "expired"


async def test_an_answer_is_lost(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))
    assert (await day.place(ctx, quote, "lost")).status == "processing"
    world.clock.advance(timedelta(seconds=3))
    await day.timers()
    await day.deliver(quote.id)
    assert await day.need_consistent(quote) == "placed"


async def test_a_payment_provider_that_is_not_there(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))

    async def unknown(ctx: Any, **given: Any) -> Any:
        raise Invalid("No such provider.", code="payment_provider_unknown")

    world.payments.hold = unknown  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(Invalid):
            await day.place(ctx, quote)
    assert await day.need_consistent(quote) == "undone"


async def test_a_failed_capture_puts_everything_back(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    good = world.offer(vendor=world.ids().new(), stock=1)
    bad = world.offer(vendor=world.ids().new(), stock=4)
    quotes = [await day.quote(ctx, good), await day.quote(ctx, bad, quantity=3)]
    await day.place(ctx, quotes[0], "ok")
    await day.place(ctx, quotes[1], "capture_fails")
    await day.deliver(*(q.id for q in quotes))
    await day.deliver(*(q.id for q in quotes))
    assert await day.need_consistent(quotes[0]) == "placed"
    assert world.orders.payment[quotes[1].id] == "voided"
    assert (world.inventory.on_hand[good], world.inventory.on_hand[bad]) == (0, 4)
    assert await day.charge(quotes[1].id) == "failed"


@pytest.mark.parametrize("status", ["voided", "declined"])
async def test_an_authorization_that_lapsed(day: Day, status: str) -> None:
    """The provider let go of the money before it was captured, and told payments so."""
    world, ctx = day.world, day.world.guest()
    offer = world.offer(vendor=world.ids().new(), stock=1)
    quote = await day.quote(ctx, offer)
    await day.place(ctx, quote)
    world.payments.known[card(quote.id)].status = status
    await day.deliver(quote.id)
    assert world.orders.payment[quote.id] == "voided"
    assert world.inventory.on_hand[offer] == 1
    assert await day.charge(quote.id) == "failed"


async def test_a_provider_away_at_capture(day: Day) -> None:
    """The others are settled; this one follows when the provider is back."""
    world, ctx = day.world, day.world.guest()
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))
    await day.place(ctx, quote)
    world.payments.away = True
    await day.deliver(quote.id)
    assert world.orders.payment[quote.id] == "authorized"
    world.payments.away = False
    world.clock.advance(timedelta(seconds=31))
    await day.timers()
    assert await day.need_consistent(quote) == "placed"


async def test_goods_that_cost_nothing(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    world.shipping.price = 0
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new(), price=0))
    assert (await day.place(ctx, quote, None)).status == "placed"
    await day.deliver(quote.id)
    assert world.orders.payment[quote.id] == "paid"
    assert not world.payments.known
    assert not world.payouts.expected


async def test_a_sleeper_finds_the_checkout_ended(day: Day) -> None:
    """Its lease ran out, others undid the checkout, then it wakes up with an order made."""
    world, ctx = day.world, day.world.guest()
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))
    create = world.orders.create

    async def slept(ctx: Any, **given: Any) -> Any:
        found = await create(ctx, **given)
        await day.checkout_db.execute(
            "UPDATE checkout.checkouts SET state = 'undone' WHERE id = $1", quote.id
        )
        return found

    world.orders.create = slept  # type: ignore[method-assign]
    assert (await day.place(ctx, quote)).status == "undone"
    assert world.orders.payment[quote.id] == "voided"
    assert world.payments.known[card(quote.id)].status == "voided"
    with pytest.raises(CheckoutOver):
        await day.place(ctx, quote)


async def test_a_cancelled_request_is_gone_on_with(day: Day) -> None:
    world, ctx = day.world, day.world.guest()
    quote = await day.quote(ctx, world.offer(vendor=world.ids().new()))
    world.payments.slow_s = 5
    task = asyncio.create_task(
        day.checkout.place(ctx, quote_id=quote.id, method=Method(token="ok"))
    )
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    world.payments.slow_s = 0
    assert world.clock.now() == NOW  # no lease has run out
    assert (await day.resume(ctx, quote)).status == "placed"
