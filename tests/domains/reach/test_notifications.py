"""What people are told, in their account and by mail."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.goods.catalog.api import ProductRejected
from haat.domains.money.payouts.api import PayoutProcessed
from haat.domains.people.identity.api import (
    Invitation,
    Letter,
    PersonRegistered,
    StaffChanged,
    TeamChanged,
    TeamInvited,
)
from haat.domains.people.vendors.api import VendorApproved
from haat.domains.reach.notifications import texts
from haat.domains.reach.notifications.api import Notifications
from haat.domains.reach.notifications.routes import router
from haat.domains.reach.notifications.rules import ATTEMPTS_MAX, backoff
from haat.domains.reach.notifications.service import NotificationOptions, NotificationsService
from haat.domains.reach.webhooks.api import EndpointDisabled
from haat.domains.trade.orders.api import (
    OrderCancelled,
    OrderCreated,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
    VendorPart,
)
from haat.engines.http import Signer
from haat.engines.mail import MailRefused
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from haat.kernel.errors import NotFound, Unauthenticated, Unavailable
from haat.kernel.events import Event
from tests.conftest import DatabaseOf
from tests.domains.goods.doubles import FakeCatalog
from tests.domains.people.doubles import Rest, clock, guest, person, system
from tests.domains.reach.doubles import (
    FakeIdentity,
    FakeInventory,
    FakeMail,
    FakeMarket,
    FakeOrders,
    FakePayments,
    FakePayouts,
    FakeProfiles,
    FakeSettlement,
    FakeVendors,
    heard,
    order,
    usd,
)

ADA, VENDOR, OWNER, HELPER = uuid4(), uuid4(), uuid4(), uuid4()
INVITATION = uuid4()


class Told:
    """Notifications over doubles; `tell` hands events over as the bus does."""

    def __init__(self, db: Database, *, by_mail: bool = True) -> None:
        self.db, self.at = db, clock()
        self.mail, self.identity, self.orders = FakeMail(), FakeIdentity(), FakeOrders()
        self.profiles = FakeProfiles()
        self.payments, self.payouts = FakePayments(), FakePayouts()
        self.settlement = FakeSettlement()
        self.catalog, self.inventory = FakeCatalog(), FakeInventory()
        self.identity.teams[VENDOR] = [OWNER, HELPER]
        self.identity.letters_of[INVITATION] = Letter(
            invitation=Invitation(
                id=INVITATION,
                vendor_id=VENDOR,
                email="new@example.com",
                role="staff",
                invited_by=OWNER,
                created_at=self.at.now(),
                expires_at=self.at.now(),
            ),
            token="a.b.c",
        )
        options = NotificationOptions(public_url="https://market.example/", notify_by_mail=by_mail)
        self.service = NotificationsService(
            db,
            self.mail,
            self.identity,
            self.profiles,
            FakeMarket(),
            self.orders,
            self.payments,
            self.payouts,
            self.settlement,
            self.catalog,
            self.inventory,
            FakeVendors(),
            Signer(b"s" * 32, self.at),
            options,
        )

    @property
    def ctx(self) -> Context:
        return system(self.at)

    def of(self, id: UUID) -> Context:
        return person(self.at, id)

    async def tell(self, *events: Event) -> None:
        await self.service.tell_of(self.ctx, events)

    async def titles(self, id: UUID) -> list[str]:
        return [note.title for note in (await self.service.own(self.of(id))).items]

    async def send(self) -> int:
        return await self.service.send_mails(self.ctx)

    async def waiting(self) -> int:
        rows = await self.db.fetch("SELECT 1 FROM notifications.mails WHERE waiting")
        return len(rows)


@pytest.fixture
async def told(database_of: DatabaseOf) -> Told:
    db = await database_of("notifications")
    for table in ("notes", "mails", "waits"):
        await db.execute(f"DELETE FROM notifications.{table}")
    return Told(db)


def placed(person_id: UUID | None = ADA, id: UUID | None = None) -> OrderCreated:
    event = OrderCreated(
        order_id=id or uuid4(), number="H-1", person_id=person_id, total=usd(2700), vendor_orders=[]
    )
    return heard(event)


async def test_a_customer_is_told_once(told: Told) -> None:
    event = placed()
    told.orders.known[event.order_id] = order(event.order_id, person=ADA)
    await told.tell(event)
    await asyncio.gather(*(told.tell(event) for _ in range(5)))
    assert await told.titles(ADA) == ["Order H-1 is placed"]
    assert await told.send() == 1
    assert await told.send() == 0
    [message] = told.mail.sent.values()
    assert message.to == f"{ADA.hex}@example.com"
    assert message.subject == "Order H-1 is placed · Test <Market>"
    assert "2 × Bowl & <Plate> (Red)  20.00 USD" in message.text
    assert f"https://market.example/orders/{event.order_id}" in message.text
    assert message.html is not None
    assert "Bowl &amp; &lt;Plate&gt; (Red)" in message.html
    assert "Ada &lt;i&gt;Byron" in message.html
    assert "<i>" not in message.html
    [note] = (await told.service.own(told.of(ADA))).items
    assert note.id == message.id


async def test_news_of_orders_stay_in_the_account_of_who_wants_no_mail(told: Told) -> None:
    ids: dict[str, Any] = {"order_id": uuid4(), "vendor_id": VENDOR, "person_id": ADA}
    ids |= {"vendor_order_id": uuid4(), "number": "H-1-1"}
    told.profiles.quiet = {ADA}
    await told.tell(heard(OrderShipped(**ids, carrier="Post", tracking_number="T1")))
    assert await told.send() == 0
    assert len(await told.titles(ADA)) == 1
    assert await told.waiting() == 0


async def test_a_guest_gets_a_mail_with_a_link_of_the_orders_own(told: Told) -> None:
    event = placed(None)
    told.orders.known[event.order_id] = order(event.order_id, email="guest@example.com")
    await told.tell(event)
    assert await told.send() == 1
    [message] = told.mail.sent.values()
    assert message.to == "guest@example.com"
    assert f"https://market.example/orders/link/token-{event.order_id.hex}" in message.text
    assert await told.db.fetch("SELECT 1 FROM notifications.notes") == []


async def test_a_vendors_whole_team_is_told(told: Told) -> None:
    parts = [
        VendorPart(
            vendor_order_id=uuid4(), vendor_id=VENDOR, number=f"H-1-{n}", total=usd(10), net=usd(9)
        )
        for n in (1, 2)
    ]
    event = OrderPaid(
        order_id=uuid4(), number="H-1", person_id=ADA, total=usd(20), vendor_orders=parts
    )
    event = heard(event)
    await told.tell(event, heard(placed()))
    await told.tell(event)
    assert told.identity.asked_for_teams == 2
    assert sorted(await told.titles(OWNER)) == ["New order H-1-1", "New order H-1-2"]
    assert sorted(await told.titles(HELPER)) == ["New order H-1-1", "New order H-1-2"]
    [first, _] = sorted((await told.service.own(told.of(OWNER))).items, key=lambda note: note.title)
    assert first.path == f"/vendor/orders/{parts[0].vendor_order_id}"
    assert first.body.startswith("Sold for 0.10 USD; you earn 0.09 USD.")


def cancelled(kind: str) -> OrderCancelled:
    return heard(
        OrderCancelled.model_validate(
            {
                "order_id": uuid4(),
                "vendor_order_id": uuid4(),
                "vendor_id": VENDOR,
                "person_id": ADA,
                "number": "H-1-1",
                "kind": kind,
                "reason": "Broke\r\nin the kiln",
                "total": usd(1000),
                "lines": [],
            }
        )
    )


async def test_who_cancelled_decides_who_is_told(told: Told) -> None:
    await told.tell(cancelled("rejected"))
    assert await told.titles(ADA) == ["The vendor cannot send H-1-1"]
    assert await told.titles(OWNER) == []
    await told.tell(cancelled("cancelled"))
    assert await told.titles(OWNER) == ["H-1-1 was cancelled"]
    [note] = (await told.service.own(told.of(OWNER))).items
    assert note.body == "Do not send it. Reason: Broke in the kiln."


async def test_who_is_invited_gets_a_link_by_mail_alone(told: Told) -> None:
    invited = heard(TeamInvited(vendor_id=VENDOR, invitation_id=INVITATION, sent=1))
    await told.tell(invited, invited)
    assert await told.send() == 1
    [message] = told.mail.sent.values()
    assert message.to == "new@example.com"
    assert message.subject == "You are invited to the team of Clay & Co · Test <Market>"
    assert "https://market.example/team/join/a.b.c" in message.text
    kept = await told.db.fetch("SELECT facts::text, path FROM notifications.mails")
    assert "new@example.com" not in str(kept)
    assert "a.b.c" not in str(kept)
    told.identity.letters_of.clear()  # taken back before the mail went
    again = heard(TeamInvited(vendor_id=VENDOR, invitation_id=INVITATION, sent=2))
    await told.tell(again)
    assert await told.send() == 0


async def test_a_team_is_told_of_its_changes(told: Told) -> None:
    for what in ("role", "owner", "activated", "deactivated", "removed"):
        change = {"vendor_id": VENDOR, "person_id": ADA, "what": what, "role": "admin"}
        await told.tell(heard(TeamChanged.model_validate({**change, "owners": [OWNER]})))
    for what in ("joined", "left"):
        change = {"vendor_id": VENDOR, "person_id": ADA, "what": what}
        await told.tell(heard(TeamChanged.model_validate({**change, "owners": [OWNER, ADA]})))
    await told.tell(heard(StaffChanged(person_id=ADA, roles=["support", "Desk"])))
    await told.tell(heard(StaffChanged(person_id=ADA, roles=[])))
    assert sorted(await told.titles(ADA)) == [
        "What you may do as staff has changed",
        "You are no longer in the team of Clay & Co",
        "You are no longer staff here",
        "You can work for Clay & Co again",
        "You cannot work for Clay & Co for now",
        "You own Clay & Co now",
        "Your role at Clay & Co is admin",
    ]
    assert sorted(await told.titles(OWNER)) == [
        "Somebody joined the team of Clay & Co",
        "Somebody left the team of Clay & Co",
    ]


async def test_every_event_has_words(told: Told) -> None:
    ids: dict[str, Any] = {
        "order_id": uuid4(),
        "vendor_order_id": uuid4(),
        "vendor_id": VENDOR,
        "person_id": ADA,
    }
    shipped = OrderShipped(**ids, number="H-1-1", carrier="Post", tracking_number="T1")
    refunded = OrderRefunded(**ids, number="H-1-1", amount=usd(50))
    await told.tell(heard(shipped), heard(refunded), heard(PersonRegistered(person_id=ADA)))
    approved = VendorApproved(vendor_id=VENDOR, slug="c", name="Clay", country="US")
    rejected = ProductRejected(product_id=uuid4(), vendor_id=VENDOR, title="Bowl", reason="Blurred")
    payouts = [
        PayoutProcessed.model_validate(
            {"payout_id": uuid4(), "vendor_id": VENDOR, "amount": usd(5), "status": status}
        )
        for status in ("paid", "failed", "rejected")
    ]
    await told.tell(heard(approved), heard(rejected), *(heard(one) for one in payouts))
    shown = await told.titles(ADA) + await told.titles(OWNER)
    assert len(shown) == 3 + 5
    assert not [title for title in shown if "{" in title or "  " in title]
    await told.send()
    assert "Welcome · Test <Market>" in {message.subject for message in told.mail.sent.values()}


async def test_reading_and_removing(told: Told) -> None:
    for _ in range(5):
        told.at.advance(timedelta(minutes=1))
        await told.tell(placed())
    await told.tell(placed(HELPER))
    mine = told.of(ADA)
    assert await told.service.unread(mine) == 5
    first = await told.service.own(mine, limit=3)
    rest = await told.service.own(mine, limit=3, cursor=first.next)
    notes = [*first.items, *rest.items]
    assert len({note.id for note in notes}) == 5
    assert rest.next is None
    assert notes == sorted(notes, key=lambda note: note.created_at, reverse=True)
    await told.service.mark_read(mine, ids=[notes[0].id, notes[1].id])
    await told.service.mark_read(mine, ids=[notes[0].id])
    assert await told.service.unread(mine) == 3
    for wrong in (told.of(HELPER), told.of(uuid4())):
        with pytest.raises(NotFound):
            await told.service.mark_read(wrong, ids=[notes[2].id])
        with pytest.raises(NotFound):
            await told.service.remove(wrong, id=notes[2].id)
    await told.service.remove(mine, id=notes[2].id)
    with pytest.raises(NotFound):
        await told.service.remove(mine, id=notes[2].id)
    await told.service.mark_read(mine)
    assert await told.service.unread(mine) == 0
    assert await told.service.unread(told.of(HELPER)) == 1
    with pytest.raises(Unauthenticated):
        await told.service.own(guest(told.at))


async def test_a_mail_server_that_is_away_keeps_nothing_waiting(told: Told) -> None:
    for _ in range(60):
        await told.tell(placed())
    told.mail.problem = Unavailable()
    assert await told.send() == 0
    assert told.mail.tries <= 4  # then the rest of the batch is not even tried
    assert await told.waiting() == 60
    assert await told.send() == 0  # the next batch
    assert await told.send() == 0
    tries = told.mail.tries
    assert await told.send() == 0
    assert told.mail.tries == tries  # nothing is due before the back-off is over
    told.mail.problem = None
    told.at.advance(timedelta(minutes=1))
    assert await told.send() == 60
    assert len(told.mail.sent) == 60


async def test_giving_up(told: Told) -> None:
    await told.tell(placed())
    told.mail.problem = Unavailable()
    for _ in range(ATTEMPTS_MAX + 3):
        await told.send()
        told.at.advance(timedelta(hours=2))
    assert told.mail.tries == ATTEMPTS_MAX
    row = await told.db.fetchrow("SELECT outcome, attempts FROM notifications.mails")
    assert row is not None
    assert (row["outcome"], row["attempts"]) == ("given_up", ATTEMPTS_MAX)


async def test_refused_for_good_and_nobody_there(told: Told) -> None:
    told.mail.problem = MailRefused()
    await told.tell(placed())
    await told.send()
    told.mail.problem = None
    told.identity.erased.add(ADA)
    await told.tell(placed(), placed(None))
    await told.send()
    rows = await told.db.fetch("SELECT outcome FROM notifications.mails ORDER BY outcome")
    assert [row["outcome"] for row in rows] == ["nobody", "nobody", "refused"]
    assert await told.waiting() == 0
    assert told.mail.sent == {}


async def test_a_process_that_dies_while_sending_leaves_its_mails_to_others(told: Told) -> None:
    await told.tell(placed())

    async def gone(*args: object) -> None:
        raise RuntimeError("killed")

    mailing = told.service._mailing
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mailing, "_note", gone)
        with pytest.raises(RuntimeError):
            await told.send()
    assert await told.send() == 0  # under lease
    told.at.advance(timedelta(minutes=11))
    assert await told.send() == 1
    assert len(told.mail.sent) == 1  # the same mail, with the same id
    assert told.mail.tries == 2


async def test_two_senders_never_send_the_same_mail(told: Told) -> None:
    for _ in range(90):
        await told.tell(placed())
    sent = await asyncio.gather(*(told.send() for _ in range(4)))
    assert sum(sent) == 90
    assert told.mail.tries == 90


async def test_records_of_mails_are_forgotten(told: Told) -> None:
    await told.tell(placed())
    await told.send()
    assert await told.service.forget_mails(told.ctx) == 0
    told.at.advance(timedelta(days=31))
    await told.tell(placed())
    assert await told.service.forget_mails(told.ctx) == 1
    assert await told.waiting() == 1


async def test_without_mail(told: Told) -> None:
    quiet = Told(told.db, by_mail=False)
    await quiet.tell(placed())
    assert await quiet.titles(ADA) == ["Order H-1 is placed"]
    assert await quiet.waiting() == 0


async def test_over_rest(told: Told) -> None:
    await told.tell(placed(), placed(), placed(HELPER))
    rest = Rest(SettableClock(told.at.now()), {Notifications: told.service}, router)
    assert (await rest.client().get("/notifications")).status_code == 401
    mine = rest.client(person(told.at, ADA))
    page = (await mine.get("/notifications?limit=1")).json()
    assert page["items"][0]["kind"] == "order_placed"
    assert page["items"][0]["readAt"] is None
    id = page["items"][0]["id"]
    assert (await mine.get("/notifications/unread-count")).json() == {"count": 2}
    assert (await mine.put(f"/notifications/{id}/read")).status_code == 204
    assert (await mine.get("/notifications/unread-count")).json() == {"count": 1}
    other = rest.client(person(told.at, uuid4()))
    assert (await other.put(f"/notifications/{id}/read")).status_code == 404
    assert (await other.delete(f"/notifications/{id}")).status_code == 404
    assert (await mine.delete(f"/notifications/{id}")).status_code == 204
    assert (await mine.put("/notifications/read-all")).status_code == 204
    assert (await mine.get("/notifications/unread-count")).json() == {"count": 0}
    assert (await mine.get("/notifications?cursor=nonsense")).status_code == 422
    assert (await mine.delete("/notifications/nonsense")).status_code == 422


def test_words_that_would_break_a_header_or_a_page() -> None:
    written = texts.written("product_rejected", {"title": "a\r\nBcc: x@y.z", "reason": "{market}"})
    assert written.title == "a Bcc: x@y.z was not approved"
    assert written.body == "Reason: {market}. Change it and submit it again."
    line = texts.subject("x" * 500 + "\r\n", "M")
    assert len(line) == texts.SUBJECT_MAX_CHARS
    assert "\n" not in texts.subject("a\nb\u2028c", "M")
    html = texts.html_mail("<b>", "<script>", None, "https://x/?a=1&b=2", "M")
    assert "<script>" not in html
    assert "<b>" not in html
    assert texts.written("unheard_of", {}).title == "Unheard of"


def test_back_off_grows_to_an_hour() -> None:
    waits = [backoff(n).total_seconds() for n in range(1, ATTEMPTS_MAX + 1)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (15, 3600)


async def test_whose_webhook_is_switched_off_is_told(told: Told) -> None:
    told.identity.office.append(ADA)
    endpoint = uuid4()
    for vendor, reader in ((VENDOR, OWNER), (None, ADA)):
        event = EndpointDisabled(
            endpoint_id=endpoint, vendor_id=vendor, host="erp.example", why="failing"
        )
        await told.tell(heard(event))
        assert "The webhook to erp.example is switched off" in await told.titles(reader)
        [note] = [
            one
            for one in (await told.service.own(told.of(reader))).items
            if "erp.example" in one.title
        ]
        where = "/vendor/webhooks" if vendor else "/admin/webhooks"
        assert note.path == f"{where}/{endpoint}"
