"""`haat prove`: every stored sum is re-derived from its details, and the books from the orders.

Each module proves its own sums (`proof.py`); here stands what concerns several: money captured at
providers equals what the ledger took in, and every paid vendor order's money is where its state
says. docs/flows/money.md names the invariants.
"""

from collections.abc import Sequence
from uuid import UUID

from haat.app.runtime import Runtime
from haat.domains.money.ledger.api import Account, Ledger
from haat.domains.money.payments.api import Payment, Payments
from haat.domains.money.payouts.api import Earning, Payouts
from haat.domains.trade.orders.api import Order, Orders
from haat.kernel.context import Context
from haat.kernel.page import LIMIT_MAX

FINDINGS_MAX = 20
PAID = ("paid", "partially_refunded", "refunded")


async def prove_all(runtime: Runtime) -> list[str]:
    """What does not add up, at most FINDINGS_MAX lines; empty when everything does."""
    found: list[str] = []
    for module in runtime.modules:
        if module.prove is not None:
            database = runtime.databases[module.name]
            found += [f"{module.name}: {line}" for line in await module.prove(database)]
    if not found:
        found += await _orders_against_books(runtime)
    return found[:FINDINGS_MAX]


async def _orders_against_books(runtime: Runtime) -> list[str]:
    """Walks all orders by pages and holds them against payments, earnings and escrow."""
    ctx = runtime.system_context("prove")
    orders: Orders = runtime.inner[Orders]
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await orders.listed(ctx, limit=LIMIT_MAX, cursor=cursor)
        ids = [summary.id for summary in page.items]
        if ids:
            found += await _compare(runtime, ctx, await orders.by_ids(ctx, ids=ids))
        cursor = page.next
        if cursor is None or found:
            return found


async def _compare(runtime: Runtime, ctx: Context, orders: Sequence[Order]) -> list[str]:
    parts = [part for order in orders for part in order.vendor_orders]
    payments: list[Payment] = await runtime.inner[Payments].payments(
        ctx, references=[order.id for order in orders]
    )
    earnings: list[Earning] = await runtime.inner[Payouts].earnings_of(
        ctx, vendor_order_ids=[part.id for part in parts]
    )
    escrows = await runtime.inner[Ledger].balances(
        ctx,
        accounts=[
            Account(kind="escrow", owner=part.id, currency=part.totals.total.currency)
            for part in parts
        ],
    )
    held = {balance.account.owner: balance.minor for balance in escrows}
    by_order: dict[UUID, list[Payment]] = {}
    for payment in payments:
        by_order.setdefault(payment.reference, []).append(payment)
    earned = {earning.vendor_order_id: earning for earning in earnings}
    found = []
    for order in orders:
        found += _order(order, by_order.get(order.id, []), earned, held)
    return found


def _order(
    order: Order,
    payments: Sequence[Payment],
    earned: dict[UUID, Earning],
    held: dict[UUID | None, int],
) -> list[str]:
    """One order: captured = total, refunded = refunded, escrow as the earning's state says."""
    found = []
    where = f"order {order.number}"
    paid = [part for part in order.vendor_orders if part.payment in PAID]
    captured = sum(payment.captured.minor for payment in payments)
    refunded = sum(payment.refunded.minor for payment in payments)
    if paid and captured != order.totals.total.minor:
        found.append(f"{where}: captured {captured}, its total is {order.totals.total.minor}")
    if refunded != order.refunded.minor:
        found.append(f"{where}: refunded at the provider {refunded}, here {order.refunded.minor}")
    if len([payment for payment in payments if payment.captured.minor > 0]) > 1:
        found.append(f"{where}: captured more than once")
    for part in paid:
        earning = earned.get(part.id)
        if earning is None:
            found.append(f"{where}: vendor order {part.number} is paid and has no earning")
            continue
        left = earning.gross.minor - earning.refunded.minor
        expected = left if earning.status == "pending" else 0
        if earning.gross != part.totals.total or earning.net != part.net:
            found.append(f"{where}: the earning of {part.number} is not what was sold")
        elif held.get(part.id, 0) != expected:
            found.append(
                f"{where}: escrow of {part.number} holds {held.get(part.id, 0)},"
                f" should hold {expected}"
            )
    return found
