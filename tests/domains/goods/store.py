"""An inventory to try things on: its database, catalogue and clock."""

from uuid import UUID, uuid4

from haat.domains.goods.inventory.api import Line
from haat.domains.goods.inventory.service import InventoryService
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from tests.domains.goods.doubles import FakeCatalog, clock, system


class Store:
    """A service with a clock and a catalogue of its own."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.catalog = FakeCatalog()
        self.clock: SettableClock = clock()
        self.ctx: Context = system(self.clock)
        self.inventory = InventoryService(db, self.catalog)

    async def offer(self, on_hand: int, vendor_id: UUID | None = None, sku: str = "SKU") -> UUID:
        offer_id = self.catalog.add(vendor_id or uuid4(), sku)
        await self.inventory.set_on_hand(self.ctx, id=uuid4(), offer_id=offer_id, on_hand=on_hand)
        return offer_id

    async def hold(self, offer_id: UUID, quantity: int = 1, ttl_s: int = 60) -> UUID:
        id = uuid4()
        await self.inventory.reserve(self.ctx, id=id, lines=lines(offer_id, quantity), ttl_s=ttl_s)
        return id

    async def left(self, offer_id: UUID) -> int:
        [found] = await self.inventory.available(self.ctx, offers=[offer_id])
        return found.available

    async def counts(self, offer_id: UUID) -> tuple[int, int]:
        [stock] = await self.inventory.stock_of(self.ctx, offers=[offer_id])
        return stock.on_hand, stock.reserved


def lines(offer_id: UUID, quantity: int = 1) -> list[Line]:
    return [Line(offer_id=offer_id, quantity=quantity)]
