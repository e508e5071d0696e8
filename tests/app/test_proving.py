"""One amount changed behind the market's back is named by `haat prove`; put back, it passes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from haat.app import proving
from haat.app.crosschecks import CHECKS
from haat.app.targets import all_modules
from haat.domains.trade.checkout.service.standing import reservation_of
from haat.kernel.errors import Invalid
from tests import postgres
from tests.app import plants
from tests.journeys.box import Box, Client, market
from tests.journeys.scene import Shop, buy, open_shop, quote


@dataclass
class Town:
    """A market with five orders: paid out, refunded in part, refunded whole, still in escrow, and
    one that credits and a card paid, refunded in part. Its customer bought credits; it was held
    against the card network's own report."""

    box: Box
    url: str
    shop: Shop
    orders: dict[str, Any]

    @asynccontextmanager
    async def changed(self, table: str, change: str, where: str, *args: Any) -> AsyncIterator[None]:
        """One row changed inside, and as it was afterwards. As superuser, past every trigger."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute("SET session_replication_role = replica")
            rows = await connection.fetch(f"SELECT * FROM {table} WHERE {where}", *args)
            assert len(rows) == 1
            columns = [name for name, _, _ in _sets(change)]
            key, value = _key(rows[0])
            await connection.execute(f"UPDATE {table} SET {change} WHERE {key} = $1", value)
            yield
            back = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, 2))
            old = [rows[0][name] for name in columns]
            await connection.execute(f"UPDATE {table} SET {back} WHERE {key} = $1", value, *old)
        finally:
            await connection.close()

    @asynccontextmanager
    async def planted(self, plant: plants.Plant) -> AsyncIterator[None]:
        """A table changed inside, past every trigger, and as it was afterwards."""
        fresh, split = self.orders["fresh"], self.orders["split"]
        table, statement = plants.written(
            plant, id=uuid4(), order=fresh["orderId"], part=fresh["id"], split=split["id"]
        )
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(f"CREATE TEMP TABLE before AS TABLE {table}")
            changed = await connection.execute(statement)
            assert changed.split()[-1] != "0", "nothing was planted"
            try:
                yield
            finally:
                back = f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE before"
                async with connection.transaction():
                    await connection.execute(f"DELETE FROM {table}")
                    await connection.execute(back)
        finally:
            await connection.close()

    async def fetchval(self, sql: str, *args: Any) -> Any:
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(sql, *args)
        finally:
            await connection.close()


def _sets(change: str) -> list[tuple[str, str, str]]:
    return [one.strip().partition(" = ") for one in change.split(",")]


def _key(row: Any) -> tuple[str, Any]:
    """The first column is the primary key in every table that is changed here."""
    return next(iter(row.items()))  # type: ignore[no-any-return]


@pytest.fixture(autouse=True, scope="module")
def at_once() -> Iterator[None]:
    """Nothing is on its way here: nobody waits for it to arrive."""
    before = proving.SURE_S
    proving.SURE_S = 0
    yield
    proving.SURE_S = before


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(
    postgres_url: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    folder: Path = tmp_path_factory.mktemp("market")
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with market(url, folder, "local") as box:
            shop = await open_shop(box, "Proof House", price=1_000, stock=100)
            customer = await box.person("prove@example.com")
            orders = await _history(box, shop, customer)
            await _unchecked(url)
            yield Town(box, url, shop, orders)


async def _unchecked(url: str) -> None:
    """What the database itself refuses is found when it stands there all the same."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ALTER TABLE ledger.accounts DROP CONSTRAINT ck_accounts_covered")
    finally:
        await connection.close()


