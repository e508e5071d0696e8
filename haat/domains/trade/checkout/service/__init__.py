"""Checkout's use cases: quoting, placing and settling, a file each."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import Inventory
from haat.domains.goods.pricing.api import Pricing
from haat.domains.money.commissions.api import Commissions
from haat.domains.money.payments.api import Method, Payments
from haat.domains.money.wallet.api import Wallet
from haat.domains.people.identity.api import Identity
from haat.domains.people.market.api import Market
from haat.domains.people.profiles.api import Address, Profiles
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.cart.api import Cart
from haat.domains.trade.checkout import rules
from haat.domains.trade.checkout.api import (
    BuyLine,
    Checkout,
    CheckoutPlaced,
    OneClick,
    Placement,
    Quote,
    Reserved,
)
from haat.domains.trade.checkout.service.one_click import OneClicks
from haat.domains.trade.checkout.service.placing import Placing
from haat.domains.trade.checkout.service.quoting import Lower, Quoting
from haat.domains.trade.checkout.service.settling import Settling
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.api import Settlement
from haat.domains.trade.shipping.api import Shipping
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.money import Money
from haat.kernel.page import Page
from haat.kernel.settings import Settings


class CheckoutOptions(Settings):
    """How long a quote may be placed."""

    quote_ttl_minutes: Annotated[int, Field(ge=1, le=1440)] = 15


class CheckoutService(Checkout):
    """Fulfils the contract; its further methods are for the module's own reactions and timers."""

    def __init__(
        self,
        db: Database,
        options: CheckoutOptions,
        market: Market,
        identity: Identity,
        vendors: Vendors,
        catalog: Catalog,
        pricing: Pricing,
        inventory: Inventory,
        commissions: Commissions,
        payments: Payments,
        profiles: Profiles,
        wallet: Wallet,
        shipping: Shipping,
        cart: Cart,
        orders: Orders,
        settlement: Settlement,
    ) -> None:
        lower = Lower(
            market=market,
            identity=identity,
            vendors=vendors,
            catalog=catalog,
            pricing=pricing,
            inventory=inventory,
            commissions=commissions,
            shipping=shipping,
            cart=cart,
        )
        self._quoting = Quoting(db, lower, options.quote_ttl_minutes)
        self._placing = Placing(db, inventory, wallet, orders, settlement, payments)
        self._settling = Settling(db, inventory, cart, orders, settlement)

        self._one_click = OneClicks(profiles, payments, self._quoting, self._placing)

    async def quote(
        self,
        ctx: Context,
        *,
        id: UUID,
        email: Annotated[str, Field(max_length=254)] | None = None,
        ship_to: Address | None = None,
        bill_to: Address | None = None,
        cart_id: UUID | None = None,
        items: Annotated[list[BuyLine], Field(max_length=100)] | None = None,
        shipping: dict[UUID, UUID] | None = None,
    ) -> Quote:
        return await self._quoting.quote(
            ctx, id, email, rules.addressed(ship_to, bill_to), cart_id, items, shipping or {}
        )

    async def read_quote(self, ctx: Context, *, id: UUID) -> Quote:
        return await self._quoting.read(ctx, id)

    async def place(
        self,
        ctx: Context,
        *,
        quote_id: UUID,
        method: Method,
        return_url: str = "",
        credits: Money | None = None,
    ) -> Placement:
        return await self._placing.place(ctx, quote_id, method, return_url, credits)

    async def resume(self, ctx: Context, *, id: UUID) -> Placement:
        return await self._placing.resume(ctx, id)

    async def one_click(self, ctx: Context) -> OneClick:
        return await self._one_click.state(ctx)

    async def buy_now(
        self,
        ctx: Context,
        *,
        id: UUID,
        offer_id: UUID,
        quantity: Annotated[int, Field(ge=1, le=999)] = 1,
        unit_price: Money,
        total: Money | None = None,
        return_url: str = "",
    ) -> Placement:
        line = BuyLine(offer_id=offer_id, quantity=quantity)
        return await self._one_click.buy(ctx, id, line, (unit_price, total), return_url)

    async def reserved(
        self, ctx: Context, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Reserved]:
        return await self._placing.reserved(limit, cursor)

    async def payments_updated(self, ctx: Context, ids: list[UUID]) -> None:
        """Goes on with those of these checkouts that wait, and with orders that were placed and
        await their money."""
        waiting, placed = await self._placing.standing.moved_on(ids)
        if waiting:
            await self._placing.resume_these(ctx, waiting)
        await self._settling.settle_these(ctx, placed)

    async def resume_stuck(self, ctx: Context) -> int:
        """Goes on with checkouts that are due; how many there were."""
        return await self._placing.resume_due(ctx)

    async def settle(self, ctx: Context, events: list[CheckoutPlaced]) -> None:
        """Commits the goods, captures the money and closes the carts of what was placed."""
        await self._settling.settle(ctx, events)

    async def settle_late(self, ctx: Context) -> int:
        """Settles what was placed but is not settled yet; how many there were."""
        return await self._settling.settle_due(ctx)

    async def forget_quotes(self, ctx: Context) -> int:
        """Deletes old quotes that nobody placed; how many there were."""
        return await self._quoting.forget(ctx)
