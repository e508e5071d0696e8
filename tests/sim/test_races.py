"""Everything at once: what conflicts is done at the same moment in two processes, and in the end
the books balance, nothing is stuck, and nobody got anything twice."""

import os
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from haat.domains.money.ledger.api import provider_id
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.wallet.api import Wallet
from tests import postgres
from tests.sim.bad_day import Day
from tests.sim.machine import SETTINGS
from tests.sim.racing import race
from tests.sim.standing import ACCOUNTS
from tests.sim.world import CURRENCY

SEEDS = [int(seed) for seed in os.environ.get("HAAT_RACE_SEEDS", "1 2").split()]
ROUNDS = int(os.environ.get("HAAT_RACE_ROUNDS", "12"))

# Nothing of these may be left when everything has come to rest.
UNENDED = {
    "charges under way": "SELECT count(*) FROM settlement.charges"
    " WHERE state IN ('open', 'captured')",
    "refunds under way": "SELECT count(*) FROM settlement.refunds WHERE state = 'created'",
    "cancellations": "SELECT count(*) FROM settlement.cancellations WHERE due_at IS NOT NULL",
    "disputes": "SELECT count(*) FROM settlement.disputes"
    " WHERE due_at IS NOT NULL OR done IS DISTINCT FROM status",
    "windows": "SELECT count(*) FROM settlement.windows WHERE closed_at IS NULL",
    "refunds at the provider": "SELECT count(*) FROM payments.refunds"
    " WHERE status IN ('created', 'pending')",
    "payments": "SELECT count(*) FROM payments.payments"
    " WHERE void_due OR status = 'created'"
    " OR (status = 'authorized' AND collect = 'now')",
    "disbursements": "SELECT count(*) FROM payments.disbursements"
    " WHERE status IN ('created', 'pending')",
    "payouts": "SELECT count(*) FROM payouts.payouts"
    " WHERE status IN ('reserving', 'approved', 'processing') OR (status = 'refused' AND NOT clear)"
    " OR (outcome IS NOT NULL AND outcome <> status)",
    "reversals": "SELECT count(*) FROM payouts.reversals WHERE NOT posted",
    "charged": "SELECT count(*) FROM payouts.charges WHERE NOT posted",
    "earnings": "SELECT count(*) FROM payouts.earnings WHERE NOT escrowed OR stage = 'accruing'",
    "movements of credits": "SELECT count(*) FROM wallet.moves"
    " WHERE state NOT IN ('done', 'undone')",
    "top-ups": "SELECT count(*) FROM wallet.topups WHERE status IN ('open', 'paid')",
    "withdrawals": "SELECT count(*) FROM wallet.withdrawals"
    " WHERE status IN ('reserving', 'approved', 'processing')",
    "claims": "SELECT count(*) FROM wallet.claims WHERE followed IS DISTINCT FROM verdict",
}
# A cancelled vendor order that was paid keeps nothing, whatever was disputed of it meanwhile.
KEPT = """
SELECT b.vendor_order_id, b.total - b.refunded AS kept
  FROM settlement.balances b JOIN orders.vendor_orders v ON v.id = b.vendor_order_id
 WHERE v.fulfilment IN ('rejected', 'cancelled') AND b.refunded < b.total
"""
UNPAID_FOR = """
SELECT id FROM orders.orders o WHERE NOT EXISTS (
  SELECT 1 FROM settlement.charges c
   WHERE c.order_id = o.id AND c.state IN ('booked', 'waiting'))
   AND EXISTS (SELECT 1 FROM orders.vendor_orders v
                WHERE v.order_id = o.id AND v.fulfilment NOT IN ('rejected', 'cancelled'))
"""


@pytest.fixture(autouse=True)
def market(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_happens_at_once(postgres_url: str, template_url: str, seed: int) -> None:
    template = postgres.name_of(template_url)
    with postgres.database(postgres_url, template=template) as url:
        async with race(url, seed) as running:
            day = Day(running)
            await day.open()
            running.network.bad = True
            for _ in range(ROUNDS):
                await day.round()
            await day.end()
            await check(day)


async def check(day: Day) -> None:
    market = day.race.worlds[0]
    assert not any(day.race.bus.heard.values()), "not every event was heard"
    pool, system = market.pool, market.system()
    for _ in range(3):  # what died at the very last is done by its timer a while later
        left = {name: (await pool.fetch(sql))[0]["count"] for name, sql in UNENDED.items()}
        if not any(left.values()):
            break
        await day.race.rest(timedelta(minutes=30), 2)
    assert not any(left.values()), {name: n for name, n in left.items() if n}
    found = await market.prove()
    found += await market.of(Payouts).reconcile(system, limit=5)
    found += await market.of(Wallet).reconcile(system, limit=5)
    assert not found, found
    assert not await pool.fetch(UNPAID_FOR)
    assert not [tuple(row.values()) for row in await pool.fetch(KEPT)]
    held: Counter[Any] = Counter()
    for row in await pool.fetch(ACCOUNTS):
        held[row["kind"], row["owner"], row["currency"]] += row["credits"] - row["debits"]
    # What the provider took or gave without our order is none of the books': it is given back.
    assert -held["clearing", provider_id("test"), CURRENCY] == day.race.network.balance[CURRENCY]
    assert day.orders, "nothing happened"
