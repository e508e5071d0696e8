"""Saved methods, disputes, reports, own lists and the watch over failures, on the test network."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payments import proof
from haat.domains.money.payments.api import (
    CannotSave,
    Destination,
    Hold,
    Method,
    MethodUnknown,
    Movement,
    PaymentConflict,
    ProviderAway,
    ProviderUnknown,
    RefundTooLarge,
    ReportLine,
    SavedMethod,
)
from haat.domains.money.payments.providers.port import (
    Provider,
    ProviderAccount,
    ProviderDispute,
    ProviderRefused,
)
from haat.domains.money.payments.service.disputing import Disputing
from haat.domains.money.payments.service.vendors import Accounts
from haat.engines.sql import Database
from haat.kernel.clock import SystemClock
from haat.kernel.context import SYSTEM, Actor, Context
from haat.kernel.errors import NotFound
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests.domains.money import cards
from tests.domains.money.cards import Cards, running, until
from tests.domains.money.emptying import emptied
from tests.domains.money.paying import CTX, World, opened, person, usd


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cards]:
    with running(tmp_path_factory.mktemp("cards"), "--charge-fee-bp", "290") as found:
        yield found


@pytest.fixture(scope="module")
def hook_port() -> int:
    return cards.free_port()


@pytest.fixture
async def world(
    database_of: Callable[[str], Awaitable[Database]],
    database_url: str,
    network: Cards,
    hook_port: int,
) -> AsyncIterator[World]:
    await emptied(database_url, "payments")
    async with opened(
        await database_of("payments"),
        network,
        hook_port,
        cash_on_delivery=True,
        failure_alert_minimum=3,
        failure_alert_percent=50,
        failure_alert_minutes=15,
    ) as found:
        yield found


async def saved(world: World, buyer: UUID, number: str = cards.SUCCESS) -> SavedMethod:
    held = await world.hold(number, ctx=person(buyer), person_id=buyer, save=True)
    if held.status == "needs_action":
        await world.network.ask("POST", f"/3ds/{held.id}", {"outcome": "approve"})

    async def kept() -> bool:
        return len(await world.payments.methods(person(buyer))) > 0

    await until(kept)
    [method] = await world.payments.methods(person(buyer))
    return method


async def pay_with(world: World, ctx: Context, method: SavedMethod, **given: Any) -> Hold:
    means = Method(provider="test", saved_id=method.id)
    return await world.hold(ctx=ctx, method=means, **given)


async def test_a_card_is_saved_and_charged_again(world: World) -> None:
    buyer = uuid4()
    method = await saved(world, buyer)
    assert (method.label, method.expires) == ("Visa •••• 4242", "2099-12")
    held = await pay_with(world, person(buyer), method, person_id=buyer)
    assert held.status == "authorized"
    assert (await world.there(held.id))["card"]["last4"] == "4242"
    # What was told of the same card again changes nothing; a second card is another method.
    await world.hold(ctx=person(buyer), person_id=buyer, save=True)
    assert len(await world.payments.methods(person(buyer))) == 2
    # A timer that resumes the person's checkout may use it as well.
    resumed = await pay_with(world, CTX, method, person_id=buyer)
    assert resumed.status == "authorized"
    everything = await world.db.fetch("SELECT * FROM payments.methods")
    assert "4242424242424242" not in repr([tuple(row) for row in everything])


async def test_nobody_pays_with_anothers_card(world: World) -> None:
    buyer, other = uuid4(), uuid4()
    method = await saved(world, buyer)
    for ctx, owner in ((person(other), other), (person(other), buyer), (CTX, other), (CTX, None)):
        id = uuid4()
        with pytest.raises(MethodUnknown):
            await pay_with(world, ctx, method, person_id=owner, id=id)
        assert "code" in await world.there(id)
    with pytest.raises(MethodUnknown):
        await world.payments.forget_method(person(other), id=method.id)
    assert await world.payments.methods(person(other)) == []


async def test_a_forgotten_card_is_gone_at_the_provider_too(world: World) -> None:
    buyer = uuid4()
    method = await saved(world, buyer)
    ref = await world.db.fetchval("SELECT provider_ref FROM payments.methods")
    await world.payments.forget_method(person(buyer), id=method.id)
    assert await world.payments.methods(person(buyer)) == []
    with pytest.raises(MethodUnknown):
        await world.payments.forget_method(person(buyer), id=method.id)
    with pytest.raises(MethodUnknown):
        await pay_with(world, person(buyer), method, person_id=buyer)
    held = await world.hold(number=None)
    means = {"savedMethod": ref, "customer": f"cus_{buyer}"}
    answer = await world.network.ask("POST", f"/intents/{held.id}/confirm", means)
    assert answer.json()["code"] == "unknown_method"
    assert await world.db.fetchval("SELECT label FROM payments.methods") == ""


async def test_a_card_forgotten_while_it_pays(world: World) -> None:
    buyer = uuid4()
    method = await saved(world, buyer)
    held = await pay_with(world, person(buyer), method, person_id=buyer)
    await world.payments.forget_method(person(buyer), id=method.id)
    lost = "UPDATE payments.payments SET status = 'created', rank = 0 WHERE id = $1"
    await world.db.execute(lost, held.id)
    again = await pay_with(world, CTX, method, person_id=buyer, id=held.id)
    assert again.status == "authorized"


async def test_a_top_up_is_told_as_one(world: World) -> None:
    """Whichever comes first, the answer or the message: each once, and with its purpose."""
    held = await world.hold(cards.THREE_DS, purpose="topup")
    await world.network.ask("POST", f"/3ds/{held.id}", {"outcome": "approve"})

    async def authorized() -> bool:
        return len(await world.told("payment.updated")) == 2

    await until(authorized)
    await world.network.ask("POST", f"/intents/{held.id}/capture", {})
    await world.until_heard("intent.captured")
    assert (await world.payments.capture(CTX, id=held.id)).status == "captured"
    updates = await world.told("payment.updated")
    assert [one["status"] for one in updates] == ["needs_action", "authorized", "captured"]
    [succeeded] = await world.told("payment.succeeded")
    [created] = await world.told("payment.intent.created")
    assert {one["purpose"] for one in (*updates, succeeded, created)} == {"topup"}
    with pytest.raises(PaymentConflict):
        await world.hold(id=held.id)


async def test_who_cannot_save(world: World) -> None:
    buyer = uuid4()
    for given in (
        {"save": True},
        {"ctx": person(buyer), "save": True},
        {"method": Method(provider="cod", save=True), "ctx": person(buyer), "person_id": buyer},
    ):
        with pytest.raises(CannotSave):
            await world.hold(**given)


@pytest.mark.parametrize(
    ("number", "again"), [(cards.THREE_DS, "authorized"), (cards.THREE_DS_ALWAYS, "needs_action")]
)
async def test_saved_cards_that_ask_for_approval(world: World, number: str, again: str) -> None:
    buyer = uuid4()
    method = await saved(world, buyer, number)
    held = await pay_with(world, person(buyer), method, person_id=buyer)
    assert held.status == again
    if again == "needs_action":
        await world.network.ask("POST", f"/3ds/{held.id}", {"outcome": "approve"})
        repeated = await pay_with(world, person(buyer), method, person_id=buyer, id=held.id)
        assert repeated.status == "authorized"


async def disputed(world: World, id: UUID) -> dict[str, Any]:
    answer = await world.network.ask("POST", f"/intents/{id}/disputes", {"reason": "not_received"})
    return dict(answer.json())


async def states(world: World) -> list[str]:
    return [data["status"] for data in await world.told("payment.disputed")]


async def until_told(world: World, *expected: str) -> None:
    async def told() -> bool:
        return await states(world) == list(expected)

    await until(told)


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_dispute(world: World, outcome: str) -> None:
    id = await world.captured(minor=1000)
    there = await disputed(world, id)
    await until_told(world, "open")
    [payment] = (await world.payments.listed(CTX)).items
    assert payment.disputed == usd(1000)
    [open_one] = (await world.payments.disputes(CTX, status="open")).items
    assert (open_one.amount, open_one.fee) == (usd(1000), usd(1500))
    assert (open_one.reason, open_one.provider_ref) == ("not_received", there["id"])
    assert open_one.evidence_due is not None
    assert await proof.prove(world.db) == []
    with pytest.raises(RefundTooLarge):  # it would be given back twice
        await world.payments.refund(CTX, id=id, refund_id=uuid4(), amount=usd(1))
    for _ in range(2):
        await world.network.ask("POST", f"/disputes/{there['id']}/close", {"outcome": outcome})
    await until_told(world, "open", outcome)
    [payment] = (await world.payments.listed(CTX)).items
    assert payment.disputed == usd(0 if outcome == "won" else 1000)
    [closed] = (await world.payments.disputes(CTX, references=[payment.reference])).items
    assert (closed.status, closed.id) == (outcome, open_one.id)
    assert (await world.payments.disputes(CTX, status="open")).items == []
    [tally] = await world.payments.tallies(CTX)
    assert (tally.disputed, tally.dispute_fees) == (payment.disputed.minor, 1500)
    assert await proof.prove(world.db) == []


async def test_a_card_that_disputes_by_itself(world: World) -> None:
    id = await world.captured(cards.DISPUTED)
    await until_told(world, "open")
    [dispute] = (await world.payments.disputes(CTX)).items
    assert (dispute.payment_id, dispute.reason) == (id, "fraudulent")


async def test_disputes_move_forward_once(world: World) -> None:
    """Told in any order and at once: opened once, ended once, and the first end stands."""
    id = await world.captured(minor=1000)
    disputing = Disputing(world.db)

    def seen(status: Any, fee: int = 0, **given: Any) -> ProviderDispute:
        known: dict[str, Any] = {"ref": "dp_1", "payment_id": None, "payment_ref": str(id)}
        known |= {"amount": usd(600), "fee": usd(fee), "reason": "duplicate", "status": status}
        return ProviderDispute(**(known | given))

    ended = [disputing.heard(CTX, "test", seen("lost", fee=20)) for _ in range(4)]
    assert await asyncio.gather(*ended) == [id] * 4
    assert await states(world) == ["open", "lost"]
    for late in ("open", "won"):
        await disputing.heard(CTX, "test", seen(late, fee=99))
    assert await states(world) == ["open", "lost"]
    [dispute] = (await world.payments.disputes(CTX)).items
    assert (dispute.status, dispute.amount, dispute.fee) == ("lost", usd(600), usd(20))
    assert await disputing.heard(CTX, "test", seen("open", payment_ref="pi_other")) is None
    for wrong in (usd(1001), Money(minor=600, currency="EUR")):
        assert await disputing.heard(CTX, "test", seen("open", ref="dp_2", amount=wrong)) == id
    assert len((await world.payments.disputes(CTX)).items) == 1
    held = await world.hold()
    with pytest.raises(ProviderAway):
        await disputing.heard(CTX, "test", seen("open", ref="dp_3", payment_id=held.id))
    assert await proof.prove(world.db) == []


async def test_a_fee_told_at_the_end_is_booked_then(world: World) -> None:
    id, disputing = await world.captured(minor=1000), Disputing(world.db)
    for status, fee in (("open", 0), ("won", 1500)):
        told: Any = status
        seen = ProviderDispute("dp_9", id, "", usd(1000), usd(fee), "fraud", told)
        await disputing.heard(CTX, "test", seen)
    fees = [data["fee"]["minor"] for data in await world.told("payment.disputed")]
    assert fees == [0, 1500]
    [tally] = await world.payments.tallies(CTX)
    assert (tally.disputed, tally.dispute_fees) == (0, 1500)


async def everything(world: World, since: Any, until_: Any) -> list[ReportLine]:
    found: list[ReportLine] = []
    cursor = None
    while True:
        page = await world.payments.report(
            CTX, provider="test", since=since, until=until_, cursor=cursor
        )
        found += page.items
        if (cursor := page.next) is None:
            return found


async def test_what_moved_is_what_the_provider_reports(world: World) -> None:
    since, until_ = SystemClock().now() - timedelta(seconds=1), SystemClock().now()
    id, other = await world.captured(minor=1000), await world.captured(minor=700)
    await world.payments.refund(CTX, id=id, refund_id=uuid4(), amount=usd(300))
    to = Destination(holder="Ada", account="000123456789")
    await world.payments.disburse(CTX, id=uuid4(), amount=usd(500), destination=to)
    there = await disputed(world, other)
    await until_told(world, "open")
    await world.network.ask("POST", f"/disputes/{there['id']}/close", {"outcome": "won"})
    await until_told(world, "open", "won")
    until_ = SystemClock().now() + timedelta(seconds=1)
    moved: list[Movement] = []
    cursor = None
    while True:
        page = await world.payments.movements(
            CTX, provider="test", since=since, until=until_, limit=2, cursor=cursor
        )
        moved += page.items
        if (cursor := page.next) is None:
            break
    ours = sorted((m.kind.replace("dispute_fee", "fee"), m.amount.minor) for m in moved)
    assert ours == [
        ("capture", 700),
        ("capture", 1000),
        ("dispute", -700),
        ("dispute_won", 700),
        ("fee", -1500),
        ("payout", -500),
        ("refund", -300),
    ]
    assert [m.at for m in moved] == sorted(m.at for m in moved)
    lines = await everything(world, since, until_)
    theirs: dict[tuple[str, int], ReportLine] = {(one.kind, one.amount.minor): one for one in lines}
    for m in moved:
        line = theirs[(m.kind.replace("dispute_fee", "fee"), m.amount.minor)]
        assert line.our_id == m.id or line.provider_ref == m.provider_ref
    assert theirs[("capture", 1000)].fee == usd(29)
    none = await world.payments.movements(CTX, provider="cod", since=since, until=until_)
    assert none.items == []
    with pytest.raises(ProviderUnknown):
        await world.payments.report(CTX, provider="cod", since=since, until=until_)


async def test_lists_by_state_provider_and_person(world: World) -> None:
    buyer = uuid4()
    held = await world.hold(person_id=buyer)
    declined = await world.hold(cards.DECLINED)
    cash = await world.hold(method=Method(provider="cod"), person_id=buyer)

    async def ids(**given: Any) -> list[UUID]:
        return [one.id for one in (await world.payments.listed(CTX, **given)).items]

    assert await ids() == [cash.id, declined.id, held.id]
    assert await ids(status="authorized") == [cash.id, held.id]
    assert await ids(provider="test") == [declined.id, held.id]
    assert await ids(provider="test", status="authorized") == [held.id]
    first = await world.payments.own(person(buyer), limit=1)
    rest = await world.payments.own(person(buyer), limit=1, cursor=first.next)
    assert [one.id for one in (*first.items, *rest.items)] == [cash.id, held.id]
    assert (await world.payments.own(person(uuid4()))).items == []


async def test_messages_are_found_by_their_payment_and_go_in_time(world: World) -> None:
    id = await world.captured()
    await world.until_heard("intent.authorized", "intent.captured")
    raw = await world.payments.raw(CTX, payment_id=id)
    assert [one["type"] for one in raw] == ["intent.authorized", "intent.captured"]
    await world.payments.trim(await world.later(days=399))
    assert len(await world.payments.raw(CTX, payment_id=id)) == 2
    await world.payments.trim(await world.later(days=401))
    assert await world.payments.raw(CTX, payment_id=id) == []


async def test_a_spike_of_failures_is_told_once(world: World) -> None:
    async def spikes() -> list[Any]:
        await world.payments.watch_failures(CTX)
        return await world.told("payment.failures_spiked")

    for _ in range(2):
        await world.hold(cards.DECLINED)
    await world.hold()
    assert await spikes() == []  # fewer than the minimum
    await world.hold(cards.DECLINED)
    for _ in range(3):
        [spike] = await spikes()
    assert (spike["provider"], spike["failed"], spike["tried"]) == ("test", 3, 4)
    assert [one.provider for one in await world.payments.spikes(CTX)] == ["test"]
    for _ in range(3):
        await world.hold()
    await world.payments.watch_failures(CTX)  # 3 of 7: it is over
    assert await world.payments.spikes(CTX) == []
    await world.hold(cards.DECLINED)
    assert len(await spikes()) == 2
    await world.payments.watch_failures(await world.later(minutes=20))
    assert await world.db.fetchval("SELECT count(*) FROM payments.spikes") == 0


class Gold:
    """A provider that opens accounts for vendors; counts how many."""

    def __init__(self) -> None:
        self.accounts: dict[UUID, ProviderAccount] = {}
        self.away = False

    async def open_account(self, ctx: Context, vendor_id: UUID, email: str) -> ProviderAccount:
        if self.away:
            raise ProviderAway
        if vendor_id == UUID(int=0):
            raise ProviderRefused("country_unsupported")
        account = ProviderAccount(f"acct_{vendor_id}", "started", ("business.name",))
        return self.accounts.setdefault(vendor_id, account)

    async def onboarding_link(self, ctx: Context, ref: str, return_url: str) -> str:
        return f"https://gold.test/{ref}?back={return_url}"

    async def read_account(self, ctx: Context, ref: str) -> ProviderAccount | None:
        if self.away:
            raise ProviderAway
        return ProviderAccount(ref, "ready")


async def test_a_vendor_opens_one_account(world: World) -> None:
    gold = Gold()
    known: Mapping[str, Any] = {"gold": gold, "plain": object()}
    providers: Mapping[str, Provider] = known
    accounts, vendor = Accounts(world.db, providers), uuid4()
    ctx = Context(actor=Actor("person", uuid4()), vendor_id=vendor)
    urls = await asyncio.gather(
        *(accounts.onboard(ctx, vendor, "gold", "http://back") for _ in range(4))
    )
    assert set(urls) == {f"https://gold.test/acct_{vendor}?back=http://back"}
    [account] = await accounts.accounts(ctx, vendor)
    assert (account.status, account.requirements) == ("started", ["business.name"])
    for theirs in (accounts.accounts(ctx, uuid4()), accounts.onboard(ctx, uuid4(), "gold", "")):
        with pytest.raises(NotFound):
            await theirs
    for wrong in ("plain", "silver"):
        with pytest.raises(ProviderUnknown):
            await accounts.onboard(ctx, vendor, wrong, "")
    with pytest.raises(ProviderUnknown):
        await accounts.onboard(Context(actor=SYSTEM), UUID(int=0), "gold", "")
    restricted = ProviderAccount(account.provider_ref, "restricted", ("id.document",))
    await accounts.heard(CTX, "gold", restricted)
    [account] = await accounts.accounts(ctx, vendor)
    assert (account.status, account.requirements) == ("restricted", ["id.document"])
    gold.away = True
    await accounts.look_again(await world.later(minutes=11))
    gold.away = False
    await accounts.look_again(await world.later(minutes=15))
    assert (await accounts.accounts(ctx, vendor))[0].status == "restricted"
    await accounts.look_again(await world.later(minutes=30))
    assert (await accounts.accounts(ctx, vendor))[0].status == "ready"


async def test_what_does_not_add_up_is_named(world: World) -> None:
    id = await world.captured()
    for change in ("disputed_minor = 5", "captured_at = NULL", "refunded_minor = 1"):
        before = await world.db.fetchrow("SELECT * FROM payments.payments WHERE id = $1", id)
        assert before is not None
        await world.db.execute(f"UPDATE payments.payments SET {change} WHERE id = $1", id)
        assert any(str(id) in line for line in await proof.prove(world.db, 10)), change
        column = change.split(" ")[0]
        back = f"UPDATE payments.payments SET {column} = $2 WHERE id = $1"
        await world.db.execute(back, id, before[column])
    credit = "INSERT INTO payments.funds VALUES ($1, 'USD', $2, now(), '', 'captured', $3, now())"
    await world.db.execute(credit, derive(id, "credit"), 999, id)
    assert any("credits of 999" in line for line in await proof.prove(world.db, 10))