async def _history(box: Box, shop: Shop, customer: Client) -> dict[str, Any]:
    orders: dict[str, Any] = {}
    for name in ("paid_out", "part_refunded", "refunded", "fresh"):
        placed = await buy(box, customer, {shop.offer: 2})
        listed = await shop.owner.ok("GET", "/orders")
        orders[name] = next(i for i in listed["items"] if i["orderId"] == placed["orderId"])
    for step in ("accept", "ship", "deliver"):
        path = f"/orders/{orders['paid_out']['id']}/{step}"
        await shop.owner.ok("PUT", path, {} if step == "ship" else None)
    await box.settle()
    await box.runtime.run_timers()
    await box.settle()
    await shop.owner.ok("PUT", f"/vendors/{shop.id}/bank", {"holder": "P", "account": "12345678"})
    amount = {"amount": {"minor": 700, "currency": "USD"}}
    payout = await shop.owner.ok("POST", "/payments/payout", amount)
    staff = await box.staff()
    await staff.ok("POST", f"/admin/payouts/{payout['id']}/approve")
    for name, minor in (("part_refunded", 300), ("refunded", None)):
        body: dict[str, Any] = {"vendorOrderId": orders[name]["id"], "reason": "It came broken."}
        if minor is not None:
            body["amount"] = {"minor": minor, "currency": "USD"}
        await staff.ok("POST", "/payments/refund", body)
    await box.settle()
    orders["split"] = await _credits(box, shop, customer)
    await _reconciled(box)
    return orders


async def _reconciled(box: Box) -> None:
    """Held against the card network's own report."""
    staff, now = await box.staff(), box.runtime.clock.now()
    span = {"since": (now - timedelta(days=1)).isoformat(), "until": now.isoformat()}
    run = await staff.ok("POST", "/admin/reconciliations", {"provider": "test", **span})
    assert run["status"] == "done", run


async def _credits(box: Box, shop: Shop, customer: Client) -> Any:
    """Credits granted, bought and spent; the vendor order they paid in part, partly given back."""
    staff = await box.staff()
    grant = f"/admin/wallets/{customer.person['id']}/grant"
    await staff.ok("POST", grant, {"creditsMinor": 400, "reason": "Welcome."})
    card: dict[str, Any] = {"provider": "test", "token": await box.token("4242424242424242")}
    await customer.ok("POST", "/wallet/topups", {"creditsMinor": 900, "method": card})
    await box.settle()
    quoted = await quote(customer, {shop.offer: 2})
    card = {
        "provider": "test",
        "token": await box.token("4242424242424242"),
        "credits": {"minor": 700, "currency": "USD"},
    }
    placed = await customer.ok("POST", "/orders", {"quoteId": quoted["id"], "payment": card})
    await box.settle()
    listed = await shop.owner.ok("GET", "/orders")
    part = next(one for one in listed["items"] if one["orderId"] == placed["orderId"])
    body = {
        "vendorOrderId": part["id"],
        "reason": "Half of it is missing.",
        "amount": {"minor": 500, "currency": "USD"},
    }
    await staff.ok("POST", "/payments/refund", body)
    await box.settle()
    return part


async def need_named(town: Town, *words: str) -> None:
    """Some finding has all these words in it."""
    found = await proving.prove_all(town.box.runtime)
    assert any(all(word in line for word in words) for line in found), found


async def test_an_untouched_market_adds_up(town: Town) -> None:
    assert await proving.prove_all(town.box.runtime) == []


# Table, change, which row ($1 is the vendor order), and what names it in the finding.
CASES = [
    ("ledger.transfers", "minor = minor + 1", "reference = $1 AND code = 'capture'", "altered"),
    ("ledger.accounts", "credits = credits + 1", "owner = $1 AND kind = 'escrow'", "{part}"),
    ("orders.lines", "amount = amount + 1", "vendor_order_id = $1", "{number}"),
    ("orders.lines", "quantity = quantity + 1", "vendor_order_id = $1", "{number}"),
    ("orders.vendor_orders", "total = total + 1", "id = $1", "{number}"),
    ("orders.vendor_orders", "commission = commission + 1, net = net - 1", "id = $1", "{number}"),
    ("payouts.earnings", "net = net + 1, gross = gross + 1", "vendor_order_id = $1", "{number}"),
    (
        "payouts.earnings",
        "net = net + 1, commission = commission - 1",
        "vendor_order_id = $1",
        "earning",
    ),
    ("settlement.balances", "total = total + 1", "vendor_order_id = $1", "settlement"),
]


