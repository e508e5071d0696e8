"""Notifications' use cases: what people read (`reading`), and mails that go out (`mailing`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from pydantic import Field

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import BackInStock, Inventory
from haat.domains.money.payments.api import Payments
from haat.domains.money.payouts.api import Payouts
from haat.domains.people.identity.api import Identity
from haat.domains.people.market.api import Market
from haat.domains.people.profiles.api import Profiles
from haat.domains.people.vendors.api import Vendors
from haat.domains.reach.notifications.api import Notifications
from haat.domains.reach.notifications.notice import Notice
from haat.domains.reach.notifications.rules import notices_of
from haat.domains.reach.notifications.service import statements as sql
from haat.domains.reach.notifications.service.asking import Asking
from haat.domains.reach.notifications.service.mailing import Mailing
from haat.domains.reach.notifications.service.reading import ReadingCases
from haat.domains.reach.notifications.service.waiting import Waiting
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.settlement.api import Settlement
from haat.engines.http import Signer
from haat.engines.mail import Mail
from haat.engines.sql import Database
from haat.kernel import synthetic
from haat.kernel.context import Context
from haat.kernel.errors import Invalid
from haat.kernel.events import Event
from haat.kernel.settings import Settings

VENDOR_WALLET = "/vendor/wallet"


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
        profiles: Profiles,
        market: Market,
        orders: Orders,
        payments: Payments,
        payouts: Payouts,
        settlement: Settlement,
        catalog: Catalog,
        inventory: Inventory,
        vendors: Vendors,
        signer: Signer,
        options: NotificationOptions,
    ) -> None:
        self._db = db
        self._identity = identity
        self._asking = Asking(orders, payments, payouts, settlement, vendors)
        self._by_mail = options.notify_by_mail
        self._waiting = Waiting(db, catalog, inventory, signer, options.notify_by_mail)
        self._mailing = Mailing(db, mail, identity, profiles, market, orders, options.site)

    async def tell_of(self, ctx: Context, events: Sequence[Event]) -> None:
        """Tells everybody whom these events concern."""
        known = await self._asking.known(ctx, events)
        await self.tell(ctx, [notice for event in events for notice in notices_of(event, known)])

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
            # Who is invited has asked for nothing and has no account yet: there is no other way.
            [one.by_mail and (self._by_mail or one.invitation_id is not None) for one in found],
            ctx.now(),
            [one.invitation_id for one in found],
        )

    async def _addressed(self, ctx: Context, notices: Sequence[Notice]) -> list[Notice]:
        """One notice a person: what concerns a vendor goes to everybody in its team."""
        vendors = {id for one in notices if (id := one.vendor_id or one.owner_id)}
        members = await self._identity.team(ctx, vendor_ids=sorted(vendors)) if vendors else []
        staff = await self._identity.staff(ctx) if any(one.staff for one in notices) else []
        teams: dict[UUID, list[UUID]] = {}
        for vendor, person in members:
            teams.setdefault(vendor, []).append(person)
        found = [copy for one in notices for copy in _copies(one, teams, staff)]
        return [one for one in found if one.person_id not in synthetic.PEOPLE]

    async def wait_for(self, ctx: Context, *, offer_id: UUID, email: str | None = None) -> None:
        if ctx.actor.type != "person" and email is None:
            raise Invalid.at("email", "Say where to write to.", "required")
        await self._waiting.wait(ctx, offer_id, email and email.strip().lower())

    async def stop_waiting(self, ctx: Context, *, token: str) -> None:
        await self._waiting.stop(token)

    async def tell_back(self, ctx: Context, events: Sequence[BackInStock]) -> None:
        """Tells whoever waited for these."""
        await self._waiting.tell(ctx, events)

    async def watch_again(self, ctx: Context) -> None:
        await self._waiting.watch_again(ctx)

    async def send_mails(self, ctx: Context) -> int:
        """Sends what is due; how many were handed over."""
        return await self._mailing.send_due(ctx)

    async def forget_mails(self, ctx: Context) -> int:
        """Deletes the records of mails that were done with long ago."""
        return await self._mailing.forget(ctx)


def _copies(
    one: Notice, teams: Mapping[UUID, Sequence[UUID]], staff: Sequence[UUID]
) -> list[Notice]:
    """One for each reader."""
    if one.staff:
        return [one.to(person) for person in staff]
    if one.vendor_id is not None:
        return [one.to(person) for person in teams.get(one.vendor_id, ())]
    if one.owner_id is None:
        return [one]
    if one.owner_id in teams:
        return [replace(one, path=VENDOR_WALLET).to(person) for person in teams[one.owner_id]]
    return [one.to(one.owner_id)]
