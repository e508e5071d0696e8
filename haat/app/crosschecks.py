"""What several modules keep of one and the same thing, held against each other.

By contracts alone, page by page; each check answers lines that name what differs.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from uuid import UUID

from haat.app.runtime import Runtime
from haat.domains.goods.inventory.api import Inventory
from haat.domains.insight.performance.api import Kept, Performance
from haat.domains.money.ledger.api import Account, Code, Ledger, provider_id
from haat.domains.money.payments.api import Payment, Payments
from haat.domains.money.payouts.api import Earning, Payouts
from haat.domains.money.reconciliation.api import Reconciliation
from haat.domains.money.wallet.api import Wallet
from haat.domains.trade.checkout.api import Checkout, Reserved
from haat.domains.trade.orders.api import Order, Orders, VendorOrder
from haat.domains.trade.settlement.api import RefundResult, Settlement, TenderPart
from haat.kernel.context import Context
from haat.kernel.page import LIMIT_MAX

PAID = frozenset({"paid", "partially_refunded", "refunded"})
KEPT = frozenset({"promised", "committed"})
BOOKED_BY_STAFF = frozenset({Code.PROVIDER_FEE, Code.CORRECTION})
COLLECTED = "cod"  # the vendors have that money: accounts of kind `cash`
FIRST = "test"  # the only provider there was before each had its own account
Place = tuple[UUID | None, str]  # owner, currency


async def payables_and_escrows(runtime: Runtime) -> list[str]:
    """The ledger holds for every vendor and vendor order what its earnings come to."""
    ctx = runtime.system_context("prove")
    payouts: Payouts = runtime.inner[Payouts]
    return await payouts.reconcile(ctx, limit=10)


async def clearing(runtime: Runtime) -> list[str]:
    """What each provider owes us is what it captured less what it refunded, paid out and took for
    disputes. Corrections that staff booked are reconciliation's to prove."""
    ctx = runtime.system_context("prove")
    held: Counter[Place] = Counter()
    for one in await runtime.inner[Ledger].sums(ctx, kind="clearing"):
        if one.code not in BOOKED_BY_STAFF:
            held[one.owner, one.currency] += one.minor
    unbooked = await _open_fees(runtime)
    found = []
    for tally in await runtime.inner[Payments].tallies(ctx):
        if tally.provider == COLLECTED:
            continue
        fees = tally.dispute_fees - unbooked[tally.provider, tally.currency]
        owed = tally.captured - tally.refunded - tally.paid_out - tally.disputed - fees
        minor = held.pop((provider_id(tally.provider), tally.currency), 0)
        if tally.provider == FIRST:  # its money from before providers had accounts of their own
            minor += held.pop((None, tally.currency), 0)
        if minor != owed:
            found.append(
                f"clearing of {tally.provider} in {tally.currency}: captured {tally.captured},"
                f" refunded {tally.refunded}, paid out {tally.paid_out}, disputed"
                f" {tally.disputed}, fees {fees} leave {owed}, the ledger holds {minor}"
            )
    return found + [
        f"clearing of {owner} in {currency}: the ledger holds {minor}, payments knows of nothing"
        for (owner, currency), minor in held.items()
        if minor
    ]


async def corrections(runtime: Runtime) -> list[str]:
    """What staff booked from reconciliations is on clearing, and nothing else under its codes."""
    ctx = runtime.system_context("prove")
    held: Counter[Place] = Counter()
    for one in await runtime.inner[Ledger].sums(ctx, kind="clearing"):
        if one.code in BOOKED_BY_STAFF:
            held[one.owner, one.currency] += one.minor
    for booked in await runtime.inner[Reconciliation].booked(ctx):
        held[provider_id(booked.provider), booked.currency] -= booked.minor
    return [
        f"clearing of {owner} in {currency}: the ledger holds {minor} of corrections more than"
        " staff booked"
        for (owner, currency), minor in held.items()
        if minor
    ]


