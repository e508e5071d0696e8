"""What is announced once: offers that fell to their threshold, and those that are back."""

from uuid import UUID

from haat.domains.goods.inventory.api import BackInStock, StockLow
from haat.domains.goods.inventory.service import counting
from haat.engines.sql import Database
from haat.kernel.context import Context

BATCH = 500


class Telling:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def low(self, ctx: Context, offers: list[UUID] | None = None) -> None:
        """Announces what fell to its threshold, once per fall; forgets what recovered."""
        async with self._db.begin(ctx) as tx:
            for row in await tx.fetch(counting.TELL_LOW, BATCH, offers):
                if row["low_told"]:
                    tx.emit(
                        StockLow(
                            offer_id=row["offer_id"],
                            vendor_id=row["vendor_id"],
                            sku=row["sku"],
                            available=max(0, row["available"]),
                            low_at=row["low_at"],
                        )
                    )

    async def watch(self, ctx: Context, offers: list[UUID]) -> None:
        await self._db.execute(counting.WATCH, sorted(set(offers)), ctx.now())

    async def back(self, ctx: Context) -> None:
        """Announces what is watched and can be had again, and watches it no more."""
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(counting.TELL_BACK, BATCH)
            tx.emit(*(BackInStock(**row) for row in rows))
