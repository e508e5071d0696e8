"""What the catalogue keeps copies of: products on sale, the tree, the first pages of shelves.

Copies are given to gateways only, for what everybody may see; modules, vendors' teams and staff are
answered from the tables, and so is everything that a price is charged by (`offers`).
"""

from collections.abc import Iterable

from haat.domains.goods.catalog.api import CHANGES, Category, Listing, Product
from haat.engines.cache import Cache
from haat.engines.cache.copies import Copies, Edition, forget
from haat.kernel.context import Context
from haat.kernel.page import Page


class Kept:
    """Every copy, and what goes when something changes."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self.products: Copies[Product] = Copies(cache, "catalog.product", Product)
        self.tree: Edition[list[Category]] = Edition(cache, "catalog.tree", list[Category])
        self.shelves: Edition[Page[Listing]] = Edition(cache, "catalog.shelf", Page[Listing])

    async def product_changed(self, product: Product) -> None:
        """For the writer, after its commit."""
        await forget(self._cache, self._of_products([str(product.id), product.slug]))

    async def products_changed(self, products: Iterable[Product], *, shelves: bool) -> None:
        """The same for many; `shelves`: some stand on others now."""
        names = [name for one in products for name in (str(one.id), one.slug)]
        if names or shelves:
            await forget(self._cache, self._of_products(names))

    async def tree_changed(self) -> None:
        """For the writer, after its commit: products may stand on other shelves."""
        await forget(self._cache, [self.tree.mark, self.shelves.mark])

    async def heard(self, names: Iterable[str]) -> None:
        """For reactions: products with these ids and slugs changed, or the tree did. CacheAway."""
        named = list(names)
        await self._cache.invalidate(self._of_products(named))
        if named:
            await self._cache.publish(CHANGES, " ".join(named))

    def _of_products(self, names: Iterable[str]) -> list[str]:
        """Categories count their products: the tree goes with them."""
        return [*self.products.keys(names), self.tree.mark, self.shelves.mark]


def is_outside(ctx: Context) -> bool:
    """Whether a gateway asks for somebody who is neither staff nor in a vendor's team."""
    return (
        ctx.caller is None
        and ctx.vendor_id is None
        and ctx.actor.type != "system"
        and "staff" not in ctx.scopes
    )