async def _open_fees(runtime: Runtime) -> Counter[tuple[str, str]]:
    """Fees of orders' disputes that are not decided: they are booked when it is known who bears
    them. Those of top-ups the market bears, and they are booked at once."""
    ctx = runtime.system_context("prove")
    payments: Payments = runtime.inner[Payments]
    found: Counter[tuple[str, str]] = Counter()
    cursor: str | None = None
    while True:
        page = await payments.disputes(ctx, status="open", limit=LIMIT_MAX, cursor=cursor)
        known = await payments.payments(
            ctx, references=sorted({dispute.reference for dispute in page.items})
        )
        orders = {payment.id for payment in known if payment.purpose == "order"}
        for dispute in page.items:
            if dispute.payment_id not in orders:
                continue
            found[dispute.provider, dispute.fee.currency] += dispute.fee.minor
        cursor = page.next
        if cursor is None:
            return found


async def wallets(runtime: Runtime) -> list[str]:
    """Wallets hold what moved in and out, the exchange what was converted."""
    ctx = runtime.system_context("prove")
    return list(await runtime.inner[Wallet].reconcile(ctx, limit=10))


async def captured_payments(runtime: Runtime) -> list[str]:
    """No money was taken without an order; what was, has been given back."""
    ctx = runtime.system_context("prove")
    payments: Payments = runtime.inner[Payments]
    orders: Orders = runtime.inner[Orders]
    cursor: str | None = None
    while True:
        page = await payments.listed(ctx, limit=LIMIT_MAX, cursor=cursor)
        taken = [
            payment
            for payment in page.items
            if payment.purpose == "order" and payment.captured.minor > payment.refunded.minor
        ]
        references = sorted({payment.reference for payment in taken})
        there = await _orders_of(orders, ctx, references)
        found = [
            f"payment {one.id}: captured {one.captured.minor}, but there is no order"
            f" {one.reference}"
            for one in taken
            if one.reference not in there
        ]
        cursor = page.next
        if cursor is None or found:
            return found


