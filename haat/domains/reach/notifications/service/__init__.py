"""Notifications' use cases: what people read (`reading`), and mails that go out (`mailing`)."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from haat.domains.money.payments.api import PaymentFailed
from haat.domains.people.identity.api import Identity
from haat.domains.people.market.api import Market
from haat.domains.reach.notifications.api import Notifications
from haat.domains.reach.notifications.rules import Notice
from haat.domains.reach.notifications.service import statements as sql
from haat.domains.reach.notifications.service.mailing import Mailing
from haat.domains.reach.notifications.service.reading import ReadingCases
from haat.domains.trade.checkout.api import Checkout
from haat.domains.trade.orders.api import Orders
from haat.engines.mail import Mail
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.errors import NotFound
from haat.kernel.settings import Settings


class NotificationOptions(Settings):
    """Where links in mails lead, and whether people get mails at all."""

    public_url: str = ""  # without it the site is on this machine
    port: Annotated[int, Field(ge=1, le=65_535)] = 4004
    notify_by_mail: bool = True

    @property
    def site(self) -> str:
        return self.public_url.rstrip("/") or f"http://localhost:{self.port}"


class NotificationsService(ReadingCases, Notifications):
    """Fulfils the contract; its further methods are for the module's own reactions and timers."""

    def __init__(
        self,
        db: Database,
        mail: Mail,
        identity: Identity,
        market: Market,
        orders: Orders,
        checkout: Checkout,
        options: NotificationOptions,
    ) -> None:
        self._db = db
        self._identity = identity
        self._orders = orders
        self._checkout = checkout
        self._by_mail = options.notify_by_mail
        self._mailing = Mailing(db, mail, identity, market, orders, options.site)

    async def tell(self, ctx: Context, notices: Iterable[Notice]) -> None:
        """Puts these into accounts and into the mail queue; repeated ones change nothing."""
        found = await self._addressed(ctx, list(notices))
        if not found:
            return
        await self._db.step(
            ctx,
            sql.TELL,
            [one.id for one in found],
            [one.person_id for one in found],
            [one.order_id for one in found],
            [one.kind for one in found],
            [one.facts for one in found],
            [one.path for one in found],
            [one.by_mail and self._by_mail for one in found],
            ctx.now(),
        )

    async def _addressed(self, ctx: Context, notices: Sequence[Notice]) -> list[Notice]:
        """One notice a person: what concerns a vendor goes to everybody in its team."""
        vendors = {one.vendor_id for one in notices if one.vendor_id is not None}
        teams = await self._identity.team(ctx, vendor_ids=sorted(vendors)) if vendors else []
        found = []
        for one in notices:
            if one.vendor_id is None:
                found.append(one)
            else:
                found += [one.to(person) for vendor, person in teams if vendor == one.vendor_id]
        return found

    async def declined(self, ctx: Context, events: Sequence[PaymentFailed]) -> None:
        """Tells customers in their account; not where there is an order, which tells it itself."""
        references = [event.reference for event in events]
        ordered = {order.id for order in await self._orders.by_ids(ctx, ids=references)}
        notices = []
        for event in events:
            if event.reference in ordered:
                continue
            try:
                quote = await self._checkout.read_quote(ctx, id=event.reference)
            except NotFound:
                continue  # a payment for something else than a checkout
            if quote.person_id is not None:
                notice = Notice(event.id, "payment_failed", "/cart", by_mail=False)
                notices.append(notice.to(quote.person_id))
        await self.tell(ctx, notices)

    async def send_mails(self, ctx: Context) -> int:
        """Sends what is due; how many were handed over."""
        return await self._mailing.send_due(ctx)

    async def forget_mails(self, ctx: Context) -> int:
        """Deletes the records of mails that were done with long ago."""
        return await self._mailing.forget(ctx)
