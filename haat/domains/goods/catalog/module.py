"""The manifest of the catalogue."""

from haat.domains.goods.catalog import reactions
from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.catalog.price_routes import router
from haat.domains.goods.catalog.proof import prove
from haat.domains.goods.catalog.service import CatalogService
from haat.domains.goods.catalog.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="catalog",
    group="goods",
    contract=Catalog,
    service=CatalogService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    router=router,
    prove=prove,
)
