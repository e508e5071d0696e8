"""One press buys: the quote and the order in one go, of what the buyer was shown."""

import asyncio
from uuid import UUID

from haat.domains.money.payments.api import Method, Payments, SavedMethod
from haat.domains.people.profiles.api import Profiles
from haat.domains.trade.checkout.api import (
    BuyLine,
    OneClick,
    OneClickOff,
    Placement,
    PriceChanged,
    Quote,
)
from haat.domains.trade.checkout.rules import addressed
from haat.domains.trade.checkout.service.placing import Placing
from haat.domains.trade.checkout.service.quoting import Quoting
from haat.kernel.context import Context
from haat.kernel.money import Money


class OneClicks:
    def __init__(
        self, profiles: Profiles, payments: Payments, quoting: Quoting, placing: Placing
    ) -> None:
        self._profiles = profiles
        self._payments = payments
        self._quoting = quoting
        self._placing = placing

    async def state(self, ctx: Context) -> OneClick:
        profile, addresses, saved, providers = await asyncio.gather(
            self._profiles.profile(ctx),
            self._profiles.addresses(ctx),
            self._payments.methods(ctx),
            self._payments.providers(ctx),
        )
        here = {one.name for one in providers}
        found = OneClick(
            address=next((one for one in addresses if one.is_default), None),
            method=_newest([one for one in saved if one.provider in here]),
            missing=[],
        )
        if not profile.one_click:
            found.missing.append("preference")
        if found.address is None:
            found.missing.append("address")
        if found.method is None:
            found.missing.append("method")
        return found

    async def buy(
        self, ctx: Context, id: UUID, line: BuyLine, agreed: tuple[Money, Money | None], back: str
    ) -> Placement:
        """`agreed`: the price of one and, where it was shown, of all."""
        state = await self.state(ctx)
        if state.missing or state.address is None or state.method is None:
            raise OneClickOff(missing=state.missing)
        to = state.address.address
        quote = await self._quoting.quote(ctx, id, None, addressed(to, None), None, [line], {})
        _need_agreed(quote, *agreed)
        method = Method(provider=state.method.provider, saved_id=state.method.id)
        return await self._placing.place(ctx, quote.id, method, back, None)


def _newest(saved: list[SavedMethod]) -> SavedMethod | None:
    return max(saved, key=lambda one: (one.created_at, one.id), default=None)


def _need_agreed(quote: Quote, unit_price: Money, total: Money | None) -> None:
    """PriceChanged unless the quote is what the buyer saw."""
    price = quote.groups[0].lines[0].unit_price
    if price == unit_price and total in (None, quote.totals.total):
        return
    raise PriceChanged(
        unitPrice=price.model_dump(mode="json"),
        total=quote.totals.total.model_dump(mode="json"),
        quoteId=str(quote.id),
    )
