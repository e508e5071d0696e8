"""Takes back what a doctor left, this one or an earlier one, and counts whether all is nothing."""

from contextlib import suppress
from uuid import UUID

from haat.app.doctor.findings import Broken, Notes, until
from haat.app.doctor.ward import Ward, discard_letters
from haat.app.runtime import Runtime
from haat.domains.goods.catalog.api import Catalog
from haat.domains.money.ledger.api import Account, Ledger, provider_id
from haat.domains.money.payments.api import Payments
from haat.domains.people.vendors.api import Vendors
from haat.domains.reach.backoffice.api import DrillSent
from haat.domains.trade.orders.api import OrderFilter, Orders, VendorOrder, WrongOrderState
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.page import LIMIT_MAX

OVER = frozenset({"refunded", "cancelled", "voided"})
REASON = "A drill of haat doctor is over."


async def left_over(runtime: Runtime, ctx: Context) -> str:
    """What an earlier doctor left, in words; '' for nothing."""
    vendors = await runtime.inner[Vendors].by_ids(ctx, ids=[synthetic.VENDOR])
    if not vendors or vendors[0].status == "suspended":
        return ""
    return "the synthetic vendor was still open: an earlier doctor was cut off"


async def clean(ward: Ward, notes: Notes) -> None:
    """Orders cancelled and given back, goods off sale, letters gone, the vendor suspended; then
    everything is held against nothing. Broken when some of it is left."""
    parts = await _cancelled(ward)
    notes.saw(f"{len(parts)} orders cancelled, their payments given back")
    gone = await discard_letters(ward.runtime, ward.system(), DrillSent.event_name)
    if gone:
        notes.saw(f"{gone} dead letters of drills discarded")
    await _off_sale(ward)
    await _nets_to_nothing(ward, notes, parts)
    try:
        await ward.runtime.inner[Vendors].decide(
            ward.system(), id=synthetic.VENDOR, decision="suspend", reason=REASON
        )
    except NotFound:  # never made
        return
    notes.saw("the synthetic vendor is suspended")


async def _cancelled(ward: Ward) -> list[VendorOrder]:
    """The vendor orders that were open, cancelled and refunded now."""
    orders: Orders = ward.runtime.inner[Orders]
    earlier = await _listed(ward)
    tried: set[UUID] = set()
    parts: list[VendorOrder] = []
    under_way = 0

    async def over() -> bool:
        nonlocal parts, under_way
        mine = await ward.orders(sorted(ward.checkouts))
        ids = earlier | {part.id for order in mine for part in order.vendor_orders}
        parts = await _parts(ward, sorted(ids))
        for part in parts:
            if part.payment == "paid" and part.fulfilment != "cancelled" and part.id not in tried:
                assert part.person_id is not None, "guests cannot pay with drill cards"
                with suppress(WrongOrderState):  # it moved a moment ago; it is read again
                    await orders.cancel(ward.person(part.person_id), id=part.id, reason=REASON)
                    tried.add(part.id)
        under_way = await _under_way(ward, tried)
        return under_way == 0 and all(_is_over(part) for part in parts)

    try:
        await until(over, ward.patience_s, lambda: "")
    except Broken:
        open_ = [part.number for part in parts if not _is_over(part)]
        raise Broken(
            f"{len(open_)} of {len(parts)} orders could not be taken back"
            f" ({', '.join(open_[:3])}), {under_way} payments have not ended: the next doctor tries"
            " again"
        ) from None
    return parts


def _is_over(part: VendorOrder) -> bool:
    return part.fulfilment == "cancelled" and part.payment in OVER


async def _under_way(ward: Ward, tried: set[UUID]) -> int:
    """How many payments of this report have not ended. Who waits for 3-D Secure is refused."""
    payments: Payments = ward.runtime.inner[Payments]
    found = await payments.payments(ward.system(), references=sorted(ward.checkouts))
    for one in found:
        if one.status == "needs_action" and one.id not in tried:
            tried.add(one.id)
            await ward.refuse(one.id)
    return sum(one.status in ("created", "needs_action", "authorized") for one in found)


async def _parts(ward: Ward, ids: list[UUID]) -> list[VendorOrder]:
    orders: Orders = ward.runtime.inner[Orders]
    found: list[VendorOrder] = []
    for start in range(0, len(ids), LIMIT_MAX):
        some = ids[start : start + LIMIT_MAX]
        found += await orders.vendor_orders_by_ids(ward.system(), ids=some)
    return found


async def _listed(ward: Ward) -> set[UUID]:
    """What the list of orders knows to be open, be it an earlier doctor's."""
    orders: Orders = ward.runtime.inner[Orders]
    found: set[UUID] = set()
    cursor = None
    while True:
        page = await orders.vendor_orders(
            ward.system(),
            vendor_id=synthetic.VENDOR,
            where=OrderFilter(fulfilment="pending"),
            limit=LIMIT_MAX,
            cursor=cursor,
        )
        found |= {one.id for one in page.items}
        cursor = page.next
        if cursor is None:
            return found


async def _off_sale(ward: Ward) -> None:
    catalog: Catalog = ward.runtime.inner[Catalog]
    cursor = None
    while True:
        page = await catalog.own_products(
            ward.system(), vendor_id=synthetic.VENDOR, limit=LIMIT_MAX, cursor=cursor
        )
        for one in page.items:
            if one.status != "archived":
                await catalog.archive(ward.system(), id=one.id)
        cursor = page.next
        # Newest first: what stands behind a page of archived ones was archived long ago.
        if cursor is None or all(one.status == "archived" for one in page.items):
            return


async def _nets_to_nothing(ward: Ward, notes: Notes, parts: list[VendorOrder]) -> None:
    """The vendor's accounts, its orders' escrows, and the card network against our clearing."""
    currency = ward.settings.currency
    accounts = [
        Account(kind="payable", owner=synthetic.VENDOR, currency=currency),
        Account(kind="reserve", owner=synthetic.VENDOR, currency=currency),
        Account(kind="clearing", owner=provider_id(synthetic.PROVIDER), currency=currency),
        *(Account(kind="escrow", owner=part.id, currency=currency) for part in parts),
    ]
    ledger: Ledger = ward.runtime.inner[Ledger]
    balances = await ledger.balances(ward.system(), accounts=accounts)
    odd = [one for one in balances if one.minor or one.pending_minor]
    kept = await ward.cards.kept()
    sums = dict.fromkeys(("payable", "reserve", "clearing", "escrow"), 0)
    for one in balances:
        sums[one.account.kind] += one.minor
    told = ", ".join(f"{kind} {minor}" for kind, minor in sums.items())
    notes.saw(f"ledger: {told}; the drill's card network keeps {kept}")
    if odd or kept:
        raise Broken(
            f"the drills' money does not net to zero: {told}, {len(odd)} of {len(accounts)}"
            f" accounts are not empty, the card network keeps {kept}; look at settlement's refunds"
        )
