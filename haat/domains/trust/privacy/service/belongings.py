"""What is a person's elsewhere, and what of it has to end before they can be erased."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from haat.domains.money.payments.api import Payments
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.wallet.api import Wallet
from haat.domains.people.identity.api import Identity
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.orders.api import Order, Orders
from haat.domains.trade.returns.api import Returns
from haat.domains.trust.privacy.api import Obstacle, OrderOfAccount
from haat.kernel.context import Actor, Context
from haat.kernel.errors import NotFound
from haat.kernel.page import LIMIT_MAX

PAGES_MAX = 200  # of orders: twenty thousand
ON_THE_WAY = frozenset({"pending", "accepted", "ready", "in_transit"})
OPEN_STORES = frozenset({"active", "suspended", "closing"})
RETURNS_OPEN = frozenset({"requested", "approved", "sent_back", "received"})


@dataclass(slots=True)
class Belongings:
    """Ids of what is theirs, and what hinders. `owned`: stores that are theirs alone; of these
    `vendors` ended, `untraded` never sold anything, `pending` wait for a decision."""

    orders: list[UUID] = field(default_factory=list)
    parts: list[UUID] = field(default_factory=list)
    returns: list[UUID] = field(default_factory=list)
    owned: list[UUID] = field(default_factory=list)
    vendors: list[UUID] = field(default_factory=list)
    untraded: list[UUID] = field(default_factory=list)
    pending: list[UUID] = field(default_factory=list)
    obstacles: list[Obstacle] = field(default_factory=list)


class Gathering:
    """The part of privacy that asks other modules. The service gives the attributes."""

    _identity: Identity
    _vendors: Vendors
    _payouts: Payouts
    _orders: Orders
    _returns: Returns
    _payments: Payments
    _wallet: Wallet

    async def gathered(self, ctx: Context, person_id: UUID) -> Belongings:
        """NotFound for nobody."""
        own = replace(ctx.as_system(), actor=Actor("person", person_id), scopes=_PERSON)
        found = Belongings()
        await self._of_identity(ctx.as_system(), person_id, found)
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            page = await self._orders.own(own, limit=LIMIT_MAX, cursor=cursor)
            ids = [one.id for one in page.items]
            if ids:
                await self._of_orders(ctx, await self._orders.by_ids(ctx, ids=ids), found)
            cursor = page.next
            if cursor is None:
                break
        balance = await self._wallet.balance(own)
        if balance.available.minor or balance.held.minor:
            found.obstacles.append(
                Obstacle(code="credits_left", message="Credits are left in the wallet.")
            )
        return found

    async def gathered_of_guest(self, ctx: Context, order_id: UUID) -> Belongings:
        """NotFound; OrderOfAccount."""
        orders = await self._orders.by_ids(ctx, ids=[order_id])
        if not orders:
            raise NotFound("There is no such order.")
        if orders[0].person_id is not None:
            raise OrderOfAccount
        found = Belongings()
        await self._of_orders(ctx.as_system(), orders, found)
        return found

    async def _of_identity(self, ctx: Context, person_id: UUID, found: Belongings) -> None:
        people = await self._identity.by_ids(ctx, ids=[person_id])
        if not people:
            raise NotFound("There is no such account.")
        if people[0].staff_roles or people[0].custom_roles:
            message = "Staff are erased when they are staff no more."
            found.obstacles.append(Obstacle(code="staff", message=message))
        owned = [one.vendor_id for one in people[0].memberships if one.role == "owner"]
        if owned:
            await self._of_vendors(ctx, person_id, owned, found)

    async def _of_vendors(
        self, ctx: Context, person_id: UUID, owned: list[UUID], found: Belongings
    ) -> None:
        """A store that is open, or that others work at, has to go on: somebody else's first."""
        team = await self._identity.team(ctx, vendor_ids=owned)
        shared = {vendor_id for vendor_id, member in team if member != person_id}
        at_work = []
        for vendor in await self._vendors.by_ids(ctx, ids=owned):
            alone = vendor.id not in shared
            if alone:
                found.owned.append(vendor.id)
            if vendor.status in OPEN_STORES or (vendor.status == "pending" and not alone):
                at_work.append(str(vendor.id))
            elif alone:
                found.vendors.append(vendor.id)
                if vendor.status != "closed":
                    found.untraded.append(vendor.id)
                if vendor.status == "pending":
                    found.pending.append(vendor.id)
        if at_work:
            message = "You own a store: hand it over or close it first."
            found.obstacles.append(Obstacle(code="vendor_owned", message=message, what=at_work))
        traded = [id for id in found.vendors if id not in found.untraded]
        unsettled = [
            str(one.vendor_id)
            for one in await self._payouts.balances_of(ctx, vendor_ids=traded)
            if any(part.minor for part in (one.available, one.pending, one.reserved, one.requested))
        ]
        if unsettled:
            message = "Money of your store is not settled yet."
            found.obstacles.append(Obstacle(code="vendor_money", message=message, what=unsettled))

    async def _of_orders(self, ctx: Context, orders: Sequence[Order], found: Belongings) -> None:
        ids = [order.id for order in orders]
        parts = [part.id for order in orders for part in order.vendor_orders]
        returns = await self._returns.of_orders(ctx, vendor_order_ids=parts)
        system = ctx.as_system()
        disputes = await self._payments.disputes(
            system, status="open", references=[*ids, *parts], limit=LIMIT_MAX
        )
        found.orders += ids
        found.parts += parts
        found.returns += [one.id for one in returns]
        open_returns = [one.number for one in returns if one.state in RETURNS_OPEN]
        for code, message, what in (
            ("orders_open", "Orders are on their way.", list(_open(orders))),
            ("returns_open", "Returns are under way.", open_returns),
            (
                "disputes_open",
                "Payments are disputed.",
                [str(one.reference) for one in disputes.items],
            ),
        ):
            if what:
                found.obstacles.append(Obstacle(code=code, message=message, what=what))


_PERSON = frozenset({"person"})


def _open(orders: Sequence[Order]) -> Iterator[str]:
    """Numbers of vendor orders that somebody still works on."""
    for order in orders:
        for part in order.vendor_orders:
            if part.fulfilment in ON_THE_WAY and part.payment not in ("voided", "refunded"):
                yield part.number
