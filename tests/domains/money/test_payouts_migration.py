"""What was there before lines were kept goes on: read, refunded, paid, and still proven."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from haat.domains.money.ledger.api import Account, Code, Transfer
from haat.domains.money.payouts.api import RefundLine
from haat.engines.sql import Database, open_pool
from haat.engines.sql.migrate import migrated
from haat.engines.sql.revisions import connected, context_of, upgrade_one
from haat.kernel.ids import derive
from haat.kernel.money import Money
from tests import postgres
from tests.domains.money.payers import Bank, FragileLedger, payouts_with
from tests.domains.money.test_payouts import CLOCK, CTX, World, usd

PAYOUTS = migrated("haat.domains.money.payouts")
EARNING = """
INSERT INTO payouts.earnings
       (vendor_order_id, order_id, vendor_id, order_number, currency, gross, commission, tax, net,
        refunded_commission, refunded_tax, refunded_net, stage, escrowed, accrued_commission,
        accrued_tax, accrued_net, created_at, accrued_at, eligible_at)
VALUES (:id, :id, :vendor, 'H-1-A', 'USD', 1080, 30, 80, 970, :r_commission, :r_tax, :r_net, :stage,
        true, :a_commission, :a_tax, :a_net, :at, :done, :done)
"""
REVERSAL = """
INSERT INTO payouts.reversals (refund_id, vendor_order_id, commission, tax, net, after_accrual,
                               posted, created_at)
VALUES (:refund, :id, 3, 8, 97, :late, true, :at)
"""
PAYOUT = """
INSERT INTO payouts.payouts (id, vendor_id, currency, minor, holder, account, status, outcome,
                             requested_at, paid_at, touched_at)
VALUES (:payout, :vendor, 'USD', :minor, 'Ada', '0001', :status, :outcome, :at, :paid, :at)
"""


def downgrade(connection: sa.Connection, to: str) -> None:
    script = ScriptDirectory(PAYOUTS.folder, version_locations=[PAYOUTS.folder])

    def steps(current: Any, _: Any) -> Any:
        return script._downgrade_revs(to, current)

    with connection.begin():
        context = context_of(connection, PAYOUTS, fn=steps)
        with Operations.context(context):
            context.run_migrations()


def old(kind: str, owner: UUID | None = None) -> Account:
    return Account.model_validate({"kind": kind, "owner": owner, "currency": "USD"})


class Old:
    """Writes rows and transfers as they were made before."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.vendor = uuid4()
        self.transfers: list[Transfer] = []

    def move(
        self, id: UUID, debit: Account, credit: Account, minor: int, code: Code, *, pending: bool
    ) -> None:
        self.transfers.append(
            Transfer(
                id=id,
                debit=debit,
                credit=credit,
                minor=minor,
                code=code,
                reference=id,
                pending=pending,
            )
        )

    def earning(self, *, accrued: bool, refunded: bool = False) -> UUID:
        """One sold; with a refund (after its accrual, if it has one)."""
        id, now = uuid4(), CLOCK.now()
        early = refunded and not accrued
        net, commission, tax = (873, 27, 72) if early else (970, 30, 80)
        self.run(
            EARNING,
            id=id,
            vendor=self.vendor,
            r_commission=3 * refunded,
            r_tax=8 * refunded,
            r_net=97 * refunded,
            stage="eligible" if accrued else "pending",
            a_commission=commission * accrued,
            a_tax=tax * accrued,
            a_net=net * accrued,
            at=now,
            done=now if accrued else None,
        )
        escrow, payable = old("escrow", id), old("payable", self.vendor)
        capture = derive(id, "capture")
        self.move(capture, old("clearing"), escrow, 1080, Code.CAPTURE, pending=False)
        sides = ((payable, 970, 97), (old("commission"), 30, 3), (old("tax"), 80, 8))
        refund = uuid4()
        for account, minor, back in sides:
            if accrued:
                kind = derive(id, account.kind)
                self.move(kind, escrow, account, minor, Code.EARNING, pending=False)
            if accrued and refunded:
                kind = derive(refund, account.kind)
                self.move(kind, account, escrow, back, Code.EARNING_REVERSAL, pending=False)
        if refunded:
            self.run(REVERSAL, refund=refund, id=id, late=accrued, at=now)
            self.move(
                derive(refund, "refund"), escrow, old("clearing"), 108, Code.REFUND, pending=False
            )
        return id

    def payout(self, minor: int, status: str) -> UUID:
        id, now = uuid4(), CLOCK.now()
        done = status == "paid"
        self.run(
            PAYOUT,
            payout=id,
            vendor=self.vendor,
            minor=minor,
            status=status,
            outcome=status if done else None,
            at=now,
            paid=now if done else None,
        )
        self.move(
            derive(id, "payout"),
            old("payable", self.vendor),
            old("clearing"),
            minor,
            Code.PAYOUT,
            pending=not done,
        )
        CLOCK.advance(timedelta(seconds=1))
        return id

    def run(self, statement: str, **values: Any) -> None:
        with self.connection.begin():
            self.connection.execute(sa.text(statement), values)


@pytest.fixture
async def opened(
    postgres_url: str, template_url: str
) -> AsyncIterator[tuple[sa.Connection, Callable[[str], Any]]]:
    pools = []
    with (
        postgres.database(postgres_url, template=postgres.name_of(template_url)) as url,
        connected(url) as connection,
    ):

        async def database(name: str) -> Database:
            pools.append(await open_pool(url, size=3, role=f"haat_{name}"))
            return Database(pools[-1], name)

        yield connection, database
        for pool in pools:
            await pool.close()


async def test_old_rows_go_on(
    opened: tuple[sa.Connection, Callable[[str], Any]],
) -> None:
    connection, database = opened
    downgrade(connection, "0001")
    before = Old(connection)
    first = before.earning(accrued=True, refunded=True)
    paid = before.payout(500, "paid")
    before.earning(accrued=True)
    waiting = before.earning(accrued=False, refunded=True)
    asked = before.payout(700, "requested")
    assert upgrade_one(connection, PAYOUTS) == ["payouts 0002", "payouts 0003", "payouts 0004"]

    db, books = await database("payouts"), await database("ledger")
    ledger, bank = FragileLedger(books), Bank()
    world = World(db, books, ledger, bank, payouts_with(db, ledger, bank))
    await ledger.post(CTX, transfers=before.transfers)
    await world.proven()
    vendor = before.vendor
    assert (await world.balance(vendor)).available.minor == 873 + 970 - 500 - 700
    items = (await world.payouts.payout(CTX, id=paid)).items
    assert sorted((item.kind, item.amount.minor) for item in items) == [
        ("earning", 597),
        ("reversal", -97),
    ]
    done = await world.payouts.decide(CTX, id=asked, decision="approve")
    assert done.status == "paid"
    gross = usd(972)
    lines = [RefundLine(line_id=uuid4(), gross=Money(minor=972, currency="USD"))]
    await world.refund(uuid4(), waiting, gross, lines=lines)
    [last] = await world.payouts.forecast(CTX, vendor_order_id=first)
    assert (last.net.minor, last.paid.minor) == (873, 873)
    [ownerless] = await ledger.balances(CTX, accounts=[old("clearing")])
    assert ownerless.minor == 1080 * 2 - 108 - 500 - 700
    await world.proven()