@pytest.mark.parametrize("order", ["paid_out", "part_refunded", "fresh"])
@pytest.mark.parametrize(("table", "change", "where", "word"), CASES)
async def test_a_changed_amount_of_an_order(
    town: Town, table: str, change: str, where: str, word: str, order: str
) -> None:
    part = town.orders[order]
    async with town.changed(table, change, where, UUID(part["id"])):
        named = word.format(part=part["id"], number=part["number"].rsplit("-", 1)[0])
        await need_named(town, named)
    assert await proving.prove_all(town.box.runtime) == []


async def test_a_changed_stock(town: Town) -> None:
    offer = UUID(town.shop.offer)
    async with town.changed("inventory.stock", "on_hand = on_hand + 1", "offer_id = $1", offer):
        await need_named(town, str(offer), "on hand")
    assert await proving.prove_all(town.box.runtime) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("minor = minor + 1, captured_minor = captured_minor + 1", "captured"),
        ("refunded_minor = refunded_minor + 1", "refunded"),
    ],
)
async def test_a_changed_payment(town: Town, change: str, word: str) -> None:
    order_id = UUID(town.orders["fresh"]["orderId"])
    async with town.changed("payments.payments", change, "reference = $1", order_id):
        await need_named(town, word)
    assert await proving.prove_all(town.box.runtime) == []


async def test_a_changed_platform_account(town: Town) -> None:
    """Both sides of a made-up entry: each account by itself is wrong, and the sum is not."""
    account = await town.fetchval(
        "SELECT id FROM ledger.accounts WHERE kind = 'clearing' ORDER BY debits DESC LIMIT 1"
    )
    async with town.changed("ledger.accounts", "debits = debits + 1", "id = $1", account):
        await need_named(town, str(account), "clearing")
    assert await proving.prove_all(town.box.runtime) == []


async def test_a_payment_that_is_not_ours_any_more(town: Town) -> None:
    """Money without an order."""
    payment = await town.fetchval(
        "SELECT id FROM payments.payments WHERE reference = $1",
        UUID(town.orders["fresh"]["orderId"]),
    )
    change = f"reference = '{uuid4()}'"
    async with town.changed("payments.payments", change, "id = $1", payment):
        await need_named(town, str(payment), "there is no order")
    assert await proving.prove_all(town.box.runtime) == []


async def test_a_payout_that_nobody_paid(town: Town) -> None:
    payout = await town.fetchval("SELECT id FROM payments.disbursements WHERE status = 'paid'")
    change = "status = 'failed'"
    async with town.changed("payments.disbursements", change, "id = $1", payout):
        await need_named(town, str(payout))
    assert await proving.prove_all(town.box.runtime) == []


async def test_goods_of_nobody(town: Town) -> None:
    """A reservation without its checkout, and an order without its goods."""
    checkout = UUID(town.orders["fresh"]["orderId"])
    async with town.changed("checkout.checkouts", "state = 'undone'", "id = $1", checkout):
        await need_named(town, str(reservation_of(checkout)), "belongs to no checkout")
    reservation = reservation_of(checkout)
    change = "state = 'released', offers = '{}', quantities = '{}', warehouses = '{}'"
    async with town.changed("inventory.reservations", change, "id = $1", reservation):
        await need_named(town, str(reservation))
    assert await proving.prove_all(town.box.runtime) == []


