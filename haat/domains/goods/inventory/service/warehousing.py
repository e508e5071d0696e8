"""Warehouses: a vendor's own, and those where anybody may collect."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from haat.domains.goods.inventory import rules
from haat.domains.goods.inventory.api import (
    Site,
    Warehouse,
    WarehouseDraft,
    WarehouseInUse,
    WarehousesFull,
)
from haat.engines.sql import Database, Sql
from haat.kernel.context import Context
from haat.kernel.errors import NotFound

_SHOWN = """
       id, vendor_id, name, is_default, priority, countries, address, pickup, pickup_note,
       closed_at
  FROM inventory.warehouses
"""
LIST = Sql(f"""
SELECT {_SHOWN}
 WHERE vendor_id = $1 AND closed_at IS NULL
 ORDER BY priority, is_default DESC, created_at, id
""")
PICKUPS = Sql(f"""
SELECT {_SHOWN}
 WHERE id = ANY($1::uuid[]) AND pickup AND closed_at IS NULL
 ORDER BY name, id
""")
SAVE = Sql("""
INSERT INTO inventory.warehouses AS w
       (id, vendor_id, name, is_default, priority, countries, address, pickup, pickup_note,
        created_at)
SELECT $1, $2, $3, $4, $5, $6::text[], $7::jsonb, $8, $9, $10
 WHERE EXISTS (SELECT FROM inventory.warehouses o WHERE o.id = $1)
    OR (SELECT count(*) FROM inventory.warehouses o
         WHERE o.vendor_id = $2 AND o.closed_at IS NULL) < $11
    ON CONFLICT (id) DO UPDATE
   SET name = EXCLUDED.name, priority = EXCLUDED.priority, countries = EXCLUDED.countries,
       address = EXCLUDED.address, pickup = EXCLUDED.pickup, pickup_note = EXCLUDED.pickup_note
 WHERE w.vendor_id = EXCLUDED.vendor_id AND w.closed_at IS NULL
RETURNING *
""")
KNOWN = Sql("SELECT true FROM inventory.warehouses WHERE id = $1")
LOCK = Sql("""
SELECT is_default, closed_at FROM inventory.warehouses
 WHERE id = $1 AND ($2::uuid IS NULL OR vendor_id = $2)
   FOR UPDATE
""")
CLOSE = Sql("""
UPDATE inventory.warehouses w SET closed_at = $2, pickup = false
 WHERE w.id = $1 AND NOT w.is_default
   AND NOT EXISTS (SELECT FROM inventory.stock s WHERE s.warehouse_id = w.id AND s.on_hand > 0)
""")


class Warehousing:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def of_vendor(self, ctx: Context, vendor_id: UUID) -> list[Warehouse]:
        if ctx.caller is None:
            ctx.need_vendor(vendor_id)
        found = [_warehouse(row) for row in await self._db.fetch(LIST, vendor_id)]
        if any(one.is_default for one in found):
            return found
        # Nothing of the vendor was counted yet: the row is made with its first offer, or now when
        # it is changed.
        id = rules.first_warehouse(vendor_id)
        first = Warehouse(id=id, vendor_id=vendor_id, is_default=True, name=rules.FIRST_NAME)
        return [first, *found]

    async def pickup_points(self, ids: list[UUID]) -> list[Warehouse]:
        return [_warehouse(row) for row in await self._db.fetch(PICKUPS, ids)]

    async def save(
        self, ctx: Context, id: UUID, vendor_id: UUID, draft: WarehouseDraft
    ) -> Warehouse:
        ctx.need_vendor(vendor_id)
        rules.check(draft)
        row = await self._db.fetchrow(
            SAVE,
            id,
            vendor_id,
            draft.name,
            id == rules.first_warehouse(vendor_id),
            draft.priority,
            sorted(set(draft.countries)),
            None if draft.address is None else draft.address.model_dump(mode="json"),
            draft.pickup,
            draft.pickup_note,
            ctx.now(),
            rules.WAREHOUSES_MAX,
        )
        if row is None:
            if await self._db.fetchval(KNOWN, id):
                raise NotFound
            raise WarehousesFull
        return _warehouse(row)

    async def close(self, ctx: Context, id: UUID, vendor_id: UUID | None) -> None:
        # Two statements: whoever was putting goods there has ended when the first one has the
        # lock, and the second one sees what became of it.
        async with self._db.begin(ctx) as tx:
            found = await tx.fetchrow(LOCK, id, vendor_id)
            if found is None:
                raise NotFound
            if found["closed_at"] is None and not await tx.execute(CLOSE, id, ctx.now()):
                raise WarehouseInUse


def _warehouse(row: Mapping[str, Any]) -> Warehouse:
    known = dict(row)
    known.pop("created_at", None)
    address = known.pop("address")
    if isinstance(address, str):
        address = json.loads(address)
    return Warehouse(**known, address=None if address is None else Site(**address))
