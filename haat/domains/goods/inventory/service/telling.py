"""What is announced once: offers that fell to their threshold, those that are back, and whether
there is any of an offer at all."""

from collections.abc import Sequence
from uuid import UUID

from haat.domains.goods.inventory.api import BackInStock, StockLow, StockTurned
from haat.domains.goods.inventory.service import counting
from haat.engines.sql import Database, Tx
from haat.kernel.context import Context

BATCH = 500
BATCHES = 2_000  # of what turned, in one run of the timer
_FIRST_ID = UUID(int=0)


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

    async def turned(
        self, ctx: Context, offers: Sequence[UUID] | None = None, after: UUID = _FIRST_ID
    ) -> UUID | None:
        """Announces which of these (None: of all behind `after`), at most BATCH, have come or gone
        since it was said last. Where to go on, None at the end."""
        rows = await self._db.fetch(counting.TURNED, offers, BATCH, after)
        due = [row["offer_id"] for row in rows]
        if due:
            async with self._db.begin(ctx) as tx:
                await self.turned_in(tx, due)
        return due[-1] if len(due) == BATCH else None

    async def turned_in(self, tx: Tx, offers: Sequence[UUID]) -> None:
        """The same of these, in a transaction that is open already."""
        await tx.execute(counting.HOLD, offers)
        rows = await tx.fetch(counting.TELL_TURNED, offers)
        tx.emit(*(StockTurned(**row) for row in rows))

    async def all_turned(self, ctx: Context) -> None:
        """What nobody announced: who changed it died before, or put very many at once."""
        after: UUID | None = _FIRST_ID
        for _ in range(BATCHES):
            if after is None:
                break
            after = await self.turned(ctx, after=after)

    async def watch(self, ctx: Context, offers: list[UUID]) -> None:
        await self._db.execute(counting.WATCH, sorted(set(offers)), ctx.now())

    async def back(self, ctx: Context) -> None:
        """Announces what is watched and can be had again, and watches it no more."""
        async with self._db.begin(ctx) as tx:
            rows = await tx.fetch(counting.TELL_BACK, BATCH)
            tx.emit(*(BackInStock(**row) for row in rows))
