"""A vendor's products as a file, page by page."""

import asyncio
from uuid import UUID

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.imports.api import ExportPart, TooManyRows, Workbook
from haat.domains.goods.imports.formats.writing import csv_of, excel_of, header_row, rows_of
from haat.domains.goods.imports.service.writing import Shelf
from haat.domains.goods.inventory.api import Inventory
from haat.kernel.context import Context

PRODUCTS_AT_ONCE = 100
WORKBOOK_BYTES_MAX = 20 * 1024 * 1024  # of CSV
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Exporting:
    def __init__(self, catalog: Catalog, inventory: Inventory) -> None:
        self._catalog, self._inventory = catalog, inventory

    async def part(self, ctx: Context, vendor_id: UUID, cursor: str | None) -> ExportPart:
        """The next products' rows; the first part begins with the header."""
        page = await self._catalog.own_details(
            ctx, vendor_id=vendor_id, limit=PRODUCTS_AT_ONCE, cursor=cursor
        )
        products = [product for product in page.items if product.status != "archived"]
        offers = {
            offer.id: offer.sku
            for product in products
            for variant in product.variants
            for offer in variant.offers
            if offer.vendor_id == vendor_id
        }
        rows = await self._inventory.stock_of(ctx, offers=list(offers)) if offers else []
        stock = {offers[one.offer_id]: one.on_hand for one in rows}
        shelf = Shelf(await self._catalog.categories(ctx))
        content = header_row() if cursor is None else b""
        content += csv_of(
            row
            for product in products
            for row in rows_of(product, shelf.path(product.category_id), stock)
        )
        return ExportPart(content=content, next=page.next)

    async def workbook(self, ctx: Context, vendor_id: UUID) -> Workbook:
        parts, size, cursor = [], 0, None
        while True:
            part = await self.part(ctx, vendor_id, cursor)
            parts.append(part.content)
            size += len(part.content)
            if size > WORKBOOK_BYTES_MAX:
                raise TooManyRows
            cursor = part.next
            if cursor is None:
                break
        content = await asyncio.to_thread(excel_of, b"".join(parts))
        return Workbook(name="products.xlsx", media_type=XLSX, content=content)
