"""What stands on a receipt: what was paid, to the cent, and nothing that was not."""

import pytest
import pytest_asyncio

from haat.domains.people.market.api import MarketSettings
from haat.domains.trade.orders.api import Order, OrderDraft
from haat.domains.trade.orders.service import OrdersService
from haat.domains.trade.receipts.rules import receipt_of
from haat.domains.trade.settlement.api import TenderPart
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import (
    FakeMarket,
    FakeShipping,
    draft,
    eur,
    signer,
    system,
    vendor,
)

MARKET = MarketSettings(name="Test", currency="EUR", country="BD", support_email="help@x.test")
LABELS = {None: "Credits", "cod": "Cash"}


@pytest_asyncio.fixture(loop_scope="session")
async def orders(database_of: DatabaseOf) -> OrdersService:
    return OrdersService(await database_of("orders"), FakeMarket(), FakeShipping(), signer())


async def stored(orders: OrdersService, given: OrderDraft) -> Order:
    return (await orders.by_ids(system, ids=[given.id]))[0]


def tender(given: OrderDraft, leg: str, amount: Money, *, captured: bool = True) -> TenderPart:
    return TenderPart(
        id=derive(given.id, leg),
        provider=None if leg == "credits" else leg,
        amount=amount,
        captured=captured,
        refunded=eur(0),
    )


@pytest.mark.parametrize("inclusive", [True, False])
async def test_split_tenders_and_tax(orders: OrdersService, inclusive: bool) -> None:
    given = draft(inclusive=inclusive)
    await orders.create(system, draft=given)
    total = given.totals.total
    credits, card = eur(700), total - eur(700)
    parts = [tender(given, "credits", credits), tender(given, "a_card", card)]
    assert receipt_of(await stored(orders, given), parts, MARKET, LABELS) is None, "not paid yet"
    await orders.mark_paid(system, order_ids=[given.id])
    order = await stored(orders, given)
    short = [parts[0], tender(given, "a_card", card, captured=False)]
    assert receipt_of(order, short, MARKET, LABELS) is None, "a cent is missing"
    found = receipt_of(order, parts, MARKET, LABELS)
    assert found is not None
    assert [(one.label, one.amount) for one in found.payments] == [
        ("Credits", credits),
        ("A card", card),
    ]
    (tax,) = found.taxes  # one rate
    assert tax.tax == found.totals.tax
    goods = found.totals.goods + found.totals.shipping
    assert tax.base == (goods - tax.tax if inclusive else goods)
    assert (found.number, found.contact) == (f"{order.number}-R", "help@x.test")


async def test_what_was_never_collected_is_not_on_it(orders: OrdersService) -> None:
    given = draft(payment="on_delivery")
    await orders.create(system, draft=given)
    one, two = given.vendor_orders
    await orders.reject(vendor(two.vendor_id), id=two.id, reason="sold out")
    await orders.mark_vendor_orders_paid(system, ids=[one.id])
    order = await stored(orders, given)
    found = receipt_of(order, [tender(given, "cod", one.totals.total)], MARKET, LABELS)
    assert found is not None
    assert [part.vendor_name for part in found.parts] == [one.vendor_name]
    assert found.totals == one.totals
