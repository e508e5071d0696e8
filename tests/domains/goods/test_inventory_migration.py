"""Stock, reservations and movements from before there were warehouses."""

from uuid import uuid4

import sqlalchemy as sa

from haat.domains.goods.inventory.proof import prove
from haat.domains.goods.inventory.service import InventoryService
from haat.engines.sql import Database, open_pool
from haat.engines.sql.migrate import migrated
from haat.engines.sql.revisions import connected, upgrade_one
from tests import postgres
from tests.domains.goods.doubles import FakeCatalog, system
from tests.domains.trade.test_settlement_migration import upgrade_to


async def test_everything_lies_in_the_first_warehouse(postgres_url: str) -> None:
    module = migrated("haat.domains.goods.inventory")
    offer, vendor, held, sold, gone = (uuid4() for _ in range(5))
    given = {"offer": offer, "vendor": vendor, "held": held, "sold": sold, "gone": gone}
    with postgres.database(postgres_url) as url:
        with connected(url) as connection:
            upgrade_to(connection, module, "0001")
            with connection.begin():
                for statement in (
                    "INSERT INTO inventory.stock VALUES"
                    " (:offer, :offer, :vendor, 'SKU', 8, 2, 3, true, now())",
                    "INSERT INTO inventory.movements VALUES"
                    " (gen_random_uuid(), :offer, 10, 'set', NULL, now()),"
                    " (gen_random_uuid(), :offer, -2, 'sale', :sold, now())",
                    "INSERT INTO inventory.reservations VALUES"
                    " (:held, 'promised', ARRAY[:offer], ARRAY[2], now(), NULL, NULL),"
                    " (:sold, 'committed', ARRAY[:offer], ARRAY[2], now(), NULL, now()),"
                    " (:gone, 'released', '{}', '{}', now(), NULL, now())",
                ):
                    connection.execute(sa.text(statement), given)
            upgrade_one(connection, module)
        pool = await open_pool(url, size=2)
        try:
            db = Database(pool, "inventory")
            inventory, ctx = InventoryService(db, FakeCatalog()), system()
            assert await prove(db, 5) == []
            await inventory.commit(ctx, ids=[held])
            [stock] = await inventory.stock_of(ctx, offers=[offer])
            [first] = await inventory.warehouses(ctx, vendor_id=vendor)
            assert (stock.on_hand, stock.reserved, stock.low_at) == (6, 0, 3)
            assert [one.warehouse_id for one in stock.kept] == [first.id]
            moved = await inventory.movements(ctx, offer_id=offer)
            assert {m.warehouse_id for m in moved.items} == {first.id}
            assert await prove(db, 5) == []
        finally:
            await pool.close()
