"""Refunds by line, quantity, shipping and amount: whatever the steps, never more and never less."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from haat.domains.trade.checkout.api import Quote
from haat.domains.trade.settlement.api import NotRefundable, RefundItem, RefundResult
from haat.domains.trade.settlement.plans import Line, Paid, Plan, Sold, Wanted, plan
from haat.domains.trade.settlement.proof import prove
from haat.kernel.errors import Invalid
from haat.kernel.ids import derive
from haat.kernel.money import Money, allocate
from tests.conftest import DatabaseOf
from tests.domains.trade.buying import outcome
from tests.domains.trade.market_day import Day
from tests.domains.trade.settling import given_back, need_refunded, part, refund, total
from tests.domains.trade.tills import usd


@pytest_asyncio.fixture(loop_scope="session")
async def day(database_of: DatabaseOf) -> Day:
    found = Day(await database_of("checkout"), await database_of("settlement"))
    await found.forget()
    return found


# The plan of a refund, as arithmetic.

step = st.one_of(
    st.tuples(st.just("items"), st.integers(0, 4), st.integers(1, 6)),
    st.tuples(st.just("amount"), st.integers(1, 30_000), st.just(0)),
    st.tuples(st.just("shipping"), st.integers(1, 900), st.just(0)),
)
goods = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5000)), min_size=1, max_size=5)


def sold_of(lines: list[tuple[int, int]], shipping: int, credits_bp: int) -> Sold:
    found = [
        Line(UUID(int=n), UUID(int=100 + n), quantity, gross, gross // 7, 0, 0)
        for n, (quantity, gross) in enumerate(lines)
    ]
    if shipping:
        found.append(Line(UUID(int=50), None, 0, shipping, shipping // 7, 0, 0))
    whole = sum(line.gross for line in found)
    spent = whole * credits_bp // 10_000
    shares = [Paid("card", UUID(int=1), "test", whole - spent, 0)]
    shares += [Paid("credits", UUID(int=1), None, spent, 0)] if spent else []
    return Sold("USD", whole, found, [one for one in shares if one.amount])


def after(sold: Sold, done: Plan) -> Sold:
    """What is left then."""
    taken = {one.line.id: one for one in done.lines}
    paid = {share.leg: minor for share, minor in done.legs}
    return Sold(
        sold.currency,
        sold.rest - done.minor,
        [
            Line(
                line.id,
                line.offer_id,
                line.quantity,
                line.gross,
                line.tax,
                line.refunded_quantity + (taken[line.id].quantity if line.id in taken else 0),
                line.refunded + (taken[line.id].gross if line.id in taken else 0),
            )
            for line in sold.lines
        ],
        [
            Paid(s.leg, s.of_id, s.provider, s.amount, s.refunded + paid.get(s.leg, 0))
            for s in sold.shares
        ],
    )


def wanted_by(asked: tuple[str, int, int], sold: Sold) -> Wanted:
    kind, first, second = asked
    if kind == "items":
        line = sold.lines[first % len(sold.lines)]
        return Wanted(items=[RefundItem(line_id=line.id, quantity=second)])
    if kind == "amount":
        return Wanted(amount=usd(first))
    return Wanted(shipping=usd(first))


@settings(deadline=None)
@given(goods, st.integers(0, 900), st.integers(0, 10_000), st.lists(step, max_size=12))
def test_steps_of_any_kind_end_at_exactly_the_whole(
    lines: list[tuple[int, int]], shipping: int, bp: int, steps: list[tuple[str, int, int]]
) -> None:
    sold = first = sold_of(lines, shipping, bp)
    tax, by_line = 0, False
    for asked in [*steps, None]:
        try:
            done = plan(sold, Wanted() if asked is None else wanted_by(asked, sold))
        except (NotRefundable, Invalid):
            continue
        assert sum(one.gross for one in done.lines) == done.minor
        assert sum(minor for _, minor in done.legs) == done.minor
        tax += sum(one.line.tax_in(one.gross) for one in done.lines)
        sold = after(sold, done)
        by_line = asked is not None and asked[0] != "amount"
        assert sold.rest >= 0
        assert all(0 <= line.refunded <= line.gross for line in sold.lines)
        assert all(0 <= line.refunded_quantity <= line.quantity for line in sold.lines)
        assert all(0 <= share.refunded <= share.amount for share in sold.shares)
    assert sold.rest == 0
    assert all(line.left == 0 for line in sold.lines)
    assert all(share.left == 0 for share in sold.shares)
    if first.rest and not by_line:  # a named item takes no other with it
        assert all(line.units_left == 0 for line in sold.lines)
    assert tax == sum(line.tax for line in first.lines)


@given(st.integers(1, 40), st.integers(0, 100_000), st.data())
def test_units_given_back_one_by_one_or_together_are_the_same(
    quantity: int, gross: int, data: st.DataObject
) -> None:
    """The first units bear the odd cents, in whatever portions they come back."""
    each = allocate(gross, [1] * quantity)
    sold = sold_of([(quantity, gross), (1, 10_000)], 0, 0)
    came = 0
    while came < quantity:
        count = data.draw(st.integers(1, quantity - came))
        wanted = Wanted(items=[RefundItem(line_id=UUID(int=0), quantity=count)])
        if sum(each[came : came + count]) == 0:
            with pytest.raises(NotRefundable):
                plan(sold, wanted)
            break
        done = plan(sold, wanted)
        assert done.minor == sum(each[came : came + count])
        sold, came = after(sold, done), came + count


# The same on PostgreSQL.


async def sold(day: Day, *, quantity: int = 3, price: int = 999) -> Quote:
    """One line of some units from each of two vendors; 3 × 9.99 with tax is 32.97."""
    world = day.world
    offers = [world.offer(vendor=world.ids().new(), price=price) for _ in range(2)]
    quote = await day.quote(world.guest(), *offers, quantity=quantity)
    await day.place(world.guest(), quote)
    await day.deliver(quote.id)
    return quote


def items(quote: Quote, quantity: int) -> list[RefundItem]:
    return [RefundItem(line_id=quote.groups[0].lines[0].id, quantity=quantity)]


async def test_by_quantity_and_shipping(day: Day) -> None:
    quote = await sold(day, price=1000)
    line, shipping = quote.groups[0].lines[0].id, derive(part(quote), "shipping")
    ctx = day.world.system()
    preview = await day.settlement.preview(
        ctx, vendor_order_id=part(quote), items=items(quote, 2), shipping=usd(100)
    )
    assert (preview.amount, preview.goods, preview.shipping) == (usd(2300), usd(2200), usd(100))
    assert preview.tax == usd(200 + 9)
    assert [(one.provider, one.amount) for one in preview.by_tender] == [("test", usd(2300))]
    assert preview.refundable == usd(total(quote))
    done = await refund(day, quote, items=items(quote, 2), shipping=usd(100))
    assert (done.status, done.amount, done.shipping) == ("done", usd(2300), usd(100))
    assert done.items == items(quote, 2)
    told = day.world.payouts.reversed[done.id].lines
    assert told == {line: 2200, shipping: 100}
    recorded = {one.line_id: one.quantity for one in day.world.orders.refunded_lines[done.id]}
    assert recorded == {line: 2, shipping: 0}
    with pytest.raises(NotRefundable) as caught:
        await refund(day, quote, items=items(quote, 2))
    assert caught.value.data["quantity"] == 1
    with pytest.raises(NotRefundable) as caught:
        await refund(day, quote, shipping=usd(440))
    assert caught.value.data["shipping"]["minor"] == 439
    rest = await refund(day, quote)
    assert {one.quantity for one in rest.items} == {1}
    await need_refunded(day, quote, total(quote))


async def test_odd_cents(day: Day) -> None:
    """Three units for 32.97: 10.99 each; of 1.00 off before, the units bear their part."""
    quote = await sold(day)
    assert (await refund(day, quote, items=items(quote, 1))).amount == usd(1099)
    await refund(day, quote, usd(100))
    left = [(await refund(day, quote, items=items(quote, 1))).amount.minor for _ in range(2)]
    assert left[0] - left[1] in (0, 1)
    shipping = (await refund(day, quote)).amount.minor
    assert 1099 + 100 + sum(left) + shipping == total(quote)
    await need_refunded(day, quote, total(quote))


async def test_the_last_unit_wanted_by_many_at_once(day: Day) -> None:
    quote = await sold(day, quantity=2)
    asked: Any = [outcome(refund(day, quote, items=items(quote, 1))) for _ in range(6)]
    answers = await asyncio.gather(*asked, outcome(refund(day, quote, usd(500))))
    done = [one for one in answers if isinstance(one, RefundResult)]
    assert sum(len(one.items) for one in done) <= 2
    assert given_back(day, quote) == sum(one.amount.minor for one in done)
    assert await prove(day.settlement_db) == []


async def test_what_makes_no_sense(day: Day) -> None:
    quote = await sold(day)
    strange = [RefundItem(line_id=quote.groups[1].lines[0].id, quantity=1)]
    for wrong, path in (
        ({"amount": usd(5), "items": items(quote, 1)}, "amount"),
        ({"amount": usd(5), "shipping": usd(1)}, "amount"),
        ({"items": strange}, "items.0.lineId"),
        ({"shipping": usd(0)}, "shipping.minor"),
        ({"shipping": Money(minor=1, currency="EUR")}, "shipping.currency"),
    ):
        with pytest.raises(Invalid) as caught:
            await refund(day, quote, **wrong)
        assert caught.value.fields[0].path == path
    await need_refunded(day, quote, 0)


async def test_a_return_brings_exactly_those_units_back(day: Day) -> None:
    quote = await sold(day)
    world, offer = day.world, quote.groups[0].lines[0].offer_id
    assert world.inventory.on_hand[offer] == 7
    given: Any = {"vendor_order_id": part(quote), "items": items(quote, 2), "reason": "Too small"}
    ctx = world.system()
    id = ctx.new_id()
    for _ in range(3):
        done = await day.settlement.refund_return(ctx, id=id, restock=True, **given)
    assert done.status == "done"
    assert world.inventory.on_hand[offer] == 9
    given["items"] = items(quote, 1)
    await day.settlement.refund_return(ctx, id=ctx.new_id(), restock=False, **given)
    assert world.inventory.on_hand[offer] == 9
    await need_refunded(day, quote, 3297)


async def test_an_order_older_than_refunds_by_line(day: Day) -> None:
    """It has no lines here: amounts and all of it go, items do not."""
    quote = await sold(day)
    await day.settlement_db.execute(
        "DELETE FROM settlement.lines WHERE vendor_order_id = $1", part(quote)
    )
    with pytest.raises(Invalid) as caught:
        await refund(day, quote, items=items(quote, 1))
    assert caught.value.code == "lines_unknown"
    await refund(day, quote, usd(100))
    await refund(day, quote)
    assert all(not one.lines for one in day.world.payouts.reversed.values())
    await need_refunded(day, quote, total(quote))