async def _orders_of(orders: Orders, ctx: Context, references: Sequence[UUID]) -> set[UUID]:
    """Which of these are orders, or vendor orders, whose cash has a payment of its own."""
    found = {order.id for order in await orders.by_ids(ctx, ids=list(references))}
    rest = [id for id in references if id not in found]
    if rest:
        found |= {part.id for part in await orders.vendor_orders_by_ids(ctx, ids=rest)}
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
    ids = [order.id for order in orders]
    tenders = await runtime.inner[Settlement].tenders(ctx, order_ids=ids)
    payments: list[Payment] = await runtime.inner[Payments].payments(
        ctx, references=[*ids, *(part.id for part in parts)]
    )
    refunds = await runtime.inner[Settlement].refunds(
        ctx, vendor_order_ids=[part.id for part in parts]
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
    known = {payment.id: payment for payment in payments}
    earned = {earning.vendor_order_id: earning for earning in earnings}
    found: list[str] = []
    for order in orders:
        mine = {part.id for part in order.vendor_orders}
        leaving = [one for one in refunds if one.vendor_order_id in mine]
        found += _paid(order, tenders.get(order.id, []), known, _under_way(leaving))
        found += _in_books(order, earned, held)
    return found


def _under_way(refunds: Sequence[RefundResult]) -> Counter[str | None]:
    """What was promised and has not gone yet, by provider: a refund of a bank transfer waits for
    days. It counts as refunded at its tender from the start, in the order once it has gone."""
    found: Counter[str | None] = Counter()
    for refund in refunds:
        if refund.status == "created":
            for leg in refund.repaid:
                found[leg.provider] += leg.amount.minor
    return found


def _paid(
    order: Order,
    tenders: Sequence[TenderPart],
    payments: Mapping[UUID, Payment],
    leaving: Counter[str | None],
) -> Iterable[str]:
    """Tenders come to what was paid and given back; providers know the same of theirs."""
    where = f"order {order.number}"
    paid = sum(p.totals.total.minor for p in order.vendor_orders if p.payment in PAID)
    captured = sum(one.amount.minor for one in tenders if one.captured)
    refunded = sum(one.refunded.minor for one in tenders)
    if captured != paid:
        yield f"{where}: captured {captured}, what is paid of it is {paid}"
    if refunded != order.refunded.minor + sum(leaving.values()):
        yield f"{where}: refunded by tenders {refunded}, here {order.refunded.minor}"
    for one in tenders:
        if one.provider is None or not one.captured or one.amount.minor == 0:
            continue
        payment = payments.get(one.id)
        there = (0, 0, 0)
        if payment is not None:
            amounts = (payment.captured, payment.refunded, payment.disputed)
            there = (amounts[0].minor, amounts[1].minor, amounts[2].minor)
        if there[0] != one.amount.minor:
            yield f"{where}: captured by {one.provider} {there[0]}, here {one.amount.minor}"
        # What a lost dispute took counts as refunded here; of an open one nobody knows yet.
        elif not there[1] <= one.refunded.minor <= there[1] + there[2] + leaving[one.provider]:
            yield f"{where}: refunded by {one.provider} {there[1]}, here {one.refunded.minor}"


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
        expected = 0
        if earning.status == "pending":
            expected = earning.gross.minor - earning.refunded.minor
        sold = (part.totals.total, part.net, part.commission, part.commission_tax, part.totals.tax)
        frozen = (
            earning.gross,
            earning.net,
            earning.commission,
            earning.commission_tax,
            earning.tax,
        )
        if frozen != sold:
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


async def performances(runtime: Runtime) -> list[str]:
    """What vendors are measured by is what became of their orders. Orders that are older than that
    module are not in it."""
    ctx = runtime.system_context("prove")
    orders: Orders = runtime.inner[Orders]
    performance: Performance = runtime.inner[Performance]
    unheard: list[str] = []
    cursor: str | None = None
    while True:
        page = await orders.listed(ctx, limit=LIMIT_MAX, cursor=cursor)
        whole = await orders.by_ids(ctx, ids=[one.id for one in page.items])
        ids = [part.id for order in whole for part in order.vendor_orders]
        kept = await performance.kept(ctx, ids=ids) if ids else {}
        found = []
        # The newest first: what is not there is missing only if something older is.
        for order in reversed(whole):
            for part in order.vendor_orders:
                one = kept.get(part.id)
                if one is None:
                    unheard.append(f"vendor order {part.number} was not heard of")
                elif one.parts is not None:
                    found += [*unheard, *_measured(order, part, one)]
                    unheard = []
        cursor = page.next
        if cursor is None or found:
            return found


def _measured(order: Order, part: VendorOrder, kept: Kept) -> Iterable[str]:
    ended = part.fulfilment in ("rejected", "cancelled")
    ready = part.fulfilment == "ready" and part.pickup_id is not None
    handled = ready or part.fulfilment in ("in_transit", "delivered")
    wrong = {
        "vendor": kept.vendor_id != part.vendor_id,
        "parts": kept.parts != len(order.vendor_orders),
        "ended": kept.ended != ended,
        # What ended was handled before, or was paid for afterwards, or neither: who knows.
        "begun": not ended and kept.begun != (part.payment in PAID | {"on_delivery"}),
        "handled": not ended and kept.handled != handled,
        "ship_by": not ended and kept.begun and kept.ship_by != part.ship_by,
    }
    for name, is_wrong in wrong.items():
        if is_wrong:
            yield f"vendor order {part.number}: {name} is measured otherwise"


CHECKS: tuple[Callable[[Runtime], Awaitable[list[str]]], ...] = (
    payables_and_escrows,
    clearing,
    corrections,
    wallets,
    captured_payments,
    orders_and_books,
    reservations,
    performances,
)
