"""The manifest of the catalogue, and its reader of exports for the composition root."""

from haat.domains.goods.catalog import reactions
from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.catalog.proof import prove
from haat.domains.goods.catalog.review_routes import router
from haat.domains.goods.catalog.service import CatalogService
from haat.domains.goods.catalog.shopify import Found
from haat.domains.goods.catalog.shopify import read as read_shopify
from haat.domains.goods.catalog.shopify_rows import Refused
from haat.domains.goods.catalog.tables import metadata
from haat.kernel.module import Module

__all__ = ["MODULE", "Found", "Refused", "read_shopify"]

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
