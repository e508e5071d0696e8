"""The manifest of inventory."""

from haat.domains.goods.inventory import reactions
from haat.domains.goods.inventory.api import Inventory
from haat.domains.goods.inventory.proof import prove
from haat.domains.goods.inventory.routes import router
from haat.domains.goods.inventory.service import InventoryService
from haat.domains.goods.inventory.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="inventory",
    group="goods",
    contract=Inventory,
    service=InventoryService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    router=router,
    prove=prove,
)