@pytest.mark.parametrize("name", plants.MODULES)
async def test_each_invariant_of_a_module_finds_what_breaks_it(town: Town, name: str) -> None:
    runtime = town.box.runtime
    module = next(one for one in runtime.modules if one.name == name.partition(".")[0])
    assert module.prove is not None
    async with town.planted(plants.MODULES[name]):
        found = await module.prove(runtime.databases[module.name], 50)
        assert any(line.startswith(f"{name}: ") for line in found), found
        assert await proving.prove_all(runtime)
    assert await proving.prove_all(runtime) == []


@pytest.mark.parametrize("name", plants.CROSSWISE)
async def test_each_invariant_between_modules_finds_what_breaks_it(town: Town, name: str) -> None:
    async with town.planted(plants.CROSSWISE[name]):
        await need_named(town, f"{name}: ")
    assert await proving.prove_all(town.box.runtime) == []


def test_every_invariant_has_its_plant() -> None:
    named = {
        f"{module.name}.{name}" for module in all_modules() for name in proving.names_of(module)
    }
    assert named == set(plants.MODULES)
    assert {check.__name__ for check in CHECKS} == set(plants.CROSSWISE)


async def test_a_head_noted_down_earlier_is_looked_for(town: Town) -> None:
    proof = await proving.proof_of(town.box.runtime)
    assert proof.findings == []
    assert proof.invariants >= 20
    assert proof.head is not None
    head = f"{proof.head.hash}@{proof.head.position}"
    assert (await proving.proof_of(town.box.runtime, [head])).findings == []
    beyond = f"{proof.head.hash}@{proof.head.position + 1}"
    other = f"{'0' * 64}@{proof.head.position}"
    found = await proving.proof_of(town.box.runtime, [beyond, other])
    assert [line.partition(":")[0] for line in found.findings] == ["ledger.head"] * 2
    assert found.head is None
    for wrong in ("", proof.head.hash, f"{proof.head.hash}@0", f"{proof.head.hash}@x"):
        with pytest.raises(Invalid):
            await proving.proof_of(town.box.runtime, [wrong])


async def test_what_an_event_on_its_way_will_settle_is_open_in_a_market_at_rest(town: Town) -> None:
    runtime = town.box.runtime
    row = (
        "INSERT INTO settlement.outbox (event_id, type, key, envelope) VALUES ($1, 'x', 'x', '{}')"
    )
    connection = await asyncpg.connect(town.url)
    name, plant = next(iter(plants.CROSSWISE.items()))
    await town.box.settle()
    try:
        async with town.planted(plant):
            for _ in range(300):
                proof = await proving.proof_of(runtime, at_rest=True)
                if not proof.open:  # nothing is on its way that would mend it
                    break
                await asyncio.sleep(0.1)  # this market is at work: a timer may have said something
            assert proof.findings
            assert not proof.open
            # What the relay takes before an outbox: nobody does as long as it is held here.
            await connection.execute("SELECT pg_advisory_lock(hashtextextended('settlement', 1))")
            await connection.execute(row, uuid4())
            assert (await proving.proof_of(runtime)).findings  # a market at work has gone on by now
            proof = await proving.proof_of(runtime, at_rest=True)
            assert not proof.findings
            assert all(line.startswith(f"{name}: ") for line in proof.open)
            assert proof.head is None
        own, broken = next(iter(plants.MODULES.items()))
        async with town.planted(broken):
            proof = await proving.proof_of(runtime, at_rest=True)
            assert any(line.startswith(own) for line in proof.findings)
    finally:
        await connection.execute("DELETE FROM settlement.outbox WHERE type = 'x'")
        await connection.close()


async def test_a_finding_names_its_invariant_entry_and_order(town: Town) -> None:
    part = town.orders["fresh"]["id"]
    where = "reference = $1 AND code = 'capture'"
    entry = await town.fetchval(f"SELECT id FROM ledger.transfers WHERE {where}", UUID(part))
    async with town.changed("ledger.transfers", "minor = minor + 1", where, UUID(part)):
        await need_named(town, "ledger.transfers: ", str(entry), "capture", part)
    assert await proving.prove_all(town.box.runtime) == []
