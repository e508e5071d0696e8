"""The proof of orders stays in step with their number, also when nothing is wrong with any."""

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from haat.domains.trade.orders import proof
from haat.domains.trade.orders.service import OrdersService
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import (
    FakeMarket,
    FakeShipping,
    caught_up,
    draft,
    signer,
    system,
)

COPIES = 3_000
LOOKED_AT = 30 * COPIES  # rows, in all steps of a plan; nested loops come to millions
# A table, and which of its columns name an order, a part or a line.
TABLES = {
    "orders": ("id", "number"),
    "vendor_orders": ("id", "order_id", "number"),
    "lines": ("id", "vendor_order_id"),
    "order_list": ("id", "number"),
    "part_list": ("id", "order_id", "number"),
}
COLUMNS = """
SELECT column_name AS name, data_type AS kind FROM information_schema.columns
 WHERE table_schema = 'orders' AND table_name = $1 AND is_identity = 'NO'
   AND is_generated = 'NEVER'"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def many(database_of: DatabaseOf, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """One order, copied row by row."""
    db = await database_of("orders")
    orders = OrdersService(db, FakeMarket(), FakeShipping(), signer())
    await orders.create(system, draft=draft())
    await caught_up(orders)
    connection = await asyncpg.connect(database_url)
    for table, own in TABLES.items():
        values = {}
        for name, kind in await connection.fetch(COLUMNS, table):
            copied = f"md5({name}::text || n)::uuid" if kind == "uuid" else f"{name} || '-' || n"
            values[name] = copied if name in own else name
        await connection.execute(
            f"INSERT INTO orders.{table} ({', '.join(values)}) SELECT {', '.join(values.values())}"
            f" FROM orders.{table} CROSS JOIN generate_series(1, {COPIES}) n"
        )
    await connection.execute("ANALYZE")
    yield connection
    await connection.close()


def looked_at(plan: Any) -> int:
    """How many rows this step of a plan and those below it took into their hands."""
    rows = plan["Actual Rows"] + plan.get("Rows Removed by Join Filter", 0)
    own = rows * plan["Actual Loops"]
    return int(own) + sum(looked_at(one) for one in plan.get("Plans", []))


@pytest.mark.parametrize("name", proof.INVARIANTS)
async def test_no_step_looks_at_each_order_for_each_order(
    name: str, many: asyncpg.Connection
) -> None:
    sql = proof._STEPS[name]
    assert await many.fetch(sql, 1) == []
    text = sql.replace("$1", "1")
    told = await many.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}")
    assert looked_at(json.loads(told)[0]["Plan"]) < LOOKED_AT
