"""Sends queued mails: claims some under a lease, asks who and what they are about, hands over."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from uuid import UUID

import structlog

from haat.domains.people.identity.api import Contact, Identity, Letter
from haat.domains.people.market.api import Market
from haat.domains.people.profiles.api import Profiles
from haat.domains.reach.notifications import texts
from haat.domains.reach.notifications.rules import ATTEMPTS_MAX, backoff
from haat.domains.reach.notifications.service import statements as sql
from haat.domains.reach.notifications.service.waiting import addresses, forget
from haat.domains.trade.orders.api import Order, Orders, TimelineNote
from haat.engines.mail import Mail, Message
from haat.engines.sql import Database, Record
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, Problem

log = structlog.get_logger()

BATCH = 60
BATCHES_MAX = 30  # a round ends after that many, and the timer comes again
AT_ONCE = 4
LEASE = timedelta(minutes=10)  # longer than BATCH mails take of a server that hangs
KEPT = timedelta(days=30)
DETAILED = frozenset(  # kinds that list the order's goods
    {"order_placed", "order_awaiting_money", "order_awaiting_transfer", "order_on_delivery"}
)
# These also stand in the account: who wants no such mail misses nothing.
COURTESIES = frozenset({"order_shipped", "order_delivered", "order_to_collect"})
RECEIPTS = frozenset({"order_placed", "order_paid", "receipt"})  # these lead to it, once it is paid
PAID = frozenset({"paid", "partially_refunded", "refunded"})

Outcome = Literal["sent", "refused", "given_up", "nobody"]


@dataclass(slots=True)
class _Round:
    """What a batch of mails needs: asked for once for all of them."""

    market: str
    contacts: dict[UUID, Contact]
    quiet: set[UUID]  # who wants no news of orders by mail
    orders: dict[UUID, Order]
    links: dict[UUID, str]
    waiting: dict[UUID, str] = field(default_factory=dict)  # addresses of who waits for an offer
    letters: dict[UUID, Letter] = field(default_factory=dict)  # to who is invited
    away: bool = False  # the server does not answer: the rest of the batch waits
    tried: dict[UUID, Outcome | None] = field(default_factory=dict)
    receipts: dict[UUID, UUID] = field(default_factory=dict)  # mail with a receipt → order


class Mailing:
    """The sending part of notifications."""

    def __init__(
        self,
        db: Database,
        mail: Mail,
        identity: Identity,
        profiles: Profiles,
        market: Market,
        orders: Orders,
        site: str,
    ) -> None:
        self._db = db
        self._mail = mail
        self._identity = identity
        self._profiles = profiles
        self._market = market
        self._orders = orders
        self._site = site

    async def send_due(self, ctx: Context) -> int:
        """Sends what is due; how many were sent. Ends early when the mail server is away."""
        sent = 0
        for _ in range(BATCHES_MAX):
            now = ctx.now()
            rows = await self._db.fetch(sql.CLAIM, now, now + LEASE, BATCH)
            if not rows:
                break
            round_ = await self._asked(ctx, rows)
            slots = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(self._send(row, round_, slots) for row in rows))
            await self._tell_sent(ctx, round_)
            await self._note(ctx, rows, round_)
            sent += sum(outcome == "sent" for outcome in round_.tried.values())
            if round_.away or len(rows) < BATCH:
                break
        return sent

    async def forget(self, ctx: Context) -> int:
        return await self._db.execute(sql.FORGET, ctx.now() - KEPT)

    async def _asked(self, ctx: Context, rows: Sequence[Record]) -> _Round:
        people = {row["person_id"] for row in rows if row["person_id"] is not None}
        guests = {row["order_id"] for row in rows if row["person_id"] is None} - {None}
        detailed = {row["order_id"] for row in rows if row["kind"] in DETAILED | RECEIPTS}
        order_ids = sorted((guests | detailed) - {None})
        waits = await addresses(self._db, rows)
        invited = sorted({row["invitation_id"] for row in rows} - {None})
        letters = await self._identity.letters(ctx, ids=invited) if invited else []
        settings, contacts, wanted, orders, links = await asyncio.gather(
            self._market.settings(ctx),
            self._identity.contacts(ctx, person_ids=sorted(people)),
            self._profiles.wanted(ctx, person_ids=sorted(people)),
            self._orders.by_ids(ctx, ids=order_ids),
            self._orders.links(ctx, order_ids=sorted(guests)),
        )
        return _Round(
            market=settings.name,
            contacts={contact.person_id: contact for contact in contacts},
            quiet={one.person_id for one in wanted if not one.order_mail},
            orders={order.id: order for order in orders},
            links=links,
            waiting=waits,
            letters={letter.invitation.id: letter for letter in letters},
        )

    async def _send(self, row: Record, round_: _Round, slots: asyncio.Semaphore) -> None:
        message = self._message(row, round_)
        if message is None:
            round_.tried[row["id"]] = "nobody"
            return
        async with slots:
            if round_.away:
                return
            try:
                await self._mail.send(message)
                round_.tried[row["id"]] = "sent"
            except Invalid as problem:  # refused for good, MailRefused among them
                log.warning("mail_refused", mail=str(row["id"]), code=problem.code)
                round_.tried[row["id"]] = "refused"
            except Problem as problem:
                log.warning("mail_not_sent", mail=str(row["id"]), code=problem.code)
                round_.tried[row["id"]] = None
                round_.away = True

    def _message(self, row: Record, round_: _Round) -> Message | None:
        """The mail; None when there is nobody to send it to any more."""
        order = round_.orders.get(row["order_id"]) if row["order_id"] else None
        contact = round_.contacts.get(row["person_id"]) if row["person_id"] else None
        path, name = row["path"], ""
        if row["kind"] in COURTESIES and row["person_id"] in round_.quiet:
            return None
        if contact is not None:
            to, name = contact.email, contact.name
        elif row["person_id"] is None and order is not None:
            to, path = order.email, f"/orders/link/{round_.links.get(order.id, '')}"
        elif row["invitation_id"] in round_.letters:
            letter = round_.letters[row["invitation_id"]]
            to, path = letter.invitation.email, f"/team/join/{letter.token}"
        elif row["wait_id"] in round_.waiting:
            to = round_.waiting[row["wait_id"]]
        else:
            return None
        shown = order if row["kind"] in DETAILED else None
        written = texts.written(row["kind"], row["facts"])
        receipt = ""
        if order is not None and row["kind"] in RECEIPTS and order.payment in PAID:
            receipt = f"{self._site}{path}/receipt.pdf"
            round_.receipts[row["id"]] = order.id
        parts = (name, written.body, shown, self._site + path, round_.market, receipt)
        return Message(
            id=row["id"],
            to=to,
            subject=texts.subject(written.title, round_.market),
            text=texts.plain_mail(*parts),
            html=texts.html_mail(*parts),
        )

    async def _tell_sent(self, ctx: Context, round_: _Round) -> None:
        """Notes on the orders' timelines which receipts went out; a mail's id is its name there, so
        that one that is sent again is not noted again."""
        notes = [
            TimelineNote(source=mail, order_id=order, what="receipt_sent")
            for mail, order in round_.receipts.items()
            if round_.tried.get(mail) == "sent"
        ]
        if notes:
            await self._orders.note(ctx, notes=notes)

    async def _note(self, ctx: Context, rows: Sequence[Record], round_: _Round) -> None:
        """Writes how each ended. One that was not tried, the server being away, loses no try."""
        now = ctx.now()
        ids, outcomes, due, attempts = [], [], [], []
        for row in rows:
            tries = row["attempts"] if row["id"] in round_.tried else row["attempts"] - 1
            outcome = round_.tried.get(row["id"])
            if outcome is None and tries >= ATTEMPTS_MAX:
                outcome = "given_up"
            ids.append(row["id"])
            outcomes.append(outcome)
            due.append(now + backoff(max(tries, 1)))
            attempts.append(tries)
        await self._db.execute(sql.TRIED, ids, outcomes, due, attempts, now)
        await forget(self._db, rows)
