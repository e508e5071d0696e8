"""What several modules keep of one and the same thing, held against each other.

By contracts alone, page by page; each check answers lines that name what differs.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from uuid import UUID

from haat.app.runtime import Runtime
from haat.domains.goods.inventory.api import Inventory
from haat.domains.money.ledger.api import Account, Ledger
from haat.domains.money.payments.api import Payment, Payments
from haat.domains.money.payouts.api import Earning, Payouts
from haat.domains.trade.checkout.api import Checkout, Reserved
from haat.domains.trade.orders.api import Order, Orders
from haat.kernel.context import Context
from haat.kernel.page import LIMIT_MAX

PAID = frozenset({"paid", "partially_refunded", "refunded"})
KEPT = frozenset({"promised", "committed"})


async def payables_and_escrows(runtime: Runtime) -> list[str]:
    """The ledger holds for every vendor and vendor order what its earnings come to."""
    ctx = runtime.system_context("prove")
    payouts: Payouts = runtime.inner[Payouts]
    return await payouts.reconcile(ctx, limit=10)


async def clearing(runtime: Runtime) -> list[str]:
    """What providers owe us is what they captured less what they refunded and paid out."""
    ctx = runtime.system_context("prove")
    payments: Payments = runtime.inner[Payments]
    ledger: Ledger = runtime.inner[Ledger]
    held: dict[str, int] = {}
    for part in await ledger.sums(ctx, kind="clearing"):
        held[part.currency] = held.get(part.currency, 0) + part.minor
    found = []
    for one in await payments.tallies(ctx):
        owed = one.captured - one.refunded - one.paid_out
        if held.get(one.currency, 0) != owed:
            found.append(
                f"clearing in {one.currency}: captured {one.captured}, refunded {one.refunded},"
                f" paid out {one.paid_out} leave {owed}, the ledger holds"
                f" {held.get(one.currency, 0)}"
            )
    return found


async def captured_payments(runtime: Runtime) -> list[str]:
    """No money was taken without an order."""
    ctx = runtime.system_context("prove")
    payments: Payments = runtime.inner[Payments]
    orders: Orders = runtime.inner[Orders]
    cursor: str | None = None
    while True:
        page = await payments.listed(ctx, limit=LIMIT_MAX, cursor=cursor)
        taken = [payment for payment in page.items if payment.captured.minor > 0]
        there = {order.id for order in await orders.by_ids(ctx, ids=[p.reference for p in taken])}
        found = [
            f"payment {one.id}: captured {one.captured.minor}, but there is no order"
            f" {one.reference}"
            for one in taken
            if one.reference not in there
        ]
        cursor = page.next
        if cursor is None or found:
            return found


async def orders_and_books(runtime: Runtime) -> list[str]:
    """Every order's money is where its state says: at the provider, in escrow, earned."""
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
        found += _at_provider(order, by_order.get(order.id, []))
        found += _in_books(order, earned, held)
    return found


def _at_provider(order: Order, payments: Sequence[Payment]) -> list[str]:
    """captured = total once it is paid and nothing before; refunded = refunded."""
    found = []
    where = f"order {order.number}"
    paid = any(part.payment in PAID for part in order.vendor_orders)
    captured = sum(payment.captured.minor for payment in payments)
    refunded = sum(payment.refunded.minor for payment in payments)
    if paid and captured != order.totals.total.minor:
        found.append(f"{where}: captured {captured}, its total is {order.totals.total.minor}")
    if not paid and captured:
        found.append(f"{where}: captured {captured}, but it is {order.payment}")
    if refunded != order.refunded.minor:
        found.append(f"{where}: refunded at the provider {refunded}, here {order.refunded.minor}")
    if len([payment for payment in payments if payment.captured.minor > 0]) > 1:
        found.append(f"{where}: captured more than once")
    return found


def _in_books(
    order: Order, earned: dict[UUID, Earning], held: dict[UUID | None, int]
) -> Iterable[str]:
    """Each paid vendor order's earning and escrow."""
    where = f"order {order.number}"
    for part in order.vendor_orders:
        if part.payment not in PAID or part.totals.total.minor == 0:  # what is free earns nothing
            continue
        earning = earned.get(part.id)
        if earning is None:
            yield f"{where}: vendor order {part.number} is paid and has no earning"
            continue
        left = earning.gross.minor - earning.refunded.minor
        expected = left if earning.status == "pending" else 0
        amounts = (earning.gross, earning.net, earning.commission, earning.tax)
        if amounts != (part.totals.total, part.net, part.commission, part.totals.tax):
            yield f"{where}: the earning of {part.number} is not what was sold"
        elif held.get(part.id, 0) != expected:
            yield (
                f"{where}: escrow of {part.number} holds {held.get(part.id, 0)},"
                f" should hold {expected}"
            )


async def reservations(runtime: Runtime) -> list[str]:
    """Goods that are promised or sold belong to a checkout under way or to an order, and every
    order has its goods."""
    ctx = runtime.system_context("prove")
    checkout: Checkout = runtime.inner[Checkout]
    inventory: Inventory = runtime.inner[Inventory]
    known, cursor = 0, None
    while True:
        page = await checkout.reserved(ctx, limit=LIMIT_MAX, cursor=cursor)
        ids = [one.reservation_id for one in page.items]
        states = {one.id: one.state for one in await inventory.reservations(ctx, ids=ids)}
        kept = {id for id, state in states.items() if state in KEPT}
        known += len(kept)
        found = await _placed(runtime, ctx, [one for one in page.items if one.placed], kept)
        cursor = page.next
        if found:
            return found
        if cursor is None:
            break
    if await inventory.kept_count(ctx) == known:
        return []
    return await _strays(runtime, ctx)


async def _placed(
    runtime: Runtime, ctx: Context, placed: Sequence[Reserved], kept: set[UUID]
) -> list[str]:
    orders: Orders = runtime.inner[Orders]
    there = {order.id for order in await orders.by_ids(ctx, ids=[one.id for one in placed])}
    return [
        f"checkout {one.id} is placed, but there is no such order"
        for one in placed
        if one.id not in there
    ] + [
        f"order {one.id}: its reservation {one.reservation_id} is neither promised nor committed"
        for one in placed
        if one.reservation_id not in kept
    ]


async def _strays(runtime: Runtime, ctx: Context) -> list[str]:
    """Names kept reservations that are nobody's. Only once it is known that there are some: it
    takes the ids of all checkouts into memory."""
    checkout: Checkout = runtime.inner[Checkout]
    inventory: Inventory = runtime.inner[Inventory]
    theirs: set[UUID] = set()
    cursor: str | None = None
    while True:
        page = await checkout.reserved(ctx, limit=LIMIT_MAX, cursor=cursor)
        theirs.update(one.reservation_id for one in page.items)
        cursor = page.next
        if cursor is None:
            break
    while True:
        kept = await inventory.kept(ctx, limit=LIMIT_MAX, cursor=cursor)
        found = [
            f"inventory: reservation {one.id} is {one.state}, but belongs to no checkout"
            for one in kept.items
            if one.id not in theirs
        ]
        cursor = kept.next
        if cursor is None or found:
            return found


CHECKS: tuple[Callable[[Runtime], Awaitable[list[str]]], ...] = (
    payables_and_escrows,
    clearing,
    captured_payments,
    orders_and_books,
    reservations,
)
